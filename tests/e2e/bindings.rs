//! `kbuild::UapiBindings`: Rust gets the same declarations of a header as C.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use kbuild_tests::lab::LabKernel;
use kbuild_tests::run;
use kbuild_tests::scope;

use crate::rust;
use crate::rust_checks::RUSTY;
use crate::support::project::{Project, any_kernel, edit, manifest};
use crate::support::{LIMIT, folder, set_bindgen};

const HEADER: &str = r#"
#include <linux/ioctl.h>
#include <linux/types.h>

#define DEMO_MAGIC 'd'
#define DEMO_NAME "demo"
#define DEMO_BIG 0x1234567890ULL
#define DEMO_FLAG (1U << 31)
#define DEMO_WORD_SIZE sizeof(struct demo_word)

enum demo_mode { DEMO_OFF, DEMO_ON = 5 };

struct demo_word { __u16 half; __u8 bytes[3]; } __attribute__((packed));

struct demo_request {
	__u32 id;
	__aligned_u64 address;
	struct demo_word words[4];
	enum demo_mode mode;
	union { __s32 number; __u8 raw[16]; } value;
};

struct demo_list { __u32 count; struct demo_word items[]; };

#define DEMO_STOP _IO(DEMO_MAGIC, 0)
#define DEMO_GET _IOR(DEMO_MAGIC, 1, struct demo_request)
#define DEMO_SET _IOW(DEMO_MAGIC, 2, struct demo_word)
#define DEMO_SWAP _IOWR(DEMO_MAGIC, 3, __u64)
"#;

const NUMBERS: &[&str] = &[
    "DEMO_MAGIC",
    "DEMO_BIG",
    "DEMO_FLAG",
    "DEMO_WORD_SIZE",
    "DEMO_OFF",
    "DEMO_ON",
    "DEMO_STOP",
    "DEMO_GET",
    "DEMO_SET",
    "DEMO_SWAP",
];

/// Fields to compare: (structure, field).
const FIELDS: &[(&str, &str)] = &[
    ("demo_request", "address"),
    ("demo_request", "words"),
    ("demo_request", "mode"),
    ("demo_request", "value"),
    ("demo_word", "bytes"),
    ("demo_list", "items"),
];

/// A program that prints the constants and the layout in its bindings.
fn project() -> Project {
    let mut main = String::from(
        "mod demo { include!(concat!(env!(\"OUT_DIR\"), \"/demo.rs\")); }\nuse std::mem::*;\n\
         fn main() {\n",
    );
    for name in NUMBERS {
        main += &format!("println!(\"{name} {{}}\", demo::{name} as u64);\n");
    }
    for (name, field) in FIELDS {
        main += &format!(
            "println!(\"{name}.{field} {{}} {{}}\", size_of::<demo::{name}>(), offset_of!(demo::{name}, {field}));\n"
        );
    }
    main += "assert_eq!(demo::DEMO_NAME, b\"demo\\0\");\n}\n";
    let manifest = manifest("bindings", "", "[workspace]").replace(
        "path = \"@KBUILD@\" }",
        "path = \"@KBUILD@\", features = [\"bindgen\"] }",
    );
    Project::new(&[
        ("Cargo.toml", &manifest),
        (
            "build.rs",
            "fn main() { kbuild::UapiBindings::new(\"module/demo.h\").generate(\"demo\"); }\n",
        ),
        ("src/main.rs", &main),
        ("module/demo.h", HEADER),
    ])
}

fn told_by_c() -> String {
    let mut main = String::from(
        "#include <stdio.h>\n#include <stddef.h>\n#include \"demo.h\"\nint main(void) {\n",
    );
    for name in NUMBERS {
        main += &format!("printf(\"{name} %llu\\n\", (unsigned long long)({name}));\n");
    }
    for (name, field) in FIELDS {
        main += &format!(
            "printf(\"{name}.{field} %zu %zu\\n\", sizeof(struct {name}), offsetof(struct {name}, {field}));\n"
        );
    }
    main += "return 0; }\n";
    let dir = folder(&[("demo.h", HEADER), ("main.c", &main)]);
    let mut gcc = Command::new("gcc");
    gcc.current_dir(dir.path()).args(["-o", "main", "main.c"]);
    run::checked(&mut gcc, LIMIT).unwrap();
    run::checked(&mut Command::new(dir.path().join("main")), LIMIT)
        .unwrap()
        .out()
}

