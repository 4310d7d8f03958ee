//! Programs beside the compiler: `strip` for a kernel's modules, and packages of missing programs.

use std::env;
use std::path::{Path, PathBuf};

use super::arch::{Variant, machine};
use super::find::Host;
use super::path::SearchPath;
use super::{Config, Kernel, ToolRequest};
use crate::{Error, ErrorKind};

/// The properties of an ELF file that select a `strip` for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ElfKind<'a> {
    /// The kernel's name of the architecture.
    pub(crate) arch: &'a str,
    pub(crate) wide: bool,
    pub(crate) little: bool,
}

/// The error for a program that is not installed.
///
/// `why` is the work that needs it (`writing x.deb`), `package` Debian's name of its package. The
/// message has the command that installs the package on this distribution.
pub fn missing_tool(tool: &str, why: &str, package: &str) -> Error {
    let install = Host::this().distro().package(package);
    let message = format!("{why} needs {tool}, which is not installed. Install it:\n    {install}");
    let error = Error::new(ErrorKind::ToolNotFound, message);
    error.advise(install.advice("missing-tool"))
}

/// The program that a shell would run for `name`.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    SearchPath(&env::var_os("PATH")?).program(name)
}

/// The installed programs that may strip such a module, the kernel's own first.
///
/// `strip` of a machine's binutils often reads no other architecture, and only running it shows
/// that. LLVM's reads all.
pub(crate) fn strip_programs(
    tree: Option<&Kernel>,
    config: Option<&Config>,
    module: ElfKind<'_>,
) -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let path = SearchPath(&path);
    let is_lld = config.is_some_and(|config| config.get("LD_IS_LLD") == Some("y"));
    let is_foreign = module.arch != machine();
    let mut names = Vec::new();
    if is_lld || is_foreign {
        names.extend(tree.and_then(|tree| of_toolchain(tree, path)));
    }
    if is_lld {
        names.push("llvm-strip".to_owned());
    }
    match is_foreign {
        true => {
            let prefixes = module.variant().prefixes().iter();
            names.extend(prefixes.map(|prefix| format!("{prefix}strip")));
        }
        false => names.push("strip".to_owned()),
    }
    names.push("llvm-strip".to_owned());
    names.extend(
        (11..40)
            .rev()
            .map(|version| format!("llvm-strip-{version}")),
    );
    let mut found: Vec<PathBuf> = Vec::new();
    for file in names.iter().filter_map(|name| path.program(name)) {
        if !found.contains(&file) {
            found.push(file);
        }
    }
    found
}

/// Debian's package with a `strip` for such a module.
pub(crate) fn strip_package(config: Option<&Config>, module: ElfKind<'_>) -> String {
    let is_lld = config.is_some_and(|config| config.get("LD_IS_LLD") == Some("y"));
    if is_lld {
        return "llvm".to_owned();
    }
    match module.variant().prefixes().first() {
        Some(prefix) if module.arch != machine() => {
            let name = prefix.trim_end_matches('-').replace('_', "-");
            format!("binutils-{name}")
        }
        _ => "binutils".to_owned(),
    }
}

fn of_toolchain(tree: &Kernel, path: SearchPath<'_>) -> Option<String> {
    let request = ToolRequest {
        arch: None,
        cc: None,
        cross_compile: None,
        llvm: None,
        rust_target: None,
        path: path.0,
    };
    let chosen = tree.toolchain(&request).ok()?;
    let value = |name: &str| {
        let found = chosen.variables.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.clone())
    };
    value("STRIP").or_else(|| Some(format!("{}strip", value("CROSS_COMPILE")?)))
}

impl<'a> ElfKind<'a> {
    /// `elf` is the ELF file, `arch` the kernel's name of its architecture.
    pub(crate) fn of(elf: &[u8], arch: &'a str) -> ElfKind<'a> {
        ElfKind {
            arch,
            wide: elf.get(4) != Some(&1),
            little: elf.get(5) != Some(&2),
        }
    }

    fn variant(self) -> Variant<'a> {
        Variant {
            arch: self.arch,
            wide: self.wide,
            little: self.little,
        }
    }
}

/// The last part of a program's path, for messages.
pub(crate) fn shown(program: &Path) -> String {
    let name = program.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arm64() -> ElfKind<'static> {
        ElfKind {
            arch: "arm64",
            wide: true,
            little: true,
        }
    }

    #[test]
    fn a_missing_strip_has_the_package_of_the_modules_architecture() {
        let lld = Config::parse("CONFIG_LD_IS_LLD=y\n".into());
        let own = ElfKind {
            arch: machine(),
            ..arm64()
        };
        assert_eq!(strip_package(None, own), "binutils");
        assert_eq!(strip_package(Some(&lld), own), "llvm");
        if machine() != "arm64" {
            assert_eq!(strip_package(None, arm64()), "binutils-aarch64-linux-gnu");
        }
    }

    #[test]
    fn a_missing_tool_is_named_with_the_command_that_installs_it() {
        let error = missing_tool("xz", "compressing hello", "xz-utils");
        assert_eq!(error.kind(), ErrorKind::ToolNotFound);
        let text = error.to_string();
        assert!(
            text.starts_with("compressing hello needs xz, which is not"),
            "{text}"
        );
        assert!(text.contains("xz-utils") || text.contains("xz"), "{text}");
    }
}
