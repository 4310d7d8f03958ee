//! `--product`: files that make leaves beside the modules and that are published with them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use kbuild_tests::lab::{self, LabKernel};
use kbuild_tests::scope;
use serde_json::Value;

use crate::scene::*;
use crate::support::*;

/// A file with a saved command, one with a command of make only, a program, and one in another
/// folder.
const TREE: &[(&str, &str)] = &[
    (
        "Kbuild",
        "obj-m := a.o sub/\ninclude $(src)/list.inc\nhostprogs := tool\n\
         quiet_cmd_fw = FW      $@\n      cmd_fw = tr a-z A-Z < $< > $@\n\
         $(obj)/fw.bin: $(src)/fw.txt FORCE\n\t$(call if_changed,fw)\ntargets += fw.bin\n\
         $(obj)/vars.sh: $(src)/Kbuild\n\techo DIR=$(abspath $(obj)) > $@\n\tchmod +x $@\n",
    ),
    ("list.inc", "always-y += fw.bin vars.sh tool\n"),
    ("a.c", HELLO),
    ("fw.txt", "one\n"),
    ("tool.c", "int main(void) { return 7; }\n"),
    (
        "sub/Kbuild",
        "extra-y := s.bin not-asked.bin\n$(obj)/s.bin: $(src)/s.txt\n\tcp $< $@\n",
    ),
    ("sub/s.txt", "below\n"),
];

const PRODUCTS: [&str; 4] = ["fw.bin", "vars.sh", "tool", "sub/s.bin"];

fn flags(products: &[&str]) -> Vec<String> {
    let flags = products.iter().flat_map(|product| ["--product", product]);
    flags.map(str::to_owned).collect()
}

/// A kernel whose make works in the module folder; in the full run, also one whose make does not.
fn kernels() -> Vec<LabKernel> {
    let moved = lab::why_not("7.3").is_none();
    let moved = moved.then(|| lab::kernel("7.3").unwrap());
    let oldest = (scope::is_full() || moved.is_none()).then(|| kernel_at(0));
    oldest.into_iter().chain(moved).collect()
}

fn is_executable(file: &Path) -> bool {
    fs::metadata(file).unwrap().permissions().mode() & 0o100 != 0
}

#[test]
fn what_a_kbuild_makes_beside_its_modules_is_published_and_watched_and_goes_when_it_is_not_wanted()
{
    for kernel in kernels() {
        let mut scene = Scene::tree(&kernel, TREE);
        let plain = scene.args.clone();
        scene.args.extend(flags(&PRODUCTS));
        let out = scene.out.path().to_owned();
        let depfile = out.join("depfile");
        scene.args.push(format!("--depfile={}", depfile.display()));
        let text = |name: &str| fs::read_to_string(out.join(name)).unwrap();

        let output = scene.build();
        assert!(
            output.err().contains("and 4 other products for"),
            "{}",
            output.err()
        );
        let told: Vec<_> = output.out().lines().map(PathBuf::from).collect();
        let all: Vec<_> = ["a.ko"]
            .iter()
            .chain(&PRODUCTS)
            .map(|name| out.join(name))
            .collect();
        assert_eq!(told, all);
        let source = fs::canonicalize(scene.source.path()).unwrap();
        assert_eq!([text("fw.bin"), text("sub/s.bin")], ["ONE\n", "below\n"]);
        assert_eq!(text("vars.sh"), format!("DIR={}\n", source.display()));
        let executable = PRODUCTS.map(|name| is_executable(&out.join(name)));
        assert_eq!(executable, [false, true, true, false]);
        let dependencies = fs::read_to_string(&depfile).unwrap();
        let targets = dependencies.lines().next().unwrap();
        for product in &all {
            assert!(targets.contains(product.to_str().unwrap()), "{targets}");
        }
        assert!(dependencies.contains("/fw.txt"), "{dependencies}");

        scene.is_fresh("nothing changed");
        let again = |what: &str, changed: &dyn Fn()| {
            changed();
            assert!(compiled(&scene.build()).is_empty(), "{what}");
            scene.is_fresh(what);
        };
        again("a product was deleted", &|| {
            fs::remove_file(out.join("fw.bin")).unwrap()
        });
        assert_eq!(text("fw.bin"), "ONE\n");
        again("a product was changed", &|| {
            fs::write(out.join("sub/s.bin"), "x").unwrap()
        });
        assert_eq!(text("sub/s.bin"), "below\n");
        again("a source was edited", &|| scene.write("fw.txt", "two\n"));
        assert_eq!(text("fw.bin"), "TWO\n");

        let mut json = scene.command();
        let said = built(json.args(["--message-format", "json"])).out();
        let lines = said.lines().map(|line| serde_json::from_str(line).unwrap());
        let artifacts = lines.filter(|line: &Value| line["reason"] == "product-artifact");
        let artifacts: Vec<Value> = artifacts.collect();
        let names = artifacts.iter().map(|line| line["name"].as_str().unwrap());
        assert_eq!(names.collect::<Vec<_>>(), PRODUCTS);
        assert_eq!(
            artifacts[3]["path"],
            out.join("sub/s.bin").to_str().unwrap()
        );
        assert_eq!(artifacts[3]["fresh"], true);

        // A product that is not requested any more is removed, with its folder.
        scene.args = plain;
        scene.args.extend(flags(&["fw.bin"]));
        assert!(compiled(&scene.build()).is_empty());
        assert!(!out.join("sub").exists() && !out.join("tool").exists());
        scene.is_fresh("fewer products");
        // A product that is not built any more is an error, although the stage still has it.
        scene.edit("list.inc", "+= fw.bin vars.sh", "+= vars.sh");
        let said = refused(&mut scene.command(), 1);
        assert!(said.contains("always-y += fw.bin"), "{said}");
        assert!(!out.join("fw.bin").exists() && out.join("a.ko").exists());
        scene.edit("list.inc", "+= vars.sh", "+= fw.bin");
        scene.build();
        let mut clean = std::process::Command::new(program());
        built(clean.arg("clean").arg("-o").arg(&out));
        assert!(!out.join("fw.bin").exists() && !out.join("a.ko").exists());
    }
}

