//! The environment firewall: the variables that make and its children may see.
//!
//! An allow-list, because a deny-list cannot be complete. Cargo exports `DEBUG`, `TARGET`, `HOST`
//! and more, and `DEBUG=false` changes a module whose Makefile says `ifdef DEBUG`. If
//! `sub_make_done=1` leaks in, a 7.2 kernel's make deletes that kernel's own generated headers.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::placeholders::instead;
use crate::error::names::MAKE_VAR;
use crate::{Error, Result};

const ALLOWED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "TMPDIR",
    "TERM",
    "TZ",
    "LANG",
    "SOURCE_DATE_EPOCH",
    "KBUILD_SIGN_PIN",
];

const ALLOWED_PREFIXES: &[&str] = &[
    "LC_",
    "CCACHE_",
    "SCCACHE_",
    "DISTCC_",
    "ICECC_",
    "KBUILD_BUILD_",
    "GIT_SSH",
];

/// Refuses a value that make would run. make turns each variable of the environment into one of its
/// own and expands its value; it does not expand values on its command line. Variables that no
/// makefile reads and that may hold another program's language (`GIT_SSH_COMMAND`) are not checked.
pub(crate) fn check_value(name: &OsStr, value: &OsStr, from_user: bool) -> Result<()> {
    let text = name.to_string_lossy();
    let named = || {
        (ALLOWED.contains(&&*text) && text != "KBUILD_SIGN_PIN")
            || text.starts_with("KBUILD_BUILD_")
    };
    let expands = value
        .as_bytes()
        .windows(2)
        .any(|pair| pair == b"$(" || pair == b"${");
    if !expands || !(from_user || named()) {
        return Ok(());
    }
    let advice = match (from_user, instead(value)) {
        (true, Some(placeholder)) => format!("write {placeholder}"),
        (true, None) => {
            format!("give it as a make variable ({MAKE_VAR}), which reaches make unchanged")
        }
        (false, _) => "set it to something else for this build".to_owned(),
    };
    Err(Error::input(format!(
        "make would expand the value of the environment variable {text}, {value:?}: {advice}"
    )))
}

/// Makes the environment for make from `outer`: sorted, without Cargo's variables.
pub(crate) fn firewall(
    outer: impl IntoIterator<Item = (OsString, OsString)>,
    module_dir: &Path,
) -> Vec<(OsString, OsString)> {
    let outer: Vec<_> = outer.into_iter().collect();
    let get = |wanted: &str| outer.iter().find(|(n, _)| n == wanted).map(|(_, v)| v);
    let mut env: Vec<(OsString, OsString)> = outer
        .iter()
        .filter(|(name, _)| is_allowed(name))
        .cloned()
        .collect();
    // Programs and people search messages for English words, so messages are English. The rest of
    // the locale stays. LC_ALL would win over LC_MESSAGES, so LANG takes its value for all others.
    if let Some(all) = get("LC_ALL").filter(|v| !v.is_empty()) {
        env.retain(|(n, _)| n != "LANG" && !n.as_bytes().starts_with(b"LC_"));
        env.push(("LANG".into(), all.clone()));
    }
    env.retain(|(n, _)| n != "LC_MESSAGES" && n != "LC_ALL");
    env.push(("LC_MESSAGES".into(), "C".into()));
    if let Some(path) = get("LD_LIBRARY_PATH") {
        let target = get("TARGET").map(OsString::as_os_str);
        let path = without_cargo(path, get("OUT_DIR").map(Path::new), target);
        if !path.is_empty() {
            env.push(("LD_LIBRARY_PATH".into(), path));
        }
    }
    // Some Makefiles use $(PWD). make takes it from the environment.
    env.push(("PWD".into(), module_dir.as_os_str().to_owned()));
    env.sort();
    env
}

fn is_allowed(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| {
        ALLOWED.contains(&name) || ALLOWED_PREFIXES.iter().any(|p| name.starts_with(p))
    })
}

