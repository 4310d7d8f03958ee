//! From the output of a guest to the verdict about the modules.

use super::ktap::{self, KunitCase, KunitResult, KunitSuite};
use super::report::TestReport;
use super::script::{BEGIN, Written, written};
use super::{ModuleTest, leaks, taint};
use crate::findings::{Finding, FindingKind, MARK, findings, message};
use crate::guest::Attempt;

/// The most lines of a log or of an output in a finding.
const TAIL: usize = 20;

pub(super) fn judge(test: &ModuleTest, release: &str, attempt: Attempt) -> TestReport {
    let facts = attempt.verdict.as_ref().and_then(|one| written(&one.text));
    let log = match (&attempt.verdict, &facts) {
        (Some(verdict), Some(_)) if has_begin(&verdict.log) => verdict.log.clone(),
        (Some(verdict), Some(_)) => console(&verdict.text).to_owned(),
        _ => attempt.console.clone(),
    };
    let mut found = findings(&log);
    let suites = ktap::suites(&log);
    match &facts {
        Some(facts) => {
            found.extend(dead(facts));
            found.extend(no_log(&log));
            add_failed_steps(facts, &log, &mut found);
            found.extend(leaks::leaks(&facts.leaks));
            found.extend(facts.failed_scan.as_deref().map(leaks::not_scanned));
        }
        None => found.extend(no_end(test, &attempt, &log, &found)),
    }
    drop_repetitions(&mut found);
    found.extend(failed_suites(&suites));
    if let Some(facts) = &facts {
        let not_run = not_run(test, &suites, &found);
        found.extend(not_run);
        let expected = match suites.is_empty() {
            true => test.expected_taint.clone(),
            false => format!("{}N", test.expected_taint),
        };
        found.extend(new_taint(facts, &expected, &found));
        if found.is_empty() {
            found.extend(missing_step(test, facts));
            found.extend(lockdep_gave_up(facts));
        }
    }
    TestReport {
        release: release.to_owned(),
        modules: test.modules.iter().map(|one| one.name.clone()).collect(),
        findings: found,
        suites,
        kept: facts
            .as_ref()
            .map(|facts| facts.kept.clone())
            .unwrap_or_default(),
        output: facts.map(|facts| facts.output).unwrap_or_default(),
        log,
        elapsed: attempt.elapsed,
    }
}

/// Whether a log reaches back to the first mark. The ring buffer does not if it was cleared, or if newer
/// messages took the place of older ones.
fn has_begin(log: &str) -> bool {
    log.lines()
        .any(|line| message(line).strip_prefix(MARK).map(str::trim_end) == Some(BEGIN))
}

/// What the console showed during the test, without what the script printed behind it.
fn console(text: &str) -> &str {
    let end = format!("\n{MARK}output\n");
    text.split_once(&end).map_or(text, |(shown, _)| shown)
}

/// The finding about a kernel's log whose beginning is nowhere.
fn no_log(log: &str) -> Option<Finding> {
    let finding = || Finding {
        kind: FindingKind::Boot,
        headline:
            "the kernel's messages since the beginning of the test are neither in its log nor on \
                   its console, so nothing can be said about them"
                .to_owned(),
        step: String::new(),
        excerpt: Vec::new(),
    };
    (!has_begin(log)).then(finding)
}

/// Drops the repetitions of watchdogs, and the panics that this crate asked them for.
fn drop_repetitions(found: &mut Vec<Finding>) {
    let watchdogs = [
        FindingKind::Lockup,
        FindingKind::HungTask,
        FindingKind::RcuStall,
    ];
    // They report the same hang again and again.
    let mut seen: Vec<FindingKind> = Vec::new();
    found.retain(|one| {
        let is_known = seen.contains(&one.kind);
        seen.push(one.kind);
        !(is_known && watchdogs.contains(&one.kind))
    });
    if found.iter().any(|one| watchdogs.contains(&one.kind)) {
        let is_own = |one: &Finding| {
            one.kind == FindingKind::Panic
                && ["softlockup", "hung_task"]
                    .iter()
                    .any(|word| one.headline.contains(word))
        };
        found.retain(|one| !is_own(one));
    }
}

/// Whether the kernel already explained why a step failed.
fn is_explained(found: &[Finding], step: &str) -> bool {
    let fatal = [FindingKind::Oops, FindingKind::Panic];
    found
        .iter()
        .any(|one| one.step == step && fatal.contains(&one.kind))
}

