//! Tests of the lab itself: its kernels are fetched, built against and booted.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use kbuild_tests::lab::{self, LabKernel};
use kbuild_tests::plain::HELLO;
use kbuild_tests::snapshot::Snapshot;
use kbuild_tests::{Limits, run, scope};

const LIMIT: Duration = Duration::from_secs(120);

const RUSTY: &str = r#"
//! The smallest module.
use kernel::prelude::*;
module! {
    type: Rusty,
    name: "rusty",
    AUTHORS
    description: "The smallest module",
    license: "GPL",
}
struct Rusty;
impl kernel::Module for Rusty {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        pr_info!("hello from rusty\n");
        Ok(Rusty)
    }
}
"#;

/// Builds a module in C, and one in Rust if the kernel has Rust.
fn plain_hello(kernel: &LabKernel, folder: &Path) -> lab::Result<()> {
    fs::write(folder.join("hello.c"), HELLO).map_err(|error| error.to_string())?;
    let mut kbuild = "obj-m := hello.o\n".to_owned();
    if kernel.rustc.is_some() {
        // One author, and since 6.15 a list of authors.
        let authors = match kernel.name {
            "6.12-rust" => "author: \"nobody\",",
            _ => "authors: [\"nobody\"],",
        };
        let rusty = RUSTY.replace("AUTHORS", authors);
        fs::write(folder.join("rusty.rs"), rusty).map_err(|error| error.to_string())?;
        kbuild += "obj-m += rusty.o\n";
    }
    fs::write(folder.join("Kbuild"), kbuild).map_err(|error| error.to_string())?;
    run::checked(kernel.plain_make(folder).arg("modules"), LIMIT).map(drop)
}

/// Builds a module in C, and one in Rust if the kernel has Rust. Boots once with both, after these
/// modules of the kernel's own. Returns the guest's time from start to end.
fn builds_and_loads(kernel: &LabKernel, below: &[&str]) -> lab::Result<Duration> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let tree = || Snapshot::take(&kernel.kdir).map_err(|error| error.to_string());
    let before = tree()?;
    plain_hello(kernel, folder.path())?;
    let changed = before.differences(&tree()?);
    assert_eq!(changed, Vec::<String>::new(), "{}", kernel.release);

    let start = Instant::now();
    let mut script = "set -e\nuname -r\ncut -d' ' -f1 /proc/modules\n".to_owned();
    let mut guest = kernel.guest()?.module_dependencies(below);
    let in_rust = kernel.rustc.is_some().then_some("rusty");
    for name in ["hello"].into_iter().chain(in_rust) {
        guest = guest.file(
            format!("/{name}.ko"),
            folder.path().join(format!("{name}.ko")),
        );
        script += &format!("insmod /{name}.ko\ndmesg | grep 'hello from {name}'\nrmmod {name}\n");
    }
    let console = guest.script(script).run()?;
    assert!(console.ok, "{console:?}");
    assert!(console.text.contains(&kernel.release), "{console:?}");
    assert!(console.text.contains("hello from hello"), "{console:?}");
    assert!(console.log.contains("bye"), "{console:?}");
    for name in below {
        let name = name.replace('-', "_");
        let is_there = console.text.lines().any(|line| line == name);
        assert!(is_there, "{name} in {console:?}");
    }
    Ok(start.elapsed())
}

#[test]
fn a_module_built_with_plain_make_loads_and_so_do_those_that_drivers_stand_on() {
    for kernel in scope::oldest_and_newest().unwrap() {
        let below = ["videodev", "hid-generic", "usbhid", "usbcore", "mc"];
        let elapsed = builds_and_loads(&kernel, &below).unwrap();
        println!(
            "{}: booted in {:.1} s",
            kernel.release,
            elapsed.as_secs_f32()
        );
    }
}

