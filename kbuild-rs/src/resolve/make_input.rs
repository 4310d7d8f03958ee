//! The input of make: its command line, its environment, its extra files.
//!
//! Flags for a module tree go into `KCFLAGS`, `KAFLAGS` and `KRUSTFLAGS`. kbuild reads these
//! variables for flags from outside, on every version and in nested folders; a Makefile's
//! `ccflags-y` still comes last.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use super::fingerprint::STAMPS;
use super::placeholders::{is_working_folder, unexpanded};
use super::sources::Files;
use super::{Context, Inputs, Repositories, Target};
use crate::make::{Make, PathMap, Placeholders, Watch, check_value, firewall};
use crate::settings::{Config, MissingSymvers, Module};
use crate::syntax::response_file;
use crate::sys::sandbox::Sandbox;
use crate::{Error, Result};

/// An environment, or a part of it.
pub(super) type Env = Vec<(OsString, OsString)>;

/// The complete input of make.
#[derive(Debug)]
pub(crate) struct MakeInput {
    pub(crate) command: Make,
    pub(crate) watch: Watch,
    pub(crate) map: PathMap,
    /// Files to write before make starts. They are generated, and go to the private folder or the
    /// stage.
    pub(crate) files: Files,
    /// Whether kbuild's first phase may be remembered.
    pub(crate) shortcut: bool,
    /// The values of the placeholders in the caller's commands.
    pub(crate) placeholders: Placeholders,
    /// The caller's variables: for the command line, and for the environment.
    pub(crate) given: Vec<(String, OsString)>,
    #[cfg(feature = "ide")]
    pub(crate) given_env: Env,
}

/// The parts of a [`MakeInput`].
pub(super) struct Parts<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) variables: Vec<(String, OsString)>,
    pub(super) env: Env,
    pub(super) goals: Vec<String>,
    pub(super) files: Files,
    pub(super) map: PathMap,
    pub(super) placeholders: Placeholders,
    /// Lines for the makefile that every make reads first.
    pub(super) asked: Vec<u8>,
    pub(super) sandbox: Option<Sandbox>,
}

impl MakeInput {
    /// # Errors
    /// A value that make cannot handle.
    pub(super) fn of(parts: Parts<'_>) -> Result<MakeInput> {
        let Context {
            settings,
            kernel,
            site,
            ..
        } = parts.context;
        let mut env = parts.env;
        if parts.sandbox.is_some() {
            // A build signs nothing, and the PIN would be the Makefile's.
            env.retain(|(name, _)| name != "KBUILD_SIGN_PIN");
        }
        let watch = Watch::new(&site.folder, kernel.source_dir(), &parts.asked);
        env.push(("MAKEFILES".into(), watch.makefile.clone().into()));
        env.sort();
        let command = Make {
            kernel_dir: kernel.dir().to_owned(),
            module_dir: site.module_dir.clone(),
            variables: parts.variables,
            env,
            targets: parts.goals,
            sandbox: parts.sandbox,
        };
        // Refuses a value that make cannot handle before anything is written.
        command.args()?;
        Ok(MakeInput {
            command,
            watch,
            map: parts.map,
            files: parts.files,
            shortcut: settings.has_shortcut(),
            placeholders: parts.placeholders,
            given: settings.make_vars.clone(),
            #[cfg(feature = "ide")]
            given_env: settings.env.clone(),
        })
    }
}

/// Sets a variable, or replaces its value.
pub(super) fn set(env: &mut Env, name: OsString, value: OsString) {
    env.retain(|(known, _)| *known != name);
    env.push((name, value));
}

/// The flag file that `KCFLAGS` and `KAFLAGS` name. It has the folders of headers (`headers`),
/// [`prefix_maps`], and the header with configuration symbols, if there are any.
pub(super) fn map_files(
    context: &Context<'_>,
    headers: &[OsString],
    map: &PathMap,
) -> Result<Files> {
    let flags_dir = context.site.flags_dir();
    let mut args = headers.to_vec();
    args.extend(prefix_maps("-ffile-prefix-map=", map));
    let mut files = vec![(flags_dir.join("map"), response_file(&args))];
    let configs = &context.settings.configs;
    if !configs.is_empty() {
        files.push((flags_dir.join("config.h"), config_header(configs)?));
    }
    Ok(files)
}

