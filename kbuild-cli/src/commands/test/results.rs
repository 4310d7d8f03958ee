//! The end of a call: the files with the results, and the exit code.

use std::process::ExitCode;

use super::{Outcome, Tested, junit};
use crate::args::ResultArgs;
use crate::builds::whole_file;
use crate::ui::failure::{Failure, exit_code};

/// Removes the files of an earlier call, so that nobody takes its results for those of this one, even
/// if a signal ends it.
pub(super) fn forget(args: &ResultArgs) -> Result<(), Failure> {
    [&args.junit, &args.log]
        .into_iter()
        .flatten()
        .try_for_each(|path| whole_file::remove(path))
}

/// Writes the files with the results, also if nothing was tested.
pub(super) fn write(
    args: &ResultArgs,
    tested: &[Tested],
    failures: &[Failure],
) -> Result<(), Failure> {
    if let Some(path) = &args.junit {
        whole_file::write(path, junit::document(tested, failures).as_bytes())?;
    }
    if let Some(path) = &args.log {
        whole_file::write(path, logs(tested).as_bytes())?;
    }
    Ok(())
}

fn logs(tested: &[Tested]) -> String {
    let reports = tested.iter().filter_map(|one| match &one.outcome {
        Outcome::Ended(report) => Some(&*report.log),
        _ => None,
    });
    reports.collect()
}

/// 1 if a test failed, whatever else went wrong.
pub(super) fn exit_code_of(tested: &[Tested], failures: &[Failure]) -> ExitCode {
    match tested.iter().any(Tested::failed) {
        true => ExitCode::FAILURE,
        false => exit_code(failures),
    }
}

/// Drops requirements that were not met if something was tested. As in a build, a skip is no failure
/// then.
pub(super) fn drop_skips(tested: &[Tested], failures: &mut Vec<Failure>) {
    let was_booted = |one: &Tested| !matches!(one.outcome, Outcome::Skipped(_));
    if tested.iter().any(was_booted) {
        failures.retain(|failure| !failure.is_skip());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tested(outcome: Outcome) -> Tested {
        Tested {
            release: "6.12".to_owned(),
            modules: vec!["hello".to_owned()],
            outcome,
        }
    }

    #[test]
    fn a_test_that_failed_outweighs_requirements_that_were_not_met() {
        let code = |tested: &[Tested]| {
            let mut failures = vec![Failure::unmet()];
            drop_skips(tested, &mut failures);
            format!("{:?}", exit_code_of(tested, &failures))
        };
        let number = |code: u8| format!("{:?}", ExitCode::from(code));
        let failed = || tested(Outcome::Failed("no image".to_owned()));
        let skipped = || tested(Outcome::Skipped("no image".to_owned()));
        assert_eq!(code(&[]), number(77));
        assert_eq!(code(&[skipped()]), number(77));
        assert_eq!(code(&[failed()]), number(1));
        assert_eq!(code(&[skipped(), tested(Outcome::Interactive)]), number(0));
        assert_eq!(code(&[tested(Outcome::Interactive), failed()]), number(1));
    }
}
