//! Bases in all their forms, and the commands of kernels.

use std::path::{Path, PathBuf};

use super::recipe::NoRecipe;
use super::{Base, Found, Recipe, of_bytes, raw};
use crate::fixture::Root;
use crate::kernel::Kernel;
use crate::kernel::find::Host;

/// BTF with this many bytes of types.
fn btf(types: u32) -> Vec<u8> {
    let mut bytes = vec![0x9f, 0xeb, 1, 0];
    for number in [24, 0, types, types, 4] {
        bytes.extend(u32::to_le_bytes(number));
    }
    bytes.extend(vec![7; types as usize]);
    bytes.extend(b"\0ab\0");
    bytes
}

/// A 64-bit vmlinux with these sections.
fn vmlinux(sections: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut names, mut content, mut table) = (vec![0], vec![0; 64], vec![0; 64]);
    let last = (".shstrtab", &[][..]);
    let all: Vec<_> = sections.iter().copied().chain([last]).collect();
    for (name, bytes) in &all {
        let at = names.len() as u32;
        names.extend(name.bytes());
        names.push(0);
        let bytes = match *name {
            ".shstrtab" => names.clone(),
            _ => bytes.to_vec(),
        };
        let mut entry = [0; 64];
        entry[..4].copy_from_slice(&at.to_le_bytes());
        entry[4] = 1;
        entry[24..32].copy_from_slice(&(content.len() as u64).to_le_bytes());
        entry[32..40].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
        table.extend(entry);
        content.extend(bytes);
    }
    content[..6].copy_from_slice(b"\x7fELF\x02\x01");
    let place = content.len() as u64;
    content[40..48].copy_from_slice(&place.to_le_bytes());
    content[58] = 64;
    content[60] = all.len() as u8 + 1;
    content[62] = all.len() as u8;
    content.extend(table);
    content
}

const BANNER: &[u8] = b"\0Linux version %s\0Linux version 6.1.0-57-amd64 (a@b) (gcc) #1 SMP\n\0";

/// A bzImage with this payload.
fn bzimage(payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 1024];
    bytes[0x1f1] = 1;
    bytes[0x202..0x206].copy_from_slice(b"HdrS");
    bytes[0x206..0x208].copy_from_slice(&0x20f_u16.to_le_bytes());
    bytes[0x20e..0x210].copy_from_slice(&0x80_u16.to_le_bytes());
    bytes[0x280..0x296].copy_from_slice(b"6.1.0-57-amd64 (a@b) #");
    bytes[0x248..0x24c].copy_from_slice(&16_u32.to_le_bytes());
    bytes[0x24c..0x250].copy_from_slice(&(payload.len() as u32).to_le_bytes());
    bytes.extend([0; 16]);
    bytes.extend(payload);
    bytes
}

#[test]
fn raw_btf_is_known_by_its_header_and_must_be_whole() {
    let base = btf(100);
    let found = of_bytes(&base).unwrap();
    assert!(found.bytes == base && found.release.is_none());
    for end in 0..base.len() {
        assert!(of_bytes(&base[..end]).is_err(), "{end}");
    }
    let mut big = vec![0xeb, 0x9f, 1, 0];
    for number in [24_u32, 0, 4, 4, 1] {
        big.extend(number.to_be_bytes());
    }
    big.extend(b"abcd\0");
    assert_eq!(raw::length(&big), Some(29));
    assert!(raw::is_base(&big));
    big[2] = 2;
    assert_eq!(raw::length(&big), None);
}

#[test]
fn the_btf_of_a_module_is_no_base() {
    let mut of_module = btf(100);
    let strings = of_module.len() - 4;
    of_module[strings] = b'x';
    for bytes in [of_module.clone(), vmlinux(&[(".BTF", &of_module)])] {
        let text = of_bytes(&bytes).err().unwrap();
        assert!(text.contains("BTF of a module"), "{text}");
    }
}

#[test]
fn an_image_is_known_as_packed_by_its_first_sectors() {
    use super::image::is_packed;
    let image = bzimage(&vec![0; 100 << 10]);
    assert!(is_packed(&image[..64 << 10]) && !is_packed(&image[..100]));
    assert!(is_packed(b"MZ\0\0zimg\0\0\x10\0") && !is_packed(b"\x7fELF"));
}

