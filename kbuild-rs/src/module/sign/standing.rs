//! What a kernel makes of the signature of a module, as far as it can be known here.

use std::path::{Path, PathBuf};

use super::certificate::{self, Certificate};
use super::known::{self, System};
use super::message;
use super::policy;
use super::run::{Failed, Scratch};
use super::trailer;
use super::{CERTIFICATE, MODULE, openssl};
use crate::Result;
use crate::module::target::Target;

/// The signature of a module in the eyes of a kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is signed by a key that the kernel knows.
    Good,
    Unsigned,
    /// The end of the file is not a signature: the end of a sentence about the module.
    Damaged(&'static str),
    /// The kernel knows the key, and the module is not the one that it signed.
    Rejected(String),
    /// It is signed by another key than those that the caller named.
    UnknownKey(String),
    /// Nothing here tells whether the kernel knows the key of this signer.
    Unclear(String),
}

/// The kernel whose view counts.
#[derive(Debug)]
pub(crate) struct Verifier {
    /// Certificates that the kernel knows for certain.
    certificates: Vec<Certificate>,
    /// Whether the caller named all of them.
    are_all: bool,
}

impl Verifier {
    /// The view of a kernel that knows the certificates in `named`; without any, those that its tree
    /// and this machine's firmware have.
    ///
    /// # Errors
    /// If a named file is not a certificate.
    pub(crate) fn new(named: &[PathBuf], target: Option<&Target>) -> Result<Verifier> {
        let mut certificates = Vec::new();
        for path in named {
            certificates.push(Certificate::read(path)?);
        }
        if let Some(tree) = target.and_then(|target| target.tree.as_ref()) {
            let of_build = tree.dir().join("certs/signing_key.x509");
            certificates.extend(Certificate::read(&of_build).ok());
        }
        if let Some(target) = target.filter(|it| System::here().runs(&it.release)) {
            let path = Path::new(&target.release);
            let of_machine = known::loaded(&System::here());
            let of_machine = of_machine.into_iter();
            certificates.extend(of_machine.filter_map(|der| Certificate::of_bytes(der, path).ok()));
        }
        Ok(Verifier {
            certificates,
            are_all: !named.is_empty(),
        })
    }

    /// What the kernel makes of a module.
    pub(crate) fn standing(&self, module: &[u8]) -> Standing {
        let parts = match trailer::split(module) {
            Ok(parts) => parts,
            Err(damage) => return Standing::Damaged(damage.in_words()),
        };
        let Some(message) = parts.message else {
            return Standing::Unsigned;
        };
        let Some(signer) = message::signer(message) else {
            return Standing::Damaged("ends with a signature that is not a PKCS#7 message");
        };
        let mut known = self.certificates.iter();
        match known.find(|certificate| certificate.is_of(&signer)) {
            Some(certificate) => {
                // The kernel checks what is in front of the last signature.
                let behind = message.len() + trailer::OVERHEAD;
                let content = &module[..module.len().saturating_sub(behind)];
                verified(content, message, certificate)
            }
            None if self.are_all => Standing::UnknownKey(certificate::shown(&signer)),
            None => Standing::Unclear(certificate::shown(&signer)),
        }
    }
}

/// Why a kernel refuses modules without a good signature, as far as its configuration and, if it is the
/// running kernel, this machine say so: the end of a sentence about the kernel.
pub(crate) fn enforced(target: &Target) -> Option<String> {
    let here = System::here();
    let system = here.runs(&target.release).then_some(&here);
    if let Some(reason) = policy::reason(target, system) {
        return Some(reason);
    }
    let is_on = |name: &str| target.config(name) == Some("y");
    let locked = ["INTEGRITY", "CONFIDENTIALITY"]
        .iter()
        .map(|level| format!("LOCK_DOWN_KERNEL_FORCE_{level}"))
        .find(|name| is_on(name));
    let reason = locked.filter(|_| is_on("MODULE_SIG"))?;
    Some(format!("only loads signed modules (CONFIG_{reason})"))
}

fn verified(content: &[u8], message: &[u8], certificate: &Certificate) -> Standing {
    // Not every OpenSSL knows these keys.
    if certificate.is_ml_dsa() {
        return Standing::Good;
    }
    let checked = || -> Result<(), Failed> {
        let failed = |error: crate::Error| Failed::Start(std::io::Error::other(error.to_string()));
        let scratch = Scratch::new().map_err(failed)?;
        scratch.file(MODULE, content).map_err(failed)?;
        let pem = scratch.file(CERTIFICATE, certificate.pem().as_bytes());
        openssl::verify(&scratch, message, pem.map_err(failed)?.as_os_str())
    };
    match checked() {
        Ok(()) => Standing::Good,
        Err(Failed::Exit(_)) => Standing::Rejected(certificate.name()),
        Err(Failed::Start(_)) => Standing::Unclear(certificate.name()),
    }
}
