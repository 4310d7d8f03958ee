//! Declared modules: the places of their sources in the stage, their Kbuild text and their flag
//! files.

#[cfg(feature = "rust")]
mod bindings;
#[cfg(feature = "rust")]
pub(crate) mod rust;

use std::ffi::{OsStr, OsString};
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::Context;
use crate::make::kbuild_of_questions;
use crate::settings::{Declared, Question};
use crate::stage::{CarriedFolders, Item, Kind, Stage, sort_items};
use crate::syntax::is_carryable;
use crate::sys::{Identity, sort_paths};
use crate::{Error, ErrorKind, Result};

/// The longest allowed name of a module. `MODULE_NAME_LEN` is 64 minus the size of an
/// `unsigned long`, and a NUL ends the name.
const MAX_NAME: usize = 55;

/// The layout of a declared module in the stage.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    /// The sources, sorted.
    pub(crate) items: Vec<Item>,
    /// The Kbuild file.
    pub(crate) kbuild: String,
    /// Flag files: name and arguments. Compilers and linkers read them as `@file`, so make and the
    /// shell never see the values in them.
    pub(crate) flags: Vec<(&'static str, Vec<OsString>)>,
    #[cfg(feature = "rust")]
    pub(crate) rust: rust::RustPart,
    /// The folders that are searched for headers, in order.
    pub(crate) searched: Vec<PathBuf>,
    /// Stage folders and the source folders that they stand for.
    pub(crate) pairs: Vec<(PathBuf, PathBuf)>,
    /// The questions that are asked instead of building a module.
    pub(crate) questions: Option<Vec<Question>>,
    /// The folders in the compiler's flags that a question's headers are searched in, as written.
    pub(crate) flag_folders: Vec<PathBuf>,
    /// The `.cmd` files of shipped objects. kbuild writes none when it copies an object, and
    /// modpost (6.1, 6.12) fails without one.
    pub(crate) commands: Vec<PathBuf>,
}

/// An object of the module.
struct Object {
    /// The path of the object below the stage.
    name: PathBuf,
    /// The source that the object is compiled from, and the source's folder.
    source: PathBuf,
    folder: PathBuf,
}

impl Object {
    fn is_rust(&self) -> bool {
        self.source.extension().is_some_and(|e| e == "rs")
    }
}

impl Layout {
    /// Lays out `declared`.
    pub(in crate::resolve) fn new(
        declared: &Declared,
        context: &Context<'_>,
        links: &mut CarriedFolders,
    ) -> Result<Layout> {
        let site = context.site;
        let (name, base, stage) = (&site.label, &*site.base, &site.stage);
        if declared.questions.is_some() {
            return Layout::of_questions(context);
        }
        if declared.sources.is_empty() {
            return Err(Error::input(format!("the module {name} has no sources")));
        }
        let mut layout = Layout::default();
        let mut objects: Vec<(PathBuf, PathBuf)> = Vec::new();
        let mut order = Vec::new();
        let mut foreign = Vec::new();
        for source in &declared.sources {
            let (rel, real, meta) = place(source, base, &mut foreign)?;
            let object = object_of(&rel)?;
            if let Some((_, other)) = objects.iter().find(|(o, _)| *o == object) {
                if *other == real {
                    continue;
                }
                return Err(Error::input(format!(
                    "{} and {} would both become {}. Rename one of them",
                    other.display(),
                    real.display(),
                    object.display()
                )));
            }
            objects.push((object.clone(), real.clone()));
            if rel.extension().is_some_and(|e| e == "o_shipped") {
                let name = object.file_name().unwrap_or_default();
                let command = [b".", name.as_bytes(), b".cmd"].concat();
                let command = object.with_file_name(OsStr::from_bytes(&command));
                layout.commands.push(stage.file(&command));
            }
            let folder = real.parent().unwrap_or(base).to_owned();
            layout.add_pair(stage, &rel, &folder);
            layout.items.push(Item::new(
                rel,
                Kind::File {
                    from: Some(real.clone()),
                    id: Identity::from_metadata(&meta),
                },
            ));
            order.push(Object {
                name: object,
                source: real,
                folder,
            });
        }
        #[cfg(feature = "rust")]
        layout.add_crates(base, &mut order)?;
        layout.add_folders();
        sort_items(&mut layout.items);
        layout.pairs.push((stage.dir.clone(), base.to_owned()));
        layout
            .pairs
            .push((stage.file(Path::new("src")), base.to_owned()));
        layout.write(name, &site.flags_dir(), links, &order);
        layout.flags.extend(context.settings.flags.files()?);
        layout.flags.push(("ld", declared.ldflags.clone()));
        #[cfg(feature = "rust")]
        layout.add_rust(&declared.rust, context, links, &order)?;
        Ok(layout)
    }

