// SPDX-License-Identifier: GPL-2.0

//! Prime numbers: in the kernel's log when it is loaded and, where the kernel's Rust knows devices,
//! in `/dev/primes`.

use kernel::prelude::*;

#[cfg(devices)]
mod device;
mod sieve;

#[cfg(several_authors)]
module! {
    type: Primes,
    name: "primes",
    authors: ["kbuild-rs"],
    description: "Prime numbers",
    license: "GPL",
}

#[cfg(not(several_authors))]
module! {
    type: Primes,
    name: "primes",
    author: "kbuild-rs",
    description: "Prime numbers",
    license: "GPL",
}

/// What the log tells.
const FIRST: u32 = 20;

#[cfg(devices)]
type Primes = device::Registered;

#[cfg(not(devices))]
struct Primes;

#[cfg(not(devices))]
impl kernel::Module for Primes {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        say_hello();
        Ok(Primes)
    }
}

fn say_hello() {
    pr_info!("{} primes up to {FIRST}\n", sieve::primes(FIRST).count());
}