#[test]
fn a_vmlinux_has_a_section_and_a_release() {
    let base = btf(100);
    let image = vmlinux(&[(".rodata", BANNER), (".BTF", &base)]);
    let found = of_bytes(&image).unwrap();
    assert_eq!(found.bytes, base);
    assert_eq!(found.release.as_deref(), Some("6.1.0-57-amd64"));
    let text = of_bytes(&vmlinux(&[(".rodata", BANNER)])).err().unwrap();
    assert!(text.contains("CONFIG_DEBUG_INFO_BTF"), "{text}");
    let text = of_bytes(&vmlinux(&[(".BTF", &base[..50])])).err().unwrap();
    assert!(text.contains("damaged"), "{text}");
    for end in 0..image.len() {
        assert!(of_bytes(&image[..end]).is_err(), "{end}");
    }
    // An image without sections has enough BTF for a kernel.
    let base = btf(70 << 10);
    let flat = [b"MZ\x9f\xeb\x01", BANNER, &base, b"behind"].concat();
    let found = of_bytes(&flat).unwrap();
    assert!(found.bytes == base && found.release.is_some());
}

#[cfg(feature = "btf")]
#[test]
fn each_compression_of_an_image_is_unpacked() {
    use std::io::Write;

    let base = btf(100);
    let kernel = vmlinux(&[(".rodata", BANNER), (".BTF", &base)]);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&kernel).unwrap();
    let gzip = gzip.finish().unwrap();
    let size = (kernel.len() as u32).to_le_bytes();
    let block = lz4_flex::block::compress(&kernel);
    let length = (block.len() as u32).to_le_bytes();
    let lz4 = [&b"\x02\x21\x4c\x18"[..], &length, &block, &size].concat();
    // Blocks that are not compressed (RFC 8878), with a window of 128 MiB.
    let header = ((kernel.len() as u32) << 3 | 1).to_le_bytes();
    let zstd = [&b"\x28\xb5\x2f\xfd\0\x88"[..], &header[..3], &kernel, &size].concat();
    for (name, payload) in [("gzip", &gzip), ("lz4", &lz4), ("zstd", &zstd)] {
        let image = bzimage(payload);
        let found = of_bytes(&image).unwrap_or_else(|why| panic!("{name}: {why}"));
        assert_eq!(found.bytes, base, "{name}");
        assert_eq!(found.release.as_deref(), Some("6.1.0-57-amd64"), "{name}");
        assert_eq!(of_bytes(payload).unwrap().bytes, base, "{name}");
        for end in (0..image.len()).step_by(7) {
            assert!(of_bytes(&image[..end]).is_err(), "{name} {end}");
        }
    }
    // "abc" and a newline, by `xz --check=crc32` and `xz --format=lzma`.
    let xz = [
        253, 55, 122, 88, 90, 0, 0, 1, 105, 34, 222, 54, 2, 0, 33, 1, 22, 0, 0, 0, 116, 47, 229,
        163, 1, 0, 3, 97, 98, 99, 10, 0, 78, 129, 136, 71, 0, 1, 24, 4, 107, 233, 240, 165, 144,
        66, 153, 13, 1, 0, 0, 0, 0, 1, 89, 90,
    ];
    let lzma = [
        0x5d, 0, 0, 0x80, 0, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0x30, 0x98, 0x88, 0x91,
        0x40, 0xfa, 0xf1, 255, 255, 0xfb, 0x5c, 0xa0, 0,
    ];
    for payload in [&xz[..], &lzma] {
        let payload = [payload, &size].concat();
        assert_eq!(super::unpack::unpack(&payload).unwrap(), b"abc\n");
    }
    let text = of_bytes(&bzimage(b"\x89LZO")).err().unwrap();
    assert!(
        text.contains("lzo, which kbuild-rs cannot unpack"),
        "{text}"
    );
    // A few bytes must not fill the memory.
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    bomb.write_all(&vec![0; 8 << 20]).unwrap();
    let text = of_bytes(&bomb.finish().unwrap()).err().unwrap();
    assert!(text.contains("too large"), "{text}");
}

