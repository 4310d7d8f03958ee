//! Tokens: the number of jobs that make may run.
//!
//! GNU make's rule: a process has one token from the process that started it; each further job
//! needs one from the jobserver. kbuild-rs takes the first jobserver of this list:
//!
//! 1. Cargo's, in a build script;
//! 2. that of an outer make;
//! 3. that of the Cargo whose build script started CMake or Ninja, and so this build;
//! 4. a pool: that of the outer Ninja, which all its builds share, else that of a folder.
//!
//! A jobserver that is named but cannot be used means one job and a warning. GNU make does the
//! same.
//!
//! # Decisions
//!
//! - This folder draws tokens without the crate `jobserver`, which supports neither inherited
//!   descriptors nor named fifos. The rest is a read and a write.
//! - A build takes a token while it holds the stage's lock, after it has found something to do. So
//!   no holder of a token waits for a lock, and a build with nothing to do does not touch the pool.
//! - A jobserver that fails later leaves one job and a warning: the process's own token is enough
//!   to finish.

mod advertised;
mod channel;
mod device;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod make_jobs;
mod ninja;
mod outside;
mod own;
mod place;
mod pool;
mod server;
mod tokens;

use std::os::fd::RawFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::error::Sink;
use crate::sys::Writer;
use crate::{Error, Result};
use advertised::{FirstToken, Outer, first_token, outer};
use own::OwnToken;
use pool::Pool;
use server::{OuterServer, Server};

pub(crate) use make_jobs::MakeJobs;
pub use outside::{outer_build_is_verbose, outer_make_is_dry_run};
pub(crate) use pool::{is_pool_file, remove_pool};
pub(crate) use tokens::{Budget, Slot};

/// Settings of a build's jobs.
#[derive(Debug)]
pub(crate) struct Jobs<'a> {
    /// Whether this is a build script.
    pub(crate) is_build_script: bool,
    pub(crate) requested: Option<usize>,
    /// The folder of the pool, if the build needs one.
    pub(crate) pool: &'a Path,
    /// Whether the caller asked for that folder.
    pub(crate) is_named: bool,
    pub(crate) make_folder: fn(&Path) -> Result<Writer>,
}

impl Jobs<'_> {
    /// The state that all makes of this process share for this jobserver.
    pub(crate) fn budget(&self, sink: &Sink) -> Result<Arc<Budget>> {
        /// One for each pool folder. The outer build's jobserver has no folder.
        static BUDGETS: Mutex<Vec<(PathBuf, Arc<Budget>)>> = Mutex::new(Vec::new());
        let (folder, make_folder) = match self.has_pool() {
            true => self.pool_folder(),
            false => (PathBuf::new(), self.make_folder),
        };
        let mut budgets = BUDGETS.lock().unwrap_or_else(|p| p.into_inner());
        if let Some((_, budget)) = budgets.iter().find(|(of, _)| *of == folder) {
            return Ok(budget.clone());
        }
        let server = match outer(self.is_build_script) {
            outer @ (Outer::Pipe(..) | Outer::Fifo(..)) => {
                let outside = OuterServer::of(outer);
                match self.own() {
                    None => Server::Outer(outside),
                    Some(Ok(own)) => Server::Shared(outside, own),
                    Some(Err(error)) => {
                        sink.note(&format!("jobs of other builds are not counted: {error}"));
                        Server::Outer(outside)
                    }
                }
            }
            Outer::Dead(why) => {
                sink.warning("dead-jobserver", why);
                Server::Nobody(1)
            }
            _ if !self.has_pool() => Server::Nobody(1),
            _ => {
                let jobs = self.number()?;
                match Pool::open(&folder, make_folder, jobs, sink) {
                    Ok(pool) => Server::Pool(pool),
                    Err(error) => {
                        sink.note(&format!("jobs of other builds are not counted: {error}"));
                        Server::Nobody(jobs)
                    }
                }
            }
        };
        let budget = Arc::new(Budget::new(server));
        budgets.push((folder, budget.clone()));
        Ok(budget)
    }

    /// The first token, if this process shares it.
    fn own(&self) -> Option<Result<OwnToken>> {
        let meeting = match first_token(self.is_build_script) {
            FirstToken::Ours => return None,
            FirstToken::OfNinja(ninja) => place::of_ninja(ninja),
            FirstToken::OfScript => None,
        };
        Some(match meeting {
            Some(meeting) => OwnToken::in_folder(meeting.writer, &meeting.path),
            None => {
                let writer = (self.make_folder)(self.pool);
                writer.and_then(|writer| OwnToken::in_folder(writer, self.pool))
            }
        })
    }

    /// The place of the pool, and the function that creates its folder. The outermost Ninja counts,
    /// because a user started it.
    fn pool_folder(&self) -> (PathBuf, fn(&Path) -> Result<Writer>) {
        let Some(meeting) = ninja::above().last().and_then(place::of_ninja) else {
            return (self.pool.to_owned(), self.make_folder);
        };
        let folder = place::pool(&meeting, self.is_named.then_some(self.pool));
        match folder == meeting.path {
            true => (folder, place::open),
            false => (folder, self.make_folder),
        }
    }

    /// The arguments for a make that runs without other makes. This creates and draws nothing.
    pub(crate) fn alone(&self, make: &Path, sink: &Sink) -> Result<MakeJobs> {
        match outer(self.is_build_script) {
            outer @ (Outer::Pipe(..) | Outer::Fifo(..)) => {
                Server::Outer(OuterServer::of(outer)).hand(make)
            }
            Outer::Dead(why) => {
                sink.warning("dead-jobserver", why);
                Ok(MakeJobs::jobs(1))
            }
            _ if !self.has_pool() => Ok(MakeJobs::jobs(1)),
            _ => Ok(MakeJobs::jobs(self.number()?)),
        }
    }

    /// Whether tokens come from our own pool.
    fn has_pool(&self) -> bool {
        match outer(self.is_build_script) {
            Outer::Silent => true,
            Outer::OneJob => self.requested.is_some(),
            _ => false,
        }
    }

    /// The size of a pool: the requested number, else the number of the outer build, else the cores
    /// that this process may use.
    fn number(&self) -> Result<usize> {
        let of = |name: &str| -> Option<usize> {
            let number = std::env::var(name).ok()?.parse().ok()?;
            (number > 0).then_some(number)
        };
        match self.requested {
            Some(0) => Err(Error::input("the number of jobs must be at least 1")),
            Some(jobs) => Ok(jobs),
            None => Ok(ninja::jobs()
                .or_else(|| of("CMAKE_BUILD_PARALLEL_LEVEL"))
                .or_else(|| of("NUM_JOBS").filter(|_| self.is_build_script))
                .or_else(|| std::thread::available_parallelism().ok().map(usize::from))
                .unwrap_or(1)),
        }
    }
}

/// Looks at the outer build's jobserver. Returns the descriptors that only make gets. Call this
/// before the process opens anything.
pub(crate) fn inherited_descriptors(is_build_script: bool) -> Vec<RawFd> {
    advertised::inherited(is_build_script)
}
