//! PEM: text around DER.

/// The blocks of a text, each with the label of its first line.
pub(super) fn blocks(text: &str) -> Vec<(&str, &str)> {
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("-----BEGIN ") {
        let Some((label, body)) = after.split_once("-----") else {
            break;
        };
        let end = format!("-----END {label}-----");
        let Some((body, behind)) = body.split_once(&*end) else {
            break;
        };
        blocks.push((label, body));
        rest = behind;
    }
    blocks
}

/// The bytes of a block.
pub(super) fn decode(body: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(body.len() / 4 * 3);
    let (mut bits, mut count, mut padding) = (0_u32, 0, 0);
    for byte in body.bytes().filter(|byte| !byte.is_ascii_whitespace()) {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                padding += 1;
                continue;
            }
            _ => return None,
        };
        if padding > 0 {
            return None;
        }
        bits = bits << 6 | u32::from(value);
        count += 1;
        if count % 4 == 0 {
            bytes.extend_from_slice(&bits.to_be_bytes()[1..]);
        }
    }
    match (count % 4, padding) {
        (0, 0) => {}
        (2, 2) => bytes.push((bits >> 4).to_be_bytes()[3]),
        (3, 1) => bytes.extend_from_slice(&(bits >> 2).to_be_bytes()[2..]),
        _ => return None,
    }
    Some(bytes)
}

/// A block of these bytes.
pub(super) fn encode(label: &str, bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in bytes.chunks(48) {
        for chunk in line.chunks(3) {
            let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
            let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
            for at in 0..4_usize {
                let index = (bits >> (18 - 6 * at)) & 63;
                match at > chunk.len() {
                    true => text.push('='),
                    false => text.push(char::from(ALPHABET[index as usize])),
                }
            }
        }
        text.push('\n');
    }
    text + &format!("-----END {label}-----\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back() {
        for length in 0..200_usize {
            let bytes: Vec<u8> = (0..length).map(|i| (i * 37 % 256) as u8).collect();
            let text = encode("X", &bytes);
            let found = blocks(&text);
            assert_eq!(found.len(), 1);
            assert_eq!(found[0].0, "X");
            assert_eq!(decode(found[0].1), Some(bytes), "{text}");
        }
        assert_eq!(
            encode("A B", b"any carnal pleas"),
            "-----BEGIN A B-----\nYW55IGNhcm5hbCBwbGVhcw==\n-----END A B-----\n"
        );
    }

    #[test]
    fn damaged_blocks_are_refused() {
        for body in [
            "A", "AAA", "AA=", "AAAA=", "A=AA", "AA==AAAA", "A*AA", "AAAAA===",
        ] {
            assert_eq!(decode(body), None, "{body}");
        }
        for text in [
            "",
            "-----BEGIN X",
            "-----BEGIN X-----\nAAAA\n-----END Y-----",
        ] {
            assert_eq!(blocks(text), [], "{text}");
        }
    }

    #[test]
    fn a_file_may_hold_several_blocks() {
        let text = format!("words\n{}Bag\n{}", encode("A", b"1"), encode("B", b"2"));
        let labels: Vec<_> = blocks(&text).iter().map(|(label, _)| *label).collect();
        assert_eq!(labels, ["A", "B"]);
    }
}
