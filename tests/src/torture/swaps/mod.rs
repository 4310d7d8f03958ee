//! Swaps: inputs of a build are exchanged between builds and while one runs. One more build then has
//! the bytes of a fresh build with the final inputs, and after it there is nothing to do.

mod inputs;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use self::inputs::{INPUTS, Input, States, Way, lead, put, way};
use super::files::{at, below, copy_kernel, make_folder, remove, write};
use super::{Attempt, Ground, Kind, LIMIT, Prepared, Scene, Setup, call};
use crate::{Result, lab, program, run};

/// The kind.
pub(super) const KIND: Kind = Kind {
    name: "swaps",
    about: "kernel trees, headers, sources and compilers exchanged between and during builds",
    few: 2,
    many: 40,
    scene,
};

struct Swaps {
    ground: Ground,
    base: PathBuf,
    /// The trees to which `kernel` leads.
    kernels: [PathBuf; 2],
    /// The files of the first one that change.
    header: PathBuf,
    configuration: [PathBuf; 3],
    /// Their texts without the symbol.
    texts: [String; 3],
    makes: [PathBuf; 2],
    /// The modules of fresh builds. The last state, make's, does not count.
    fresh: BTreeMap<States, Vec<u8>>,
    _folder: TempDir,
}

fn scene(setup: &Setup) -> Result<Prepared> {
    let folder = TempDir::with_prefix("torture-swaps-").map_err(|error| error.to_string())?;
    let base = fs::canonicalize(folder.path()).map_err(at(folder.path()))?;
    let names = lab::names();
    let other = lab::kernel(names[names.len() - 1])?;
    let mut ground = Ground::usual(setup)?;
    ground.kernel = copy_kernel(&ground.kernel, &base.join("copy"))?;
    let kdir = ground.kernel.kdir.clone();
    let configuration = [
        "include/generated/autoconf.h",
        "include/config/auto.conf",
        ".config",
    ];
    let configuration = configuration.map(|path| kdir.join(path));
    let mut texts = [String::new(), String::new(), String::new()];
    for (text, path) in texts.iter_mut().zip(&configuration) {
        *text = fs::read_to_string(path).map_err(at(path))?;
    }
    let swaps = Swaps {
        header: ground.kernel.common.join("include/linux/swapped.h"),
        kernels: [kdir, other.kdir],
        ground,
        configuration,
        texts,
        makes: ["/usr/bin/make".into(), lab::program("make")?],
        fresh: BTreeMap::new(),
        base,
        _folder: folder,
    };
    swaps.write_sources()?;
    Ok(Prepared::Ready(Box::new(swaps)))
}

/// Several files, so that a change can happen between two of them.
const SOURCES: [&str; 2] = ["first", "second"];

impl Swaps {
    fn write_sources(&self) -> Result<()> {
        for name in SOURCES {
            let mut text = format!(
                "#include <linux/module.h>\n#if __has_include(<linux/swapped.h>)\n\
                 #include <linux/swapped.h>\n#else\n#define KERNEL \"none\"\n#endif\n\
                 #include <local.h>\nextern const char {name}[];\n\
                 const char {name}[] = \"{name}: \" KERNEL \", \" LOCAL \", \" COMPILER \", \" KBUILD\n\
                 #ifdef CONFIG_TORTURE\n\", configured\"\n#endif\n;\n"
            );
            if name == SOURCES[0] {
                text.push_str("MODULE_LICENSE(\"GPL\");\n");
            }
            if name == SOURCES[1] {
                text.push_str("#include \"state.h\"\n");
            }
            write(&self.base.join(format!("tree/{name}.c")), text)?;
        }
        Ok(())
    }

    /// The file of an input, and its text in a state.
    fn text(&self, input: Input, state: bool) -> (PathBuf, String) {
        let number = u8::from(state);
        let at = |path: &str| self.base.join(path);
        match input {
            Input::KernelHeader => (
                self.header.clone(),
                format!("#define KERNEL \"kernel {number}\"\n"),
            ),
            Input::Header => (
                at("include0/local.h"),
                format!("#define LOCAL \"local {number}\"\n"),
            ),
            Input::Source => (
                at("tree/state.h"),
                format!("extern const char state[];\nconst char state[] = \"state {number}\";\n"),
            ),
            Input::Kbuild => (
                at("tree/Kbuild"),
                format!(
                    "obj-m := swapped.o\nswapped-y := first.o second.o\n\
                     ccflags-y += '-DKBUILD=\"Kbuild {number}\"'\n\
                     ccflags-$(CONFIG_TORTURE) += -DASKED\n"
                ),
            ),
            Input::Compiler => (
                at("bin/cc"),
                format!(
                    "#!/bin/sh\nexec {} '-DCOMPILER=\"compiler {number}\"' \"$@\"\n",
                    self.ground.kernel.compiler()
                ),
            ),
            _ => (
                at("bin/make"),
                format!(
                    "#!/bin/sh\nexec '{}' \"$@\"\n",
                    self.makes[usize::from(state)].display()
                ),
            ),
        }
    }

    fn set(&self, input: Input, state: bool, way: Way) -> Result<()> {
        let number = usize::from(state);
        match input {
            Input::Kernel => lead(&self.base.join("kernel"), &self.kernels[number]),
            Input::Include => lead(
                &self.base.join("include"),
                &self.base.join(format!("include{number}")),
            ),
            Input::Symbol => {
                let lines = [
                    "#define CONFIG_TORTURE 1\n",
                    "CONFIG_TORTURE=y\n",
                    "CONFIG_TORTURE=y\n",
                ];
                for ((path, text), line) in self.configuration.iter().zip(&self.texts).zip(lines) {
                    let line = if state { line } else { "" };
                    put(path, &format!("{text}{line}"), way)?;
                }
                Ok(())
            }
            _ => {
                let (path, text) = self.text(input, state);
                put(&path, &text, way)
            }
        }
    }

