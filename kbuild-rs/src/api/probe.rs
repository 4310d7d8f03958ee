//! [`Probe`]: questions about a kernel.

use std::path::PathBuf;

use super::Build;
use crate::settings::{Answers, Asked, Declared, Module, Question};
use crate::{Result, cargo, run};

/// Questions about a kernel: does this compile, is this symbol declared, has this struct a member?
///
/// A driver for several kernels asks before it is built, instead of comparing version numbers:
/// distributions change a kernel without changing its version. [`Build::probe`] starts a probe. It
/// asks the kernel of that build, with its compiler and its flags.
///
/// ```no_run
/// let mut build = kbuild::Build::new();
/// build.file("src/driver.c");
/// let answers = build
///     .probe()
///     .has_header("HAVE_UNALIGNED", "linux/unaligned.h")
///     .has_member("HAVE_PROC_OPS", "struct proc_ops", "proc_open", "#include <linux/proc_fs.h>")
///     .has_symbol("HAVE_TIMER_DELETE", "timer_delete", "#include <linux/timer.h>")
///     .answers();
/// for name in answers.yes() {
///     build.define(name, "1");
/// }
/// build.compile("driver");
/// ```
///
/// All questions of a probe are answered by one make, side by side. The answers stay in the output
/// directory: the next call compiles nothing, unless the kernel, a header, the compiler or a flag
/// changed.
///
/// Each source is compiled as an object of a module, with the kernel's flags. Warnings do not decide;
/// calls of undeclared functions are errors. A compiler that cannot run is an error, and never a "no".
#[derive(Clone, Debug)]
pub struct Probe {
    build: Build,
    questions: Vec<Question>,
}

impl Build {
    /// Starts a [`Probe`] of the kernel of this build, with its compiler, flags and include folders.
    pub fn probe(&self) -> Probe {
        Probe {
            build: self.clone(),
            questions: Vec::new(),
        }
    }
}

impl Probe {
    /// Asks whether this C source compiles. `name` is the name of the answer.
    pub fn compiles(&mut self, name: &str, source: impl AsRef<[u8]>) -> &mut Self {
        self.ask(name, Asked::Compiles(source.as_ref().to_owned()))
    }

    /// Asks whether a header exists, in the form `linux/module.h`.
    pub fn has_header(&mut self, name: &str, header: &str) -> &mut Self {
        self.ask(name, Asked::Header(header.to_owned()))
    }

    /// Asks whether a function, a variable, an enumerator or a macro is declared. `prefix` is C code
    /// that includes the headers. A declared function need not be exported: see
    /// [`exports`](Self::exports).
    pub fn has_symbol(&mut self, name: &str, symbol: &str, prefix: impl AsRef<[u8]>) -> &mut Self {
        let symbol = symbol.to_owned();
        let prefix = prefix.as_ref().to_owned();
        self.ask(name, Asked::Symbol { symbol, prefix })
    }

    /// Asks whether a type (`struct file`) has a member (`f_op`). `prefix` is C code that includes
    /// the headers.
    pub fn has_member(
        &mut self,
        name: &str,
        of: &str,
        member: &str,
        prefix: impl AsRef<[u8]>,
    ) -> &mut Self {
        let (of, member) = (of.to_owned(), member.to_owned());
        let prefix = prefix.as_ref().to_owned();
        self.ask(name, Asked::Member { of, member, prefix })
    }

    /// Asks whether the kernel exports a symbol to modules: whether its `Module.symvers` has it.
    /// Nothing is compiled for that.
    pub fn exports(&mut self, name: &str, symbol: &str) -> &mut Self {
        self.ask(name, Asked::Export(symbol.to_owned()))
    }

    fn ask(&mut self, name: &str, asked: Asked) -> &mut Self {
        let name = name.to_owned();
        self.questions.push(Question { name, asked });
        self
    }

    /// Asks, and ends the process with a readable error and exit code 1 if there is no answer. Tells
    /// Cargo the files that decided the answers.
    pub fn answers(&self) -> Answers {
        self.build.or_fail(self.asked())
    }

    /// Like [`answers`](Self::answers), but returns the error.
    ///
    /// # Errors
    /// A kernel that cannot build modules, a compiler that cannot run or does not take the flags, two
    /// questions of one name, a symbol that is none.
    pub fn try_answers(&self) -> Result<Answers> {
        self.build.go_on(self.asked())
    }

    fn asked(&self) -> Result<Answers> {
        let mut settings = self.build.settings.clone();
        settings.module = Module::Declared(Declared {
            questions: Some(self.questions.clone()),
            ..Declared::default()
        });
        settings.misplaced = None;
        settings.modules.clear();
        settings.targets.clear();
        settings.products = Vec::<PathBuf>::new();
        settings.symvers.clear();
        settings.requires.clear();
        settings.btf_base = None;
        #[cfg(feature = "cache")]
        {
            settings.cache = crate::settings::CacheChoice::Off;
        }
        let answers = run::probe(&settings)?;
        if settings.environment.is_build_script {
            cargo::announce_prerequisites(answers.prerequisites.iter().chain(&answers.folders));
        }
        Ok(answers)
    }
}