/// Flags that turn stage paths into source paths in the output of a compiler: debug information,
/// messages, `__FILE__` and `file!()`.
pub(crate) fn prefix_maps(flag: &str, map: &PathMap) -> Vec<OsString> {
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
        // The paths that a compiler gets since 6.13, and those that it gets in plain make.
        if let Some((staged, by_hand)) = map.relative(stage, source) {
            add(staged.as_os_str(), &by_hand);
        }
    }
    args
}

/// A path without `=`, as near to `path` as possible. gcc splits a prefix map at its last `=`, so
/// such a path cannot be its second half, and the stage's path must not appear in its place.
fn without_equals(path: &Path) -> OsString {
    let bytes = path.as_os_str().as_bytes().iter();
    OsString::from_vec(bytes.map(|b| if *b == b'=' { b'_' } else { *b }).collect())
}

/// A header that overrides `autoconf.h`, which is included before it.
fn config_header(configs: &[(String, Config)]) -> Result<Vec<u8>> {
    let mut text = String::new();
    for (name, value) in configs {
        let name = config_name(name)?;
        text.push_str(&format!("#undef {name}\n#undef {name}_MODULE\n"));
        match value {
            Config::Module => text.push_str(&format!("#define {name}_MODULE 1\n")),
            Config::Builtin => text.push_str(&format!("#define {name} 1\n")),
            Config::Off => {}
        }
    }
    Ok(text.into_bytes())
}

fn config_name(name: &str) -> Result<String> {
    let bare = name.strip_prefix("CONFIG_").unwrap_or(name);
    if bare.is_empty() || !bare.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(Error::input(format!(
            "{name:?} is not the name of a configuration symbol (CONFIG_FOO or FOO)"
        )));
    }
    Ok(format!("CONFIG_{bare}"))
}

/// make's environment: the variables that pass the firewall, git's repositories, the caller's
/// variables.
pub(super) fn environment(context: &Context<'_>, repositories: &Repositories) -> Result<Env> {
    let settings = context.settings;
    let mut env = firewall(std::env::vars_os(), &context.site.module_dir);
    for (name, value) in &env {
        check_value(name, value, false)?;
    }
    env.extend(repositories.places.env());
    for name in STAMPS {
        settings.environment.user(name);
    }
    for (name, value) in &settings.env {
        if value.as_bytes().contains(&0) {
            return Err(Error::input(format!("the value of {name:?} holds a NUL")));
        }
        if !is_working_folder(name) {
            context.names.check_environment(name, value)?;
        }
        set(&mut env, name.clone(), value.clone());
    }
    Ok(env)
}

/// Variables for make, by the way in which make gets them.
pub(super) struct Variables {
    /// The variables of the command line.
    pub(super) line: Vec<(String, OsString)>,
    /// `KCFLAGS`, `KAFLAGS` and `KRUSTFLAGS` go to the environment, where a Makefile may still add to
    /// them, unless the user set them.
    pub(super) env: Env,
}

pub(super) fn variables(
    context: &Context<'_>,
    target: &Target,
    inputs: &Inputs,
    env: &Env,
) -> Result<Variables> {
    let Context {
        settings,
        kernel,
        names,
        ..
    } = context;
    let mut line: Vec<(String, OsString)> = vec![("ARCH".into(), kernel.arch().into())];
    let tools = target.tools.variables.iter();
    line.extend(tools.map(|(n, v)| (n.clone(), OsString::from(v))));
    for (name, value) in [("V", &settings.verbose), ("W", &settings.extra_warnings)] {
        if let Some(value) = value {
            names.check_variable(name, OsStr::new(value))?;
            line.push((name.into(), value.into()));
        }
    }
    add_configs(context, &mut line)?;
    let mut flags = flags(context, target);
    add_given(context, target, &mut flags, &mut line)?;
    if settings.missing_symvers == MissingSymvers::Warn && kernel.symvers().is_none() {
        line.push(("KBUILD_MODPOST_WARN".into(), "1".into()));
    }
    if !inputs.symvers.is_empty() {
        let copies: Vec<_> = inputs
            .symvers
            .iter()
            .map(|(_, copy)| copy.as_os_str())
            .collect();
        line.push(("KBUILD_EXTRA_SYMBOLS".into(), copies.join(OsStr::new(" "))));
    }
    let rest = flags.into_iter().map(|(name, mut words)| {
        // The caller's own values (`--env KCFLAGS=…`) stay.
        if let Some((_, own)) = env.iter().find(|(n, _)| n == name) {
            words.push(" ");
            words.push(own);
        }
        (OsString::from(name), words)
    });
    Ok(Variables {
        line,
        env: rest.collect(),
    })
}

