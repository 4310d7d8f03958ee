//! The lines that a child writes to its standard output and to its standard error.
//!
//! Each stream has a pipe of its own, because only the stream tells a complaint of a Makefile's
//! command (`$(shell …)`) from other output.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::time::Duration;

use crate::sys;

/// The stream that a child wrote a line to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Output,
    Error,
}

/// The next event of a child's streams.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Line(String, Stream),
    Silence,
    End,
}

/// Reads both streams of a child without a thread. If no thread can be started, nobody would read a
/// running make.
///
/// A line on standard error comes after everything that was written to standard output before it,
/// so that a compiler's message stays behind the step that it belongs to.
pub(super) struct Lines {
    output: Pipe,
    error: Pipe,
}

impl Lines {
    pub(super) fn of(output: File, error: File) -> Lines {
        Lines {
            output: Pipe::of(output),
            error: Pipe::of(error),
        }
    }

    pub(super) fn next(&mut self, patience: Duration) -> Next {
        loop {
            if let Some(line) = self.output.line() {
                return Next::Line(line, Stream::Output);
            }
            if let Some(line) = self.error.line() {
                return Next::Line(line, Stream::Error);
            }
            let open = self.output.open().into_iter().chain(self.error.open());
            let open: Vec<&File> = open.collect();
            if open.is_empty() {
                return Next::End;
            }
            if !sys::wait_for_input(&open, patience) {
                return Next::Silence;
            }
            // The order matters: text that is already in the first pipe was written before the text
            // in the second, or at the same time.
            let of_error = self.error.waiting();
            let of_output = self.output.waiting();
            self.output.read(of_output);
            self.error.read(of_error);
        }
    }
}

/// One end of a pipe, with the text that was read and not returned yet.
struct Pipe {
    file: File,
    text: Vec<u8>,
    /// The text before this position has no line break.
    searched: usize,
    ended: bool,
}

impl Pipe {
    fn of(file: File) -> Pipe {
        Pipe {
            file,
            text: Vec::new(),
            searched: 0,
            ended: false,
        }
    }

    fn open(&self) -> Option<&File> {
        (!self.ended).then_some(&self.file)
    }

    /// The number of bytes that can be read without waiting; `None` if nothing can be read and the
    /// pipe has not ended.
    fn waiting(&self) -> Option<usize> {
        let file = self.open()?;
        let is_ready = sys::wait_for_input(&[file], Duration::ZERO);
        is_ready.then(|| sys::waiting_bytes(file))
    }

    /// Reads so many bytes; zero means the end.
    fn read(&mut self, waiting: Option<usize>) {
        let Some(mut wanted) = waiting else { return };
        let mut bytes = [0; 1 << 13];
        loop {
            let most = wanted.clamp(1, bytes.len());
            match self.file.read(&mut bytes[..most]) {
                Ok(read @ 1..) => {
                    self.text.extend_from_slice(&bytes[..read]);
                    wanted = wanted.saturating_sub(read);
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => {
                    self.ended = true;
                    return;
                }
            }
            if wanted == 0 {
                return;
            }
        }
    }

    /// The next whole line; at the end, the rest.
    fn line(&mut self) -> Option<String> {
        let end = self.text[self.searched..].iter().position(|b| *b == b'\n');
        let length = match end {
            Some(at) => self.searched + at + 1,
            None if self.ended && !self.text.is_empty() => self.text.len(),
            None => {
                self.searched = self.text.len();
                return None;
            }
        };
        self.searched = 0;
        let line: Vec<u8> = self.text.drain(..length).collect();
        let line = String::from_utf8_lossy(&line);
        Some(line.trim_end_matches(['\n', '\r']).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn lines() -> (Lines, File, File) {
        let (output, to_output) = sys::pipe().unwrap();
        let (error, to_error) = sys::pipe().unwrap();
        (Lines::of(output, error), to_output, to_error)
    }

    fn next(lines: &mut Lines) -> String {
        match lines.next(Duration::from_millis(1)) {
            Next::Line(line, Stream::Output) => line,
            Next::Line(line, Stream::Error) => format!("error: {line}"),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn lines_come_as_they_are_written_and_the_last_one_needs_no_end() {
        let (mut lines, mut write, error) = lines();
        drop(error);
        let mut next = || next(&mut lines);
        write.write_all(b"one\r\ntwo\n\nth").unwrap();
        assert_eq!([next(), next(), next()], ["one", "two", ""]);
        assert_eq!(next(), "Silence");
        write.write_all(b"ree\nfour \xff").unwrap();
        assert_eq!([next(), next()], ["three", "Silence"]);
        drop(write);
        assert_eq!([next(), next(), next()], ["four \u{fffd}", "End", "End"]);
    }

    #[test]
    fn a_line_of_standard_error_follows_the_lines_that_were_written_before_it() {
        let (mut lines, mut output, mut error) = lines();
        let mut next = || next(&mut lines);
        output.write_all(b"step\n").unwrap();
        error.write_all(b"message\nits se").unwrap();
        assert_eq!(next(), "step");
        output.write_all(b"step 2\n").unwrap();
        error.write_all(b"cond line\n").unwrap();
        drop(output);
        assert_eq!([next(), next()], ["error: message", "step 2"]);
        drop(error);
        assert_eq!([next(), next()], ["error: its second line", "End"]);
    }

    #[test]
    fn more_than_a_pipe_holds_comes_whole() {
        let (mut lines, mut output, error) = lines();
        drop(error);
        let text = "x".repeat(300_000);
        let written = text.clone();
        let writer = std::thread::spawn(move || output.write_all(written.as_bytes()).unwrap());
        let line = loop {
            match lines.next(Duration::from_secs(5)) {
                Next::Line(line, _) => break line,
                Next::Silence => {}
                Next::End => panic!("nothing came"),
            }
        };
        writer.join().unwrap();
        assert_eq!(line, text);
    }
}