/// Makes a module from an ELF file: a build of milliseconds. make is asked for its version first.
const NO_MAKE: &str =
    "#!/bin/sh\n[ \"$1\" = --version ] && exit\ncp /bin/sh a.ko && echo a.ko > modules.order\n";

#[test]
fn a_product_that_make_does_not_make_is_an_error_that_says_how_it_would() {
    let (_dir, path) = program_in_front("make", NO_MAKE);
    let files = [
        ("Kbuild", "obj-m := a.o\n"),
        ("fw.bin", "shipped\n"),
        ("dir/x", ""),
    ];
    let mut scene = Scene::tree(&kernel_at(0), &files);
    scene.env.insert("PATH".into(), path);
    for (product, why) in [
        ("missing.bin", "did not make it"),
        ("fw.bin", "is a file of the module tree"),
        ("dir", "it is a folder"),
    ] {
        let text = refused(scene.command().args(["--product", product]), 1);
        let name = format!("the product {product} for {}", scene.kernel.release);
        let advice = format!("\n    always-y += {product}");
        for part in [&name[..], why, &advice] {
            assert!(text.contains(part), "{text}");
        }
        assert!(!scene.out.path().join("a.ko").exists());
    }
    // The product is not requested any more.
    scene.build();
    scene.is_fresh("without products");
}

#[test]
fn a_product_of_a_prepare_command_is_there_after_a_makefile_has_changed() {
    let (_dir, path) = program_in_front("make", NO_MAKE);
    let files = [("Kbuild", "obj-m := a.o\n"), ("input", "")];
    let mut scene = Scene::tree(&kernel_at(0), &files);
    scene.env.insert("PATH".into(), path);
    scene.args.extend(flags(&["fw.bin"]));
    let prepare = [
        "--prepare",
        "echo made > fw.bin",
        "--prepare-input",
        "input",
    ];
    scene.args.extend(prepare.map(String::from));
    scene.build();
    scene.write("Kbuild", "# edited\nobj-m := a.o\n");
    scene.build();
    let text = fs::read_to_string(scene.out.path().join("fw.bin")).unwrap();
    assert_eq!(text, "made\n");
    scene.is_fresh("nothing changed");
}

#[test]
fn a_product_elsewhere_or_one_that_is_published_anyway_is_refused() {
    let scene = Scene::tree(
        &kernel_at(0),
        &[("Kbuild", "obj-m := a.o\n"), ("a.c", HELLO)],
    );
    for (args, why) in [
        (&["--product", "../fw.bin"][..], "below the module tree"),
        (&["--product", "/etc/passwd"], "below the module tree"),
        (&["--product", "sub/"], "below the module tree"),
        (&["--product", "a.ko"], "modules are always published"),
        (&["--product", ".kbuild/x"], "private"),
        (
            &["--product", "fw.bin", "--target", "a.o"],
            "the target `modules`",
        ),
    ] {
        let text = refused(scene.command().arg("--dry-run").args(args), 2);
        assert!(text.contains(why), "{args:?}: {text}");
    }
    let mut in_tree = build(&scene.kernel, scene.source.path());
    let in_tree = in_tree
        .args(["--product", "fw.bin"])
        .arg(scene.source.path());
    let text = refused(in_tree, 2);
    assert!(
        text.contains("Choose an output directory other than"),
        "{text}"
    );
    let sources = Scene::with(&kernel_at(0), &[("a.c", HELLO)], &["--name", "a", "a.c"]);
    let text = refused(sources.command().args(["--product", "fw.bin"]), 2);
    assert!(text.contains("--product is for a module tree"), "{text}");
}

#[test]
fn a_copy_of_a_product_is_asked_for_by_its_name() {
    let script = "#!/bin/sh\n[ \"$1\" = --version ] && exit\ncp /bin/sh a.ko && echo a.ko > modules.order\n\
                  mkdir -p one two && echo 1 > one/fw.bin && echo 2 > two/fw.bin && echo t > tool\n";
    let (dir, path) = program_in_front("make", script);
    let mut scene = Scene::tree(&kernel_at(0), &[("Kbuild", "")]);
    scene.env.insert("PATH".into(), path);
    scene
        .args
        .extend(flags(&["one/fw.bin", "two/fw.bin", "tool"]));
    let copies = ["any.ko", "tool", "two/fw.bin"].map(|name| dir.path().join("copies").join(name));
    for copy in &copies {
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        scene.args.push(format!("--output={}", copy.display()));
    }
    scene.build();
    assert_eq!(fs::read(&copies[0]).unwrap(), fs::read("/bin/sh").unwrap());
    assert_eq!(fs::read_to_string(&copies[1]).unwrap(), "t\n");
    assert_eq!(fs::read_to_string(&copies[2]).unwrap(), "2\n");
}
