//! Signatures of modules.
//!
//! A signature is a PKCS#7 message behind the module, which the kernel checks against its keyrings.
//! `scripts/sign-file` of the kernel tree makes it. Where that program does not run (a package of
//! headers may be for a newer system), `openssl cms` makes the same bytes.
//!
//! # Decisions
//! - Every signature is checked against the certificate before anybody gets it.
//! - An existing signature is replaced. The kernel would only look at the last one.
//! - The hash is that of the kernel's configuration. There is no list of hashes here: SHA-1 went in
//!   7.0, and newer kernels have SHA-3.
//! - The value of `KBUILD_SIGN_PIN` is never read. The programs that open the key inherit it.

mod certificate;
mod der;
mod detached;
mod file;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod hash;
mod key;
mod keys;
mod known;
mod message;
mod openssl;
mod pem;
mod policy;
mod run;
mod sign_file;
#[cfg(feature = "check")]
mod standing;
mod trailer;

use std::io;
use std::path::Path;

use super::target::Target;
use crate::error::Advice;
use crate::kernel::Kernel;
use crate::sys::regular;
use crate::{Error, ErrorKind, Result};
use certificate::Certificate;
pub use file::{SignFile, Signed};
use key::Key;
pub(crate) use key::PIN;
use openssl::Access;
pub(crate) use policy::check_policy;
use run::{Failed, Scratch};
#[cfg(feature = "check")]
pub(crate) use standing::{Standing, Verifier, enforced};

/// The module without a signature, in the folder of the programs that sign.
const MODULE: &str = "module.ko";
/// The certificate there.
const CERTIFICATE: &str = "certificate.pem";

/// A key and its certificate.
#[derive(Debug, Clone)]
pub struct Signer {
    key: Key,
    access: Access,
    certificate: Certificate,
    hash: Option<String>,
    /// Whose key it is, if it was found.
    origin: Option<&'static str>,
}

impl Signer {
    /// Opens a key (a PEM file, or a `pkcs11:` URI) and its certificate (PEM or DER, perhaps in the
    /// same file), and checks that they belong together.
    ///
    /// For an encrypted key and for a token, the environment variable `KBUILD_SIGN_PIN` has the
    /// passphrase or the PIN.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for files that are not a key and its certificate,
    /// [`ErrorKind::SigningFailed`] if OpenSSL cannot open the key, [`ErrorKind::ToolNotFound`]
    /// without OpenSSL, [`ErrorKind::Io`].
    pub fn open(key: &str, certificate: &Path) -> Result<Signer> {
        let key = Key::open(key)?;
        let certificate = Certificate::read(certificate)?;
        let access = Access::to(&key)?;
        openssl::check_pair(&key, access, &certificate)?;
        Ok(Signer {
            key,
            access,
            certificate,
            hash: None,
            origin: None,
        })
    }

    /// Opens the key that this system has for its modules: the one of DKMS, Ubuntu, Fedora's akmods or
    /// Gentoo, else the one with which the kernel in `tree` was built. The first that can be read
    /// counts; see [`origin`](Signer::origin).
    ///
    /// # Errors
    /// As [`open`](Signer::open); [`ErrorKind::InvalidInput`] if there is none. The message has the
    /// places searched, and the commands that make a key.
    pub fn find(tree: Option<&Kernel>) -> Result<Signer> {
        keys::find(Path::new("/"), tree)
    }

    /// Whose key this is, if [`find`](Signer::find) found it: `DKMS`.
    pub fn origin(&self) -> Option<&str> {
        self.origin
    }

    /// Signs with this hash instead of the one in the kernel's configuration. The name is OpenSSL's:
    /// `sha512`, `sha3-256`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a text that is not a name.
    pub fn hash(self, name: &str) -> Result<Signer> {
        hash::check(name)?;
        Ok(Signer {
            hash: Some(name.to_owned()),
            ..self
        })
    }

    /// The key: a path, or a URI without a PIN.
    pub fn key(&self) -> String {
        self.key.shown()
    }

    /// The file with the certificate.
    pub fn certificate(&self) -> &Path {
        self.certificate.path()
    }

