//! Targets: what makes and gits write for kbuild-rs.

use super::{Trace, kernel_names};

pub(crate) use super::git::fuzzing::git;

pub(crate) fn trace(bytes: &[u8]) {
    let trace = Trace::read(bytes);
    let lines = bytes.split(|byte| *byte == b'\n').count();
    assert!(trace.makefiles.len() + trace.symvers.len() + trace.rules.len() <= lines);
    for line in String::from_utf8_lossy(bytes).lines() {
        let set = kernel_names::assigned(line);
        let used = kernel_names::used(line);
        assert!(used.chain(set).all(|name| line.contains(name)));
    }
}
