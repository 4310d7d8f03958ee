//! One build for each of several kernels, and the table by which a program picks its module.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use super::target::Target;
use super::{Build, Matrix, places, skip};
use crate::cargo::{self, Door};
use crate::message::Kept;
use crate::report::Report;
use crate::sys::{Root, Writer, not_ours};
use crate::{Error, Kernel, Result};

/// Builds for each kernel into `OUT/<release>/`; see [`Build::try_compile_each`].
pub(super) fn each(build: &Build, name: Option<&str>) -> Result<Vec<Result<Report>>> {
    let door = Door {
        metadata: build.sink.cargo,
    };
    let out = places::output_directory(build, door)?;
    if skip::is_wanted(door) {
        for name in skip::names(build, name, door)? {
            write_table(&out, &name, &[])?;
        }
        return Ok(Vec::new());
    }
    let asked = Target::of(build, door).kernels(build, door)?;
    check_releases(&asked)?;
    for kernel in &asked {
        check_no_link(&out.join(kernel.release()))?;
    }

    let mut matrix = Matrix::new();
    // Who runs at the same time must not talk at the same time: each kernel's messages are kept
    // until its build has ended.
    let kept: Vec<_> = asked.iter().map(|_| Kept::default()).collect();
    for (kernel, kept) in asked.iter().zip(&kept) {
        let mut one = build.clone();
        one.kernel(kernel.dir()).out_dir(out.join(kernel.release()));
        one.default_pool_dir.get_or_insert_with(|| out.clone());
        if asked.len() > 1 {
            one.sink = kept.sink(door.metadata);
        }
        matrix.add(&one, name);
    }
    let results = matrix.side_by_side(&mut |i, _| {
        kept[i].tell(&format!("for {}:", asked[i].release()), &build.sink);
    });
    let reports: Vec<&Report> = results.iter().flatten().collect();
    let mut tables: BTreeMap<&str, Vec<(&str, &Path)>> = BTreeMap::new();
    for report in &reports {
        let release = report.kernel().map_or("", Kernel::release);
        for module in report.modules() {
            let rows = tables.entry(module.name()).or_default();
            rows.push((release, module.path()));
        }
        if door.metadata {
            cargo::announce_files(report);
            cargo::pass_on(door, Some(release), &report.provided);
        }
    }
    if door.metadata {
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
                "{} and {} are both {}: name each release once",
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
