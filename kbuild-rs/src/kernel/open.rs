//! Opens a directory as a [`Kernel`], or gives the reason why it is not one.
//!
//! The release is `UTS_RELEASE`, not `kernel.release`: on Debian 6.1 the latter is only `6.1.192`,
//! while vermagic and `/lib/modules` use the former.

use std::ffi::OsStr;
use std::fs::{self};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::compiler::Compiler;
use super::config::Config;
use super::find::Host;
use super::output::working_directory;
use super::{Kernel, arch};
use crate::error::Advice;
use crate::sys::{regular, sort_paths};
use crate::{Error, ErrorKind, Result};

pub(super) fn open(request: &Path, host: &Host) -> Result<Kernel> {
    let asked = fs::canonicalize(request).map_err(|error| not_there(request, error, host))?;
    if !asked.is_dir() {
        return Err(Error::new(
            ErrorKind::KernelNotFound,
            format!(
                "{} is a file. Name the folder of a kernel tree, for instance \
                 /lib/modules/<release>/build",
                request.display()
            ),
        ));
    }
    let build = asked.join("build");
    if !asked.join("Makefile").exists() && fs::symlink_metadata(&build).is_ok() {
        // /lib/modules/<release>
        let dir = fs::canonicalize(&build).map_err(|error| not_there(&build, error, host))?;
        return describe(dir, host);
    }
    describe(asked, host)
}

fn describe(dir: PathBuf, host: &Host) -> Result<Kernel> {
    carried_by_kbuild(&dir)?;
    let dir = working_directory(dir)?;
    let source = source_of(&dir, host)?;
    carried_by_kbuild(&source)?;
    let text = match read(&dir.join("include/config/auto.conf"))? {
        Some(text) => text,
        None => return Err(unconfigured(&dir, &source, host)),
    };
    let release = release_of(&dir)?;
    let missing = if !dir.join("include/generated/autoconf.h").is_file() {
        Some(dir.join("include/generated/autoconf.h"))
    } else if release.is_none() {
        Some(dir.join("include/config/kernel.release"))
    } else {
        [&dir, &dir, &source]
            .into_iter()
            .zip([
                "scripts/basic/fixdep",
                "scripts/mod/modpost",
                "scripts/Makefile.build",
            ])
            .map(|(half, file)| half.join(file))
            .find(|file| !file.is_file())
    };
    if let Some(file) = missing {
        return Err(unprepared(&dir, &file, host));
    }
    let release = release.unwrap_or_default();
    let config = Config::parse(text);
    let Some(arch) = arch::of_config(&config) else {
        return Err(not_prepared(format!(
            "{} is damaged: it does not name its architecture. Repair the kernel tree:\n    make \
             -C {} modules_prepare",
            dir.join("include/config/auto.conf").display(),
            dir.display()
        )));
    };
    Ok(Kernel {
        arch: arch.to_owned(),
        compiler: Compiler::of_config(&config),
        dir,
        source,
        release,
        config,
    })
}

/// The error if nothing exists at `request`, or only a link to nothing.
fn not_there(request: &Path, error: std::io::Error, host: &Host) -> Error {
    if error.kind() != std::io::ErrorKind::NotFound {
        return Error::reading("read the kernel tree", request, error);
    }
    let install = module_release(request).map(|release| host.distro().headers(release));
    let advice = match &install {
        Some(install) => format!("Install the headers:\n    {install}"),
        None => "To see the kernel trees of this machine, run\n    kbuild-rs kernels".to_owned(),
    };
    let what = match fs::read_link(request) {
        Ok(target) => format!("is a link to {}, which does not exist", target.display()),
        Err(_) => "does not exist".to_owned(),
    };
    let message = format!("the kernel tree {} {what}. {advice}", request.display());
    let error = Error::new(ErrorKind::KernelNotFound, message);
    match install {
        Some(install) => error.advise(install.advice("missing-kernel-headers")),
        None => error,
    }
}

/// The `<release>` in `…/modules/<release>` and `…/modules/<release>/build`.
fn module_release(path: &Path) -> Option<&str> {
    let path = match path.file_name()?.to_str()? {
        "build" | "source" => path.parent()?,
        _ => path,
    };
    let below = path.parent()?.file_name()?;
    (below == "modules").then(|| path.file_name()?.to_str())?
}

