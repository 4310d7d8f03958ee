//! Headers that a compiler does not find.

use std::path::{Path, PathBuf};

use super::Knowledge;
use crate::makefile::{Makefiles, uses};

/// Headers of the C library, and those of the kernel that declare the same.
const OF_PROGRAMS: &[(&str, &str)] = &[
    ("assert.h", "<linux/bug.h>, for WARN_ON()"),
    ("ctype.h", "<linux/ctype.h>"),
    ("errno.h", "<linux/errno.h>"),
    ("fcntl.h", "<linux/fcntl.h>"),
    ("inttypes.h", "<linux/types.h>"),
    ("limits.h", "<linux/limits.h>"),
    ("pthread.h", "<linux/kthread.h> and <linux/mutex.h>"),
    ("signal.h", "<linux/signal.h>"),
    ("stdarg.h", "<linux/stdarg.h>"),
    ("stdatomic.h", "<linux/atomic.h>"),
    ("stdbool.h", "<linux/types.h>"),
    ("stddef.h", "<linux/stddef.h>"),
    ("stdint.h", "<linux/types.h>"),
    ("stdio.h", "<linux/printk.h>, for pr_info()"),
    ("stdlib.h", "<linux/slab.h>, for kmalloc()"),
    ("string.h", "<linux/string.h>"),
    ("strings.h", "<linux/string.h>"),
    ("sys/ioctl.h", "<linux/ioctl.h>"),
    ("sys/types.h", "<linux/types.h>"),
    ("time.h", "<linux/time.h>"),
    (
        "unistd.h",
        "<linux/unistd.h>, or <linux/delay.h> for msleep()",
    ),
];

/// How many folders are looked through for a header.
const MOST_FOLDERS: usize = 1000;

/// What to do about a header that was not found.
pub(super) fn explain(header: &str, know: &Knowledge) -> String {
    if let Some(text) = working_folder(header, know) {
        return text;
    }
    let folder = folder_of(header, &know.module_dir);
    let of_kernel = OF_PROGRAMS.iter().find(|(name, _)| *name == header);
    if let (None, Some((_, instead))) = (&folder, of_kernel) {
        return format!(
            "{header} is a header of the C library, which the kernel is compiled without: include \
             {instead} instead (in a file that programs compile too, under #ifdef __KERNEL__)"
        );
    }
    let mut text = format!(
        "the header {header} was not found: name its folder (-I, or ccflags-y in the Kbuild), or \
         stage a folder further up (--root) where the tree reaches above itself"
    );
    if let Some(folder) = folder {
        let folder = Path::new("$(src)").join(folder);
        let folder = folder.display().to_string();
        let folder = folder.trim_end_matches('/');
        text += &format!(". One of that name is in the tree: ccflags-y += -I{folder}");
    }
    text
}

/// A search path that begins at make's working folder, which is the kernel's before 6.13: by hand,
/// the wrapper around kbuild sets the variable first.
fn working_folder(header: &str, know: &Knowledge) -> Option<String> {
    if know.works_in_module {
        return None;
    }
    let makefiles = Makefiles::of(&know.module_dir);
    let here = know.module_dir.to_string_lossy();
    let is_there = |folder: &str| {
        let folder = PULLS_CWD
            .iter()
            .fold(folder.to_owned(), |f, cwd| f.replace(cwd, &here));
        Path::new(&folder).join(header).is_file()
    };
    for assignment in makefiles.assignments() {
        for word in assignment.value.split("-I").skip(1) {
            // `$(shell pwd)` has a blank in it.
            let end = PULLS_CWD
                .iter()
                .find(|cwd| word.starts_with(**cwd))
                .map_or(0, |cwd| cwd.len());
            let length = word[end..]
                .find(char::is_whitespace)
                .map_or(word.len(), |at| end + at);
            let word = &word[..length];
            let folder = makefiles.expand(word);
            if !PULLS_CWD.iter().any(|cwd| folder.contains(cwd)) || !is_there(&folder) {
                continue;
            }
            let variable = makefiles
                .assignments()
                .find(|a| PULLS_CWD.iter().any(|cwd| a.value.contains(cwd)) && uses(word, a.name));
            let what = variable.map_or(word, |variable| variable.name);
            let instead = match variable {
                Some(variable) => {
                    let value = PULLS_CWD.iter().fold(variable.value.to_owned(), |v, cwd| {
                        v.replace(cwd, "{staged_dir}")
                    });
                    format!(
                        ", or set it for this build:\n    --make-var '{}={value}'",
                        variable.name
                    )
                }
                None => String::new(),
            };
            return Some(format!(
                "the header {header} was not found: {what} is make's working folder, and before \
                 6.13 that is the kernel's. Use $(src), which is the module's on every \
                 kernel{instead}"
            ));
        }
    }
    None
}

/// How makefiles ask for the folder that make works in. `PWD` is not one of them: it is set to the
/// module's.
const PULLS_CWD: &[&str] = &["$(shell pwd)", "${shell pwd}", "$(CURDIR)", "${CURDIR}"];

/// The folder below the module's, relative to it, that has the header.
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
mod tests {
    use super::*;
    use crate::kernel::fixture::Root;

    fn told(header: &str, files: &[(&str, &str)], works_in_module: bool) -> String {
        let root = Root::new();
        for (name, text) in files {
            root.write(name, text);
        }
        let know = Knowledge {
            module_dir: root.join("").components().collect(),
            works_in_module,
            ..Knowledge::default()
        };
        explain(header, &know)
    }

    #[test]
    fn a_header_of_programs_is_told_by_the_kernels_unless_the_tree_has_one() {
        let text = told("stdint.h", &[("Kbuild", "obj-m := a.o\n")], false);
        assert!(text.contains("include <linux/types.h> instead"), "{text}");
        let text = told("stdint.h", &[("compat/stdint.h", "")], false);
        assert!(text.contains("ccflags-y += -I$(src)/compat"), "{text}");
        let text = told("own.h", &[("own.h", "")], false);
        assert!(text.ends_with("ccflags-y += -I$(src)"), "{text}");
        let text = told("nosuch.h", &[("own.h", "")], false);
        assert!(
            text.contains("nosuch.h was not found") && !text.contains("One of"),
            "{text}"
        );
    }

    #[test]
    fn a_search_path_that_begins_at_makes_working_folder_is_told_where_that_is_the_kernels() {
        for (makefile, wanted) in [
            (
                "TopDIR ?= $(shell pwd)\nccflags-y += -O1 -I$(TopDIR)/inc\n",
                "TopDIR={staged_dir}'",
            ),
            (
                "export TOP := $(CURDIR)/inc\nINC := -I${TOP}\nccflags-y += $(INC)\n",
                "TOP={staged_dir}/inc'",
            ),
            ("ccflags-y += -I$(shell pwd)/inc -DX\n", "Use $(src)"),
        ] {
            let files = [("Makefile", makefile), ("inc/x.h", "")];
            let text = told("x.h", &files, false);
            assert!(text.contains("before 6.13 that is the kernel's"), "{text}");
            assert!(text.contains(wanted), "no {wanted} in {text}");
            assert!(!told("x.h", &files, true).contains("working folder"));
            assert!(!told("y.h", &files, false).contains("working folder"));
        }
        let files = [
            ("Makefile", "ccflags-y += -I$(src)/other -I$(PWD)\n"),
            ("inc/x.h", ""),
        ];
        assert!(!told("x.h", &files, false).contains("working folder"));
    }
}
