//! The program on real kernels: its streams and its files.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use kbuild_tests::run::{self, Output};
use kbuild_tests::scope;
use serde_json::Value;

use crate::scene::{kernel_at, oldest_and_newest};
use crate::support::kernel_tree::link_kernel;
use crate::support::*;

fn hello() -> tempfile::TempDir {
    folder(&[("hello.c", HELLO), ("Kbuild", "obj-m := hello.o\n")])
}

/// Standard output as one object a line. Standard error must be empty.
fn json_lines(output: &Output) -> Vec<Value> {
    assert_eq!(output.err(), "");
    let text = output.out();
    assert!(text.ends_with('\n'), "{text}");
    text.lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect()
}

fn reasons(lines: &[Value]) -> BTreeSet<&str> {
    lines
        .iter()
        .map(|line| line["reason"].as_str().unwrap())
        .collect()
}

fn of_reason<'a>(lines: &'a [Value], reason: &str) -> Vec<&'a Value> {
    lines
        .iter()
        .filter(|line| line["reason"] == reason)
        .collect()
}

#[test]
fn json_tells_each_step_each_product_and_the_end() {
    let source = folder(&[
        ("hello.c", &format!("{HELLO}\n#warning look here\n")),
        ("Kbuild", "obj-m := hello.o\n"),
    ]);
    let real = fs::canonicalize(source.path()).unwrap();
    for kernel in scope::kernels(1).unwrap() {
        let out = tempfile::tempdir().unwrap();
        let call = || {
            let mut command = build(&kernel, out.path());
            command.arg(&real).args(["--message-format", "json"]);
            command
        };
        let output = built(&mut call());
        let lines = json_lines(&output);
        let steps = of_reason(&lines, "step");
        let object = real.join("hello.o");
        assert!(
            steps
                .iter()
                .any(|s| s["target"] == object.to_str().unwrap()),
            "{steps:?}"
        );
        let warning = of_reason(&lines, "output")
            .into_iter()
            .find(|line| line["level"] == "warning")
            .unwrap();
        assert!(warning["line"].as_str().unwrap().contains("look here"));
        let artifacts = of_reason(&lines, "module-artifact");
        let [artifact] = artifacts.as_slice() else {
            panic!("{artifacts:?}")
        };
        assert_eq!(artifact["name"], "hello");
        assert_eq!(artifact["release"], kernel.release);
        assert_eq!(artifact["fresh"], false);
        assert_eq!(artifact["licenses"][0], "GPL");
        assert!(Path::new(artifact["path"].as_str().unwrap()).is_file());
        assert!(
            artifact["vermagic"]
                .as_str()
                .unwrap()
                .starts_with(&kernel.release)
        );
        assert_eq!(lines.last().unwrap()["reason"], "build-finished");
        assert_eq!(lines.last().unwrap()["success"], true);

        let output = built(&mut call());
        let lines = json_lines(&output);
        assert!(!reasons(&lines).contains("step"), "{lines:?}");
        assert_eq!(of_reason(&lines, "module-artifact")[0]["fresh"], true);
    }
    fs::write(real.join("hello.c"), "int x = ;\n").unwrap();
    let out = tempfile::tempdir().unwrap();
    let mut command = build(&kernel_at(0), out.path());
    command.arg(&real).args(["--message-format", "json"]);
    let output = run::run(&mut command, LIMIT).unwrap();
    assert_eq!(output.status.code(), Some(1));
    let lines = json_lines(&output);
    let errors = of_reason(&lines, "error");
    assert_eq!(errors[0]["kind"], "build-failed");
    let wanted = format!("{}:1:9: error", real.join("hello.c").display());
    assert!(
        errors[0]["message"].as_str().unwrap().contains(&wanted),
        "{errors:?}"
    );
    assert_eq!(lines.last().unwrap()["success"], false);
}

#[test]
fn several_kernels_have_a_folder_each_and_one_that_is_missing_hides_no_other() {
    let kernels = oldest_and_newest();
    let (source, out) = (hello(), tempfile::tempdir().unwrap());
    let mut command = Command::new(program());
    command
        .arg("build")
        .arg(source.path())
        .arg("-o")
        .arg(out.path());
    command.args(["--cc", "gcc"]);
    for kernel in &kernels {
        command.arg("--kernel").arg(&kernel.kdir);
    }
    let text = refused(command.args(["--kernel", "/no/such"]), 1);
    assert!(text.contains("/no/such does not exist"), "{text}");
    let ending = format!("{} built, 1 not built", kernels.len());
    assert!(text.contains(&ending), "{text}");
    assert!(text.contains("/no/such  "), "{text}");
    for kernel in &kernels {
        let module = out.path().join(&kernel.release).join("hello.ko");
        let info = kbuild::ModuleInfo::read(&module).unwrap();
        assert_eq!(info.release, kernel.release);
        assert!(
            text.contains(&format!(
                "building {} for {}",
                source.path().file_name().unwrap().display(),
                kernel.release
            )),
            "{text}"
        );
    }
    let mut clean = Command::new(program());
    built(clean.arg("clean").arg("-o").arg(out.path()));
    assert_eq!(fs::read_dir(out.path()).unwrap().count(), 0);
}

