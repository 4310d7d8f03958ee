//! Images of another party.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use super::super::site::STATE;
use super::super::step::fault::{self, Fault};
use super::{RELEASE, World, said};
use crate::ErrorKind;

fn journal(world: &World) -> PathBuf {
    world.root().join(STATE).join(format!("{RELEASE}.json"))
}

fn installed() -> Option<World> {
    let world = World::new()?;
    world.build("hello", "1");
    world.install().unwrap();
    Some(world)
}

#[test]
fn a_root_whose_lib_is_a_link_is_used() {
    let Some(world) = World::new() else { return };
    world.scratch.create_dir("root/usr");
    fs::rename(world.root().join("lib"), world.root().join("usr/lib")).unwrap();
    symlink("/usr/lib", world.root().join("lib")).unwrap();
    world.build("hello", "1");
    let before = world.snapshot();
    world.install().unwrap();
    let path = world.root().join("usr/lib/modules").join(RELEASE);
    assert!(path.join("updates/hello.ko").is_file());
    world.check();
    world.uninstall_all().unwrap();
    assert_eq!(world.snapshot(), before);
}

#[test]
fn folders_behind_a_link_to_nowhere_go_with_the_last_module() {
    let Some(world) = World::new() else { return };
    world.build("hello", "1");
    let image = world.scratch.create_dir("image");
    world.scratch.write("image/usr/share/kept", "");
    symlink("usr/lib", image.join("lib")).unwrap();
    symlink("/data/state", image.join("var")).unwrap();
    let files = |set: &mut std::collections::BTreeMap<_, _>| super::add(&image, set);
    let (mut before, mut after) = Default::default();
    files(&mut before);
    let install = |text: &str| {
        world.build("hello", text);
        world.install_with(&|install| {
            install.root(&image).load(true);
        })
    };
    install("1").unwrap();
    install("2").unwrap();
    assert!(image.join("usr/lib/modules").join(RELEASE).is_dir());
    assert!(image.join("data/state/lib/kbuild-rs").is_dir());
    let mut uninstall = super::Uninstall::new();
    uninstall.all(true).root(&image).run(&|_| {}).unwrap();
    files(&mut after);
    assert_eq!(before, after);
}

#[test]
fn a_folder_that_is_not_on_the_way_to_our_files_stays() {
    let Some(world) = installed() else { return };
    let kept = world.scratch.create_dir("root/srv/empty");
    let note = world.root().join(STATE).join("folders");
    let text = fs::read_to_string(&note).unwrap();
    fs::write(&note, text.replacen('[', "[\"srv/empty\",", 1)).unwrap();
    world.uninstall_all().unwrap();
    assert!(kept.is_dir() && !note.exists());
}

