//! Flags for rustc, and the files from which rustc reads them.

use crate::settings::{Cfg, RustFlags};
use crate::syntax::argument_file;
use crate::{Error, Kernel, Result};

impl RustFlags {
    pub(crate) fn is_empty(&self) -> bool {
        self.flags.is_empty() && self.cfgs.is_empty()
    }

    /// The text of the flag file, which rustc reads in a form of its own.
    pub(crate) fn file(&self, kernel: &Kernel) -> Result<Vec<u8>> {
        let mut flags = Vec::new();
        for cfg in &self.cfgs {
            let set = cfg.text()?;
            if (cfg.fits)(kernel) {
                flags.push(format!("--cfg={set}").into());
            }
        }
        argument_file(&[&flags[..], &self.flags].concat())
    }
}

impl Cfg {
    fn text(&self) -> Result<String> {
        let name = &self.name;
        let good = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && !name.is_empty();
        match &self.value {
            _ if !good => Err(Error::input(format!("{name:?} is not a valid cfg name"))),
            None => Ok(name.clone()),
            Some(value) => {
                let value = value.replace('\\', "\\\\").replace('"', "\\\"");
                Ok(format!("{name}=\"{value}\""))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cfg_is_a_word_and_its_value_may_hold_anything() {
        let text = |name: &str, value: Option<&str>| {
            let (name, value) = (name.to_owned(), value.map(str::to_owned));
            let fits = |_: &Kernel| true;
            Cfg { name, value, fits }.text()
        };
        assert_eq!(text("a_1", None).unwrap(), "a_1");
        assert_eq!(text("a", Some("b \"c\"\\")).unwrap(), r#"a="b \"c\"\\""#);
        for bad in ["", "1a", "a b", "a=b", "a\"", "-a"] {
            assert!(text(bad, None).is_err(), "{bad}");
        }
    }
}
