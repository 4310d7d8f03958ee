//! The calls of Cargo, and its answers.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::ui::failure::Failure;

/// Cargo, and the user's arguments for it.
pub(super) struct Cargo<'a> {
    args: &'a [OsString],
}

/// A build script that has built modules.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Script {
    pub(super) package_id: String,
    /// The list of its modules.
    pub(super) modules: PathBuf,
}

/// A message of `cargo build`.
#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    package_id: String,
    #[serde(default)]
    env: Vec<(String, String)>,
}

/// A part of the answer of `cargo metadata`.
#[derive(Deserialize)]
struct Metadata {
    workspace_members: Vec<String>,
    workspace_default_members: Vec<String>,
}

/// Arguments of `cargo build` that would change its answer.
const REFUSED: &[(&str, &str)] = &[
    ("-p", "name the package after --cargo"),
    ("--package", "name the package after --cargo"),
    (
        "--message-format",
        "kbuild-rs reads Cargo's messages itself",
    ),
    ("--build-plan", "it builds nothing"),
];

/// Arguments that each of Cargo's commands takes, and whether a value follows.
const OF_ALL: &[(&str, bool)] = &[
    ("--manifest-path", true),
    ("--config", true),
    ("-Z", true),
    ("--locked", false),
    ("--offline", false),
    ("--frozen", false),
];

impl<'a> Cargo<'a> {
    /// Checks the user's arguments for `cargo build`.
    pub(super) fn new(args: &'a [OsString]) -> Result<Cargo<'a>, Failure> {
        for arg in args {
            let text = arg.to_string_lossy();
            let name = text.split('=').next().unwrap_or_default();
            if let Some((name, why)) = REFUSED.iter().find(|(refused, _)| *refused == name) {
                return Err(Failure::wrong_call(format!(
                    "--cargo does not take {name} among Cargo's arguments: {why}"
                )));
            }
        }
        let cargo = Cargo { args };
        cargo.refuse_sudo()?;
        Ok(cargo)
    }

    /// With sudo, Cargo would leave files of root in the user's target folder.
    fn refuse_sudo(&self) -> Result<(), Failure> {
        let Some(user) = std::env::var("SUDO_UID")
            .ok()
            .and_then(|id| id.parse().ok())
        else {
            return Ok(());
        };
        let manifest = self.value("--manifest-path");
        let folder = manifest.map_or(Path::new("."), |path| {
            let parent = Path::new(path).parent().unwrap_or(Path::new(""));
            match parent.as_os_str().is_empty() {
                true => Path::new("."),
                false => parent,
            }
        });
        let owner: Option<u32> = std::fs::metadata(folder).ok().map(|meta| meta.uid());
        if owner != Some(user) || user == 0 {
            return Ok(());
        }
        Err(Failure::wrong_call(
            "sudo would run Cargo and all build scripts as root in your folder. Run this without \
             sudo. It builds, and prints the line for root:\n    kbuild-rs install --cargo",
        ))
    }

    /// The value of an argument that may be `--name VALUE` or `--name=VALUE`.
    fn value(&self, name: &str) -> Option<&OsStr> {
        let mut args = self.args.iter();
        while let Some(arg) = args.next() {
            if arg == name {
                return args.next().map(OsString::as_os_str);
            }
            let value = arg.to_str().and_then(|arg| arg.strip_prefix(name));
            if let Some(value) = value.and_then(|rest| rest.strip_prefix('=')) {
                return Some(OsStr::new(value));
            }
        }
        None
    }

    fn command(verb: &str) -> Command {
        // Cargo sets it for programs that it runs.
        let program = std::env::var_os("CARGO").filter(|program| !program.is_empty());
        let mut command = Command::new(program.unwrap_or_else(|| "cargo".into()));
        command.arg(verb).stdin(Stdio::null());
        command
    }

    /// `cargo build`; gives the build scripts that have built modules.
    pub(super) fn build(&self, package: Option<&str>) -> Result<Vec<Script>, Failure> {
        let mut command = Cargo::command("build");
        // Errors of the compiler stay on standard error.
        command.args(["--message-format", "json-render-diagnostics"]);
        if let Some(package) = package {
            command.args(["--package", package]);
        }
        command.args(self.args).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|e| cannot_start(&command, &e))?;
        let mut scripts = Vec::new();
        if let Some(out) = child.stdout.take() {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                scripts.extend(script(&line));
            }
        }
        let status = child.wait().map_err(|e| cannot_start(&command, &e))?;
        match status.success() {
            true => Ok(scripts),
            false => Err(Failure::no_result(format!(
                "cargo build failed ({status}): nothing was installed"
            ))),
        }
    }

    /// The ids of the packages whose modules are wanted.
    pub(super) fn wanted(&self, package: Option<&str>) -> Result<Vec<String>, Failure> {
        let Some(package) = package else {
            let text = self.answer("metadata", &["--no-deps", "--format-version", "1"])?;
            let metadata: Metadata = serde_json::from_slice(&text).map_err(|error| {
                Failure::no_result(format!(
                    "cargo metadata has no default members ({error}): use Cargo 1.71 or newer, or \
                     name the package after --cargo"
                ))
            })?;
            let has = |name: &str| self.args.iter().any(|arg| arg == name);
            return Ok(match has("--workspace") || has("--all") {
                true => metadata.workspace_members,
                false => metadata.workspace_default_members,
            });
        };
        let text = self.answer("pkgid", &[package])?;
        Ok(vec![String::from_utf8_lossy(&text).trim().to_owned()])
    }

    /// Standard output of another command of Cargo's; its errors go to standard error.
    fn answer(&self, verb: &str, args: &[&str]) -> Result<Vec<u8>, Failure> {
        let mut command = Cargo::command(verb);
        command.args(self.of_all()).args(args);
        command.stderr(Stdio::inherit());
        let output = command.output().map_err(|e| cannot_start(&command, &e))?;
        match output.status.success() {
            true => Ok(output.stdout),
            false => Err(Failure::no_result(format!(
                "cargo {verb} failed ({}): nothing was installed",
                output.status
            ))),
        }
    }

    /// The user's arguments that are for each of Cargo's commands.
    fn of_all(&self) -> Vec<&OsString> {
        let mut kept = Vec::new();
        let mut args = self.args.iter();
        while let Some(arg) = args.next() {
            let text = arg.to_string_lossy();
            let (name, has_value) = match text.split_once('=') {
                Some((name, _)) => (name, true),
                None => (text.as_ref(), false),
            };
            let Some((_, takes_value)) = OF_ALL.iter().find(|(known, _)| *known == name) else {
                continue;
            };
            kept.push(arg);
            if *takes_value && !has_value {
                kept.extend(args.next());
            }
        }
        kept
    }
}

