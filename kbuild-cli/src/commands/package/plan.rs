//! Which packages a call makes of its modules, and their names, versions and dependencies.

use std::path::Path;
use std::time::UNIX_EPOCH;

use kbuild::{Finished, Finisher, InTree};

use super::names::{self, Arch, package_name};
use super::needs;
use crate::args::{AboutArgs, Format, PackageArgs};
use crate::ui::failure::Failure;

/// A package to be written.
#[derive(Debug)]
pub(super) struct Package<'a> {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) release: &'a str,
    pub(super) arch: Arch,
    pub(super) modules: Vec<&'a Finished>,
    /// Modules of the kernel that these need.
    pub(super) in_tree: Vec<InTree>,
    /// The names of packages of this call that it needs, with this version.
    pub(super) depends: Vec<String>,
    pub(super) maintainer: String,
    pub(super) description: String,
    pub(super) license: String,
    /// Seconds since 1970 that all files have.
    pub(super) date: u64,
}

/// The folder of modules below `lib/modules/<release>`, where `install` puts them.
pub(super) const FOLDER: &str = "updates";

impl Package<'_> {
    pub(super) fn module_names(&self) -> Vec<&str> {
        let names = self.modules.iter().map(|module| module.info.name.as_str());
        names.collect()
    }
}

/// The packages of a call, sorted by release and name.
pub(super) fn packages<'a>(
    modules: &'a [Finished],
    args: &PackageArgs,
) -> Result<Vec<Package<'a>>, Failure> {
    check(modules)?;
    let groups = groups(modules, args.split);
    let names = groups.iter().map(|group| name_of(group, args));
    let names: Vec<String> = names.collect::<Result<_, _>>()?;
    let date = date()?;
    let mut packages = Vec::new();
    for (group, name) in groups.iter().zip(&names) {
        let release = &group[0].info.release;
        packages.push(Package {
            name: name.clone(),
            version: version_of(group, &args.about),
            release,
            arch: names::arch(group[0])?,
            in_tree: closure_of(group, args)?,
            depends: depends_of(group, &groups, &names),
            maintainer: maintainer(&args.about),
            description: description_of(group, &args.about),
            license: license_of(group, &args.about),
            date: date.unwrap_or_else(|| newest(modules)),
            modules: group.clone(),
        });
    }
    let mut seen = std::collections::BTreeSet::new();
    match packages
        .iter()
        .find(|package| !seen.insert(package.name.clone()))
    {
        None => Ok(packages),
        Some(package) => Err(Failure::wrong_call(format!(
            "two packages would have the name {}: choose kernels with --kernel, or name the .ko \
             files",
            package.name
        ))),
    }
}

fn check(modules: &[Finished]) -> Result<(), Failure> {
    for module in modules {
        names::check_release(&module.info.release)?;
        names::check_file_name(&module.file_name)?;
    }
    Ok(())
}

/// Refuses texts that a package cannot have.
pub(super) fn check_about(about: &AboutArgs) -> Result<(), Failure> {
    let texts = [
        ("--maintainer", &about.maintainer),
        ("--description", &about.description),
        ("--license", &about.license),
    ];
    for (flag, text) in texts {
        if let Some(text) = text {
            names::check_line(flag, text)?;
        }
    }
    if let Some(name) = about
        .name
        .as_ref()
        .filter(|name| package_name(name) != **name)
    {
        return Err(Failure::wrong_call(format!(
            "--name {name}: use lower-case letters, digits, +, - and . (all formats allow these)"
        )));
    }
    names::check_length("--name", &about.name)?;
    names::check_length("--package-version", &about.package_version)?;
    match &about.package_version {
        Some(version) if !names::is_version(version) => Err(Failure::wrong_call(format!(
            "--package-version {version}: begin with a digit, and use letters, digits, ., + and ~; a \
             revision of the package comes after one dash (1.4-2)"
        ))),
        _ => Ok(()),
    }
}

/// The modules of each package.
fn groups(modules: &[Finished], split: bool) -> Vec<Vec<&Finished>> {
    let mut groups: Vec<Vec<&Finished>> = Vec::new();
    for module in modules {
        match groups.last_mut() {
            Some(group) if !split && group[0].info.release == module.info.release => {
                group.push(module);
            }
            _ => groups.push(vec![module]),
        }
    }
    groups
}

fn name_of(group: &[&Finished], args: &PackageArgs) -> Result<String, Failure> {
    let release = package_name(&group[0].info.release);
    let base = match (&args.about.name, group) {
        (Some(name), [module]) if args.split => {
            format!("{name}-{}", package_name(&module.info.name))
        }
        (Some(name), _) => name.clone(),
        (None, [module]) => package_name(&module.info.name),
        (None, _) => {
            let folder = std::env::current_dir().unwrap_or_default();
            let name = folder.file_name().unwrap_or_default();
            package_name(&name.to_string_lossy())
        }
    };
    match base.is_empty() {
        false => Ok(format!("{base}-modules-{release}")),
        true => Err(Failure::wrong_call(
            "the package has no name: give one with --name",
        )),
    }
}

