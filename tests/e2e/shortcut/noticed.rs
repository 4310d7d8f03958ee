//! Whatever decides the first phase and changes is noticed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use kbuild_tests::lab::{LabKernel, packages};
use kbuild_tests::scope;

use super::{Cache, edited};
use crate::scene::{Scene, kernel_at, private_kernel};
use crate::support::*;

/// A scene with a kernel tree that it may change, and a folder with a compiler and a make of its own.
pub(super) struct Stand {
    pub(super) scene: Scene,
    pub(super) own: PathBuf,
    _cache: Cache,
    _folder: tempfile::TempDir,
}

impl Stand {
    fn new(kernel: &LabKernel) -> Stand {
        let cache = Cache::new();
        let scene = cache.hello(kernel);
        Stand::of(scene, cache)
    }

    /// A stand of a scene with a private kernel tree.
    pub(super) fn of(mut scene: Scene, cache: Cache) -> Stand {
        let folder = folder(&[("tools/readme", ""), ("other/readme", "")]);
        let path = folder.path();
        let kernel = scene.kernel.clone();
        let own = path.join("tools");
        script(&own.join("own-cc"), &kernel.compiler(), "");
        fs::copy(program_path("make"), own.join("make")).unwrap();
        let cc = own.join("own-cc").to_str().unwrap().to_owned();
        scene.args.extend(["--cc".to_owned(), cc]);
        let searched = std::env::var("PATH").unwrap();
        let searched = format!(
            "{}:{}:{searched}",
            path.join("other").display(),
            own.display()
        );
        scene.env.insert("PATH".to_owned(), searched);
        Stand {
            scene,
            own,
            _cache: cache,
            _folder: folder,
        }
    }

    /// Appends a line to a file of the kernel's shared half.
    pub(super) fn append(&self, file: &str, line: &str) {
        append(&self.scene.kernel.common.join(file), line);
    }
}

pub(super) fn append(file: &Path, line: &str) {
    let text = fs::read_to_string(file).unwrap();
    fs::write(file, format!("{text}{line}\n")).unwrap();
}

pub(super) fn script(at: &Path, program: &str, comment: &str) {
    let _ = fs::remove_file(at);
    fs::write(
        at,
        format!("#!/bin/sh\n# {comment}\nexec {program} \"$@\"\n"),
    )
    .unwrap();
    fs::set_permissions(at, fs::Permissions::from_mode(0o755)).unwrap();
}

