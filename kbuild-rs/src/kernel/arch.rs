//! Names of architectures: the kernel's, the machine's, Rust's and the compilers'.

use super::config::Config;

/// The kernel's name for an architecture, as in `ARCH=` and in the folder `arch/`.
///
/// `x86_64`, `amd64`, `i386` give `x86`; `aarch64` gives `arm64`; `ppc64le` gives `powerpc`; and so
/// on. The kernel's own names and unknown names are returned unchanged.
pub fn arch_name(name: &str) -> &str {
    known(name).unwrap_or(name)
}

/// The kernel's name for the architecture of a Rust target triple.
///
/// `None` for targets that no kernel runs on, such as `wasm32-unknown-unknown`.
pub fn arch_of_target(triple: &str) -> Option<&'static str> {
    let first = triple.split('-').next()?;
    match first.strip_prefix("thumb") {
        Some(version) if version.starts_with('v') => Some("arm"),
        _ => known(first),
    }
}

/// The kernel's names, as in its `arch/` folder.
const WORDS: [&str; 22] = [
    "alpha",
    "arc",
    "arm",
    "arm64",
    "csky",
    "hexagon",
    "ia64",
    "loongarch",
    "m68k",
    "microblaze",
    "mips",
    "nios2",
    "openrisc",
    "parisc",
    "powerpc",
    "riscv",
    "s390",
    "sh",
    "sparc",
    "um",
    "x86",
    "xtensa",
];

/// Families whose members share a beginning: `armv7l`, `mips64el`, `riscv64gc`.
const FAMILIES: [(&str, &str); 9] = [
    ("aarch64", "arm64"),
    ("arm", "arm"),
    ("loong", "loongarch"),
    ("mips", "mips"),
    ("powerpc", "powerpc"),
    ("ppc", "powerpc"),
    ("riscv", "riscv"),
    ("s390", "s390"),
    ("sparc", "sparc"),
];

fn known(name: &str) -> Option<&'static str> {
    if let Some(word) = WORDS.iter().find(|word| **word == name) {
        return Some(word);
    }
    match name {
        "x86_64" | "amd64" | "i386" | "i486" | "i586" | "i686" => return Some("x86"),
        "parisc64" | "hppa" | "hppa64" => return Some("parisc"),
        "or1k" => return Some("openrisc"),
        "sh4" | "sh64" => return Some("sh"),
        _ => {}
    }
    FAMILIES
        .iter()
        .find(|(start, _)| name.starts_with(start))
        .map(|(_, word)| *word)
}

/// The number of bits that a name implies: 64 for `x86_64`, 32 for `i386`, `None` for a name like
/// `x86` that covers both.
pub(super) fn bits(name: &str) -> Option<u8> {
    match name {
        "amd64" | "sparcv9" | "hppa64" | "alpha" => Some(64),
        "arm" | "hppa" | "m68k" => Some(32),
        _ if name.contains("64") || name == "s390x" => Some(64),
        "i386" | "i486" | "i586" | "i686" | "ppc" | "mipsel" => Some(32),
        _ if name.starts_with("armv") || name.contains("32") => Some(32),
        _ => None,
    }
}

/// The architecture of this machine, by the kernel's name.
pub(super) fn machine() -> &'static str {
    known(std::env::consts::ARCH).unwrap_or(std::env::consts::ARCH)
}

/// The architecture of a configuration: its header line, else the symbol that each architecture
/// enables for itself.
pub(super) fn of_config(config: &Config) -> Option<&'static str> {
    if let Some(word) = config.header_arch().and_then(known) {
        return Some(word);
    }
    WORDS
        .iter()
        .copied()
        .find(|word| config.get(&word.to_ascii_uppercase()) == Some("y"))
        .or_else(|| (config.get("PPC") == Some("y")).then_some("powerpc"))
        .or_else(|| (config.get("SUPERH") == Some("y")).then_some("sh"))
}

/// A kernel's architecture, with the properties that select a compiler for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Variant<'a> {
    pub(super) arch: &'a str,
    pub(super) wide: bool,
    pub(super) little: bool,
}