#[test]
fn constants_ioctl_numbers_and_layouts_are_those_that_c_prints_and_the_module_has() {
    let project = project();
    let mut cargo = project.cargo();
    let outcome = project.built(&mut cargo);
    assert!(!outcome.said.contains("warning: "), "{}", outcome.said);
    let program = || {
        let mut program = Command::new(project.program("bindings"));
        run::checked(&mut program, LIMIT).unwrap().out()
    };
    assert_eq!(program(), told_by_c());
    let text = fs::read_to_string(outcome.out_dir("bindings").join("demo.rs")).unwrap();
    assert!(text.contains("[\"Size of demo_request\"]"), "{text}");
    assert!(
        !text.contains("_IOC_"),
        "more than the header's own: {text}"
    );

    // The header and the headers that it includes are prerequisites.
    let told = outcome.directives("bindings");
    let header = project.dir.join("module/demo.h");
    for path in [header.to_str().unwrap(), "/linux/ioctl.h"] {
        let is_it =
            |line: &str| line.starts_with("cargo:rerun-if-changed=") && line.ends_with(path);
        assert!(told.lines().any(is_it), "no {path} in\n{told}");
    }
    assert!(project.built(&mut cargo).ran.is_empty());
    edit(&header, "DEMO_ON = 5", "DEMO_ON = 6");
    project.built(&mut cargo);
    let said = program();
    assert!(said.contains("DEMO_ON 6\n"));

    module_and_program_agree_on_the_header(&project, &said);
    so_does_a_module_in_rust(&project, &said);
    a_header_that_is_missing_or_wrong_is_an_error_that_points_at_it(&project);
}

#[test]
fn the_kernels_own_uapi_headers_may_be_taken_instead_of_the_systems() {
    let project = project();
    fs::write(
        project.dir.join("module/demo.h"),
        "#include <linux/version.h>\n#include <linux/stddef.h>\n#include <linux/fs.h>\n\
         #include <asm/ioctls.h>\n#define DEMO_VERSION LINUX_VERSION_CODE\n\
         struct demo { struct fstrim_range range; };\n#define DEMO_TRIM FITRIM\n\
         #define DEMO_TCGETS TCGETS\n",
    )
    .unwrap();
    fs::write(
        project.dir.join("build.rs"),
        "fn main() {\n\
         let kernel = kbuild::Kernel::open(std::env::var_os(\"MY_KERNEL\").unwrap()).unwrap();\n\
         println!(\"cargo:rerun-if-env-changed=MY_KERNEL\");\n\
         kbuild::UapiBindings::new(\"module/demo.h\").kernel(&kernel).generate(\"demo\");\n}\n",
    )
    .unwrap();
    fs::write(
        project.dir.join("src/main.rs"),
        "mod demo { include!(concat!(env!(\"OUT_DIR\"), \"/demo.rs\")); }\n\
         fn main() { println!(\"{} {} {}\", demo::DEMO_VERSION, demo::DEMO_TRIM, demo::DEMO_TCGETS); }\n",
    )
    .unwrap();
    for kernel in scope::kernels(0).unwrap() {
        project.built(project.cargo().env("MY_KERNEL", &kernel.kdir));
        let mut program = Command::new(project.program("bindings"));
        let said = run::checked(&mut program, LIMIT).unwrap().out();
        let version = kernel.kdir.join("include/generated/uapi/linux/version.h");
        let text = fs::read_to_string(&version).unwrap();
        let code = text
            .lines()
            .find_map(|l| l.strip_prefix("#define LINUX_VERSION_CODE "));
        // FITRIM is _IOWR('X', 121, struct fstrim_range); TCGETS is the architecture's.
        let expected = format!("{} {} {}\n", code.unwrap(), 0xc018_5879_u32, 0x5401);
        assert_eq!(said, expected, "{}", kernel.release);
    }
}

fn a_header_that_is_missing_or_wrong_is_an_error_that_points_at_it(project: &Project) {
    let header = project.dir.join("module/demo.h");
    edit(&header, "__u32 id;", "__u33 id;");
    let said = project.fails(&mut project.cargo());
    let place = format!("{}:", header.display());
    assert!(said.contains("error: cannot declare "), "{said}");
    assert!(said.contains(&place) && said.contains("__u33"), "{said}");

    fs::remove_file(&header).unwrap();
    let said = project.fails(&mut project.cargo());
    let expected = format!("error: the header {} cannot be read: ", header.display());
    assert!(said.contains(&expected), "{said}");
}

