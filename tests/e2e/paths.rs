//! The paths of sources and output directories: a module only contains the path of the sources.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use kbuild_tests::lab::LabKernel;
use kbuild_tests::run;
use kbuild_tests::scope;

use crate::scene::kernel_at;
use crate::support::*;

/// A module whose object files name their sources in every possible way.
const FILES: [(&str, &str); 4] = [
    (
        "Kbuild",
        "obj-m := where.o\nwhere-y := main.o sub/low.o\nccflags-y := -g\nasflags-y := -g\n",
    ),
    (
        "main.c",
        "#include <linux/module.h>\n#include \"sub/here.h\"\nint low(void);\n\
         static int __init where_init(void)\n{\n\tWARN_ON(low() == 3);\n\
         \tpr_info(\"%s %s\\n\", __FILE__, here());\n\treturn 0;\n}\n\
         static void __exit where_exit(void) {}\nmodule_init(where_init);\n\
         module_exit(where_exit);\nMODULE_LICENSE(\"GPL\");\n",
    ),
    (
        "sub/here.h",
        "static inline const char *here(void) { return __FILE__; }\n",
    ),
    (
        "sub/low.S",
        "#include <linux/linkage.h>\n#include <asm/linkage.h>\n\t.text\n\
         SYM_FUNC_START(low)\n\tmovl $4, %eax\n\tRET\nSYM_FUNC_END(low)\n\
         \t.section .rodata, \"a\"\n\t.asciz __FILE__\n",
    ),
];

/// The two forms in which a call names the sources.
const FORMS: [&[&str]; 2] = [
    &["."],
    &[
        "--name",
        "where",
        "main.c",
        "sub/low.S",
        "--cflag=-g",
        "--asflag=-g",
    ],
];

/// The differences between modules of sources at two paths, after the paths themselves are
/// replaced.
const DIFFERENT: [(&str, &str); 2] = [
    ("--strip-debug", "the linker sorts strings by their hashes"),
    (
        "--remove-section=.note.gnu.build-id",
        "a hash of all the rest",
    ),
];

fn ours(kernel: &LabKernel, source: &Path, out: &Path, form: &[&str]) -> BTreeMap<String, Vec<u8>> {
    let mut command = build(kernel, out);
    built(command.args(form).current_dir(source));
    modules(out)
}

/// The module without the texts in [`DIFFERENT`], and with one path replaced by another.
fn comparable(module: &[u8], from: &Path, to: &Path) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("where.ko");
    fs::write(&file, module).unwrap();
    let mut objcopy = Command::new("objcopy");
    objcopy.args(DIFFERENT.map(|(flag, _)| flag)).arg(&file);
    run::checked(&mut objcopy, LIMIT).unwrap();
    let mut bytes = fs::read(&file).unwrap();
    let [from, to] = [from, to].map(|path| path.to_str().unwrap().as_bytes());
    assert_eq!(from.len(), to.len());
    for at in 0..bytes.len().saturating_sub(from.len()) {
        if bytes[at..].starts_with(from) {
            bytes[at..at + to.len()].copy_from_slice(to);
        }
    }
    bytes
}

#[test]
fn a_module_shows_the_path_of_its_sources_and_no_other() {
    let kernel = kernel_at(1);
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| fs::canonicalize(scratch.path()).unwrap().join(name);
    let (source, other) = (at("source/one"), at("source/two"));
    write(&source, &FILES);
    for (number, form) in FORMS.iter().enumerate() {
        let outs: [PathBuf; 3] =
            ["a", "much/longer/path/of/b", "c"].map(|name| at(&format!("out{number}")).join(name));
        let first = ours(&kernel, &source, &outs[0], form);
        let module = &first["where.ko"];
        assert!(trap::holds(
            module,
            at("source/one/main.c").to_str().unwrap().as_bytes()
        ));
        for hidden in [".kbuild/", "out0", "out1"] {
            assert!(
                !trap::holds(module, hidden.as_bytes()),
                "{form:?}: {hidden}"
            );
        }
        // The same path, other files, another output directory.
        fs::rename(&source, at("gone")).unwrap();
        copy(&at("gone"), &source);
        let second = ours(&kernel, &source, &outs[1], form);
        assert_same_modules(&second, &first, "another output directory");
        fs::remove_dir_all(at("gone")).unwrap();
        // Another path.
        copy(&source, &other);
        let third = ours(&kernel, &other, &outs[2], form);
        assert!(
            comparable(&third["where.ko"], &other, &source) == comparable(module, &source, &source),
            "{form:?}: another source path shows elsewhere"
        );
        if scope::is_full() && number == 0 {
            for shown in [&source, &other] {
                let plain = plain_modules(&kernel, shown, "", shown, &[]);
                let ours = if shown == &source { &first } else { &third };
                assert_same_modules(ours, &plain, "plain make");
            }
        }
        fs::remove_dir_all(&other).unwrap();
    }
}
