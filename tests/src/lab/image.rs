//! Unpacks an image's packages: the files to boot, and the few modules that tests load.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::{Result, run};

/// The drivers that tested modules depend on. Their own dependencies are added.
const DRIVERS: &[&str] = &[
    "videodev",
    "hid",
    "hid-generic",
    "usbhid",
    "usbcore",
    "usb-common",
];

const LIMIT: Duration = Duration::from_secs(120);

/// Extracts `debs` (one image, possibly with its modules in separate packages) into `prefix`:
/// `boot/` and `lib/modules/<release>/`.
pub(super) fn extract(debs: &[PathBuf], release: &str, prefix: &Path) -> Result<()> {
    let mut archives = Vec::new();
    for deb in debs {
        archives.push(Archive::open(deb)?);
    }
    let base = format!("modules/{release}/");
    for archive in &archives {
        let is_wanted = |member: &&String| {
            member.contains("boot/vmlinuz-")
                || member.contains("boot/config-")
                || member
                    .split_once(&base)
                    .is_some_and(|(_, name)| name.starts_with("modules.") || BOOT.contains(&name))
        };
        archive.extract(
            &archive.members.iter().filter(is_wanted).collect::<Vec<_>>(),
            prefix,
        )?;
    }

    let modules = prefix.join("lib/modules").join(release);
    to_boot(&modules, release, &prefix.join("boot"))?;
    let mut found: BTreeMap<String, Module> = BTreeMap::new();
    let mut asked: HashSet<String> = HashSet::new();
    let mut wanted: Vec<String> = DRIVERS.iter().map(|name| normal(name)).collect();
    while !wanted.is_empty() {
        asked.extend(wanted.iter().cloned());
        let mut got = Vec::new();
        for archive in &archives {
            let is_wanted =
                |member: &&String| module_name(member).is_some_and(|name| wanted.contains(&name));
            let members: Vec<&String> = archive.members.iter().filter(is_wanted).collect();
            archive.extract(&members, prefix)?;
            got.extend(members);
        }
        wanted.clear();
        for member in got {
            // A module that is not found here is built into this kernel.
            let (Some(name), Some((_, path))) = (module_name(member), member.split_once(&base))
            else {
                continue;
            };
            let path = decompress(&modules, path)?;
            let content = fs::read(modules.join(&path)).map_err(|e| format!("{path}: {e}"))?;
            let depends = depends(&content);
            wanted.extend(
                depends
                    .iter()
                    .filter(|name| !asked.contains(*name))
                    .cloned(),
            );
            found.insert(name, Module { path, depends });
        }
        wanted.sort();
        wanted.dedup();
    }
    let text = modules_dep(&found);
    fs::write(modules.join("modules.dep"), text).map_err(|error| format!("modules.dep: {error}"))
}

/// Newer packages have these beside the modules.
const BOOT: &[&str] = &["vmlinuz", "config"];

/// Moves these files to the lab's common place for all kernels.
fn to_boot(modules: &Path, release: &str, boot: &Path) -> Result<()> {
    let fail = |error: std::io::Error| format!("cannot fill {}: {error}", boot.display());
    fs::create_dir_all(boot).map_err(fail)?;
    for name in BOOT {
        let file = modules.join(name);
        if file.exists() {
            fs::rename(&file, boot.join(format!("{name}-{release}"))).map_err(fail)?;
        }
    }
    Ok(())
}

struct Module {
    /// The path relative to `lib/modules/<release>`.
    path: String,
    depends: Vec<String>,
}

/// A package's files as a tar archive beside it, because members are searched more than once.
struct Archive {
    tar: PathBuf,
    members: Vec<String>,
}

impl Archive {
    fn open(deb: &Path) -> Result<Archive> {
        let tar = deb.with_extension("tar");
        let mut convert = Command::new("sh");
        convert.args(["-c", "exec dpkg-deb --fsys-tarfile \"$1\" > \"$2\"", "sh"]);
        run::checked(convert.arg(deb).arg(&tar), LIMIT)?;
        let list = run::checked(Command::new("tar").arg("-tf").arg(&tar), LIMIT)?;
        Ok(Archive {
            tar,
            members: list.out().lines().map(str::to_owned).collect(),
        })
    }

