//! PKCS#7 messages that were made elsewhere, or are put together from a bare signature.

use super::certificate::Certificate;
use super::der::{self, Element, Reader, element, tag};
use super::openssl;
use super::pem;
use super::run::Scratch;

/// 1.2.840.113549.1.7.2
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
/// 1.2.840.113549.1.7.1
const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
/// 1.2.840.113549.1.1.1
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// 1.2.840.10045.2.1
const ELLIPTIC_CURVE: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];

const LABELS: [&str; 2] = ["CMS", "PKCS7"];

/// The contents of a signature file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Given {
    /// A PKCS#7 message, in DER.
    Message(Vec<u8>),
    /// The bytes that a key made of a digest.
    Bare(Vec<u8>),
}

/// Tells what a signature file holds. The error is the end of a sentence about it.
pub(super) fn read(bytes: &[u8]) -> Result<Given, &'static str> {
    let text = String::from_utf8_lossy(bytes);
    let blocks = pem::blocks(&text);
    let armoured = blocks.iter().find(|(label, _)| LABELS.contains(label));
    let bytes = match armoured {
        Some((_, body)) => pem::decode(body).ok_or("is damaged PEM")?,
        None => bytes.to_vec(),
    };
    if !bytes
        .windows(SIGNED_DATA.len())
        .take(24)
        .any(|part| part == SIGNED_DATA)
    {
        return match bytes.is_empty() {
            true => Err("is empty"),
            false => Ok(Given::Bare(bytes)),
        };
    }
    match is_detached(&bytes) {
        Some(true) => Ok(Given::Message(bytes)),
        Some(false) => Err(
            "contains what it signs, which the kernel refuses: make a detached signature (openssl \
             cms without -nodetach)",
        ),
        None => Err("is not a whole PKCS#7 message in DER (openssl cms -outform DER, no -stream)"),
    }
}

/// Whether a PKCS#7 message has a signer and no content; `None` if it is not one.
fn is_detached(bytes: &[u8]) -> Option<bool> {
    let (mut content, mut data) = signed_data(bytes)?;
    content.next(tag::OBJECT).filter(|it| it.value == DATA)?;
    let signers = data.next(tag::SET)?;
    signers.inside().next(tag::SEQUENCE)?;
    data.is_empty().then_some(content.is_empty())
}

/// The content of a PKCS#7 message, and the rest of it from its signers on.
fn signed_data(bytes: &[u8]) -> Option<(Reader<'_>, Reader<'_>)> {
    let mut outer = der::only(bytes, tag::SEQUENCE)?.inside();
    outer
        .next(tag::OBJECT)
        .filter(|it| it.value == SIGNED_DATA)?;
    let data = outer.next(tag::explicit(0))?;
    let mut data = der::only(data.value, tag::SEQUENCE)?.inside();
    data.next(tag::INTEGER)?;
    data.next(tag::SET)?;
    let content = data.next(tag::SEQUENCE)?.inside();
    data.next(tag::explicit(0));
    data.next(tag::explicit(1));
    Some((content, data))
}

/// What a message says about itself, as far as the kernel decides by it.
#[cfg(feature = "check")]
#[derive(Debug)]
pub(super) struct Form<'a> {
    /// An element of DER: the issuer and the serial number of the signer's certificate, or the
    /// identifier of its key.
    pub(super) signer: Element<'a>,
    /// The object identifier of the digest.
    pub(super) digest: &'a [u8],
    /// Whether the signature is one of ML-DSA.
    pub(super) is_ml_dsa: bool,
    pub(super) has_attributes: bool,
    /// Whether it contains what it signs.
    pub(super) has_content: bool,
}

/// The form of a message; `None` if it is not a PKCS#7 message with a signer.
#[cfg(feature = "check")]
pub(super) fn form(bytes: &[u8]) -> Option<Form<'_>> {
    let (mut content, mut data) = signed_data(bytes)?;
    content.next(tag::OBJECT)?;
    let mut signer = data.next(tag::SET)?.inside().next(tag::SEQUENCE)?.inside();
    signer.next(tag::INTEGER)?;
    let name = signer.any()?;
    let digest = signer.next(tag::SEQUENCE)?.inside().next(tag::OBJECT)?;
    let attributes = signer.next(tag::explicit(0));
    let algorithm = signer.next(tag::SEQUENCE)?.inside().next(tag::OBJECT)?;
    Some(Form {
        signer: name,
        digest: digest.value,
        is_ml_dsa: super::certificate::is_ml_dsa(algorithm.value),
        has_attributes: attributes.is_some(),
        has_content: !content.is_empty(),
    })
}

