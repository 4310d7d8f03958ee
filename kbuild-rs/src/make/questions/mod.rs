//! Questions that a compiler answers: the C sources that ask them, the Kbuild that compiles these,
//! and the answers.
//!
//! # Decisions
//!
//! - A source has the flags of an object of a module, without `-Werror` as a whole: a warning does
//!   not decide. Each `-Werror=…` of the kernel stays, and calls of undeclared functions are errors
//!   on every kernel. The caller's flags follow and may say `-Werror`.
//! - A whole source is compiled to an object, because some errors only come with the code
//!   (`BUILD_BUG_ON`). For the other questions, the compiler only parses.
//! - Questions with the same prefix share a source: most of the time goes into the headers. A line
//!   directive gives each question a file name of its own, by which its errors are known.
//! - Headers come from `-H` and not from a depfile: gcc writes no depfile if there is an error, and
//!   a "no" has prerequisites too.
//! - A header is looked for with `__has_include`: it exists even if it does not compile on its own.
//! - A module without a header is compiled with the questions. If it fails, make fails: a compiler
//!   that cannot run is not a "no". It also makes the first phase the same as that of any module.
//! - If a header was missing, `linux/module.h` is tried with the same flags. Without it, the missing
//!   header says nothing about this kernel: the tree lacks generated headers, or a flag hides them.
//! - The caller's flags cannot stop the compiler at the first error: the questions after it in the
//!   same source would get a "yes".

mod answer;
mod group;

pub(crate) use answer::Verdict;
pub(crate) use group::{Group, check, is_of_group};

/// The name of the module that must compile.
pub(crate) const SANITY: &str = "kbuild_rs_sanity";

/// Its source. It includes nothing: it is compiled before the first question is answered.
pub(crate) const SANITY_SOURCE: &str = "static const char license[] __attribute__((used, \
     section(\".modinfo\"), aligned(1))) = \"license=GPL\";\nstatic const char description[] \
     __attribute__((used, section(\".modinfo\"), aligned(1))) = \"description=kbuild-rs\";\n";

/// The word before the header folders in an answer, and before the compiler's exit code.
const FOLDERS: &str = "kbuild-rs-folders:";
const STATUS: &str = "kbuild-rs-status:";

/// The word before the compiler's output about a header that every prepared kernel tree has.
const TREE: &str = "kbuild-rs-tree:";

/// The Kbuild in the stage. It takes all sources that it finds, so that its text never changes.
/// `flags` is the folder of the flag files.
pub(crate) fn kbuild(flags: &str) -> String {
    format!(
        "# Written by kbuild-rs.\n\
         obj-m := {SANITY}.o\n\
         kbuild-rs-sources := $(notdir $(wildcard $(src)/{whole}*.c $(src)/{parsed}*.c))\n\
         always-y := $(patsubst %.c,%.answer,$(kbuild-rs-sources))\n\
         kbuild-rs-cc = $(CC) $(filter-out -Wp$(comma)-M%,$(c_flags)) -Wno-error \
         -Werror=implicit-function-declaration -Werror=implicit-int -g0 -H @{flags}/cc \
         -Wno-fatal-errors {limit}\n\
         quiet_cmd_probe = PROBE   $(basename $(@F))\n      \
         cmd_probe = {{ printf '%s\\n' '{FOLDERS}' $(filter -I%,$(LINUXINCLUDE)); \
         code=0; $(kbuild-rs-cc) \
         $(if $(filter {parsed}%,$(@F)),-fsyntax-only,-c -o $(@D)/.$(basename $(@F)).o) $< || code=$$?; \
         echo \"{STATUS} $$code\"; \
         if [ $$code != 0 ] && grep -q {missing} $@; then \
         echo '{TREE}'; code=0; \
         $(kbuild-rs-cc) -w -fsyntax-only -include linux/module.h -x c /dev/null || code=$$?; \
         echo \"{STATUS} $$code\"; fi; }} >$@ 2>&1\n\
         $(obj)/%.answer: part-of-module := y\n\
         $(obj)/%.answer: $(obj)/%.c\n\
         \t$(call cmd,probe)\n",
        whole = group::WHOLE,
        parsed = group::PARSED,
        missing = "-e 'No such file or directory' -e 'file not found'",
        limit = "$(if $(CONFIG_CC_IS_CLANG),-ferror-limit=0,-fmax-errors=0)",
    )
}
