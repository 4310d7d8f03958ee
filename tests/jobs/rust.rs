//! Rust: its compiler takes a token like C's.

use std::process::Command;

use kbuild_tests::{lab, run};

use crate::cell::{Tools, in_shell};
use crate::meeting::Meeting;
use crate::support::{LIMIT, PAHOLE, folder, program, write};

/// The words of `module!` for this kernel.
const MAIN: &str = r#"//! A part with the module's own.
use kernel::prelude::*;

module! { type: Part, name: "@NAME@", authors: ["nobody"], description: "-", license: "GPL", }

struct Part;

impl kernel::Module for Part {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        Ok(Part)
    }
}
"#;

#[test]
fn several_modules_of_rust_and_c_never_have_more_compilers_than_the_outer_make_has_jobs() {
    if let Some(why) = lab::why_not("7.3") {
        println!("not run: {why}");
        return;
    }
    let (tools, kernel) = (Tools::get(), lab::kernel("7.3").unwrap());
    let dir = folder(&[]);
    for (name, first) in [("one", 0), ("two", 4)] {
        let [main, rust, other, c] = [0, 1, 2, 3].map(|part| format!("part{}", first + part));
        let parts = [&main, &rust, &other, &c].map(|part| format!("{part}.o"));
        let kbuild = format!("obj-m := {name}.o\n{name}-y := {}\n", parts.join(" "));
        let function =
            |part: &str| format!("//! A part.\n/// In {part}.\npub fn {part}() -> u32 {{ 1 }}\n");
        let function_in_c = format!("int {name}_c(void);\nint {name}_c(void) {{ return 1; }}\n");
        let module = dir.path().join("module").join(name);
        write(
            &module,
            &[
                ("Kbuild", &kbuild),
                (&format!("{main}.rs"), &MAIN.replace("@NAME@", name)),
                (&format!("{rust}.rs"), &function(&rust)),
                (&format!("{other}.rs"), &function(&other)),
                (&format!("{c}.c"), &function_in_c),
            ],
        );
    }
    write(dir.path(), &[("module/Kbuild", "obj-m := one/ two/\n")]);

    // There are twice as many parts as jobs, so they meet in two rounds and none is left over.
    let meeting = Meeting::of(4, &kernel);
    let mut build = Command::new(program());
    build.arg("build").arg(dir.path().join("module"));
    build.arg("-o").arg(dir.path().join("out"));
    build.arg("--kernel").arg(&kernel.kdir);
    build.arg("--cc").arg(meeting.compiler());
    build.arg("--rustc").arg(meeting.rustc(&kernel));
    build.args(["--make-var", PAHOLE]);
    let makefile = format!("all:\n\t+{}\n.PHONY: all\n", in_shell(&build));
    write(dir.path(), &[("Makefile", &makefile)]);
    let mut make = Command::new(tools.any_make());
    make.arg("-j4").arg("-C").arg(dir.path());
    let output = run::checked(make.env_remove("MAKEFLAGS"), LIMIT).unwrap();
    assert_eq!(meeting.most(), 4, "{}", output.err());
    assert_eq!(meeting.arrived().len(), 8, "{}", output.err());
}
