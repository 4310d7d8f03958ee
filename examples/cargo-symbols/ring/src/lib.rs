//! Carries `ring.ko`, for the programs whose own modules use it.

/// The module. It exports what `include/ring.h` declares.
pub const MODULE: &[u8] = include_bytes!(env!("RING_KO"));
