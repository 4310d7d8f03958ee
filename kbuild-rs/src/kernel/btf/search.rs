//! The places of a kernel's BTF outside of its tree.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::{elf, image, unpack};
use crate::kernel::Kernel;
use crate::kernel::find::Host;
use crate::sys::regular;

/// The BTF of the running kernel.
pub(crate) const SHOWN: &str = "/sys/kernel/btf/vmlinux";

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
    /// Searches for the BTF of this kernel: in the root of the kernel tree, if the tree is at its usual
    /// place in one; of the running kernel, if it is this one; in the installed image of this
    /// release.
    pub(crate) fn find_btf_base(&self) -> Search {
        self.find_btf_base_on(&Host::this())
    }

    pub(in crate::kernel) fn find_btf_base_on(&self, host: &Host) -> Search {
        let mut search = Search {
            found: None,
            passed: Vec::new(),
        };
        if let Some(root) = root_of(&self.dir, &self.release).filter(|root| *root != host.root) {
            self.find_image(&root, &mut search);
        }
        if search.found.is_some() {
            return search;
        }
        let shown = host.root.join(&SHOWN[1..]);
        let running = match regular::open(&shown) {
            Ok(_) => self.is_running_on(host),
            Err(e) => self.is_of(host).and(Err(e.to_string())),
        };
        match running {
            Ok(version) => search.found = Some(Found::Running(shown, version)),
            Err(why) => search.passed.push(format!("{}: {why}", shown.display())),
        }
        // The images of another machine's kernels may have the same release.
        if search.found.is_none() && self.arch == host.machine {
            self.find_image(&host.root, &mut search);
        }
        search
    }

    fn find_image(&self, root: &Path, search: &mut Search) {
        for file in images(root, &self.release) {
            match self.may_use(&file) {
                Ok(()) => {
                    search.found = Some(Found::Image(file));
                    return;
                }
                Err(why) => search.passed.push(format!("{}: {why}", file.display())),
            }
        }
    }

    /// The text that tells the running kernel from others, if it is this one.
    ///
    /// # Errors
    /// The reason why it is another one, for a message.
    pub(crate) fn is_running(&self) -> Result<String, String> {
        self.is_running_on(&Host::this())
    }

    fn is_running_on(&self, host: &Host) -> Result<String, String> {
        self.is_of(host)?;
        // The times of files in /sys mean nothing. This has the number and the date of the kernel's
        // build.
        let version = regular::read_to_string(host.root.join("proc/version"));
        let version = version.map_err(|e| format!("/proc/version cannot be read: {e}"))?;
        if let Some(own) = self.version_of_build().filter(|own| !version.contains(own)) {
            return Err(format!(
                "the running kernel is another build of {}: this kernel tree is of \"{own}\"",
                self.release
            ));
        }
        let notes = fs::read(host.root.join("sys/kernel/notes")).unwrap_or_default();
        let id = build_id(&notes).unwrap_or_default();
        Ok(format!("{}\n{id}", version.trim_end()))
    }

    /// Whether the running kernel has this release and architecture.
    fn is_of(&self, host: &Host) -> Result<(), String> {
        if self.arch != host.machine {
            let (own, here) = (&self.arch, host.machine);
            return Err(format!(
                "this machine is {here}, and the kernel tree is for {own}"
            ));
        }
        match host.running() {
            Ok(running) if running == self.release => Ok(()),
            Ok(running) => Err(format!("the running kernel is {running}")),
            Err(e) => Err(e.to_string()),
        }
    }

    /// The version of the kernel's build (`uname -v`), if the kernel tree has it. Kernels before 6.1
    /// have it in `compile.h`.
    fn version_of_build(&self) -> Option<String> {
        ["utsversion.h", "compile.h"].iter().find_map(|name| {
            let file = self.dir.join("include/generated").join(name);
            let text = regular::read_to_string(file).ok()?;
            let (_, rest) = text.split_once("#define UTS_VERSION \"")?;
            let (version, _) = rest.split_once('"')?;
            (!version.is_empty()).then(|| version.to_owned())
        })
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
        let is_other = match elf::machine(&head) {
            Some(machine) => !is_machine_of(machine, &self.arch),
            None => image::is_bzimage(&head) && self.arch != "x86",
        };
        if is_other {
            return Err(format!("is not for {}", self.arch));
        }
        let is_packed = image::is_packed(&head) || unpack::compression(&head).is_some();
        match image::release(&head) {
            Some(release) if release != self.release => Err(format!("is of the kernel {release}")),
            _ if is_packed && !cfg!(feature = "btf") => Err(NO_FEATURE.to_owned()),
            _ => Ok(()),
        }
    }
}

/// The build ID in the notes of the running kernel. The other notes contain addresses, which
/// differ after each start.
fn build_id(mut notes: &[u8]) -> Option<String> {
    let number = |bytes: &[u8], at: usize| {
        let field = bytes.get(at..at + 4)?.try_into().ok()?;
        usize::try_from(u32::from_ne_bytes(field)).ok()
    };
    loop {
        let (name, size, kind) = (number(notes, 0)?, number(notes, 4)?, number(notes, 8)?);
        let content = name.checked_next_multiple_of(4)?.checked_add(12)?;
        let end = content.checked_add(size)?;
        if kind == 3 && notes.get(12..16) == Some(&b"GNU\0"[..]) {
            let bytes = notes.get(content..end)?;
            return Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect());
        }
        notes = notes.get(end.checked_next_multiple_of(4)?..)?;
    }
}

/// Whether an ELF file for this machine (`e_machine`) may be a kernel of this architecture. Names that
/// are not here are not compared.
fn is_machine_of(machine: usize, arch: &str) -> bool {
    match arch {
        "x86" => matches!(machine, 3 | 62),
        "arm" => machine == 40,
        "arm64" => machine == 183,
        "riscv" => machine == 243,
        "loongarch" => machine == 258,
        "mips" => machine == 8,
        "powerpc" => matches!(machine, 20 | 21),
        "s390" => machine == 22,
        _ => true,
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
