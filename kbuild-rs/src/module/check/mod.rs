//! Whether a kernel would load a module: the kernel's own comparisons, made over files.
//!
//! Nothing of a module or a kernel tree is executed, and root is not needed. The order of the
//! comparisons and the texts of the messages are those of the kernel's `load_module()`, so that a
//! message can be searched for.
//!
//! | file | job |
//! | --- | --- |
//! | `subject.rs` | what the kernel reads of a module |
//! | `facts.rs` | what is known about the kernel |
//! | `vermagic.rs` | the text that the kernel compares with a module's vermagic |
//! | `symbols.rs` | who exports a symbol |
//! | `resolve.rs` | the modules of a call, and their exports |
//! | `order.rs` | the order in which they can be loaded |
//! | `imports.rs` | the symbols that they import |
//! | `btf.rs` | their type information, beside the kernel's |
//! | `whole.rs` | the comparisons that are not about symbols |
//! | `report.rs` | the verdicts |
//!
//! # Decisions
//! - A verdict lists every reason, not only the first, which is the one that the kernel prints.
//! - A question that the files do not answer is never answered with a guess: it makes the verdict
//!   *unclear* if the kernel may refuse the module, and is a note if it only may in odd cases.
//! - Modules of one call are loaded in an order that their symbols need. One that does not load offers
//!   nothing to others.

mod btf;
mod facts;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod imports;
mod license;
mod order;
mod report;
mod resolve;
mod subject;
mod symbols;
mod vermagic;
mod whole;

use std::path::{Path, PathBuf};

use super::sign::Verifier;
use crate::kernel::Kernel;
use crate::{Error, Result};
use facts::Facts;
use report::Findings;
pub use report::{CheckFault, CheckFaultKind, CheckOutcome, CheckReport, Verdict};
use resolve::Call;
use subject::Read;

/// Checks whether a kernel would load modules.
///
/// ```no_run
/// # fn main() -> kbuild::Result<()> {
/// let kernel = kbuild::Kernel::find("6.12.117+deb12-amd64")?;
/// let report = kbuild::Check::of_kernel(&kernel).module("hello.ko").run()?;
/// for verdict in &report.verdicts {
///     for fault in &verdict.faults {
///         eprintln!("{}: {}. {}", verdict.name, fault.message, fault.advice.text());
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Check {
    kernel: Option<Kernel>,
    symvers: Vec<PathBuf>,
    modules: Vec<PathBuf>,
    root: PathBuf,
    enforces_signatures: bool,
    certificates: Vec<PathBuf>,
}

impl Check {
    /// A check for the kernel of this tree.
    pub fn of_kernel(kernel: &Kernel) -> Check {
        Check {
            kernel: Some(kernel.clone()),
            symvers: Vec::new(),
            modules: Vec::new(),
            root: PathBuf::from("/"),
            enforces_signatures: false,
            certificates: Vec::new(),
        }
    }

    /// A check for a kernel of which only its `Module.symvers` is known. It compares symbols, their
    /// checksums and namespaces; not vermagic, architecture and signatures.
    pub fn of_symvers(symvers: impl Into<PathBuf>) -> Check {
        Check {
            kernel: None,
            symvers: vec![symvers.into()],
            modules: Vec::new(),
            root: PathBuf::from("/"),
            enforces_signatures: false,
            certificates: Vec::new(),
        }
    }

    /// Adds a module. The modules of a check may use each other's symbols.
    pub fn module(&mut self, path: impl Into<PathBuf>) -> &mut Check {
        self.modules.push(path.into());
        self
    }

    /// Adds the `Module.symvers` of modules that will be loaded before.
    pub fn symvers(&mut self, path: impl Into<PathBuf>) -> &mut Check {
        self.symvers.push(path.into());
        self
    }

    /// The root with the kernel's own modules (`lib/modules/<release>`). Default: `/`. They say which
    /// modules are built in, and how large the kernel's `struct module` is.
    pub fn root(&mut self, root: impl Into<PathBuf>) -> &mut Check {
        self.root = root.into();
        self
    }

