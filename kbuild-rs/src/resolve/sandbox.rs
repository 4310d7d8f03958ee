//! What the sandbox of a build shows: the files that the build names, and no more.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::target::search_path;
use super::{Context, Inputs, Repositories, Sources, Target};
use crate::error::names::SANDBOX_ALLOW;
use crate::make::{Repository, Watch, find_program};
use crate::sys::sandbox::{Access, Sandbox};
use crate::{Error, Result};

/// The parts of a build that decide what its make may see.
pub(super) struct Used<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) target: &'a Target,
    pub(super) sources: &'a Sources,
    pub(super) inputs: &'a Inputs,
    pub(super) repositories: &'a Repositories,
    pub(super) env: &'a [(OsString, OsString)],
}

/// One thing that the caller allows.
enum Allowed {
    Network,
    Path(PathBuf, Access),
}

/// Programs before a compiler, and whether they need the network.
const LAUNCHERS: [(&str, bool); 6] = [
    ("ccache", false),
    ("buildcache", false),
    ("sccache", true),
    ("distcc", true),
    ("icecc", true),
    ("gomacc", true),
];

/// The sandbox that the caller asks for.
///
/// # Errors
/// Something that the build needs and that no sandbox has, unless the caller allows it by name.
pub(super) fn of(used: &Used<'_>) -> Result<Option<Sandbox>> {
    let settings = used.context.settings;
    if !settings.sandbox {
        return match settings.sandbox_allow.is_empty() {
            true => Ok(None),
            false => Err(Error::input(format!(
                "this build has no sandbox that could allow something ({SANDBOX_ALLOW}). Ask for one: \
                 --sandbox, Build::sandbox; in CMake, SANDBOX; in Meson, sandbox"
            ))),
        };
    }
    let base = &used.context.site.base;
    let allowed = settings
        .sandbox_allow
        .iter()
        .map(|what| allowed(what, base));
    let allowed: Vec<_> = allowed.collect::<Result<_>>()?;
    let network = allowed.iter().any(|one| matches!(one, Allowed::Network));
    let mut sandbox = Sandbox::new(network);
    for name in ["HOME", "TMPDIR"] {
        if let Some(folder) = variable(used.env, name) {
            sandbox.empty(Path::new(folder));
        }
    }
    used.show_sources(&mut sandbox);
    used.show_kernel(&mut sandbox);
    used.show_tools(&mut sandbox);
    used.show_stage(&mut sandbox);
    for one in allowed {
        if let Allowed::Path(path, access) = one {
            sandbox.show(&path, access);
        }
    }
    used.check_launchers(&sandbox, network)?;
    Ok(Some(sandbox))
}

fn allowed(what: &OsStr, base: &Path) -> Result<Allowed> {
    let bytes = what.as_bytes();
    let path = |path: &[u8]| base.join(OsStr::from_bytes(path));
    let (path, access) = match () {
        () if bytes == b"network" => return Ok(Allowed::Network),
        () if bytes.starts_with(b"read=") => (path(&bytes[5..]), Access::Read),
        () if bytes.starts_with(b"write=") => (path(&bytes[6..]), Access::Write),
        () => {
            return Err(Error::input(format!(
                "the sandbox cannot allow {what:?}. Write network, read=PATH or write=PATH \
                 ({SANDBOX_ALLOW})"
            )));
        }
    };
    let real = std::fs::canonicalize(&path)
        .map_err(|e| Error::reading("allow the sandbox to use", &path, e))?;
    match real.parent() {
        Some(_) => Ok(Allowed::Path(path, access)),
        None => Err(Error::input(format!(
            "the sandbox cannot allow the whole file system ({what:?}). Name a folder below /"
        ))),
    }
}

