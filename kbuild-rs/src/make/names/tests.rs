//! Names over a made-up kernel.

use super::*;
use crate::fixture::Root;

/// A kernel whose makefiles set and use variables that the lists lack.
fn kernel(root: &Root) -> Kernel {
    let dir = root.kernel("linux", "9.1.0");
    root.write(
        "linux/scripts/Kbuild.include",
        "tomorrows-flags := -O2\nTOMORROW ?= x\n\t$(Q)$(FUTURE_ARGS) $(call soon,x)\n",
    );
    root.write("linux/scripts/Makefile.package", "tarball := x\n");
    root.write("linux/arch/x86/Makefile", "core-y += x\n");
    Kernel::open(dir).unwrap()
}

#[test]
fn the_kernels_own_variables_are_refused_with_the_reason() {
    let root = Root::new();
    let kernel = kernel(&root);
    let names = Names::of(&kernel);
    for (name, wanted) in [
        ("M", "cannot be set"),
        ("MO", "cannot be set"),
        ("O", "cannot be set"),
        ("KBUILD_OUTPUT", "cannot be set"),
        ("MAKEFLAGS", "cannot be set"),
        ("sub_make_done", "cannot be set"),
        ("SHELL", "the shell"),
        ("CONFIG_SHELL", "the shell"),
        ("MAKE", "the shell or the make"),
        ("MAKEFILE_LIST", "belongs to make"),
        ("Q", "would be run"),
        ("cmd_cc_o_c", "would be run"),
        ("quiet_cmd_cc_o_c", "would be run"),
        ("rule_cc_o_c", "would be run"),
        ("filechk_x", "would expand"),
        ("if_changed", "would expand"),
        ("cc-option", "would expand"),
        ("LINUXINCLUDE", "KCFLAGS"),
        ("USERINCLUDE", "KCFLAGS"),
        ("KBUILD_CFLAGS", "KCFLAGS"),
        ("dot-target", "KCFLAGS"),
        ("LD_PRELOAD", "--env"),
        ("BASH_ENV", "every shell"),
        ("tomorrows-flags", "scripts/Kbuild.include sets it"),
        ("TOMORROW", "scripts/Kbuild.include sets it"),
        ("core-y", "arch/x86/Makefile sets it"),
    ] {
        let error = names.check_variable(name, OsStr::new("x")).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with(name) && text.contains(wanted), "{text}");
    }
    for name in ["", "1A", "A B", "A=B", "$(x)", "-C", "A:B", ".SHELLFLAGS"] {
        let said = names.check_variable(name, OsStr::new("x")).unwrap_err();
        assert!(said.to_string().contains("not the name of"), "{name:?}");
        let said = names.check_environment(OsStr::new(name), OsStr::new("x"));
        assert!(
            said.unwrap_err().to_string().contains("not the name of"),
            "{name:?}"
        );
    }
}

#[test]
fn variables_that_people_set_are_allowed() {
    let root = Root::new();
    let kernel = kernel(&root);
    let names = Names::of(&kernel);
    let odd = "a;b `c` $(d) 'e \"f #";
    for name in [
        "KDIR",
        "KSRC",
        "DEBUG",
        "VERSION",
        "KBUILD_SIGN_PIN",
        "DRIVER_VERSION",
        "kver.x",
        "with-foo",
        "tarball",
        "GIT_VERSION",
        "LD_SCRIPT",
        "ENV",
        "MAKE_OPTS",
        "build_dir",
        "TARGET",
    ] {
        names.check_variable(name, OsStr::new(odd)).unwrap();
    }
    for (name, value) in [
        ("CONFIG_FOO", "m"),
        ("CONFIG_CC_VERSION_TEXT", "\"gcc-12 12.2.0\""),
        ("W", "1"),
        ("V", "2"),
        ("C", "1"),
        ("CF", "-D__CHECK_ENDIAN__"),
        ("CHECK", "sparse"),
        ("LD", "ld.lld"),
        ("AR", "\"/opt/a tool/ar\""),
        ("PAHOLE", "/opt/pahole"),
        ("PAHOLE_FLAGS", "--btf_gen_floats"),
        ("KBUILD_MODPOST_WARN", "1"),
        ("INSTALL_MOD_PATH", "/tmp/x"),
        ("obj-m", "a.o b.o"),
        ("foo-y", "a.o"),
        ("foo-objs", "a.o"),
        ("ccflags-y", "-DX=1"),
        (
            "EXTRA_CFLAGS",
            "-I/a '-DX=\"a;b (c)\"' \"-DZ=(1)\" -DY=\\\"q\\\"",
        ),
        ("CFLAGS_foo.o", "-O2"),
        ("MODULE_CFLAGS", "-fno-PIE"),
        ("KCFLAGS", "-Wl,--a=b @/x"),
        ("KCFLAGS", ""),
    ] {
        let said = names.check_variable(name, OsStr::new(value));
        assert!(said.is_ok(), "{name}={value}: {said:?}");
    }
}

