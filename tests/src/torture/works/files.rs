//! `sign` and `package`: from modules to files.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::products::Products;
use super::{Deed, Work, Works, done, folder};
use crate::Result;
use crate::root::modules;

/// The modules.
const NAMES: [&str; 3] = ["dummy", "kt_base", "kt_top"];

pub(super) struct Files<'a> {
    works: &'a Works,
    deed: Deed,
    folder: PathBuf,
    /// The files before.
    old: Products,
}

impl<'a> Files<'a> {
    pub(super) fn begin(works: &'a Works, deed: Deed, place: &Path) -> Result<Files<'a>> {
        let mut files = Files {
            works,
            deed,
            folder: place.to_owned(),
            old: Products::default(),
        };
        files.right()?;
        files.fill(place)?;
        files.old = files.there()?;
        Ok(files)
    }

    /// Signed modules stay where they are; packages have a folder of their own.
    fn modules(&self, place: &Path) -> PathBuf {
        match self.deed {
            Deed::Sign => place.join("out"),
            _ => place.join("modules"),
        }
    }

    fn fill(&self, place: &Path) -> Result<()> {
        let to = self.modules(place);
        folder(&to)?;
        folder(&place.join("out"))?;
        for name in NAMES {
            modules::write(&to, &self.works.rooted.kernel, name, 1)?;
        }
        Ok(())
    }

    fn command_in(&self, place: &Path) -> Result<Command> {
        let works = self.works;
        let home = place.join("home");
        let sources = self.modules(place);
        let mut command = match self.deed {
            Deed::Sign => works.rooted.program("sign", &home)?,
            _ => works.rooted.program("package", &home)?,
        };
        match self.deed {
            Deed::Sign => {
                command
                    .args(NAMES.map(|name| sources.join(format!("{name}.ko"))))
                    .arg("--key")
                    .arg(works.key())
                    .arg("--cert")
                    .arg(works.scratch.path().join("certificate.pem"));
            }
            _ => {
                command
                    .arg(&sources)
                    .args(["--format", "deb", "--name", "torture", "--split"])
                    .args(["--package-version", "1"])
                    .args(["--maintainer", "T <t@example.com>", "--out-dir"])
                    .arg(place.join("out"))
                    .env("SOURCE_DATE_EPOCH", "1700000000");
            }
        }
        command.arg("--kernel").arg(&works.rooted.kernel.kdir);
        Ok(command)
    }

    fn right(&self) -> Result<Products> {
        self.works.right(self.deed, 0, |place| {
            self.fill(place)?;
            self.works.timed(self.deed, &mut self.command_in(place)?)?;
            Products::of(&place.join("out"), place)
        })
    }

    fn there(&self) -> Result<Products> {
        Products::of(&self.folder.join("out"), &self.folder)
    }
}

impl Work for Files<'_> {
    fn command(&self) -> Result<Command> {
        self.command_in(&self.folder)
    }

    fn is_whole(&self) -> Result<()> {
        self.there()?.are_of(&[self.old.clone(), self.right()?])
    }

    fn next(&mut self) -> Result<()> {
        done(&mut self.command()?)?;
        // A killed call cannot remove its folder below TMPDIR, which no later call looks at.
        self.there()?.are(&self.right()?)
    }
}
