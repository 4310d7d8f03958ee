//! Files of others: other names of an installed or replaced file keep their contents.

use std::fs;
use std::os::unix::fs::symlink;

use crate::modules;
use crate::picture::Picture;
use crate::world::{World, done, refused};

#[test]
fn another_name_of_an_installed_module_keeps_the_old_one() {
    let Some(world) = World::here() else {
        return;
    };
    done(&mut world.install(&[("kt_dkms", 1)]));
    let path = world.installed("kt_dkms").unwrap();
    let other = world.root.join("var/lib/other-name.ko");
    fs::hard_link(&path, &other).unwrap();
    let old = fs::read(&other).unwrap();
    done(&mut world.install(&[("kt_dkms", 2)]));
    assert_eq!(world.version("kt_dkms"), Some(2));
    assert!(fs::read(&other).unwrap() == old);
    done(&mut world.uninstall(&["kt_dkms"]));
    assert!(fs::read(&other).unwrap() == old);
}

/// A hard link, a symbolic link, and a file with another suffix than ours.
#[test]
fn a_foreign_file_in_the_place_is_refused_and_comes_back_after_a_replacement() {
    let Some(world) = World::here() else {
        return;
    };
    let updates = world.modules().join("updates");
    let opt = world.root.join("opt");
    for folder in [&updates, &opt] {
        fs::create_dir(folder).unwrap();
    }
    modules::write(&opt, &world.kernel, "ifb", 8);
    fs::hard_link(opt.join("ifb.ko"), updates.join("ifb.ko")).unwrap();
    modules::write(&opt, &world.kernel, "nlmon", 8);
    symlink("../../../../opt/nlmon.ko", updates.join("nlmon.ko")).unwrap();
    fs::write(updates.join("dummy.ko.zst"), "somebody's").unwrap();
    // depmod cannot read it, and says so; it is there all the same.
    world.depmod();
    let before = Picture::take(&world.root);
    let all = [("ifb", 1), ("nlmon", 1), ("dummy", 1)];
    let said = refused(&mut world.install(&all), 1);
    assert!(said.contains("--replace"), "{said}");
    assert_eq!(
        before.differences(&Picture::take(&world.root)),
        [""; 0],
        "{said}"
    );

    done(world.install(&all).arg("--replace"));
    for (name, version) in all {
        assert_eq!(world.version(name), Some(version), "{name}");
    }
    for name in ["ifb", "nlmon"] {
        let content = fs::read(opt.join(format!("{name}.ko"))).unwrap();
        assert!(content == modules::bytes(&world.kernel, name, 8), "{name}");
    }
    done(&mut world.uninstall(&["ifb", "nlmon", "dummy"]));
    assert_eq!(before.differences(&Picture::take(&world.root)), [""; 0]);
}
