use super::*;

fn one(log: &str) -> Finding {
    let mut found = findings(log);
    assert_eq!(found.len(), 1, "{found:#?}");
    found.remove(0)
}

#[test]
fn a_message_has_no_level_time_or_caller() {
    for (line, text) in [
        ("<4>[    1.500000][   T70] hello: hi", "hello: hi"),
        (
            "[    1.500000] [ BUG: Invalid wait context ]",
            "[ BUG: Invalid wait context ]",
        ),
        ("[    1.1]     ok 1 adds", "    ok 1 adds"),
        ("    ok 1 adds\r", "    ok 1 adds"),
        ("[drm] hello", "[drm] hello"),
        ("plain", "plain"),
    ] {
        assert_eq!(message(line), text);
    }
}

#[test]
fn words_in_the_middle_of_a_message_are_no_finding() {
    let log = "hello: Oops: just kidding\nhello: WARNING: at nothing\n\
        INFO: task management is ready\nrcu: INFO: rcu is fine\nUBSANitized\n";
    assert_eq!(findings(log), []);
}

#[test]
fn every_kind_of_report_is_recognized_by_its_first_words() {
    use FindingKind as Kind;
    for (line, kind) in [
        ("Kernel panic - not syncing: Fatal exception", Kind::Panic),
        (
            "WARNING: possible circular locking dependency detected",
            Kind::Lockdep,
        ),
        ("WARNING: Nested lock was not taken", Kind::Lockdep),
        ("WARNING: insmod/70 still has locks held!", Kind::Lockdep),
        ("WARNING: chain_key collision", Kind::Lockdep),
        ("[ BUG: Invalid wait context ]", Kind::Lockdep),
        (
            "BUG: scheduling while atomic: insmod/70/0x00000002",
            Kind::AtomicSleep,
        ),
        (
            "BUG: sleeping function called from invalid context at x.c:1",
            Kind::AtomicSleep,
        ),
        (
            "INFO: task insmod:70 blocked for more than 10 seconds.",
            Kind::HungTask,
        ),
        (
            "watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [insmod:70]",
            Kind::Lockup,
        ),
        (
            "rcu: INFO: rcu_preempt self-detected stall on CPU",
            Kind::RcuStall,
        ),
        (
            "UBSAN: array-index-out-of-bounds in hello.c:9:2",
            Kind::Ubsan,
        ),
        (
            "BUG: KASAN: slab-out-of-bounds in hello_init+0x1/0x2 [hello]",
            Kind::Sanitizer,
        ),
        (
            "Unable to handle kernel NULL pointer dereference at 0",
            Kind::Oops,
        ),
        ("kernel BUG at hello.c:9!", Kind::Oops),
        (
            "WARNING: CPU: 0 PID: 70 at hello.c:9 hello_init+0x1/0x2 [hello]",
            Kind::Warning,
        ),
        (
            "WARNING: hello.c:9 at hello_init+0x1/0x2 [hello], CPU#0: insmod/70",
            Kind::Warning,
        ),
        ("BUG: Bad page state in process insmod  pfn:1", Kind::Bug),
    ] {
        assert_eq!(one(line).kind, kind, "{line}");
    }
}

#[test]
fn an_oops_is_one_finding_with_its_step_and_the_calls_of_the_module() {
    let log = "\
[    1.0] @test load hello
[    1.1] BUG: kernel NULL pointer dereference, address: 0000000000000000
[    1.1] #PF: supervisor write access in kernel mode
[    1.1] Oops: Oops: 0002 [#1] SMP
[    1.1] CPU: 0 UID: 0 PID: 70 Comm: insmod Tainted: G           O
[    1.1] RIP: 0010:hello_init+0x5/0xff0 [hello]
[    1.1] Code: 0f 1f 44
[    1.1] RSP: 0018:ffffc90000 EFLAGS: 00000246
[    1.1] Call Trace:
[    1.1]  <TASK>
[    1.1]  hello_probe+0x5b/0x300 [hello]
[    1.1]  do_one_initcall+0x5b/0x300
[    1.1]  ? kmalloc+0x1/0x2
[    1.1]  do_syscall_64+0x5b/0x300
[    1.1]  </TASK>
[    1.1] Modules linked in: hello(O+)
[    1.1] ---[ end trace 0000000000000000 ]---
[    1.1] RIP: 0010:hello_init+0x5/0xff0 [hello]
[    1.2] @test end
";
    let found = one(log);
    assert_eq!(
        (found.kind, &*found.step),
        (FindingKind::Oops, "load hello")
    );
    assert_eq!(
        found.excerpt,
        [
            "#PF: supervisor write access in kernel mode",
            "Oops: Oops: 0002 [#1] SMP",
            "CPU: 0 UID: 0 PID: 70 Comm: insmod Tainted: G           O",
            "RIP: 0010:hello_init+0x5/0xff0 [hello]",
            " hello_probe+0x5b/0x300 [hello]",
        ]
    );
}

#[test]
fn two_warnings_in_a_row_are_two_findings() {
    let warning = "WARNING: hello.c:9 at hello_init+0x1/0x2 [hello], CPU#0: insmod/70\n\
        Call Trace:\n <TASK>\n do_one_initcall+0x1/0x2\n </TASK>\n---[ end trace 0 ]---\n";
    assert_eq!(findings(&warning.repeat(2)).len(), 2);
}
