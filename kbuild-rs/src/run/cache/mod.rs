//! The local cache of finished modules.
//!
//! A build without anything in its stage first looks into the cache, in two steps, as ccache's direct
//! mode does. The *key* hashes everything that is known before make starts: settings, environment,
//! sources, kernel, tools. Under a key there are a few *entries*. Each lists the files that such a
//! build read (headers, makefiles, symvers) with the hashes of their contents, and holds the
//! products. An entry fits if all of these files still have these contents.
//!
//! | file | has |
//! | --- | --- |
//! | `folder.rs` | the cache folder: who may write to it, what is in it |
//! | `key.rs`, `scripts.rs`, `times.rs` | the key of a build |
//! | `hashes.rs` | hashes of contents, remembered by the identity of the file |
//! | `entry.rs` | an entry, and its file |
//! | `shadow.rs` | places where a new header would come before a used one |
//! | `look_up.rs`, `check.rs` | finds an entry that fits |
//! | `take.rs` | publishes the products of an entry |
//! | `keep.rs`, `refuse.rs`, `outside.rs` | stores the build that has just ended, or tells why not |
//! | `room.rs` | the size limit; status, prune and verify |
//!
//! # Decisions
//!
//! - A build with the cache stages its sources as ever. The key hashes the copies, which are the
//!   files that make reads.
//! - Paths of the stage are placeholders, so that all output directories share. Source and kernel
//!   paths are not: debug information and `__FILE__` show them.
//! - No value of the environment is stored: the key is a hash over all of them together.
//! - After a hit, the stage holds the sources and nothing else that was built. Objects of an older
//!   state would pass for new ones in the next build.
//! - An entry is one file, so that it is there whole or not at all.
//! - A cache that cannot be used never fails a build, but for one that others can write to: it could
//!   give this user another user's module.

mod check;
mod entry;
mod folder;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod hashes;
mod keep;
mod key;
mod look_up;
mod outside;
mod refuse;
mod room;
mod scripts;
mod shadow;
mod take;
mod times;

use sha2::{Digest, Sha256};

pub(crate) use folder::Folder as CacheFolder;
pub(crate) use room::{
    Sizes as CacheSizes, make_room as make_room_in_cache, remove_all as clear_cache,
    sizes as cache_sizes, verify as verify_cache,
};

use folder::Folder;
use hashes::Hashes;
use key::Key;

/// A hash of contents.
pub(super) type Sha = [u8; 32];

/// The place of a build in a cache.
pub(crate) struct Place {
    folder: Folder,
    key: Key,
    hashes: Hashes,
    /// The most bytes that the cache may take.
    limit: u64,
    /// Whether the build starts with nothing but sources.
    is_whole: bool,
}

fn sha256(bytes: &[u8]) -> Sha {
    Sha256::digest(bytes).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The inverse of [`hex`].
fn sha_of_hex(text: &[u8]) -> Option<Sha> {
    let text = std::str::from_utf8(text).ok()?;
    let is_hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    if text.len() != 64 || !text.bytes().all(is_hex) {
        return None;
    }
    let mut sha = [0; 32];
    for (i, byte) in sha.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).ok()?;
    }
    Some(sha)
}