/// Wraps the signature that a key made of a digest: the bytes that `scripts/sign-file` writes. The
/// error is a sentence.
pub(super) fn wrap(
    scratch: &Scratch,
    certificate: &Certificate,
    hash: &str,
    signature: &[u8],
) -> Result<Vec<u8>, String> {
    let digest = openssl::object_identifier(scratch, hash)
        .ok_or_else(|| format!("openssl knows no object identifier of the hash {hash}"))?;
    let digest = element(tag::SEQUENCE, &[&digest]);
    let algorithm = algorithm(scratch, certificate, hash).ok_or_else(|| {
        "a bare signature must come from an RSA key or from an elliptic-curve key. For another \
         key, give a PKCS#7 message"
            .to_owned()
    })?;
    let version = element(tag::INTEGER, &[&[1]]);
    let name = element(tag::SEQUENCE, &[certificate.issuer(), certificate.serial()]);
    let signature = element(tag::OCTET_STRING, &[signature]);
    let signer = element(
        tag::SEQUENCE,
        &[&version, &name, &digest, &algorithm, &signature],
    );
    let content = element(tag::SEQUENCE, &[&element(tag::OBJECT, &[DATA])]);
    let (digests, signers) = (element(tag::SET, &[&digest]), element(tag::SET, &[&signer]));
    let data = element(tag::SEQUENCE, &[&version, &digests, &content, &signers]);
    let kind = element(tag::OBJECT, &[SIGNED_DATA]);
    let data = element(tag::explicit(0), &[&data]);
    Ok(element(tag::SEQUENCE, &[&kind, &data]))
}

/// The algorithm of a signature by this certificate's key.
fn algorithm(scratch: &Scratch, certificate: &Certificate, hash: &str) -> Option<Vec<u8>> {
    let of_key: Element<'_> = certificate.key_algorithm()?;
    let name = of_key.inside().next(tag::OBJECT)?.value;
    if name == RSA {
        return Some(of_key.whole.to_vec());
    }
    let upper = hash.to_ascii_uppercase();
    let names = [format!("ecdsa-with-{upper}"), format!("ecdsa_with_{upper}")];
    let mut known = names
        .iter()
        .filter_map(|name| openssl::object_identifier(scratch, name));
    let known = known.next().filter(|_| name == ELLIPTIC_CURVE)?;
    Some(element(tag::SEQUENCE, &[&known]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message with these parts behind its digests.
    fn message(parts: &[&[u8]]) -> Vec<u8> {
        let before = [element(tag::INTEGER, &[&[1]]), element(tag::SET, &[])];
        let data = element(tag::SEQUENCE, &[&before.concat(), &parts.concat()]);
        let kind = element(tag::OBJECT, &[SIGNED_DATA]);
        element(
            tag::SEQUENCE,
            &[&kind, &element(tag::explicit(0), &[&data])],
        )
    }

    fn content(inside: &[u8]) -> Vec<u8> {
        element(tag::SEQUENCE, &[&element(tag::OBJECT, &[DATA]), inside])
    }

    #[test]
    fn a_message_is_detached_and_has_a_signer() {
        let signers = element(tag::SET, &[&element(tag::SEQUENCE, &[])]);
        let good = message(&[&content(b""), &signers]);
        assert_eq!(read(&good), Ok(Given::Message(good.clone())));
        let armoured = pem::encode("PKCS7", &good);
        assert_eq!(read(armoured.as_bytes()), Ok(Given::Message(good.clone())));
        let inside = element(
            tag::explicit(0),
            &[&element(tag::OCTET_STRING, &[b"module"])],
        );
        let with_content = read(&message(&[&content(&inside), &signers])).unwrap_err();
        assert!(with_content.contains("detached"), "{with_content}");
        for bad in [
            message(&[&content(b""), &element(tag::SET, &[])]),
            message(&[&content(b"")]),
            [good.clone(), b"x".to_vec()].concat(),
            good[..good.len() - 1].to_vec(),
        ] {
            assert!(read(&bad).unwrap_err().contains("DER"), "{bad:?}");
        }
    }

    #[test]
    fn other_bytes_are_a_bare_signature() {
        assert_eq!(read(b"\x01\x02"), Ok(Given::Bare(vec![1, 2])));
        assert_eq!(read(b""), Err("is empty"));
        let block = "-----BEGIN CMS-----\n*\n-----END CMS-----\n";
        assert_eq!(read(block.as_bytes()), Err("is damaged PEM"));
    }
}
