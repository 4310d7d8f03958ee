//! Values: names of modules, macros, flags, variables, symbols, targets, patterns.

use std::ffi::OsString;
use std::process::Command;

use super::{Place, Trial, World};
use crate::Result;
use crate::plain::HELLO;
use crate::torture::files::{holds, write};

pub(super) fn places() -> Vec<Place> {
    vec![
        Place::new("module name", 4, module_name),
        Place::new("name of a macro", 2, macro_name),
        Place::new("value of a macro", 8, macro_value),
        Place::new("string macro", 8, string_macro),
        Place::new("flag", 6, flag),
        Place::new("name of a make variable", 2, make_name),
        Place::new("value of a make variable", 8, make_value),
        Place::new("name of an environment variable", 2, env_name),
        Place::new("value of an environment variable", 8, env_value),
        Place::new("name of a symbol", 2, config_name),
        Place::new("value of a symbol", 2, config_value),
        Place::new("target", 3, target),
        Place::new("exclude", 3, exclude),
        Place::new("other values", 4, others),
        Place::new("variable from outside", 4, outside),
    ]
}

/// A build of a declared module with these sources.
fn declared(world: &World, text: &str, flags: &[OsString]) -> Result<Command> {
    let source = world.at("in/hello.c");
    write(&source, text)?;
    let mut command = world.build(&world.at("out"))?;
    command
        .args(["--name", "hello"])
        .args(flags)
        .arg("--")
        .arg(source);
    Ok(command)
}

/// A build of a module tree.
fn tree(world: &World, kbuild: &str, flags: &[OsString]) -> Result<Command> {
    let tree = world.at("in/tree");
    world.tree(&tree)?;
    write(&tree.join("Kbuild"), format!("obj-m := hello.o\n{kbuild}"))?;
    let mut command = world.build(&world.at("out"))?;
    command.args(flags).arg(tree);
    Ok(command)
}

/// A tree or a declared module, by chance.
fn either(world: &World, flags: &[OsString]) -> Result<Trial> {
    let command = match world.choice % 2 {
        0 => tree(world, "", flags)?,
        _ => declared(world, HELLO, flags)?,
    };
    Ok(world.hello(command, &world.at("out")))
}

/// A flag with a name. The part behind a `=` is its value, which a message about the name leaves out.
fn name(world: &World, flag: OsString) -> Result<Trial> {
    let mut trial = either(world, &[flag])?;
    trial.names_value = !world.payload.bytes().contains(&b'=');
    Ok(trial)
}

fn module_name(world: &World) -> Result<Trial> {
    let source = world.at("in/source.c");
    write(&source, HELLO)?;
    let out = world.at("out");
    let mut command = world.build(&out)?;
    command.arg(world.payload.after("--name=")).arg(source);
    let name = world.payload.text().to_string_lossy().into_owned();
    Ok(world.module(command, &out, &name, b"hello from %s".to_vec()))
}

fn macro_name(world: &World) -> Result<Trial> {
    name(world, world.payload.after("-D"))
}

/// Any tokens, which nothing uses.
fn macro_value(world: &World) -> Result<Trial> {
    either(world, &[world.payload.after("-DUNUSED=")])
}

/// The compiler sees the string that was given.
fn string_macro(world: &World) -> Result<Trial> {
    let text = format!("{HELLO}\nstatic const char text[] __used = \"<\" TEXT \">\";\n");
    let mut flag = OsString::from("-DTEXT=");
    flag.push(world.payload.c_string());
    let command = declared(world, &text, &[flag])?;
    let wanted = [b"<", world.payload.bytes(), b">\0"].concat();
    Ok(world.module(command, &world.at("out"), "hello", wanted))
}

fn flag(world: &World) -> Result<Trial> {
    let flags = [
        "--cflag=",
        "--asflag=",
        "--ldflag=",
        "--cflag=-I",
        "--cflag=-DUNUSED=",
    ];
    let lead = flags[(world.choice / 2 % flags.len() as u64) as usize];
    if lead == "--ldflag=" {
        let command = declared(world, HELLO, &[world.payload.after(lead)])?;
        return Ok(Trial::new(command));
    }
    let trial = either(world, &[world.payload.after(lead)])?;
    // A flag may change what the compiler does.
    Ok(Trial::new(trial.command))
}

fn make_name(world: &World) -> Result<Trial> {
    let mut flag = world.payload.after("--make-var=");
    flag.push("=1");
    name(world, flag)
}

/// What a Makefile reads is what was given.
fn make_value(world: &World) -> Result<Trial> {
    let kbuild = "$(info <$(GIVEN)>)\n$(info <$(shell printf %s \"$$GIVEN\" | od -An -v -tx1 | tr -d ' \\n')>)\n";
    let command = tree(world, kbuild, &[world.payload.after("--make-var=GIVEN=")])?;
    Ok(printed(world, command))
}

