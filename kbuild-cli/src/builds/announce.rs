//! The results of a build, and the sentence that ends it.

use std::path::Path;
use std::time::Duration;

use kbuild::{Kernel, Report};

use super::published::paths;
use crate::args::{BuildArgs, MessageFormat};
use crate::ui::failure::Failure;
use crate::ui::json::{self, Event};
use crate::ui::streams;
use crate::ui::text::{count, duration};
use crate::ui::view::View;

/// The results, and the sentence that ends a build.
pub(super) fn announce(
    args: &BuildArgs,
    report: &Report,
    out_dir: &Path,
    view: &View,
) -> Result<(), Failure> {
    match args.run.message_format {
        MessageFormat::Human => {
            let asked = &args.common.target;
            if args.run.outer_verbose && args.run.quiet && report.is_cached() {
                view.closing_aloud(|time| outcome(report, asked, time));
            } else {
                view.closing(|time| sentence(report, asked, out_dir, time));
            }
            // A caller that asks for a stamp or a copy knows the names of the products.
            let named = args.products.stamp.is_some() || !args.products.output.is_empty();
            let known = args.run.quiet && named;
            let paths = paths(report, out_dir);
            for path in paths.iter().filter(|_| !known) {
                streams::result(path.as_os_str().as_encoded_bytes());
            }
        }
        MessageFormat::Json => print_artifacts(report)?,
    }
    Ok(())
}

fn print_artifacts(report: &Report) -> Result<(), Failure> {
    let release = report.kernel().map_or("", Kernel::release);
    let (fresh, cached) = (report.is_fresh(), report.is_cached());
    for module in report.modules() {
        let info = module.info()?;
        json::print(&Event::ModuleArtifact {
            release,
            name: module.name(),
            path: json::path(module.path()),
            fresh,
            cached,
            symvers: report.symvers().map(json::path),
            vermagic: &info.vermagic,
            licenses: &info.licenses,
            depends: &info.depends,
        });
    }
    for path in report.products() {
        let name = path.strip_prefix(report.out_dir()).unwrap_or(path);
        json::print(&Event::ProductArtifact {
            release,
            name: json::text(name.as_os_str()),
            path: json::path(path),
            fresh,
            cached,
        });
    }
    for path in report.targets() {
        json::print(&Event::TargetArtifact {
            release,
            path: json::path(path),
            fresh,
            cached,
        });
    }
    Ok(())
}

/// "built hello for 6.1.0-40-amd64 in 2.1 s → kbuild-out".
fn sentence(report: &Report, asked: &[String], out_dir: &Path, time: Duration) -> String {
    let outcome = outcome(report, asked, time);
    if report.is_fresh() || products(report).is_empty() {
        return outcome;
    }
    format!("{outcome} → {}", out_dir.display())
}

/// "hello", "2 modules and 1 target"; empty if there is no file.
fn products(report: &Report) -> String {
    let mut parts = match report.modules() {
        [] => Vec::new(),
        [module] => vec![module.name().to_owned()],
        modules => vec![count(modules.len(), "module")],
    };
    for (files, noun) in [
        (report.products(), "other product"),
        (report.targets(), "target"),
    ] {
        parts.extend((!files.is_empty()).then(|| count(files.len(), noun)));
    }
    parts.join(" and ")
}

/// "built hello for 6.1.0-40-amd64 in 2.1 s".
fn outcome(report: &Report, asked: &[String], time: Duration) -> String {
    let what = products(report);
    let release = report.kernel().map_or("", Kernel::release);
    if what.is_empty() {
        // Some targets create no file, such as `clean`.
        let targets = asked.join(" ");
        return format!("made {targets} for {release} in {}", duration(time));
    }
    if report.is_fresh() {
        let many = report.modules().len() + report.products().len() + report.targets().len() != 1;
        let are = if many { "are" } else { "is" };
        return format!("{what} {are} up to date ({release})");
    }
    let how = match report.is_cached() {
        true => "cached",
        false => "built",
    };
    format!("{how} {what} for {release} in {}", duration(time))
}
