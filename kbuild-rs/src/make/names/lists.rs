//! The lists of names, and the reasons why callers may not set them.

pub(super) const PLACE: &str = "controls where and how kbuild-rs runs make, and cannot be set; to \
                                choose where products go, set the output directory";
pub(super) const OF_MAKE: &str = "belongs to make and cannot be set; rename it if it is a \
                                  variable of the tree";
pub(super) const SHELL: &str = "names the shell or the make that runs all of kbuild's commands, and \
                                cannot be set";
pub(super) const COMMAND: &str = "is a command of kbuild or a part of one, so its value would be \
                                  run; rename it if it is a variable of the tree";
pub(super) const FUNCTION: &str = "is a function of kbuild, so make would expand its value; \
                                   rename it if it is a variable of the tree";
pub(super) const COMPUTED: &str = "is computed by kbuild for each file and put into its commands; for \
                                   flags use KCFLAGS, KAFLAGS, KCPPFLAGS, or ccflags-y and its like";
pub(super) const LOADER: &str = "would reach every program that make starts, and change what they \
                                 do; if you want that, set it in the environment (--env, \
                                 Build::env; in CMake, ENVIRONMENT; in Meson, env)";
pub(super) const SHELL_CODE: &str = "is read as commands by every shell that make starts, and cannot be \
                                     set";

/// Names that are refused, and why.
pub(super) const REFUSED: &[(&str, &[&str])] = &[
    (
        PLACE,
        &[
            "M",
            "MO",
            "O",
            "SUBDIRS",
            "KBUILD_OUTPUT",
            "KBUILD_EXTMOD",
            "KBUILD_EXTMOD_OUTPUT",
            "KBUILD_SRC",
            "KERNELRELEASE",
            "MAKEFLAGS",
            "MAKEOVERRIDES",
            "MAKEFILES",
            "MAKELEVEL",
            "MFLAGS",
            "GNUMAKEFLAGS",
            "CARGO_MAKEFLAGS",
            "sub_make_done",
            "need-sub-make",
            "abs_srctree",
            "abs_objtree",
            "abs_output",
            "srctree",
            "srcroot",
            "objtree",
            "src",
            "obj",
            "output",
            "CURDIR",
            "PWD",
            "MODORDER",
            "SRCARCH",
        ],
    ),
    (
        OF_MAKE,
        &[
            "MAKECMDGOALS",
            "MAKEFILE_LIST",
            "MAKE_COMMAND",
            "MAKE_HOST",
            "MAKE_RESTARTS",
            "MAKE_TERMERR",
            "MAKE_TERMOUT",
            "MAKE_VERSION",
            "VPATH",
        ],
    ),
    (
        SHELL,
        &["SHELL", "CONFIG_SHELL", "MAKE", "MAKESHELL", "BASH"],
    ),
    (
        COMMAND,
        &[
            "Q",
            "quiet",
            "build",
            "clean",
            "dtbinst",
            "hdr-inst",
            "kecho",
            "objtool",
            "genksyms",
            "gendwarfksyms",
            "gen_symversions",
            "getasmexports",
            "getexportsymbols",
            "mod_compress_cmd",
            "mod_sign_cmd",
            "mod_strip_cmd",
            "rust_common_cmd",
            "rust_handle_depfile",
            "size_append",
            "delete-on-interrupt",
            "MODPOST",
            "KERNELDOC",
            "MKIMAGE",
            "RUSTC_OR_CLIPPY",
            "RUSTC_OR_CLIPPY_QUIET",
        ],
    ),
    (
        FUNCTION,
        &[
            "cmd",
            "filechk",
            "echo-cmd",
            "make-cmd",
            "why",
            "try-run",
            "escsq",
            "quote",
            "squote",
            "pound",
            "comma",
            "empty",
            "space",
            "newline",
            "stringify",
            "name-fix",
            "read-file",
        ],
    ),
    (
        COMPUTED,
        &[
            "LINUXINCLUDE",
            "USERINCLUDE",
            "NOSTDINC_FLAGS",
            "CLANG_FLAGS",
            "DTC_INCLUDE",
            "TMPOUT",
            "PHONY",
            "basetarget",
            "target-stem",
            "dot-target",
            "tmp-target",
            "depfile",
            "modname",
            "modfile",
            "real-prereqs",
            "newer-prereqs",
            "kbuild-dir",
            "kbuild-file",
            "targets",
        ],
    ),
    (
        LOADER,
        &[
            "PATH",
            "IFS",
            "LD_AUDIT",
            "LD_LIBRARY_PATH",
            "LD_PRELOAD",
            "GCONV_PATH",
            "COMPILER_PATH",
            "GCC_EXEC_PREFIX",
            "GIT_DIR",
            "GIT_EXEC_PATH",
            "GIT_EXTERNAL_DIFF",
            "GIT_INDEX_FILE",
            "GIT_WORK_TREE",
            "PERL5DB",
            "PERL5LIB",
            "PERL5OPT",
            "PYTHONHOME",
            "PYTHONPATH",
        ],
    ),
    (SHELL_CODE, &["BASH_ENV", "BASHOPTS", "PS4", "SHELLOPTS"]),
];

