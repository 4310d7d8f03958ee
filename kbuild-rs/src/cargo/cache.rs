//! The folder in Cargo's target folder where build scripts keep finished modules. `cargo build` and
//! `cargo clippy` run a script once each, with an `OUT_DIR` of its own, and so does each profile and
//! target.
//!
//! # Decisions
//!
//! - The cache is for all profiles and targets, because a module depends on none of them. Cargo names
//!   no target folder, so its own files there tell which folder it is. Cargo may write what it remembers
//!   about rustc after the scripts of the first build, and it writes no tag into a folder that was there.

use std::path::{Path, PathBuf};

use crate::settings::Environment;
use crate::sys::regular;

/// The folder's name. `cargo clean` removes it.
const NAME: &str = "kbuild-rs-cache";

/// What Cargo remembers about its rustc, in the target folder.
const OF_CARGO: &str = ".rustc_info.json";

/// Cargo's tag, which it writes with the target folder, and words in it. A folder below for another
/// target has one too.
const TAG: (&str, &str) = ("CACHEDIR.TAG", "created by cargo");

/// The cache folder of a build script under Cargo.
pub(crate) fn cache_folder(environment: &Environment) -> Option<PathBuf> {
    let out = PathBuf::from(environment.of_cargo("OUT_DIR")?);
    let out = std::fs::canonicalize(out).ok()?;
    Some(target_folder(&out)?.join(NAME))
}

/// The target folder, or the folder of the profile if Cargo's file is in none above it.
fn target_folder(out: &Path) -> Option<&Path> {
    let profile = profile_folder(out)?;
    // Above `debug`, or above `x86_64-unknown-linux-gnu/debug`.
    let above = profile.ancestors().skip(1).take(2);
    let target = above.filter(|folder| is_cargos(folder)).last();
    Some(target.unwrap_or(profile))
}

fn is_cargos(folder: &Path) -> bool {
    let (tag, words) = TAG;
    let has_tag =
        || regular::read_to_string(folder.join(tag)).is_ok_and(|text| text.contains(words));
    folder.join(OF_CARGO).is_file() || has_tag()
}

/// `target/debug` of `target/debug/build/package-0123456789abcdef/out`.
fn profile_folder(out: &Path) -> Option<&Path> {
    let unit = out.parent().filter(|_| out.ends_with("out"))?;
    let (_, hash) = unit.file_name()?.to_str()?.rsplit_once('-')?;
    let is_hash = hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit());
    let build = unit.parent().filter(|build| build.ends_with("build"))?;
    build.parent().filter(|_| is_hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_out_dir_of_cargos_leads_to_the_folder_of_its_profile() {
        let of = |out: &str| profile_folder(Path::new(out)).map(Path::to_owned);
        let cargos = "/t/debug/build/my-pkg-0123456789abcdef/out";
        assert_eq!(of(cargos), Some("/t/debug".into()));
        for other in [
            "/t/debug/build/my-pkg-0123/out",
            "/t/debug/my-pkg-0123456789abcdef/out",
            "/t/debug/build/my-pkg-0123456789abcdef",
            "/out",
            "/",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn all_profiles_and_targets_lead_to_the_folder_with_the_file_of_cargos() {
        let scratch = tempfile::tempdir().unwrap();
        let target = scratch.path().join("target");
        let outs = ["debug", "x86_64-unknown-linux-gnu/release"]
            .map(|profile| target.join(profile).join("build/a-0123456789abcdef/out"));
        std::fs::create_dir_all(&target).unwrap();
        let [debug, release] = [
            target.join("debug"),
            target.join("x86_64-unknown-linux-gnu/release"),
        ];
        assert_eq!(target_folder(&outs[0]), Some(&*debug));
        assert_eq!(target_folder(&outs[1]), Some(&*release));
        std::fs::write(target.join(OF_CARGO), "{}").unwrap();
        for out in &outs {
            assert_eq!(target_folder(out), Some(&*target));
        }
        // In its first build, Cargo has only written its tags.
        std::fs::rename(target.join(OF_CARGO), scratch.path().join("x")).unwrap();
        std::fs::create_dir_all(&outs[1]).unwrap();
        for folder in [&target, release.parent().unwrap()] {
            std::fs::write(folder.join(TAG.0), "# a tag created by cargo.\n").unwrap();
        }
        for out in &outs {
            assert_eq!(target_folder(out), Some(&*target));
        }
        for folder in [&target, release.parent().unwrap()] {
            std::fs::remove_file(folder.join(TAG.0)).unwrap();
        }
        std::fs::rename(scratch.path().join("x"), target.join(OF_CARGO)).unwrap();
        // A file further up is another project's.
        std::fs::rename(target.join(OF_CARGO), scratch.path().join(OF_CARGO)).unwrap();
        assert_eq!(target_folder(&outs[1]), Some(&*release));
    }
}
