//! Inputs that programs or this file make.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::{Result, run};

const LIMIT: Duration = Duration::from_secs(60);

/// What outer builds tell.
const MAKEFLAGS: &[&str] = &[
    "kw -j8 --jobserver-auth=3,4 -- V=1 A=b",
    " -j --jobserver-fds=3,4",
    "--jobserver-auth=fifo:/tmp/GMfifo1234",
    "n -j1",
    "ninja\0-j\x004\0-v\0all",
    "/lib/ld-linux-x86-64.so.2\0--argv0\0ninja\0/usr/bin/ninja\0-j3",
    "4242 (ninja (a) b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21",
];

/// Package, and name, release, path and symvers of each module.
const ROWS: &[&str] = &["ring\0ring\x006.1.0\0/o/ring.ko\0/o/ring.symvers\0a\0b\0/\"\\\0"];

/// Requirements in every form.
const REQUIREMENTS: &[&str] = &[
    "[requires]\nkernel = \">=5.10, <7.0: why\"\narch = ['x86', 'arm64']\nconfig = [\n  \"CONFIG_NET\",\n  \
     { check = \"~!CONFIG_X\", reason = \"a \\\"b\\\" \\u00e4\" },\n]\nsymbols = { check = '~printk' }\n",
    "requires.config.check = 'A'\nrequires.config.\"reason\" = \"\"\"b\n\"\"\"\n",
    "[[requires.config]]\ncheck = '''A'''\n[[requires.config]]\nreason = 'b'\ncheck = '!B'\n",
];

pub(super) fn add(corpus: &mut BTreeMap<&'static str, Vec<Vec<u8>>>) -> Result<()> {
    let bytes = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    corpus.insert("makeflags", bytes(MAKEFLAGS));
    corpus.insert("cargo-modules", bytes(ROWS));
    corpus.insert("kbuild-toml", bytes(REQUIREMENTS));
    corpus.insert("make-output", outputs()?);
    let modules = corpus.get("modinfo").cloned().unwrap_or_default();
    let small: Vec<Vec<u8>> = modules.into_iter().take(3).collect();
    let archive = archive();
    for program in ["gzip", "xz", "zstd"] {
        let compressed = corpus.entry("compressed").or_default();
        for module in &small {
            compressed.push(through(Command::new(program).arg("-c"), module)?);
        }
        let packed = through(Command::new(program).arg("-c"), &archive)?;
        corpus.entry("initramfs").or_default().push(packed);
    }
    corpus.entry("initramfs").or_default().push(archive);
    certificates(corpus)?;
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut git = Command::new("git");
    git.args(["ls-files", "--stage", "-z"]).current_dir(top);
    // Not everybody has a repository here.
    if let Ok(known) = run::checked(&mut git, LIMIT) {
        let known = known.stdout.into_iter().take(2000);
        let changed = b"\nsrc/lib.rs\0a b\0new/file\0".iter().copied();
        corpus.insert("git", vec![known.chain(changed).collect()]);
    }
    Ok(())
}

/// The output of makes and compilers: a few lines of each quotation in the page that explains it.
fn outputs() -> Result<Vec<Vec<u8>>> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = top.join("../docs/messages.md");
    let text = std::fs::read_to_string(&page).map_err(|error| format!("{page:?}: {error}"))?;
    let mut is_quoted = false;
    let mut quoted = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            is_quoted = !is_quoted;
        } else if is_quoted {
            quoted.push(line);
        }
    }
    let part = |lines: &[&str]| lines.join("\n").into_bytes();
    Ok(quoted.chunks(60).map(part).collect())
}

/// Certificates with two kinds of keys, in both forms.
fn certificates(corpus: &mut BTreeMap<&'static str, Vec<Vec<u8>>>) -> Result<()> {
    for key in ["rsa:1024", "ed25519"] {
        let mut request = Command::new("openssl");
        request
            .args(["req", "-x509", "-nodes", "-days", "1", "-newkey", key])
            .args(["-subj", "/CN=fuzz", "-keyout", "/dev/stdout"]);
        let pem = run::checked(&mut request, LIMIT)?.stdout;
        let mut convert = Command::new("openssl");
        let der = through(convert.args(["x509", "-outform", "DER", "-in"]), &pem)?;
        corpus.entry("der").or_default().push(der.clone());
        let both = corpus.entry("certificate").or_default();
        both.extend([pem, der]);
    }
    Ok(())
}

/// The output of a program for a file with this content, which is its last argument.
fn through(command: &mut Command, input: &[u8]) -> Result<Vec<u8>> {
    let failed = |error: std::io::Error| format!("cannot write a file: {error}");
    let mut file = tempfile::NamedTempFile::new().map_err(failed)?;
    file.write_all(input).map_err(failed)?;
    command.arg(file.path());
    Ok(run::checked(command, LIMIT)?.stdout)
}

/// An initramfs with a folder and two modules.
fn archive() -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, data) in [
        ("lib/modules", ""),
        ("lib/modules/a.ko", "module"),
        ("lib/modules/b-c.ko.xz", "x"),
        ("TRAILER!!!", ""),
    ] {
        let numbers = [
            1,
            0o100_644,
            0,
            0,
            1,
            0,
            data.len(),
            0,
            0,
            0,
            0,
            name.len() + 1,
            0,
        ];
        archive.extend_from_slice(b"070701");
        for number in numbers {
            archive.extend_from_slice(format!("{number:08x}").as_bytes());
        }
        for part in [format!("{name}\0"), data.to_owned()] {
            archive.extend_from_slice(part.as_bytes());
            archive.resize(archive.len().next_multiple_of(4), 0);
        }
    }
    archive
}
