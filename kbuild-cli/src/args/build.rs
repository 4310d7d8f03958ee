//! The flags of `kbuild-rs build`, a struct for each heading of its help.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{OsStringValueParser, StringValueParser, TypedValueParser};
use clap::{ArgAction, Args, ValueEnum, value_parser};

use super::help;
use super::output::MessageFormat;
use super::parsers::{btf_base, cmake_words, config, define, make_var, pair};
use super::requires::RequiresArgs;

/// `kbuild-rs build`.
#[derive(Debug, Args)]
#[command(
    after_help = help::BUILD_EXAMPLES,
    override_usage = help::BUILD_USAGE,
)]
pub(crate) struct BuildArgs {
    /// Module trees to build [default: .]. With --name: the sources of the module.
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
    pub(crate) requires: RequiresArgs,
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
    /// installed kernel.
    #[arg(long = "kernel", value_name = "PATH|RELEASE")]
    pub(crate) named: Vec<OsString>,
    /// Build for every usable kernel that `kbuild-rs kernels` lists.
    #[arg(long, conflicts_with = "named")]
    pub(crate) all_kernels: bool,
    /// Required architecture of the kernel (x86, arm64, aarch64, …).
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
    /// Rust compiler: exactly the one that built the kernel. Default: search PATH and rustup's
    /// toolchains for it.
    #[arg(long, value_name = "RUSTC")]
    pub(crate) rustc: Option<String>,
}

/// Flags on a module tree.
#[derive(Debug, Args)]
#[command(next_help_heading = "Module tree")]
pub(crate) struct TreeArgs {
    /// Copy this folder to the stage instead of DIR, if the module tree reads files above DIR. The
    /// path starts at DIR: a Makefile that reads ../common needs --tree-root .. .
    #[arg(long, value_name = "DIR")]
    pub(crate) tree_root: Option<PathBuf>,
    /// Do not copy files or folders of this name. * matches anything but a slash, ** matches
    /// anything. A pattern without a slash matches a name at any depth.
    #[arg(long, value_name = "GLOB")]
    pub(crate) exclude: Vec<String>,
    /// Command that prepares the tree (configure, a generator). sh runs it in the stage before make
    /// starts, with KDIR set to the kernel tree.
    #[arg(long, value_name = "CMD")]
    pub(crate) prepare: Vec<OsString>,
    /// File that the --prepare commands read. If one of these files changed, the commands run again.
    /// Default: any file of the tree.
    #[arg(long, value_name = "FILE")]
    pub(crate) prepare_input: Vec<PathBuf>,
    /// Also publish this file, which a rule of the Kbuild makes (always-y += fw.bin). The path is
    /// relative to the module tree, and the same in the output directory.
    #[arg(long, value_name = "FILE")]
    pub(crate) product: Vec<PathBuf>,
}

/// Flags on a declared module.
#[derive(Debug, Args)]
#[command(next_help_heading = "Module from sources (--name)")]
pub(crate) struct DeclaredArgs {
    /// Build one module with this name from the listed sources: .c, .S, .rs or .o_shipped.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Flag for the linker that joins the module's objects.
    #[arg(long, value_name = "FLAG", allow_hyphen_values = true)]
    pub(crate) ldflag: Vec<OsString>,
    /// C header to use from Rust: bindgen generates the declarations. Include them with
    /// include!(env!("NAME_BINDINGS")); NAME is the header's name in capitals.
    #[arg(long, value_name = "HEADER")]
    pub(crate) bindings: Vec<PathBuf>,
    /// Also declare the items of other headers that match this regular expression.
    #[arg(long, value_name = "REGEX")]
    pub(crate) bindings_item: Vec<String>,
}

