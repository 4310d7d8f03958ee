//! The commands of a build, for a dry run.

use std::ffi::OsString;

use crate::Result;
use crate::make::find_program;
use crate::resolve::resolve;
use crate::settings::{Plan, SandboxView, Settings};
use crate::sys::sandbox::{Access, Sandbox};

/// The make that [`build`](super::build) would start. This writes and starts nothing.
pub(crate) fn plan(settings: &Settings, name: Option<&str>) -> Result<Plan> {
    let resolved = resolve(settings, name)?;
    let command = &resolved.make.command;
    let program = find_program("make", &command.env).unwrap_or_else(|| "make".into());
    let jobs = resolved.jobs.alone(&program, &resolved.sink)?;
    let mut args = command.args()?;
    let mut env = command.env.clone();
    // Values from outside or from the caller may be secrets; LANG, PATH and LD_LIBRARY_PATH contain
    // such values.
    let is_foreign = |(name, value): &&(OsString, OsString)| {
        let mut given = settings.env.iter();
        given.any(|(of_caller, _)| of_caller == name)
            || std::env::var_os(name).as_ref() == Some(value)
            || name == "LANG"
            || name == "PATH"
            || name == "LD_LIBRARY_PATH"
    };
    let not_ours = env.iter().filter(is_foreign);
    let not_ours = not_ours.map(|(name, _)| name.clone()).collect();
    args.extend(jobs.argument);
    env.extend(jobs.makeflags.map(|flags| ("MAKEFLAGS".into(), flags)));
    Ok(Plan {
        stage: resolved.stage.dir.clone(),
        cwd: resolved.module_dir().to_owned(),
        program: "make".into(),
        args,
        env,
        not_ours,
        sandbox: command.sandbox.as_ref().map(view),
        kernel: resolved.target.kernel,
    })
}

fn view(sandbox: &Sandbox) -> SandboxView {
    let mut view = SandboxView {
        network: sandbox.has_network(),
        ..SandboxView::default()
    };
    for (path, access) in sandbox.planned() {
        let paths = match access {
            Access::Read => &mut view.read,
            Access::Device | Access::Write => &mut view.write,
            Access::Empty => &mut view.empty,
        };
        paths.push(path);
    }
    view
}
