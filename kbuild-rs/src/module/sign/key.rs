//! Private keys: where they are, and how OpenSSL reaches them. A file is only read to see whether it
//! is encrypted.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::pem;
use crate::{Error, ErrorKind, Result};

/// The variable with the passphrase of a key or the PIN of a token: the kernel's own name. Its value
/// is never read here. Only the programs that open the key read it.
pub(crate) const PIN: &str = "KBUILD_SIGN_PIN";

/// The beginning of a PKCS#11 URI (RFC 7512).
const PKCS11: &str = "pkcs11:";

/// A private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Key {
    /// A PEM or DER file: its absolute path, and the user's own word for it.
    File(PathBuf, String),
    /// A key on a token, by its URI.
    Token(String),
}

impl Key {
    /// The key that a user names.
    pub(super) fn open(named: &str) -> Result<Key> {
        if named.starts_with(PKCS11) {
            return Key::token(named);
        }
        let path = Path::new(named);
        let bytes = super::read_named("key", path)?;
        if is_encrypted(&bytes) && !has_pin() {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!(
                    "the key {named} is encrypted. Put its passphrase into the environment \
                     variable {PIN}, and run the command again:\n    read -rs {PIN} && export {PIN}"
                ),
            ));
        }
        let absolute = std::path::absolute(path)
            .map_err(|error| Error::reading("read the key", path, error))?;
        Ok(Key::File(absolute, named.to_owned()))
    }

    fn token(uri: &str) -> Result<Key> {
        // Every user of the machine can read command lines, and the URI is shown in messages.
        let attributes = uri[PKCS11.len()..].split([';', '?', '&']);
        let names = attributes.filter_map(|one| one.split('=').next());
        if names.map(str::trim).any(|name| name == "pin-value") {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!(
                    "the PKCS#11 URI contains a PIN (pin-value), which other users can read on the \
                     command line. Remove it from the URI, and put the PIN into the environment \
                     variable {PIN}:\n    read -rs {PIN} && export {PIN}"
                ),
            ));
        }
        Ok(Key::Token(uri.to_owned()))
    }

    /// The key as the user named it.
    pub(super) fn shown(&self) -> String {
        match self {
            Key::File(_, named) => named.clone(),
            Key::Token(uri) => uri.clone(),
        }
    }

    /// The key as an argument of `sign-file` and OpenSSL.
    pub(super) fn argument(&self) -> OsString {
        match self {
            Key::File(path, _) => path.clone().into(),
            Key::Token(uri) => uri.into(),
        }
    }
}

/// Whether there is a passphrase or a PIN.
pub(super) fn has_pin() -> bool {
    std::env::var_os(PIN).is_some_and(|pin| !pin.is_empty())
}

/// Whether a file holds an encrypted key: PKCS#8's label, or the header of older files.
fn is_encrypted(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let mut blocks = pem::blocks(&text).into_iter();
    let key = blocks.find(|(label, _)| label.ends_with("PRIVATE KEY"));
    key.is_some_and(|(label, body)| {
        label == "ENCRYPTED PRIVATE KEY" || body.contains("Proc-Type: 4,ENCRYPTED")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_with_a_pin_is_refused_and_not_repeated() {
        for uri in [
            "pkcs11:token=a;object=b?pin-value=1234",
            "pkcs11:token=a?module-name=x&pin-value=1234",
            "pkcs11:pin-value=1234",
        ] {
            let error = Key::open(uri).unwrap_err().to_string();
            assert!(error.contains("KBUILD_SIGN_PIN"), "{error}");
            assert!(!error.contains("1234"), "{error}");
        }
        let uri = "pkcs11:token=a;object=pin-value?pin-source=file:/run/pin";
        assert_eq!(Key::open(uri).unwrap(), Key::Token(uri.to_owned()));
    }

    #[test]
    fn an_encrypted_key_is_known_by_its_label_or_its_header() {
        let block = |label: &str, body: &str| {
            format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
        };
        let new = block("CERTIFICATE", "AA==") + &block("ENCRYPTED PRIVATE KEY", "AA==");
        let old = block(
            "RSA PRIVATE KEY",
            "Proc-Type: 4,ENCRYPTED\nDEK-Info: A,B\n\nAA==",
        );
        let plain = block("PRIVATE KEY", "AA==");
        assert!(is_encrypted(new.as_bytes()));
        assert!(is_encrypted(old.as_bytes()));
        assert!(!is_encrypted(plain.as_bytes()));
        assert!(!is_encrypted(b"\xff\xfe"));
    }
}
