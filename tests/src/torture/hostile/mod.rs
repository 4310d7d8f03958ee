//! Hostile output directories: any private file or folder is replaced by anything, before and during
//! calls. Files elsewhere do not change, and a build has the right bytes or fails with a message.

mod during;
mod spoil;
mod world;

use std::path::Path;
use std::process::Command;

use self::spoil::Spoil;
use self::world::{Call, Hostile, Users};
use super::files::NOBODY;
use super::{Attempt, Kind, LIMIT, Prepared, Scene, Setup, call};
use crate::{Result, plain, run};

/// The kind.
pub(super) const KIND: Kind = Kind {
    name: "hostile-out",
    about: "private files replaced by links, devices, other users' files and crafted contents",
    few: 10,
    many: 200,
    scene,
};

fn scene(setup: &Setup) -> Result<Prepared> {
    Ok(Prepared::Ready(Box::new(Hostile::new(setup)?)))
}

impl Scene for Hostile {
    fn attempt(&mut self, attempt: &mut Attempt) -> Result<()> {
        let done = self.tried(attempt);
        if done.is_err() {
            // Readable for whoever looks into it.
            let _ = plain::copy(&self.at(""), attempt.folder());
        }
        done
    }
}

impl Hostile {
    fn tried(&mut self, attempt: &mut Attempt) -> Result<()> {
        let users = match attempt.random.below(10) {
            _ if !self.is_root => Users {
                caller: NOBODY,
                owner: NOBODY,
            },
            0 => Users {
                caller: 0,
                owner: NOBODY,
            },
            1..=3 => Users {
                caller: NOBODY,
                owner: NOBODY,
            },
            _ => Users {
                caller: 0,
                owner: 0,
            },
        };
        let what = *attempt.random.pick(&[
            Call::Build,
            Call::Build,
            Call::Build,
            Call::Changed,
            Call::DryRun,
            Call::DryRun,
            Call::Clean,
            Call::Clean,
            Call::Clean,
            Call::CleanTree,
            Call::Ide,
            Call::Package,
            Call::Info,
        ]);
        let mut out = ["out", "out", "with blank/out"][attempt.random.below(3) as usize];
        if users.caller != users.owner {
            // The private folder of the other one would be in root's own cache folder.
            out = "out";
        }
        attempt.say(format!("{what:?} of {out} as {users:?}"));
        let out = self.at(out);
        self.restore(users.owner)?;
        let is_build = matches!(what, Call::Build | Call::Changed);
        if is_build && users.caller == users.owner && attempt.random.below(2) == 0 {
            attempt.say("after a build");
            run::checked(&mut self.build(users, &out)?, LIMIT)?;
        }
        let mut trusted = true;
        for _ in 0..1 + attempt.random.below(3) {
            let spoil = Spoil::new(self, attempt);
            trusted &= !spoil.forges();
            attempt.say(&spoil);
            spoil.apply(self, users)?;
        }
        if what == Call::Changed {
            self.write_tree(true)?;
        }
        let before = self.outside()?;
        let mut command = self.command(users, what, &out)?;
        let output = match is_build && attempt.random.below(3) == 0 {
            true => {
                attempt.say("and more while it runs");
                during::call(self, attempt, &mut command)?
            }
            false => call(&mut command)?,
        };
        let said = |problem| format!("{problem}\n{}{}", output.out(), output.err());
        self.unchanged(&before).map_err(said)?;
        if output.status.success() && is_build {
            if users.caller != users.owner {
                return Err(said("root built in a folder of another user".into()));
            }
            if trusted {
                self.is_right(&out, what == Call::Changed).map_err(said)?;
            }
        }
        self.afterwards(attempt, users, what, &out)
    }

    /// The user cleans, or takes another output directory, and gets the module.
    fn afterwards(
        &self,
        attempt: &mut Attempt,
        users: Users,
        what: Call,
        out: &Path,
    ) -> Result<()> {
        if attempt.random.below(4) > 0 {
            return Ok(());
        }
        let before = self.outside()?;
        let mut clean = self.command(users, Call::Clean, out)?;
        let mut to = out.to_owned();
        if users.caller != users.owner || !call(&mut clean)?.status.success() {
            to = self.at("fresh");
        }
        attempt.say(format!("afterwards, a build in {}", to.display()));
        let users = Users {
            caller: users.owner,
            owner: users.owner,
        };
        let mut output = call(&mut self.afresh(users, &to)?)?;
        if !output.status.success() {
            // Files of somebody else that are in the way stay.
            to = self.at("fresh");
            output = call(&mut self.afresh(users, &to)?)?;
        }
        self.unchanged(&before)?;
        match output.status.success() {
            true => self.is_right(&to, what == Call::Changed),
            false => Err(format!(
                "a fresh output directory does not help:\n{}",
                output.err()
            )),
        }
    }

    /// A build with a cache folder and a pool of its own.
    fn afresh(&self, users: Users, out: &Path) -> Result<Command> {
        let mut build = self.tree(users, out)?;
        build.env("XDG_CACHE_HOME", self.at("cwd/cache"));
        build.arg("--pool-dir").arg(self.at("cwd/pool"));
        Ok(build)
    }
}
