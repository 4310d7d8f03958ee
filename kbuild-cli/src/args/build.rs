//! The flags of `kbuild-rs build`, a struct for each heading of its help.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{OsStringValueParser, StringValueParser, TypedValueParser};
use clap::{ArgAction, Args, ValueEnum, value_parser};

use super::help;
use super::output::MessageFormat;
use super::parsers::{cmake_words, config, define, make_var, pair};

/// `kbuild-rs build`.
#[derive(Debug, Args)]
#[command(
    after_help = help::BUILD_EXAMPLES,
    override_usage = help::BUILD_USAGE,
)]
pub(crate) struct BuildArgs {
    /// The module trees [default: .], or with --name the sources of the module.
    #[arg(value_name = "DIR|SOURCE")]
    pub(crate) inputs: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) kernel: KernelArgs,
    #[command(flatten)]
    pub(crate) tree: TreeArgs,
    #[command(flatten)]
    pub(crate) declared: DeclaredArgs,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
    #[command(flatten)]
    pub(crate) products: ProductArgs,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// Flags on the kernel and its toolchain.
#[derive(Debug, Args)]
#[command(next_help_heading = "Kernel and toolchain")]
pub(crate) struct KernelArgs {
    /// Kernel to build against: the path of its tree, or a release such as 6.12.117+deb12-amd64.
    /// Repeat it to build for several. Default: $KDIR, else the running kernel, else the newest
    /// one installed.
    #[arg(long = "kernel", value_name = "PATH|RELEASE")]
    pub(crate) named: Vec<OsString>,
    /// Build for every kernel that `kbuild-rs kernels` lists and that can be used.
    #[arg(long, conflicts_with = "named")]
    pub(crate) all_kernels: bool,
    /// Architecture that the kernel has to have (x86, arm64, aarch64, …).
    #[arg(long, value_name = "ARCH")]
    pub(crate) arch: Option<String>,
    /// Prefix of a cross toolchain, such as aarch64-linux-gnu-.
    #[arg(long, value_name = "PREFIX")]
    pub(crate) cross_compile: Option<String>,
    /// Build with LLVM: 1, a version suffix such as -19, or a folder such as
    /// /usr/lib/llvm-19/bin/. Default: as the kernel was built.
    #[arg(long, value_name = "1|SUFFIX|DIR", allow_hyphen_values = true)]
    pub(crate) llvm: Option<String>,
    /// C compiler instead of the one that the kernel was built with.
    #[arg(long, value_name = "CC")]
    pub(crate) cc: Option<String>,
    /// Rust compiler: the very one that built the kernel. Default: that one, where it is in PATH
    /// or among rustup's toolchains.
    #[arg(long, value_name = "RUSTC")]
    pub(crate) rustc: Option<String>,
}

/// Flags on a module tree.
#[derive(Debug, Args)]
#[command(next_help_heading = "Module tree")]
pub(crate) struct TreeArgs {
    /// Folder to copy where the module needs more than its own, relative to DIR: a Makefile that
    /// reaches ../common needs --tree-root .. .
    #[arg(long, value_name = "DIR")]
    pub(crate) tree_root: Option<PathBuf>,
    /// Leave files or folders out of the build. * stands for anything but a slash, ** for
    /// anything; without a slash, the pattern is a name at any depth.
    #[arg(long, value_name = "GLOB")]
    pub(crate) exclude: Vec<String>,
    /// Command that prepares the tree (configure, a generator). sh runs it in the copy before make
    /// starts, with the kernel tree in KDIR.
    #[arg(long, value_name = "CMD")]
    pub(crate) prepare: Vec<OsString>,
    /// File that --prepare reads. It runs again when one of these has changed. Default: any file of
    /// the tree.
    #[arg(long, value_name = "FILE")]
    pub(crate) prepare_input: Vec<PathBuf>,
    /// Also publish this file, which a rule of the Kbuild makes (always-y += fw.bin). The path
    /// starts at the module folder, and is the same below the output directory.
    #[arg(long, value_name = "FILE")]
    pub(crate) product: Vec<PathBuf>,
}

