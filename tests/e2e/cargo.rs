//! Build scripts: the directives for Cargo, and when Cargo starts the script again.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use kbuild_tests::run;
use kbuild_tests::scope;

use crate::support::project::{Outcome, Project, TARGET, any_kernel, manifest};
use crate::support::*;

const BUILD_HELLO: &str = "fn main() {\n\
    kbuild::Build::new().file(\"module/hello.c\").include(\"include\").compile(\"hello\");\n}\n";

const MAIN: &str = "fn main() {\n\
    println!(\"{} {}\", env!(\"HELLO_KO\"), include_bytes!(env!(\"HELLO_KO\")).len());\n}\n";

const HELLO_WITH_HEADER: &str = r#"
#include <linux/module.h>
#include <greeting.h>
static int __init hello_init(void) { pr_info("%s\n", GREETING); return 0; }
module_init(hello_init);
MODULE_LICENSE("GPL");
"#;

/// A package named `scratch` with these files.
fn package(files: &[(&str, &str)]) -> Project {
    let manifest = manifest("scratch", "", "[workspace]");
    Project::new(&[files, &[("Cargo.toml", &manifest)]].concat())
}

fn ran(outcome: &Outcome) -> bool {
    outcome.ran.contains("scratch")
}

fn hello() -> Project {
    package(&[
        ("build.rs", BUILD_HELLO),
        ("src/main.rs", MAIN),
        ("module/hello.c", HELLO_WITH_HEADER),
        ("include/greeting.h", "#define GREETING \"first\"\n"),
    ])
}

fn holds(file: &Path, text: &str) -> bool {
    let bytes = fs::read(file).unwrap();
    bytes.windows(text.len()).any(|w| w == text.as_bytes())
}

#[test]
fn a_build_script_gives_the_module_and_its_path_for_the_kernel_that_kdir_names() {
    let package = package(&[
        (
            "build.rs",
            "fn main() { kbuild::Build::new().file(\"module/hello.c\").compile(\"my-mod\"); }\n",
        ),
        ("src/main.rs", &MAIN.replace("HELLO_KO", "MY_MOD_KO")),
        ("module/hello.c", HELLO),
    ]);
    for kernel in scope::kernels(1).unwrap() {
        let mut cargo = package.cargo_for(&kernel);
        let first = package.built(&mut cargo);
        assert!(ran(&first), "KDIR changed:\n{}", first.said);
        let module = first.out_dir("scratch").join("my-mod.ko");
        assert!(holds(&module, &format!("vermagic={} ", kernel.release)));
        let told = run::checked(&mut Command::new(package.program("scratch")), LIMIT).unwrap();
        let length = fs::metadata(&module).unwrap().len();
        assert_eq!(told.out(), format!("{} {length}\n", module.display()));
        let again = package.built(&mut cargo);
        assert!(!ran(&again), "nothing changed:\n{}", again.said);
    }
}

#[test]
fn cargo_gets_every_prerequisite_and_only_runs_the_script_again_for_those() {
    let package = hello();
    let kernel = any_kernel();
    let mut cargo = package.cargo_for(&kernel);
    let first = package.built(&mut cargo);
    assert!(ran(&first));
    let directives = first.directives("scratch");
    let told: Vec<&str> = directives
        .lines()
        .filter_map(|line| line.strip_prefix("cargo:rerun-if-changed="))
        .collect();
    let kdir = fs::canonicalize(&kernel.kdir).unwrap();
    for needed in [
        package.dir.join("module/hello.c"),
        package.dir.join("include/greeting.h"),
        kdir.join("include/generated/autoconf.h"),
        kdir.join("Module.symvers"),
        fs::canonicalize(kernel.common.join("include/linux/module.h")).unwrap(),
    ] {
        assert!(
            told.contains(&needed.to_str().unwrap()),
            "{} is missing among\n{}",
            needed.display(),
            told.join("\n")
        );
    }
    for path in &told {
        assert!(Path::new(path).exists(), "{path} does not exist");
        assert!(!path.contains(".kbuild"), "{path} is private");
        assert!(
            !path.starts_with(first.out_dir("scratch").to_str().unwrap()),
            "{path} is a product"
        );
    }

    let module = first.out_dir("scratch").join("hello.ko");
    let edits = [
        ("README", "nothing of this is compiled\n".to_owned(), false),
        (
            "module/hello.c",
            HELLO_WITH_HEADER.replace("%s", "second %s"),
            true,
        ),
        (
            "include/greeting.h",
            "#define GREETING \"third\"\n".to_owned(),
            true,
        ),
    ];
    for (file, text, matters) in edits {
        let before = fs::read(&module).unwrap();
        write(&package.dir, &[(file, &text)]);
        let next = package.built(&mut cargo);
        assert_eq!(ran(&next), matters, "{file}:\n{}", next.said);
        assert_eq!(fs::read(&module).unwrap() != before, matters, "{file}");
    }
    assert!(holds(&module, "second %s") && holds(&module, "third"));
}

