//! Signing in two calls, for keys that never leave their hardware: the first one writes the digest
//! that has to be signed, the second one appends what came back.

use std::path::Path;

use super::certificate::Certificate;
use super::file::{SignFile, Signed};
use super::message::{self, Given};
use super::openssl;
use super::run::{Failed, Scratch};
use super::{CERTIFICATE, MODULE, content, hash, too_long, trailer};
use crate::error::Advice;
use crate::sys::parent_writer;
use crate::{Error, ErrorKind, Result};

impl SignFile {
    /// Writes the digest of the module to a file: the bytes that the key signs. An existing signature
    /// is left out. The result names the file.
    ///
    /// # Errors
    /// As [`sign`](SignFile::sign).
    pub fn write_digest(&self, file: &Path) -> Result<Signed> {
        let opened = self.open()?;
        let hash = self.hash_of(&opened.info.release)?;
        let scratch = Scratch::new()?;
        let content = content(&opened.bytes).map_err(|e| self.about(e))?;
        scratch.file(MODULE, content)?;
        let digest = openssl::digest(&scratch, &hash)?;
        if !self.is_dry_run() {
            parent_writer(file)?.write_whole(file, &digest)?;
        }
        let signed = self.signed(&opened, Some(hash))?;
        Ok(Signed {
            path: file.to_owned(),
            ..signed
        })
    }

    /// Appends a signature that was made elsewhere: a detached PKCS#7 message, or, with a certificate,
    /// the bare signature of the [digest](SignFile::write_digest). With a certificate, the signature
    /// is checked. Without one, the second value is a warning.
    ///
    /// # Errors
    /// [`ErrorKind::SigningFailed`] for a signature that does not fit the module and the certificate,
    /// [`ErrorKind::InvalidInput`] for a file that is not a signature; else as
    /// [`sign`](SignFile::sign).
    pub fn attach(
        &self,
        signature: &Path,
        certificate: Option<&Path>,
    ) -> Result<(Signed, Option<Advice>)> {
        let opened = self.open()?;
        let certificate = certificate.map(Certificate::read).transpose()?;
        let given = super::read_named("signature", signature)?;
        let shown = signature.display();
        let given = message::read(&given)
            .map_err(|why| Error::input(format!("the signature {shown} {why}")))?;
        let scratch = Scratch::new()?;
        let content = content(&opened.bytes).map_err(|e| self.about(e))?;
        scratch.file(MODULE, content)?;
        let (message, hash) = match (given, &certificate) {
            (Given::Message(message), _) => (message, None),
            (Given::Bare(bare), Some(certificate)) => {
                let hash = self.hash_of(&opened.info.release)?;
                let wrapped = message::wrap(&scratch, certificate, &hash, &bare);
                let what = |why| Error::input(format!("cannot use the signature {shown}: {why}"));
                (wrapped.map_err(what)?, Some(hash))
            }
            (Given::Bare(_), None) => {
                return Err(Error::input(format!(
                    "the signature {shown} is not a PKCS#7 message. If it is the bare signature of \
                     the digest, add the certificate of its key (--cert FILE)"
                )));
            }
        };
        let warning = match &certificate {
            Some(certificate) => {
                let pem = scratch.file(CERTIFICATE, certificate.pem().as_bytes())?;
                let checked = openssl::verify(&scratch, &message, pem.as_os_str());
                checked.map_err(|failed| self.does_not_fit(signature, certificate, failed))?;
                None
            }
            None => Some(Advice::new(
                "unverified-signature",
                format!(
                    "the signature {shown} was not checked: name its certificate (--cert FILE)"
                ),
            )),
        };
        let bytes = trailer::append(content, &message).ok_or_else(too_long)?;
        let signed = self.signed(&opened, hash)?;
        if !self.is_dry_run() {
            self.write(&signed.path, &bytes, &opened)?;
        }
        Ok((signed, warning))
    }

    fn hash_of(&self, release: &str) -> Result<String> {
        match self.own_hash() {
            Some(hash) => Ok(hash.to_owned()),
            None => hash::of(&self.target(release)?).map_err(|e| self.about(e)),
        }
    }

    fn does_not_fit(&self, signature: &Path, certificate: &Certificate, failed: Failed) -> Error {
        let what = format!(
            "the signature {} does not fit the module {} and the certificate {}; nothing was \
             written. A bare signature must be of the digest that --digest-out writes, with the \
             same hash",
            signature.display(),
            self.module().display(),
            certificate.path().display()
        );
        match failed {
            Failed::Start(_) => openssl::failure(what, failed, "bad-signature"),
            Failed::Exit(said) => {
                let advice = Advice::new("bad-signature", what.clone());
                Error::new(ErrorKind::SigningFailed, format!("{what}:\n{said}")).advise(advice)
            }
        }
    }
}
