//! Modules in a root: install, upgrade, uninstall, rollback.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Deed, Work, Works, done, folder};
use crate::Result;
use crate::root::Root;

/// Changed together. The kernel has a module of the first name.
const PAIR: [&str; 2] = ["dummy", "kt_base"];

/// The module of the next call.
const NEXT: &str = "ifb";

/// The version of both, if they are installed.
type State = Option<u32>;

pub(super) struct Rooted {
    deed: Deed,
    home: PathBuf,
    root: Root,
    old: State,
    new: State,
}

impl Rooted {
    pub(super) fn begin(works: &Works, deed: Deed, place: &Path) -> Result<Rooted> {
        let ground = &works.rooted;
        let root = Root::new(&ground.kernel, place, ground.path())?;
        let (versions, old, new): (&[u32], State, State) = match deed {
            Deed::Upgrade => (&[1], Some(1), Some(2)),
            Deed::Uninstall => (&[1], Some(1), None),
            Deed::Rollback => (&[1, 2], Some(2), Some(1)),
            _ => (&[], None, Some(1)),
        };
        let rooted = Rooted {
            deed,
            home: place.join("home"),
            root,
            old,
            new,
        };
        folder(&rooted.home)?;
        for version in versions {
            works.timed(Deed::Install, &mut rooted.install(*version)?)?;
        }
        Ok(rooted)
    }

    fn install(&self, version: u32) -> Result<Command> {
        let command = self.root.install(&PAIR.map(|name| (name, version)))?;
        Ok(self.at_home(command))
    }

    /// With its own home and temporary files.
    fn at_home(&self, mut command: Command) -> Command {
        command.env("HOME", &self.home).env("TMPDIR", &self.home);
        command
    }

    /// The state of both, which is one.
    fn state(&self) -> Result<State> {
        let [one, other] = PAIR.map(|name| self.root.version(name));
        match (one?, other?) {
            (one, other) if one == other => Ok(one),
            (one, other) => Err(format!("{PAIR:?} are of two calls: {one:?}, {other:?}")),
        }
    }

    /// Index, journal and folders.
    fn is_right(&self) -> Result<()> {
        let mut here = Vec::new();
        for name in [PAIR[0], NEXT, PAIR[1]] {
            self.root.is_chosen(name)?;
            let installed = self.root.installed(name);
            here.extend(installed.map(|_| (name.to_owned(), "intact".to_owned())));
        }
        let journal = self.root.journal()?;
        if journal != here {
            return Err(format!("the journal has {journal:?}, not {here:?}"));
        }
        done(&mut self.root.program("verify"))?;
        match self.root.left_over() {
            left if left.is_empty() => Ok(()),
            left => Err(format!("left over: {}", left.join(" "))),
        }
    }
}

impl Work for Rooted {
    fn command(&self) -> Result<Command> {
        let command = match self.deed {
            Deed::Uninstall => self.root.uninstall(&PAIR),
            Deed::Rollback => self.root.program("rollback"),
            _ => return self.install(self.new.unwrap_or_default()),
        };
        Ok(self.at_home(command))
    }

    fn is_done(&self) -> bool {
        let goes_back = matches!(self.deed, Deed::Uninstall | Deed::Rollback);
        goes_back && self.state().is_ok_and(|state| state == self.new)
    }

    fn is_whole(&self) -> Result<()> {
        PAIR.iter()
            .try_for_each(|name| self.root.version(name).map(drop))
    }

    fn next(&mut self) -> Result<()> {
        let next = match self.root.installed(NEXT) {
            Some(_) => self.root.uninstall(&[NEXT]),
            None => self.root.install(&[(NEXT, 1)])?,
        };
        done(&mut self.at_home(next))?;
        let state = self.state()?;
        if state != self.old && state != self.new {
            let (old, new) = (self.old, self.new);
            return Err(format!("the version is {state:?}, not {old:?} or {new:?}"));
        }
        self.is_right()?;
        if self.deed == Deed::Rollback && state == self.new {
            return Ok(());
        }
        // The call itself is possible again.
        if state == self.old {
            done(&mut self.command()?)?;
            if self.deed != Deed::Rollback && self.state()? != self.new {
                return Err(format!("again: the version is {:?}", self.state()?));
            }
            self.is_right()?;
        }
        Ok(())
    }
}
