//! The file that holds a recording.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::name_check::{Form, NameCheck};
use super::recording::{FileState, RecordedMake, Recording, Value};
use crate::make::lines::Stream;
use crate::syntax::{escape, unescape};
use crate::sys::{Hash, Identity};

const HEADER: &[u8] = b"kbuild-rs first phase 2";

impl Recording {
    pub(crate) fn write(&self) -> Vec<u8> {
        let mut text = HEADER.to_vec();
        let mut line = |tag: u8, words: &[&[u8]]| {
            text.extend_from_slice(&[b'\n', tag]);
            for word in words {
                text.push(b' ');
                escape(Path::new(OsStr::from_bytes(word)), &mut text);
            }
        };
        for state in &self.files {
            let hash = |hash: &u64| format!("{hash:x}").into_bytes();
            let path = |path: &PathBuf| path.as_os_str().as_bytes().to_vec();
            match state {
                FileState::File(file, id) => {
                    let mut text = String::new();
                    id.write(&mut text);
                    line(b'f', &[text.as_bytes(), &path(file)]);
                }
                FileState::Names(folder, of) => line(b'n', &[&hash(of), &path(folder)]),
                FileState::Files(folder, of) => line(b'd', &[&hash(of), &path(folder)]),
                FileState::Program(name, place) => {
                    let place = place.as_ref().map(path).unwrap_or_default();
                    line(b'p', &[name.as_bytes(), &place]);
                }
            }
        }
        for makefile in &self.makefiles {
            line(b'k', &[makefile.as_os_str().as_bytes()]);
        }
        for (stream, said) in &self.said {
            let tag = if *stream == Stream::Output {
                b'o'
            } else {
                b's'
            };
            line(tag, &[said]);
        }
        if let Some(check) = &self.checks_names {
            line(b'c', &[form_word(check.form)]);
            check.failing.iter().for_each(|text| line(b'l', &[text]));
        }
        let mut last: &[(OsString, Value)] = &[];
        for make in &self.makes {
            line(b'w', &[&make.cwd]);
            make.args.iter().for_each(|arg| line(b'a', &[arg]));
            make.failing.iter().for_each(|text| line(b'l', &[text]));
            // All of them have nearly the same environment.
            let names = |env: &[(OsString, Value)], name| env.iter().any(|(n, _)| n == name);
            for (name, _) in last.iter().filter(|(name, _)| !names(&make.env, name)) {
                line(b'u', &[name.as_bytes()]);
            }
            for (name, value) in make.env.iter().filter(|own| !last.contains(own)) {
                match value {
                    Value::Given => line(b'g', &[name.as_bytes()]),
                    Value::Text(text) => line(b'e', &[name.as_bytes(), text]),
                }
            }
            last = &make.env;
        }
        let hash = checksum(&text);
        text.extend_from_slice(format!("\n. {hash:x}").as_bytes());
        text
    }

    /// Reads a recording; `None` for a damaged one, or one of another version.
    pub(crate) fn parse(text: &[u8]) -> Option<Recording> {
        let end = text.windows(3).rposition(|at| at == b"\n. ")?;
        let hash = std::str::from_utf8(&text[end + 3..]).ok()?;
        let text = &text[..end];
        if u64::from_str_radix(hash, 16).ok()? != checksum(text) {
            return None;
        }
        let mut lines = text.split(|&b| b == b'\n');
        if lines.next() != Some(HEADER) {
            return None;
        }
        let mut recording = Recording {
            files: Vec::new(),
            makefiles: Vec::new(),
            said: Vec::new(),
            checks_names: None,
            makes: Vec::new(),
        };
        for line in lines {
            recording.add(line)?;
        }
        for make in &mut recording.makes {
            make.env.sort_by(|a, b| a.0.cmp(&b.0));
        }
        Some(recording)
    }