fn env_name(world: &World) -> Result<Trial> {
    let mut flag = world.payload.after("--env=");
    flag.push("=1");
    name(world, flag)
}

fn env_value(world: &World) -> Result<Trial> {
    let kbuild = "$(info <$(shell printf %s \"$$GIVEN\" | od -An -v -tx1 | tr -d ' \\n')>)\n";
    let command = tree(world, kbuild, &[world.payload.after("--env=GIVEN=")])?;
    Ok(printed(world, command))
}

/// The Kbuild prints the bytes of the variable as its programs get them.
fn printed(world: &World, command: Command) -> Trial {
    let hex: String = world
        .payload
        .bytes()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    let (slow, wanted) = (world.slow, format!("<{hex}>"));
    world.hello(command, &world.at("out")).then(move |output| {
        match slow && !holds(output.err().as_bytes(), wanted.as_bytes()) {
            true => Err(format!("the Makefile's programs did not get {wanted}")),
            false => Ok(()),
        }
    })
}

fn config_name(world: &World) -> Result<Trial> {
    let mut flag = world.payload.after("--config=");
    flag.push("=m");
    name(world, flag)
}

fn config_value(world: &World) -> Result<Trial> {
    either(world, &[world.payload.after("--config=CONFIG_GIVEN=")])
}

fn target(world: &World) -> Result<Trial> {
    let command = tree(world, "", &[world.payload.after("--target=")])?;
    Ok(Trial::new(command))
}

fn exclude(world: &World) -> Result<Trial> {
    let command = tree(world, "", &[world.payload.after("--exclude=")])?;
    // It may exclude the source.
    Ok(Trial::new(command))
}

/// Values of which only few are right.
fn others(world: &World) -> Result<Trial> {
    let flags = [
        "--arch=",
        "--cross-compile=",
        "--llvm=",
        "--cc=",
        "--extra-warnings=",
        "--jobs=",
        "--module=",
        "--product=",
        "--message-format=",
        "--base=",
        "--btf-base=",
        "--kernel=",
        "--rustc=",
        "--sandbox-allow=",
        "--",
    ];
    let flag = flags[(world.choice % flags.len() as u64) as usize];
    let tree = world.at("in/tree");
    world.tree(&tree)?;
    let mut command = world.verb("build")?;
    command
        .arg("--out-dir")
        .arg(world.at("out"))
        .arg("--dry-run")
        .arg(tree);
    if flag != "--kernel=" {
        command.arg("--kernel").arg(&world.ground.kernel.kdir);
    }
    command.arg(world.payload.after(flag));
    if flag == "--sandbox-allow=" {
        command.arg("--sandbox");
    }
    let mut trial = Trial::new(command);
    // A message about a flag that does not exist leaves out its value.
    trial.names_value = flag != "--";
    Ok(trial)
}

/// Variables that kbuild-rs reads, or that reach make.
fn outside(world: &World) -> Result<Trial> {
    let names = [
        "KDIR",
        "ARCH",
        "CROSS_COMPILE",
        "LLVM",
        "KBUILD_RS_CC",
        "KBUILD_RS_RUSTC",
        "MAKEFLAGS",
        "CMAKE_BUILD_PARALLEL_LEVEL",
        "XDG_CACHE_HOME",
        "KBUILD_BUILD_USER",
        "KBUILD_BUILD_HOST",
        "SOURCE_DATE_EPOCH",
        "TZ",
        "LANG",
        "LC_ALL",
        "TERM",
        "CCACHE_DIR",
        "GIT_SSH_COMMAND",
        "KBUILD_SIGN_PIN",
        "MAKEFILES",
        "KCFLAGS",
        "CARGO_MAKEFLAGS",
        "NINJA_STATUS",
        "USER",
        "LOGNAME",
    ];
    let name = names[(world.choice % names.len() as u64) as usize];
    let tree = world.at("in/tree");
    world.tree(&tree)?;
    let mut command = world.build(&world.at("out"))?;
    command.arg(tree).env(name, world.payload.text());
    // make takes letters of the first word for options. With one of these it builds nothing, and
    // kbuild-rs neither.
    let text = world.payload.text();
    let letters = text.as_encoded_bytes().split(|&b| b == b' ').next();
    let letters = letters.unwrap_or_default();
    let pretends = !letters.starts_with(b"-")
        && !letters.contains(&b'=')
        && letters.iter().any(|b| b"nqt".contains(b));
    let mut trial = match name == "MAKEFLAGS" && pretends {
        true => Trial::new(command),
        false => world.hello(command, &world.at("out")),
    };
    // The value of KBUILD_SIGN_PIN and the like must not be in a message, and most others are for
    // other programs.
    trial.names_value = false;
    Ok(trial)
}
