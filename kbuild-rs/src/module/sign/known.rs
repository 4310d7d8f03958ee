//! The certificates that a running kernel knows, and those of the firmware.

use std::path::{Path, PathBuf};

use super::certificate::Certificate;
use crate::sys::regular;

/// The system whose kernel is asked. Only tests have another root than `/`.
#[derive(Debug)]
pub(super) struct System {
    root: PathBuf,
}

/// Whether a kernel knows a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    Yes,
    /// It will, if somebody confirms it when the machine starts.
    Pending,
    No,
    /// Nothing here can tell.
    Unclear,
}

/// Variables with certificates that the kernel loads: shim's (there may be more with a number), and
/// the firmware's.
const LOADED: [&str; 2] = [
    "MokListRT-605dab50-e046-4300-abb6-3dd810dd8b23",
    "db-d719b2cb-3d3a-4596-a3bc-dad00e67656f",
];
/// Certificates that wait for shim.
const WAITING: &str = "MokNew-605dab50-e046-4300-abb6-3dd810dd8b23";

const EFI_VARIABLES: &str = "sys/firmware/efi/efivars";
/// `EFI_CERT_X509_GUID`, as it lies in a list.
const X509: [u8; 16] = [
    0xa1, 0x59, 0xc0, 0xa5, 0xe4, 0x94, 0xa7, 0x4a, 0x87, 0xb5, 0xab, 0x15, 0x5c, 0x2b, 0xf0, 0x72,
];

impl System {
    pub(super) fn here() -> System {
        System::at(Path::new("/"))
    }

    pub(super) fn at(root: &Path) -> System {
        System {
            root: root.to_owned(),
        }
    }

    /// A line of `/proc` or `/sys`.
    pub(super) fn line(&self, path: &str) -> String {
        let text = regular::read_to_string(self.root.join(path)).unwrap_or_default();
        text.trim().to_owned()
    }

    /// Whether this machine has a firmware to which certificates can be added.
    pub(super) fn has_uefi(&self) -> bool {
        self.root.join("sys/firmware/efi").is_dir()
    }

    /// Whether `release` is the running kernel.
    pub(super) fn runs(&self, release: &str) -> bool {
        self.line("proc/sys/kernel/osrelease") == release
    }

    /// Whether the kernel `release` of this system knows a certificate.
    pub(super) fn knows(&self, certificate: &Certificate, release: &str) -> Known {
        let of_kernel = match self.runs(release) {
            true => in_keyrings(&self.line("proc/keys"), &certificate.kernel_id()),
            false => Known::Unclear,
        };
        match of_kernel {
            Known::Yes => Known::Yes,
            Known::Unclear if LOADED.iter().any(|name| self.has(name, certificate)) => Known::Yes,
            _ if self.has(WAITING, certificate) => Known::Pending,
            other => other,
        }
    }

    fn has(&self, variable: &str, certificate: &Certificate) -> bool {
        let path = self.root.join(EFI_VARIABLES).join(variable);
        let bytes = regular::read(path).unwrap_or_default();
        // The attributes of the variable are in front.
        let lists = bytes.get(4..).unwrap_or_default();
        certificates(lists).contains(&certificate.der())
    }
}

/// The certificates of the firmware and of shim that the running kernel has loaded.
#[cfg(feature = "check")]
pub(super) fn loaded(system: &System) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for name in LOADED {
        let path = system.root.join(EFI_VARIABLES).join(name);
        let bytes = regular::read(path).unwrap_or_default();
        let lists = certificates(bytes.get(4..).unwrap_or_default());
        found.extend(lists.into_iter().map(<[u8]>::to_vec));
    }
    found
}

/// Looks for a key in `/proc/keys`, which shows each user the keys that they may see: an ordinary
/// user sees none of the kernel's.
pub(super) fn in_keyrings(keys: &str, id: &str) -> Known {
    let asymmetric = keys.lines().filter_map(|line| {
        // id flags usage timeout permissions uid gid type description
        let flags = line.split_whitespace().nth(1)?;
        let (_, description) = line.split_once(" asymmetri ")?;
        (!flags.contains('R')).then_some(description)
    });
    let mut are_visible = false;
    for description in asymmetric {
        are_visible = true;
        // `subject: id: X509.rsa 1e0d []`
        if description.rsplit(": ").nth(1) == Some(id) {
            return Known::Yes;
        }
    }
    match are_visible {
        true => Known::No,
        false => Known::Unclear,
    }
}

/// The certificates of a sequence of `EFI_SIGNATURE_LIST`. It ends at the first damaged list.
pub(super) fn certificates(mut lists: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    while let Some((kind, rest)) = lists.split_first_chunk::<16>() {
        let number = |at: usize| {
            let bytes = rest.get(at..at + 4)?.try_into().ok()?;
            usize::try_from(u32::from_le_bytes(bytes)).ok()
        };
        let (Some(size), Some(header), Some(each)) = (number(0), number(4), number(8)) else {
            break;
        };
        let Some(list) = lists
            .get(..size)
            .filter(|list| list.len() >= 28 && each > 16)
        else {
            break;
        };
        let signatures = list[28..].get(header..).unwrap_or_default();
        if *kind == X509 {
            // The owner's GUID is in front of each.
            found.extend(signatures.chunks_exact(each).map(|one| &one[16..]));
        }
        lists = &lists[size..];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(kind: [u8; 16], each: u32, signatures: &[u8]) -> Vec<u8> {
        let size = 28 + u32::try_from(signatures.len()).unwrap();
        let numbers = [size.to_le_bytes(), 0_u32.to_le_bytes(), each.to_le_bytes()];
        [&kind, &numbers.concat()[..], signatures].concat()
    }

    #[test]
    fn certificates_are_read_out_of_lists_of_the_firmware() {
        let one = list(X509, 19, &[[9; 16].as_slice(), b"abc"].concat());
        let hashes = list([1; 16], 48, &[0; 96]);
        let all = [hashes, one.clone()].concat();
        assert_eq!(certificates(&all), [b"abc"]);
        for cut in 0..one.len() {
            assert_eq!(certificates(&one[..cut]), [b""; 0], "{cut}");
        }
        for size in [0_u32, 27, 48, u32::MAX] {
            let mut bad = one.clone();
            bad[16..20].copy_from_slice(&size.to_le_bytes());
            assert_eq!(certificates(&bad), [b""; 0], "{size}");
        }
        for (header, each) in [(u32::MAX, 19), (0, 0), (0, 16), (0, u32::MAX)] {
            let mut bad = one.clone();
            bad[20..24].copy_from_slice(&header.to_le_bytes());
            bad[24..28].copy_from_slice(&each.to_le_bytes());
            assert_eq!(certificates(&bad), [b""; 0], "{header} {each}");
        }
    }

    #[test]
    fn a_key_is_found_by_its_identifier() {
        let keys = "\
0058170f I------     1 perm 0f0b0000     0     0 keyring   .blacklist: empty
13a7c2ab I------     1 perm 1f030000     0     0 asymmetri Debian: CA: 6ccece7e4c6c0d1f: X509.rsa 1f6149f3 []
22a7c2ab IR-----     1 perm 1f030000     0     0 asymmetri Gone: aabb: X509.rsa aabb []
";
        assert_eq!(in_keyrings(keys, "6ccece7e4c6c0d1f"), Known::Yes);
        assert_eq!(in_keyrings(keys, "aabb"), Known::No);
        assert_eq!(in_keyrings(keys, "1f6149f3"), Known::No);
        let hidden = keys.lines().next().unwrap();
        assert_eq!(in_keyrings(hidden, "aabb"), Known::Unclear);
    }
}
