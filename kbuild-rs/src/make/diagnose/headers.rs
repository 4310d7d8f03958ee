//! Headers that a compiler does not find.

use std::path::{Path, PathBuf};

use super::{BuildFacts, search_path};
use crate::error::names::{INCLUDE, TREE_ROOT};

/// Headers of the C library, and those of the kernel that declare the same.
const OF_PROGRAMS: &[(&str, &[&str])] = &[
    ("assert.h", &["<linux/bug.h> /* WARN_ON() */"]),
    ("ctype.h", &["<linux/ctype.h>"]),
    ("errno.h", &["<linux/errno.h>"]),
    ("fcntl.h", &["<linux/fcntl.h>"]),
    ("inttypes.h", &["<linux/types.h>"]),
    ("limits.h", &["<linux/limits.h>"]),
    ("pthread.h", &["<linux/kthread.h>", "<linux/mutex.h>"]),
    ("signal.h", &["<linux/signal.h>"]),
    ("stdarg.h", &["<linux/stdarg.h>"]),
    ("stdatomic.h", &["<linux/atomic.h>"]),
    ("stdbool.h", &["<linux/types.h>"]),
    ("stddef.h", &["<linux/stddef.h>"]),
    ("stdint.h", &["<linux/types.h>"]),
    ("stdio.h", &["<linux/printk.h> /* pr_info() */"]),
    ("stdlib.h", &["<linux/slab.h> /* kmalloc() */"]),
    ("string.h", &["<linux/string.h>"]),
    ("strings.h", &["<linux/string.h>"]),
    ("sys/ioctl.h", &["<linux/ioctl.h>"]),
    ("sys/types.h", &["<linux/types.h>"]),
    ("time.h", &["<linux/time.h>"]),
    (
        "unistd.h",
        &["<linux/unistd.h>", "<linux/delay.h> /* msleep() */"],
    ),
];

/// The largest number of folders searched for a header.
const MOST_FOLDERS: usize = 1000;

/// The advice about a header that was not found.
pub(super) fn explain(header: &str, facts: &BuildFacts) -> String {
    if let Some(text) = search_path::explain(header, facts) {
        return text;
    }
    let folder = folder_of(header, &facts.module_dir);
    let of_kernel = OF_PROGRAMS.iter().find(|(name, _)| *name == header);
    if let (None, Some((_, instead))) = (&folder, of_kernel) {
        let lines = instead.iter().map(|file| format!("\n    #include {file}"));
        return format!(
            "{header} is a header of the C library, which kernel code cannot use. Include the \
             kernel's own header instead:{}\nIf programs compile the file, too, put this between \
             #ifdef __KERNEL__ and #endif",
            lines.collect::<String>()
        );
    }
    let mut text = format!(
        "the header {header} was not found. If it is in a folder of the tree, add this folder to \
         the search path ({INCLUDE}; or ccflags-y in the Kbuild). If it is above the module \
         tree, name a folder above both as the tree root ({TREE_ROOT})"
    );
    if let Some(folder) = folder {
        let folder = Path::new("$(src)").join(folder);
        let folder = folder.display().to_string();
        let folder = folder.trim_end_matches('/');
        text += &format!(". The tree has one of that name:\n    ccflags-y += -I{folder}");
    }
    text
}

/// The folder below the module folder (as a relative path) that has the header.
fn folder_of(header: &str, module_dir: &Path) -> Option<PathBuf> {
    if !module_dir.is_absolute() || header.starts_with('/') || header.contains("..") {
        return None;
    }
    let mut open = vec![PathBuf::new()];
    let mut looked_at = 0;
    while let Some(folder) = open.pop() {
        looked_at += 1;
        let dir = module_dir.join(&folder);
        if dir.join(header).is_file() {
            return Some(folder);
        }
        if looked_at > MOST_FOLDERS {
            return None;
        }
        let entries = std::fs::read_dir(&dir).into_iter().flatten().flatten();
        let below = entries.filter(|e| e.file_type().is_ok_and(|kind| kind.is_dir()));
        open.extend(below.map(|entry| folder.join(entry.file_name())));
    }
    None
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::fixture::Root;

    pub(in crate::make::diagnose) fn told(
        header: &str,
        files: &[(&str, &str)],
        works_in_module: bool,
    ) -> String {
        let root = Root::new();
        for (name, text) in files {
            root.write(name, text);
        }
        let facts = BuildFacts {
            module_dir: root.join("").components().collect(),
            works_in_module,
            ..BuildFacts::default()
        };
        explain(header, &facts)
    }

    #[test]
    fn a_header_that_the_tree_does_not_have_is_not_offered() {
        let text = told("nosuch.h", &[("own.h", "")], false);
        assert!(
            text.contains("nosuch.h was not found") && !text.contains("has one of that name"),
            "{text}"
        );
        let text = told("own.h", &[("own.h", "")], false);
        assert!(text.ends_with("ccflags-y += -I$(src)"), "{text}");
    }
}
