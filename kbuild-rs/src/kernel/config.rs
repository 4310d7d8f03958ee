//! `include/config/auto.conf`: all configuration symbols that are on.

/// The symbols of one kernel. The text is kept and searched on demand: a distribution's kernel has
/// thousands of symbols, and a build needs about twenty.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    text: String,
    /// (hash of the name, start of its line), sorted.
    index: Vec<(u32, u32)>,
}

impl Config {
    pub(crate) fn parse(text: String) -> Config {
        let mut index = Vec::with_capacity(text.len() / 24);
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            if let (Some((name, _)), Ok(at)) = (split(line), u32::try_from(start)) {
                index.push((hash(name), at));
            }
            start += line.len();
        }
        index.sort_unstable();
        Config { text, index }
    }

    /// The value of a symbol. `name` may have its `CONFIG_`.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let name = name.strip_prefix("CONFIG_").unwrap_or(name);
        let wanted = hash(name);
        let first = self.index.partition_point(|&(hash, _)| hash < wanted);
        self.index[first..]
            .iter()
            .take_while(|&&(hash, _)| hash == wanted)
            .filter_map(|&(_, at)| split(self.text.get(at as usize..)?.lines().next()?))
            .filter(|(found, _)| *found == name)
            .map(|(_, value)| value)
            // make, which includes this file, lets the last assignment win.
            .last()
    }

    /// All names, without `CONFIG_`, and values, in the file's order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.text.lines().filter_map(split)
    }

    /// The word after `Linux/` in the header line `# Linux/x86 6.1.192 Kernel Configuration`.
    pub(crate) fn header_arch(&self) -> Option<&str> {
        self.text
            .lines()
            .take_while(|line| line.starts_with('#'))
            .find_map(|line| line.strip_prefix("# Linux/")?.split_whitespace().next())
    }
}

/// Splits `CONFIG_NAME=value` into (`NAME`, `value`). Strings have quotes up to 5.17, and none
/// since then.
fn split(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.trim_end().strip_prefix("CONFIG_")?.split_once('=')?;
    let bare = value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'));
    Some((name, bare.unwrap_or(value)))
}

/// The FNV-1a hash of a name.
fn hash(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "#\n# Automatically generated file; DO NOT EDIT.\n\
        # Linux/arm64 6.12.1 Kernel Configuration\n#\n\
        CONFIG_MODULES=y\nCONFIG_NLS_ASCII=m\nCONFIG_HZ=250\n\
        CONFIG_CC_VERSION_TEXT=\"gcc-10 (Debian 10.2.1-6) 10.2.1\"\n\
        CONFIG_MODULE_SIG_HASH=sha256\nCONFIG_EMPTY=\"\"\nCONFIG_BARE=\n";

    #[test]
    fn symbols_are_found_with_and_without_their_prefix() {
        let config = Config::parse(TEXT.into());
        assert_eq!(config.get("MODULES"), Some("y"));
        assert_eq!(config.get("CONFIG_NLS_ASCII"), Some("m"));
        assert_eq!(config.get("HZ"), Some("250"));
        assert_eq!(config.get("MODULE"), None);
        assert_eq!(config.get(""), None);
    }

    #[test]
    fn strings_come_without_their_quotes() {
        let config = Config::parse(TEXT.into());
        let text = "gcc-10 (Debian 10.2.1-6) 10.2.1";
        assert_eq!(config.get("CC_VERSION_TEXT"), Some(text));
        assert_eq!(config.get("MODULE_SIG_HASH"), Some("sha256"));
        assert_eq!(config.get("EMPTY"), Some(""));
        assert_eq!(config.get("BARE"), Some(""));
        assert_eq!(config.iter().count(), 7);
        assert_eq!(config.iter().next(), Some(("MODULES", "y")));
    }

    #[test]
    fn the_header_line_names_the_architecture() {
        assert_eq!(Config::parse(TEXT.into()).header_arch(), Some("arm64"));
        assert_eq!(Config::parse(String::new()).header_arch(), None);
    }

    #[test]
    fn the_last_assignment_wins_and_odd_lines_are_passed_over() {
        let text = "CONFIG_A=y\nCONFIG_B\n\"\nCONFIG_A=\"\nCONFIG_A=m";
        assert_eq!(Config::parse(text.into()).get("A"), Some("m"));
    }
}
