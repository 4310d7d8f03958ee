//! The type information (BTF) of a module: a kernel with `CONFIG_DEBUG_INFO_BTF_MODULES` and without
//! `CONFIG_MODULE_ALLOW_BTF_MISMATCH` refuses a module whose BTF does not continue its own.
//!
//! It compares the header, and looks whether each number of a type and each place of a name is in the
//! module or in the kernel's BTF. The kernel also compares the kinds of types.

use super::facts::Facts;
use super::report::{CheckFaultKind, Findings};
use super::subject::Subject;
use super::whole::rebuild;

/// How much a kernel's own BTF has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    /// The number of types, with `void`.
    types: u64,
    /// The size of the names (bytes).
    names: u64,
}

/// The reason why BTF does not continue the kernel's.
#[derive(Debug, PartialEq, Eq)]
enum Wrong {
    Malformed(&'static str),
    /// A number of a type, or the place of a name, that neither has.
    Beyond(&'static str, u64),
}

/// BTF whose kinds of types are not all known here.
#[derive(Debug, PartialEq, Eq)]
struct Unknown;

/// The magic number (`BTF_MAGIC`).
const MAGIC: u64 = 0xeb9f;
/// The size of `struct btf_header` up to 6.x.
const HEADER: u64 = 24;

impl Extent {
    /// That of a kernel's BTF; `None` if it cannot be read.
    pub(super) fn of(bytes: &[u8], is_little: bool) -> Option<Extent> {
        let btf = Btf::of(bytes, is_little).ok()?;
        let mut types = 1;
        btf.each(|_| types += 1).ok()?.ok()?;
        Some(Extent {
            types,
            names: btf.names.len() as u64,
        })
    }
}

/// Compares the BTF of a module with that of the kernel.
pub(super) fn compare(facts: &Facts, module: &Subject, findings: &mut Findings) {
    let is_on = |name| facts.is_on(name) == Some(true);
    let Some(bytes) = module.btf.as_deref().filter(|bytes| !bytes.is_empty()) else {
        return;
    };
    if !is_on("DEBUG_INFO_BTF_MODULES") || is_on("MODULE_ALLOW_BTF_MISMATCH") {
        return;
    }
    let not_compared = |why: &str| format!("its BTF is not compared: {why}");
    let wrong = match Btf::of(bytes, module.elf.is_little) {
        Err(wrong) => wrong,
        // The kernel fits BTF with a base of its own to the kernel's.
        Ok(_) if module.has_btf_base => return findings.note(not_compared("it has a .BTF.base")),
        Ok(btf) => match facts.btf(module.elf.is_little) {
            None => {
                return findings.note(not_compared("the kernel tree has no vmlinux with BTF"));
            }
            Some(base) => match btf.beyond(base) {
                Err(Unknown) => {
                    return findings.note(not_compared("it has types of an unknown kind"));
                }
                Ok(None) => return,
                Ok(Some(wrong)) => wrong,
            },
        },
    };
    let what = match wrong {
        Wrong::Malformed(what) => what.to_owned(),
        Wrong::Beyond(what, number) => {
            format!(
                "it uses the {what} {number}, which neither the module nor the kernel's BTF has"
            )
        }
    };
    findings.fault(
        CheckFaultKind::Btf,
        format!("failed to validate module [{}] BTF", module.info.name),
        format!(
            "its BTF is not for this kernel ({what}); {}",
            rebuild(facts)
        ),
    );
}

/// The parts of BTF.
#[derive(Debug)]
struct Btf<'a> {
    types: &'a [u8],
    names: &'a [u8],
    is_little: bool,
}

/// A type: the numbers of types and the places of names that it uses.
struct Type {
    uses: Vec<u64>,
    names: Vec<u64>,
}

impl<'a> Btf<'a> {
    fn of(bytes: &'a [u8], is_little: bool) -> Result<Btf<'a>, Wrong> {
        let word = |at: usize| number(bytes, at, 4, is_little);
        let damaged = Wrong::Malformed("its header is damaged");
        let header = (|| {
            let is_known = number(bytes, 0, 2, is_little)? == MAGIC && bytes.get(2..4)? == [1, 0];
            let header = word(4).filter(|size| *size >= HEADER && is_known)?;
            let part = |at: usize| {
                let from = usize::try_from(header.checked_add(word(at)?)?).ok()?;
                let size = usize::try_from(word(at + 4)?).ok()?;
                bytes.get(from..from.checked_add(size)?)
            };
            Some((part(8)?, part(16)?))
        })();
        let (types, names) = header.ok_or(damaged)?;
        if names.last().is_some_and(|last| *last != 0) {
            return Err(Wrong::Malformed("its names have no end"));
        }
        Ok(Btf {
            types,
            names,
            is_little,
        })
    }

    /// A type or name that neither this BTF nor its base has.
    fn beyond(&self, base: Extent) -> Result<Option<Wrong>, Unknown> {
        let mut count = 0;
        let (mut highest, mut last_name) = (0, 0);
        let walked = self.each(|of| {
            count += 1;
            highest = of.uses.iter().copied().fold(highest, u64::max);
            last_name = of.names.iter().copied().fold(last_name, u64::max);
        })?;
        if let Err(wrong) = walked {
            return Ok(Some(wrong));
        }
        if highest >= base.types + count {
            return Ok(Some(Wrong::Beyond("type", highest)));
        }
        let is_beyond = last_name >= base.names + self.names.len() as u64;
        Ok(is_beyond.then_some(Wrong::Beyond("name at", last_name)))
    }

    /// Calls a function with each type. The kinds are those of `include/uapi/linux/btf.h`; up to 7.2,
    /// counts have 16 bits and kinds five, and the bits beside them are zero.
    fn each(&self, mut with: impl FnMut(Type)) -> Result<Result<(), Wrong>, Unknown> {
        let torn = Wrong::Malformed("its types are cut short");
        let word = |at: usize| number(self.types, at, 4, self.is_little);
        let mut at = 0;
        while at < self.types.len() {
            let (Some(name), Some(info), Some(kind_or_size)) =
                (word(at), word(at + 4), word(at + 8))
            else {
                return Ok(Err(torn));
            };
            let count = usize::try_from(info & 0xff_ffff).unwrap_or_default();
            // The size of each record behind, and the places of names and types in it.
            let (size, count, record): (usize, usize, (&[usize], &[usize])) =
                match info >> 24 & 0x7f {
                    1 | 17 => (4, 1, (&[], &[])),
                    2 | 7..=12 | 16 | 18 => (0, 0, (&[], &[])),
                    3 => (12, 1, (&[], &[0, 4])),
                    4 | 5 => (12, count, (&[0], &[4])),
                    6 => (8, count, (&[0], &[])),
                    13 => (8, count, (&[0], &[4])),
                    14 => (4, 1, (&[], &[])),
                    15 => (12, count, (&[], &[0])),
                    19 => (12, count, (&[0], &[])),
                    _ => return Err(Unknown),
                };
            let mut of = Type {
                uses: Vec::new(),
                names: vec![name],
            };
            if matches!(info >> 24 & 0x7f, 2 | 8..=14 | 17 | 18) {
                of.uses.push(kind_or_size);
            }
            at += 12;
            for _ in 0..count {
                let (names, uses) = record;
                if self.types.len() < at + size {
                    return Ok(Err(torn));
                }
                of.names
                    .extend(names.iter().filter_map(|place| word(at + place)));
                of.uses
                    .extend(uses.iter().filter_map(|place| word(at + place)));
                at += size;
            }
            with(of);
        }
        Ok(Ok(()))
    }
}

fn number(bytes: &[u8], at: usize, size: usize, is_little: bool) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(size)?)?;
    let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
    Some(match is_little {
        true => bytes.iter().rev().fold(0, add),
        false => bytes.iter().fold(0, add),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// BTF with these words as types.
    pub(in crate::module::check) fn btf(types: &[u32], names: &[u8]) -> Vec<u8> {
        let size = u32::try_from(types.len() * 4).unwrap();
        let length = u32::try_from(names.len()).unwrap();
        let head = [0x1_eb9f, 24, 0, size, size, length];
        let words = head.iter().chain(types).flat_map(|word| word.to_le_bytes());
        words.chain(names.iter().copied()).collect()
    }

    const INT: [u32; 4] = [1, 1 << 24, 4, 32];

    fn beyond(types: &[u32]) -> Option<Wrong> {
        let bytes = btf(types, b"own\0");
        let btf = Btf::of(&bytes, true).unwrap();
        let base = btf_of_kernel();
        btf.beyond(Extent::of(&base, true).unwrap()).unwrap()
    }

    fn btf_of_kernel() -> Vec<u8> {
        btf(&INT, b"\0int\0")
    }

    #[test]
    fn numbers_of_types_and_names_go_on_from_the_kernels() {
        let extent = Extent::of(&btf_of_kernel(), true).unwrap();
        assert_eq!(extent, Extent { types: 2, names: 5 });
        // A pointer to int, and a pointer to itself; names of both.
        assert_eq!(beyond(&[0, 2 << 24, 1]), None);
        assert_eq!(beyond(&[8, 2 << 24, 2]), None);
        assert_eq!(beyond(&[0, 2 << 24, 3]), Some(Wrong::Beyond("type", 3)));
        assert_eq!(beyond(&[9, 2 << 24, 1]), Some(Wrong::Beyond("name at", 9)));
        // A structure with one member.
        assert_eq!(beyond(&[5, 4 << 24 | 1, 4, 1, 1, 0]), None);
        let wrong = beyond(&[5, 4 << 24 | 1, 4, 1, 7, 0]);
        assert_eq!(wrong, Some(Wrong::Beyond("type", 7)));
        let torn = Some(Wrong::Malformed("its types are cut short"));
        assert_eq!(beyond(&[5, 4 << 24 | 2, 4, 1, 1, 0]), torn);
        assert_eq!(beyond(&[5, 4 << 24]), torn);
        let bytes = btf(&[0, 31 << 24, 0], b"");
        let unknown = Btf::of(&bytes, true).unwrap().beyond(extent);
        assert_eq!(unknown, Err(Unknown));
    }

    #[test]
    fn other_bytes_are_no_btf() {
        let good = btf_of_kernel();
        for at in [0, 2, 3, 7, 11, 15, 19] {
            let mut bad = good.clone();
            bad[at] ^= 0x40;
            assert!(Btf::of(&bad, true).is_err(), "{at}");
        }
        for end in 0..good.len() {
            assert!(Btf::of(&good[..end], true).is_err(), "{end}");
        }
        assert!(Btf::of(&btf(&INT, b"int"), true).is_err());
    }
}