fn add_failed_steps(facts: &Written, log: &str, found: &mut Vec<Finding>) {
    let loads = facts
        .failed_loads
        .iter()
        .map(|pair| (FindingKind::Load, "load", pair));
    let unloads = facts
        .failed_unloads
        .iter()
        .map(|pair| (FindingKind::Unload, "unload", pair));
    for (kind, verb, (name, said)) in loads.chain(unloads) {
        let step = format!("{verb} {name}");
        if !is_explained(found, &step) {
            found.push(Finding {
                kind,
                headline: match reason(said) {
                    "" => format!("{name} did not {verb}"),
                    reason => format!("{name} did not {verb}: {reason}"),
                },
                excerpt: tail(&of_step(log, &step)),
                step,
            });
        }
    }
    if let Some(code) = facts.command.filter(|code| *code != 0) {
        let output: Vec<&str> = facts.output.lines().collect();
        found.push(Finding {
            kind: FindingKind::Command,
            headline: format!("the command failed with exit code {code}"),
            step: "run".to_owned(),
            excerpt: tail(&output),
        });
    }
}

/// The finding about a kernel that had an oops before the first step, so that there were no steps.
fn dead(facts: &Written) -> Option<Finding> {
    let is_dead = taint::letters(facts.tainted_before).contains('D');
    is_dead.then(|| Finding {
        kind: FindingKind::Boot,
        headline:
            "the kernel was tainted before the test (D): it had an oops, so nothing was loaded"
                .to_owned(),
        step: String::new(),
        excerpt: Vec::new(),
    })
}

/// The finding about a step that no fact proves, although nothing went wrong.
fn missing_step(test: &ModuleTest, facts: &Written) -> Option<Finding> {
    let finding = |kind, headline: String, step: String| Finding {
        kind,
        headline: format!("{headline}, and the guest does not say why"),
        step,
        excerpt: Vec::new(),
    };
    let mut modules = test.modules.iter().map(|one| &one.name);
    let one = modules.find(|name| !facts.loaded.contains(name));
    if let Some(name) = one {
        let headline = format!("{name} was not loaded");
        return Some(finding(FindingKind::Load, headline, format!("load {name}")));
    }
    if test.command.is_some() && facts.command.is_none() {
        let headline = "the command did not run".to_owned();
        return Some(finding(FindingKind::Command, headline, "run".to_owned()));
    }
    let mut modules = test.modules.iter().rev().map(|one| &one.name);
    let is_done = |name: &String| facts.unloaded.contains(name) || facts.kept.contains(name);
    let name = modules.find(|name| test.unload && !is_done(name))?;
    let headline = format!("{name} was not unloaded");
    Some(finding(
        FindingKind::Unload,
        headline,
        format!("unload {name}"),
    ))
}

/// The finding about a lockdep that ended itself, whatever it wrote about the reason.
fn lockdep_gave_up(facts: &Written) -> Option<Finding> {
    let came = taint::letters(facts.tainted_after & !facts.tainted_before);
    // Callers of `add_taint` with `LOCKDEP_NOW_UNRELIABLE` end it without a report.
    let is_explained = came.contains(['P', 'F', 'R', 'M', 'B', 'D']);
    let gave_up = facts.locks_before && !facts.locks_after && !is_explained;
    gave_up.then(|| Finding {
        kind: FindingKind::Lockdep,
        headline:
            "lockdep ended itself during the test (debug_locks in /proc/lockdep_stats is 0): \
                   the log says why"
                .to_owned(),
        step: String::new(),
        excerpt: Vec::new(),
    })
}

/// The system's reason in the words of insmod and rmmod:
/// `insmod: can't insert '/test/modules/hello.ko': No such device`.
fn reason(said: &str) -> &str {
    said.rsplit_once("': ").map_or(said, |(_, reason)| reason)
}

/// The kernel's messages of a step.
fn of_step<'a>(log: &'a str, step: &str) -> Vec<&'a str> {
    let lines = log.lines().map(message);
    let mark = |line: &&str| {
        line.strip_prefix(MARK)
            .is_some_and(|s| s.trim_end() == step)
    };
    let lines = lines.skip_while(|line| !mark(line)).skip(1);
    let lines = lines.take_while(|line| !line.starts_with(MARK));
    lines
        .filter(|line| {
            !line.trim().is_empty() && !line.contains(": loading out-of-tree module taints")
        })
        .collect()
}

fn tail(lines: &[&str]) -> Vec<String> {
    let lines = &lines[lines.len().saturating_sub(TAIL)..];
    lines
        .iter()
        .map(|line| line.trim_end().to_owned())
        .collect()
}