const OLD: &str = "quiet_cmd_btf_ko = BTF [M] $@\n      cmd_btf_ko = \t\t\\\n\tif [ ! -f vmlinux ]; then\t\\\n\
    \t\tprintf \"Skipping BTF generation for %s due to unavailability of vmlinux\\n\" $@ 1>&2; \\\n\
    \telse\t\t\\\n\t\tLLVM_OBJCOPY=\"$(OBJCOPY)\" $(PAHOLE) -J $(PAHOLE_FLAGS) --btf_base vmlinux $@; \\\n\
    \t\t$(RESOLVE_BTFIDS) -b vmlinux $@; \\\n\tfi;\n\n# next\n";
const NEW: &str = "      cmd_btf_ko = \\\n\tif [ ! -f $(objtree)/vmlinux ]; then \\\n\t\tprintf \"unavailability of \
    vmlinux\\n\"; \\\n\telse \\\n\t\t$(CONFIG_SHELL) $(srctree)/scripts/gen-btf.sh --btf_base \
    $(objtree)/vmlinux $@; \\\n\tfi;\n";

#[test]
fn the_command_of_a_kernel_gets_another_base_and_one_thread() {
    let Recipe(text) = Recipe::from_text(OLD, "/p/base", true).unwrap();
    assert_eq!(
        text,
        "if [ ! -f /p/base ]; then printf \"Skipping BTF generation for %s due to unavailability of \
         vmlinux\\n\" $@ 1>&2; else LLVM_OBJCOPY=\"$(OBJCOPY)\" $(PAHOLE) -J \
         $(filter-out -j%,$(PAHOLE_FLAGS)) --btf_base /p/base $@; $(RESOLVE_BTFIDS) -b /p/base $@; fi;"
    );
    let Recipe(text) = Recipe::from_text(OLD, "/p/base", false).unwrap();
    assert!(
        text.contains("grep -q '[.]BTF_ids'") && !text.contains("$(RESOLVE"),
        "{text}"
    );
    let Recipe(text) = Recipe::from_text(NEW, "/p/base", true).unwrap();
    assert!(
        text.starts_with("export PAHOLE_FLAGS='$(subst ','\\'',$(filter-out -j%,"),
        "{text}"
    );
    assert!(text.contains("gen-btf.sh --btf_base /p/base $@"), "{text}");
    assert!(!text.contains("$(objtree)"), "{text}");
    let needs = Recipe::from_text(NEW, "/p/base", false);
    assert_eq!(needs, Err(NoRecipe::NeedsResolver));
    for other in [
        "",
        "cmd_btf_ko := vmlinux\n",
        "cmd_btf_ko = true\n",
        "cmd_btf_ko = a vmlinux # b\n",
    ] {
        assert_eq!(Recipe::from_text(other, "/b", true), Err(NoRecipe::Unknown));
    }
}

/// A machine with a kernel tree below `prefix`.
fn machine(root: &Root, prefix: &str) -> (Host, Kernel) {
    let release = "6.1.0-9-amd64";
    root.write("proc/sys/kernel/osrelease", "6.12.1\n");
    let dir = root.kernel(&format!("{prefix}usr/src/linux-headers-{release}"), release);
    (Host::below(root.path(), "x86"), Kernel::open(dir).unwrap())
}

#[test]
fn the_running_kernels_btf_is_only_taken_for_its_own_release() {
    let root = Root::new();
    let (host, kernel) = machine(&root, "");
    let shown = root.write("sys/kernel/btf/vmlinux", btf(10));
    root.write("proc/version", "Linux version 6.1.0-9-amd64 #1\n");
    let search = kernel.find_btf_base_on(&host);
    assert_eq!(search.found, None);
    assert!(
        search.passed[0].contains("the running kernel is 6.12.1"),
        "{search:?}"
    );
    root.write("proc/sys/kernel/osrelease", "6.1.0-9-amd64\n");
    let running = |id: &str| {
        let version = format!("Linux version 6.1.0-9-amd64 #1\n{id}");
        Some(Found::Running(shown.clone(), version))
    };
    assert_eq!(kernel.find_btf_base_on(&host).found, running(""));
    let mut notes = Vec::new();
    for (kind, content) in [(6_u32, &b"Linux-6.1"[..]), (3, &[0xab, 0xcd])] {
        for number in [4, content.len() as u32, kind] {
            notes.extend(number.to_ne_bytes());
        }
        notes.extend(b"GNU\0");
        notes.extend(content);
        notes.resize(notes.len().next_multiple_of(4), 0);
    }
    root.write("sys/kernel/notes", &notes);
    assert_eq!(kernel.find_btf_base_on(&host).found, running("abcd"));
    root.write("sys/kernel/notes", &notes[..notes.len() - 3]);
    assert_eq!(kernel.find_btf_base_on(&host).found, running(""));
}

