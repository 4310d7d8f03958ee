//! The little of DER that certificates and PKCS#7 messages need.

/// Tags that the two formats use.
pub(super) mod tag {
    pub(in super::super) const INTEGER: u8 = 0x02;
    pub(in super::super) const OCTET_STRING: u8 = 0x04;
    pub(in super::super) const OBJECT: u8 = 0x06;
    pub(in super::super) const SEQUENCE: u8 = 0x30;
    pub(in super::super) const SET: u8 = 0x31;
    /// `[n]`, constructed.
    pub(in super::super) const fn explicit(n: u8) -> u8 {
        0xa0 | n
    }
}

/// One element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) value: &'a [u8],
    /// With its tag and its length.
    pub(super) whole: &'a [u8],
}

/// Reads elements one after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader(bytes)
    }

    /// The next element, of any tag. `None` at the end, and for anything that is not DER.
    pub(super) fn any(&mut self) -> Option<Element<'a>> {
        let (&[tag, first], after) = self.0.split_first_chunk::<2>()?;
        // Tags of more than one byte are in neither format.
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (length, after) = match first {
            0..=0x7f => (usize::from(first), after),
            // More than four bytes: larger than any file here. None: the indefinite form of BER.
            0x81..=0x84 => {
                let count = usize::from(first & 0x7f);
                let bytes = after.get(..count)?;
                let length = bytes.iter().fold(0_u64, |sum, b| sum << 8 | u64::from(*b));
                (usize::try_from(length).ok()?, &after[count..])
            }
            _ => return None,
        };
        let value = after.get(..length)?;
        let end = self.0.len() - after.len() + length;
        let whole = &self.0[..end];
        self.0 = &self.0[end..];
        Some(Element { tag, value, whole })
    }

    /// The next element if it has this tag.
    pub(super) fn next(&mut self, tag: u8) -> Option<Element<'a>> {
        let mut ahead = *self;
        let element = ahead.any().filter(|element| element.tag == tag)?;
        *self = ahead;
        Some(element)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> Element<'a> {
    pub(super) fn inside(&self) -> Reader<'a> {
        Reader(self.value)
    }
}

/// The one element that these bytes are.
pub(super) fn only(bytes: &[u8], tag: u8) -> Option<Element<'_>> {
    let mut reader = Reader::new(bytes);
    reader.next(tag).filter(|_| reader.is_empty())
}

/// Writes an element.
pub(super) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut bytes = vec![tag];
    match u8::try_from(length) {
        Ok(short @ 0..=0x7f) => bytes.push(short),
        _ => {
            let all = length.to_be_bytes();
            let first = all.iter().take_while(|byte| **byte == 0).count();
            let count = u8::try_from(all.len() - first).unwrap_or(8);
            bytes.push(0x80 | count);
            bytes.extend_from_slice(&all[first..]);
        }
    }
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_read_as_they_are_written() {
        for length in [0, 1, 127, 128, 255, 256, 65_536] {
            let value = vec![7; length];
            let bytes = element(tag::OCTET_STRING, &[&value, b"!"]);
            let read = only(&bytes, tag::OCTET_STRING).unwrap();
            assert_eq!(read.value.len(), length + 1);
            assert_eq!(read.whole, bytes);
        }
    }

    #[test]
    fn lengths_beyond_the_end_and_other_forms_are_refused() {
        for bytes in [
            &[][..],
            &[0x30],
            &[0x30, 1],
            &[0x30, 0x80, 0, 0],
            &[0x30, 0x81],
            &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 1],
            &[0x30, 0x85, 0, 0, 0, 0, 1, 1],
            &[0x30, 0xff, 1],
            &[0x1f, 1, 1],
        ] {
            assert_eq!(Reader::new(bytes).any(), None, "{bytes:?}");
        }
        assert_eq!(only(&[2, 0, 2, 0], 2), None);
        let mut reader = Reader::new(&[2, 1, 5]);
        assert_eq!(reader.next(3), None);
        assert_eq!(reader.next(2).unwrap().value, [5]);
        assert!(reader.is_empty());
    }
}
