//! The words with which a kernel's reports begin. The first rule that fits names the report.
//!
//! The texts are those of the kernel's sources, 5.10 to 7.3; the places are beside the rules.

use super::FindingKind;

/// The beginning of a report.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    pub(super) kind: FindingKind,
    /// Whether the report ends with `---[ end trace`.
    pub(super) has_end_mark: bool,
}

struct Rule {
    kind: FindingKind,
    has_end_mark: bool,
    words: &'static [&'static str],
}

const RULES: &[Rule] = &[
    // kernel/panic.c
    Rule {
        kind: FindingKind::Panic,
        has_end_mark: true,
        words: &["Kernel panic - not syncing"],
    },
    // kernel/locking/lockdep.c, kernel/locking/rtmutex-debug.c (until 5.10), kernel/rcu/update.c
    Rule {
        kind: FindingKind::Lockdep,
        has_end_mark: false,
        words: &[
            "WARNING: possible circular locking",
            "WARNING: possible recursive locking",
            "WARNING: possible irq lock inversion",
            "WARNING: inconsistent lock state",
            "WARNING: bad unlock balance",
            "WARNING: bad contention detected",
            "WARNING: Nested lock was not taken",
            "WARNING: chain_key collision",
            "WARNING: circular locking deadlock detected",
            "WARNING: held lock freed",
            "WARNING: lock held when returning to user space",
            "WARNING: suspicious RCU usage",
            "WARNING: SOFTIRQ-safe -> SOFTIRQ-unsafe",
            "WARNING: HARDIRQ-safe -> HARDIRQ-unsafe",
            "WARNING: SOFTIRQ-READ-safe -> ",
            "WARNING: HARDIRQ-READ-safe -> ",
            "INFO: trying to register non-static key",
            "[ BUG: Invalid wait context ]",
            "BUG: Invalid wait context",
        ],
    },
    // kernel/sched/core.c
    Rule {
        kind: FindingKind::AtomicSleep,
        has_end_mark: false,
        words: &[
            "BUG: scheduling while atomic",
            "BUG: sleeping function called from invalid context",
        ],
    },
    // kernel/hung_task.c
    Rule {
        kind: FindingKind::HungTask,
        has_end_mark: false,
        words: &["INFO: task "],
    },
    // kernel/watchdog.c, kernel/workqueue.c
    Rule {
        kind: FindingKind::Lockup,
        has_end_mark: false,
        words: &[
            "watchdog: BUG: soft lockup",
            "BUG: soft lockup",
            "BUG: workqueue lockup",
            "watchdog: Watchdog detected hard LOCKUP",
            "Watchdog detected hard LOCKUP",
        ],
    },
    // kernel/rcu/tree_stall.h
    Rule {
        kind: FindingKind::RcuStall,
        has_end_mark: false,
        words: &["rcu: INFO: rcu", "INFO: rcu"],
    },
    // lib/ubsan.c
    Rule {
        kind: FindingKind::Ubsan,
        has_end_mark: true,
        words: &["UBSAN: "],
    },
    // mm/kasan/report.c and its kin
    Rule {
        kind: FindingKind::Sanitizer,
        has_end_mark: false,
        words: &["BUG: KASAN:", "BUG: KFENCE:", "BUG: KMSAN:", "BUG: KCSAN:"],
    },
    // arch/x86/mm/fault.c, arch/x86/kernel/{traps,dumpstack}.c, lib/bug.c, arch/arm64/mm/fault.c
    Rule {
        kind: FindingKind::Oops,
        has_end_mark: true,
        words: &[
            "BUG: unable to handle",
            "BUG: kernel NULL pointer dereference",
            "BUG: stack guard page was hit",
            "BUG: TASK stack guard page was hit",
            "Unable to handle kernel",
            "Internal error: ",
            "kernel BUG at ",
            "Oops: ",
            "general protection fault",
            "invalid opcode: ",
            "divide error: ",
            "int3: ",
            "stack segment: ",
            "traps: PANIC: double fault",
        ],
    },
    // kernel/panic.c. 5.10 to 6.x: `WARNING: CPU: 0 PID: 70 at file:line function`.
    Rule {
        kind: FindingKind::Warning,
        has_end_mark: true,
        words: &["WARNING: "],
    },
    Rule {
        kind: FindingKind::Bug,
        has_end_mark: false,
        words: &["BUG: "],
    },
];

/// The report that begins with this message.
pub(super) fn start_of(message: &str) -> Option<Start> {
    // kernel/locking/lockdep.c: `WARNING: insmod/70 still has locks held!`.
    if message.starts_with("WARNING: ") && message.contains(" still has locks held!") {
        return Some(Start {
            kind: FindingKind::Lockdep,
            has_end_mark: false,
        });
    }
    let fits = |rule: &&Rule| {
        let mut words = rule.words.iter();
        words.any(|words| message.starts_with(words)) && is_one(rule.kind, message)
    };
    RULES.iter().find(fits).map(|rule| Start {
        kind: rule.kind,
        has_end_mark: rule.has_end_mark,
    })
}

/// Words that also begin other messages need more of them.
fn is_one(kind: FindingKind, message: &str) -> bool {
    match kind {
        FindingKind::HungTask => message.contains(" blocked "),
        FindingKind::RcuStall => message.contains("stall"),
        FindingKind::Warning => message.contains(" at "),
        _ => true,
    }
}
