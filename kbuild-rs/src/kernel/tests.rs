//! Opens and finds kernel trees on invented machines.

use std::fs;

use super::find::Host;
use super::*;
use crate::fixture::Root;

fn host(root: &Root) -> Host {
    Host::below(root.path(), "x86")
}

/// The error of opening `dir`, which must contain all of `words`.
fn refused(root: &Root, dir: &str, kind: ErrorKind, words: &[&str]) {
    let error = open::open(&root.join(dir), &host(root)).unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    for word in words {
        assert!(error.to_string().contains(word), "{word:?} in: {error}");
    }
}

#[test]
fn a_prepared_tree_opens_and_describes_itself() {
    let root = Root::new();
    let conf = "CONFIG_64BIT=y\nCONFIG_MODVERSIONS=y\nCONFIG_MODULE_SIG=y\nCONFIG_RUST=y\n\
        CONFIG_DEBUG_INFO_BTF_MODULES=y\nCONFIG_HZ=250\nCONFIG_EXT4_FS=m\n";
    let dir = root.kernel_with("linux", "6.12.117+deb12-amd64", "x86_64", conf);
    let kernel = open::open(&dir, &host(&root)).unwrap();
    assert_eq!(kernel.dir(), dir);
    assert_eq!(kernel.source_dir(), dir);
    assert_eq!(kernel.release(), "6.12.117+deb12-amd64");
    assert_eq!(kernel.version(), (6, 12));
    assert_eq!(kernel.arch(), "x86");
    assert!(kernel.has_modversions() && kernel.has_signing() && kernel.has_btf());
    assert!(!kernel.requires_signing() && !kernel.has_rust());
    assert!(kernel.is_enabled("CONFIG_EXT4_FS") && !kernel.is_enabled("HZ"));
    assert_eq!(kernel.symvers(), None, "modules_prepare alone makes none");
    assert_eq!(kernel.vmlinux(), None);
    root.write("linux/Module.symvers", "");
    assert!(kernel.symvers().is_some());
}

#[test]
fn the_release_is_the_one_that_modules_will_carry() {
    let root = Root::new();
    let dir = root.kernel("linux", "6.1.192");
    root.write(
        "linux/include/generated/utsrelease.h",
        "#define UTS_RELEASE \"6.1.0-56-amd64\"\n",
    );
    assert_eq!(
        open::open(&dir, &host(&root)).unwrap().release(),
        "6.1.0-56-amd64"
    );
}

#[test]
fn the_identity_names_only_files_that_are_there() {
    let root = Root::new();
    let dir = root.kernel("linux", "6.1.0");
    let kernel = open::open(&dir, &host(&root)).unwrap();
    let files = kernel.identity_files();
    assert!(files.iter().all(|file| file.is_file()));
    assert!(files.contains(&dir.join("include/config/auto.conf")));
    assert!(files.contains(&dir.join("scripts/mod/modpost")));
    assert_eq!(files.len(), 7);
}

#[test]
fn a_split_tree_is_one_kernel() {
    let root = Root::new();
    let common = root.join("common");
    root.write("common/Makefile", "VERSION = 6\nPATCHLEVEL = 1\n");
    root.write("common/scripts/Makefile.build", "");
    let real = common.display();
    for text in [
        format!("include {real}/Makefile\n"),
        format!("# generated\nKBUILD_OUTPUT=$(CURDIR)\ninclude {real}/Makefile\n"),
        "include ../common/Makefile\n".to_owned(),
        format!("MAKEARGS := -C {real}\nMAKEARGS += O=$(CURDIR)\n"),
        "all:\n\t$(MAKE) -C ../common O=$(CURDIR)\n".to_owned(),
    ] {
        let dir = root.kernel("flavour", "6.1.0");
        root.write("flavour/Makefile", &text);
        let kernel = open::open(&dir, &host(&root)).unwrap();
        assert_eq!(kernel.source_dir(), common, "{text}");
        assert!(kernel.identity_files().contains(&common.join("Makefile")));
    }
}

#[test]
fn lib_modules_and_its_build_link_lead_to_the_tree() {
    let root = Root::new();
    let dir = root.kernel("usr/src/linux-headers-6.1.0-amd64", "6.1.0-amd64");
    root.link(&dir, "lib/modules/6.1.0-amd64/build");
    for path in ["lib/modules/6.1.0-amd64", "lib/modules/6.1.0-amd64/build"] {
        assert_eq!(
            open::open(&root.join(path), &host(&root)).unwrap().dir(),
            dir
        );
    }
    assert_eq!(host(&root).find("6.1.0-amd64").unwrap().dir(), dir);
    assert_eq!(host(&root).find(dir.to_str().unwrap()).unwrap().dir(), dir);
}

