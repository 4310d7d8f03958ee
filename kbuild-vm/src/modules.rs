//! Finds the order in which a kernel's own modules can be loaded, and unpacks them.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::{Error, Result, process};

/// The endings of compressed modules, and the programs that unpack them.
const COMPRESSED: &[(&str, &str)] = &[(".xz", "xz"), (".zst", "zstd"), (".gz", "gzip")];

/// The path of a compressed module without the ending of its compression.
pub(crate) fn uncompressed(path: &str) -> Option<&str> {
    let mut endings = COMPRESSED.iter();
    endings.find_map(|(ending, _)| path.strip_suffix(ending))
}

/// The module in a file: many distributions compress theirs, and not every kernel unpacks them.
///
/// # Errors
/// Those of the program that unpacks it.
pub(crate) fn unpacked(path: &str, bytes: Vec<u8>) -> Result<Vec<u8>> {
    let mut known = COMPRESSED.iter();
    let Some((_, program)) = known.find(|(ending, _)| path.ends_with(ending)) else {
        return Ok(bytes);
    };
    let temporary = std::env::temp_dir();
    // gzip only takes names with its ending.
    let file = tempfile::Builder::new()
        .suffix(Path::new(path).file_name().unwrap_or_default())
        .tempfile_in(&temporary);
    let mut file = file.map_err(Error::file(&temporary))?;
    file.write_all(&bytes).map_err(Error::file(file.path()))?;
    let mut command = Command::new(program);
    command.arg("-dc").arg(file.path());
    Ok(process::checked(&mut command, Duration::from_secs(60))?.stdout)
}

/// The files to load, in order. The error is the name that is not a module and not built in.
///
/// `dep` and `builtin` are the contents of `modules.dep` and `modules.builtin`.
pub(crate) fn load_order(
    names: &[String],
    dep: &str,
    builtin: &str,
) -> std::result::Result<Vec<String>, String> {
    let mut order: Vec<String> = Vec::new();
    for name in names {
        let is_it = |path: &str| {
            let file = path.rsplit('/').next().unwrap_or(path);
            let file = uncompressed(file).unwrap_or(file);
            file.strip_suffix(".ko")
                .is_some_and(|one| one.replace('-', "_") == name.replace('-', "_"))
        };
        let mut lines = dep.lines().filter_map(|line| line.split_once(':'));
        match lines.find(|(path, _)| is_it(path)) {
            Some((path, below)) => {
                for one in below.split_whitespace().rev().chain([path]) {
                    if !order.iter().any(|known| known == one) {
                        order.push(one.to_owned());
                    }
                }
            }
            None if builtin.lines().any(is_it) => {}
            None => return Err(name.clone()),
        }
    }
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_load_once_and_after_their_dependencies() {
        let dep = "k/videodev.ko: k/mc.ko k/core.ko\nk/mc.ko: k/core.ko\nk/usb-hid.ko: k/core.ko\n";
        let names = ["videodev", "usb_hid", "loop-thing"].map(str::to_owned);
        assert_eq!(
            load_order(&names, dep, "k/loop_thing.ko\n").unwrap(),
            ["k/core.ko", "k/mc.ko", "k/videodev.ko", "k/usb-hid.ko"]
        );
        assert_eq!(load_order(&names, dep, "").unwrap_err(), "loop-thing");
    }

    #[test]
    fn compressed_modules_are_found_by_name_and_unpacked() {
        let dep = "k/crc.ko.gz:\n";
        assert_eq!(
            load_order(&["crc".into()], dep, "").unwrap(),
            ["k/crc.ko.gz"]
        );
        assert_eq!(uncompressed("k/crc.ko.gz"), Some("k/crc.ko"));
        let mut gzip = Command::new("sh");
        let packed = process::checked(
            gzip.args(["-c", "printf text | gzip -c"]),
            Duration::from_secs(60),
        );
        let packed = packed.unwrap().stdout;
        assert_eq!(unpacked("k/crc.ko.gz", packed).unwrap(), b"text");
        assert_eq!(unpacked("k/crc.ko", b"text".to_vec()).unwrap(), b"text");
    }
}
