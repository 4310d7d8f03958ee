//! Several builds side by side. Each make has its own token.

mod order;
mod plans;

use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard};

use super::build;
use super::unmet::without_products;
use crate::jobs::inherited_descriptors;
use crate::resolve::{absolute, base, output_directory};
use crate::settings::{Environment, Module, Report, Settings};
use crate::sys::has_room_for_a_thread;
use crate::{Error, ErrorKind, Result};

use order::{Shared, in_turn};

/// Builds, and their order.
#[derive(Debug, Default)]
pub(crate) struct Several {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    settings: Settings,
    name: Option<String>,
    /// The builds whose symbols this one uses.
    providers: Vec<usize>,
    /// The builds that come first, even if they fail.
    after: Vec<usize>,
}

/// The limit of builds that read their sources at once. Their makes wait for tokens.
const MOST: usize = 64;

impl Several {
    /// Adds a build, and returns its index.
    pub(crate) fn add(&mut self, settings: Settings, name: Option<&str>) -> usize {
        self.entries.push(Entry {
            settings,
            name: name.map(str::to_owned),
            providers: Vec::new(),
            after: Vec::new(),
        });
        self.entries.len() - 1
    }

    /// Declares that one build uses symbols of another. No effect if there is no build with such an
    /// index.
    pub(crate) fn needs(&mut self, build: usize, provider: usize) {
        let known = provider < self.entries.len();
        if let Some(entry) = self.entries.get_mut(build).filter(|_| known) {
            entry.providers.push(provider);
        }
    }

    pub(crate) fn environments(&self) -> impl Iterator<Item = Environment> {
        self.entries
            .iter()
            .map(|entry| entry.settings.environment.clone())
    }

    /// Runs all builds, and returns the results in the order of [`add`](Self::add). `ended` gets
    /// each result as it comes. Prints nothing for Cargo.
    pub(crate) fn run(mut self, ended: Ended<'_>) -> Vec<Result<Report>> {
        if self.entries.is_empty() {
            return Vec::new();
        }
        // This must come before anything is opened here.
        inherited_descriptors(self.entries[0].settings.environment.is_build_script);
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
            // If no more threads can be started, the existing ones do all the work. Each thread
            // stays until its makes have ended, because they are told to end when it does.
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

    /// Gives all builds the pool of the first one, unless they name another.
    fn share_pool(&mut self) {
        let first = &self.entries[0].settings;
        let (named, default) = (first.pool_dir.clone(), first.default_pool_dir.clone());
        let Some(default) = default.or_else(|| output_directory(first).ok()) else {
            return;
        };
        for Entry { settings, .. } in &mut self.entries {
            settings.pool_dir = settings.pool_dir.take().or_else(|| named.clone());
            settings
                .default_pool_dir
                .get_or_insert_with(|| default.clone());
        }
    }

    /// Puts builds that share a stage one after the other.
    fn take_turns(&mut self) {
        let entries = self.entries.iter();
        let shared: Vec<_> = entries.map(|entry| Shared::of(&entry.settings)).collect();
        let entries = self.entries.iter();
        let first: Vec<_> = entries.map(|entry| entry.providers.clone()).collect();
        for (entry, turn) in self.entries.iter_mut().zip(in_turn(&shared, &first)) {
            entry.after = turn;
        }
    }

    /// Makes a build the provider of another one that names its symvers.
    fn find_providers(&mut self) {
        let published: Vec<_> = self.entries.iter().map(Entry::symvers).collect();
        for (i, entry) in self.entries.iter_mut().enumerate() {
            let used = entry.settings.symvers.iter();
            let used: Vec<_> = used.map(|path| entry.path(path)).collect();
            for (provider, symvers) in published.iter().enumerate() {
                if provider != i && symvers.as_ref().is_some_and(|s| used.contains(s)) {
                    entry.providers.push(provider);
                }
            }
        }
    }
}

impl Entry {
    fn label(&self) -> String {
        match (&self.name, &self.settings.module) {
            (_, Module::Tree(tree)) => tree.dir.display().to_string(),
            (name, Module::Declared(_)) => name.clone().unwrap_or_default(),
        }
    }

