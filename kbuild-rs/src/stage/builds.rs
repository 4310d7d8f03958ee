//! Recognizes folders whose contents come from builds and not from the author. They are not staged.

use std::io::{self, Read};
use std::path::Path;

use super::place::{CACHEDIR_SIGNATURE, CACHEDIR_TAG, PRIVATE};
use crate::sys::regular;

/// Whether the folder is an output directory of kbuild-rs, a build folder of CMake or Meson, or a
/// cache such as Cargo's `target`. The contents decide, because a folder of sources may have a file
/// called `CMakeCache.txt` too.
pub(super) fn is_output(dir: &Path) -> bool {
    is_tagged(dir)
        || is_tagged(&dir.join(PRIVATE))
        || is_of_cmake(dir)
        || dir.join("meson-private/coredata.dat").exists()
}

fn is_tagged(dir: &Path) -> bool {
    let start = || -> io::Result<Vec<u8>> {
        let mut text = vec![0; CACHEDIR_SIGNATURE.len()];
        regular::open(&dir.join(CACHEDIR_TAG))?.read_exact(&mut text)?;
        Ok(text)
    };
    start().is_ok_and(|text| text == CACHEDIR_SIGNATURE)
}

/// A build folder of CMake, or CMake's private folder if it builds among the sources.
fn is_of_cmake(dir: &Path) -> bool {
    if dir.ends_with("CMakeFiles") && dir.join("cmake.check_cache").exists() {
        return true;
    }
    let Ok(cache) = regular::read(dir.join("CMakeCache.txt")) else {
        return false;
    };
    let value = |name: &[u8]| {
        let mut lines = cache.split(|&b| b == b'\n');
        lines.find_map(|line| line.strip_prefix(name))
    };
    let source = value(b"CMAKE_HOME_DIRECTORY:INTERNAL=");
    let elsewhere = source.is_some() && source != value(b"CMAKE_CACHEFILE_DIR:INTERNAL=");
    elsewhere && dir.join("CMakeFiles").is_dir()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Root;

    #[test]
    fn a_folder_of_builds_is_known_by_its_contents() {
        let root = Root::new();
        let signature = std::str::from_utf8(CACHEDIR_SIGNATURE).unwrap();
        root.write("cache/CACHEDIR.TAG", signature);
        root.write("out/.kbuild/CACHEDIR.TAG", signature);
        root.write(
            "cmake/CMakeCache.txt",
            "CMAKE_CACHEFILE_DIR:INTERNAL=/src/cmake\nCMAKE_HOME_DIRECTORY:INTERNAL=/src\n",
        );
        root.write("cmake/CMakeFiles/x", "");
        root.write("src/CMakeFiles/cmake.check_cache", "");
        root.write("meson/meson-private/coredata.dat", "");
        for dir in ["cache", "out", "cmake", "src/CMakeFiles", "meson"] {
            assert!(is_output(&root.join(dir)), "{dir}");
        }
        root.write("own/CACHEDIR.TAG", "a tag");
        root.write("lib/CMakeCache.txt", "");
        // CMake ran among the sources.
        root.write(
            "here/CMakeCache.txt",
            "CMAKE_CACHEFILE_DIR:INTERNAL=/src\nCMAKE_HOME_DIRECTORY:INTERNAL=/src\n",
        );
        root.write("names/meson-private/x.c", "");
        root.write(".kbuild/x.c", "");
        root.write("CMakeFiles/x.c", "");
        for dir in ["own", "lib", "here", "names", ".kbuild", "CMakeFiles"] {
            assert!(!is_output(&root.join(dir)), "{dir}");
        }
    }
}
