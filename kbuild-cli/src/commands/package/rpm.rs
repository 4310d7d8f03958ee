//! RPM packages, by `rpmbuild`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::plan::{FOLDER, Package};
use super::staging::{Staging, modules};
use super::tool;
use crate::ui::failure::Failure;

const PREFIX: &str = "lib/modules";

pub(super) fn file_name(package: &Package<'_>) -> String {
    let (version, revision) = version(package);
    format!(
        "{}-{version}-{revision}.{}.rpm",
        package.name, package.arch.rpm
    )
}

/// The version, and the revision of the package.
fn version<'a>(package: &'a Package<'_>) -> (&'a str, &'a str) {
    package
        .version
        .split_once('-')
        .unwrap_or((&package.version, "1"))
}

pub(super) fn pack(package: &Package<'_>, part: &Path) -> Result<(), Failure> {
    let staging = Staging::new()?;
    staging.add_modules(package, PREFIX)?;
    let folder = staging.path();
    let spec = folder.join("package.spec");
    let text = spec_text(package, &staging.root());
    fs::write(&spec, text).map_err(|e| Failure::file("write", &spec, &e))?;
    let built = folder.join("built");
    let mut command = Command::new("rpmbuild");
    command
        .args(["-bb", "--quiet", "--nodeps", "--target", package.arch.rpm])
        .arg("--define")
        .arg(format!("_topdir {}", folder.join("work").display()))
        .arg("--define")
        .arg(format!("_rpmdir {}", built.display()))
        .arg("--define")
        .arg(format!("_tmppath {}", folder.display()))
        .env("TMPDIR", folder)
        .arg(&spec)
        .env("SOURCE_DATE_EPOCH", package.date.to_string());
    let name = file_name(package);
    tool::run(&mut command, &name, "rpm")?;
    let made: PathBuf = built.join(&name);
    fs::copy(&made, part).map_err(|e| Failure::file("write", part, &e))?;
    Ok(())
}

/// rpmbuild must not change the modules: no scripts that strip or compress, no build ids.
const MACROS: &str = "\
%global debug_package %{nil}
%global __os_install_post %{nil}
%global __arch_install_post %{nil}
%global _build_id_links none
%global _build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm
%global _buildhost localhost
%global use_source_date_epoch_as_buildtime 1
%global clamp_mtime_to_source_date_epoch 1
";

fn spec_text(package: &Package<'_>, root: &Path) -> String {
    let release = package.release;
    let (version, revision) = version(package);
    let mut needs = vec![
        format!("Requires: {}", kernel(release)),
        "Requires(post): kmod".to_owned(),
        "Requires(postun): kmod".to_owned(),
    ];
    let others = package.depends.iter();
    needs.extend(others.map(|other| format!("Requires: {other} = {version}-{revision}")));
    let files: Vec<String> = modules(package, PREFIX)
        .iter()
        .map(|(path, _)| format!("%attr(0644,root,root) /{path}"))
        .collect();
    let description = escaped(&package.description);
    let body = body(&package.description);
    format!(
        "{MACROS}\
         Name: {}\nVersion: {version}\nRelease: {revision}\nSummary: {description}\n\
         License: {}\nPackager: {}\nAutoReqProv: no\n{}\n\n\
         %description\n{body}\n\n\
         %install\ncp -a '{}/.' %{{buildroot}}/\n\n\
         %post\ndepmod {release}\n\n\
         %postun\nif [ -e /lib/modules/{release}/modules.dep ]; then\n    depmod {release}\nfi\n\n\
         %files\n%dir /{PREFIX}/{release}/{FOLDER}\n{}\n",
        package.name,
        escaped(&package.license),
        escaped(&package.maintainer),
        needs.join("\n"),
        escaped(&root.to_string_lossy()),
        files.join("\n")
    )
}

/// The kernel, as distributions' packages provide it. rpm takes at most one dash in a version; then
/// the name is that of packages by the kernel's own `make rpm-pkg`.
fn kernel(release: &str) -> String {
    match release.matches('-').count() {
        0 | 1 => format!("kernel-uname-r = {release}"),
        _ => format!("kernel-{release}"),
    }
}

/// A text in which rpm finds no macro.
fn escaped(text: &str) -> String {
    text.replace('%', "%%")
}

/// The text of `%description`. rpm looks for its directives at the start of a line after it has
/// replaced `%%`, so no text may begin with one.
fn body(description: &str) -> String {
    let text = escaped(description);
    match description.trim_start().starts_with(['%', '#']) {
        true => format!("Description: {text}"),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_is_no_directive_of_a_spec_file() {
        for text in ["%include /etc/passwd", " %post -p /bin/sh", "# note"] {
            let body = body(text);
            assert!(body.starts_with("Description: "), "{body}");
        }
        assert_eq!(body("100% of it"), "100%% of it");
    }
}
