//! The cost of an edit of a one-file module: kbuild-rs and plain make, beside the work that no build
//! can leave out (compile, objtool, modpost, link, BTF), run by hand with kbuild's saved commands.

use std::path::Path;
use std::process::Command;

use super::measure::{measure, median};
use super::{Row, Setup, fresh, one_file_module, ratio, scratch};
use crate::Result;

/// The steps, and the files with their saved commands. BTF has none. `hello.mod.c` does not change,
/// because the module has no `MODULE_VERSION`.
const STEPS: &[(&str, Option<&str>)] = &[
    ("compile and objtool", Some(".hello.o.cmd")),
    ("modpost", Some(".Module.symvers.cmd")),
    ("link", Some(".hello.ko.cmd")),
    ("BTF", None),
];

pub(super) fn rows(setup: &Setup) -> Result<Vec<Row>> {
    let scratch = scratch()?;
    let at = |name: &str| scratch.path().join(name);
    let [source, copy, out, cache] = ["source", "copy", "out", "cache"].map(at);
    one_file_module(&source)?;
    one_file_module(&copy)?;
    fresh(&out)?;
    let mut sides = vec![Vec::new(); 2 + STEPS.len()];
    // The first round builds everything and records, the second one fills the page cache.
    for run in 0..setup.runs + 2 {
        for side in [&source, &copy] {
            super::shortcut::edit(&side.join("hello.c"), run)?;
        }
        let mut ours = setup.ours(&source, &out);
        ours.env("XDG_CACHE_HOME", &cache);
        let mut commands = [ours, setup.make(&copy)];
        for (number, command) in commands.iter_mut().enumerate() {
            take(&mut sides[number], run, command)?;
        }
        for (number, (_, saved)) in STEPS.iter().enumerate() {
            let mut command = step(setup, &copy, *saved)?;
            take(&mut sides[2 + number], run, &mut command)?;
        }
    }
    let [ours, theirs, steps @ ..] = &sides[..] else {
        return Ok(Vec::new());
    };
    let theirs = median(theirs.iter().copied());
    let floor = steps.iter().map(|step| median(step.iter().copied()));
    let what = |name: &str| format!("one file after an edit, CPU: {name}");
    let mut rows = vec![
        ratio(&what("whole"), median(ours.iter().copied()), theirs, 0.60),
        ratio(
            &what("all steps by hand"),
            floor.clone().sum(),
            theirs,
            0.60,
        ),
    ];
    for ((name, _), value) in STEPS.iter().zip(floor) {
        rows.push(ratio(
            &what(&format!("{name}, by hand")),
            value,
            theirs,
            0.60,
        ));
    }
    Ok(rows)
}

fn take(values: &mut Vec<f64>, run: usize, command: &mut Command) -> Result<()> {
    let cpu = measure(command.env("LC_ALL", "C"))?.cpu.as_secs_f64();
    if run > 1 {
        values.push(cpu);
    }
    Ok(())
}

/// A step of kbuild's in the folder of the kernel, where kbuild runs it.
fn step(setup: &Setup, module: &Path, saved: Option<&str>) -> Result<Command> {
    let script = match saved {
        Some(name) => {
            let path = module.join(name);
            let text = std::fs::read_to_string(&path);
            let text = text.map_err(|error| format!("{}: {error}", path.display()))?;
            let line = text.lines().find_map(|line| {
                let (_, command) = line.strip_prefix("savedcmd_")?.split_once(":= ")?;
                Some(command.replace("$(pound)", "#").replace("$$", "$"))
            });
            line.ok_or_else(|| format!("{} has no saved command", path.display()))?
        }
        None => {
            let product = module.join("hello.ko").display().to_string();
            format!(
                "pahole -J --btf_gen_floats --btf_base vmlinux {product} && \
                 ./tools/bpf/resolve_btfids/resolve_btfids -b vmlinux {product}"
            )
        }
    };
    // kbuild exports these.
    let script = format!("export SRCARCH=x86 LLVM_OBJCOPY=objcopy\n{script}");
    let mut command = Command::new("sh");
    command
        .args(["-e", "-c", &script])
        .current_dir(&setup.kernel.kdir);
    Ok(command)
}
