//! Reads the result of a guest's script from its console.

/// The outcome of a guest's script.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The script's output (with the kernel's errors between its lines), without `\r`.
    pub text: String,
    /// The kernel's log since the script began.
    pub log: String,
    /// The script's exit code; 250 if a module of
    /// [`Guest::module_dependencies`](crate::Guest::module_dependencies) did not load.
    pub code: i32,
    /// Whether the script's exit code was 0.
    pub ok: bool,
}

/// Parses a console; `None` if the guest ended before its script did.
pub(crate) fn parse(console: &str) -> Option<Verdict> {
    let console = console.replace('\r', "");
    let (rest, verdict) = console.rsplit_once("@guest verdict ")?;
    let code: i32 = verdict.lines().next()?.trim().parse().ok()?;
    let (text, log) = rest.rsplit_once("\n@guest log\n")?;
    let (_, text) = text.split_once("@guest begin\n")?;
    Some(Verdict {
        text: text.to_owned(),
        log: log.to_owned(),
        code,
        ok: code == 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_console_is_parted_into_text_log_and_verdict() {
        let console = "\x1b[2JSeaBIOS\r\n@guest begin\r\nhello\r\n\r\n@guest log\r\n\
            [1.0] hi\r\n@guest verdict 3\r\n";
        let verdict = parse(console).unwrap();
        assert_eq!(
            (verdict.text.as_str(), verdict.log.as_str()),
            ("hello\n", "[1.0] hi\n")
        );
        assert_eq!((verdict.code, verdict.ok), (3, false));
    }

    #[test]
    fn a_console_without_a_verdict_is_none() {
        assert!(parse("@guest begin\nKernel panic - not syncing\n").is_none());
        assert!(parse("@guest begin\n\n@guest log\n@guest verdict ").is_none());
    }
}