    /// Lays out questions for a compiler. A run writes their sources, because those of earlier runs
    /// stay.
    fn of_questions(context: &Context<'_>) -> Result<Layout> {
        let site = context.site;
        Ok(Layout {
            kbuild: kbuild_of_questions(&site.flags_dir().to_string_lossy()),
            flags: context.settings.flags.files()?.to_vec(),
            pairs: vec![(site.stage.dir.clone(), site.base.clone())],
            questions: context.settings.questions().map(<[Question]>::to_vec),
            flag_folders: context.settings.flags.header_folders(),
            ..Layout::default()
        })
    }

    fn add_pair(&mut self, stage: &Stage, rel: &Path, folder: &Path) {
        let staged = stage.file(rel.parent().unwrap_or(rel));
        if !self.pairs.iter().any(|(s, _)| *s == staged) {
            self.pairs.push((staged, folder.to_owned()));
        }
    }

    /// The folders of the staged sources.
    fn add_folders(&mut self) {
        let mut folders: Vec<PathBuf> = self
            .items
            .iter()
            .flat_map(|i| i.rel.ancestors().skip(1))
            .filter(|p| !p.as_os_str().is_empty())
            .map(Path::to_owned)
            .collect();
        sort_paths(&mut folders);
        self.items
            .extend(folders.into_iter().map(|f| Item::new(f, Kind::Dir)));
    }

    fn write(
        &mut self,
        name: &str,
        flags_dir: &Path,
        links: &mut CarriedFolders,
        order: &[Object],
    ) {
        let mut text = format!("# Written by kbuild-rs.\nobj-m := {name}.o\n{name}-y :=");
        for object in order {
            let _ = write!(text, " {}", object.name.display());
        }
        let dir = flags_dir.display();
        let _ = write!(
            text,
            "\nccflags-y := @{dir}/cc\nasflags-y := @{dir}/as\nldflags-y := @{dir}/ld\n"
        );
        // Each source searches its own folder for #include "…", as in a build in place. One list
        // for all sources would find a/config.h in place of b/config.h.
        for object in order.iter().filter(|object| !object.is_rust()) {
            self.searched.push(object.folder.clone());
            let folder = links.carry(&object.folder);
            for kind in ["CFLAGS", "AFLAGS"] {
                let _ = writeln!(
                    text,
                    "{kind}_{} := -iquote {}",
                    object.name.display(),
                    folder.display()
                );
            }
        }
        // Since 6.13, kbuild's own rule only works in subfolders.
        for item in &self.items {
            let shipped = item.rel.to_string_lossy();
            if let Some(made) = shipped.strip_suffix("_shipped") {
                let _ = writeln!(text, "$(obj)/{made}: $(obj)/{shipped}\n\t$(Q)cat $< > $@");
            }
        }
        self.kbuild = text;
    }
}

/// Refuses a text that cannot be the name of a module.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let good = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        && !name.starts_with('-')
        && !name.is_empty();
    if !good {
        return Err(Error::input(format!(
            "{name:?} cannot be the name of a module: use letters, digits, _ and -, and do not \
             begin with -"
        )));
    }
    if name.len() > MAX_NAME {
        return Err(Error::input(format!(
            "the module name {name} is {} characters long, but the kernel allows {MAX_NAME}",
            name.len()
        )));
    }
    Ok(())
}

