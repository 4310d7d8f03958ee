//! The results of `test` for a person.

use super::{Outcome, Tested};
use crate::ui::progress::Progress;
use crate::ui::style::Style;
use crate::ui::text::{count, duration, printable};

pub(super) fn tell(progress: &mut Progress, style: Style, tested: &Tested) {
    let modules = count(tested.modules.len(), "module");
    let release = &tested.release;
    match &tested.outcome {
        Outcome::Ended(report) if report.passed() => {
            let cases: usize = report.suites.iter().map(|suite| suite.cases.len()).sum();
            let cases = match cases {
                0 => String::new(),
                number => format!(", {}", count(number, "case")),
            };
            let time = duration(report.elapsed);
            progress.chatter(&format!("{release}: passed ({modules}{cases}, {time})"));
            if !report.kept.is_empty() {
                let names = report.kept.join(", ");
                progress.chatter(&format!(
                    "  stays loaded, because it or a module that uses it has no exit function: {names}"
                ));
            }
        }
        Outcome::Ended(report) => {
            let time = duration(report.elapsed);
            let findings = count(report.findings.len(), "finding");
            let word = style.error("FAILED");
            progress.line(&format!(
                "{release}: {word} ({modules}, {findings}, {time})"
            ));
            for finding in &report.findings {
                for line in finding.to_string().lines() {
                    progress.line(&format!("  {}", printable(line)));
                }
            }
        }
        Outcome::Interactive => {}
        Outcome::Skipped(why) => progress.line(&format!("{release}: skipped, because {why}")),
        Outcome::Failed(why) => {
            let word = style.error("FAILED");
            progress.line(&format!("{release}: {word}: {why}"));
        }
    }
}
