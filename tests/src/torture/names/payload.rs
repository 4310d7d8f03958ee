//! What is given as a name or a value.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use crate::random::Random;

/// The program that a payload would run. It is in `PATH`, and leaves a mark.
pub(super) const PROGRAM: &str = "PWNED";

/// The file that a payload would write to the folder in which it is run.
pub(super) const FILE: &str = "TORTURED";

/// Whole payloads, and parts of others.
const PARTS: &[&[u8]] = &[
    b"with blanks in it",
    b" leading",
    b"trailing ",
    b"\ttab\t",
    b"$(shell PWNED)",
    b"$(shell touch TORTURED)",
    b"${shell PWNED}",
    b"$(PWNED)",
    b"${PWNED}",
    b"$$(PWNED)",
    b"`PWNED`",
    b"`touch TORTURED`",
    b";PWNED;",
    b"|PWNED|",
    b"&PWNED&",
    b"&&PWNED",
    b"\nPWNED\n",
    b"\n\tPWNED\n",
    b"\r",
    b">TORTURED",
    b"<(PWNED)",
    b"%(PWNED)",
    b"%{lua:os.execute('PWNED')}",
    b"%s%n%d",
    b"$(eval X:=1)",
    b"$(file >TORTURED)",
    b"$@$<$^",
    b"$",
    b"hash#mark",
    b"per%cent",
    b"col:on",
    b":=",
    b"+=",
    b"=sign=",
    b"comma,(brace)",
    b"it's",
    b"say \"hello\"",
    b"'a' \"b\" `c",
    b"back\\slash\\",
    b"\\",
    b"\\n",
    b"--eval=$(shell PWNED)",
    b"-f-dash",
    b"-rf",
    b"--",
    b"-",
    b"--help",
    b"@file",
    b"@",
    b"*?[ab]{c,d}",
    b"[",
    b"{unknown}",
    b"{",
    b"<in>out!",
    b"!history",
    b"~",
    b"~root",
    b"^caret",
    b"not \xff\xfe utf-8",
    "bl\u{e5}b\u{e6}r \u{43c}\u{43e}\u{434}\u{443}\u{43b}\u{44c}".as_bytes(),
    "\u{202e}right to left\u{200b}".as_bytes(),
    b"\x1b[31mred\x1b[0m",
    b"\x01\x7f",
    b".kbuild",
    b"record",
    b"manifest",
    b"lock",
    b"stage",
    b"running",
    b"kbuild-out",
    b"Kbuild",
    b"Makefile",
    b"Module.symvers",
    b"modules.order",
    b".part",
    b"../..",
    b"../../x",
    b"./",
    b"a/../b",
    b"//",
    b"pkcs11:token=x",
    b"hello.ko",
    b"-DX=1",
    b"-I",
    b"MAKEFLAGS",
    b"CONFIG_X",
    b"0",
    b"-1",
    b"18446744073709551616",
];

/// What is given as a name or a value. It may be any bytes but NUL.
#[derive(Clone, Debug)]
pub(super) struct Payload(Vec<u8>);

impl Payload {
    pub(super) fn new(random: &mut Random) -> Payload {
        let mut bytes = Vec::new();
        match random.below(10) {
            0..=3 => bytes.extend_from_slice(random.pick::<&[u8]>(PARTS)),
            4..=7 => {
                for _ in 0..2 + random.below(3) {
                    bytes.extend_from_slice(random.pick::<&[u8]>(PARTS));
                }
            }
            8 => {
                let length = *random.pick(&[251, 252, 253, 254, 255]);
                let part = random.pick(PARTS);
                bytes = part.iter().copied().cycle().take(length).collect();
            }
            _ => {
                for _ in 0..1 + random.below(24) {
                    bytes.push(1 + random.below(255) as u8);
                }
            }
        }
        Payload(bytes)
    }

    /// As it is.
    pub(super) fn text(&self) -> OsString {
        OsString::from_vec(self.0.clone())
    }

    /// Behind some text.
    pub(super) fn after(&self, lead: &str) -> OsString {
        OsString::from_vec([lead.as_bytes(), &self.0].concat())
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// As the name of a file that ends with `end`.
    pub(super) fn file(&self, end: &str) -> OsString {
        let mut name: Vec<u8> = self
            .0
            .iter()
            .map(|b| if *b == b'/' { b'_' } else { *b })
            .collect();
        name.truncate(255 - end.len());
        name.extend_from_slice(end.as_bytes());
        if matches!(name.as_slice(), b"." | b"..") {
            name.push(b'_');
        }
        OsString::from_vec(name)
    }

    /// As a literal string of C.
    pub(super) fn c_string(&self) -> OsString {
        let mut text = b"\"".to_vec();
        for byte in &self.0 {
            match byte {
                b'"' | b'\\' => text.extend([b'\\', *byte]),
                byte => text.push(*byte),
            }
        }
        text.push(b'"');
        OsString::from_vec(text)
    }

    /// Whether a message names it: the letters and digits of one of its longer parts, which no
    /// quoting changes.
    pub(super) fn is_named(&self, message: &str) -> bool {
        // Messages on a terminal have no colours of a payload.
        let mut plain = Vec::new();
        for (number, piece) in self.0.split(|byte| *byte == b'\x1b').enumerate() {
            let end = piece
                .iter()
                .position(|byte| *byte == b'm')
                .map_or(0, |at| at + 1);
            plain.extend_from_slice(&piece[if number == 0 { 0 } else { end }..]);
            plain.push(0);
        }
        let parts = plain.split(|byte| !byte.is_ascii_alphanumeric());
        let mut parts: Vec<&[u8]> = parts.filter(|part| part.len() > 1).collect();
        parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
        // The longest one, or another long one.
        let known = parts
            .iter()
            .enumerate()
            .filter(|(number, part)| *number == 0 || part.len() > 3);
        let mut known =
            known.filter_map(|(_, part)| std::str::from_utf8(&part[..part.len().min(12)]).ok());
        parts.is_empty() || known.any(|part| message.contains(part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_a_payload_in_any_quotes() {
        let payload = Payload(b"a;$(shell PWNED)\x1b[31m".to_vec());
        assert!(payload.is_named(r#"error: "a;$(shell PWNED)\u{1b}[31m" is wrong"#));
        assert!(!payload.is_named("error: something is wrong"));
        // It has nothing that a message could contain unchanged.
        assert!(Payload(b"\xff;a;b".to_vec()).is_named("error"));
    }

    #[test]
    fn a_payload_is_the_name_of_a_file() {
        let slash = Payload(b"../..".to_vec());
        assert_eq!(slash.file(""), ".._..");
        assert_eq!(Payload(b"..".to_vec()).file(""), ".._");
        assert_eq!(Payload(vec![b'x'; 255]).file(".ko").len(), 255);
    }
}
