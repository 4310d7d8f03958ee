//! Over modules made here, byte by byte: the tests need no compiler and no kernel.

use super::*;
use crate::fixture::Root;

/// A 64-bit ELF object in the making.
pub(in crate::module) struct Elf {
    big: bool,
    machine: u16,
    /// Name, type, data, link, entry size.
    sections: Vec<(String, u32, Vec<u8>, u32, u64)>,
    /// Name, section, value, `st_info`.
    symbols: Vec<(String, u16, u64, u8)>,
}

impl Elf {
    pub(in crate::module) fn new(machine: u16, big: bool) -> Elf {
        Elf {
            big,
            machine,
            sections: Vec::new(),
            symbols: Vec::new(),
        }
    }

    fn bytes<const N: usize>(&self, little: [u8; N]) -> [u8; N] {
        let mut bytes = little;
        if self.big {
            bytes.reverse();
        }
        bytes
    }

    /// Adds a section; the answer is its index.
    pub(in crate::module) fn section(&mut self, name: &str, data: impl AsRef<[u8]>) -> u16 {
        let data = data.as_ref().to_vec();
        self.sections.push((name.into(), 1, data, 0, 0));
        self.sections.len() as u16
    }

    pub(in crate::module) fn symbol(&mut self, name: &str, section: u16, value: u64) {
        self.symbols.push((name.into(), section, value, 0x10));
    }

    /// A symbol that has the name of the one that comes after it and all others like it.
    fn alias(&mut self) {
        self.symbols.push((String::new(), 0, 0, 0x10));
    }

