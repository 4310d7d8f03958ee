//! LLVM's tools, as a list of make variables.
//!
//! The kernel's own `LLVM=` is a shorthand for a list of variables, and distribution trees assign
//! some of them again (the result was gcc with `ld.lld`). So the list itself goes onto make's
//! command line, and each tool is checked. `LLVM` goes with it, because some Makefiles read it.

use super::path::SearchPath;
use super::toolchain::{Chooser, Toolchain};
use crate::Result;

/// Variable and program: the list in the kernel's Makefile. Those with `false` are left out if the
/// program is missing, because modules rarely use them.
const TOOLS: [(&str, &str, bool); 10] = [
    ("CC", "clang", true),
    ("LD", "ld.lld", true),
    ("AR", "llvm-ar", true),
    ("NM", "llvm-nm", true),
    ("OBJCOPY", "llvm-objcopy", true),
    ("OBJDUMP", "llvm-objdump", true),
    ("READELF", "llvm-readelf", true),
    ("STRIP", "llvm-strip", true),
    ("HOSTCC", "clang", true),
    ("HOSTCXX", "clang++", false),
];

/// `tool` in one flavour of `LLVM=`: `1`, `-19` or `/usr/lib/llvm-19/bin/`.
fn spelled(tool: &str, flavour: &str) -> String {
    match flavour {
        _ if flavour.ends_with('/') => format!("{flavour}{tool}"),
        _ if flavour.starts_with('-') => format!("{tool}{flavour}"),
        _ => tool.to_owned(),
    }
}

fn missing(path: SearchPath<'_>, flavour: &str) -> Option<String> {
    TOOLS
        .iter()
        .filter(|(_, _, needed)| *needed)
        .map(|(_, tool, _)| spelled(tool, flavour))
        .find(|name| path.program(name).is_none())
}

/// All of LLVM's tools in one flavour.
pub(super) fn tools(chooser: &Chooser<'_>, flavour: &str) -> Result<Toolchain> {
    let path = chooser.path;
    if let Some(name) = missing(path, flavour) {
        let tool = name.rsplit('/').next().unwrap_or(&name);
        let major = tool
            .rsplit_once('-')
            .map_or("", |(_, end)| end)
            .trim_matches(|c: char| !c.is_ascii_digit());
        let family = match tool {
            _ if tool.starts_with("clang") => "clang",
            _ if tool.starts_with("ld.lld") => "lld",
            _ => "llvm",
        };
        let dash = if major.is_empty() { "" } else { "-" };
        let package = format!("{family}{dash}{major}");
        let install = chooser.host.distro().package(&package);
        let error = chooser.not_found(format!(
            "LLVM={flavour} needs {name}, which is not installed. {}Install it:\n    {install}{}",
            why_llvm(chooser),
            match chooser.kernel.compiler().lld {
                true => {
                    "\nor choose another LLVM (LLVM=-VERSION in the environment, --llvm, Build::llvm)"
                }
                false => "",
            }
        ));
        return Err(error.advise(install.advice("missing-compiler")));
    }
    let mut chosen = Toolchain::empty();
    chosen.set("LLVM", flavour);
    for (variable, tool, _) in TOOLS {
        let name = spelled(tool, flavour);
        if let Some(file) = path.behind_launchers(&name) {
            chosen.tools.push(file);
            chosen.set(variable, name);
        }
    }
    let kernel = chooser.kernel;
    // 5.10 to 5.14 assemble with GNU as by default; later kernels assemble with Clang.
    if kernel.is_enabled("AS_IS_LLVM") {
        chosen.set("LLVM_IAS", "1");
    } else if kernel.is_enabled("AS_IS_GNU") && kernel.is_enabled("CC_IS_CLANG") {
        chosen.set("LLVM_IAS", "0");
    }
    // Up to 5.14 only this variable tells Clang the architecture; later kernels use ARCH.
    if chooser.cross && kernel.version() < (5, 15) {
        if let Some(prefix) = kernel.variant().prefixes().first() {
            chosen.set("CROSS_COMPILE", *prefix);
        }
    }
    Ok(chosen)
}

fn why_llvm(chooser: &Chooser<'_>) -> String {
    let compiler = chooser.kernel.compiler();
    if !compiler.lld {
        return String::new();
    }
    format!(
        "The kernel {} was built with {} and LLD, so gcc cannot build its modules. ",
        chooser.kernel.release(),
        compiler.text
    )
}

impl Chooser<'_> {
    /// The tools for a kernel built by Clang and linked by LLD: those of the same version, else of
    /// any. The user's Clang comes with its own tools.
    pub(super) fn kernels_llvm(&self, cc: Option<&str>) -> Result<Toolchain> {
        let major = self.kernel.compiler().version.0;
        let flavours = match cc.and_then(|cc| cc.split(' ').next_back()) {
            Some(clang) => {
                let (dir, name) = clang.rsplit_once('/').unwrap_or(("", clang));
                let version = name.strip_prefix("clang").unwrap_or_default();
                let beside = if dir.is_empty() {
                    version.to_owned()
                } else {
                    format!("{dir}/")
                };
                vec![beside, version.to_owned(), "1".to_owned()]
            }
            None => vec![
                format!("-{major}"),
                format!("{}/llvm-{major}/bin/", self.llvm_dirs.display()),
                "1".to_owned(),
            ],
        };
        let flavours: Vec<String> = flavours.into_iter().filter(|f| !f.is_empty()).collect();
        let whole = flavours
            .iter()
            .find(|flavour| missing(self.path, flavour).is_none());
        // No flavour is complete: the error is about one that at least has its compiler.
        let begun = flavours
            .iter()
            .find(|flavour| self.path.program(&spelled("clang", flavour)).is_some());
        tools(
            self,
            whole
                .or(begun)
                .or(flavours.first())
                .map_or("1", String::as_str),
        )
    }

    /// The tools for a kernel built by Clang with GNU binutils.
    pub(super) fn kernels_clang(&self) -> Result<Toolchain> {
        let major = self.kernel.compiler().version.0;
        let names = [
            format!("clang-{major}"),
            format!("{}/llvm-{major}/bin/clang", self.llvm_dirs.display()),
            "clang".to_owned(),
        ];
        let Some(name) = names
            .into_iter()
            .find(|name| self.path.program(name).is_some())
        else {
            return Err(self.not_found(format!(
                "the kernel {} was built with {}, but clang is not installed. {}",
                self.kernel.release(),
                self.kernel.compiler().text,
                self.choices(&format!("clang-{major}"))
            )));
        };
        let mut chosen = Toolchain::empty();
        chosen.tools.extend(self.path.behind_launchers(&name));
        chosen.set("CC", name);
        Ok(chosen)
    }
}
