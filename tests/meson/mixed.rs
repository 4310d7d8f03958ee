//! examples/meson-mixed: installed into a root image, which is booted.

use std::time::Duration;

use kbuild_tests::snapshot::Snapshot;

use crate::project::*;
use crate::support::*;

/// The commands of a user who has the image on a machine.
const SCRIPT: &str = r#"
fail() { echo "FAILED: $*"; exit 1; }
PATH=$PATH:/usr/local/bin
depmod || fail depmod
heartbeatd 1 && fail 'there is a device without a module'
modprobe pacemaker first=41 || fail 'modprobe pacemaker'
modprobe heartbeat || fail 'modprobe heartbeat'
heartbeatd 2 || fail heartbeatd
heartbeatd & sleep 1; kill $! && wait $! || fail 'a daemon that is told to stop'
modprobe -r heartbeat pacemaker || fail 'modprobe -r'
exit 0
"#;

#[test]
fn the_daemon_and_its_modules_are_installed_into_an_image_and_work_there() {
    let project = Project::copy_of(CORNERS[0], &root().join("examples/meson-mixed"));
    let source = Snapshot::take(project.source()).unwrap();
    // The guest has no C library.
    project.set_up(&["-Dmodules=enabled", "-Dc_link_args=-static"]);
    assert_eq!(project.builds(), ["heartbeat", "pacemaker"]);
    assert_eq!(project.builds(), [""; 0]);
    // The module and the program share this header.
    project.edit("include/heartbeat.h", "What a read", "All that a read");
    assert_eq!(project.builds(), ["heartbeat", "pacemaker"]);
    project.edit("include/heartbeat.h", "All that a read", "What a read");
    project.builds();

    let image = tempfile::tempdir().unwrap();
    let mut install = project.meson();
    install.args(["install", "-C"]).arg(project.build_dir());
    built(install.env("DESTDIR", image.path()));
    let kernel = project.kernel();
    let modules = format!("lib/modules/{}/updates", kernel.release);
    let installed = files_below(image.path());
    assert_eq!(
        installed,
        [
            format!("{modules}/heartbeat.ko"),
            format!("{modules}/pacemaker.ko"),
            "usr/local/bin/heartbeatd".to_owned()
        ]
    );
    let mut changed = source.differences(&Snapshot::take(project.source()).unwrap());
    changed.retain(|line| !line.starts_with("\"include/heartbeat.h\": "));
    assert_eq!(changed, [""; 0]);

    let guest = kernel.guest().unwrap();
    let guest = guest
        .tree(image.path())
        .script(SCRIPT)
        .timeout(Duration::from_secs(180));
    let console = guest.run().unwrap();
    assert!(console.ok, "{console:#?}");
    let said = "heartbeatd 1.0.0\nbeat 41\nbeat 42\nheartbeatd 1.0.0\nbeat 43\n";
    assert!(console.text.contains(said), "{console:#?}");
}

#[test]
fn without_a_kernel_only_the_daemon_is_built_unless_the_modules_are_required() {
    let project = Project::copy_of(CORNERS[1], &root().join("examples/meson-mixed"));
    let setup = |more: &[&str]| {
        let mut setup = project.setup_command(more);
        kbuild_tests::run::run(setup.env(KDIR, "/no/such/tree"), LIMIT).unwrap()
    };
    let refused = setup(&["-Dmodules=enabled"]);
    assert!(!refused.status.success());
    let said = refused.out() + &refused.err();
    assert!(
        said.contains("the kernel tree /no/such/tree does not exist"),
        "{said}"
    );
    let output = setup(&["--wipe"]);
    assert!(output.status.success(), "{}", output.out());
    built(&mut project.ninja(&[]));
    assert!(project.out("daemon/heartbeatd").exists());
    assert!(!project.out("modules").exists());
}
