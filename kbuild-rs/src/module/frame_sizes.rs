//! How much stack the functions of an object use, read from their machine code.
//!
//! C compilers warn (`-Wframe-larger-than`); rustc and objtool do not. The kernel's
//! `scripts/checkstack.pl` looks for the same instructions in objdump's output.
//!
//! rustc's `-Z emit-stack-sizes` would change the bytes of the module.

use std::collections::HashSet;

const X86_64: u64 = 62;
const AARCH64: u64 = 183;
/// `elf(5)`: a section with instructions, the table of symbols, a symbol that is a function.
const EXECINSTR: u64 = 4;
const SYMTAB: u64 = 2;
const FUNC: u8 = 2;
/// How often the code and the names of a file are read, at most.
const MOST_OFTEN: usize = 8;
/// No frame is this large: such bytes are not an instruction.
const MOST: u64 = 1 << 26;

/// A function, and the bytes of stack that it uses.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// As in the source, without the path to it.
    pub(crate) function: String,
    pub(crate) size: u64,
}

/// The functions of an ELF file that use more than `limit` bytes of stack. Empty for other files,
/// and for machines whose instructions this file does not know.
pub(crate) fn larger_than(limit: u64, elf: &[u8]) -> Vec<Frame> {
    frames(limit, elf).unwrap_or_default()
}

fn frames(limit: u64, elf: &[u8]) -> Option<Vec<Frame>> {
    // 64 bits, least significant byte first.
    if !elf.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let size_of: fn(&[u8]) -> u64 = match number(elf, 18, 2)? {
        X86_64 => of_x86_64,
        AARCH64 => of_aarch64,
        _ => return None,
    };
    let start = number(elf, 40, 8)?;
    let section = |index: u64| -> Option<&[u8]> {
        let at = start.checked_add(index.checked_mul(64)?)?;
        part(elf, at, 64)
    };
    let contents = |section: &[u8]| part(elf, number(section, 24, 8)?, number(section, 32, 8)?);
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    // Any number of symbols may share code or a name, and of sections a table: the bytes read are
    // counted.
    let mut left = elf.len().saturating_mul(MOST_OFTEN);
    for index in 0..number(elf, 60, 2)? {
        let table = section(index)?;
        if number(table, 4, 4)? != SYMTAB {
            continue;
        }
        let names = contents(section(number(table, 40, 4)?)?)?;
        let symbols = contents(table)?;
        left = left.checked_sub(symbols.len())?;
        for symbol in symbols.chunks_exact(24) {
            if symbol[4] & 0xf != FUNC {
                continue;
            }
            let (home, at) = (number(symbol, 6, 2)?, number(symbol, 8, 8)?);
            let Some(holder) = section(home) else {
                continue;
            };
            if number(holder, 8, 8)? & EXECINSTR == 0 {
                continue;
            }
            let code = part(contents(holder)?, at, number(symbol, 16, 8)?)?;
            left = left.checked_sub(code.len())?;
            let size = size_of(code);
            // Some functions have two names.
            if size > limit && seen.insert((home, at)) {
                let name = names.get(usize::try_from(number(symbol, 0, 4)?).ok()?..)?;
                let name = name.split(|byte| *byte == 0).next()?;
                left = left.checked_sub(name.len())?;
                let function = function(&String::from_utf8_lossy(name));
                found.push(Frame { function, size });
            }
        }
    }
    Some(found)
}

fn number(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    let field = bytes.get(at..at.checked_add(length)?)?;
    Some(
        field
            .iter()
            .rev()
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
    )
}

fn part(bytes: &[u8], at: u64, length: u64) -> Option<&[u8]> {
    let at = usize::try_from(at).ok()?;
    let length = usize::try_from(length).ok()?;
    bytes.get(at..at.checked_add(length)?)
}

/// `sub $0x186b0,%rsp`, with four bytes for the number.
fn of_x86_64(code: &[u8]) -> u64 {
    let sizes = code.windows(7).filter_map(|bytes| match bytes {
        [0x48, 0x81, 0xec, number @ ..] => number.try_into().ok().map(u32::from_le_bytes),
        _ => None,
    });
    sizes
        .map(u64::from)
        .filter(|size| *size < MOST)
        .max()
        .unwrap_or(0)
}

