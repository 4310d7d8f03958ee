//! Settings for Rust sources.

use std::ffi::OsStr;
use std::path::Path;

use super::Build;
use crate::Kernel;
use crate::settings::Cfg;

impl Build {
    /// Sets a `cfg` for Rust sources: `--cfg name` or `--cfg name="value"`.
    ///
    /// All crates of a module tree get this and the flags for rustc in `KRUSTFLAGS`: they come
    /// after the kernel's flags and before those of the tree's own Kbuild.
    pub fn cfg<'a>(&mut self, name: &str, value: impl Into<Option<&'a str>>) -> &mut Self {
        let value = value.into().map(str::to_owned);
        self.add_cfg(name, value, always)
    }

    /// Sets a `cfg` for Rust sources if `fits` returns true for the kernel. One source can then
    /// support kernels whose `kernel` crates differ.
    ///
    /// ```no_run
    /// kbuild::Build::new()
    ///     .file("module/hello.rs")
    ///     .cfg_if("several_authors", |kernel| kernel.version() >= (6, 15))
    ///     .compile("hello");
    /// ```
    pub fn cfg_if(&mut self, name: &str, fits: fn(&Kernel) -> bool) -> &mut Self {
        self.add_cfg(name, None, fits)
    }

    fn add_cfg(
        &mut self,
        name: &str,
        value: Option<String>,
        fits: fn(&Kernel) -> bool,
    ) -> &mut Self {
        let name = name.to_owned();
        self.settings
            .flags
            .rust
            .cfgs
            .push(Cfg { name, value, fits });
        self
    }

    /// Adds a flag for rustc, after the kernel's own (`rustflags-y`).
    pub fn rustflag(&mut self, flag: impl AsRef<OsStr>) -> &mut Self {
        self.settings
            .flags
            .rust
            .flags
            .push(flag.as_ref().to_owned());
        self
    }

    /// Declares a C header for the Rust sources. bindgen reads it with exactly the flags for the C
    /// sources of this module. For `module/helper.h`:
    ///
    /// ```text
    /// mod helper {
    ///     include!(env!("HELPER_BINDINGS"));
    /// }
    /// ```
    ///
    /// bindgen declares everything that the header itself defines, ioctl numbers and sizes
    /// included, and everything that this needs. Types of the kernel are those of the `kernel`
    /// crate's C side. Rust cannot call `static inline` functions and macros that are not
    /// constants: wrap them in a function in a C source of the module.
    ///
    /// This needs the program `bindgen` (0.66 or newer) in `PATH`, or in `KBUILD_RS_BINDGEN`.
    pub fn bindings(&mut self, header: impl AsRef<Path>) -> &mut Self {
        self.declare("bindings", |d| {
            d.rust.headers.push(header.as_ref().to_owned())
        })
    }

    /// Also declares items of other headers, for instance of the kernel, that match a regular
    /// expression; see [`bindings`](Self::bindings).
    pub fn bindings_item(&mut self, regex: &str) -> &mut Self {
        self.declare("bindings_item", |d| d.rust.items.push(regex.to_owned()))
    }

    /// Compiles the Rust sources with clippy, with the lints that the kernel chooses: kbuild's
    /// `CLIPPY=1`. It uses the `clippy-driver` beside rustc.
    pub fn clippy(&mut self, yes: bool) -> &mut Self {
        self.settings.rust.clippy = yes;
        self
    }

    /// Sets the Rust compiler. The kernel needs exactly the one that it was built with. Default:
    /// `KBUILD_RS_RUSTC`, else that compiler in `PATH` (as `rustc` or `rustc-VERSION`) or among
    /// rustup's toolchains. `RUSTC` is not read, because Cargo builds programs with it.
    pub fn rustc(&mut self, rustc: &str) -> &mut Self {
        self.settings.rust.rustc = Some(rustc.to_owned());
        self
    }
}

fn always(_: &Kernel) -> bool {
    true
}
