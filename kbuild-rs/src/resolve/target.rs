//! The kernel and the tools that a build is for. Only this file decides which kernel is the default.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::Context;
use crate::error::Advice;
use crate::error::names::MISSING_SYMVERS;
use crate::kernel::{ToolRequest, Toolchain};
use crate::make::no_modules;
use crate::settings::{MissingSymvers, Settings};
use crate::syntax::shell_quote;
use crate::{Error, ErrorKind, Kernel, Result};

/// A kernel, and the tools that build modules for it.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) kernel: Kernel,
    pub(crate) tools: Toolchain,
    /// The Rust compiler, if there is Rust to compile.
    #[cfg(feature = "rust")]
    pub(crate) rustc: Option<PathBuf>,
}

/// The requested kernel and tools.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// The target triple of the outer settings.
    pub(crate) triple: Option<String>,
    /// The architecture in any spelling: the caller's, else the make variable's, else the
    /// environment's.
    pub(crate) arch: Option<String>,
}

impl Wanted {
    pub(crate) fn of(settings: &Settings) -> Wanted {
        let of_cargo = || {
            let triple = settings.environment.of_cargo("TARGET")?;
            triple.into_string().ok()
        };
        let triple = settings.rust_target.clone().or_else(of_cargo);
        // `ARCH=…` on make's command line means the same here.
        let mut of_make = settings.make_vars.iter().rev().filter(|(n, _)| n == "ARCH");
        let text = |value: &OsStr| value.to_string_lossy().into_owned();
        let arch = settings.arch.clone();
        let arch = arch.or_else(|| of_make.next().map(|(_, value)| text(value)));
        let arch = arch.or_else(|| {
            let value = settings.environment.per_target("ARCH", triple.as_deref());
            value.map(|value| text(&value))
        });
        Wanted { triple, arch }
    }

    /// The kernel to build against: the named one, else the default.
    pub(crate) fn kernel(&self, settings: &Settings) -> Result<Kernel> {
        let (named, of_env) = self.named(settings);
        let kernel = match &named[..] {
            [] => return self.default_kernel(settings),
            [one] => find(one, of_env)?,
            several => {
                return Err(Error::input(format!(
                    "{} kernels are named, but this call builds for one. Call compile_each to \
                     build for several",
                    several.len()
                )));
            }
        };
        kernel.check_arch(self.arch.as_deref(), self.triple.as_deref())?;
        Ok(kernel)
    }

    /// All kernels to build against. The build for each kernel checks its architecture.
    pub(crate) fn kernels(&self, settings: &Settings) -> Result<Vec<Kernel>> {
        let (named, of_env) = self.named(settings);
        match named.is_empty() {
            true => Ok(vec![self.default_kernel(settings)?]),
            false => named.iter().map(|kernel| find(kernel, of_env)).collect(),
        }
    }

    /// The requested kernels: the caller's, else those in `KDIR`, a list in the form of `PATH`. The
    /// flag tells whether they come from the variable.
    fn named(&self, settings: &Settings) -> (Vec<OsString>, bool) {
        if !settings.kernels.is_empty() {
            return (settings.kernels.clone(), false);
        }
        let list = settings
            .environment
            .per_target("KDIR", self.triple.as_deref());
        let list = list.unwrap_or_default();
        let kernels = std::env::split_paths(&list)
            .map(PathBuf::into_os_string)
            .filter(|kernel| !kernel.is_empty())
            .collect();
        (kernels, true)
    }

    /// The running kernel, else the newest one of the right architecture. A note names the latter.
    fn default_kernel(&self, settings: &Settings) -> Result<Kernel> {
        let of_triple = || crate::kernel::arch_of_target(self.triple.as_deref()?);
        let wanted = self.arch.as_deref().or_else(of_triple);
        let (kernel, note) = Kernel::default_for(wanted)?;
        kernel.check_arch(self.arch.as_deref(), self.triple.as_deref())?;
        if let Some(note) = note {
            // If an architecture is named, the module is not meant for the running kernel.
            settings.sink.note(&match wanted {
                None => format!("{note}; the running kernel cannot load the module"),
                Some(_) => note,
            });
        }
        Ok(kernel)
    }

