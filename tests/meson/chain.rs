//! A provider, its user, and a module tree beside them: built, built again, installed.

use std::collections::BTreeMap;
use std::fs;
use std::time::SystemTime;

use kbuild_tests::snapshot::Snapshot;

use crate::project::*;
use crate::support::*;

const NOTHING: [&str; 0] = [];

/// The sources of the project that CMake's tests build, with a meson.build.
pub(crate) fn chain(with: With) -> Project {
    let tests = root().join("tests");
    let project = Project::copy_of(with, &tests.join("cmake/projects/chain"));
    copy(&tests.join("meson/projects/chain/."), &project.source());
    project
}

#[test]
fn a_change_rebuilds_exactly_its_dependents() {
    for with in corners(1) {
        let project = chain(with);
        project.set_up(&[]);
        let source = Snapshot::take(project.source()).unwrap();
        assert_eq!(project.builds(), ["old", "ring", "user"], "{with:?}");
        assert_untouched(&source, &project.source());
        assert_eq!(project.builds(), NOTHING, "{with:?}");
        assert_eq!(info(&project, "user.ko").depends, ["ring"]);
        let old = info(&project, "old_sub.ko").description.unwrap();
        assert_eq!(old, "Was there before");

        // The user of the symbols cannot see this change.
        project.edit("ring.c", "return RING_MAX", "return 1 + RING_MAX");
        assert_eq!(project.builds(), ["ring"], "{with:?}");
        project.edit("include/ring.h", "int ring_push", "extern int ring_push");
        assert_eq!(project.builds(), ["ring", "user"], "{with:?}");
        project.edit("templates/version.txt", "1.0", "1.1");
        assert_eq!(project.builds(), ["user"], "{with:?}");
        assert_eq!(info(&project, "user.ko").version.unwrap(), "1.1");
        project.edit("old/sub/old_sub.c", "before", "long before");
        assert_eq!(project.builds(), ["old"], "{with:?}");
        // A new symbol changes the file that modpost reads for the user.
        project.edit(
            "ring.c",
            "EXPORT_SYMBOL_GPL(ring_push);",
            "EXPORT_SYMBOL_GPL(ring_push);\nint ring_size = 4;\nEXPORT_SYMBOL_GPL(ring_size);",
        );
        assert_eq!(project.builds(), ["ring", "user"], "{with:?}");
        assert_eq!(project.builds(), NOTHING, "{with:?}");

        // A flag with special characters of shells, make and Meson's own substitutions.
        let greeting = "it's $(word), <a> & @OUTPUT@ 100 %";
        let before = times(&project);
        project.set_up(&["--reconfigure", &format!("-Dgreeting={greeting}")]);
        // Meson writes this file anew, without the entries of modules.
        let commands = fs::read_to_string(project.out("compile_commands.json")).unwrap();
        for source in ["/ring.c\"", "/user.c\"", "/old_sub.c\""] {
            assert!(
                commands.contains(source),
                "{with:?}: {source} in {commands}"
            );
        }
        // At each setup, Meson makes Ninja forget that products may be older than their sources
        // (`-t restat`). So Ninja starts kbuild-rs again, which has nothing to do.
        assert!(project.builds().contains(&"user".to_owned()), "{with:?}");
        assert_eq!(info(&project, "user.ko").description.unwrap(), greeting);
        assert_eq!(changed(&before, &times(&project)), ["user.ko"], "{with:?}");
        assert_eq!(project.builds(), NOTHING, "{with:?}");
    }
}

type Times = BTreeMap<String, SystemTime>;

/// The times of the products.
fn times(project: &Project) -> Times {
    let entries = fs::read_dir(project.build_dir()).unwrap().flatten();
    let products = entries.filter(|entry| {
        let name = entry.file_name().into_string().unwrap();
        name.ends_with(".ko") || name.ends_with(".symvers")
    });
    products
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, entry.metadata().unwrap().modified().unwrap())
        })
        .collect()
}

fn changed(before: &Times, after: &Times) -> Vec<String> {
    assert!(before.keys().eq(after.keys()));
    let differs = |name: &&String| before[*name] != after[*name];
    after.keys().filter(differs).cloned().collect()
}

fn info(project: &Project, module: &str) -> kbuild::ModuleInfo {
    kbuild::ModuleInfo::read(project.out(module)).unwrap()
}
