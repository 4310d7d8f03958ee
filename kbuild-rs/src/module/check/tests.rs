//! Over modules and kernels made here. `tests/e2e/check/` compares verdicts with those of real kernels.

use std::path::PathBuf;

use super::*;
use crate::fixture::Root;
use crate::module::modinfo::tests::{Elf, version};

const RELEASE: &str = "6.16.0-x";
const X86: u16 = 62;

/// A module in the making, with the vermagic of the kernel here.
fn module(name: &str, fields: &str) -> Elf {
    let mut elf = Elf::new(X86, false);
    elf.section(".gnu.linkonce.this_module", [0; 64]);
    let own = format!("license=GPL\0name={name}\0vermagic={RELEASE} SMP \0{fields}");
    elf.section(".modinfo", own);
    elf
}

/// A kernel with these configuration symbols and exported symbols.
struct World {
    root: Root,
    tree: PathBuf,
}

const SYMBOLS: &str = "0x00000001\tmodule_layout\tvmlinux\tEXPORT_SYMBOL\t\n\
    0x00000002\t_printk\tvmlinux\tEXPORT_SYMBOL\t\n\
    0x00000003\tnamed\tvmlinux\tEXPORT_SYMBOL_GPL\tNAMES\n\
    0x00000004\thid_parse\tdrivers/hid/hid\tEXPORT_SYMBOL_GPL\t\n";

impl World {
    fn new(config: &str) -> World {
        let root = Root::new();
        let config = format!("CONFIG_64BIT=y\nCONFIG_MODULES=y\nCONFIG_SMP=y\n{config}");
        let tree = root.kernel_with("tree", RELEASE, "x86", &config);
        root.write("tree/Module.symvers", SYMBOLS);
        let header = "#ifdef CONFIG_SMP\n#define S \"SMP \"\n#else\n#define S \"\"\n#endif\n\
            #define VERMAGIC_STRING UTS_RELEASE \" \" S\n";
        root.write("tree/include/linux/vermagic.h", header);
        root.create_dir("image");
        World { root, tree }
    }

    fn check(&self) -> Check {
        let mut check = Check::of_kernel(&Kernel::open(&self.tree).unwrap());
        check.root(self.root.join("image"));
        check
    }

    fn put(&self, name: &str, elf: Elf) -> PathBuf {
        self.root.write(&format!("{name}.ko"), elf.build())
    }

    /// The verdict about one module.
    fn of(&self, elf: Elf) -> Verdict {
        let path = self.put("one", elf);
        let mut report = self.check().module(path).run().unwrap();
        report.verdicts.remove(0)
    }
}

/// The classes and messages of the reasons.
fn said(verdict: &Verdict) -> Vec<(&str, &str)> {
    let faults = verdict.faults.iter();
    faults
        .map(|fault| (fault.kind.as_str(), &*fault.message))
        .collect()
}

fn with_versions(records: &[(&str, u64)]) -> Elf {
    let mut elf = module("one", "");
    let records = records.iter().map(|(name, crc)| version(name, *crc, false));
    elf.section("__versions", records.collect::<Vec<_>>().concat());
    elf.symbol("_printk", 0, 0);
    elf
}

#[test]
fn checksums_in_both_forms_are_compared_with_the_kernels() {
    let world = World::new("CONFIG_MODVERSIONS=y\n");
    let good = [("module_layout", 1), ("_printk", 2)];
    assert_eq!(said(&world.of(with_versions(&good))), []);
    let bad = with_versions(&[("module_layout", 1), ("_printk", 9)]);
    let message =
        "disagrees about version of symbol _printk (module 0x00000009, kernel 0x00000002)";
    assert_eq!(said(&world.of(bad)), [("symbol-version", message)]);
    let lacking = with_versions(&good[..1]);
    let message = "no symbol version for _printk";
    assert_eq!(said(&world.of(lacking)), [("no-symbol-version", message)]);

    // The extended form counts before the other one.
    let extended = |crcs: [u8; 8]| {
        let mut elf = with_versions(&good);
        elf.section("__version_ext_crcs", crcs);
        elf.section("__version_ext_names", b"module_layout\0_printk\0");
        elf
    };
    let verdict = world.of(extended([1, 0, 0, 0, 2, 0, 0, 0]));
    assert!(said(&verdict).is_empty() && verdict.notes.is_empty());
    let verdict = world.of(extended([1, 0, 0, 0, 7, 0, 0, 0]));
    assert!(said(&verdict)[0].1.contains("_printk (module 0x00000007"));
    let mut lacking = with_versions(&good);
    lacking.section("__version_ext_crcs", [1, 0, 0, 0]);
    lacking.section("__version_ext_names", b"module_layout\0");
    let verdict = world.of(lacking);
    assert_eq!(said(&verdict), []);
    assert_eq!(verdict.notes, ["no extended symbol version for _printk"]);
    let mut torn = with_versions(&good);
    torn.section("__version_ext_crcs", [1, 0, 0, 0]);
    let message = "extended version crc+name presence does not match";
    assert_eq!(said(&world.of(torn)), [("no-symbol-version", message)]);
}

