//! The inputs of a build other than its sources: folders of headers, providers' symvers, files of
//! the kernel and of the tools.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::btf::Btf;
use super::{Context, Target};
use crate::error::Advice;
use crate::kernel::Symvers;
use crate::make::{PathMap, find_program};
use crate::settings::{Provided, Settings};
use crate::stage::CarriedFolders;
use crate::sys::regular;
use crate::{Error, ErrorKind, Result};

#[derive(Debug)]
pub(crate) struct Inputs {
    /// Files whose change starts a build from nothing.
    pub(crate) whole: Vec<PathBuf>,
    /// Providers' symvers: the original, and the copy for make.
    pub(crate) symvers: Vec<(PathBuf, PathBuf)>,
    /// The data for crates that depend on this one, except the symvers of this build.
    pub(crate) provided: Provided,
    /// Links to folders whose paths kbuild cannot carry.
    pub(crate) links: CarriedFolders,
    pub(crate) btf: Btf,
}

/// The folders that compilers search for headers.
pub(super) struct Headers {
    /// The data from dependencies, with the caller's own include folders.
    provided: Provided,
    /// The include folders, by paths that kbuild can carry.
    carried: Vec<PathBuf>,
    pub(super) links: CarriedFolders,
}

impl Headers {
    pub(super) fn of(context: &Context<'_>) -> Result<Headers> {
        let Context { settings, site, .. } = context;
        let received = (settings.received)(&settings.environment, context.kernel.release());
        let named = settings.includes.iter();
        let named = named.map(|dir| existing_folder(&site.base.join(dir)));
        let mut includes: Vec<PathBuf> = named.collect::<Result<_>>()?;
        includes.extend(received.includes);
        let mut links = CarriedFolders::new(site.folder.join("inc"));
        Ok(Headers {
            carried: includes.iter().map(|dir| links.carry(dir)).collect(),
            provided: Provided {
                symvers: received.symvers,
                includes,
            },
            links,
        })
    }

    /// Flags for the folders, and for the header with the module's own configuration symbols.
    pub(super) fn flags(&self, context: &Context<'_>) -> Vec<OsString> {
        let mut args: Vec<OsString> = Vec::new();
        for dir in &self.carried {
            let mut arg = OsString::from("-I");
            arg.push(dir);
            args.push(arg);
        }
        if !context.settings.configs.is_empty() {
            args.push("-include".into());
            args.push(context.site.flags_dir().join("config.h").into());
        }
        args
    }
}

impl Inputs {
    /// Collects the inputs. `env` is the environment of make.
    pub(super) fn of(
        context: &Context<'_>,
        target: &Target,
        headers: Headers,
        (env, map): (&[(OsString, OsString)], &PathMap),
    ) -> Result<Inputs> {
        let make = find_program("make", env).ok_or_else(|| {
            Error::new(
                ErrorKind::ToolNotFound,
                "make is not in PATH. Install the package make",
            )
            .advise(Advice::new("missing-make", "install the package make"))
        })?;
        let mut whole = target.kernel.identity_files();
        whole.extend(target.tools.tools.iter().cloned());
        whole.push(make);
        let btf = Btf::of(context, env)?;
        whole.extend(btf.files(&whole));
        let provided = headers.provided;
        Ok(Inputs {
            whole,
            symvers: providers(context, &provided.symvers, map)?,
            provided,
            links: headers.links,
            btf,
        })
    }
}

fn existing_folder(path: &Path) -> Result<PathBuf> {
    match std::fs::canonicalize(path) {
        Ok(real) if real.is_dir() => Ok(real),
        Ok(_) => Err(Error::new(
            ErrorKind::SourceNotFound,
            format!("the include folder {} is not a folder", path.display()),
        )),
        Err(e) => Err(Error::new(
            ErrorKind::SourceNotFound,
            format!("the include folder {} cannot be used: {e}", path.display()),
        )),
    }
}

/// The symvers that the caller names.
pub(super) fn named_symvers(settings: &Settings, base: &Path) -> Vec<PathBuf> {
    let of_make = settings
        .make_vars
        .iter()
        .filter(|(n, _)| n == "KBUILD_EXTRA_SYMBOLS")
        .flat_map(|(_, v)| v.as_bytes().split(u8::is_ascii_whitespace))
        .filter(|word| !word.is_empty())
        .map(|word| PathBuf::from(OsStr::from_bytes(word)));
    let named = settings.symvers.iter().cloned().chain(of_make);
    named.map(|path| base.join(path)).collect()
}

/// Reads the symvers of a provider, which messages name by `shown`.
pub(super) fn read_provider(path: &Path, shown: &Path) -> Result<Symvers> {
    if let Err(error) = regular::look(path) {
        let why = match error.kind() {
            std::io::ErrorKind::NotFound => {
                "does not exist. Build the module that provides it first".to_owned()
            }
            _ => format!("cannot be read: {error}"),
        };
        return Err(Error::new(
            ErrorKind::SourceNotFound,
            format!("the symvers {} {why}", shown.display()),
        ));
    }
    Symvers::read(path)
}

/// The providers' symvers, each with the place of its copy: a path that make can carry.
fn providers(
    context: &Context<'_>,
    received: &[PathBuf],
    map: &PathMap,
) -> Result<Vec<(PathBuf, PathBuf)>> {
    let Context { settings, site, .. } = context;
    let mut all = named_symvers(settings, &site.base);
    // Two crates may pass on the same file, and modpost refuses to read one file twice.
    for path in received {
        if !all.contains(path) {
            all.push(path.clone());
        }
    }
    all.into_iter()
        .enumerate()
        .map(|(number, path)| {
            read_provider(&path, &map.source(&path))?;
            Ok((path, site.folder.join(format!("symvers/{number}.symvers"))))
        })
        .collect()
}
