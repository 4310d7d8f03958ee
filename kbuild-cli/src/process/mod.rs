//! This process in its system: signals, and limits of memory.

pub(crate) mod memory;
pub(crate) mod signals;