#[test]
fn variables_in_kbuilds_commands_may_hold_words_and_nothing_that_a_shell_runs() {
    let root = Root::new();
    let kernel = kernel(&root);
    let names = Names::of(&kernel);
    let refuses = |name: &str, value: &str| {
        let said = names.check_variable(name, OsStr::new(value));
        assert!(said.is_err(), "{name}={value}");
        let said = names.check_environment(OsStr::new(name), OsStr::new(value));
        assert!(said.is_err(), "--env {name}={value}");
    };
    for value in [
        "-DX=`x`", "$(x)", "$x", "$$(x)", "a;b", "a&b", "a|b", "a>b", "'a", "\"`x`\"", "\"$x\"",
        "a\\", "#a", "'$(x)'", "'`x`'", "\\`x\\`",
    ] {
        for name in [
            "KCFLAGS",
            "LD",
            "PAHOLE_FLAGS",
            "ccflags-y",
            "obj-m",
            "foo-objs",
            "CONFIG_FRAME_WARN",
            "CF",
            "W",
            "FUTURE_ARGS",
            "soon",
            "KBUILD_MODPOST_WARN",
            "HOSTLDLIBS_foo",
        ] {
            refuses(name, value);
        }
    }
    for name in ["obj-m", "foo-y", "foo-objs", "always-y", "hostprogs"] {
        refuses(name, "foo.o:SHELL=/x");
        refuses(name, "SHELL=/x.o");
    }
    // kbuild puts some of these into its own quotes.
    for value in ["\";x;\"", "';x;'", "\\;x"] {
        for name in [
            "OBJCOPY",
            "CONFIG_CC_VERSION_TEXT",
            "obj-m",
            "FUTURE_ARGS",
            "PAHOLE_FLAGS",
        ] {
            refuses(name, value);
        }
    }
}

#[test]
fn the_environment_may_hold_a_variable_that_a_makefile_sets_again() {
    let root = Root::new();
    let kernel = kernel(&root);
    let names = Names::of(&kernel);
    let check =
        |name: &str, value: &str| names.check_environment(OsStr::new(name), OsStr::new(value));
    for (name, value) in [
        ("TOMORROW", "y"),
        ("PATH", "/opt/bin:/bin"),
        ("LD_LIBRARY_PATH", "/opt/lib"),
        ("SHELL", "/bin/sh"),
        ("GIT_SSH_COMMAND", "ssh -i key; true"),
        ("DRIVER_VENDOR", "acme & co"),
    ] {
        let said = check(name, value);
        assert!(said.is_ok(), "{name}={value}: {said:?}");
    }
    for (name, wanted) in [
        ("Q", "would be run"),
        ("MAKEFILES", "cannot be set"),
        ("BASH_ENV", "every shell"),
        ("LINUXINCLUDE", "KCFLAGS"),
    ] {
        assert!(
            check(name, "x").unwrap_err().to_string().contains(wanted),
            "{name}"
        );
    }
    let said = check("X", "$(shell x)").unwrap_err().to_string();
    assert!(said.contains("--make-var"), "{said}");
}
