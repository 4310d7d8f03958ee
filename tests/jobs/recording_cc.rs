//! A compiler for C or Rust in front of the real one. Before it compiles a part of a module, it
//! reports to the test and waits until the test releases it. The test notices its end in any case.
//!
//! kbuild-rs and make do not pass on the environment, so its settings are in files beside it.

use std::ffi::OsString;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

fn main() -> std::io::Result<ExitCode> {
    let mut arguments = std::env::args_os();
    let own = arguments.next().unwrap_or_default();
    let own = Path::new(&own);
    let home = own.parent().unwrap_or(Path::new("."));
    let arguments: Vec<_> = arguments.collect();
    let mut real = Command::new(fs::read_to_string(own.with_extension("real"))?);
    real.args(&arguments);
    if !is_part(&arguments) {
        return Err(real.exec());
    }
    let open = open_descriptors()?;
    // The real compiler replaces this process, so the test notices its end too.
    let mut meeting = UnixStream::connect(home.join("meeting"))?;
    writeln!(meeting, "{}", open.join("\t"))?;
    meeting.read_exact(&mut [0])?;
    let code = real.status()?.code().unwrap_or(1);
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

/// Whether the command compiles a part of a module: `part7.o`.
fn is_part(arguments: &[OsString]) -> bool {
    let words = || arguments.iter().filter_map(|word| word.to_str());
    let of_c = words().skip_while(|word| *word != "-o").nth(1);
    let of_c = of_c.filter(|_| words().any(|word| word == "-c"));
    let of_rust = words().find_map(|word| word.strip_prefix("--emit=obj="));
    let name = of_c.or(of_rust).and_then(|path| path.rsplit('/').next());
    name.is_some_and(|name| name.starts_with("part") && name.ends_with(".o"))
}

/// The open descriptors, without the three standard streams: `NUMBER=WHAT`.
fn open_descriptors() -> std::io::Result<Vec<String>> {
    let entries = fs::read_dir("/proc/self/fd")?.flatten();
    let numbers: Vec<_> = entries.map(|entry| entry.file_name()).collect();
    let mut open = Vec::new();
    for number in numbers {
        let number = number.to_string_lossy();
        // The descriptor that read the folder is closed again.
        if let Ok(what) = fs::read_link(format!("/proc/self/fd/{number}")) {
            if !["0", "1", "2"].contains(&&*number) {
                open.push(format!("{number}={}", what.display()));
            }
        }
    }
    Ok(open)
}