/// Names that are refused because of their beginnings.
pub(super) const REFUSED_STARTS: &[(&str, &[&str])] = &[
    (
        COMMAND,
        &[
            "cmd_",
            "rule_",
            "sub_cmd_",
            "savedcmd_",
            "quiet_",
            "silent_",
        ],
    ),
    (
        FUNCTION,
        &[
            "filechk_",
            "if_changed",
            "if-changed",
            "cc-option",
            "as-option",
            "as-instr",
            "ld-option",
            "rustc-option",
        ],
    ),
    (
        COMPUTED,
        &[
            "KBUILD_CFLAGS",
            "KBUILD_AFLAGS",
            "KBUILD_CPPFLAGS",
            "KBUILD_LDFLAGS",
            "KBUILD_RUSTFLAGS",
            "KBUILD_HOST",
            "KBUILD_USER",
        ],
    ),
    (LOADER, &["GIT_CONFIG", "GIT_SSH"]),
];

/// Variables that every kernel runs, or puts into commands unchanged.
pub(super) const WORDS: &[&str] = &[
    "AR",
    "AS",
    "AWK",
    "BINDGEN",
    "CARGO",
    "CC",
    "CHECK",
    "CLIPPY_DRIVER",
    "CPP",
    "DEPMOD",
    "DTC",
    "HOSTCC",
    "HOSTCXX",
    "HOSTLD",
    "HOSTPKG_CONFIG",
    "HOSTRUSTC",
    "KBZIP2",
    "KGZIP",
    "KLZOP",
    "LD",
    "LEX",
    "LLVM_LINK",
    "LZ4",
    "LZMA",
    "NM",
    "OBJCOPY",
    "OBJDUMP",
    "PAHOLE",
    // kbuild-rs removes words of it, and so perhaps one of two quotes.
    "PAHOLE_FLAGS",
    "PERL",
    "PYTHON",
    "PYTHON3",
    "READELF",
    "RESOLVE_BTFIDS",
    "RUSTC",
    "RUSTDOC",
    "RUSTFMT",
    "STRIP",
    "TAR",
    "XZ",
    "YACC",
    "ZSTD",
    // Switches.
    "C",
    "CLIPPY",
    "GCOV_PROFILE",
    "JOBS",
    "KBUILD_CHECKSRC",
    "KBUILD_CLIPPY",
    "KBUILD_EXTRA_WARN",
    "KBUILD_NSDEPS",
    "KBUILD_VERBOSE",
    "KERNELVERSION",
    "KCSAN_SANITIZE",
    "SKIP_STACK_VALIDATION",
    "V",
    "W",
];

/// Variables that list files of a Kbuild.
pub(super) const TARGETS: &[&str] = &[
    "always",
    "always-m",
    "always-y",
    "extra-y",
    "hostprogs",
    "lib-m",
    "lib-y",
    "obj-m",
    "obj-y",
    "subdir-m",
    "subdir-y",
    "userprogs",
];

/// The same as [`WORDS`], for flags.
pub(super) const FLAGS: &[&str] = &[
    "CF",
    "asflags-y",
    "ccflags-y",
    "cppflags-y",
    "ldflags-y",
    "rustflags-y",
    "subdir-asflags-y",
    "subdir-ccflags-y",
    "subdir-rustflags-y",
    "ccflags-remove-y",
    "asflags-remove-y",
    "rustflags-remove-y",
];

/// Variables that trees share with the kernel, or users with its scripts. No command of a module
/// build contains their values.
pub(super) const SHARED: &[&str] = &[
    "VERSION",
    "PATCHLEVEL",
    "SUBLEVEL",
    "EXTRAVERSION",
    "NAME",
    "KBUILD_BUILD_HOST",
    "KBUILD_BUILD_TIMESTAMP",
    "KBUILD_BUILD_USER",
    "KBUILD_BUILD_VERSION",
    "KBUILD_SIGN_PIN",
];
