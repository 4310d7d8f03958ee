//! [`Matrix`]: several builds side by side, each make with a token of its own.

use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard};

use super::order::{Shared, in_turn};
use super::{Build, Form, places, run, skip};
use crate::cargo::{self, Door};
use crate::limits::has_room_for_a_thread;
use crate::make::inherited_descriptors;
use crate::report::Report;
use crate::{Error, ErrorKind, Result};

/// Several builds that share one budget of jobs: different modules, different kernels, or both.
///
/// Builds run side by side as far as there are jobs, except that a provider comes before those
/// that [need](Self::needs) it, and that module folders of one root are built in the order in which
/// they were added: each finds what the others have made, as with make by hand. One failure does not
/// hide the other results. Each build talks to
/// the handler that was given to [its own](Build::on_message) `Build`, from whatever thread it
/// runs on.
///
/// ```no_run
/// let (mut ring, mut user) = (kbuild::Build::tree("ring"), kbuild::Build::tree("user"));
/// for build in [&mut ring, &mut user] {
///     build.cargo_metadata(false).out_dir("out");
/// }
/// let mut matrix = kbuild::Matrix::new();
/// let ring = matrix.add(&ring, None);
/// let user = matrix.add(&user, None);
/// matrix.needs(user, ring);
/// for result in matrix.run() {
///     println!("{:?}", result?.modules());
/// }
/// # Ok::<(), kbuild::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Matrix {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    build: Build,
    name: Option<String>,
    /// Which entries come first.
    providers: Vec<usize>,
    /// The builds that come first, whether they fail or not.
    after: Vec<usize>,
}

/// At most so many builds look at their sources at once; what they run waits for tokens.
const MOST: usize = 64;

impl Matrix {
    /// No builds yet.
    pub fn new() -> Self {
        Matrix::default()
    }

    /// Adds a build, and gives its index: the place of its result. `name` is that of a declared
    /// module, or of the one module of a tree that is needed, see
    /// [`try_compile`](Build::try_compile).
    ///
    /// A [`symvers`](Build::symvers) that another build of the matrix publishes makes that one a
    /// provider of this one.
    pub fn add<'a>(&mut self, build: &Build, name: impl Into<Option<&'a str>>) -> usize {
        self.entries.push(Entry {
            build: build.clone(),
            name: name.into().map(str::to_owned),
            providers: Vec::new(),
            after: Vec::new(),
        });
        self.entries.len() - 1
    }

    /// Says that one build uses symbols of another: it waits for that, gets its
    /// [`symvers`](Report::symvers), and is not built when that fails.
    ///
    /// No effect when there is no build of such an index.
    pub fn needs(&mut self, build: usize, provider: usize) -> &mut Self {
        let known = provider < self.entries.len();
        if let Some(entry) = self.entries.get_mut(build).filter(|_| known) {
            entry.providers.push(provider);
        }
        self
    }

    /// Builds everything, and gives the results in the order of [`add`](Self::add).
    ///
    /// In a build script, Cargo is told what the builds depend on; where the modules lie is for
    /// the caller to tell.
    pub fn run(self) -> Vec<Result<Report>> {
        self.run_telling(|_, _| {})
    }

    /// Like [`run`](Self::run); `ended` hears of each result as it comes, one at a time.
    pub fn run_telling(
        self,
        mut ended: impl FnMut(usize, &Result<Report>) + Send,
    ) -> Vec<Result<Report>> {
        let cargo = self.entries.iter().any(|entry| entry.build.sink.cargo);
        let results = self.side_by_side(&mut ended);
        if cargo {
            results.iter().flatten().for_each(cargo::announce_files);
            cargo::announce_env_read();
        }
        results
    }

    /// The builds alone; Cargo is told nothing.
    pub(super) fn side_by_side(mut self, ended: Ended<'_>) -> Vec<Result<Report>> {
        if self.entries.is_empty() {
            return Vec::new();
        }
        // Before anything is opened here.
        inherited_descriptors(self.entries[0].build.sink.cargo);
        self.share_pool();
        self.find_providers();
        self.take_turns();
        let mut results: Vec<_> = self.entries.iter().map(|_| None).collect();
        let board = Board {
            entries: &self.entries,
            state: Mutex::new(State {
                started: vec![false; results.len()],
                running: 0,
                results: &mut results,
                ended,
            }),
            changed: Condvar::new(),
        };
        std::thread::scope(|scope| {
            // Where a thread cannot be had, those that are there do it all. Each thread stays
            // until its makes have ended: they are told to end when it does.
            for i in 1..self.entries.len().min(MOST) {
                let name = format!("build {i}");
                let work = || board.work();
                let thread = std::thread::Builder::new().name(name);
                if !has_room_for_a_thread() || thread.spawn_scoped(scope, work).is_err() {
                    break;
                }
            }
            board.work();
        });
        // A build without a result panicked, and so did the scope.
        results.into_iter().flatten().collect()
    }

    /// One pool for all: that of the first build, unless they say otherwise.
    fn share_pool(&mut self) {
        let first = &self.entries[0].build;
        let (named, default) = (first.pool_dir.clone(), first.default_pool_dir.clone());
        let Some(default) = default.or_else(|| out_dir(first)) else {
            return;
        };
        for Entry { build, .. } in &mut self.entries {
            build.pool_dir = build.pool_dir.take().or_else(|| named.clone());
            build
                .default_pool_dir
                .get_or_insert_with(|| default.clone());
        }
    }

    /// Builds that share a stage come one after the other.
    fn take_turns(&mut self) {
        let entries = self.entries.iter();
        let shared: Vec<_> = entries.map(|entry| Shared::of(&entry.build)).collect();
        let entries = self.entries.iter();
        let first: Vec<_> = entries.map(|entry| entry.providers.clone()).collect();
        for (entry, turn) in self.entries.iter_mut().zip(in_turn(&shared, &first)) {
            entry.after = turn;
        }
    }

    /// Who publishes a symvers that another one was told of is a provider of that one.
    fn find_providers(&mut self) {
        let published: Vec<_> = self.entries.iter().map(Entry::symvers).collect();
        for (i, entry) in self.entries.iter_mut().enumerate() {
            let used = entry
                .build
                .symvers
                .iter()
                .map(|path| entry.build.path(path));
            let used: Vec<_> = used.collect();
            for (provider, symvers) in published.iter().enumerate() {
                if provider != i && symvers.as_ref().is_some_and(|s| used.contains(s)) {
                    entry.providers.push(provider);
                }
            }
        }
    }
}

