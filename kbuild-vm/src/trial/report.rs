//! The result of a module test, as data and as text.

use std::fmt;
use std::time::Duration;

use super::ktap::KunitSuite;
use crate::findings::Finding;

/// What happened when modules were tested on a kernel.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TestReport {
    /// The kernel.
    pub release: String,
    /// The modules, in the order of loading.
    pub modules: Vec<String>,
    /// What went wrong; nothing if the test passed.
    pub findings: Vec<Finding>,
    /// The suites of KUnit that the modules ran.
    pub suites: Vec<KunitSuite>,
    /// Modules that stayed loaded, because they have no exit function, or such a module uses them.
    pub kept: Vec<String>,
    /// The output of the command.
    pub output: String,
    /// The kernel's log since the first step. If it lost its beginning: what the console showed since
    /// then; if the guest did not reach its end: the whole console.
    pub log: String,
    /// From QEMU's start to its end.
    pub elapsed: Duration,
}

impl TestReport {
    /// Whether nothing went wrong.
    pub fn passed(&self) -> bool {
        self.findings.is_empty()
    }
}

impl fmt::Display for TestReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.modules.join(", ");
        match self.passed() {
            true => write!(f, "{names} passed on {}", self.release),
            false => write!(f, "{names} failed on {}", self.release),
        }?;
        let mut findings = self.findings.iter();
        findings.try_for_each(|finding| write!(f, "\n{finding}"))
    }
}
