//! Random numbers for rounds. Each default run uses the same ones, so that its result only depends
//! on the code. Each full run uses others.

use std::time::{SystemTime, UNIX_EPOCH};

use kbuild_tests::scope;

/// xorshift64: enough to choose times and places.
pub(crate) struct Random {
    state: u64,
    /// The first state. A failure prints it, and `KBUILD_TEST_SEED` sets it.
    pub(crate) seed: u64,
}

impl Random {
    pub(crate) fn new() -> Random {
        let usual = || match scope::is_full() {
            true => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
                now.as_nanos() as u64 | 1
            }
            false => 1,
        };
        let seed = std::env::var("KBUILD_TEST_SEED");
        let seed = seed.map_or_else(|_| usual(), |seed| seed.parse().unwrap());
        Random { state: seed, seed }
    }

    /// A number from 0 to below `limit`.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state % limit
    }

    /// One of the elements.
    pub(crate) fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len() as u64) as usize]
    }
}
