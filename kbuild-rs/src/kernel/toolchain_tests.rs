//! The choice of tools, with invented `PATH`s.

use std::ffi::OsString;

use super::find::Host;
use super::*;
use crate::fixture::Root;

const GCC_12: &str = "CONFIG_64BIT=y\nCONFIG_GCC_VERSION=120200\n\
    CONFIG_CC_VERSION_TEXT=\"gcc-12 (Debian 12.2.0-14) 12.2.0\"\n";
const CLANG_19: &str = "CONFIG_64BIT=y\nCONFIG_CC_IS_CLANG=y\nCONFIG_CLANG_VERSION=190107\n\
    CONFIG_LD_IS_LLD=y\nCONFIG_AS_IS_LLVM=y\n\
    CONFIG_CC_VERSION_TEXT=\"Debian clang version 19.1.7\"\n";

/// The programs of an LLVM package.
const LLVM: [&str; 9] = [
    "clang",
    "clang++",
    "ld.lld",
    "llvm-ar",
    "llvm-nm",
    "llvm-objcopy",
    "llvm-objdump",
    "llvm-readelf",
    "llvm-strip",
];

struct Machine {
    root: Root,
    kernel: Kernel,
    path: OsString,
}

#[derive(Default, Clone, Copy)]
struct Asked<'a> {
    cc: Option<&'a str>,
    cross: Option<&'a str>,
    llvm: Option<&'a str>,
}

impl Machine {
    fn new(arch: &str, conf: &str, programs: &[&str]) -> Machine {
        let root = Root::new();
        root.write("etc/os-release", "ID=debian\n");
        for program in programs {
            root.program(&format!("bin/{program}"));
        }
        let dir = root.kernel_with("linux", "6.1.0-x", arch, conf);
        Machine {
            kernel: open::open(&dir, &Host::below(root.path(), "x86")).unwrap(),
            path: root.join("bin").into_os_string(),
            root,
        }
    }

    fn choose(&self, asked: Asked<'_>) -> Result<Toolchain> {
        let request = ToolRequest {
            arch: None,
            cc: asked.cc,
            cross_compile: asked.cross,
            llvm: asked.llvm,
            rust_target: None,
            path: &self.path,
        };
        let host = Host::below(self.root.path(), "x86");
        self.kernel
            .toolchain_on(&request, &host, &self.root.join("llvm"))
    }

    fn variables(&self, asked: Asked<'_>) -> String {
        let words = self.choose(asked).unwrap().variables;
        let words: Vec<String> = words.iter().map(|(k, v)| format!("{k}={v}")).collect();
        words.join(" ")
    }

    fn refused(&self, asked: Asked<'_>, kind: ErrorKind, words: &[&str]) {
        let error = self.choose(asked).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        for word in words {
            assert!(error.to_string().contains(word), "{word:?} in: {error}");
        }
    }
}

fn nothing() -> Asked<'static> {
    Asked::default()
}

#[test]
fn a_gcc_kernel_gets_the_compiler_that_built_it() {
    let machine = Machine::new("x86", GCC_12, &["gcc", "gcc-12", "ld"]);
    let chosen = machine.choose(nothing()).unwrap();
    assert_eq!(machine.variables(nothing()), "CC=gcc-12");
    assert_eq!(
        chosen.tools,
        [machine.root.join("bin/gcc-12"), machine.root.join("bin/ld")]
    );
    assert!(chosen.notes.is_empty());
}

#[test]
fn a_compiler_named_with_its_triple_is_found_without_it() {
    let conf = GCC_12.replace("\"gcc-12", "\"x86_64-linux-gnu-gcc-12");
    let both = ["gcc-12", "x86_64-linux-gnu-gcc-12"];
    let machine = Machine::new("x86", &conf, &both);
    assert_eq!(machine.variables(nothing()), "CC=x86_64-linux-gnu-gcc-12");
    let machine = Machine::new("x86", &conf, &["gcc", "gcc-12"]);
    assert_eq!(machine.variables(nothing()), "CC=gcc-12");
}