fn out_dir(build: &Build) -> Option<PathBuf> {
    let door = Door {
        metadata: build.sink.cargo,
    };
    places::output_directory(build, door).ok()
}

impl Entry {
    fn label(&self) -> String {
        match (&self.name, &self.build.form) {
            (_, Form::Tree(tree)) => tree.dir.display().to_string(),
            (name, Form::Declared(_)) => name.clone().unwrap_or_default(),
        }
    }

    /// The symvers that this build will publish.
    fn symvers(&self) -> Option<PathBuf> {
        let label = match (&self.build.form, &self.name) {
            (Form::Declared(_), name) => name.clone()?,
            (Form::Tree(tree), _) => {
                let dir = self.build.path(&tree.dir);
                dir.file_name()?.to_string_lossy().into_owned()
            }
        };
        Some(out_dir(&self.build)?.join(format!("{label}.symvers")))
    }
}

impl Build {
    /// A path that was given, absolute and canonical as far as it exists.
    fn path(&self, path: &Path) -> PathBuf {
        let door = Door {
            metadata: self.sink.cargo,
        };
        let base = places::base(self, door).unwrap_or_default();
        places::absolute(&base.join(path)).unwrap_or_default()
    }
}

type Ended<'a> = &'a mut (dyn FnMut(usize, &Result<Report>) + Send);

/// What is to do, in progress and done, for the threads that do it.
struct Board<'a> {
    entries: &'a [Entry],
    state: Mutex<State<'a>>,
    changed: Condvar,
}

struct State<'a> {
    started: Vec<bool>,
    running: usize,
    results: &'a mut Vec<Option<Result<Report>>>,
    ended: Ended<'a>,
}

/// A build under way; when it is gone, with a result or without, others look for work.
struct UnderWay<'a, 'b>(&'a Board<'b>);

impl Drop for UnderWay<'_, '_> {
    fn drop(&mut self) {
        self.0.state().running -= 1;
        self.0.changed.notify_all();
    }
}

impl<'b> Board<'b> {
    fn state(&self) -> MutexGuard<'_, State<'b>> {
        self.state.lock().unwrap_or_else(|p| p.into_inner())
    }

    /// Builds what is ready until nothing is left.
    fn work(&self) {
        while let Some((i, build)) = self.next() {
            let under_way = UnderWay(self);
            let result = build.and_then(|build| {
                let door = Door {
                    metadata: build.sink.cargo,
                };
                let name = self.entries[i].name.as_deref();
                match skip::is_wanted(door) {
                    true => skip::placeholders(&build, name, door),
                    false => run::one(&build, name, door),
                }
            });
            let mut state = self.state();
            (state.ended)(i, &result);
            state.results[i] = Some(result);
            drop(state);
            drop(under_way);
        }
    }

    /// Waits for a build all of whose providers are done.
    fn next(&self) -> Option<(usize, Result<Build>)> {
        let mut state = self.state();
        loop {
            let done = |i: &usize| state.results[*i].is_some();
            let waiting = (0..self.entries.len()).filter(|&i| !state.started[i]);
            let mut waiting = waiting.peekable();
            let some = *waiting.peek()?;
            let ready = waiting.find(|&i| {
                let Entry {
                    providers, after, ..
                } = &self.entries[i];
                providers.iter().chain(after).all(done)
            });
            let next = match ready {
                Some(i) => Some((i, self.with_providers(i, state.results))),
                // Nobody is left whom these could wait for.
                None if state.running == 0 => Some((some, Err(self.need_each_other(some)))),
                None => None,
            };
            if let Some((i, build)) = next {
                state.started[i] = true;
                state.running += 1;
                return Some((i, build));
            }
            let waited = self.changed.wait(state);
            state = waited.unwrap_or_else(|p| p.into_inner());
        }
    }

    /// The build, told of what its providers export.
    fn with_providers(&self, i: usize, results: &[Option<Result<Report>>]) -> Result<Build> {
        let mut build = self.entries[i].build.clone();
        for &provider in &self.entries[i].providers {
            match &results[provider] {
                Some(Ok(report)) => {
                    let symvers = report.symvers().map(Path::to_owned);
                    let known: Vec<_> = build.symvers.iter().map(|p| build.path(p)).collect();
                    build
                        .symvers
                        .extend(symvers.filter(|path| !known.contains(path)));
                }
                _ => {
                    return Err(Error::new(
                        ErrorKind::ProviderFailed,
                        format!(
                            "{} is not built: {}, whose symbols it needs, could not be built",
                            self.entries[i].label(),
                            self.entries[provider].label()
                        ),
                    ));
                }
            }
        }
        Ok(build)
    }

    fn need_each_other(&self, i: usize) -> Error {
        let providers = self.entries[i].providers.iter();
        let providers: Vec<_> = providers.map(|&p| self.entries[p].label()).collect();
        Error::input(format!(
            "{} is not built: it needs {}, and is needed there itself",
            self.entries[i].label(),
            providers.join(", ")
        ))
    }
}
