//! The files that make itself reads and compares: its makefiles, the prerequisites of each rule that
//! ran, and the symvers that makefiles name. kbuild's `.cmd` files only have the inputs of compilers.
//!
//! make writes them to a file when it expands one of our values, at two moments:
//!
//! - When make has read all makefiles, it builds a missing included makefile that has a rule. The
//!   rule's recipe expands to nothing, so that no shell starts.
//! - `.SHELLFLAGS` is expanded for each line of a recipe, with the automatic variables of its target
//!   (GNU make's `construct_command_argv`). Its value stays `-c`. kbuild's recipes have lines that do
//!   nothing, and an object has hundreds of headers to leave out, so only the first line counts.
//!   A target that kbuild has saved no headers for may have several rules (`target:: file`), so each
//!   line counts there.
//!
//! A tree may set `.SHELLFLAGS` itself (`-eu -o pipefail -c`). After make has read the tree's
//! makefiles, ours is put in front of that value.
//!
//! The output of make's `-p` and `--debug` would mix with the messages, and with the input of a
//! Makefile's `$(shell make …)`. A tracer of system calls is not always allowed.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::first_phase::TOP;

/// The inputs that one run of make wrote down. All paths are absolute, and their `..` is kept.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Trace {
    pub(crate) makefiles: Vec<PathBuf>,
    /// The words of `KBUILD_EXTRA_SYMBOLS`.
    pub(crate) symvers: Vec<PathBuf>,
    /// A target whose recipe ran, and one of its prerequisites.
    pub(crate) rules: Vec<(PathBuf, PathBuf)>,
}

/// The lines that have each make write to the file `log`. `put_back` is a script that runs, if it
/// exists, before modpost's make does anything.
pub(super) fn lines(log: &Path, put_back: &Path) -> Vec<u8> {
    let [log, put_back] = [log, put_back].map(|path| path.to_string_lossy());
    // One write for each line: the C library splits long texts, and makes write at the same time.
    let each = |words: &str, line: &str| format!("$(foreach w,{words},$(file >>{log},{line}))");
    let makefiles = each("$(filter-out %.cmd,$(MAKEFILE_LIST))", "M $(CURDIR) $(w)");
    // Only variables that are set are read, because make may warn about undefined variables.
    let is_unset = |name: &str| format!("$(filter undefined,$(origin {name}))");
    let unset = is_unset("KBUILD_EXTRA_SYMBOLS");
    let set = format!("$(if {unset},,$(KBUILD_EXTRA_SYMBOLS))");
    let symvers = each(&set, "E $(CURDIR) $(w)");
    // The headers of an object are in its `.cmd` file.
    let rule = |left_out: &str| {
        let words = format!("$(filter-out FORCE{left_out},$^ $|)");
        each(&words, "P $(CURDIR) $@ $(w)")
    };
    let (rule, object) = (rule(""), rule(" $(deps_$@)"));
    let first = "$(subst <$@>,,<$(kbuild-rs-last)>),$(eval override kbuild-rs-last := $$@)";
    let rules = format!("$(if {},{rule},$(if {first}{object}))", is_unset("deps_$@"));
    // make drops the `./` of a kernel that was built in its source tree.
    let modpost = "$(filter %/scripts/Makefile.modpost scripts/Makefile.modpost,$(MAKEFILE_LIST))";
    let put_back =
        format!("$(if {modpost},$(if $(wildcard {put_back}),$(shell /bin/sh {put_back})))");
    // The default under `.POSIX`, which also sets other variables that make shows.
    let default = "$(if $(filter default-fort77,$(origin FC)-$(FC)),-ec,-c)";
    let flags = "$(if $(findstring kbuild-rs-rules,$(value .SHELLFLAGS)),,\
                 $(eval override .SHELLFLAGS = $$(kbuild-rs-rules)$(value .SHELLFLAGS)))";
    format!(
        "override {TOP} =\n\
         override kbuild-rs-last :=\n\
         override kbuild-rs-rules = $(if $@,$({TOP}){rules})\n\
         -include {log}.none\n\
         {log}.none: ; {flags}{makefiles}{symvers}{put_back}\n\
         .SHELLFLAGS = $(kbuild-rs-rules){default}\n"
    )
    .into_bytes()
}

impl Trace {
    /// The text of a file with these makefiles.
    pub(crate) fn of_makefiles(makefiles: &[PathBuf]) -> Vec<u8> {
        let mut text = Vec::new();
        for makefile in makefiles {
            text.extend_from_slice(b"M / ");
            text.extend_from_slice(makefile.as_os_str().as_bytes());
            text.push(b'\n');
        }
        text
    }