/// Loads the modules; returns the line for the report.
fn loads_in(name: &str) -> lab::Result<String> {
    if let Some(why) = lab::why_not(name) {
        return Ok(format!("not run: {why}"));
    }
    if lab::FULL.contains(&name) && !scope::is_full() {
        return Ok("in the full run only".into());
    }
    let kernel = lab::kernel(name)?;
    let seconds = builds_and_loads(&kernel, &[])?.as_secs_f32();
    Ok(format!("{}: booted in {seconds:.1} s", kernel.release))
}

#[test]
fn a_module_for_debian_13s_kernel_is_built_by_its_own_tools_and_loads() {
    println!("{}", loads_in("7.2").unwrap());
}

#[test]
fn a_module_in_c_and_one_in_rust_load_in_the_kernel_with_rust() {
    let said = loads_in("7.3").unwrap();
    if !said.starts_with("not run: ") {
        assert!(lab::kernel("7.3").unwrap().rustc.is_some());
    }
    println!("{said}");
}

#[test]
fn a_module_in_c_and_one_in_rust_load_in_the_older_kernel_with_rust() {
    let said = loads_in("6.12-rust").unwrap();
    println!("{said}");
}

#[test]
fn a_module_loads_in_the_kernel_that_clang_built() {
    println!("{}", loads_in("7.3-clang").unwrap());
}

#[test]
fn a_module_loads_in_the_kernel_for_arm64() {
    println!("{}", loads_in("7.3-arm64").unwrap());
}

#[test]
fn a_command_of_debian_13_is_the_program_itself_with_the_callers_surroundings() {
    if let Some(why) = lab::why_not("7.2") {
        println!("not run: {why}");
        return;
    }
    let machine = lab::debian13().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let script = "echo $0 $WORD; pwd; make --version; exit 7";
    let mut command = machine.command("bash");
    command
        .args(["-c", script])
        .current_dir(&folder)
        .env_clear()
        .env("WORD", "a  b $x");
    let output = run::run(&mut command, LIMIT).unwrap();
    assert_eq!(output.status.code(), Some(7), "{output:?}");
    let said = output.out();
    let mut lines = said.lines();
    assert_eq!(lines.next(), Some("bash a b $x"));
    assert_eq!(lines.next(), folder.path().to_str());
    assert!(said.contains("GNU Make 4.4"), "{said}");

    let mounts = || fs::read_to_string("/proc/self/mounts").unwrap();
    let before = mounts();
    let mut sleep = machine.command("sleep");
    let limit = Limits::wall(Duration::from_millis(300));
    let error = run::run(sleep.arg("1000"), limit).unwrap_err();
    assert!(error.contains("was killed"), "{error}");
    assert_eq!(mounts(), before);
}

#[test]
fn a_newer_make_runs_in_place_and_is_its_own_make() {
    let folder = tempfile::tempdir().unwrap();
    let makefile = folder.path().join("Makefile");
    let text = "\
all:
\t@echo $(MAKE_VERSION) $(MAKE) $(MAKELEVEL)
\t@[ $(MAKELEVEL) = 1 ] || $(MAKE) --no-print-directory
";
    fs::write(&makefile, text).unwrap();
    let make = lab::program("make").unwrap();
    let said = run::checked(Command::new(&make).current_dir(&folder), LIMIT)
        .unwrap()
        .out();
    let line = |level| format!("4.4.1 {} {level}", make.display());
    assert_eq!(said.lines().collect::<Vec<_>>(), [line(0), line(1)]);
}

#[test]
fn a_ninja_that_is_a_jobserver_client_runs_in_place() {
    let ninja = lab::program("ninja").unwrap();
    let said = run::checked(Command::new(ninja).arg("--version"), LIMIT).unwrap();
    let said = said.out();
    let mut numbers = said.trim().split('.').map(|number| number.parse::<u32>());
    assert_eq!(numbers.next(), Some(Ok(1)), "{said}");
    assert!(numbers.next().unwrap().unwrap() >= 13, "{said}");
}