impl Used<'_> {
    fn show_sources(&self, sandbox: &mut Sandbox) {
        let read = |sandbox: &mut Sandbox, path: &Path| sandbox.show(path, Access::Read);
        match self.sources {
            Sources::Tree {
                root, dir, tree, ..
            } => {
                read(sandbox, root);
                for input in &tree.prepare_inputs {
                    read(sandbox, &dir.join(input));
                }
            }
            Sources::Declared(layout) => {
                layout.searched.iter().for_each(|dir| read(sandbox, dir));
                layout.pairs.iter().for_each(|(_, dir)| read(sandbox, dir));
            }
        }
        for folder in &self.inputs.provided.includes {
            read(sandbox, folder);
        }
        for (symvers, _) in &self.inputs.symvers {
            read(sandbox, symvers);
        }
        for folder in self.repositories.objects(self.sources) {
            read(sandbox, &folder);
        }
    }

    /// Shows the kernel tree, and the ends of the links at its top: distributions keep `scripts` and
    /// `tools` elsewhere.
    fn show_kernel(&self, sandbox: &mut Sandbox) {
        let kernel = self.context.kernel;
        for folder in [kernel.dir(), kernel.source_dir()] {
            sandbox.show(folder, Access::Read);
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.file_type().is_ok_and(|kind| kind.is_symlink()) {
                    sandbox.show(&entry.path(), Access::Read);
                }
            }
        }
        for file in kernel.identity_files() {
            sandbox.show(&file, Access::Read);
        }
    }

    /// Shows the folders of `PATH`, and the folders in which the compilers are installed.
    fn show_tools(&self, sandbox: &mut Sandbox) {
        let home = variable(self.env, "HOME").map(Path::new);
        let home = home.and_then(|home| std::fs::canonicalize(home).ok());
        let is_private = |dir: &Path| home.as_ref().is_some_and(|home| home.starts_with(dir));
        let libraries = variable(self.env, "LD_LIBRARY_PATH").unwrap_or_default();
        let searched = std::env::split_paths(search_path(self.env));
        for dir in searched.chain(std::env::split_paths(libraries)) {
            if dir.is_absolute() && dir.is_dir() && !is_private(&dir) {
                sandbox.show(&dir, Access::Read);
            }
        }
        let tools = &self.target.tools;
        let named = tools
            .variables
            .iter()
            .flat_map(|(_, value)| value.split_whitespace());
        let named = named.map(PathBuf::from).filter(|path| path.is_absolute());
        let programs = tools.tools.iter().cloned().chain(named);
        let programs = programs.chain(find_program("make", self.env));
        let programs = programs.chain(self.inputs.btf.pahole.clone());
        let programs = programs.chain(self.inputs.btf.resolver.iter().cloned());
        #[cfg(feature = "rust")]
        let programs = programs.chain(self.target.rustc.clone());
        for program in programs {
            // The prefix of a cross compiler is no file, and LLVM's folder ends with a slash.
            let folder = match program.is_dir() {
                true => Some(program.as_path()),
                false => program.parent(),
            };
            sandbox.show(&program, Access::Read);
            let Some(folder) = folder.and_then(|dir| std::fs::canonicalize(dir).ok()) else {
                continue;
            };
            if is_private(&folder) {
                continue;
            }
            sandbox.show(&folder, Access::Read);
            if let Some(installed) = installed(&folder, home.as_deref()) {
                sandbox.show(installed, Access::Read);
            }
        }
    }

    /// Shows the stage, which make may write, and the files of kbuild-rs beside it.
    fn show_stage(&self, sandbox: &mut Sandbox) {
        let site = self.context.site;
        let watch = Watch::new(&site.folder, self.context.kernel.source_dir(), b"");
        sandbox.show_later(&site.stage.private, Access::Read);
        sandbox.show_later(&site.folder, Access::Read);
        sandbox.show_later(&site.stage.top, Access::Write);
        sandbox.show_later(&site.stage.dir, Access::Write);
        sandbox.show_later(self.repositories.places.folder(), Access::Write);
        sandbox.show_later(&watch.log, Access::Write);
        sandbox.show_later(&watch.put_away, Access::Write);
        sandbox.show_later(&watch.recorder.folder, Access::Write);
    }

    fn check_launchers(&self, sandbox: &Sandbox, network: bool) -> Result<()> {
        let value = self
            .target
            .tools
            .variables
            .iter()
            .find(|(name, _)| name == "CC");
        let cc = value.map_or("gcc", |(_, value)| value);
        for word in cc.split_whitespace() {
            let Some(file) = find_program(word, self.env) else {
                continue;
            };
            let real = std::fs::canonicalize(&file).unwrap_or(file);
            let name = real.file_name().unwrap_or_default();
            let Some((name, over_network)) = LAUNCHERS.iter().find(|(known, _)| name == *known)
            else {
                continue;
            };
            if *over_network && !network {
                return Err(Error::input(format!(
                    "the compiler runs {name}, which needs the network, and the sandbox has none. \
                     Allow it with `network` ({SANDBOX_ALLOW}), or name another compiler"
                )));
            }
            let store = self.store(name);
            if !*over_network && !sandbox.shows(&store, Access::Write) {
                return Err(Error::input(format!(
                    "the compiler runs {name}, which keeps its files in {}, and the sandbox hides \
                     that folder. Allow it with `write={}` ({SANDBOX_ALLOW}), or name another \
                     compiler",
                    store.display(),
                    store.display()
                )));
            }
        }
        Ok(())
    }

    /// The folder of a compiler cache.
    fn store(&self, name: &str) -> PathBuf {
        let named = format!("{}_DIR", name.to_uppercase());
        if let Some(dir) = variable(self.env, &named) {
            return dir.into();
        }
        let home = Path::new(variable(self.env, "HOME").unwrap_or_default());
        let old = home.join(format!(".{name}"));
        match old.is_dir() {
            true => old,
            false => home.join(".cache").join(name),
        }
    }
}