fn compressed_modules_say_the_same(module: &Path) {
    let info = |path: &Path| {
        let mut command = Command::new(program());
        command.arg("info").arg(path);
        command
    };
    let dir = tempfile::tempdir().unwrap();
    let plain = built(&mut info(module)).out();
    let plain = plain.lines().skip(1).collect::<Vec<_>>();
    // The tools that exist here. Every machine has gzip.
    for (tool, extension) in [("gzip", "gz"), ("xz", "xz"), ("zstd", "zst")] {
        let output = Command::new(tool).arg("-c").arg(module).output();
        let Ok(output) = output else {
            assert_ne!(tool, "gzip");
            continue;
        };
        let path = dir.path().join(format!("hello.ko.{extension}"));
        fs::write(&path, &output.stdout).unwrap();
        let said = built(&mut info(&path)).out();
        assert_eq!(said.lines().skip(1).collect::<Vec<_>>(), plain, "{tool}");
        // As one of all in a folder, and truncated.
        let said = built(&mut info(dir.path())).out();
        assert!(said.contains(path.to_str().unwrap()), "{said}");
        fs::write(&path, &output.stdout[..output.stdout.len() / 2]).unwrap();
        let said = refused(&mut info(&path), 1);
        let wanted = format!(
            "{} is compressed by {tool}, and damaged or truncated",
            path.display()
        );
        assert!(said.contains(&wanted), "{said}");
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn output_files_are_copies_of_the_products_of_their_names() {
    let dir = folder(&[
        ("a.c", HELLO),
        ("b.c", HELLO),
        ("Kbuild", "obj-m := a.o b.o\n"),
    ]);
    let out = tempfile::tempdir().unwrap();
    let single = out.path().join("single.ko");
    let mut command = build(&kernel_at(0), out.path());
    let text = refused(command.arg(dir.path()).arg("--output").arg(&single), 2);
    assert!(text.contains("2 modules: a, b"), "{text}");
    assert!(!single.exists());

    // The paths are relative, as in a Ninja rule, and so are the names in the depfile.
    let mut command = build(&kernel_at(0), &out.path().join("own"));
    command.arg(dir.path()).args(["-q", "--depfile", "d"]);
    command.args(["--output", "b.ko", "--output", "any.symvers"]);
    let output = built(command.current_dir(&dir));
    assert_eq!(output.out(), "", "the caller knows what comes out");
    let (copy, own) = (dir.path().join("b.ko"), out.path().join("own/b.ko"));
    assert!(fs::read(&copy).unwrap() == fs::read(&own).unwrap());
    assert!(dir.path().join("any.symvers").is_file());
    // A file that is edited while a build runs is newer than the build's products.
    let time = |path| fs::metadata(path).unwrap().modified().unwrap();
    assert!(time(copy) < time(own));
    let depfile = fs::read_to_string(dir.path().join("d")).unwrap();
    assert!(depfile.starts_with("b.ko any.symvers: \\\n"), "{depfile}");
    assert!(depfile.contains("\n  a.c \\\n"), "{depfile}");

    // If products have absolute paths, the depfile may be read from another folder.
    let mut command = build(&kernel_at(0), &out.path().join("own"));
    command.arg(dir.path()).args(["-q", "--depfile", "d"]);
    built(command.current_dir(&dir));
    let depfile = fs::read_to_string(dir.path().join("d")).unwrap();
    let source = dir.path().canonicalize().unwrap().join("a.c");
    let wanted = format!("\n  {} \\\n", source.display());
    assert!(depfile.contains(&wanted), "{depfile}");

    // A single module's copy may have any name, but a second copy may not, because it could be
    // mistaken for another module.
    write(dir.path(), &[("Kbuild", "obj-m := a.o\n")]);
    let copies = tempfile::tempdir().unwrap();
    let names = ["a.ko", "c.ko"].map(|name| copies.path().join(name));
    let command = |outputs: &[PathBuf]| {
        let mut command = build(&kernel_at(0), &out.path().join("own"));
        command.arg(dir.path()).arg("-q");
        for output in outputs {
            command.arg("--output").arg(output);
        }
        command
    };
    let text = refused(&mut command(&names), 2);
    assert!(
        text.contains("c.ko, but this build makes 1 module: a:"),
        "{text}"
    );
    assert!(!names[0].exists() && !names[1].exists());
    built(&mut command(&names[1..]));
    assert!(names[1].is_file());
}

#[test]
fn the_working_directory_is_built_into_kbuild_out_and_cleaned() {
    let (source, kernel) = (hello(), kernel_at(1));
    let here = |verb: &str| {
        let mut command = Command::new(program());
        command
            .arg(verb)
            .current_dir(source.path())
            .env("KDIR", &kernel.kdir);
        if let Some(cc) = &kernel.cc {
            command.env("KBUILD_RS_CC", cc);
        }
        command
    };
    let output = built(&mut here("build"));
    assert_eq!(output.out(), "kbuild-out/hello.ko\n");
    let ending = format!("built hello for {} in ", kernel.release);
    assert!(output.err().contains(&ending), "{}", output.err());
    let ignore = source.path().join("kbuild-out/.gitignore");
    assert_eq!(fs::read_to_string(ignore).unwrap(), "*\n");
    let again = built(&mut here("build")).err();
    assert!(again.contains("hello is up to date"), "{again}");
    built(&mut here("clean"));
    let left: BTreeSet<_> = fs::read_dir(source.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(
        left,
        ["Kbuild", "hello.c"]
            .map(|n| OsStr::new(n).to_owned())
            .into()
    );
}

#[test]
fn kernels_and_info_describe_a_tree_and_a_module() {
    let source = hello();
    for kernel in scope::kernels(1).unwrap() {
        let kernels = |args: &[&str]| {
            let mut command = Command::new(program());
            command.arg("kernels").args(args).env("KDIR", &kernel.kdir);
            built(&mut command)
        };
        // This machine may have another tree of the same release.
        let path = kernel.kdir.to_str().unwrap();
        let table = kernels(&[]).out();
        let line = table.lines().find(|line| line.ends_with(path));
        let line = line.unwrap_or_else(|| panic!("{table}"));
        assert!(line.contains(&kernel.release), "{line}");
        assert!(line.contains('*') && line.contains("symvers"), "{line}");
        let json = kernels(&["--message-format", "json"]).out();
        let row = json
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .find(|row| row["path"] == path)
            .unwrap();
        assert_eq!(row["release"], kernel.release);
        assert_eq!(row["usable"], true);
        assert_eq!(row["default"], true);
        assert_eq!(row["arch"], "x86");
        let compiler = &row["compiler"];
        assert_eq!(
            compiler["missing"].is_null(),
            kernel.cc.is_none(),
            "{compiler}"
        );

        let out = tempfile::tempdir().unwrap();
        built(build(&kernel, out.path()).arg(source.path()));
        let info = |args: &[&str]| {
            let mut command = Command::new(program());
            built(command.arg("info").arg(out.path()).args(args)).out()
        };
        let text = info(&[]);
        for word in [
            "hello.ko",
            &kernel.release,
            "vermagic",
            "GPL",
            "exports     0 symbols",
        ] {
            assert!(text.contains(word), "{word}: {text}");
        }
        let module: Value = serde_json::from_str(&info(&["--message-format", "json"])).unwrap();
        assert_eq!(module["name"], "hello");
        assert_eq!(module["release"], kernel.release);
        assert!(info(&["-v"]).contains("printk"));
        compressed_modules_say_the_same(&out.path().join("hello.ko"));
    }
}

/// Shows `$1` as an installed tree too, for one command.
const INSTALLED: &str = "mount -t tmpfs none /usr/src && mkdir \"$0\" && mount --bind \"$1\" \"$0\" \
                         && shift && exec \"$@\"";

#[test]
fn two_trees_of_one_release_are_told_apart() {
    let kernel = kernel_at(1);
    let scratch = tempfile::tempdir().unwrap();
    let other = link_kernel(&kernel, &scratch.path().join("other"), &[]);
    let place = format!("/usr/src/linux-headers-{}", kernel.release);
    let installed = |command: &str| {
        let mut namespace = Command::new("unshare");
        namespace.args(["--user", "--map-root-user", "--mount", "sh", "-c"]);
        namespace.args([INSTALLED, &place]).arg(&other.kdir);
        namespace.arg(command).env("KDIR", &kernel.kdir);
        namespace
    };
    if let Err(why) = run::checked(&mut installed("true"), LIMIT) {
        return println!("not run: mounting is not allowed here: {why}");
    }
    let program = program().to_str().unwrap();
    let table = built(installed(program).arg("kernels"));
    let note = format!(
        "2 trees have the release {}: `--kernel {0}` takes {place}",
        kernel.release
    );
    assert!(table.err().contains(&note), "{}", table.err());

    let json = built(installed(program).args(["kernels", "--message-format", "json"])).out();
    let rows: Vec<Value> = json
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|row: &Value| row["release"] == kernel.release)
        .collect();
    let path = kernel.kdir.to_str().unwrap();
    for (at, name, default) in [(&*place, &*kernel.release, false), (path, path, true)] {
        let row = rows.iter().find(|row| row["path"] == at);
        let row = row.unwrap_or_else(|| panic!("no {at}: {json}"));
        assert_eq!(row["kernel"], name, "{json}");
        assert_eq!(row["default"], default, "{json}");
        let mut again = installed(program);
        again.args(["kernels", "--message-format", "json", name]);
        let again: Value = serde_json::from_str(&built(&mut again).out()).unwrap();
        assert_eq!(again["path"], at, "{name}");
    }
}
