//! The results of `test` in TAP: <https://testanything.org/tap-version-14-specification.html>. A
//! kernel is a test point, and so is each case of KUnit on it.

use kbuild_vm::{KunitResult, TestReport};

use super::{Outcome, Tested};

/// The document, without the last newline.
pub(super) fn document(tested: &[Tested]) -> String {
    let mut points: Vec<(bool, String)> = Vec::new();
    for one in tested {
        let name = match one.modules.is_empty() {
            true => one.release.clone(),
            false => format!("{}: {}", one.release, one.modules.join(", ")),
        };
        match &one.outcome {
            Outcome::Ended(report) => {
                cases(report, &mut points);
                points.push((report.passed(), escaped(&name)));
            }
            Outcome::Skipped(why) => {
                let why = why.lines().next().unwrap_or_default();
                points.push((true, format!("{} # SKIP {}", escaped(&name), escaped(why))));
            }
            Outcome::Interactive => {}
            Outcome::Failed(_) => points.push((false, escaped(&name))),
        }
    }
    let mut lines = vec!["TAP version 14".to_owned(), format!("1..{}", points.len())];
    for (number, (ok, name)) in points.iter().enumerate() {
        let word = if *ok { "ok" } else { "not ok" };
        lines.push(format!("{word} {} - {name}", number + 1));
    }
    lines.join("\n")
}

fn cases(report: &TestReport, points: &mut Vec<(bool, String)>) {
    for suite in &report.suites {
        for case in &suite.cases {
            let name = escaped(&format!("{}: {}.{}", report.release, suite.name, case.name));
            points.push(match case.result {
                KunitResult::Passed => (true, name),
                KunitResult::Failed => (false, name),
                KunitResult::Skipped => (true, format!("{name} # SKIP")),
            });
        }
    }
}

/// `#` begins a directive.
fn escaped(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    text.replace('\\', "\\\\").replace('#', "\\#")
}
