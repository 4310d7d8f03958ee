//! Options of the outer build besides jobs: show commands, or do nothing.

use super::ninja;

/// Whether the build outside shows its commands: `ninja -v`, or `VERBOSE` in the environment, as
/// the Makefiles that CMake writes have it.
pub fn outer_build_is_verbose() -> bool {
    let by_make = std::env::var_os("VERBOSE").is_some_and(|value| !value.is_empty());
    by_make || ninja::above().first().is_some_and(ninja::Ninja::is_verbose)
}

/// Whether the make outside only tells what it would do (`-n`), or whether it would do anything
/// (`-q`), or marks it as done (`-t`). A recipe that is given its jobserver runs all the same.
pub fn outer_make_is_dry_run() -> bool {
    std::env::var("MAKEFLAGS").is_ok_and(|flags| pretends(&flags))
}

/// Flags of one letter stand together in the first word, without a dash.
fn pretends(flags: &str) -> bool {
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