    fn add(&mut self, line: &[u8]) -> Option<()> {
        let mut words = line.split(|&b| b == b' ');
        let tag = words.next()?;
        let mut word = || unescape(words.next()?).map(PathBuf::into_os_string);
        match tag {
            b"f" => {
                let id = word()?.into_string().ok()?;
                let id = Identity::parse(&mut id.split(' '))?;
                self.files.push(FileState::File(word()?.into(), id));
            }
            b"n" | b"d" => {
                let hash = u64::from_str_radix(word()?.to_str()?, 16).ok()?;
                let folder = word()?.into();
                self.files.push(match tag {
                    b"n" => FileState::Names(folder, hash),
                    _ => FileState::Files(folder, hash),
                });
            }
            b"p" => {
                let (name, place) = (word()?.into_string().ok()?, word()?);
                let place = Some(PathBuf::from(place)).filter(|p| !p.as_os_str().is_empty());
                self.files.push(FileState::Program(name, place));
            }
            b"k" => self.makefiles.push(word()?.into()),
            b"o" => self.said.push((Stream::Output, bytes(word()?))),
            b"s" => self.said.push((Stream::Error, bytes(word()?))),
            b"c" => {
                let word = word()?;
                let mut forms = Form::ALL.into_iter().map(|(form, _)| form);
                self.checks_names = Some(NameCheck {
                    form: forms.find(|form| form_word(*form) == word.as_bytes())?,
                    failing: Vec::new(),
                });
            }
            b"l" if self.makes.is_empty() => {
                let check = self.checks_names.as_mut()?;
                check.failing.push(bytes(word()?));
            }
            b"w" => self.makes.push(RecordedMake {
                cwd: bytes(word()?),
                args: Vec::new(),
                failing: Vec::new(),
                env: self.makes.last().map_or_else(Vec::new, |l| l.env.clone()),
            }),
            _ => {
                let make = self.makes.last_mut()?;
                let first = word()?;
                match tag {
                    b"a" => make.args.push(bytes(first)),
                    b"l" => make.failing.push(bytes(first)),
                    b"u" => make.env.retain(|(name, _)| *name != first),
                    b"g" => set(make, first, Value::Given),
                    b"e" => set(make, first, Value::Text(bytes(word()?))),
                    _ => return None,
                }
            }
        }
        Some(())
    }
}

fn form_word(form: Form) -> &'static [u8] {
    match form {
        Form::Modules => b"modules",
        Form::Objects => b"objects",
    }
}

fn set(make: &mut RecordedMake, name: OsString, value: Value) {
    make.env.retain(|(known, _)| *known != name);
    make.env.push((name, value));
}

fn bytes(text: OsString) -> Vec<u8> {
    text.as_bytes().to_vec()
}

fn checksum(text: &[u8]) -> u64 {
    let mut hash = Hash::new();
    hash.add(text);
    hash.value()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Root;

    fn recording() -> Recording {
        let root = Root::new();
        let file = root.write("a b", "");
        let env = |pairs: &[(&str, Option<&str>)]| {
            let value = |v: &Option<&str>| match v {
                Some(text) => Value::Text(text.as_bytes().to_vec()),
                None => Value::Given,
            };
            let pairs = pairs.iter().map(|(n, v)| (OsString::from(n), value(v)));
            pairs.collect::<Vec<_>>()
        };
        let make = |args: &[&str], env| RecordedMake {
            cwd: b"\0M\0/x".to_vec(),
            args: args.iter().map(|a| a.as_bytes().to_vec()).collect(),
            env,
            failing: vec![b"make: *** [Makefile:7: \0M\0] Error ".to_vec()],
        };
        Recording {
            files: vec![
                FileState::File(file.clone(), Identity::of(&file).unwrap()),
                FileState::Names("/k".into(), 7),
                FileState::Files("/k/scripts".into(), u64::MAX),
                FileState::Program("pahole".into(), None),
                FileState::Program("gcc".into(), Some("/usr/bin/gcc".into())),
            ],
            makefiles: vec!["/k/Makefile".into()],
            said: vec![
                (Stream::Error, b"warning: the compiler differs".to_vec()),
                (Stream::Output, b"x%\n".to_vec()),
            ],
            checks_names: Some(NameCheck {
                form: Form::Objects,
                failing: vec![b"make: *** [Makefile:8: modules_check] Error ".to_vec()],
            }),
            makes: vec![
                make(
                    &["-f", "a", ""],
                    env(&[("A", Some("1")), ("B", None), ("C", Some(""))]),
                ),
                make(&[], env(&[("A", Some("2\n")), ("C", Some(""))])),
                make(&["-f"], env(&[("A", None), ("C", Some("")), ("D", None)])),
            ],
        }
    }

    #[test]
    fn a_memory_comes_back_as_it_was() {
        let recording = recording();
        assert_eq!(Recording::parse(&recording.write()), Some(recording));
    }

    #[test]
    fn a_damaged_memory_is_not_read() {
        let text = recording().write();
        for at in 0..text.len() {
            let mut damaged = text.clone();
            damaged[at] ^= 1;
            assert_eq!(Recording::parse(&damaged), None, "byte {at}");
            assert_eq!(Recording::parse(&text[..at]), None, "cut at {at}");
        }
    }
}