/// Refuses a path that kbuild cannot carry: the kernel's Makefile splits its own path at blanks,
/// and its rules at colons.
fn carried_by_kbuild(dir: &Path) -> Result<()> {
    let bad = match dir.to_str() {
        Some(text) => text
            .chars()
            .find(|c| c.is_whitespace() || c.is_control() || ":$#%;&()'\"`\\|<>*?".contains(*c)),
        None => Some(char::REPLACEMENT_CHARACTER),
    };
    match bad {
        None => Ok(()),
        Some(character) => Err(Error::input(format!(
            "the path of the kernel tree {} contains {character:?}, which kbuild cannot handle. \
             Move the tree, or bind-mount it at another path",
            dir.display()
        ))),
    }
}

/// The source half of `dir`. A Makefile that is not the kernel's own consists of a few generated
/// lines that include the real one (`O=` trees, Debian) or call make there (old `O=` trees).
fn source_of(dir: &Path, host: &Host) -> Result<PathBuf> {
    let makefile = dir.join("Makefile");
    let head = head(&makefile).map_err(|error| match is_missing(&error) {
        true => not_a_kernel(dir, "Makefile is missing", host),
        false => Error::reading("read", &makefile, error),
    })?;
    let mut included = None;
    for line in head.lines() {
        if is_assignment(line, "VERSION") {
            return Ok(dir.to_owned());
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let path = match words.as_slice() {
            ["include", path] => path.strip_suffix("/Makefile"),
            _ => words
                .windows(2)
                .find_map(|pair| (pair[0] == "-C").then_some(pair[1])),
        };
        included = included.or(path.filter(|path| !path.contains('$')));
    }
    let Some(path) = included else {
        return Ok(fs::canonicalize(dir.join("source")).unwrap_or_else(|_| dir.to_owned()));
    };
    fs::canonicalize(dir.join(path)).map_err(|_| {
        let package = Path::new(path).file_name().and_then(OsStr::to_str);
        let advice = match package {
            Some(name) if name.starts_with("linux-headers-") => {
                format!(
                    "Install the shared part of the kernel headers:\n    {}",
                    host.distro().package(name)
                )
            }
            _ => "Put the kernel source back there, or build the tree again with O=".to_owned(),
        };
        not_prepared(format!(
            "{} includes {path}/Makefile, which does not exist. {advice}",
            makefile.display()
        ))
    })
}

/// The start of a Makefile, enough to identify it.
pub(super) fn head(file: &Path) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    regular::open(file)?.take(8192).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn is_assignment(line: &str, variable: &str) -> bool {
    line.strip_prefix(variable)
        .is_some_and(|rest| rest.trim_start().starts_with('='))
}

/// The text of a file; `None` if it does not exist.
fn read(file: &Path) -> Result<Option<String>> {
    match regular::read(file) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(Error::reading("read", file, error)),
    }
}

fn is_missing(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory)
}

fn release_of(dir: &Path) -> Result<Option<String>> {
    let header = read(&dir.join("include/generated/utsrelease.h"))?;
    let of_header = header.as_deref().and_then(|text| {
        text.lines()
            .find_map(|line| line.strip_prefix("#define UTS_RELEASE "))
            .map(|value| value.trim().trim_matches('"').to_owned())
    });
    let release = match of_header {
        Some(release) => Some(release),
        None => read(&dir.join("include/config/kernel.release"))?,
    };
    // The release becomes the name of a folder.
    let good = |release: &str| {
        release.starts_with(|c: char| c.is_ascii_digit()) && !release.contains(['/', '\0'])
    };
    let release = release.as_deref().map(str::trim);
    Ok(release.filter(|release| good(release)).map(str::to_owned))
}

