//! `Module.symvers`: the symbols that a kernel or a module tree exports.

use std::path::{Path, PathBuf};

use crate::sys::regular;
use crate::{Error, ErrorKind, Result};

/// The symbols that a kernel or a module tree exports, read from a `Module.symvers` of modpost.
#[derive(Debug, Clone)]
pub struct Symvers {
    path: PathBuf,
    text: String,
}

/// One exported symbol: a line of a `Module.symvers`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Symbol<'a> {
    /// The symbol's name.
    pub name: &'a str,
    /// The checksum of its type; zero in a kernel without `CONFIG_MODVERSIONS`.
    pub crc: u32,
    /// The exporter: `vmlinux`, or a module's path without `.ko`.
    pub module: &'a str,
    /// `EXPORT_SYMBOL` or `EXPORT_SYMBOL_GPL`.
    pub export: &'a str,
    /// The namespace that a user must import.
    pub namespace: Option<&'a str>,
}

impl Symbol<'_> {
    /// Whether only modules with a GPL-compatible license may use it.
    pub fn is_gpl_only(&self) -> bool {
        self.export.ends_with("_GPL")
    }
}

/// The symbols of a [`Symvers`], in the file's order.
#[derive(Debug, Clone)]
pub struct Symbols<'a>(std::str::Lines<'a>);

impl<'a> Iterator for Symbols<'a> {
    type Item = Symbol<'a>;

    fn next(&mut self) -> Option<Symbol<'a>> {
        self.0.by_ref().find_map(parse)
    }
}

impl Symvers {
    /// Reads a `Module.symvers`.
    ///
    /// # Errors
    /// [`ErrorKind::Io`], and [`ErrorKind::InvalidFile`] with the number of the first invalid line.
    pub fn read(path: impl AsRef<Path>) -> Result<Symvers> {
        let path = path.as_ref();
        let symvers = Symvers::read_unchecked(path)?;
        symvers.check_lines()?;
        Ok(symvers)
    }

    /// Reads the text and does not look at its lines, of which a kernel has many thousands.
    /// [`find`](Self::find) ignores a line that is not valid.
    pub(crate) fn read_unchecked(path: &Path) -> Result<Symvers> {
        let bytes = regular::read(path).map_err(|error| Error::reading("read", path, error))?;
        Symvers::of_text(bytes, path)
    }

    /// The same of the contents of a file, which messages name by `path`.
    pub(super) fn of_text(bytes: Vec<u8>, path: &Path) -> Result<Symvers> {
        let text = String::from_utf8(bytes).map_err(|error| {
            let good = error.utf8_error().valid_up_to();
            let lines = error.as_bytes()[..good]
                .iter()
                .filter(|byte| **byte == b'\n');
            malformed(path, lines.count() + 1, "it is not text")
        })?;
        Ok(Symvers {
            path: path.to_owned(),
            text,
        })
    }

    /// Fails at the first line that is not valid.
    pub(crate) fn check_lines(&self) -> Result<()> {
        let mut lines = self.text.lines();
        match lines.position(|line| parse(line).is_none()) {
            None => Ok(()),
            Some(index) => {
                let why = "a line contains checksum, symbol, module, export and namespace, with tabs \
                           between them";
                Err(malformed(&self.path, index + 1, why))
            }
        }
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All symbols, in the file's order.
    pub fn symbols(&self) -> Symbols<'_> {
        Symbols(self.text.lines())
    }

    /// The symbol called `name`.
    pub fn find(&self, name: &str) -> Option<Symbol<'_>> {
        let field = format!("\t{name}\t");
        self.text.match_indices(&field).find_map(|(at, _)| {
            let start = self.text[..at].rfind('\n').map_or(0, |newline| newline + 1);
            parse(self.text[start..].lines().next()?).filter(|symbol| symbol.name == name)
        })
    }
}

fn malformed(path: &Path, line: usize, why: &str) -> Error {
    Error::new(
        ErrorKind::InvalidFile,
        format!(
            "{}:{line}: this is not a line of a Module.symvers: {why}. Build the kernel or module \
             that wrote the file again",
            path.display()
        ),
    )
}

/// Parses a line. Tabs separate the fields. The namespace field may be empty, or (before 5.4)
/// missing.
fn parse(line: &str) -> Option<Symbol<'_>> {
    let mut fields = line.split('\t');
    let crc = fields.next()?.strip_prefix("0x")?;
    let symbol = Symbol {
        crc: u32::from_str_radix(crc, 16).ok()?,
        name: fields.next().filter(|name| !name.is_empty())?,
        module: fields.next()?,
        export: fields.next().filter(|word| word.starts_with("EXPORT_"))?,
        namespace: fields.next().filter(|namespace| !namespace.is_empty()),
    };
    fields.next().is_none().then_some(symbol)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Root;

    const TEXT: &str = "0x4c9d28b0\tphys_base\tvmlinux\tEXPORT_SYMBOL\t\n\
        0x7140de40\tinit_uts_ns\tvmlinux\tEXPORT_SYMBOL_GPL\t\n\
        0x00000000\tring_push\tring\tEXPORT_SYMBOL_GPL\tRING\n\
        0x00000001\tring\tphys_base\tEXPORT_SYMBOL\n";

    #[test]
    fn symbols_come_with_checksum_module_export_and_namespace() {
        let root = Root::new();
        let symvers = Symvers::read(root.write("Module.symvers", TEXT)).unwrap();
        assert_eq!(symvers.symbols().count(), 4);
        let push = symvers.find("ring_push").unwrap();
        assert_eq!((push.crc, push.module), (0, "ring"));
        assert_eq!(push.namespace, Some("RING"));
        assert!(push.is_gpl_only());
        let base = symvers.find("phys_base").unwrap();
        assert_eq!((base.crc, base.namespace), (0x4c9d_28b0, None));
    }

    #[test]
    fn a_modules_name_is_not_taken_for_a_symbols() {
        let root = Root::new();
        let symvers = Symvers::read(root.write("Module.symvers", TEXT)).unwrap();
        assert_eq!(symvers.find("ring").unwrap().module, "phys_base");
        assert!(symvers.find("vmlinux").is_none());
        assert!(symvers.find("").is_none());
    }

    #[test]
    fn a_malformed_line_is_named_by_its_number() {
        let root = Root::new();
        for (bad, line) in [
            ("hello\n", ":1:"),
            (
                "0x1\ta\tb\tEXPORT_SYMBOL\t\n0xzz\ta\tb\tEXPORT_SYMBOL\t\n",
                ":2:",
            ),
            ("0x1\ta\tb\tEXPORT_SYMBOL\t\n\n", ":2:"),
            ("0x1\ta\tb\tEXPORT_SYMBOL\tns\tmore\n", ":1:"),
            ("0x1\ta\tb\n", ":1:"),
        ] {
            let error = Symvers::read(root.write("bad", bad)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidFile);
            assert!(error.to_string().contains(line), "{bad:?}: {error}");
        }
        let error =
            Symvers::read(root.write("bad", b"0x1\ta\tb\tEXPORT_SYMBOL\t\n\xff")).unwrap_err();
        assert!(error.to_string().contains(":2:"), "{error}");
    }

    #[test]
    fn an_empty_file_exports_nothing() {
        let root = Root::new();
        let symvers = Symvers::read(root.write("Module.symvers", "")).unwrap();
        assert_eq!(symvers.symbols().count(), 0);
    }
}
