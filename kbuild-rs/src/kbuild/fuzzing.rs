//! Targets: files of a module tree.

use std::path::Path;

use super::makefiles::is_makefile;
use super::{Dkms, Makefiles, cmd_file, has_objects, switch_in};
use crate::syntax::words;
use crate::sys::{Root, Writer};

pub(crate) fn cmd_file(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for path in cmd_file::parse(&text) {
        assert!(text.contains(path));
    }
    if let Some(command) = cmd_file::saved_command(&text) {
        let names = cmd_file::names(command);
        assert!(names.map(str::len).sum::<usize>() <= command.len());
        let words = words(command).unwrap_or_default();
        assert!(words.iter().map(String::len).sum::<usize>() <= command.len());
    }
    assert!(cmd_file::has_command(&text) <= cmd_file::saved_command(&text).is_some());
    for name in cmd_file::included(&text) {
        cmd_file::is_script(&name);
    }
}

pub(crate) fn dkms_conf(bytes: &[u8]) {
    let said = Dkms::parse(&String::from_utf8_lossy(bytes)).sentences();
    // Some words around three values, one of them twice.
    assert!(said.len() <= 4 * 3 * bytes.len() + 1000);
}

/// The bytes are the makefiles of a tree: a NUL ends a file.
pub(crate) fn makefile(bytes: &[u8]) {
    const FILES: &[&str] = &["Kbuild", "a.mk", "sub/Kbuild", "b.mk"];
    let Ok(scratch) = tempfile::tempdir() else {
        return;
    };
    let dir = scratch.path();
    let written = Root::open(dir).is_ok_and(|root| {
        let writer = Writer::new([root]);
        let texts = bytes.splitn(FILES.len(), |byte| *byte == 0);
        writer.create_dirs(&dir.join("sub")).is_ok()
            && FILES
                .iter()
                .zip(texts)
                .all(|(name, text)| writer.write_whole(&dir.join(name), text).is_ok())
    });
    if written {
        read(dir);
    }
}

fn read(dir: &Path) {
    let makefiles = Makefiles::of(dir);
    for assignment in makefiles.assignments() {
        assert!(!assignment.name.contains('\n') && !assignment.value.contains('\n'));
        has_objects(assignment.value);
        switch_in(assignment.name);
    }
    for name in ["EXTRA_CFLAGS", "A", ""] {
        makefiles.use_variable(name);
    }
    makefiles.are_all();
    makefiles.set_by_hand().count();
    makefiles.expand("$(A) ${B}");
    let files = makefiles.folders.iter().flat_map(|one| &one.makefiles);
    assert!(files.filter(|file| is_makefile(file)).count() > 0 || makefiles.folders.len() == 1);
    super::folders_advice(dir, &|path| path.to_owned());
}
