//! 200 modules installed, beside `make -j2 modules_install` of the same files, with depmod on both
//! sides: make skips it in header packages, so it is run behind it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use kbuild_tests::lab;

use super::measure::{Sample, measure, median};
use super::{Row, Setup, fresh, one_file_module, ratio, scratch, write};
use crate::Result;

const COUNT: usize = 200;

/// The module that is built, and the names of its copies: of the same length, so that they can be
/// written over it.
const MODULE: &str = "hello";

pub(super) fn rows(setup: &Setup) -> Result<Vec<Row>> {
    lab::packages::install(&["kmod"])?;
    let scratch = scratch()?;
    let modules = scratch.path().join("modules");
    one_file_module(&modules)?;
    super::exec::checked(
        &mut setup.make(&modules),
        std::time::Duration::from_secs(300),
    )?;
    copies(&modules)?;

    let mut rows = Vec::new();
    for compression in ["none", "xz"] {
        let sides = Sides {
            setup,
            modules: &modules,
            root: scratch.path().join("root"),
            compression,
        };
        rows.extend(sides.rows()?);
    }
    Ok(rows)
}

/// Fills a module folder with copies of its module under other names, as make leaves it.
fn copies(folder: &Path) -> Result<()> {
    let fail = |error| format!("{}: {error}", folder.display());
    let module = fs::read(folder.join(format!("{MODULE}.ko"))).map_err(fail)?;
    let order = fs::read_to_string(folder.join("modules.order")).map_err(fail)?;
    let mut all = String::new();
    for number in 0..COUNT {
        let name = format!("hx{number:03}");
        let path = folder.join(format!("{name}.ko"));
        write(&path, renamed(&module, name.as_bytes()))?;
        all += &order.replace(&format!("{MODULE}."), &format!("{name}."));
    }
    fs::remove_file(folder.join(format!("{MODULE}.ko"))).map_err(fail)?;
    write(&folder.join("modules.order"), all)
}

fn renamed(module: &[u8], name: &[u8]) -> Vec<u8> {
    let mut bytes = module.to_vec();
    for at in 0..bytes.len().saturating_sub(name.len()) {
        if bytes[at..].starts_with(MODULE.as_bytes()) {
            bytes[at..at + name.len()].copy_from_slice(name);
        }
    }
    bytes
}

struct Sides<'a> {
    setup: &'a Setup,
    modules: &'a Path,
    root: PathBuf,
    compression: &'static str,
}

impl Sides<'_> {
    fn rows(&self) -> Result<Vec<Row>> {
        let (mut ours, mut theirs, mut again) = (Vec::new(), Vec::new(), Vec::new());
        for run in 0..=self.setup.runs {
            self.fresh_root()?;
            let make = measure(&mut self.make())?;
            self.expect("make modules_install")?;
            self.fresh_root()?;
            let install = measure(&mut self.install())?;
            self.expect("kbuild-rs install")?;
            let nothing = measure(&mut self.install())?;
            // The first round fills the page cache.
            if run > 0 {
                ours.push(install);
                theirs.push(make);
                again.push(nothing);
            }
        }
        let what = match self.compression {
            "none" => format!("install of {COUNT} modules"),
            name => format!("install of {COUNT} modules with {name}"),
        };
        let row =
            |what: &str, ours: &[Sample], bound| ratio(what, wall(ours), wall(&theirs), bound);
        Ok(vec![
            row(&format!("{what}, wall"), &ours, 1.0),
            row(
                &format!("{what}, again with nothing changed"),
                &again,
                1.0 / 20.0,
            ),
        ])
    }

    fn fresh_root(&self) -> Result<()> {
        fresh(&self.root)?;
        fs::remove_dir(&self.root).map_err(|error| error.to_string())?;
        lab::image_root(&self.setup.kernel)?.copy_to(&self.root)
    }

    fn install(&self) -> Command {
        let mut command = Command::new(&self.setup.program);
        command.arg("install").arg(self.modules);
        command.arg("--root").arg(&self.root).arg("-j2");
        command.args(["--quiet", "--compress", self.compression]);
        command.env("LC_ALL", "C");
        command
    }

    fn make(&self) -> Command {
        let compress = if self.compression == "xz" { "y" } else { "" };
        let mut make = self.setup.kernel.plain_make(self.modules);
        make.args(["-j2", "modules_install"])
            .arg(format!("INSTALL_MOD_PATH={}", self.root.display()))
            .arg(format!("CONFIG_MODULE_COMPRESS_ALL={compress}"));
        let mut both = Command::new("sh");
        both.env_clear();
        both.envs(
            make.get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        both.args([
            "-c",
            r#""$@" && exec depmod -b "$ROOT" -C "$ROOT/etc/depmod.d" "$RELEASE""#,
        ])
        .arg("sh")
        .arg(make.get_program())
        .args(make.get_args())
        .env(
            "PATH",
            std::env::var("PATH").unwrap_or_default() + ":/sbin:/usr/sbin",
        )
        .env("ROOT", &self.root)
        .env("RELEASE", &self.setup.kernel.release);
        both
    }

    /// Both sides leave the same number of files of the same kind, in an index.
    fn expect(&self, side: &str) -> Result<()> {
        let folder = self
            .root
            .join("lib/modules")
            .join(&self.setup.kernel.release);
        let index = fs::read_to_string(folder.join("modules.dep"));
        let index = index.map_err(|error| format!("{side}: modules.dep: {error}"))?;
        let end = if self.compression == "xz" {
            ".ko.xz"
        } else {
            ".ko"
        };
        let paths = index
            .lines()
            .filter_map(|line| Some(line.split_once(':')?.0));
        let is_ours = |path: &&str| path.starts_with("updates/hx") && path.ends_with(end);
        match paths.filter(is_ours).count() {
            COUNT => Ok(()),
            count => Err(format!("{side}: {count} modules of {COUNT} in modules.dep")),
        }
    }
}

fn wall(samples: &[Sample]) -> f64 {
    median(samples.iter().map(|sample| sample.wall.as_secs_f64()))
}
