//! The tokens that this process holds, one for each make that it runs.

use std::os::fd::RawFd;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::make_jobs::MakeJobs;
use super::server::{Server, Token};
use crate::error::Sink;
use crate::sys::signals;
use crate::{Result, sys};

/// The interval of checks for events that no descriptor reports: a request to stop, the end of
/// another make of this process, the end of a killed process in the pool.
const OWN_MAKES: Duration = Duration::from_millis(5);
const OTHERS: Duration = Duration::from_millis(50);

/// The number of wake-ups without a token before a waiter only checks now and then.
const IN_VAIN: u32 = 20;

/// After this time, a waiter prints a message.
const LONG: Duration = Duration::from_secs(20);

/// The state that the makes of this process share.
#[derive(Debug)]
pub(crate) struct Budget {
    /// Tokens that this process owns without drawing them.
    implicit: usize,
    /// The limit of makes at once, even if more tokens are free.
    limit: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    server: Server,
    /// The number of running makes.
    running: usize,
    waiting: usize,
    /// Whether one waiter looks at the jobserver for all waiters.
    watching: bool,
    /// The number of times in a row that another process took a token first.
    in_vain: u32,
    held: Vec<Token>,
}

/// One make's token. Dropping this gives it back.
#[derive(Debug)]
pub(crate) struct Slot {
    budget: Arc<Budget>,
    lost: bool,
}

impl Budget {
    pub(crate) fn new(server: Server) -> Budget {
        let implicit = match server {
            Server::Pool(_) | Server::Shared(..) => 0,
            _ => 1,
        };
        let limit = match &server {
            Server::Pool(pool) if pool.size() == 1 => 1,
            server if server.source().is_none() => 1,
            _ => usize::MAX,
        };
        Budget {
            implicit,
            limit,
            state: Mutex::new(State {
                server,
                running: 0,
                waiting: 0,
                watching: false,
                in_vain: 0,
                held: Vec::new(),
            }),
            changed: Condvar::new(),
        }
    }

    /// Waits for a token. Call this with the stage's lock held, never the other way round, so that
    /// a holder of a token never waits for another process.
    pub(crate) fn slot(self: &Arc<Self>, sink: &Sink) -> Result<Slot> {
        let since = Instant::now();
        let mut told = false;
        let mut state = self.state();
        state.waiting += 1;
        let got = loop {
            if let Err(stopped) = signals::check() {
                break Err(stopped);
            }
            if state.running < self.limit {
                if state.running < self.implicit + state.held.len() {
                    break Ok(());
                }
                match state.server.draw() {
                    Ok(Some(token)) => {
                        state.held.push(token);
                        state.in_vain = 0;
                        continue;
                    }
                    Ok(None) => {}
                    Err(error) if state.server.give_up() => {
                        drop(state);
                        let text = format!("running one job only: {error}");
                        sink.warning("jobserver-failed", &text);
                        state = self.state();
                        continue;
                    }
                    Err(error) => break Err(error),
                }
            }
            if !told && since.elapsed() > LONG {
                told = true;
                drop(state);
                sink.note("waiting for a token: other builds use all of them");
                state = self.state();
                continue;
            }
            state = self.wait(state);
        };
        state.waiting -= 1;
        if got.is_ok() {
            state.running += 1;
        }
        self.settle(&mut state);
        got.map(|()| Slot {
            budget: self.clone(),
            lost: false,
        })
    }

    /// Waits until something may have changed.
    fn wait<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        // A device may announce a token to all waiters and then give it to one of them.
        let pause = state.in_vain >= IN_VAIN;
        let may_draw = state.running < self.limit && !state.watching && !pause;
        let channel = state.server.source().filter(|_| may_draw);
        let Some(watched) = channel.and_then(|c| c.file().try_clone().ok()) else {
            let time = if pause { OWN_MAKES } else { OTHERS };
            if pause {
                state.in_vain = 0;
            }
            let waited = self.changed.wait_timeout(state, time);
            return waited.unwrap_or_else(|p| p.into_inner()).0;
        };
        let time = match state.running {
            0 => OTHERS,
            _ => OWN_MAKES,
        };
        state.watching = true;
        drop(state);
        let readable = sys::wait_readable(&watched, time);
        if readable {
            // Others may be faster, or another process holds the pool's lock for a moment.
            std::thread::yield_now();
        }
        let mut state = self.state();
        state.watching = false;
        state.in_vain = if readable { state.in_vain + 1 } else { 0 };
        state
    }

    /// Gives back the tokens that no running or waiting make needs.
    fn settle(&self, state: &mut State) {
        let needed = (state.running + state.waiting).saturating_sub(self.implicit);
        while state.held.len() > needed {
            if let Some(token) = state.held.pop() {
                state.server.give(token);
            }
        }
        if state.held.is_empty() {
            state.server.leave();
        }
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // These are numbers and bytes, so they are valid at any time.
        self.state.lock().unwrap_or_else(|p| p.into_inner())
    }
}

impl Slot {
    /// The arguments for make.
    pub(crate) fn hand(&self, make: &Path) -> Result<MakeJobs> {
        self.budget.state().server.hand(make)
    }

