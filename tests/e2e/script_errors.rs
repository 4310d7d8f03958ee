//! The output of `cargo build` when a build script fails: short, in order, complete, and with the
//! place in the source.

use kbuild_tests::lab::LabKernel;

use crate::support::project::{Project, any_kernel, edit, manifest};
use crate::support::{HELLO, write};

fn hello() -> Project {
    Project::new(&[
        (
            "Cargo.toml",
            &(manifest("errors", "", "") + "[workspace]\n"),
        ),
        (
            "build.rs",
            "fn main() { kbuild::Build::new().file(\"module/hello.c\").compile(\"hello\"); }\n",
        ),
        ("src/main.rs", "fn main() {}\n"),
        ("module/hello.c", HELLO),
    ])
}

/// The script's output, without the parts that differ between kernels: kbuild's steps, and the
/// rules of the kernel's makefiles that make names after each error.
fn said(project: &Project, kernel: &LabKernel) -> String {
    let all = project.fails_saying(&mut project.cargo_for(kernel));
    let (_, shown) = all.split_once("(exit status: 1)\n").unwrap();
    // If the script used standard output, Cargo would print every directive first.
    let mut text = shown.strip_prefix("  --- stderr\n").unwrap().to_owned();
    let dir = std::fs::canonicalize(&project.dir).unwrap();
    text = text.replace(dir.to_str().unwrap(), "@");
    text = text.replace(&kernel.release, "RELEASE");
    let is_step = |line: &str| {
        let mut words = line.split_whitespace();
        let verb = words.next().unwrap_or_default();
        line.starts_with("    ") && ["CC", "LD", "MODPOST", "AR"].contains(&verb)
    };
    let is_rule = |line: &str| line.trim_start().starts_with("make") && line.contains("*** [");
    text.lines()
        .filter(|line| !is_step(line) && !is_rule(line))
        .filter(|line| !line.contains("note: building for RELEASE; the running kernel is "))
        // Cargo indents a script's output.
        .map(|line| format!("{}\n", line.strip_prefix("  ").unwrap_or(line)))
        .collect()
}

#[test]
fn the_errors_of_a_script_are_short_and_point_at_the_source() {
    let project = hello();
    a_missing_kernel_is_named_with_the_way_to_find_one(&project);
    a_c_error_is_the_compilers_own_and_then_the_line_that_matters(&project);
    an_undefined_symbol_gives_modposts_own_line_and_its_meaning(&project);
    a_source_that_is_not_there_is_named(&project);
}

fn a_missing_kernel_is_named_with_the_way_to_find_one(project: &Project) {
    let nowhere = LabKernel {
        kdir: "/nonexistent/linux".into(),
        ..any_kernel()
    };
    assert_eq!(
        said(project, &nowhere),
        "
error: the variable KDIR: the kernel tree /nonexistent/linux does not exist. To see the kernel \
         trees of this machine, run
    kbuild-rs kernels

"
    );
}

fn a_c_error_is_the_compilers_own_and_then_the_line_that_matters(project: &Project) {
    write(
        &project.dir,
        &[(
            "module/hello.c",
            "#include <linux/module.h>\n\nint hello(void)\n{\n\treturn 0\n}\n",
        )],
    );
    assert_eq!(
        said(project, &any_kernel()),
        "@/module/hello.c: In function 'hello':
@/module/hello.c:5:17: error: expected ';' before '}' token
    5 |         return 0
      |                 ^
      |                 ;
    6 | }
      | ~                

error: cannot build hello for RELEASE: make failed with exit code 2
  @/module/hello.c:5:17: error: expected ';' before '}' token

"
    );
}

fn an_undefined_symbol_gives_modposts_own_line_and_its_meaning(project: &Project) {
    let text = HELLO.replace(
        "static int __init hello_init(void) {",
        "extern int elsewhere(void);\nstatic int __init hello_init(void) { elsewhere();",
    );
    write(&project.dir, &[("module/hello.c", &text)]);
    let said = said(project, &any_kernel());
    let (lines, meaning) = said.rsplit_once("undefined!\n\n").unwrap();
    assert_eq!(
        lines,
        "ERROR: modpost: \"elsewhere\" [@/hello.ko] undefined!

error: cannot build hello for RELEASE: make failed with exit code 2
  ERROR: modpost: \"elsewhere\" [@/hello.ko] "
    );
    // The kernel and the symbol, three lines to check, and the setting for another module's
    // symvers.
    assert_eq!(meaning.trim_end().lines().count(), 5, "{meaning}");
    for part in ["elsewhere", "RELEASE", "Build::symvers"] {
        assert!(meaning.contains(part), "{meaning}");
    }
}

fn a_source_that_is_not_there_is_named(project: &Project) {
    edit(&project.dir.join("build.rs"), "hello.c", "hallo.c");
    assert_eq!(
        said(project, &any_kernel()),
        "\nerror: the source @/module/hallo.c does not exist\n\n"
    );
}
