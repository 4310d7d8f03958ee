//! Failures of a build: kbuild's message is kept, and its meaning is added.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use kbuild::Kernel;
use kbuild_tests::lab::{self, LabKernel};
use kbuild_tests::scope;
use tempfile::TempDir;

use crate::scene::{kernel_at, oldest_and_newest};
use crate::support::*;

/// A module tree of one file.
fn tree(text: &str) -> TempDir {
    folder(&[("hello.c", text), ("Kbuild", "obj-m := hello.o\n")])
}

/// The output of a failing build, with each error of a compiler or of modpost once.
fn fails(kernel: &LabKernel, source: &Path, out: &Path, args: &[&str]) -> String {
    let mut command = build(kernel, out);
    let text = refused(command.arg(source).args(args), 1);
    assert!(text.contains("error: cannot build "), "{text}");
    assert!(!text.contains("/.kbuild/"), "{text}");
    let mut errors: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|l| is_error(l))
        .collect();
    let all = errors.len();
    errors.sort_unstable();
    errors.dedup();
    assert_eq!(errors.len(), all, "{text}");
    text
}

fn is_error(line: &str) -> bool {
    ["error: ", "ERROR: ", "FATAL: ", "*** "]
        .iter()
        .any(|word| line.contains(word))
}

#[track_caller]
fn assert_says(text: &str, wanted: &[&str]) {
    for word in wanted {
        assert!(text.contains(word), "no `{word}` in\n{text}");
    }
}

const RING: &str = r#"
#include <linux/module.h>
#include <linux/version.h>
int ring_push(int x);
int ring_push(int x) { return x; }
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
EXPORT_SYMBOL_NS_GPL(ring_push, "RING");
#else
EXPORT_SYMBOL_NS_GPL(ring_push, RING);
#endif
int ring_pop(void);
int ring_pop(void) { return 0; }
EXPORT_SYMBOL(ring_pop);
MODULE_LICENSE("GPL");
"#;

const USER: &str = r#"
#include <linux/module.h>
int ring_push(int x);
int ring_pop(void);
#ifdef TYPO
int rign_peek(void);
#endif
static int __init user_init(void) {
#ifdef TYPO
    rign_peek();
#endif
    return ring_push(ring_pop());
}
module_init(user_init);
MODULE_LICENSE("GPL");
"#;

#[test]
fn an_undefined_symbol_names_the_module_that_exports_it_and_a_namespace_its_import() {
    let dir = folder(&[
        ("ring/ring.c", RING),
        ("ring/Kbuild", "obj-m := ring.o\n"),
        ("user/hello.c", USER),
        ("user/Kbuild", "obj-m := hello.o\nccflags-y := $(FLAGS)\n"),
    ]);
    let user = dir.path().join("user");
    for kernel in scope::kernels(0).unwrap() {
        let out = tempfile::tempdir().unwrap();
        built(build(&kernel, out.path()).arg(dir.path().join("ring")));
        let symvers = fs::canonicalize(out.path()).unwrap().join("ring.symvers");
        let symvers = symvers.to_str().unwrap();
        let text = fails(&kernel, &user, out.path(), &["--make-var", "FLAGS=-DTYPO"]);
        assert_says(
            &text,
            &[
                "ERROR: modpost: \"ring_push\" [",
                "hello.ko] undefined!",
                "ring_pop, ring_push are exported by the module ring, ",
                &format!("Add it:\n    --symvers {symvers}\n(Build::symvers"),
                "in CMake, link to its target; in Meson, name it in depends:)",
                &format!(
                    "neither the kernel {} nor any module that this build knows exports rign_peek",
                    kernel.release
                ),
            ],
        );
        let text = fails(&kernel, &user, out.path(), &["--symvers", symvers]);
        assert_says(
            &text,
            &[
                "uses symbol ring_push from namespace RING, but does not import it",
                "\n    MODULE_IMPORT_NS(\"RING\");\n",
                "\n    MODULE_IMPORT_NS(RING);",
            ],
        );
    }
}

