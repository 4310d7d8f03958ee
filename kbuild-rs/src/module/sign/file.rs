//! Signing module files, one at a time.

use std::fs::Metadata;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::super::modinfo::{ModuleInfo, compressed_by};
use super::super::target::Target;
use super::{Signer, damaged, hash, trailer};
use crate::error::Advice;
use crate::kernel::Kernel;
use crate::syntax::shell_quote;
use crate::sys::{Image, parent_writer, regular};
use crate::{Error, ErrorKind, Result};

/// One module file that gets a signature.
///
/// The name of the module gets a new file with the old one's mode and owner. So a hard link keeps its
/// contents, and a symbolic link is replaced by a file.
#[derive(Debug, Clone)]
pub struct SignFile {
    module: PathBuf,
    output: Option<PathBuf>,
    kernel: Option<Kernel>,
    hash: Option<String>,
    dry_run: bool,
}

/// A module that was signed, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The module's name, as the kernel uses it.
    pub name: String,
    /// The signed file.
    pub path: PathBuf,
    /// The kernel release that the module was built for.
    pub release: String,
    /// The hash that was signed; none if a PKCS#7 message from elsewhere names it.
    pub hash: Option<String>,
    /// Whether the new signature replaces one.
    pub replaced: bool,
}

/// A module file, read.
pub(super) struct Opened {
    pub(super) bytes: Vec<u8>,
    pub(super) info: ModuleInfo,
    meta: Metadata,
}

impl SignFile {
    /// A module, signed in place unless [`output`](SignFile::output) says otherwise.
    pub fn new(module: impl Into<PathBuf>) -> SignFile {
        SignFile {
            module: module.into(),
            output: None,
            kernel: None,
            hash: None,
            dry_run: false,
        }
    }

    /// Writes the signed module to another file, or into another folder.
    pub fn output(self, path: impl Into<PathBuf>) -> SignFile {
        SignFile {
            output: Some(path.into()),
            ..self
        }
    }

    /// The kernel tree whose configuration names the hash, and whose `sign-file` is used. Default:
    /// the installed kernel of the module's release.
    pub fn kernel(self, kernel: Kernel) -> SignFile {
        SignFile {
            kernel: Some(kernel),
            ..self
        }
    }

    /// The hash, instead of the one in the kernel's configuration.
    ///
    /// # Errors
    /// As [`Signer::hash`].
    pub fn hash(self, name: &str) -> Result<SignFile> {
        hash::check(name)?;
        Ok(SignFile {
            hash: Some(name.to_owned()),
            ..self
        })
    }

    /// Checks everything, but signs and writes nothing.
    pub fn dry_run(self, yes: bool) -> SignFile {
        SignFile {
            dry_run: yes,
            ..self
        }
    }

    /// Signs the module. An existing signature is replaced.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidFile`] for a file that is not an uncompressed module,
    /// [`ErrorKind::KernelConfig`] if the hash is not known, [`ErrorKind::SigningFailed`],
    /// [`ErrorKind::Io`]. The file is then as it was.
    pub fn sign(&self, signer: &Signer) -> Result<Signed> {
        let opened = self.open()?;
        let target = self.target(&opened.info.release)?;
        let signer = match &self.hash {
            Some(hash) => signer.clone().hash(hash)?,
            None => signer.clone(),
        };
        let hash = signer.hash_for(&target).map_err(|e| self.about(e))?;
        let signed = self.signed(&opened, Some(hash))?;
        if !self.dry_run {
            let bytes = signer.sign(&opened.bytes, &target);
            let bytes = bytes.map_err(|e| self.about(e))?;
            self.write(&signed.path, &bytes, &opened)?;
        }
        Ok(signed)
    }

    pub(super) fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    pub(super) fn own_hash(&self) -> Option<&str> {
        self.hash.as_deref()
    }

    pub(super) fn module(&self) -> &Path {
        &self.module
    }

    /// Puts the module in front of an error about it.
    pub(super) fn about(&self, error: Error) -> Error {
        error.about(&self.module.display().to_string())
    }

    /// Reads the module.
    pub(super) fn open(&self) -> Result<Opened> {
        let path = &self.module;
        let failed = |error| Error::reading("read", path, error);
        let mut file = regular::open(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Error::new(
                ErrorKind::SourceNotFound,
                format!("{} does not exist: name a module (.ko)", path.display()),
            ),
            _ => failed(error),
        })?;
        let meta = file.metadata().map_err(failed)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed)?;
        if let Some(tool) = compressed_by(&bytes) {
            return Err(self.compressed(tool));
        }
        let info = ModuleInfo::of_bytes(&bytes, path)?;
        Ok(Opened { bytes, info, meta })
    }

    fn compressed(&self, tool: &str) -> Error {
        let path = self.module.display();
        let advice = "sign the .ko, and compress the signed file";
        Error::new(
            ErrorKind::InvalidFile,
            format!(
                "{path} is compressed by {tool}, but the signature must be inside the compressed \
                 file. Sign the .ko, and compress the signed file. `kbuild-rs install --sign` does \
                 both. To unpack the file:\n    {tool} -dk {}",
                shell_quote(self.module.as_os_str())
            ),
        )
        .advise(Advice::new("compressed-module", advice))
    }

    /// The kernel that the module is for.
    pub(super) fn target(&self, release: &str) -> Result<Target> {
        let system = Image::open(Path::new("/"))?;
        match &self.kernel {
            Some(kernel) => Target::of_tree(&system, kernel.clone()),
            None => Target::in_root(&system, release),
        }
    }

    /// The result, if everything goes well.
    pub(super) fn signed(&self, opened: &Opened, hash: Option<String>) -> Result<Signed> {
        let parts = trailer::split(&opened.bytes).map_err(|why| self.about(damaged(why)))?;
        Ok(Signed {
            name: opened.info.name.clone(),
            path: self.destination(),
            release: opened.info.release.clone(),
            hash,
            replaced: parts.message.is_some(),
        })
    }

    fn destination(&self) -> PathBuf {
        match &self.output {
            None => self.module.clone(),
            Some(output) if output.is_dir() => {
                output.join(self.module.file_name().unwrap_or_default())
            }
            Some(output) => output.clone(),
        }
    }

    pub(super) fn write(&self, path: &Path, bytes: &[u8], like: &Opened) -> Result<()> {
        parent_writer(path)?.replace(path, bytes, &like.meta)
    }
}