    fn extract(&self, members: &[&String], prefix: &Path) -> Result<()> {
        if members.is_empty() {
            return Ok(());
        }
        let mut tar = Command::new("tar");
        // Newer packages have their modules below /usr. The lab has one place for them.
        tar.args([
            "--no-same-owner",
            "--transform",
            r"s,^\./usr/lib/,./lib/,",
            "-xf",
        ])
        .arg(&self.tar)
        .arg("-C")
        .arg(prefix)
        .arg("--")
        .args(members);
        run::checked(&mut tar, LIMIT).map(drop)
    }
}

/// A module's name as the kernel compares names; `None` for other files.
fn module_name(path: &str) -> Option<String> {
    let name = path.rsplit('/').next()?;
    let name = name
        .strip_suffix(".xz")
        .or_else(|| name.strip_suffix(".zst"))
        .unwrap_or(name);
    name.strip_suffix(".ko").map(normal)
}

fn normal(name: &str) -> String {
    name.replace('-', "_")
}

/// Decompresses a file in `folder` and returns its path.
fn decompress(folder: &Path, path: &str) -> Result<String> {
    for (suffix, program) in [(".xz", "xz"), (".zst", "zstd")] {
        if let Some(plain) = path.strip_suffix(suffix) {
            let mut command = Command::new(program);
            let compressed = folder.join(path);
            let output = run::checked(command.arg("-dc").arg(&compressed), LIMIT)?;
            return fs::write(folder.join(plain), output.stdout)
                .and_then(|()| fs::remove_file(&compressed))
                .map(|()| plain.to_owned())
                .map_err(|error| format!("cannot decompress {path}: {error}"));
        }
    }
    Ok(path.to_owned())
}

/// The `depends=` entry of a module's `.modinfo`, whose strings end with NUL.
fn depends(module: &[u8]) -> Vec<String> {
    const KEY: &[u8] = b"\0depends=";
    let Some(start) = module.windows(KEY.len()).position(|window| window == KEY) else {
        return Vec::new();
    };
    let value = module[start + KEY.len()..]
        .split(|byte| *byte == 0)
        .next()
        .unwrap_or_default();
    let value = String::from_utf8_lossy(value);
    value
        .split(',')
        .filter(|name| !name.is_empty())
        .map(normal)
        .collect()
}

/// The text of depmod's `modules.dep`: each module with all its dependencies, the nearest first.
fn modules_dep(found: &BTreeMap<String, Module>) -> String {
    fn visit<'a>(name: &str, found: &'a BTreeMap<String, Module>, order: &mut Vec<&'a str>) {
        let Some(module) = found.get(name) else {
            return;
        };
        if order.contains(&module.path.as_str()) {
            return;
        }
        for dependency in &module.depends {
            visit(dependency, found, order);
        }
        order.push(&module.path);
    }
    let mut text = String::new();
    for (name, module) in found {
        let mut order = Vec::new();
        visit(name, found, &mut order);
        // Writing to a String cannot fail.
        let _ = write!(text, "{}:", module.path);
        for path in order.iter().rev().skip(1) {
            let _ = write!(text, " {path}");
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_modules_name_has_no_hyphens_and_no_compression() {
        assert_eq!(
            module_name("./lib/x/usb-common.ko.xz").as_deref(),
            Some("usb_common")
        );
        assert_eq!(module_name("./lib/x/mc.ko").as_deref(), Some("mc"));
        assert_eq!(module_name("./lib/x/modules.order"), None);
    }

    #[test]
    fn dependencies_are_read_from_modinfo() {
        assert_eq!(
            depends(b"\x7fELF\0license=GPL\0depends=usb-common,hid\0x"),
            ["usb_common", "hid"]
        );
        assert!(depends(b"\0depends=\0retpoline=Y\0").is_empty());
        assert!(depends(b"").is_empty());
    }

    #[test]
    fn the_dependencies_of_a_module_are_listed_nearest_first() {
        let module = |path: &str, depends: &[&str]| Module {
            path: path.into(),
            depends: depends.iter().map(|name| (*name).to_owned()).collect(),
        };
        let found = BTreeMap::from([
            ("a".to_owned(), module("a.ko", &["b", "builtin"])),
            ("b".to_owned(), module("b.ko", &["c"])),
            ("c".to_owned(), module("c.ko", &[])),
        ]);
        assert_eq!(modules_dep(&found), "a.ko: b.ko c.ko\nb.ko: c.ko\nc.ko:\n");
    }
}
