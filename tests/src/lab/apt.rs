//! A private apt: the index of one release, read with the machine's mirrors and keys.
//!
//! It writes nothing that the machine's own apt uses, so it needs no root and leaves the machine's
//! package lists alone. Signatures are checked as always.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use super::distribution::Distribution;
use super::mirrors;
use crate::{Result, run};

/// The largest age of an index. The pool changes, and an older index names files that are gone.
const MAX_AGE: Duration = Duration::from_secs(6 * 3600);

pub(super) struct Apt {
    root: PathBuf,
    architecture: &'static str,
    /// The origin of the index, and apt's output about it, for messages.
    origin: String,
}

impl Apt {
    /// The index of `release` (a codename) for machines of `architecture`, kept in `root`.
    pub(super) fn open(
        root: &Path,
        here: &Distribution,
        release: &str,
        architecture: &'static str,
    ) -> Result<Apt> {
        let entries = mirrors::configured(Path::new("/etc/apt"));
        let entries = mirrors::of_release(&entries, &here.codename, release);
        if entries.is_empty() {
            return Err(format!(
                "this machine's apt configuration has no mirror to read `{release}` from: add a \
                 source for suite {0} (or {release}) to /etc/apt/sources.list.d",
                here.codename
            ));
        }
        let mut apt = Apt {
            root: root.to_path_buf(),
            architecture,
            origin: mirrors::describe(&entries),
        };
        let sources = mirrors::render(&entries);
        let stamp = root.join("updated");
        let fresh = fs::read_to_string(&stamp).is_ok_and(|then| then == sources)
            && fs::metadata(&stamp)
                .and_then(|stamp| stamp.modified())
                .is_ok_and(|then| {
                    SystemTime::now().duration_since(then).unwrap_or_default() < MAX_AGE
                });
        apt.configure(&sources)
            .map_err(|error| format!("cannot set up {root:?}: {error}"))?;
        if !fresh {
            // A missing suite does not matter if the others have the packages. If they do not,
            // apt's words are part of that error.
            let update = apt.apt("apt-get", &["-q", "update"], Path::new("/"), 300)?;
            if update.status.success() {
                fs::write(&stamp, &sources).map_err(|error| format!("{stamp:?}: {error}"))?;
            } else {
                apt.origin = format!("{}; apt said:\n{}", apt.origin, run::tail(&update.stderr));
            }
        }
        Ok(apt)
    }

    fn configure(&self, sources: &str) -> std::io::Result<()> {
        for folder in ["lists/partial", "cache/archives/partial", "sources", "none"] {
            fs::create_dir_all(self.root.join(folder))?;
        }
        fs::write(self.root.join("sources/lab.sources"), sources)?;
        let (root, architecture) = (self.root.display(), self.architecture);
        // This is read after the machine's own configuration, because its proxies and certificates
        // count. The cleared entries would change the machine's apt or ask for another release.
        let config = format!(
            "#clear APT::Update;\n#clear DPkg::Post-Invoke;\n#clear APT::Default-Release;\n\
             #clear APT::Architectures;\n\
             APT::Architecture \"{architecture}\";\nAPT::Architectures {{ \"{architecture}\"; }};\n\
             APT::Sandbox::User \"root\";\n\
             APT::Get::AllowUnauthenticated \"false\";\n\
             Acquire::AllowInsecureRepositories \"false\";\n\
             Acquire::Languages \"none\";\nAcquire::Retries \"2\";\n\
             Acquire::http::Timeout \"30\";\nAcquire::https::Timeout \"30\";\n\
             Dir::Etc::sourcelist \"/dev/null\";\nDir::Etc::sourceparts \"{root}/sources\";\n\
             Dir::Etc::preferences \"/dev/null\";\nDir::Etc::preferencesparts \"{root}/none\";\n\
             Dir::State \"{root}\";\nDir::State::lists \"{root}/lists\";\n\
             Dir::State::status \"/dev/null\";\nDir::Cache \"{root}/cache\";\n\
             Dir::Cache::pkgcache \"pkgcache.bin\";\nDir::Cache::srcpkgcache \"\";\n"
        );
        fs::write(self.root.join("apt.conf"), config)
    }

    fn apt(&self, program: &str, args: &[&str], cwd: &Path, seconds: u64) -> Result<run::Output> {
        let mut command = Command::new(program);
        command
            .arg("-c")
            .arg(self.root.join("apt.conf"))
            .args(args)
            .current_dir(cwd)
            .env("LC_ALL", "C");
        run::run(&mut command, Duration::from_secs(seconds))
    }

    /// Names in the index that begin with `prefix`.
    pub(super) fn names(&self, prefix: &str) -> Result<String> {
        let output = self.apt("apt-cache", &["pkgnames", prefix], Path::new("/"), 60)?;
        Ok(output.out())
    }

    /// The names of the dependencies of `package`.
    pub(super) fn dependencies(&self, package: &str) -> Result<Vec<String>> {
        let output = self.apt("apt-cache", &["depends", package], Path::new("/"), 60)?;
        Ok(dependencies(&output.out()))
    }

    /// Downloads `packages` into the folder `into` and returns their files, in the same order.
    pub(super) fn download(&self, packages: &[String], into: &Path) -> Result<Vec<PathBuf>> {
        let mut args = vec!["-q", "download"];
        args.extend(packages.iter().map(String::as_str));
        let output = self.apt("apt-get", &args, into, 900)?;
        if !output.status.success() {
            return Err(self.explain(&format!(
                "cannot download {}:\n{}",
                packages.join(" "),
                run::tail(&output.stderr)
            )));
        }
        let files: Vec<PathBuf> = fs::read_dir(into)
            .map_err(|error| format!("cannot read {}: {error}", into.display()))?
            .flatten()
            .map(|file| file.path())
            .collect();
        packages
            .iter()
            .map(|package| {
                let start = format!("{package}_");
                let is_it = |file: &&PathBuf| {
                    file.file_name()
                        .is_some_and(|name| name.to_string_lossy().starts_with(&start))
                };
                let file = files.iter().find(is_it).cloned();
                file.ok_or_else(|| format!("apt left no file for {package} in {}", into.display()))
            })
            .collect()
    }

    /// `problem`, and the places searched.
    pub(super) fn explain(&self, problem: &str) -> String {
        format!("{problem}\n(looked in {})", self.origin)
    }
}

fn dependencies(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| {
            line.trim_start_matches([' ', '|'])
                .strip_prefix("Depends: ")
        })
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alternatives_count_as_dependencies_and_conflicts_do_not() {
        let text = "linux-headers-6\n  Depends: a\n |Depends: b\n  Conflicts: c\n";
        assert_eq!(dependencies(text), ["a", "b"]);
    }
}
