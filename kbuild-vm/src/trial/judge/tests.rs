use std::time::Duration;

use super::*;
use crate::Arch;
use crate::ko::Ko;
use crate::verdict::Verdict;

fn hello() -> ModuleTest {
    let ko = Ko {
        path: "hello.ko".into(),
        name: "hello".into(),
        release: "6.12".into(),
        arch: Some(Arch::X86_64),
        depends: Vec::new(),
        exports: Vec::new(),
        imports: Vec::new(),
        has_suites: false,
        bytes: Vec::new(),
    };
    ModuleTest::of(vec![ko]).unwrap()
}

/// The facts of a good test.
const FACTS: &str = "tainted-before 0\nloaded hello\nunloaded hello\ntainted-after 0\n";

fn verdict(log: &str, facts: &str) -> Verdict {
    Verdict {
        text: format!("\n@test output\nsaid\n\n@test leaks\n\n@test facts\n{facts}"),
        log: log.to_owned(),
        code: 0,
        ok: true,
    }
}

/// The report about a guest that ended with this log and these facts.
fn ended(log: &str, facts: &str) -> TestReport {
    let verdict = verdict(log, facts);
    judge(&hello(), "6.12", attempt(Some(verdict), "", None))
}

fn attempt(verdict: Option<Verdict>, console: &str, over_limit: Option<&str>) -> Attempt {
    Attempt {
        verdict,
        console: console.to_owned(),
        stderr: String::new(),
        over_limit: over_limit.map(str::to_owned),
        elapsed: Duration::from_secs(1),
    }
}

fn kinds(report: &TestReport) -> Vec<FindingKind> {
    report.findings.iter().map(|one| one.kind).collect()
}

const LOG: &str =
    "@test begin\n@test load hello\nhello: loading out-of-tree module taints kernel.\n@test end\n";

#[test]
fn a_module_that_is_only_from_outside_of_the_kernel_passes() {
    let report = ended(LOG, &FACTS.replace("after 0", "after 12288"));
    assert!(report.passed(), "{report}");
    assert_eq!(report.output, "said");
    assert_eq!(report.to_string(), "hello passed on 6.12");
}

#[test]
fn a_flag_that_nobody_expected_is_a_finding_unless_the_kernel_explained_it() {
    let report = ended(LOG, "tainted-before 512\ntainted-after 12801\n");
    assert_eq!(kinds(&report), [FindingKind::Taint]);
    assert_eq!(report.findings[0].headline, "the kernel is tainted: P");
    let log = LOG.replace(
        "hello: load",
        "WARNING: at hello.c:3 hello_init\nhello: load",
    );
    let report = ended(&log, "tainted-before 0\ntainted-after 12800\n");
    assert_eq!(kinds(&report), [FindingKind::Warning]);
}

#[test]
fn a_module_that_did_not_load_has_the_kernels_words_about_it() {
    let log = "before\n@test begin\n@test load hello\n[1.0] hello: Unknown symbol gone (err -2)\n@test end\n";
    let facts =
        "tainted-before 0\nfailed-load hello insmod: can't insert 'x': Gone\ntainted-after 0\n";
    let report = ended(log, facts);
    assert_eq!(kinds(&report), [FindingKind::Load]);
    let finding = &report.findings[0];
    assert_eq!(finding.headline, "hello did not load: Gone");
    assert_eq!(finding.excerpt, ["hello: Unknown symbol gone (err -2)"]);
}

#[test]
fn suites_that_the_kernel_did_not_run_are_no_success() {
    let mut test = hello();
    test.modules[0].has_suites = true;
    let report = judge(&test, "6.12", attempt(Some(verdict(LOG, FACTS)), "", None));
    assert_eq!(kinds(&report), [FindingKind::Kunit]);

    let mut other = test.modules[0].clone();
    other.name = "other".into();
    test.modules.push(other);
    let log = "@test begin\n@test load hello\n    # Subtest: a\n    ok 1 b\nok 1 a\n@test load other\n@test end\n";
    let facts = FACTS.replace("unl", "loaded other\nunloaded other\nunl");
    let report = judge(&test, "6.12", attempt(Some(verdict(log, &facts)), "", None));
    let found: Vec<&str> = report.findings.iter().map(|one| &*one.headline).collect();
    assert_eq!(found, ["the kernel did not run the suites of other"]);
}

#[test]
fn a_suite_that_fails_without_a_failed_case_is_a_finding() {
    let log = "@test begin\n@test load hello\n    # a:     # failed to initialize (-12)\nnot ok 1 a\n@test end\n";
    let report = ended(log, FACTS);
    assert_eq!(kinds(&report), [FindingKind::Kunit]);
    let finding = &report.findings[0];
    assert_eq!(finding.headline, "the suite a failed");
    assert_eq!(finding.excerpt, ["# a:     # failed to initialize (-12)"]);
}