impl Variant<'_> {
    /// The prefixes of `gcc` for this architecture, those of distributions first.
    pub(super) fn prefixes(self) -> &'static [&'static str] {
        match (self.arch, self.wide, self.little) {
            ("x86", true, _) => &["x86_64-linux-gnu-", "x86_64-pc-linux-gnu-", "x86_64-linux-"],
            ("x86", false, _) => &["i686-linux-gnu-", "x86_64-linux-gnu-", "i386-linux-"],
            ("arm64", ..) => &[
                "aarch64-linux-gnu-",
                "aarch64-none-linux-gnu-",
                "aarch64-unknown-linux-gnu-",
                "aarch64-linux-musl-",
                "aarch64-linux-",
            ],
            ("arm", ..) => &[
                "arm-linux-gnueabihf-",
                "arm-linux-gnueabi-",
                "arm-none-linux-gnueabihf-",
                "arm-linux-gnu-",
                "arm-linux-musleabihf-",
                "arm-none-eabi-",
            ],
            ("riscv", true, _) => &[
                "riscv64-linux-gnu-",
                "riscv64-unknown-linux-gnu-",
                "riscv64-linux-",
            ],
            ("riscv", false, _) => &["riscv32-linux-gnu-", "riscv64-linux-gnu-"],
            ("s390", ..) => &["s390x-linux-gnu-", "s390x-linux-"],
            ("powerpc", true, true) => &["powerpc64le-linux-gnu-", "powerpc64-linux-gnu-"],
            ("powerpc", true, false) => &["powerpc64-linux-gnu-", "powerpc64-linux-"],
            ("powerpc", false, _) => &["powerpc-linux-gnu-", "powerpc-linux-"],
            ("mips", true, true) => &["mips64el-linux-gnuabi64-", "mips64-linux-"],
            ("mips", true, false) => &["mips64-linux-gnuabi64-", "mips64-linux-"],
            ("mips", false, true) => &["mipsel-linux-gnu-", "mips-linux-"],
            ("mips", false, false) => &["mips-linux-gnu-", "mips-linux-"],
            ("loongarch", ..) => &[
                "loongarch64-linux-gnu-",
                "loongarch64-unknown-linux-gnu-",
                "loongarch64-linux-",
            ],
            ("sparc", true, _) => &["sparc64-linux-gnu-", "sparc64-linux-"],
            ("sparc", false, _) => &["sparc-linux-gnu-", "sparc-linux-"],
            ("parisc", true, _) => &["hppa64-linux-gnu-", "hppa64-linux-"],
            ("parisc", false, _) => &["hppa-linux-gnu-", "hppa-linux-"],
            ("alpha", ..) => &["alpha-linux-gnu-", "alpha-linux-"],
            ("m68k", ..) => &["m68k-linux-gnu-", "m68k-linux-"],
            ("sh", ..) => &["sh4-linux-gnu-", "sh4-linux-"],
            ("arc", ..) => &["arc-linux-gnu-", "arc-linux-"],
            _ => &[],
        }
    }

    /// The default Rust target for queries to the crate `cc`.
    #[cfg(feature = "cc")]
    pub(super) fn rust_target(self) -> Option<&'static str> {
        Some(match (self.arch, self.wide, self.little) {
            ("x86", true, _) => "x86_64-unknown-linux-gnu",
            ("x86", false, _) => "i686-unknown-linux-gnu",
            ("arm64", ..) => "aarch64-unknown-linux-gnu",
            ("arm", ..) => "armv7-unknown-linux-gnueabihf",
            ("riscv", true, _) => "riscv64gc-unknown-linux-gnu",
            ("s390", ..) => "s390x-unknown-linux-gnu",
            ("powerpc", true, true) => "powerpc64le-unknown-linux-gnu",
            ("powerpc", true, false) => "powerpc64-unknown-linux-gnu",
            ("powerpc", false, _) => "powerpc-unknown-linux-gnu",
            ("mips", true, true) => "mips64el-unknown-linux-gnuabi64",
            ("mips", true, false) => "mips64-unknown-linux-gnuabi64",
            ("mips", false, true) => "mipsel-unknown-linux-gnu",
            ("mips", false, false) => "mips-unknown-linux-gnu",
            ("loongarch", ..) => "loongarch64-unknown-linux-gnu",
            ("sparc", true, _) => "sparc64-unknown-linux-gnu",
            ("m68k", ..) => "m68k-unknown-linux-gnu",
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_usual_name_becomes_the_kernels_word() {
        for (name, word) in [
            ("amd64", "x86"),
            ("x86_64", "x86"),
            ("i386", "x86"),
            ("i686", "x86"),
            ("aarch64", "arm64"),
            ("arm64", "arm64"),
            ("armhf", "arm"),
            ("armv7l", "arm"),
            ("ppc64le", "powerpc"),
            ("ppc64el", "powerpc"),
            ("powerpc64le", "powerpc"),
            ("riscv64", "riscv"),
            ("s390x", "s390"),
            ("mips64el", "mips"),
            ("loong64", "loongarch"),
            ("loongarch64", "loongarch"),
            ("sparc64", "sparc"),
            ("um", "um"),
            ("pdp11", "pdp11"),
        ] {
            assert_eq!(arch_name(name), word, "{name}");
        }
    }

    #[test]
    fn rust_targets_become_the_kernels_word() {
        for (triple, word) in [
            ("x86_64-unknown-linux-gnu", Some("x86")),
            ("i686-unknown-linux-musl", Some("x86")),
            ("x86_64-unknown-none", Some("x86")),
            ("aarch64-unknown-linux-gnu", Some("arm64")),
            ("armv7-unknown-linux-gnueabihf", Some("arm")),
            ("thumbv7neon-unknown-linux-gnueabihf", Some("arm")),
            ("riscv64gc-unknown-linux-gnu", Some("riscv")),
            ("s390x-unknown-linux-gnu", Some("s390")),
            ("powerpc64le-unknown-linux-gnu", Some("powerpc")),
            ("loongarch64-unknown-linux-gnu", Some("loongarch")),
            ("wasm32-unknown-unknown", None),
            ("bpfel-unknown-none", None),
            ("", None),
        ] {
            assert_eq!(arch_of_target(triple), word, "{triple}");
        }
    }

    #[test]
    fn a_configuration_without_its_header_still_tells_its_architecture() {
        let of = |text: &str| of_config(&Config::parse(text.into()));
        assert_eq!(
            of("# Linux/x86_64 6.9.4 Kernel Configuration\n"),
            Some("x86")
        );
        assert_eq!(of("CONFIG_X86=y\n"), Some("x86"));
        assert_eq!(of("CONFIG_ARM64=y\n"), Some("arm64"));
        assert_eq!(of("CONFIG_PPC=y\n"), Some("powerpc"));
        assert_eq!(of("CONFIG_MODULES=y\n"), None);
    }
}
