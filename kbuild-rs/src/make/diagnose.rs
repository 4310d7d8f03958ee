//! Failures understood: what a line of kbuild's output means and what to do about it.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::Symvers;

/// What is known besides the output: who exports what.
#[derive(Debug, Default)]
pub(crate) struct Knowledge {
    /// Symvers of modules built nearby, which the build was not told of.
    pub(crate) nearby: Vec<PathBuf>,
    /// The kernel's name, for sentences.
    pub(crate) release: String,
}

/// Listens to the output of one make.
#[derive(Debug, Default)]
pub(crate) struct Diagnosis {
    /// Explanations, each said once, in order of appearance.
    explanations: Vec<String>,
    said: BTreeSet<String>,
    /// The first lines that report an error.
    errors: Vec<String>,
    /// A tool ended by a signal: what it was writing cannot be trusted, whatever make thinks.
    cut_off: bool,
}

/// Enough for a person to see what it is about; the rest was streamed.
const MAX_ERRORS: usize = 12;

impl Diagnosis {
    /// Looks at a line; the answer is a hint that should follow it at once.
    pub(super) fn hear(&mut self, line: &str, is_error: bool, know: &Knowledge) -> Option<&str> {
        if is_error && self.errors.len() < MAX_ERRORS {
            self.errors.push(line.to_owned());
        }
        self.cut_off |= tells_of_a_signal(line);
        if line.contains("Skipping BTF generation") {
            return self
                .once("btf", BTF_SKIPPED.to_owned())
                .then_some(BTF_SKIPPED);
        }
        if let Some((key, text)) = explain(line, know)
            && self.once(&key, text.clone())
        {
            self.explanations.push(text);
        }
        None
    }

    fn once(&mut self, key: &str, _text: String) -> bool {
        self.said.insert(key.to_owned())
    }

    pub(super) fn was_cut_off(&self) -> bool {
        self.cut_off
    }

    /// The end of an error message: the original lines, then what they mean.
    pub(super) fn summary(&self) -> String {
        let mut text = String::new();
        for line in &self.errors {
            text.push_str("\n  ");
            text.push_str(line);
        }
        for explanation in &self.explanations {
            text.push_str("\n\n");
            text.push_str(explanation);
        }
        text
    }
}

const BTF_SKIPPED: &str = "\"Skipping BTF generation\" is not an error: the kernel tree has no \
    vmlinux to describe types against. The module works; only BPF programs and debuggers that \
    want its types miss them";

/// A shell's and make's words for a child that a signal ended.
fn tells_of_a_signal(line: &str) -> bool {
    const WORDS: &[&str] = &[
        "Killed",
        "Terminated",
        "Segmentation fault",
        "Bus error",
        "Aborted",
    ];
    let by_shell = WORDS.iter().any(|w| {
        line == *w || line.contains(&format!(" {w} ")) || line.ends_with(&format!(" {w}"))
    });
    // make prints `Error 137` for a shell that died of signal 9.
    let by_make = line.starts_with("make")
        && line
            .rsplit_once("Error ")
            .and_then(|(_, code)| code.trim_end_matches(" (ignored)").parse::<u32>().ok())
            .is_some_and(|code| code > 128);
    by_shell || by_make || line.contains("signal terminated program")
}

/// (a key that is the same for the same cause, the explanation)
fn explain(line: &str, know: &Knowledge) -> Option<(String, String)> {
    let between = |a: &str, b: &str| -> Option<String> {
        let from = line.find(a)? + a.len();
        Some(line[from..from + line[from..].find(b)?].to_owned())
    };
    if line.contains("modpost: \"") && line.contains("undefined!") {
        let symbol = between("modpost: \"", "\"")?;
        return Some((format!("undefined {symbol}"), undefined(&symbol, know)));
    }
    if line.contains("missing MODULE_LICENSE()") {
        return Some((
            "license".into(),
            "every module must say its license: add MODULE_LICENSE(\"GPL\"); (or the one that \
             is true) to one of its sources"
                .into(),
        ));
    }
    if line.contains("uses GPL-only symbol") {
        let symbol = between("GPL-only symbol '", "'")?;
        return Some((
            format!("gpl {symbol}"),
            format!(
                "{symbol} is exported with EXPORT_SYMBOL_GPL: only a module whose \
                 MODULE_LICENSE is GPL-compatible may use it"
            ),
        ));
    }
    if line.contains("from namespace") && line.contains("does not import it") {
        let namespace = between("from namespace ", ",")?;
        return Some((
            format!("namespace {namespace}"),
            format!(
                "add MODULE_IMPORT_NS({namespace}); to the module (from 6.13 on the name is a string: MODULE_IMPORT_NS(\"{namespace}\");)"
            ),
        ));
    }
    if line.contains("please install libelf-dev") || line.contains("fatal error: gelf.h") {
        return Some((
            "libelf".into(),
            "the kernel's objtool needs the headers of libelf: install libelf-dev (Debian, \
             Ubuntu) or elfutils-libelf-devel (Fedora)"
                .into(),
        ));
    }
    if line.contains("do not support CONFIG_MODULES")
        || line.contains("not have modules enabled")
        || line.contains("has modules disabled")
    {
        return Some(("modules".into(), no_modules(&know.release)));
    }
    if let Some(tool) = missing_tool(line) {
        let text = match tool.as_str() {
            "pahole" => "pahole is missing, and this kernel wants BTF in its modules: install \
                         the package dwarves (Debian, Ubuntu: pahole or dwarves)"
                .to_owned(),
            tool => format!(
                "the program {tool} is missing; install it, or name another one (--cc for a \
                 compiler, --make-var for a tool)"
            ),
        };
        return Some((format!("tool {tool}"), text));
    }
    if line.contains("No space left on device") {
        return Some((
            "space".into(),
            "the disk is full: free some space, or choose another output directory".into(),
        ));
    }
    if line.contains("No rule to make target '") {
        let target = between("No rule to make target '", "'")?;
        return Some((
            format!("rule {target}"),
            format!(
                "the Kbuild asks for {target}, and neither it nor a source for it is in the \
                 tree: check its name, or whether a folder above is needed (--root)"
            ),
        ));
    }
    if line.contains("fatal error: ") && line.contains("No such file or directory") {
        let header = between("fatal error: ", ": No such file")?;
        return Some((
            format!("header {header}"),
            format!(
                "the header {header} was not found: name its folder (-I, or ccflags-y in the \
                 Kbuild), or stage a folder further up (--root) where the tree reaches above \
                 itself"
            ),
        ));
    }
    None
}

