//! The files beside the output directory that the flags ask for: `--output`, `--depfile`, `--stamp`,
//! `--compile-commands`.

use std::path::Path;
use std::time::SystemTime;

use kbuild::Report;

use super::copies::products_for;
use super::published::paths;
use super::watched::watched;
use super::{depfile, whole_file};
use crate::args::BuildArgs;
use crate::ui::failure::Failure;
use crate::ui::view::View;

/// Writes the files that the flags ask for.
pub(super) fn deliver(
    args: &BuildArgs,
    report: &Report,
    out_dir: &Path,
    view: &View,
) -> Result<(), Failure> {
    // A source that was edited while make ran is newer than this, so it counts as changed.
    let began = SystemTime::now() - view.time();
    let outputs = &args.products.output;
    for (product, output) in products_for(outputs, report)?.into_iter().zip(outputs) {
        whole_file::copy_if_changed(product, output, began)?;
    }
    let (into, record) = (
        &args.products.compile_commands,
        &args.products.compile_commands_record,
    );
    if let (Some(into), Some(record)) = (into, record) {
        let own = out_dir.join("compile_commands.json");
        kbuild::merge_compile_commands(into, &[own], record)?;
    }
    if let Some(path) = &args.products.depfile {
        let targets = match &args.products.stamp {
            Some(file) => vec![file.to_owned()],
            None if !outputs.is_empty() => outputs.clone(),
            None => paths(report, out_dir),
        };
        depfile::write(path, &targets, &watched(report), view)?;
    }
    if let Some(stamp) = &args.products.stamp {
        whole_file::touch(stamp, began)?;
    }
    Ok(())
}
