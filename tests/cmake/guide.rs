//! docs/cmake.md and docs/cmake-tutorial.md: their examples are configured, built and run.
//!
//! A section is a project. A block is a file when its first line says so (```` ```c file=hello.c ````);
//! ```` ```cmake lines ```` are those of the section's `CMakeLists.txt` below the first three, which the
//! tutorial shows once. Commands are run in order; a section without any is configured and built.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use kbuild_tests::lab::{self, LabKernel, packages};

use crate::cargo::Tools;
use crate::project::{CORNERS, files};
use crate::rust::{HELLO_RS, kernel_with_rust};
use crate::support::project::{any_kernel, root};
use crate::support::*;

/// Sources that a page mentions and does not show.
const UNSEEN: [(&str, &str); 5] = [
    ("hello.c", HELLO),
    ("hello.rs", HELLO_RS),
    ("ring.c", HELLO),
    ("driver/one.c", HELLO),
    ("driver/two.c", HELLO),
];

const BUILD: [&str; 2] = ["cmake -B build -DKDIR=$KDIR", "cmake --build build"];

#[derive(Default)]
struct Section {
    title: String,
    files: BTreeMap<String, String>,
    lines: String,
    commands: Vec<String>,
}

fn sections(page: &str) -> Vec<Section> {
    let text = fs::read_to_string(root().join("docs").join(page)).unwrap();
    let mut sections = vec![Section::default()];
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let section = sections.last_mut().unwrap();
        if let Some(title) = line.strip_prefix("## ").or(line.strip_prefix("### ")) {
            sections.push(Section {
                title: title.to_owned(),
                ..Section::default()
            });
        } else if let Some(info) = line.strip_prefix("```") {
            let body: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            let text = body.join("\n") + "\n";
            match info.split_once(" file=") {
                Some((_, path)) => {
                    let twice = section.files.insert(path.to_owned(), text);
                    assert_eq!(twice, None, "{path} in {}", section.title);
                }
                None if info == "cmake lines" => section.lines += &text,
                None if info == "console" => {
                    let commands = body.iter().filter_map(|line| line.strip_prefix("$ "));
                    section.commands.extend(commands.map(str::to_owned));
                }
                // These blocks show how to call a command; tables below explain the parts.
                None => assert_eq!(info, "text", "{}", section.title),
            }
        }
    }
    sections
}

/// The first lines of every project.
fn head() -> String {
    let sections = sections("cmake-tutorial.md");
    let mut lists = sections
        .iter()
        .filter_map(|s| s.files.get("CMakeLists.txt"));
    let (head, _) = lists.next().unwrap().split_once("\n\n").unwrap();
    head.to_owned() + "\n"
}

impl Section {
    fn says(&self, word: &str) -> bool {
        self.commands.iter().any(|line| line.contains(word))
    }

    /// The kernel to build for, and the name of another; the error is the reason why there is none.
    fn kernels(&self, any: &LabKernel) -> Result<(LabKernel, Option<&'static str>), String> {
        if self.lines.contains(".rs") {
            let kernel = kernel_with_rust("7.3").ok_or("it takes a kernel with Rust")?;
            return Ok((kernel, Some("6.12-rust")));
        }
        let mut names = lab::names().iter().rev();
        let other = names.find(|name| **name != any.name);
        Ok((any.clone(), other.copied()))
    }

    /// The variables that its commands read; the error is the reason why they cannot be set here.
    fn variables(
        &self,
        kernel: &LabKernel,
        other: Option<&str>,
    ) -> Result<Vec<(&'static str, PathBuf)>, String> {
        let mut variables = vec![("KDIR", kernel.kdir.clone())];
        variables.extend(kernel.rustc.clone().map(|rustc| ("KBUILD_RS_RUSTC", rustc)));
        if self.says("$OTHER_KDIR") {
            let other = lab::kernel(other.ok_or("the lab has one kernel here")?)?;
            variables.push(("OTHER_KDIR", other.kdir));
        }
        if self.says("$KDIR_ARM64") {
            if !lab::has_arm64() {
                return Err("the lab has a tree for arm64 on Debian only".into());
            }
            packages::install(&["libc6-dev-arm64-cross"])?;
            variables.push(("KDIR_ARM64", lab::arm64()?.kdir));
        }
        Ok(variables)
    }

