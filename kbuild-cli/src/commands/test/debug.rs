//! A kernel under a debugger.

use std::path::Path;

/// The lines that tell how gdb connects.
pub(super) fn advice(socket: &Path, image: &Path, tree: Option<&Path>) -> String {
    let vmlinux = tree.map(|tree| tree.join("vmlinux"));
    let (symbols, lacking) = match vmlinux.filter(|file| file.is_file()) {
        Some(file) => (format!(" {}", file.display()), String::new()),
        None => (
            String::new(),
            format!(
                "\nFor symbols, also give gdb the vmlinux of {}.",
                image.display()
            ),
        ),
    };
    format!(
        "The kernel waits for a debugger. In another terminal:\n    gdb{symbols} -ex 'target remote \
         {}'{lacking}",
        socket.display()
    )
}
