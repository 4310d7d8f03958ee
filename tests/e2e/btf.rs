//! `--btf-base`: modules get BTF where the kernel tree has no vmlinux.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use kbuild::Kernel;
use kbuild_tests::lab::{self, LabKernel};
use kbuild_tests::run::Output;
use kbuild_tests::scope;
use tempfile::TempDir;

use crate::support::kernel_tree::link_kernel;
use crate::support::*;

/// A module with a type of its own.
const TYPED: &str = r#"
#include <linux/module.h>
#include <linux/sched.h>
struct typed_pair { int number; struct task_struct *task; };
struct typed_pair typed_pair;
static int __init typed_init(void) { typed_pair.number = 3; return 0; }
static void __exit typed_exit(void) { }
module_init(typed_init);
module_exit(typed_exit);
MODULE_LICENSE("GPL");
"#;

fn typed() -> TempDir {
    folder(&[("typed.c", TYPED), ("Kbuild", "obj-m := typed.o\n")])
}

/// A kernel of the lab, if it is there. `None` says why not.
#[allow(clippy::print_stdout, reason = "what did not run, and why")]
fn kernel(name: &str) -> Option<LabKernel> {
    match lab::why_not(name) {
        Some(why) => {
            println!("not run: {name}: {why}");
            None
        }
        None => Some(lab::kernel(name).unwrap()),
    }
}

/// `kbuild-rs build` with the flags for pahole that the kernel gives.
fn call(kernel: &LabKernel, source: &Path, out: &Path, base: impl AsRef<Path>) -> Command {
    let mut command = kernel.command(program());
    command.arg("build").arg(source).arg("--kernel");
    command.arg(&kernel.kdir).arg("--out-dir").arg(out);
    if let Some(cc) = &kernel.cc {
        command.args(["--cc", cc]);
    }
    command.arg("--btf-base").arg(base.as_ref());
    command
}

/// The copy of the base that a build has made.
fn copy_of_base(out: &Path) -> Option<PathBuf> {
    let mut folders = vec![out.join(".kbuild")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.ends_with("btf/base") {
                return Some(path);
            }
            let is_link = path.is_symlink();
            folders.extend(Some(path).filter(|path| path.is_dir() && !is_link));
        }
    }
    None
}

fn assert_says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "no `{word}` in\n{text}");
    }
}

/// Loads the module, and looks for its BTF.
fn load(kernel: &LabKernel, module: &Path) {
    let guest = kernel.guest().unwrap();
    let guest = guest
        .script(
            "insmod /m/typed.ko || exit 1\nls -l /sys/kernel/btf/vmlinux /sys/kernel/btf/typed || exit 2\n\
             rmmod typed\n",
        )
        .file("/m/typed.ko", module)
        .timeout(Duration::from_secs(180));
    let console = guest.run().unwrap();
    let about = format!("{}:\n{}\n{}", kernel.release, console.text, console.log);
    assert!(console.ok, "{about}");
    assert!(!console.log.contains("failed to validate"), "{about}");
}

#[test]
fn a_module_with_the_btf_of_the_kernels_image_loads_and_shows_its_btf() {
    let source = typed();
    let all = ["6.1", "6.12", "7.2"];
    let names = if scope::is_full() {
        &all[..]
    } else {
        &all[..1]
    };
    for kernel in names.iter().filter_map(|name| kernel(name)) {
        let out = tempfile::tempdir().unwrap();
        // The headers of 6.1 have no vmlinux. The others' have, and kbuild would take it.
        let base = match Kernel::open(&kernel.kdir).unwrap().vmlinux() {
            Some(_) => kernel.vmlinuz.clone(),
            None => PathBuf::from("auto"),
        };
        let again = || call(&kernel, source.path(), out.path(), &base);
        let said = built(&mut again()).err();
        assert!(!said.contains("Skipping BTF"), "{said}");
        assert!(said.contains("  BTF [M] "), "{said}");
        let module = fs::read(out.path().join("typed.ko")).unwrap();
        let output: Output = built(&mut again());
        assert!(!started_make(&output), "{}", output.err());
        load(&kernel, &out.path().join("typed.ko"));
        // Another output directory, in the sandbox: the same bytes.
        let other = tempfile::tempdir().unwrap();
        let mut command = call(&kernel, source.path(), other.path(), &base);
        if kernel.machine.is_none() {
            command.arg("--sandbox");
        }
        built(&mut command);
        assert!(module == fs::read(other.path().join("typed.ko")).unwrap());
    }
}

