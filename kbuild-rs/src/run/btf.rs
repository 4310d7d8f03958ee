//! The base of the modules' BTF: checked, and put into the private folder, before make starts.

use std::path::Path;

use super::Run;
use super::publish::Published;
use crate::error::names::BTF_BASE_FILE;
use crate::kernel::btf::{self, Base};
use crate::resolve::{BtfSource, BtfWay};
use crate::sys::{Identity, file_clock};
use crate::{Error, ErrorKind, Result};

/// A base that was read, and is not written yet.
pub(crate) struct ReadBase {
    bytes: Vec<u8>,
    /// The state of the file that these bytes have. `None` if it may have changed meanwhile.
    state: Option<String>,
}

impl Run<'_> {
    /// Looks at what the command for BTF needs, before anything is deleted. `reads` tells whether to
    /// read the base, too: unpacking an image takes longer than a build from the cache.
    ///
    /// # Errors
    /// An unusable pahole; a base that cannot be used or is of another kernel.
    pub(super) fn check_btf(&self, reads: bool) -> Result<Option<ReadBase>> {
        let r = self.resolved;
        let btf = &r.inputs.btf;
        if let Some(pahole) = &btf.pahole {
            let env = &r.make.command.env;
            let path = env.iter().find(|(name, _)| name == "PATH");
            let path = path.map(|(_, value)| value.as_os_str()).unwrap_or_default();
            r.kernel().check_pahole(pahole, path, btf.own_flags)?;
        }
        match &btf.way {
            BtfWay::Kbuild | BtfWay::Off => Ok(None),
            BtfWay::Tree(vmlinux) => match btf::release_of_vmlinux(vmlinux) {
                Some(release) if release != r.kernel().release() => {
                    Err(self.stale(vmlinux, &release))
                }
                _ => Ok(None),
            },
            BtfWay::From(source) if reads && !self.has_base(source)? => {
                match self.read_base(source) {
                    Err(error) if source.is_named => Err(error),
                    read => Ok(read.ok()),
                }
            }
            BtfWay::From(_) => Ok(None),
        }
    }

    /// Puts the base into the private folder, unless it is there. `read` is the base that
    /// [`check_btf`](Self::check_btf) has read. Returns whether there is none, although the build
    /// asks for it. A warning then says why.
    ///
    /// # Errors
    /// A named base that cannot be used or is of another kernel.
    pub(super) fn prepare_btf(&self, read: Option<&ReadBase>) -> Result<bool> {
        let writer = self.writer;
        let BtfWay::From(source) = &self.resolved.inputs.btf.way else {
            // An earlier build may have left its base, which is large.
            for name in BASE {
                writer.remove_file(&self.resolved.folder.join(name))?;
            }
            return Ok(false);
        };
        if self.has_base(source)? {
            return Ok(false);
        }
        writer.remove_file(&source.stamp)?;
        let again;
        let base = match read.filter(|base| base.state.is_some() && base.state == state(source)) {
            Some(base) => base,
            None => match self.read_base(source) {
                Ok(base) => {
                    again = base;
                    &again
                }
                Err(error) if source.is_named => return Err(error),
                Err(error) => {
                    // The command for BTF then says that it has no base.
                    writer.remove_file(&source.copy)?;
                    let sink = &self.resolved.sink;
                    sink.warning("unusable-btf-base", &error.to_string());
                    return Ok(true);
                }
            },
        };
        if let Some(folder) = source.copy.parent() {
            writer.create_dirs(folder)?;
        }
        writer.write_whole(&source.copy, &base.bytes)?;
        if let Some(stamp) = self.stamp(source, base.state.as_deref()) {
            writer.write_whole(&source.stamp, stamp.as_bytes())?;
        }
        Ok(false)
    }

    /// Whether the copy is that of the base, as it is now.
    fn has_base(&self, source: &BtfSource) -> Result<bool> {
        let now = self.stamp(source, state(source).as_deref());
        let known = self.writer.read(&source.stamp)?;
        Ok(now.is_some() && known.as_deref() == now.as_deref().map(str::as_bytes))
    }

    fn read_base(&self, source: &BtfSource) -> Result<ReadBase> {
        let (base, state) = with_state(source, || self.read_own_base(source))?;
        Ok(ReadBase {
            bytes: base.bytes,
            state,
        })
    }

    fn read_own_base(&self, source: &BtfSource) -> Result<Base> {
        let base = Base::read(&source.file).map_err(|why| {
            Error::new(
                ErrorKind::InvalidFile,
                format!(
                    "the BTF base {} cannot be used: {why}. Name a vmlinux, a vmlinuz, or a file of \
                     BTF ({BTF_BASE_FILE})",
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
                 may refuse the modules' BTF (\"failed to validate module BTF: -22\"). Name a vmlinux \
                 or vmlinuz of {own} ({BTF_BASE_FILE})",
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
                 again, and that vmlinux is from an earlier build. {own} may refuse the modules' BTF \
                 (\"failed to validate module BTF: -22\"). Remove it, name a vmlinux or vmlinuz of {own} \
                 ({BTF_BASE_FILE}), or build the kernel:\n    make -C {} vmlinux",
                vmlinux.display(),
                kernel.dir().display(),
                own = kernel.release()
            ),
        )
    }

    /// The state of the base and of its copy. `None` if one of them is unknown.
    fn stamp(&self, source: &BtfSource, state: Option<&str>) -> Option<String> {
        let mut text = format!(
            "{}\n{}\n{}\n",
            self.resolved.kernel().release(),
            source.file.display(),
            state?
        );
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

/// The files of a base in the private folder of a module folder.
const BASE: [&str; 2] = ["btf/base", "btf/from"];

/// The state of the base. `None` if it is missing.
fn state(source: &BtfSource) -> Option<String> {
    let mut text = String::new();
    match &source.running {
        Some(version) => text.push_str(version),
        None => Identity::of(&source.file).ok()?.write_metadata(&mut text),
    }
    Some(text)
}

/// Reads the base, and returns the state that was read: `None` if another file may have taken the
/// base's place meanwhile, or may do so without a trace because the last change was just now.
fn with_state<T>(
    source: &BtfSource,
    read: impl FnOnce() -> Result<T>,
) -> Result<(T, Option<String>)> {
    let is_settled = source.running.is_some()
        || Identity::of(&source.file).is_ok_and(|file| !file.is_as_young_as(file_clock()));
    let before = state(source).filter(|_| is_settled);
    let content = read()?;
    Ok((
        content,
        before.filter(|before| state(source).as_ref() == Some(before)),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Root;

    #[test]
    fn the_state_of_a_base_that_is_replaced_while_it_is_read_is_unknown() {
        let root = Root::new();
        let source = BtfSource {
            file: root.write("base", "old"),
            running: None,
            is_named: true,
            copy: root.join("copy"),
            stamp: root.join("stamp"),
        };
        std::thread::sleep(std::time::Duration::from_millis(50));
        let (_, read) = with_state(&source, || Ok(())).unwrap();
        assert!(read.is_some() && read == state(&source));
        let replace = || {
            root.write("other", "new");
            std::fs::rename(root.join("other"), &source.file).unwrap();
            Ok(())
        };
        assert_eq!(with_state(&source, replace).unwrap().1, None);
    }
}
