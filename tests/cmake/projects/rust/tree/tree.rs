//! One with a Kbuild of its own.

use kernel::prelude::*;

mod below;

#[cfg(several_authors)]
module! {
    type: Module,
    name: "tree",
    authors: ["nobody"],
    description: "Was there before",
    license: "GPL",
}

#[cfg(not(several_authors))]
module! {
    type: Module,
    name: "tree",
    author: "nobody",
    description: "Was there before",
    license: "GPL",
}

struct Module;

impl kernel::Module for Module {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        pr_info!("{}\n", below::WORD);
        Ok(Module)
    }
}
