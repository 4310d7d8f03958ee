//! The results of `test` in JUnit's format: a suite for each kernel.

use kbuild_vm::{KunitResult, TestReport};

use super::{Outcome, Tested};
use crate::ui::failure::Failure;

/// `failures` are those of the call itself, such as a build that failed.
pub(super) fn document(tested: &[Tested], failures: &[Failure]) -> String {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for one in tested {
        suite(one, &mut xml);
    }
    if !failures.is_empty() {
        let cases = failures.iter().map(of_call).collect();
        write_suite("kbuild-rs", cases, 0.0, &mut xml);
        xml += "  </testsuite>\n";
    }
    xml + "</testsuites>\n"
}

/// A case: its class, its name, its seconds, and what stands inside.
struct Case {
    class: String,
    name: String,
    seconds: f64,
    inside: Inside,
}

enum Inside {
    Nothing,
    Failure { message: String, text: String },
    Skipped(String),
}

fn suite(tested: &Tested, xml: &mut String) {
    let mut cases = Vec::new();
    let mut output = "";
    let mut seconds = 0.0;
    let inside = match &tested.outcome {
        Outcome::Ended(report) => {
            cases = kunit(report);
            output = &report.output;
            seconds = report.elapsed.as_secs_f64();
            of_kernel(report)
        }
        Outcome::Skipped(why) => Inside::Skipped(why.clone()),
        Outcome::Interactive => Inside::Nothing,
        Outcome::Failed(why) => Inside::Failure {
            message: "the kernel was not booted".to_owned(),
            text: why.clone(),
        },
    };
    cases.push(Case {
        class: tested.release.clone(),
        name: match tested.modules.is_empty() {
            true => tested.release.clone(),
            false => tested.modules.join(", "),
        },
        seconds,
        inside,
    });
    write_suite(&tested.release, cases, seconds, xml);
    if !output.is_empty() {
        *xml += &format!("    <system-out>{}</system-out>\n", escaped(output));
    }
    *xml += "  </testsuite>\n";
}

fn of_call(failure: &Failure) -> Case {
    let text = failure.for_person();
    let message = text.lines().next().unwrap_or_default().to_owned();
    Case {
        class: "kbuild-rs".to_owned(),
        name: "test".to_owned(),
        seconds: 0.0,
        inside: match failure.is_skip() {
            true => Inside::Skipped(message),
            false => Inside::Failure {
                message,
                text: text.to_owned(),
            },
        },
    }
}

/// Writes a suite up to its last case.
fn write_suite(name: &str, cases: Vec<Case>, seconds: f64, xml: &mut String) {
    let count = |is: fn(&Inside) -> bool| cases.iter().filter(|case| is(&case.inside)).count();
    *xml += &format!(
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" skipped=\"{}\" time=\"{seconds:.3}\">\n",
        escaped(name),
        cases.len(),
        count(|inside| matches!(inside, Inside::Failure { .. })),
        count(|inside| matches!(inside, Inside::Skipped(_))),
    );
    cases.iter().for_each(|one| case(one, xml));
}

/// The findings that are not a case of KUnit's.
fn of_kernel(report: &TestReport) -> Inside {
    let Some(first) = report.findings.first() else {
        return Inside::Nothing;
    };
    let text: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    Inside::Failure {
        message: format!("{}: {}", first.kind.name(), first.headline),
        text: text.join("\n"),
    }
}

fn kunit(report: &TestReport) -> Vec<Case> {
    let mut cases = Vec::new();
    for suite in &report.suites {
        for case in &suite.cases {
            cases.push(Case {
                class: format!("{}.{}", report.release, suite.name),
                name: case.name.clone(),
                seconds: 0.0,
                inside: match case.result {
                    KunitResult::Passed => Inside::Nothing,
                    KunitResult::Skipped => Inside::Skipped(String::new()),
                    KunitResult::Failed => Inside::Failure {
                        message: case.lines.first().cloned().unwrap_or_default(),
                        text: case.lines.join("\n"),
                    },
                },
            });
        }
    }
    cases
}

fn case(case: &Case, xml: &mut String) {
    let head = format!(
        "    <testcase classname=\"{}\" name=\"{}\" time=\"{:.3}\"",
        escaped(&case.class),
        escaped(&case.name),
        case.seconds
    );
    *xml += &match &case.inside {
        Inside::Nothing => format!("{head}/>\n"),
        Inside::Skipped(why) => {
            format!(
                "{head}>\n      <skipped message=\"{}\"/>\n    </testcase>\n",
                escaped(why)
            )
        }
        Inside::Failure { message, text } => format!(
            "{head}>\n      <failure message=\"{}\">{}</failure>\n    </testcase>\n",
            escaped(message),
            escaped(text)
        ),
    };
}

/// Text for XML 1.0, which has no form for control characters.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\n' | '\t' => escaped.push(c),
            c if c.is_control() || ('\u{fffe}'..='\u{ffff}').contains(&c) => {
                escaped.push('\u{fffd}')
            }
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_that_was_not_booted_is_skipped_or_failed_and_text_is_escaped() {
        let tested = |outcome| Tested {
            release: "6.12".into(),
            modules: vec!["a".into(), "b".into()],
            outcome,
        };
        let tested = [
            tested(Outcome::Skipped("no <image>".into())),
            tested(Outcome::Failed("\u{1b}[2J & co".into())),
        ];
        let document = document(
            &tested,
            &[Failure::tool("the build failed"), Failure::unmet()],
        );
        for part in [
            "<testsuite name=\"6.12\" tests=\"1\" failures=\"0\" skipped=\"1\"",
            "<testcase classname=\"6.12\" name=\"a, b\" time=\"0.000\">",
            "<skipped message=\"no &lt;image&gt;\"/>",
            ">\u{fffd}[2J &amp; co</failure>",
            "<testsuite name=\"kbuild-rs\" tests=\"2\" failures=\"1\" skipped=\"1\"",
            "<failure message=\"the build failed\">",
            "<skipped message=\"the kernel is too old\"/>",
        ] {
            assert!(document.contains(part), "no {part}: {document}");
        }
    }
}