/// `sub sp, sp, #0x18, lsl #12` and `sub sp, sp, #0x6a0`, one behind the other.
fn of_aarch64(code: &[u8]) -> u64 {
    let (mut most, mut sum) = (0, 0);
    for bytes in code.chunks_exact(4) {
        let word = u32::from_le_bytes(bytes.try_into().unwrap_or_default());
        let amount = u64::from(word >> 10 & 0xfff);
        match word & 0xffc0_03ff {
            0xd140_03ff => sum += amount << 12,
            0xd100_03ff => sum += amount,
            _ => sum = 0,
        }
        most = most.max(sum);
    }
    most
}

/// The most digits of a number in base 62, and the character behind it.
const LONGEST_NUMBER: usize = 12;

/// `huge` of `_RNvCs3SAYknNtcXW_3big4huge`: the last name in rustc's mangled form of a path
/// (<https://doc.rust-lang.org/rustc/symbol-mangling/v0.html>). Any other symbol is its own name.
fn function(symbol: &str) -> String {
    let Some(mut rest) = symbol.strip_prefix("_R") else {
        return symbol.to_owned();
    };
    let mut last = symbol;
    while let Some(first) = rest.chars().next() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if digits > 0 {
            let (length, name) = rest.split_at(digits);
            let name = name.strip_prefix('_').unwrap_or(name);
            let length = length.parse().unwrap_or(usize::MAX);
            let Some((name, after)) = name.split_at_checked(length) else {
                break;
            };
            if !name.is_empty() {
                last = name;
            }
            rest = after;
            continue;
        }
        rest = &rest[first.len_utf8()..];
        // A number that distinguishes crates or items of one name, or a back reference.
        if matches!(first, 's' | 'B') {
            let mut ahead = rest.bytes().take(LONGEST_NUMBER);
            let end = ahead.position(|byte| !byte.is_ascii_alphanumeric());
            if let Some(end) = end.filter(|end| rest.as_bytes()[*end] == b'_') {
                rest = &rest[end + 1..];
            }
        }
    }
    last.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_frame_of_a_function_is_read_off_its_code() {
        // push %rbx; sub $0x186b0,%rsp; …; add $0x186b0,%rsp
        let code = [
            0x53, 0x48, 0x81, 0xec, 0xb0, 0x86, 0x01, 0x00, 0x90, 0x48, 0x81, 0xc4, 0xb0, 0x86,
            0x01, 0x00,
        ];
        assert_eq!(of_x86_64(&code), 100_016);
        assert_eq!(of_x86_64(&code[4..]), 0);
        // sub $0x50,%rsp, and what only looks like an instruction.
        assert_eq!(
            of_x86_64(&[0x48, 0x83, 0xec, 0x50, 0x48, 0x81, 0xec, 0, 0, 0, 0xff]),
            0
        );

        let sub_sp = |amount: u32, shift: u32| 0xd100_03ff | amount << 10 | shift << 22;
        let code = |words: &[u32]| {
            words
                .iter()
                .flat_map(|word| word.to_le_bytes())
                .collect::<Vec<u8>>()
        };
        let nop = 0xd503_201f;
        assert_eq!(
            of_aarch64(&code(&[nop, sub_sp(0x18, 1), sub_sp(0x6b0, 0), nop])),
            100_016
        );
        assert_eq!(of_aarch64(&code(&[sub_sp(16, 0), nop, sub_sp(32, 0)])), 32);
        // add sp, sp, #0x6b0
        assert_eq!(of_aarch64(&code(&[0x911a_c3ff])), 0);
    }

    #[test]
    fn the_name_of_a_function_is_the_one_in_the_source() {
        for (symbol, name) in [
            ("_RNvCs3SAYknNtcXW_3big4huge", "huge"),
            (
                "_RNvXCs3SAYknNtcXW_3bigNtB2_5HelloNtNtCsb5MLIFMWygY_6kernel6module6Module4init",
                "init",
            ),
            ("_RNvNtCs1_3big4_1abc4fill", "fill"),
            ("huge", "huge"),
            ("_R", "_R"),
            ("_R9", "_R9"),
            (
                "_R99999999999999999999999999x",
                "_R99999999999999999999999999x",
            ),
        ] {
            assert_eq!(function(symbol), name, "{symbol}");
        }
    }

    #[test]
    fn a_file_that_is_cut_short_or_something_else_has_no_frames() {
        for elf in [
            &b""[..],
            b"\x7fELF\x02\x01",
            b"\x7fELF\x02\x01\x01 and then text that is no table",
        ] {
            assert_eq!(larger_than(0, elf), []);
        }
        // This very program is one.
        let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        for length in [64, 1000, program.len() / 2, program.len() - 1] {
            larger_than(0, &program[..length]);
        }
    }
}
