//! The GNU compiler that built a kernel, or the nearest version on this machine.

use super::path::version_in_name;
use super::toolchain::{Chooser, Toolchain};
use crate::Result;
use crate::error::names::{CC, CROSS_COMPILE};

impl Chooser<'_> {
    /// The tools for a kernel that gcc built.
    pub(super) fn gcc(&self, prefix: Option<&str>) -> Result<Toolchain> {
        let compiler = self.kernel.compiler();
        let mut chosen = Toolchain::empty();
        let cc = match prefix {
            Some(prefix) => self.versioned(&format!("{prefix}gcc")),
            None if self.cross => {
                let (prefix, cc) = self.cross_gcc()?;
                if !cfg!(feature = "cc") && prefix != compiler.prefix() {
                    chosen.notes.push(format!(
                        "using {prefix}, the usual prefix for {}. To choose another: \
                         {CROSS_COMPILE}",
                        self.kernel.arch()
                    ));
                }
                chosen.set("CROSS_COMPILE", prefix);
                Some(cc)
            }
            None => {
                let named = compiler.program().unwrap_or("gcc");
                let plain = named.strip_prefix(compiler.prefix()).unwrap_or(named);
                let versioned = format!("gcc-{}", compiler.version.0);
                self.versioned(named)
                    .or_else(|| self.versioned(plain))
                    .or_else(|| self.path.program(&versioned).map(|_| versioned))
            }
        };
        let Some(cc) = cc else {
            if let Some(prefix) = prefix {
                self.check_prefix(prefix, &chosen)?;
            }
            let wanted = compiler.program().unwrap_or("gcc");
            let plain = wanted.strip_prefix(compiler.prefix()).unwrap_or(wanted);
            let error = self.not_found(format!(
                "the kernel {} was built with {wanted} ({:?}), which is not installed. {}",
                self.kernel.release(),
                compiler.text,
                self.choices(plain)
            ));
            let install = self.host.distro().package(plain);
            return Err(error.advise(install.advice("missing-compiler")));
        };
        let file = self.path.behind_launchers(&cc);
        let major = compiler.version.0;
        if let Some(other) = file
            .as_deref()
            .and_then(version_in_name)
            .filter(|v| *v != major)
        {
            chosen.notes.push(format!(
                "the kernel {} was built with gcc {major}, but {cc} here is gcc {other}. To choose \
                 another: {CC}",
                self.kernel.release()
            ));
        }
        chosen.tools.extend(file);
        chosen.set("CC", cc);
        Ok(chosen)
    }

    /// `name`, or `name-<major>` if `name` has no version and is missing or another compiler.
    fn versioned(&self, name: &str) -> Option<String> {
        let found = self.path.behind_launchers(name);
        let major = self.kernel.compiler().version.0;
        if name.ends_with("gcc") && major != 0 {
            let exact = format!("{name}-{major}");
            let file = self.path.behind_launchers(&exact);
            if file.is_some() && file != found {
                return Some(exact);
            }
        }
        found.map(|_| name.to_owned())
    }

    /// The prefix and the compiler for a kernel of another architecture.
    fn cross_gcc(&self) -> Result<(String, String)> {
        let compiler = self.kernel.compiler();
        let variant = self.kernel.variant();
        let own = Some(compiler.prefix()).filter(|prefix| !prefix.is_empty());
        // The compiler's own name comes first, because it may contain a version.
        if let (Some(prefix), Some(cc)) = (own, compiler.program().and_then(|p| self.versioned(p)))
        {
            return Ok((prefix.to_owned(), cc));
        }
        for prefix in own.into_iter().chain(variant.prefixes().iter().copied()) {
            if let Some(cc) = self.versioned(&format!("{prefix}gcc")) {
                return Ok((prefix.to_owned(), cc));
            }
        }
        #[cfg(feature = "cc")]
        let target = self.request.rust_target.or(variant.rust_target());
        #[cfg(feature = "cc")]
        if let Some(found) = target.and_then(|target| self.ask_cc(target)) {
            return Ok(found);
        }
        let prefix = own
            .filter(|prefix| variant.prefixes().contains(prefix))
            .or_else(|| variant.prefixes().first().copied())
            .unwrap_or_default();
        let package = format!("gcc-{}", prefix.trim_end_matches('-').replace('_', "-"));
        let install = self.host.distro().package(&package);
        let error = self.not_found(format!(
            "the kernel {} is for {}, but this machine is {} and has no compiler for {} (searched \
             for {prefix}gcc and similar names). Install one:\n    {install}\nor name one \
             ({CROSS_COMPILE})",
            self.kernel.release(),
            self.kernel.arch(),
            self.host.machine,
            self.kernel.arch(),
        ));
        Err(error.advise(install.advice("missing-compiler")))
    }
}
