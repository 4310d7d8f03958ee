//! Damaged inputs.

use kbuild_tests::random::Random;

/// An input, cut off at each power of two.
pub(crate) fn cuts(input: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lengths = (0..usize::BITS).map(|bit| 1 << bit);
    let lengths = std::iter::once(0).chain(lengths);
    lengths
        .take_while(|length| *length < input.len())
        .map(|length| &input[..length])
}

/// One of the inputs with some changes.
pub(crate) fn mutated(inputs: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    /// Bytes that end something in one of the formats, and the ends of numbers.
    const ODD: &[u8] = b"\0\n\t \\\"'#$(){}[]=:,;/.-%@*0\x7f\x80\xfe\xff";
    let mut bytes = random.pick(inputs).clone();
    for _ in 0..=random.below(4) {
        let length = bytes.len();
        if length == 0 {
            break;
        }
        let at = random.below(length as u64) as usize;
        let end = at + random.below((length - at).min(64) as u64 + 1) as usize;
        match random.below(6) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = *random.pick(ODD),
            2 => drop(bytes.drain(at..end)),
            3 => {
                let part = bytes[at..end].to_vec();
                drop(bytes.splice(at..at, part));
            }
            4 => bytes.insert(at, *random.pick(ODD)),
            _ => bytes[at..end].fill(*random.pick(ODD)),
        }
    }
    bytes
}

/// An input again and again, up to a length.
pub(crate) fn repeated(input: &[u8], length: usize) -> Vec<u8> {
    input.iter().copied().cycle().take(length).collect()
}
