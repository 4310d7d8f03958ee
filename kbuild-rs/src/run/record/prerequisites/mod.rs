//! `.cmd` files: the prerequisites of each target in the stage.
//!
//! kbuild's fixdep writes them: `source_foo.o := foo.c`, then `deps_foo.o := …`, a path a line.
//! Entries in `$(wildcard include/config/…)` stand for single options, which the kernel's identity
//! covers. A saved command names more files: a linker script, a plugin.

pub(in crate::run) mod incbin;
mod known;

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::kbuild::cmd_file;
use crate::stage::{Item, Stage};
use crate::sys::{regular, sort_paths, walk};
use crate::{Error, Kernel, Result};

use incbin::Operand;
use known::{Known, Named, canonical, resolved};

/// One target in the stage and the files that its `.cmd` names.
#[derive(Debug)]
pub(crate) struct Target {
    /// The target itself, absolute.
    pub(crate) path: PathBuf,
    /// Its `.cmd` file.
    pub(crate) command: PathBuf,
    /// Whether kbuild saved the command that built the target.
    pub(crate) has_command: bool,
    /// The inputs: real paths, and the names that lead to them through links, because a link may
    /// lead elsewhere later. Files that kbuild generated in the stage are left out. Targets share
    /// the paths, because most have the same thousand headers.
    pub(crate) prerequisites: Vec<Rc<Path>>,
}

/// Turns the paths in `.cmd` files into real ones.
pub(crate) struct Resolver<'a> {
    pub(crate) stage: &'a Stage,
    pub(crate) items: &'a [Item],
    /// Folders in the stage that are links to folders outside.
    pub(crate) links: &'a [(PathBuf, PathBuf)],
    /// The folder where relative paths start.
    cwd: PathBuf,
    /// The kernel's folders. Their headers have no `.incbin`.
    of_kernel: [&'a Path; 2],
    /// The known answers, because most targets have the same thousand headers.
    known: RefCell<Known>,
}

impl<'a> Resolver<'a> {
    pub(crate) fn new(
        stage: &'a Stage,
        items: &'a [Item],
        links: &'a [(PathBuf, PathBuf)],
        kernel: &'a Kernel,
        module_dir: &Path,
    ) -> Self {
        Resolver {
            stage,
            items,
            links,
            cwd: working_dir(kernel, module_dir),
            of_kernel: [kernel.dir(), kernel.source_dir()],
            known: RefCell::default(),
        }
    }

    /// All targets below the stage that have a `.cmd`.
    pub(crate) fn targets(&self) -> Result<Vec<Target>> {
        let mut targets = Vec::new();
        let mut known = self.known.borrow_mut();
        walk(&self.stage.dir, &mut |path, _| {
            if let Some(target) = target_of(path) {
                let text = regular::read(path).map_err(|e| Error::reading("read", path, e))?;
                let text = String::from_utf8_lossy(&text);
                targets.push(Target {
                    path: target,
                    command: path.to_owned(),
                    has_command: cmd_file::has_command(&text),
                    prerequisites: self.prerequisites(&text, &mut known),
                });
            }
            Ok(())
        })?;
        Ok(targets)
    }

    /// The files that the text of a `.cmd` file names.
    fn prerequisites(&self, text: &str, known: &mut Known) -> Vec<Rc<Path>> {
        let mut found = Vec::new();
        let command = cmd_file::saved_command(text).unwrap_or_default();
        let mut bytes = Vec::new();
        let mut scripts = Vec::new();
        for name in cmd_file::names(command) {
            if known.is_file(name, &self.cwd) {
                found.extend_from_slice(&self.known(name, known).files);
                scripts.extend(cmd_file::is_script(name).then_some(name));
            }
        }
        bytes.extend(self.included(scripts, command));
        let mut is_computed = false;
        for path in cmd_file::parse(text) {
            let known = self.known(path, known);
            found.extend_from_slice(&known.files);
            // A header may contain assembler too.
            for operand in &known.operands {
                let files = incbin::files(operand, command, &self.cwd);
                is_computed |= files.is_empty();
                bytes.extend(files);
            }
        }
        // The sources or the command have the name that a macro uses (`INCBIN(fw, "fw.bin")`).
        if is_computed {
            let sources = cmd_file::parse(text).filter_map(|path| self.own_source(path));
            let strings = sources.flat_map(|text| incbin::strings(&text));
            for name in strings.chain(incbin::values(command)) {
                bytes.extend(incbin::files(&Operand::File(name), command, &self.cwd));
            }
        }
        for file in bytes {
            found.extend(self.files(&file, known).into_iter().map(Rc::from));
        }
        found
    }

