//! What a kernel makes of the signature of a module, as far as it can be known here.

use std::path::{Path, PathBuf};

use super::certificate::{self, Certificate};
use super::known::{self, System};
use super::message;
use super::policy;
use super::run::{Failed, Scratch};
use super::trailer::{self, Seen};
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
    /// Every kernel refuses a signature of this form: the kernel's words.
    Refused(&'static str),
    /// The signature is of another type than PKCS#7.
    Unsupported,
    /// The kernel knows the key, and the module is not the one that it signed.
    Rejected(String),
    /// It is signed by another key than those that the caller named.
    UnknownKey(String),
    /// What nothing here tells; the kernel loads the module if signatures are optional: a clause.
    Unclear(String),
    /// What nothing here tells; the kernel may refuse the module even if signatures are optional: a
    /// clause.
    Unverified(String),
}

/// The kernel whose view counts.
#[derive(Debug)]
pub(crate) struct Verifier<'a> {
    target: Option<&'a Target>,
    /// Certificates that the kernel knows for certain.
    certificates: Vec<Certificate>,
    /// Whether the caller named all of them.
    are_all: bool,
}

/// Digests that kernels know (`crypto/asymmetric_keys/pkcs7_parser.c`): the object identifier, and the
/// configuration symbol.
const DIGESTS: [(&[u8], &str); 8] = [
    (&[0x2b, 0x0e, 0x03, 0x02, 0x1a], "CRYPTO_SHA1"),
    (
        &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01],
        "CRYPTO_SHA256",
    ),
    (
        &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02],
        "CRYPTO_SHA512",
    ),
    (
        &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03],
        "CRYPTO_SHA512",
    ),
    (
        &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x04],
        "CRYPTO_SHA256",
    ),
    (
        &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x08],
        "CRYPTO_SHA3",
    ),
    (
        &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x09],
        "CRYPTO_SHA3",
    ),
    (
        &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x0a],
        "CRYPTO_SHA3",
    ),
];

impl<'a> Verifier<'a> {
    /// The view of a kernel that knows the certificates in `named` and the one of its build. Without any
    /// named, a kernel that runs here (`root` is `/`) also knows those of the firmware, if it takes
    /// them.
    ///
    /// # Errors
    /// If a named file is not a certificate.
    pub(crate) fn new(
        named: &[PathBuf],
        target: Option<&'a Target>,
        root: &Path,
    ) -> Result<Verifier<'a>> {
        let mut certificates = Vec::new();
        for path in named {
            certificates.push(Certificate::read(path)?);
        }
        if let Some(tree) = target.and_then(|target| target.tree.as_ref()) {
            let of_build = tree.dir().join("certs/signing_key.x509");
            certificates.extend(Certificate::read(&of_build).ok());
        }
        let takes_firmwares =
            |target: &&Target| target.config("INTEGRITY_PLATFORM_KEYRING") == Some("y");
        let system = target.and_then(|target| running(target, root));
        if let (Some(target), Some(system), true) =
            (target.filter(takes_firmwares), system, named.is_empty())
        {
            let path = Path::new(&target.release);
            let of_machine = known::loaded(&system).into_iter();
            certificates.extend(of_machine.filter_map(|der| Certificate::of_bytes(der, path).ok()));
        }
        Ok(Verifier {
            target,
            certificates,
            are_all: !named.is_empty(),
        })
    }

    /// What the kernel makes of a module: its comparisons, in its order.
    pub(crate) fn standing(&self, module: &[u8]) -> Standing {
        let (content, message) = match trailer::seen(module) {
            Seen::Unsigned => return Standing::Unsigned,
            Seen::Damaged(damage) => return Standing::Damaged(damage.in_words()),
            Seen::OtherType => return Standing::Unsupported,
            Seen::NonZero => {
                return Standing::Refused("PKCS#7 signature info has unexpected non-zero params");
            }
            Seen::Signed { content, message } => (content, message),
        };
        let Some(form) = message::form(message) else {
            // The kernel reads BER, too.
            return match message.get(1) {
                Some(0x80) => Standing::Unverified("its signature is BER, not DER".to_owned()),
                _ => Standing::Damaged("ends with a signature that is not a PKCS#7 message"),
            };
        };
        let unknown_digest = self.unknown_digest(form.digest);
        if form.has_content {
            return Standing::Refused("PKCS#7 signature with non-detached data");
        }
        if form.has_attributes && !(form.is_ml_dsa && self.waives_attributes()) {
            return Standing::Refused("Invalid module sig (has authattrs)");
        }
        if let Some(why) = unknown_digest {
            return Standing::Unclear(why);
        }
        let signer = certificate::shown(&form.signer);
        let mut known = self.certificates.iter();
        match known.find(|certificate| certificate.is_of(&form.signer)) {
            Some(certificate) => verified(content, message, certificate),
            None if self.are_all => Standing::UnknownKey(signer),
            None => Standing::Unclear(format!("it knows the key of {signer}")),
        }
    }

    /// What nothing tells about a digest: a clause.
    fn unknown_digest(&self, digest: &[u8]) -> Option<String> {
        let Some((_, symbol)) = DIGESTS.iter().find(|(name, _)| *name == digest) else {
            return Some("it knows the digest of the signature".to_owned());
        };
        let config = self.target?.config.as_ref()?;
        let is_on = matches!(config.get(symbol), Some("y" | "m"));
        (!is_on).then(|| format!("it has the digest of the signature (CONFIG_{symbol} is off)"))
    }

    /// From 7.0 on, a kernel may accept attributes that are signed by ML-DSA.
    fn waives_attributes(&self) -> bool {
        let waives = "PKCS7_WAIVE_AUTHATTRS_REJECTION_FOR_MLDSA";
        self.target
            .is_some_and(|target| target.config(waives) == Some("y"))
    }
}

/// This machine's system, if its kernel is the one of the target and `root` is its root.
fn running(target: &Target, root: &Path) -> Option<System> {
    let is_here = root.canonicalize().is_ok_and(|root| root == Path::new("/"));
    let system = System::here();
    (is_here && system.runs(&target.release)).then_some(system)
}

/// Why a kernel refuses modules without a good signature, as far as its configuration and, if it is the
/// running kernel, this machine say so: the end of a sentence about the kernel.
pub(crate) fn enforced(target: &Target, root: &Path) -> Option<String> {
    let system = running(target, root);
    if let Some(reason) = policy::reason(target, system.as_ref()) {
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
    let checked = || -> Result<(), Failed> {
        let failed = |error: crate::Error| Failed::Start(std::io::Error::other(error.to_string()));
        let scratch = Scratch::new().map_err(failed)?;
        scratch.file(MODULE, content).map_err(failed)?;
        let pem = scratch.file(CERTIFICATE, certificate.pem().as_bytes());
        openssl::verify(&scratch, message, pem.map_err(failed)?.as_os_str())
    };
    let name = certificate.name();
    match checked() {
        Ok(()) => Standing::Good,
        Err(Failed::Exit(said)) if is_rejection(&said) => Standing::Rejected(name),
        Err(failed) => {
            let said = failed.in_words();
            let last = said.lines().last().unwrap_or_default();
            Standing::Unverified(format!(
                "openssl cannot check its signature by {name} ({last})"
            ))
        }
    }
}

/// Whether openssl compared a signature: it also fails for an algorithm or a digest that it does not
/// know, as ML-DSA before OpenSSL 3.5.
fn is_rejection(said: &str) -> bool {
    said.contains(":verification failure:")
        && !said.contains(":unsupported")
        && !said.contains(":unknown ")
}

#[cfg(test)]
mod tests;
