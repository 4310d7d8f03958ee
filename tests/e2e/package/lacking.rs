//! `package`, `sign` and `install` where something is missing that they need from the system: the
//! error names it.

use std::fs;
use std::process::Command;

use kbuild_tests::lab::packages;
use kbuild_tests::snapshot::Snapshot;
use kbuild_tests::{other_user, run, scope};

use super::modules::Modules;
use super::stopped::{calls, make_key};
use crate::support::*;

/// The call behind other words, with its environment and its folder.
fn behind(front: &[&str], call: &Command) -> Command {
    let mut command = Command::new(front[0]);
    command
        .args(&front[1..])
        .arg(call.get_program())
        .args(call.get_args())
        .envs(
            call.get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .current_dir(call.get_current_dir().unwrap());
    command
}

/// Some of their threads and programs cannot be started, in another place with each number.
#[test]
fn too_few_processes_are_named_and_never_a_panic() {
    packages::install(&["rpm", "squashfs-tools"]).unwrap();
    let modules = Modules::new();
    make_key(&modules);
    let tmp = modules.scratch.path().join("tmp");
    fs::create_dir(&tmp).unwrap();
    let front = other_user(55_000, "+dac_override,+chown,+fowner");
    let front: Vec<&str> = front.iter().map(String::as_str).collect();
    // One format of `package`, `sign` and `install`: all formats start their programs in one place.
    let count = calls(&modules, &tmp).len();
    let places = match scope::is_full() {
        true => 0..count,
        false => count - 3..count,
    };
    for place in places {
        for number in 1..5 {
            let _ = fs::remove_dir_all(modules.out());
            fs::create_dir(modules.out()).unwrap();
            let call = calls(&modules, &tmp).swap_remove(place);
            let script = format!("ulimit -c 0; ulimit -u {number} && exec \"$@\"");
            let words = [&front[..], &["bash", "-c", &script, "bash"]].concat();
            let output = run::run(&mut behind(&words, &call), LIMIT).unwrap();
            let said = output.err();
            let what = format!("{number}: {call:?}\n{said}");
            assert!(!said.contains("panicked"), "{what}");
            match output.status.code() {
                Some(0) => {}
                Some(1) => {
                    let limit = format!("(ulimit -u) is {number}: raise it");
                    // Another program reached it.
                    let is_of_tool = said.contains(" failed: ");
                    assert!(said.contains(&limit) || is_of_tool, "{what}");
                }
                _ => panic!("{:?}: {what}", output.status),
            }
        }
    }
}

#[test]
fn a_folder_of_temporary_files_that_cannot_be_made_is_the_fault_of_tmpdir() {
    packages::install(&["rpm", "squashfs-tools"]).unwrap();
    let modules = Modules::new();
    make_key(&modules);
    fs::create_dir(modules.out()).unwrap();
    let missing = modules.scratch.path().join("no/such");
    for call in calls(&modules, &missing) {
        let said = refused(&mut behind(&["env"], &call), 1);
        println!("{call:?}\n{said}");
        assert!(
            said.contains("TMPDIR") && said.contains("no/such"),
            "{said}"
        );
        assert!(!said.contains("--out-dir"), "{said}");
    }
}

#[test]
fn install_names_a_proc_that_is_not_mounted_and_changes_nothing() {
    if !packages::is_root() {
        println!("not run: hiding /proc takes root");
        return;
    }
    let modules = Modules::new();
    let root = modules.scratch.path().join("root");
    let config = format!("boot/config-{}", modules.kernel.release);
    write(&root, &[(&config, "CONFIG_MODULES=y\n")]);
    let before = Snapshot::take(&root).unwrap();
    let mut install = Command::new(program());
    install
        .args(["install", ".", "--no-depmod", "--root"])
        .arg(&root)
        .current_dir(modules.folder());
    let hide = "mount -t tmpfs none /proc && exec \"$@\"";
    let front = ["unshare", "-m", "sh", "-c", hide, "sh"];
    let said = refused(&mut behind(&front, &install), 1);
    let expected = "/proc is not mounted. To mount it:\n    mount -t proc proc /proc";
    assert!(said.contains(expected), "{said}");
    assert_untouched(&before, &root);
    built(&mut install);
}