    /// Appends a signature to an uncompressed module with the hash that `target` is configured for. An
    /// existing signature is replaced. The result is checked against the certificate.
    ///
    /// # Errors
    /// [`ErrorKind::SigningFailed`], [`ErrorKind::InvalidFile`] for a damaged signature,
    /// [`ErrorKind::KernelConfig`] if the hash is not known.
    pub(crate) fn sign(&self, module: &[u8], target: &Target) -> Result<Vec<u8>> {
        let hash = self.hash_for(target)?;
        let content = content(module)?;
        let scratch = Scratch::new()?;
        scratch.file(MODULE, content)?;
        let certificate = scratch.file(CERTIFICATE, self.certificate.pem().as_bytes())?;
        let certificate = certificate.as_os_str();
        let how = (certificate, &*hash);
        let by_kernel = self.by_sign_file(&scratch, target, how);
        if let Some(Ok(signed)) = &by_kernel {
            if self.is_ours(&scratch, content, signed, certificate).is_ok() {
                return Ok(signed.clone());
            }
        }
        let message = openssl::sign(&scratch, (&self.key, self.access), how, self.is_ml_dsa())
            .map_err(|failed| self.failure(failed, &hash, by_kernel))?;
        let signed = trailer::append(content, &message).ok_or_else(too_long)?;
        self.is_ours(&scratch, content, &signed, certificate)
            .map_err(|failed| self.bad_signature(&failed))?;
        Ok(signed)
    }

    /// What a signature depends on besides the module and the kernel: key, certificate, hash.
    pub(crate) fn fingerprint(&self) -> String {
        let key = self.key.argument();
        let (key, certificate) = (key.to_string_lossy(), self.certificate.fingerprint());
        format!(
            "{key} {certificate} {}",
            self.hash.as_deref().unwrap_or_default()
        )
    }

    fn is_ml_dsa(&self) -> bool {
        self.certificate.is_ml_dsa()
    }

    fn hash_for(&self, target: &Target) -> Result<String> {
        match &self.hash {
            Some(hash) => Ok(hash.clone()),
            None => hash::of(target),
        }
    }

    /// The result of the kernel's own program, if there is one that may run here.
    fn by_sign_file(
        &self,
        scratch: &Scratch,
        target: &Target,
        how: (&std::ffi::OsStr, &str),
    ) -> Option<Result<Vec<u8>, Failed>> {
        let program = target.sign_file()?;
        let is_usable = self.access == Access::File && sign_file::is_trustworthy(&program);
        is_usable.then(|| sign_file::sign(&program, scratch, &self.key, how))
    }

    /// Fails unless `signed` is `content` with a signature of our key.
    fn is_ours(
        &self,
        scratch: &Scratch,
        content: &[u8],
        signed: &[u8],
        certificate: &std::ffi::OsStr,
    ) -> Result<(), Failed> {
        let parts = trailer::split(signed);
        let parts = parts.map_err(|damage| Failed::Exit(damage.in_words().to_owned()))?;
        match parts.message {
            Some(message) if parts.content == content => {
                openssl::verify(scratch, message, certificate)
            }
            _ => Err(Failed::Exit("the module has no signature".to_owned())),
        }
    }

    fn failure(
        &self,
        failed: Failed,
        hash: &str,
        by_kernel: Option<Result<Vec<u8>, Failed>>,
    ) -> Error {
        let mut what = format!(
            "cannot sign with the key {} and the hash {hash}; the module stays unsigned",
            self.key()
        );
        if let Some(Err(failed)) = by_kernel {
            what += &format!(". sign-file says: {}. openssl says", failed.in_words());
        }
        openssl::failure(what, failed, "signing-failed")
    }

    fn bad_signature(&self, failed: &Failed) -> Error {
        let what = format!(
            "the new signature does not fit the certificate {}; the module stays unsigned",
            self.certificate().display()
        );
        let advice = Advice::new("bad-signature", what.clone());
        let said = failed.in_words();
        Error::new(ErrorKind::SigningFailed, format!("{what}:\n{said}")).advise(advice)
    }
}

/// A module without its signatures.
fn content(module: &[u8]) -> Result<&[u8]> {
    let parts = trailer::split(module).map_err(damaged)?;
    Ok(parts.content)
}

fn damaged(damage: trailer::Damage) -> Error {
    Error::new(
        ErrorKind::InvalidFile,
        format!("the module {}. Build it again", damage.in_words()),
    )
}

fn too_long() -> Error {
    Error::new(
        ErrorKind::SigningFailed,
        "the signature is longer than the 4 GiB that a module can hold",
    )
}

/// Whether a module has a signature. It says nothing about the signer.
pub(crate) fn is_signed(module: &[u8]) -> bool {
    trailer::split(module).is_ok_and(|parts| parts.message.is_some())
}

/// Reads a file that the caller named: a missing one is a wrong call.
fn read_named(what: &str, path: &Path) -> Result<Vec<u8>> {
    regular::read(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Error::new(
            ErrorKind::SourceNotFound,
            format!("the {what} {} does not exist", path.display()),
        ),
        _ => Error::reading(&format!("read the {what}"), path, error),
    })
}
