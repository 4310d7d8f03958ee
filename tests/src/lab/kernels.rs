//! The kernels of the lab, and how the lab makes a folder of one that builds modules and boots.

use std::fs;
use std::path::{Path, PathBuf};

use super::apt::Apt;
use super::distribution::{Distribution, Family};
use super::image;
use super::kernel::LAYOUT;
use crate::Result;

/// The stock kernels that a Debian 12 machine can build for without other tools, oldest first.
pub const KERNELS: &[&str] = &["5.10", "6.1", "6.12"];

/// Debian 13's newest stock kernel, which needs Debian 13's tools.
pub(super) const DEBIAN13: &str = "7.2";

/// The number of releases of one series to try, because the index may name files that the pool has
/// lost.
const TRIES: usize = 4;

/// A series of kernels in Debian.
struct Series {
    name: &'static str,
    /// The release that contains it.
    codename: &'static str,
    /// The release whose module sources support it.
    sources: &'static str,
    /// The text before the number that grows with each update.
    before: &'static str,
    after: &'static str,
    /// Replaces `before` if the index has no such name any more.
    then: Option<&'static str>,
}

const SERIES: &[Series] = &[
    Series {
        name: "5.10",
        codename: "bullseye",
        sources: "bookworm",
        before: "5.10.0-",
        after: "-amd64",
        then: None,
    },
    Series {
        name: "6.1",
        codename: "bookworm",
        sources: "bookworm",
        before: "6.1.0-",
        after: "-amd64",
        then: None,
    },
    Series {
        name: "6.12",
        codename: "bookworm",
        sources: "trixie",
        before: "6.12.",
        after: "+deb12-amd64",
        then: None,
    },
    // Backports have one or two series at a time.
    Series {
        name: DEBIAN13,
        codename: "trixie-backports",
        sources: "trixie",
        before: "7.2.",
        after: "+deb13-amd64",
        then: Some("7."),
    },
];

/// The Debian release whose module sources support the kernel `name`; `None` if it is not one of
/// Debian's kernels.
pub(super) fn sources_for(name: &str) -> Option<&'static str> {
    let series = SERIES.iter().find(|series| series.name == name);
    series.map(|series| series.sources)
}

/// Fills `draft`, which is then moved to `place`, with the newest available kernel of `name`.
pub(super) fn prepare(name: &str, draft: &Path, place: &Path) -> Result<()> {
    if std::env::consts::ARCH != "x86_64" {
        return Err("the lab's kernels are x86-64 and are built against on such a machine".into());
    }
    let here = Distribution::here()?;
    let series = SERIES.iter().find(|series| series.name == name);
    let (apt, releases) = match (here.family, series) {
        (Family::Debian, Some(series)) => {
            let apt = super::apt(&here, series.codename)?;
            let releases = series.releases(&apt.names("linux-")?);
            (apt, releases)
        }
        _ => {
            let apt = super::apt(&here, &here.codename)?;
            let releases = generic(&apt.dependencies("linux-headers-generic")?);
            (apt, releases)
        }
    };
    let Some(first) = releases.first() else {
        return Err(apt.explain("the index names no headers with their image"));
    };
    let mut problems = Vec::new();
    for release in releases.iter().take(TRIES) {
        match fetch(&apt, release, draft) {
            Ok(debs) => return assemble(&debs, release, draft, place),
            Err(problem) => problems.push(problem),
        }
    }
    Err(format!(
        "neither {first} nor an older one:\n{}",
        problems.join("\n")
    ))
}

impl Series {
    /// The releases of this series whose headers and image are both in the index, newest first.
    fn releases(&self, names: &str) -> Vec<String> {
        let of = |before: &str| releases(names, before, self.after);
        let releases = of(self.before);
        match self.then {
            Some(before) if releases.is_empty() => of(before),
            _ => releases,
        }
    }
}

