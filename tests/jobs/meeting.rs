//! A meeting point for the compilers of a build. Each compiler waits for the others, so the number
//! of compilers at once does not depend on the speed of the machine. With a sleep, a slow machine
//! would show too few.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use kbuild_tests::lab::LabKernel;
use kbuild_tests::processes;
use tempfile::TempDir;

/// The number of times that all tokens must be in use at once. After that, each compiler only stays
/// a moment.
const MEETINGS: usize = 3;

/// The time that the compilers at a meeting wait for one too many.
const GRACE: Duration = Duration::from_millis(200);
const MOMENT: Duration = Duration::from_millis(20);

/// The time that a compiler waits for the others, which may be fewer than expected.
const PATIENCE: Duration = Duration::from_secs(60);

/// A recording compiler in its own folder, and its reports.
pub(crate) struct Meeting {
    dir: TempDir,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// The number of compilers that must meet. If it is larger than possible, they wait until they
    /// are released.
    together: usize,
    met: usize,
    /// Counts the times that waiting compilers were released.
    round: usize,
    waiting: usize,
    /// The running compilers.
    guests: Vec<Arc<UnixStream>>,
    most: usize,
    arrived: Vec<Vec<String>>,
}

impl Meeting {
    /// A meeting of this many compilers.
    pub(crate) fn of(together: usize, kernel: &LabKernel) -> Meeting {
        let dir = tempfile::tempdir().unwrap();
        let real = kernel.cc.as_deref().unwrap_or("gcc-12");
        stand_in(dir.path(), "recording-cc", real.as_ref());
        let listener = UnixListener::bind(dir.path().join("meeting")).unwrap();
        let state = State {
            together,
            met: 0,
            round: 0,
            waiting: 0,
            guests: Vec::new(),
            most: 0,
            arrived: Vec::new(),
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            changed: Condvar::new(),
        });
        let host = shared.clone();
        // Both threads end with the test process.
        std::thread::spawn(move || {
            for guest in listener.incoming().flatten() {
                let host = host.clone();
                std::thread::spawn(move || host.receive(guest));
            }
        });
        Meeting { dir, shared }
    }

    /// A meeting that keeps all compilers waiting until [`release`](Self::release).
    pub(crate) fn that_waits(kernel: &LabKernel) -> Meeting {
        Meeting::of(usize::MAX, kernel)
    }

    /// The compiler's path.
    pub(crate) fn compiler(&self) -> PathBuf {
        self.dir.path().join("recording-cc")
    }

    /// The same for Rust, in front of the compiler for this kernel.
    pub(crate) fn rustc(&self, kernel: &LabKernel) -> PathBuf {
        let dir = self.dir.path();
        stand_in(dir, "recording-rustc", kernel.rustc.as_ref().unwrap());
        // kbuild-rs follows links.
        let script = dir.join("rustc");
        let text = format!(
            "#!/bin/sh\nexec '{}/recording-rustc' \"$@\"\n",
            dir.display()
        );
        fs::write(&script, text).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        script
    }

    /// Releases all compilers, later ones too.
    pub(crate) fn release(&self) {
        let mut state = self.shared.state();
        state.met = MEETINGS;
        state.round += 1;
        state.waiting = 0;
        self.shared.changed.notify_all();
    }

    /// The largest number of compilers at once so far.
    pub(crate) fn most(&self) -> usize {
        self.shared.state().most
    }

    /// The open descriptors of each compiler so far, without the three standard streams:
    /// `NUMBER=WHAT`.
    pub(crate) fn arrived(&self) -> Vec<Vec<String>> {
        self.shared.state().arrived.clone()
    }

    /// Waits until exactly this many compilers run; fails if that does not happen.
    pub(crate) fn wait_for(&self, number: usize) {
        let limit = Instant::now() + PATIENCE;
        let mut state = self.shared.state();
        while state.guests.len() != number {
            let left = limit.saturating_duration_since(Instant::now());
            let present = state.guests.len();
            assert!(!left.is_zero(), "{present} under way, and not {number}");
            state = self.shared.changed.wait_timeout(state, left).unwrap().0;
        }
    }
}

/// A recording compiler in front of the real one.
fn stand_in(dir: &Path, name: &str, real: &Path) {
    let compiler = env!("CARGO_BIN_EXE_recording-cc");
    symlink(compiler, dir.join(name)).unwrap();
    let real = real.as_os_str().as_bytes();
    fs::write(dir.join(name).with_extension("real"), real).unwrap();
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn receive(&self, guest: UnixStream) {
        let mut line = String::new();
        let guest = Arc::new(guest);
        let mut reader = BufReader::new(&*guest);
        if reader.read_line(&mut line).is_err() || line.is_empty() {
            return;
        }
        let words = line.trim_end().split('\t').map(str::to_owned);
        let mut state = self.state();
        state
            .arrived
            .push(words.filter(|word| !word.is_empty()).collect());
        // On a busy machine, the end of an earlier compiler may not have been noticed yet.
        state.guests.retain(|other| !processes::has_ended(other));
        state.guests.push(guest.clone());
        state.most = state.most.max(state.guests.len());
        let waits_in = (state.met < MEETINGS).then_some(state.round);
        state.waiting += usize::from(waits_in.is_some());
        drop(state);
        self.changed.notify_all();
        std::thread::scope(|scope| {
            // The compiler may be killed meanwhile, and then reading fails.
            scope.spawn(|| {
                self.wait(waits_in);
                let _ = (&*guest).write_all(b"+");
            });
            let _ = reader.read_to_end(&mut Vec::new());
            let mut state = self.state();
            state.guests.retain(|other| !Arc::ptr_eq(other, &guest));
            if waits_in == Some(state.round) {
                state.waiting -= 1;
            }
            drop(state);
            self.changed.notify_all();
        });
    }

    fn wait(&self, round: Option<usize>) {
        let Some(round) = round else {
            return std::thread::sleep(MOMENT);
        };
        let state = self.state();
        let patience = match state.together {
            usize::MAX => Duration::from_secs(3600),
            _ => PATIENCE,
        };
        let stays = |state: &mut State| state.round == round && state.waiting < state.together;
        let waited = self.changed.wait_timeout_while(state, patience, stays);
        let (mut state, over) = waited.unwrap();
        if over.timed_out() {
            // Too few came. The test only needs the number, so waiting again would waste time.
            state.met = MEETINGS;
        } else if state.round == round {
            drop(state);
            std::thread::sleep(GRACE);
            state = self.state();
        }
        if state.round == round {
            state.met += 1;
            state.round += 1;
            state.waiting = 0;
            self.changed.notify_all();
        }
    }
}