#[test]
fn plain_gcc_gives_way_to_the_right_version_when_that_is_another_file() {
    let conf = GCC_12.replace("\"gcc-12", "\"gcc");
    let machine = Machine::new("x86", &conf, &["gcc-12"]);
    assert_eq!(machine.variables(nothing()), "CC=gcc-12");
    machine.root.link("gcc-12", "bin/gcc");
    assert_eq!(machine.variables(nothing()), "CC=gcc");
    machine.root.remove("bin/gcc");
    machine.root.program("bin/gcc-14");
    machine.root.link("gcc-14", "bin/gcc");
    assert_eq!(machine.variables(nothing()), "CC=gcc-12");
    machine.root.remove("bin/gcc-12");
    assert_eq!(machine.variables(nothing()), "CC=gcc");
    let notes = machine.choose(nothing()).unwrap().notes;
    assert!(
        notes[0].contains("gcc 12") && notes[0].contains("gcc 14"),
        "{notes:?}"
    );
}

#[test]
fn a_launcher_in_the_compilers_place_is_looked_through() {
    let conf = GCC_12.replace("\"gcc-12", "\"gcc");
    let mut machine = Machine::new("x86", &conf, &["gcc-12", "ccache"]);
    machine.root.link("gcc-12", "bin/gcc");
    machine.root.link("../bin/ccache", "ccache/gcc");
    machine.root.link("../bin/ccache", "ccache/gcc-12");
    let dirs = [machine.root.join("ccache"), machine.root.join("bin")];
    machine.path = std::env::join_paths(dirs).unwrap();
    assert_eq!(machine.variables(nothing()), "CC=gcc");
    let tools = machine.choose(nothing()).unwrap().tools;
    assert_eq!(tools, [machine.root.join("bin/gcc-12")]);
}

#[test]
fn the_compiler_to_choose_is_of_the_kernels_family_and_the_nearest_version() {
    let offered = |conf: &str, programs: &[&str], gcc: Option<&str>| {
        let machine = Machine::new("x86", conf, programs);
        if let Some(file) = gcc {
            machine.root.link(file, "bin/gcc");
        }
        let error = machine.choose(nothing()).unwrap_err().to_string();
        let (_, rest) = error.split_once("\n    --cc ").unwrap();
        rest.split_once('\n').unwrap().0.to_owned()
    };
    let gcc_10 = "CONFIG_64BIT=y\nCONFIG_GCC_VERSION=100201\n\
        CONFIG_CC_VERSION_TEXT=\"gcc-10 (Debian 10.2.1-6) 10.2.1\"\n";
    let all = ["clang", "clang-10", "gcc-8", "gcc-14", "gcc-12", "ccache"];
    assert_eq!(offered(gcc_10, &all, None), "gcc-12");
    let linked = ["clang-10", "x86_64-linux-gnu-gcc-14"];
    assert_eq!(offered(gcc_10, &linked, Some(linked[1])), "gcc");
    assert_eq!(offered(gcc_10, &all, Some("gcc-12")), "gcc");
    assert_eq!(offered(gcc_10, &all, Some("gcc-14")), "gcc-12");
    assert_eq!(offered(gcc_10, &all, Some("ccache")), "gcc-12");
    assert_eq!(offered(gcc_10, &["clang-19", "gcc"], None), "gcc");
    // This machine has no other compiler.
    assert_eq!(offered(gcc_10, &["clang-19"], None), "clang-19");
}

#[test]
fn the_error_about_a_missing_compiler_names_the_installed_ones_and_the_package() {
    let conf = "CONFIG_64BIT=y\nCONFIG_GCC_VERSION=100201\n\
        CONFIG_CC_VERSION_TEXT=\"gcc-10 (Debian 10.2.1-6) 10.2.1\"\n";
    let machine = Machine::new(
        "x86",
        conf,
        &["gcc-12", "clang-19", "gcc-ar", "gcc-ranlib-12"],
    );
    let words = [
        "kernel 6.1.0-x was built with gcc-10",
        "\"gcc-10 (Debian 10.2.1-6) 10.2.1\"",
        "bin/gcc-12",
        "clang-19",
        "--cc gcc-12",
        "-DKbuild_CC=gcc-12",
        "kernel(cc: 'gcc-12')",
        "apt install gcc-10",
    ];
    machine.refused(nothing(), ErrorKind::ToolNotFound, &words);
    let error = machine.choose(nothing()).unwrap_err().to_string();
    assert!(
        !error.contains("gcc-ar") && !error.contains("ranlib"),
        "{error}"
    );
    let asked = Asked {
        cc: Some("gcc-12"),
        ..nothing()
    };
    assert_eq!(machine.variables(asked), "CC=gcc-12");
    let machine = Machine::new("x86", conf, &[]);
    machine.refused(
        nothing(),
        ErrorKind::ToolNotFound,
        &["No compiler is in PATH"],
    );
}

