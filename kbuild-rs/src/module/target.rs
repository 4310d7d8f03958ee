//! The kernel that a module is finished for, as far as signing and compressing need it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::kernel::{Config, Kernel};
use crate::sys::{Image, regular};
use crate::{Error, ErrorKind, Result};

/// A kernel in a root: its release, and its configuration and its tree if they were found.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) release: String,
    /// From the root's `/boot/config-<release>` or `/lib/modules/<release>/{config,build/.config}`,
    /// or from the kernel tree.
    pub(crate) config: Option<Config>,
    /// The kernel tree on this machine, for `scripts/sign-file` and the tools' names.
    pub(crate) tree: Option<Kernel>,
}

impl Target {
    /// The kernel `release` of a root. The kernel tree of that release on this machine counts, too,
    /// if there is one.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] or [`ErrorKind::NotOurs`] for a configuration that cannot be read, and
    /// [`ErrorKind::InvalidFile`] for one that is not UTF-8: without it, a module could be
    /// compressed or signed in a way that this kernel does not load.
    pub(crate) fn in_root(image: &Image, release: &str) -> Result<Target> {
        let tree = Kernel::find(release);
        let tree = tree.ok().filter(|tree| tree.release() == release);
        Target::new(image, release, tree)
    }

    /// Like [`in_root`](Self::in_root), with a kernel tree that the user named.
    pub(crate) fn of_tree(image: &Image, tree: Kernel) -> Result<Target> {
        let release = tree.release().to_owned();
        Target::new(image, &release, Some(tree))
    }

    fn new(image: &Image, release: &str, tree: Option<Kernel>) -> Result<Target> {
        let own = config_of(image, release)?;
        let config = own.or_else(|| tree.as_ref().map(|tree| tree.whole_config().clone()));
        Ok(Target {
            release: release.to_owned(),
            config,
            tree,
        })
    }

    /// The value of a configuration symbol, without `CONFIG_`.
    pub(crate) fn config(&self, name: &str) -> Option<&str> {
        self.config.as_ref().and_then(|config| config.get(name))
    }

    /// The first two numbers of the release: `(6, 12)`.
    pub(crate) fn version(&self) -> (u32, u32) {
        let mut numbers = self
            .release
            .split(|c: char| !c.is_ascii_digit())
            .map(|part| part.parse().unwrap_or(0));
        (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
    }

    /// `scripts/sign-file` of the kernel tree.
    pub(crate) fn sign_file(&self) -> Option<PathBuf> {
        let file = self.tree.as_ref()?.dir().join("scripts/sign-file");
        let meta = std::fs::metadata(&file).ok()?;
        let is_program = meta.is_file() && meta.permissions().mode() & 0o111 != 0;
        is_program.then_some(file)
    }

    /// The kernel tree's rules for `make modules_install`.
    pub(super) fn install_rules(&self) -> Option<String> {
        let source = self.tree.as_ref()?.source_dir();
        regular::read_to_string(source.join("scripts/Makefile.modinst")).ok()
    }
}

fn config_of(image: &Image, release: &str) -> Result<Option<Config>> {
    let places = [
        format!("boot/config-{release}"),
        format!("usr/lib/modules/{release}/config"),
        format!("lib/modules/{release}/config"),
        format!("lib/modules/{release}/build/.config"),
    ];
    for place in &places {
        let place = Path::new(place);
        if let Some(bytes) = image.read(place)? {
            return match String::from_utf8(bytes) {
                Ok(text) => Ok(Some(Config::parse(text))),
                Err(_) => Err(Error::new(
                    ErrorKind::InvalidFile,
                    format!(
                        "{} is not the configuration of a kernel: it is not text. Install the \
                         package of the kernel {release} again",
                        image.shown(place).display()
                    ),
                )),
            };
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    const RELEASE: &str = "6.12.1-none";

    fn config(files: &[&str]) -> Option<String> {
        let root = fixture::Root::new();
        for file in files {
            root.write(&format!("image/{file}"), format!("CONFIG_FROM={file}\n"));
        }
        root.create_dir("image");
        let image = Image::open(&root.join("image")).unwrap();
        let target = Target::in_root(&image, RELEASE).unwrap();
        target.config("FROM").map(str::to_owned)
    }

    #[test]
    fn the_configuration_is_found_in_each_place_of_a_root() {
        let modules = format!("lib/modules/{RELEASE}");
        let places = [
            format!("boot/config-{RELEASE}"),
            format!("usr/{modules}/config"),
            format!("{modules}/config"),
            format!("{modules}/build/.config"),
        ];
        let places: Vec<&str> = places.iter().map(String::as_str).collect();
        for first in 0..places.len() {
            let found = config(&places[first..]);
            assert_eq!(found.as_deref(), Some(places[first]));
        }
        assert_eq!(config(&[]), None);
    }

    #[test]
    fn a_configuration_that_leads_out_of_the_root_or_is_no_text_is_not_used() {
        let root = fixture::Root::new();
        let outside = root.write("outside", "CONFIG_FROM=outside\n");
        root.link(outside, &format!("image/boot/config-{RELEASE}"));
        let image = Image::open(&root.join("image")).unwrap();
        let target = Target::in_root(&image, RELEASE).unwrap();
        assert!(target.config.is_none());
        root.remove(&format!("image/boot/config-{RELEASE}"));
        root.write(&format!("image/boot/config-{RELEASE}"), b"\xff\xfe");
        let error = Target::in_root(&image, RELEASE).unwrap_err().to_string();
        assert!(error.contains("it is not text"), "{error}");
    }

    #[test]
    fn a_named_kernel_tree_brings_its_configuration_and_its_sign_file() {
        let root = fixture::Root::new();
        let tree = root.kernel_with("tree", RELEASE, "x86", "CONFIG_FROM=tree\n");
        root.create_dir("image");
        let image = Image::open(&root.join("image")).unwrap();
        let open = || Target::of_tree(&image, Kernel::open(&tree).unwrap()).unwrap();
        assert_eq!(open().config("FROM"), Some("tree"));
        assert_eq!(open().version(), (6, 12));
        assert_eq!(open().sign_file(), None);
        root.write("tree/scripts/sign-file", "a source, not a program");
        assert_eq!(open().sign_file(), None);
        root.remove("tree/scripts/sign-file");
        let program = root.program("tree/scripts/sign-file");
        assert_eq!(open().sign_file(), Some(program));
        root.write(&format!("image/boot/config-{RELEASE}"), "CONFIG_FROM=own\n");
        assert_eq!(open().config("FROM"), Some("own"));
    }
}