#[test]
fn any_form_of_a_base_gives_the_bytes_that_kbuild_makes_with_its_own_vmlinux() {
    let Some(kernel) = kernel("6.12") else { return };
    let source = typed();
    let vmlinux = Kernel::open(&kernel.kdir).unwrap().vmlinux().unwrap();
    let out = tempfile::tempdir().unwrap();
    // pahole writes the same bytes twice only without -j.
    let mut own = build(&kernel, out.path());
    built(own.arg(source.path()));
    let wanted = fs::read(out.path().join("typed.ko")).unwrap();
    let same = |base: &Path| {
        let mut command = build(&kernel, out.path());
        built(command.arg(source.path()).arg("--btf-base").arg(base));
        let found = fs::read(out.path().join("typed.ko")).unwrap();
        assert!(found == wanted, "{}", base.display());
    };
    same(&kernel.vmlinuz);
    let raw = tempfile::NamedTempFile::new().unwrap();
    fs::copy(copy_of_base(out.path()).unwrap(), raw.path()).unwrap();
    same(raw.path());
    same(&vmlinux);
    let auto = build_auto(&kernel, source.path(), out.path());
    assert!(
        fs::read(out.path().join("typed.ko")).unwrap() == wanted,
        "{auto}"
    );
}

/// Builds with `--btf-base auto`; returns what the program says.
fn build_auto(kernel: &LabKernel, source: &Path, out: &Path) -> String {
    let mut command = build(kernel, out);
    built(command.arg(source).args(["--btf-base", "auto"])).err()
}

#[test]
fn a_base_that_changes_is_used_at_once_and_none_leaves_btf_out() {
    let Some(kernel) = kernel("6.1") else { return };
    let source = typed();
    let scratch = tempfile::tempdir().unwrap();
    let out = scratch.path().join("out");
    let base = scratch.path().join("a base of 'Linux'");
    fs::copy(&kernel.vmlinuz, &base).unwrap();
    let call = |base: &Path| call(&kernel, source.path(), &out, base);
    built(&mut call(&base));
    let copy = fs::read(copy_of_base(&out).unwrap()).unwrap();
    fs::write(&base, &copy[..copy.len() - 1]).unwrap();
    let said = refused(&mut call(&base), 1);
    let words = ["a base of 'Linux'", "cannot be used", "vmlinuz", "FILE"];
    assert_says(&said, &words);
    assert!(!said.contains("from scratch"), "{said}");
    fs::write(&base, &copy).unwrap();
    let output = built(&mut call(&base));
    assert!(started_make(&output), "{}", output.err());
    assert!(!started_make(&built(&mut call(&base))));
    let output = built(&mut call(Path::new("none")));
    let said = output.err();
    assert!(said.contains("the BTF base changed"), "{said}");
    assert!(
        !said.contains("BTF [M]") && !said.contains("Skipping"),
        "{said}"
    );
    let module = fs::read(out.join("typed.ko")).unwrap();
    assert!(!module.windows(5).any(|part| part == b"\0.BTF"));
}

#[test]
fn a_base_of_another_kernel_is_refused_before_anything_is_built() {
    let (Some(old), Some(new)) = (kernel("6.1"), kernel("6.12")) else {
        return;
    };
    let source = typed();
    let vmlinux = Kernel::open(&new.kdir).unwrap().vmlinux().unwrap();
    // The first has its release in its header, the second in linux_banner, and the third is in a
    // kernel tree.
    for base in [Some(&new.vmlinuz), new.vmlinux.as_ref(), Some(&vmlinux)] {
        let Some(base) = base else { continue };
        let out = tempfile::tempdir().unwrap();
        let said = refused(&mut call(&old, source.path(), out.path(), base), 2);
        let words = [
            &*old.release,
            &new.release,
            "failed to validate module BTF: -22",
        ];
        assert_says(&said, &words);
        assert!(modules(out.path()).is_empty());
    }
    let shown = Path::new("/sys/kernel/btf/vmlinux");
    if shown.exists() {
        let out = tempfile::tempdir().unwrap();
        let said = refused(&mut call(&old, source.path(), out.path(), shown), 2);
        assert_says(&said, &[&old.release, "the running kernel is "]);
    }
}

#[test]
fn a_kernel_without_btf_of_modules_is_named() {
    let Some(kernel) = kernel("5.10") else { return };
    let source = typed();
    let out = tempfile::tempdir().unwrap();
    let file = call(&kernel, source.path(), out.path(), &kernel.vmlinuz);
    let auto = call(&kernel, source.path(), out.path(), "auto");
    let why = ["CONFIG_DEBUG_INFO_BTF_MODULES is not set", "since 5.11"];
    assert_says(&refused(&mut { file }, 1), &why);
    assert_says(&built(&mut { auto }).err(), &why);
}

