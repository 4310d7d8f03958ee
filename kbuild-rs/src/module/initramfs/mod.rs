//! The initramfs of a kernel: whether it contains a module that was installed anew, and the command
//! that builds it again.

mod cpio;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod rebuild;
#[cfg(test)]
mod tests;
mod unified;

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use crate::Result;
use crate::sys::Image;
use cpio::{Budget, Why};
use unified::Sections;

/// The initramfs files of one kernel in a root, and the command that makes them.
#[derive(Debug)]
pub(crate) struct Initramfs {
    pub(crate) files: Vec<Archive>,
    /// The program and its arguments; `None` if the root has no program that is known.
    pub(crate) command: Option<Vec<String>>,
    root: PathBuf,
}

/// One file with an initramfs.
#[derive(Debug)]
pub(crate) struct Archive {
    pub(crate) path: PathBuf,
    /// Whether it is a unified kernel image, which a firmware checks the signature of.
    pub(crate) is_unified: bool,
    pub(crate) contains: Contains,
}

/// Which of the modules an initramfs contains.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Contains {
    Modules(Vec<String>),
    Nothing,
    /// It could not be read; the text is the end of a sentence about the file.
    CannotTell(String),
}

/// The folder of unified kernel images, by the places that an EFI system partition is mounted at.
const UNIFIED: [&str; 3] = ["boot/efi/EFI/Linux", "efi/EFI/Linux", "boot/EFI/Linux"];

impl Initramfs {
    /// Looks for `modules` (by the kernel's names) in each initramfs of `release`. `None` if the
    /// root has no initramfs for it.
    ///
    /// # Errors
    /// If a folder of the root cannot be read. A file that cannot be read is
    /// [`Contains::CannotTell`].
    pub(crate) fn of(
        image: &Image,
        release: &str,
        modules: &[String],
    ) -> Result<Option<Initramfs>> {
        let mut files = Vec::new();
        for rel in plain_files(image, release)? {
            if let Some(file) = opened(image, &rel) {
                let contains = file.map_or_else(
                    |error| unreadable(&error),
                    |file| look(&mut BufReader::new(file), release, modules),
                );
                files.push(Archive {
                    path: image.shown(&rel),
                    is_unified: false,
                    contains,
                });
            }
        }
        for rel in names_in(image, &UNIFIED, &|name| name.ends_with(".efi"))? {
            if let Some(contains) = look_at_unified(image, &rel, release, modules) {
                files.push(Archive {
                    path: image.shown(&rel),
                    is_unified: true,
                    contains,
                });
            }
        }
        if files.is_empty() {
            return Ok(None);
        }
        Ok(Some(Initramfs {
            command: rebuild::command(image, release, &files)?,
            files,
            root: image.path().to_owned(),
        }))
    }
}

impl Archive {
    /// Whether it contains an old version of a module, or may do so.
    fn is_stale(&self) -> bool {
        self.contains != Contains::Nothing
    }
}

fn unreadable(error: &io::Error) -> Contains {
    Contains::CannotTell(format!("cannot be read: {error}"))
}

/// The places of files that contain only an initramfs.
fn plain_files(image: &Image, release: &str) -> Result<Vec<PathBuf>> {
    let mut files = vec![
        PathBuf::from(format!("boot/initrd.img-{release}")),
        PathBuf::from(format!("boot/initramfs-{release}.img")),
        PathBuf::from(format!("boot/initrd-{release}")),
        PathBuf::from(format!("usr/lib/modules/{release}/initrd")),
    ];
    // Arch names its files after the package, and the archive tells the release.
    let is_archs = |name: &str| name.starts_with("initramfs-linux") && name.ends_with(".img");
    for file in names_in(image, &["boot"], &is_archs)? {
        if !files.contains(&file) {
            files.push(file);
        }
    }
    Ok(files)
}