#[test]
fn an_entry_of_a_journal_that_leads_elsewhere_is_refused() {
    let Some(world) = installed() else { return };
    let path = format!("lib/modules/{RELEASE}/updates/hello.ko");
    let text = fs::read_to_string(journal(&world)).unwrap();
    for hostile in [
        "etc/passwd".to_owned(),
        format!("lib/modules/{RELEASE}/../../../etc/passwd"),
        format!("/lib/modules/{RELEASE}/updates/hello.ko"),
        "lib/modules/other/updates/hello.ko".to_owned(),
        "etc/depmod.d/x/y.conf".to_owned(),
    ] {
        fs::write(journal(&world), text.replace(&path, &hostile)).unwrap();
        let before = world.snapshot();
        let error = said(world.uninstall_all());
        assert!(error.contains("never writes"), "{hostile}: {error}");
        assert_eq!(world.snapshot(), before, "{hostile}");
    }
    let hash = text
        .split("\"sha256\": \"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    fs::write(journal(&world), text.replace(hash, "../../../etc/passwd")).unwrap();
    assert!(said(world.uninstall_all()).contains("never writes"));
    fs::write(journal(&world), "{").unwrap();
    assert!(said(world.uninstall_all()).contains("is not a journal"));
}

#[test]
fn links_and_fifos_in_the_place_of_our_files_are_refused() {
    let Some(world) = installed() else { return };
    let outside = world.scratch.write("outside", "precious");
    let own = fs::read(journal(&world)).unwrap();
    let back = || {
        fs::remove_file(journal(&world)).unwrap();
        fs::write(journal(&world), &own).unwrap();
    };
    fs::remove_file(journal(&world)).unwrap();
    symlink(&outside, journal(&world)).unwrap();
    assert!(said(world.install()).contains("is not a regular file"));
    fs::remove_file(journal(&world)).unwrap();
    crate::sys::make_fifo(&journal(&world)).unwrap();
    assert!(said(world.install()).contains("is not a regular file"));
    back();

    let state = world.root().join(STATE);
    let moved = world.root().join("moved");
    fs::rename(&state, &moved).unwrap();
    symlink(&moved, &state).unwrap();
    assert!(said(world.install()).contains("is a link"));
    fs::remove_file(&state).unwrap();
    fs::rename(&moved, &state).unwrap();

    let updates = world.file("updates");
    fs::rename(&updates, world.file("elsewhere")).unwrap();
    symlink("elsewhere", &updates).unwrap();
    let error = said(world.install());
    assert!(error.contains("updates is a link"), "{error}");
    fs::remove_file(&updates).unwrap();
    fs::rename(world.file("elsewhere"), &updates).unwrap();

    fs::remove_file(world.file("modules.order")).unwrap();
    crate::sys::make_fifo(&world.file("modules.order")).unwrap();
    world.build("hello", "2");
    let error = said(world.install());
    assert!(
        error.contains("modules.order is not a regular file"),
        "{error}"
    );
    assert_eq!(fs::read(&outside).unwrap(), b"precious");
}

#[test]
fn links_and_fifos_among_the_built_modules_are_left_out() {
    let Some(world) = World::new() else { return };
    let out = world.build("hello", "1");
    symlink("/etc/passwd", out.join("link.ko")).unwrap();
    crate::sys::make_fifo(&out.join("fifo.ko")).unwrap();
    fs::create_dir_all(out.join(".kbuild/key")).unwrap();
    fs::copy(out.join("hello.ko"), out.join(".kbuild/key/private.ko")).unwrap();
    assert_eq!(world.install().unwrap().changes.len(), 1);
    fs::write(out.join(".kbuild/key/running"), "").unwrap();
    assert!(said(world.install()).contains("interrupted"));
    // The file that is named may be a link to a module in that folder.
    let link = world.scratch.join("link.ko");
    symlink(out.join("hello.ko"), &link).unwrap();
    for named in [out.join("hello.ko"), link] {
        let mut install = super::Install::new();
        install.input(named).root(world.root());
        assert!(said(install.run(&|_| {})).contains("interrupted"));
    }
}

#[test]
fn a_journal_gives_no_file_the_rights_of_root() {
    let Some(world) = World::new() else { return };
    world.build("hello", "1");
    world.foreign("updates/hello.ko.xz", b"somebody's");
    world
        .install_with(&|install| {
            install.replace(true);
        })
        .unwrap();
    let journal = journal(&world);
    let text = fs::read_to_string(&journal).unwrap();
    let mode = format!("\"mode\": {}", 0o644);
    assert!(text.contains(&mode), "{text}");
    fs::write(
        &journal,
        text.replace(&mode, &format!("\"mode\": {}", 0o6755)),
    )
    .unwrap();
    world.uninstall_all().unwrap();
    let there = fs::metadata(world.file("updates/hello.ko.xz")).unwrap();
    assert_eq!(there.permissions().mode() & 0o7777, 0o755);
}

#[test]
fn a_journal_is_only_believed_for_paths_that_kbuild_rs_uses() {
    let Some(world) = World::new() else { return };
    world.build("hello", "1");
    world.install().unwrap();
    let journal = journal(&world);
    let text = fs::read_to_string(&journal).unwrap();
    let before = world.system();
    for path in [
        "etc/depmod.d/dist.conf",
        "lib/modules/6.1.0-1+x/modules.builtin",
        "lib/modules/6.1.0-1+x//updates/hello.ko",
        "lib/modules/6.1.0-1+x/./updates/hello.ko",
        "lib/modules/6.1.0-1+x/../../../etc/hello.ko",
    ] {
        let crafted = text.replace("lib/modules/6.1.0-1+x/updates/hello.ko", path);
        assert_ne!(crafted, text);
        fs::write(&journal, crafted).unwrap();
        let error = said(world.uninstall_all());
        assert!(error.contains("never writes"), "{path}: {error}");
        assert_eq!(world.system(), before, "{path}");
    }
}

#[test]
fn what_somebody_puts_in_the_place_of_an_interrupted_change_stays() {
    let Some(world) = World::new() else { return };
    world.build("hello", "1");
    for name in ["updates", "updates/hello.ko", "updates/.hello.ko.part"] {
        for step in 0..12 {
            fault::set(Fault::Kill, step);
            let _ = catch_unwind(AssertUnwindSafe(|| world.install()));
            fault::clear();
            let path = world.file(name);
            let aside = world.scratch.join("aside");
            let _ = fs::rename(&path, &aside);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            match name {
                "updates" => symlink("../kernel", &path).unwrap(),
                _ => fs::create_dir(&path).unwrap(),
            }
            // Only the module is missing that it names.
            let error = said(world.uninstall("none"));
            assert!(error.contains("none"), "{name} {step}: {error}");
            assert!(fs::symlink_metadata(&path).is_ok(), "{name} {step}");
            let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir(&path));
            let _ = fs::remove_file(&aside).or_else(|_| fs::remove_dir_all(&aside));
            let _ = fs::remove_dir(world.file("updates"));
            let _ = fs::remove_dir_all(world.root().join("var"));
            world.depmod();
        }
    }
}

