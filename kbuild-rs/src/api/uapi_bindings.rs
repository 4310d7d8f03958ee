//! Rust declarations of a header that a kernel module and its program share (feature `bindgen`).

use std::path::{Path, PathBuf};

use crate::settings::Environment;
use crate::stage::{BINDINGS, PRIVATE, make_private_root};
use crate::sys::{Root, Writer, regular};
use crate::{Error, ErrorKind, Kernel, Result, cargo};

/// Userspace Rust declarations of a header that is written like the kernel's `uapi` headers:
/// structs, constants, and `ioctl` numbers, which plain bindgen does not evaluate (`_IOR` and
/// similar macros use `sizeof`).
///
/// ```no_run
/// // build.rs
/// kbuild::UapiBindings::new("module/counter_uapi.h").generate("counter_uapi");
/// ```
/// ```text
/// // src/main.rs
/// mod counter_uapi {
///     include!(concat!(env!("OUT_DIR"), "/counter_uapi.rs"));
/// }
/// ```
///
/// Names are C's: the constants of an `enum` have no prefix. The declarations contain assertions
/// that each struct has C's size, alignment and offsets.
#[derive(Debug, Clone)]
pub struct UapiBindings {
    header: PathBuf,
    includes: Vec<PathBuf>,
    defines: Vec<String>,
    items: Vec<String>,
    kernel: Option<Kernel>,
    base: Option<PathBuf>,
    out_dir: Option<PathBuf>,
    cargo_metadata: bool,
}

/// Annotations in the kernel's unexported headers that `make headers` strips.
const COMPILER_TYPES: &str = "\
/* Written by kbuild-rs: what userspace sees of linux/compiler_types.h. */
#ifndef __user
#define __user
#define __kernel
#define __iomem
#define __force
#define __percpu
#define __rcu
#define __bitwise
#define __counted_by(m)
#define __counted_by_le(m)
#define __counted_by_be(m)
#endif
";

impl UapiBindings {
    /// Declares everything that `header` defines, and everything that this needs from other
    /// headers.
    pub fn new(header: impl AsRef<Path>) -> Self {
        UapiBindings {
            header: header.as_ref().to_owned(),
            includes: Vec::new(),
            defines: Vec::new(),
            items: Vec::new(),
            kernel: None,
            base: None,
            out_dir: None,
            cargo_metadata: true,
        }
    }

    /// Adds a folder to the header search path.
    pub fn include(&mut self, dir: impl AsRef<Path>) -> &mut Self {
        self.includes.push(dir.as_ref().to_owned());
        self
    }

