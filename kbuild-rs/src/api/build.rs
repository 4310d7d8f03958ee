//! [`Build`]: what to build, in the idiom of the `cc` crate.

#[cfg(feature = "cache")]
mod cache;
mod flags;
mod jobs;
mod kernel;
mod requirements;
#[cfg(feature = "rust")]
mod rust;
mod tree;

use std::ffi::OsStr;
use std::path::Path;

use super::kernels;
use crate::error::{Message, Sink};
use crate::settings::{
    BtfBase, Config, Declared, Environment, MissingSymvers, Module, Report, Settings, Tree,
};
use crate::{Result, cargo, run};

/// A kernel module to build: sources or a module tree, a kernel, an output directory.
///
/// Setters take `&mut self` and return it, as in `cc`; the name of the module comes last. In a
/// build script every setting has a default: the kernel is the one that `KDIR` names, else the
/// running one; products go to `OUT_DIR`; relative paths start at the package's folder.
///
/// ```no_run
/// kbuild::Build::new()
///     .files(["src/hello.c", "src/ring.c"])
///     .include("include")
///     .define("HELLO_DEBUG", None)
///     .compile("hello"); // OUT_DIR/hello.ko, and env!("HELLO_KO") in the crate
/// ```
///
/// An existing module tree, with a Kbuild or Makefile of its own:
///
/// ```no_run
/// kbuild::Build::tree("driver").compile_all();
/// ```
#[derive(Clone, Debug)]
pub struct Build {
    pub(super) settings: Settings,
}

impl Default for Build {
    fn default() -> Self {
        Self::new()
    }
}

impl Build {
    /// A declared module: list its sources with [`file`](Self::file), name it with
    /// [`compile`](Self::compile).
    pub fn new() -> Self {
        Self::of(Module::Declared(Declared::default()))
    }

    /// A module tree: a directory with a `Kbuild` or `Makefile` that kbuild reads.
    ///
    /// kbuild-rs copies the tree to the stage, a private folder in the output directory, and builds
    /// it there. It does not write to the tree.
    pub fn tree(dir: impl AsRef<Path>) -> Self {
        Self::of(Module::Tree(Tree::new(dir.as_ref().to_owned())))
    }

    fn of(module: Module) -> Self {
        let sink = Sink::printing(cargo::print_in_script);
        let mut settings = Settings::new(module, Environment::new(true), sink);
        settings.received = cargo::received;
        #[cfg(feature = "cache")]
        {
            settings.default_cache = cargo::cache_folder;
        }
        Build { settings }
    }

    /// Builds for one kernel, and reports the result to Cargo.
    fn build(&self, name: Option<&str>) -> Result<Report> {
        let environment = &self.settings.environment;
        let report = run::build(&self.settings, name)
            .inspect_err(|error| cargo::announce_requirements(environment, error))?;
        if environment.is_build_script {
            cargo::announce_files(&report);
            cargo::announce_modules(&report);
            cargo::record_modules(environment, &report)?;
            cargo::pass_on(environment, None, &report);
        }
        Ok(report)
    }

    /// Ends a build script that cannot go on.
    pub(super) fn or_fail<T>(&self, result: Result<T>) -> T {
        self.go_on(result.unwrap_or_else(|e| cargo::fail(&e)))
    }

    /// The caller's script continues after a failure, and may succeed.
    pub(super) fn go_on<T>(&self, result: T) -> T {
        cargo::announce_env_read(&self.settings.environment);
        result
    }

    /// Builds, prints Cargo's directives, and ends the process with a readable error and exit
    /// code 1 when something fails.
    ///
    /// A declared module becomes `OUT_DIR/<name>.ko`. With a module tree, `name` is the module of
    /// the tree that the caller needs. All modules of the tree are built, and it is an error if
    /// that one is not among them. To list several, see [`module`](Self::module).
    pub fn compile(&self, name: &str) -> Report {
        self.or_fail(self.build(Some(name)))
    }

    /// Like [`compile`](Self::compile), for every module in the tree.
    pub fn compile_all(&self) -> Report {
        self.or_fail(self.build(None))
    }

    /// Like [`compile`](Self::compile), but returns the error.
    pub fn try_compile(&self, name: &str) -> Result<Report> {
        self.go_on(self.build(Some(name)))
    }

    /// Like [`compile_all`](Self::compile_all), but returns the error.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for a declared module, which
    /// has no name without [`try_compile`](Self::try_compile).
    pub fn try_compile_all(&self) -> Result<Report> {
        self.go_on(self.build(None))
    }

