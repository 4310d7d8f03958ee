//! Over archives made byte by byte, and packed by this machine's tools.

use std::io::Write;
use std::process::{Command, Stdio};

use super::*;
use crate::fixture;
use crate::kernel::program;

const RELEASE: &str = "6.1.0-x";

fn entry(name: &str, data: &[u8]) -> Vec<u8> {
    let mut numbers = [0; 13];
    numbers[6] = data.len();
    numbers[11] = name.len() + 1;
    let mut bytes = b"070701".to_vec();
    for number in numbers {
        bytes.extend(format!("{number:08x}").bytes());
    }
    bytes.extend(name.bytes());
    bytes.push(0);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes.extend(data);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn archive(names: &[&str]) -> Vec<u8> {
    let mut bytes: Vec<u8> = names
        .iter()
        .flat_map(|name| entry(name, b"data."))
        .collect();
    bytes.extend(entry("TRAILER!!!", b""));
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn with_ring() -> Vec<u8> {
    let module = format!("usr/lib/modules/{RELEASE}/updates/my-ring.ko.xz");
    archive(&["init", "usr", &module])
}

fn packed(tool: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    program(tool)?;
    let mut child = Command::new(tool);
    let child = child.args(["-c", "-q"]).stdin(Stdio::piped());
    let mut child = child.stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    Some(child.wait_with_output().unwrap().stdout)
}

fn look_at(bytes: &[u8]) -> Contains {
    let modules = ["my_ring".to_owned(), "other".to_owned()];
    look(&mut BufReader::new(bytes), RELEASE, &modules)
}

fn ring() -> Contains {
    Contains::Modules(vec!["my_ring".to_owned()])
}

fn found_in(root: &fixture::Root) -> Option<Initramfs> {
    let image = Image::open(&root.join("image")).unwrap();
    Initramfs::of(&image, RELEASE, &["my_ring".to_owned()]).unwrap()
}

#[test]
fn a_module_is_found_by_its_name_in_the_folder_of_the_release() {
    assert_eq!(look_at(&with_ring()), ring());
    let others = [
        "lib/modules/6.1.0-y/updates/my-ring.ko",
        "lib/modules/6.1.0-x/updates/my-ring.ko.old",
        "lib/modules/6.1.0-x/updates/ring.ko",
        "my-ring.ko",
    ];
    assert_eq!(look_at(&archive(&others)), Contains::Nothing);
}

#[test]
fn archives_after_each_other_are_read_plain_and_compressed() {
    let early = archive(&["kernel/x86/microcode/GenuineIntel.bin"]);
    for tool in ["gzip", "xz", "zstd"] {
        let Some(main) = packed(tool, &with_ring()) else {
            println!("not run: {tool} is not installed");
            continue;
        };
        let expected = match cfg!(feature = "compressed") {
            true => ring(),
            false => Contains::CannotTell(format!(
                "is compressed with {tool}, which kbuild-rs does not read"
            )),
        };
        let whole = [early.as_slice(), &main].concat();
        assert_eq!(look_at(&whole), expected, "{tool}");
        if cfg!(feature = "compressed") {
            // A compressed archive may stand before others.
            let rest = packed(tool, &archive(&["init"])).unwrap();
            let whole = [early.as_slice(), &rest, &[0; 12], &main].concat();
            assert_eq!(look_at(&whole), ring(), "{tool}");
        }
    }
    assert_eq!(look_at(&[early, with_ring()].concat()), ring());
}

#[test]
fn an_unknown_compression_is_not_an_answer() {
    for (magic, kind) in [
        (&b"\x02\x21\x4c\x18...."[..], "lz4"),
        (b"BZh91AY&SY", "bzip2"),
        (b"\x89LZO\0\r\n\x1a\n", "lzo"),
    ] {
        let bytes = [archive(&["init"]).as_slice(), magic].concat();
        let Contains::CannotTell(why) = look_at(&bytes) else {
            panic!("{kind} has an answer");
        };
        assert!(why.contains(kind), "{why}");
    }
    assert!(matches!(
        look_at(b"something else"),
        Contains::CannotTell(_)
    ));
    assert_eq!(look_at(b""), Contains::Nothing);
}

#[test]
fn a_damaged_archive_ends_soon_and_never_panics() {
    let whole = [archive(&["init"]), with_ring()].concat();
    for end in 0..whole.len() {
        look_at(&whole[..end]);
    }
    for at in 0..whole.len() {
        for bit in [0, 3, 7] {
            let mut changed = whole.clone();
            changed[at] ^= 1 << bit;
            look_at(&changed);
        }
    }
    // A name of 4 GiB, and data of 4 GiB.
    for index in [11, 6] {
        let mut huge = entry("init", b"");
        huge[6 + index * 8..][..8].copy_from_slice(b"ffffffff");
        assert!(matches!(look_at(&huge), Contains::CannotTell(_)));
    }
}

#[test]
fn the_command_is_that_of_the_root() {
    for (file, program, command) in [
        (
            "boot/initrd.img-6.1.0-x",
            None,
            "update-initramfs -u -k 6.1.0-x",
        ),
        (
            "boot/initramfs-6.1.0-x.img",
            None,
            "dracut --force --kver 6.1.0-x",
        ),
        ("boot/initramfs-linux-lts.img", None, "mkinitcpio -P"),
        (
            "boot/initrd.img-6.1.0-x",
            Some("usr/bin/dracut"),
            "dracut --force --kver 6.1.0-x",
        ),
    ] {
        let root = fixture::Root::new();
        root.write(&format!("image/{file}"), with_ring());
        if let Some(program) = program {
            root.program(&format!("image/{program}"));
        }
        let found = found_in(&root).unwrap();
        assert_eq!(found.files[0].contains, ring());
        let note = found.note().unwrap();
        let path = root.join("image");
        let line = format!("\n    chroot {} {command}", path.display());
        assert!(note.ends_with(&line), "{note}");
        assert!(
            note.contains("still contains my_ring from before this change."),
            "{note}"
        );
        let refused = found.rebuild().unwrap_err().to_string();
        assert!(refused.ends_with(&line), "{refused}");
    }
    let root = fixture::Root::new();
    root.create_dir("image/boot");
    assert!(found_in(&root).is_none());
    root.write("image/boot/initrd.img-6.1.0-x", archive(&["init"]));
    assert!(found_in(&root).unwrap().note().is_none());
}

/// An EFI program with these sections.
fn efi(sections: &[(&[u8; 8], &[u8])]) -> Vec<u8> {
    let mut bytes = b"MZ".to_vec();
    bytes.resize(60, 0);
    bytes.extend(64u32.to_le_bytes());
    bytes.extend(b"PE\0\0\x64\x86");
    bytes.extend((sections.len() as u16).to_le_bytes());
    bytes.resize(64 + 24, 0);
    let mut at = bytes.len() + 40 * sections.len();
    for (name, data) in sections {
        let size = (data.len() as u32).to_le_bytes();
        bytes.extend(*name);
        bytes.extend(size);
        bytes.extend([0; 4]);
        bytes.extend(size);
        bytes.extend((at as u32).to_le_bytes());
        bytes.extend([0; 16]);
        at += data.len();
    }
    sections.iter().for_each(|(_, data)| bytes.extend(*data));
    bytes
}

#[test]
fn a_unified_image_has_its_initramfs_in_a_section() {
    let root = fixture::Root::new();
    let image = |release: &[u8]| {
        let ring = with_ring();
        efi(&[
            (b".uname\0\0", release),
            (b".linux\0\0", b"kernel"),
            (b".initrd\0", &ring),
        ])
    };
    root.write("image/boot/efi/EFI/Linux/debian.efi", image(b"6.1.0-x\0"));
    root.write("image/boot/efi/EFI/Linux/other.efi", image(b"6.1.0-y"));
    root.write("image/boot/efi/EFI/Linux/6.1.0-x.efi", b"MZ, and no more");
    let found = found_in(&root).unwrap();
    let files: Vec<_> = found.files.iter().map(|file| &file.contains).collect();
    assert_eq!(files.len(), 2, "{files:?}");
    assert!(matches!(files[0], Contains::CannotTell(_)));
    assert_eq!(files[1], &ring());
    let note = found.note().unwrap();
    assert!(note.contains("With Secure Boot, sign it again"), "{note}");
    let whole = image(b"6.1.0-x");
    for end in (0..whole.len()).step_by(7) {
        root.write("image/boot/efi/EFI/Linux/debian.efi", &whole[..end]);
        found_in(&root);
    }
}
