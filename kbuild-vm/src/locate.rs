//! Finds what a guest is made of: a kernel's image and modules, busybox, QEMU.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use object::Object;

use crate::guest::{Arch, Kernel};
use crate::{Error, Result};

impl Kernel {
    /// The kernel of this release: its image and its own modules.
    ///
    /// `tree` is its kernel tree, if there is one. The image is the one that was built in the tree,
    /// else `boot/vmlinuz-<release>` or `lib/modules/<release>/vmlinuz` in a folder above the tree
    /// (an extracted package) or in `/`.
    ///
    /// # Errors
    /// [`Error::Missing`] without an image that this user can read; it says where to get one.
    pub fn find(release: &str, arch: Arch, tree: Option<&Path>) -> Result<Kernel> {
        let images = images(release, arch, tree);
        let Some(image) = images.iter().find(|path| path.is_file()) else {
            return Err(no_image(release, &images));
        };
        if let Err(error) = fs::File::open(image) {
            let what = format!(
                "cannot read the image {0}: {error}. Let this user read it:\n    sudo chmod +r {0}",
                image.display()
            );
            return Err(Error::Missing { what });
        }
        Ok(Kernel {
            release: release.to_owned(),
            arch,
            image: image.clone(),
            modules: modules(release, tree),
        })
    }

    /// The kernel of this release that boots from `image`.
    pub fn with_image(release: &str, arch: Arch, tree: Option<&Path>, image: &Path) -> Kernel {
        Kernel {
            release: release.to_owned(),
            arch,
            image: image.to_owned(),
            modules: modules(release, tree),
        }
    }

    /// Its configuration, if it is beside the kernel.
    pub(crate) fn config(&self, tree: Option<&Path>) -> Option<PathBuf> {
        let name = format!("boot/config-{}", self.release);
        let of_tree = tree.map(|tree| tree.join(".config"));
        let above = prefixes(tree).into_iter().map(|prefix| prefix.join(&name));
        let mut all = of_tree
            .into_iter()
            .chain(above)
            .chain([self.modules.join("config")]);
        all.find(|path| path.is_file())
    }
}

/// The folders above a tree, nearest first; at least `/`.
fn prefixes(tree: Option<&Path>) -> Vec<PathBuf> {
    let mut prefixes: Vec<PathBuf> = Vec::new();
    let real = tree.and_then(|tree| fs::canonicalize(tree).ok());
    for path in tree.into_iter().chain(real.as_deref()) {
        // The last one is `/`, or empty if the path is relative.
        let above = path
            .ancestors()
            .skip(1)
            .filter(|path| *path != Path::new(""));
        prefixes.extend(
            above
                .filter(|path| *path != Path::new("/"))
                .map(PathBuf::from),
        );
    }
    prefixes.push("/".into());
    prefixes
}

fn images(release: &str, arch: Arch, tree: Option<&Path>) -> Vec<PathBuf> {
    let built = match arch {
        Arch::X86_64 => "arch/x86/boot/bzImage",
        Arch::Arm64 => "arch/arm64/boot/Image",
    };
    let mut images: Vec<PathBuf> = tree.map(|tree| tree.join(built)).into_iter().collect();
    for prefix in prefixes(tree) {
        images.push(prefix.join(format!("boot/vmlinuz-{release}")));
        images.push(prefix.join(format!("lib/modules/{release}/vmlinuz")));
        images.push(prefix.join(format!("usr/lib/modules/{release}/vmlinuz")));
    }
    images
}

fn modules(release: &str, tree: Option<&Path>) -> PathBuf {
    let mut all = prefixes(tree).into_iter().flat_map(|prefix| {
        ["lib/modules", "usr/lib/modules"].map(|part| prefix.join(part).join(release))
    });
    let found = all.find(|folder| folder.join("modules.dep").is_file());
    found.unwrap_or_else(|| Path::new("/lib/modules").join(release))
}

fn no_image(release: &str, images: &[PathBuf]) -> Error {
    let shown = images
        .first()
        .into_iter()
        .chain(images.iter().rev().take(3).rev());
    let mut places: Vec<String> = shown
        .map(|path| format!("\n    {}", path.display()))
        .collect();
    places.dedup();
    let command = install(&[
        ("apt-get", &format!("linux-image-{release}")),
        ("dnf", &format!("kernel-core-{release}")),
    ]);
    let command = command.map(|line| format!(", or install its package:\n    {line}"));
    Error::Missing {
        what: format!(
            "the kernel {release} has no bootable image here. Places searched, among others:{}\nName \
             the image (--image FILE){}",
            places.concat(),
            command.unwrap_or_default()
        ),
    }
}

