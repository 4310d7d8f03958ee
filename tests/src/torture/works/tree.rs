//! Builds of a module tree, and `clean`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::products::Products;
use super::{Deed, Work, Works, done, folder};
use crate::plain::HELLO;
use crate::{Result, program};

/// Writes the sources of a module of two objects, which takes a second to build.
pub(in crate::torture) fn write_sources(source: &Path) -> Result<()> {
    folder(source)?;
    let rest = "int a_rest(void);\nint a_rest(void) { return 1; }\n";
    for (name, text) in [
        ("Kbuild", "obj-m := a.o\na-y := a1.o a2.o\n"),
        ("a2.c", rest),
    ] {
        fs::write(source.join(name), text).map_err(|error| format!("{name}: {error}"))?;
    }
    set_variant(source, 0)
}

/// Edits the sources into the variant 0 or 1.
pub(in crate::torture) fn set_variant(source: &Path, variant: usize) -> Result<()> {
    let text = format!("{HELLO}static const char variant[] __used = \"{variant}\";\n");
    fs::write(source.join("a1.c"), text).map_err(|error| format!("a1.c: {error}"))
}

pub(super) struct Tree<'a> {
    works: &'a Works,
    deed: Deed,
    folder: PathBuf,
}

impl<'a> Tree<'a> {
    pub(super) fn begin(works: &'a Works, deed: Deed, place: &Path) -> Result<Tree<'a>> {
        let tree = Tree {
            works,
            deed,
            folder: place.to_owned(),
        };
        // Before the sources get their variant.
        tree.right(0)?;
        tree.right(1)?;
        folder(&tree.home())?;
        set_variant(&works.source(), 0)?;
        if matches!(deed, Deed::Edit | Deed::Clean) {
            done(&mut tree.build()?)?;
        }
        if deed == Deed::Edit {
            set_variant(&works.source(), 1)?;
        }
        Ok(tree)
    }

    fn out(&self) -> PathBuf {
        self.folder.join("out")
    }

    fn home(&self) -> PathBuf {
        self.folder.join("home")
    }

    fn build(&self) -> Result<Command> {
        self.build_in(&self.folder)
    }

    fn build_in(&self, folder: &Path) -> Result<Command> {
        let mut command = self.works.build(folder, false)?;
        if self.deed == Deed::Kernels {
            command.arg("--kernel").arg(&self.works.other.kernel.kdir);
        }
        command.args(["-j", "2"]);
        Ok(command)
    }

    /// The products of a variant. They are those of one kernel or of two.
    fn right(&self, variant: usize) -> Result<Products> {
        let shared = match self.deed {
            Deed::Kernels => Deed::Kernels,
            _ => Deed::Build,
        };
        self.works.right(shared, variant, |folder| {
            set_variant(&self.works.source(), variant)?;
            self.works.timed(shared, &mut self.build_in(folder)?)?;
            Products::of(&folder.join("out"), folder)
        })
    }

    fn there(&self) -> Result<Products> {
        Products::of(&self.out(), &self.folder)
    }
}

impl Work for Tree<'_> {
    fn command(&self) -> Result<Command> {
        match self.deed {
            Deed::Clean => self.works.clean(&self.folder),
            _ => self.build(),
        }
    }

    fn is_whole(&self) -> Result<()> {
        self.there()?.are_of(&[self.right(0)?, self.right(1)?])
    }

    fn next(&mut self) -> Result<()> {
        done(&mut self.command()?)?;
        if self.deed == Deed::Clean {
            self.there()?
                .are(&Products::default())
                .map_err(|problem| format!("after clean:\n{problem}"))?;
            done(&mut self.build()?)?;
        }
        let variant = usize::from(self.deed == Deed::Edit);
        self.there()?.are(&self.right(variant)?)?;
        let again = done(&mut self.build()?)?;
        match program::started_make(&again) {
            true => Err(format!("the build was not finished\n{}", again.err())),
            false => Ok(()),
        }
    }
}
