//! `.cmd` files: the prerequisites of each target in the stage.
//!
//! kbuild's fixdep writes them: `source_foo.o := foo.c`, then `deps_foo.o := …`, a path a line.
//! Entries in `$(wildcard include/config/…)` stand for single options, which the kernel's identity
//! covers. A saved command names more files: a linker script, a plugin.

pub(in crate::run) mod incbin;

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use crate::kbuild::cmd_file;
use crate::stage::{Item, Stage};
use crate::sys::{normal, regular, sort_paths, walk};
use crate::{Error, Kernel, Result};

use incbin::Operand;

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
    /// lead elsewhere later. Files that kbuild generated in the stage are left out.
    pub(crate) prerequisites: Vec<PathBuf>,
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
    fn prerequisites(&self, text: &str, known: &mut Known) -> Vec<PathBuf> {
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
            found.extend(self.files(&file, known));
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
        let (file, _) = resolved(&self.cwd.join(path));
        let is_kernels = self.of_kernel.iter().any(|dir| file.starts_with(dir));
        let is_staged = file.starts_with(&self.stage.dir);
        (is_staged || !is_kernels).then(|| regular::read(&file).ok())?
    }

    /// The sources for which `path` stands: see [`Target::prerequisites`].
    pub(crate) fn sources(&self, path: &Path) -> Vec<PathBuf> {
        self.files(path, &mut self.known.borrow_mut())
    }

    /// [`Resolver::sources`] and `.incbin` operands, searched once for each path.
    fn known<'k>(&self, path: &str, known: &'k mut Known) -> &'k Named {
        if !known.named.contains_key(path) {
            let named = Named {
                files: self.files(Path::new(path), known),
                operands: incbin::operands(&self.own_source(path).unwrap_or_default()),
            };
            known.named.insert(path.to_owned(), named);
        }
        &known.named[path]
    }

    fn files(&self, named: &Path, known: &mut Known) -> Vec<PathBuf> {
        let named = self.cwd.join(named);
        let (path, over_link) = resolved(&named);
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
pub(crate) fn union(targets: Vec<Target>) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for target in targets {
        all.extend(target.prerequisites);
    }
    sort_paths(&mut all);
    all
}

/// The path without `.` and `..`, and whether it goes through a link. The file system decides where
/// `..` leads behind a link.
fn resolved(path: &Path) -> (PathBuf, bool) {
    if !path.components().any(|c| c == Component::ParentDir) {
        return (path.components().collect(), false);
    }
    let mut result = PathBuf::new();
    let mut over_link = false;
    for component in path.components() {
        if component != Component::ParentDir {
            result.push(component);
            continue;
        }
        if result.is_symlink() {
            match std::fs::canonicalize(&result) {
                Ok(real) => (result, over_link) = (real, true),
                Err(_) => return (normal(path), false),
            }
        }
        result.pop();
    }
    (result, over_link)
}

/// `/dir/.foo.o.cmd` -> `/dir/foo.o`
fn target_of(command: &Path) -> Option<PathBuf> {
    let name = command.file_name()?.to_str()?;
    let name = name.strip_prefix('.')?.strip_suffix(".cmd")?;
    (!name.is_empty()).then(|| command.with_file_name(name))
}

/// The earlier answers.
#[derive(Debug, Default)]
struct Known {
    named: HashMap<String, Named>,
    /// Whether a file of that name exists.
    is_file: HashMap<String, bool>,
    /// Folders of headers, and the real ones. A lookup of each header would look up all folders
    /// above it too.
    folders: Vec<(PathBuf, PathBuf)>,
}

/// A name in a `.cmd` file.
#[derive(Debug)]
struct Named {
    files: Vec<PathBuf>,
    /// The operands of the source's `.incbin` directives.
    operands: Vec<Operand>,
}

impl Known {
    fn is_file(&mut self, name: &str, cwd: &Path) -> bool {
        if let Some(&known) = self.is_file.get(name) {
            return known;
        }
        let is_file = cwd.join(name).is_file();
        self.is_file.insert(name.to_owned(), is_file);
        is_file
    }

    /// The path, and the real path if it differs.
    fn with_real(&mut self, path: PathBuf) -> Vec<PathBuf> {
        let is_link = path
            .symlink_metadata()
            .map_or(true, |meta| meta.is_symlink());
        let real = match (is_link, path.parent(), path.file_name()) {
            (false, Some(folder), Some(name)) => self.folder(folder).join(name),
            _ => canonical(&path),
        };
        match real == path {
            true => vec![path],
            false => vec![path, real],
        }
    }

    fn folder(&mut self, folder: &Path) -> &Path {
        let text = folder.as_os_str();
        let found = self.folders.iter().position(|(f, _)| f.as_os_str() == text);
        let at = found.unwrap_or_else(|| {
            self.folders.push((folder.to_owned(), canonical(folder)));
            self.folders.len() - 1
        });
        &self.folders[at].1
    }
}

/// The real path, or the path itself if the file does not exist any more.
fn canonical(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Root;

    #[test]
    fn two_dots_behind_a_link_lead_where_the_file_system_says() {
        let root = Root::new();
        root.create_dir("v1/drv");
        root.create_dir("include/sub");
        root.link("../v1/drv", "include/drv");
        let of = |path: &str| {
            let (path, over_link) = resolved(&root.join(path));
            (
                path.strip_prefix(root.path()).unwrap().to_owned(),
                over_link,
            )
        };
        for (named, real, over_link) in [
            ("include/drv/../common/t.h", "v1/common/t.h", true),
            ("include/drv/../../include/./a.h", "include/a.h", true),
            ("include/drv/sub/../a.h", "include/drv/a.h", false),
            ("include/sub/../a.h", "include/a.h", false),
            ("include/./drv/a.h", "include/drv/a.h", false),
            ("gone/../a.h", "a.h", false),
        ] {
            assert_eq!(of(named), (PathBuf::from(real), over_link), "{named}");
        }
    }

    #[test]
    fn a_file_behind_links_has_its_own_name_and_the_real_one() {
        let root = Root::new();
        let real = root.write("real/a.h", "");
        root.link("real", "linked");
        root.link("a.h", "real/b.h");
        let mut known = Known::default();
        let mut of = |path: &str| known.with_real(root.join(path));
        assert_eq!(of("real/a.h"), std::slice::from_ref(&real));
        for link in ["linked/a.h", "linked/b.h", "real/b.h"] {
            assert_eq!(of(link), [root.join(link), real.clone()]);
        }
        assert_eq!(of("linked/gone.h"), [root.join("linked/gone.h")]);
    }

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
