//! Rust that calls its own C, another module's and the kernel's.

use kernel::prelude::*;

mod inner;

mod helper {
    include!(env!("HELPER_BINDINGS"));
}

mod ring {
    include!(env!("RING_BINDINGS"));
}

mod most {
    include!(env!("MOST_BINDINGS"));
}

#[cfg(several_authors)]
module! {
    type: Module,
    name: "hello",
    authors: ["nobody"],
    description: "Rust and C",
    license: "GPL",
}

#[cfg(not(several_authors))]
module! {
    type: Module,
    name: "hello",
    author: "nobody",
    description: "Rust and C",
    license: "GPL",
}

struct Module;

#[cfg(greeting = "hello there")]
const GREETING: &str = "hello there";
#[cfg(not(greeting = "hello there"))]
const GREETING: &str = "good morning";

impl kernel::Module for Module {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        // SAFETY: They take numbers, and nothing else.
        let pushed = unsafe { ring::ring_push(helper::helper(helper::int_sqrt(49) as _)) };
        let most = most::HELPER_MOST;
        pr_info!("{GREETING}: {} {pushed} of {most}\n", inner::word());
        Ok(Module)
    }
}
