//! The flags that state requirements on the kernel.

use clap::Args;

/// The flags of `build` and `info`; `build --help` explains the form of their values.
#[derive(Debug, Args)]
#[command(next_help_heading = "Requirements on the kernel")]
pub(crate) struct RequiresArgs {
    /// The kernel's configuration must have this symbol as y or m. !CONFIG_X: it must be off. A ~ in
    /// front makes any requirement a warning. You may add a reason for the message after a colon:
    /// "~!CONFIG_X: the reason". A kbuild.toml in the module tree states requirements, too.
    #[arg(long, value_name = "CONFIG_X[: REASON]", allow_hyphen_values = true)]
    pub(crate) requires_config: Vec<String>,
    /// The kernel's version must be within these bounds, such as ">=5.10, <7.0".
    #[arg(long, value_name = "BOUNDS[: REASON]")]
    pub(crate) requires_kernel: Vec<String>,
    /// The kernel must have this architecture (x86, arm64, aarch64, …). Several are alternatives.
    #[arg(long, value_name = "ARCH[: REASON]")]
    pub(crate) requires_arch: Vec<String>,
    /// The kernel or a provider (--symvers) must export this symbol.
    #[arg(long, value_name = "SYMBOL[: REASON]")]
    pub(crate) requires_symbol: Vec<String>,
}

impl RequiresArgs {
    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        let all = [
            &self.requires_config,
            &self.requires_kernel,
            &self.requires_arch,
            &self.requires_symbol,
        ];
        all.iter().all(|list| list.is_empty())
    }

    /// States them for a build.
    pub(crate) fn state(&self, build: &mut kbuild::Build) {
        for check in &self.requires_config {
            build.requires_config(check);
        }
        for check in &self.requires_kernel {
            build.requires_kernel(check);
        }
        for check in &self.requires_arch {
            build.requires_arch(check);
        }
        for check in &self.requires_symbol {
            build.requires_symbol(check);
        }
    }
}