#[test]
fn a_kernels_source_holds_drivers_and_is_found_by_its_name() {
    if let Some(why) = lab::why_not("7.3") {
        println!("not run: {why}");
        return;
    }
    for name in ["6.1", "7.3"] {
        let source = lab::kernel_source(name).unwrap();
        for path in ["drivers/net/dummy.c", "drivers/net/wireguard/Makefile"] {
            assert!(source.join(path).exists(), "{path} in {name}");
        }
        assert!(!source.join("drivers/net/ethernet/3com/3c509.c").exists());
    }
}

#[test]
fn no_absolute_path_leaves_a_kernels_folder() {
    for kernel in lab::kernels().unwrap() {
        let mut find = Command::new("find");
        find.arg(lab::cache_dir().join("kernels").join(kernel.name))
            .args(["-lname", "/*"]);
        assert_eq!(
            run::checked(&mut find, Duration::from_secs(60))
                .unwrap()
                .out(),
            ""
        );
        let makefile = fs::read_to_string(kernel.kdir.join("Makefile")).unwrap();
        assert!(
            makefile.contains(kernel.common.to_str().unwrap()),
            "{makefile}"
        );
        for (link, target) in [("build", &kernel.kdir), ("source", &kernel.common)] {
            let real = fs::canonicalize(kernel.modules.join(link)).unwrap();
            assert_eq!(real, fs::canonicalize(target).unwrap());
        }
    }
}

#[test]
fn a_failing_script_is_not_ok_and_keeps_its_code() {
    let kernel = lab::kernel(lab::names()[0]).unwrap();
    let console = kernel
        .guest()
        .unwrap()
        .script("echo trouble; exit 7")
        .run()
        .unwrap();
    assert_eq!((console.code, console.ok), (7, false));
    assert_eq!(console.text, "trouble\n");
}

#[test]
fn a_panic_is_an_error_that_shows_the_console() {
    let kernel = lab::kernel(lab::names()[0]).unwrap();
    let error = kernel
        .guest()
        .unwrap()
        .script("echo c > /proc/sysrq-trigger")
        .run()
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("without a verdict") && error.contains("Kernel panic"),
        "{error}"
    );
}

#[test]
fn a_guest_that_does_not_end_is_killed() {
    let kernel = lab::kernel(lab::names()[0]).unwrap();
    let guest = kernel.guest().unwrap().script("echo waiting; sleep 1000");
    let limits = Limits {
        idle: Duration::from_secs(5),
        ..Limits::wall(Duration::from_secs(600))
    };
    let error = guest.timeout(limits).run().unwrap_err().to_string();
    assert!(
        error.contains("was killed after") && error.contains("waiting"),
        "{error}"
    );
}

#[test]
fn the_cache_of_compilers_takes_nothing_that_was_compiled_with_another_prefix_map() {
    let kernel = lab::kernel(lab::names()[0]).unwrap();
    let Some(compiler) = lab::cached_compiler(&kernel).unwrap() else {
        println!("the full run has none");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let [source, map, object] = ["a.c", "map", "a.o"].map(|name| folder.path().join(name));
    fs::write(&source, "const char *file = __FILE__;\n").unwrap();
    for shown in ["/first", "/second"] {
        let text = format!("-ffile-prefix-map={}={shown}\n", folder.path().display());
        fs::write(&map, text).unwrap();
        let mut words = compiler.split(' ');
        let mut command = Command::new(words.next().unwrap());
        command.args(words).args(["-g", "-c"]).current_dir("/");
        command.arg(format!("@{}", map.display()));
        run::checked(command.arg(&source).arg("-o").arg(&object), LIMIT).unwrap();
        let bytes = fs::read(&object).unwrap();
        let name = format!("{shown}/a.c");
        let has_it = bytes.windows(name.len()).any(|w| w == name.as_bytes());
        assert!(has_it, "no {name}");
    }
}

#[test]
fn a_package_that_is_not_there_is_an_error_that_says_where_was_looked() {
    let error = lab::source("no-such-module-dkms").unwrap_err();
    assert!(
        error.contains("no-such-module-dkms") && error.contains("looked in"),
        "{error}"
    );
}