    pub(in crate::module) fn build(mut self) -> Vec<u8> {
        let mut names = vec![0];
        let mut table = vec![0; 24];
        for (name, section, value, info) in std::mem::take(&mut self.symbols) {
            table.extend(self.bytes((names.len() as u32).to_le_bytes()));
            table.extend([info, 0]);
            table.extend(self.bytes(section.to_le_bytes()));
            table.extend(self.bytes(value.to_le_bytes()));
            table.extend([0; 8]);
            if !name.is_empty() {
                names.extend(name.bytes());
                names.push(0);
            }
        }
        self.sections.push((".strtab".into(), 3, names, 0, 0));
        let strtab = self.sections.len() as u32;
        self.sections.push((".symtab".into(), 2, table, strtab, 24));
        let mut names = vec![0];
        let mut at = Vec::new();
        for (name, ..) in &self.sections {
            at.push(names.len() as u32);
            names.extend(name.bytes());
            names.push(0);
        }
        at.push(names.len() as u32);
        names.extend(b".shstrtab\0");
        self.sections.push((".shstrtab".into(), 3, names, 0, 0));

        let mut body = vec![0; 64];
        let mut headers = vec![0; 64];
        for ((_, kind, data, link, entry), name) in self.sections.iter().zip(at) {
            body.resize(body.len().next_multiple_of(8), 0);
            headers.extend(self.bytes(name.to_le_bytes()));
            headers.extend(self.bytes(kind.to_le_bytes()));
            headers.extend([0; 16]);
            headers.extend(self.bytes((body.len() as u64).to_le_bytes()));
            headers.extend(self.bytes((data.len() as u64).to_le_bytes()));
            headers.extend(self.bytes(link.to_le_bytes()));
            headers.extend([0; 4]);
            headers.extend(self.bytes(1u64.to_le_bytes()));
            headers.extend(self.bytes(entry.to_le_bytes()));
            body.extend(data);
        }
        body.resize(body.len().next_multiple_of(8), 0);
        let count = self.sections.len() as u16 + 1;
        let mut head = b"\x7fELF\x02".to_vec();
        head.extend([if self.big { 2 } else { 1 }, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        head.extend(self.bytes(1u16.to_le_bytes()));
        head.extend(self.bytes(self.machine.to_le_bytes()));
        head.extend(self.bytes(1u32.to_le_bytes()));
        head.extend([0; 16]);
        head.extend(self.bytes((body.len() as u64).to_le_bytes()));
        head.extend([0; 4]);
        for half in [64, 0, 0, 64, count, count - 1] {
            head.extend(self.bytes(u16::to_le_bytes(half)));
        }
        body[..64].copy_from_slice(&head);
        body.extend(headers);
        body
    }
}

const MODINFO: &str = "version=1.0\0license=GPL\0license=MIT\0author=A = B\0\
    parm=level:how much: of it\0parmtype=level:int\0parmtype=who:charp\0alias=pci:v1\0\
    firmware=x.bin\0import_ns=RING\0depends=ring,other\0retpoline=Y\0name=rich_mod\0\
    vermagic=6.1.0-x SMP mod_unload \0description=it\0\0";

/// A small module that depmod reads, too.
pub(crate) fn module(name: &str, release: &str, fields: &str) -> Vec<u8> {
    let mut elf = Elf::new(62, false);
    elf.section(".gnu.linkonce.this_module", [0; 64]);
    let text = format!("license=GPL\0name={name}\0vermagic={release} SMP \0{fields}");
    elf.section(".modinfo", text);
    elf.symbol("", 0, 0);
    elf.symbol("init_module", 1, 0);
    elf.build()
}

/// A record of `__versions`.
pub(in crate::module) fn version(name: &str, crc: u64, big: bool) -> Vec<u8> {
    let mut record = if big {
        crc.to_be_bytes()
    } else {
        crc.to_le_bytes()
    }
    .to_vec();
    record.extend(name.bytes());
    record.resize(64, 0);
    record
}

/// The bytes of a module with debugging information, for the tests of other folders.
pub(crate) fn small_module(machine: u16, modinfo: &str) -> Vec<u8> {
    let mut elf = Elf::new(machine, false);
    elf.section(".modinfo", modinfo);
    elf.section(".gnu.linkonce.this_module", [0; 32]);
    elf.section(".BTF", [7; 64]);
    elf.section(".debug_info", [0; 4096]);
    elf.build()
}

/// A module with everything in it that is read.
fn rich(machine: u16, big: bool) -> Elf {
    let mut elf = Elf::new(machine, big);
    elf.section(".modinfo", MODINFO);
    elf.section(".gnu.linkonce.this_module", [0; 32]);
    elf.section("__versions", version("_printk", 0x1234_5678, big));
    let strings = elf.section("__ksymtab_strings", b"rich_ns\0RICH\0\0");
    let plain = elf.section("__ksymtab", [0; 12]);
    let gpl = elf.section("__ksymtab_gpl", [0; 24]);
    elf.symbol("__ksymtab_rich_plain", plain, 0);
    elf.symbol("__ksymtab_rich_gpl", gpl, 0);
    elf.symbol("__ksymtab_rich_ns", gpl, 12);
    elf.symbol("__kstrtab_rich_ns", strings, 0);
    elf.symbol("__kstrtabns_rich_ns", strings, 8);
    elf.symbol("__kstrtabns_rich_gpl", strings, 13);
    elf.symbol("_printk", 0, 0);
    elf.symbol("ring_push", 0, 0);
    elf
}

#[test]
fn a_module_says_what_it_is() {
    for (machine, big, arch) in [
        (62, false, "x86"),
        (183, false, "arm64"),
        (22, true, "s390"),
    ] {
        let info = parse(&rich(machine, big).build()).unwrap();
        assert_eq!(info.arch, arch);
        assert_eq!(info.name, "rich_mod");
        assert_eq!(info.release, "6.1.0-x");
        assert_eq!(info.vermagic, "6.1.0-x SMP mod_unload ");
        assert_eq!(info.licenses, ["GPL", "MIT"]);
        assert_eq!(info.depends, ["ring", "other"]);
        assert_eq!(info.authors, ["A = B"]);
        assert_eq!(info.description.as_deref(), Some("it"));
        assert_eq!(info.version.as_deref(), Some("1.0"));
        assert_eq!(info.aliases, ["pci:v1"]);
        assert_eq!(info.firmware, ["x.bin"]);
        assert_eq!(info.imported_namespaces, ["RING"]);
        assert!(info.fields.contains(&("retpoline".into(), "Y".into())));
        assert!(!info.signed && !info.has_btf);
        let level = &info.parameters[0];
        assert_eq!(
            (level.name.as_str(), level.kind.as_deref()),
            ("level", Some("int"))
        );
        assert_eq!(level.description.as_deref(), Some("how much: of it"));
        assert_eq!(info.parameters[1].description, None);
    }
}

#[test]
fn exports_and_imports_are_read_from_the_symbol_table() {
    for big in [false, true] {
        let info = parse(&rich(22, big).build()).unwrap();
        let exports: Vec<_> = info
            .exports
            .iter()
            .map(|export| {
                (
                    export.name.as_str(),
                    export.gpl_only,
                    export.namespace.as_deref(),
                )
            })
            .collect();
        assert_eq!(
            exports,
            [
                ("rich_gpl", true, None),
                ("rich_ns", true, Some("RICH")),
                ("rich_plain", false, None)
            ]
        );
        let imports: Vec<_> = info
            .imports
            .iter()
            .map(|import| (import.name.as_str(), import.crc))
            .collect();
        assert_eq!(
            imports,
            [("_printk", Some(0x1234_5678)), ("ring_push", None)]
        );
    }
}

#[test]
fn a_table_of_flags_tells_who_is_gpl_only() {
    let mut elf = Elf::new(62, false);
    elf.section(".modinfo", MODINFO);
    elf.section(".gnu.linkonce.this_module", [0; 32]);
    let table = elf.section("__ksymtab", [0; 24]);
    elf.section("__kflagstab", [0, 1]);
    elf.symbol("__ksymtab_a", table, 0);
    elf.symbol("__ksymtab_b", table, 12);
    let exports = parse(&elf.build()).unwrap().exports;
    assert!(!exports[0].gpl_only && exports[1].gpl_only);
}

#[test]
fn long_names_have_their_checksums_in_tables_of_their_own() {
    let mut elf = Elf::new(62, false);
    elf.section(".modinfo", MODINFO);
    elf.section(".gnu.linkonce.this_module", [0; 32]);
    elf.section("__version_ext_crcs", [1, 0, 0, 0, 2, 0, 0, 0]);
    elf.section("__version_ext_names", b"first\0second\0");
    elf.symbol("second", 0, 0);
    assert_eq!(parse(&elf.build()).unwrap().imports[0].crc, Some(2));
}

#[test]
fn a_signature_and_btf_are_seen() {
    let mut elf = rich(62, false);
    elf.section(".BTF", [0x9f, 0xeb]);
    let mut bytes = elf.build();
    bytes.extend(b"whatever");
    bytes.extend(SIGNATURE);
    let info = parse(&bytes).unwrap();
    assert!(info.signed && info.has_btf);
}

#[test]
fn a_module_cut_short_anywhere_is_an_error() {
    let bytes = rich(62, false).build();
    for length in 0..bytes.len() {
        assert!(
            parse(&bytes[..length]).is_err(),
            "{length} of {}",
            bytes.len()
        );
    }
    assert!(parse(&bytes).is_ok());
}

#[test]
fn a_module_with_any_byte_changed_never_panics() {
    let bytes = rich(62, false).build();
    for at in 0..bytes.len() {
        for value in [0, 0x7f, 0xff, bytes[at] ^ 1] {
            let mut bytes = bytes.clone();
            bytes[at] = value;
            let _ = parse(&bytes);
        }
    }
}

#[test]
fn what_is_no_module_is_refused_with_the_reason() {
    let root = Root::new();
    let mut object = Elf::new(62, false);
    object.section(".modinfo", MODINFO);
    let compressed = |tool: &'static str| match cfg!(feature = "compressed") {
        true => format!("is compressed by {tool}, and damaged or truncated"),
        false => format!("\n    {tool} -dk '"),
    };
    for (bytes, words) in [
        (b"\xfd7zXZ\0....".to_vec(), &*compressed("xz")),
        (b"\x1f\x8b....".to_vec(), &compressed("gzip")),
        (b"\x28\xb5\x2f\xfd....".to_vec(), &compressed("zstd")),
        (b"obj-m := x.o\n".to_vec(), "not an ELF file"),
        (Vec::new(), "not an ELF file"),
        (object.build(), "not a kernel module"),
        (rich(62, false).build()[..200].to_vec(), "truncated"),
    ] {
        let error = ModuleInfo::read(root.write("x.ko", bytes)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidFile);
        assert!(error.to_string().contains(words), "{words}: {error}");
        assert!(error.to_string().contains("x.ko"), "{error}");
    }
    let error = ModuleInfo::read(root.join("none.ko")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
}

#[test]
fn a_module_without_a_name_goes_by_its_file() {
    let root = Root::new();
    let mut elf = Elf::new(62, false);
    elf.section(".modinfo", "license=GPL\0");
    elf.section(".gnu.linkonce.this_module", [0; 32]);
    let path = root.write("my-mod.ko", elf.build());
    assert_eq!(ModuleInfo::read(path).unwrap().name, "my_mod");
}

/// Far more than it takes, and far less than the square of the input would.
const SOON: std::time::Duration = std::time::Duration::from_secs(20);

fn parse_soon(elf: Elf) -> Result<ModuleInfo, Invalid> {
    let bytes = elf.build();
    let since = std::time::Instant::now();
    let info = parse(&bytes);
    let time = since.elapsed();
    assert!(time < SOON, "{time:?} for {} bytes", bytes.len());
    info
}

#[test]
fn a_module_with_much_of_everything_is_read_soon() {
    const MANY: usize = 100_000;
    let mut elf = Elf::new(62, false);
    let parameters: String = (0..MANY).map(|i| format!("parmtype=p{i}:int\0")).collect();
    elf.section(".modinfo", parameters);
    elf.section(".gnu.linkonce.this_module", [0; 32]);
    let table = elf.section("__ksymtab", vec![0; 12 * MANY]);
    elf.section("__kflagstab", vec![0; MANY]);
    for i in 0..20_000 {
        elf.section(&format!(".text.f{i}"), []);
    }
    for i in 0..MANY {
        elf.symbol(&format!("__ksymtab_s{i}"), table, 12 * i as u64);
    }
    let info = parse_soon(elf).unwrap();
    assert_eq!((info.parameters.len(), info.exports.len()), (MANY, MANY));
}

#[test]
fn names_that_lie_over_each_other_are_refused_soon() {
    let long = "x".repeat(1 << 20);
    let crowd = |symbols: bool| {
        let mut elf = rich(62, false);
        let strings = elf.section("__ksymtab_strings", format!("{long}\0"));
        for i in 0..100_000 {
            match symbols {
                true => elf.alias(),
                false => elf.symbol(&format!("__kstrtabns_{i}"), strings, 0),
            }
        }
        elf.symbol(&long, 0, 0);
        elf
    };
    for symbols in [true, false] {
        let refused = parse_soon(crowd(symbols)).unwrap_err();
        assert!(matches!(refused, Invalid::Overlapping), "{refused:?}");
    }
}