fn add_configs(context: &Context<'_>, line: &mut Vec<(String, OsString)>) -> Result<()> {
    let Context {
        settings, kernel, ..
    } = context;
    for (name, value) in &settings.configs {
        let name = config_name(name)?;
        let value = match value {
            Config::Module => "m",
            Config::Builtin => "y",
            Config::Off => "",
        };
        if let Some(of_kernel) = kernel.config(&name).filter(|v| *v != value) {
            let text = format!(
                "the kernel was built with {name}={of_kernel}. Only this module sees {}",
                if value.is_empty() { "it off" } else { value }
            );
            settings.sink.warning("other-config-than-kernel", &text);
        }
        line.push((name, value.into()));
    }
    Ok(())
}

/// The variables that name our flag files, and the contents of these files.
type FlagVariables = Vec<(&'static str, OsString)>;

fn flags(context: &Context<'_>, target: &Target) -> FlagVariables {
    let settings = context.settings;
    let flags_dir = context.site.flags_dir();
    // A declared module's own flags are in its Kbuild.
    let of_tree = matches!(settings.module, Module::Tree(_));
    let file = |name: &str| {
        let mut word = OsString::from("@");
        word.push(flags_dir.join(name));
        word
    };
    let words = |map: &str, own: &str, is_empty: bool| {
        let mut words = file(map);
        if of_tree && !is_empty {
            words.push(" ");
            words.push(file(own));
        }
        words
    };
    let is_empty = settings.flags.is_empty();
    let mut flags = vec![
        ("KCFLAGS", words("map", "cc", is_empty)),
        ("KAFLAGS", words("map", "as", is_empty)),
    ];
    #[cfg(feature = "rust")]
    if target.rustc.is_some() {
        let words = words("map-rs", "rs", settings.flags.rust.is_empty());
        flags.push(("KRUSTFLAGS", words));
    }
    #[cfg(not(feature = "rust"))]
    let _ = (target, &mut flags);
    flags
}

/// Adds the caller's variables. The caller's flags follow ours.
fn add_given(
    context: &Context<'_>,
    target: &Target,
    flags: &mut FlagVariables,
    line: &mut Vec<(String, OsString)>,
) -> Result<()> {
    // Other code already turns these variables into the choice of tools and the symvers.
    const TAKEN: &[&str] = &[
        "ARCH",
        "CC",
        "CROSS_COMPILE",
        "LLVM",
        "KBUILD_EXTRA_SYMBOLS",
    ];
    let Context {
        settings, names, ..
    } = context;
    let of_rust = |name: &str| {
        let mut tools = target.tools.variables.iter();
        ["RUSTC", "BINDGEN"].contains(&name) && tools.any(|(known, _)| known == name)
    };
    let mut given: Vec<&str> = Vec::new();
    for (name, value) in &settings.make_vars {
        if TAKEN.contains(&&**name) || of_rust(name) {
            continue;
        }
        if !is_working_folder(OsStr::new(name)) {
            names.check_variable(name, value)?;
        }
        let unexpanded = unexpanded(name, value);
        unexpanded
            .iter()
            .for_each(|text| settings.sink.warning("unexpanded-value", text));
        let mut value = value.clone();
        if let Some((_, own)) = flags.iter().find(|(n, _)| n == name) {
            let mut all = own.clone();
            all.push(" ");
            all.push(&value);
            value = all;
            given.push(name);
        }
        line.push((name.clone(), value));
    }
    flags.retain(|(name, _)| !given.contains(name));
    Ok(())
}
