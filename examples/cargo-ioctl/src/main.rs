//! Loads a module with a character device, has it add numbers up, and checks what it says.
//!
//!     cargo-ioctl [NUMBER]…      (without any: 3 39)
//!
//! The numbers of the ioctls and the layout of their arguments come out of `module/counter.h`,
//! the header that the module itself is compiled with.

mod counter;

use std::process::ExitCode;

use counter::Counter;

const MODULE: &[u8] = include_bytes!(env!("COUNTER_KO"));

fn main() -> ExitCode {
    let numbers: Vec<String> = std::env::args().skip(1).collect();
    match parse(&numbers).and_then(|numbers| run(&numbers)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cargo-ioctl: {error}");
            ExitCode::FAILURE
        }
    }
}

fn parse(words: &[String]) -> Result<Vec<u32>, String> {
    if words.is_empty() {
        return Ok(vec![3, 39]);
    }
    let number = |word: &String| {
        word.parse()
            .map_err(|_| format!("`{word}` is not a number (usage: cargo-ioctl [NUMBER]…)"))
    };
    words.iter().map(number).collect()
}

fn run(numbers: &[u32]) -> Result<(), String> {
    let module = load_module::load(c"counter", MODULE, "")?;
    let answer = add_up(numbers);
    module.unload()?;
    answer
}

fn add_up(numbers: &[u32]) -> Result<(), String> {
    let counter = Counter::open()?;
    counter.reset()?;
    for number in numbers {
        counter.add(*number)?;
    }
    let state = counter.state()?;
    println!(
        "{} numbers, the largest is {}, together {}",
        state.calls, state.largest, state.total
    );
    let expected: u64 = numbers.iter().copied().map(u64::from).sum();
    if state.total != expected {
        return Err(format!("the device says {}, not {expected}", state.total));
    }
    Ok(())
}
