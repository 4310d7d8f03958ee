//! Stated requirements: kernels that do not meet them are skipped before anything starts.

use std::fs;
use std::path::Path;
use std::process::Command;

use kbuild_tests::lab::{self, LabKernel};
use kbuild_tests::run;
use serde_json::Value;
use tempfile::TempDir;

use crate::scene::*;
use crate::support::*;

/// These kernels of the lab, as far as this machine can have them.
#[allow(clippy::print_stdout, reason = "tests print what they leave out")]
pub(crate) fn kernels(names: &[&str]) -> Vec<LabKernel> {
    let names = names.iter().filter(|name| match lab::why_not(name) {
        Some(why) => {
            println!("not run: {name}: {why}");
            false
        }
        None => true,
    });
    names.map(|name| lab::kernel(name).unwrap()).collect()
}

const NET: &str = "[requires]\nkernel = \">=6.1.100\"\n\
    config = [{ check = \"CONFIG_NET\", reason = \"it opens a socket\" }]\n";

/// A module that needs the network, and one that does not.
fn trees() -> TempDir {
    folder(&[
        ("net/net.c", HELLO),
        ("net/Kbuild", "obj-m := net.o\n"),
        ("net/kbuild.toml", NET),
        ("plain/plain.c", HELLO),
        ("plain/Kbuild", "obj-m := plain.o\n"),
    ])
}

fn build_all(trees: &TempDir, names: &[&str], kernels: &[LabKernel]) -> Command {
    let mut command = Command::new(program());
    command.arg("build").args(names).args(["-o", "out"]);
    command.args(["--cc", "gcc-12"]).current_dir(trees.path());
    for kernel in kernels {
        command.arg("--kernel").arg(&kernel.kdir);
    }
    command
}

fn json(command: &mut Command) -> (Option<i32>, Vec<Value>) {
    command.args(["--message-format", "json"]);
    let output = run::run(command, LIMIT).unwrap();
    let out = output.out();
    let lines = out.lines().map(|line| serde_json::from_str(line).unwrap());
    (output.status.code(), lines.collect())
}

/// The kind and the check of a requirement, the kernels that meet it, and words of the error.
type Case<'a> = (&'a str, &'a str, &'a dyn Fn(&LabKernel) -> bool, &'a str);

#[test]
fn each_requirement_is_compared_with_the_kernels_own_files() {
    let kernels = kernels(&["5.10", "6.1", "6.12", "7.2", "7.3"]);
    let source = folder(&[("hello.c", HELLO)]);
    let is_set = |kernel: &LabKernel, symbol: &str| {
        let config = fs::read_to_string(kernel.kdir.join("include/config/auto.conf")).unwrap();
        config.contains(&format!("\n{symbol}=y\n")) || config.contains(&format!("\n{symbol}=m\n"))
    };
    let exports = |kernel: &LabKernel, symbol: &str| {
        let symvers = fs::read_to_string(kernel.kdir.join("Module.symvers")).unwrap();
        symvers.contains(&format!("\t{symbol}\t"))
    };
    // Debian's release of 6.1 has another number than the kernel.
    let is_from = |kernel: &LabKernel| !kernel.release.starts_with("5.");
    let cases: [Case<'_>; 8] = [
        (
            "config",
            "CONFIG_NET",
            &|k| is_set(k, "CONFIG_NET"),
            "CONFIG_NET is not set",
        ),
        (
            "config",
            "!RUST: why",
            &|k| !is_set(k, "CONFIG_RUST"),
            "): why. CONFIG_RUST is y",
        ),
        (
            "config",
            "NLS_ASCII",
            &|k| is_set(k, "CONFIG_NLS_ASCII"),
            "CONFIG_NLS_ASCII is not",
        ),
        ("kernel", ">=6.1.100", &is_from, "The kernel is 5.10."),
        (
            "arch",
            "arm64",
            &|_| false,
            "The kernel is for x86 (64 bits)",
        ),
        ("arch", "amd64", &|_| true, ""),
        (
            "symbol",
            "folio_wait_stable",
            &|k| exports(k, "folio_wait_stable"),
            "exports it",
        ),
        (
            "symbol",
            "nf_register_net_hook",
            &|k| exports(k, "nf_register_net_hook"),
            "exports it",
        ),
    ];
    for case in &cases {
        let met = compare(case, &kernels, source.path());
        let is_mixed = met.contains(&true) && met.contains(&false);
        let one = case.1;
        assert!(
            is_mixed || case.0 == "arch" || kernels.len() < 5,
            "{one}: {met:?}"
        );
    }
    assert!(!source.path().join("out").exists());
}

