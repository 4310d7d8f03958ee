use std::process::Command;

use super::*;
use crate::fixture::Root;
use crate::make::watch::Watch;

/// A kernel's scripts, as short as they may be.
fn scripts() -> Root {
    let root = Root::new();
    let question = QUESTION.replace("; ", ";\t\\\n\t");
    root.write(
        "scripts/Makefile.compiler",
        format!(
            "TMPOUT = $(if $(PLACE),$(PLACE)/).tmp_$$$$\n\
             # try-run = of a comment\n\
             try-run = $(shell set -e;\t\\\n\tTMP=$(TMPOUT)/tmp;\t\\\n\t\
             trap \"rm -rf $(TMPOUT)\" EXIT; mkdir -p $(TMPOUT);\t\\\n\t{question})\n\
             old-enough = $(shell [ $(1)0 -ge 30 ] && echo y)\n"
        ),
    );
    root.write(
        "scripts/Kbuild.include",
        "ifeq ($(intcmp 1,0,,,y),y)\n\
         test-ge = $(intcmp $(strip $1)0, $(strip $2)0,,y,y)\n\
         else\n\
         test-ge = $(shell test $(strip $1)0 -ge $(strip $2)0 && echo y)\n\
         endif\n\
         names := $(shell ls)\n\
         TOOL_TEXT = $(shell tool --version)\n",
    );
    root
}

/// make's expansion of `$(call …)` with the scripts' macros, watched or not.
fn expand(root: &Root, call: &str, watched: bool, more: &[&str]) -> String {
    said(root, &format!("$(info <$(call {call})>)"), watched, more)
}

/// make's output when it reads `line` after the scripts.
fn said(root: &Root, line: &str, watched: bool, more: &[&str]) -> String {
    let scripts = "include scripts/Kbuild.include\ninclude scripts/Makefile.compiler\n";
    root.write("Makefile", format!("{scripts}{line}\nall:;@:\n"));
    let mut make = Command::new("make");
    make.current_dir(root.path()).env("LC_ALL", "C").args(more);
    make.env_remove("MAKEFLAGS");
    if watched {
        let watch = Watch::new(root.path(), root.path(), b"");
        root.write("flags/watch.mk", &watch.text);
        make.env("MAKEFILES", &watch.makefile);
    }
    let output = make.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    match output.status.success() {
        true => text(&output.stdout),
        false => text(&output.stderr),
    }
}

/// The result of `try-run` for a shell command.
fn ask(root: &Root, command: &str) -> String {
    ask_with(root, command, "SHELL=/bin/sh")
}

fn ask_with(root: &Root, command: &str, shell: &str) -> String {
    // A file, because make would end the argument at a comma and expand a dollar.
    root.write("question", command);
    expand(root, "try-run,. ./question,-fyes  -x,-fno", true, &[shell])
}

#[test]
fn an_honest_answer_is_the_one_that_kbuild_gets() {
    let root = scripts();
    for (command, answer) in [
        ("true", "<-fyes  -x>"),
        ("echo 'a warning' >&2", "<-fyes  -x>"),
        ("echo 'cc: unrecognized option -fyes' >&2; exit 1", "<-fno>"),
        ("echo 'some other words' >&2; exit 1", "<-fno>"),
        ("exit 127", "<-fno>"),
        // A launcher's own exit code.
        ("exit 255", "<-fno>"),
    ] {
        assert_eq!(ask(&root, command), answer, "{command}");
        let plain = expand(&root, "try-run,. ./question,-fyes  -x,-fno", false, &[]);
        assert_eq!(plain, answer, "{command}, not watched");
    }
    for (version, answer) in [("3", "<y>"), ("2", "<>")] {
        for name in ["old-enough", "test-ge"] {
            let call = format!("{name},{version},3");
            for watched in [true, false] {
                assert_eq!(
                    expand(&root, &call, watched, &[]),
                    answer,
                    "{call} {watched}"
                );
            }
        }
    }
}

