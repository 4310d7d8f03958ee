//! The values of a build, with their placeholders replaced.

use std::ffi::OsStr;

use crate::make::{Names, Placeholders, instead, instead_in_command};
use crate::settings::{Module, Settings};
use crate::{Error, Result};

/// A copy of the settings with replaced placeholders in its make variables and environment.
/// Commands stay as they are until they run, so that messages show the user's text.
///
/// # Errors
/// A value that its name does not allow. The check comes before the replacement, so that no message
/// shows the stage's path.
pub(crate) fn filled(
    settings: &Settings,
    placeholders: &Placeholders,
    names: &Names<'_>,
) -> Result<Settings> {
    let mut settings = settings.clone();
    for (name, value) in &mut settings.make_vars {
        if is_working_folder(OsStr::new(name)) {
            check_working_folder(name, value, placeholders)?;
        }
        if let Some(text) = placeholders.fill(value) {
            if !is_working_folder(OsStr::new(name)) {
                names.check_variable(name, value)?;
            }
            *value = text;
        }
    }
    for (name, value) in &mut settings.env {
        if is_working_folder(name) {
            check_working_folder(&name.to_string_lossy(), value, placeholders)?;
        }
        if let Some(text) = placeholders.fill(value) {
            if !is_working_folder(name) {
                names.check_environment(name, value)?;
            }
            *value = text;
        }
    }
    if let Module::Tree(tree) = &settings.module {
        for command in &tree.prepare {
            if let Some(placeholder) = instead_in_command(command) {
                let text = format!(
                    "a shell runs the prepare command `{}`, and does not know make's variables: \
                     write {placeholder}",
                    command.to_string_lossy()
                );
                settings.sink.warning("unexpanded-value", &text);
            }
        }
    }
    Ok(settings)
}

/// Whether makefiles read the variable to find the folder in which make was started. kbuild itself
/// does not read it.
pub(crate) fn is_working_folder(name: &OsStr) -> bool {
    name == "PWD"
}

fn check_working_folder(name: &str, value: &OsStr, placeholders: &Placeholders) -> Result<()> {
    match placeholders.is_folder(value) {
        true => Ok(()),
        false => Err(Error::input(format!(
            "{name} cannot be set to {value:?}: it names the folder that make works in. Set it to \
             {{staged_dir}}, {{staged_root}}, {{kernel_dir}}, {{kernel_source}}, or a folder below \
             one of them"
        ))),
    }
}

/// The warning about a value that a makefile would expand and that stays as it is here.
pub(crate) fn unexpanded(name: &str, value: &OsStr) -> Option<String> {
    let placeholder = instead(value)?;
    Some(format!(
        "make does not expand the value of {name}, which is {}: write {placeholder}",
        value.to_string_lossy()
    ))
}