/// The folder of a whole toolchain, if its programs are in `bin`. Folders that hold more than
/// programs (`~`, `~/.local`, `~/.cargo`) are none.
fn installed<'a>(bin: &'a Path, home: Option<&Path>) -> Option<&'a Path> {
    let above = bin.parent().filter(|_| bin.ends_with("bin"))?;
    let is_hidden = |dir: &Path| {
        dir.file_name()
            .is_some_and(|n| n.as_bytes().starts_with(b"."))
    };
    let of_home = home.is_some_and(|home| {
        home.starts_with(above) || (above.parent() == Some(home) && is_hidden(above))
    });
    (above.parent().is_some() && !of_home).then_some(above)
}

fn variable<'a>(env: &'a [(OsString, OsString)], name: &str) -> Option<&'a OsStr> {
    let found = env.iter().find(|(known, _)| known == name);
    found
        .map(|(_, value)| &**value)
        .filter(|value| !value.is_empty())
}

impl Repositories {
    /// The folders with objects that the private repositories read.
    fn objects(&self, sources: &Sources) -> Vec<PathBuf> {
        let Sources::Tree { root, .. } = sources else {
            return Vec::new();
        };
        let of_root = match Repository::at(root) {
            crate::make::DotGit::Ours(repository) => Some(repository),
            _ => None,
        };
        let above = self
            .above
            .as_ref()
            .map(super::git::RepositoryAbove::repository);
        let found = of_root.iter().chain(above);
        let mut folders: Vec<PathBuf> = found.map(Repository::objects).collect();
        let mut next = 0;
        while let Some(folder) = folders.get(next).cloned() {
            next += 1;
            let text = crate::sys::regular::read(folder.join("info/alternates"));
            for line in text.unwrap_or_default().split(|&byte| byte == b'\n') {
                let other = folder.join(OsStr::from_bytes(line));
                if !line.is_empty() && !folders.contains(&other) {
                    folders.push(other);
                }
            }
        }
        folders
    }
}