/// Flags on a declared module.
#[derive(Debug, Args)]
#[command(next_help_heading = "Module from sources (--name)")]
pub(crate) struct DeclaredArgs {
    /// Build one module of this name from the sources given: .c, .S, .rs, or .o_shipped.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Flag for the linker that joins the module's objects.
    #[arg(long, value_name = "FLAG", allow_hyphen_values = true)]
    pub(crate) ldflag: Vec<OsString>,
    /// C header to declare for Rust, by bindgen; include!(env!("NAME_BINDINGS")) takes it in.
    #[arg(long, value_name = "HEADER")]
    pub(crate) bindings: Vec<PathBuf>,
    /// Item of other headers to declare too, as a regular expression.
    #[arg(long, value_name = "REGEX")]
    pub(crate) bindings_item: Vec<String>,
}

/// Flags that module trees and declared modules share.
#[derive(Debug, Args)]
#[command(next_help_heading = "Headers, flags, symbols, configuration, make")]
pub(crate) struct CommonArgs {
    /// Folder that relative sources, trees and header folders start at [default: .]. Sources below
    /// it keep their places in debug information.
    #[arg(long, value_name = "DIR")]
    pub(crate) base: Option<PathBuf>,
    /// Add a folder to the header search path.
    #[arg(short = 'I', long = "include", value_name = "DIR")]
    pub(crate) include: Vec<PathBuf>,
    /// Define a macro for C and assembler.
    #[arg(short = 'D', long = "define", value_name = "NAME[=VALUE]", value_parser = StringValueParser::new().try_map(define))]
    pub(crate) define: Vec<(String, Option<String>)>,
    /// Flag for the C compiler, after the kernel's own.
    #[arg(long, value_name = "FLAG", allow_hyphen_values = true)]
    pub(crate) cflag: Vec<OsString>,
    /// Flag for the assembler.
    #[arg(long, value_name = "FLAG", allow_hyphen_values = true)]
    pub(crate) asflag: Vec<OsString>,
    /// Set a cfg for Rust.
    #[arg(long, value_name = "NAME[=VALUE]", value_parser = StringValueParser::new().try_map(define))]
    pub(crate) cfg: Vec<(String, Option<String>)>,
    /// Flag for rustc, after the kernel's own.
    #[arg(long, value_name = "FLAG", allow_hyphen_values = true)]
    pub(crate) rustflag: Vec<OsString>,
    /// Flag for the C compiler as CMake holds it: behind SHELL: stand several.
    #[arg(long, value_name = "FLAG", hide = true, allow_hyphen_values = true)]
    pub(crate) cmake_option: Vec<String>,
    /// Module.symvers of a module whose symbols this one uses. Or one of the module trees of this
    /// call: it is built first, and the others may use its symbols.
    #[arg(long, value_name = "FILE|DIR")]
    pub(crate) symvers: Vec<PathBuf>,
    /// What to do when the kernel tree has no Module.symvers, so that no symbol can be checked.
    #[arg(long, value_enum, value_name = "POLICY", default_value_t = SymversPolicy::Error)]
    pub(crate) missing_symvers: SymversPolicy,
    /// Set a CONFIG_ symbol of the module's own to m, y or n.
    #[arg(long, value_name = "FOO=m|y|n", value_parser = StringValueParser::new().try_map(config))]
    pub(crate) config: Vec<(String, kbuild::Config)>,
    /// Set a variable on make's command line. Nothing in its value is run, and kbuild's own names
    /// are refused. Placeholders here, in --env and in --prepare: {kernel_dir}, {kernel_source} and
    /// {release} of the kernel, {staged_root} and {staged_dir} of the copy.
    #[arg(long, value_name = "NAME=VALUE", allow_hyphen_values = true, value_parser = OsStringValueParser::new().try_map(make_var))]
    pub(crate) make_var: Vec<(String, OsString)>,
    /// Add a variable to the environment of make, which otherwise gets a short list only.
    #[arg(long, value_name = "NAME=VALUE", value_parser = OsStringValueParser::new().try_map(pair))]
    pub(crate) env: Vec<(OsString, OsString)>,
    /// Have clippy look at sources in Rust, with the kernel's own choice of lints.
    #[arg(long)]
    pub(crate) clippy: bool,
    /// Make this of the module folder, instead of its modules: foo.o, foo.i, foo.s, foo.lst,
    /// foo.ko, dir/. Single files land below the output directory.
    #[arg(long, value_name = "TARGET")]
    pub(crate) target: Vec<String>,
}