#[test]
fn a_pahole_that_is_missing_or_too_old_is_named_before_make_starts() {
    let source = typed();
    for kernel in ["6.1", "6.12"].iter().filter_map(|name| kernel(name)) {
        let out = tempfile::tempdir().unwrap();
        let call = |pahole: &str| {
            let mut command = call(&kernel, source.path(), out.path(), &kernel.vmlinuz);
            command.args(["--make-var", &format!("PAHOLE={pahole}")]);
            command
        };
        let said = refused(&mut call("no-such-pahole"), 1);
        assert_says(
            &said,
            &[
                "needs no-such-pahole, which is not installed",
                "\n    apt install ",
            ],
        );
        let old = tempfile::tempdir().unwrap();
        let file = old.path().join("pahole");
        fs::write(&file, "#!/bin/sh\necho v1.10\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        let said = refused(&mut call(file.to_str().unwrap()), 1);
        assert_says(&said, &["is pahole 1.10", "too old", &kernel.release]);
        assert!(!said.contains("  CC "), "{said}");
    }
}

#[test]
fn a_vmlinux_that_is_older_than_its_kernel_tree_is_named() {
    let (Some(old), Some(new)) = (kernel("6.1"), kernel("6.12")) else {
        return;
    };
    let Some(vmlinux) = &new.vmlinux else { return };
    let (source, scratch) = (typed(), tempfile::tempdir().unwrap());
    let linked = link_kernel(&old, &scratch.path().join("tree"), &[]);
    symlink(vmlinux, linked.kdir.join("vmlinux")).unwrap();
    let out = scratch.path().join("out");
    let said = refused(&mut call(&linked, source.path(), &out, "auto"), 1);
    let words = [&*new.release, "was prepared again", "make -C "];
    assert_says(&said, &words);
    assert!(!said.contains("  CC "), "{said}");
}

#[test]
fn an_image_that_is_damaged_is_named_each_time_until_it_is_whole() {
    let Some(kernel) = kernel("6.1") else { return };
    let (source, scratch) = (typed(), tempfile::tempdir().unwrap());
    let root = scratch.path().join("root");
    let release = &kernel.release;
    let tree = root.join(format!("usr/src/linux-headers-{release}"));
    let linked = link_kernel(&kernel, &tree, &[]);
    fs::create_dir(root.join("boot")).unwrap();
    let image = root.join(format!("boot/vmlinuz-{release}"));
    let whole = fs::read(&kernel.vmlinuz).unwrap();
    fs::write(&image, &whole[..whole.len() / 2]).unwrap();
    let out = scratch.path().join("out");
    let again = || {
        let output = built(&mut call(&linked, source.path(), &out, "auto"));
        assert!(started_make(&output), "{}", output.err());
        output.err()
    };
    let said = again();
    assert_says(&said, &["cannot be used", "is not an error"]);
    assert!(!said.contains("--btf-base auto"), "{said}");
    assert_says(&again(), &["cannot be used"]);
    fs::write(&image, &whole).unwrap();
    assert_says(&again(), &["  BTF [M] "]);
}

/// A module that registers a function for BPF programs.
const FUNCTIONS: &str = r#"
#include <linux/module.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/btf_ids.h>
__used noinline int typed_function(int number) { return number; }
BTF_SET8_START(typed_set)
BTF_ID_FLAGS(func, typed_function)
BTF_SET8_END(typed_set)
static const struct btf_kfunc_id_set typed_ids = { .owner = THIS_MODULE, .set = &typed_set };
static int __init typed_init(void)
{
    return register_btf_kfunc_id_set(BPF_PROG_TYPE_TRACING, &typed_ids);
}
module_init(typed_init);
MODULE_LICENSE("GPL");
"#;

#[test]
#[allow(clippy::print_stdout, reason = "what the default run leaves out")]
fn functions_for_bpf_programs_need_the_kernel_trees_resolver() {
    if !scope::is_full() {
        println!("in the full run only: the recipes of kernels have tests of their own");
        return;
    }
    let source = folder(&[("typed.c", FUNCTIONS), ("Kbuild", "obj-m := typed.o\n")]);
    if let Some(kernel) = kernel("6.1") {
        let out = tempfile::tempdir().unwrap();
        let said = refused(&mut call(&kernel, source.path(), out.path(), "auto"), 1);
        assert_says(&said, &["(section .BTF_ids)", "--btf-base none"]);
        assert!(modules(out.path()).is_empty());
    }
    if let Some(kernel) = kernel("6.12") {
        let out = tempfile::tempdir().unwrap();
        built(build(&kernel, out.path()).arg(source.path()));
        let wanted = modules(out.path());
        let mut command = build(&kernel, out.path());
        command.arg("--btf-base").arg(&kernel.vmlinuz);
        built(command.arg(source.path()));
        assert_same_modules(&modules(out.path()), &wanted, "6.12");
    }
}