#[test]
fn a_module_without_checksums_is_loaded_by_force_or_not_at_all() {
    let plain = || {
        let mut elf = module("one", "");
        elf.symbol("_printk", 0, 0);
        elf
    };
    let verdict = World::new("CONFIG_MODVERSIONS=y\n").of(plain());
    let names: Vec<_> = said(&verdict).iter().map(|it| it.1).collect();
    let of = |name: &str| format!("no symbol version for {name}");
    assert_eq!(names, [of("module_layout"), of("_printk")]);
    let forced = World::new("CONFIG_MODVERSIONS=y\nCONFIG_MODULE_FORCE_LOAD=y\n");
    let verdict = forced.of(plain());
    assert_eq!(verdict.outcome, CheckOutcome::Loads);
    assert!(verdict.notes[0].contains("tainted"), "{:?}", verdict.notes);
    // Only a kernel tree says which of both it is.
    let path = forced.put("one", plain());
    let symvers = forced.tree.join("Module.symvers");
    let report = Check::of_symvers(symvers).module(path).run().unwrap();
    assert_eq!(report.verdicts[0].outcome, CheckOutcome::Unclear);
    assert_eq!(World::new("").of(plain()).outcome, CheckOutcome::Loads);
}

#[test]
fn a_namespace_must_be_imported_unless_the_kernel_allows_it() {
    let user = |fields: &str| {
        let mut elf = module("one", fields);
        elf.symbol("named", 0, 0);
        elf
    };
    let world = World::new("");
    assert_eq!(said(&world.of(user("import_ns=NAMES\0"))), []);
    let verdict = world.of(user("import_ns=OTHER\0"));
    let message = "module uses symbol named from namespace NAMES, but does not import it";
    assert_eq!(said(&verdict), [("namespace", message)]);
    let advice = verdict.faults[0].advice.text();
    assert!(
        advice.ends_with("\n    MODULE_IMPORT_NS(\"NAMES\");"),
        "{advice}"
    );
    let lax = World::new("CONFIG_MODULE_ALLOW_MISSING_NAMESPACE_IMPORTS=y\n");
    let verdict = lax.of(user(""));
    assert_eq!(
        (verdict.outcome, &*verdict.notes[0]),
        (CheckOutcome::Loads, message)
    );
}

#[test]
fn a_kernel_that_is_configured_so_refuses_unsigned_modules_in_its_own_words() {
    for (config, message) in [
        ("MODULE_SIG_FORCE", "Loading of unsigned module is rejected"),
        (
            "LOCK_DOWN_KERNEL_FORCE_INTEGRITY",
            "Lockdown: unsigned module loading is restricted",
        ),
    ] {
        let on = format!("CONFIG_MODULE_SIG=y\nCONFIG_{config}=y\n");
        let verdict = World::new(&on).of(module("one", ""));
        assert_eq!(said(&verdict), [("signature", message)]);
        let advice = verdict.faults[0].advice.text();
        assert!(advice.contains(&format!("(CONFIG_{config})")), "{advice}");
        let off = format!("CONFIG_{config}=y\n");
        assert_eq!(said(&World::new(&off).of(module("one", ""))), []);
    }
    let lax = World::new("CONFIG_MODULE_SIG=y\n").of(module("one", ""));
    assert_eq!(lax.outcome, CheckOutcome::Loads);
    assert!(lax.notes[0].contains("module verification failed"));
}

#[test]
fn an_architecture_and_a_struct_of_another_kernel_are_seen() {
    let world = World::new("");
    let mut other = Elf::new(183, false);
    other.section(".gnu.linkonce.this_module", [0; 64]);
    other.section(
        ".modinfo",
        format!("license=GPL\0name=one\0vermagic={RELEASE} SMP \0"),
    );
    let verdict = world.of(other);
    let message = "Invalid architecture in ELF header: 183";
    assert_eq!(said(&verdict), [("architecture", message)]);
    assert!(
        verdict.faults[0]
            .advice
            .text()
            .contains("for arm64 (machine 183")
    );
    // One of the kernel's own modules has its size.
    let mut own = Elf::new(X86, false);
    own.section(".gnu.linkonce.this_module", [0; 128]);
    own.section(
        ".modinfo",
        format!("license=GPL\0name=own\0vermagic={RELEASE} SMP \0"),
    );
    let folder = format!("image/lib/modules/{RELEASE}");
    world
        .root
        .write(&format!("{folder}/kernel/own.ko"), own.build());
    world
        .root
        .write(&format!("{folder}/modules.dep"), "kernel/own.ko:\n");
    let verdict = world.of(module("one", ""));
    assert_eq!(said(&verdict)[0].0, "struct-size");
    assert!(verdict.faults[0].advice.text().contains("128 bytes in "));
}

