//! `kbuild-modules.json` in OUT_DIR: the modules that a build script has built, for
//! `kbuild-rs install --cargo`.
//!
//! # Decisions
//! - The file is a JSON array with one object a line. The library without features has no JSON crate.
//! - Its path reaches Cargo as the variable `KBUILD_MODULES` of the crate, and Cargo's messages repeat
//!   it. A file of an earlier script stays in OUT_DIR, and nobody names it.
//! - Placeholders of `KBUILD_RS_SKIP` are no modules, so they are not listed.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::announce_env;
use crate::editor::compile_commands::json;
use crate::settings::{Environment, Report};
use crate::sys::{Root, Writer};
use crate::{Kernel, Result};

const FILE: &str = "kbuild-modules.json";

/// What this build script has built so far: a script may build several modules.
static BUILT: Mutex<Vec<Row>> = Mutex::new(Vec::new());

/// A module in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) release: String,
    pub(super) path: PathBuf,
    pub(super) symvers: Option<PathBuf>,
}

/// Adds the modules of a finished build to the file, and tells Cargo where it is.
pub(crate) fn record_modules(environment: &Environment, report: &Report) -> Result<()> {
    let rows = rows(report);
    let Some(out) = environment.of_cargo("OUT_DIR") else {
        return Ok(());
    };
    if rows.is_empty() {
        return Ok(());
    }
    let package = environment.of_cargo("CARGO_PKG_NAME").unwrap_or_default();
    let out = Path::new(&out);
    let file = out.join(FILE);
    let mut built = BUILT.lock().unwrap_or_else(|p| p.into_inner());
    built.retain(|old| rows.iter().all(|new| new.path != old.path));
    built.extend(rows);
    let text = text(&package.to_string_lossy(), &built);
    Writer::new([Root::make(out)?]).write_if_changed(&file, text.as_bytes())?;
    announce_env("KBUILD_MODULES=", &file);
    Ok(())
}

fn rows(report: &Report) -> Vec<Row> {
    let release = report.kernel().map(Kernel::release);
    let modules = report.modules().iter().filter_map(|module| {
        Some(Row {
            name: module.name().to_owned(),
            release: release?.to_owned(),
            path: module.path().to_owned(),
            symvers: report.symvers().map(Path::to_owned),
        })
    });
    modules.collect()
}

pub(super) fn text(package: &str, rows: &[Row]) -> String {
    // A path that is not UTF-8 cannot be written in JSON. Cargo cannot be told of it either.
    let lines = rows.iter().filter_map(|row| {
        let symvers = row.symvers.as_deref().and_then(Path::to_str);
        Some(format!(
            "{{\"package\":{},\"name\":{},\"release\":{},\"path\":{},\"symvers\":{}}}",
            json(package),
            json(&row.name),
            json(&row.release),
            json(row.path.to_str()?),
            symvers.map_or("null".to_owned(), json),
        ))
    });
    let lines: Vec<String> = lines.collect();
    format!("[\n{}\n]\n", lines.join(",\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_module_is_an_object_on_a_line_of_its_own() {
        let row = |name: &str, symvers: Option<&str>| Row {
            name: name.to_owned(),
            release: "6.1.0".to_owned(),
            path: Path::new("/o/a \"b\"").join(format!("{name}.ko")),
            symvers: symvers.map(PathBuf::from),
        };
        let text = text("my-package", &[row("one", Some("/o/s")), row("two", None)]);
        assert_eq!(
            text,
            "[\n\
             {\"package\":\"my-package\",\"name\":\"one\",\"release\":\"6.1.0\",\
             \"path\":\"/o/a \\\"b\\\"/one.ko\",\"symvers\":\"/o/s\"},\n\
             {\"package\":\"my-package\",\"name\":\"two\",\"release\":\"6.1.0\",\
             \"path\":\"/o/a \\\"b\\\"/two.ko\",\"symvers\":null}\n\
             ]\n"
        );
    }
}