    /// Builds for each kernel that [`kernels`](Self::kernels) or `KDIR` names, into
    /// `OUT_DIR/<release>/`; ends the process with a readable error when one of the builds fails.
    /// `name` is `None` for every module of a tree. A kernel that does not meet a
    /// [requirement](Self::requires_config) is left out, with a warning, unless all kernels are.
    ///
    /// For each module the crate gets a table of the results. At run time, a program selects its
    /// entry by `uname -r`. For `hello`:
    ///
    /// ```text
    /// static HELLO: &[(&str, &[u8])] = include!(env!("HELLO_KO_TABLE"));
    /// ```
    pub fn compile_each<'a>(&self, name: impl Into<Option<&'a str>>) -> Vec<Report> {
        let reports = kernels::each(&self.settings, name.into());
        self.or_fail(reports.and_then(|reports| self.without_skipped(reports)))
    }

    /// Like [`compile_each`](Self::compile_each), but returns a result for each kernel: one failure
    /// does not hide the others. The builds run in parallel as far as there are jobs. The messages
    /// about a kernel come when its build has ended, after a note that names the kernel.
    ///
    /// # Errors
    /// If a kernel does not exist, or two kernels have the same release. Then nothing is built.
    pub fn try_compile_each<'a>(
        &self,
        name: impl Into<Option<&'a str>>,
    ) -> Result<Vec<Result<Report>>> {
        self.go_on(kernels::each(&self.settings, name.into()))
    }

    /// Returns the environment and the make command line that [`try_compile`](Self::try_compile)
    /// would use. It does not write or start anything. `name` is `None` for a module tree.
    pub fn plan(&self, name: Option<&str>) -> Result<crate::Plan> {
        self.go_on(run::plan(&self.settings, name))
    }

    // ---- what to build ------------------------------------------------------------------

    /// Lists an expected module; repeat it for each module of a tree. It is an error if the build
    /// does not make a listed module, or if it makes one that is not listed.
    pub fn module(&mut self, name: &str) -> &mut Self {
        self.settings.modules.push(name.to_owned());
        self
    }

    /// Adds a source: `.c`, `.S`, an object shipped as `foo.o_shipped`, or `.rs` (feature `rust`).
    ///
    /// For a Rust crate, add only its root. The files that it reaches by `mod`, `#[path]` and
    /// `include_str!` are added automatically.
    ///
    /// An error for a module tree, whose Kbuild lists its own.
    pub fn file(&mut self, path: impl AsRef<Path>) -> &mut Self {
        self.declare("file", |d| d.sources.push(path.as_ref().to_owned()))
    }

    /// Adds several sources, see [`file`](Self::file).
    pub fn files<P: AsRef<Path>>(&mut self, paths: impl IntoIterator<Item = P>) -> &mut Self {
        for path in paths {
            self.file(path);
        }
        self
    }

    /// Adds a folder to the header search path (`-I`), for declared modules and for module trees.
    /// Each source's own folder is searched for `#include "…"` automatically.
    ///
    /// In a package with `links`, the crates that depend on it search the folder too.
    pub fn include(&mut self, dir: impl AsRef<Path>) -> &mut Self {
        self.settings.includes.push(dir.as_ref().to_owned());
        self
    }

    /// Changes a declared module; for a module tree, the build fails and names the setter.
    fn declare(&mut self, setter: &'static str, change: impl FnOnce(&mut Declared)) -> &mut Self {
        match &mut self.settings.module {
            Module::Declared(declared) => change(declared),
            Module::Tree(_) => self.misplace(setter),
        }
        self
    }

    fn misplace(&mut self, setter: &'static str) {
        self.settings.misplaced.get_or_insert(setter);
    }

    /// Sets one of the module's own `CONFIG_` symbols, named with or without `CONFIG_`: for
    /// Makefiles with `obj-$(CONFIG_FOO)` and sources with `IS_ENABLED(CONFIG_FOO)`.
    ///
    /// It does not change the kernel: if the kernel was built with this symbol, only this module
    /// sees the other value, and a warning says so.
    pub fn config(&mut self, name: &str, value: Config) -> &mut Self {
        self.settings.configs.push((name.to_owned(), value));
        self
    }

    /// Sets a variable on make's command line. make does not run the value. The name decides which
    /// values are allowed:
    ///
    /// - a variable of the tree (`DRIVER_VERSION`): any value; it reaches the tree's Makefiles
    ///   unchanged.
    /// - one that kbuild puts into its commands (`KCFLAGS`, `LD`, `foo-y`, `CONFIG_FOO`): plain
    ///   words, without anything that make or a shell would run.
    /// - a private one of kbuild or make (`M`, `SHELL`, `LINUXINCLUDE`, `cmd_*`, variables that the
    ///   kernel's makefiles set): the build is refused with
    ///   [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput).
    ///
    /// # Placeholders
    ///
    /// - `{kernel_dir}`: the kernel tree that `make -C` gets
    /// - `{kernel_source}`: the sources of that kernel, which may be the same folder
    /// - `{release}`: the kernel's release
    /// - `{staged_root}`, `{staged_dir}`: the tree root and the module tree in the stage
    ///
    /// They are replaced in the values of `make_var` and [`env`](Self::env), and in the commands of
    /// [`prepare`](Self::prepare). Each kernel gets its own values. All other braces stay, also
    /// those after a `$`. `PWD` may be set to a placeholder for a folder.
    ///
    /// ```no_run
    /// kbuild::Build::tree("driver")
    ///     .make_var("KSRC", "{kernel_dir}")
    ///     .compile_all();
    /// ```
    pub fn make_var(&mut self, name: &str, value: impl AsRef<OsStr>) -> &mut Self {
        self.settings
            .make_vars
            .push((name.to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Adds a variable to the environment of make, which otherwise only gets a short list. make
    /// treats it as a make variable, so the rules of [`make_var`](Build::make_var) apply, and `$(`
    /// is refused in any value. [Placeholders](Self::make_var) are replaced.
    pub fn env(&mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> &mut Self {
        self.settings
            .env
            .push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Builds a kbuild target instead of `modules`: `foo.o`, `foo.i`, `foo.s`, `foo.lst`, `foo.ko`,
    /// `dir/`. Single files go to the output directory.
    pub fn target(&mut self, target: &str) -> &mut Self {
        self.settings.targets.push(target.to_owned());
        self
    }

    /// Adds the `Module.symvers` of a provider: a module tree whose exported symbols this one uses
    /// (`KBUILD_EXTRA_SYMBOLS`). When it changes, modpost runs again.
    pub fn symvers(&mut self, path: impl AsRef<Path>) -> &mut Self {
        self.settings.symvers.push(path.as_ref().to_owned());
        self
    }

    /// Sets whether a kernel tree without a `Module.symvers` (only prepared with `modules_prepare`)
    /// is an error, which is the default, or a warning.
    pub fn missing_symvers(&mut self, policy: MissingSymvers) -> &mut Self {
        self.settings.missing_symvers = policy;
        self
    }

    /// Sets the BTF of the kernel on which the BTF of the modules builds. Default: kbuild takes the
    /// `vmlinux` in the kernel tree, and without one, modules get no BTF.
    ///
    /// Such BTF only fits one kernel, so a base of another release is an error. A file of BTF does not
    /// name its release. The feature `btf` of this crate unpacks a `vmlinuz`. The build needs pahole.
    pub fn btf_base(&mut self, base: BtfBase) -> &mut Self {
        self.settings.btf_base = Some(base);
        self
    }

    // ---- how ----------------------------------------------------------------------------

    /// Shows full commands: kbuild's `V=1` or `V=2`.
    pub fn verbose(&mut self, level: &str) -> &mut Self {
        self.settings.verbose = Some(level.to_owned());
        self
    }

    /// Turns on more compiler warnings: kbuild's `W=1`, `W=2`, `W=3` or a combination (`12`).
    pub fn extra_warnings(&mut self, level: &str) -> &mut Self {
        self.settings.extra_warnings = Some(level.to_owned());
        self
    }

    /// Sets whether a build may skip kbuild's first phase: the work of the kernel's top Makefile before
    /// it starts the makes that build a module. Default: yes.
    ///
    /// The first build for a kernel records these makes in the user's cache folder. Later builds start
    /// them directly: after an edit, a build then takes about half of plain make's processor time.
    /// `KBUILD_RS_SHORTCUT=0` in the environment turns this off, too.
    pub fn shortcut(&mut self, yes: bool) -> &mut Self {
        self.settings.shortcut = yes;
        self
    }

    /// Sets whether make and everything that it starts run in a sandbox. Default: no.
    ///
    /// They see the system's programs, the kernel tree, the compilers and the sources read-only, an
    /// empty home folder and an empty `/tmp`, and may write the stage. They have no network and see
    /// no other process. A machine that does not allow this is an error, and nothing is built.
    pub fn sandbox(&mut self, yes: bool) -> &mut Self {
        self.settings.sandbox = yes;
        self
    }

    /// Allows the [sandbox](Self::sandbox) one thing more: `network`; `read=PATH`, a file or folder to
    /// read; or `write=PATH`, one to read and write.
    pub fn sandbox_allow(&mut self, what: impl AsRef<OsStr>) -> &mut Self {
        self.settings.sandbox_allow.push(what.as_ref().to_owned());
        self
    }

    /// Sets the folder that relative paths start at. Default: Cargo's `CARGO_MANIFEST_DIR` in a
    /// build script, else the working directory.
    pub fn base(&mut self, dir: impl AsRef<Path>) -> &mut Self {
        self.settings.base = Some(dir.as_ref().to_owned());
        self
    }

    /// Sets the output directory. Default: Cargo's `OUT_DIR`.
    pub fn out_dir(&mut self, dir: impl AsRef<Path>) -> &mut Self {
        self.settings.out_dir = Some(dir.as_ref().to_owned());
        self
    }

    /// Sets whether the build prints Cargo's directives and reads Cargo's variables. Default: yes.
    /// Set it to no in a program that is not a build script.
    pub fn cargo_metadata(&mut self, yes: bool) -> &mut Self {
        self.settings.environment.is_build_script = yes;
        self.settings.sink.set_print(match yes {
            true => cargo::print_in_script,
            false => cargo::print,
        });
        self
    }

    /// Passes every message to `handler` as it comes, instead of printing it; for several kernels,
    /// [when a kernel's build has ended](Self::compile_each). An error repeats the lines that
    /// report errors; [`Error::without_output`](crate::error::Error::without_output) leaves them
    /// out.
    pub fn on_message(&mut self, handler: impl FnMut(&Message<'_>) + Send + 'static) -> &mut Self {
        self.settings.sink.set_handler(handler);
        self
    }
}
