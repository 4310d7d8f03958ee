//! Writes the repositories of a module tree into the stage.
//!
//! `git describe --dirty` only sees a change outside of the staged tree if something else starts
//! make: the record covers the staged files, and the places of HEAD and the tags.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use crate::kbuild::is_makefile;
use crate::make::{ChildDescriptors, Repository, RunGit, asked, find_program};
use crate::resolve::Sources;
use crate::run::Run;
use crate::stage::{Item, Kind};
use crate::sys::regular;
use crate::{Error, Result};

impl Run<'_> {
    /// Writes the private repositories that git finds in the stage.
    pub(crate) fn write_repositories(&self, items: &[Item], held: &ChildDescriptors) -> Result<()> {
        let r = self.resolved;
        let staged = r.repositories.staged(r, items);
        if r.repositories.above.is_some() {
            let link = r.stage.top.join(".git");
            self.writer.create_dirs(&r.stage.top)?;
            self.writer
                .symlink(&r.repositories.places.of_link(Path::new("..")), &link)?;
        }
        if let Some(before) = &r.repositories.in_kernel {
            let file = &before.file;
            let bin = file.parent().unwrap_or(file);
            self.writer.create_dirs(bin)?;
            let failed = |e| Error::writing("write", file, e);
            let mut program = self.writer.create(file, 0o777)?;
            program.write_all(&before.text).map_err(failed)?;
        }
        let program = find_program("git", &r.make.command.env);
        let program = program.filter(|_| !staged.is_empty() && self.asks_git(items));
        let run = program.map(|program| RunGit {
            program,
            env: &r.make.command.env,
            held,
        });
        r.repositories
            .places
            .write(self.writer, &staged, run.as_ref())
    }

    /// The files that decide git's answers to the questions of the last build.
    pub(crate) fn git_heads(&self, items: &[Item]) -> Vec<PathBuf> {
        match asked(&self.resolved.repositories.places) {
            Some(asked) => asked.iter().flat_map(Repository::head_files).collect(),
            None => self.heads_if_asked(items),
        }
    }

    /// The same for all repositories in the stage, if the build may ask git.
    pub(crate) fn heads_if_asked(&self, items: &[Item]) -> Vec<PathBuf> {
        let staged = self.resolved.repositories.staged(self.resolved, items);
        let heads = staged.iter().map(|one| one.repository.head_files());
        match staged.is_empty() || !self.asks_git(items) {
            true => Vec::new(),
            false => heads.flatten().collect(),
        }
    }

    /// Whether the build may ask git: a makefile, a script or a `prepare` command contains the
    /// word.
    pub(crate) fn asks_git(&self, items: &[Item]) -> bool {
        let r = self.resolved;
        let speaks = |text: &[u8]| {
            let mut words = text.windows(3).enumerate().filter(|(_, w)| *w == b"git");
            words.any(|(at, _)| {
                let next = text.get(at + 3);
                next.is_none_or(|byte| !byte.is_ascii_alphanumeric())
            })
        };
        if let Sources::Tree { tree, .. } = &r.sources {
            let mut commands = tree.prepare.iter();
            if commands.any(|command| speaks(command.as_encoded_bytes())) {
                return true;
            }
        }
        self.scripts(items).any(|(_, text)| speaks(&text))
    }

    /// The makefiles and scripts of the tree, and their texts.
    pub(crate) fn scripts<'b>(
        &'b self,
        items: &'b [Item],
    ) -> impl Iterator<Item = (&'b Item, Vec<u8>)> {
        let stage = &self.resolved.stage;
        let scripts = items.iter().filter(|item| may_run_git(item));
        scripts.map(|item| (item, beginning(&stage.source_of(item))))
    }
}

/// Whether the item is a makefile, or a script of any name.
fn may_run_git(item: &Item) -> bool {
    const OTHERS: &[&str] = &[
        "c", "h", "S", "s", "o", "a", "rs", "ko", "md", "txt", "rst", "html", "json", "xml", "csv",
        "bin", "fw", "dat", "png", "jpg", "svg", "pdf", "gz", "xz", "zip", "patch", "dts", "dtsi",
        "lds", "cc", "cpp", "hpp",
    ];
    let extension = item.rel.extension().and_then(|e| e.to_str());
    matches!(item.kind, Kind::File { .. })
        && (is_makefile(&item.rel) || extension.is_none_or(|e| !OTHERS.contains(&e)))
}

/// The first part of a file, enough for all of a makefile or a script.
fn beginning(path: &Path) -> Vec<u8> {
    const PART: u64 = 1 << 20;
    let mut text = Vec::new();
    if let Ok(file) = regular::open(path) {
        // A file that cannot be read cannot ask.
        let _ = file.take(PART).read_to_end(&mut text);
    }
    text
}