    /// Writes the project's files.
    fn lay_out(&self, dir: &Path, head: &str) {
        write(dir, &UNSEEN);
        for (path, text) in &self.files {
            write(dir, &[(path, text)]);
        }
        if !self.lines.is_empty() {
            write(dir, &[("CMakeLists.txt", &format!("{head}{}", self.lines))]);
        }
    }
}

/// Builds the projects of a page; returns their number.
fn build(page: &str) -> usize {
    let (tools, head, any) = (Tools::of(CORNERS[0]), head(), any_kernel());
    packages::install(&["ccache", "ninja-build"]).unwrap();
    let mut projects = 0;
    for section in sections(page) {
        let about = format!("{page}: {}", section.title);
        if section.files.is_empty() && section.lines.is_empty() {
            assert_eq!(section.commands, [""; 0], "{about}");
            continue;
        }
        let found = section.kernels(&any).and_then(|(kernel, other)| {
            let variables = section.variables(&kernel, other)?;
            Ok((kernel, variables))
        });
        let (kernel, variables) = match found {
            Ok(found) => found,
            Err(why) => {
                println!("not run: {about}: {why}");
                continue;
            }
        };
        println!("{about}");
        let dir = tempfile::tempdir().unwrap();
        section.lay_out(dir.path(), &head);
        let commands = match &section.commands[..] {
            [] => &BUILD.map(str::to_owned),
            commands => commands,
        };
        for line in commands {
            let mut shell = Command::new("sh");
            shell.current_dir(dir.path()).args(["-ec", line]);
            shell.envs(variables.iter().cloned());
            if kernel.rustc.is_some() {
                set_bindgen(&mut shell, &kernel);
            }
            shell.env("CCACHE_DIR", dir.path().join("ccache"));
            built(tools.hand(&mut shell));
        }
        let made = modules(&dir.path().join("build/kbuild-out"));
        assert!(!made.is_empty(), "{about}");
        projects += 1;
    }
    projects
}

#[test]
fn every_project_in_the_tutorial_builds_with_the_commands_that_it_names() {
    assert!(build("cmake-tutorial.md") > 8);
}

#[test]
fn every_example_of_the_reference_builds() {
    assert!(build("cmake.md") > 2);
}

/// The package's names in a project: the keywords of its commands, variables in the cache,
/// properties.
fn public_names(package: &str) -> Vec<String> {
    let mut names = Vec::new();
    for call in package.split("cmake_parse_arguments(PARSE_ARGV").skip(1) {
        let arguments = call.split(')').next().unwrap();
        let words = arguments.split(|c: char| !c.is_ascii_uppercase() && c != '_');
        names.extend(words.filter(|word| word.len() > 1).map(str::to_owned));
    }
    for line in package.lines().map(str::trim) {
        let first = |start: &str| Some(line.strip_prefix(start)?.split([' ', ')']).next()?.into());
        let cached = line.contains(" CACHE ") && !line.contains(" INTERNAL ");
        names.extend(first("set(").filter(|_| cached));
        names.extend(first("option("));
        names.extend(first("find_program("));
        names.extend(first("define_property(TARGET PROPERTY "));
    }
    names
}

#[test]
fn the_reference_has_every_keyword_variable_and_property() {
    let page = fs::read_to_string(root().join("docs/cmake.md")).unwrap();
    let mut seen = 0;
    for file in files(&root().join("cmake-module")) {
        let path = root().join("cmake-module").join(&file);
        if path.is_dir() {
            continue;
        }
        for name in public_names(&fs::read_to_string(&path).unwrap()) {
            assert!(page.contains(&name), "{name} of {file}");
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
}