#[test]
fn a_step_that_was_left_out_is_a_finding_although_nothing_went_wrong() {
    let steps = ["loaded hello\n", "command 0\n", "unloaded hello\n"];
    let facts = |left_out: Option<usize>| {
        let done = steps
            .iter()
            .enumerate()
            .filter(|(at, _)| Some(*at) != left_out);
        let done: String = done.map(|(_, step)| *step).collect();
        format!("tainted-before 0\n{done}tainted-after 0\n")
    };
    let test = hello().command("true");
    let report = |facts: &str| judge(&test, "6.12", attempt(Some(verdict(LOG, facts)), "", None));
    assert!(report(&facts(None)).passed());
    for (at, kind) in [
        (0, FindingKind::Load),
        (1, FindingKind::Command),
        (2, FindingKind::Unload),
    ] {
        assert_eq!(kinds(&report(&facts(Some(at)))), [kind]);
    }
    let kept = facts(Some(2)).replace("command", "kept hello\ncommand");
    assert!(report(&kept).passed());
    let test = test.unload(false);
    let stays = verdict(LOG, &facts(Some(2)));
    assert!(judge(&test, "6.12", attempt(Some(stays), "", None)).passed());
}

#[test]
fn a_kernel_that_had_an_oops_before_the_test_is_a_finding() {
    let report = ended(LOG, "tainted-before 128\ntainted-after 128\n");
    assert_eq!(kinds(&report), [FindingKind::Boot]);
}

#[test]
fn a_lockdep_that_ends_itself_is_a_finding_unless_something_explains_it() {
    let facts = format!("locks-before 1\nlocks-after 0\n{FACTS}");
    assert_eq!(kinds(&ended(LOG, &facts)), [FindingKind::Lockdep]);
    assert!(ended(LOG, &facts.replace("before 1", "before 0")).passed());
    assert!(ended(LOG, &facts.replace("locks-after 0", "locks-after 1")).passed());
    // A proprietary module.
    let facts = facts.replace("tainted-after 0", "tainted-after 1");
    assert_eq!(kinds(&ended(LOG, &facts)), [FindingKind::Taint]);
}

#[test]
fn a_log_that_lost_its_beginning_is_replaced_by_the_console() {
    let warning = "WARNING: hello.c:9 at hello_init+0x1/0x2 [hello], CPU#0: insmod/70\n";
    let left = "[    9.0] hello: bye\n[    9.1] @test end\n";
    let mut verdict = verdict(left, FACTS);
    let shown = format!("[    1.0] @test begin\n[    1.1] @test load hello\n{warning}{left}");
    let printed = verdict.text.replace("said", "BUG: said by the command");
    verdict.text = format!("{shown}{printed}");
    let report = judge(&hello(), "6.12", attempt(Some(verdict.clone()), "", None));
    assert_eq!(kinds(&report), [FindingKind::Warning]);
    assert_eq!(report.findings[0].step, "load hello");
    assert_eq!(report.log, shown);

    verdict.text = printed;
    let report = judge(&hello(), "6.12", attempt(Some(verdict), "", None));
    assert_eq!(kinds(&report), [FindingKind::Boot]);
}

#[test]
fn a_kmemleak_that_did_not_scan_is_no_success() {
    let facts = format!("failed-scan sh: write error: Operation not permitted\n{FACTS}");
    assert_eq!(kinds(&ended(LOG, &facts)), [FindingKind::Leak]);
}

#[test]
fn a_command_that_fails_is_a_finding_with_its_last_lines() {
    let report = ended(LOG, "tainted-before 0\ncommand 3\ntainted-after 0\n");
    assert_eq!(kinds(&report), [FindingKind::Command]);
    assert_eq!(report.findings[0].excerpt, ["said"]);
}

#[test]
fn a_guest_that_did_not_end_names_the_step() {
    let console = "@guest begin\n[ 1.0] @test load hello\n[ 1.1] hello: waiting\n";
    let report = judge(
        &hello(),
        "6.12",
        attempt(None, console, Some("after 180 s")),
    );
    assert_eq!(kinds(&report), [FindingKind::Timeout]);
    let finding = &report.findings[0];
    assert_eq!(finding.headline, "the test did not end within 180 s");
    assert_eq!(
        (&*finding.step, &*finding.excerpt),
        ("load hello", &["hello: waiting".to_owned()][..])
    );
    let report = judge(&hello(), "6.12", attempt(None, "SeaBIOS\n", None));
    assert_eq!(kinds(&report), [FindingKind::Boot]);
}

#[test]
fn a_watchdog_that_ends_the_guest_is_one_finding() {
    let console = "@test load hello\nwatchdog: BUG: soft lockup - CPU#0 stuck for 60s! [insmod:70]\n\
        RIP: 0010:hello_init+0x1/0x2 [hello]\n </TASK>\n\
        Kernel panic - not syncing: softlockup: hung tasks\n---[ end Kernel panic";
    let console = format!(
        "{}\n{console}",
        console.split("Kernel panic").next().unwrap()
    );
    let report = judge(&hello(), "6.12", attempt(None, &console, None));
    assert_eq!(kinds(&report), [FindingKind::Lockup], "{report}");
    assert_eq!(
        report.findings[0].excerpt,
        ["RIP: 0010:hello_init+0x1/0x2 [hello]"]
    );
}
