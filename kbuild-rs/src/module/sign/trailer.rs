//! The end of a signed module: a PKCS#7 message, `struct module_signature`, and the marker.

use crate::module::modinfo::SIGNATURE as MARKER;

/// The size of `struct module_signature`: algo, hash, `id_type`, `signer_len`, `key_id_len`, three
/// unused bytes, and `sig_len` in big endian.
const INFO: usize = 12;

/// `MODULE_SIGNATURE_TYPE_PKCS7`, the only type since Linux 4.3.
const PKCS7: u8 = 2;

/// A module, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parts<'a> {
    /// The module without any signature.
    pub(super) content: &'a [u8],
    /// The PKCS#7 message that the kernel reads: the last one.
    pub(super) message: Option<&'a [u8]>,
}

/// The reason why the end of a module is not a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Damage {
    Short,
    Length,
}

impl Damage {
    /// The end of a sentence about the module.
    pub(super) fn in_words(self) -> &'static str {
        match self {
            Damage::Short => "ends with a signature marker, but nothing is in front of it",
            Damage::Length => "ends with a damaged signature: its length is larger than the module",
        }
    }
}

/// Separates a module from its signatures. A module that was signed twice has two.
pub(super) fn split(module: &[u8]) -> Result<Parts<'_>, Damage> {
    let mut parts = Parts {
        content: module,
        message: None,
    };
    while let Some(info) = parts.content.strip_suffix(MARKER) {
        let (content, message) = last(info)?;
        parts.content = content;
        parts.message.get_or_insert(message);
    }
    Ok(parts)
}

/// The module in front of its last signature, and that signature's message. The marker is off.
fn last(signed: &[u8]) -> Result<(&[u8], &[u8]), Damage> {
    let (rest, info) = signed.split_last_chunk::<INFO>().ok_or(Damage::Short)?;
    let [_, _, kind, signer, key_id, _, _, _, a, b, c, d] = *info;
    let message = u64::from(u32::from_be_bytes([a, b, c, d]));
    // Up to Linux 4.2, the names of the signer and of the key were in front of the message.
    let names = match kind {
        PKCS7 => 0,
        _ => u64::from(signer) + u64::from(key_id),
    };
    let start = |length: u64| rest.len().checked_sub(usize::try_from(length).ok()?);
    let cut = start(message + names).zip(start(message));
    match cut {
        // The kernel refuses a module that is nothing but a signature.
        Some((content, message)) if content > 0 => Ok((&rest[..content], &rest[message..])),
        _ => Err(Damage::Length),
    }
}

/// The end of a module, as the kernel reads it: the last signature only, and each field.
#[cfg(feature = "check")]
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen<'a> {
    Unsigned,
    Damaged(Damage),
    /// It is of another type than PKCS#7.
    OtherType,
    /// A field has a value that no signature of this type has.
    NonZero,
    Signed {
        /// The signed bytes: earlier signatures, too.
        content: &'a [u8],
        message: &'a [u8],
    },
}

/// Reads the end of a module in the order of the kernel's `mod_verify_sig` and `mod_check_sig`.
#[cfg(feature = "check")]
pub(super) fn seen(module: &[u8]) -> Seen<'_> {
    let Some(signed) = module.strip_suffix(MARKER) else {
        return Seen::Unsigned;
    };
    let Some((rest, info)) = signed.split_last_chunk::<INFO>() else {
        return Seen::Damaged(Damage::Short);
    };
    let [fields @ .., a, b, c, d] = *info;
    let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).ok();
    let content = length.and_then(|length| rest.len().checked_sub(length));
    match (content, fields) {
        (None | Some(0), _) => Seen::Damaged(Damage::Length),
        (Some(content), [0, 0, PKCS7, 0, 0, 0, 0, 0]) => Seen::Signed {
            content: &rest[..content],
            message: &rest[content..],
        },
        (_, [_, _, PKCS7, ..]) => Seen::NonZero,
        _ => Seen::OtherType,
    }
}

