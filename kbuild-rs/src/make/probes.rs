//! The questions that kbuild asks compilers and linkers ("do you take this flag?"), and how
//! kbuild-rs notices a question without an honest answer.
//!
//! kbuild discards the tool's output and treats every failure as a "no". So if a compiler is
//! killed, runs out of memory, or has no space for its temporary file, kbuild leaves the flag out,
//! and the build succeeds with different bytes. All of these questions use one macro of kbuild,
//! `try-run`. kbuild-rs gives make another definition of it, which it derives from the kernel
//! tree's own text. That definition starts the same processes, keeps the tool's output, and ends
//! make if the output shows that the tool died.
//!
//! The definitions are in the makefile that every make reads first ([`crate::make::watch`]). On
//! make's command line they would be in `MAKEFLAGS`, which makefiles pass to shells.
//!
//! # Decisions
//!
//! - A wrapper in `PATH` instead would miss a compiler that is named by its path, and would cost a
//!   process for each question. A `try-run` with an unknown text stays unchanged.
//! - The tool's output decides whether it died: a compiler driver ends with exit code 1 both if cc1
//!   was killed and if it refused the flag. A tool with unknown output is asked again.

#[cfg(test)]
mod tests;

use std::fs;
use std::path::Path;

/// The beginning of make's message about a probe that died.
pub(super) const DIED: &str = "*** kbuild-rs: the compiler probe";

/// The forms of an honest "no". If a tool fails with other words, it is asked again.
const REFUSALS: &[&str] = &[
    "nrecognized",
    "nknown",
    "support",
    "o such instruction",
    "nvalid",
    "unused",
];

/// Words of tools and shells that could not do their work. A first letter that may be a capital is
/// left out. `try-run` only asks about flags and instructions, so an honest answer has none of
/// these words.
const DEATHS: &[&str] = &[
    // Signals, in the words of shells, gcc's driver and clang's driver.
    "Killed",
    "Terminated",
    "egmentation fault",
    "Bus error",
    "llegal instruction",
    "loating point exception",
    "Aborted",
    "Trace/breakpoint trap",
    "ignal terminated program",
    "due to signal",
    "limit exceeded",
    "core dumped",
    // Internal errors of the tool.
    "nternal compiler error",
    "nternal error",
    "ompiler unexpectedly panicked",
    "panicked at",
    "overflowed its stack",
    "LLVM ERROR",
    "error in backend",
    "frontend command failed",
    "bug report",
    // No memory, no processes, no descriptors.
    "ut of memory",
    "emory exhausted",
    "emory allocation",
    "bad_alloc",
    "annot allocate",
    "esource temporarily unavailable",
    "annot fork",
    "ould not exec",
    "unable to execute",
    "annot execute",
    "oo many open files",
    "loading shared libraries",
    // No space for files, or no folder for them.
    "o space left",
    "uota exceeded",
    "ile too large",
    "ead-only file system",
    "nput/output error",
    "tale file handle",
    "temporary",
    "temp dir",
    "annot create",
    "an't create",
    "ouldn't create",
    "an't write",
    "not write",
    "unable to open output",
    "error opening",
    "ermission denied",
];

/// Whether a line of a tool's output says that the tool could not do its work.
pub(super) fn is_death(line: &str) -> bool {
    DEATHS.iter().any(|word| line.contains(word))
}

/// The last word that the shell prints when it finishes its work.
const ANSWERED: &str = "<answered>";

/// The middle of `try-run`, the same in every kernel so far.
const QUESTION: &str = r#"if ($(1)) >/dev/null 2>&1; then echo "$(2)"; else echo "$(3)"; fi"#;

/// The lines for a kernel whose source is `source`.
pub(super) fn lines(source: &Path) -> Vec<u8> {
    let mut text = Vec::new();
    for (name, value) in definitions(source) {
        text.extend_from_slice(format!("override {name} = {value}\n").as_bytes());
    }
    text
}

/// The definitions for the kernel whose source is `source`. A macro in an unknown form gets no
/// definition.
fn definitions(source: &Path) -> Vec<(String, String)> {
    // Before 5.12, the first file has all of them.
    let texts = ["scripts/Kbuild.include", "scripts/Makefile.compiler"]
        .map(|name| fs::read_to_string(source.join(name)).unwrap_or_default());
    let known: Vec<_> = texts.iter().flat_map(|text| assignments(text)).collect();
    let mut found: Vec<(String, String)> = Vec::new();
    for (name, _) in &known {
        if found.iter().any(|(n, _)| n == name) {
            continue;
        }
        let values = known.iter().filter(|(n, _)| n == name);
        let values: Vec<&str> = values.map(|(_, value)| value.as_str()).collect();
        let watched = match name.as_str() {
            "try-run" => watched_question(&values),
            // Names without a dash are in the environment of all that make starts.
            _ if name.contains('-') => watched_answer(&values),
            _ => None,
        };
        found.extend(watched.map(|value| (name.clone(), value)));
    }
    if !found.is_empty() {
        found.push(("kbuild-rs-probe".into(), probe()));
        found.push(("kbuild-rs-answer".into(), answer()));
    }
    found
}