#[test]
fn a_chosen_compiler_must_be_there_and_plain() {
    let machine = Machine::new("x86", GCC_12, &["ccache", "gcc-12"]);
    let cc = |cc| Asked {
        cc: Some(cc),
        ..nothing()
    };
    assert_eq!(
        machine.variables(cc("ccache gcc-12 -m64")),
        "CC=ccache gcc-12 -m64"
    );
    let program = machine.root.join("bin/gcc-12");
    let program = program.to_str().unwrap();
    assert_eq!(machine.variables(cc(program)), format!("CC={program}"));
    machine.refused(cc("gcc-11"), ErrorKind::ToolNotFound, &["gcc-11", "PATH"]);
    machine.refused(cc("ccache gcc-11"), ErrorKind::ToolNotFound, &["gcc-11"]);
    machine.refused(cc(""), ErrorKind::InvalidInput, &["empty"]);
    for bad in [
        "gcc;touch x",
        "$(shell touch x)",
        "gcc#",
        "gcc\n",
        "`x`",
        "gcc'",
    ] {
        machine.refused(cc(bad), ErrorKind::InvalidInput, &["CC="]);
    }
}

#[test]
fn a_clang_kernel_gets_llvm_of_its_version_without_being_asked() {
    let versioned = LLVM.map(|tool| format!("{tool}-19"));
    let versioned: Vec<&str> = versioned.iter().map(String::as_str).collect();
    let machine = Machine::new("x86", CLANG_19, &versioned);
    assert_eq!(
        machine.variables(nothing()),
        "LLVM=-19 CC=clang-19 LD=ld.lld-19 AR=llvm-ar-19 NM=llvm-nm-19 OBJCOPY=llvm-objcopy-19 \
         OBJDUMP=llvm-objdump-19 READELF=llvm-readelf-19 STRIP=llvm-strip-19 HOSTCC=clang-19 \
         HOSTCXX=clang++-19 LLVM_IAS=1"
    );
    let machine = Machine::new("x86", CLANG_19, &LLVM);
    assert!(
        machine
            .variables(nothing())
            .starts_with("LLVM=1 CC=clang LD=ld.lld ")
    );
    for tool in LLVM {
        machine.root.program(&format!("llvm/llvm-19/bin/{tool}"));
    }
    let dir = machine.root.join("llvm/llvm-19/bin");
    let start = format!("LLVM={0}/ CC={0}/clang LD={0}/ld.lld ", dir.display());
    assert!(machine.variables(nothing()).starts_with(&start));
}

#[test]
fn a_missing_tool_of_llvm_is_named_with_its_package() {
    let machine = Machine::new("x86", CLANG_19, &["gcc", "clang-19"]);
    let words = [
        "ld.lld-19",
        "apt install lld-19",
        "Debian clang version 19.1.7",
    ];
    machine.refused(nothing(), ErrorKind::ToolNotFound, &words);
    let machine = Machine::new("x86", CLANG_19, &["gcc"]);
    machine.refused(
        nothing(),
        ErrorKind::ToolNotFound,
        &["clang-19", "apt install clang-19"],
    );
}

#[test]
fn llvm_is_taken_as_the_kernel_takes_it() {
    let machine = Machine::new("x86", GCC_12, &LLVM);
    let llvm = |llvm| Asked {
        llvm: Some(llvm),
        ..nothing()
    };
    assert!(machine.variables(llvm("1")).starts_with("LLVM=1 CC=clang "));
    machine.refused(llvm("-18"), ErrorKind::ToolNotFound, &["clang-18"]);
    machine.refused(llvm("19"), ErrorKind::InvalidInput, &["LLVM=-19"]);
    let asked = Asked {
        cc: Some("clang"),
        ..llvm("1")
    };
    assert!(machine.variables(asked).ends_with(" CC=clang"));
}

