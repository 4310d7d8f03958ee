//! Certificates: which file, whose key, and the names by which a kernel knows it.

use std::path::{Path, PathBuf};

use super::der::{self, Element, Reader, tag};
use super::pem;
use crate::sys;
use crate::{Error, ErrorKind, Result};

/// An X.509 certificate.
#[derive(Debug, Clone)]
pub(super) struct Certificate {
    path: PathBuf,
    der: Vec<u8>,
    is_der_file: bool,
    fields: Fields,
}

/// The fields of a certificate that signing and the kernel's keyrings use.
#[derive(Debug, Clone, Default)]
struct Fields {
    serial: Vec<u8>,
    issuer: Vec<u8>,
    subject: Vec<u8>,
    public_key: Vec<u8>,
    key_id: Option<Vec<u8>>,
}

/// The labels that OpenSSL accepts.
const LABELS: [&str; 2] = ["CERTIFICATE", "X509 CERTIFICATE"];

/// 2.5.29.14
const SUBJECT_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1d, 0x0e];
/// 2.16.840.1.101.3.4.3, in which 17 to 19 are ML-DSA.
const SIGNATURES_OF_NIST: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03];
/// 2.5.4.3
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

impl Certificate {
    /// Reads a certificate in PEM or DER. A PEM file may hold a key, too.
    pub(super) fn read(path: &Path) -> Result<Certificate> {
        Certificate::of_bytes(super::read_named("certificate", path)?, path)
    }

