//! BTF for modules: the BTF of the kernel that it builds on (the *base*), and the programs that write
//! it.
//!
//! kbuild takes the base from the `vmlinux` in the kernel tree, which few packages of headers have. The
//! running kernel shows its BTF in `/sys/kernel/btf/vmlinux`, and the image of an installed kernel
//! contains it.

mod elf;
mod image;
mod pahole;
mod raw;
mod recipe;
mod search;
#[cfg(test)]
mod tests;
mod unpack;

use std::path::Path;

use super::Kernel;
use elf::{OpenFile, Parts, is_elf};
use image::Image;

pub(crate) use recipe::{NoRecipe, Recipe};
pub(crate) use search::{Found, SHOWN};

/// The largest image (bytes).
const LARGEST: usize = 128 << 20;

const OF_A_MODULE: &str = "it is the BTF of a module, which lacks the kernel's own types";

/// The base, and the release of its kernel if the file has it.
pub(crate) struct Base {
    pub(crate) bytes: Vec<u8>,
    pub(crate) release: Option<String>,
}

impl Base {
    /// Reads the base from a vmlinux, a bootable image (`vmlinuz`), or a file of BTF.
    ///
    /// # Errors
    /// The reason, for a message about the file.
    pub(crate) fn read(path: &Path) -> Result<Base, String> {
        let failed = |e: std::io::Error| format!("it cannot be read: {e}");
        let file = OpenFile::open(path).map_err(failed)?;
        let head = file.part(0, file.length.min(64)).unwrap_or_default();
        let mut base = match is_elf(&head) {
            true => of_elf(&file)?,
            false if file.length > LARGEST => {
                return Err(format!("it is larger than {} MiB", LARGEST >> 20));
            }
            false => {
                let bytes = file.part(0, file.length);
                of_bytes(&bytes.ok_or("it cannot be read")?)?
            }
        };
        // The vmlinux in packages of headers has BTF and no more, but is in a kernel tree.
        base.release = base.release.or_else(|| release_of_tree(path));
        Ok(base)
    }
}

/// The release of a vmlinux, if it says so.
pub(crate) fn release_of_vmlinux(path: &Path) -> Option<String> {
    raw::release(&elf::section(&OpenFile::open(path).ok()?, ".rodata")?)
}

/// Whether a module has BTF. `None` if it cannot be read.
pub(crate) fn has_btf(module: &Path) -> Option<bool> {
    let file = OpenFile::open(module).ok()?;
    elf::section(&file, ".shstrtab")?;
    Some(elf::section(&file, ".BTF").is_some())
}

/// The release of the kernel tree that a vmlinux is in.
fn release_of_tree(vmlinux: &Path) -> Option<String> {
    let is_vmlinux = vmlinux.file_name().is_some_and(|name| name == "vmlinux");
    let dir = vmlinux.parent().filter(|_| is_vmlinux)?;
    Some(Kernel::open(dir).ok()?.release().to_owned())
}

/// The base in the bytes of a file.
pub(super) fn of_bytes(bytes: &[u8]) -> Result<Base, String> {
    if let Some(length) = raw::length(bytes) {
        if !raw::is_base(bytes) {
            return Err(OF_A_MODULE.to_owned());
        }
        return Ok(Base {
            bytes: bytes[..length].to_vec(),
            release: None,
        });
    }
    if let Some(image) = Image::of(bytes) {
        let base = of_kernel(&unpack::unpack(image.payload)?)?;
        return Ok(Base {
            release: image.release.or(base.release),
            ..base
        });
    }
    match unpack::compression(bytes) {
        Some(_) => of_kernel(&unpack::unpack(bytes)?),
        None => of_kernel(bytes),
    }
}

/// The base in a kernel that is not compressed.
fn of_kernel(bytes: &[u8]) -> Result<Base, String> {
    if is_elf(bytes) {
        return of_elf(bytes);
    }
    let base = raw::within(bytes).ok_or("it is neither a kernel with BTF nor a file of BTF")?;
    Ok(Base {
        bytes: base.to_vec(),
        release: raw::release(bytes),
    })
}

fn of_elf(file: &(impl Parts + ?Sized)) -> Result<Base, String> {
    let none = "it has no BTF: that kernel was built without CONFIG_DEBUG_INFO_BTF";
    let mut bytes = elf::section(file, ".BTF").ok_or(none)?;
    bytes.truncate(raw::length(&bytes).ok_or("its BTF is damaged")?);
    if !raw::is_base(&bytes) {
        return Err(OF_A_MODULE.to_owned());
    }
    let rodata = elf::section(file, ".rodata");
    Ok(Base {
        bytes,
        release: rodata.as_deref().and_then(raw::release),
    })
}