fn version_of(group: &[&Finished], about: &AboutArgs) -> String {
    if let Some(version) = &about.package_version {
        return version.clone();
    }
    let first = group[0].info.version.as_deref();
    let is_shared = group
        .iter()
        .all(|module| module.info.version.as_deref() == first);
    let told = first.map(|version| version.strip_prefix('v').unwrap_or(version));
    // A dash would begin the revision of the package.
    let told = told.filter(|version| is_shared && names::is_version(version));
    told.filter(|version| !version.contains('-'))
        .unwrap_or("0")
        .to_owned()
}

fn closure_of(group: &[&Finished], args: &PackageArgs) -> Result<Vec<InTree>, Failure> {
    if !args.closure {
        return Ok(Vec::new());
    }
    if matches!(args.format, Format::Deb | Format::Rpm) {
        return Err(Failure::wrong_call(format!(
            "--closure with --format {}: the package would contain files of the kernel's package, on \
             which it depends. Use --format tar or sysext, or leave out --closure",
            args.format.name()
        )));
    }
    let folder = args.kernel_modules.as_deref().unwrap_or(Path::new("/"));
    let found = Finisher::closure(group, folder)?;
    for module in &found {
        let parts = module.path.iter();
        let mut parts = parts.map(|part| part.to_string_lossy());
        parts.try_for_each(|part| names::check_file_name(&part))?;
    }
    Ok(found)
}

fn depends_of(group: &[&Finished], groups: &[Vec<&Finished>], names: &[String]) -> Vec<String> {
    let mut depends = Vec::new();
    for (other, name) in groups.iter().zip(names) {
        let is_other = other[0].source != group[0].source;
        let is_needed = group
            .iter()
            .any(|module| !needs::of(module, other).is_empty());
        if is_other && is_needed {
            depends.push(name.clone());
        }
    }
    depends
}

fn maintainer(about: &AboutArgs) -> String {
    let variable = |name: &str| {
        let value = std::env::var(name).ok()?;
        let value = names::one_line(&value);
        (!value.is_empty()).then_some(value)
    };
    let debian = || {
        let email = variable("DEBEMAIL").or_else(|| variable("EMAIL"))?;
        let name = variable("DEBFULLNAME").or_else(|| variable("NAME"))?;
        Some(format!("{name} <{email}>"))
    };
    let told = about.maintainer.clone().or_else(debian);
    told.unwrap_or_else(|| "Unknown <unknown@localhost>".to_owned())
}

fn description_of(group: &[&Finished], about: &AboutArgs) -> String {
    if let Some(text) = &about.description {
        return text.clone();
    }
    let own = match group {
        [module] => module.info.description.as_deref().map(names::one_line),
        _ => None,
    };
    own.filter(|text| !text.is_empty()).unwrap_or_else(|| {
        let names: Vec<&str> = group
            .iter()
            .map(|module| module.info.name.as_str())
            .collect();
        let plural = if names.len() == 1 {
            "module"
        } else {
            "modules"
        };
        format!(
            "Kernel {plural} {} for {}",
            names.join(", "),
            group[0].info.release
        )
    })
}

fn license_of(group: &[&Finished], about: &AboutArgs) -> String {
    if let Some(text) = &about.license {
        return text.clone();
    }
    let licenses = group.iter().flat_map(|module| &module.info.licenses);
    let mut licenses: Vec<String> = licenses.map(|text| names::one_line(text)).collect();
    licenses.sort();
    licenses.dedup();
    match licenses.is_empty() {
        true => "unknown".to_owned(),
        false => licenses.join(" and "),
    }
}

/// `SOURCE_DATE_EPOCH`.
fn date() -> Result<Option<u64>, Failure> {
    const VARIABLE: &str = "SOURCE_DATE_EPOCH";
    match std::env::var(VARIABLE) {
        Err(_) => Ok(None),
        Ok(text) => match text.parse() {
            Ok(date) => Ok(Some(date)),
            Err(_) => Err(Failure::wrong_call(format!(
                "{VARIABLE}={text}: give seconds since 1970"
            ))),
        },
    }
}

/// The date of the newest module: equal modules give equal packages without the variable, too.
fn newest(modules: &[Finished]) -> u64 {
    let dates = modules.iter().map(|module| {
        let since = module.modified.duration_since(UNIX_EPOCH);
        since.map_or(0, |since| since.as_secs())
    });
    dates.max().unwrap_or(0)
}