/// Flags that module trees and declared modules share.
#[derive(Debug, Args)]
#[command(next_help_heading = "Headers, flags, symbols, configuration, make")]
pub(crate) struct CommonArgs {
    /// Folder where relative paths of sources, trees and header folders start [default: .]. Sources
    /// below it keep their relative paths in debug information.
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
    /// Flag for the C compiler as CMake stores it: several flags may follow SHELL:.
    #[arg(long, value_name = "FLAG", hide = true, allow_hyphen_values = true)]
    pub(crate) cmake_option: Vec<String>,
    /// Use the symbols of another module: FILE is the symvers that its build wrote. DIR is a module
    /// tree that this call builds, too. It is then built first.
    #[arg(long, value_name = "FILE|DIR")]
    pub(crate) symvers: Vec<PathBuf>,
    /// Policy for a kernel tree without Module.symvers: modpost then cannot check symbols.
    #[arg(long, value_enum, value_name = "POLICY", default_value_t = SymversPolicy::Error)]
    pub(crate) missing_symvers: SymversPolicy,
    /// Base of the modules' BTF, the kernel's own BTF: FILE is a vmlinux, a vmlinuz or a file of BTF.
    /// auto takes the vmlinux in the kernel tree, else the BTF of the running kernel or of the
    /// installed image with the kernel's release. none: no BTF. Default: the vmlinux in the kernel
    /// tree, if there is one.
    #[arg(long, value_name = "auto|FILE|none", value_parser = OsStringValueParser::new().map(btf_base))]
    pub(crate) btf_base: Option<kbuild::BtfBase>,
    /// Set one of the module's own CONFIG_ symbols to m, y or n.
    #[arg(long, value_name = "FOO=m|y|n", value_parser = StringValueParser::new().try_map(config))]
    pub(crate) config: Vec<(String, kbuild::Config)>,
    /// Set a variable on make's command line. make does not run anything in its value, and kbuild's
    /// own variables are refused. kbuild-rs replaces these words here, in --env and in --prepare:
    /// {kernel_dir} (the kernel tree), {kernel_source} (its sources), {release}, {staged_root} (the
    /// tree root in the stage) and {staged_dir} (the module tree in the stage).
    #[arg(long, value_name = "NAME=VALUE", allow_hyphen_values = true, value_parser = OsStringValueParser::new().try_map(make_var))]
    pub(crate) make_var: Vec<(String, OsString)>,
    /// Add a variable to the environment of make. By default, make gets only a few variables.
    #[arg(long, value_name = "NAME=VALUE", value_parser = OsStringValueParser::new().try_map(pair))]
    pub(crate) env: Vec<(OsString, OsString)>,
    /// Run clippy on Rust sources, with the lints that the kernel chooses.
    #[arg(long)]
    pub(crate) clippy: bool,
    /// Build this kbuild target instead of the modules: foo.o, foo.i, foo.s, foo.lst, foo.ko, dir/.
    /// Single files go to the output directory.
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
    /// Output directory. Products are DIR/hello.ko, or DIR/RELEASE/hello.ko for several kernels
    /// [default: kbuild-out].
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out_dir: Option<PathBuf>,
    /// Also copy a product to this file. The file name selects the product: hello.ko is the module
    /// hello, hello.symvers the symvers, fw.bin the --product of that name. If the build
    /// makes one module, and there is one --output, FILE may have any name. An unchanged FILE keeps
    /// its time. A new one gets the time at which the build began.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Vec<PathBuf>,
    /// Write the inputs of the products to FILE, in gcc's format, for Ninja, CMake and Meson.
    /// Headers of an installed kernel tree are listed as folders. If FILE and the products are
    /// relative paths, inputs below the working directory are also written as relative paths.
    #[arg(long, value_name = "FILE")]
    pub(crate) depfile: Option<PathBuf>,
    /// Write an empty file after a successful build. Use it as the target of a make rule, because
    /// unchanged products keep their old time. Its time is the start of the build, and the depfile
    /// names it as its target.
    #[arg(long, value_name = "FILE")]
    pub(crate) stamp: Option<PathBuf>,
    /// Also put the entries of the modules into this compile_commands.json of a project.
    #[arg(long, value_name = "FILE", requires = "compile_commands_record")]
    pub(crate) compile_commands: Option<PathBuf>,
    /// File that records the entries that --compile-commands added. Use one folder for the records
    /// of all builds that share a compile_commands.json.
    #[arg(long, value_name = "FILE")]
    pub(crate) compile_commands_record: Option<PathBuf>,
    /// Expected module. If any are given, a module that is not listed is an error.
    #[arg(long, value_name = "NAME")]
    pub(crate) module: Vec<String>,
}