    /// A lock that every child must inherit. The token stays taken until the last of them has
    /// ended.
    pub(crate) fn lock(&self) -> Option<RawFd> {
        match &self.budget.state().server {
            Server::Pool(pool) => pool.lock(),
            Server::Shared(_, own) => own.lock(),
            _ => None,
        }
    }

    /// A killed make no longer knows its tokens, and its children may still run.
    pub(crate) fn lose(&mut self) {
        self.lost = true;
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut state = self.budget.state();
        state.running -= 1;
        if self.lost {
            if matches!(state.server, Server::Pool(_)) {
                state.held.pop();
            }
            state.server.lose();
        }
        self.budget.settle(&mut state);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::jobs::advertised::{Outer, open_fifo};
    use crate::jobs::channel::Channel;
    use crate::jobs::own::OwnToken;
    use crate::jobs::server::OuterServer;

    /// A budget with an outer jobserver, and that jobserver's fifo.
    fn under(tokens: &[u8]) -> (Arc<Budget>, Channel) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fifo");
        sys::make_fifo(&path).unwrap();
        let fifo = Channel::of_fifo(open_fifo(&path).unwrap());
        fifo.give(tokens);
        let own = Channel::of_fifo(open_fifo(&path).unwrap());
        let outer = Box::leak(Box::new(Outer::Fifo(path, own)));
        (
            Arc::new(Budget::new(Server::Outer(OuterServer::of(outer)))),
            fifo,
        )
    }

    fn left(fifo: &Channel) -> Vec<u8> {
        let mut bytes: Vec<_> = std::iter::from_fn(|| fifo.take().unwrap()).collect();
        fifo.give(&bytes);
        bytes.sort_unstable();
        bytes
    }

    fn sink() -> Sink {
        Sink::silent()
    }

    #[test]
    fn the_first_make_has_our_own_token_and_each_further_one_draws_one() {
        let (budget, fifo) = under(b"abc");
        let first = budget.slot(&sink()).unwrap();
        assert_eq!(left(&fifo), b"abc");
        let second = budget.slot(&sink()).unwrap();
        let third = budget.slot(&sink()).unwrap();
        assert_eq!(left(&fifo).len(), 1);
        // All tokens are equal: the remaining one counts as our own.
        drop(first);
        assert_eq!(left(&fifo).len(), 2);
        drop(second);
        drop(third);
        assert_eq!(left(&fifo), b"abc");
    }

    #[test]
    fn a_make_waits_for_a_token_of_another_make_or_of_the_jobserver() {
        let (budget, fifo) = under(b"");
        let first = budget.slot(&sink()).unwrap();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| budget.slot(&sink()).unwrap());
            let third = scope.spawn(|| budget.slot(&sink()).unwrap());
            fifo.give(b"x");
            drop(first);
            let (second, third) = (second.join().unwrap(), third.join().unwrap());
            assert_eq!(left(&fifo), b"");
            drop((second, third));
        });
        assert_eq!(left(&fifo), b"x");
    }

    #[test]
    fn without_a_jobserver_one_make_runs_at_a_time() {
        one_at_a_time(&Arc::new(Budget::new(Server::Nobody(3))), &sink());
    }

    #[test]
    fn a_jobserver_that_fails_leaves_one_job_and_is_reported_once() {
        // Reading `/dev/null` fails.
        let device = || Channel::of_fifo(std::fs::File::open("/dev/null").unwrap());
        let outside = || {
            let outer = Outer::Fifo("/dev/null".into(), device());
            OuterServer::of(Box::leak(Box::new(outer)))
        };
        let dir = tempfile::tempdir().unwrap();
        let writer = sys::Writer::new([sys::Root::open(dir.path()).unwrap()]);
        let own = OwnToken::in_folder(writer, dir.path()).unwrap();
        for server in [Server::Outer(outside()), Server::Shared(outside(), own)] {
            let budget = Arc::new(Budget::new(server));
            let said = Arc::new(Mutex::new(Vec::new()));
            let mut sink = sink();
            let heard = said.clone();
            sink.set_handler(move |message| heard.lock().unwrap().push(format!("{message:?}")));
            one_at_a_time(&budget, &sink);
            one_at_a_time(&budget, &sink);
            let said = said.lock().unwrap();
            assert_eq!(said.len(), 1, "{said:?}");
            assert!(said[0].starts_with("Warning") && said[0].contains("running one job"));
            // make would fail on such a jobserver.
            let slot = budget.slot(&sink).unwrap();
            let handed = slot.hand(Path::new("make")).unwrap();
            assert_eq!(handed.argument.unwrap(), "-j1");
            assert_eq!(handed.makeflags, None);
        }
    }

    fn one_at_a_time(budget: &Arc<Budget>, sink: &Sink) {
        let first = budget.slot(sink).unwrap();
        let released = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let second = scope.spawn(|| {
                let _slot = budget.slot(sink).unwrap();
                assert!(released.load(Ordering::SeqCst));
            });
            std::thread::sleep(Duration::from_millis(20));
            released.store(true, Ordering::SeqCst);
            drop(first);
            second.join().unwrap();
        });
    }
}
