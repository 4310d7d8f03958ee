//! The guides in docs/: their examples are compiled and run.
//!
//! A block is a file if its first line says so (````
//! ```rust file=build.rs ````). The files of a section form a project. A section with several `build.rs` is built with each. Blocks that are parts of one file (```` ```make
//! part=Makefile ````) are for the test that joins them.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use kbuild_tests::run;

use crate::scene::kernel_at;
use crate::support::project::{Project, root};
use crate::support::{HELLO, LIMIT};

/// Sources that the guide mentions and does not show.
const UNSEEN: &[&str] = &[
    "module/hello.c",
    "driver/one.c",
    "driver/two.c",
    "drivers/main/one.c",
    "drivers/main/two.c",
    "drivers/common/ring.c",
];

/// The guides for build scripts, each with the minimum number of its projects.
const GUIDES: [(&str, usize); 3] = [
    ("build-rs.md", 11),
    ("module-trees.md", 5),
    // The examples have the code of this guide.
    ("rust-modules.md", 0),
];

#[derive(Default)]
pub(crate) struct Section {
    pub(crate) title: String,
    pub(crate) files: BTreeMap<String, String>,
    scripts: Vec<String>,
    /// All parts of a file that is shown in parts.
    pub(crate) parts: String,
}

/// The sections of a guide.
pub(crate) fn sections(guide: &str) -> Vec<Section> {
    let text = &fs::read_to_string(root().join("docs").join(guide)).unwrap();
    let mut sections = vec![Section::default()];
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let section = sections.last_mut().unwrap();
        if let Some(title) = line.strip_prefix("## ") {
            sections.push(Section {
                title: title.to_owned(),
                ..Section::default()
            });
        } else if let Some(info) = line.strip_prefix("```") {
            let body: String = lines
                .by_ref()
                .take_while(|line| *line != "```")
                .map(|line| format!("{line}\n"))
                .collect();
            if info.contains(" part=") {
                section.parts.push_str(&body);
                continue;
            }
            match info.split_once(" file=") {
                Some((_, "build.rs")) => section.scripts.push(body),
                Some((_, path)) => {
                    let twice = section.files.insert(path.to_owned(), body);
                    assert_eq!(twice, None, "{path} in {}", section.title);
                }
                // Lines for a shell or an editor. All other blocks are files.
                None => assert!(["console", "text", "yaml"].contains(&info), "```{info}"),
            }
        }
    }
    sections
}

/// The files of a section with one of its build scripts.
fn project(section: &Section, script: Option<&String>) -> Project {
    let mut files = section.files.clone();
    for path in UNSEEN {
        files.entry((*path).to_owned()).or_insert(HELLO.to_owned());
    }
    if let Some(script) = script {
        files.insert("build.rs".into(), script.clone());
        files
            .entry("src/main.rs".into())
            .or_insert("fn main() {}\n".into());
    }
    let manifest = files.entry("Cargo.toml".into()).or_insert(
        "[package]\nname = \"hello\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
         [build-dependencies]\nkbuild-rs = \"0.1\"\n"
            .into(),
    );
    manifest.push_str("[patch.crates-io]\nkbuild-rs = { path = \"@KBUILD@\" }\n");
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(p, t)| (p.as_str(), t.as_str()))
        .collect();
    Project::new(&files)
}

/// The packages of a section that are programs.
fn programs(project: &Project) -> Vec<String> {
    ["", "user/"]
        .iter()
        .filter(|dir| project.dir.join(format!("{dir}src/main.rs")).exists())
        .map(|dir| {
            let manifest = project.dir.join(format!("{dir}Cargo.toml"));
            let text = fs::read_to_string(manifest).unwrap();
            let (_, rest) = text.split_once("name = \"").unwrap();
            rest.split('"').next().unwrap().to_owned()
        })
        .collect()
}

#[test]
fn every_project_in_the_guide_for_build_scripts_builds_and_runs() {
    builds_and_runs(GUIDES[0]);
}

#[test]
fn every_project_in_the_guide_to_module_trees_builds_and_runs() {
    builds_and_runs(GUIDES[1]);
}

#[allow(clippy::print_stdout, reason = "which project it was that failed")]
fn builds_and_runs((guide, projects): (&str, usize)) {
    let kernel = kernel_at(0);
    let mut built = 0;
    for section in sections(guide) {
        let mut scripts: Vec<_> = section.scripts.iter().map(Some).collect();
        if scripts.is_empty() && !section.files.is_empty() {
            // The packages of the section have their own scripts.
            scripts.push(None);
        }
        for script in scripts {
            println!("{}: {script:#?}", section.title);
            let project = project(&section, script);
            let outcome = project.built(&mut project.cargo_for(&kernel));
            let complaint = "warning: unused";
            assert!(!outcome.said.contains(complaint), "{}", outcome.said);
            for program in programs(&project) {
                run::checked(&mut Command::new(project.program(&program)), LIMIT).unwrap();
            }
            built += 1;
        }
    }
    assert!(built >= projects, "{built}");
}
