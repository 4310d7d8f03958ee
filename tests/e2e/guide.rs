//! docs/build-rs.md: what it shows is compiled and run.
//!
//! A block is a file when its first line says so (```` ```rust file=build.rs ````). The files of a
//! section make up a project; one that shows several `build.rs` is built with each.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use kbuild_tests::run;

use crate::support::project::{Project, any_kernel, root};
use crate::support::{HELLO, LIMIT};

/// Sources that the guide speaks of and does not show.
const UNSEEN: &[&str] = &[
    "module/hello.c",
    "driver/one.c",
    "driver/two.c",
    "drivers/main/one.c",
    "drivers/main/two.c",
];

#[derive(Default)]
struct Section {
    title: String,
    files: BTreeMap<String, String>,
    scripts: Vec<String>,
}

fn sections(text: &str) -> Vec<Section> {
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
            match info.split_once(" file=") {
                Some((_, "build.rs")) => section.scripts.push(body),
                Some((_, path)) => {
                    let twice = section.files.insert(path.to_owned(), body);
                    assert_eq!(twice, None, "{path} in {}", section.title);
                }
                // Lines for a shell and for an editor; all else is a file.
                None => assert!(["console", "yaml"].contains(&info), "```{info}"),
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
    let text = fs::read_to_string(root().join("docs/build-rs.md")).unwrap();
    let kernel = any_kernel();
    let mut built = 0;
    for section in sections(&text) {
        let mut scripts: Vec<_> = section.scripts.iter().map(Some).collect();
        if scripts.is_empty() && !section.files.is_empty() {
            // Its packages have scripts of their own.
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
    assert!(built >= 12, "{built}");
}

#[test]
fn every_link_in_the_guide_leads_somewhere() {
    let text = fs::read_to_string(root().join("docs/build-rs.md")).unwrap();
    let mut links = 0;
    for part in text.split("](").skip(1) {
        let target = part.split(')').next().unwrap();
        assert!(root().join("docs").join(target).exists(), "{target}");
        links += 1;
    }
    assert!(links > 3);
}