#[test]
fn clang_with_gnu_binutils_is_only_a_compiler() {
    let conf = CLANG_19.replace("CONFIG_LD_IS_LLD=y\n", "");
    let machine = Machine::new("x86", &conf, &["clang-19", "ld"]);
    assert_eq!(machine.variables(nothing()), "CC=clang-19");
    let machine = Machine::new("x86", &conf, &["gcc"]);
    machine.refused(
        nothing(),
        ErrorKind::ToolNotFound,
        &["clang is not installed", "apt install clang-19"],
    );
}

#[cfg(not(feature = "cc"))]
#[test]
fn a_prefix_that_is_only_the_usual_one_is_noted() {
    let machine = Machine::new("arm64", GCC_12, &["aarch64-linux-gnu-gcc"]);
    let notes = machine.choose(Asked::default()).unwrap().notes;
    let note = "aarch64-linux-gnu-, the usual prefix for arm64";
    assert!(notes.iter().any(|one| one.contains(note)), "{notes:?}");
    // This configuration names a cross compiler.
    let conf = GCC_12.replace("\"gcc-12", "\"aarch64-linux-gnu-gcc-12");
    let machine = Machine::new("arm64", &conf, &["aarch64-linux-gnu-gcc-12"]);
    assert_eq!(machine.choose(Asked::default()).unwrap().notes, [""; 0]);
}

#[test]
fn a_kernel_of_another_architecture_gets_a_cross_compiler() {
    let cross = "aarch64-linux-gnu-";
    let named = GCC_12.replace("\"gcc-12", "\"aarch64-linux-gnu-gcc-12");
    let tools = ["gcc-12", "aarch64-linux-gnu-gcc", "aarch64-linux-gnu-ld"];
    for conf in [&named, GCC_12] {
        let machine = Machine::new("arm64", conf, &tools);
        let wanted = format!("CROSS_COMPILE={cross} CC={cross}gcc");
        assert_eq!(machine.variables(nothing()), wanted);
        machine.root.program("bin/aarch64-linux-gnu-gcc-12");
        assert_eq!(machine.variables(nothing()), format!("{wanted}-12"));
    }
    let conf = GCC_12.replace("\"gcc-12", "\"aarch64-poky-linux-gcc");
    let machine = Machine::new("arm64", &conf, &["aarch64-poky-linux-gcc"]);
    let wanted = "CROSS_COMPILE=aarch64-poky-linux- CC=aarch64-poky-linux-gcc";
    assert_eq!(machine.variables(nothing()), wanted);
    let machine = Machine::new("arm64", GCC_12, &tools);
    let asked = Asked {
        cc: Some("aarch64-linux-gnu-gcc"),
        ..nothing()
    };
    let wanted = format!("CC={cross}gcc CROSS_COMPILE={cross}");
    assert_eq!(machine.variables(asked), wanted);
    let machine = Machine::new("arm64", GCC_12, &["gcc-12"]);
    let words = [
        "is for arm64",
        "machine is x86",
        "apt install gcc-aarch64-linux-gnu",
        "--cross-compile",
    ];
    machine.refused(nothing(), ErrorKind::ToolNotFound, &words);
}

#[test]
fn a_prefix_without_its_dash_is_noticed() {
    let machine = Machine::new("arm64", GCC_12, &["aarch64-linux-gnu-gcc"]);
    let cross = |cross| Asked {
        cross: Some(cross),
        ..nothing()
    };
    let wanted = "CC=aarch64-linux-gnu-gcc CROSS_COMPILE=aarch64-linux-gnu-";
    assert_eq!(machine.variables(cross("aarch64-linux-gnu-")), wanted);
    let words = ["CROSS_COMPILE=aarch64-linux-gnu-"];
    machine.refused(cross("aarch64-linux-gnu"), ErrorKind::ToolNotFound, &words);
    machine.refused(
        cross("arm-linux-"),
        ErrorKind::ToolNotFound,
        &["arm-linux-gcc"],
    );
}

#[test]
fn gcc_with_lld_keeps_both() {
    let conf = format!("{GCC_12}CONFIG_LD_IS_LLD=y\nCONFIG_LLD_VERSION=190107\n");
    let machine = Machine::new("x86", &conf, &["gcc-12", "ld.lld"]);
    assert_eq!(machine.variables(nothing()), "CC=gcc-12 LD=ld.lld");
    machine.root.remove("bin/ld.lld");
    machine.refused(nothing(), ErrorKind::ToolNotFound, &["apt install lld-19"]);
}