type Change = (&'static str, fn(&mut Stand));

const CHANGES: &[Change] = &[
    ("the compiler in place", |s| {
        script(&s.own.join("own-cc"), &s.scene.kernel.compiler(), "another");
    }),
    ("make in place", |s| {
        let make = s.own.join("make");
        fs::remove_file(&make).unwrap();
        fs::copy(program_path("make"), &make).unwrap();
    }),
    ("a makefile of the kernel", |s| {
        s.append("Makefile", "# another");
    }),
    ("a variable of the environment", |s| {
        s.scene.args.extend(["--env".into(), "ANY_NAME=1".into()]);
    }),
    ("a program that comes first in PATH", |s| {
        script(&s.own.with_file_name("other").join("pahole"), "true", "");
    }),
    ("a variable of make", |s| {
        s.scene
            .args
            .extend(["--make-var".into(), "ANY_VAR=1".into()]);
    }),
    ("the configuration", |s| {
        let file = s.scene.kernel.kdir.join("include/config/auto.conf");
        append(&file, "CONFIG_ANY_NEW=y");
    }),
    ("PATH", |s| {
        let path = format!("{}:/nonexistent", s.scene.env["PATH"]);
        s.scene.env.insert("PATH".into(), path);
    }),
    ("the locale", |s| {
        s.scene.env.insert("LC_ALL".into(), "POSIX".into());
    }),
    ("the user", |s| {
        s.scene.env.insert("USER".into(), "another".into());
    }),
    ("more warnings", |s| s.scene.args.push("-W1".into())),
    ("another makefile of the kernel", |s| {
        s.append("scripts/Makefile.modpost", "# another");
    }),
    ("a script of the kernel", |s| {
        s.append("scripts/pahole-version.sh", "# another");
    }),
    ("another make", |s| {
        let make = s.own.with_file_name("other").join("make");
        fs::copy(program_path("make"), make).unwrap();
    }),
    ("CROSS_COMPILE", |s| {
        let prefix = s.own.join("cross-");
        for name in [
            "gcc", "ld", "ar", "nm", "objcopy", "objdump", "readelf", "strip",
        ] {
            let to = s.own.join(format!("cross-{name}"));
            std::os::unix::fs::symlink(program_path(name), to).unwrap();
        }
        variable(s, &format!("CROSS_COMPILE={}", prefix.display()));
    }),
    ("C", |s| {
        variable(s, "CHECK=true");
        variable(s, "C=1");
    }),
    ("LLVM_IAS", |s| variable(s, "LLVM_IAS=0")),
    ("KCFLAGS", |s| variable(s, "KCFLAGS=-g")),
    ("a new file of the kernel", |s| {
        fs::write(s.scene.kernel.kdir.join(".kernelvariables"), "").unwrap();
    }),
];

fn variable(stand: &mut Stand, pair: &str) {
    let args = &mut stand.scene.args;
    args.extend(["--make-var".into(), pair.into()]);
}

/// A program of this machine.
fn program_path(name: &str) -> PathBuf {
    let folders = std::env::var_os("PATH").unwrap();
    let mut all = std::env::split_paths(&folders).map(|folder| folder.join(name));
    all.find(|path| path.is_file()).unwrap()
}

#[test]
fn a_change_of_what_decides_the_first_phase_runs_it_again() {
    let (_folder, kernel) = private_kernel(&kernel_at(2));
    let mut stand = Stand::new(&kernel);
    assert!(!edited(&stand.scene, 0));
    assert!(edited(&stand.scene, 1));
    let several = if scope::is_full() { CHANGES.len() } else { 4 };
    for (number, (what, change)) in CHANGES.iter().take(several).enumerate() {
        change(&mut stand);
        assert!(!edited(&stand.scene, 2 * number + 2), "{what}");
        if scope::is_full() {
            assert!(edited(&stand.scene, 2 * number + 3), "{what}");
        }
    }
    assert!(edited(&stand.scene, 1_000));
}

#[test]
fn a_change_of_the_module_does_not_run_the_first_phase_again() {
    let cache = Cache::new();
    let scene = cache.hello(&kernel_at(1));
    scene.build();
    let changes: &[(&str, &dyn Fn())] = &[
        ("Kbuild", &|| scene.edit("Kbuild", "LEVEL=1", "LEVEL=2")),
        ("a header", &|| {
            scene.write("level.h", "#define LEVEL_OF_HEADER 3\n");
            scene.edit(
                "hello.c",
                "#include <linux/module.h>",
                "#include <linux/module.h>\n#include \"level.h\"",
            );
        }),
    ];
    for (what, change) in changes {
        change();
        scene.build();
        assert!(super::was_direct(scene.out.path()), "{what}");
        super::is_as_plain(&scene, what);
    }
}

/// Names of variables of which a recording has at most the name.
const ASKED: [&str; 3] = ["V", "TERM", "KBUILD_SIGN_PIN"];

#[test]
fn a_makefile_finds_the_variables_of_its_own_build() {
    let (kernel, cache) = (kernel_at(2), Cache::new());
    let mut files = ["obj-m := hello.o\n".to_owned(), HELLO.to_owned()];
    for name in ASKED {
        files[0] += &format!("ifdef {name}\nccflags-y += -DHAS_{name}\nendif\n");
        files[1] += &format!("#ifdef HAS_{name}\nMODULE_INFO(has, \"{name}\");\n#endif\n");
    }
    let source = folder(&[("Kbuild", &files[0]), ("hello.c", &files[1])]);
    let made = |value: Option<&str>, v: &[&str], more: &[&str]| {
        let out = tempfile::tempdir().unwrap();
        let mut command = build(&kernel, out.path());
        command.arg(source.path()).args(v).args(more);
        command.env("XDG_CACHE_HOME", cache.0.path());
        for name in &ASKED[1..] {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        built(&mut command);
        modules(out.path())
    };
    let with_v = ["--make-var", "V=0"];
    for (value, v) in [(None, &with_v[..]), (Some("xterm"), &[]), (None, &[])] {
        let whole = made(value, v, &["--no-shortcut"]);
        assert_same_modules(&made(value, v, &[]), &whole, &format!("{value:?} {v:?}"));
    }
}

/// A make writes down how /proc shows it, so nothing is recorded, and no recording is used.
#[test]
fn without_proc_the_first_phase_runs_as_ever() {
    if !packages::is_root() {
        println!("not run: hiding /proc takes root");
        return;
    }
    let cache = Cache::new();
    let scene = cache.hello(&kernel_at(1));
    let call = scene.command();
    let build = || {
        let mut hidden = Command::new("unshare");
        let script = "mount -t tmpfs none /proc && exec \"$@\"";
        hidden
            .args(["-m", "sh", "-c", script, "sh"])
            .arg(call.get_program())
            .args(call.get_args())
            .current_dir(call.get_current_dir().unwrap())
            .envs(
                call.get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            );
        built(&mut hidden);
        assert!(!super::was_direct(scene.out.path()));
    };
    build();
    assert!(cache.files().is_empty());
    scene.edit("hello.c", "hello from", "hi from");
    scene.build();
    assert_eq!(cache.files().len(), 1);
    scene.edit("hello.c", "hi from", "hello from");
    build();
    super::is_as_plain(&scene, "without /proc");
}