/// The finding about a guest that did not reach its end.
fn no_end(test: &ModuleTest, attempt: &Attempt, log: &str, found: &[Finding]) -> Option<Finding> {
    let lines: Vec<&str> = log.lines().map(message).collect();
    let step = lines.iter().rev().find_map(|line| line.strip_prefix(MARK));
    let step = step
        .map(|step| step.trim_end().to_owned())
        .unwrap_or_default();
    let last = match (found.is_empty(), step.is_empty()) {
        (true, true) => tail(&lines),
        (true, false) => tail(&of_step(log, &step)),
        // The finding has them.
        (false, _) => Vec::new(),
    };
    if attempt.over_limit.is_some() {
        let seconds = test.timeout.as_secs();
        return Some(Finding {
            kind: FindingKind::Timeout,
            headline: match step.is_empty() {
                true => format!("the kernel did not boot within {seconds} s"),
                false => format!("the test did not end within {seconds} s"),
            },
            step,
            excerpt: last,
        });
    }
    let needed = attempt
        .verdict
        .as_ref()
        .filter(|verdict| verdict.code == 250);
    if let Some(verdict) = needed {
        let text: Vec<&str> = verdict.text.lines().collect();
        return Some(Finding {
            kind: FindingKind::Load,
            headline: "a module of the kernel, which these modules need, did not load".to_owned(),
            step,
            excerpt: tail(&[text, verdict.log.lines().collect()].concat()),
        });
    }
    if found.iter().any(|one| one.kind == FindingKind::Panic) {
        // The kernel has said why.
        return None;
    }
    let words: Vec<&str> = attempt.stderr.lines().collect();
    Some(Finding {
        kind: FindingKind::Boot,
        headline: match step.is_empty() {
            true => "the kernel did not boot".to_owned(),
            false => "the guest ended before the test".to_owned(),
        },
        step,
        excerpt: match words.is_empty() {
            true => last,
            false => tail(&words),
        },
    })
}

fn failed_suites(suites: &[KunitSuite]) -> Vec<Finding> {
    let mut found = Vec::new();
    let finding = |headline: String, excerpt: &[String]| Finding {
        kind: FindingKind::Kunit,
        headline,
        step: String::new(),
        excerpt: excerpt.to_vec(),
    };
    for suite in suites {
        let failed = |case: &&KunitCase| case.result == KunitResult::Failed;
        for case in suite.cases.iter().filter(failed) {
            let headline = format!("{}.{} failed", suite.name, case.name);
            found.push(finding(headline, &case.lines));
        }
        if !suite.complete {
            found.push(finding(
                format!("the suite {} did not end", suite.name),
                &[],
            ));
        } else if suite.failed && !suite.cases.iter().any(|case| failed(&case)) {
            found.push(finding(
                format!("the suite {} failed", suite.name),
                &suite.lines,
            ));
        }
    }
    found
}

/// The findings about modules whose suites did not run. A step that failed says so itself.
fn not_run(test: &ModuleTest, suites: &[KunitSuite], found: &[Finding]) -> Vec<Finding> {
    let reason = match suites.is_empty() {
        true => ": it needs CONFIG_KUNIT",
        false => "",
    };
    let has_run = |name: &str| suites.iter().any(|suite| suite.module == name);
    let modules = test.modules.iter().filter(|one| one.has_suites);
    let modules = modules.filter(|one| {
        let step = format!("load {}", one.name);
        !has_run(&one.name) && !found.iter().any(|finding| finding.step == step)
    });
    let finding = |one: &crate::ko::Ko| Finding {
        kind: FindingKind::Kunit,
        headline: format!("the kernel did not run the suites of {}{reason}", one.name),
        step: format!("load {}", one.name),
        excerpt: Vec::new(),
    };
    modules.map(finding).collect()
}

/// The flags that came, were not expected, and that no finding explains.
fn new_taint(facts: &Written, expected: &str, found: &[Finding]) -> Option<Finding> {
    let came = taint::letters(facts.tainted_after & !facts.tainted_before);
    let is_of_kernel = |one: &Finding| one.kind < FindingKind::Leak;
    let explained = match found.iter().any(is_of_kernel) {
        true => "BDWL",
        false => "",
    };
    let new: Vec<char> = came
        .chars()
        .filter(|letter| !expected.contains(*letter) && !explained.contains(*letter))
        .collect();
    if new.is_empty() {
        return None;
    }
    let letters: String = new.iter().collect();
    Some(Finding {
        kind: FindingKind::Taint,
        headline: format!("the kernel is tainted: {letters}"),
        step: String::new(),
        excerpt: new
            .iter()
            .map(|letter| format!("{letter}: {}", taint::meaning(*letter)))
            .collect(),
    })
}

#[cfg(test)]
mod tests;
