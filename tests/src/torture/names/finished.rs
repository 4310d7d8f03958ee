//! Verbs for finished modules: install, sign, package, info, clean.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::{Finished, Place, Trial, World, copy_module, word};
use crate::plain::HELLO;
use crate::torture::files::{at, holds, make_folder, write};
use crate::torture::{Ground, LIMIT};
use crate::{Result, lab, plain, run};

/// The end of a signed module.
const SIGNED: &[u8] = b"~Module signature appended~\n";

/// Builds a module and makes a key.
pub(super) fn make(ground: &Ground, folder: TempDir) -> Result<Finished> {
    let dir = folder.path();
    write(&dir.join("hello.c"), HELLO)?;
    let mut build = ground.build(&dir.join("out"), &dir.join("home"))?;
    build
        .args(["--name", "hello", "--"])
        .arg(dir.join("hello.c"));
    run::checked(&mut build, LIMIT)?;
    let (key, certificate) = (dir.join("key"), dir.join("certificate"));
    let mut openssl = Command::new("openssl");
    openssl
        .args(["req", "-new", "-x509", "-newkey", "rsa:2048", "-nodes"])
        .args(["-days", "36500", "-subj", "/CN=torture", "-keyout"])
        .arg(&key)
        .args(["-outform", "DER", "-out"])
        .arg(&certificate);
    run::checked(&mut openssl, Duration::from_secs(60))?;
    Ok(Finished {
        module: dir.join("out/hello.ko"),
        key,
        certificate,
        _folder: folder,
    })
}

pub(super) fn places() -> Vec<Place> {
    vec![
        Place::new("root of install", 4, install_root),
        Place::new("folder of install", 4, install_dir),
        Place::new("module to install", 3, install_module),
        Place::new("other verbs for a root", 3, root_verbs),
        Place::new("key and certificate", 6, key),
        Place::new("module to sign", 3, sign_module),
        Place::new("words for a package", 8, package_words),
        Place::new("paths for a package", 3, package_paths),
        Place::new("info", 3, info),
        Place::new("clean", 3, clean),
    ]
}

fn install(world: &World) -> Result<Command> {
    let mut command = world.verb("install")?;
    command.arg("--compress=none").arg("--unsigned");
    if world.choice % 4 == 0 {
        command.arg("--dry-run");
    }
    Ok(command)
}

/// The files that are installed modules.
fn installed(root: &Path) -> Result<Vec<PathBuf>> {
    let all = crate::torture::files::below(root)?;
    let all = all.into_iter().map(|path| root.join(path));
    Ok(all
        .filter(|path| path.extension().is_some_and(|end| end == "ko"))
        .collect())
}

/// One module lies below the root, and it is the given one.
fn is_installed(world: &World, command: Command, root: PathBuf) -> Trial {
    let dry = world.choice % 4 == 0;
    let module = world.finished.module.clone();
    Trial::new(command).then(move |_| {
        let found = match root.exists() {
            true => installed(&root)?,
            false => Vec::new(),
        };
        let same = |path: &PathBuf| fs::read(path).ok() == fs::read(&module).ok();
        match found.as_slice() {
            [] if dry => Ok(()),
            [one] if !dry && same(one) => Ok(()),
            other => Err(format!("installed: {other:?}")),
        }
    })
}

fn install_root(world: &World) -> Result<Trial> {
    let root = world.named("out", "");
    make_folder(&root)?;
    let mut command = install(world)?;
    let shown = world.show(&mut command, &root);
    command
        .arg(word("--root=", &shown))
        .arg(&world.finished.module);
    Ok(is_installed(world, command, root))
}

fn install_dir(world: &World) -> Result<Trial> {
    let root = world.at("out/root");
    make_folder(&root)?;
    let mut command = install(world)?;
    let lead = ["--dir=", "--dir=/", "--dir=a/"][(world.choice / 4 % 3) as usize];
    command
        .arg(world.payload.after(lead))
        .arg("--root")
        .arg(&root);
    command.arg(&world.finished.module);
    Ok(is_installed(world, command, root))
}

fn install_module(world: &World) -> Result<Trial> {
    let root = world.at("out/root");
    make_folder(&root)?;
    let module = world.named("in", "").join("hello.ko");
    copy_module(world, &module)?;
    let mut command = install(world)?;
    command.arg("--root").arg(&root).arg(module);
    Ok(is_installed(world, command, root))
}

fn root_verbs(world: &World) -> Result<Trial> {
    let root = world.named("out", "");
    make_folder(&root)?;
    let verb = ["status", "uninstall", "rollback", "verify"][(world.choice % 4) as usize];
    let mut command = world.verb(verb)?;
    if verb == "uninstall" && world.choice / 4 % 3 != 1 {
        command.arg("--all");
    }
    match world.choice / 4 % 3 {
        0 => command
            .arg(world.payload.after("--kernel="))
            .arg("--root")
            .arg(root),
        1 => command
            .arg("--root")
            .arg(root)
            .arg("--")
            .arg(world.payload.text()),
        _ => {
            let shown = world.show(&mut command, &root);
            command.arg(word("--root=", &shown))
        }
    };
    Ok(Trial::new(command))
}

fn sign(world: &World, module: &Path) -> Result<Command> {
    let mut command = world.verb("sign")?;
    command.arg("--kernel").arg(&world.ground.kernel.kdir);
    command.arg(module);
    Ok(command)
}

fn is_signed(command: Command, module: PathBuf) -> Trial {
    Trial::new(command).then(move |_| {
        let bytes = fs::read(&module).map_err(at(&module))?;
        match bytes.ends_with(SIGNED) {
            true => Ok(()),
            false => Err(format!("{} is not signed", module.display())),
        }
    })
}

