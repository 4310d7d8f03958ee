//! From a built module to the file that is installed: strip, sign once, check, compress.
//!
//! # Decisions
//! - The steps have the order of `make modules_install`: `strip` drops a signature, and the kernel
//!   checks the signature of the unpacked module.
//! - The bytes are those of `make modules_install`, with the kernel's own commands: `xz`, `gzip`,
//!   `zstd` and `strip` of this machine. One exception: `xz` always gets `--check=crc32`, which
//!   kernels before 5.19 leave out; the kernel cannot read xz's default checksum.
//! - A step that fails ends the whole with an error. The caller gets all bytes or none.

mod compress;
mod strip;
mod tool;

use std::path::Path;

use super::modinfo::ModuleInfo;
use super::sign::Signer;
use super::target::Target;
use crate::{Error, ErrorKind, Result};

pub use compress::Compression;
pub use strip::Strip;

/// The steps, chosen for one kernel.
#[derive(Debug, Clone)]
pub(crate) struct Finish {
    pub(crate) strip: Option<Strip>,
    pub(crate) signer: Option<Signer>,
    pub(crate) compression: Compression,
    pub(crate) target: Target,
}

impl Finish {
    /// Everything that the result depends on besides the module's bytes: equal text, equal file.
    pub(crate) fn fingerprint(&self) -> String {
        let strip = self.strip.as_ref().map_or("", Strip::options);
        let signer = self.signer.as_ref().map(Signer::fingerprint);
        let hash = signer.as_ref().and(self.target.config("MODULE_SIG_HASH"));
        format!(
            "strip {strip:?} sign {:?} {:?} compress {:?}",
            signer.unwrap_or_default(),
            hash.unwrap_or_default(),
            self.compression.suffix()
        )
    }

    /// Turns the bytes of a built `.ko` into those of the installed file. `name` is for messages.
    ///
    /// # Errors
    /// Each names the module and the step: [`ErrorKind::InvalidFile`] for bytes that are not a
    /// module of this kernel, before or after a step; [`ErrorKind::ToolNotFound`] with the package
    /// of a missing program; [`ErrorKind::ToolFailed`] with the words of a program that fails;
    /// [`ErrorKind::InvalidInput`] if strip would drop a signature and nothing signs again.
    pub(crate) fn apply(&self, module: &[u8], name: &str) -> Result<Vec<u8>> {
        let built = self.info(module, name)?;
        let mut bytes = None;
        if let Some(strip) = &self.strip {
            if built.signed && self.signer.is_none() {
                return Err(loses_signature(name));
            }
            let stripped = strip.apply(module, &built, &self.target, name)?;
            self.check("strip", &stripped, &built, name)?;
            bytes = Some(stripped);
        }
        if let Some(signer) = &self.signer {
            let unsigned = bytes.as_deref().unwrap_or(module);
            let signed = signer
                .sign(unsigned, &self.target)
                .map_err(|e| e.about(&format!("signing {name}")))?;
            let info = self.check("signing", &signed, &built, name)?;
            if !info.signed {
                return Err(damaged("signing", name, "the signature is missing"));
            }
            bytes = Some(signed);
        }
        let bytes = bytes.unwrap_or_else(|| module.to_vec());
        self.compression.apply(bytes, name)
    }

    /// The properties of an uncompressed module of this kernel.
    fn info(&self, module: &[u8], name: &str) -> Result<ModuleInfo> {
        if compress::is_compressed(module) {
            return Err(Error::new(
                ErrorKind::InvalidFile,
                format!("{name} is compressed already; name the .ko that the build made"),
            ));
        }
        let info = ModuleInfo::of_bytes(module, Path::new(name))?;
        match info.release == self.target.release {
            true => Ok(info),
            false => Err(Error::new(
                ErrorKind::InvalidFile,
                format!(
                    "{name} was built for the kernel {}, not for {}; build it for that kernel",
                    info.release, self.target.release
                ),
            )),
        }
    }

    /// Fails if a step has damaged the module.
    fn check(
        &self,
        step: &str,
        bytes: &[u8],
        built: &ModuleInfo,
        name: &str,
    ) -> Result<ModuleInfo> {
        let info = self
            .info(bytes, name)
            .map_err(|e| damaged(step, name, &e.to_string()))?;
        let lost = match () {
            () if info.vermagic != built.vermagic => "its vermagic has changed",
            () if info.depends != built.depends => "its dependencies have changed",
            () if info.imports != built.imports => "its imported symbols have changed",
            () if info.has_btf != built.has_btf => "its BTF is missing",
            () => return Ok(info),
        };
        Err(damaged(step, name, lost))
    }
}

fn damaged(step: &str, name: &str, why: &str) -> Error {
    Error::new(
        ErrorKind::InvalidFile,
        format!("{step} has damaged {name}: {why}. Nothing was written"),
    )
}

fn loses_signature(name: &str) -> Error {
    Error::input(format!(
        "{name} is signed, and strip removes the signature. Sign it again (--key and --cert), or \
         leave out --strip"
    ))
}

#[cfg(test)]
mod tests;
