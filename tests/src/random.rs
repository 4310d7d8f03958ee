//! Random numbers for rounds. Each default run uses the same ones, so that its result only depends
//! on the code. Each full run uses others.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::scope;

/// xorshift64: enough to choose times and places.
#[derive(Debug)]
pub struct Random {
    state: u64,
    /// The first state. A failure prints it, and `KBUILD_TEST_SEED` sets it.
    pub seed: u64,
}

impl Default for Random {
    fn default() -> Random {
        Random::new()
    }
}

impl Random {
    /// Numbers that begin with the seed of the environment, or of this run.
    pub fn new() -> Random {
        let usual = || match scope::is_full() {
            true => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH);
                now.unwrap_or_default().as_nanos() as u64 | 1
            }
            false => 1,
        };
        let given = std::env::var("KBUILD_TEST_SEED").ok();
        let seed = given.and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(usual);
        Random { state: seed, seed }
    }

    /// Numbers that begin with this seed, on every run.
    #[must_use]
    pub fn seeded(seed: u64) -> Random {
        // xorshift stays at 0 for ever.
        let seed = seed.max(1);
        Random { state: seed, seed }
    }

    /// A number from 0 to below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state % limit
    }

    /// One of the elements.
    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len() as u64) as usize]
    }
}
