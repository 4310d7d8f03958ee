//! Over modules made byte by byte: no compiler and no kernel is needed.

use std::process::Command;

use super::*;
use crate::kernel::{Config, Kernel, program};
use crate::module::modinfo::tests::small_module;

const RELEASE: &str = "6.1.0-x";
const MODINFO: &str = "license=GPL\0name=small\0vermagic=6.1.0-x SMP mod_unload \0";

/// The ELF number of this machine's architecture, where there is a test for it.
fn own_machine() -> u16 {
    match std::env::consts::ARCH {
        "aarch64" => 183,
        _ => 62,
    }
}

fn target(release: &str, config: &str) -> Target {
    Target {
        release: release.to_owned(),
        config: Some(Config::parse(config.to_owned())),
        tree: None,
    }
}

fn finish(strip: Option<&str>, compression: Compression) -> Finish {
    Finish {
        strip: strip.map(|value| Strip::new(value).unwrap()),
        signer: None,
        compression,
        target: target(RELEASE, ""),
    }
}

fn text(result: Result<Vec<u8>>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn the_configuration_chooses_the_compression_by_the_rule_of_its_version() {
    let of = |release: &str, config: &str| Compression::of(&target(release, config));
    let xz = "CONFIG_MODULE_COMPRESS_XZ=y\n";
    let zstd = "CONFIG_MODULE_COMPRESS_ZSTD=y\n";
    let gzip = "CONFIG_MODULE_COMPRESS=y\nCONFIG_MODULE_COMPRESS_GZIP=y\n";
    let all = format!("CONFIG_MODULE_COMPRESS=y\n{xz}CONFIG_MODULE_COMPRESS_ALL=y\n");
    assert_eq!(of("5.10.0", gzip), Compression::Gzip);
    assert_eq!(of("6.1.0", xz), Compression::Xz);
    assert_eq!(of("6.11.9-x", zstd), Compression::Zstd);
    assert_eq!(
        of("6.1.0", "CONFIG_MODULE_COMPRESS_NONE=y\n"),
        Compression::None
    );
    assert_eq!(of("6.12.0", xz), Compression::None);
    assert_eq!(of("6.12.0", &all), Compression::Xz);
    assert_eq!(of("7.2.0", &all), Compression::Xz);
    assert_eq!(of("7.2.0", ""), Compression::None);
}

#[test]
fn the_rules_in_a_kernel_tree_outrank_the_version() {
    let root = crate::fixture::Root::new();
    let config = "CONFIG_MODULE_COMPRESS_XZ=y\n";
    let tree = root.kernel_with("tree", "6.6.1", "x86", config);
    let of = |rules: &str| {
        root.write("tree/scripts/Makefile.modinst", rules);
        let tree = Kernel::open(&tree).unwrap();
        Compression::of(&Target {
            tree: Some(tree),
            ..target("6.6.1", config)
        })
    };
    let plain = "suffix-$(CONFIG_MODULE_COMPRESS_XZ) := .xz\n";
    assert_eq!(of(plain), Compression::Xz);
    assert_eq!(of("mod_compress_cmd\n"), Compression::Xz);
    let backported = format!("ifdef CONFIG_MODULE_COMPRESS_ALL\n{plain}endif\n");
    assert_eq!(of(&backported), Compression::None);
}

#[test]
fn compressed_bytes_are_those_of_the_kernels_commands() {
    let module = small_module(own_machine(), MODINFO);
    let root = crate::fixture::Root::new();
    for (command, compression) in [
        ("gzip -n -f", Compression::Gzip),
        ("xz --check=crc32 --lzma2=dict=1MiB -f", Compression::Xz),
        ("zstd --rm -f -q", Compression::Zstd),
    ] {
        let tool = command.split(' ').next().unwrap();
        if program(tool).is_none() {
            println!("not run: {tool} is not installed");
            continue;
        }
        let file = root.write("small.ko", &module);
        let mut words = command.split(' ');
        let mut kernels = Command::new(words.next().unwrap());
        assert!(kernels.args(words).arg(&file).status().unwrap().success());
        let kernels = std::fs::read(format!("{}{}", file.display(), compression.suffix()));
        let ours = finish(None, compression)
            .apply(&module, "small.ko")
            .unwrap();
        assert!(ours == kernels.unwrap(), "{command}");
    }
}

#[test]
fn strip_takes_the_debugging_information_and_keeps_btf() {
    let module = small_module(own_machine(), MODINFO);
    if program("strip").is_none() {
        println!("not run: strip is not installed");
        return;
    }
    let stripped = finish(Some("1"), Compression::None);
    let stripped = stripped.apply(&module, "small.ko").unwrap();
    assert!(stripped.len() + 4096 <= module.len(), "{}", stripped.len());
    let info = ModuleInfo::of_bytes(&stripped, Path::new("small.ko")).unwrap();
    assert!(info.has_btf);
    let gone = finish(Some("-R .BTF"), Compression::None).apply(&module, "small.ko");
    let text = text(gone);
    assert!(
        text.contains("strip has damaged small.ko: its BTF is missing"),
        "{text}"
    );
}

#[test]
fn a_signature_is_not_lost_silently() {
    let mut module = small_module(own_machine(), MODINFO);
    module.extend(b"signature~Module signature appended~\n");
    let text = text(finish(Some("1"), Compression::None).apply(&module, "small.ko"));
    assert!(
        text.contains("small.ko is signed, and strip removes"),
        "{text}"
    );
    let kept = finish(None, Compression::None).apply(&module, "small.ko");
    assert_eq!(kept.unwrap(), module);
}

#[test]
fn an_error_names_the_module_and_the_step() {
    let module = small_module(own_machine(), MODINFO);
    let plain = finish(None, Compression::None);
    let other = Finish {
        target: target("6.12.1", ""),
        ..plain.clone()
    };
    let words = text(other.apply(&module, "a/small.ko"));
    assert!(
        words.contains("a/small.ko was built for the kernel 6.1.0-x, not for 6.12.1"),
        "{words}"
    );
    let words = text(plain.apply(b"\x1f\x8bpacked", "small.ko"));
    assert!(words.contains("small.ko is compressed already"), "{words}");
    let words = text(plain.apply(&module[..module.len() - 64], "small.ko"));
    assert!(
        words.contains("small.ko is a damaged or truncated"),
        "{words}"
    );
    if program("strip").is_some() {
        let failed = finish(Some("--no-such-option"), Compression::None);
        let error = failed.apply(&module, "small.ko").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ToolFailed);
        let words = error.to_string();
        assert!(
            words.starts_with("stripping small.ko: strip failed: "),
            "{words}"
        );
    }
}

#[test]
fn equal_fingerprints_mean_equal_files() {
    let prints = [
        finish(None, Compression::None),
        finish(Some("1"), Compression::None),
        finish(Some("-g"), Compression::None),
        finish(None, Compression::Xz),
        finish(Some("1"), Compression::Xz),
    ];
    let prints: std::collections::BTreeSet<String> =
        prints.iter().map(Finish::fingerprint).collect();
    assert_eq!(prints.len(), 5);
}