/// Compares a requirement with each kernel, and returns which of them meet it.
fn compare(
    (kind, check, is_met, words): &Case<'_>,
    kernels: &[LabKernel],
    source: &Path,
) -> Vec<bool> {
    for kernel in kernels {
        let mut command = build(kernel, &source.join("out"));
        command.arg(format!("--requires-{kind}={check}"));
        command.args(["--dry-run", "--name", "hello", "hello.c"]);
        command.current_dir(source);
        if is_met(kernel) {
            built(&mut command);
            continue;
        }
        let said = refused(&mut command, 77);
        let setting = format!("(the setting requires_{kind})");
        let words = [
            "error: hello cannot be built for",
            &*kernel.release,
            &setting,
            words,
        ];
        for word in words {
            assert!(said.contains(word), "{check}, {word}: {said}");
        }
    }
    kernels.iter().map(is_met).collect()
}

#[test]
fn several_kernels_skip_those_that_do_not_meet_a_requirement_and_one_kernel_gives_77() {
    let trees = trees();
    let kernels = kernels(&["5.10", "6.1", "7.3"]);
    if kernels.len() < 3 {
        return;
    }
    let [old, good, small] = [0, 1, 2].map(|i| &kernels[i].release);
    let output = built(&mut build_all(&trees, &["net"], &kernels));
    let said = output.err();
    for (release, words) in [
        (
            old,
            "kernel >=6.1.100 (TREE/net/kbuild.toml:2): The kernel is 5.10.",
        ),
        (
            small,
            "CONFIG_NET (TREE/net/kbuild.toml:3): it opens a socket. CONFIG_NET is not set: use a",
        ),
    ] {
        let tree = fs::canonicalize(trees.path()).unwrap();
        let words = words.replace("TREE", tree.to_str().unwrap());
        let head = format!("skipped: net cannot be built for {release}: ");
        assert!(said.contains(&head) && said.contains(&words), "{said}");
    }
    let row = |release: &str, outcome: &str| {
        let line = said.lines().find(|line| line.starts_with(release));
        assert!(
            line.is_some_and(|line| line.contains(outcome)),
            "{release}: {said}"
        );
    };
    row(old, "  skipped, kernel >=6.1.100");
    row(good, "  built, ");
    row(small, "  skipped, CONFIG_NET");
    assert!(said.trim_end().ends_with(": 1 built, 2 skipped"), "{said}");
    let out = trees.path().join("out");
    assert!(out.join(good).join("net.ko").exists());
    assert!(!out.join(old).exists() && !out.join(small).exists());

    let (code, lines) = json(&mut build_all(&trees, &["net"], &kernels));
    assert_eq!(code, Some(0));
    let results = lines.iter().filter(|line| line["reason"] == "build-result");
    let mut outcomes: Vec<_> = results
        .map(|line| {
            (
                line["release"].as_str().unwrap(),
                line["outcome"].as_str().unwrap(),
            )
        })
        .collect();
    outcomes.sort_unstable();
    let wanted = [(&**old, "skipped"), (good, "fresh"), (small, "skipped")];
    assert_eq!(outcomes, wanted);
    let skipped = lines
        .iter()
        .find(|line| line["release"] == **small && line["outcome"] == "skipped");
    assert!(
        skipped.unwrap()["message"]
            .as_str()
            .unwrap()
            .contains("it opens a socket")
    );
    assert!(
        lines.iter().all(|line| line["reason"] != "error"),
        "{lines:?}"
    );

    nothing_but_skips_gives_77(&trees, &kernels[2..]);
    assert!(!out.join(small).exists());
    what_info_says(&trees, &kernels);
}

fn nothing_but_skips_gives_77(trees: &TempDir, kernels: &[LabKernel]) {
    // A user of a skipped provider is skipped too.
    let mut alone = build_all(trees, &["net", "plain"], kernels);
    let said = refused(alone.args(["--symvers", "net"]), 77);
    assert!(
        said.contains("plain is not built: it needs symbols of net. net cannot"),
        "{said}"
    );
    assert!(said.trim_end().ends_with(": 2 skipped"), "{said}");
    let (code, lines) = json(&mut build_all(trees, &["net"], kernels));
    let error = lines.iter().find(|line| line["reason"] == "error").unwrap();
    assert_eq!(
        (code, &error["kind"]),
        (Some(77), &"requirement-not-met".into())
    );
    assert_eq!(error["advice"][0]["code"], "required-config");
    assert_eq!(lines.last().unwrap()["success"], false);
    let said = refused(build_all(trees, &["net"], kernels).arg("--dry-run"), 77);
    assert!(said.contains("it opens a socket"), "{said}");
}

