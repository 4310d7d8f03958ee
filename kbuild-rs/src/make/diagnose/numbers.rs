//! Numbers that a kernel does not calculate with: floating point, and integers wider than its
//! registers.
//!
//! Compilers call functions of their own library for them (libgcc, `compiler_builtins`), which no
//! kernel links. <https://gcc.gnu.org/onlinedocs/gccint/Libgcc.html> lists the names: the
//! operation, the modes of the numbers, their count (`__mul` `df` `3`).

use super::rules::{Explains, Rule, example, has_any};

pub(super) static RULES: &[Rule] = &[Rule {
    name: "floating-point-refused",
    explains: Explains::Line(
        |line| {
            let (_, said) = line.split_once(": error: ")?;
            let words = &[
                "SSE register return with SSE disabled",
                "SSE register argument with SSE disabled",
                "is incompatible with the use of floating-point types",
                "is incompatible with floating-point argument",
            ];
            has_any(said, words)
        },
        |_, _| {
            "the kernel is compiled without floating-point registers, so a module cannot use float \
             and double. Use integers of a smaller unit. Instead of n * 1.5, write\n    n * 3 / 2"
                .into()
        },
    ),
    examples: (
        example(
            "a.c:4:77: error: SSE register return with SSE disabled",
            &["\n    n * 3 / 2"],
        ),
        &[example(
            "a.c:4:77: error: '-mgeneral-regs-only' is incompatible with the use of floating-point \
             types",
            &["\n    n * 3 / 2"],
        )],
    ),
}];

/// The kind of number that a function of a compiler's library calculates with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbers {
    Floats,
    /// Integers of 64 bits, on machines with registers of 32.
    Long,
    /// Integers of 128 bits.
    Wide,
}

const FLOAT_MODES: &[&str] = &["hf", "bf", "sf", "df", "xf", "tf"];
const INTEGER_MODES: &[&str] = &["si", "di", "ti"];

const OF_FLOATS: &[&str] = &[
    "add", "sub", "mul", "div", "neg", "powi", "cmp", "unord", "eq", "ne", "ge", "lt", "le", "gt",
    "fix", "fixuns", "float", "floatun", "extend", "trunc",
];
const DIVISIONS: &[&str] = &["div", "mod", "divmod", "udiv", "umod", "udivmod"];
const OF_WIDE: &[&str] = &["mul", "mulo", "ashl", "ashr", "lshr", "cmp", "ucmp", "neg"];

impl Numbers {
    /// The kind of number that a symbol is for, if it is such a function.
    pub(super) fn of(symbol: &str) -> Option<Numbers> {
        if let Some(name) = symbol.strip_prefix("__aeabi_") {
            return of_arm(name);
        }
        let mut stem = symbol
            .strip_prefix("__")?
            .trim_end_matches(|c: char| c.is_ascii_digit());
        let mut modes = Vec::new();
        while let Some((rest, mode)) = stem
            .len()
            .checked_sub(2)
            .and_then(|at| stem.split_at_checked(at))
        {
            if !FLOAT_MODES.contains(&mode) && !INTEGER_MODES.contains(&mode) {
                break;
            }
            modes.push(mode);
            stem = rest;
        }
        if modes.iter().any(|mode| FLOAT_MODES.contains(mode)) {
            return OF_FLOATS.contains(&stem).then_some(Numbers::Floats);
        }
        let divides = DIVISIONS.contains(&stem);
        match modes[..] {
            ["ti"] if divides || OF_WIDE.contains(&stem) => Some(Numbers::Wide),
            ["di"] if divides => Some(Numbers::Long),
            _ => None,
        }
    }

    /// Explains how to calculate without such functions. `names` lists them.
    pub(super) fn explain(self, names: &str) -> String {
        match self {
            Numbers::Floats => format!(
                "the compiler calls {names} for floating-point numbers. The kernel does not have \
                 these functions, because it does not compute with such numbers. Use integers of a \
                 smaller unit. Instead of n * 1.5, write\n    n * 3 / 2"
            ),
            Numbers::Long => format!(
                "the compiler calls {names} to divide 64-bit integers on a 32-bit machine. The \
                 kernel has its own functions for that: div64_u64, div_u64 for a divisor of 32 \
                 bits, div64_s64 and div_s64 for signed integers, div64_u64_rem for the remainder. \
                 From Rust, call them through a C function of yours. In C, write\n    #include \
                 <linux/math64.h>\n    div64_u64(a, b)"
            ),
            Numbers::Wide => format!(
                "the compiler calls {names} for 128-bit integers. The kernel does not have these \
                 functions. For a * b / c, C has mul_u64_u64_div_u64 of <linux/math64.h>. \
                 Otherwise, compute with 64 bits:\n    (a as u64) / (b as u64)"
            ),
        }
    }
}

/// The kind for the names of the 32-bit ARM ABI.
fn of_arm(name: &str) -> Option<Numbers> {
    if matches!(name, "ldivmod" | "uldivmod") {
        return Some(Numbers::Long);
    }
    let operations = [
        "add", "sub", "rsub", "mul", "div", "neg", "cmpeq", "cmplt", "cmple", "cmpge", "cmpgt",
        "cmpun",
    ];
    let computes = |prefix| {
        name.strip_prefix(prefix)
            .is_some_and(|rest| operations.contains(&rest))
    };
    let converts = name.split_once('2').is_some_and(|(from, to)| {
        let is_float = |part: &str| matches!(part, "f" | "d" | "h");
        let is_number = |part: &str| is_float(part) || matches!(part, "i" | "l" | "ui" | "ul");
        let to = to.trim_end_matches('z');
        (is_float(from) || is_float(to)) && is_number(from) && is_number(to)
    });
    (computes("f") || computes("d") || converts).then_some(Numbers::Floats)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_functions_of_compilers_libraries_are_told_from_all_other_symbols() {
        for (numbers, symbols) in [
            (
                Numbers::Floats,
                "__muldf3 __divsf3 __gtdf2 __floatundidf __floatsidf __fixunsdfdi __fixdfsi \
                 __extendsfdf2 __truncdfsf2 __unordsf2 __negdf2 __powidf2 __addtf3 __fixdfti \
                 __floattidf __aeabi_dmul __aeabi_fcmplt __aeabi_d2iz __aeabi_ui2f __aeabi_f2ulz",
            ),
            (
                Numbers::Wide,
                "__udivti3 __divti3 __modti3 __umodti3 __multi3 __muloti4 __ashlti3 __udivmodti4",
            ),
            (
                Numbers::Long,
                "__divdi3 __udivdi3 __moddi3 __umoddi3 __udivmoddi4 __aeabi_ldivmod \
                 __aeabi_uldivmod",
            ),
        ] {
            for symbol in symbols.split_whitespace() {
                assert_eq!(Numbers::of(symbol), Some(numbers), "{symbol}");
            }
        }
        for symbol in [
            "ring_push",
            "__fix",
            "__df3",
            "__muldi3",
            "__ashldi3",
            "__divsi3",
            "__ndelay",
            "muldf3",
            "__my_divdi3",
            "__aeabi_memcpy",
            "__aeabi_unwind_cpp_pr0",
            "__aeabi_idiv",
            "__",
            "",
            "__x86_indirect_thunk_rax",
            "__udivti3_fast",
            "__mul",
            "__ü",
            "__add_df3",
        ] {
            assert_eq!(Numbers::of(symbol), None, "{symbol}");
        }
    }
}
