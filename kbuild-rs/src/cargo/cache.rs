//! The folder in Cargo's target folder where build scripts keep finished modules. `cargo build`, `cargo
//! check` and `cargo clippy` run a script once each, with an `OUT_DIR` of its own.

use std::path::{Path, PathBuf};

use crate::settings::Environment;

/// The folder's name, in the folder of the profile. `cargo clean` removes it.
const NAME: &str = "kbuild-rs-cache";

/// The cache folder of a build script under Cargo.
pub(crate) fn cache_folder(environment: &Environment) -> Option<PathBuf> {
    let out = PathBuf::from(environment.of_cargo("OUT_DIR")?);
    let out = std::fs::canonicalize(out).ok()?;
    Some(profile_folder(&out)?.join(NAME))
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
}
