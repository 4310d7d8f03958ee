//! Writes the archive that a kernel unpacks as its first file system: cpio's `newc` form.
//!
//! <https://docs.kernel.org/driver-api/early-userspace/buffer-format.html>

use std::collections::BTreeSet;

use rustix::fs::FileType;

/// An unfinished archive.
#[derive(Default)]
pub(crate) struct Archive {
    bytes: Vec<u8>,
    inodes: u32,
    folders: BTreeSet<String>,
}

impl Archive {
    /// Adds a file and the folders above it; `path` begins at the root, with or without `/`.
    pub(crate) fn file(&mut self, path: &str, mode: u32, content: &[u8]) {
        let path = path.trim_start_matches('/');
        self.folders_above(path);
        self.entry(
            path,
            FileType::RegularFile.as_raw_mode() | mode,
            content,
            (0, 0),
        );
    }

    /// Adds an empty folder.
    pub(crate) fn folder(&mut self, path: &str) {
        let path = path.trim_matches('/');
        self.folders_above(path);
        if self.folders.insert(path.to_owned()) {
            self.entry(path, FileType::Directory.as_raw_mode() | 0o755, &[], (0, 0));
        }
    }

    /// Adds a character device.
    pub(crate) fn device(&mut self, path: &str, major: u32, minor: u32) {
        let path = path.trim_start_matches('/');
        self.folders_above(path);
        self.entry(
            path,
            FileType::CharacterDevice.as_raw_mode() | 0o600,
            &[],
            (major, minor),
        );
    }

    /// Adds a symbolic link.
    pub(crate) fn link(&mut self, path: &str, target: &[u8]) {
        let path = path.trim_start_matches('/');
        self.folders_above(path);
        let mode = FileType::Symlink.as_raw_mode() | 0o777;
        self.entry(path, mode, target, (0, 0));
    }

    /// Returns the whole archive.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, &[], (0, 0));
        self.bytes
    }

    fn folders_above(&mut self, path: &str) {
        if let Some((parent, _)) = path.rsplit_once('/') {
            self.folder(parent);
        }
    }

    fn entry(&mut self, name: &str, mode: u32, content: &[u8], device: (u32, u32)) {
        self.inodes += 1;
        let links = 1;
        let (size, name_size) = (content.len(), name.len() + 1);
        let (major, minor) = device;
        let header = format!(
            "070701{:08x}{mode:08x}{:08x}{:08x}{links:08x}{:08x}{size:08x}{:08x}{:08x}{major:08x}\
             {minor:08x}{name_size:08x}{:08x}",
            self.inodes, 0, 0, 0, 0, 0, 0
        );
        self.bytes.extend(header.as_bytes());
        self.bytes.extend(name.as_bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend(content);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_110_bytes_and_everything_is_aligned() {
        let mut archive = Archive::default();
        archive.file("/a/b", 0o644, b"12345");
        let bytes = archive.finish();
        assert_eq!(&bytes[..6], b"070701");
        assert_eq!(&bytes[110..112], b"a\0");
        assert_eq!(&bytes[112..118], b"070701");
        assert_eq!(&bytes[112 + 110..112 + 114], b"a/b\0");
        // The header and name of the second entry end at 226; its data begins at 228.
        assert_eq!(&bytes[228..233], b"12345");
        assert_eq!(bytes.len() % 4, 0);
    }

    #[test]
    fn a_folder_above_several_files_is_there_once() {
        let mut archive = Archive::default();
        archive.file("lib/modules/a", 0o644, b"");
        archive.file("lib/modules/b", 0o644, b"");
        let bytes = archive.finish();
        let entries = bytes
            .windows(6)
            .filter(|window| *window == b"070701")
            .count();
        assert_eq!(entries, 5);
    }
}
