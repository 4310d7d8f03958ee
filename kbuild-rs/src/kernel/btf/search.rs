//! The places of a kernel's BTF outside of its tree.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::{image, unpack};
use crate::kernel::Kernel;
use crate::kernel::find::Host;
use crate::sys::regular;

/// A base that was found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The running kernel's own BTF, and the text that tells this kernel from others.
    Running(PathBuf, String),
    /// The image of an installed kernel.
    Image(PathBuf),
}

/// The result of a search.
#[derive(Debug)]
pub(crate) struct Search {
    pub(crate) found: Option<Found>,
    /// Why other places were passed over.
    pub(crate) passed: Vec<String>,
}

impl Kernel {
    /// Searches for the BTF of this kernel: of the running kernel if it has this release, else in the
    /// installed image of this release. Images are looked at in the root of the kernel tree first, if
    /// the tree is at its usual place in one.
    pub(crate) fn find_btf_base(&self) -> Search {
        self.find_btf_base_on(&Host::this())
    }

    pub(in crate::kernel) fn find_btf_base_on(&self, host: &Host) -> Search {
        let mut search = Search {
            found: None,
            passed: Vec::new(),
        };
        let shown = host.root.join("sys/kernel/btf/vmlinux");
        match host.running() {
            Ok(running) if running == self.release => match regular::open(&shown) {
                Ok(_) => {
                    // The times of files in /sys mean nothing. This has the number and the date of
                    // the kernel's build.
                    let version = regular::read_to_string(host.root.join("proc/version"));
                    let version = version.unwrap_or_else(|_| running.clone());
                    search.found = Some(Found::Running(shown, version));
                    return search;
                }
                Err(e) => search.passed.push(format!("{}: {e}", shown.display())),
            },
            Ok(running) => search.passed.push(format!(
                "{}: the running kernel is {running}",
                shown.display()
            )),
            Err(e) => search.passed.push(e.to_string()),
        }
        let own = root_of(&self.dir, &self.release).filter(|root| *root != host.root);
        for root in own.iter().chain([&host.root]) {
            for file in images(root, &self.release) {
                match self.may_use(&file) {
                    Ok(()) => {
                        search.found = Some(Found::Image(file));
                        return search;
                    }
                    Err(why) => search.passed.push(format!("{}: {why}", file.display())),
                }
            }
        }
        search
    }

    /// Looks at the first sectors of an image. The rest is read when it is needed.
    fn may_use(&self, image: &Path) -> Result<(), String> {
        let file = regular::open(image).map_err(|e| match fs::symlink_metadata(image) {
            Ok(_) => e.to_string(),
            Err(_) => "does not exist".to_owned(),
        })?;
        let mut head = Vec::new();
        // The setup of a bzImage has at most 64 sectors, and its header is at its start.
        let read = file.take(64 << 10).read_to_end(&mut head);
        read.map_err(|e| e.to_string())?;
        let is_packed = image::Image::of(&head).is_some() || unpack::compression(&head).is_some();
        match image::release(&head) {
            Some(release) if release != self.release => Err(format!("is of the kernel {release}")),
            Some(_) if !cfg!(feature = "btf") => Err(NO_FEATURE.to_owned()),
            _ if is_packed && !cfg!(feature = "btf") => Err(NO_FEATURE.to_owned()),
            _ => Ok(()),
        }
    }
}

const NO_FEATURE: &str = "this kbuild-rs cannot unpack it (it was built without the feature `btf`)";

/// The root of the system or the image that a kernel tree belongs to, by the tree's usual places.
fn root_of(dir: &Path, release: &str) -> Option<PathBuf> {
    let places = [
        format!("usr/src/linux-headers-{release}"),
        format!("usr/src/kernels/{release}"),
        format!("usr/lib/modules/{release}/build"),
        format!("lib/modules/{release}/build"),
    ];
    let place = places.iter().find(|place| dir.ends_with(place))?;
    let above = dir.ancestors().nth(Path::new(place).components().count());
    above.map(Path::to_owned)
}

/// The places of an installed kernel's image, the usual ones first: Debian's, Fedora's and Arch's, those
/// of other architectures, and those of debug packages.
fn images(root: &Path, release: &str) -> Vec<PathBuf> {
    let places = [
        format!("boot/vmlinuz-{release}"),
        format!("lib/modules/{release}/vmlinuz"),
        format!("usr/lib/modules/{release}/vmlinuz"),
        format!("boot/vmlinux-{release}"),
        format!("boot/Image-{release}"),
        format!("usr/lib/debug/boot/vmlinux-{release}"),
        format!("usr/lib/debug/lib/modules/{release}/vmlinux"),
    ];
    places.iter().map(|place| root.join(place)).collect()
}
