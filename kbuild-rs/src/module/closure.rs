//! The modules of the kernel itself that other modules need: what an image has to contain beside
//! them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::modinfo::ModuleInfo;
use crate::sys::{Image, Root};
use crate::{Error, ErrorKind, Result};

/// The modules of one kernel that come with it: those of its package, extracted or installed.
#[derive(Debug)]
pub(crate) struct KernelModules {
    release: String,
    /// `lib/modules/<release>`, as people read it.
    folder: PathBuf,
    files: Root,
    /// Name of the module → path below the folder.
    paths: BTreeMap<String, PathBuf>,
    builtin: BTreeSet<String>,
}

/// A module that others need.
#[derive(Debug, Clone)]
pub struct InTree {
    /// The name of the module.
    pub name: String,
    /// Its path below `lib/modules/<release>`: `kernel/lib/crc-itu-t.ko.xz`.
    pub path: PathBuf,
    /// The file, as the kernel's package has it.
    pub bytes: Vec<u8>,
    /// The modules that it needs.
    pub depends: Vec<String>,
}

/// A module, and those that must be loaded before it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Need<'a> {
    pub(crate) name: &'a str,
    pub(crate) depends: &'a [String],
}

/// The deepest folder below `lib/modules/<release>` that is looked into, and the most modules.
const DEEPEST: usize = 32;
const MOST: usize = 100_000;

impl KernelModules {
    /// The modules of `release` in `folder`: a root with `lib/modules/<release>` (an extracted package
    /// of a kernel, or `/`), or that folder itself.
    ///
    /// # Errors
    /// [`ErrorKind::KernelNotFound`] without such a folder.
    pub(crate) fn open(folder: &Path, release: &str) -> Result<KernelModules> {
        let image = Image::open(folder)?;
        if let Some(kernel) = KernelModules::in_root(&image, release)? {
            return Ok(kernel);
        }
        let is_folder = folder.ends_with(release) && image.folder(Path::new("kernel"))?.is_some();
        match image
            .folder(Path::new(""))
            .map(|root| root.filter(|_| is_folder))?
        {
            Some(root) => KernelModules::of(root, release),
            None => Err(Error::new(
                ErrorKind::KernelNotFound,
                format!(
                    "{} has no modules of the kernel {release}: neither lib/modules/{release} nor \
                     usr/lib/modules/{release}. Extract the kernel's package, and name the folder \
                     (--kernel-modules)",
                    folder.display(),
                ),
            )),
        }
    }

    /// The modules of `release` in a root, if it has any.
    pub(crate) fn in_root(image: &Image, release: &str) -> Result<Option<KernelModules>> {
        for prefix in ["lib/modules", "usr/lib/modules"] {
            let place = Path::new(prefix).join(release);
            if image.folder(&place.join("kernel"))?.is_none() {
                continue;
            }
            if let Some(root) = image.folder(&place)? {
                return KernelModules::of(root, release).map(Some);
            }
        }
        Ok(None)
    }