fn key(world: &World) -> Result<Trial> {
    let module = world.at("out/hello.ko");
    copy_module(world, &module)?;
    let mut command = sign(world, &module)?;
    if world.choice % 4 == 0 {
        // No such file, or no path at all.
        let lead = ["--key=", "--cert=", "--hash="][(world.choice / 4 % 3) as usize];
        if lead != "--key=" {
            command.arg("--key").arg(&world.finished.key);
        }
        if lead != "--cert=" {
            command.arg("--cert").arg(&world.finished.certificate);
        }
        command.arg(world.payload.after(lead));
        return Ok(is_signed(command, module));
    }
    let key = world.named("in", ".k");
    let certificate = world.named("in", ".c");
    plain::copy(&world.finished.key, &key)?;
    plain::copy(&world.finished.certificate, &certificate)?;
    let shown = [&key, &certificate].map(|path| world.show(&mut command, path));
    command
        .arg(word("--key=", &shown[0]))
        .arg(word("--cert=", &shown[1]));
    Ok(is_signed(command, module))
}

fn sign_module(world: &World) -> Result<Trial> {
    let module = world.named("out", ".ko");
    copy_module(world, &module)?;
    let mut command = world.verb("sign")?;
    let shown = world.show(&mut command, &module);
    command.arg("--kernel").arg(&world.ground.kernel.kdir);
    command.arg("--key").arg(&world.finished.key);
    command.arg("--cert").arg(&world.finished.certificate);
    let mut to = module.clone();
    if world.choice % 2 == 0 {
        to = world.at("out/signed").join(world.payload.file(""));
        make_folder(&world.at("out/signed"))?;
        command.arg(word("--output=", &to));
    }
    command.arg("--").arg(shown);
    Ok(is_signed(command, to))
}

fn package(world: &World, format: &str) -> Result<Command> {
    match format {
        "rpm" => lab::packages::install(&["rpm"])?,
        "sysext" => lab::packages::install(&["squashfs-tools"])?,
        _ => {}
    }
    let mut command = world.verb("package")?;
    command.args(["--format", format, "--unsigned", "--compress=none"]);
    command.env("SOURCE_DATE_EPOCH", "1700000000");
    Ok(command)
}

/// Formats, the quick ones more often.
fn format(world: &World) -> &'static str {
    ["tar", "deb", "tar", "deb", "rpm", "sysext"][(world.choice / 16 % 6) as usize]
}

fn package_words(world: &World) -> Result<Trial> {
    let out = world.at("out/packages");
    let mut command = package(world, format(world))?;
    let flags = [
        "--name=",
        "--package-version=",
        "--maintainer=",
        "--description=",
        "--license=",
    ];
    let flag = flags[(world.choice % 5) as usize];
    command.arg(world.payload.after(flag));
    if flag == "--maintainer=" && world.choice / 5 % 2 == 0 {
        command = package(world, format(world))?;
        let mut maintainer = world.payload.after(flag);
        maintainer.push(" <someone@example.org>");
        command.arg(maintainer);
    }
    command
        .arg("--out-dir")
        .arg(&out)
        .arg(&world.finished.module);
    let field = match (format(world), flag) {
        ("deb", "--package-version=") => "Version",
        ("deb", "--maintainer=") => "Maintainer",
        ("deb", "--description=") => "Description",
        _ => return Ok(is_package(command, out)),
    };
    let wanted = world.payload.bytes().to_vec();
    let packages = out.clone();
    Ok(is_package(command, out).then(move |_| {
        let deb = crate::torture::files::below(&packages)?;
        let deb = packages.join(deb.first().cloned().unwrap_or_default());
        let mut read = Command::new("dpkg-deb");
        read.arg("-f").arg(&deb).arg(field);
        let read = run::checked(&mut read, Duration::from_secs(60))?;
        match holds(&read.stdout, wanted.trim_ascii()) || wanted.trim_ascii().is_empty() {
            true => Ok(()),
            false => Err(format!("{field} of the package is {:?}", read.out())),
        }
    }))
}

/// Exactly one file was written.
fn is_package(command: Command, out: PathBuf) -> Trial {
    Trial::new(command).then(
        move |_| match fs::read_dir(&out).map_err(at(&out))?.count() {
            1 => Ok(()),
            count => Err(format!("{count} files in {}", out.display())),
        },
    )
}

fn package_paths(world: &World) -> Result<Trial> {
    let out = world.named("out", "");
    let module = world.named("in", "").join("hello.ko");
    copy_module(world, &module)?;
    let mut command = package(world, format(world))?;
    let shown = world.show(&mut command, &out);
    command.arg(word("--out-dir=", &shown)).arg(module);
    Ok(is_package(command, out))
}

fn info(world: &World) -> Result<Trial> {
    let module = world.named("in", ".ko");
    if world.choice % 3 > 0 {
        copy_module(world, &module)?;
    }
    let mut command = world.verb("info")?;
    if world.choice % 2 == 0 {
        command.args(["--message-format", "json"]);
    }
    let shown = world.show(&mut command, &module);
    command.arg("--").arg(shown);
    Ok(Trial::new(command))
}

fn clean(world: &World) -> Result<Trial> {
    let out = world.named("out", "");
    if world.choice % 3 > 0 {
        write(&out.join("mine"), "mine\n")?;
    }
    let mut command = world.verb("clean")?;
    let shown = world.show(&mut command, &out);
    command.arg(word("--out-dir=", &shown));
    let (mine, made) = (out.join("mine"), world.choice % 3 > 0);
    Ok(
        Trial::new(command).then(move |_| match made && !mine.exists() {
            true => Err("it removed a file of the user's".into()),
            false => Ok(()),
        }),
    )
}