fn names_in(image: &Image, folders: &[&str], fits: &dyn Fn(&str) -> bool) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for folder in folders {
        let Some(root) = image.folder(Path::new(folder))? else {
            continue;
        };
        let names = root.names()?;
        let fitting = names.iter().filter(|name| name.to_str().is_some_and(fits));
        let mut fitting: Vec<PathBuf> = fitting.map(|name| Path::new(folder).join(name)).collect();
        fitting.sort();
        found.extend(fitting);
    }
    Ok(found)
}

/// `None` if nothing is there.
fn opened(image: &Image, rel: &Path) -> Option<io::Result<File>> {
    match image.open_file(rel) {
        Ok(None) => None,
        Ok(Some(file)) => Some(Ok(file)),
        Err(error) => Some(Err(io::Error::other(error.to_string()))),
    }
}

/// `None` for an image of another release.
fn look_at_unified(
    image: &Image,
    rel: &Path,
    release: &str,
    modules: &[String],
) -> Option<Contains> {
    let is_named = rel.to_string_lossy().contains(release);
    let read = |mut file: File| -> io::Result<Option<Contains>> {
        let Some(sections) = Sections::of(&mut file)? else {
            return Ok(
                is_named.then(|| Contains::CannotTell("is not a unified kernel image".to_owned()))
            );
        };
        match sections.release(&mut file)? {
            Some(told) if told != release => return Ok(None),
            None if !is_named => return Ok(None),
            _ => {}
        }
        let mut all = Vec::new();
        for section in sections.initramfs {
            let part = unified::part(&mut file, section)?;
            match look(&mut BufReader::new(part), release, modules) {
                Contains::Modules(found) => all.extend(found),
                Contains::Nothing => {}
                unknown @ Contains::CannotTell(_) => return Ok(Some(unknown)),
            }
        }
        Ok(Some(found(all)))
    };
    let done = match opened(image, rel)? {
        Ok(file) => read(file),
        Err(error) => Err(error),
    };
    done.unwrap_or_else(|error| is_named.then(|| unreadable(&error)))
}

/// Which of the modules an archive contains, below `lib/modules/<release>`.
fn look(reader: &mut dyn BufRead, release: &str, modules: &[String]) -> Contains {
    let folder = format!("lib/modules/{release}/");
    let mut inside = Vec::new();
    let mut visit = |path: &[u8]| {
        let Ok(path) = std::str::from_utf8(path) else {
            return;
        };
        let name = path.rsplit('/').next().unwrap_or(path);
        let name = module_name(name).filter(|_| path.contains(&folder));
        if let Some(name) = name.filter(|name| modules.contains(name)) {
            inside.push(name);
        }
    };
    let read = cpio::names(reader, &mut Budget::new(), &mut visit);
    match read {
        Ok(()) => found(inside),
        // An answer that nothing behind the damage can change.
        Err(_) if !inside.is_empty() => found(inside),
        Err(Why::Compressed(kind)) => Contains::CannotTell(format!(
            "is compressed with {kind}, which kbuild-rs does not read"
        )),
        Err(Why::NotCpio) => Contains::CannotTell("is not an initramfs".to_owned()),
        Err(Why::TooLarge) => {
            Contains::CannotTell("is larger than any initramfs should be".to_owned())
        }
        Err(Why::Failed(error)) => {
            Contains::CannotTell(format!("is damaged or truncated ({error})"))
        }
    }
}

fn found(mut modules: Vec<String>) -> Contains {
    modules.sort();
    modules.dedup();
    match modules.is_empty() {
        true => Contains::Nothing,
        false => Contains::Modules(modules),
    }
}

/// The kernel's name of the module in a file: `snd_hda` of `snd-hda.ko.xz`.
pub(super) fn module_name(file: &str) -> Option<String> {
    let (stem, suffix) = file.rsplit_once(".ko")?;
    let is_module = ["", ".gz", ".xz", ".zst"].contains(&suffix);
    is_module.then(|| stem.replace('-', "_"))
}