fn releases(names: &str, before: &str, after: &str) -> Vec<String> {
    let has = |wanted: &str| names.lines().any(|name| name == wanted);
    let number = |name: &str| -> Option<Vec<u32>> {
        let rest = name.strip_prefix("linux-headers-")?.strip_prefix(before)?;
        let number = rest.strip_suffix(after)?;
        number.split('.').map(|part| part.parse().ok()).collect()
    };
    let mut numbers: Vec<Vec<u32>> = names.lines().filter_map(number).collect();
    numbers.sort_unstable_by(|a, b| b.cmp(a));
    numbers
        .iter()
        .map(|number| {
            let number: Vec<String> = number.iter().map(u32::to_string).collect();
            format!("{before}{}{after}", number.join("."))
        })
        .filter(|release| has(&format!("linux-image-{release}")))
        .collect()
}

/// The release of Ubuntu's `linux-headers-generic`.
fn generic(dependencies: &[String]) -> Vec<String> {
    let release = |name: &String| Some(name.strip_prefix("linux-headers-")?.to_owned());
    dependencies.iter().filter_map(release).collect()
}

/// The packages of one release: headers first, then the image and its modules.
struct Debs {
    headers: Vec<PathBuf>,
    image: Vec<PathBuf>,
}

fn fetch(apt: &Apt, release: &str, draft: &Path) -> Result<Debs> {
    let headers = format!("linux-headers-{release}");
    let mut packages = vec![headers.clone()];
    packages.extend(
        apt.dependencies(&headers)?
            .into_iter()
            .filter(|name| is_headers(name)),
    );
    let split = packages.len();
    packages.extend(image_packages(apt, release)?);
    let folder = draft.join("debs");
    fs::create_dir_all(&folder).map_err(|error| format!("cannot make {folder:?}: {error}"))?;
    let mut headers = apt.download(&packages, &folder)?;
    let image = headers.split_off(split);
    Ok(Debs { headers, image })
}

/// The packages of an image. Ubuntu's images have no modules, and Debian's since 7.2 come in parts.
fn image_packages(apt: &Apt, release: &str) -> Result<Vec<String>> {
    let mut packages = vec![format!("linux-image-{release}")];
    for part in ["base", "binary", "modules", "modules-extra"] {
        let name = format!("linux-{part}-{release}");
        if apt.names(&name)?.lines().any(|known| known == name) {
            packages.push(name);
        }
    }
    Ok(packages)
}

/// Downloads the image of a release of the kernel `name` into the folder `into`.
pub(super) fn download_image(name: &str, release: &str, into: &Path) -> Result<Vec<PathBuf>> {
    let here = Distribution::here()?;
    let series = SERIES.iter().find(|series| series.name == name);
    let codename = series.map_or(&*here.codename, |series| series.codename);
    let apt = super::apt(&here, codename)?;
    apt.download(&image_packages(&apt, release)?, into)
}

/// Whether a dependency of headers is a part of them: the shared half, or kbuild's own tools.
fn is_headers(package: &str) -> bool {
    package.starts_with("linux-kbuild-")
        || (package.starts_with("linux-") && package.contains("headers-"))
}

fn assemble(debs: &Debs, release: &str, draft: &Path, place: &Path) -> Result<()> {
    let fail = |error: std::io::Error| format!("cannot prepare {}: {error}", draft.display());
    for deb in &debs.headers {
        super::unpack(deb, draft)?;
    }
    image::extract(&debs.image, release, draft)?;
    // Links between the packages, if the headers contain them. They are made below for all kernels.
    super::clear(&draft.join("usr/lib/modules"))?;
    let [vmlinuz, config, vmlinux] = ["vmlinuz", "config", "vmlinux"]
        .map(|name| draft.join("boot").join(format!("{name}-{release}")));
    kbuild_vm::decompress(&vmlinuz, &config, &vmlinux)?;
    super::clear(&draft.join("debs"))?;
    super::clear(&draft.join("usr/share"))?;

    let own = format!("linux-headers-{release}");
    let common = common(&draft.join("usr/src"), &own)?;
    // The only absolute path in the headers. If the file is a link, it is relative.
    let makefile = draft.join("usr/src").join(&own).join("Makefile");
    if !makefile.is_symlink() {
        let text = fs::read_to_string(&makefile).map_err(fail)?;
        let moved = format!("{}/usr/src/", place.display());
        fs::write(&makefile, text.replace("/usr/src/", &moved)).map_err(fail)?;
    }
    // The layout is that of a distribution, but inside the prefix.
    let modules = draft.join("lib/modules").join(release);
    for (name, target) in [("build", &own), ("source", &common)] {
        let link = modules.join(name);
        if link.is_symlink() {
            fs::remove_file(&link).map_err(fail)?;
        }
        std::os::unix::fs::symlink(format!("../../../usr/src/{target}"), link).map_err(fail)?;
    }
    let state = format!("{LAYOUT}\n{}\n{release}\n{common}\n", place.display());
    fs::write(draft.join("lab"), state).map_err(fail)
}