/// Removes Cargo's own library folders. Cargo runs build scripts with them in front:
/// `target/<profile>`, its `deps` and `build`, and the toolchain's `lib`. SDK toolchains need the
/// rest.
fn without_cargo(path: &OsStr, out_dir: Option<&Path>, target: Option<&OsStr>) -> OsString {
    // OUT_DIR is target/<profile>/build/<package>/out. With --target it is
    // target/<triple>/<profile>/…, but build scripts stay in target/<profile>.
    let own = out_dir.and_then(|out| out.ancestors().nth(3));
    let host = own.and_then(|own| {
        let triple = own.parent()?;
        let is_triple = triple.file_name().is_some() && triple.file_name() == target;
        is_triple.then(|| Some(triple.parent()?.join(own.file_name()?)))?
    });
    let profiles = [own.map(Path::to_owned), host];
    let kept = std::env::split_paths(path).filter(|dir| {
        let of_target = profiles.iter().flatten().any(|profile| {
            dir == profile
                || dir.starts_with(profile.join("deps"))
                || dir.starts_with(profile.join("build"))
        });
        let of_rustc = dir.ends_with("lib")
            && dir.parent().is_some_and(|sysroot| {
                sysroot.join("lib/rustlib").is_dir() && sysroot.join("bin/rustc").is_file()
            })
            || dir
                .as_os_str()
                .as_bytes()
                .windows(9)
                .any(|w| w == b"/rustlib/");
        !dir.as_os_str().is_empty() && !of_target && !of_rustc
    });
    std::env::join_paths(kept.collect::<Vec<PathBuf>>()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(vars: &[(&str, &str)]) -> Vec<(String, String)> {
        let outer = vars.iter().map(|(n, v)| (n.into(), v.into()));
        let text = |s: OsString| s.into_string().unwrap();
        let env = firewall(outer, Path::new("/stage"));
        env.into_iter().map(|(n, v)| (text(n), text(v))).collect()
    }

    #[test]
    fn only_the_allow_list_passes() {
        let env = through(&[
            ("PATH", "/bin"),
            ("DEBUG", "false"),
            ("TARGET", "x"),
            ("M", "/evil"),
            ("O", "/evil"),
            ("ARCH", "amd64"),
            ("sub_make_done", "1"),
            ("MAKEFLAGS", "-j4 -- V=1"),
            ("KBUILD_OUTPUT", "/evil"),
            ("KBUILD_BUILD_TIMESTAMP", "1"),
            ("CARGO_MAKEFLAGS", "-j"),
            ("CCACHE_DIR", "/c"),
            ("LANGUAGE", "de"),
            ("LIBCLANG_PATH", "/l"),
            ("PWD", "/elsewhere"),
        ]);
        let names: Vec<_> = env.iter().map(|(n, _)| n.as_str()).collect();
        assert_eq!(
            names,
            [
                "CCACHE_DIR",
                "KBUILD_BUILD_TIMESTAMP",
                "LC_MESSAGES",
                "PATH",
                "PWD"
            ]
        );
        assert!(env.contains(&("PWD".into(), "/stage".into())));
    }

    #[test]
    fn a_value_that_make_would_run_is_refused() {
        let check = |name: &str, value: &str, from_user| {
            check_value(OsStr::new(name), OsStr::new(value), from_user)
        };
        assert!(check("X", "$(shell x)", true).is_err());
        assert!(check("X", "a${b}", true).is_err());
        assert!(check("X", "a$b (c) $", true).is_ok());
        assert!(check("HOME", "/h/$(shell x)", false).is_err());
        assert!(check("KBUILD_BUILD_USER", "$(shell x)", false).is_err());
        assert!(check("HOME", "/h/host$", false).is_ok());
        assert!(check("GIT_SSH_COMMAND", "ssh -i ${HOME}/key", false).is_ok());
        assert!(check("KBUILD_SIGN_PIN", "$(x)", false).is_ok());
    }

    #[test]
    fn messages_are_in_english_and_the_rest_of_the_locale_stays() {
        let locale = |outer: &[(&str, &str)]| {
            let mut env = through(outer);
            env.retain(|(n, _)| n != "PWD");
            env
        };
        let all = locale(&[
            ("LANG", "C.UTF-8"),
            ("LC_ALL", "de_DE.UTF-8"),
            ("LC_CTYPE", "C"),
            ("LC_TIME", "fr"),
        ]);
        let wanted = [("LANG", "de_DE.UTF-8"), ("LC_MESSAGES", "C")];
        assert_eq!(all, wanted.map(|(n, v)| (n.into(), v.into())));
        let each = locale(&[("LANG", "de"), ("LC_ALL", ""), ("LC_TIME", "fr")]);
        let wanted = [("LANG", "de"), ("LC_MESSAGES", "C"), ("LC_TIME", "fr")];
        assert_eq!(each, wanted.map(|(n, v)| (n.into(), v.into())));
    }

    #[test]
    fn the_library_path_loses_cargos_folders_and_keeps_the_sdks() {
        let env = through(&[
            ("OUT_DIR", "/p/target/debug/build/x-1/out"),
            (
                "LD_LIBRARY_PATH",
                "/p/target/debug/deps:/p/target/debug:/opt/sdk/lib:/t/lib/rustlib/x/lib:/p/target/debug/build/y/out",
            ),
        ]);
        assert!(env.contains(&("LD_LIBRARY_PATH".into(), "/opt/sdk/lib".into())));
        let cross = through(&[
            ("TARGET", "x-y-z"),
            ("OUT_DIR", "/p/target/x-y-z/debug/build/x-1/out"),
            (
                "LD_LIBRARY_PATH",
                "/p/target/debug/deps:/p/target/debug:/p/sdk:/p/target/x-y-z/debug/build/y/out",
            ),
        ]);
        assert!(cross.contains(&("LD_LIBRARY_PATH".into(), "/p/sdk".into())));
    }
}