#[test]
fn a_folder_that_is_not_a_kernel_tree_is_refused_with_the_reason() {
    use ErrorKind::{KernelNotFound, KernelNotPrepared};
    let root = Root::new();
    root.write("etc/os-release", "ID=debian\n");
    refused(&root, "nowhere", KernelNotFound, &["does not exist"]);
    root.write("file", "");
    refused(&root, "file", KernelNotFound, &["is a file"]);
    fs::create_dir(root.join("empty")).unwrap();
    refused(
        &root,
        "empty",
        KernelNotPrepared,
        &["not a kernel tree", "Makefile is missing"],
    );
    root.write("driver/Makefile", "obj-m := x.o\n");
    refused(
        &root,
        "driver",
        KernelNotPrepared,
        &["its Makefile is not a kernel's"],
    );
    root.link("/nowhere/linux", "lib/modules/6.9.1/build");
    let words = ["/nowhere/linux", "apt install linux-headers-6.9.1"];
    refused(&root, "lib/modules/6.9.1/build", KernelNotFound, &words);
    refused(&root, "lib/modules/6.9.1", KernelNotFound, &words);
    root.write("lib/modules/6.9.2/modules.dep", "");
    let words = ["Makefile is missing", "apt install linux-headers-6.9.2"];
    refused(&root, "lib/modules/6.9.2", KernelNotPrepared, &words);
}

#[test]
fn the_error_about_a_tree_names_the_missing_step() {
    use ErrorKind::KernelNotPrepared;
    let root = Root::new();
    root.write("src/Makefile", "VERSION = 6\nPATCHLEVEL = 12\n");
    refused(
        &root,
        "src",
        KernelNotPrepared,
        &[".config is missing", "defconfig", "modules_prepare"],
    );
    root.write("src/.config", "");
    refused(
        &root,
        "src",
        KernelNotPrepared,
        &["not prepared", "auto.conf", "modules_prepare"],
    );
    for file in [
        "include/generated/autoconf.h",
        "include/config/kernel.release",
        "scripts/basic/fixdep",
        "scripts/mod/modpost",
        "scripts/Makefile.build",
    ] {
        root.kernel("part", "6.1.0");
        root.remove(&format!("part/{file}"));
        refused(&root, "part", KernelNotPrepared, &[file, "modules_prepare"]);
    }
}

#[test]
fn the_error_about_half_a_package_names_the_other_half() {
    use ErrorKind::KernelNotPrepared;
    let root = Root::new();
    root.write("etc/os-release", "ID=debian\n");
    let common = "usr/src/linux-headers-6.1.0-56-common";
    root.write(
        &format!("{common}/Makefile"),
        "VERSION = 6\nPATCHLEVEL = 1\n",
    );
    refused(
        &root,
        common,
        KernelNotPrepared,
        &["share", "apt install linux-headers-6.1.0-56-"],
    );
    let flavour = "usr/src/linux-headers-6.1.0-56-cloud-amd64";
    root.kernel(flavour, "6.1.0-56-cloud-amd64");
    refused(
        &root,
        common,
        KernelNotPrepared,
        &[
            "shared part of the kernel headers",
            "one flavour: ",
            flavour,
        ],
    );
    root.write(
        &format!("{flavour}/Makefile"),
        "include /usr/src/linux-headers-x-common/Makefile\n",
    );
    let words = [
        "/usr/src/linux-headers-x-common/Makefile",
        "apt install linux-headers-x-common",
    ];
    refused(&root, flavour, KernelNotPrepared, &words);
    root.kernel("lost", "6.1.0");
    fs::remove_dir_all(root.join("lost/scripts")).unwrap();
    root.link("../../lib/linux-kbuild-6.1/scripts", "lost/scripts");
    refused(
        &root,
        "lost",
        KernelNotPrepared,
        &["fixdep", "apt install linux-kbuild-6.1"],
    );
}

#[test]
fn a_path_that_kbuild_cannot_carry_is_refused() {
    let root = Root::new();
    for name in ["a b", "a:b", "$(shell touch PWNED)", "a#b", "a'b"] {
        root.kernel(name, "6.1.0");
        refused(&root, name, ErrorKind::InvalidInput, &["cannot handle"]);
    }
}

#[test]
fn a_damaged_release_never_becomes_a_path() {
    let root = Root::new();
    for release in ["../../etc", "", "6.1/../..", ".."] {
        root.kernel("linux", release);
        let words = ["include/config/kernel.release"];
        refused(&root, "linux", ErrorKind::KernelNotPrepared, &words);
    }
}

