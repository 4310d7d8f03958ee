//! With which tokens make runs.
//!
//! GNU make's rule: a process has one token from whoever started it; each further job needs one
//! from the jobserver. The nearest jobserver is Cargo's for a build script, else that of a make
//! outside, else that of the Cargo whose build script started CMake, Ninja and so us, else the pool
//! that all kbuild-rs processes of the build tree share. One that is advertised and dead means one
//! job, as it does to GNU make, and a warning.

mod advertised;
mod handed;
mod outside;
mod own;
mod pool;
mod server;
mod tokens;

use std::os::fd::RawFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use self::advertised::{Outer, is_shared, outer};
use self::own::Own;
use self::pool::Pool;
use self::server::Server;
use crate::message::Sink;
use crate::sys::Writer;
use crate::{Error, Result};

pub(crate) use handed::Handed;
pub use outside::{is_outside_pretending, is_outside_verbose};
pub(crate) use pool::{is_pool_file, remove_pool};
pub(crate) use tokens::{Budget, Slot};

/// What a build says about its jobs.
#[derive(Debug)]
pub(crate) struct Jobs<'a> {
    /// Whether this is a build script.
    pub(crate) cargo: bool,
    pub(crate) requested: Option<usize>,
    /// The folder of the pool, should there be need of one, and what makes it.
    pub(crate) pool: &'a Path,
    pub(crate) make_folder: fn(&Path) -> Result<Writer>,
}

impl Jobs<'_> {
    /// What all makes of this process share that have this jobserver.
    pub(crate) fn budget(&self, sink: &Sink) -> Result<Arc<Budget>> {
        /// For each pool folder; the outer build's jobserver has none.
        static BUDGETS: Mutex<Vec<(PathBuf, Arc<Budget>)>> = Mutex::new(Vec::new());
        let folder = match self.has_pool() {
            true => self.pool,
            false => Path::new(""),
        };
        let mut budgets = BUDGETS.lock().unwrap_or_else(|p| p.into_inner());
        if let Some((_, budget)) = budgets.iter().find(|(of, _)| of == folder) {
            return Ok(budget.clone());
        }
        let server = match outer(self.cargo) {
            outer @ (Outer::Pipe(..) | Outer::Fifo(..)) if is_shared(self.cargo) => {
                let own = (self.make_folder)(self.pool);
                let own = own.and_then(|writer| Own::in_folder(writer, self.pool));
                match own {
                    Ok(own) => Server::Shared(outer, own),
                    Err(error) => {
                        sink.note(&format!("{error}; other builds are not counted"));
                        Server::Outer(outer)
                    }
                }
            }
            outer @ (Outer::Pipe(..) | Outer::Fifo(..)) => Server::Outer(outer),
            Outer::Dead(why) => {
                sink.warning(why);
                Server::Nobody(1)
            }
            _ if !self.has_pool() => Server::Nobody(1),
            _ => {
                let jobs = self.number()?;
                match Pool::open(folder, self.make_folder, jobs) {
                    Ok(pool) => Server::Pool(pool),
                    Err(error) => {
                        sink.note(&format!("{error}; other builds are not counted"));
                        Server::Nobody(jobs)
                    }
                }
            }
        };
        let budget = Arc::new(Budget::new(server));
        budgets.push((folder.to_owned(), budget.clone()));
        Ok(budget)
    }

    /// What a make would be told that ran alone. Nothing is made or drawn for it.
    pub(crate) fn alone(&self, make: &Path, sink: &Sink) -> Result<Handed> {
        match outer(self.cargo) {
            outer @ (Outer::Pipe(..) | Outer::Fifo(..)) => Server::Outer(outer).hand(make),
            Outer::Dead(why) => {
                sink.warning(why);
                Ok(Handed::jobs(1))
            }
            _ if !self.has_pool() => Ok(Handed::jobs(1)),
            _ => Ok(Handed::jobs(self.number()?)),
        }
    }

    /// Whether tokens come from a pool of ours.
    fn has_pool(&self) -> bool {
        match outer(self.cargo) {
            Outer::Silent => true,
            Outer::OneJob => self.requested.is_some(),
            _ => false,
        }
    }

    /// The size of a pool: what was asked for, else what the outer build was asked for, else the
    /// cores that this process may use.
    fn number(&self) -> Result<usize> {
        let of = |name: &str| -> Option<usize> {
            let number = std::env::var(name).ok()?.parse().ok()?;
            (number > 0).then_some(number)
        };
        match self.requested {
            Some(0) => Err(Error::input("the number of jobs must be at least 1")),
            Some(jobs) => Ok(jobs),
            None => Ok(outside::jobs()
                .or_else(|| of("CMAKE_BUILD_PARALLEL_LEVEL"))
                .or_else(|| of("NUM_JOBS").filter(|_| self.cargo))
                .or_else(|| std::thread::available_parallelism().ok().map(usize::from))
                .unwrap_or(1)),
        }
    }
}

/// Looks at the outer build's jobserver, and gives the descriptors that no child but make gets.
/// To be called before this process opens anything.
pub(crate) fn inherited_descriptors(cargo: bool) -> Vec<RawFd> {
    advertised::inherited(cargo)
}