/// The place of a source in the stage: below `src/` at its path relative to the base. It is below
/// `gen/` if the source lies elsewhere (generated), or if kbuild cannot carry its folder's name.
fn place(
    source: &Path,
    base: &Path,
    foreign: &mut Vec<PathBuf>,
) -> Result<(PathBuf, PathBuf, std::fs::Metadata)> {
    let path = base.join(source);
    let not_found = |why: &dyn std::fmt::Display| {
        Error::new(
            ErrorKind::SourceNotFound,
            format!("the source {} {why}", path.display()),
        )
    };
    let meta = std::fs::metadata(&path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => not_found(&"does not exist"),
        _ => not_found(&format!("cannot be read: {e}")),
    })?;
    if !meta.is_file() {
        return Err(not_found(&"is not a regular file"));
    }
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(not_found(&"is not a regular file"));
    };
    if !is_carryable(Path::new(name)) || name.as_bytes().starts_with(b"-") {
        return Err(Error::input(format!(
            "make cannot handle the file name {name:?} of the source {}. Rename it",
            path.display()
        )));
    }
    let folder = std::fs::canonicalize(folder).map_err(|e| not_found(&e))?;
    let inside = folder.strip_prefix(base).ok().filter(|rel| {
        is_carryable(rel)
            && !rel
                .components()
                .any(|c| c.as_os_str().as_bytes().starts_with(b"-"))
    });
    let rel = match inside {
        Some(rel) => Path::new("src").join(rel),
        None => {
            let number = foreign
                .iter()
                .position(|f| *f == folder)
                .unwrap_or_else(|| {
                    foreign.push(folder.clone());
                    foreign.len() - 1
                });
            PathBuf::from(format!("gen/{number}"))
        }
    };
    Ok((rel.join(name), folder.join(name), meta))
}

fn object_of(rel: &Path) -> Result<PathBuf> {
    let text = rel.to_string_lossy();
    if let Some(object) = text.strip_suffix(".o_shipped") {
        return Ok(format!("{object}.o").into());
    }
    let source = text.strip_suffix("_shipped").unwrap_or(&text);
    let advice = match rel.extension().and_then(OsStr::to_str) {
        _ if source.ends_with(".c") || source.ends_with(".S") => {
            return Ok(Path::new(source).with_extension("o"));
        }
        #[cfg(feature = "rust")]
        Some("rs") => return rust::object_of(rel),
        #[cfg(not(feature = "rust"))]
        Some("rs") => {
            "modules in Rust need the feature `rust` of the library. In Cargo.toml, write\n    \
             kbuild-rs = { version = \"…\", features = [\"rust\"] }"
        }
        Some("h") => {
            "kbuild-rs finds headers beside the sources automatically. For other folders, use -I \
             or Build::include (in CMake, INCLUDE_DIRECTORIES; in Meson, include_directories)"
        }
        Some("o") => "name a prebuilt object foo.o_shipped",
        Some("s") => "name an assembler source foo.S",
        _ => "a module is built from .c, .S, .rs and *_shipped files",
    };
    Err(Error::input(format!(
        "{} is not a source of a declared module: {advice}",
        rel.display()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_name_is_a_word_the_kernel_takes() {
        for good in ["hello", "my-mod", "a_1"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        let long = "x".repeat(56);
        for bad in ["", "-x", "a b", "$(shell x)", "a/b", "a.b", "ü", &long] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn each_kind_of_source_becomes_its_object_or_is_refused_with_advice() {
        let of = |p: &str| object_of(Path::new(p));
        assert_eq!(of("src/a.c").unwrap(), Path::new("src/a.o"));
        assert_eq!(of("src/a.S").unwrap(), Path::new("src/a.o"));
        assert_eq!(of("src/a.o_shipped").unwrap(), Path::new("src/a.o"));
        assert_eq!(of("src/a.c_shipped").unwrap(), Path::new("src/a.o"));
        assert!(of("a.o").unwrap_err().to_string().contains("o_shipped"));
        assert!(
            of("a.h")
                .unwrap_err()
                .to_string()
                .contains("Build::include")
        );
        assert!(of("a.cpp").unwrap_err().to_string().contains(".c, .S"));
        #[cfg(not(feature = "rust"))]
        assert!(of("a.rs").unwrap_err().to_string().contains("`rust`"));
    }
}