/// Each `NAME = VALUE` of a makefile. Continued lines are joined as make joins them.
fn assignments(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let mut whole = line.to_owned();
        while let Some(start) = whole.strip_suffix('\\') {
            whole = format!(
                "{} {}",
                start.trim_end(),
                lines.next().unwrap_or_default().trim()
            );
        }
        let Some((name, value)) = whole.split_once(" = ") else {
            continue;
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        if !name.is_empty() && name.chars().all(is_name) {
            found.push((name.to_owned(), value.trim().to_owned()));
        }
    }
    found
}

/// A watched definition of `try-run`, from its own text.
fn watched_question(values: &[&str]) -> Option<String> {
    let [value] = values else { return None };
    let (before, after) = value.split_once(QUESTION)?;
    let is_call = before.starts_with("$(shell ") && after == ")" && !before.contains('#');
    is_call.then(|| {
        let script = script();
        format!("$(call kbuild-rs-probe,{before}{script}{after},$(2))")
    })
}

/// The code that asks and judges, in the place of [`QUESTION`]. In the common case the tool prints
/// nothing and succeeds, and this code does no more than `QUESTION` does.
fn script() -> String {
    let pattern = |words: &[&str]| {
        let quoted = words.iter().map(|word| {
            // A pattern of `case` cannot contain a blank, and a shell text cannot contain a single
            // quote.
            let word = word.replace(' ', "\\ ").replace('\'', "?");
            format!("*{word}*")
        });
        quoted.collect::<Vec<_>>().join("|")
    };
    let (deaths, refusals) = (pattern(DEATHS), pattern(REFUSALS));
    [
        r#"ask() { ($(1)) >/dev/null 2>"$$TMP.said"; };"#,
        "code=0; ask || code=$$?; why=; no=;",
        r#"if [ $$code != 0 ] || [ -s "$$TMP.said" ]; then"#,
        // The last line may lack its line break.
        r#"while IFS= read -r line || [ -n "$$line" ]; do case $$line in"#,
        &format!("({deaths}) why=$${{why:-$$line}};;"),
        &format!("({refusals}) no=1;;"),
        r#"esac; done <"$$TMP.said";"#,
        // Signals. The exit codes of launchers are above them.
        "if [ $$code -gt 128 ] && [ $$code -lt 193 ];",
        r#"then why="signal $$((code - 128))$${why:+: $$why}"; fi;"#,
        r#"if [ $$code != 0 ] && [ -z "$$why$$no" ]; then"#,
        // The tool printed nothing. Perhaps nothing can be written any more.
        r#"if echo . >"$$TMP.said"; then again=0; ask || again=$$?; [ $$again = $$code ] ||"#,
        r#"why="it ended with exit code $$code, and with $$again when asked again";"#,
        r#"else why="$$TMP.said cannot be written"; fi; fi; fi;"#,
        r#"if [ -n "$$why" ]; then printf "%s\n" "$$why";"#,
        &format!(r#"elif [ $$code = 0 ]; then echo "$(2){ANSWERED}";"#),
        &format!(r#"else echo "$(3){ANSWERED}"; fi"#),
    ]
    .join(" ")
}

/// Defines `$(call kbuild-rs-probe,the shell's output,the flag)`.
fn probe() -> String {
    let flag = "$(if $(filter -%,$(2)), for $(filter -%,$(2)))";
    // kbuild asks the compiler for its version first. If the compiler died then, kbuild does not
    // know that it is clang and leaves out the flags that each clang gets.
    let unnamed = "$(if $(CLANG_FLAGS),,$(findstring clang,$(notdir $(CC))))";
    format!(
        "$(if $(findstring {ANSWERED},$(1)),$(subst {ANSWERED},,$(1))\
         $(if {unnamed},{no_name}),{died})",
        no_name = error(" for its version", "it gave none"),
        died = error(flag, "$(or $(strip $(1)),its shell gave no answer)"),
    )
}

/// A watched definition of another macro whose value is a shell's output, such as
/// `gcc-min-version`. An empty answer is valid if the shell lived to give it.
fn watched_answer(values: &[&str]) -> Option<String> {
    let shell = |value: &str| {
        let command = value.strip_prefix("$(shell ")?.strip_suffix(')')?;
        let plain = !command.contains(['#', '\\']);
        plain.then(|| format!("$(call kbuild-rs-answer,$(shell {command}; echo \"{ANSWERED}\"))"))
    };
    match values {
        [value] => shell(value),
        // make 4.4 needs no shell to compare numbers.
        [own, value] if own.starts_with("$(intcmp ") => {
            let value = shell(value)?;
            Some(format!("$(if $(filter y,$(intcmp 1,0,,,y)),{own},{value})"))
        }
        _ => None,
    }
}

/// Defines `$(call kbuild-rs-answer,the shell's output)`.
fn answer() -> String {
    let died = error(" of a version", "its shell gave no answer");
    format!("$(if $(findstring {ANSWERED},$(1)),$(strip $(subst {ANSWERED},,$(1))),{died})")
}

/// The call that ends make with this error.
fn error(what: &str, why: &str) -> String {
    let lead = DIED.trim_start_matches("*** ");
    format!("$(error {lead}{what} died: {why})")
}

/// The advice about a probe that died.
pub(super) fn explanation() -> String {
    "the compiler or the linker crashed while kbuild tested which flags it supports. kbuild would \
     leave the flag out and build a different module, so kbuild-rs discards this build. Check that \
     there is enough memory, and enough space for temporary files (TMPDIR, else /tmp), then build \
     again"
        .to_owned()
}