/// The variables that name a kernel, in the order of their priority.
fn kdirs() -> [String; 4] {
    [
        format!("KDIR_{TARGET}"),
        format!("KDIR_{}", TARGET.replace('-', "_")),
        "TARGET_KDIR".to_owned(),
        "KDIR".to_owned(),
    ]
}

#[test]
fn kdir_is_looked_up_for_the_target_first() {
    let package = hello();
    let names = kdirs();
    // Each names a missing folder, so the message tells which one was used.
    for first in 0..names.len() {
        let mut cargo = package.cargo();
        for (number, name) in names.iter().enumerate().skip(first) {
            cargo.env(name, format!("/nonexistent/{number}"));
        }
        let said = package.fails_saying(&mut cargo);
        assert!(said.contains(&format!("/nonexistent/{first}")), "{said}");
    }
}

#[test]
fn a_c_error_ends_cargo_with_the_place_in_the_source_and_a_warning_becomes_one_of_cargos() {
    let package = hello();
    let mut cargo = package.cargo_for(&any_kernel());
    write(
        &package.dir,
        &[("module/hello.c", "#include <linux/module.h>\nint x = ;\n")],
    );
    let said = package.fails_saying(&mut cargo);
    let place = format!(
        "{}:2:9: error:",
        package.dir.join("module/hello.c").display()
    );
    assert!(said.contains(&place), "no {place} in\n{said}");
    assert!(!said.contains("/.kbuild/"), "{said}");
    assert!(said.contains("error: cannot build hello for"), "{said}");

    let with_unused = HELLO_WITH_HEADER.replace("{ pr_info", "{ int unused; pr_info");
    write(&package.dir, &[("module/hello.c", &with_unused)]);
    let built = package.built(&mut cargo);
    let place = format!("{}:4:", package.dir.join("module/hello.c").display());
    let shown = |line: &str| {
        line.starts_with("warning: scratch@0.1.0: ")
            && line.contains(&place)
            && line.contains("unused variable")
    };
    assert!(built.said.lines().any(shown), "{}", built.said);
}

#[test]
fn a_build_that_is_skipped_needs_neither_make_nor_a_kernel() {
    let package = hello();
    // The programs that rustc needs to link.
    let tools = folder(&[]);
    for tool in ["cc", "ld", "as"] {
        let real = find(tool);
        std::os::unix::fs::symlink(real, tools.path().join(tool)).unwrap();
    }
    let mut cargo = package.cargo();
    cargo
        .env("PATH", tools.path())
        .env("RUSTC", find("rustc"))
        .env("KDIR", "/nonexistent");
    let said = package.fails_saying(&mut cargo);
    assert!(said.contains("/nonexistent"), "{said}");

    // docs.rs sets its own variable, and a user can still ask for the module.
    cargo.env("DOCS_RS", "1");
    package.built(&mut cargo);
    let said = package.fails_saying(cargo.env("KBUILD_RS_SKIP", "0"));
    assert!(said.contains("/nonexistent"), "{said}");
    let built = package.built(cargo.env_remove("DOCS_RS").env("KBUILD_RS_SKIP", "1"));
    assert_eq!(
        fs::read(built.out_dir("scratch").join("hello.ko")).unwrap(),
        b""
    );
    let told = run::checked(&mut Command::new(package.program("scratch")), LIMIT).unwrap();
    assert!(told.out().ends_with("hello.ko 0\n"), "{}", told.out());
    // The skipped module is built when it is requested.
    let kernel = any_kernel();
    let mut cargo = package.cargo_for(&kernel);
    cargo
        .env("KDIR", "/nonexistent")
        .env("TARGET_KDIR", &kernel.kdir);
    let built = package.built(&mut cargo);
    assert!(ran(&built), "{}", built.said);
    assert!(holds(
        &built.out_dir("scratch").join("hello.ko"),
        "vermagic="
    ));
    let directives = built.directives("scratch");
    for name in kdirs()
        .iter()
        .map(String::as_str)
        .chain(["KBUILD_RS_SKIP", "DOCS_RS"])
    {
        let line = format!("cargo:rerun-if-env-changed={name}");
        let is_told = directives.lines().any(|l| l == line);
        assert!(is_told, "{line} is missing in\n{directives}");
    }
}