    /// The same of the contents of a file, which messages name by `path`.
    pub(super) fn of_bytes(bytes: Vec<u8>, path: &Path) -> Result<Certificate> {
        let der = der_of(&bytes).ok_or_else(|| {
            wrong(
                path,
                "is not a certificate: it has no block `BEGIN CERTIFICATE`, and is not DER",
            )
        })?;
        let fields = Fields::parse(&der)
            .ok_or_else(|| wrong(path, "is a damaged or truncated certificate"))?;
        Ok(Certificate {
            path: path.to_owned(),
            is_der_file: der == bytes,
            der,
            fields,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the file is the certificate in DER and nothing else.
    pub(super) fn is_der_file(&self) -> bool {
        self.is_der_file
    }

    pub(super) fn der(&self) -> &[u8] {
        &self.der
    }

    /// For tools that only read PEM.
    pub(super) fn pem(&self) -> String {
        pem::encode(LABELS[0], &self.der)
    }

    /// `SubjectPublicKeyInfo`, in DER.
    pub(super) fn public_key(&self) -> &[u8] {
        &self.fields.public_key
    }

    /// The algorithm of the public key: an element of DER.
    pub(super) fn key_algorithm(&self) -> Option<Element<'_>> {
        let key = der::only(&self.fields.public_key, tag::SEQUENCE)?;
        key.inside().next(tag::SEQUENCE)
    }

    /// Whether the key is one of ML-DSA (FIPS 204).
    pub(super) fn is_ml_dsa(&self) -> bool {
        let name = self
            .key_algorithm()
            .and_then(|it| it.inside().next(tag::OBJECT));
        name.is_some_and(|name| is_ml_dsa(name.value))
    }

    /// The serial number: an element of DER.
    pub(super) fn serial(&self) -> &[u8] {
        &self.fields.serial
    }

    /// The issuer's name: an element of DER.
    pub(super) fn issuer(&self) -> &[u8] {
        &self.fields.issuer
    }

    /// The identifier with which `/proc/keys` shows the certificate: that of the subject's key, else
    /// the serial number.
    pub(super) fn kernel_id(&self) -> String {
        let serial = der::only(&self.fields.serial, tag::INTEGER).map_or(&[][..], |it| it.value);
        let id = self.fields.key_id.as_deref().unwrap_or(serial);
        id.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether this is the certificate that a PKCS#7 message names as its signer's.
    #[cfg(feature = "check")]
    pub(super) fn is_of(&self, signer: &Element<'_>) -> bool {
        let mut parts = signer.inside();
        match signer.tag {
            tag::SEQUENCE => {
                let issuer = parts.any().map(|it| it.whole);
                let serial = parts.any().map(|it| it.whole);
                issuer == Some(self.issuer()) && serial == Some(self.serial())
            }
            // `[0]`, the identifier of the key.
            _ => self.fields.key_id.as_deref() == Some(signer.value),
        }
    }

    /// The subject's common name, for messages.
    pub(super) fn name(&self) -> String {
        let name = common_name(&self.fields.subject);
        name.unwrap_or_else(|| self.path.display().to_string())
    }

    /// Differs for different certificates.
    pub(super) fn fingerprint(&self) -> String {
        format!("{:016x}", sys::Hash::new().add(&self.der).value())
    }
}

/// Whether an object identifier is one of ML-DSA.
pub(super) fn is_ml_dsa(name: &[u8]) -> bool {
    let last = name.strip_prefix(SIGNATURES_OF_NIST);
    matches!(last, Some([0x11..=0x13]))
}

fn wrong(path: &Path, what: &str) -> Error {
    Error::new(
        ErrorKind::InvalidInput,
        format!(
            "{} {what}. Name a certificate in PEM or DER (--cert)",
            path.display()
        ),
    )
}

/// The first certificate of a file.
fn der_of(bytes: &[u8]) -> Option<Vec<u8>> {
    if der::only(bytes, tag::SEQUENCE).is_some() {
        return Some(bytes.to_vec());
    }
    let text = String::from_utf8_lossy(bytes);
    let blocks = pem::blocks(&text);
    let mut found = blocks.iter().filter(|(label, _)| LABELS.contains(label));
    found.next().and_then(|(_, body)| pem::decode(body))
}

impl Fields {
    fn parse(der: &[u8]) -> Option<Fields> {
        let certificate = der::only(der, tag::SEQUENCE)?;
        let mut body = certificate.inside().next(tag::SEQUENCE)?.inside();
        body.next(tag::explicit(0));
        let serial = body.next(tag::INTEGER)?;
        body.next(tag::SEQUENCE)?;
        let issuer = body.next(tag::SEQUENCE)?;
        body.next(tag::SEQUENCE)?;
        let subject = body.next(tag::SEQUENCE)?;
        let public_key = body.next(tag::SEQUENCE)?;
        Some(Fields {
            serial: serial.whole.to_vec(),
            issuer: issuer.whole.to_vec(),
            subject: subject.value.to_vec(),
            public_key: public_key.whole.to_vec(),
            key_id: key_id(body),
        })
    }
}

/// The identifier of the subject's key, out of what follows the public key.
fn key_id(mut rest: Reader<'_>) -> Option<Vec<u8>> {
    let extensions = loop {
        let element = rest.any()?;
        if element.tag == tag::explicit(3) {
            break element;
        }
    };
    let mut extensions = extensions.inside().next(tag::SEQUENCE)?.inside();
    while let Some(extension) = extensions.next(tag::SEQUENCE) {
        let mut extension = extension.inside();
        if extension.next(tag::OBJECT)?.value == SUBJECT_KEY_IDENTIFIER {
            let value = extension.next(tag::OCTET_STRING)?.value;
            return Some(der::only(value, tag::OCTET_STRING)?.value.to_vec());
        }
    }
    None
}

/// The name and the number of the signer that a PKCS#7 message names, for messages.
#[cfg(feature = "check")]
pub(super) fn shown(signer: &Element<'_>) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    if signer.tag != tag::SEQUENCE {
        return format!("key {}", hex(signer.value));
    }
    let mut parts = signer.inside();
    let issuer = parts.any().and_then(|it| common_name(it.value));
    let serial = parts.any().map(|it| hex(it.value)).unwrap_or_default();
    match issuer {
        Some(name) => format!("{name}, certificate {serial}"),
        None => format!("certificate {serial}"),
    }
}

fn common_name(subject: &[u8]) -> Option<String> {
    let mut sets = Reader::new(subject);
    while let Some(set) = sets.next(tag::SET) {
        let mut pair = set.inside().next(tag::SEQUENCE)?.inside();
        if pair.next(tag::OBJECT)?.value == COMMON_NAME {
            return Some(String::from_utf8_lossy(pair.any()?.value).into_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests;
