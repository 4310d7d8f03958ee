//! Refuses sources whose exported symbols would get no checksums.

use std::path::Path;

use crate::resolve::Sources;
use crate::stage::Kind;
use crate::sys::{regular, walk};
use crate::{Kernel, Result};

/// Refuses sources that export symbols, if the kernel gives them no checksums.
///
/// # Errors
/// [`ErrorKind::KernelNotPrepared`](crate::ErrorKind::KernelNotPrepared), naming the first such
/// source.
pub(crate) fn check(kernel: &Kernel, sources: &Sources) -> Result<()> {
    let refuse = |path: &Path| match exports(path) {
        true => Err(kernel.no_symbol_versions(path)),
        false => Ok(()),
    };
    match sources {
        Sources::Declared(layout) => layout.items.iter().try_for_each(|item| match &item.kind {
            Kind::File { from, .. } => from.as_deref().map_or(Ok(()), refuse),
            _ => Ok(()),
        }),
        Sources::Tree { dir, .. } => walk(dir, &mut |path, _| refuse(path)),
    }
}

/// Whether a source exports symbols. Rust cannot export a symbol itself; C beside it does.
fn exports(source: &Path) -> bool {
    let may = source.extension().is_some_and(|e| e == "c" || e == "S");
    let text = may.then(|| regular::read(source).ok()).flatten();
    let word = b"EXPORT_SYMBOL";
    text.is_some_and(|text| text.windows(word.len()).any(|part| part == word))
}
