//! Two builds that differ in one thing never share an entry; two that differ in nothing that counts
//! always do.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use kbuild_tests::scope;

use super::stand::{Stand, make_own, replaced};
use super::{files, is_cached};
use crate::support::*;

/// Undoes a difference.
type Undo = Box<dyn FnOnce(&mut Stand)>;

/// A kind of difference: its name, and the function that makes the one with this number. More
/// arguments may come with it.
type Kind = (
    &'static str,
    fn(&mut Stand, usize, &mut Vec<String>) -> Undo,
);

fn nothing() -> Undo {
    Box::new(|_| {})
}

/// Writes another text into a file of the tree.
fn file(stand: &mut Stand, name: &str, text: String) -> Undo {
    let undo = replaced(&stand.scene.path(name), text.as_bytes());
    Box::new(move |_| undo())
}

fn appended(stand: &mut Stand, name: &str, line: String) -> Undo {
    let text = fs::read_to_string(stand.scene.path(name)).unwrap();
    file(stand, name, format!("{text}{line}\n"))
}

/// Appends a line to a file of the kernel.
fn of_kernel(stand: &mut Stand, path: &Path, line: &str) -> Undo {
    let _ = &stand;
    let text = fs::read(path).unwrap();
    let undo = replaced(path, &[&text[..], line.as_bytes(), b"\n"].concat());
    Box::new(move |_| undo())
}

const KINDS: &[Kind] = &[
    ("a header", |stand, n, _| {
        file(stand, "own.h", format!("#define OWN {}\n", n + 2))
    }),
    ("a define", |_, n, args| {
        args.extend(["-D".to_owned(), format!("LEVEL={n}")]);
        nothing()
    }),
    ("the path", |stand, n, _| {
        let other = stand.own.path().join(format!("copy-{n}"));
        copy(stand.scene.source.path(), &other);
        let old = std::mem::replace(&mut stand.scene.args[0], other.display().to_string());
        Box::new(move |stand| stand.scene.args[0] = old)
    }),
    ("the umask", |stand, n, _| {
        let masks = ["027", "077", "007", "002", "023", "026"];
        let old = std::mem::replace(&mut stand.umask, masks[n % masks.len()].to_owned());
        Box::new(move |stand| stand.umask = old)
    }),
    ("the compiler's patch level", |stand, n, _| {
        stand.set_compiler(n + 1);
        Box::new(|stand| stand.set_compiler(0))
    }),
    (".config", |stand, n, _| {
        let path = stand.kernel_file(".config");
        of_kernel(stand, &path, &format!("# {n}"))
    }),
    ("a CRC of a provider", |stand, n, _| {
        let path = stand.own.path().join("given/ring.symvers");
        let text = fs::read_to_string(&path).unwrap();
        let other = text.replace("0x12345678", &format!("{:#010x}", n + 1));
        let undo = replaced(&path, other.as_bytes());
        Box::new(move |_| undo())
    }),
    ("a CRC of the kernel", |stand, n, _| {
        let path = stand.kernel_file("Module.symvers");
        let line = format!("{:#010x}\tnew_{n}\tvmlinux\tEXPORT_SYMBOL\t", n + 1);
        of_kernel(stand, &path, &line)
    }),
    ("SOURCE_DATE_EPOCH", |stand, n, _| {
        let name = "SOURCE_DATE_EPOCH".to_owned();
        stand
            .scene
            .env
            .insert(name.clone(), (1_000_000 + n).to_string());
        Box::new(move |stand| drop(stand.scene.env.remove(&name)))
    }),
    ("a link's target", |stand, n, _| {
        let path = stand.scene.path("linked.h");
        fs::remove_file(&path).unwrap();
        let name = format!("inc/new-{n}.h");
        fs::write(stand.scene.path(&name), format!("#define LINKED {n}\n")).unwrap();
        symlink(&name, &path).unwrap();
        Box::new(move |stand| {
            fs::remove_file(&path).unwrap();
            fs::remove_file(stand.scene.path(&name)).unwrap();
            symlink("inc/one.h", &path).unwrap();
        })
    }),
    ("a file's mode", |stand, n, _| {
        let path = stand.scene.path("helper.sh");
        let set = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        let modes = [0o755, 0o600, 0o700, 0o444];
        set(&path, modes[n % modes.len()]);
        Box::new(move |_| set(&path, 0o644))
    }),
    ("a new header that comes first", |stand, n, _| {
        let path = stand.scene.path("inc/linux/list.h");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("#include_next <linux/list.h>\n/* {n} */\n")).unwrap();
        Box::new(move |_| fs::remove_dir_all(path.parent().unwrap()).unwrap())
    }),
    ("a header of the kernel", |stand, n, _| {
        let path = stand.scene.kernel.common.join("include/linux/list.h");
        of_kernel(stand, &path, &format!("/* {n} */"))
    }),
    ("a header of the kernel that comes first", |stand, n, _| {
        let arch = stand.scene.kernel.common.join("arch");
        for folder in [&arch, &arch.join("x86"), &arch.join("x86/include")] {
            make_own(folder);
        }
        let path = arch.join("x86/include/linux/list.h");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("#include_next <linux/list.h>\n/* {n} */\n")).unwrap();
        Box::new(move |_| fs::remove_dir_all(path.parent().unwrap()).unwrap())
    }),
    ("git's HEAD", |stand, n, _| {
        let (git, saved) = (
            stand.scene.path(".git"),
            stand.own.path().join("git-before"),
        );
        copy(&git, &saved);
        stand.git(&["commit", "-q", "--allow-empty", "-m", &n.to_string()]);
        Box::new(move |_| {
            // A commit writes the index again, so going back to the tag is not enough.
            fs::remove_dir_all(&git).unwrap();
            copy(&saved, &git);
            fs::remove_dir_all(&saved).unwrap();
        })
    }),
    ("a tag", |stand, n, _| {
        let tag = format!("w{n}");
        stand.git(&["tag", "-a", &tag, "-m", "x"]);
        Box::new(move |stand| stand.git(&["tag", "-d", &tag]))
    }),
    ("a variable of the environment", |_, n, args| {
        args.extend(["--env".to_owned(), format!("KBUILD_BUILD_HOST=host{n}")]);
        nothing()
    }),
    ("a variable of make", |_, n, args| {
        args.extend(["--make-var".to_owned(), format!("CONFIG_OF_TEST={n}")]);
        nothing()
    }),
    ("a new file of the tree", |stand, n, _| {
        let name = format!("new-{n}.c");
        fs::write(stand.scene.path(&name), "").unwrap();
        Box::new(move |stand| fs::remove_file(stand.scene.path(&name)).unwrap())
    }),
    ("warnings", |_, n, args| {
        let levels = ["1", "2", "12", "3"];
        args.push(format!("-W{}", levels[n % levels.len()]));
        nothing()
    }),
    ("a source", |stand, n, _| {
        appended(stand, "stand.c", format!("int added_{n};"))
    }),
    ("Kbuild", |stand, n, _| {
        appended(stand, "Kbuild", format!("ccflags-y += -DADDED={n}"))
    }),
];