/// The error if `auto.conf` is missing: an unconfigured source, half a package, or not a kernel
/// tree.
fn unconfigured(dir: &Path, source: &Path, host: &Host) -> Error {
    let head = head(&source.join("Makefile")).unwrap_or_default();
    if !head.lines().any(|line| is_assignment(line, "PATCHLEVEL")) {
        return not_a_kernel(dir, "its Makefile is not a kernel's", host);
    }
    let shown = dir.display();
    let flavours = flavours_of(dir);
    if !flavours.is_empty() || common_stem(dir).is_some() {
        let advice = match flavours.first() {
            Some(flavour) => format!("Name the tree of one flavour: {}", flavour.display()),
            None => {
                let stem = common_stem(dir).unwrap_or_default();
                let arch = crate::kernel::distro::deb_arch();
                let package = format!("linux-headers-{stem}-{arch}");
                let install = host.distro().package(&package);
                format!("Install the tree of one flavour, and name that:\n    {install}")
            }
        };
        return not_prepared(format!(
            "{shown} is the shared part of the kernel headers: it has no include/config/auto.conf. \
             {advice}"
        ));
    }
    if dir.join(".config").is_file() {
        return not_prepared(format!(
            "the kernel tree {shown} is configured but not prepared: include/config/auto.conf is \
             missing. Prepare it:\n    make -C {shown} modules_prepare\nOr build it, which also \
             makes its Module.symvers:\n    make -C {shown}"
        ));
    }
    not_prepared(format!(
        "{shown} is a kernel source without a configuration: .config is missing. If the kernel was \
         built with O=DIR, name DIR instead. Otherwise, copy your kernel's .config there, or make \
         a new one:\n    make -C {shown} defconfig\nThen prepare the kernel tree:\n    make -C \
         {shown} modules_prepare"
    ))
}

/// The `6.1.0-56` of Debian's `linux-headers-6.1.0-56-common`.
fn common_stem(dir: &Path) -> Option<&str> {
    let name = dir.file_name()?.to_str()?.strip_prefix("linux-headers-")?;
    name.strip_suffix("-common")
        .or_else(|| name.strip_suffix("-common-rt"))
}

/// The trees beside `dir` that have `dir` as their shared half: named like it, and longer
/// (`linux-headers-6.8.0-31` and `linux-headers-6.8.0-31-generic` of Ubuntu).
pub(super) fn flavours_of(dir: &Path) -> Vec<PathBuf> {
    let (Some(parent), Some(name)) = (dir.parent(), dir.file_name().and_then(OsStr::to_str)) else {
        return Vec::new();
    };
    let stem = match common_stem(dir) {
        Some(stem) => format!("linux-headers-{stem}-"),
        None if name.starts_with("linux-headers-") => format!("{name}-"),
        None => return Vec::new(),
    };
    let mut found: Vec<PathBuf> = fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&stem))
        .map(|entry| entry.path())
        .filter(|path| path.join("include/config/auto.conf").is_file())
        .collect();
    sort_paths(&mut found);
    found
}

fn unprepared(dir: &Path, file: &Path, host: &Host) -> Error {
    let (shown, missing) = (dir.display(), file.display());
    // In Debian's packages, `scripts` is a link into another package.
    let links = [dir.join("scripts"), dir.join("tools")];
    let dangling = links
        .iter()
        .find(|link| link.is_symlink() && !link.exists())
        .and_then(|link| fs::read_link(link).ok());
    if let Some(target) = dangling {
        let package = target
            .components()
            .filter_map(|part| part.as_os_str().to_str())
            .find(|part| part.starts_with("linux-"));
        let advice = match package {
            Some(package) => {
                format!("Install it:\n    {}", host.distro().package(package))
            }
            None => "Install the package that it belongs to".to_owned(),
        };
        return not_prepared(format!(
            "the kernel tree {shown} lacks {missing}: its scripts link to {}, which does not \
             exist. {advice}",
            target.display()
        ));
    }
    let error = not_prepared(format!(
        "the kernel tree {shown} is not prepared for external modules: {missing} is missing. If it \
         came as a package, install that again. Otherwise, run\n    make -C {shown} \
         modules_prepare"
    ));
    let command = ["make", "-C", &shown.to_string(), "modules_prepare"];
    error.advise(
        Advice::new(
            "unprepared-kernel-tree",
            "prepare the kernel tree for external modules",
        )
        .with_command(command.map(str::to_owned).to_vec()),
    )
}

fn not_a_kernel(dir: &Path, why: &str, host: &Host) -> Error {
    let advice = match module_release(dir) {
        Some(release) => format!(
            "It has no build link either. Install the headers:\n    {}",
            host.distro().headers(release)
        ),
        None => "Name a prepared kernel tree, for instance /lib/modules/<release>/build".to_owned(),
    };
    not_prepared(format!(
        "{} is not a kernel tree: {why}. {advice}",
        dir.display()
    ))
}

pub(super) fn not_prepared(message: String) -> Error {
    Error::new(ErrorKind::KernelNotPrepared, message)
}
