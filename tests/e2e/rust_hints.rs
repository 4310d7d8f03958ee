//! Hints about Rust code that is written for programs, or for modules of other kernels.

use std::fs;

use kbuild_tests::{run, scope};

use crate::rust::{kernels, takes_authors};
use crate::rust_checks::assert_says;
use crate::scene::{Scene, kernel_at};
use crate::support::*;

/// A module without errors, except in the parts that replace these words.
const MODULE: &str = r#"//! Hints.
use kernel::prelude::*;
IMPORTS

module! {
    type: Hello,
    name: "hello",
    AUTHOR,
    description: "Hints",
    license: "GPL",
}

struct Hello;

impl kernel::Module for Hello {
    fn init(_module: &'static ThisModule) -> Result<Self> {
BODY
        Ok(Hello)
    }
}
"#;

fn module(author: &str, imports: &str, body: &str) -> String {
    let text = MODULE.replace("AUTHOR", author);
    text.replace("IMPORTS", imports).replace("BODY", body)
}

/// A kernel's words for these: (the author, an import, and the import of the other lab kernel).
fn words(takes_authors: bool) -> [(&'static str, &'static str); 2] {
    let newer = ("authors: [\"nobody\"]", "use kernel::sync::aref::ARef;");
    let older = ("author: \"nobody\"", "use kernel::types::ARef;");
    match takes_authors {
        true => [newer, older],
        false => [older, newer],
    }
}

/// A body as in a program.
const PROGRAM: &str = r#"
        let mut list: Vec<u8> = Vec::new();
        list.push(1);
        let boxed = Box::new(1);
        let text = String::from("x");
        let text = format!("{text}{boxed}");
        println!("{text}");
        let map = HashMap::<u8, u8>::new();
        kernel::types::clocksource();
        kernel::bindings::clocksource_gone();
        pr_info!("{} {}\n", env!("CARGO_PKG_VERSION"), util::one());
"#;

/// The same with the changes of the hints.
const MENDED: &str = r#"
        let mut list = KVec::new();
        list.push(1, GFP_KERNEL)?;
        let boxed = KBox::new(1, GFP_KERNEL)?;
        let (text, number) = ("x", *boxed);
        let text = kernel::str::CString::try_from_fmt(FMT!("{text}{number}"))?;
        let map = kernel::rbtree::RBTree::<u8, u8>::new();
        let arc = kernel::sync::Arc::new(list.len() + map.iter().count(), GFP_KERNEL)?;
        drop(text);
        pr_info!("{} {} {arc}\n", env!("CARGO_PKG_VERSION"), util::one());
"#;

#[test]
fn rust_of_a_program_or_for_another_kernel_is_explained_and_builds_as_the_hints_say() {
    for kernel in kernels() {
        let [right, wrong] = words(takes_authors(&kernel));
        let (foreign, fmt) = match takes_authors(&kernel) {
            true => ("use kernel::init::PinInit;\n", "fmt"),
            false => ("use pin_init::PinInit;\n", "kernel::fmt"),
        };
        let imports = format!(
            "{}\n{foreign}use std::{{collections::HashMap, fmt::Write}};\n\
             use kernel::{{net::phy::Driver, sync::{{Arc, Mutex}}}};",
            wrong.1
        );
        let files = [
            ("hello.rs", &*module(wrong.0, &imports, PROGRAM)),
            ("util.rs", "pub(crate) fn one() -> u8 {\n    1\n}\n"),
        ];
        let args = ["--name", "hello", "hello.rs", "util.rs"];
        let mut scene = Scene::with(&kernel, &files, &args);
        // Not `refused`, because the kernel's macro panics.
        let said = run::run(&mut scene.command(), LIMIT).unwrap().err();
        let (_, end) = said.split_once("error: cannot build hello").unwrap();
        let [author, import] = [right.0.replace("nobody", "…"), right.1.to_owned()];
        assert_says(
            end,
            &[
                &format!("\n    {author}"),
                &format!("\n    {import}"),
                "It has PinInit at another path (kernel::prelude::* also has it). Import it from \
                 there:\n    use ",
                "kernels built with CONFIG_NET and CONFIG_RUST_PHYLIB_ABSTRACTIONS",
                "no kernel::types::clocksource, and its Rust crates have nothing else of that name",
                "--bindings-item 'clocksource_gone'\n",
                "\n  for Vec: KVec\n      let mut v = KVec::new(); v.push(x, GFP_KERNEL)?;",
                "\n  for Box: KBox\n      KBox::new(x, GFP_KERNEL)?",
                &format!(
                    "\n  for String, format!: kernel::str::CString\n      CString::try_from_fmt({fmt}!("
                ),
                "for HashMap: kernel::rbtree::RBTree",
                "for println!: pr_info!",
                "for std::fmt: core::fmt",
                "\n    --env CARGO_PKG_VERSION=VALUE",
                "\n    mod util;\n\n",
            ],
        );
        assert!(!end.contains("__LOG_PREFIX"), "module! is there: {end}");

        let imports = format!("{}\nuse core::fmt::Write as _;\nmod util;", right.1);
        scene.write(
            "hello.rs",
            &module(right.0, &imports, &MENDED.replace("FMT", fmt)),
        );
        // A CMake or Meson project sets it in this way.
        let version = ["--make-var", "CARGO_PKG_VERSION=1.2.3"];
        scene.args.extend(version.map(str::to_owned));
        scene.build();
        let bytes = fs::read(scene.out.path().join("hello.ko")).unwrap();
        let version = bytes.windows(5).any(|part| part == b"1.2.3");
        assert!(version, "the variable reaches rustc");
    }
}

