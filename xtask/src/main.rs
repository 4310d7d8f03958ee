//! The project's own commands: `cargo xtask demo|test|lab|bench|torture|fuzz`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "printing is the purpose of a terminal program"
)]

mod bench;
mod demo;
mod deny;
mod exec;
mod fuzz;
mod keeper;
mod lab;
mod outcome;
mod test;
mod torture;

use std::process::ExitCode;

/// The result of every command. The error is a message for people.
type Result<T> = std::result::Result<T, String>;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  demo [KERNEL]            build a module from Cargo, boot a kernel in QEMU, load it, remove it
                           (KERNEL: a name that `lab list` prints)
  test [--full] [STEP]...  everything, or some of: format clippy doc lab tests
                           (--full: run every test on every kernel)
  lab [list]               list the kernels that the tests run on, and their size on disk
  lab make [--full] [KERNEL]...
                           fetch kernels (default: all that a default test run needs)
  lab remove NAME...       remove kernels that `lab list` prints
  bench [--runs N] [ROW]...
                           compare speed and memory with today's tools; all, or some of:
                           build rust staging corpus library jobs cmake meson install sandbox
                           shortcut
  torture [KIND]... [--minutes N] [--seed S] [--attempt N]
                           give the program random input, kills and shortage of all kinds
                           (N minutes in all, default 10; --attempt: repeat one attempt)
  fuzz [TARGET]... [--minutes N]
                           fuzz the library's readers (default: all, 10 minutes each); needs the
                           nightly compiler and cargo-fuzz
  fuzz corpus              write the inputs that the lab gives, and no more
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
        Some((&"fuzz", rest)) => fuzz::run(rest),
        Some((&"torture", rest)) => torture::run(rest),
        Some((&("help" | "-h" | "--help"), _)) => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Some((other, _)) => return wrong_call(&format!("there is no command `{other}`")),
        None => return wrong_call("no command was given"),
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
