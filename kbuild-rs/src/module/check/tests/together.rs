//! Modules of one call.

use super::*;

/// A module with an exported symbol, which uses another one.
fn exporter(world: &World, file: &str, (name, symbol): (&str, &str), uses: &str) -> PathBuf {
    let mut elf = module(name, "");
    let table = elf.section("__ksymtab", [0; 12]);
    elf.symbol(&format!("__ksymtab_{symbol}"), table, 0);
    if !uses.is_empty() {
        elf.symbol(uses, 0, 0);
    }
    world.put(file, elf)
}

fn run(world: &World, paths: &[&PathBuf]) -> Vec<Verdict> {
    let mut check = world.check();
    for path in paths {
        check.module(*path);
    }
    check.run().unwrap().verdicts
}

#[test]
fn a_module_that_fails_offers_nothing_and_takes_no_name() {
    let world = World::new("");
    let bad = exporter(&world, "bad", ("bad", "ring_push"), "nowhere");
    let good = exporter(&world, "good", ("good", "ring_push"), "");
    let user = exporter(&world, "user", ("user", "user_do"), "ring_push");
    let verdicts = run(&world, &[&bad, &good, &user]);
    assert_eq!(said(&verdicts[0])[0].0, "unknown-symbol");
    assert_eq!((said(&verdicts[1]), said(&verdicts[2])), (vec![], vec![]));
    assert_eq!(verdicts[2].needs, ["good"]);
}

#[test]
fn one_name_twice_is_no_duplicate_of_symbols() {
    let world = World::new("");
    let ring = exporter(&world, "ring", ("ring", "ring_push"), "");
    let copy = exporter(&world, "copy", ("ring", "ring_push"), "");
    for verdict in run(&world, &[&ring, &copy]) {
        assert_eq!(verdict.outcome, CheckOutcome::Unclear);
        let text = &verdict.unclear[0];
        let wanted = format!(
            "the call has ring twice: {}, {}",
            ring.display(),
            copy.display()
        );
        assert!(text.starts_with(&wanted), "{text}");
        assert_eq!(verdict.unclear.len(), 1);
    }
}

#[test]
fn a_symvers_that_will_be_loaded_before_has_its_symbols() {
    let world = World::new("");
    let twin = exporter(&world, "twin", ("twin", "ring_push"), "");
    let text = "0x00000000\tring_push\t/x/ring\tEXPORT_SYMBOL\t\n";
    let symvers = world.root.write("ring.symvers", text);
    let report = world.check().module(&twin).symvers(&symvers).run().unwrap();
    let message = "exports duplicate symbol ring_push (owned by ring)";
    assert_eq!(said(&report.verdicts[0]), [("duplicate-symbol", message)]);
    // Its license is not known.
    let mut user = module("user", "import_ns=NAMES\0");
    user.symbol("ring_push", 0, 0);
    user.symbol("named", 0, 0);
    let user = world.put("user", user);
    let report = world.check().module(&user).symvers(&symvers).run().unwrap();
    let notes = &report.verdicts[0].notes;
    assert!(
        notes[0].starts_with("the license of ring is not known"),
        "{notes:?}"
    );
}

#[test]
fn a_module_of_the_kernel_must_be_installed() {
    let world = World::new("");
    let user = exporter(&world, "user", ("user", "user_do"), "hid_parse");
    assert_eq!(run(&world, &[&user])[0].outcome, CheckOutcome::Loads);
    let dep = format!("image/lib/modules/{RELEASE}/modules.dep");
    world.root.write(&dep, "kernel/other.ko.xz:\n");
    let verdict = run(&world, &[&user]).remove(0);
    assert_eq!(verdict.outcome, CheckOutcome::Unclear);
    assert!(verdict.unclear[0].contains("hid, which is not installed"));
    world.root.write(&dep, "kernel/drivers/hid/hid.ko.xz:\n");
    assert_eq!(run(&world, &[&user])[0].outcome, CheckOutcome::Loads);
}

#[test]
fn a_provider_that_was_stripped_of_its_names_makes_its_users_unclear() {
    let world = World::new("");
    let user = exporter(&world, "user", ("user", "user_do"), "ring_push");
    let mut ring = module("ring", "");
    ring.section("__ksymtab", [0; 12]);
    let ring = world.put("ring", ring);
    let verdicts = run(&world, &[&ring, &user]);
    assert_eq!(verdicts[0].outcome, CheckOutcome::Unclear);
    assert_eq!(verdicts[1].outcome, CheckOutcome::Unclear);
    assert!(verdicts[1].unclear[0].contains("of ring cannot be read"));
}
