//! Several builds in one process: each make has a token, providers come first, and one failure does
//! not hide other results.

use std::fs;
use std::sync::{Arc, Mutex};

use kbuild::{Build, ErrorKind, Matrix, Message};
use kbuild_tests::jobserver::Jobserver;

use crate::scene::kernel_at;
use crate::support::project::{Project, any_kernel, manifest, set_kernel};
use crate::support::recorder::Recorder;
use crate::support::*;

#[test]
fn kernels_of_one_script_are_built_side_by_side_within_the_outer_jobserver() {
    let kernels = kbuild_tests::scope::oldest_and_newest().unwrap();
    let mut files = vec![
        ("Cargo.toml", manifest("several", "", "") + "[workspace]\n"),
        ("src/lib.rs", String::new()),
        ("part0.c", HELLO.to_owned()),
    ];
    let names = ["part0.c", "part1.c", "part2.c"];
    for name in &names[1..] {
        files.push((name, format!("int {}(void);\n", &name[..5])));
    }
    let script =
        format!("fn main() {{ kbuild::Build::new().files({names:?}).compile_each(\"many\"); }}\n");
    files.push(("build.rs", script));
    let files: Vec<_> = files.iter().map(|(p, t)| (*p, t.as_str())).collect();
    let project = Project::new(&files);
    let recorder = Recorder::of(&any_kernel());
    let outside = Jobserver::pipe(b"++").unwrap();
    let mut cargo = project.cargo();
    for kernel in &kernels {
        set_kernel(&mut cargo, kernel);
    }
    let dirs = kernels.iter().map(|kernel| &kernel.kdir);
    cargo
        .env("KDIR", std::env::join_paths(dirs).unwrap())
        .env("KBUILD_RS_CC", recorder.compiler());
    let outcome = project.built(outside.hand(&mut cargo));
    // The script's own token, and two drawn tokens.
    assert_eq!(recorder.peak(names.len() * kernels.len()), 3);
    assert_eq!(outside.tokens().unwrap(), b"++");
    // The messages about a kernel stand together, behind its name.
    let said = outcome.out_dir("several").with_file_name("stderr");
    let said = fs::read_to_string(said).unwrap();
    let blocks: Vec<_> = said.split("note: for ").skip(1).collect();
    assert_eq!(blocks.len(), kernels.len(), "{said}");
    for block in blocks {
        let steps = block.lines().filter(|l| l.contains("MODPOST")).count();
        assert_eq!(steps, 1, "{said}");
    }
}

#[test]
fn a_provider_comes_first_and_one_failure_hides_no_other_result() {
    let kernel = kernel_at(1);
    let trees = folder(&[
        ("user/user.c", USER),
        ("user/Kbuild", "obj-m := user.o\n"),
        ("ring/ring.c", RING),
        ("ring/Kbuild", "obj-m := ring.o\n"),
        ("broken/broken.c", "#error broken\n"),
        ("broken/Kbuild", "obj-m := broken.o\n"),
        ("alone/alone.c", HELLO),
        ("alone/Kbuild", "obj-m := alone.o\n"),
    ]);
    let out = folder(&[]);
    let said = Arc::new(Mutex::new(Vec::new()));
    let tree = |name: &'static str| {
        let mut build = Build::tree(trees.path().join(name));
        build
            .cargo_metadata(false)
            .out_dir(out.path())
            .kernel(&kernel.kdir)
            .jobs(2);
        if let Some(cc) = &kernel.cc {
            build.cc(cc);
        }
        let said = said.clone();
        build.on_message(move |message| {
            if let Message::Step { target, .. } = message {
                said.lock().unwrap().push(format!("{name}: {target}"));
            }
        });
        build
    };
    let mut matrix = Matrix::new();
    let user = matrix.add(&tree("user"), None);
    let mut told = tree("user");
    // Named only by its path.
    told.out_dir(out.path().join("other"));
    told.symvers(out.path().join("ring.symvers"));
    let told = matrix.add(&told, None);
    let ring = matrix.add(&tree("ring"), None);
    let broken = matrix.add(&tree("broken"), None);
    let lost = matrix.add(&tree("alone"), None);
    let mut alone = tree("alone");
    alone.out_dir(out.path().join("other"));
    let alone = matrix.add(&alone, None);
    matrix.needs(user, ring).needs(lost, broken);
    let mut ended = Vec::new();
    let results = matrix.run_telling(|i, _| ended.push(i));

    for good in [user, told, ring, alone] {
        let report = results[good].as_ref().unwrap();
        assert_eq!(report.modules().len(), 1, "{good}");
    }
    let error = |i: usize| results[i].as_ref().unwrap_err();
    assert_eq!(error(broken).kind(), ErrorKind::BuildFailed);
    assert_eq!(error(lost).kind(), ErrorKind::ProviderFailed);
    let text = error(lost).to_string();
    assert!(text.contains("broken") && text.contains("alone"), "{text}");
    let at = |i: usize| ended.iter().position(|&e| e == i).unwrap();
    assert_eq!(ended.len(), 6);
    assert!(at(ring) < at(user) && at(ring) < at(told), "{ended:?}");
    // Each handler only got the messages of its own tree.
    for line in said.lock().unwrap().iter() {
        let (name, target) = line.split_once(": ").unwrap();
        assert!(target.contains(&format!("/{name}/")), "{line}");
    }
}