#[test]
fn the_running_kernels_btf_is_not_taken_for_another_build_or_architecture() {
    let root = Root::new();
    let (host, kernel) = machine(&root, "");
    root.write("sys/kernel/btf/vmlinux", btf(10));
    root.write("proc/sys/kernel/osrelease", "6.1.0-9-amd64\n");
    root.write("proc/version", "Linux version 6.1.0-9-amd64 (a@b) #2 SMP\n");
    let image = root.write("boot/vmlinuz-6.1.0-9-amd64", b"\x7fELF");
    let header = kernel.dir().join("include/generated/utsversion.h");
    std::fs::write(&header, "#define UTS_VERSION \"#1 SMP\"\n").unwrap();
    let search = kernel.find_btf_base_on(&host);
    assert_eq!(search.found, Some(Found::Image(image)));
    assert!(search.passed[0].contains("another build"), "{search:?}");
    std::fs::write(&header, "#define UTS_VERSION \"#2 SMP\"\n").unwrap();
    let search = kernel.find_btf_base_on(&host);
    assert!(
        matches!(search.found, Some(Found::Running(..))),
        "{search:?}"
    );
    let search = kernel.find_btf_base_on(&Host::below(root.path(), "arm64"));
    assert_eq!(search.found, None);
    assert!(
        search.passed[0].contains("this machine is arm64"),
        "{search:?}"
    );
}

#[test]
fn images_are_searched_in_the_root_of_the_tree_and_only_of_its_release() {
    let root = Root::new();
    let (host, kernel) = machine(&root, "image/");
    let image = |place: &str, bytes: &[u8]| root.write(place, bytes);
    image("boot/vmlinuz-6.1.0-9-amd64", &bzimage(b""));
    let search = kernel.find_btf_base_on(&host);
    assert_eq!(search.found, None);
    let of_another = "is of the kernel 6.1.0-57-amd64";
    assert!(
        search.passed.iter().any(|why| why.contains(of_another)),
        "{search:?}"
    );
    let own = image("image/lib/modules/6.1.0-9-amd64/vmlinuz", b"\x7fELF");
    let found = |file: &PathBuf| Some(Found::Image(file.clone()));
    assert_eq!(kernel.find_btf_base_on(&host).found, found(&own));
    let first = image("image/boot/vmlinuz-6.1.0-9-amd64", b"\x7fELF");
    assert_eq!(kernel.find_btf_base_on(&host).found, found(&first));
    let mut foreign = vmlinux(&[]);
    foreign[18] = 183;
    image("image/boot/vmlinuz-6.1.0-9-amd64", &foreign);
    assert_eq!(kernel.find_btf_base_on(&host).found, found(&own));
    // The root of the tree comes before the running kernel.
    root.write("sys/kernel/btf/vmlinux", btf(10));
    root.write("proc/sys/kernel/osrelease", "6.1.0-9-amd64\n");
    root.write("proc/version", "Linux version 6.1.0-9-amd64 #1\n");
    assert_eq!(kernel.find_btf_base_on(&host).found, found(&own));
}

#[test]
fn a_vmlinux_without_a_release_has_that_of_its_kernel_tree() {
    let root = Root::new();
    root.kernel("tree", "6.6.6");
    let file = root.write("tree/vmlinux", vmlinux(&[(".BTF", &btf(100))]));
    assert_eq!(Base::read(&file).unwrap().release.as_deref(), Some("6.6.6"));
    let other = root.write("tree/other", vmlinux(&[(".BTF", &btf(100))]));
    assert_eq!(Base::read(&other).unwrap().release, None);
    assert!(Base::read(Path::new("/dev/null")).is_err());
}
