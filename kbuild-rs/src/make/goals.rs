//! The goals of make: the modules, or the targets that `--target` names.

use std::path::{Component, Path};

use crate::syntax::is_carryable;
use crate::{Error, Result};

/// kbuild's name for all modules of the folder.
pub(crate) const MODULES: &str = "modules";

/// The goals of kbuild in a module folder that are not files. The other goals of the kernel's
/// makefiles (`bzImage`, `install`) write into the kernel tree, or beside it.
const GOALS: &[&str] = &[MODULES, "clean", "help"];

/// The types of single files that kbuild builds: the kernel's `single-targets`. kbuild looks for
/// any other file in the kernel tree, and may write it there (`include/generated/utsrelease.h`).
const FILES: &[&str] = &[
    "a", "i", "ko", "lds", "ll", "lst", "mod", "o", "rsi", "s", "symtypes",
];

/// The command that makes a listing. make's command line replaces the kernel's own command with it.
/// The kernel's command compiles into `$*.o`, a name without its folder. Before 6.13 that file goes
/// into the kernel tree. Since then it replaces the module's own object by one with debug
/// information.
const LISTING: &str = "cmd_cc_lst_c=$(CC) $(c_flags) -g -c -o $(dot-target).o $< && \
    $(CONFIG_SHELL) $(srctree)/scripts/makelst $(dot-target).o System.map $(OBJDUMP) > $@ && \
    rm -f $(dot-target).o";

/// The additional words that make's command line needs for these goals.
pub(super) fn assignment(goals: &[String]) -> Option<&'static str> {
    let has_listing = goals.iter().any(|goal| goal.ends_with(".lst"));
    has_listing.then_some(LISTING)
}

/// make's goals for the requested targets, in a module folder whose sources are in `dir`.
///
/// # Errors
/// Refuses targets that do not belong to a module folder: an option, an assignment, a path that
/// leads elsewhere, a word that make or its shell would take apart, a goal of the kernel's own.
pub(crate) fn goals(targets: &[String], dir: Option<&Path>) -> Result<Vec<String>> {
    let mut goals: Vec<String> = Vec::new();
    for target in targets {
        check_target(target, dir)?;
        // `./` is the whole folder. kbuild would treat it as a folder with nothing to do.
        let whole = Path::new(target)
            .components()
            .all(|c| c == Component::CurDir);
        let goal = if whole { MODULES } else { target };
        if !goals.iter().any(|g| g == goal) {
            goals.push(goal.to_owned());
        }
    }
    if goals.is_empty() {
        goals.push(MODULES.to_owned());
    }
    Ok(goals)
}

fn check_target(target: &str, dir: Option<&Path>) -> Result<()> {
    let path = Path::new(target);
    let inside = path
        .components()
        .all(|c| matches!(c, Component::Normal(_) | Component::CurDir));
    if target.is_empty() || target.starts_with('-') || !inside || !is_carryable(path) {
        return Err(Error::input(format!(
            "{target:?} is not a target: name a file or a folder below the module tree, as in \
             foo.o or dir/, without blanks and characters that are special to make"
        )));
    }
    let extension = path.extension().and_then(|end| end.to_str());
    let is_file = extension.is_some_and(|end| FILES.contains(&end));
    if target.ends_with('/') || target == "." || GOALS.contains(&target) {
        return Ok(());
    }
    let advice = match target {
        "modules_install" => {
            "kbuild-rs does not install yet. Copy the modules from the output directory into \
             /lib/modules/RELEASE/updates/. Then run\n    depmod RELEASE"
        }
        "compile_commands.json" => "every build writes one beside its products",
        _ if dir.is_some_and(|dir| dir.join(path).is_dir()) => {
            "it is a folder: end it with a slash"
        }
        _ if is_file => return Ok(()),
        _ => {
            "kbuild makes files of a module tree (foo.o, foo.i, foo.s, foo.lst, foo.ko), folders \
             (dir/), `modules` and `clean`"
        }
    };
    Err(Error::input(format!(
        "cannot take the target {target}: {advice}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(targets: &[&str]) -> Result<Vec<String>> {
        let targets: Vec<_> = targets.iter().map(|t| (*t).to_owned()).collect();
        goals(&targets, Some(Path::new("/usr")))
    }

    #[test]
    fn a_target_is_a_name_below_the_module_folder() {
        for good in ["foo.o", "dir/", "./a/b.ko", "a/b.lst", "modules", "help"] {
            assert_eq!(of(&[good]).unwrap(), [good]);
        }
        for bad in [
            "",
            "-f/x",
            "--eval=$(shell x)",
            "X=1",
            "../x.o",
            "/etc/passwd",
            "a b",
            "a;b",
            "a\nb",
        ] {
            let error = of(&[bad]).unwrap_err().to_string();
            assert!(error.contains("is not a target"), "{bad:?}: {error}");
        }
    }

    #[test]
    fn only_a_listing_needs_a_command_of_ours() {
        for (targets, ours) in [
            (&["a.o", "lst/"][..], false),
            (&["a.o", "b/a.lst"], true),
            (&[], false),
        ] {
            let found = assignment(&of(targets).unwrap());
            assert_eq!(found.is_some(), ours, "{targets:?}");
        }
    }

    #[test]
    fn the_modules_are_made_where_nothing_or_the_whole_folder_is_asked_for() {
        for targets in [&[][..], &["modules"], &["./"], &["."], &["modules", "./"]] {
            assert_eq!(of(targets).unwrap(), ["modules"], "{targets:?}");
        }
        assert_eq!(of(&["a.i", "./"]).unwrap(), ["a.i", "modules"]);
    }

    #[test]
    fn a_goal_of_the_kernels_own_is_refused_with_an_alternative() {
        for (bad, advice) in [
            ("modules_install", "depmod"),
            ("compile_commands.json", "beside its products"),
            ("install", "foo.lst"),
            ("bzImage", "foo.lst"),
            ("tools/objtool", "foo.lst"),
            ("include/generated/utsrelease.h", "foo.lst"),
            ("include/config/kernel.release", "foo.lst"),
            (".config", "foo.lst"),
            // `share` is a folder in /usr.
            ("share", "end it with a slash"),
        ] {
            let error = of(&[bad]).unwrap_err().to_string();
            assert!(error.contains(advice), "{bad}: {error}");
        }
    }
}
