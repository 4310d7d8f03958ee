//! What this process is told by the system: signals, and limits of memory.

pub(crate) mod memory;
pub(crate) mod signals;
