//! Many modules for several kernels in one call, beside plain make and DKMS, which build one after
//! another; and the cost of the token layer for each make.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use kbuild_tests::corpus::{self, Cell, Expected};
use kbuild_tests::jobserver::Jobserver;
use kbuild_tests::lab::{self, LabKernel, packages};

use super::measure::{Sample, measure, median};
use super::{Row, Setup, fresh, one_file_module, ratio, scratch, seconds, write};
use crate::{Result, exec};

pub(super) const MODULES: usize = 10;
pub(super) const KERNELS: &[&str] = &["6.1", "6.12"];

pub(super) fn rows(setup: &Setup) -> Result<Vec<Row>> {
    let mut rows = side_by_side(setup)?;
    rows.push(all_of_the_corpus(setup)?);
    rows.extend(layer(setup)?);
    Ok(rows)
}

/// Compares the sides. A round takes a minute or more.
fn side_by_side(setup: &Setup) -> Result<Vec<Row>> {
    packages::install(&["dkms"])?;
    let kernels: Vec<_> = KERNELS
        .iter()
        .map(|name| lab::kernel(name))
        .collect::<Result<_>>()?;
    let scratch = scratch()?;
    let modules: Vec<_> = (0..MODULES)
        .map(|i| scratch.path().join(format!("m{i}")))
        .collect();
    let (mut ours, mut makes, mut dkms) = (Vec::new(), Vec::new(), Vec::new());
    for run in 0..=setup.runs.min(3) {
        // make leaves its products in the source folders.
        for module in &modules {
            one_module(module)?;
        }
        let all_at_once = measure(&mut at_once(setup, &modules, &kernels, scratch.path())?)?;
        let with_make = with_make(&modules, &kernels)?;
        let with_dkms = with_dkms(&modules, &kernels, &scratch.path().join("dkms"))?;
        if run > 0 {
            ours.push(all_at_once);
            makes.push(with_make);
            dkms.push(with_dkms);
        }
    }
    let wall = |samples: &[Sample]| median(samples.iter().map(|s| s.wall.as_secs_f64()));
    let what = format!(
        "{MODULES} one-file modules on {}, wall",
        KERNELS.join(" and ")
    );
    Ok(vec![
        ratio(
            &format!("{what}, plain make"),
            wall(&ours),
            wall(&makes),
            0.48,
        ),
        ratio(&format!("{what}, DKMS"), wall(&ours), wall(&dkms), 0.40),
    ])
}

/// Creates a module with the name of its folder.
pub(super) fn one_module(folder: &Path) -> Result<()> {
    one_file_module(folder)?;
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    write(&folder.join("Kbuild"), format!("obj-m := {name}.o\n"))?;
    let renamed = std::fs::rename(folder.join("hello.c"), folder.join(format!("{name}.c")));
    renamed.map_err(|error| format!("{}: {error}", folder.display()))
}

fn at_once(
    setup: &Setup,
    modules: &[PathBuf],
    kernels: &[LabKernel],
    dir: &Path,
) -> Result<Command> {
    let out = dir.join("out");
    fresh(&out)?;
    let mut command = Command::new(&setup.program);
    command.arg("build").args(modules).arg("-o").arg(out);
    for kernel in kernels {
        command.arg("--kernel").arg(&kernel.kdir);
    }
    command.args(["-j2", "--quiet"]).env("LC_ALL", "C");
    // The first round, which does not count, records kbuild's first phase.
    command.env("XDG_CACHE_HOME", dir.join("cache"));
    Ok(command)
}

/// One kernel after another, because a folder holds the products of one kernel.
pub(super) fn with_make(modules: &[PathBuf], kernels: &[LabKernel]) -> Result<Sample> {
    let mut sum = Sample::default();
    for kernel in kernels {
        for module in modules {
            one_module(module)?;
            add(
                &mut sum,
                measure(kernel.plain_make(module).args(["-j2", "modules"]))?,
            );
        }
    }
    Ok(sum)
}

/// The builds of DKMS. Its `add` comes before them and is not measured.
fn with_dkms(modules: &[PathBuf], kernels: &[LabKernel], dir: &Path) -> Result<Sample> {
    let (tree, sources) = (dir.join("tree"), dir.join("src"));
    fresh(&tree)?;
    fresh(&sources)?;
    let dkms = |verb: &str, name: &str| {
        let mut dkms = Command::new("dkms");
        dkms.arg("--dkmstree")
            .arg(&tree)
            .arg("--sourcetree")
            .arg(&sources);
        dkms.args([verb, &format!("{name}/1")]).env("LC_ALL", "C");
        dkms
    };
    let mut names = Vec::new();
    for i in 0..modules.len() {
        let name = format!("m{i}");
        let source = sources.join(format!("{name}-1"));
        one_file_module(&source)?;
        let conf = format!(
            "PACKAGE_NAME={name}\nPACKAGE_VERSION=1\nBUILT_MODULE_NAME[0]=hello\n\
             DEST_MODULE_LOCATION[0]=/updates\n"
        );
        write(&source.join("dkms.conf"), conf)?;
        measure(&mut dkms("add", &name))?;
        names.push(name);
    }
    let mut sum = Sample::default();
    for kernel in kernels {
        for name in &names {
            let mut build = dkms("build", name);
            build.arg("--kernelsourcedir").arg(&kernel.kdir);
            build.args(["-k", &format!("{}/x86_64", kernel.release), "-j", "2"]);
            add(&mut sum, measure(&mut build)?);
        }
    }
    Ok(sum)
}

