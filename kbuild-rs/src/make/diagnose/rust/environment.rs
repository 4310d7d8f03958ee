//! Environment variables that rustc does not get.

use crate::make::diagnose::rules::{Explains, Rule, example};

pub(in crate::make::diagnose) static RULES: &[Rule] = &[Rule {
    name: "rust-environment-variable",
    explains: Explains::Message(
        |message| {
            let rest = message.text.strip_prefix("environment variable `")?;
            let name = rest.strip_suffix("` not defined at compile time")?;
            Some(name.to_owned())
        },
        |_, name, _| {
            let reason = match name.starts_with("CARGO") {
                true => "kbuild runs rustc, and Cargo's variables are not set there",
                false => "kbuild-rs passes only a few environment variables to make and rustc",
            };
            format!(
                "{reason}. Give {name} to rustc. In build.rs:\n    .env(\"{name}\", \
                 std::env::var(\"{name}\").unwrap())\nOn the command line:\n    --env \
                 {name}=VALUE\nIn CMake:\n    ENVIRONMENT {name}=VALUE\nIn Meson:\n    env: \
                 '{name}=VALUE\'"
            )
        },
    ),
    examples: (
        example(
            "error: environment variable `MY_VERSION` not defined at compile time",
            &[
                "kbuild-rs passes only a few environment variables to make and rustc. Give \
                 MY_VERSION",
                "\n    --env MY_VERSION=VALUE\n",
            ],
        ),
        &[example(
            "error: environment variable `CARGO_PKG_VERSION` not defined at compile time\n --> \
             /s/a.rs:4:5",
            &[
                "kbuild runs rustc, and Cargo's variables are not set there",
                "--env CARGO_PKG_VERSION=VALUE",
            ],
        )],
    ),
}];