impl CommonArgs {
    /// The flags for the C compiler, those that CMake holds last.
    pub(crate) fn cflags(&self) -> impl Iterator<Item = OsString> + '_ {
        let options = self.cmake_option.iter();
        let of_cmake = options.flat_map(|option| cmake_words(option));
        self.cflag.iter().cloned().chain(of_cmake.map(Into::into))
    }
}

/// Flags on the products.
#[derive(Debug, Args)]
#[command(next_help_heading = "Products")]
pub(crate) struct ProductArgs {
    /// Output directory: DIR/hello.ko, or with several kernels DIR/RELEASE/hello.ko
    /// [default: kbuild-out].
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out_dir: Option<PathBuf>,
    /// Also copy a product to this file. Its name says which: hello.ko is the module hello,
    /// hello.symvers the symvers, fw.bin the --product of that name. If there is one module and one
    /// copy of it, the copy may have any name. An unchanged copy stays as it is; a new one is dated
    /// when the build began.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Vec<PathBuf>,
    /// Write the inputs of the products to FILE, in gcc's form, for Ninja, CMake and Meson. The
    /// headers of an installed kernel tree are written as their folders. If FILE and the products
    /// have relative paths, paths below the working directory are written relative to it.
    #[arg(long, value_name = "FILE")]
    pub(crate) depfile: Option<PathBuf>,
    /// Write an empty file when everything is there, dated when the build began; the depfile is
    /// then about it. What did not change keeps its own time, which make cannot use as a target.
    #[arg(long, value_name = "FILE")]
    pub(crate) stamp: Option<PathBuf>,
    /// Put the entries of the modules into this compile_commands.json of a project, too.
    #[arg(long, value_name = "FILE", requires = "compile_commands_record")]
    pub(crate) compile_commands: Option<PathBuf>,
    /// Where to keep what --compile-commands has put there, in a folder that all builds for that
    /// file share.
    #[arg(long, value_name = "FILE")]
    pub(crate) compile_commands_record: Option<PathBuf>,
    /// Expected module. If any are given, a module that is not listed is an error.
    #[arg(long, value_name = "NAME")]
    pub(crate) module: Vec<String>,
}

/// Flags on how a build runs and what it tells.
#[derive(Debug, Args)]
#[command(next_help_heading = "How")]
pub(crate) struct RunArgs {
    /// Jobs that may run, where no jobserver says so. Default: those of the Ninja
    /// that this runs below, else CMAKE_BUILD_PARALLEL_LEVEL, else as many as there are cores.
    #[arg(short, long, value_name = "N", value_parser = value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,
    /// Where no jobserver says how many jobs may run: share them with every build that names the
    /// same folder [default: all builds of the Ninja outside share them, else those of one output
    /// directory].
    #[arg(long, value_name = "DIR")]
    pub(crate) pool_dir: Option<PathBuf>,
    /// Show the commands that make runs; twice (-vv), also why.
    #[arg(short, long, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Turn on more compiler warnings: 1, 2, 3, or a mixture, as kbuild's W= takes it.
    #[arg(short = 'W', long = "extra-warnings", value_name = "LEVEL")]
    pub(crate) extra_warnings: Option<String>,
    /// Show nothing until the build has ended. Then show warnings, errors and the standard error of
    /// commands, or everything if the build failed.
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Show the commands where the build that this is a part of shows its own.
    #[arg(long, hide = true)]
    pub(crate) outer_verbose: bool,
    /// How to tell what happens, and what came out.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = MessageFormat::Human)]
    pub(crate) message_format: MessageFormat,
    /// Not used. A recipe that names $(MAKE) is given make's jobserver, and this is where a
    /// recipe that a tool writes can name it.
    #[arg(long, value_name = "MAKE", hide = true)]
    pub(crate) outer_make: Option<OsString>,
    /// Print the environment and the make line; write and start nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// `--missing-symvers`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SymversPolicy {
    /// Do not build.
    Error,
    /// Build, and say that no symbol was checked.
    Warn,
}
