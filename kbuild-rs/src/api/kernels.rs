//! One build for each of several kernels, and the table from which a program selects its module.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use crate::error::KeptMessages;
use crate::resolve::{Wanted, output_directory};
use crate::run::{Several, skip};
use crate::settings::{Report, Settings};
use crate::sys::{Root, Writer, not_ours};
use crate::{Error, Kernel, Result, cargo};

/// Builds for each kernel into `OUT/<release>/`; see [`Build::try_compile_each`](crate::Build::try_compile_each).
pub(super) fn each(settings: &Settings, name: Option<&str>) -> Result<Vec<Result<Report>>> {
    let environment = &settings.environment;
    let out = output_directory(settings)?;
    if skip::is_wanted(settings) {
        for name in skip::names(settings, name)? {
            write_table(&out, &name, &[])?;
        }
        return Ok(Vec::new());
    }
    let kernels = Wanted::of(settings).kernels(settings)?;
    check_releases(&kernels)?;
    for kernel in &kernels {
        check_no_link(&out.join(kernel.release()))?;
    }

    let mut builds = Several::default();
    // Who runs at the same time must not talk at the same time: each kernel's messages are kept
    // until its build has ended.
    let kept: Vec<_> = kernels.iter().map(|_| KeptMessages::default()).collect();
    for (kernel, kept) in kernels.iter().zip(&kept) {
        let mut one = settings.clone();
        one.kernels = vec![kernel.dir().into()];
        one.out_dir = Some(out.join(kernel.release()));
        one.default_pool_dir.get_or_insert_with(|| out.clone());
        if kernels.len() > 1 {
            one.sink = kept.sink();
        }
        builds.add(one, name);
    }
    let results = builds.run(&mut |i, _| {
        kept[i].tell(&format!("for {}:", kernels[i].release()), &settings.sink);
    });
    for error in results.iter().filter_map(|result| result.as_ref().err()) {
        cargo::announce_requirements(environment, error);
    }
    let reports: Vec<&Report> = results.iter().flatten().collect();
    let mut tables: BTreeMap<&str, Vec<(&str, &Path)>> = BTreeMap::new();
    for report in &reports {
        let release = report.kernel().map_or("", Kernel::release);
        for module in report.modules() {
            let rows = tables.entry(module.name()).or_default();
            rows.push((release, module.path()));
        }
        if environment.is_build_script {
            cargo::announce_files(report);
            cargo::record_modules(environment, report)?;
            cargo::pass_on(environment, Some(release), report);
        }
    }
    if environment.is_build_script {
        for (name, rows) in &tables {
            write_table(&out, name, rows)?;
        }
    }
    Ok(results)
}

/// The release names the output directory and is what a program asks for.
fn check_releases(kernels: &[Kernel]) -> Result<()> {
    for (i, kernel) in kernels.iter().enumerate() {
        if let Some(other) = kernels[..i]
            .iter()
            .find(|k| k.release() == kernel.release())
        {
            return Err(Error::input(format!(
                "{} and {} both have the release {}. Name each release once",
                other.dir().display(),
                kernel.dir().display(),
                kernel.release()
            )));
        }
    }
    Ok(())
}

/// Below the output directory no link is followed, and each kernel's is there.
fn check_no_link(out: &Path) -> Result<()> {
    match out.is_symlink() {
        true => Err(not_ours(out, "is a link")),
        false => Ok(()),
    }
}

/// A Rust expression: `&[("6.1.0-56-amd64", include_bytes!("…")), …]`.
fn write_table(out: &Path, name: &str, rows: &[(&str, &Path)]) -> Result<()> {
    let mut text = String::from("// Written by kbuild-rs: (release, module).\n&[\n");
    for (release, path) in rows {
        let path = path.to_str().ok_or_else(|| {
            Error::input(format!(
                "{} cannot be named in Rust source: it is not UTF-8",
                path.display()
            ))
        })?;
        // Writing into a String cannot fail.
        let _ = writeln!(
            text,
            "    ({release:?}, include_bytes!({path:?}) as &[u8]),"
        );
    }
    text.push_str("]\n");
    let file = out.join(format!("{name}_kernels.rs"));
    Writer::new([Root::make(out)?]).write_if_changed(&file, text.as_bytes())?;
    cargo::announce_table(name, &file);
    Ok(())
}
