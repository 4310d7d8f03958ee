//! The keys that systems have for their modules.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::Signer;
use crate::error::Advice;
use crate::kernel::Kernel;
use crate::syntax::words;
use crate::sys::regular;
use crate::{Error, ErrorKind, Result};

/// A place where a system keeps the key of its modules.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    owner: &'static str,
    /// A path, or a PKCS#11 URI.
    key: String,
    certificate: PathBuf,
}

/// (who keeps a key there, the key, the certificate)
const KNOWN: [(&str, &str, &str); 3] = [
    ("DKMS", "var/lib/dkms/mok.key", "var/lib/dkms/mok.pub"),
    (
        "Ubuntu",
        "var/lib/shim-signed/mok/MOK.priv",
        "var/lib/shim-signed/mok/MOK.der",
    ),
    (
        "Fedora's akmods",
        "etc/pki/akmods/private/private_key.priv",
        "etc/pki/akmods/certs/public_key.der",
    ),
];

/// Gentoo's settings: a file, or a folder of files.
const MAKE_CONF: &str = "etc/portage/make.conf";

/// Opens the first key that a system has: one of its own, else the key that a kernel was built with.
pub(super) fn find(root: &Path, tree: Option<&Kernel>) -> Result<Signer> {
    let mut searched = Vec::new();
    for place in places(root, tree) {
        match place.state() {
            Ok(()) => {
                let signer = Signer::open(&place.key, &place.certificate);
                let found = signer.map_err(|e| e.about(&format!("the key of {}", place.owner)))?;
                return Ok(Signer {
                    origin: Some(place.owner),
                    ..found
                });
            }
            Err(why) => searched.push(format!("    {} ({}): {why}", place.key, place.owner)),
        }
    }
    Err(none(&searched))
}

fn places(root: &Path, tree: Option<&Kernel>) -> Vec<Place> {
    let below = |path: &str| root.join(path);
    let mut places: Vec<Place> = KNOWN
        .iter()
        .map(|(owner, key, certificate)| Place {
            owner,
            key: below(key).display().to_string(),
            certificate: below(certificate),
        })
        .collect();
    places.extend(gentoo(&below(MAKE_CONF)));
    if let Some(tree) = tree {
        let certs = tree.dir().join("certs");
        places.push(Place {
            owner: "the kernel tree",
            key: certs.join("signing_key.pem").display().to_string(),
            certificate: certs.join("signing_key.x509"),
        });
    }
    places
}

impl Place {
    /// The reason why this key cannot be used.
    fn state(&self) -> Result<(), String> {
        let is_there = |path: &Path| match regular::open(path).map(|_: File| ()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err("not there".to_owned()),
            other => other.map_err(|error| error.to_string()),
        };
        if !self.key.starts_with("pkcs11:") {
            is_there(Path::new(&self.key))?;
        }
        let certificate = self.certificate.display();
        is_there(&self.certificate).map_err(|why| format!("its certificate {certificate}: {why}"))
    }
}

/// The key of `MODULES_SIGN_KEY`, with `MODULES_SIGN_CERT`. The files are bash, and are only read: a
/// value that bash would have to compute is none.
fn gentoo(make_conf: &Path) -> Option<Place> {
    let mut files = vec![make_conf.to_owned()];
    if let Ok(entries) = std::fs::read_dir(make_conf) {
        files = entries.flatten().map(|entry| entry.path()).collect();
        files.sort();
    }
    let texts = files.iter().map(regular::read_to_string);
    let text: String = texts.flatten().map(|text| text + "\n").collect();
    let key = assigned(&text, "MODULES_SIGN_KEY")?;
    let certificate = assigned(&text, "MODULES_SIGN_CERT").unwrap_or_else(|| key.clone());
    Some(Place {
        owner: "Gentoo's make.conf",
        certificate: certificate.into(),
        key,
    })
}

/// The last value that a text gives to a variable.
fn assigned(text: &str, name: &str) -> Option<String> {
    let mut values = text.lines().rev().filter_map(|line| {
        let line = line.trim_start();
        let line = line.strip_prefix("export ").unwrap_or(line);
        line.trim_start().strip_prefix(name)?.strip_prefix('=')
    });
    let value = values.next()?;
    if value.contains(['$', '`']) {
        return None;
    }
    let first = words(value)?.into_iter().next()?;
    (!first.is_empty()).then_some(first)
}

fn none(searched: &[String]) -> Error {
    let make = "openssl req -new -x509 -newkey rsa:2048 -nodes -days 36500 -subj '/CN=Modules of \
                this machine' -keyout /var/lib/dkms/mok.key -outform DER -out /var/lib/dkms/mok.pub";
    let advice = Advice::new(
        "no-signing-key",
        "name a key and its certificate, or make both and enrol the certificate",
    );
    Error::new(
        ErrorKind::InvalidInput,
        format!(
            "no key was named (--key, --cert), and this system has none for modules. Places \
             searched:\n{}\nTo make a key, and to enrol it at the next start of the machine:\n    \
             mkdir -p /var/lib/dkms\n    {make}\n    mokutil --import /var/lib/dkms/mok.pub",
            searched.join("\n")
        ),
    )
    .advise(advice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Root;

    #[test]
    fn make_conf_is_read_and_not_evaluated() {
        let value = |text: &str| assigned(text, "MODULES_SIGN_KEY");
        for (text, wanted) in [
            ("MODULES_SIGN_KEY=/a/key.pem\n", Some("/a/key.pem")),
            (
                "  export MODULES_SIGN_KEY=\"/a b/key.pem\" # mine\n",
                Some("/a b/key.pem"),
            ),
            ("MODULES_SIGN_KEY='/a'\nMODULES_SIGN_KEY='/b'", Some("/b")),
            (
                "MODULES_SIGN_KEY=\"pkcs11:token=a;object=b\"",
                Some("pkcs11:token=a;object=b"),
            ),
            ("MODULES_SIGN_KEY=\"$(touch /tmp/x)\"", None),
            ("MODULES_SIGN_KEY=\"${HOME}/key\"", None),
            ("MODULES_SIGN_KEY=`id`", None),
            ("MODULES_SIGN_KEY=\"/open", None),
            ("MODULES_SIGN_KEY=", None),
            ("#MODULES_SIGN_KEY=/a\nMODULES_SIGN_KEY_X=/b\n", None),
        ] {
            assert_eq!(value(text).as_deref(), wanted, "{text}");
        }
    }

    #[test]
    fn every_place_is_named_where_none_has_a_key() {
        let root = Root::new();
        root.write(
            "etc/portage/make.conf/50-sign",
            "MODULES_SIGN_KEY=/none/key.pem\n",
        );
        root.write("var/lib/dkms/mok.key", "");
        let error = find(root.path(), None).unwrap_err();
        let said = error.to_string();
        for (owner, key, _) in KNOWN {
            let line = format!("{} ({owner}): ", root.join(key).display());
            assert!(said.contains(&line), "{said}");
        }
        assert!(
            said.contains("/none/key.pem (Gentoo's make.conf): not there"),
            "{said}"
        );
        let half = format!(
            "its certificate {}: not there",
            root.join(KNOWN[0].2).display()
        );
        assert!(said.contains(&half), "{said}");
        assert!(said.contains("\n    openssl req "), "{said}");
        assert_eq!(error.advice()[0].code(), "no-signing-key");
    }
}
