//! KUnit's results in a kernel's log: KTAP, <https://docs.kernel.org/dev-tools/ktap.html>.

use crate::findings::message;

/// How a case ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KunitResult {
    /// `ok`.
    Passed,
    /// `not ok`.
    Failed,
    /// `ok … # SKIP`.
    Skipped,
}

/// A case of a suite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KunitCase {
    /// Its name.
    pub name: String,
    /// How it ended.
    pub result: KunitResult,
    /// What KUnit printed about it: failed expectations, with their places.
    pub lines: Vec<String>,
}

/// A suite that a module ran when it was loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KunitSuite {
    /// Its name.
    pub name: String,
    /// Its cases, in the order in which they ran.
    pub cases: Vec<KunitCase>,
    /// Whether the line with the result of the whole suite came.
    pub complete: bool,
}

impl KunitSuite {
    /// Whether the suite ended and no case failed.
    pub fn passed(&self) -> bool {
        self.complete
            && self
                .cases
                .iter()
                .all(|case| case.result != KunitResult::Failed)
    }
}

/// The suites in a log. A suite is a subtest with one level of indentation.
pub(super) fn suites(log: &str) -> Vec<KunitSuite> {
    let mut suites: Vec<KunitSuite> = Vec::new();
    let mut lines: Vec<String> = Vec::new();
    for line in log.lines().map(message) {
        let depth = line.len() - line.trim_start().len();
        let text = line.trim();
        if let Some(name) = text.strip_prefix("# Subtest: ") {
            lines.clear();
            // A deeper one is a case with parameters; its own line of result follows.
            if depth == SUITE {
                suites.push(KunitSuite {
                    name: name.to_owned(),
                    cases: Vec::new(),
                    complete: false,
                });
            }
            continue;
        }
        let Some(suite) = suites.last_mut().filter(|suite| !suite.complete) else {
            continue;
        };
        match result(text) {
            Some((name, result)) if depth == SUITE => suite.cases.push(KunitCase {
                name,
                result,
                lines: std::mem::take(&mut lines),
            }),
            Some((name, _)) if depth == 0 && name == suite.name => suite.complete = true,
            None if is_about_a_failure(text) => lines.push(text.to_owned()),
            _ => {}
        }
    }
    suites
}

/// The blanks before the lines of a suite.
const SUITE: usize = 4;

/// `ok 1 - name # SKIP why`, `not ok 2 name`.
fn result(text: &str) -> Option<(String, KunitResult)> {
    let (rest, passed) = match text.strip_prefix("not ok ") {
        Some(rest) => (rest, false),
        None => (text.strip_prefix("ok ")?, true),
    };
    let (number, rest) = rest.split_once(' ')?;
    number.parse::<u32>().ok()?;
    // Kernels before 5.18 write a dash.
    let rest = rest.strip_prefix("- ").unwrap_or(rest);
    let (name, directive) = rest.split_once(" # ").unwrap_or((rest, ""));
    let result = match (passed, directive.starts_with("SKIP")) {
        (_, true) => KunitResult::Skipped,
        (true, _) => KunitResult::Passed,
        (false, _) => KunitResult::Failed,
    };
    Some((name.trim().to_owned(), result))
}

/// The lines between a case's beginning and its result: the expectation, and its values.
fn is_about_a_failure(text: &str) -> bool {
    let is_comment = text.starts_with("# ");
    let is_plan = text.starts_with("KTAP version")
        || text.starts_with("TAP version")
        || text.starts_with("1..");
    let is_count = is_comment
        && (text.contains(": pass:")
            || text.starts_with("# Totals:")
            || text.starts_with("# module:"));
    !text.is_empty() && !is_plan && !is_count
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
[    1.0] @test load math
[    1.1] KTAP version 1
[    1.1] 1..1
[    1.1]     KTAP version 1
[    1.1]     # Subtest: math
[    1.1]     # module: math
[    1.1]     1..3
[    1.1]     ok 1 adds
[    1.2]     # subtracts: EXPECTATION FAILED at math.c:9
    Expected 2 - 1 == 2, but
        2 - 1 == 1 (0x1)
[    1.2]     not ok 2 subtracts
[    1.2]     ok 3 divides # SKIP no divider
[    1.2] # math: pass:1 fail:1 skip:1 total:3
[    1.2] # Totals: pass:1 fail:1 skip:1 total:3
[    1.2] not ok 1 math
";

    #[test]
    fn the_cases_of_a_suite_have_their_results_and_failed_expectations() {
        let suites = suites(LOG);
        assert_eq!(suites.len(), 1);
        let [adds, subtracts, divides] = &*suites[0].cases else {
            panic!("{suites:?}");
        };
        assert_eq!(adds.result, KunitResult::Passed);
        assert!(adds.lines.is_empty(), "{adds:?}");
        assert_eq!(subtracts.result, KunitResult::Failed);
        assert_eq!(
            subtracts.lines[0],
            "# subtracts: EXPECTATION FAILED at math.c:9"
        );
        assert_eq!(
            (divides.name.as_str(), divides.result),
            ("divides", KunitResult::Skipped)
        );
        assert!(suites[0].complete && !suites[0].passed());
    }

    #[test]
    fn a_suite_without_its_own_result_is_not_complete() {
        let (cut, _) = LOG.split_once("[    1.2] # math").unwrap();
        assert!(!suites(cut)[0].complete);
        assert!(suites("hello: ok 1 done\n").is_empty());
    }
}
