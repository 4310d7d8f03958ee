//! Words of kbuild and of make about the module tree and the kernel tree.

use super::{Explained, Knowledge, between};

pub(super) fn explain(line: &str, know: &Knowledge) -> Explained {
    if line.contains("do not support CONFIG_MODULES")
        || line.contains("not have modules enabled")
        || line.contains("has modules disabled")
        || line.contains("disabled CONFIG_MODULES")
    {
        return Some(("modules".into(), no_modules(&know.release)));
    }
    if line.starts_with("fixdep: error opening file") {
        return Some((
            "fixdep".into(),
            "kbuild's fixdep takes names of files apart at blanks, $ and colons: rename the \
             one that is meant, or its folder"
                .into(),
        ));
    }
    if line.contains("No rule to make target '") {
        let target = between(line, "No rule to make target '", "'")?;
        return Some((
            format!("rule {target}"),
            format!(
                "the build asks for {target}, and neither it nor a source for it is in the \
                 tree: check its name, or whether a folder above is needed (--root)"
            ),
        ));
    }
    None
}

/// What to say about a kernel that takes no modules.
pub(crate) fn no_modules(release: &str) -> String {
    format!(
        "the kernel {release} was built without CONFIG_MODULES: it can load no module; build \
         against another kernel, or configure that one with CONFIG_MODULES=y"
    )
}