/// What to say about a kernel that takes no modules.
pub(crate) fn no_modules(release: &str) -> String {
    format!(
        "the kernel {release} was built without CONFIG_MODULES: it can load no module; build \
         against another kernel, or configure that one with CONFIG_MODULES=y"
    )
}

/// `/bin/sh: 1: pahole: not found`, `bash: line 1: gcc-10: command not found`,
/// `make: gcc-10: No such file or directory`.
fn missing_tool(line: &str) -> Option<String> {
    let rest = line
        .strip_suffix(": command not found")
        .or_else(|| line.strip_suffix(": not found"))
        .or_else(|| {
            line.starts_with("make")
                .then(|| line.strip_suffix(": No such file or directory"))?
        })?;
    let tool = rest.rsplit(": ").next()?.trim();
    (!tool.is_empty() && !tool.contains(' ')).then(|| tool.to_owned())
}

fn undefined(symbol: &str, know: &Knowledge) -> String {
    for path in &know.nearby {
        let Ok(symvers) = Symvers::read(path) else {
            continue;
        };
        if let Some(found) = symvers.find(symbol) {
            return format!(
                "{symbol} is exported by the module {}, whose symvers this build was not given: \
                 add {} (--symvers, Build::symvers)",
                found.module,
                path.display()
            );
        }
    }
    format!(
        "{symbol} is exported neither by the kernel {} nor by any module this build knows of: \
         check its name, whether this kernel version still has it, whether the option that \
         brings it is on (kbuild-rs kernels), or name the provider's symvers (--symvers, \
         Build::symvers)",
        know.release
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &str) -> String {
        let mut diagnosis = Diagnosis::default();
        let know = Knowledge {
            nearby: Vec::new(),
            release: "6.1.0".into(),
        };
        diagnosis.hear(line, true, &know);
        diagnosis.summary()
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
            told("ERROR: modpost: missing MODULE_LICENSE() in x.o")
                .contains("MODULE_LICENSE(\"GPL\")")
        );
        assert!(told("/bin/sh: 1: pahole: not found").contains("package dwarves"));
        assert!(told("make[2]: gcc-10: No such file or directory").contains("program gcc-10"));
    }

    #[test]
    fn a_tool_that_a_signal_ended_is_noticed() {
        for line in [
            "Killed",
            "/bin/sh: line 1: 4242 Killed                  pahole -J",
            "make[3]: *** [scripts/Makefile.build:250: x.o] Error 137",
            "gcc-12: fatal error: Killed signal terminated program cc1",
        ] {
            assert!(tells_of_a_signal(line), "{line}");
        }
        for line in [
            "make[3]: *** [x.o] Error 1",
            "a.c:1:2: error: 'Killed' undeclared",
            "  CC [M]  Killed.o",
        ] {
            assert!(!tells_of_a_signal(line), "{line}");
        }
    }

    #[test]
    fn btf_skipped_is_said_to_be_no_error_once() {
        let mut diagnosis = Diagnosis::default();
        let know = Knowledge::default();
        let line = "Skipping BTF generation for x.ko due to unavailability of vmlinux";
        assert!(
            diagnosis
                .hear(line, false, &know)
                .unwrap()
                .contains("not an error")
        );
        assert!(diagnosis.hear(line, false, &know).is_none());
    }
}
