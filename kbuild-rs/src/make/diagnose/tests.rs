use super::signals::tells_of_a_signal;
use super::*;

fn told(line: &str) -> String {
    let mut diagnosis = Diagnosis::default();
    let know = Knowledge {
        release: "6.1.0".into(),
        ..Knowledge::default()
    };
    diagnosis.hear(line, Level::Error, &know);
    text_of(&diagnosis, &know)
}

fn text_of(diagnosis: &Diagnosis, know: &Knowledge) -> String {
    let Summary { quoted, explained } = diagnosis.summary(know);
    quoted + &explained
}

#[test]
fn the_original_line_is_kept_and_explained() {
    let text = told("ERROR: modpost: \"ring_push\" [/s/hello.ko] undefined!");
    assert!(text.contains("[/s/hello.ko] undefined!"), "{text}");
    assert!(
        text.contains("ring_push is exported neither by the kernel 6.1.0"),
        "{text}"
    );
    assert!(
        told("ERROR: modpost: missing MODULE_LICENSE() in x.o").contains("MODULE_LICENSE(\"GPL\")")
    );
    assert!(told("/bin/sh: 1: pahole: not found").contains("package dwarves"));
    assert!(told("make[2]: gcc-10: No such file or directory").contains("program gcc-10"));
}

#[test]
fn modposts_words_are_understood_in_their_new_form_too() {
    let text = told("ERROR: modpost: hello.ko: symbol 'ring_push' undefined!");
    assert!(text.contains("ring_push is exported neither"), "{text}");
    let text = told(
        "ERROR: modpost: hello.ko: module uses symbol 'a' from namespace 'RING', but does not \
         import it.",
    );
    assert!(text.contains("MODULE_IMPORT_NS(RING);"), "{text}");
}

#[test]
fn a_symbol_for_certain_modules_is_told_from_a_namespace_that_can_be_imported() {
    for line in [
        "ERROR: modpost: u.ko: module uses symbol 'ring' from namespace 'module:a,b', but does not \
         import it.",
        "ERROR: modpost: module u uses symbol ring from namespace module:a,b, but does not import \
         it.",
        "ERROR: modpost: u.ko: explicitly importing namespace 'module:a,b' is not allowed.",
    ] {
        let text = told(line);
        assert!(text.contains("EXPORT_SYMBOL_FOR_MODULES: a,b"), "{text}");
        assert!(!text.contains("add MODULE_IMPORT_NS"), "{text}");
    }
}

#[test]
fn an_object_without_its_cmd_file_is_explained_and_any_other_missing_file_is_not() {
    let text = told("/s/sub/.blob.o.cmd: No such file or directory");
    assert!(text.contains("/s/sub/blob.o has none"), "{text}");
    assert!(text.contains("touch $(@D)/.blob.o.cmd"), "{text}");
    let text = told("cat: /s/.x.o.cmd: No such file or directory");
    assert!(!text.contains("touch"), "{text}");
}

#[test]
fn rust_of_the_kernels_own_is_told_from_what_nobody_exports() {
    let text = told("ERROR: modpost: \"_RNvNtCsb5M_6kernel5print11call_printk\" [h.ko] undefined!");
    assert!(text.contains("Rust of the kernel 6.1.0 itself"), "{text}");
    assert!(!text.contains("exported neither"), "{text}");
    let text = told("/bin/sh: 1: /k/scripts/gendwarfksyms/gendwarfksyms: not found");
    assert!(text.contains("is a part of the kernel tree"), "{text}");
}

#[test]
fn what_another_rustc_or_a_kernel_without_rust_gives_is_explained() {
    for line in [
        "error[E0463]: can't find crate for `core`",
        "error[E0514]: found crate `core` compiled by an incompatible version of rustc",
        "error: Error loading target specification: Field target-pointer-width in target",
        "error: error loading target specification: target-pointer-width: invalid type",
        "error: target file \"./rust/target.json\" does not exist",
    ] {
        assert!(
            told(line).contains("the rustc that built the kernel 6.1.0"),
            "{line}"
        );
    }
}

#[test]
fn a_tool_that_a_signal_ended_is_noticed() {
    for line in [
        "Killed",
        "/bin/sh: line 1: 4242 Killed                  pahole -J",
        "make[3]: *** [scripts/Makefile.build:250: x.o] Error 137",
        "gcc-12: fatal error: Killed signal terminated program cc1",
        "Segmentation fault (core dumped)",
        "scripts/gen.sh: line 12:  77 Segmentation fault      (core dumped) x",
        "/bin/sh: 1: Cannot fork",
        "bash: fork: Resource temporarily unavailable",
    ] {
        assert!(tells_of_a_signal(line), "{line}");
    }
    for line in [
        "make[3]: *** [x.o] Error 1",
        "a.c:1:2: error: 'Killed' undeclared",
        "  CC [M]  Killed.o",
        "   12 |         pr_info(\"it was Killed by us\");",
        "a.c:3: note: Aborted",
        "bash: fork: retry: Resource temporarily unavailable",
        "   12 |         sh: 1: Cannot fork",
        "make[3]: *** [x.o] Error 255",
    ] {
        assert!(!tells_of_a_signal(line), "{line}");
    }
}

#[test]
fn a_probe_that_died_is_explained_and_cuts_the_build_off() {
    let mut diagnosis = Diagnosis::default();
    let know = Knowledge::default();
    let line = "/k/Makefile:3: *** kbuild-rs: the compiler probe for -fx died: signal 9.  Stop.";
    assert_eq!(diagnosis.hear(line, Level::Error, &know), None);
    assert!(diagnosis.was_cut_off());
    let summary = text_of(&diagnosis, &know);
    assert!(summary.contains(line), "{summary}");
    assert!(summary.contains("then build again"), "{summary}");
}

