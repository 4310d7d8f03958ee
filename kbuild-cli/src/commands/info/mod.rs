//! `kbuild-rs info`: the properties of a module, and the requirements that a module tree states.

mod requirements;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use kbuild::ModuleInfo;
use serde::Serialize;

use super::module_files;
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
    let of_modules = args.paths.iter().flat_map(|path| {
        // A module tree need not contain modules.
        let modules = match requirements::has_any(args, path) {
            true => module_files::in_folder(path),
            false => module_files::below(path),
        };
        read(path, modules)
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

fn read(path: &Path, modules: Result<Vec<PathBuf>, Failure>) -> Vec<Read> {
    match modules {
        Err(failure) => vec![(path.to_owned(), Err(failure))],
        Ok(modules) => modules
            .into_iter()
            .map(|module| {
                let info = ModuleInfo::read(&module).map_err(Failure::from);
                (module, info)
            })
            .collect(),
    }
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
}