    /// Reads the file that makes wrote.
    pub(crate) fn read(text: &[u8]) -> Trace {
        let mut trace = Trace::default();
        for line in text.split(|&b| b == b'\n') {
            let Some((tag, line)) = line.split_at_checked(2) else {
                continue;
            };
            let Some((line, last)) = cut(line) else {
                continue;
            };
            match tag {
                b"M " => trace.makefiles.push(join(line, last)),
                b"E " => trace.symvers.push(join(line, last)),
                b"P " => {
                    if let Some((cwd, target)) = cut(line) {
                        trace.rules.push((join(cwd, target), join(cwd, last)));
                    }
                }
                _ => {}
            }
        }
        for paths in [&mut trace.makefiles, &mut trace.symvers] {
            paths.sort_unstable();
            paths.dedup();
        }
        trace.rules.sort_unstable();
        trace.rules.dedup();
        trace
    }
}

/// A line without its last word, and its last word.
fn cut(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = line.iter().rposition(|&b| b == b' ')?;
    Some((&line[..at], &line[at + 1..]))
}

fn join(cwd: &[u8], path: &[u8]) -> PathBuf {
    Path::new(OsStr::from_bytes(cwd)).join(OsStr::from_bytes(path))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::fixture::Root;

    #[test]
    fn make_writes_the_files_that_it_reads_and_the_prerequisites_of_its_rules() {
        let root = Root::new();
        let (log, script) = (root.join("log"), root.join("put-back"));
        root.write("watch.mk", lines(&log, &script));
        root.write("sub/more", "KBUILD_EXTRA_SYMBOLS := ../x.symvers\n");
        root.write(
            "sub/Makefile",
            "all: made\n\t@cat made\ninclude more\n-include not-there\n\
             made: in.txt | order\n\t@cp $< $@\n\t@cat $< >> $@\norder: ; @:\n",
        );
        root.write("sub/in.txt", "text\n");
        let make = |args: &[&str]| {
            let mut make = Command::new("make");
            make.current_dir(root.join("sub")).args(args);
            make.env_remove("MAKEFLAGS")
                .env("MAKEFILES", root.join("watch.mk"));
            let output = make.output().unwrap();
            assert!(
                output.status.success() && output.stderr.is_empty(),
                "{output:?}"
            );
            String::from_utf8(output.stdout).unwrap()
        };
        assert_eq!(make(&["--warn-undefined-variables"]), "text\ntext\n");
        let text = std::fs::read(&log).unwrap();
        let trace = Trace::read(&text);
        let sub = |name: &str| root.join("sub").join(name);
        let told = |name: &str| trace.makefiles.contains(&sub(name));
        assert!(told("Makefile") && told("more") && !told("not-there"));
        assert_eq!(trace.symvers, [sub("../x.symvers")]);
        let rule = |target: &str, from: &str| (sub(target), sub(from));
        let expected = [
            rule("all", "made"),
            rule("made", "in.txt"),
            rule("made", "order"),
        ];
        assert_eq!(trace.rules, expected);
        // If there is nothing to do, make writes its makefiles and runs no rule but `all` and
        // `order`.
        std::fs::remove_file(&log).unwrap();
        make(&["order"]);
        assert_eq!(Trace::read(&std::fs::read(&log).unwrap()).rules, []);
    }

    #[test]
    fn an_object_is_told_once_and_each_rule_of_a_double_colon_target() {
        let root = Root::new();
        let log = root.join("log");
        root.write("watch.mk", lines(&log, &root.join("put-back")));
        root.write(
            "Makefile",
            "all: x.o twice\ndeps_x.o := a.h b.h\nx.o: c.c a.h b.h | order.h ; @:\n\t@:\n\t@echo >$@\n\
             twice:: c.c ; @echo >$@\ntwice:: d.c ; @echo >>$@\nc.c d.c a.h b.h order.h: ;\n",
        );
        let mut make = Command::new("make");
        make.current_dir(root.path()).env_remove("MAKEFLAGS");
        make.env("MAKEFILES", root.join("watch.mk"));
        assert!(make.output().unwrap().status.success());
        let text = std::fs::read_to_string(&log).unwrap();
        assert_eq!(text.matches("x.o c.c").count(), 1, "{text}");
        let rule = |target: &str, from: &str| (root.join(target), root.join(from));
        let expected = [
            rule("twice", "c.c"),
            rule("twice", "d.c"),
            rule("x.o", "c.c"),
            rule("x.o", "order.h"),
        ];
        assert_eq!(Trace::read(text.as_bytes()).rules, expected);
    }

    /// The lines of a rule are longer than what the C library writes at once.
    #[test]
    fn makes_that_write_at_the_same_time_tear_no_line() {
        let root = Root::new();
        let log = root.join("log");
        root.write("watch.mk", lines(&log, &root.join("put-back")));
        let files: String = (0..400)
            .map(|n| format!(" a-long-name-of-a-file-{n}.c"))
            .collect();
        let targets = "a b c d e f g h";
        root.write(
            "Makefile",
            format!("all: {targets}\n{targets}: ; @$(MAKE) -f sub.mk t=$@\n"),
        );
        root.write(
            "sub.mk",
            format!("$t-all:{files} ; @:\n{}: ;\n", files.trim()),
        );
        let mut make = Command::new("make");
        make.current_dir(root.path()).env_remove("MAKEFLAGS");
        make.arg("-j8").env("MAKEFILES", root.join("watch.mk"));
        assert!(make.output().unwrap().status.success());
        let text = std::fs::read_to_string(&log).unwrap();
        let start = format!("P {} ", root.path().display());
        let told = text.lines().filter(|line| line.contains("-all "));
        let is_whole = |line: &&str| line.starts_with(&start) && line.ends_with(".c");
        assert_eq!(told.filter(is_whole).count(), 8 * 400);
        assert_eq!(Trace::read(text.as_bytes()).rules.len(), 8 * 400);
    }

    #[test]
    fn flags_for_shells_of_a_tree_stay_and_its_rules_are_told() {
        let root = Root::new();
        let log = root.join("log");
        root.write("watch.mk", lines(&log, &root.join("put-back")));
        let rule = "all: in.txt\n\t@false; echo $- $(.SHELLFLAGS) $<\nin.txt: ;\n";
        for (flags, succeeds) in [
            (".SHELLFLAGS := -euc", false),
            ("X = -uc\n.SHELLFLAGS = $(X)", true),
            (".SHELLFLAGS := $(.SHELLFLAGS)", true),
            (".POSIX:", false),
            ("FC = fort77", true),
            ("SHELL := /bin/bash\n.SHELLFLAGS = -o pipefail -c", true),
        ] {
            let told = |watch: bool| {
                root.write("Makefile", format!("{flags}\n{rule}"));
                let mut make = Command::new("make");
                make.current_dir(root.path()).env_remove("MAKEFLAGS");
                if watch {
                    make.env("MAKEFILES", root.join("watch.mk"));
                }
                make.output().unwrap()
            };
            let (plain, watched) = (told(false), told(true));
            assert_eq!(plain, watched, "{flags}");
            assert_eq!(plain.status.success(), succeeds, "{flags}");
            let trace = Trace::read(&std::fs::read(&log).unwrap());
            let expected = (root.join("all"), root.join("in.txt"));
            assert_eq!(trace.rules, [expected], "{flags}");
            std::fs::remove_file(&log).unwrap();
        }
    }

    #[test]
    fn the_hidden_files_are_back_before_modpost_runs() {
        let root = Root::new();
        root.write("watch.mk", lines(&root.join("log"), &root.join("put-back")));
        root.write(
            "put-back",
            format!(
                "mv {} {}",
                root.join("away").display(),
                root.join("x").display()
            ),
        );
        root.write("away", "");
        root.write(
            "scripts/Makefile.modpost",
            "$(info reads: $(wildcard x))\nall: ; @ls x\n",
        );
        let mut make = Command::new("make");
        make.current_dir(root.path())
            .args(["-f", "./scripts/Makefile.modpost"]);
        make.env_remove("MAKEFLAGS")
            .env("MAKEFILES", root.join("watch.mk"));
        let output = make.output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "reads: \nx\n");
    }

    #[test]
    fn a_line_that_a_tree_writes_into_the_file_cannot_be_misread_as_more_than_a_name() {
        let trace = Trace::read(b"M\nM x\nP /a b\n\nQ /a b c\nP /a b c d\nP ");
        assert_eq!(trace.rules, [("/a b/c".into(), "/a b/d".into())]);
        assert!(trace.makefiles.is_empty() && trace.symvers.is_empty());
    }
}