#[test]
fn folders_that_depmod_cannot_index_are_refused_before_any_change() {
    let Some(world) = World::new() else { return };
    world.build("hello", "1");
    let before = world.snapshot();
    let long = "x".repeat(300);
    for dir in [
        "a\tb", "a:b", "build", "x/source", "a\\b", "a#b", "..", ".", "/", &long,
    ] {
        let error = world.install_with(&|install| {
            install.dir(dir);
        });
        assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidInput, "{dir}");
        assert_eq!(world.snapshot(), before, "{dir}");
    }
    world
        .install_with(&|install| {
            install.dir("a//b/./c/");
        })
        .unwrap();
    assert!(world.file("updates/a/b/c/hello.ko").is_file());
    world.check();
}

#[test]
fn a_root_that_does_not_exist_is_created_for_a_module_only() {
    let Some(world) = World::new() else { return };
    world.build("hello", "1");
    let new = world.scratch.join("new/root");
    let install = |kernel: Option<&str>, is_dry_run: bool| {
        world.install_with(&|install| {
            install.root(&new).dry_run(is_dry_run);
            if let Some(kernel) = kernel {
                install.kernel(kernel);
            }
        })
    };
    let report = install(None, true).unwrap();
    let there = new.join(format!("lib/modules/{RELEASE}/updates/hello.ko"));
    assert_eq!(report.changes[0].path, there);
    install(Some("9.9"), false).unwrap_err();
    assert!(!world.scratch.join("new").exists());
    install(None, false).unwrap();
    assert!(there.is_file());
}

#[test]
fn an_installation_restores_the_mode_of_an_installed_file() {
    let Some(world) = installed() else { return };
    let before = world.snapshot();
    let path = world.file("updates/hello.ko");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o4777)).unwrap();
    world.install().unwrap();
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o644);
    world.check();
    world.install().unwrap();
    let system = world.system();
    assert!(system.iter().all(|(path, looks)| before[path] == *looks));
}

#[test]
fn a_file_with_holes_does_not_fill_the_memory() {
    let Some(world) = installed() else { return };
    let grow = |path: &std::path::Path| {
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_len(1 << 40).unwrap();
    };
    grow(&world.scratch.join("out/hello.ko"));
    assert!(said(world.install()).contains("larger than"));
    grow(&journal(&world));
    assert!(said(world.uninstall_all()).contains("larger than"));
}

#[test]
fn a_name_that_modprobe_cuts_off_is_refused() {
    let Some(world) = World::new() else { return };
    world.build("hello.world", "1");
    let before = world.snapshot();
    let error = said(world.install());
    assert!(error.contains("hello.world.ko"), "{error}");
    assert!(error.contains("a name that no module can have"), "{error}");
    assert_eq!(world.snapshot(), before);
}
