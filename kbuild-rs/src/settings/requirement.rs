//! What a module requires of the kernel.

/// The subject of a [`Requirement`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum RequirementKind {
    /// A symbol of the kernel's configuration: `CONFIG_NET`, `!CONFIG_PREEMPT_RT`.
    Config,
    /// The version of the kernel: `>=5.10, <7.0`.
    Kernel,
    /// The architecture of the kernel: `x86`, `arm64`. Several are alternatives.
    Arch,
    /// A symbol that the kernel or a provider exports.
    Symbol,
}

impl RequirementKind {
    /// The setting in the library; CMake and Meson use the same word.
    pub(crate) fn setting(self) -> &'static str {
        match self {
            RequirementKind::Config => "requires_config",
            RequirementKind::Kernel => "requires_kernel",
            RequirementKind::Arch => "requires_arch",
            RequirementKind::Symbol => "requires_symbol",
        }
    }
}

/// A requirement that a module states, see
/// [`Build::requires_config`](crate::Build::requires_config).
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Requirement {
    /// Its subject.
    pub kind: RequirementKind,
    /// The check, in its usual form: `CONFIG_NET`, `>=5.10, <7.0`, `x86 or arm64`.
    pub check: String,
    /// The stated reason.
    pub reason: Option<String>,
    /// The place that states it: `/src/driver/kbuild.toml:3`, or the name of the setting.
    pub origin: String,
    /// Whether a kernel that does not meet it only causes a warning (`~`).
    pub only_warns: bool,
}
