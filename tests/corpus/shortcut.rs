//! Checks that a build after an edit starts kbuild's makes directly.

use std::fs;
use std::path::{Path, PathBuf};

use kbuild_tests::Result;

/// Packages for which the kernel's top Makefile runs in each build, with the reasons.
const LONG_WAY: &[(&str, &str)] = &[];

/// Checks the private files below `out`: some build has started the makes that an earlier one
/// recorded, and no recording was refused.
pub(crate) fn is_taken(package: &str, out: &Path) -> Result<()> {
    let mut refused = Vec::new();
    let mut is_taken = false;
    for folder in folders(out) {
        if let Ok(why) = fs::read_to_string(folder.join("first-phase.why")) {
            refused.push(why);
        }
        // A build that starts them directly knows the makefiles before make writes any.
        let trace = fs::read_to_string(folder.join("trace")).unwrap_or_default();
        is_taken |= trace.starts_with("M / /");
    }
    let known = LONG_WAY.iter().find(|(name, _)| *name == package);
    match (known, refused.first()) {
        (None, None) if is_taken => Ok(()),
        (None, Some(why)) => Err(format!("kbuild's first phase is not remembered: {why}")),
        (None, None) => Err("after the edit, the kernel's top Makefile ran".to_owned()),
        (Some(_), Some(_)) => Ok(()),
        (Some((name, _)), None) => Err(format!("{name} takes the short way: mend the list")),
    }
}

/// The private folders of module folders.
fn folders(out: &Path) -> Vec<PathBuf> {
    let below = |dir: &Path| {
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    let stages = below(&out.join(".kbuild")).into_iter();
    stages
        .flat_map(|stage| below(&stage.join("folders")))
        .collect()
}
