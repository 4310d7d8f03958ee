//! `--output`: finds the product that each file becomes a copy of.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use kbuild::{Artifact, Report};

use crate::ui::failure::Failure;
use crate::ui::text::count;

/// The products that files of these names become copies of.
pub(super) fn products_for<'a>(
    outputs: &[PathBuf],
    report: &'a Report,
) -> Result<Vec<&'a Path>, Failure> {
    let is_module = |output: &&PathBuf| !is(output, "symvers") && other(output, report).is_none();
    let alone = outputs.iter().filter(is_module).count() == 1;
    let products = outputs
        .iter()
        .map(|output| product_for(output, alone, report));
    products.collect()
}

/// A module's copy may have any name if it is `alone`; with several, a wrong name would silently
/// copy another module.
fn product_for<'a>(output: &Path, alone: bool, report: &'a Report) -> Result<&'a Path, Failure> {
    if is(output, "symvers") {
        return report.symvers().ok_or_else(|| {
            Failure::no_result(
                "--output names a symvers, but this build does not write one: remove this --output"
                    .to_owned(),
            )
        });
    }
    if let Some(product) = other(output, report) {
        return Ok(product);
    }
    let named = output.file_stem().and_then(OsStr::to_str);
    match (named.and_then(|name| report.module(name)), report.modules()) {
        (Some(module), _) if is(output, "ko") => Ok(module.path()),
        (_, [module]) if alone => Ok(module.path()),
        (_, modules) => {
            let names: Vec<_> = modules.iter().map(Artifact::name).collect();
            Err(Failure::wrong_call(format!(
                "--output names {}, but this build makes {}{}{}: name one of its products, or use \
                 --out-dir, which accepts any number of products",
                output.display(),
                count(names.len(), "module"),
                if names.is_empty() { "" } else { ": " },
                names.join(", ")
            )))
        }
    }
}

/// The product with the name of this file that is not a module. If several in different folders
/// match, it is the one whose whole path ends the file's path.
fn other<'a>(output: &Path, report: &'a Report) -> Option<&'a Path> {
    let products = report.products().iter().map(PathBuf::as_path);
    let mut found: Vec<_> = products
        .filter(|product| product.file_name() == output.file_name())
        .collect();
    if found.len() > 1 {
        let below = |product: &Path| {
            product
                .strip_prefix(report.out_dir())
                .ok()
                .map(Path::to_owned)
        };
        found.retain(|product| below(product).is_some_and(|below| output.ends_with(below)));
        found.sort_by_key(|product| std::cmp::Reverse(product.as_os_str().len()));
    }
    found.first().copied()
}

fn is(output: &Path, extension: &str) -> bool {
    output.extension().is_some_and(|e| e == extension)
}