#[test]
fn a_missing_license_is_explained_whether_the_kernel_takes_it_for_an_error_or_not() {
    let source = tree("#include <linux/module.h>\nint hello_x;\n");
    for kernel in oldest_and_newest() {
        let out = tempfile::tempdir().unwrap();
        let mut command = build(&kernel, out.path());
        let output = kbuild_tests::run::run(command.arg(source.path()), LIMIT).unwrap();
        let text = output.err();
        assert_says(
            &text,
            &["missing MODULE_LICENSE() in ", "MODULE_LICENSE(\"GPL\");"],
        );
        match output.status.code() {
            // 5.10 only warns.
            Some(0) => assert_says(&text, &["hint: every module must declare its license"]),
            code => assert_eq!(code, Some(1), "{text}"),
        }
    }
}

#[test]
fn a_gpl_only_symbol_in_a_proprietary_module_is_explained() {
    let source = tree(
        "#include <linux/module.h>\n#include <linux/kobject.h>\n\
         static int __init hello_init(void) { return !kobject_create_and_add(\"x\", kernel_kobj); }\n\
         module_init(hello_init);\nMODULE_LICENSE(\"Proprietary\");\n",
    );
    for kernel in scope::kernels(0).unwrap() {
        let out = tempfile::tempdir().unwrap();
        let text = fails(&kernel, source.path(), out.path(), &[]);
        assert_says(
            &text,
            &[
                "GPL-incompatible module hello.ko uses GPL-only symbol 'ko",
                "EXPORT_SYMBOL_GPL exports this symbol, ",
                "Dual MIT/GPL",
            ],
        );
        assert_eq!(text.matches("EXPORT_SYMBOL_GPL").count(), 1, "{text}");
    }
}

#[test]
fn a_header_or_a_source_that_is_missing_is_explained() {
    let header = tree("#include \"../common/nosuch.h\"\n");
    let source = folder(&[("Kbuild", "obj-m := nosuch.o\n")]);
    for kernel in scope::kernels(0).unwrap() {
        let out = tempfile::tempdir().unwrap();
        let text = fails(&kernel, header.path(), out.path(), &[]);
        assert_says(
            &text,
            &[
                "hello.c:1:10: fatal error: ../common/nosuch.h: No such file or directory",
                "the header ../common/nosuch.h was not found",
                "--tree-root",
            ],
        );
        let text = fails(&kernel, source.path(), out.path(), &[]);
        assert_says(
            &text,
            &[
                "No rule to make target ",
                "neither that file nor a source for it",
            ],
        );
        assert!(
            text.contains(source.path().join("nosuch.o").to_str().unwrap()),
            "{text}"
        );
    }
}

#[test]
fn the_kernels_compiler_that_is_not_here_is_named_with_those_that_are() {
    // One of the lab's kernels was built with a compiler that this machine does not have.
    let kernels = lab::kernels().unwrap();
    let Some(kernel) = kernels.into_iter().find(|kernel| kernel.cc.is_some()) else {
        println!("not run: every kernel's own compiler is here");
        return;
    };
    // `PATH` has one gcc, and a clang that the message must not recommend.
    let path = path_without(|name| {
        ["gcc-", "clang"].iter().any(|kind| name.starts_with(kind)) && !name.contains('+')
    });
    let clang = path.path().join("clang-19");
    fs::write(&clang, "#!/bin/false\n").unwrap();
    fs::set_permissions(&clang, fs::Permissions::from_mode(0o755)).unwrap();
    let (source, scratch) = (tree(HELLO), tempfile::tempdir().unwrap());
    let out = scratch.path().join("out");
    let without = LabKernel {
        cc: None,
        ..kernel.clone()
    };
    let call = || {
        let mut command = build(&without, &out);
        command.arg(source.path()).env("PATH", path.path());
        command
    };
    let text = refused(&mut call(), 1);
    let wanted = Kernel::open(&kernel.kdir).unwrap();
    let program = wanted.compiler().text.split(' ').next().unwrap();
    assert_says(
        &text,
        &[
            &format!("was built with {program}"),
            "is not installed. Install it:",
            "or use one that is installed (gcc: ",
            "clang-19: ",
            "--cc gcc\n",
            "(Build::cc(\"gcc\")",
            program,
        ],
    );
    assert!(!out.exists());
    // The proposed choice works.
    built(call().env("KBUILD_RS_CC", "gcc"));
}

