//! What make is told: variables, flag files, symvers of providers.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::filled::{is_working_folder, unexpanded};
use super::{Build, Config, Form, MissingSymvers};
use crate::kbuild_file::response_file;
use crate::make::{Names, PathMap};
use crate::{Error, ErrorKind, Kernel, Result, regular};

/// What goes into `KCFLAGS` and `KAFLAGS`: the folders with headers, and [`prefix_maps`] for C and
/// for assembler.
pub(super) fn map_file(
    map: &PathMap,
    includes: &[PathBuf],
    build: &Build,
    flags_dir: &Path,
) -> Vec<u8> {
    let mut args = header_flags(includes, build, flags_dir);
    args.extend(prefix_maps("-ffile-prefix-map=", map));
    response_file(&args)
}

/// Flags that turn stage paths into source paths in what a compiler writes: debug information,
/// messages, `__FILE__` and `file!()`.
pub(super) fn prefix_maps(flag: &str, map: &PathMap) -> Vec<OsString> {
    let mut args = Vec::new();
    let mut add = |from: &OsStr, to: &Path| {
        let mut arg = OsString::from(flag);
        arg.push(from);
        arg.push("=");
        arg.push(without_equals(to));
        args.push(arg);
    };
    for (stage, source) in map.pairs() {
        add(stage.as_os_str(), source);
        // What a compiler is given from 6.13 on, and what it would be given there by hand.
        if let Some((staged, by_hand)) = map.relative(stage, source) {
            add(staged.as_os_str(), &by_hand);
        }
    }
    args
}

/// The folders with headers, and the header with configuration symbols of the module's own.
pub(super) fn header_flags(includes: &[PathBuf], build: &Build, flags_dir: &Path) -> Vec<OsString> {
    let mut args: Vec<OsString> = Vec::new();
    for dir in includes {
        let mut arg = OsString::from("-I");
        arg.push(dir);
        args.push(arg);
    }
    if !build.configs.is_empty() {
        args.push("-include".into());
        args.push(flags_dir.join("config.h").into());
    }
    args
}

/// The folders with headers that the caller named, canonical.
pub(super) fn include_folders(build: &Build, base: &Path) -> Result<Vec<PathBuf>> {
    build
        .includes
        .iter()
        .map(|dir| existing_folder(&base.join(dir)))
        .collect()
}

fn existing_folder(path: &Path) -> Result<PathBuf> {
    match std::fs::canonicalize(path) {
        Ok(real) if real.is_dir() => Ok(real),
        Ok(_) => Err(Error::new(
            ErrorKind::SourceNotFound,
            format!("the include folder {} is no folder", path.display()),
        )),
        Err(e) => Err(Error::new(
            ErrorKind::SourceNotFound,
            format!("the include folder {} cannot be used: {e}", path.display()),
        )),
    }
}

/// gcc takes a prefix map apart at its last `=`: a path that holds one cannot be its second half.
/// Nor may the stage's path stand instead, so a near one does.
fn without_equals(path: &Path) -> OsString {
    let bytes = path.as_os_str().as_bytes().iter();
    OsString::from_vec(bytes.map(|b| if *b == b'=' { b'_' } else { *b }).collect())
}

/// Overrides what `autoconf.h` said, which is included before.
pub(super) fn config_header(build: &Build) -> Result<String> {
    let mut text = String::new();
    for (name, value) in &build.configs {
        let name = config_name(name)?;
        text.push_str(&format!("#undef {name}\n#undef {name}_MODULE\n"));
        match value {
            Config::Module => text.push_str(&format!("#define {name}_MODULE 1\n")),
            Config::Builtin => text.push_str(&format!("#define {name} 1\n")),
            Config::Off => {}
        }
    }
    Ok(text)
}

fn config_name(name: &str) -> Result<String> {
    let bare = name.strip_prefix("CONFIG_").unwrap_or(name);
    if bare.is_empty() || !bare.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(Error::input(format!(
            "{name:?} is no name of a configuration symbol (CONFIG_FOO or FOO)"
        )));
    }
    Ok(format!("CONFIG_{bare}"))
}

pub(super) fn add_user_env(
    build: &Build,
    names: &Names<'_>,
    env: &mut Vec<(OsString, OsString)>,
) -> Result<()> {
    for (name, value) in &build.env {
        if value.as_bytes().contains(&0) {
            return Err(Error::input(format!("the value of {name:?} holds a NUL")));
        }
        if !is_working_folder(name) {
            names.check_environment(name, value)?;
        }
        env.retain(|(n, _)| n != name);
        env.push((name.clone(), value.clone()));
    }
    Ok(())
}

