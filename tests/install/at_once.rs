//! Many installs into one root at the same time.

use std::process::Stdio;

use crate::modules;
use crate::picture::Picture;
use crate::world::{World, done};

const COUNT: usize = 16;

#[test]
fn sixteen_installs_at_once_are_all_there() {
    let Some(world) = World::here() else {
        return;
    };
    let before = Picture::take(&world.root);
    let names: Vec<String> = (0..COUNT)
        .map(|number| format!("kt_n{number:03}"))
        .collect();
    let output = tempfile::tempdir().unwrap();
    let mut running = Vec::new();
    for name in &names {
        let path = output.path().join(format!("{name}.ko"));
        std::fs::write(&path, modules::renamed(&world.kernel, "kt_dkms", name)).unwrap();
        let mut command = world.program("install");
        command
            .arg(path)
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        running.push(command.spawn().unwrap());
    }
    for child in running {
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
    }
    for name in &names {
        let path = world.installed(name).unwrap();
        let bytes = crate::world::unpacked(&path);
        assert!(
            bytes == modules::renamed(&world.kernel, "kt_dkms", name),
            "{name}"
        );
        let chosen = world.chosen(name).unwrap();
        assert!(path.ends_with(&chosen), "{name}: {chosen}");
    }
    done(&mut world.program("verify"));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    done(&mut world.uninstall(&names));
    assert_eq!(before.differences(&Picture::take(&world.root)), [""; 0]);
}
