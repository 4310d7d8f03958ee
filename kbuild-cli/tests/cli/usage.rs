//! What the program says of a call that cannot be: about the verb that was called.

use std::process::{Command, Output};

fn run(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kbuild-rs"));
    command.args(args).output().unwrap()
}

fn words(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn ide_tells_its_own_usage_and_examples() {
    for wrong in [
        &["ide", "--all-kernels"][..],
        &["ide", "--kernel", "a", "--kernel", "b"],
        &["ide", "--bogus"],
    ] {
        let output = run(wrong);
        assert_eq!(output.status.code(), Some(2));
        let text = words(&output.stderr);
        assert!(text.contains("Usage: kbuild-rs ide [OPTIONS]"), "{text}");
        assert!(!text.contains("kbuild-rs build"), "{text}");
    }
    let help = words(&run(&["ide", "--help"]).stdout);
    assert!(help.contains("--into ~/src/project"), "{help}");
    assert!(!help.contains("kbuild-rs build"), "{help}");
}

#[test]
fn a_config_that_is_no_switch_is_told_as_a_make_variable() {
    let output = run(&["build", "--config", "FOO=4"]);
    assert_eq!(output.status.code(), Some(2));
    let text = words(&output.stderr);
    assert!(
        text.contains("--make-var CONFIG_FOO=4, for C with -D CONFIG_FOO=4"),
        "{text}"
    );
}