/// A `PATH` with links to all programs except some.
fn path_without(left_out: impl Fn(&str) -> bool) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for folder in std::env::split_paths(&std::env::var_os("PATH").unwrap()) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if !left_out(&entry.file_name().to_string_lossy()) {
                // The first program with a name counts.
                let _ = symlink(entry.path(), dir.path().join(entry.file_name()));
            }
        }
    }
    dir
}

#[test]
fn a_missing_pahole_is_explained_and_a_missing_vmlinux_is_not_an_error() {
    let source = tree(HELLO);
    let path = path_without(|name| name == "pahole");
    for kernel in oldest_and_newest() {
        let tree = Kernel::open(&kernel.kdir).unwrap();
        if !tree.has_btf() {
            continue;
        }
        let out = tempfile::tempdir().unwrap();
        if tree.vmlinux().is_none() {
            let output = built(build(&kernel, out.path()).arg(source.path()));
            let text = output.err();
            assert_says(
                &text,
                &[
                    "Skipping BTF generation for ",
                    "hint: \"Skipping BTF generation\" is not an error",
                ],
            );
            assert_eq!(text.matches("is not an error").count(), 1, "{text}");
            continue;
        }
        let mut command = build(&kernel, out.path());
        command.arg(source.path()).env("PATH", path.path());
        let text = refused(&mut command, 1);
        assert_says(
            &text,
            &[
                "pahole: not found",
                "pahole is missing",
                "\n    apt install pahole\n",
            ],
        );
        assert!(modules(out.path()).is_empty());
        if scope::is_full() {
            built(build(&kernel, out.path()).arg(source.path()));
        }
    }
}

#[test]
fn a_compiler_that_a_signal_ends_fails_the_build_and_the_next_one_is_right() {
    for kernel in scope::kernels(0).unwrap() {
        let source = folder(&[
            ("Kbuild", "obj-m := hello.o\nhello-y := main.o half.o\n"),
            ("main.c", HELLO),
            ("half.c", "int half(void);\nint half(void) { return 2; }\n"),
        ]);
        let tools = tempfile::tempdir().unwrap();
        let (mark, wrapper) = (tools.path().join("mark"), tools.path().join("cc"));
        let cc = kernel.cc.clone().unwrap_or_else(|| {
            let tree = Kernel::open(&kernel.kdir).unwrap();
            tree.compiler().text.split(' ').next().unwrap().to_owned()
        });
        // The compiler dies after it has written half of half.o.
        let script = format!(
            "#!/bin/sh\ncase \"$*\" in *half.o*) if [ -e {} ]; then\n\
             while [ $# -gt 1 ] && [ \"$1\" != -o ]; do shift; done\n\
             echo half > \"$2\"; kill -SEGV $$; fi;; esac\n\
             exec {cc} \"$@\"\n",
            mark.display()
        );
        fs::write(&wrapper, script).unwrap();
        fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).unwrap();
        let with = LabKernel {
            cc: Some(wrapper.to_str().unwrap().to_owned()),
            ..kernel.clone()
        };
        let clean = tempfile::tempdir().unwrap();
        built(build(&with, clean.path()).arg(source.path()));
        fs::write(&mark, "").unwrap();
        let out = tempfile::tempdir().unwrap();
        let text = fails(&with, source.path(), out.path(), &[]);
        assert_says(&text, &["half.o] Error 139"]);
        assert!(modules(out.path()).is_empty());
        fs::remove_file(&mark).unwrap();
        built(build(&with, out.path()).arg(source.path()));
        assert_same_modules(&modules(out.path()), &modules(clean.path()), kernel.name);
    }
}

#[test]
fn a_warning_that_quotes_a_word_of_the_shells_is_not_a_failure() {
    let source = tree(&format!(
        "{HELLO}\nstatic int unused = sizeof(\"it was Killed or Aborted by us\");\n\
         #warning Segmentation fault\n"
    ));
    let out = tempfile::tempdir().unwrap();
    let output = built(build(&kernel_at(0), out.path()).arg(source.path()));
    assert_says(
        &output.err(),
        &[
            "it was Killed or Aborted by us",
            "#warning Segmentation fault",
        ],
    );
}
