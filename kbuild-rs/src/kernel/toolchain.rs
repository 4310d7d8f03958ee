//! Chooses the compiler that builds modules for a kernel on this machine.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::compiler::CompilerKind;
use super::find::Host;
use super::path::SearchPath;
use super::{Kernel, llvm};
use crate::sys::sort_paths;
use crate::{Error, ErrorKind, Result};

/// The user's choice of tools, and the places to search for them.
#[derive(Debug, Clone)]
pub struct ToolRequest<'a> {
    /// `ARCH`, in any spelling; checked against the kernel's.
    pub arch: Option<&'a str>,
    /// `CC`: a program, or a launcher and a program (`ccache gcc-12`).
    pub cc: Option<&'a str>,
    /// `CROSS_COMPILE`: the prefix of `gcc`, for instance `aarch64-linux-gnu-`.
    pub cross_compile: Option<&'a str>,
    /// `LLVM` in the kernel's form: `1`, `-19` or `/usr/lib/llvm-19/bin/`.
    pub llvm: Option<&'a str>,
    /// Cargo's `TARGET`.
    pub rust_target: Option<&'a str>,
    /// The `PATH` that make will get.
    pub path: &'a OsStr,
}

/// The tools to build with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toolchain {
    /// Variables for make's command line, such as `CC=gcc-12`. They win over what the tree itself
    /// assigns (Debian's `.kernelvariables`).
    pub variables: Vec<(String, String)>,
    /// The program files behind them, canonical. If one changes, the module may change.
    pub tools: Vec<PathBuf>,
    /// Sentences for the user, for instance about another version of the compiler.
    pub notes: Vec<String>,
}

impl Kernel {
    /// Chooses the tools: those that the user names, else those that the kernel was built with.
    ///
    /// A kernel built by Clang and LLD gets LLVM's tools automatically. A kernel of another
    /// architecture gets the cross compiler that its configuration names, or a usual one. It only
    /// reads files, unless it has to ask the crate `cc` (feature `cc`) for a cross compiler.
    ///
    /// # Errors
    /// [`ErrorKind::ToolNotFound`] names the missing and the installed tools, how to choose, and
    /// the package to install; [`ErrorKind::ArchitectureMismatch`] as
    /// [`check_arch`](Kernel::check_arch); [`ErrorKind::InvalidInput`] for a value that make or the
    /// shell would split.
    pub fn toolchain(&self, request: &ToolRequest<'_>) -> Result<Toolchain> {
        self.toolchain_on(request, &Host::this(), Path::new("/usr/lib"))
    }

    pub(super) fn toolchain_on(
        &self,
        request: &ToolRequest<'_>,
        host: &Host,
        llvm_dirs: &Path,
    ) -> Result<Toolchain> {
        self.check_arch(request.arch, request.rust_target)?;
        let chooser = Chooser {
            kernel: self,
            request,
            host,
            llvm_dirs,
            path: SearchPath(request.path),
            cross: self.arch != host.machine && self.arch != "um",
        };
        let mut chosen = chooser.choose()?;
        // pahole is not a compiler, but it makes the BTF in the module.
        if self.has_btf() && self.vmlinux().is_some() {
            chosen.tools.extend(chooser.path.behind_launchers("pahole"));
        }
        sort_paths(&mut chosen.tools);
        Ok(chosen)
    }
}

/// One choice of tools.
pub(super) struct Chooser<'a> {
    pub(super) kernel: &'a Kernel,
    pub(super) request: &'a ToolRequest<'a>,
    pub(super) host: &'a Host,
    pub(super) llvm_dirs: &'a Path,
    pub(super) path: SearchPath<'a>,
    pub(super) cross: bool,
}

impl Toolchain {
    pub(super) fn empty() -> Toolchain {
        Toolchain {
            variables: Vec::new(),
            tools: Vec::new(),
            notes: Vec::new(),
        }
    }

    fn value(&self, variable: &str) -> Option<&str> {
        let found = self.variables.iter().find(|(name, _)| name == variable);
        found.map(|(_, value)| value.as_str())
    }

