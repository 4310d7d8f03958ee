//! C for Rust: the rules that run bindgen on a header with this module's C flags, and the arguments
//! for rustc about the result.
//!
//! bindgen runs in make, because only make knows those flags. So the library does not need
//! libclang.

use std::ffi::OsString;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::super::Context;
use super::{Layout, Object};
use crate::kernel::GCC_ONLY;
use crate::settings::HeadersForRust;
use crate::stage::CarriedFolders;
use crate::syntax::{is_carryable, shell_quote};
use crate::sys::regular;
use crate::{Error, ErrorKind, Kernel, Result};

/// A header with the C functions that Rust sources call.
#[derive(Debug)]
pub(crate) struct RustHeader {
    /// `HELPER_BINDINGS` for `helper.h`.
    pub(crate) variable: String,
    /// The declarations.
    pub(crate) file: PathBuf,
    /// The flag file that bindgen reads, and its text.
    input: (String, String),
}

/// Options that libclang does not know, and that [`GCC_ONLY`] lacks because editors use that list.
const SKIPPED: &[&str] = &[
    "@",
    "--param=",
    "-fsanitize=",
    "-fzero-call-used-regs=",
    "-fstrict-flex-arrays=",
    "-fplugin-arg-",
];

/// The prefix of constants that only exist for bindgen.
const CONSTANT: &str = "kbuild_rs_constant_";

/// The text around the declarations, which come from C and not from the module's author.
const HEAD: &str = "#[allow(dead_code, missing_docs, non_camel_case_types, non_snake_case, \
    non_upper_case_globals, unreachable_pub, unsafe_op_in_unsafe_fn, improper_ctypes, clippy::all, \
    clippy::undocumented_unsafe_blocks)]\nmod declarations {\n";
const TAIL: &str = "}\n#[allow(unused_imports, unreachable_pub)]\npub use declarations::*;\n";

impl Layout {
    /// Adds the rules for the headers that `wishes` names, and returns their text.
    pub(super) fn bind(
        &mut self,
        wishes: &HeadersForRust,
        context: &Context<'_>,
        links: &mut CarriedFolders,
        order: &[Object],
    ) -> Result<String> {
        let mut text = String::new();
        if wishes.headers.is_empty() {
            return match wishes.items.first() {
                None => Ok(text),
                Some(item) => Err(Error::input(format!(
                    "the item {item} (bindings_item) needs a header: name one that declares the \
                     item, or includes such a header (bindings)"
                ))),
            };
        }
        if self.rust.crates.is_empty() {
            return Err(Error::input(
                "bindings names a header, but the module has no Rust source: add a .rs file, or \
                 remove the header",
            ));
        }
        let flags_dir = context.site.flags_dir();
        text.push_str(&command(context, &flags_dir));
        let of_c = self.flags.iter().filter(|(name, _)| *name == "cc");
        let mut args: Vec<OsString> = of_c.flat_map(|(_, args)| args.clone()).collect();
        for header in &wishes.headers {
            let (folder, name, word) = named(&context.site.base.join(header))?;
            let variable = format!("{}_BINDINGS", word.to_uppercase());
            if self.rust.bound.iter().any(|b| b.variable == variable) {
                return Err(Error::input(format!(
                    "{} and another header would both have their declarations in {variable}. \
                     Rename one of them",
                    header.display()
                )));
            }
            let original = folder.join(&name);
            let reached = links.carry(&folder);
            let mut quote = OsString::from("-iquote");
            quote.push(&reached);
            args.push(quote);
            self.searched.push(folder);
            let carried = reached.join(&name);
            let made = format!("{word}.bindings.rs");
            let input = flags_dir.join(format!("bind-{word}.h"));
            let mut items = format!("--allowlist-file '{}|{}'", regex(&carried), regex(&input));
            for item in &wishes.items {
                let item = shell_quote(item.as_ref()).replace('$', "$$");
                let _ = write!(items, " --allowlist-item {}", item.replace('#', "\\#"));
            }
            let _ = write!(
                text,
                "targets += {made}\n$(obj)/{made}: kbuild_rs_items := {items}\n\
                 $(obj)/{made}: kbuild_rs_input := {}\n\
                 $(obj)/{made}: {} FORCE\n\t$(call if_changed_dep,kbuild_rs_bindings)\n",
                input.display(),
                carried.display()
            );
            for object in order.iter().filter(|object| object.is_rust()) {
                let object = object.name.display();
                let _ = writeln!(text, "$(obj)/{object}: $(obj)/{made}");
            }
            self.rust.bound.push(RustHeader {
                variable,
                file: context.site.stage.file(Path::new(&made)),
                input: (format!("bind-{word}.h"), input_text(&original, &carried)?),
            });
        }
        self.rust.bind_args = args;
        Ok(text)
    }

    /// The files beside the flag files that the rules read: their names and texts. `more` has this
    /// build's additional flags for C.
    pub(crate) fn bind_files(&self, more: &[OsString]) -> Vec<(String, String)> {
        if self.rust.bound.is_empty() {
            return Vec::new();
        }
        let args = self.rust.bind_args.iter().chain(more);
        // bindgen splits them as a shell does.
        let args: Vec<String> = args.map(|arg| shell_quote(arg)).collect();
        let mut files: Vec<(String, String)> = vec![
            ("bind".into(), args.join("\n")),
            ("bind-head".into(), HEAD.into()),
            ("bind-tail".into(), TAIL.into()),
        ];
        files.extend(self.rust.bound.iter().map(|bound| bound.input.clone()));
        files
    }
}

