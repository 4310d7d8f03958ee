//! Search paths that lead to different folders when kbuild reads a makefile and when `make` reads
//! it by hand.

use std::path::Path;

use super::BuildFacts;
use crate::error::names::MAKE_VAR;
use crate::kbuild::{Makefiles, uses};

/// How makefiles ask for make's working directory. `PWD` is not one of them, because kbuild-rs sets
/// it to the module folder.
const WORKING_FOLDER: &[&str] = &["$(shell pwd)", "${shell pwd}", "$(CURDIR)", "${CURDIR}"];

/// Explains a missing header that `make` by hand finds in a search path.
pub(super) fn explain(header: &str, facts: &BuildFacts) -> Option<String> {
    let makefiles = Makefiles::of(&facts.module_dir);
    let here = facts.module_dir.to_string_lossy();
    let values = makefiles.assignments().map(|a| a.value);
    for word in values.flat_map(search_paths) {
        let folder = makefiles.expand(word);
        let by_hand = replaced(&folder, &here);
        if !Path::new(&by_hand).join(header).is_file() {
            continue;
        }
        let told = set_by_hand(&makefiles, word).or_else(|| {
            let leads_elsewhere = folder != by_hand && !facts.works_in_module;
            leads_elsewhere.then(|| of_working_folder(&makefiles, word))
        });
        if let Some(told) = told {
            return Some(format!("the header {header} was not found: {told}"));
        }
    }
    None
}

/// The folders behind each `-I` of a value.
fn search_paths(value: &str) -> impl Iterator<Item = &str> {
    value.split("-I").skip(1).map(|word| {
        // `$(shell pwd)` contains a blank.
        let call = WORKING_FOLDER.iter().find(|call| word.starts_with(**call));
        let start = call.map_or(0, |call| call.len());
        let end = word[start..].find(char::is_whitespace);
        &word[..end.map_or(word.len(), |at| start + at)]
    })
}

/// A variable that only the part for `make` by hand sets. It is empty for kbuild.
fn set_by_hand(makefiles: &Makefiles, word: &str) -> Option<String> {
    let (name, value) = makefiles.set_by_hand().find(|(name, _)| uses(word, name))?;
    Some(format!(
        "the search path uses {name}, but the makefile only sets {name} in the part for a direct \
         call of make. kbuild does not read that part. Use $(src) instead, or set {name} for this \
         build{}",
        setting(name, value)
    ))
}

fn of_working_folder(makefiles: &Makefiles, word: &str) -> String {
    let is_it = |value: &str| WORKING_FOLDER.iter().any(|call| value.contains(call));
    let mut assignments = makefiles.assignments();
    let variable = assignments.find(|a| is_it(a.value) && uses(word, a.name));
    let instead =
        variable.map(|a| format!(", or set it for this build{}", setting(a.name, a.value)));
    format!(
        "{} is make's working directory. Before 6.13, this is the kernel tree, not the module \
         tree. Use $(src), which is the module tree on every kernel{}",
        variable.map_or(word, |variable| variable.name),
        instead.unwrap_or_default()
    )
}

/// The flag that gives a variable its value of `make` by hand.
fn setting(name: &str, value: &str) -> String {
    let value = ["$(PWD)", "${PWD}"]
        .iter()
        .fold(replaced(value, "{staged_dir}"), |value, pwd| {
            value.replace(pwd, "{staged_dir}")
        });
    match value.contains('$') {
        true => format!(" ({MAKE_VAR})"),
        false => format!(
            ":\n    --make-var '{name}={value}'\n(Build::make_var; in CMake, MAKE_VARIABLES; in \
             Meson, make_variables)"
        ),
    }
}

/// A text with another folder in place of make's working directory.
fn replaced(text: &str, folder: &str) -> String {
    let calls = WORKING_FOLDER.iter();
    calls.fold(text.to_owned(), |text, call| text.replace(call, folder))
}

#[cfg(test)]
mod tests {
    use super::super::headers::tests::told;

    #[test]
    fn a_search_path_from_makes_working_folder_is_explained_if_that_is_the_kernels_folder() {
        for (makefile, wanted) in [
            (
                "TopDIR ?= $(shell pwd)\nccflags-y += -O1 -I$(TopDIR)/inc\n",
                "TopDIR={staged_dir}'",
            ),
            (
                "export TOP := $(CURDIR)/inc\nINC := -I${TOP}\nccflags-y += $(INC)\n",
                "TOP={staged_dir}/inc'",
            ),
            ("ccflags-y += -I$(shell pwd)/inc -DX\n", "Use $(src)"),
        ] {
            let files = [("Makefile", makefile), ("inc/x.h", "")];
            let text = told("x.h", &files, false);
            assert!(
                text.contains("Before 6.13, this is the kernel tree"),
                "{text}"
            );
            assert!(text.contains(wanted), "no {wanted} in {text}");
            assert!(!told("x.h", &files, true).contains("working directory"));
            assert!(!told("y.h", &files, false).contains("working directory"));
        }
        let files = [
            ("Makefile", "ccflags-y += -I$(src)/other -I$(PWD)\n"),
            ("inc/x.h", ""),
        ];
        assert!(!told("x.h", &files, false).contains("working directory"));
    }

    #[test]
    fn a_search_path_that_only_make_by_hand_sets_is_explained_on_every_kernel() {
        for value in ["$(shell pwd)", "$(PWD)", "${CURDIR}"] {
            let makefile = format!(
                "ifneq ($(KERNELRELEASE),)\nobj-m := a.o\nccflags-y := -I$(TOP)/inc\nelse\n\
                 TOP := {value}\nall:\n\tmake -C x M=$(TOP)\nendif\n"
            );
            let files = [("Makefile", &*makefile), ("inc/x.h", "")];
            for works_in_module in [false, true] {
                let text = told("x.h", &files, works_in_module);
                assert!(text.contains("only sets TOP in the part"), "{text}");
                assert!(text.contains("--make-var 'TOP={staged_dir}'"), "{text}");
                let text = told("y.h", &files, works_in_module);
                assert!(!text.contains("TOP"), "{text}");
            }
        }
    }
}
