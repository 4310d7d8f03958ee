//! Cross compilers that the crate `cc` knows.
//!
//! The feature `cc` is off by default, because few builds need a compiler that neither the kernel
//! nor the usual prefix of its architecture leads to.

use super::arch::arch_name;
use super::toolchain::Chooser;

impl Chooser<'_> {
    /// Asks the crate `cc`, which knows more compilers, and the user's settings for this target.
    pub(super) fn ask_cc(&self, target: &str) -> Option<(String, String)> {
        let tool = cc::Build::new()
            .target(target)
            .host(&format!("{}-unknown-linux-gnu", std::env::consts::ARCH))
            .opt_level(0)
            .cargo_metadata(false)
            .cargo_warnings(false)
            .cargo_output(false)
            .try_get_compiler()
            .ok()?;
        let program = tool.path().to_str()?;
        let prefix = program.strip_suffix("gcc")?;
        // The crate searches this process's PATH, but make will search the requested one.
        let fits = arch_name(prefix.rsplit('/').next()?.split('-').next()?) == self.kernel.arch()
            && self.path.program(program).is_some();
        fits.then(|| (prefix.to_owned(), program.to_owned()))
    }
}