fn add(sum: &mut Sample, one: Sample) {
    sum.wall += one.wall;
    sum.cpu += one.cpu;
}

/// The whole corpus at once, with a process for each package and kernel, because their variables
/// differ. Two cores need at least half of its CPU time.
fn all_of_the_corpus(setup: &Setup) -> Result<Row> {
    let scratch = scratch()?;
    let (script, out) = (scratch.path().join("script"), scratch.path().join("out"));
    let packages = corpus::packages()?;
    let mut text = "all=\n".to_owned();
    for name in KERNELS {
        let kernel = lab::kernel(name)?;
        for package in &packages {
            let builds = |cell: &&Cell| {
                cell.kernel == kernel.name && matches!(cell.expected, Expected::Modules(_))
            };
            let Some(cell) = package.cells.iter().find(builds) else {
                continue;
            };
            let out = out.join(name).join(&package.name);
            let mut lines = Vec::new();
            for folder in package.folders(&package.sources(cell)?) {
                let args = package.ours(&kernel, &folder, &out);
                let words = args
                    .iter()
                    .map(|word| format!("'{}'", word.to_string_lossy()));
                let words = words.collect::<Vec<_>>().join(" ");
                let words = words.replace("'--jobs' '1'", "'--jobs' '2'");
                lines.push(format!(
                    "'{}' {words} --pool-dir '{}' --quiet",
                    setup.program.display(),
                    scratch.path().display()
                ));
            }
            text += &format!("{{ {}; }} & all=\"$all $!\"\n", lines.join(" && "));
        }
    }
    text += "for one in $all; do wait $one || exit 1; done\n";
    write(&script, text)?;
    let (mut walls, mut floors) = (Vec::new(), Vec::new());
    for _ in 0..setup.runs.min(3) {
        fresh(&out)?;
        let sample = measure(Command::new("sh").arg(&script).env("LC_ALL", "C"))?;
        walls.push(sample.wall.as_secs_f64());
        floors.push(sample.cpu.as_secs_f64() / 2.0);
    }
    let what = format!(
        "the corpus on {}, wall beside half of its CPU time",
        KERNELS.join(" and ")
    );
    Ok(ratio(&what, median(walls), median(floors), 1.1))
}

/// The program's own time beside a make that returns at once: with one job and no tokens, in the
/// jobserver of an outer build, and with its own pool.
fn layer(setup: &Setup) -> Result<Vec<Row>> {
    let scratch = scratch()?;
    let bin = scratch.path().join("bin");
    let (source, out) = (scratch.path().join("source"), scratch.path().join("out"));
    one_file_module(&source)?;
    fresh(&bin)?;
    let make = exec::ask(Command::new("sh").args(["-c", "command -v make"]));
    let make = make.ok_or("there is no make")?;
    // The question for make's version is a part of the cost.
    let stub = format!(
        "#!/bin/sh\n[ \"$1\" = --version ] && exec {} --version\nexit 0\n",
        make.trim()
    );
    write(&bin.join("make"), stub)?;
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(bin.join("make"), executable).map_err(|error| error.to_string())?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::iter::once(bin).chain(std::env::split_paths(&path));
    let path = std::env::join_paths(path).map_err(|error| error.to_string())?;
    let server = Jobserver::fifo(&scratch.path().join("jobs"), b"+")?;

    let mut walls = [Vec::new(), Vec::new(), Vec::new()];
    for run in 0..=20 * setup.runs {
        for (way, walls) in walls.iter_mut().enumerate() {
            fresh(&out)?;
            let mut command = Command::new(&setup.program);
            command.arg("build").arg(&source).arg("-o").arg(&out);
            command.arg("--kernel").arg(&setup.kernel.kdir);
            command.args(setup.kernel.cc.iter().map(|cc| format!("--cc={cc}")));
            command
                .args(["--target", "hello.o", "--quiet"])
                .env("PATH", &path);
            let sample = measure(match way {
                0 => command.env("MAKEFLAGS", " -j1"),
                1 => server.hand(&mut command),
                _ => command.arg("-j2"),
            })?;
            if run > 0 {
                walls.push(sample.wall.as_secs_f64());
            }
        }
    }
    let [one_job, outside, pool] = walls.map(median);
    let row = |what: &str, with: f64| Row {
        what: format!("tokens for one make, {what}, wall"),
        ours: seconds(with),
        theirs: seconds(one_job),
        value: (with - one_job) * 1e3,
        bound: 5.0,
        unit: "ms",
    };
    Ok(vec![
        row("an outer build's", outside),
        row("a pool's", pool),
    ])
}
