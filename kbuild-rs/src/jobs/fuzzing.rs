//! Target: what an outer build tells about jobs, in `MAKEFLAGS` and on command lines.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::{advertised, ninja, outside};

pub(crate) fn makeflags(bytes: &[u8]) {
    let flags = OsStr::from_bytes(bytes);
    let server = advertised::named(flags);
    // What follows is a variable.
    let more = [bytes, b" -- --jobserver-auth=1,2 -j1"].concat();
    assert_eq!(advertised::named(OsStr::from_bytes(&more)), server);
    advertised::wants_one_job(flags);
    let text = String::from_utf8_lossy(bytes);
    outside::pretends(&text);
    let words: Vec<&str> = text.split('\0').collect();
    if let Some(arguments) = ninja::arguments(&words) {
        let arguments: Vec<String> = arguments.iter().map(|&word| word.to_owned()).collect();
        assert_ne!(ninja::asked_for(&arguments), Some(0));
        ninja::is_verbose(&arguments);
    }
    ninja::parent_and_start(&text);
}