#[test]
fn a_build_that_differs_in_one_thing_is_never_found() {
    let mut stand = Stand::new();
    let out = folder(&[]);
    stand.build(out.path(), &[]);
    assert_eq!(stand.caches.entries().len(), 1);
    let looked = folder(&[]);
    let number = if scope::is_full() { 2_000 } else { 200 };
    for step in 0..number {
        let (what, change) = KINDS[step % KINDS.len()];
        let mut args = Vec::new();
        let undo = change(&mut stand, step / KINDS.len(), &mut args);
        assert!(!stand.has(looked.path(), &args), "{what}, step {step}");
        undo(&mut stand);
        if step % KINDS.len() == 0 || step < KINDS.len() {
            // A build after a hit would have nothing to do.
            let other = folder(&[]);
            assert!(stand.has(other.path(), &[]), "after {what}, step {step}");
        }
    }
}

#[test]
fn each_of_two_builds_that_differ_in_one_thing_gets_its_own_bytes() {
    let mut stand = Stand::new();
    let first = folder(&[]);
    stand.build(first.path(), &[]);
    let base = files(first.path());
    let number = if scope::is_full() { 200 } else { 20 };
    for step in 0..number {
        let (what, change) = KINDS[step % KINDS.len()];
        let mut args = Vec::new();
        let undo = change(&mut stand, step / KINDS.len(), &mut args);
        let out = folder(&[]);
        let said = stand.build(out.path(), &args);
        let own = files(out.path());
        if is_cached(&said) {
            args.push("--no-cache".to_owned());
            let without = folder(&[]);
            stand.build(without.path(), &args);
            assert!(own == files(without.path()), "{what}, step {step}");
            args.pop();
        }
        // It was stored, and comes back; so does the other one.
        let again = folder(&[]);
        let is_there = stand.has(again.path(), &args);
        assert!(
            !is_there || files(again.path()) == own,
            "{what}, step {step}"
        );
        // With more warnings than -W1, the kernel's headers make compilers print more than is stored.
        let is_loud = args.iter().any(|a| a.starts_with("-W") && a != "-W1");
        assert!(is_there != is_loud, "{what}, step {step}: {}", said.err());
        undo(&mut stand);
        let back = folder(&[]);
        assert!(stand.has(back.path(), &[]), "after {what}");
        assert!(files(back.path()) == base, "after {what}");
    }
}

#[test]
fn a_header_with_two_contents_has_an_entry_for_each() {
    let stand = Stand::new();
    let out = folder(&[]);
    stand.build(out.path(), &[]);
    let base = files(out.path());
    let list = stand.scene.kernel.common.join("include/linux/list.h");
    let text = fs::read(&list).unwrap();
    let undo = replaced(
        &list,
        &[&text[..], b"static int twice __attribute__((used));\n"].concat(),
    );
    let out = folder(&[]);
    stand.build(out.path(), &[]);
    let other = files(out.path());
    assert!(base != other);
    let taken = folder(&[]);
    assert!(is_cached(&stand.build(taken.path(), &[])));
    let taken = files(taken.path());
    undo();
    let again = folder(&[]);
    assert!(stand.has(again.path(), &[]));
    assert!(files(again.path()) == base && taken == other);
    let folders: Vec<_> = stand.caches.entries();
    let keys = folders.iter().map(|entry| {
        let name = entry.file_name().unwrap().to_str().unwrap();
        name.split_once('-').unwrap().0.to_owned()
    });
    let keys: std::collections::BTreeSet<String> = keys.collect();
    assert_eq!((folders.len(), keys.len()), (2, 1));
}
