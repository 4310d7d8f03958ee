//! The project's own commands: `cargo xtask demo|test|lab|bench`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a terminal program: what it prints is what it is for"
)]

mod bench;
mod demo;
mod exec;
mod keeper;
mod lab;
mod outcome;
mod test;

use std::process::ExitCode;

/// What every command returns: the error is a message for a person.
type Result<T> = std::result::Result<T, String>;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  demo [KERNEL]            build a module from Cargo, boot a kernel in QEMU, load it, remove it
                           (KERNEL: one of the lab's, as `lab list` names them)
  test [--full] [STEP]...  everything, or some of: format clippy doc lab tests
                           (--full: on every kernel what one is enough for otherwise)
  lab [list]               the kernels that the tests run on, and what they take on disk
  lab make [--full] [KERNEL]...
                           get them (all of the default run, when none is named)
  lab remove NAME...       remove what `lab list` names
  bench [--runs N] [ROW]...
                           speed and memory against what people use today, or some of:
                           build rust staging corpus library jobs cmake meson
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.split_first() {
        Some((&keeper::WORKER, rest)) => {
            keeper::end_when_told();
            let code = work(rest);
            keeper::wait_for_the_end();
            code
        }
        Some((&keeper::WITH_PARENT, rest)) => {
            eprintln!("error: {}", keeper::with_parent(rest));
            ExitCode::FAILURE
        }
        _ => keeper::keep(&arguments).unwrap_or_else(|error| {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }),
    }
}

fn work(arguments: &[&str]) -> ExitCode {
    let done = match arguments.split_first() {
        Some((&"demo", rest)) => demo::run(rest),
        Some((&"test", rest)) => test::run(rest),
        Some((&"lab", rest)) => lab::run(rest),
        Some((&"bench", rest)) => bench::run(rest),
        Some((&("help" | "-h" | "--help"), _)) => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Some((other, _)) => return wrong_call(&format!("there is no command `{other}`")),
        None => return wrong_call("which command?"),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error}");
            ExitCode::FAILURE
        }
    }
}

fn wrong_call(problem: &str) -> ExitCode {
    eprint!("error: {problem}\n\n{USAGE}");
    ExitCode::from(2)
}
