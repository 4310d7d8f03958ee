//! The command that builds an initramfs again, and the words about it.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{Archive, Contains, Initramfs};
use crate::syntax::shell_quote;
use crate::sys::{ChildSetup, Image, limit_behind, tie_child};
use crate::{Error, ErrorKind, Result};

/// The programs that make an initramfs, and the file names by which each is known.
const MAKERS: [(&str, &str); 3] = [
    ("update-initramfs", "initrd.img-"),
    ("dracut", "initramfs-"),
    ("mkinitcpio", "initramfs-linux"),
];

const FOLDERS: [&str; 4] = ["usr/sbin", "usr/bin", "sbin", "bin"];

/// The command for a root: by the program that it has, else by the names of its files.
pub(super) fn command(
    image: &Image,
    release: &str,
    files: &[Archive],
) -> Result<Option<Vec<String>>> {
    for (program, _) in MAKERS {
        for folder in FOLDERS {
            let path = Path::new(folder).join(program);
            if image.open_file(&path).is_ok_and(|file| file.is_some()) {
                return Ok(Some(line(program, release)));
            }
        }
    }
    let names = files
        .iter()
        .filter_map(|file| file.path.file_name()?.to_str());
    let known = names.filter_map(|name| {
        let makers = MAKERS.iter().rev();
        let found = makers.clone().find(|(_, start)| name.starts_with(start))?;
        Some(line(found.0, release))
    });
    Ok(known.take(1).next())
}

fn line(program: &str, release: &str) -> Vec<String> {
    let words: &[&str] = match program {
        "update-initramfs" => &[program, "-u", "-k", release],
        "dracut" => &[program, "--force", "--kver", release],
        _ => &[program, "-P"],
    };
    words.iter().map(|word| (*word).to_owned()).collect()
}

impl Initramfs {
    /// The command as a person types it; within `chroot` for a root that is not `/`.
    pub(crate) fn shown_command(&self) -> Option<String> {
        let words = self.command.as_ref()?.iter();
        let words: Vec<String> = words.map(|word| shell_quote(word.as_ref())).collect();
        let words = words.join(" ");
        Some(match self.is_running_system() {
            true => words,
            false => format!("chroot {} {words}", shell_quote(self.root.as_os_str())),
        })
    }

    /// The words for a person, if an initramfs has an old version of a module or may have one. The
    /// command stands on a line of its own.
    pub(crate) fn note(&self) -> Option<String> {
        let mut text: Vec<String> = Vec::new();
        for file in self.files.iter().filter(|file| file.is_stale()) {
            let path = file.path.display();
            text.push(match &file.contains {
                Contains::Modules(names) => {
                    let names = names.join(", ");
                    format!("{path} still contains {names} from before this change.")
                }
                Contains::CannotTell(why) => {
                    format!("{path} {why}. It may contain a previous version of these modules.")
                }
                Contains::Nothing => String::new(),
            });
        }
        if text.is_empty() {
            return None;
        }
        let mut text = text.join("\n");
        match self.shown_command() {
            Some(command) => text.push_str(&format!("\nBuild it again:\n    {command}")),
            None => text.push_str("\nBuild it again with the tool of this distribution."),
        }
        if self
            .files
            .iter()
            .any(|file| file.is_unified && file.is_stale())
        {
            text.push_str(
                "\nA unified kernel image contains the initramfs: build the image again, too. With \
                 Secure Boot, sign it again.",
            );
        }
        Some(text)
    }

    /// Builds the initramfs again; its output goes to standard error. Only on the running system:
    /// the programs of another root cannot be trusted to stay inside.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for another root, with the command to run;
    /// [`ErrorKind::ToolNotFound`] if no program is known; [`ErrorKind::ToolFailed`] if it fails.
    pub(crate) fn rebuild(&self) -> Result<()> {
        let Some((command, shown)) = self.command.as_ref().zip(self.shown_command()) else {
            return Err(Error::new(
                ErrorKind::ToolNotFound,
                "no program that builds an initramfs was found (update-initramfs, dracut, \
                 mkinitcpio); build it again with the tool of this distribution",
            ));
        };
        if !self.is_running_system() {
            return Err(Error::input(format!(
                "kbuild-rs only builds the initramfs of the running system. For this root, run:\n    \
                 {shown}"
            )));
        }
        run(command).map_err(|why| {
            Error::new(
                ErrorKind::ToolFailed,
                format!(
                    "the modules are installed, but the initramfs was not built again: {why}. Run \
                     it by hand:\n    {shown}"
                ),
            )
        })
    }

    fn is_running_system(&self) -> bool {
        let root = std::fs::canonicalize(&self.root);
        root.is_ok_and(|root| root == Path::new("/"))
    }
}

fn run(words: &[String]) -> std::result::Result<(), String> {
    let (program, arguments) = words.split_first().ok_or("no command")?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_remove(crate::module::sign::PIN)
        .stdin(Stdio::null())
        .stdout(Stdio::from(io::stderr()));
    tie_child(&mut command, ChildSetup::default());
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{program} ended with {status}")),
        Err(error) => {
            let limit = limit_behind(&error).unwrap_or_default();
            Err(format!("cannot run {program}: {error}{limit}"))
        }
    }
}
