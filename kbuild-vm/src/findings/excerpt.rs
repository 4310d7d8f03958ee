//! The lines of a report that matter: the place, and the calls that led to it.

use super::FindingKind;

/// The most lines of an excerpt.
const LONGEST: usize = 24;
/// Lockdep explains two chains of locks.
const LONGEST_LOCKDEP: usize = 48;

/// Registers, and what a reader of the module's code cannot use.
const NOISE: &[&str] = &[
    "RSP:",
    "RAX:",
    "RDX:",
    "RBP:",
    "R10:",
    "R13:",
    "FS:",
    "CS:",
    "CR2:",
    "DR0:",
    "DR3:",
    "PKRU:",
    "Code:",
    "Modules linked in:",
    "Hardware name:",
    "Tainted:",
    "irq event stamp",
    "hardirqs last",
    "softirqs last",
    "PGD ",
    "pstate:",
    "sp :",
    "RIP: 0033:",
    "ORIG_RAX",
    "<TASK>",
    "</TASK>",
    "<IRQ>",
    "</IRQ>",
    "------------[",
    "======",
    "------",
    "---[ end",
    "? ",
    "dump_stack",
    "__dump_stack",
    "CR2: ",
    "\"echo 0 > /proc/sys/kernel/hung_task",
    "Call Trace:",
    "Call trace:",
    "note: ",
];

/// The kernel's way from the system call to the module is the same each time.
const ENTRY: &[&str] = &[
    "do_one_initcall+",
    "do_init_module+",
    "load_module+",
    "init_module_from_file+",
    "idempotent_init_module+",
    "do_syscall_64",
    "entry_SYSCALL",
    "__x64_sys_",
    "__do_sys_",
    "__se_sys_",
    "x64_sys_call",
    "el0_svc",
    "el0t_64_sync",
    "invoke_syscall",
    "do_el0_svc",
    "ret_from_fork",
    "ret_from_fork_asm",
    "asm_exc_",
    "exc_",
    "handle_bug",
    "report_bug",
    "__warn+",
];

/// Cuts a report. Leading blanks stay, as they order its lines.
pub(crate) fn cut(kind: FindingKind, lines: &[&str]) -> Vec<String> {
    let longest = match kind {
        FindingKind::Lockdep => LONGEST_LOCKDEP,
        _ => LONGEST,
    };
    let matters = |line: &&&str| {
        let text = line.trim();
        let is = |words: &str| text.starts_with(words);
        let is_register =
            text.starts_with('x') && text[1..].starts_with(|c: char| c.is_ascii_digit());
        !text.is_empty()
            && !is_register
            && !NOISE.iter().any(|w| is(w))
            && !ENTRY.iter().any(|w| is(w))
    };
    let mut kept: Vec<String> = lines
        .iter()
        // Lockdep's own stack follows what it says about the locks.
        .take_while(|line| kind != FindingKind::Lockdep || line.trim() != "stack backtrace:")
        .filter(matters)
        .map(|line| line.trim_end().to_owned())
        .collect();
    if kept.len() > longest {
        let left = kept.len() - longest;
        kept.truncate(longest);
        kept.push(format!("… ({left} more lines)"));
    }
    kept
}
