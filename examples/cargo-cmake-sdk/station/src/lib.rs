//! Carries a module of the SDK, for programs whose own modules use it.

/// `station_bus.ko`. It exports what `station/bus.h` declares.
pub const BUS: &[u8] = include_bytes!(env!("STATION_BUS_KO"));