    fn build(&self, out: &Path) -> Result<Command> {
        let mut command = self.ground.program("build", &self.base.join("home"))?;
        let path = std::env::var_os("PATH").unwrap_or_default();
        let own = std::iter::once(self.base.join("bin"));
        let path = std::env::join_paths(own.chain(std::env::split_paths(&path)));
        command
            .env("PATH", path.map_err(|error| error.to_string())?)
            .arg("--kernel")
            .arg(self.base.join("kernel"))
            .arg("--cc")
            .arg(self.base.join("bin/cc"))
            .arg("-I")
            .arg(self.base.join("include"))
            .args(["--make-var", crate::plain::PAHOLE, "--out-dir"])
            .arg(out)
            .arg(self.base.join("tree"));
        Ok(command)
    }

    /// The module of a build in a new output directory.
    fn fresh(&mut self, mut states: States) -> Result<Vec<u8>> {
        states[INPUTS.len() - 1] = false;
        if let Some(known) = self.fresh.get(&states) {
            return Ok(known.clone());
        }
        let out = self.base.join("fresh");
        remove(&out)?;
        run::checked(&mut self.build(&out)?, LIMIT)?;
        let module = out.join("swapped.ko");
        let module = fs::read(&module).map_err(at(&module))?;
        self.fresh.insert(states, module.clone());
        Ok(module)
    }
}

impl Scene for Swaps {
    fn attempt(&mut self, attempt: &mut Attempt) -> Result<()> {
        let mut states: States = [false; INPUTS.len()];
        make_folder(&self.base.join("include1"))?;
        write(
            &self.base.join("include1/local.h"),
            "#define LOCAL \"another\"\n",
        )?;
        for (input, state) in INPUTS.iter().zip(&mut states) {
            *state = attempt.random.below(6) == 0;
            self.set(*input, *state, Way::Renamed)?;
        }
        attempt.say(format!("first: {states:?}"));
        let out = self.base.join("out");
        remove(&out)?;
        if attempt.random.below(2) == 0 {
            attempt.say("a build");
            run::checked(&mut self.build(&out)?, LIMIT)?;
        }
        for _ in 0..1 + attempt.random.below(2) {
            self.disturb(attempt, &mut states, &out)?;
        }
        attempt.say(format!("last: {states:?}"));
        let output = call(&mut self.build(&out)?)?;
        if !output.status.success() {
            return Err(format!("the last build fails:\n{}", output.err()));
        }
        let module = out.join("swapped.ko");
        let module = fs::read(&module).map_err(at(&module))?;
        if module != self.fresh(states)? {
            let kept = attempt.folder().join("swapped.ko");
            write(&kept, &module)?;
            write(&attempt.folder().join("fresh.ko"), self.fresh(states)?)?;
            return Err(format!(
                "the module is not that of a fresh build:\n{}",
                output.err()
            ));
        }
        let again = call(&mut self.build(&out)?)?;
        match program::started_make(&again) {
            true => Err(format!("it builds again:\n{}", again.err())),
            false => Ok(()),
        }
    }
}

impl Swaps {
    /// A build, with changes before it or while it runs. It may fail in that case.
    fn disturb(&self, attempt: &mut Attempt, states: &mut States, out: &Path) -> Result<()> {
        let mut changes = Vec::new();
        let there_and_back = attempt.random.below(5) == 0;
        for _ in 0..1 + attempt.random.below(3) {
            let number = attempt.random.below(INPUTS.len() as u64) as usize;
            states[number] = !states[number];
            let moment = (attempt.random.below(5), attempt.random.below(60));
            changes.push((
                INPUTS[number],
                states[number],
                way(&mut attempt.random),
                moment,
            ));
        }
        if there_and_back {
            let (input, _, way, moment) = changes[0];
            let number = INPUTS.iter().position(|other| *other == input).unwrap_or(0);
            states[number] = !states[number];
            changes.push((input, states[number], way, moment));
        }
        let during = attempt.random.below(3) > 0;
        attempt.say(format!("{changes:?}, during a build: {during}"));
        if !during {
            for (input, state, way, _) in changes {
                self.set(input, state, way)?;
            }
            return match attempt.random.below(2) {
                0 => Ok(()),
                _ => run::checked(&mut self.build(out)?, LIMIT).map(drop),
            };
        }
        let mut command = self.build(out)?;
        let begun = SystemTime::now();
        let over = AtomicBool::new(false);
        let (output, set) = thread::scope(|scope| {
            let changer = scope.spawn(|| -> Result<()> {
                for (input, state, way, (objects, pause)) in changes {
                    while !over.load(Ordering::Relaxed) && compiled(out, begun) < objects {
                        thread::sleep(Duration::from_millis(3));
                    }
                    thread::sleep(Duration::from_millis(pause));
                    self.set(input, state, way)?;
                }
                Ok(())
            });
            let output = call(&mut command);
            over.store(true, Ordering::Relaxed);
            (output, changer.join())
        });
        set.map_err(|_| "the changes panicked".to_owned())??;
        output.map(drop)
    }
}

/// The number of objects that were written to the stage since then. It tells how far a build is on a
/// machine of any speed.
fn compiled(out: &Path, since: SystemTime) -> u64 {
    let paths = below(&out.join(".kbuild")).unwrap_or_default();
    let objects = paths.iter().filter(|path| {
        let changed = fs::metadata(out.join(".kbuild").join(path)).and_then(|meta| meta.modified());
        path.extension().is_some_and(|end| end == "o") && changed.is_ok_and(|time| time >= since)
    });
    objects.count() as u64
}
