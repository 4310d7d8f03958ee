//! `info` of files that are not modules.

use std::ffi::OsStr;
use std::fs;

use tempfile::TempDir;

use crate::support::{run, stderr};

#[test]
fn info_refuses_a_file_that_is_not_a_module() {
    let dir = TempDir::new().unwrap();
    let text = dir.path().join("notes.ko");
    fs::write(&text, "not an ELF file").unwrap();
    let output = run([OsStr::new("info"), text.as_os_str()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("notes.ko"), "{}", stderr(&output));

    let missing = dir.path().join("missing.ko");
    let output = run([OsStr::new("info"), missing.as_os_str()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("missing.ko"));
}

#[test]
fn info_on_a_folder_without_modules_says_so() {
    let dir = TempDir::new().unwrap();
    let output = run([OsStr::new("info"), dir.path().as_os_str()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("contains no module (.ko)"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn info_shows_what_a_kbuild_toml_states_and_where_it_is_wrong() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("kbuild.toml");
    let info = || {
        let args = ["info", "--kernel", "/no/such/kernel"].map(OsStr::new);
        run(args.into_iter().chain([dir.path().as_os_str()]))
    };
    fs::write(
        &file,
        "[requires]\nkernel = '>=5.10'\nconfig = '~!NET: never tried'\n",
    )
    .unwrap();
    let output = info();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stdout).unwrap();
    let (first, second) = said.split_once("\n  wants       ").unwrap();
    assert!(first.contains("  requires    kernel >=5.10 ("), "{said}");
    assert!(second.starts_with("!CONFIG_NET ("), "{said}");
    assert!(second.contains("kbuild.toml:3): never tried"), "{said}");

    fs::write(&file, "[requires]\n\nkernels = '>=5.10'\n").unwrap();
    let output = info();
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(
        said.contains("kbuild.toml:3: unknown key `kernels`"),
        "{said}"
    );
}