/// The command that runs bindgen.
fn command(context: &Context<'_>, flags_dir: &Path) -> String {
    let dir = flags_dir.display();
    let ctypes = match context.kernel.dir().join("rust/libffi.rmeta").exists() {
        true => "kernel::ffi",
        false => "core::ffi",
    };
    let skipped = SKIPPED.iter().chain(GCC_ONLY);
    let skipped: Vec<String> = skipped.map(|option| format!("{option}%")).collect();
    format!(
        "kbuild_rs_c_flags = $(filter-out {},$(c_flags)) -w {} -fno-builtin -D__BINDGEN__ -DMODULE\n\
         quiet_cmd_kbuild_rs_bindings = BINDGEN $@\n      \
         cmd_kbuild_rs_bindings = BINDGEN_EXTRA_CLANG_ARGS=\"$$(cat {dir}/bind)\" $(BINDGEN) $(kbuild_rs_input) \
         --rust-target 1.68 --use-core --with-derive-default --ctypes-prefix ::{ctypes} \
         --no-layout-tests --no-prepend-enum-name --no-doc-comments --no-debug '.*' \
         --enable-function-attribute-detection $(kbuild_rs_items) -o $@.part -- \
         $(kbuild_rs_c_flags); \
         sed 's/{CONSTANT}//g' {dir}/bind-head $@.part {dir}/bind-tail > $@; \
         rm $@.part\n",
        skipped.join(" "),
        target(context.kernel),
    )
}

/// The text that bindgen reads. It includes the header and repeats its ioctl numbers and sizes in a
/// form that bindgen evaluates. bindgen does not treat a macro as a constant if the macro calls
/// another one or contains `sizeof`.
///
/// `carried` is the path under which make will find the header. A link is created there later.
fn input_text(header: &Path, carried: &Path) -> Result<String> {
    let text = regular::read(header).map_err(|e| Error::reading("read", header, e))?;
    let mut input = format!("#include \"{}\"\n", carried.display());
    for name in computed(&String::from_utf8_lossy(&text)) {
        let _ = write!(
            input,
            "#ifdef {name}\nstatic const unsigned int {CONSTANT}{name} = {name};\n#endif\n"
        );
    }
    Ok(input)
}

/// The macros of a header that are `_IO(…)`, `_IOR(…)`, `_IOW(…)`, `_IOWR(…)` or `sizeof(…)`.
fn computed(header: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for line in header.lines() {
        let directive = line.trim_start().strip_prefix('#').unwrap_or_default();
        let define = directive.trim_start().strip_prefix("define");
        let Some((name, value)) = define.and_then(|d| d.trim_start().split_once([' ', '\t']))
        else {
            continue;
        };
        let word = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let called = value.trim_start_matches([' ', '\t', '(']).split('(').next();
        let number =
            ["_IO", "_IOR", "_IOW", "_IOWR", "sizeof"].contains(&called.unwrap_or_default().trim());
        if word && number && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// (folder, file name, the name as a part of other names) of a header.
fn named(header: &Path) -> Result<(PathBuf, String, String)> {
    let not_found = |why: String| {
        Error::new(
            ErrorKind::SourceNotFound,
            format!("the header {} {why}", header.display()),
        )
    };
    regular::look(header).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => not_found("does not exist".into()),
        _ => not_found(format!("cannot be read: {error}")),
    })?;
    let folder = header.parent().unwrap_or(header);
    let folder = std::fs::canonicalize(folder).map_err(|e| not_found(e.to_string()))?;
    let name = header.file_name().unwrap_or_default();
    let stem = Path::new(name).file_stem().unwrap_or_default();
    let name = name.to_str().filter(|name| is_carryable(Path::new(name)));
    let (Some(name), Some(stem)) = (name, stem.to_str()) else {
        return Err(Error::input(format!(
            "make cannot handle the name of the header {}. Rename it",
            header.display()
        )));
    };
    let word = stem.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    Ok((folder, name.to_owned(), word))
}

/// The target for Clang, which has one program for all architectures.
fn target(kernel: &Kernel) -> String {
    let triple = match kernel.arch() {
        "x86" if kernel.is_enabled("64BIT") => "x86_64-linux-gnu",
        "arm64" => "aarch64-linux-gnu",
        "arm" => "arm-linux-gnueabi",
        "loongarch" => "loongarch64-linux-gnusf",
        "powerpc" => "powerpc64le-linux-gnu",
        "riscv" => "riscv64-linux-gnu",
        "s390" => "s390x-linux-gnu",
        _ => return String::new(),
    };
    format!("--target={triple}")
}

/// A regular expression that matches a path that make can carry.
fn regex(path: &Path) -> String {
    let text = path.to_string_lossy();
    text.replace('.', "\\.")
        .replace('+', "\\+")
        .replace('^', "\\^")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ioctl_numbers_of_a_header_are_its_macros_that_call_the_kernels() {
        let header = "#define A _IOR('x', 1, struct a)\n # define\tB\t( _IO ('x', 2))\n\
                      #define C(n) _IOW('x', n, int)\n#define D BIT(3)\n#define E\n#define F 3\n\
                      #define G _IOWR('x', 3, \\\n\tint)\n#define A _IOR('x', 2, int)\n// #define H _IO('x', 1)\n";
        assert_eq!(computed(header), ["A", "B", "G"]);
    }
}
