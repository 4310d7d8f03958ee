//! Declared modules in Rust: the files of a crate, the flags of its compiler.

use std::ffi::OsString;
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::bindings::Bound;
use super::{Layout, Object, Site};
use crate::crate_files::reached;
use crate::files::is_carryable;
use crate::identity::Identity;
use crate::stage::{Item, Kind, Links};
use crate::{Error, Kernel, Result};

/// A `cfg` of Rust sources, for the kernels that it is set for.
#[derive(Clone, Debug)]
pub(crate) struct Cfg {
    pub(crate) name: String,
    pub(crate) value: Option<String>,
    pub(crate) fits: fn(&Kernel) -> bool,
}

/// What rustc is told, of declared modules and of module trees.
#[derive(Clone, Debug, Default)]
pub(crate) struct RustFlags {
    pub(crate) flags: Vec<OsString>,
    pub(crate) cfgs: Vec<Cfg>,
}

/// What a caller says about the Rust sources of a declared module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wishes {
    /// Headers to declare for Rust, and items of others.
    pub(crate) headers: Vec<PathBuf>,
    pub(crate) items: Vec<String>,
}

/// What Rust adds to a module's layout.
#[derive(Debug, Default)]
pub(crate) struct Part {
    /// The roots of the crates.
    pub(crate) crates: Vec<PathBuf>,
    /// What was declared for Rust, and what its C is told.
    pub(crate) bound: Vec<Bound>,
    pub(super) bind_args: Vec<OsString>,
}

impl Layout {
    /// Adds the files that the crates among the sources are made of. A source that another one has
    /// as a module is no crate, and gives no object.
    pub(super) fn add_crates(&mut self, base: &Path, order: &mut Vec<Object>) -> Result<()> {
        let mut files = Vec::new();
        for object in order.iter().filter(|object| object.is_rust()) {
            for file in reached(&object.source) {
                let rel = place(&file, object, base)?;
                files.push((rel, file));
            }
        }
        order.retain(|object| !files.iter().any(|(_, file)| *file == object.source));
        let roots = order.iter().filter(|object| object.is_rust());
        self.rust.crates = roots.map(|object| object.source.clone()).collect();
        for (rel, file) in files {
            if self.items.iter().any(|item| item.rel == rel) {
                continue;
            }
            let id = Identity::of(&file).map_err(|e| Error::io("read", &file, e))?;
            let from = Some(file);
            self.items.push(Item::new(rel, Kind::File { from, id }));
        }
        Ok(())
    }

    /// What a Kbuild says of them, and what rustc is told.
    pub(super) fn add_rust(
        &mut self,
        wishes: &Wishes,
        site: Site<'_>,
        links: &mut Links,
        order: &[Object],
    ) -> Result<()> {
        if !self.rust.crates.is_empty() {
            let dir = site.flags_dir.display();
            let _ = writeln!(self.kbuild, "rustflags-y := @{dir}/rs");
        }
        let rules = self.bind(wishes, site, links, order)?;
        self.kbuild.push_str(&rules);
        Ok(())
    }
}

/// Where a file of a crate is staged: beside the crate's root as it is beside it.
fn place(file: &Path, root: &Object, base: &Path) -> Result<PathBuf> {
    let staged = root.name.parent().unwrap_or(&root.name);
    let rel = match file.strip_prefix(&root.folder) {
        Ok(below) => Some(staged.join(below)),
        // Not one whose folder is staged alone.
        Err(_) if staged.starts_with("src") => {
            let below = file.strip_prefix(base).ok();
            below.map(|below| Path::new("src").join(below))
        }
        Err(_) => None,
    };
    match rel.filter(|rel| is_carryable(rel)) {
        Some(rel) => Ok(rel),
        None => Err(Error::input(format!(
            "{} is made of {} too, which cannot be copied to the same place beside it: keep both \
             below {}, in folders and files with plain names, or choose another folder to begin \
             at (--base, Build::base)",
            root.source.display(),
            file.display(),
            base.display()
        ))),
    }
}

/// `src/hello.o` of `src/hello.rs`.
pub(super) fn object_of(rel: &Path) -> Result<PathBuf> {
    let stem = rel.file_stem().unwrap_or_default().as_bytes();
    let word = stem.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')
        && !stem.first().is_none_or(u8::is_ascii_digit);
    match word {
        true => Ok(rel.with_extension("o")),
        false => Err(Error::input(format!(
            "{} cannot be the root of a Rust crate, which is called as the file is: use letters, \
             digits and _",
            rel.display()
        ))),
    }
}

impl RustFlags {
    pub(crate) fn is_empty(&self) -> bool {
        self.flags.is_empty() && self.cfgs.is_empty()
    }

    /// The text of the flag file, which rustc reads in a form of its own.
    pub(crate) fn file(&self, kernel: &Kernel) -> Result<Vec<u8>> {
        let mut flags = Vec::new();
        for cfg in &self.cfgs {
            let set = cfg.text()?;
            if (cfg.fits)(kernel) {
                flags.push(format!("--cfg={set}").into());
            }
        }
        argument_file(&[&flags[..], &self.flags].concat())
    }
}

impl Cfg {
    fn text(&self) -> Result<String> {
        let name = &self.name;
        let good = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && !name.is_empty();
        match &self.value {
            _ if !good => Err(Error::input(format!("{name:?} is no name of a cfg"))),
            None => Ok(name.clone()),
            Some(value) => {
                let value = value.replace('\\', "\\\\").replace('"', "\\\"");
                Ok(format!("{name}=\"{value}\""))
            }
        }
    }
}

/// The text of a file that rustc reads as `@file`: an argument a line, nothing quoted.
pub(crate) fn argument_file(args: &[OsString]) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    for arg in args {
        if arg.to_str().is_none_or(|arg| arg.contains(['\n', '\r'])) {
            return Err(Error::input(format!(
                "rustc cannot be given {arg:?}: it holds a line break, or is not UTF-8"
            )));
        }
        text.extend_from_slice(arg.as_bytes());
        text.push(b'\n');
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_of_rustcs_is_a_line() {
        let args = ["--cfg=a=\"b c\"".into(), "-Cx".into()];
        assert_eq!(argument_file(&args).unwrap(), b"--cfg=a=\"b c\"\n-Cx\n");
        assert!(argument_file(&["--cfg=a\nb".into()]).is_err());
    }

    #[test]
    fn a_cfg_is_a_word_and_its_value_may_hold_anything() {
        let text = |name: &str, value: Option<&str>| {
            let (name, value) = (name.to_owned(), value.map(str::to_owned));
            let fits = |_: &Kernel| true;
            Cfg { name, value, fits }.text()
        };
        assert_eq!(text("a_1", None).unwrap(), "a_1");
        assert_eq!(text("a", Some("b \"c\"\\")).unwrap(), r#"a="b \"c\"\\""#);
        for bad in ["", "1a", "a b", "a=b", "a\"", "-a"] {
            assert!(text(bad, None).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_root_of_a_crate_has_a_name_that_rustc_takes() {
        let of = |path: &str| object_of(Path::new(path));
        assert_eq!(of("src/a-b/c_1.rs").unwrap(), Path::new("src/a-b/c_1.o"));
        for bad in ["src/a-b.rs", "1.rs", "a.b.rs"] {
            assert!(
                of(bad).unwrap_err().to_string().contains("use letters"),
                "{bad}"
            );
        }
    }
}
