//! Flags for the compilers of C and assembler, and for the linker.

use std::ffi::OsStr;

use super::Build;

impl Build {
    /// Defines a preprocessor macro for C and assembler: `-DNAME` or `-DNAME=VALUE`. The value may
    /// contain any character, because neither a shell nor make reads it.
    ///
    /// A module tree gets this and the flags for compilers in `KCFLAGS` and `KAFLAGS`: they come
    /// after the kernel's flags and before those of the tree's own Kbuild.
    pub fn define<'a>(&mut self, name: &str, value: impl Into<Option<&'a str>>) -> &mut Self {
        let value = value.into().map(str::to_owned);
        self.settings.flags.defines.push((name.to_owned(), value));
        self
    }

    /// Adds a flag for the C compiler, after the kernel's own (`ccflags-y`).
    pub fn cflag(&mut self, flag: impl AsRef<OsStr>) -> &mut Self {
        self.settings.flags.cflags.push(flag.as_ref().to_owned());
        self
    }

    /// Adds a flag for the assembler (`asflags-y`).
    pub fn asflag(&mut self, flag: impl AsRef<OsStr>) -> &mut Self {
        self.settings.flags.asflags.push(flag.as_ref().to_owned());
        self
    }

    /// Adds a flag for the linker that joins the module's objects (`ldflags-y`). For a module tree
    /// this is an error: set it in the tree's Kbuild.
    pub fn ldflag(&mut self, flag: impl AsRef<OsStr>) -> &mut Self {
        self.declare("ldflag", |d| d.ldflags.push(flag.as_ref().to_owned()))
    }
}