    /// Whether the kernel has a module of this name, or has it built in.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.paths.contains_key(name) || self.builtin.contains(name)
    }

    fn of(root: Root, release: &str) -> Result<KernelModules> {
        let folder = root.path().to_owned();
        let mut kernel = KernelModules {
            release: release.to_owned(),
            files: root,
            paths: BTreeMap::new(),
            builtin: BTreeSet::new(),
            folder,
        };
        kernel.collect(Path::new("kernel"), 0)?;
        let mut builtin = String::new();
        let list = kernel.folder.join("modules.builtin");
        if let Some(mut file) = kernel.files.open_file(&list)? {
            let read = file.read_to_string(&mut builtin);
            read.map_err(|e| Error::reading("read", &list, e))?;
        }
        let names = builtin.lines().filter_map(|line| name_of(Path::new(line)));
        kernel.builtin = names.collect();
        Ok(kernel)
    }

    /// Notes every module below a folder. No link is followed.
    fn collect(&mut self, rel: &Path, depth: usize) -> Result<()> {
        let entries = self.files.entries(rel)?;
        for (name, is_folder) in entries {
            let path = rel.join(&name);
            if is_folder && depth < DEEPEST {
                self.collect(&path, depth + 1)?;
            } else if let Some(module) = name_of(&path).filter(|_| !is_folder) {
                self.paths.entry(module).or_insert(path);
            }
            if self.paths.len() > MOST {
                return Err(Error::new(
                    ErrorKind::InvalidFile,
                    format!("{} has too many modules", self.folder.display()),
                ));
            }
        }
        Ok(())
    }

    /// The modules of the kernel that `modules` need, transitively, sorted by name. Needs among
    /// `modules` themselves are not the kernel's.
    ///
    /// # Errors
    /// [`ErrorKind::SourceNotFound`] names each module that neither the kernel nor `modules` have,
    /// and the one that needs it.
    pub(crate) fn closure(&self, modules: &[Need<'_>]) -> Result<Vec<InTree>> {
        let own: BTreeSet<String> = modules.iter().map(|m| m.name.replace('-', "_")).collect();
        let mut pending: Vec<(String, String)> = Vec::new();
        for module in modules {
            let depends = module.depends.iter();
            pending.extend(depends.map(|name| (name.clone(), module.name.to_owned())));
        }
        let mut found: BTreeMap<String, InTree> = BTreeMap::new();
        let mut missing = BTreeMap::new();
        while let Some((name, needed_by)) = pending.pop() {
            let name = name.replace('-', "_");
            let is_known = own.contains(&name) || self.builtin.contains(&name);
            if is_known || found.contains_key(&name) {
                continue;
            }
            let Some(path) = self.paths.get(&name) else {
                missing.insert(name, needed_by);
                continue;
            };
            let module = self.read(&name, path)?;
            let next = module.depends.iter();
            pending.extend(next.map(|next| (next.clone(), name.clone())));
            found.insert(name, module);
        }
        match missing.is_empty() {
            true => Ok(found.into_values().collect()),
            false => Err(self.missing(&missing)),
        }
    }

    fn read(&self, name: &str, path: &Path) -> Result<InTree> {
        let full = self.folder.join(path);
        let failed = |e| Error::reading("read", &full, e);
        let file = self.files.open_file(&full)?;
        let mut file = file.ok_or_else(|| failed(std::io::ErrorKind::NotFound.into()))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed)?;
        let info = ModuleInfo::of_bytes(&bytes, &full)?;
        if info.release != self.release {
            return Err(Error::new(
                ErrorKind::InvalidFile,
                format!(
                    "{} is for the kernel {}, not for {}; extract the package of that kernel",
                    full.display(),
                    info.release,
                    self.release
                ),
            ));
        }
        Ok(InTree {
            name: name.to_owned(),
            path: path.to_owned(),
            bytes,
            depends: info.depends,
        })
    }

    fn missing(&self, missing: &BTreeMap<String, String>) -> Error {
        let lines: Vec<String> = missing
            .iter()
            .map(|(name, needed_by)| format!("\n    {name}, which {needed_by} needs"))
            .collect();
        Error::new(
            ErrorKind::SourceNotFound,
            format!(
                "modules are missing from this call and from {}:{}\nAdd them to the call. If the \
                 kernel has them in another package, extract that package, too",
                self.folder.display(),
                lines.concat()
            ),
        )
    }
}

/// The kernel's name of a module file, compressed or not.
fn name_of(path: &Path) -> Option<String> {
    super::initramfs::module_name(path.file_name()?.to_str()?)
}

