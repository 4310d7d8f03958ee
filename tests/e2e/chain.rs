//! A workspace of three crates in a chain: `base`, `middle` that uses it, `top` that uses both and
//! only depends on `middle`. Each has a module with symbols for the next one.

use crate::support::project::{Project, manifest};
use crate::support::write;

pub(crate) const CRATES: [&str; 3] = ["base", "middle", "top"];

const BASE: &str = r#"
#include <linux/module.h>
#include <base.h>
int base_value(void) { return 1; }
EXPORT_SYMBOL_GPL(base_value);
MODULE_DESCRIPTION("base");
MODULE_LICENSE("GPL");
"#;

const MIDDLE: &str = r#"
#include <linux/module.h>
#include <base.h>
#include <middle.h>
int middle_value(void) { return 10 + base_value(); }
EXPORT_SYMBOL_GPL(middle_value);
MODULE_DESCRIPTION("middle");
MODULE_LICENSE("GPL");
"#;

const TOP: &str = r#"
#include <linux/module.h>
#include <base.h>
#include <middle.h>
static int __init top_init(void)
{
	pr_info("top: %d\n", 100 * base_value() + middle_value());
	return 0;
}
static void __exit top_exit(void) { }
module_init(top_init);
module_exit(top_exit);
MODULE_DESCRIPTION("top");
MODULE_LICENSE("GPL");
"#;

/// The chain, each crate with a build statement such as `.compile(…)`.
pub(crate) fn chain(compile: &str) -> Project {
    let project = Project::new(&[
        (
            "Cargo.toml",
            "[workspace]\nmembers = [\"base\", \"middle\", \"top\"]\nresolver = \"3\"\n",
        ),
        ("base/Cargo.toml", &manifest("base", "links = \"base\"", "")),
        (
            "middle/Cargo.toml",
            &manifest(
                "middle",
                "links = \"middle\"",
                "[dependencies]\nbase = { path = \"../base\" }",
            ),
        ),
        (
            "top/Cargo.toml",
            &manifest(
                "top",
                "",
                "[dependencies]\nmiddle = { path = \"../middle\" }",
            ),
        ),
        ("base/src/lib.rs", ""),
        ("middle/src/lib.rs", ""),
        ("top/src/main.rs", "fn main() {}\n"),
        ("base/module/base.c", BASE),
        ("middle/module/middle.c", MIDDLE),
        ("top/module/top.c", TOP),
        ("base/include/base.h", "int base_value(void);\n"),
        ("middle/include/middle.h", "int middle_value(void);\n"),
    ]);
    for name in CRATES {
        let include = if name == "top" {
            ""
        } else {
            ".include(\"include\")"
        };
        let script = format!(
            "fn main() {{ kbuild::Build::new().file(\"module/{name}.c\"){include}\
             .{compile}(\"{name}\"); }}\n"
        );
        write(&project.dir, &[(&format!("{name}/build.rs"), &script)]);
    }
    project
}
