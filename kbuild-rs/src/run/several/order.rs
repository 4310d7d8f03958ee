//! The order of builds that share a stage.
//!
//! A module folder may read a file that another folder of its root has built, and only its makefile
//! says so (`KBUILD_EXTRA_SYMBOLS := $(src)/../common/Module.symvers`). By hand, folders are built
//! one after the other. kbuild-rs builds them in the order in which they are named.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::resolve::{base, output_directory, tree_folders};
use crate::settings::{Module, Settings};

/// The properties that identify a stage: the output directory, the tree root, the kernel.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Shared {
    out: PathBuf,
    root: PathBuf,
    kernels: Vec<OsString>,
}

impl Shared {
    /// `None` for a declared module, because no other build has its stage.
    pub(crate) fn of(settings: &Settings) -> Option<Shared> {
        let Module::Tree(tree) = &settings.module else {
            return None;
        };
        let out = output_directory(settings).ok()?;
        let base = base(settings).ok()?;
        let (root, _) = tree_folders(tree, &base, &out).ok()?;
        Some(Shared {
            out,
            root,
            kernels: settings.kernels.clone(),
        })
    }
}

/// For each build, the builds that come before it: earlier ones with the same stage, unless they
/// wait for this one. `first` has the builds that come first anyway.
pub(crate) fn in_turn(shared: &[Option<Shared>], first: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut all: Vec<Vec<usize>> = first.to_vec();
    let mut turns = vec![Vec::new(); shared.len()];
    for later in 0..shared.len() {
        for earlier in 0..later {
            let together = shared[later].is_some() && shared[later] == shared[earlier];
            if together && !waits_for(earlier, later, &all) {
                all[later].push(earlier);
                turns[later].push(earlier);
            }
        }
    }
    turns
}

/// Whether a build must wait for another, directly or through others.
fn waits_for(build: usize, other: usize, first: &[Vec<usize>]) -> bool {
    let mut seen = vec![false; first.len()];
    let mut pending = vec![build];
    while let Some(at) = pending.pop() {
        if at == other {
            return true;
        }
        if !std::mem::replace(&mut seen[at], true) {
            pending.extend(&first[at]);
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(root: &str) -> Option<Shared> {
        Some(Shared {
            out: "/o".into(),
            root: root.into(),
            kernels: Vec::new(),
        })
    }

    #[test]
    fn builds_of_one_stage_come_in_the_order_in_which_they_were_added() {
        let stages = [
            shared("/a"),
            shared("/b"),
            None,
            shared("/a"),
            None,
            shared("/a"),
        ];
        let none = vec![Vec::new(); stages.len()];
        let turns: [&[usize]; 6] = [&[], &[], &[], &[0], &[], &[0, 3]];
        assert_eq!(in_turn(&stages, &none), turns);
    }

    #[test]
    fn a_build_comes_after_its_providers_all_the_same() {
        let stages = [shared("/a"), shared("/a"), shared("/a")];
        // The first build needs the last one, through the second.
        let first = [vec![1], vec![2], vec![]];
        assert_eq!(in_turn(&stages, &first), vec![Vec::<usize>::new(); 3]);
        let first = [vec![2], vec![], vec![]];
        assert_eq!(in_turn(&stages, &first), [vec![], vec![0], vec![]]);
    }
}