/// Those of `paths` (below `lib/modules/<release>`) that no package of Debian's in the root contains;
/// `None` if the root has no database of dpkg.
///
/// # Errors
/// If the database cannot be read.
pub(crate) fn without_package(
    image: &Image,
    release: &str,
    paths: &[PathBuf],
) -> Result<Option<Vec<PathBuf>>> {
    const LISTS: &str = "var/lib/dpkg/info";
    let Some(folder) = image.folder(Path::new(LISTS))? else {
        return Ok(None);
    };
    let mut left: BTreeSet<&Path> = paths.iter().map(PathBuf::as_path).collect();
    for name in folder.names()? {
        if !name.as_encoded_bytes().ends_with(b".list") || left.is_empty() {
            continue;
        }
        let list = image.read(&Path::new(LISTS).join(&name))?;
        let list = list.unwrap_or_default();
        let text = String::from_utf8_lossy(&list);
        for line in text.lines() {
            let line = line.strip_prefix("/usr").unwrap_or(line);
            let below = line.strip_prefix("/lib/modules/");
            let below = below.and_then(|line| line.strip_prefix(release)?.strip_prefix('/'));
            if let Some(path) = below {
                left.remove(Path::new(path));
            }
        }
    }
    Ok(Some(left.into_iter().map(Path::to_owned).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use crate::module::modinfo::tests::small_module;

    const RELEASE: &str = "6.1.0-x";

    fn module(name: &str, depends: &str) -> Vec<u8> {
        let text = format!(
            "license=GPL\0name={name}\0depends={depends}\0vermagic={RELEASE} SMP mod_unload \0"
        );
        small_module(62, &text)
    }

    fn info(name: &str, depends: &str) -> ModuleInfo {
        ModuleInfo::of_bytes(&module(name, depends), Path::new("x.ko")).unwrap()
    }

    fn need(info: &ModuleInfo) -> Need<'_> {
        Need {
            name: &info.name,
            depends: &info.depends,
        }
    }

    fn root() -> fixture::Root {
        let root = fixture::Root::new();
        let folder = format!("image/usr/lib/modules/{RELEASE}");
        let put = |path: &str, bytes: Vec<u8>| root.write(&format!("{folder}/{path}"), bytes);
        put("kernel/lib/crc-itu-t.ko", module("crc_itu_t", ""));
        put("kernel/net/mac.ko", module("mac", "cfg,rfkill"));
        put("kernel/net/cfg.ko", module("cfg", "crc-itu-t"));
        put("kernel/net/lost.ko", module("lost", "nowhere"));
        put("modules.builtin", b"kernel/net/rfkill.ko\n".to_vec());
        root.link("usr/lib", "image/lib");
        root
    }

    fn open(root: &fixture::Root) -> KernelModules {
        KernelModules::open(&root.join("image"), RELEASE).unwrap()
    }

    #[test]
    fn modules_of_the_kernel_come_with_those_that_need_them() {
        let root = root();
        let ours = [info("wifi", "mac,helper"), info("helper", "")];
        let ours: Vec<Need<'_>> = ours.iter().map(need).collect();
        let found = open(&root).closure(&ours).unwrap();
        let paths: Vec<_> = found
            .iter()
            .map(|module| module.path.to_str().unwrap())
            .collect();
        let expected = [
            "kernel/net/cfg.ko",
            "kernel/lib/crc-itu-t.ko",
            "kernel/net/mac.ko",
        ];
        assert_eq!(paths, expected);
        assert_eq!(found[1].bytes, module("crc_itu_t", ""));
        // The folder of the release may be named itself.
        let folder = root.join(&format!("image/usr/lib/modules/{RELEASE}"));
        let same = KernelModules::open(&folder, RELEASE).unwrap();
        assert_eq!(same.closure(&ours).unwrap().len(), 3);
    }

    #[test]
    fn a_missing_module_is_named_with_the_one_that_needs_it() {
        let root = root();
        let error = open(&root)
            .closure(&[need(&info("wifi", "lost,gone"))])
            .unwrap_err();
        let text = error.to_string();
        assert!(text.contains("\n    gone, which wifi needs"), "{text}");
        assert!(text.contains("\n    nowhere, which lost needs"), "{text}");
        let error = KernelModules::open(&root.join("image"), "6.9.9").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::KernelNotFound);
    }

    #[test]
    fn links_in_the_folder_of_the_kernel_are_not_followed() {
        let root = root();
        root.write("outside/evil.ko", module("evil", ""));
        let link = format!("image/usr/lib/modules/{RELEASE}/kernel/evil.ko");
        root.link(root.join("outside/evil.ko"), &link);
        let error = open(&root)
            .closure(&[need(&info("wifi", "evil"))])
            .unwrap_err();
        assert!(error.to_string().contains("evil"), "{error}");
    }

    #[test]
    fn modules_that_no_package_contains_are_listed() {
        let root = root();
        let image = Image::open(&root.join("image")).unwrap();
        let paths = ["kernel/net/cfg.ko", "kernel/net/mac.ko", "updates/wifi.ko"];
        let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
        assert_eq!(without_package(&image, RELEASE, &paths).unwrap(), None);
        root.write(
            "image/var/lib/dpkg/info/linux-image.list",
            format!(
                "/.\n/lib/modules/{RELEASE}/kernel/net/cfg.ko\n/usr/lib/modules/{RELEASE}/kernel/net/mac.ko\n\
                 /lib/modules/6.2/updates/wifi.ko\n"
            ),
        );
        let left = without_package(&image, RELEASE, &paths).unwrap();
        assert_eq!(left, Some(vec![PathBuf::from("updates/wifi.ko")]));
    }
}
