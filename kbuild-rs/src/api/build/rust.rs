//! What a caller says about Rust sources.

use std::ffi::OsStr;
use std::path::Path;

use super::Build;
use crate::Kernel;
use crate::settings::Cfg;

impl Build {
    /// Sets a `cfg` for Rust sources: `--cfg name` or `--cfg name="value"`.
    ///
    /// This and the flags for rustc reach a module tree too, all crates in it: in `KRUSTFLAGS`, so
    /// that they stand behind the kernel's flags and before those of the tree's own Kbuild.
    pub fn cfg<'a>(&mut self, name: &str, value: impl Into<Option<&'a str>>) -> &mut Self {
        let value = value.into().map(str::to_owned);
        self.add_cfg(name, value, always)
    }

    /// Sets a `cfg` for Rust sources where the kernel that is built for is such a one: one source
    /// then serves kernels whose `kernel` crates differ.
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

    /// Declares a C header for the Rust sources: bindgen reads it with the very flags that C of
    /// this module is compiled with. For `module/helper.h`:
    ///
    /// ```text
    /// mod helper {
    ///     include!(env!("HELPER_BINDINGS"));
    /// }
    /// ```
    ///
    /// Declared is what the header itself holds, numbers of ioctls and sizes included, and what
    /// that needs; types are those of the `kernel` crate's C side, not its own. Functions that are
    /// `static inline` and macros that are no constants cannot be called: write a function around
    /// them in a C source beside it.
    ///
    /// Takes the program `bindgen` (0.66 or newer) in `PATH`, or in `KBUILD_RS_BINDGEN`.
    pub fn bindings(&mut self, header: impl AsRef<Path>) -> &mut Self {
        self.declare("bindings", |d| {
            d.rust.headers.push(header.as_ref().to_owned())
        })
    }

    /// Names an item of other headers, the kernel's own for instance, that
    /// [`bindings`](Self::bindings) declares too; a regular expression.
    pub fn bindings_item(&mut self, regex: &str) -> &mut Self {
        self.declare("bindings_item", |d| d.rust.items.push(regex.to_owned()))
    }

    /// Has clippy look at the Rust sources while it compiles them, with the kernel's own choice of
    /// lints: kbuild's `CLIPPY=1`. It is the `clippy-driver` beside rustc.
    pub fn clippy(&mut self, yes: bool) -> &mut Self {
        self.settings.rust.clippy = yes;
        self
    }

    /// The Rust compiler to use; the kernel takes no other than the very one that it was built
    /// with. Default: `KBUILD_RS_RUSTC`, else that one where it is in `PATH`, under its own name or
    /// with a version in it, or among rustup's toolchains. (`RUSTC` is what Cargo builds programs
    /// with.)
    pub fn rustc(&mut self, rustc: &str) -> &mut Self {
        self.settings.rust.rustc = Some(rustc.to_owned());
        self
    }
}

fn always(_: &Kernel) -> bool {
    true
}
