//! `--dry-run`: the commands of each build.

use super::configure::configure;
use super::selection::{SelectedBuild, Selection};
use crate::args::{BuildArgs, MessageFormat};
use crate::ui::failure::Failure;
use crate::ui::json::{self, Event};
use crate::ui::streams;

/// Prints the environment and the make line of a build.
pub(super) fn show(
    args: &BuildArgs,
    selection: &Selection,
    build: &SelectedBuild,
) -> Result<(), Failure> {
    let plan = configure(args, build).plan(args.declared.name.as_deref())?;
    match args.run.message_format {
        MessageFormat::Human => {
            if !selection.is_one() {
                streams::result(format!("# {}", selection.label(build)));
            }
            streams::result(plan.to_string());
        }
        MessageFormat::Json => json::print(&Event::Plan {
            release: plan.kernel().release(),
            stage: json::path(plan.stage()),
            env: plan
                .shown_env()
                .map(|(name, value)| (json::text(name), value.map(json::text)))
                .collect(),
            args: plan.args().iter().map(|arg| json::text(arg)).collect(),
            shell: plan.to_string(),
            sandbox: plan.sandbox().map(Into::into),
        }),
    }
    Ok(())
}
