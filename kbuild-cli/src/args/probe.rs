//! The flags of `kbuild-rs probe`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{OsStringValueParser, StringValueParser, TypedValueParser};
use clap::{Args, value_parser};

use super::help;
use super::output::MessageFormat;
use super::parsers::{cmake_words, config, define, make_var};

/// `kbuild-rs probe`.
#[derive(Debug, Args)]
#[command(after_help = help::PROBE_EXAMPLES)]
pub(crate) struct ProbeArgs {
    #[command(flatten)]
    pub(crate) questions: QuestionArgs,
    #[command(flatten)]
    pub(crate) kernel: ProbeKernelArgs,
    #[command(flatten)]
    pub(crate) run: ProbeRunArgs,
}

/// The questions. NAME names the answer.
#[derive(Debug, Args)]
#[command(next_help_heading = "Questions")]
pub(crate) struct QuestionArgs {
    /// Does this C file compile? - is standard input.
    #[arg(long, value_name = "NAME=FILE", value_parser = OsStringValueParser::new().try_map(make_var))]
    pub(crate) compiles: Vec<(String, OsString)>,
    /// Does this header exist (linux/unaligned.h)?
    #[arg(long, value_name = "NAME=HEADER", value_parser = StringValueParser::new().try_map(header))]
    pub(crate) has_header: Vec<Asked>,
    /// Do these headers declare this function, variable, enumerator or macro?
    #[arg(long, value_name = "NAME=SYMBOL[@HEADER,…]", value_parser = StringValueParser::new().try_map(asked))]
    pub(crate) has_symbol: Vec<Asked>,
    /// Does this type have this member (struct proc_ops.proc_open)?
    #[arg(long, value_name = "NAME=TYPE.MEMBER[@HEADER,…]", value_parser = StringValueParser::new().try_map(member))]
    pub(crate) has_member: Vec<Asked>,
    /// Does the kernel export this symbol to modules? Nothing is compiled for this.
    #[arg(long, value_name = "NAME=SYMBOL", value_parser = StringValueParser::new().try_map(header))]
    pub(crate) exports: Vec<Asked>,
    /// File with C code that comes before each question, except --compiles: #include, #define.
    #[arg(long, value_name = "FILE")]
    pub(crate) prefix: Option<PathBuf>,
}

/// A question in the form of its flag.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) name: String,
    /// The header, the symbol or the type.
    pub(crate) what: String,
    pub(crate) member: String,
    pub(crate) headers: Vec<String>,
}

/// Flags on the kernel, its toolchain and the flags of the compiler.
#[derive(Debug, Args)]
#[command(next_help_heading = "Kernel, toolchain, flags")]
pub(crate) struct ProbeKernelArgs {
    /// Kernel to ask: the path of its tree, or a release. Default: $KDIR, else the running kernel,
    /// else the newest installed kernel.
    #[arg(long, value_name = "PATH|RELEASE")]
    pub(crate) kernel: Option<OsString>,
    /// Required architecture of the kernel (x86, arm64, aarch64, …).
    #[arg(long, value_name = "ARCH")]
    pub(crate) arch: Option<String>,
    /// Prefix of a cross toolchain, such as aarch64-linux-gnu-.
    #[arg(long, value_name = "PREFIX")]
    pub(crate) cross_compile: Option<String>,
    /// Compile with LLVM: 1, a version suffix such as -19, or a folder. Default: as the kernel was
    /// built.
    #[arg(long, value_name = "1|SUFFIX|DIR", allow_hyphen_values = true)]
    pub(crate) llvm: Option<String>,
    /// C compiler instead of the one that the kernel was built with.
    #[arg(long, value_name = "CC")]
    pub(crate) cc: Option<String>,
    /// Rust compiler. Not used: questions are in C.
    #[arg(long, value_name = "RUSTC", hide = true)]
    pub(crate) rustc: Option<String>,
    /// Not used: questions are in C.
    #[arg(long, hide = true)]
    pub(crate) clippy: bool,
    /// Folder where relative header folders start [default: .].
    #[arg(long, value_name = "DIR")]
    pub(crate) base: Option<PathBuf>,
    /// Add a folder to the header search path.
    #[arg(short = 'I', long = "include", value_name = "DIR")]
    pub(crate) include: Vec<PathBuf>,
    /// Define a macro.
    #[arg(short = 'D', long = "define", value_name = "NAME[=VALUE]", value_parser = StringValueParser::new().try_map(define))]
    pub(crate) define: Vec<(String, Option<String>)>,
    /// Flag for the C compiler, after the kernel's own: -Werror makes each warning a "no".
    #[arg(long, value_name = "FLAG", allow_hyphen_values = true)]
    pub(crate) cflag: Vec<OsString>,
    /// Flag for the C compiler as CMake stores it.
    #[arg(long, value_name = "FLAG", hide = true, allow_hyphen_values = true)]
    pub(crate) cmake_option: Vec<String>,
    /// Set one of the module's own CONFIG_ symbols to m, y or n.
    #[arg(long, value_name = "FOO=m|y|n", value_parser = StringValueParser::new().try_map(config))]
    pub(crate) config: Vec<(String, kbuild::Config)>,
}

