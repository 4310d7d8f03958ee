//! Words of C compilers.

use super::{Explained, Knowledge, between};

pub(super) fn explain(line: &str, _: &Knowledge) -> Explained {
    if line.contains("fatal error: ") && line.contains("No such file or directory") {
        let header = between(line, "fatal error: ", ": No such file")?;
        return Some((
            format!("header {header}"),
            format!(
                "the header {header} was not found: name its folder (-I, or ccflags-y in the \
                 Kbuild), or stage a folder further up (--root) where the tree reaches above \
                 itself"
            ),
        ));
    }
    None
}