fn module_and_program_agree_on_the_header(project: &Project, said: &str) {
    // The module is compiled with the header that the bindings come from, and asserts the program's
    // numbers.
    let kernel = any_kernel();
    let mut module = String::from(
        "#include <linux/module.h>\n#include \"demo.h\"\nMODULE_LICENSE(\"GPL\");\n\
         MODULE_DESCRIPTION(\"demo\");\n",
    );
    for line in said.lines() {
        match line.split(' ').collect::<Vec<_>>()[..] {
            [name, value] => {
                module += &format!("_Static_assert({name} == {value}ULL, \"{name}\");\n");
            }
            [path, size, offset] => {
                let (name, field) = path.split_once('.').unwrap();
                module += &format!(
                    "_Static_assert(sizeof(struct {name}) == {size}, \"{name}\");\n\
                     _Static_assert(offsetof(struct {name}, {field}) == {offset}, \"{path}\");\n"
                );
            }
            _ => panic!("{line}"),
        }
    }
    fs::write(project.dir.join("module/demo.c"), module).unwrap();
    edit(
        &project.dir.join("build.rs"),
        ".generate(\"demo\");",
        ".generate(\"demo\"); kbuild::Build::new().file(\"module/demo.c\").compile(\"demo\");",
    );
    project.built(&mut project.cargo_for(&kernel));
}

fn so_does_a_module_in_rust(project: &Project, said: &str) {
    let Some(kernel) = rust::kernels().into_iter().next() else {
        return;
    };
    let mut module = RUSTY.to_owned()
        + "mod demo { include!(env!(\"DEMO_BINDINGS\")); }\nuse core::mem::{offset_of, size_of};\n";
    let is = |what: String| format!("const _: [(); 1] = [(); ({what}) as usize];\n");
    for line in said.lines() {
        module += &match line.split(' ').collect::<Vec<_>>()[..] {
            [name, value] => is(format!("demo::{name} as u64 == {value}")),
            [path, size, offset] => {
                let (name, field) = path.split_once('.').unwrap();
                is(format!("size_of::<demo::{name}>() == {size}"))
                    + &is(format!("offset_of!(demo::{name}, {field}) == {offset}"))
            }
            _ => panic!("{line}"),
        };
    }
    fs::write(project.dir.join("module/demo.rs"), &module).unwrap();
    edit(
        &project.dir.join("Cargo.toml"),
        "[\"bindgen\"]",
        "[\"bindgen\", \"rust\"]",
    );
    edit(
        &project.dir.join("build.rs"),
        ".file(\"module/demo.c\")",
        ".file(\"module/demo.rs\").bindings(\"module/demo.h\")",
    );
    let mut cargo = project.cargo_for(&kernel);
    cargo.env("KBUILD_RS_BINDGEN", bindgen(&kernel, &project.dir));
    project.built_with_library(&mut cargo);
    let wrong = module.replace("DEMO_ON as u64 == 6", "DEMO_ON as u64 == 7");
    fs::write(project.dir.join("module/demo.rs"), wrong).unwrap();
    let error = project.fails(&mut cargo);
    assert!(error.contains("demo::DEMO_ON as u64 == 7"), "{error}");
}

/// The lab's bindgen behind a script, because its libclang is not the one of this machine, which
/// the build script uses. rustfmt is missing here, as on many machines, so the output is on one
/// line.
fn bindgen(kernel: &LabKernel, dir: &Path) -> PathBuf {
    let mut settings = Command::new("");
    set_bindgen(&mut settings, kernel);
    let mut script = String::from("#!/bin/sh\nexport RUSTFMT=/bin/false\n");
    for (name, value) in settings.get_envs() {
        let value = value.unwrap().to_str().unwrap();
        script += &format!("export {}='{value}'\n", name.to_str().unwrap());
    }
    script += "exec \"$KBUILD_RS_BINDGEN\" \"$@\"\n";
    let file = dir.join("bindgen");
    fs::write(&file, script).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    file
}
