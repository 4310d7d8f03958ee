//! `kbuild-rs info`: the properties of a module, and the requirements that a module tree states.

mod requirements;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use kbuild::ModuleInfo;
use serde::Serialize;

use crate::args::{InfoArgs, MessageFormat};
use crate::ui::failure::{Failure, exit_code};
use crate::ui::json::{self, Reason};
use crate::ui::options::UiOptions;
use crate::ui::progress::Progress;
use crate::ui::streams;
use crate::ui::style::Style;
use crate::ui::text::{count, printable};

/// A module, in the form of the JSON.
#[derive(Serialize)]
struct Described<'a> {
    path: String,
    #[serde(flatten)]
    info: &'a ModuleInfo,
}

/// A path that is not a module, in the form of the JSON.
#[derive(Serialize)]
struct Refused {
    path: String,
    error: Reason,
}

pub(super) fn run(args: &InfoArgs, style: Style) -> ExitCode {
    let mut progress = Progress::new(UiOptions::new(style, false));
    let mut failures = Vec::new();
    let mut first = true;
    let is_json = args.message_format == MessageFormat::Json;
    if args.name.is_some() {
        failures.extend(requirements::show(args, None));
    }
    for tree in args
        .paths
        .iter()
        .filter(|path| requirements::has_any(args, path))
    {
        if !is_json && !std::mem::take(&mut first) {
            streams::result("");
        }
        if !is_json {
            streams::result(tree.as_os_str().as_encoded_bytes());
        }
        failures.extend(requirements::show(args, Some(tree)));
    }
    for failure in &failures {
        match is_json {
            true => json::print(&json::Event::Error {
                kind: failure.kind(),
                message: failure.to_string(),
                advice: failure.advice(),
                build: json::BuildId::default(),
            }),
            false => progress.error(&failure.to_string()),
        }
    }
    let of_modules = args
        .paths
        .iter()
        .flat_map(|path| match requirements::has_any(args, path) {
            // A module tree need not contain modules.
            true => modules_below(path)
                .map_or_else(|failure| vec![(path.clone(), Err(failure))], read_all),
            false => read(path),
        });
    for (path, info) in of_modules {
        match info {
            Ok(info) if is_json => json::print(&Described {
                path: json::path(&path),
                info: &info,
            }),
            Ok(info) => {
                if !std::mem::take(&mut first) {
                    streams::result("");
                }
                streams::result(path.as_os_str().as_encoded_bytes());
                lines(&info, args.verbose).iter().for_each(streams::result);
            }
            Err(failure) => {
                if is_json {
                    json::print(&Refused {
                        path: json::path(&path),
                        error: Reason::from(&failure),
                    });
                } else {
                    progress.error(&failure.to_string());
                }
                failures.push(failure);
            }
        }
    }
    exit_code(&failures)
}

type Read = (PathBuf, Result<ModuleInfo, Failure>);

fn read(path: &Path) -> Vec<Read> {
    let one = |info| vec![(path.to_owned(), info)];
    let found = match fs::metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            return one(Err(Failure::wrong_call(format!(
                "{} does not exist: name a .ko file, or a folder with modules",
                path.display()
            ))));
        }
        Ok(meta) if meta.is_dir() => modules_below(path),
        _ => return one(ModuleInfo::read(path).map_err(Failure::from)),
    };
    match found {
        Ok(modules) if modules.is_empty() => one(Err(Failure::no_result(format!(
            "{} contains no module (.ko): build first, or name another folder",
            path.display()
        )))),
        Ok(modules) => read_all(modules),
        Err(failure) => one(Err(failure)),
    }
}

fn read_all(modules: Vec<PathBuf>) -> Vec<Read> {
    let modules = modules.into_iter();
    let read = modules.map(|module| {
        let info = ModuleInfo::read(&module).map_err(Failure::from);
        (module, info)
    });
    read.collect()
}

/// Whether a file is named like a module, compressed ones included.
fn is_module(path: &Path) -> bool {
    let extension = |path: &Path| path.extension().and_then(|e| e.to_str()).map(str::to_owned);
    match extension(path).as_deref() {
        Some("ko") => true,
        Some("xz" | "zst" | "gz") => {
            let stem = path.file_stem().unwrap_or_default();
            extension(Path::new(stem)).as_deref() == Some("ko")
        }
        _ => false,
    }
}

/// All modules below a folder, sorted. Links to folders are not followed (they may lead back), and
/// private folders of builds are skipped.
fn modules_below(dir: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |dir: &Path, error: io::Error| Failure::file("read", dir, &error);
    let mut modules = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(|e| failed(&folder, e))? {
            let entry = entry.map_err(|e| failed(&folder, e))?;
            let kind = entry.file_type().map_err(|e| failed(&folder, e))?;
            let path = entry.path();
            if kind.is_dir() {
                if entry.file_name() != ".kbuild" {
                    folders.push(path);
                }
            } else if is_module(&path) {
                modules.push(path);
            }
        }
    }
    modules.sort();
    Ok(modules)
}

