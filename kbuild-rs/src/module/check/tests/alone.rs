//! What the kernel refuses in one module.

use super::super::btf::tests::btf;
use super::*;

#[test]
fn a_common_symbol_has_no_place() {
    let world = World::new("");
    let mut elf = module("one", "");
    elf.symbol("shared", 0xfff2, 8);
    let verdict = world.of(elf);
    assert_eq!(
        said(&verdict),
        [("common-symbol", "please compile with -fno-common")]
    );
    let mut elf = module("one", "");
    elf.symbol("__gnu_lto_slim", 0xfff2, 8);
    assert_eq!(said(&world.of(elf)), []);
}

#[test]
fn a_live_patch_needs_its_support() {
    let patch = || module("one", "livepatch=Y\0");
    let verdict = World::new("").of(patch());
    assert_eq!(said(&verdict)[0].0, "livepatch");
    assert_eq!(said(&World::new("CONFIG_LIVEPATCH=y\n").of(patch())), []);
}

#[test]
fn a_section_is_writable_or_executable() {
    let world = World::new("CONFIG_STRICT_MODULE_RWX=y\n");
    let mut elf = module("one", "");
    elf.section(".odd", [0; 8]);
    let mut bytes = elf.build();
    // The flags of the third section.
    let table = u64::from_le_bytes(bytes[40..48].try_into().unwrap());
    let flags = usize::try_from(table).unwrap() + 3 * 64 + 8;
    bytes[flags] = 0x7;
    let path = world.root.write("one.ko", bytes);
    let verdict = world
        .check()
        .module(&path)
        .run()
        .unwrap()
        .verdicts
        .remove(0);
    let message = "section .odd (index 3) has invalid WRITE|EXEC flags";
    assert_eq!(said(&verdict), [("section-flags", message)]);
    let lax = World::new("").check().module(&path).run().unwrap();
    assert!(lax.all_load());
}

#[test]
fn more_extended_checksums_than_names_are_refused() {
    let world = World::new("CONFIG_MODVERSIONS=y\n");
    let mut elf = with_versions(&[("module_layout", 1), ("_printk", 2)]);
    elf.section("__version_ext_crcs", [1, 0, 0, 0, 2, 0, 0, 0]);
    elf.section("__version_ext_names", b"module_layout\0");
    let verdict = world.of(elf);
    let message = "more extended version crcs than names";
    assert_eq!(said(&verdict), [("no-symbol-version", message)]);
}

/// A kernel tree's vmlinux with this BTF.
fn vmlinux(world: &World, btf: Vec<u8>) {
    let mut elf = crate::module::modinfo::tests::Elf::new(X86, false);
    elf.section(".BTF", btf);
    world.root.write("tree/vmlinux", elf.build());
}

#[test]
fn btf_goes_on_from_the_kernels_or_is_not_compared() {
    let world = World::new("CONFIG_DEBUG_INFO_BTF_MODULES=y\n");
    let with = |bytes: &[u8]| {
        let mut elf = module("one", "");
        elf.section(".BTF", bytes);
        elf
    };
    let message = ("btf", "failed to validate module [one] BTF");
    let good = btf(&[0, 2 << 24, 1], b"");
    let foreign = btf(&[0, 2 << 24, 70], b"");
    assert_eq!(said(&world.of(with(b"garbage"))), [message]);
    let verdict = world.of(with(&foreign));
    assert_eq!(said(&verdict), []);
    assert!(verdict.notes[0].starts_with("its BTF is not compared"));
    vmlinux(&world, btf(&[1, 1 << 24, 4, 32], b"\0int\0"));
    assert_eq!(said(&world.of(with(&good))), []);
    let verdict = world.of(with(&foreign));
    assert_eq!(said(&verdict), [message]);
    let advice = verdict.faults[0].advice.text();
    assert!(advice.contains("the type 70, which"), "{advice}");
    for config in [
        "",
        "CONFIG_DEBUG_INFO_BTF_MODULES=y\nCONFIG_MODULE_ALLOW_BTF_MISMATCH=y\n",
    ] {
        assert_eq!(said(&World::new(config).of(with(b"garbage"))), []);
    }
}
