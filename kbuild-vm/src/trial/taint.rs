//! The kernel's taint: bits, and the letters for them.

/// The letter of each bit: `taint_flags` in kernel/panic.c.
const LETTERS: &str = "PFSRMBUDAWCIOELKXTNJ";

/// The letters of a value of `/proc/sys/kernel/tainted`; `?` for bits without a known letter.
pub(super) fn letters(taint: u64) -> String {
    let letter = |bit: usize| LETTERS.as_bytes().get(bit).map_or('?', |b| char::from(*b));
    (0..64)
        .filter(|bit| taint >> bit & 1 == 1)
        .map(letter)
        .collect()
}

/// What a letter stands for, in the words of the kernel's documentation.
pub(super) fn meaning(letter: char) -> &'static str {
    match letter {
        'P' => "a proprietary module was loaded",
        'F' => "a module was loaded by force",
        'S' => "the kernel runs on a processor out of its specification",
        'R' => "a module was unloaded by force",
        'M' => "the processor reported a machine check",
        'B' => "a bad page was found",
        'U' => "user space asked for it",
        'D' => "the kernel died: an oops or a BUG",
        'A' => "an ACPI table was replaced",
        'W' => "the kernel issued a warning",
        'C' => "a staging driver was loaded",
        'I' => "a workaround for a bug of the firmware was applied",
        'O' => "a module from outside of the kernel was loaded",
        'E' => "an unsigned module was loaded",
        'L' => "a soft lockup occurred",
        'K' => "the kernel was live patched",
        'X' => "auxiliary taint of the distribution",
        'T' => "the kernel was built with randomized structures",
        'N' => "a test of the kernel ran",
        'J' => "user space used a debugging command of fwctl",
        _ => "an unknown flag",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_have_the_kernels_letters() {
        assert_eq!(letters(0), "");
        assert_eq!(letters(1 | 1 << 7 | 1 << 9 | 1 << 12 | 1 << 13), "PDWOE");
        assert_eq!(letters(1 << 18 | 1 << 40), "N?");
    }
}