fn find(program: &str) -> std::path::PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&path)
        .map(|dir| dir.join(program))
        .find(|file| file.is_file())
        .unwrap_or_else(|| panic!("no {program} in PATH"))
}

/// Prints make's environment.
const TELLING_KBUILD: &str = "$(foreach v,$(.VARIABLES),$(if $(filter environment%,$(origin $v)),$(info env [$v] $($v))))\n\
    ifdef DEBUG\n$(error DEBUG is defined)\nendif\n\
    obj-m := many.o\n\
    many-y := main.o part1.o part2.o part3.o part4.o part5.o part6.o part7.o\n";

/// A slow compiler that records when it begins and ends.
const SLOW_COMPILER: &str = "#!/bin/sh\n\
    case \" $* \" in\n\
    *\" -c \"*part[0-9].o*) ;;\n\
    *) exec gcc \"$@\" ;;\n\
    esac\n\
    echo begin \"$MAKEFLAGS\" >> LOG\nsleep 0.3\ngcc \"$@\"\ncode=$?\necho end >> LOG\nexit $code\n";

#[test]
fn make_takes_cargos_tokens_and_sees_nothing_of_cargos_environment() {
    let package = package(&[
        (
            "build.rs",
            "fn main() { kbuild::Build::tree(\"driver\").compile(\"many\"); }\n",
        ),
        ("src/main.rs", "fn main() {}\n"),
        ("driver/Kbuild", TELLING_KBUILD),
        ("driver/main.c", HELLO),
    ]);
    for number in 1..8 {
        let text = format!("#include \"all.h\"\nint part{number}(void) {{ return ALL; }}\n");
        write(&package.dir, &[(&format!("driver/part{number}.c"), &text)]);
    }
    let tools = folder(&[]);
    let (compiler, log) = (tools.path().join("slow-gcc"), tools.path().join("log"));
    let script = SLOW_COMPILER.replace("LOG", log.to_str().unwrap());
    fs::write(&compiler, script).unwrap();
    fs::set_permissions(&compiler, fs::Permissions::from_mode(0o755)).unwrap();

    let kernel = any_kernel();
    // The tests of jobs cover one job.
    let rounds = [("-j2", 2), ("-j1", 1)];
    let rounds = &rounds[..if scope::is_full() { 2 } else { 1 }];
    for &(jobs, at_once) in rounds {
        let header = format!("#define ALL {at_once}\nint part(void);\n");
        write(&package.dir, &[("driver/all.h", &header)]);
        let _ = fs::remove_file(&log);
        let mut cargo = package.cargo_for(&kernel);
        let built = package.built(cargo.arg(jobs).env("KBUILD_RS_CC", &compiler));
        assert!(ran(&built));
        let events = fs::read_to_string(&log).unwrap();
        assert_eq!(events.lines().count(), 14, "{jobs}:\n{events}");
        assert_eq!(most_at_once(&events), at_once, "{jobs}:\n{events}");

        for line in events.lines().filter(|line| line.starts_with("begin")) {
            assert!(line.contains("--jobserver-auth="), "{line}");
            assert!(!line.contains("-j1") && !line.contains("-j2"), "{line}");
        }

        let said = fs::read_to_string(built.out_dir("scratch").with_file_name("stderr")).unwrap();
        assert!(!said.contains("jobserver unavailable"), "{said}");
        assert!(!said.contains("forced in submake"), "{said}");
        let seen: BTreeMap<_, _> = said
            .lines()
            .filter_map(|line| line.strip_prefix("env [")?.split_once("] "))
            .collect();
        assert!(seen.contains_key("PATH"), "{said}");
        for name in OF_CARGO.iter().copied() {
            assert!(!seen.contains_key(name), "{name} is {:?}", seen[name]);
        }
        let of_cargo = seen.iter().find(|(name, _)| name.starts_with("CARGO_"));
        assert_eq!(of_cargo, None);
    }
}

/// Cargo's variables for a build script (the kernel has its own RUSTC and CARGO), and those of
/// kbuild-rs.
const OF_CARGO: &[&str] = &[
    "DEBUG",
    "TARGET",
    "HOST",
    "PROFILE",
    "OPT_LEVEL",
    "NUM_JOBS",
    "OUT_DIR",
    "RUSTFLAGS",
    "LD_LIBRARY_PATH",
    "KDIR",
    "KBUILD_RS_CC",
];

/// The largest number of compilers at the same time.
fn most_at_once(events: &str) -> usize {
    let (mut now, mut most) = (0, 0);
    for event in events.lines() {
        if event.starts_with("begin") {
            now += 1;
            most = most.max(now);
        } else {
            now -= 1;
        }
    }
    most
}