/// The lines for a person. A property that the module lacks is left out, unless its absence is
/// informative.
fn lines(info: &ModuleInfo, verbose: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = |key: &str, value: &str| {
        if !value.is_empty() {
            lines.push(format!("  {key:<12}{}", printable(value.trim_end())));
        }
    };
    let none = |words: &[String]| match words {
        [] => "none".to_owned(),
        words => words.join(", "),
    };
    line("name", &info.name);
    line("release", &info.release);
    line("vermagic", &info.vermagic);
    line("arch", &info.arch);
    line("license", &none(&info.licenses));
    line(
        "description",
        info.description.as_deref().unwrap_or_default(),
    );
    line("author", &info.authors.join(", "));
    line("version", info.version.as_deref().unwrap_or_default());
    line("depends", &none(&info.depends));
    line("namespaces", &info.imported_namespaces.join(", "));
    line("firmware", &info.firmware.join(", "));
    line("signed", if info.signed { "yes" } else { "no" });
    line("BTF", if info.has_btf { "yes" } else { "no" });
    for parameter in &info.parameters {
        let kind = match parameter.kind.as_deref() {
            Some(kind) => format!(" ({kind})"),
            None => String::new(),
        };
        let about = match parameter.description.as_deref() {
            Some(text) => format!(": {text}"),
            None => String::new(),
        };
        line("parameter", &format!("{}{kind}{about}", parameter.name));
    }
    if verbose {
        info.aliases.iter().for_each(|alias| line("alias", alias));
    } else if !info.aliases.is_empty() {
        line("aliases", &info.aliases.len().to_string());
    }
    line("exports", &count(info.exports.len(), "symbol"));
    if verbose {
        for export in &info.exports {
            let gpl = if export.gpl_only { " (GPL only)" } else { "" };
            let namespace = match &export.namespace {
                Some(name) => format!(" in namespace {name}"),
                None => String::new(),
            };
            line("", &format!("{}{gpl}{namespace}", export.name));
        }
    }
    line("imports", &count(info.imports.len(), "symbol"));
    if verbose {
        for import in &info.imports {
            let weak = if import.weak { " (weak)" } else { "" };
            line("", &format!("{}{weak}", import.name));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn hello() -> ModuleInfo {
        ModuleInfo {
            name: "hello".to_owned(),
            vermagic: "6.1.0 SMP mod_unload ".to_owned(),
            release: "6.1.0".to_owned(),
            licenses: vec!["GPL".to_owned()],
            description: Some("says\x1b[2J hello".to_owned()),
            parameters: vec![kbuild::Parameter {
                name: "times".to_owned(),
                kind: Some("int".to_owned()),
                description: Some("how often".to_owned()),
            }],
            exports: vec![kbuild::Export {
                name: "hello_say".to_owned(),
                gpl_only: true,
                namespace: Some("HELLO".to_owned()),
            }],
            imports: vec![kbuild::Import {
                name: "_printk".to_owned(),
                crc: None,
                weak: false,
            }],
            ..ModuleInfo::default()
        }
    }

    #[test]
    fn symbols_are_counted_and_listed_when_asked_for() {
        let short = lines(&hello(), false).join("\n");
        assert!(short.contains("  exports     1 symbol\n"), "{short}");
        assert!(!short.contains("_printk"));
        let long = lines(&hello(), true).join("\n");
        assert!(
            long.contains("hello_say (GPL only) in namespace HELLO"),
            "{long}"
        );
        assert!(long.contains("_printk"));
    }

    #[test]
    fn the_texts_of_a_module_cannot_control_the_terminal() {
        let text = lines(&hello(), true).join("\n");
        assert!(!text.contains('\x1b'));
        assert!(text.contains("  parameter   times (int): how often"));
        assert!(text.contains("  depends     none"));
    }

    #[test]
    fn a_folder_gives_its_modules_without_the_builds_own_copies() {
        let scratch = TempDir::new().unwrap();
        let dir = scratch.path();
        for folder in ["b", "a/deep", ".kbuild/x/stage"] {
            fs::create_dir_all(dir.join(folder)).unwrap();
        }
        let files = ["b/b.ko", "a/deep/a.ko", ".kbuild/x/stage/b.ko", "b/b.o"];
        for file in files {
            fs::write(dir.join(file), "").unwrap();
        }
        assert_eq!(
            modules_below(dir).unwrap(),
            [dir.join("a/deep/a.ko"), dir.join("b/b.ko")]
        );
    }
}