#[test]
fn builds_that_need_each_other_are_refused_and_the_rest_is_built() {
    let kernel = kernel_at(1);
    let trees = folder(&[
        ("alone/alone.c", HELLO),
        ("alone/Kbuild", "obj-m := alone.o\n"),
    ]);
    let out = folder(&[]);
    let mut build = Build::tree(trees.path().join("alone"));
    build.cargo_metadata(false).out_dir(out.path());
    build.kernel(&kernel.kdir);
    if let Some(cc) = &kernel.cc {
        build.cc(cc);
    }
    let mut matrix = Matrix::new();
    let [a, b, c] = [0, 1, 2].map(|_| matrix.add(&build, None));
    matrix.needs(a, b).needs(b, a).needs(c, 99);
    let results = matrix.run();
    assert_eq!(
        results[a].as_ref().unwrap_err().kind(),
        ErrorKind::InvalidInput
    );
    assert!(results[b].is_err());
    assert!(results[c].is_ok());
}

#[test]
fn folders_of_one_root_are_built_in_the_order_in_which_they_are_named() {
    // Each uses the previous one's product, and only the order says so.
    let names = ["third", "first", "second"];
    let mut files = Vec::new();
    for (number, name) in names.iter().enumerate() {
        let (used, mut kbuild) = match number {
            0 => ("0".to_owned(), String::new()),
            _ => {
                let before = names[number - 1];
                let symvers = format!("$(src)/../{before}/Module.symvers");
                let line = format!("KBUILD_EXTRA_SYMBOLS := {symvers}\n");
                (format!("{before}_value()"), line)
            }
        };
        kbuild += &format!("obj-m := {name}.o\n");
        let declared = match number {
            0 => String::new(),
            _ => format!("int {}_value(void);\n", names[number - 1]),
        };
        let source = format!(
            "#include <linux/module.h>\n{declared}int {name}_value(void);\n\
             int {name}_value(void) {{ return {used}; }}\n\
             EXPORT_SYMBOL({name}_value);\nMODULE_LICENSE(\"GPL\");\n"
        );
        files.push((format!("{name}/{name}.c"), source));
        files.push((format!("{name}/Kbuild"), kbuild));
    }
    let files: Vec<_> = files
        .iter()
        .map(|(p, t)| (p.as_str(), t.as_str()))
        .collect();
    let trees = folder(&files);
    for kernel in [kernel_at(1), kernel_at(2)] {
        let out = tempfile::tempdir().unwrap();
        let mut command = build(&kernel, out.path());
        let folders = names.map(|name| trees.path().join(name));
        let output = built(command.args(folders).args(["--tree-root", "..", "-j3"]));
        assert!(!output.err().contains("undefined"), "{}", output.err());
        assert_eq!(modules(out.path()).len(), names.len());
    }
}