/// The line that installs a package with this machine's package manager.
fn install(packages: &[(&str, &str)]) -> Option<String> {
    let mut here = packages
        .iter()
        .filter(|(manager, _)| in_path(manager).is_some());
    here.next().map(|(manager, package)| match *manager {
        "pacman" => format!("pacman -S {package}"),
        "apk" => format!("apk add {package}"),
        _ => format!("{manager} install {package}"),
    })
}

fn in_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let mut folders = env::split_paths(&path);
    folders.find_map(|folder| Some(folder.join(program)).filter(|file| file.is_file()))
}

/// The busybox of this machine, for guests of `arch`.
///
/// # Errors
/// [`Error::Missing`] if `PATH` has none, or it is not static or for another processor.
pub fn busybox(arch: Arch) -> Result<PathBuf> {
    let found = in_path("busybox");
    let why = match &found {
        None => "PATH has none".to_owned(),
        Some(path) => match check_busybox(path, arch) {
            Ok(()) => return Ok(path.clone()),
            Err(why) => format!("{} {why}", path.display()),
        },
    };
    let command = install(&[
        ("apt-get", "busybox-static"),
        ("dnf", "busybox"),
        ("zypper", "busybox-static"),
        ("pacman", "busybox"),
        ("apk", "busybox-static"),
    ]);
    let command = command
        .map(|line| format!(":\n    {line}\n"))
        .unwrap_or_default();
    Err(Error::Missing {
        what: format!(
            "the guest needs a static busybox for {}: {why}. Install one{command}or name one \
             (--busybox FILE)",
            arch.name()
        ),
    })
}

/// Whether a file can be the guest's busybox; the error says what is wrong with it.
pub fn check_busybox(path: &Path, arch: Arch) -> std::result::Result<(), String> {
    let bytes = fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
    let file = object::File::parse(&*bytes).map_err(|_| "is not a program".to_owned())?;
    let wanted = match arch {
        Arch::X86_64 => object::Architecture::X86_64,
        Arch::Arm64 => object::Architecture::Aarch64,
    };
    if file.architecture() != wanted {
        return Err("is for another processor".to_owned());
    }
    use object::ObjectSection;
    let interpreter = file
        .sections()
        .any(|section| section.name() == Ok(".interp"));
    match interpreter {
        true => Err("is not static".to_owned()),
        false => Ok(()),
    }
}

/// Checks that QEMU is installed.
///
/// # Errors
/// [`Error::Missing`] with the line that installs it.
pub fn check_qemu(arch: Arch) -> Result<()> {
    let program = arch.program();
    if in_path(program).is_some() {
        return Ok(());
    }
    let (debian, fedora) = match arch {
        Arch::X86_64 => ("qemu-system-x86", "qemu-system-x86-core"),
        Arch::Arm64 => ("qemu-system-arm", "qemu-system-aarch64-core"),
    };
    let command = install(&[
        ("apt-get", debian),
        ("dnf", fedora),
        ("zypper", "qemu"),
        ("pacman", "qemu-base"),
        ("apk", program),
    ]);
    let command = command
        .map(|line| format!(":\n    {line}"))
        .unwrap_or_default();
    Err(Error::Missing {
        what: format!(
            "a test boots the kernel with {program}, which is not in PATH. Install it{command}"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_is_found_beside_a_tree_of_an_extracted_package() {
        let root = tempfile::tempdir().unwrap();
        let tree = root.path().join("usr/src/linux-headers-1.2");
        let [boot, modules] = ["boot", "lib/modules/1.2"].map(|part| root.path().join(part));
        for folder in [&tree, &boot, &modules] {
            fs::create_dir_all(folder).unwrap();
        }
        let find = || Kernel::find("1.2", Arch::X86_64, Some(&tree));
        let error = find().unwrap_err().to_string();
        assert!(error.contains("--image FILE"), "{error}");
        fs::write(boot.join("vmlinuz-1.2"), "").unwrap();
        fs::write(boot.join("config-1.2"), "").unwrap();
        fs::write(modules.join("modules.dep"), "").unwrap();
        let kernel = find().unwrap();
        assert_eq!(kernel.image, boot.join("vmlinuz-1.2"));
        assert_eq!(kernel.modules, modules);
        assert_eq!(kernel.config(Some(&tree)), Some(boot.join("config-1.2")));
        // The one that was built in the tree comes first.
        let built = tree.join("arch/x86/boot/bzImage");
        fs::create_dir_all(built.parent().unwrap()).unwrap();
        fs::write(&built, "").unwrap();
        assert_eq!(find().unwrap().image, built);
    }

    #[test]
    fn a_busybox_must_be_a_static_program_of_the_guests_processor() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("busybox");
        let check = |arch| check_busybox(&path, arch).unwrap_err();
        assert!(check(Arch::X86_64).starts_with("cannot be read"));
        fs::write(&path, "#!/bin/sh\n").unwrap();
        assert_eq!(check(Arch::X86_64), "is not a program");
    }
}
