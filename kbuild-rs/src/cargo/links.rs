//! Connects crates whose kernel modules use each other's symbols, through Cargo's `links` metadata.
//!
//! A package with `links = "foo"` gives its dependents `DEP_FOO_SYMVERS` and `DEP_FOO_INCLUDE`,
//! which are lists in the form of `PATH`. Cargo only hands metadata to direct dependents, so each
//! crate passes on what it received. The symvers of one kernel are useless for another. So a build
//! for several kernels passes them on as `DEP_FOO_SYMVERS_<RELEASE>`.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Mutex;

use super::directive;
use crate::settings::{Environment, Provided, Report};

/// The data that dependencies of this build script's package provide for `release`.
pub(crate) fn received(environment: &Environment, release: &str) -> Provided {
    if !environment.is_build_script {
        return Provided::default();
    }
    among(std::env::vars_os(), release)
}

fn among(vars: impl IntoIterator<Item = (OsString, OsString)>, release: &str) -> Provided {
    let mut vars: Vec<(String, OsString)> = vars
        .into_iter()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .filter(|(name, _)| name.starts_with("DEP_"))
        .collect();
    vars.sort();
    let get = |wanted: &str| vars.iter().find(|(n, _)| n == wanted).map(|(_, v)| v);
    let mut provided = Provided::default();
    let of_release = format!("_SYMVERS_{}", word(release));
    for (name, value) in &vars {
        // A C library may have a DEP_Z_INCLUDE too. A crate with a kernel module also provides
        // symvers.
        let Some(links) = name
            .strip_suffix("_SYMVERS")
            .or_else(|| name.strip_suffix(&of_release))
        else {
            continue;
        };
        let own_release = format!("{links}{of_release}");
        if *name != own_release && get(&own_release).is_some() {
            continue;
        }
        extend(&mut provided.symvers, std::env::split_paths(value));
        let includes = get(&format!("{links}_INCLUDE"));
        let includes = includes.into_iter().flat_map(std::env::split_paths);
        extend(&mut provided.includes, includes);
    }
    provided
}

/// The data that this build script has passed on so far. Cargo keeps the last value of a key, and a
/// script may build several modules.
static TOLD: Mutex<Vec<(Option<String>, Provided)>> = Mutex::new(Vec::new());

/// Passes on to dependents the products of this build, and what this script received itself.
/// `release` is set if the script builds for several kernels.
pub(crate) fn pass_on(environment: &Environment, release: Option<&str>, report: &Report) {
    // Dependents cannot use placeholders.
    let is_built = report.kernel().is_some();
    if !is_built || environment.of_cargo("CARGO_MANIFEST_LINKS").is_none() {
        return;
    }
    let mut told = TOLD.lock().unwrap_or_else(|p| p.into_inner());
    let release = release.map(str::to_owned);
    let at = told
        .iter()
        .position(|(r, _)| *r == release)
        .unwrap_or_else(|| {
            told.push((release.clone(), Provided::default()));
            told.len() - 1
        });
    let all = &mut told[at].1;
    extend(&mut all.symvers, report.provided.symvers.iter().cloned());
    extend(&mut all.includes, report.provided.includes.iter().cloned());
    let key = match &release {
        Some(release) => format!("symvers_{}", word(release).to_lowercase()),
        None => "symvers".to_owned(),
    };
    tell(&key, &all.symvers);
    tell("include", &all.includes);
}

fn tell(key: &str, paths: &[PathBuf]) {
    // A path with a `:` cannot be in such a list, as it cannot be in PATH.
    let paths = paths
        .iter()
        .filter(|p| !p.as_os_str().as_bytes().contains(&b':'));
    if let Ok(list) = std::env::join_paths(paths) {
        directive(key, list.as_bytes());
    }
}

fn extend(list: &mut Vec<PathBuf>, more: impl Iterator<Item = PathBuf>) {
    for path in more {
        if !path.as_os_str().is_empty() && !list.contains(&path) {
            list.push(path);
        }
    }
}

/// A release as a part of a variable's name.
fn word(release: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_uppercase()
        } else {
            '_'
        }
    };
    release.chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_crates_that_provide_symvers_are_listened_to() {
        let vars = [
            ("DEP_Z_INCLUDE", "/usr/include/z"),
            ("DEP_RING_SYMVERS", "/a/ring.symvers:/b/base.symvers"),
            ("DEP_RING_INCLUDE", "/a/include"),
            ("DEP_OTHER_SYMVERS", "/b/base.symvers"),
            ("SYMVERS", "/evil"),
        ];
        let provided = among(vars.map(|(n, v)| (n.into(), v.into())), "6.1.0");
        assert_eq!(
            provided,
            Provided {
                symvers: vec!["/b/base.symvers".into(), "/a/ring.symvers".into()],
                includes: vec!["/a/include".into()],
            }
        );
    }

    #[test]
    fn the_symvers_of_the_kernel_that_is_built_for_are_taken() {
        let vars = [
            ("DEP_RING_SYMVERS_6_1_0_56_AMD64", "/61/ring.symvers"),
            ("DEP_RING_SYMVERS_6_12_117_DEB12", "/612/ring.symvers"),
            ("DEP_RING_INCLUDE", "/i"),
        ];
        let vars = || vars.map(|(n, v)| (n.into(), v.into()));
        let of = |release| among(vars(), release).symvers;
        assert_eq!(of("6.1.0-56-amd64"), [PathBuf::from("/61/ring.symvers")]);
        assert_eq!(of("6.12.117+deb12"), [PathBuf::from("/612/ring.symvers")]);
        assert!(of("5.10").is_empty());
    }
}
