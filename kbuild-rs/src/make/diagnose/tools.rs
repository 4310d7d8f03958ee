//! Tools that are missing, that died, or that ran into a limit.

use super::{Explained, Knowledge};
use crate::kernel::is_of_loader;
use crate::limits;

pub(super) const BTF_SKIPPED: &str = "\"Skipping BTF generation\" is not an error: the kernel tree has no \
    vmlinux to describe types against. The module works; only BPF programs and debuggers \
    that ask for its types do not find them";

pub(super) fn explain(line: &str, _: &Knowledge) -> Explained {
    if let Some(text) = limits::explain(line) {
        return Some(("limit".into(), text));
    }
    if line.contains("Skipping BTF generation") {
        return Some(("btf".into(), BTF_SKIPPED.to_owned()));
    }
    if line.contains("please install libelf-dev") || line.contains("fatal error: gelf.h") {
        return Some((
            "libelf".into(),
            "the kernel's objtool needs the headers of libelf: install libelf-dev (Debian, \
             Ubuntu) or elfutils-libelf-devel (Fedora)"
                .into(),
        ));
    }
    if line.ends_with(": Exec format error") || is_of_loader(line) {
        return Some((
            "foreign".into(),
            "a program that the build runs was built for another machine or with a newer C library \
             than this machine has. If it belongs to the kernel tree, take the source of that kernel \
             and build its programs here (make modules_prepare), or build in a container of the \
             distribution that it is from"
                .into(),
        ));
    }
    if let Some(tool) = missing_tool(line) {
        let text = match tool.as_str() {
            "pahole" => "pahole is missing, and this kernel wants BTF in its modules: install \
                         the package dwarves (Debian, Ubuntu: pahole or dwarves)"
                .to_owned(),
            tool if tool.starts_with('/') && tool.contains("/scripts/") => format!(
                "{tool} is a part of the kernel tree, which is not whole: `make modules_prepare` \
                 in that kernel's source makes it, or install the package of headers again"
            ),
            tool => format!(
                "the program {tool} is missing; install it, or name another one (--cc for a \
                 compiler, --make-var for a tool)"
            ),
        };
        return Some((format!("tool {tool}"), text));
    }
    if line.contains(super::super::probes::DIED) {
        return Some(("probe".into(), super::super::probes::explanation()));
    }
    if line.contains("No space left on device") || line.contains("not all data was written") {
        return Some((
            "space".into(),
            "the disk is full: free some space, or choose another output directory".into(),
        ));
    }
    None
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
