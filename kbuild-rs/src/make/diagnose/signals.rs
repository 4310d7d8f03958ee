//! Recognizes tools that a signal ended or that could not be started.

/// Whether a shell or make reports that a signal ended a child, or that a child could not be
/// started. Compilers quote source lines, which may hold the same words. So only a whole line
/// counts, or a line that begins like a shell's.
pub(super) fn tells_of_a_signal(line: &str) -> bool {
    const WORDS: &[&str] = &[
        "Killed",
        "Terminated",
        "Segmentation fault",
        "Bus error",
        "Illegal instruction",
        "Floating point exception",
        "Aborted",
    ];
    // dash: `Killed`; bash: `/bin/sh: line 1:  4242 Killed                  pahole -J …`.
    let of_bash = || -> Option<&str> {
        let (_, rest) = line.split_once(": line ")?;
        let (number, rest) = rest.split_once(": ")?;
        let (pid, rest) = rest.trim_start().split_once(' ')?;
        let is_number = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
        (is_number(number) && is_number(pid)).then_some(rest)
    };
    let by_shell = match of_bash() {
        Some(rest) => WORDS.iter().any(|w| rest.starts_with(w)),
        None => WORDS.contains(&line.trim_end_matches(" (core dumped)")),
    };
    // make prints `Error 137` for a shell that died of signal 9.
    let by_make = line.starts_with("make")
        && line
            .rsplit_once("Error ")
            .and_then(|(_, code)| code.trim_end_matches(" (ignored)").parse::<u32>().ok())
            .is_some_and(|code| (129..=192).contains(&code));
    // dash: `/bin/sh: 1: Cannot fork`; bash: `sh: fork: Cannot allocate memory`.
    let no_child = line.split_once("sh: ").is_some_and(|(shell, what)| {
        let goes_on = what.starts_with("fork: retry: ") || shell.contains(' ');
        !goes_on && (what.ends_with(": Cannot fork") || what.starts_with("fork: "))
    });
    by_shell
        || by_make
        || no_child
        || line.contains("signal terminated program")
        || line.contains(super::super::probes::DIED)
}
