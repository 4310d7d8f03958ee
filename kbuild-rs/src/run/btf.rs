//! The base of the modules' BTF: checked, and put into the private folder, before make starts.

use std::path::Path;

use super::Run;
use super::publish::Published;
use crate::error::names::BTF_BASE;
use crate::kernel::btf::{self, Base};
use crate::resolve::{BtfSource, BtfWay};
use crate::sys::Identity;
use crate::{Error, ErrorKind, Result};

impl Run<'_> {
    /// Prepares what the command for BTF needs.
    ///
    /// # Errors
    /// An unusable pahole; a base that cannot be used or is of another kernel.
    pub(crate) fn prepare_btf(&self) -> Result<()> {
        let r = self.resolved;
        let btf = &r.inputs.btf;
        if let Some(pahole) = &btf.pahole {
            let env = &r.make.command.env;
            let path = env.iter().find(|(name, _)| name == "PATH");
            let path = path.map(|(_, value)| value.as_os_str()).unwrap_or_default();
            r.kernel().check_pahole(pahole, path, btf.own_flags)?;
        }
        match &btf.way {
            BtfWay::Kbuild | BtfWay::Off => Ok(()),
            BtfWay::Tree(vmlinux) => match btf::release_of_vmlinux(vmlinux) {
                Some(release) if release != r.kernel().release() => {
                    Err(self.stale(vmlinux, &release))
                }
                _ => Ok(()),
            },
            BtfWay::From(source) => self.put_base(source),
        }
    }

    /// Puts the base into the private folder, unless it is there.
    fn put_base(&self, source: &BtfSource) -> Result<()> {
        let writer = self.writer;
        let now = self.stamp(source);
        let known = writer.read(&source.stamp)?;
        if now.is_some() && known.as_deref() == now.as_deref().map(str::as_bytes) {
            return Ok(());
        }
        writer.remove_file(&source.stamp)?;
        let base = match self.read_base(source) {
            Ok(base) => base,
            Err(error) if source.is_named => return Err(error),
            Err(error) => {
                // The command for BTF then says that it has no base.
                writer.remove_file(&source.copy)?;
                self.resolved
                    .sink
                    .warning("unusable-btf-base", &error.to_string());
                return Ok(());
            }
        };
        if let Some(folder) = source.copy.parent() {
            writer.create_dirs(folder)?;
        }
        writer.write_whole(&source.copy, &base.bytes)?;
        match self.stamp(source) {
            Some(stamp) => writer.write_whole(&source.stamp, stamp.as_bytes()),
            None => Ok(()),
        }
    }

    fn read_base(&self, source: &BtfSource) -> Result<Base> {
        let base = Base::read(&source.file).map_err(|why| {
            Error::new(
                ErrorKind::InvalidFile,
                format!(
                    "the BTF base {} cannot be used: {why}. Name a vmlinux, a vmlinuz, or a file of \
                     BTF ({BTF_BASE})",
                    source.file.display()
                ),
            )
        })?;
        match &base.release {
            Some(release) if release != self.resolved.kernel().release() => {
                Err(self.of_another(&source.file, release))
            }
            _ => Ok(base),
        }
    }

    fn of_another(&self, base: &Path, release: &str) -> Error {
        let own = self.resolved.kernel().release();
        Error::new(
            ErrorKind::InvalidInput,
            format!(
                "the BTF base {} is of the kernel {release}, but this build is for {own}. That kernel \
                 would refuse the modules' BTF (\"failed to validate module BTF: -22\"). Name a vmlinux \
                 or vmlinuz of {own} ({BTF_BASE})",
                base.display()
            ),
        )
    }

    /// The vmlinux in the kernel tree is older than the rest of it.
    fn stale(&self, vmlinux: &Path, release: &str) -> Error {
        let kernel = self.resolved.kernel();
        Error::new(
            ErrorKind::KernelNotPrepared,
            format!(
                "{} is of the kernel {release}, but its kernel tree is {own}: the tree was prepared \
                 again, and that vmlinux is from an earlier build. {own} would refuse the modules' BTF \
                 (\"failed to validate module BTF: -22\"). Remove it, name a vmlinux or vmlinuz of {own} \
                 ({BTF_BASE}), or build the kernel:\n    make -C {} vmlinux",
                vmlinux.display(),
                kernel.dir().display(),
                own = kernel.release()
            ),
        )
    }

    /// The state of the base and of its copy. `None` if one of them is missing.
    fn stamp(&self, source: &BtfSource) -> Option<String> {
        let mut text = format!(
            "{}\n{}\n",
            self.resolved.kernel().release(),
            source.file.display()
        );
        match &source.running {
            Some(version) => text.push_str(version),
            None => Identity::of(&source.file).ok()?.write_metadata(&mut text),
        }
        text.push('\n');
        Identity::of(&source.copy).ok()?.write_metadata(&mut text);
        Some(text)
    }

    /// Warns about modules into which pahole wrote nothing, although there is a base. Returns whether
    /// it did.
    pub(super) fn warn_without_btf(&self, published: &Published) -> bool {
        let r = self.resolved;
        if !matches!(&r.inputs.btf.way, BtfWay::From(source) if source.copy.is_file()) {
            return false;
        }
        let mut has_warned = false;
        for product in &published.modules {
            let Some(name) = &product.module else {
                continue;
            };
            if btf::has_btf(&product.path) == Some(false) {
                has_warned = true;
                r.sink.warning(
                    "module-without-btf",
                    &format!(
                        "{name}.ko has no BTF: pahole wrote none into it. A flag of the module (-g0) \
                         may have removed its debugging information"
                    ),
                );
            }
        }
        has_warned
    }
}
