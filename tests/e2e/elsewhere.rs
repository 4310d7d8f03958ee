//! Folders elsewhere, which links in a module tree or a kernel tree lead to.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use kbuild_tests::lab;
use kbuild_tests::snapshot::Snapshot;
use tempfile::TempDir;

use crate::scene::{Scene, compiled, edit, oldest_and_newest};
use crate::support::trap::holds;
use crate::support::*;

/// A folder in a system's place where anybody may write.
fn in_a_system_folder(files: &[(&str, &str)]) -> Option<TempDir> {
    let dir = tempfile::tempdir_in("/dev/shm").ok()?;
    write(dir.path(), files);
    Some(dir)
}

#[test]
fn kernels_share_no_objects_behind_a_link_to_a_system_folder_and_nothing_is_written_there() {
    let common = "#include <generated/utsrelease.h>\nconst char *common(void);\n\
                  const char *common(void) { return \"common of \" UTS_RELEASE; }\n";
    let Some(outside) = in_a_system_folder(&[("lib/common.c", common), ("made/.keep", "")]) else {
        return println!("not run: nothing can be written below /dev/shm");
    };
    let main = format!(
        "{HELLO}\n#include \"made/made.h\"\nconst char *common(void);\n\
         const char *(*keep)(void) = common;\n"
    );
    let kbuild = "obj-m := one.o\none-y := main.o common/common.o\n\
                  ccflags-y := -I$(obj)\n\
                  $(obj)/main.o: $(obj)/made/made.h\n\
                  $(obj)/made/made.h:\n\techo '/* made */' > $@\n";
    let kernels = &lab::kernels().unwrap()[..2];
    let mut scene = Scene::tree(&kernels[0], &[("main.c", &main), ("Kbuild", kbuild)]);
    symlink(outside.path().join("lib"), scene.path("common")).unwrap();
    symlink(outside.path().join("made"), scene.path("made")).unwrap();
    for kernel in &kernels[1..] {
        let more = ["--kernel".to_owned(), kernel.kdir.display().to_string()];
        scene.args.extend(more);
    }
    let before = Snapshot::take_with_content(outside.path()).unwrap();
    scene.build();
    for kernel in kernels {
        let module = &modules(&scene.out.path().join(&kernel.release))["one.ko"];
        let told = format!("common of {}", kernel.release);
        assert!(holds(module, told.as_bytes()), "{}", kernel.release);
    }
    let after = Snapshot::take_with_content(outside.path()).unwrap();
    assert_eq!(before.differences(&after), Vec::<String>::new());
    // This source is as valid as any other.
    edit(
        &outside.path().join("lib/common.c"),
        "common of",
        "another of",
    );
    let output = scene.build();
    assert_eq!(compiled(&output), ["common.o"; 2], "{}", output.err());
}

/// The files that a kernel tree must have.
const PREPARED: &[&str] = &[
    ".config",
    "Module.symvers",
    "include/config/auto.conf",
    "include/config/kernel.release",
    "include/generated/autoconf.h",
    "include/generated/utsrelease.h",
    "scripts/basic/fixdep",
    "scripts/mod/modpost",
];

#[test]
fn a_copy_of_a_kernel_output_folder_is_refused_before_make_writes_to_it() {
    let source = folder(&[("hello.c", HELLO), ("Kbuild", "obj-m := hello.o\n")]);
    for kernel in oldest_and_newest() {
        let scratch = tempfile::tempdir().unwrap();
        let scratch = fs::canonicalize(scratch.path()).unwrap();
        let (copy, out) = (scratch.join("copy"), scratch.join("out"));
        for file in PREPARED {
            let to = copy.join(file);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(kernel.kdir.join(file), to).unwrap();
        }
        // `make O=` writes this since 6.13.
        let names = |dir: &Path| {
            let (dir, source) = (dir.display(), kernel.common.display());
            let text =
                format!("# generated\nexport KBUILD_OUTPUT = {dir}\ninclude {source}/Makefile\n");
            fs::write(copy.join("Makefile"), text).unwrap();
        };
        let command = || {
            let mut command = kernel.command(program());
            command.args(["build", "--kernel"]).arg(&copy);
            command.arg("--out-dir").arg(&out).arg(source.path());
            command.args(kernel.cc.iter().flat_map(|cc| ["--cc", cc]));
            command
        };
        names(&kernel.kdir);
        let before = Snapshot::take_with_content(&copy).unwrap();
        let said = refused(&mut command(), 1);
        let line = format!("export KBUILD_OUTPUT = {}", copy.display());
        for word in [kernel.kdir.to_str().unwrap(), "copied or moved", &line] {
            assert!(said.contains(word), "{word}: {said}");
        }
        let after = Snapshot::take_with_content(&copy).unwrap();
        assert_eq!(before.differences(&after), Vec::<String>::new());
        assert!(!out.exists());
        // The message advises this.
        names(&copy);
        built(command().arg("--dry-run"));
    }
}
