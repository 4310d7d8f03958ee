//! kbuild's first phase: what the kernel's top Makefile does before it starts the makes that work.
//!
//! It parses itself, asks the compiler some thirty questions, exports a hundred variables, and
//! starts two or three makes. Kernel, toolchain, variables and the path of the module decide
//! the command lines and environments of these makes, and nothing else does. So the first build
//! records them, and later ones start them directly.
//!
//! | file | has |
//! | --- | --- |
//! | `recorder.rs` | the lines for the makefile that every make reads first: each make writes down how it was started |
//! | `dump.rs` | reads what they wrote |
//! | `known.rs` | decides whether all of it is understood |
//! | `failing.rs` | the lines that the top Makefile prints if such a make fails |
//! | `name_check.rs` | the check for two modules of one name |
//! | `words.rs` | the texts that differ from build to build, and their placeholders |
//! | `recording.rs`, `text.rs` | what is recorded, and its file |
//! | `replay.rs` | the makes of a build that starts them directly |
//!
//! # Decisions
//!
//! - Each make writes its own state, as the system shows it in `/proc`. A program in the place of
//!   `MAKE` would be a variable of the command line, which makefiles and the makes below can see.
//! - A placeholder replaces each text that the caller gave, so a secret in a variable is not
//!   stored.

mod dump;
mod failing;
mod known;
mod name_check;
mod recorder;
mod recording;
mod replay;
mod text;
mod words;

pub(crate) use known::{Build, recorded};
pub(crate) use recorder::Recorder;
pub(super) use recorder::{MARK, TOP};
pub(crate) use recording::{FileState, Recording};
pub(crate) use replay::Replay;
pub(super) use replay::StartedMake;
pub(crate) use words::{Words, quoted};
