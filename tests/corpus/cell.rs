//! One package on one kernel: all checks of this pair.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use kbuild_tests::corpus::{Cell, Expected, Package, Room, as_the_table_says};
use kbuild_tests::lab::LabKernel;
use kbuild_tests::plain::{copy, modules};
use kbuild_tests::run::{self, Output};
use kbuild_tests::snapshot::Snapshot;
use kbuild_tests::{Result, program};

use crate::plain::{Modules, Plain, plain};
use crate::shortcut;

/// More than the time of the largest package on an idle machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(400);

/// The text that an edit adds. It changes the bytes of every object that reads the file, and causes
/// no warning.
pub(crate) const EDIT: &str =
    "\nstatic const int edit_of_the_corpus __attribute__((__used__)) = 1;\n";

/// Builds `cell` beside plain make; an error names the failed check. `ours` is the same kernel,
/// possibly with another way to its compiler.
pub(crate) fn check(
    package: &Package,
    cell: &Cell,
    kernel: &LabKernel,
    ours: &LabKernel,
) -> Result<()> {
    let room = Room::of(package, kernel)?;
    // Compilers get the same arguments at every run, because the output directory's path is the
    // same too.
    let [source, out, cache] = ["source", "out", "cache"].map(|name| room.dir.join(name));
    for old in [&source, &out, &cache]
        .into_iter()
        .filter(|dir| dir.exists())
    {
        fs::remove_dir_all(old).map_err(|e| format!("{}: {e}", old.display()))?;
    }
    copy(&package.sources(cell)?, &source)?;
    let plain = plain(package, cell, kernel, &source, &room.dir)?;
    let side = Side {
        package,
        kernel: ours,
        source: &source,
        out: &out,
        cache: &cache,
    };
    match (&plain, &cell.expected) {
        (
            Plain::Built {
                cold,
                edited,
                compiled,
            },
            Expected::Modules(names),
        ) => {
            as_the_table_says(cold, names, "plain make")?;
            side.builds_the_same(cold, "cold")?;
            as_the_table_says(&modules(&out)?, names, "kbuild-rs")?;
            if compiled.is_empty() {
                return Err(format!("nothing is compiled for {}", package.edit));
            }
            edit(&source.join(&package.edit))?;
            let objects = side.builds_the_same(edited, "after the edit")?;
            if objects != *compiled {
                return Err(format!(
                    "after an edit of {}, plain make compiles {compiled:?}, kbuild-rs {objects:?}",
                    package.edit
                ));
            }
            shortcut::is_taken(&package.name, &out)
        }
        (Plain::Failed(said), Expected::Fails(text)) => {
            if !said.contains(text) {
                return Err(format!(
                    "plain make does not say `{text}`:\n{}",
                    last_words(said)
                ));
            }
            side.fails_with(text)
        }
        (Plain::Built { cold, .. }, Expected::Fails(_)) => Err(format!(
            "plain make builds {:?}: update the table",
            cold.keys()
        )),
        (Plain::Failed(said), Expected::Modules(_)) => {
            Err(format!("plain make fails:\n{}", last_words(said)))
        }
    }
}

fn last_words(said: &str) -> String {
    run::tail(said.as_bytes())
}

/// The side of kbuild-rs.
struct Side<'a> {
    package: &'a Package,
    kernel: &'a LabKernel,
    source: &'a Path,
    out: &'a Path,
    /// The user's cache folder, where nothing is remembered before the first build.
    cache: &'a Path,
}

impl Side<'_> {
    fn build(&self, folder: &Path) -> Result<Output> {
        let mut command = self.kernel.command(program::path()?);
        command.args(self.package.ours(self.kernel, folder, self.out));
        // The other side has the same locale, because compilers quote differently in another one.
        command.env("XDG_CACHE_HOME", self.cache);
        run::run(command.env("LC_ALL", "C"), LIMIT)
    }

    /// Builds all places. Each must succeed, and start make if `fresh` is set. Returns the compiled
    /// objects.
    fn all(&self, fresh: bool, what: &str) -> Result<Vec<String>> {
        let mut objects = Vec::new();
        for folder in self.package.folders(self.source) {
            let output = self.build(&folder)?;
            let said = output.err();
            if !output.status.success() {
                return Err(format!(
                    "{what}: kbuild-rs fails ({}):\n{}",
                    output.status,
                    last_words(&said)
                ));
            }
            if fresh && program::started_make(&output) {
                return Err(format!(
                    "{what}: nothing has changed, and make was started:\n{said}"
                ));
            }
            objects.extend(compiled(&said, &folder, self.source));
        }
        objects.sort();
        Ok(objects)
    }

    /// Builds, compares with plain make's modules, and builds again with nothing to do. Returns the
    /// compiled objects.
    fn builds_the_same(&self, plain: &Modules, what: &str) -> Result<Vec<String>> {
        let before = Snapshot::take_with_content(self.source)?;
        let objects = self.all(false, what)?;
        let ours = modules(self.out)?;
        if !ours.keys().eq(plain.keys()) {
            return Err(format!(
                "{what}: plain make builds {:?}, kbuild-rs {:?}",
                plain.keys(),
                ours.keys()
            ));
        }
        for (name, bytes) in &ours {
            if *bytes != plain[name] {
                return Err(format!("{what}: {name} differs from plain make's"));
            }
        }
        self.all(true, what)?;
        self.is_untouched(&before, what)?;
        Ok(objects)
    }

    /// Checks that the build fails like plain make.
    fn fails_with(&self, text: &str) -> Result<()> {
        let before = Snapshot::take_with_content(self.source)?;
        let mut all = String::new();
        for folder in self.package.folders(self.source) {
            let output = self.build(&folder)?;
            let said = output.err();
            if output.status.code() == Some(1) && said.contains(text) {
                return self.is_untouched(&before, "a failing build");
            }
            all += &said;
        }
        Err(format!(
            "plain make fails with `{text}`, kbuild-rs does not:\n{}",
            last_words(&all)
        ))
    }

    fn is_untouched(&self, before: &Snapshot, what: &str) -> Result<()> {
        let changes = before.differences(&Snapshot::take_with_content(self.source)?);
        if changes.is_empty() {
            return Ok(());
        }
        Err(format!(
            "{what}: the source was written:\n{}",
            changes.join("\n")
        ))
    }
}

/// Changes a file as a developer would.
pub(crate) fn edit(path: &Path) -> Result<()> {
    let mut file = fs::File::options()
        .append(true)
        .open(path)
        .map_err(|e| format!("cannot edit {}: {e}", path.display()))?;
    file.write_all(EDIT.as_bytes())
        .map_err(|e| format!("cannot edit {}: {e}", path.display()))
}

/// The objects of sources that a build in `folder` compiled, relative to `tree`, from its output.
/// Kernels print absolute paths, and since 6.13 paths relative to the folder.
pub(crate) fn compiled(said: &str, folder: &Path, tree: &Path) -> Vec<String> {
    let objects = said
        .lines()
        .filter(|line| line.starts_with("  CC ") || line.starts_with("  AS "))
        .filter_map(|line| line.split_whitespace().last())
        .filter(|object| !object.ends_with(".mod.o") && !object.contains(".module-common.o"))
        .map(|object| folder.join(object));
    objects
        .map(|path| {
            path.strip_prefix(tree)
                .unwrap_or(&path)
                .display()
                .to_string()
        })
        .collect()
}
