//! Our makefile, which every make reads first (`MAKEFILES`). It notices compilers that die while
//! they answer a question, and has make write down the files that it reads.

use std::path::{Path, PathBuf};

use super::first_phase::Recorder;
use super::{probes, trace};

/// The files that make and kbuild-rs exchange, in a private folder.
#[derive(Debug)]
pub(crate) struct Watch {
    /// The makefile, and its text.
    pub(crate) makefile: PathBuf,
    pub(crate) text: Vec<u8>,
    /// The file that make writes, for [`Trace::read`](crate::make::trace::Trace::read).
    pub(crate) log: PathBuf,
    /// The place for products of modpost while makefiles are read.
    pub(crate) put_away: PathBuf,
    /// The script that puts them back.
    pub(crate) put_back: PathBuf,
    pub(crate) recorder: Recorder,
}

impl Watch {
    /// The files in the private folder of a module folder, for a kernel whose source is `source`.
    /// kbuild can carry the folder's path. `more` holds the caller's own lines.
    pub(crate) fn new(folder: &Path, source: &Path, more: &[u8]) -> Watch {
        let mut watch = Watch {
            makefile: folder.join("flags/watch.mk"),
            text: b"# Written by kbuild-rs.\n".to_vec(),
            log: folder.join("trace"),
            put_away: folder.join("away"),
            put_back: folder.join("put-back"),
            recorder: Recorder::new(folder),
        };
        watch.text.extend(probes::lines(source));
        watch.text.extend(trace::lines(&watch.log, &watch.put_back));
        watch.text.extend_from_slice(more);
        // make looks for a rule for each makefile, and lists the makefiles that it has read.
        let path = watch.makefile.display();
        let end = format!("{path}: ;\nMAKEFILE_LIST :=\n");
        watch.text.extend_from_slice(end.as_bytes());
        watch
    }
}
