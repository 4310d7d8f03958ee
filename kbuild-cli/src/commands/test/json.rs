//! The results of `test` in JSON.

use kbuild::{Advice, ErrorKind};
use kbuild_vm::{Finding, KunitResult, KunitSuite};
use serde::Serialize;

use super::{Outcome, Tested};
use crate::ui::failure::Failure;

/// What `test` reports in JSON.
#[derive(Serialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub(super) enum Event<'a> {
    /// The end of the test on a kernel.
    TestResult {
        release: &'a str,
        modules: &'a [String],
        /// passed, failed or skipped.
        outcome: &'a str,
        seconds: f64,
        findings: Vec<FindingJson<'a>>,
        suites: Vec<SuiteJson<'a>>,
        /// Modules that cannot be unloaded.
        kept: &'a [String],
        /// The output of the command.
        output: &'a str,
        /// The reason why the kernel was not booted.
        message: Option<&'a str>,
    },
    /// A call that could not test.
    Error {
        kind: ErrorKind,
        message: String,
        advice: &'a [Advice],
    },
    /// The last line.
    TestFinished { success: bool },
}

/// Something that went wrong.
#[derive(Serialize)]
pub(super) struct FindingJson<'a> {
    kind: &'a str,
    headline: &'a str,
    step: &'a str,
    excerpt: &'a [String],
}

/// A suite of KUnit.
#[derive(Serialize)]
pub(super) struct SuiteJson<'a> {
    name: &'a str,
    cases: Vec<CaseJson<'a>>,
}

/// A case of a suite.
#[derive(Serialize)]
pub(super) struct CaseJson<'a> {
    name: &'a str,
    /// passed, failed or skipped.
    outcome: &'a str,
    excerpt: &'a [String],
}

pub(super) fn event(tested: &Tested) -> Event<'_> {
    let mut event = Event::TestResult {
        release: &tested.release,
        modules: &tested.modules,
        outcome: "failed",
        seconds: 0.0,
        findings: Vec::new(),
        suites: Vec::new(),
        kept: &[],
        output: "",
        message: None,
    };
    if let Event::TestResult {
        outcome,
        seconds,
        findings,
        suites,
        kept,
        output,
        message,
        ..
    } = &mut event
    {
        match &tested.outcome {
            Outcome::Ended(report) => {
                if report.passed() {
                    *outcome = "passed";
                }
                *seconds = report.elapsed.as_secs_f64();
                *findings = report.findings.iter().map(finding).collect();
                *suites = report.suites.iter().map(suite).collect();
                *kept = &report.kept;
                *output = &report.output;
            }
            Outcome::Skipped(why) => {
                *outcome = "skipped";
                *message = Some(why);
            }
            Outcome::Failed(why) => *message = Some(why),
            Outcome::Interactive => *outcome = "passed",
        }
    }
    event
}

pub(super) fn error(failure: &Failure) -> Event<'_> {
    Event::Error {
        kind: failure.kind(),
        message: failure.to_string(),
        advice: failure.advice(),
    }
}

pub(super) fn finished<'a>(success: bool) -> Event<'a> {
    Event::TestFinished { success }
}

fn finding(finding: &Finding) -> FindingJson<'_> {
    FindingJson {
        kind: finding.kind.name(),
        headline: &finding.headline,
        step: &finding.step,
        excerpt: &finding.excerpt,
    }
}

fn suite(suite: &KunitSuite) -> SuiteJson<'_> {
    let cases = suite.cases.iter().map(|case| CaseJson {
        name: &case.name,
        outcome: match case.result {
            KunitResult::Passed => "passed",
            KunitResult::Failed => "failed",
            KunitResult::Skipped => "skipped",
        },
        excerpt: &case.lines,
    });
    SuiteJson {
        name: &suite.name,
        cases: cases.collect(),
    }
}
