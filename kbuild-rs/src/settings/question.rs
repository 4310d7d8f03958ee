//! Questions about a kernel, and their answers.

use std::path::{Path, PathBuf};

use crate::Kernel;

/// A question about a kernel.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    /// The caller's name for it.
    pub(crate) name: String,
    pub(crate) asked: Asked,
}

/// The kind of a question. `prefix` is C code in front of the question, which includes headers.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    /// Whether this C source compiles.
    Compiles(Vec<u8>),
    /// Whether this header exists, in the form `linux/module.h`.
    Header(String),
    /// Whether a function, a variable, an enumerator or a macro is declared.
    Symbol { symbol: String, prefix: Vec<u8> },
    /// Whether the type (`struct file`) has a member (`f_op`).
    Member {
        of: String,
        member: String,
        prefix: Vec<u8>,
    },
    /// Whether the kernel exports this symbol to modules.
    Export(String),
}

/// One answered question.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) name: String,
    pub(crate) yes: bool,
    /// The file with the compiler's output.
    pub(crate) log: Option<PathBuf>,
}

/// The answers to the questions of a [`Probe`](crate::Probe).
#[derive(Debug, Clone)]
pub struct Answers {
    pub(crate) kernel: Option<Kernel>,
    pub(crate) answers: Vec<Answer>,
    pub(crate) prerequisites: Vec<PathBuf>,
    pub(crate) folders: Vec<PathBuf>,
    pub(crate) started_make: bool,
}

impl Answers {
    /// Whether the answer to this question is yes.
    ///
    /// # Panics
    /// If the probe has no question of this name: a mistyped name must not pass for a "no".
    #[allow(
        clippy::panic,
        reason = "a mistake in the caller's script, as an index out of range is"
    )]
    pub fn has(&self, name: &str) -> bool {
        match self.get(name) {
            Some(yes) => yes,
            None => panic!("the probe has no question {name:?}"),
        }
    }

    /// The answer to this question; `None` if the probe has no question of this name.
    pub fn get(&self, name: &str) -> Option<bool> {
        let mut answers = self.answers.iter();
        answers.find(|answer| answer.name == name).map(|a| a.yes)
    }

    /// The names of the questions whose answer is yes, in the order in which they were asked.
    pub fn yes(&self) -> impl Iterator<Item = &str> {
        let yes = self.answers.iter().filter(|answer| answer.yes);
        yes.map(|answer| answer.name.as_str())
    }

    /// All questions and answers, in the order in which they were asked.
    pub fn iter(&self) -> impl Iterator<Item = (&str, bool)> {
        self.answers.iter().map(|a| (a.name.as_str(), a.yes))
    }

    /// The file with the source and the compiler's output of a question. `None` if nothing was
    /// compiled for it.
    pub fn log(&self, name: &str) -> Option<&Path> {
        let mut answers = self.answers.iter();
        answers.find(|answer| answer.name == name)?.log.as_deref()
    }

    /// The kernel that was asked; `None` when `KBUILD_RS_SKIP` is set.
    pub fn kernel(&self) -> Option<&Kernel> {
        self.kernel.as_ref()
    }

    /// The files that decided the answers: headers, and files of the kernel and of the tools.
    pub fn prerequisites(&self) -> &[PathBuf] {
        &self.prerequisites
    }

    /// The folders of the build that were searched for headers: a new file in one of them may change
    /// an answer. The kernel's own folders are not among them.
    pub fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    /// Whether all answers were known, so that nothing was compiled.
    pub fn is_fresh(&self) -> bool {
        !self.started_make
    }
}
