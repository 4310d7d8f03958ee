//! The last line of a call.

use crate::world::{KERNEL, World, done};

#[test]
fn a_call_ends_with_what_happened_unless_it_is_quiet() {
    let world = World::new(KERNEL);
    let release = &world.kernel.release;
    let mut install = world.install(&[("kt_base", 1), ("kt_top", 1)]);
    let last = |command: &mut std::process::Command| {
        let output = done(command);
        output.err().lines().last().unwrap_or_default().to_owned()
    };
    assert!(last(install.arg("--dry-run")).starts_with("would install "));
    let mut install = world.install(&[("kt_base", 1), ("kt_top", 1)]);
    let installed = format!("installed 2 modules for {release}; depmod ran");
    assert_eq!(last(&mut install), installed);
    let unchanged = format!("2 modules are up to date for {release}");
    assert_eq!(last(&mut install), unchanged);
    assert_eq!(done(install.arg("--quiet")).err(), "");
    let mut upgrade = world.install(&[("kt_base", 2), ("dummy", 1)]);
    let both = format!("installed 1 module, updated 1 module for {release}; depmod ran");
    assert_eq!(last(&mut upgrade), both);
    let back = format!("updated 1 module, removed 1 module for {release}; depmod ran");
    assert_eq!(last(&mut world.program("rollback")), back);
    let mut removal = world.uninstall(&["kt_base", "kt_top"]);
    removal.arg("--no-depmod");
    assert_eq!(
        last(&mut removal),
        format!("removed 2 modules for {release}")
    );
}
