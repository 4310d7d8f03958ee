//! The outer build's options besides jobs: show commands, or do nothing.

use super::ninja;

/// Whether the outer build shows its commands: `ninja -v`, or `VERBOSE` in the environment, as in
/// CMake's Makefiles.
pub fn outer_build_is_verbose() -> bool {
    let by_make = std::env::var_os("VERBOSE").is_some_and(|value| !value.is_empty());
    by_make || ninja::above().first().is_some_and(ninja::Ninja::is_verbose)
}

/// Whether the outer make only prints its commands (`-n`), only asks whether there is anything to
/// do (`-q`), or only marks files as done (`-t`). It still runs a recipe that gets its jobserver.
pub fn outer_make_is_dry_run() -> bool {
    std::env::var("MAKEFLAGS").is_ok_and(|flags| pretends(&flags))
}

/// Whether the flags contain such an option. Flags of one letter stand together in the first word,
/// without a dash.
pub(super) fn pretends(flags: &str) -> bool {
    let letters = flags.split(' ').next().unwrap_or_default();
    !letters.starts_with('-') && !letters.contains('=') && letters.contains(['n', 'q', 't'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_make_that_only_pretends_is_noticed() {
        for flags in ["n", "kn -j4 --jobserver-auth=3,4", "sq", "t -- V=1"] {
            assert!(pretends(flags), "{flags}");
        }
        for flags in [
            "",
            " -j4 -- n=1",
            "kw -j2",
            "--no-print-directory",
            "note=1",
        ] {
            assert!(!pretends(flags), "{flags}");
        }
    }
}