/// The folder of the headers that all flavours share.
fn common(src: &Path, own: &str) -> Result<String> {
    let entries = fs::read_dir(src).map_err(|error| format!("{}: {error}", src.display()))?;
    let mut names: Vec<String> = entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.contains("headers") && name != own)
        .collect();
    match (names.pop(), names.is_empty()) {
        (Some(name), true) => Ok(name),
        _ => Err(format!(
            "{} does not hold one folder of shared headers",
            src.display()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = "\
linux-headers-6.1.0-9-amd64
linux-headers-6.1.0-56-amd64
linux-headers-6.1.0-56-cloud-amd64
linux-headers-6.1.0-56-rt-amd64
linux-headers-6.1.0-56-common
linux-headers-6.1.0-0.deb11.52-amd64
linux-headers-6.1.0-57-amd64
linux-headers-6.12.117+deb12-amd64
linux-headers-amd64
linux-image-6.1.0-9-amd64
linux-image-6.1.0-56-amd64
linux-image-6.1.0-57-amd64-unsigned
linux-image-6.12.117+deb12-amd64
linux-headers-7.3.4+deb13-amd64
linux-image-7.3.4+deb13-amd64
linux-headers-7.12.1+deb13-amd64
linux-image-7.12.1+deb13-amd64
";

    #[test]
    fn the_newest_release_with_headers_and_image_comes_first() {
        let [_, six_one, six_twelve, seven] = SERIES else {
            unreachable!()
        };
        assert_eq!(six_one.releases(INDEX), ["6.1.0-56-amd64", "6.1.0-9-amd64"]);
        assert_eq!(six_twelve.releases(INDEX), ["6.12.117+deb12-amd64"]);
        let later = ["7.12.1+deb13-amd64", "7.3.4+deb13-amd64"];
        assert_eq!(seven.releases(INDEX), later);
        let both = INDEX.replace("7.3.4", "7.2.9");
        assert_eq!(seven.releases(&both), ["7.2.9+deb13-amd64"]);
    }

    #[test]
    fn every_name_has_its_series() {
        let names: Vec<&str> = SERIES.iter().map(|series| series.name).collect();
        assert_eq!(names, [KERNELS, &[DEBIAN13]].concat());
    }

    #[test]
    fn ubuntus_own_kernel_is_the_one_that_its_metapackage_requires() {
        let dependencies = ["linux-headers-6.8.0-40-generic".to_owned()];
        assert_eq!(generic(&dependencies), ["6.8.0-40-generic"]);
    }

    #[test]
    fn the_parts_of_headers_are_told_from_their_compilers_and_images() {
        let parts = [
            "linux-headers-6.1.0-56-common",
            "linux-kbuild-6.1",
            "linux-headers-6.8.0-40",
            "linux-hwe-6.8-headers-6.8.0-40",
        ];
        assert!(parts.into_iter().all(is_headers));
        let others = [
            "linux-compiler-gcc-12-x86",
            "linux-image-6.1.0-56-amd64",
            "linux-base",
        ];
        assert!(!others.into_iter().any(is_headers));
    }
}
