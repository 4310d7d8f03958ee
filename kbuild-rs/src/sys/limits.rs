//! Limits of this process, which the operating system's errors do not name.

use std::io;

use rustix::io::Errno;

use crate::sys;

/// Names the limit that caused an error, and the remedy, as the end of a sentence:
/// `; the limit of open files (ulimit -n) is 16: raise it`. `None` for errors that no limit causes.
///
/// The system reports a lack of processes and a lack of memory in the same way when a child cannot
/// start. If both limits are set, both are named.
pub fn limit_behind(error: &io::Error) -> Option<String> {
    // A failed allocation in this process has no error number.
    let number = match error.kind() {
        io::ErrorKind::OutOfMemory => Errno::NOMEM,
        _ => Errno::from_io_error(error)?,
    };
    let limits = match number {
        Errno::MFILE => vec![open_files()],
        Errno::NFILE => {
            return Some(
                "; the whole machine has too many open files: stop a program, or raise the sysctl \
                 fs.file-max"
                    .to_owned(),
            );
        }
        Errno::TOOBIG => {
            return Some(
                "; one argument or variable may have 128 KiB, and all together a quarter of the \
                 stack (ulimit -s): pass fewer or shorter ones"
                    .to_owned(),
            );
        }
        Errno::FBIG => return Some(format!("; {}: raise it", file_size()?)),
        Errno::AGAIN => vec![processes(), memory()],
        Errno::NOMEM => vec![memory()],
        _ => return None,
    };
    let limits: Vec<_> = limits.into_iter().flatten().collect();
    Some(match (limits.is_empty(), number) {
        (false, _) => format!("; {}: raise it", limits.join(", and ")),
        (true, Errno::MFILE) => String::new(),
        (true, Errno::AGAIN) => {
            "; the control group or the machine cannot start more processes: stop a program, or \
             raise the limit"
                .to_owned()
        }
        (true, _) => "; the machine is out of memory: stop a program, or run fewer jobs".to_owned(),
    })
}

/// The same for a line of a tool that reached a limit. Such a line begins with the tool's name and
/// ends with the system's words. A source line that a compiler quotes goes on behind those words.
pub(crate) fn explain(line: &str) -> Option<String> {
    let line = line.trim_end().trim_end_matches("  Stop.");
    let line = line.trim_end_matches('.');
    let ends = |words: &str| line.ends_with(words);
    // The system uses the same words for locks and for files that do not wait.
    let has = |words: &[&str]| words.iter().any(|words| line.contains(words));
    let of_make = line.starts_with("make") && !has(&["write error", "jobs pipe", "jobserver"]);
    let of_process = of_make || has(&["fork", "exec", "spawn", "thread"]);
    let number = match () {
        () if ends("Too many open files") => Errno::MFILE,
        () if ends("Argument list too long") => Errno::TOOBIG,
        () if ends("Cannot fork") => Errno::AGAIN,
        () if ends("Resource temporarily unavailable") && of_process => Errno::AGAIN,
        () if ends("Cannot allocate memory") || ends("memory exhausted") => Errno::NOMEM,
        () if line.contains(": out of memory allocating ") => Errno::NOMEM,
        () if ends("failed to map segment from shared object") => Errno::NOMEM,
        // gcc says this if the compiler had no memory to start with, but also in other cases.
        () if ends("signal terminated program cc1") && memory().is_some() => Errno::NOMEM,
        () => return None,
    };
    let limit = limit_behind(&io::Error::from(number))?;
    let limit = limit.trim_start_matches("; ");
    (!limit.is_empty()).then(|| limit.to_owned())
}

/// Whether a thread would have the memory to start with. In a thread that lacks it, std panics,
/// which ends the process.
pub(crate) fn has_room_for_a_thread() -> bool {
    Vec::<u8>::new().try_reserve_exact(8 << 20).is_ok()
}

fn open_files() -> Option<String> {
    let files = sys::soft_limit(sys::Limit::OpenFiles)?;
    Some(format!("the limit of open files (ulimit -n) is {files}"))
}

fn processes() -> Option<String> {
    let processes = sys::soft_limit(sys::Limit::Processes)?;
    Some(format!(
        "the limit of processes and threads of one user (ulimit -u) is {processes}"
    ))
}

fn memory() -> Option<String> {
    let kibibytes = sys::soft_limit(sys::Limit::Memory)? / 1024;
    Some(format!(
        "the limit of memory (ulimit -v) is {kibibytes} KiB"
    ))
}

fn file_size() -> Option<String> {
    let kibibytes = sys::soft_limit(sys::Limit::FileSize)? / 1024;
    Some(format!(
        "the limit of file sizes (ulimit -f) is {kibibytes} KiB"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn behind(number: Errno) -> Option<String> {
        limit_behind(&io::Error::from(number))
    }

    #[test]
    fn an_error_names_the_limit_that_was_reached() {
        let files = sys::soft_limit(sys::Limit::OpenFiles).unwrap();
        let text = behind(Errno::MFILE).unwrap();
        assert_eq!(
            text,
            format!("; the limit of open files (ulimit -n) is {files}: raise it")
        );
        assert!(behind(Errno::NFILE).unwrap().contains("fs.file-max"));
        assert!(behind(Errno::TOOBIG).unwrap().contains("ulimit -s"));
        // Each of them always gets a message.
        for number in [Errno::AGAIN, Errno::NOMEM] {
            assert!(behind(number).unwrap().len() > 10);
        }
        let ours = limit_behind(&io::ErrorKind::OutOfMemory.into());
        assert_eq!(ours, behind(Errno::NOMEM));
        assert_eq!(behind(Errno::NOENT), None);
        assert_eq!(limit_behind(&io::Error::other("no number")), None);
    }

    #[test]
    fn a_tools_words_are_explained_and_those_of_a_source_are_not() {
        for line in [
            "x.h:1:2: fatal error: y.h: Too many open files",
            "/bin/sh: 1: Cannot fork",
            "make[2]: *** fork: Resource temporarily unavailable.  Stop.",
            "make[1]: vfork: Resource temporarily unavailable",
            "make: /bin/sh: Resource temporarily unavailable",
            "cc1: out of memory allocating 65536 bytes after a total of 1 bytes",
            "virtual memory exhausted: Cannot allocate memory",
            "as: memory exhausted",
            "gcc: fatal error: cannot execute 'cc1': execv: Argument list too long",
        ] {
            assert!(explain(line).is_some(), "{line}");
        }
        for line in [
            "x.c:1:2: error: no",
            "make: write error: stdout: Resource temporarily unavailable",
            "make: *** read jobs pipe: Resource temporarily unavailable.  Stop.",
            "    7 |  pr_err(\"Too many open files\");",
            "",
        ] {
            assert_eq!(explain(line), None, "{line}");
        }
    }
}
