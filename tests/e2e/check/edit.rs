//! Changes to built modules that no compiler makes.

use std::fs;
use std::path::Path;
use std::process::Command;

use kbuild_tests::run;

use crate::support::*;

/// One change to the file of a module.
#[derive(Clone, Copy, Debug)]
pub(super) enum Edit {
    /// The file as it was built.
    None,
    /// Every occurrence of a text becomes another one of its length.
    Text(&'static str, &'static str),
    /// The checksum of a symbol.
    Crc(&'static str),
    /// The name in the record of a checksum.
    Record(&'static str, &'static str),
    /// The first digit of the release in vermagic.
    Release,
    /// The module is for arm64, by its header.
    Machine,
    /// The module has no table of checksums.
    NoVersions,
    /// As above, and the release in vermagic is another one.
    NoVersionsAndRelease,
    /// Signed with a key that no kernel knows: `mok.key` in the folder.
    Signed,
    /// The end of the signature is damaged.
    DamagedSignature,
    /// Signed with the same key, and attributes are signed: the default of `openssl cms`.
    SignedAttributes,
    /// Type information that is none.
    GarbageBtf,
    /// The same module, built for another kernel.
    Foreign,
}

impl Edit {
    /// Makes the change to a module in the folder with the keys.
    pub(super) fn apply(self, file: &Path, keys: &Path) {
        let mut bytes = fs::read(file).unwrap();
        match self {
            // The caller copies another file.
            Edit::None | Edit::Foreign => {}
            Edit::Text(from, to) => {
                assert!(replace(&mut bytes, from.as_bytes(), to.as_bytes()) > 0);
            }
            Edit::Crc(symbol) => {
                let at = record(&bytes, symbol);
                bytes[at - 8] ^= 0xff;
            }
            Edit::Record(symbol, other) => {
                let at = record(&bytes, symbol);
                bytes[at..at + other.len()].copy_from_slice(other.as_bytes());
            }
            Edit::Release => other_release(&mut bytes),
            Edit::Machine => bytes[18..20].copy_from_slice(&183_u16.to_le_bytes()),
            Edit::NoVersions | Edit::NoVersionsAndRelease => {
                // The kernel finds the section by its name.
                assert!(replace(&mut bytes, b"__versions", b"__versionz") > 0);
                if let Edit::NoVersionsAndRelease = self {
                    other_release(&mut bytes);
                }
            }
            Edit::SignedAttributes => {
                let message = keys.join("message");
                let mut sign = Command::new("openssl");
                sign.args(
                    "cms -sign -binary -nocerts -nosmimecap -md sha256 -outform DER".split(' '),
                );
                sign.arg("-in").arg(file).arg("-out").arg(&message);
                sign.arg("-inkey").arg(keys.join("mok.key"));
                sign.arg("-signer").arg(keys.join("mok.pem"));
                run::checked(&mut sign, LIMIT).unwrap();
                let message = fs::read(message).unwrap();
                bytes.extend_from_slice(&message);
                bytes.extend_from_slice(&[0, 0, 2, 0, 0, 0, 0, 0]);
                bytes.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
                bytes.extend_from_slice(b"~Module signature appended~\n");
            }
            Edit::GarbageBtf => {
                let garbage = keys.join("garbage");
                fs::write(&garbage, "no type information").unwrap();
                let mut objcopy = Command::new("objcopy");
                objcopy.args(["--remove-section", ".BTF", "--add-section"]);
                objcopy.arg(format!(".BTF={}", garbage.display())).arg(file);
                run::checked(&mut objcopy, LIMIT).unwrap();
                return;
            }
            Edit::Signed | Edit::DamagedSignature => {
                let mut sign = Command::new(program());
                sign.arg("sign").arg(file).args(["--hash", "sha256"]);
                sign.arg("--key").arg(keys.join("mok.key"));
                sign.arg("--cert").arg(keys.join("mok.pem"));
                built(&mut sign);
                if let Edit::Signed = self {
                    return;
                }
                bytes = fs::read(file).unwrap();
                let length = bytes.len() - b"~Module signature appended~\n".len() - 4;
                bytes[length..length + 4].fill(0xff);
            }
        }
        fs::write(file, bytes).unwrap();
    }
}

fn other_release(bytes: &mut [u8]) {
    let at = find(bytes, b"vermagic=").unwrap() + b"vermagic=".len();
    bytes[at] = b'9';
}

fn find(bytes: &[u8], text: &[u8]) -> Option<usize> {
    bytes.windows(text.len()).position(|part| part == text)
}

fn replace(bytes: &mut [u8], from: &[u8], to: &[u8]) -> usize {
    assert_eq!(from.len(), to.len());
    let mut count = 0;
    while let Some(at) = find(bytes, from) {
        bytes[at..at + to.len()].copy_from_slice(to);
        count += 1;
    }
    count
}

/// The place of a name in `__versions`, whose records have 56 bytes for it.
fn record(bytes: &[u8], symbol: &str) -> usize {
    let mut name = symbol.as_bytes().to_vec();
    name.resize(56, 0);
    find(bytes, &name).unwrap()
}
