//! The caller's commands that prepare a module tree.

use std::fs;
use std::path::{Path, PathBuf};

use crate::make::ChildDescriptors;
use crate::resolve::Sources;
use crate::run::Run;
use crate::stage::{Item, Kind, Stage};
use crate::sys::Identity;
use crate::{Error, ErrorKind, Result, make};

impl Run<'_> {
    /// Runs the user's commands if their outputs may be gone (`anew`), or if one of their inputs
    /// has changed.
    pub(crate) fn prepare(
        &self,
        items: &[Item],
        anew: bool,
        held: &ChildDescriptors,
    ) -> Result<()> {
        let r = self.resolved;
        self.write_repositories(items, held)?;
        let Sources::Tree { tree, dir, .. } = &r.sources else {
            return Ok(());
        };
        if tree.prepare.is_empty() {
            return Ok(());
        }
        let mut now = inputs(&tree.prepare_inputs, dir, &r.stage, items)?;
        // If no input is named, the repository is an input like the rest of the tree.
        let heads = match tree.prepare_inputs.is_empty() {
            true => self.heads_if_asked(items),
            false => Vec::new(),
        };
        for head in heads {
            let id = Identity::of(&head).map_err(|e| Error::reading("read", &head, e))?;
            id.write(&mut now);
        }
        let stamp = Stage::prepared(&r.folder);
        let then = self.writer.read(&stamp)?;
        if !anew && then.is_some_and(|then| then == now.as_bytes()) {
            return Ok(());
        }
        // The mark must not survive a `prepare` that fails halfway.
        self.writer.remove_file(&stamp)?;
        for command in &tree.prepare {
            let filled = r.make.placeholders.fill_for_shell(command);
            let filled = filled.as_ref().unwrap_or(command);
            make::run_prepare(
                (command, filled),
                &r.make.command,
                held,
                &r.make.map,
                &self.resolved.sink,
            )?;
        }
        self.writer.write_if_changed(&stamp, now.as_bytes())
    }
}

/// The identities of the inputs of `prepare`, as staged: the named files, else the whole tree.
fn inputs(named: &[PathBuf], dir: &Path, stage: &Stage, items: &[Item]) -> Result<String> {
    let mut text = String::new();
    let mut add = |id: &Identity| {
        id.write_state(&mut text);
        text.push('\n');
    };
    for path in named {
        let path = dir.join(path);
        let real = fs::canonicalize(&path).map_err(|e| {
            Error::new(
                ErrorKind::SourceNotFound,
                format!("the prepare input {} cannot be read: {e}", path.display()),
            )
        })?;
        let staged = items.iter().find_map(|item| match &item.kind {
            Kind::File { id, .. } if stage.source_of(item) == real => Some(id),
            _ => None,
        });
        let Some(id) = staged else {
            return Err(Error::input(format!(
                "the prepare input {} is not a file in the stage",
                path.display()
            )));
        };
        add(id);
    }
    if named.is_empty() {
        for item in items {
            if let Kind::File { id, .. } = &item.kind {
                add(id);
            }
        }
    }
    Ok(text)
}