/// A module with a PKCS#7 message behind it, as `scripts/sign-file` writes it. `None` for a message
/// that is too long for the trailer.
pub(super) fn append(content: &[u8], message: &[u8]) -> Option<Vec<u8>> {
    let length = u32::try_from(message.len()).ok()?;
    let mut signed = Vec::with_capacity(content.len() + message.len() + INFO + MARKER.len());
    signed.extend_from_slice(content);
    signed.extend_from_slice(message);
    signed.extend_from_slice(&[0, 0, PKCS7, 0, 0, 0, 0, 0]);
    signed.extend_from_slice(&length.to_be_bytes());
    signed.extend_from_slice(MARKER);
    Some(signed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_trailer(content: &[u8], info: [u8; INFO]) -> Vec<u8> {
        [content, &info, MARKER].concat()
    }

    #[test]
    fn a_signature_is_appended_and_taken_off_again() {
        let signed = append(b"module", b"message").unwrap();
        assert_eq!(
            signed,
            b"modulemessage\0\0\x02\0\0\0\0\0\0\0\0\x07~Module signature appended~\n"
        );
        let parts = split(&signed).unwrap();
        assert_eq!(parts.content, b"module");
        assert_eq!(parts.message, Some(&b"message"[..]));
        let parts = split(b"module").unwrap();
        assert_eq!((parts.content, parts.message), (&b"module"[..], None));
        assert_eq!(split(b"").unwrap().content, b"");
    }

    #[test]
    fn a_module_that_was_signed_twice_loses_both_and_shows_the_last() {
        let once = append(b"module", b"first").unwrap();
        let twice = append(&once, b"second").unwrap();
        let parts = split(&twice).unwrap();
        assert_eq!(parts.content, b"module");
        assert_eq!(parts.message, Some(&b"second"[..]));
    }

    #[test]
    fn a_signature_of_an_old_kernel_goes_with_its_names() {
        let module = with_trailer(
            b"modulesignerkeymessage",
            [1, 4, 1, 6, 3, 0, 0, 0, 0, 0, 0, 7],
        );
        assert_eq!(split(&module).unwrap().content, b"module");
    }

    #[test]
    fn a_trailer_that_lies_about_its_length_is_refused() {
        for length in [7_u32, 8, 255, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
            let [a, b, c, d] = length.to_be_bytes();
            let module = with_trailer(b"message", [0, 0, 2, 0, 0, 0, 0, 0, a, b, c, d]);
            assert_eq!(split(&module), Err(Damage::Length), "{length}");
        }
        let names = with_trailer(b"message", [1, 4, 1, 255, 255, 0, 0, 0, 255, 255, 255, 255]);
        assert_eq!(split(&names), Err(Damage::Length));
        // A bad one below a good one.
        let inner = with_trailer(b"message", [0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 99]);
        assert_eq!(split(&append(&inner, b"x").unwrap()), Err(Damage::Length));
    }

    #[cfg(feature = "check")]
    #[test]
    fn the_kernel_reads_each_field_of_the_last_signature() {
        let twice = append(&append(b"module", b"first").unwrap(), b"second").unwrap();
        let Seen::Signed { content, message } = seen(&twice) else {
            panic!("{:?}", seen(&twice));
        };
        assert_eq!(
            (split(content).unwrap().content, message),
            (&b"module"[..], &b"second"[..])
        );
        assert_eq!(seen(b"module"), Seen::Unsigned);
        let good = [0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        for at in [0, 1, 3, 4, 5, 6, 7] {
            let mut info = good;
            info[at] = 1;
            assert_eq!(seen(&with_trailer(b"module", info)), Seen::NonZero, "{at}");
        }
        let mut info = good;
        info[2] = 1;
        assert_eq!(seen(&with_trailer(b"module", info)), Seen::OtherType);
        // The length is compared first.
        info[11] = 6;
        let damaged = Seen::Damaged(Damage::Length);
        assert_eq!(seen(&with_trailer(b"module", info)), damaged);
        assert_eq!(seen(MARKER), Seen::Damaged(Damage::Short));
    }

    #[test]
    fn a_truncated_trailer_is_refused() {
        assert_eq!(split(MARKER), Err(Damage::Short));
        for size in 1..INFO {
            let module = [&[0; INFO][..size], MARKER].concat();
            assert_eq!(split(&module), Err(Damage::Short), "{size}");
        }
        assert_eq!(split(&with_trailer(b"", [0; INFO])), Err(Damage::Length));
    }
}