impl ProbeKernelArgs {
    /// The flags for the C compiler, those that CMake holds last.
    pub(crate) fn cflags(&self) -> impl Iterator<Item = OsString> + '_ {
        let options = self.cmake_option.iter();
        let of_cmake = options.flat_map(|option| cmake_words(option));
        self.cflag.iter().cloned().chain(of_cmake.map(Into::into))
    }
}

/// Flags on how the questions are asked.
#[derive(Debug, Args)]
#[command(next_help_heading = "Answers, jobs, messages")]
pub(crate) struct ProbeRunArgs {
    /// Folder that keeps the answers. The next call with this folder compiles only what is new
    /// [default: kbuild-out].
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out_dir: Option<PathBuf>,
    /// Number of jobs, if there is no jobserver.
    #[arg(short, long, value_name = "N", value_parser = value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,
    /// If there is no jobserver, share the jobs with every build that names the same folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) pool_dir: Option<PathBuf>,
    /// Do not take the shortcut: see `kbuild-rs build --help`.
    #[arg(long)]
    pub(crate) no_shortcut: bool,
    /// Run make and the compilers in a sandbox.
    #[arg(long)]
    pub(crate) sandbox: bool,
    /// Allow one more thing in the sandbox: network, read=PATH or write=PATH.
    #[arg(long, value_name = "WHAT", requires = "sandbox")]
    pub(crate) sandbox_allow: Vec<OsString>,
    /// Show only errors.
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Format of messages and answers. As text, an answer is a line `NAME yes` or `NAME no` on
    /// standard output.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = MessageFormat::Human)]
    pub(crate) message_format: MessageFormat,
}

fn named(text: &str) -> Result<(String, &str), String> {
    match text.split_once('=') {
        Some((name, rest)) if !name.is_empty() && !rest.is_empty() => Ok((name.to_owned(), rest)),
        _ => Err("expected NAME=…, for instance HAVE_PROC_OPS=…".to_owned()),
    }
}

fn header(text: String) -> Result<Asked, String> {
    let (name, what) = named(&text)?;
    Ok(Asked {
        name,
        what: what.to_owned(),
        member: String::new(),
        headers: Vec::new(),
    })
}

fn asked(text: String) -> Result<Asked, String> {
    let (name, rest) = named(&text)?;
    let (what, headers) = rest.split_once('@').unwrap_or((rest, ""));
    let headers = headers.split(',').filter(|header| !header.is_empty());
    Ok(Asked {
        name,
        what: what.to_owned(),
        member: String::new(),
        headers: headers.map(str::to_owned).collect(),
    })
}

fn member(text: String) -> Result<Asked, String> {
    let asked = asked(text)?;
    let Some((of, member)) = asked.what.split_once('.') else {
        return Err("expected NAME=TYPE.MEMBER, for instance \
                    HAVE_PROC_OPS='struct proc_ops.proc_open@linux/proc_fs.h'"
            .to_owned());
    };
    Ok(Asked {
        what: of.to_owned(),
        member: member.to_owned(),
        ..asked
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_read_from_its_flag() {
        let of = member("A=struct x.a.b@l/x.h,l/y.h".to_owned()).unwrap();
        assert_eq!((of.name.as_str(), of.what.as_str()), ("A", "struct x"));
        assert_eq!((of.member.as_str(), of.headers.len()), ("a.b", 2));
        assert_eq!(asked("A=f".to_owned()).unwrap().what, "f");
        for bad in ["A", "=x", "A=", "A=struct x"] {
            assert!(member(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