/// Debian's folders on a machine after some upgrades.
fn machine() -> Root {
    let root = Root::new();
    root.write("etc/os-release", "ID=debian\n");
    root.write("proc/sys/kernel/osrelease", "6.18.44-host\n");
    for release in ["6.1.0-9-amd64", "6.1.0-56-cloud-amd64", "6.1.0-56-amd64"] {
        let dir = root.kernel(&format!("usr/src/linux-headers-{release}"), release);
        root.link(&dir, &format!("lib/modules/{release}/build"));
    }
    root.write(
        "usr/src/linux-headers-6.1.0-56-common/Makefile",
        "VERSION = 6\nPATCHLEVEL = 1\n",
    );
    root.kernel_with("usr/src/kernels/6.14.0-arm64", "6.14.0-arm64", "arm64", "");
    root.link("/gone", "lib/modules/6.13.0/build");
    root
}

#[test]
fn every_tree_is_listed_once_and_the_newest_first() {
    let root = machine();
    root.kernel("usr/src/kernels/6.13.0-rc7", "6.13.0-rc7");
    let found = host(&root).installed();
    let shown: Vec<_> = found
        .iter()
        .map(|found| (found.release.as_str(), found.kernel.is_ok()))
        .collect();
    assert_eq!(
        shown,
        [
            ("6.14.0-arm64", true),
            ("6.13.0", false),
            ("6.13.0-rc7", true),
            ("6.1.0-56-amd64", true),
            ("6.1.0-56-cloud-amd64", true),
            ("6.1.0-9-amd64", true),
        ]
    );
}

#[test]
fn the_running_kernel_is_taken_without_a_word() {
    let root = machine();
    root.kernel("usr/src/linux-headers-6.18.44-host", "6.18.44-host");
    let (kernel, note) = host(&root).default_for(None).unwrap();
    assert_eq!((kernel.release(), note), ("6.18.44-host", None));
}

#[test]
fn without_a_tree_for_the_running_kernel_the_newest_is_taken_and_said() {
    let root = machine();
    let (kernel, note) = host(&root).default_for(None).unwrap();
    assert_eq!(kernel.release(), "6.1.0-56-amd64");
    assert_eq!(
        note.unwrap(),
        "the running kernel 6.18.44-host has no kernel tree here (in a container, this is the \
         host's kernel). Building for 6.1.0-56-amd64, the newest x86 kernel tree that is installed"
    );
    let (kernel, note) = host(&root).default_for(Some("aarch64")).unwrap();
    assert_eq!(kernel.release(), "6.14.0-arm64");
    assert!(note.unwrap().contains("newest arm64"));
}

#[test]
fn without_any_tree_the_message_names_the_package_to_install() {
    let root = Root::new();
    root.write("proc/sys/kernel/osrelease", "6.18.44-host\n");
    root.write("etc/os-release", "ID=ubuntu\nID_LIKE=debian\n");
    let error = host(&root).default_for(None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::KernelNotFound);
    for word in [
        "6.18.44-host",
        "linux-headers-$(uname -r)",
        "linux-headers-generic",
        "KDIR",
    ] {
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[test]
fn a_release_that_is_not_installed_is_answered_with_those_that_are() {
    let root = machine();
    let error = host(&root).find("6.6.6").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::KernelNotFound);
    for word in [
        "6.6.6",
        "6.1.0-9-amd64",
        "usr/src/linux-headers-6.6.6",
        "apt install",
    ] {
        assert!(error.to_string().contains(word), "{error}");
    }
    let error = host(&root).find("6.13.0").unwrap_err();
    assert!(error.to_string().contains("/gone"), "{error}");
    assert_eq!(
        host(&root).find("").unwrap_err().kind(),
        ErrorKind::InvalidInput
    );
}

#[test]
fn another_architecture_is_refused_and_both_are_named() {
    let root = Root::new();
    let dir = root.kernel("linux", "6.1.0");
    let kernel = open::open(&dir, &host(&root)).unwrap();
    for (request, target) in [
        (Some("arm64"), None),
        (Some("i386"), None),
        (None, Some("aarch64-unknown-linux-gnu")),
    ] {
        let error = kernel.check_arch(request, target).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ArchitectureMismatch);
        assert!(
            error.to_string().contains(request.or(target).unwrap()),
            "{error}"
        );
        assert!(error.to_string().contains("64-bit x86"), "{error}");
    }
    for (request, target) in [
        (None, None),
        (Some("amd64"), Some("x86_64-unknown-linux-musl")),
        (Some("x86"), Some("i686-unknown-linux-gnu")),
        (None, Some("wasm32-unknown-unknown")),
    ] {
        kernel.check_arch(request, target).unwrap();
    }
}
