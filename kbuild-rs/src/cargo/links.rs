//! Crates with kernel modules that use each other's symbols: what travels through Cargo's
//! `links` metadata.
//!
//! A package with `links = "foo"` gives its dependents `DEP_FOO_SYMVERS` and `DEP_FOO_INCLUDE`,
//! lists in the form of `PATH`. Cargo hands metadata to direct dependents only, so each crate
//! passes on what it received. What was built for one kernel is of no use to another: the
//! symvers of a build for several kernels travel as `DEP_FOO_SYMVERS_<RELEASE>`.

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
        // DEP_Z_INCLUDE alone is a C library's: only who provides symvers is one of ours.
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

/// What this build script has told so far: Cargo keeps the last value of a key, and a script may
/// build several modules.
static TOLD: Mutex<Vec<(Option<String>, Provided)>> = Mutex::new(Vec::new());

/// Tells Cargo what dependents get: the products of this build, and what it received itself.
/// `release` is given where the script builds for several kernels.
pub(crate) fn pass_on(environment: &Environment, release: Option<&str>, report: &Report) {
    // Placeholders are of no use to anybody.
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
    // A path with a `:` cannot be in such a list; nor could PATH hold it.
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