    /// Defines a macro.
    pub fn define<'a>(&mut self, name: &str, value: impl Into<Option<&'a str>>) -> &mut Self {
        self.defines.push(match value.into() {
            Some(value) => format!("-D{name}={value}"),
            None => format!("-D{name}"),
        });
        self
    }

    /// Also declares items of other headers that match a regular expression. Items that the header
    /// itself defines are always declared.
    pub fn item(&mut self, regex: &str) -> &mut Self {
        self.items.push(regex.to_owned());
        self
    }

    /// Takes `<linux/…>` and `<asm/…>` from this kernel tree's uapi headers instead of the system's
    /// (package linux-libc-dev): for a program that needs declarations that only that kernel has.
    pub fn kernel(&mut self, kernel: &Kernel) -> &mut Self {
        self.kernel = Some(kernel.clone());
        self
    }

    /// Sets the folder that relative paths start at. Default: Cargo's `CARGO_MANIFEST_DIR`.
    pub fn base(&mut self, dir: impl AsRef<Path>) -> &mut Self {
        self.base = Some(dir.as_ref().to_owned());
        self
    }

    /// Sets the folder of the declarations. Default: Cargo's `OUT_DIR`.
    pub fn out_dir(&mut self, dir: impl AsRef<Path>) -> &mut Self {
        self.out_dir = Some(dir.as_ref().to_owned());
        self
    }

    /// Sets whether Cargo's directives are printed and Cargo's variables are read. Default: yes.
    pub fn cargo_metadata(&mut self, yes: bool) -> &mut Self {
        self.cargo_metadata = yes;
        self
    }

    /// Writes `OUT_DIR/<name>.rs` and returns its path. If that fails, it ends the process with a
    /// readable error.
    pub fn generate(&self, name: &str) -> PathBuf {
        self.try_generate(name).unwrap_or_else(|e| cargo::fail(&e))
    }

    /// Like [`generate`](Self::generate), but returns the error.
    ///
    /// # Errors
    /// [`ErrorKind::SourceNotFound`] if the header does not exist, [`ErrorKind::BuildFailed`] with
    /// clang's message if it does not compile, and [`ErrorKind::ToolNotFound`] if libclang is
    /// missing.
    pub fn try_generate(&self, name: &str) -> Result<PathBuf> {
        let environment = Environment::new(self.cargo_metadata);
        let base = match &self.base {
            Some(dir) => dir.clone(),
            None => environment.cargo_dir("CARGO_MANIFEST_DIR", "base()")?,
        };
        let out = match &self.out_dir {
            Some(dir) => dir.clone(),
            None => environment.cargo_dir("OUT_DIR", "out_dir()")?,
        };
        let header = base.join(&self.header);
        let header = regular::look(&header).and_then(|()| std::fs::canonicalize(&header));
        let header = header.map_err(|e| {
            Error::new(
                ErrorKind::SourceNotFound,
                format!(
                    "the header {} cannot be read: {e}",
                    base.join(&self.header).display()
                ),
            )
        })?;
        check_libclang()?;
        let out =
            std::path::absolute(&out).map_err(|e| Error::reading("use the folder", &out, e))?;
        let shared = out.join(PRIVATE);
        let private = shared.join(BINDINGS).join(name);
        let writer = Writer::new([make_private_root(&shared)?, Root::open(&out)?]);
        writer.create_dirs(&private)?;
        let mut builder = bindgen::Builder::default()
            .header(text(&header)?)
            .allowlist_file(regex(&header)?)
            .layout_tests(true)
            .derive_default(true)
            .clang_macro_fallback()
            .clang_macro_fallback_build_dir(&private)
            .use_core()
            .prepend_enum_name(false)
            .wrap_unsafe_ops(true)
            .formatter(bindgen::Formatter::Prettyplease);
        if self.cargo_metadata {
            builder = builder.parse_callbacks(Box::new(bindgen::CargoCallbacks::new()));
        }
        for item in &self.items {
            builder = builder.allowlist_item(item);
        }
        for dir in self.folders(&writer, &private)? {
            builder = builder.clang_arg("-isystem").clang_arg(text(&dir)?);
        }
        for dir in &self.includes {
            builder = builder.clang_arg("-I").clang_arg(text(&base.join(dir))?);
        }
        let bindings = builder.clang_args(&self.defines).generate().map_err(|e| {
            Error::new(
                ErrorKind::BuildFailed,
                format!("cannot declare {} for Rust: {e}", header.display()),
            )
        })?;
        let file = out.join(format!("{name}.rs"));
        writer.write_if_changed(&file, module(&bindings.to_string()).as_bytes())?;
        Ok(file)
    }

    /// The kernel's own uapi folders, the order that its build searches them in.
    fn folders(&self, writer: &Writer, private: &Path) -> Result<Vec<PathBuf>> {
        let Some(kernel) = &self.kernel else {
            return Ok(Vec::new());
        };
        let stub = private.join("include");
        writer.write_if_changed(
            &stub.join("linux/compiler_types.h"),
            COMPILER_TYPES.as_bytes(),
        )?;
        let arch = kernel.arch();
        Ok(vec![
            stub,
            kernel
                .source_dir()
                .join(format!("arch/{arch}/include/uapi")),
            kernel
                .dir()
                .join(format!("arch/{arch}/include/generated/uapi")),
            kernel.source_dir().join("include/uapi"),
            kernel.dir().join("include/generated/uapi"),
        ])
    }
}

/// C's names and a header's surplus are no fault of the crate's, and a file that is taken in with
/// `include!` cannot say so for the module around it.
fn module(declarations: &str) -> String {
    const HARMLESS: &str =
        "dead_code, non_camel_case_types, non_snake_case, non_upper_case_globals";
    format!(
        "#[allow({HARMLESS}, clippy::all)]\nmod declarations {{\n{declarations}}}\n\
         #[allow(unused_imports)]\npub use declarations::*;\n"
    )
}

/// bindgen panics if it cannot load libclang.
fn check_libclang() -> Result<()> {
    if clang_sys::is_loaded() {
        return Ok(());
    }
    clang_sys::load().map_err(|e| {
        Error::new(
            ErrorKind::ToolNotFound,
            format!(
                "bindgen needs libclang, which was not found ({e}). Install libclang1 (Debian, \
                 Ubuntu) or clang-libs (Fedora), or name the folder of libclang in LIBCLANG_PATH"
            ),
        )
    })
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| {
        Error::input(format!(
            "cannot pass the path {} to clang: it is not UTF-8",
            path.display()
        ))
    })
}

/// A path as a regular expression that fits it alone.
fn regex(path: &Path) -> Result<String> {
    let mut escaped = String::new();
    for c in text(path)?.chars() {
        if !c.is_alphanumeric() && !"/_ ".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    Ok(escaped)
}