/// Flags on how a build runs and what it tells.
#[derive(Debug, Args)]
#[command(next_help_heading = "Jobs, output and messages")]
pub(crate) struct RunArgs {
    /// Number of jobs, if there is no jobserver. Default: the number that the outer Ninja uses,
    /// else CMAKE_BUILD_PARALLEL_LEVEL, else the number of cores.
    #[arg(short, long, value_name = "N", value_parser = value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,
    /// If there is no jobserver, share the jobs with every build that names the same folder
    /// [default: with all builds that the outer Ninja starts, else with all builds into this output
    /// directory].
    #[arg(long, value_name = "DIR")]
    pub(crate) pool_dir: Option<PathBuf>,
    /// Show the commands that make runs. -vv also shows why make runs each of them, and why
    /// the build does not take the shortcut.
    #[arg(short, long, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Turn on more compiler warnings: 1, 2, 3, or a combination, as in kbuild's W=.
    #[arg(short = 'W', long = "extra-warnings", value_name = "LEVEL")]
    pub(crate) extra_warnings: Option<String>,
    /// Do not take the shortcut. By default, the first build for a kernel records which makes the
    /// kernel's top Makefile starts, and later builds start them directly. KBUILD_RS_SHORTCUT=0 does
    /// the same as this flag.
    #[arg(long)]
    pub(crate) no_shortcut: bool,
    /// Folder of the cache of finished modules. A build with the inputs of an earlier build takes its
    /// products from there, and does not start make. Default: the folder in KBUILD_RS_CACHE, else no
    /// cache.
    #[arg(long, value_name = "DIR")]
    pub(crate) cache: Option<PathBuf>,
    /// Use no cache of finished modules, even if KBUILD_RS_CACHE names one.
    #[arg(long, conflicts_with = "cache")]
    pub(crate) no_cache: bool,
    /// Run make and everything that it starts in a sandbox. They can read the sources and the kernel
    /// tree, and write only to the stage. They have no network and no home folder. If this machine
    /// does not allow that, the build is an error.
    #[arg(long)]
    pub(crate) sandbox: bool,
    /// Allow one more thing in the sandbox: network, read=PATH or write=PATH.
    #[arg(long, value_name = "WHAT", requires = "sandbox")]
    pub(crate) sandbox_allow: Vec<OsString>,
    /// Show nothing until the build has ended. Then show warnings, errors and the standard error of
    /// commands, or everything if the build failed.
    #[arg(short, long, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Show the commands if the outer build shows its own. Say that modules came from the cache, also
    /// with --quiet: the outer build said that it builds them.
    #[arg(long, hide = true)]
    pub(crate) outer_verbose: bool,
    /// The outer build has shown the warnings about requirements.
    #[arg(long, hide = true)]
    pub(crate) requirements_shown: bool,
    /// Format of messages and results. As text, messages go to standard error, and the paths of the
    /// products to standard output.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = MessageFormat::Human)]
    pub(crate) message_format: MessageFormat,
    /// Not used. make passes its jobserver to a recipe that names $(MAKE), and generated recipes
    /// can name it here.
    #[arg(long, value_name = "MAKE", hide = true)]
    pub(crate) outer_make: Option<OsString>,
    /// Print the environment and the make command line. Do not write or start anything.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// `--missing-symvers`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SymversPolicy {
    /// Do not build.
    Error,
    /// Build, and warn that no symbol was checked.
    Warn,
}