#[test]
fn btf_skipped_is_said_to_be_no_error_once() {
    let mut diagnosis = Diagnosis::default();
    let know = Knowledge::default();
    let line = "Skipping BTF generation for x.ko due to unavailability of vmlinux";
    let hint = diagnosis.hear(line, Level::Plain, &know).unwrap();
    assert!(hint.contains("not an error"), "{hint}");
    assert_eq!(diagnosis.hear(line, Level::Plain, &know), None);
}

#[test]
fn what_is_only_a_warning_is_explained_at_once() {
    let mut diagnosis = Diagnosis::default();
    let know = Knowledge::default();
    let mut hear = |line| diagnosis.hear(line, Level::Warning, &know);
    let hint = hear("WARNING: modpost: missing MODULE_LICENSE() in x.o").unwrap();
    assert!(hint.contains("MODULE_LICENSE(\"GPL\")"), "{hint}");
    assert_eq!(hear("WARNING: modpost: \"x\" [x.ko] undefined!"), None);
    assert_eq!(text_of(&diagnosis, &know), "");
}

#[test]
fn functions_of_compilers_are_explained_beside_symbols_that_nobody_exports() {
    let mut diagnosis = Diagnosis::default();
    let know = Knowledge::default();
    for symbol in [
        "ring_push",
        "__udivdi3",
        "__muldf3",
        "__divdi3",
        "__udivti3",
    ] {
        let line = format!("ERROR: modpost: \"{symbol}\" [x.ko] undefined!");
        diagnosis.hear(&line, Level::Error, &know);
    }
    let text = text_of(&diagnosis, &know);
    for wanted in [
        "\n\nring_push is exported neither",
        "\n\n__muldf3: a compiler calls these for floating-point",
        "\n\n__divdi3, __udivdi3: a compiler calls these to divide 64-bit",
        "\n\n__udivti3: a compiler calls these for 128-bit",
    ] {
        assert!(text.contains(wanted), "{text}");
    }
}

#[test]
fn undefined_symbols_are_explained_together() {
    let mut diagnosis = Diagnosis::default();
    let know = Knowledge::default();
    for number in 0..8 {
        let line = format!("ERROR: modpost: \"s{number}\" [x.ko] undefined!");
        diagnosis.hear(&line, Level::Error, &know);
    }
    let text = text_of(&diagnosis, &know);
    assert!(
        text.contains("s0, s1, s2, s3, s4, s5 and 2 more are"),
        "{text}"
    );
    assert_eq!(text.matches("exported neither").count(), 1);
}

#[test]
fn the_rules_that_failed_are_named_only_where_nothing_else_is() {
    let mut diagnosis = Diagnosis::default();
    let know = Knowledge::default();
    let rule = "make[1]: *** [scripts/Makefile.build:255: a.o] Error 1";
    diagnosis.hear(rule, Level::Error, &know);
    assert!(text_of(&diagnosis, &know).contains(rule));
    diagnosis.hear("a.c:1:2: error: x", Level::Error, &know);
    assert_eq!(text_of(&diagnosis, &know), "\n  a.c:1:2: error: x");
}

#[test]
fn every_form_of_a_cause_has_its_explanation() {
    for (line, wanted) in [
        (
            "error: Cannot generate ORC metadata for CONFIG_UNWINDER_ORC=y, please install \
          libelf-dev, libelf-devel or elfutils-libelf-devel",
            "headers of libelf",
        ),
        (
            "elf.h:8:10: fatal error: gelf.h: No such file or directory",
            "headers of libelf",
        ),
        (
            "FATAL: modpost: GPL-incompatible module x.ko uses GPL-only symbol 'y'",
            "EXPORT_SYMBOL_GPL",
        ),
        (
            "ERROR: modpost: module x uses symbol y from namespace NS, but does not import it.",
            "MODULE_IMPORT_NS(NS);",
        ),
        (
            "error: the following would cause module name conflict:",
            "two modules of one name",
        ),
        (
            "FATAL: modpost: parse error in symbol dump file",
            "Module.symvers is damaged",
        ),
        (
            "*** The present kernel configuration has modules disabled.",
            "CONFIG_MODULES",
        ),
        (
            "*** The present kernel disabled CONFIG_MODULES.",
            "CONFIG_MODULES",
        ),
        (
            "a.c:1:10: fatal error: x.h: No such file or directory",
            "header x.h",
        ),
        ("/bin/sh: 1: gcc-10: not found", "program gcc-10"),
        (
            "fixdep: error opening file: /s/sp: No such file or directory",
            "rename the one",
        ),
        ("as: x.o: No space left on device", "disk is full"),
        (
            "a.c:4:1: error: the frame size of 5008 bytes is larger than 2048 bytes \
             [-Werror=frame-larger-than=]",
            "kmalloc(size",
        ),
        (
            "a.c:4:1: error: stack frame size (5008) exceeds limit (2048) in 'x' \
             [-Werror,-Wframe-larger-than]",
            "kmalloc(size",
        ),
        (
            "/bin/sh: 1: scripts/basic/fixdep: Exec format error",
            "built for another machine",
        ),
        (
            "resolve_btfids: /lib/libc.so.6: version `GLIBC_2.38' not found (required by x)",
            "newer C library",
        ),
        (
            "a.c:1:9: fatal error: x.h: Too many open files",
            "ulimit -n",
        ),
        (
            "fixdep: not all data was written to the output",
            "disk is full",
        ),
    ] {
        let text = told(line);
        assert!(text.contains(wanted), "{line}: {text}");
    }
}
