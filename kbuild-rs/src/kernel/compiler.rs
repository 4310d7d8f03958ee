//! The compiler that a kernel was built with.

use super::config::Config;

/// GCC options that clang (and so clangd) refuses. None of them changes types or macros.
pub(crate) const GCC_ONLY: &[&str] = &[
    "--param=allow-store-data-races=",
    "-fconserve-stack",
    "-femit-struct-debug-",
    "-ffile-prefix-map=",
    "-fmacro-prefix-map=",
    "-fmin-function-alignment=",
    "-fno-allow-store-data-races",
    "-fno-code-hoisting",
    "-fno-ipa-",
    "-fno-partial-inlining",
    "-fno-section-anchors",
    "-fno-stack-clash-protection",
    "-fno-var-tracking-assignments",
    "-fplugin",
    "-fsanitize=bounds-strict",
    "-mfunction-return=",
    "-mharden-sls=",
    "-mindirect-branch",
    "-mno-fp-ret-in-387",
    "-mpreferred-stack-boundary=",
    "-mrecord-mcount",
    "-mskip-rax-setup",
];

/// The compiler that a kernel was built with, from its configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Compiler {
    /// `CONFIG_CC_VERSION_TEXT`, the first line that its `--version` printed:
    /// `gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0`.
    pub text: String,
    /// GCC or Clang.
    pub kind: CompilerKind,
    /// Major, minor, patch; zeros if the configuration does not contain them.
    pub version: (u32, u32, u32),
    /// Whether the kernel was linked with LLVM's linker (`CONFIG_LD_IS_LLD`). Modules of such a
    /// kernel need LLVM's other tools too.
    pub lld: bool,
}

/// GCC or Clang.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
pub enum CompilerKind {
    /// The GNU compiler.
    Gcc,
    /// LLVM's compiler.
    Clang,
}

impl Compiler {
    pub(super) fn of_config(config: &Config) -> Compiler {
        let is_clang = config.get("CC_IS_CLANG") == Some("y");
        let (kind, symbol) = match is_clang {
            true => (CompilerKind::Clang, "CLANG_VERSION"),
            false => (CompilerKind::Gcc, "GCC_VERSION"),
        };
        // scripts/cc-version.sh: 10000 * major + 100 * minor + patch
        let number: u32 = config
            .get(symbol)
            .and_then(|value| value.parse().ok())
            .unwrap_or(0);
        Compiler {
            text: config.get("CC_VERSION_TEXT").unwrap_or_default().to_owned(),
            kind,
            version: (number / 10_000, number / 100 % 100, number % 100),
            lld: config.get("LD_IS_LLD") == Some("y"),
        }
    }

    /// The program that the kernel's builder called, if the text begins with one: `gcc-12`,
    /// `aarch64-linux-gnu-gcc`. Clang's text begins with its vendor's name.
    pub(super) fn program(&self) -> Option<&str> {
        let word = self.text.split_whitespace().next()?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
        let (_, version) = word.rsplit_once("gcc")?;
        let named = version.is_empty() || version.starts_with('-');
        (self.kind == CompilerKind::Gcc && named && word.chars().all(plain)).then_some(word)
    }

    /// `aarch64-linux-gnu-` of `aarch64-linux-gnu-gcc-12`; empty for plain `gcc`.
    pub(super) fn prefix(&self) -> &str {
        self.program()
            .and_then(|word| word.rsplit_once("gcc"))
            .map_or("", |(prefix, _)| prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Compiler {
        Compiler::of_config(&Config::parse(text.into()))
    }

    #[test]
    fn a_gcc_kernel_names_its_program_and_its_version() {
        let gcc = of(
            "CONFIG_CC_VERSION_TEXT=x86_64-linux-gnu-gcc-12 (Debian 12.2.0-14) 12.2.0\n\
             CONFIG_GCC_VERSION=120200\nCONFIG_CLANG_VERSION=0\n",
        );
        assert_eq!(gcc.kind, CompilerKind::Gcc);
        assert_eq!(gcc.version, (12, 2, 0));
        assert_eq!(gcc.program(), Some("x86_64-linux-gnu-gcc-12"));
        assert_eq!(gcc.prefix(), "x86_64-linux-gnu-");
        assert_eq!(
            of("CONFIG_CC_VERSION_TEXT=\"gcc (GCC) 14.1.1\"\n").prefix(),
            ""
        );
    }

    #[test]
    fn a_clang_kernel_is_known_by_its_symbols() {
        let clang = of("CONFIG_CC_VERSION_TEXT=\"Debian clang version 19.1.7\"\n\
             CONFIG_CC_IS_CLANG=y\nCONFIG_CLANG_VERSION=190107\nCONFIG_LD_IS_LLD=y\n");
        assert_eq!(clang.kind, CompilerKind::Clang);
        assert_eq!(clang.version, (19, 1, 7));
        assert!(clang.lld);
        assert_eq!(clang.program(), None);
    }

    #[test]
    fn a_text_that_is_not_a_program_is_not_taken_for_one() {
        assert_eq!(of("").program(), None);
        assert_eq!(
            of("CONFIG_CC_VERSION_TEXT=$(touch${IFS}x)gcc 1\n").program(),
            None
        );
        assert_eq!(of("CONFIG_CC_VERSION_TEXT=mygccish 1\n").program(), None);
    }
}
