//! Modules in Rust: with a provider in C, with their own C, in a tree; and the files for editors.

use std::fs;

use kbuild_tests::scope;
use serde_json::Value;

use crate::project::*;
use crate::support::*;

const NOTHING: [&str; 0] = [];

const LISTS: &str = "\
project('rusty', meson_version: '>=1.0')

kbuild = import('kbuild')
kernel = kbuild.kernel(rustc: get_option('rustc'))
cfgs = kernel.release().version_compare('>=6.15') ? ['several_authors'] : []

ring = kbuild.module('ring', 'ring.c', include_directories: 'include', kernel: kernel)
kbuild.module('mixed', 'src/mixed_main.rs', 'src/helper.c',
  rust_cfgs: cfgs,
  bindings: 'src/helper.h',
  bindings_items: 'ring_push',
  depends: ring,
  kernel: kernel,
)
kbuild.module('old', kbuild: 'old', rust_cfgs: cfgs, kernel: kernel)

# A program in Rust, of which Meson itself tells editors.
if add_languages('rust', native: false, required: get_option('program'))
  executable('program', 'program.rs')
endif
";

/// A module for both kernels of the lab. `NAME` stands for the name of `TYPE`.
const MODULE: &str = r#"//! One of several files.
use kernel::prelude::*;

mod inner;

#[cfg(several_authors)]
module! {
    type: TYPE,
    name: "NAME",
    authors: ["nobody"],
    description: "Rust",
    license: "GPL",
}
#[cfg(not(several_authors))]
module! {
    type: TYPE,
    name: "NAME",
    author: "nobody",
    description: "Rust",
    license: "GPL",
}

struct TYPE;

impl kernel::Module for TYPE {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        pr_info!("{} {}\n", inner::WORD, inner::number());
        Ok(TYPE)
    }
}
"#;

const FILES: &[(&str, &str)] = &[
    ("meson.build", LISTS),
    (
        "meson_options.txt",
        "option('rustc', type: 'string')\noption('program', type: 'feature')\n",
    ),
    (
        "ring.c",
        "#include <linux/module.h>\n#include <ring.h>\n\
         int ring_push(int value) { return value; }\n\
         EXPORT_SYMBOL_GPL(ring_push);\nMODULE_LICENSE(\"GPL\");\n",
    ),
    ("include/ring.h", "int ring_push(int value);\n"),
    (
        "src/inner.rs",
        "mod c { include!(env!(\"HELPER_BINDINGS\")); }\n\
         pub(crate) const WORD: &str = \"the first word\";\n\
         // SAFETY: They take numbers and change nothing.\n\
         pub(crate) fn number() -> i32 { unsafe { c::ring_push(c::helper()) } }\n",
    ),
    ("src/helper.h", "#include <ring.h>\nint helper(void);\n"),
    (
        "src/helper.c",
        "#include \"helper.h\"\nint helper(void) { return 7; }\n",
    ),
    ("old/Kbuild", "obj-m := old.o\n"),
    (
        "old/inner.rs",
        "pub(crate) const WORD: &str = \"an old word\";\n\
         pub(crate) fn number() -> i32 { 3 }\n",
    ),
    ("program.rs", "fn main() {}\n"),
];

fn module(name: &str) -> String {
    MODULE.replace("NAME", name).replace("TYPE", "Rusty")
}

fn holds(project: &Project, product: &str, text: &str) -> bool {
    let module = fs::read(project.out(product)).unwrap();
    module.windows(text.len()).any(|at| at == text.as_bytes())
}

/// The roots of the project's own crates, by their file names.
fn crates(project: &Project, file: &str) -> Vec<String> {
    let text = fs::read(project.out(file)).unwrap();
    let described: Value = serde_json::from_slice(&text).unwrap();
    let crates = described["crates"].as_array().unwrap().iter();
    let own = crates.filter(|one| one["is_workspace_member"] != false);
    own.map(|one| {
        let root = one["root_module"].as_str().unwrap();
        root.rsplit('/').next().unwrap().to_owned()
    })
    .collect()
}

#[test]
fn an_edit_of_a_crates_inner_module_rebuilds_its_dependents_and_nothing_else() {
    let pairs = [(CORNERS[0], "6.12-rust"), (CORNERS[1], "7.3")];
    for &(with, name) in scope::one_of(0, &pairs) {
        let Some(kernel) = kernel_called(name) else {
            continue;
        };
        let project = Project::for_kernel(with, &kernel, FILES);
        write(
            &project.source(),
            &[
                ("src/mixed_main.rs", &module("mixed")),
                ("old/old.rs", &module("old")),
            ],
        );
        project.set_up(&[]);
        assert_eq!(project.builds(), ["mixed", "old", "ring"], "{with:?}");
        assert_eq!(project.builds(), NOTHING, "{with:?}");
        let info = kbuild::ModuleInfo::read(project.out("mixed.ko")).unwrap();
        assert_eq!(info.depends, ["ring"]);
        assert_eq!(info.authors, ["nobody"]);
        assert!(holds(&project, "mixed.ko", "the first word"), "{with:?}");

        project.edit("src/inner.rs", "first", "second");
        assert_eq!(project.builds(), ["mixed"], "{with:?}");
        assert!(holds(&project, "mixed.ko", "the second word"), "{with:?}");
        project.edit("old/inner.rs", "an old", "an older");
        assert_eq!(project.builds(), ["old"], "{with:?}");
        assert!(holds(&project, "old.ko", "an older word"), "{with:?}");
        // bindgen reads this header for Rust.
        project.edit("include/ring.h", "int ring_push", "extern int ring_push");
        assert_eq!(project.builds(), ["mixed", "ring"], "{with:?}");
        assert_eq!(project.builds(), NOTHING, "{with:?}");

        // A module has one file, and Meson's own file is about programs.
        assert_eq!(crates(&project, "rust-project.json"), ["program.rs"]);
        for (product, root) in [("mixed.ko", "mixed_main.rs"), ("old.ko", "old.rs")] {
            let file = format!("{product}.p/kbuild-out/rust-project.json");
            assert_eq!(crates(&project, &file), [root], "{with:?}");
        }
    }
}

#[test]
fn a_rustc_that_the_project_names_is_the_one_that_the_kernel_has_to_take() {
    let Some(kernel) = kernel_called("7.3") else {
        return;
    };
    let project = Project::for_kernel(CORNERS[1], &kernel, FILES);
    write(
        &project.source(),
        &[("src/mixed_main.rs", &module("mixed"))],
    );
    project.set_up(&["-Dprogram=disabled", "-Drustc=/no/such/rustc"]);
    let output = kbuild_tests::run::run(&mut project.ninja(&["mixed.ko"]), LIMIT).unwrap();
    let said = output.out() + &output.err();
    assert!(!output.status.success(), "{said}");
    let wanted = "RUSTC=/no/such/rustc: there is no such program";
    assert!(said.contains(wanted), "{said}");
    assert!(!project.out("rust-project.json").exists());
}