fn what_info_says(trees: &TempDir, kernels: &[LabKernel]) {
    let info = || {
        let mut info = Command::new(program());
        info.args(["info", "net"]).current_dir(trees.path());
        for kernel in kernels {
            info.arg("--kernel").arg(&kernel.kdir);
        }
        info
    };
    let said = built(&mut info()).out();
    for words in [
        "  requires    kernel >=6.1.100 (".to_owned(),
        "kbuild.toml:3): it opens a socket\n".to_owned(),
        format!(
            "  kernel      {}: not met: the kernel is 5.10.",
            kernels[0].release
        ),
        format!("  kernel      {}: met\n", kernels[1].release),
        format!(
            "  kernel      {}: not met: CONFIG_NET is not set\n",
            kernels[2].release
        ),
    ] {
        assert!(said.contains(&words), "{words}: {said}");
    }
    let (code, lines) = json(&mut info());
    let met: Vec<_> = lines
        .iter()
        .map(|line| line["met"].as_bool().unwrap())
        .collect();
    assert_eq!((code, &met[..]), (Some(0), &[false, true, false][..]));
    assert_eq!(
        lines[2]["requirements"][1]["found"],
        "CONFIG_NET is not set"
    );
    assert_eq!(
        lines[2]["requirements"][1]["stated_reason"],
        "it opens a socket"
    );
}

#[test]
fn requirements_are_compared_at_each_build_and_start_nothing() {
    let kernel = kernel_at(1);
    let tree = [
        ("Kbuild", "obj-m := hello.o\n"),
        ("hello.c", HELLO),
        (
            "kbuild.toml",
            "[requires]\nconfig = ['MODULES', '~!CONFIG_NET: never tried']\n",
        ),
    ];
    let scene = Scene::tree(&kernel, &tree);
    let warned = |said: &str| {
        assert_eq!(said.matches("warning: ").count(), 1, "{said}");
        assert!(
            said.contains("never tried. CONFIG_NET is y: use a kernel without CONFIG_NET"),
            "{said}"
        );
    };
    warned(&scene.build().err());
    let again = scene.build();
    assert!(!started_make(&again), "{}", again.err());
    warned(&again.err());
    // An edit that changes no outcome compiles nothing.
    scene.edit("kbuild.toml", "never tried", "not tried");
    assert_eq!(compiled(&scene.build()), Vec::<String>::new());
    let built_modules = modules(scene.out.path());
    scene.edit("kbuild.toml", "~!", "!");
    refused(scene.command().arg("--dry-run"), 77);
    assert_eq!(modules(scene.out.path()), built_modules);
    let said = refused(&mut scene.command(), 77);
    assert!(said.contains("!CONFIG_NET ("), "{said}");
    // A later step must not install what an earlier build left.
    assert!(!scene.out.path().join("hello.ko").exists());
    scene.edit("kbuild.toml", "!", "~!");
    scene.build();
    assert_eq!(modules(scene.out.path()), built_modules);

    // A provider may export the symbol.
    let trees = folder(&[
        ("ring/ring.c", RING),
        ("ring/Kbuild", "obj-m := ring.o\n"),
        ("user/user.c", USER),
        ("user/Kbuild", "obj-m := user.o\n"),
        ("user/kbuild.toml", "[requires]\nsymbols = 'ring_push'\n"),
    ]);
    let kernels = [kernel];
    let said = refused(&mut build_all(&trees, &["user"], &kernels), 77);
    assert!(said.contains("symbol ring_push ("), "{said}");
    let both = || {
        let mut both = build_all(&trees, &["user", "ring"], &kernels);
        both.args(["--symvers", "ring"]);
        both
    };
    built(both().arg("--dry-run"));
    built(&mut both());
    assert!(trees.path().join("out/user.ko").exists());
    write(
        trees.path(),
        &[("ring/kbuild.toml", "[requires]\nconfig = 'NO_SUCH'\n")],
    );
    for how in [&["--dry-run"][..], &[]] {
        let said = refused(both().args(how), 77);
        assert!(
            said.contains("user is not built: it needs symbols of ring"),
            "{said}"
        );
    }
    assert!(!trees.path().join("out/user.ko").exists());
    // A file that cannot be read is no unmet requirement.
    let mut missing = build_all(&trees, &["user"], &kernels);
    let said = refused(missing.args(["--symvers", "/no/such.symvers"]), 2);
    assert!(said.contains("/no/such.symvers does not exist"), "{said}");
    write(
        trees.path(),
        &[("user/kbuild.toml", "[requires]\nsymbol = 'ring_push'\n")],
    );
    let said = refused(&mut build_all(&trees, &["user"], &kernels), 2);
    assert!(
        said.contains("user/kbuild.toml:2: unknown key `symbol`. The known keys of"),
        "{said}"
    );
}