    pub(super) fn set(&mut self, variable: &str, value: impl Into<String>) {
        self.variables.push((variable.to_owned(), value.into()));
    }
}

impl Chooser<'_> {
    fn choose(&self) -> Result<Toolchain> {
        let cc = self.request.cc.map(|cc| self.given_cc(cc)).transpose()?;
        let prefix = match self
            .request
            .cross_compile
            .filter(|prefix| !prefix.is_empty())
        {
            Some(prefix) => Some(absolute(checked("CROSS_COMPILE", prefix, false)?)),
            None => None,
        };
        let compiler = self.kernel.compiler();
        let clang_asked = cc.as_deref().is_none_or(|cc| cc.contains("clang"));
        let mut chosen = match self.request.llvm.filter(|llvm| !llvm.is_empty()) {
            Some(llvm) => self.asked_llvm(checked("LLVM", llvm, false)?)?,
            None if compiler.lld && compiler.kind == CompilerKind::Clang && clang_asked => {
                self.kernels_llvm(cc.as_deref())?
            }
            None if cc.is_some() => Toolchain::empty(),
            None if compiler.kind == CompilerKind::Clang => self.kernels_clang()?,
            None => self.gcc(prefix.as_deref())?,
        };
        if let Some(cc) = cc {
            chosen.variables.retain(|(name, _)| name != "CC");
            chosen.set("CC", &cc);
            chosen.tools.extend(
                cc.split_whitespace()
                    .filter_map(|word| self.path.behind_launchers(word)),
            );
        }
        if let Some(prefix) = prefix {
            self.check_prefix(&prefix, &chosen)?;
            chosen.variables.retain(|(name, _)| name != "CROSS_COMPILE");
            chosen.set("CROSS_COMPILE", prefix);
        }
        self.add_linker(&mut chosen)?;
        Ok(chosen)
    }

    /// Adds the linker, unless it came with LLVM's tools. If only the compiler was chosen for
    /// another architecture, adds the prefix that finds the linker and the rest of binutils.
    fn add_linker(&self, chosen: &mut Toolchain) -> Result<()> {
        if chosen.value("LD").is_some() {
            return Ok(());
        }
        if self.cross && chosen.value("CROSS_COMPILE").is_none() {
            let cc = chosen.value("CC").unwrap_or_default();
            let own = cc
                .rsplit(' ')
                .next()
                .and_then(|word| word.rsplit_once("gcc"))
                .map(|(prefix, _)| prefix);
            let usual = self.kernel.variant().prefixes();
            let with_ld = own
                .into_iter()
                .chain(usual.iter().copied())
                .find(|prefix| self.path.program(&format!("{prefix}ld")).is_some())
                .map(str::to_owned);
            if let Some(prefix) = with_ld {
                chosen.set("CROSS_COMPILE", prefix);
            }
        }
        let gnu = format!("{}ld", chosen.value("CROSS_COMPILE").unwrap_or_default());
        if !self.kernel.compiler().lld {
            chosen.tools.extend(self.path.behind_launchers(&gnu));
            return Ok(());
        }
        let number = self.kernel.config("LLD_VERSION").unwrap_or_default();
        let major = number.parse::<u32>().unwrap_or(0) / 10_000;
        let names = [format!("ld.lld-{major}"), "ld.lld".to_owned()];
        let Some(lld) = names.iter().find(|name| self.path.program(name).is_some()) else {
            let install = self.host.distro().package(&format!("lld-{major}"));
            let error = self.not_found(format!(
                "the kernel {} was linked with LLD {major}, but ld.lld is not installed. Install \
                 it:\n    {install}",
                self.kernel.release(),
            ));
            return Err(error.advise(install.advice("missing-linker")));
        };
        chosen.tools.extend(self.path.behind_launchers(lld));
        chosen.set("LD", lld);
        Ok(())
    }

    /// The user's `CC`, with its programs checked.
    fn given_cc(&self, cc: &str) -> Result<String> {
        let mut words = Vec::new();
        for (index, word) in checked("CC", cc, true)?.split_whitespace().enumerate() {
            // The other words are flags, or belong to a launcher.
            let is_program = index == 0 || (index == 1 && !word.starts_with('-'));
            if is_program && self.path.program(word).is_none() {
                return Err(self.not_found(format!(
                    "CC={cc}: there is no program {word}{}",
                    if word.contains('/') { "" } else { " in PATH" }
                )));
            }
            words.push(absolute(word));
        }
        match words.is_empty() {
            true => Err(Error::input(
                "CC is empty. Name a compiler, for instance gcc-12",
            )),
            false => Ok(words.join(" ")),
        }
    }

    pub(super) fn check_prefix(&self, prefix: &str, chosen: &Toolchain) -> Result<()> {
        if chosen.value("LD").is_some() {
            // LLVM's tools serve every architecture, so the prefix only names the architecture.
            return Ok(());
        }
        let alone =
            self.request.cc.is_some() || chosen.value("CC").is_some_and(|cc| cc.contains("clang"));
        let tool = if alone { "ld" } else { "gcc" };
        if self.path.program(&format!("{prefix}{tool}")).is_some() {
            return Ok(());
        }
        let advice = match self.path.program(&format!("{prefix}-{tool}")) {
            Some(_) => format!(". If the final dash is missing, write CROSS_COMPILE={prefix}-"),
            None => ". Install that toolchain, or leave the prefix out to build with the kernel's \
                     own compiler"
                .to_owned(),
        };
        Err(self.not_found(format!(
            "CROSS_COMPILE={prefix}: there is no program {prefix}{tool}{advice}"
        )))
    }

    /// The installed tools, how to choose one, and a package to install.
    pub(super) fn choices(&self, package: &str) -> String {
        let compiler = self.kernel.compiler();
        let family = match compiler.kind {
            CompilerKind::Gcc => "gcc",
            CompilerKind::Clang => "clang",
        };
        let here = self.path.compilers(family, compiler.version.0);
        let get = self.host.distro().package(package);
        let Some((first, _)) = here.first() else {
            return format!("No compiler is in PATH. Install it:\n    {get}");
        };
        let all: Vec<String> = here
            .iter()
            .map(|(name, file)| format!("{name}: {}", file.display()))
            .collect();
        format!(
            "Install it:\n    {get}\nor use one that is installed ({}):\n    --cc {first}\n\
             (Build::cc(\"{first}\"), or KBUILD_RS_CC={first} in the environment; in CMake, \
             -DKbuild_CC={first}; in Meson, kernel(cc: '{first}'))",
            all.join(", ")
        )
    }

    pub(super) fn not_found(&self, message: String) -> Error {
        Error::new(ErrorKind::ToolNotFound, message)
    }

    fn asked_llvm(&self, flavour: &str) -> Result<Toolchain> {
        let flavour = absolute(flavour);
        let good = flavour == "1" || flavour.starts_with('-') || flavour.ends_with('/');
        if !good {
            return Err(Error::input(format!(
                "LLVM={flavour}: the kernel takes LLVM=1, a version such as LLVM=-19, or a folder \
                 such as LLVM=/usr/lib/llvm-19/bin/ (with the slash at its end)"
            )));
        }
        llvm::tools(self, &flavour)
    }
}

/// Checks a value for special characters: make's command line and kbuild's shell lines both contain
/// it.
fn checked<'a>(variable: &str, value: &'a str, blanks: bool) -> Result<&'a str> {
    let good = |c: char| c.is_alphanumeric() || "_./+@~^:,=-".contains(c) || (blanks && c == ' ');
    match value.chars().find(|c| !good(*c)) {
        None => Ok(value),
        Some(bad) => Err(Error::input(format!(
            "{variable}={value:?} contains {bad:?}: make or its shell would split it there. Use a \
             program's name, or a link with a plain name"
        ))),
    }
}

/// An absolute path, because make runs in another directory.
fn absolute(word: &str) -> String {
    if !word.contains('/') || word.starts_with(['/', '-']) {
        return word.to_owned();
    }
    match std::path::absolute(word).map(|path| path.into_os_string().into_string()) {
        Ok(Ok(path)) => path,
        _ => word.to_owned(),
    }
}
