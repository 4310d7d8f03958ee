//! Warns about Rust functions that use more stack than the kernel allows.

use std::time::Duration;

use crate::Result;
use crate::module::larger_than;
use crate::run::Run;
use crate::stage::Item;
use crate::sys::regular;

/// The largest number of functions in one warning.
const MAX_SHOWN: usize = 4;

impl Run<'_> {
    /// Warns about Rust functions, compiled since `start`, whose frames are larger than the kernel
    /// allows. A kernel's stack is small, and the memory beyond its end belongs to others. Returns whether there was such a function.
    pub(crate) fn warn_of_frames(&self, items: &[Item], start: Duration) -> Result<bool> {
        let r = self.resolved;
        let mut has_warned = false;
        let limit = r.kernel().config("FRAME_WARN").and_then(|n| n.parse().ok());
        let has_rust = r
            .make
            .command
            .variables
            .iter()
            .any(|(name, _)| name == "RUSTC");
        let Some(limit) = limit.filter(|limit| *limit > 0 && has_rust) else {
            return Ok(false);
        };
        let since = i128::try_from(start.as_nanos()).unwrap_or(0);
        for (object, meta) in r.stage.products(r.module_dir(), items)? {
            let source = object.with_extension("rs");
            let is_object = object.extension().is_some_and(|end| end == "o");
            let is_new = crate::sys::ctime(&meta) >= since;
            if !is_object || !is_new || !source.is_file() {
                continue;
            }
            let Ok(bytes) = regular::read(&object) else {
                continue;
            };
            let mut frames = larger_than(limit, &bytes);
            frames.sort_by_key(|frame| std::cmp::Reverse(frame.size));
            let mut named: Vec<String> = frames
                .iter()
                .take(MAX_SHOWN)
                .map(|frame| format!("{} ({} bytes)", frame.function, frame.size))
                .collect();
            if frames.len() > MAX_SHOWN {
                named.push(format!("{} more", frames.len() - MAX_SHOWN));
            }
            if !named.is_empty() {
                has_warned = true;
                self.resolved.sink.warning("large-stack-frame", &format!(
                    "in {}, these functions use more stack than the {limit} bytes that the kernel \
                     {} allows (CONFIG_FRAME_WARN): {}. A kernel thread has about 16 KiB of stack \
                     in all. Put large arrays on the heap:\n    let mut buffer = \
                     KVec::from_elem(0_u8, 100_000, GFP_KERNEL)?;\nKBox::new takes its value from \
                     the stack. Make a large struct in place, with an initializer:\n    let state \
                     = KBox::init(initializer, GFP_KERNEL)?;\n(KBox::pin_init, if the struct must \
                     not move)",
                    r.make.map.source(&source).display(),
                    r.kernel().release(),
                    named.join(", "),
                ));
            }
        }
        Ok(has_warned)
    }
}
