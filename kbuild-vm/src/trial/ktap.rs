//! KUnit's results in a kernel's log: KTAP, <https://docs.kernel.org/dev-tools/ktap.html>.

use crate::findings::{MARK, message};

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
    /// The module that ran it; empty if it is not known.
    pub module: String,
    /// Its cases, in the order in which they ran. None if the suite was skipped, or did not start.
    pub cases: Vec<KunitCase>,
    /// Whether the line with the result of the whole suite came.
    pub complete: bool,
    /// Whether that line says `not ok`. Suites fail without a failed case, too: in `suite_init`.
    pub failed: bool,
    /// What KUnit printed about the suite, and not about a case.
    pub lines: Vec<String>,
}

impl KunitSuite {
    /// Whether the suite ended and no case failed.
    pub fn passed(&self) -> bool {
        self.complete
            && !self.failed
            && self
                .cases
                .iter()
                .all(|case| case.result != KunitResult::Failed)
    }
}

/// The suites in a log. A suite is a subtest with one level of indentation. If it does not start, the
/// line with its result is all that KUnit prints, at no indentation (`kunit_run_tests`).
pub(super) fn suites(log: &str) -> Vec<KunitSuite> {
    let mut suites: Vec<KunitSuite> = Vec::new();
    let mut lines: Vec<String> = Vec::new();
    let mut module = String::new();
    for line in log.lines().map(message) {
        let depth = line.len() - line.trim_start().len();
        let text = line.trim();
        if let Some(step) = line.strip_prefix(MARK) {
            module = step.strip_prefix("load ").unwrap_or_default().trim().into();
            lines.clear();
            continue;
        }
        if let Some(name) = text.strip_prefix("# Subtest: ") {
            lines.clear();
            // A deeper one is a case with parameters; its own line of result follows.
            if depth == SUITE {
                suites.push(suite(name, &module));
            }
            continue;
        }
        let open = suites.last_mut().filter(|suite| !suite.complete);
        match (result(text), open) {
            (Some((name, result)), Some(suite)) if depth == 0 && name == suite.name => {
                suite.end(result, &mut lines);
            }
            (Some((name, result)), _) if depth == 0 && result != KunitResult::Passed => {
                let mut suite = suite(&name, &module);
                suite.end(result, &mut lines);
                suites.push(suite);
            }
            (Some((name, result)), Some(suite)) if depth == SUITE => suite.cases.push(KunitCase {
                name,
                result,
                lines: std::mem::take(&mut lines),
            }),
            (None, Some(suite)) if suite.module.is_empty() && text.starts_with(OWNER) => {
                suite.module = text[OWNER.len()..].trim().to_owned();
            }
            // Outside of suites, other messages stand between those of KUnit.
            (None, open)
                if is_about_a_failure(text) && (open.is_some() || text.starts_with("# ")) =>
            {
                lines.push(text.to_owned());
            }
            _ => {}
        }
    }
    suites
}

fn suite(name: &str, module: &str) -> KunitSuite {
    KunitSuite {
        name: name.to_owned(),
        module: module.to_owned(),
        cases: Vec::new(),
        complete: false,
        failed: false,
        lines: Vec::new(),
    }
}

impl KunitSuite {
    fn end(&mut self, result: KunitResult, lines: &mut Vec<String>) {
        self.complete = true;
        self.failed = result == KunitResult::Failed;
        self.lines = std::mem::take(lines);
    }
}

/// Before the name of a suite's module, since 6.6.
const OWNER: &str = "# module: ";

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
    fn a_suite_that_does_not_start_has_a_result_and_no_cases() {
        let log = "\
@test load first
KTAP version 1
1..2
    # first:     # failed to initialize (-12)
not ok 1 first
ok 2 second # SKIP no device
@test load third
hello: not ok 1 things
ok 3 things
";
        let suites = suites(log);
        let [first, second] = &*suites else {
            panic!("{suites:?}");
        };
        assert_eq!((&*first.name, &*first.module), ("first", "first"));
        assert_eq!(first.lines, ["# first:     # failed to initialize (-12)"]);
        assert!(first.failed && !first.passed(), "{first:?}");
        assert!(second.passed() && second.cases.is_empty(), "{second:?}");
    }

    #[test]
    fn a_suite_has_the_module_of_its_step_or_that_it_names() {
        assert_eq!(suites(LOG)[0].module, "math");
        let log = LOG.replace("@test load math", "@test run");
        assert_eq!(suites(&log)[0].module, "math");
    }

    #[test]
    fn a_suite_without_its_own_result_is_not_complete() {
        let (cut, _) = LOG.split_once("[    1.2] # math").unwrap();
        assert!(!suites(cut)[0].complete);
        assert!(suites("hello: ok 1 done\n").is_empty());
    }
}