    /// The files that linker scripts name in `INCLUDE`.
    fn included(&self, scripts: Vec<&str>, command: &str) -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> = Vec::new();
        let mut next: Vec<_> = scripts.into_iter().map(PathBuf::from).collect();
        while let Some(script) = next.pop() {
            let text = self.own_source(&script).unwrap_or_default();
            let names = cmd_file::included(&String::from_utf8_lossy(&text));
            for file in names
                .iter()
                .filter_map(|name| cmd_file::searched(name, command, &self.cwd))
            {
                if !found.contains(&file) {
                    found.push(file.clone());
                    next.push(file);
                }
            }
        }
        found
    }

    /// The text of a source or header, unless it belongs to the kernel.
    fn own_source(&self, path: impl AsRef<Path>) -> Option<Vec<u8>> {
        self.own_text(&resolved(&self.cwd.join(path)).0)
    }

    /// The same for a path that [`resolved`] gave.
    fn own_text(&self, file: &Path) -> Option<Vec<u8>> {
        let is_kernels = self.of_kernel.iter().any(|dir| file.starts_with(dir));
        let is_staged = || file.starts_with(&self.stage.dir);
        (!is_kernels || is_staged()).then(|| regular::read(file).ok())?
    }

    /// The sources for which `path` stands: see [`Target::prerequisites`].
    pub(crate) fn sources(&self, path: &Path) -> Vec<PathBuf> {
        self.files(path, &mut self.known.borrow_mut())
    }

    /// [`Resolver::sources`] and `.incbin` operands, searched once for each path.
    fn known<'k>(&self, path: &str, known: &'k mut Known) -> &'k Named {
        let at = match known.places.get(path) {
            Some(&at) => at,
            None => {
                let named = self.cwd.join(path);
                let (file, over_link) = resolved(&named);
                let text = self.own_text(&file).unwrap_or_default();
                let files = self.of_named(named, file, over_link, known);
                known.named.push(Named {
                    files: files.into_iter().map(Rc::from).collect(),
                    operands: incbin::operands(&text),
                });
                let at = known.named.len() - 1;
                known.places.insert(path.to_owned(), at);
                at
            }
        };
        &known.named[at]
    }

    fn files(&self, named: &Path, known: &mut Known) -> Vec<PathBuf> {
        let named = self.cwd.join(named);
        let (path, over_link) = resolved(&named);
        self.of_named(named, path, over_link, known)
    }

    fn of_named(
        &self,
        named: PathBuf,
        path: PathBuf,
        over_link: bool,
        known: &mut Known,
    ) -> Vec<PathBuf> {
        let mut files = self.of_resolved(path, known);
        // The link may lead elsewhere later.
        if over_link && !named.starts_with(&self.stage.dir) {
            files.push(named);
        }
        files
    }

    fn of_resolved(&self, path: PathBuf, known: &mut Known) -> Vec<PathBuf> {
        for (link, target) in self.links {
            if let Ok(rest) = path.strip_prefix(link) {
                return known.with_real(target.join(rest));
            }
        }
        let Ok(rel) = path.strip_prefix(&self.stage.dir) else {
            return known.with_real(path);
        };
        if let Some(source) = self.source_of(rel) {
            return vec![source];
        }
        // A removed staged file keeps its name here, so that the files made from it are removed
        // too.
        let Ok(real) = std::fs::canonicalize(&path) else {
            return vec![path];
        };
        // The path leads through a link to a folder, or to a generated file.
        match real.strip_prefix(canonical(&self.stage.dir)) {
            Ok(rel) => self.source_of(rel).into_iter().collect(),
            Err(_) => vec![real],
        }
    }

    /// The path of `path` in the stage, without links; `None` for a copy of a source, and if it is
    /// not a file.
    pub(crate) fn product(&self, path: &Path) -> Option<PathBuf> {
        if !std::fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file()) {
            return None;
        }
        let real = std::fs::canonicalize(path).ok()?;
        let rel = real.strip_prefix(canonical(&self.stage.dir)).ok()?;
        self.item(rel).is_none().then(|| rel.to_owned())
    }

    fn item(&self, rel: &Path) -> Option<&Item> {
        let name = rel.as_os_str();
        let found = self.items.binary_search_by(|i| i.rel.as_os_str().cmp(name));
        found.ok().map(|at| &self.items[at])
    }

    fn source_of(&self, rel: &Path) -> Option<PathBuf> {
        self.item(rel).map(|item| self.stage.source_of(item))
    }
}

/// The folder in which kbuild's commands run: since 6.13 the module folder, before that the
/// kernel's.
pub(crate) fn working_dir(kernel: &Kernel, module_dir: &Path) -> PathBuf {
    if kernel.version() >= (6, 13) {
        module_dir.to_owned()
    } else {
        kernel.dir().to_owned()
    }
}

/// The distinct prerequisites of all targets.
pub(crate) fn union(targets: &[Target]) -> Vec<PathBuf> {
    let all = targets.iter().flat_map(|target| &target.prerequisites);
    let mut shared: Vec<&Rc<Path>> = all.collect();
    // Comparing thousands of long paths takes longer than comparing their places.
    shared.sort_unstable_by_key(|path| Rc::as_ptr(path).cast::<u8>());
    shared.dedup_by(|a, b| Rc::ptr_eq(a, b));
    let mut all = shared.into_iter().map(|path| path.to_path_buf()).collect();
    sort_paths(&mut all);
    all
}

/// `/dir/.foo.o.cmd` -> `/dir/foo.o`
fn target_of(command: &Path) -> Option<PathBuf> {
    let name = command.file_name()?.to_str()?;
    let name = name.strip_prefix('.')?.strip_suffix(".cmd")?;
    (!name.is_empty()).then(|| command.with_file_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cmd_file_names_its_target() {
        let of = |p: &str| target_of(Path::new(p));
        assert_eq!(of("/d/.foo.o.cmd"), Some("/d/foo.o".into()));
        assert_eq!(
            of("/d/..module-common.o.cmd"),
            Some("/d/.module-common.o".into())
        );
        assert_eq!(of("/d/foo.cmd"), None);
        assert_eq!(of("/d/..cmd"), None);
    }
}