/// The providers' symvers, with the place of the copy: a path that make can carry.
pub(super) fn providers(
    build: &Build,
    received: &[PathBuf],
    base: &Path,
    folder: &Path,
    map: &PathMap,
) -> Result<Vec<(PathBuf, PathBuf)>> {
    let of_make = build
        .make_vars
        .iter()
        .filter(|(n, _)| n == "KBUILD_EXTRA_SYMBOLS")
        .flat_map(|(_, v)| v.as_bytes().split(u8::is_ascii_whitespace))
        .filter(|word| !word.is_empty())
        .map(|word| PathBuf::from(OsStr::from_bytes(word)));
    let mut all: Vec<PathBuf> = Vec::new();
    for path in build.symvers.iter().cloned().chain(of_make) {
        all.push(base.join(path));
    }
    // A crate may be reached over two others; modpost refuses to read one file twice.
    for path in received {
        if !all.contains(path) {
            all.push(path.clone());
        }
    }
    all.into_iter()
        .enumerate()
        .map(|(number, path)| {
            if let Err(error) = regular::look(&path) {
                let why = match error.kind() {
                    std::io::ErrorKind::NotFound => {
                        "does not exist; build the module that provides it first".to_owned()
                    }
                    _ => format!("cannot be read: {error}"),
                };
                return Err(Error::new(
                    ErrorKind::SourceNotFound,
                    format!("the symvers {} {why}", map.source(&path).display()),
                ));
            }
            crate::Symvers::read(&path)?;
            Ok((path, folder.join(format!("symvers/{number}.symvers"))))
        })
        .collect()
}

/// The variables of make's command line; KCFLAGS, KAFLAGS and KRUSTFLAGS go to the environment, where a
/// Makefile may still add to them, unless the user set them.
pub(super) fn variables(
    build: &Build,
    kernel: &Kernel,
    names: &Names<'_>,
    tools: &[(String, String)],
    flags_dir: &Path,
    symvers: &[(PathBuf, PathBuf)],
    env: &mut Vec<(OsString, OsString)>,
) -> Result<Vec<(String, OsString)>> {
    let mut list: Vec<(String, OsString)> = vec![("ARCH".into(), kernel.arch().into())];
    list.extend(tools.iter().map(|(n, v)| (n.clone(), OsString::from(v))));
    for (name, value) in [("V", &build.verbose), ("W", &build.extra_warnings)] {
        if let Some(value) = value {
            names.check_variable(name, OsStr::new(value))?;
            list.push((name.into(), value.into()));
        }
    }
    for (name, value) in &build.configs {
        let name = config_name(name)?;
        let value = match value {
            Config::Module => "m",
            Config::Builtin => "y",
            Config::Off => "",
        };
        if let Some(of_kernel) = kernel.config(&name).filter(|v| *v != value) {
            build.sink.warning(&format!(
                "the kernel was built with {name}={of_kernel}; this module alone sees {}",
                if value.is_empty() { "it off" } else { value }
            ));
        }
        list.push((name, value.into()));
    }
    // A declared module's own flags are in its Kbuild.
    let of_tree = matches!(build.form, Form::Tree(_));
    let file = |name: &str| {
        let mut word = OsString::from("@");
        word.push(flags_dir.join(name));
        word
    };
    let own = |map: &str, name: &str, empty: bool| {
        let mut words = file(map);
        if of_tree && !empty {
            words.push(" ");
            words.push(file(name));
        }
        words
    };
    let empty = build.flags.is_empty();
    let mut flags = vec![
        ("KCFLAGS", own("map", "cc", empty), false),
        ("KAFLAGS", own("map", "as", empty), false),
    ];
    #[cfg(feature = "rust")]
    if tools.iter().any(|(name, _)| name == "RUSTC") {
        let words = own("map-rs", "rs", build.flags.rust.is_empty());
        flags.push(("KRUSTFLAGS", words, false));
    }
    for (name, value) in &build.make_vars {
        // Taken apart above.
        if [
            "ARCH",
            "CC",
            "CROSS_COMPILE",
            "LLVM",
            "KBUILD_EXTRA_SYMBOLS",
        ]
        .contains(&&**name)
            || (["RUSTC", "BINDGEN"].contains(&&**name)
                && tools.iter().any(|(known, _)| known == name))
        {
            continue;
        }
        if !is_working_folder(OsStr::new(name)) {
            names.check_variable(name, value)?;
        }
        let unexpanded = unexpanded(name, value);
        unexpanded.iter().for_each(|text| build.sink.warning(text));
        let mut value = value.clone();
        if let Some((_, own, set)) = flags.iter_mut().find(|(n, ..)| n == name) {
            *set = true;
            let mut all = own.clone();
            all.push(" ");
            all.push(&value);
            value = all;
        }
        list.push((name.clone(), value));
    }
    for (name, mut all, set) in flags {
        if set {
            continue;
        }
        // The caller's own (`--env KCFLAGS=…`) stay.
        if let Some(at) = env.iter().position(|(n, _)| n == name) {
            let (_, value) = env.swap_remove(at);
            all.push(" ");
            all.push(value);
        }
        env.push((name.into(), all));
    }
    if build.missing_symvers == MissingSymvers::Warn && kernel.symvers().is_none() {
        list.push(("KBUILD_MODPOST_WARN".into(), "1".into()));
    }
    if !symvers.is_empty() {
        let copies: Vec<_> = symvers.iter().map(|(_, copy)| copy.as_os_str()).collect();
        list.push(("KBUILD_EXTRA_SYMBOLS".into(), copies.join(OsStr::new(" "))));
    }
    Ok(list)
}