    /// The kernel of the context, with the tools for it.
    pub(super) fn with_tools(
        &self,
        context: &Context<'_>,
        env: &[(OsString, OsString)],
    ) -> Result<Target> {
        let Context {
            settings, kernel, ..
        } = context;
        let cc = self.tool(settings, settings.cc.as_ref(), ["CC", "KBUILD_RS_CC"]);
        let cross = settings.cross_compile.as_ref();
        let cross = self.tool(settings, cross, ["CROSS_COMPILE"; 2]);
        let llvm = self.tool(settings, settings.llvm.as_ref(), ["LLVM"; 2]);
        let tools = kernel.toolchain(&ToolRequest {
            arch: self.arch.as_deref(),
            cc: cc.as_deref(),
            cross_compile: cross.as_deref(),
            llvm: llvm.as_deref(),
            rust_target: self.triple.as_deref(),
            path: search_path(env),
        })?;
        for note in &tools.notes {
            settings.sink.note(note);
        }
        Ok(Target {
            kernel: (*kernel).clone(),
            tools,
            #[cfg(feature = "rust")]
            rustc: None,
        })
    }

    /// The named program of a tool: the caller's, else the one in the variable on make's command
    /// line, else in the environment's.
    pub(super) fn tool(
        &self,
        settings: &Settings,
        own: Option<&String>,
        [of_make, of_env]: [&str; 2],
    ) -> Option<String> {
        // The variable has the same meaning there.
        let mut given = settings.make_vars.iter().rev();
        let given = given.find(|(name, _)| name == of_make);
        let given = given.map(|(_, value)| value.to_string_lossy().into_owned());
        let of_env = || {
            let value = settings
                .environment
                .per_target(of_env, self.triple.as_deref())?;
            Some(value.to_string_lossy().into_owned())
        };
        own.cloned().or(given).or_else(of_env)
    }
}

/// The `PATH` that make will get.
pub(super) fn search_path(env: &[(OsString, OsString)]) -> &OsStr {
    let path = env.iter().find(|(name, _)| name == "PATH");
    path.map(|(_, value)| &**value).unwrap_or_default()
}

/// Refuses a kernel for which modules cannot be built, and tells the user the kernel's
/// peculiarities.
pub(super) fn check(settings: &Settings, kernel: &Kernel) -> Result<()> {
    if !kernel.is_enabled("MODULES") {
        let why = no_modules(kernel.release());
        let advice = Advice::new("kernel-without-modules", &*why);
        return Err(Error::new(ErrorKind::KernelConfig, &*why).advise(advice));
    }
    // Questions to a compiler become no module.
    if settings.questions().is_some() {
        return Ok(());
    }
    check_symvers(settings, kernel)?;
    note_signing(settings, kernel);
    Ok(())
}

/// Refuses a kernel tree without a symvers, or warns about it.
fn check_symvers(settings: &Settings, kernel: &Kernel) -> Result<()> {
    if kernel.symvers().is_some() {
        return Ok(());
    }
    let dir = kernel.dir().display();
    match settings.missing_symvers {
        MissingSymvers::Warn => {
            let fails = match kernel.is_enabled("EXTENDED_MODVERSIONS") {
                true => {
                    ". With CONFIG_EXTENDED_MODVERSIONS, the build may fail: the module's .mod.c \
                     needs at least one checksum"
                }
                false => "",
            };
            let text = format!(
                "{dir} has no Module.symvers, so modpost checked no symbol. The module may not \
                 load{fails}"
            );
            settings.sink.warning("missing-symvers", &text);
            Ok(())
        }
        MissingSymvers::Error => Err(Error::new(
            ErrorKind::KernelConfig,
            format!(
                "{dir} has no Module.symvers, because the kernel was prepared, but not built. \
                 modpost cannot check symbols. Copy the Module.symvers of that kernel's build into \
                 {dir}, build without the check ({MISSING_SYMVERS}), or build the kernel:\n    \
                 make -C {dir} modules"
            ),
        )
        .advise(Advice::new(
            "missing-symvers",
            "build that kernel, or copy the Module.symvers of its build there",
        ))),
    }
}

/// Tells the user that a build does not sign modules, if the kernel refuses unsigned ones. kbuild
/// signs modules when it installs them, and continues if it cannot.
fn note_signing(settings: &Settings, kernel: &Kernel) {
    if kernel.requires_signing() {
        settings.sink.note(&format!(
            "{} only loads signed modules (CONFIG_MODULE_SIG_FORCE), and `build` does not sign. Sign \
             with a key that the kernel knows:\n    kbuild-rs sign FILE.ko --key KEY --cert \
             CERTIFICATE --kernel {}",
            kernel.release(),
            shell_quote(kernel.dir().as_os_str())
        ));
    }
}

/// The kernel at a path or of a release.
fn find(named: &OsStr, of_env: bool) -> Result<Kernel> {
    let found = match named.to_str() {
        Some(text) => Kernel::find(text),
        None => Kernel::open(Path::new(named)),
    };
    found.map_err(|error| match of_env {
        true => error.about("the variable KDIR"),
        false => error,
    })
}
