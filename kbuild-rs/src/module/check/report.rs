//! What a check says: plain data.

use std::collections::HashSet;
use std::path::PathBuf;

use crate::error::Advice;

/// The result of a [`Check`](super::Check).
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct CheckReport {
    /// The release of the kernel; `None` if only a `Module.symvers` is known.
    pub release: Option<String>,
    /// A verdict for each module, in the order of the call.
    pub verdicts: Vec<Verdict>,
    /// What could not be compared for any module: sentences.
    pub notes: Vec<String>,
}

impl CheckReport {
    /// Whether every module loads.
    pub fn all_load(&self) -> bool {
        let mut verdicts = self.verdicts.iter();
        verdicts.all(|verdict| verdict.outcome == CheckOutcome::Loads)
    }
}

/// Whether one module loads.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Verdict {
    /// The file.
    pub path: PathBuf,
    /// The name that the kernel uses; empty if the file is not a module.
    pub name: String,
    /// Whether it loads.
    pub outcome: CheckOutcome,
    /// The reasons why it does not load, in the order in which the kernel finds them. The kernel
    /// prints the first.
    pub faults: Vec<CheckFault>,
    /// The questions that the kernel tree does not answer: sentences.
    pub unclear: Vec<String>,
    /// Remarks: sentences.
    pub notes: Vec<String>,
    /// The modules that must be loaded before it: those of the call and of the kernel whose symbols it
    /// uses, sorted.
    pub needs: Vec<String>,
}

/// Whether a module loads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum CheckOutcome {
    /// The kernel loads it.
    Loads,
    /// The kernel refuses it.
    DoesNotLoad,
    /// The kernel tree does not say: see [`Verdict::unclear`].
    Unclear,
}

/// One reason why a kernel refuses a module.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct CheckFault {
    /// The class.
    pub kind: CheckFaultKind,
    /// The kernel's own message as far as it has one, without the name of the module.
    pub message: String,
    /// The symbol that it is about.
    pub symbol: Option<String>,
    /// What to do.
    pub advice: Advice,
}

/// The classes of reasons why a kernel refuses a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum CheckFaultKind {
    /// The file is not a whole module.
    InvalidFile,
    /// The kernel only loads modules with a signature of a key that it knows.
    Signature,
    /// The module is for another architecture.
    Architecture,
    /// The `struct module` of the kernel has another size.
    StructSize,
    /// The text that the kernel compares first is another one.
    Vermagic,
    /// A symbol has another checksum.
    SymbolVersion,
    /// The module has no checksum of a symbol.
    NoSymbolVersion,
    /// Nothing exports a symbol.
    UnknownSymbol,
    /// A symbol is only for modules with a GPL-compatible license.
    GplOnly,
    /// A symbol is in a namespace that the module does not import.
    Namespace,
    /// The kernel, or another module, exports the same symbol.
    DuplicateSymbol,
    /// Its exported symbols lack their checksums or flags.
    Exports,
    /// A module of the same name is built into the kernel.
    BuiltIn,
    /// A module whose symbols it uses does not load.
    Provider,
    /// It has symbols without a place (`-fcommon`).
    CommonSymbol,
    /// A section is writable and executable.
    SectionFlags,
    /// It is a live patch, which the kernel does not support.
    Livepatch,
    /// Its type information (BTF) does not continue the kernel's.
    Btf,
}

impl CheckFaultKind {
    /// The word in JSON: `unknown-symbol`.
    pub fn as_str(self) -> &'static str {
        match self {
            CheckFaultKind::InvalidFile => "invalid-file",
            CheckFaultKind::Signature => "signature",
            CheckFaultKind::Architecture => "architecture",
            CheckFaultKind::StructSize => "struct-size",
            CheckFaultKind::Vermagic => "vermagic",
            CheckFaultKind::SymbolVersion => "symbol-version",
            CheckFaultKind::NoSymbolVersion => "no-symbol-version",
            CheckFaultKind::UnknownSymbol => "unknown-symbol",
            CheckFaultKind::GplOnly => "gpl-only",
            CheckFaultKind::Namespace => "namespace",
            CheckFaultKind::DuplicateSymbol => "duplicate-symbol",
            CheckFaultKind::Exports => "exports",
            CheckFaultKind::BuiltIn => "built-in",
            CheckFaultKind::Provider => "provider",
            CheckFaultKind::CommonSymbol => "common-symbol",
            CheckFaultKind::SectionFlags => "section-flags",
            CheckFaultKind::Livepatch => "livepatch",
            CheckFaultKind::Btf => "btf",
        }
    }
}

/// A list of reasons in the making.
#[derive(Debug, Default, Clone)]
pub(super) struct Findings {
    pub(super) faults: Vec<CheckFault>,
    pub(super) unclear: Vec<String>,
    pub(super) notes: Vec<String>,
    /// Texts that were said: a module may have 60,000 symbols.
    said: HashSet<String>,
}

impl Findings {
    /// Adds a reason; its advice has the name of its class.
    pub(super) fn fault(&mut self, kind: CheckFaultKind, message: String, mend: String) {
        self.faults.push(CheckFault {
            kind,
            message,
            symbol: None,
            advice: Advice::new(kind.as_str(), mend),
        });
    }

    /// As [`fault`](Self::fault), about a symbol.
    pub(super) fn of_symbol(
        &mut self,
        kind: CheckFaultKind,
        symbol: &str,
        message: String,
        mend: String,
    ) {
        self.fault(kind, message, mend);
        if let Some(last) = self.faults.last_mut() {
            last.symbol = Some(symbol.to_owned());
        }
    }

    pub(super) fn note(&mut self, text: String) {
        if self.said.insert(text.clone()) {
            self.notes.push(text);
        }
    }

    /// Adds a question that nothing answers.
    pub(super) fn unclear(&mut self, text: String) {
        if self.said.insert(text.clone()) {
            self.unclear.push(text);
        }
    }
}
