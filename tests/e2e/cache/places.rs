//! Folders of a cache: whose they are, and what is stored in them.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use super::{Caches, is_cached};
use crate::scene::kernel_at;
use crate::support::*;

#[test]
fn a_cache_that_others_can_write_to_is_an_error() {
    let caches = Caches::new();
    let scene = caches.hello(&kernel_at(0));
    let shared = folder(&[("in/readme", "")]);
    let set = |name: &str, mode| {
        let path = shared.path().join(name);
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    set("in", 0o777);
    for dir in ["in", "in/below"] {
        let dir = shared.path().join(dir);
        let said = refused(scene.command().arg("--cache").arg(dir), 1);
        assert!(said.contains("can be written by everybody"), "{said}");
        assert!(said.contains("--no-cache"), "{said}");
    }
    let said = refused(
        scene
            .command()
            .arg("--cache")
            .arg(shared.path().join("in/readme/below")),
        1,
    );
    assert!(said.contains("in/readme is not a folder"), "{said}");
    assert!(!said.contains("output directory"), "{said}");
    assert!(!scene.out.path().join("hello.ko").exists());
    set("in", 0o755);
    // Somebody's own files.
    let said = refused(
        scene.command().arg("--cache").arg(shared.path().join("in")),
        1,
    );
    assert!(said.contains("no CACHEDIR.TAG of kbuild-rs"), "{said}");
    assert_eq!(fs::read_dir(shared.path().join("in")).unwrap().count(), 1);
    built(scene.command().arg("--no-cache"));
}

#[test]
fn a_cache_that_cannot_be_written_is_a_warning_and_turned_off_it_is_not_made() {
    let caches = Caches::new();
    let scene = caches.hello(&kernel_at(1));
    // No folder can be made there, even by root.
    let dir = std::path::Path::new("/proc/none/cache");
    // CMake and Meson build with --quiet, too.
    let said = built(scene.command().arg("--quiet").arg("--cache").arg(dir));
    let warning = "warning: the cache of finished modules is not used";
    assert_eq!(said.err().matches(warning).count(), 1, "{}", said.err());
    for value in ["0", ""] {
        let out = folder(&[]);
        built(scene.command_to(out.path()).env("KBUILD_RS_CACHE", value));
    }
    let out = folder(&[]);
    built(scene.command_to(out.path()).arg("--no-cache"));
    assert_eq!(fs::read_dir(caches.modules.path()).unwrap().count(), 0);
}

#[test]
fn only_its_owner_can_read_a_cache_and_no_value_of_the_environment_is_in_it() {
    const SECRET: &str = "s3cret-value-of-a-token";
    let caches = Caches::new();
    let mut scene = caches.hello(&kernel_at(2));
    let dir = caches.modules.path().join("made/by/us");
    scene
        .env
        .insert("KBUILD_RS_CACHE".into(), dir.to_str().unwrap().into());
    scene
        .args
        .extend(["--env".into(), format!("TOKEN={SECRET}")]);
    let with_umask = |out: &std::path::Path| {
        let inner = scene.command_to(out);
        let mut command = std::process::Command::new("sh");
        command
            .args(["-c", "umask 0; exec \"$0\" \"$@\""])
            .arg(inner.get_program());
        command
            .args(inner.get_args())
            .current_dir(inner.get_current_dir().unwrap());
        command.envs(
            inner
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        built(&mut command)
    };
    with_umask(scene.out.path());
    let out = folder(&[]);
    assert!(is_cached(&with_umask(out.path())));
    let mut folders = vec![dir];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        let mode = fs::metadata(&folder).unwrap().mode();
        assert_eq!(mode & 0o022, 0, "{}", folder.display());
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = fs::read(&path).unwrap();
            let has_secret = bytes
                .windows(SECRET.len())
                .any(|part| part == SECRET.as_bytes());
            assert!(!has_secret, "{}", path.display());
            if !path.ends_with("CACHEDIR.TAG") {
                let mode = fs::metadata(&path).unwrap().mode();
                assert_eq!(mode & 0o777, 0o600, "{}", path.display());
                seen += 1;
            }
        }
    }
    assert_eq!(seen, 2);
    let top = fs::metadata(caches.modules.path().join("made/by/us")).unwrap();
    assert_eq!(top.mode() & 0o777, 0o700);
}