#[test]
fn a_name_of_a_built_in_module_is_taken_or_unclear() {
    let world = World::new("");
    let folder = format!("image/lib/modules/{RELEASE}");
    let list = "kernel/drivers/with.ko\nkernel/drivers/without.ko\n";
    world.root.write(&format!("{folder}/modules.builtin"), list);
    let info = "with.license=GPL\0with.version=1\0with.parm=level:how much\0printk.parm=x:y\0\
        without.license=GPL\0";
    world
        .root
        .write(&format!("{folder}/modules.builtin.modinfo"), info);
    for (name, outcome) in [
        ("with", CheckOutcome::DoesNotLoad),
        // Only if the parameter has permissions.
        ("printk", CheckOutcome::Unclear),
        ("without", CheckOutcome::Unclear),
        ("other", CheckOutcome::Loads),
    ] {
        assert_eq!(world.of(module(name, "")).outcome, outcome, "{name}");
    }
}

#[test]
fn without_symbols_or_a_header_the_report_says_what_is_not_known() {
    let world = World::new("");
    world.root.remove("tree/Module.symvers");
    let user = || {
        let mut elf = module("one", "");
        elf.symbol("_printk", 0, 0);
        elf
    };
    let verdict = world.of(user());
    assert_eq!(verdict.outcome, CheckOutcome::Unclear);
    assert!(verdict.unclear[0].contains("has no Module.symvers"));
    let given = world.root.write("given.symvers", SYMBOLS);
    let path = world.put("one", user());
    let report = world.check().module(&path).symvers(given).run().unwrap();
    assert!(report.all_load());
    assert_eq!(report.notes.len(), 1);
    assert!(
        report.notes[0].contains("modules.builtin"),
        "{:?}",
        report.notes
    );
    world.root.remove("tree/include/linux/vermagic.h");
    let report = world.check().module(&path).run().unwrap();
    assert!(report.notes[0].contains("no include/linux/vermagic.h"));
}

#[test]
fn modules_are_loaded_after_those_that_they_need_and_fail_with_them() {
    let world = World::new("");
    let exporter = |name: &str, symbol: &str, needs: &str, fields: &str| {
        let mut elf = module(name, fields);
        let table = elf.section("__ksymtab", [0; 12]);
        elf.symbol(&format!("__ksymtab_{symbol}"), table, 0);
        if !needs.is_empty() {
            elf.symbol(needs, 0, 0);
        }
        world.put(name, elf)
    };
    let user = exporter("user", "user_do", "ring_push", "");
    let ring = exporter("ring", "ring_push", "hid_parse", "");
    let run = |paths: &[&PathBuf]| {
        let mut check = world.check();
        for path in paths {
            check.module(*path);
        }
        check.run().unwrap().verdicts
    };
    let verdicts = run(&[&user, &ring]);
    assert_eq!((said(&verdicts[0]), said(&verdicts[1])), (vec![], vec![]));
    assert_eq!(
        (&*verdicts[0].needs, &*verdicts[1].needs),
        (&["ring".to_owned()][..], &["hid".to_owned()][..])
    );
    // The later one of two exporters fails, and modules that need each other do not load.
    let twin = exporter("twin", "ring_push", "user_do", "");
    let verdicts = run(&[&ring, &user, &twin]);
    let message = "exports duplicate symbol ring_push (owned by ring)";
    assert_eq!(said(&verdicts[2]), [("duplicate-symbol", message)]);
    let circle = exporter("ring", "ring_push", "user_do", "");
    let verdicts = run(&[&circle, &user]);
    for (verdict, symbol) in verdicts.iter().zip(["user_do", "ring_push"]) {
        let message = format!("Unknown symbol {symbol} (err -2)");
        assert_eq!(said(verdict), [("provider", &*message)]);
        // The other one is also said to fail, or to be in the circle.
        assert_eq!(verdict.outcome, CheckOutcome::DoesNotLoad);
    }
    let advice = verdicts[0].faults[0].advice.text();
    assert!(advice.contains("need each other"), "{advice}");
    let ring = exporter("ring", "ring_push", "nowhere", "");
    let verdicts = run(&[&user, &ring]);
    assert_eq!(
        said(&verdicts[1]),
        [("unknown-symbol", "Unknown symbol nowhere (err -2)")]
    );
    assert_eq!(
        said(&verdicts[0]),
        [("provider", "Unknown symbol ring_push (err -2)")]
    );
}

#[test]
fn what_is_not_a_module_is_a_verdict_and_what_is_not_there_an_error() {
    let world = World::new("");
    let path = world.root.write("no.ko", "no module");
    let report = world.check().module(path).run().unwrap();
    assert_eq!(said(&report.verdicts[0])[0].0, "invalid-file");
    // One file that cannot be read does not hide the others.
    let good = world.put("one", module("one", ""));
    world.root.link("nowhere", "dangling.ko");
    world.root.create_dir("folder.ko");
    for name in ["dangling.ko", "folder.ko"] {
        let mut check = world.check();
        check.module(world.root.join(name)).module(&good);
        let verdicts = check.run().unwrap().verdicts;
        assert_eq!(verdicts[0].outcome, CheckOutcome::Unclear, "{name}");
        assert!(verdicts[0].unclear[0].contains(name));
        assert_eq!(verdicts[1].outcome, CheckOutcome::Loads, "{name}");
    }
    let gone = world.check().module(world.root.join("gone.ko")).run();
    assert_eq!(gone.unwrap_err().kind(), crate::ErrorKind::SourceNotFound);
}

mod alone;
mod together;
