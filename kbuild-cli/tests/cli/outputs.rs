//! `clean` and `compile-commands`: verbs on the outputs of builds.

use std::fs;

use tempfile::TempDir;

use crate::support::{program, run, stderr};

#[test]
fn clean_succeeds_if_nothing_was_built() {
    let dir = TempDir::new().unwrap();
    let output = program()
        .current_dir(dir.path())
        .arg("clean")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(stderr(&output).contains("nothing to remove in kbuild-out"));
}

#[test]
fn compile_commands_of_modules_get_among_those_of_a_project() {
    let dir = TempDir::new().unwrap();
    let file = |name: &str| dir.path().join(name).into_os_string();
    let modules = r#"{"directory":"/k","file":"/m.c","arguments":["cc"]}"#;
    let projects = r#"{"directory":"/b","file":"/p.c","command":"cc"}"#;
    fs::write(dir.path().join("modules"), format!("[{modules}]")).unwrap();
    fs::write(dir.path().join("all"), format!("[{projects}]")).unwrap();
    let arguments = [
        "compile-commands".into(),
        file("modules"),
        "--into".into(),
        file("all"),
        "--record".into(),
        file("record"),
    ];
    assert_eq!(run(&arguments).status.code(), Some(0));
    let all = || fs::read_to_string(dir.path().join("all")).unwrap();
    assert_eq!(all(), format!("[\n{projects},\n{modules}\n]\n"));
    fs::write(dir.path().join("all"), "no list").unwrap();
    let output = run(&arguments);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.contains("is not a list of compile commands"), "{said}");
    assert_eq!(all(), "no list");
}