    /// The error of a build whose provider is left out for this kernel.
    fn without(&self, provider: &Entry, error: &Error) -> Error {
        let message = format!(
            "{} is not built: it needs symbols of {}. {error}",
            self.label(),
            provider.label()
        );
        let checks = error.unmet_requirements().to_vec();
        let inputs = error.requirement_inputs().to_vec();
        let own = Error::new(ErrorKind::RequirementNotMet, message);
        let advice = error.advice().iter().cloned();
        advice.fold(own, Error::advise).with_unmet(checks, inputs)
    }

    /// The symvers that this build will publish.
    fn symvers(&self) -> Option<PathBuf> {
        let label = match (&self.settings.module, &self.name) {
            (Module::Declared(_), name) => name.clone()?,
            (Module::Tree(tree), _) => {
                let dir = self.path(&tree.dir);
                dir.file_name()?.to_string_lossy().into_owned()
            }
        };
        Some(
            output_directory(&self.settings)
                .ok()?
                .join(format!("{label}.symvers")),
        )
    }

    /// An absolute path, canonical as far as it exists.
    fn path(&self, path: &Path) -> PathBuf {
        let base = base(&self.settings).unwrap_or_default();
        absolute(&base.join(path)).unwrap_or_default()
    }
}

type Ended<'a> = &'a mut (dyn FnMut(usize, &Result<Report>) + Send);

/// The waiting, running and finished builds, for the threads that run them.
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

/// A running build. When this is dropped, with or without a result, other threads look for work.
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

    /// Runs builds that are ready until none is left.
    fn work(&self) {
        while let Some((i, settings)) = self.next() {
            let under_way = UnderWay(self);
            let name = self.entries[i].name.as_deref();
            let result = match settings {
                Ok(settings) => build(&settings, name),
                Err(error) => Err(without_products(&self.entries[i].settings, name, error)),
            };
            let mut state = self.state();
            (state.ended)(i, &result);
            state.results[i] = Some(result);
            drop(state);
            drop(under_way);
        }
    }

    /// Waits for a build whose providers are all finished.
    fn next(&self) -> Option<(usize, Result<Settings>)> {
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
                // No other build is left that these could wait for.
                None if state.running == 0 => Some((some, Err(self.need_each_other(some)))),
                None => None,
            };
            if let Some((i, settings)) = next {
                state.started[i] = true;
                state.running += 1;
                return Some((i, settings));
            }
            let waited = self.changed.wait(state);
            state = waited.unwrap_or_else(|p| p.into_inner());
        }
    }

    /// The settings of a build, with the exports of its providers.
    fn with_providers(&self, i: usize, results: &[Option<Result<Report>>]) -> Result<Settings> {
        let entry = &self.entries[i];
        let mut settings = entry.settings.clone();
        for &provider in &self.entries[i].providers {
            match &results[provider] {
                Some(Ok(report)) => {
                    let symvers = report.symvers().map(Path::to_owned);
                    let known: Vec<_> = settings.symvers.iter().map(|p| entry.path(p)).collect();
                    settings
                        .symvers
                        .extend(symvers.filter(|path| !known.contains(path)));
                }
                Some(Err(error)) if error.kind() == ErrorKind::RequirementNotMet => {
                    return Err(entry.without(&self.entries[provider], error));
                }
                _ => {
                    return Err(Error::new(
                        ErrorKind::ProviderFailed,
                        format!(
                            "{} is not built: it needs symbols of {}, which could not be built",
                            self.entries[i].label(),
                            self.entries[provider].label()
                        ),
                    ));
                }
            }
        }
        Ok(settings)
    }

    fn need_each_other(&self, i: usize) -> Error {
        let providers = self.entries[i].providers.iter();
        let providers: Vec<_> = providers.map(|&p| self.entries[p].label()).collect();
        Error::input(format!(
            "{} is not built: it needs symbols of {}, and these dependencies form a cycle. Remove \
             one of them",
            self.entries[i].label(),
            providers.join(", ")
        ))
    }
}
