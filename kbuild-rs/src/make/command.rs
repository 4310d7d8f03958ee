//! make's command line: its variables, and the encoding that keeps their values intact.

use std::ffi::OsString;
use std::path::PathBuf;

use super::goals::assignment;
use crate::Result;
use crate::syntax::escape_value;
use crate::sys::sandbox::Sandbox;

/// One run of make in a module folder of the stage.
#[derive(Debug, Clone)]
pub(crate) struct Make {
    /// The argument of `-C`.
    pub(crate) kernel_dir: PathBuf,
    /// The module folder in the stage: `M=`, the working directory and `PWD`.
    pub(crate) module_dir: PathBuf,
    /// Variables of the command line. Their values are not escaped yet.
    pub(crate) variables: Vec<(String, OsString)>,
    /// The whole environment.
    pub(crate) env: Vec<(OsString, OsString)>,
    pub(crate) targets: Vec<String>,
    /// The sandbox of make and of the commands that prepare a tree.
    pub(crate) sandbox: Option<Sandbox>,
}

impl Make {
    /// make's arguments, without the number of jobs.
    pub(crate) fn args(&self) -> Result<Vec<OsString>> {
        let mut args: Vec<OsString> = vec![
            "--no-print-directory".into(),
            "-C".into(),
            self.kernel_dir.clone().into(),
        ];
        let mut module = OsString::from("M=");
        module.push(&self.module_dir);
        args.push(module);
        for (name, value) in &self.variables {
            let mut pair = OsString::from(name);
            pair.push("=");
            pair.push(escape_value(name, value)?);
            args.push(pair);
        }
        args.extend(assignment(&self.targets).map(OsString::from));
        args.extend(self.targets.iter().map(OsString::from));
        Ok(args)
    }
}
