//! Targets: signatures and certificates.

use std::path::Path;

use super::der::{self, Reader};
use super::{Certificate, known, message, pem, trailer};

pub(crate) fn signature(bytes: &[u8]) {
    if let Ok(parts) = trailer::split(bytes) {
        assert!(bytes.starts_with(parts.content));
        let unsigned = trailer::split(parts.content).map(|parts| parts.content);
        assert_eq!(unsigned, Ok(parts.content));
        if !parts.content.is_empty() {
            let message = parts.message.unwrap_or(b"message");
            let signed = trailer::append(parts.content, message).unwrap_or_default();
            let again = trailer::split(&signed).map(|again| (again.content, again.message));
            assert_eq!(again, Ok((parts.content, Some(message))));
        }
    }
    if let Some(form) = message::form(bytes) {
        assert!(super::certificate::shown(&form.signer).len() <= bytes.len() * 8 + 64);
    }
    if let trailer::Seen::Signed { content, message } = trailer::seen(bytes) {
        assert!(bytes.starts_with(content) && bytes[content.len()..].starts_with(message));
    }
    let given = message::read(bytes);
    if let Ok(message::Given::Message(message)) = given {
        assert_eq!(
            message::read(&message),
            Ok(message::Given::Message(message.clone()))
        );
    }
    known::in_keyrings(&String::from_utf8_lossy(bytes), "ab");
    for certificate in known::certificates(bytes) {
        assert!(certificate.len() <= bytes.len());
    }
}

pub(crate) fn certificate(bytes: &[u8]) {
    if let Ok(certificate) = Certificate::of_bytes(bytes.to_vec(), Path::new("certificate")) {
        let again = Certificate::of_bytes(certificate.pem().into_bytes(), Path::new("again"));
        assert!(again.is_ok_and(|again| again.der() == certificate.der()));
        certificate.kernel_id();
        certificate.is_ml_dsa();
        certificate.name();
    }
    for (label, body) in pem::blocks(&String::from_utf8_lossy(bytes)) {
        let Some(bytes) = pem::decode(body) else {
            continue;
        };
        let text = pem::encode(label, &bytes);
        let again = pem::blocks(&text);
        let again = again
            .first()
            .map(|(label, body)| (*label, pem::decode(body)));
        assert_eq!(again, Some((label, Some(bytes))));
    }
}

pub(crate) fn der(bytes: &[u8]) {
    // The elements around a place; deeper ones are not read, as in certificates.
    let mut open = vec![(Reader::new(bytes), 0)];
    while let Some((mut reader, depth)) = open.pop() {
        while let Some(element) = reader.any() {
            let written = der::element(element.tag, &[element.value]);
            assert!(written.len() <= element.whole.len());
            assert!(element.whole.ends_with(element.value));
            let again = der::only(&written, element.tag);
            assert_eq!(again.map(|again| again.value), Some(element.value));
            if depth < 8 {
                open.push((element.inside(), depth + 1));
            }
        }
    }
}
