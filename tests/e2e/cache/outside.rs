//! Builds that ask for files outside of their trees are not stored, because no list has the answers.

use std::fs;

use super::{Caches, is_cached};
use crate::scene::kernel_at;
use crate::support::repository::commit;
use crate::support::*;

#[test]
fn a_build_that_asks_for_files_outside_of_its_tree_is_built_each_time() {
    let caches = Caches::new();
    let kernel = kernel_at(0);
    let outside = folder(&[("level", "1")]);
    let level = outside.path().join("level");
    let ask = format!(
        "ccflags-y := -DLEVEL=$(shell cat {})\nobj-m := hello.o\n",
        level.display()
    );
    let header = outside.path().join("new.h");
    let has = format!(
        "#if __has_include(\"{}\")\n#define LEVEL 1\n#endif\n{HELLO}",
        header.display()
    );
    for (kbuild, source) in [(&*ask, HELLO), ("obj-m := hello.o\n", &*has)] {
        let source =
            format!("{source}\n#ifdef LEVEL\nMODULE_INFO(level, __stringify(LEVEL));\n#endif\n");
        let scene = caches.tree(&kernel, &[("hello.c", &source), ("Kbuild", kbuild)]);
        scene.build();
        let (first, second) = (modules(scene.out.path()), folder(&[]));
        // Each of them only asks for one of these.
        fs::write(&level, "2").unwrap();
        fs::write(&header, "").unwrap();
        let said = built(&mut scene.command_to(second.path()));
        assert!(!is_cached(&said), "{kbuild}");
        assert!(modules(second.path()) != first, "{kbuild}");
        fs::remove_file(&header).unwrap();
    }
}

#[test]
fn a_build_that_asks_git_about_more_than_its_tree_is_built_each_time() {
    let caches = Caches::new();
    let ask = "ccflags-y := -DSTATE=\\\"$(shell cd $(src) && git describe --always --dirty)\\\"\n\
               obj-m := hello.o\n";
    let source = format!("{HELLO}\nMODULE_INFO(state, STATE);\n");
    let mut scene = caches.tree(
        &kernel_at(0),
        &[
            ("driver/hello.c", &source),
            ("driver/Kbuild", ask),
            ("other/x.c", "int x;\n"),
        ],
    );
    scene.args = vec!["driver".to_owned()];
    commit(scene.source.path(), "v1");
    scene.build();
    let (first, second) = (modules(scene.out.path()), folder(&[]));
    scene.write("other/x.c", "int y;\n");
    let said = built(&mut scene.command_to(second.path()));
    assert!(!is_cached(&said), "{}", said.err());
    assert!(modules(second.path()) != first);
}
