//! `kbuild-rs package`: modules in packages for a distribution.
//!
//! The library finishes the modules as `install` does. The distribution's own programs pack them:
//! `dpkg-deb`, `rpmbuild`, `tar`, `mksquashfs`.

mod archive;
mod deb;
mod names;
mod needs;
mod plan;
mod rpm;
mod staging;
mod tool;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use kbuild::{Advice, Compression, ErrorKind, Finished, Finisher, Kernel, Message, Signals, Strip};
use serde::Serialize;

use super::signing;
use crate::args::{Compress, FinishArgs, Format, MessageFormat, PackageArgs};
use crate::builds::out_dir::OutDir;
use crate::process::signals;
use crate::ui::failure::{Failure, exit_code};
use crate::ui::json;
use crate::ui::options::UiOptions;
use crate::ui::progress::Progress;
use crate::ui::streams;
use crate::ui::style::Style;
use crate::ui::text::count;
use plan::Package;

/// What `package` reports in JSON.
#[derive(Serialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Event<'a> {
    /// A package that was written, or would be with `--dry-run`.
    PackageWritten {
        release: &'a str,
        name: &'a str,
        version: &'a str,
        format: &'a str,
        path: String,
        modules: Vec<&'a str>,
        /// Modules of the kernel that it contains, too (`--closure`).
        in_tree: Vec<&'a str>,
        /// Packages that it depends on, without the kernel's.
        depends: &'a [String],
    },
    /// A package that could not be written.
    Error {
        kind: ErrorKind,
        message: String,
        advice: &'a [Advice],
    },
    /// The last line.
    PackageFinished { success: bool },
}

/// One call.
struct Call<'a> {
    args: &'a PackageArgs,
    progress: Progress,
}

pub(super) fn run(args: &PackageArgs, style: Style) -> ExitCode {
    let mut call = Call {
        args,
        progress: Progress::new(UiOptions::new(style, args.quiet)),
    };
    // A signal ends the program that packs, and then this one, so that no temporary file stays.
    signals::relayed(|| {
        let failure = call.all().err();
        if let Some(failure) = &failure {
            call.tell_failure(failure);
        }
        if call.is_json() {
            let success = failure.is_none();
            json::print(&Event::PackageFinished { success });
        }
        exit_code(&failure)
    })
}

impl Call<'_> {
    fn is_json(&self) -> bool {
        self.args.message_format == MessageFormat::Json
    }

    fn all(&mut self) -> Result<(), Failure> {
        let args = self.args;
        plan::check_about(&args.about)?;
        let (finisher, note) = finisher(args)?;
        if let Some(text) = note {
            match self.is_json() {
                true => json::print(&Message::Note { text: &text }),
                false => self.progress.chatter(&format!("note: {text}")),
            }
        }
        let inputs = match args.inputs.as_slice() {
            [] => vec![OutDir::path(None).to_owned()],
            inputs => inputs.to_owned(),
        };
        let modules: Vec<Finished> = finisher.finish(&inputs)?;
        let packages = plan::packages(&modules, args)?;
        for package in &packages {
            names::check_package_file(&self.file_name(package))?;
        }
        if args.dry_run {
            for package in &packages {
                let path = self.path_of(package);
                self.tell(package, &path);
            }
            return Ok(());
        }
        let made = OutDir::make(args.out_dir.as_deref())?;
        for package in &packages {
            let path = self.path_of(package);
            let written = Signals::check().map_err(Failure::from);
            let written = written.and_then(|()| self.write(package, &path));
            written.inspect_err(|_| made.remove_if_unused())?;
            self.tell(package, &path);
        }
        Ok(())
    }

    fn path_of(&self, package: &Package<'_>) -> PathBuf {
        let out_dir = OutDir::path(self.args.out_dir.as_deref());
        out_dir.join(self.file_name(package))
    }

    fn file_name(&self, package: &Package<'_>) -> String {
        match self.args.format {
            Format::Deb => deb::file_name(package),
            Format::Rpm => rpm::file_name(package),
            Format::Tar => archive::tar_name(package),
            Format::Sysext => archive::sysext_name(package),
        }
    }

    /// Packs into a file beside the place of the package, which then takes that place.
    fn write(&self, package: &Package<'_>, path: &Path) -> Result<(), Failure> {
        let pack = match self.args.format {
            Format::Deb => deb::pack,
            Format::Rpm => rpm::pack,
            Format::Tar => archive::pack_tar,
            Format::Sysext => archive::pack_sysext,
        };
        staging::write_whole(path, &|part| pack(package, part))
    }

    fn tell(&mut self, package: &Package<'_>, path: &Path) {
        if self.is_json() {
            return json::print(&Event::PackageWritten {
                release: package.release,
                name: &package.name,
                version: &package.version,
                format: self.args.format.name(),
                path: json::path(path),
                modules: package.module_names(),
                in_tree: package
                    .in_tree
                    .iter()
                    .map(|module| module.name.as_str())
                    .collect(),
                depends: &package.depends,
            });
        }
        let verb = match self.args.dry_run {
            true => "would write",
            false => "wrote",
        };
        self.progress.chatter(&format!(
            "{verb} {} {} with {} for {}",
            package.name,
            package.version,
            count(package.modules.len(), "module"),
            package.release
        ));
        for module in &package.in_tree {
            let path = module.path.display();
            self.progress
                .chatter(&format!("  with {path} of the kernel"));
        }
        streams::result(path.as_os_str().as_encoded_bytes());
    }

    fn tell_failure(&mut self, failure: &Failure) {
        match self.is_json() {
            true => json::print(&Event::Error {
                kind: failure.kind(),
                message: failure.to_string(),
                advice: failure.advice(),
            }),
            false => self.progress.error(&failure.to_string()),
        }
    }
}

/// The steps that the flags name, and a note about the key.
fn finisher(args: &PackageArgs) -> Result<(Finisher, Option<String>), Failure> {
    let mut finisher = finish_flags(Finisher::new(), &args.finish)?;
    for kernel in &args.kernels {
        finisher = finisher.kernel(kernel);
    }
    // A key may lie in the tree of the kernel.
    let tree = args
        .kernels
        .first()
        .and_then(|kernel| Kernel::find(kernel).ok());
    Ok(match signing::of_install(&args.signing, tree.as_ref())? {
        Some(signer) => {
            let note = signing::note(&signer);
            (finisher.signer(signer), note)
        }
        None => (finisher, None),
    })
}

fn finish_flags(mut finisher: Finisher, args: &FinishArgs) -> Result<Finisher, Failure> {
    if let Some(options) = &args.strip {
        finisher = finisher.strip(Strip::new(options)?);
    }
    if let Some(compression) = compression(args.compress) {
        finisher = finisher.compression(compression);
    }
    Ok(finisher)
}

/// The compression that a flag names; `None` for the kernel's own.
pub(super) fn compression(flag: Compress) -> Option<Compression> {
    match flag {
        Compress::Kernel => None,
        Compress::None => Some(Compression::None),
        Compress::Gzip => Some(Compression::Gzip),
        Compress::Xz => Some(Compression::Xz),
        Compress::Zstd => Some(Compression::Zstd),
    }
}
