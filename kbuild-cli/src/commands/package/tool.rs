//! The programs that pack.

use std::io;
use std::process::{Command, Stdio};

use kbuild::Signals;

use crate::ui::failure::Failure;

/// Runs a program that packs `name`. `package` is Debian's package with the program. Its output is
/// shown if it fails.
pub(super) fn run(command: &mut Command, name: &str, package: &str) -> Result<(), Failure> {
    let program = command.get_program().to_string_lossy().into_owned();
    command
        .env("LC_ALL", "C")
        // Only the programs that open a key get its passphrase.
        .env_remove("KBUILD_SIGN_PIN")
        .stdin(Stdio::null());
    let output = Signals::output(command);
    Signals::check()?;
    let output = output.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            kbuild::missing_tool(&program, &format!("writing {name}"), package).into()
        }
        _ => {
            let limit = kbuild::limit_behind(&error).unwrap_or_default();
            Failure::tool(format!(
                "writing {name}: cannot run {program}: {error}{limit}"
            ))
        }
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let said = match said.trim() {
        "" => output.status.to_string(),
        said => said.to_owned(),
    };
    Err(Failure::tool(format!(
        "writing {name}: {program} failed: {said}"
    )))
}