/// The build script that a line of `cargo build` tells of, if it has built modules.
fn script(line: &str) -> Option<Script> {
    let message: Message = serde_json::from_str(line).ok()?;
    if message.reason != "build-script-executed" {
        return None;
    }
    let found = message
        .env
        .iter()
        .find(|(name, _)| name == "KBUILD_MODULES");
    let (_, modules) = found?;
    Some(Script {
        package_id: message.package_id,
        modules: modules.into(),
    })
}

fn cannot_start(command: &Command, error: &std::io::Error) -> Failure {
    let program = command.get_program().to_string_lossy();
    Failure::no_result(format!(
        "cannot run {program}: {error}. --cargo needs Cargo in PATH"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(words: &[&str]) -> Vec<OsString> {
        words.iter().map(OsString::from).collect()
    }

    #[test]
    fn each_command_of_cargo_gets_the_arguments_that_it_knows() {
        let given = args(&[
            "--release",
            "--manifest-path",
            "a/Cargo.toml",
            "--features=x",
            "--config=build.jobs=1",
            "--locked",
        ]);
        let cargo = Cargo { args: &given };
        let wanted = args(&[
            "--manifest-path",
            "a/Cargo.toml",
            "--config=build.jobs=1",
            "--locked",
        ]);
        assert_eq!(cargo.of_all(), wanted.iter().collect::<Vec<_>>());
        assert_eq!(
            cargo.value("--manifest-path"),
            Some(OsStr::new("a/Cargo.toml"))
        );
        assert_eq!(cargo.value("--features"), Some(OsStr::new("x")));
    }

    #[test]
    fn arguments_that_change_the_answer_are_refused() {
        for word in ["-p", "--package=x", "--message-format=short"] {
            let error = Cargo::new(&args(&[word])).err().unwrap().to_string();
            assert!(error.starts_with("--cargo does not take -"), "{error}");
        }
    }

    #[test]
    fn a_script_without_modules_is_not_listed() {
        let line = r#"{"reason":"build-script-executed","package_id":"p#0.1.0","linked_libs":[],
            "env":[["KBUILD_MODULES","/o/kbuild-modules.json"]],"out_dir":"/o"}"#;
        let wanted = Script {
            package_id: "p#0.1.0".to_owned(),
            modules: "/o/kbuild-modules.json".into(),
        };
        assert_eq!(script(line), Some(wanted));
        assert_eq!(script(&line.replace("KBUILD_MODULES", "X")), None);
        assert_eq!(script(&line.replace("-executed", "")), None);
        assert_eq!(script("not JSON"), None);
    }
}
