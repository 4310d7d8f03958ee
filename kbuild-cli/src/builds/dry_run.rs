//! `--dry-run`: the commands of each build.

use kbuild::{Matrix, Plan};

use super::configure::configure;
use super::selection::{SelectedBuild, Selection};
use crate::args::{BuildArgs, MessageFormat};
use crate::ui::json::{self, Event};
use crate::ui::streams;

/// The plans of all builds.
pub(super) fn plans(args: &BuildArgs, selection: &Selection) -> Vec<kbuild::Result<Plan>> {
    let mut matrix = Matrix::new();
    for build in &selection.builds {
        matrix.add(&configure(args, build), args.declared.name.as_deref());
    }
    for (i, build) in selection.builds.iter().enumerate() {
        for provider in selection.providers_of(build) {
            matrix.needs(i, provider);
        }
    }
    matrix.plans()
}

/// Prints the environment and the make line of a build.
pub(super) fn show(args: &BuildArgs, selection: &Selection, build: &SelectedBuild, plan: &Plan) {
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
}