    /// Whether the kernel only loads signed modules, although neither its configuration nor this machine
    /// says so: with `module.sig_enforce=1` or with Secure Boot.
    pub fn enforce_signatures(&mut self, yes: bool) -> &mut Check {
        self.enforces_signatures = yes;
        self
    }

    /// Adds a certificate (PEM or DER) that the kernel knows. If any are added, it knows no other but
    /// the one that it was built with.
    pub fn trusted_certificate(&mut self, path: impl Into<PathBuf>) -> &mut Check {
        self.certificates.push(path.into());
        self
    }

    /// Reads everything, and judges each module.
    ///
    /// # Errors
    /// [`ErrorKind::SourceNotFound`](crate::ErrorKind::SourceNotFound) for a module or symvers that does
    /// not exist, [`ErrorKind::InvalidFile`](crate::ErrorKind::InvalidFile) for a damaged symvers,
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for a file that is not a
    /// certificate, [`ErrorKind::Io`](crate::ErrorKind::Io). A file that is not a module, or cannot be
    /// read, is a verdict.
    pub fn run(&self) -> Result<CheckReport> {
        let (mut facts, providers) = match (&self.kernel, self.symvers.split_first()) {
            (Some(kernel), _) => (Facts::of_tree(kernel, &self.root)?, &*self.symvers),
            (None, Some((first, rest))) => (Facts::of_symvers(first)?, rest),
            (None, None) => return Err(Error::input("a check needs a kernel or a symvers")),
        };
        for path in providers {
            let has_kernel = facts.symbols.add(&facts::read_symvers(path)?, false);
            facts.knows_symbols |= has_kernel;
        }
        let verifier = Verifier::new(&self.certificates, facts.target.as_ref(), &self.root)?;
        let mut call = Call::new(&facts);
        let mut files = Vec::new();
        for path in &self.modules {
            let mut findings = Findings::default();
            match subject::read(path)? {
                Read::Module(subject, bytes) => {
                    let enforced = self.enforced(&facts);
                    whole::signature(&facts, &verifier, enforced, &bytes, &mut findings);
                    files.push((path, Some(call.add(*subject, findings)), None));
                    continue;
                }
                Read::Other(error) => findings.fault(
                    CheckFaultKind::InvalidFile,
                    error.to_string(),
                    "build the module again".to_owned(),
                ),
                Read::Unreadable(error) => findings.unclear(error.to_string()),
            }
            files.push((path, None, Some(findings)));
        }
        let mut judged = call.judge();
        let verdicts = files.into_iter().map(|(path, number, findings)| {
            let (name, findings, needs) = match number {
                Some(number) => std::mem::take(&mut judged[number]),
                None => (String::new(), findings.unwrap_or_default(), Vec::new()),
            };
            verdict(path, name, findings, needs)
        });
        Ok(CheckReport {
            release: facts.tree.as_ref().map(|tree| tree.release().to_owned()),
            verdicts: verdicts.collect(),
            notes: whole::notes(&facts),
        })
    }

    fn enforced(&self, facts: &Facts) -> Option<String> {
        let asked = self
            .enforces_signatures
            .then(|| "only loads signed modules".to_owned());
        let of_kernel = facts.target.as_ref();
        asked.or_else(|| of_kernel.and_then(|target| super::sign::enforced(target, &self.root)))
    }
}

fn verdict(path: &Path, name: String, findings: Findings, needs: Vec<String>) -> Verdict {
    let outcome = match (findings.faults.is_empty(), findings.unclear.is_empty()) {
        (false, _) => CheckOutcome::DoesNotLoad,
        (true, false) => CheckOutcome::Unclear,
        (true, true) => CheckOutcome::Loads,
    };
    Verdict {
        path: path.to_owned(),
        name,
        outcome,
        faults: findings.faults,
        unclear: findings.unclear,
        notes: findings.notes,
        needs,
    }
}

#[cfg(test)]
mod tests;