#[test]
fn a_death_is_told_from_a_no_and_ends_make() {
    let root = scripts();
    let (killed, odd) = (
        "cc: fatal error: Killed signal terminated program cc1",
        "an error that nobody has seen before",
    );
    for (command, why) in [
        ("sh -c 'kill -KILL $$'", "signal 9"),
        ("sh -c 'kill -SEGV $$'", "signal 11"),
        (&format!("echo '{killed}' >&2; exit 1"), killed),
        // The command that dies is one of several, and the last one succeeds.
        (&format!("echo '{killed}' >&2"), killed),
        (
            "printf '/tmp/x.s: No space left on device' >&2; exit 1",
            "/tmp/x.s: No space left on device",
        ),
        (
            "echo \"as: can't create x: no reason\" >&2; exit 1",
            "as: can't create x: no reason",
        ),
        (
            &format!("mkdir seen 2>/dev/null || exit 0; echo '{odd}' >&2; exit 1"),
            "it ended with exit code 1, and with 0 when asked again",
        ),
        ("kill -KILL $$", "its shell gave no answer"),
    ] {
        // Other shells describe a signal differently, or print nothing.
        for shell in ["/bin/bash", "/bin/sh"] {
            let said = ask_with(&root, command, &format!("SHELL={shell}"));
            let _ = fs::remove_dir(root.join("seen"));
            let wanted = format!("{DIED} for -fyes -x died: {why}");
            assert!(said.contains(&wanted), "{shell}: {command}: {said}");
        }
    }
    let said = ask(&root, "rm $TMP.said; mkdir $TMP.said; exit 1");
    assert!(said.contains("/tmp.said cannot be written."), "{said}");
    let said = expand(&root, "try-run,true,y", true, &["PLACE=/proc/none"]);
    assert!(said.contains(&format!("{DIED} died: its shell")), "{said}");
}

#[test]
fn a_version_that_nobody_told_ends_make() {
    let root = scripts();
    let said = expand(&root, "old-enough,3; kill -KILL $$$$; [ 1", true, &[]);
    assert!(said.contains(" of a version died: its shell"), "{said}");
    let clang = "CC=ccache /x/clang-19";
    let said = expand(&root, "try-run,true,y", true, &[clang]);
    assert!(said.contains(" for its version died: "), "{said}");
    let with_flags = [clang, "CLANG_FLAGS=-x"];
    assert_eq!(expand(&root, "try-run,true,y", true, &with_flags), "<y>");
    let gcc = "CC=/clang/gcc";
    assert_eq!(expand(&root, "try-run,true,y", true, &[gcc]), "<y>");
}

#[test]
fn a_macro_in_another_form_stays_as_it_is() {
    let root = scripts();
    let names = |root: &Root| {
        let found = definitions(root.path()).into_iter();
        found.map(|(name, _)| name).collect::<Vec<_>>()
    };
    let own = ["kbuild-rs-probe", "kbuild-rs-answer"];
    let all = ["test-ge", "try-run", "old-enough"];
    assert_eq!(names(&root), [&all[..], &own].concat());
    root.write("scripts/Kbuild.include", "");
    root.write(
        "scripts/Makefile.compiler",
        "try-run = $(shell if ($(1)) 2>&1; then echo y; fi)\n",
    );
    assert_eq!(names(&root), Vec::<String>::new());
    root.remove("scripts/Makefile.compiler");
    assert_eq!(names(&root), Vec::<String>::new());
}

#[test]
fn makefiles_see_nothing_of_it() {
    let root = scripts();
    root.write("sub.mk", "$(info $(MAKEFILE_LIST)|$(MAKEFLAGS))\nall:;@:\n");
    let line = "$(info $(MAKEFILE_LIST)|$(MAKEFLAGS)|$(MAKEOVERRIDES)|$(.DEFAULT_GOAL)|)\n\
                default:; @$(MAKE) -rR -f sub.mk; : $(MAKEFLAGS)";
    for more in [&[][..], &["-j2", "A=b"], &["-n"], &["-B"]] {
        let told = |watched| said(&root, line, watched, more);
        assert_eq!(told(true), told(false), "{more:?}");
    }
    assert!(said(&root, line, true, &[]).starts_with("Makefile scripts/Kbuild.include"));
}
