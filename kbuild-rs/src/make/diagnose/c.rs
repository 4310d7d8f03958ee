//! Words of C compilers.

use super::{Explained, Knowledge, between, headers};

pub(super) fn explain(line: &str, know: &Knowledge) -> Explained {
    // gcc's words, and clang's.
    if line.contains("[-W")
        && line.contains("frame-larger-than")
        && (line.contains(": the frame size of ") || line.contains(": stack frame size ("))
    {
        return Some((
            "frame".into(),
            "a kernel thread has about 16 KiB of stack in all, so this kernel limits what one \
             function may use (CONFIG_FRAME_WARN). Put large arrays and structs on the heap, and \
             free them with kfree():\n  buffer = kmalloc(size, GFP_KERNEL);"
                .into(),
        ));
    }
    if line.contains("fatal error: ") && line.contains("No such file or directory") {
        let header = between(line, "fatal error: ", ": No such file")?;
        return Some((format!("header {header}"), headers::explain(header, know)));
    }
    None
}