/// Types and a module with names of the standard library, and messages of rustc in a source.
const OWN: &str = r#"//! A crate without module!.
use kernel::prelude::*;
use alloc::gone;
mod alloc {}
mod own {
    pub(crate) mod deep {
        /// error[E0432]: unresolved import `kernel::types::ARef`
        struct String;
    }
    macro_rules! format {
        () => {};
    }
}
/// error: unknown key "author". Valid keys are: ["authors"].
pub(crate) fn print(text: String) {
    pr_info!("x\n");
    format!();
}
"#;

#[test]
fn names_of_a_crates_own_get_no_hints_and_a_crate_without_module_is_told_so() {
    let Some(kernel) = kernels().into_iter().next() else {
        return;
    };
    let [right, _] = words(takes_authors(&kernel));
    let files = [
        ("hello.rs", &*module(right.0, "", "")),
        ("part.rs", OWN),
        (
            "Kbuild",
            "obj-m := hello_all.o\nhello_all-y := hello.o part.o\n",
        ),
    ];
    let scene = Scene::tree(&kernel, &files);
    let said = refused(&mut scene.command(), 1);
    let (_, end) = said.split_once("error: cannot build").unwrap();
    assert_says(
        end,
        &[
            "\n    mod part;\n",
            "const __LOG_PREFIX: &[u8] = b\"part\\0\";",
        ],
    );
    for wrong in ["standard library", "use kernel::", "authors: ", "CString"] {
        assert!(!end.contains(wrong), "{wrong} in {end}");
    }
}

/// Floating point, and integers of 128 bits.
const NUMBERS: &str = r#"
        let number = core::hint::black_box(7_u64);
        let half = number as f64 * 0.5;
        let wide = u128::from(number) / core::hint::black_box(u128::from(number) + 3);
        pr_info!("{} {}\n", half as u64, wide as u64);
"#;

#[test]
fn hints_name_the_kinds_of_numbers_that_a_kernel_does_not_support() {
    if let Some(kernel) = kernels().into_iter().next() {
        let [right, _] = words(takes_authors(&kernel));
        let files = [("hello.rs", &*module(right.0, "", NUMBERS))];
        let scene = Scene::with(&kernel, &files, &["--name", "hello", "hello.rs"]);
        let said = refused(&mut scene.command(), 1);
        let (_, end) = said.split_once("error: cannot build hello").unwrap();
        let floats = end
            .lines()
            .find(|line| line.contains("floating-point numbers"));
        assert!(floats.unwrap().contains("__muldf3"), "{end}");
        let wide = end.lines().find(|line| line.contains("128-bit integers"));
        assert!(wide.unwrap().contains("calls __udivti3 for "), "{end}");
        assert!(!end.contains("nor any module that"), "{end}");
    }
    let files = [(
        "hello.c",
        "#include <linux/module.h>\nMODULE_LICENSE(\"GPL\");\ndouble half(double number);\n\
         double half(double number) { return number * 0.5; }\n",
    )];
    let scene = Scene::with(&kernel_at(0), &files, &["--name", "hello", "hello.c"]);
    let said = refused(&mut scene.command(), 1);
    assert_says(
        &said,
        &["a module cannot use float and double", "\n    n * 3 / 2"],
    );
}

/// An array on the stack, and on the heap.
const LARGE: &str = "\
        let mut list = [0_u8; 100_000];
        fill(&mut list);
        pr_info!(\"{}\\n\", list[7]);
";
const ON_THE_HEAP: &str = "\
        let mut list = KVec::from_elem(0_u8, 100_000, GFP_KERNEL)?;
        fill(&mut list);
        pr_info!(\"{}\\n\", list[7]);
";

#[test]
fn a_frame_larger_than_the_kernel_allows_is_named_in_rust_and_in_c() {
    const FILL: &str = "#[inline(never)]\nfn fill(list: &mut [u8]) {\n    \
                        list.fill(core::hint::black_box(3));\n}\n";
    for kernel in scope::one_of(1, &kernels()).to_vec() {
        let [right, _] = words(takes_authors(&kernel));
        let files = [
            ("hello.rs", &*module(right.0, FILL, LARGE)),
            (
                "large.c",
                "#include <linux/module.h>\nvoid large(void);\nvoid large(void)\n{\n\
                 \tvolatile char list[5000];\n\n\tlist[0] = 1;\n}\n",
            ),
        ];
        let args = ["--name", "hello", "hello.rs", "large.c"];
        let scene = Scene::with(&kernel, &files, &args);
        let said = scene.build().err();
        let file = scene.path("hello.rs").display().to_string();
        assert_says(
            &said,
            &[
                &format!("warning: in {file}, these functions use more stack than the 2048"),
                "init (1000",
                "\n    let mut buffer = KVec::from_elem(",
                "the frame size of 50",
                "\n    buffer = kmalloc(size, GFP_KERNEL);",
            ],
        );
        scene.is_fresh("the warning is no failure");

        scene.write("hello.rs", &module(right.0, FILL, ON_THE_HEAP));
        let said = scene.build().err();
        assert!(!said.contains("use more stack"), "{said}");
    }
}
