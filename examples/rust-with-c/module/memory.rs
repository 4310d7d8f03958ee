// SPDX-License-Identifier: GPL-2.0

//! Tells how much memory is free, which it asks a helper in C.

use kernel::error::to_result;
use kernel::prelude::*;

/// What `helper.h` declares.
mod helper {
    include!(env!("HELPER_BINDINGS"));
}

#[cfg(several_authors)]
module! {
    type: Memory,
    name: "memory",
    authors: ["kbuild-rs"],
    description: "How much memory is free",
    license: "GPL",
}

#[cfg(not(several_authors))]
module! {
    type: Memory,
    name: "memory",
    author: "kbuild-rs",
    description: "How much memory is free",
    license: "GPL",
}

struct Memory;

impl kernel::Module for Memory {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let mut memory = helper::helper_memory::default();
        // SAFETY: The helper fills in what it is given, which is ours.
        to_result(unsafe { helper::helper_read(&mut memory) })?;
        let state = match memory.state {
            helper::HELPER_SCARCE => "scarce",
            _ => "plenty",
        };
        pr_info!(
            "{} of {} MiB free: {state}\n",
            memory.free >> 20,
            memory.total >> 20
        );
        Ok(Memory)
    }
}
