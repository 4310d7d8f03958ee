//! Our makefile, which every make reads first (`MAKEFILES`). It notices compilers that die of a
//! question, and has make write down what it reads.

use std::path::{Path, PathBuf};

use super::{probes, trace};

/// The files that make and we exchange, in a folder of ours.
#[derive(Debug)]
pub(crate) struct Watch {
    /// The makefile, and its text.
    pub(crate) makefile: PathBuf,
    pub(crate) text: Vec<u8>,
    /// The file that make writes, for [`Trace::read`](super::Trace::read).
    pub(crate) log: PathBuf,
    /// The place for products of modpost while makefiles are read.
    pub(crate) put_away: PathBuf,
    /// The script that puts them back.
    pub(crate) put_back: PathBuf,
}

impl Watch {
    /// In the private folder of a module folder, whose path kbuild can carry.
    pub(crate) fn of(folder: &Path) -> Watch {
        Watch {
            makefile: folder.join("flags/watch.mk"),
            text: Vec::new(),
            log: folder.join("trace"),
            put_away: folder.join("away"),
            put_back: folder.join("put-back"),
        }
    }

    /// Puts the text together, for a kernel whose source is `source`; `more` are lines of the
    /// caller's.
    pub(crate) fn write(&mut self, source: &Path, more: &[u8]) {
        let mut text = b"# Written by kbuild-rs.\n".to_vec();
        text.extend(probes::lines(source));
        text.extend(trace::lines(&self.log, &self.put_back));
        text.extend_from_slice(more);
        // make looks for a way to make each makefile anew, and lists those that it has read.
        let path = self.makefile.display();
        text.extend_from_slice(format!("{path}: ;\nMAKEFILE_LIST :=\n").as_bytes());
        self.text = text;
    }
}
