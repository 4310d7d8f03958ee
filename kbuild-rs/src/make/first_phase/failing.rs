//! The lines that the top Makefile's makes print if a make that they started fails:
//!
//! ```text
//! make[1]: *** [/usr/src/linux/Makefile:2222: .] Error 2
//! make: *** [Makefile:260: __sub-make] Error 2
//! ```

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::known::Build;
use crate::sys::regular;

/// The starts of the rules that start the known makes, in their order, and of the check for two
/// modules of one name; the first that a kernel has.
const RULES: [&[&str]; 4] = [
    &["$(build-dir): prepare", "$(build-dirs): prepare"],
    &["modpost: ", "modules: $(MODORDER)"],
    &["modules: modpost"],
    &["modules_check: "],
];

/// The number of the check.
pub(super) const CHECK: usize = 3;

/// The rule of the first pass, where there are two.
const FIRST_PASS: &[&str] = &["__sub-make:"];

/// The lines about the make with this number, without the exit code, the innermost first. `above` is
/// the number of makes above it.
///
/// # Errors
/// If the top Makefile has an unknown form.
pub(super) fn lines(
    number: usize,
    above: usize,
    build: &Build<'_>,
) -> Result<Vec<OsString>, String> {
    let makefile = build.source_dir.join("Makefile");
    let text = regular::read(&makefile).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let unknown = || format!("{} has an unknown form", makefile.display());
    let (rule, target) = rule(&text, RULES[number]).ok_or_else(unknown)?;
    let target = match number {
        0 if build.works_in_module => PathBuf::from("."),
        0 => build.module_dir.to_owned(),
        _ => PathBuf::from(target),
    };
    let line = |level: usize, number: usize, target: &Path| {
        // The first make reads the Makefile of the kernel tree, the second one names the sources'.
        let in_place = level == 0 && build.kernel_dir == build.source_dir;
        let file = match in_place {
            true => Path::new("Makefile"),
            false => &makefile,
        };
        let make = match level {
            0 => "make".to_owned(),
            _ => format!("make[{level}]"),
        };
        let (file, target) = (file.display(), target.display());
        OsString::from(format!("{make}: *** [{file}:{number}: {target}] Error "))
    };
    match above {
        1 => Ok(vec![line(0, rule, &target)]),
        2 => {
            let (first, name) = self::rule(&text, FIRST_PASS).ok_or_else(unknown)?;
            let outer = line(0, first, Path::new(name));
            Ok(vec![line(1, rule, &target), outer])
        }
        _ => Err(unknown()),
    }
}

/// The number of the first recipe line of the only rule that starts so, and its target.
fn rule<'a>(text: &'a str, starts: &[&str]) -> Option<(usize, &'a str)> {
    let lines: Vec<&str> = text.lines().collect();
    let found = starts.iter().find_map(|start| {
        let mut all = lines
            .iter()
            .enumerate()
            .filter(|(at, line)| line.starts_with(start) && recipe(&lines, *at).is_some());
        let (at, line) = all.next()?;
        all.next().is_none().then_some((at, *line))
    })?;
    Some((recipe(&lines, found.0)? + 1, found.1.split(':').next()?))
}

/// The place of the first recipe line of the rule at `at`.
fn recipe(lines: &[&str], at: usize) -> Option<usize> {
    let mut continues = true;
    for (number, line) in lines.iter().enumerate().skip(at) {
        if continues || line.starts_with("ifn") || line.starts_with("if ") {
            continues = line.ends_with('\\');
        } else {
            return line.starts_with('\t').then_some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "__sub-make:\n\t$(Q)$(MAKE) -C x\n\nmodules: vmlinux\nmodules: modpost\n\
        ifneq ($(KBUILD_MODPOST_NOFINAL),1)\n\t$(Q)$(MAKE) -f x\nendif\n\
        modpost: $(if x,, \\\n\t y) \\\n\t$(if z)\n\t$(Q)$(MAKE) -f y\n\
        $(build-dir): prepare\n\t$(Q)$(MAKE) z\n";

    #[test]
    fn the_first_line_of_a_recipe_is_found() {
        for (starts, number, target) in [
            (FIRST_PASS, 2, "__sub-make"),
            (RULES[0], 14, "$(build-dir)"),
            (RULES[1], 12, "modpost"),
            (RULES[2], 7, "modules"),
        ] {
            assert_eq!(rule(TEXT, starts), Some((number, target)));
        }
        assert_eq!(rule(TEXT, &["modules: vmlinux", "other:"]), None);
    }
}
