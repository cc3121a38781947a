//! The text of a file: its encoding recognised, its lines found, and the same text encoded again.
//!
//! Files are UTF-8, with or without a byte order mark, or UTF-16 with one. Lines end with a line feed, perhaps after
//! carriage returns, or, in files of classic Mac programs, with a carriage return alone. **Nothing else** ends a line:
//! U+0085, U+2028 and the no-break space do occur inside tokens of real corpora, and a reader that splits there loses
//! tokens without a message.

use std::path::{Path, PathBuf};

use chardetng::EncodingDetector;

use crate::Result;
use crate::error::{Error, Problem};

/// How the characters of a file are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with a byte order mark or without.
    Utf8 {
        /// A byte order mark comes first.
        marked: bool,
    },
    /// UTF-16 with a byte order mark, the least significant byte first.
    Utf16Le,
    /// UTF-16 with a byte order mark, the most significant byte first.
    Utf16Be,
}

/// The text of a file, held so that it can be changed and written as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The file.
    pub path: PathBuf,
    /// Its text, without byte order mark.
    pub text: String,
    /// How it was stored.
    pub encoding: Encoding,
    /// Carriage returns end lines by themselves.
    pub cr_ends_lines: bool,
}

/// A line of a [`Decoded`] text, without what ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// One-based number.
    pub number: usize,
    /// Where it starts in [`Decoded::text`], in bytes.
    pub start: usize,
    /// The line.
    pub text: &'a str,
}

impl Decoded {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::Data`] as [`Decoded::new`], and if there is no such file or it is a folder; [`Error::Io`] if it cannot be
    /// read for another reason.
    pub fn read(path: &Path) -> Result<Self> {
        Self::new(path, &super::read::read_bytes(path)?)
    }

    /// Decodes the bytes of the file `path`, which is only named in messages.
    ///
    /// # Errors
    /// [`Error::Data`] with the line: bytes that are not UTF-8, with a guess at what they are; UTF-16 that is damaged or
    /// has no byte order mark; UTF-32; a NUL character; a carriage return inside a line of a file whose lines end with
    /// line feeds.
    pub fn new(path: &Path, bytes: &[u8]) -> Result<Self> {
        let (encoding, text) = decode(path, bytes)?;
        let mut decoded = Self { path: path.to_owned(), text, encoding, cr_ends_lines: false };
        decoded.refuse_nul()?;
        decoded.find_line_ends()?;
        Ok(decoded)
    }

    /// The lines. The text after the last line end is a line of its own, also where it is empty.
    pub fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        let whole = self.text.as_str();
        let cr = self.cr_ends_lines;
        whole.split(move |c| c == '\n' || (cr && c == '\r')).enumerate().map(move |(index, line)| Line {
            number: index + 1,
            start: line.as_ptr() as usize - whole.as_ptr() as usize,
            text: line.trim_end_matches('\r'),
        })
    }

    /// The bytes of `text` in this file's encoding.
    pub fn encode(&self, text: &str) -> Vec<u8> {
        match self.encoding {
            Encoding::Utf8 { marked: false } => text.as_bytes().to_vec(),
            Encoding::Utf8 { marked: true } => [b"\xef\xbb\xbf", text.as_bytes()].concat(),
            Encoding::Utf16Le => [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect(),
            Encoding::Utf16Be => [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect(),
        }
    }

    /// What a user should know about how the file was read, one sentence each.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let path = self.path.display();
        if matches!(self.encoding, Encoding::Utf16Le | Encoding::Utf16Be) {
            notes.push(format!("{path}: read as UTF-16"));
        }
        if self.cr_ends_lines {
            notes.push(format!("{path}: carriage returns are read as line ends"));
        }
        notes
    }

    fn refuse_nul(&self) -> Result<()> {
        let Some(at) = self.text.find('\0') else { return Ok(()) };
        let n_nul = self.text.bytes().filter(|&byte| byte == 0).count();
        let (what, hint) = match n_nul * 4 > self.text.len() {
            true => (
                "every other byte is NUL: the file seems to be UTF-16 without a byte order mark",
                "convert it, for instance with `iconv -f utf-16le -t utf-8` (or utf-16be)",
            ),
            false => ("the line has a NUL character: the file is damaged, or no text", "remove the character"),
        };
        Err(self.problem(at, what, hint))
    }

    /// Decides whether carriage returns end lines by themselves.
    fn find_line_ends(&mut self) -> Result<()> {
        let (mut n_alone, mut n_feeds, mut first_alone) = (0_usize, 0_usize, None);
        let bytes = self.text.as_bytes();
        for (at, &byte) in bytes.iter().enumerate() {
            n_feeds += usize::from(byte == b'\n');
            if byte == b'\r' {
                let end = bytes[at..].iter().position(|&byte| byte != b'\r').map(|length| bytes[at + length]);
                if end != Some(b'\n') {
                    n_alone += 1;
                    first_alone = first_alone.or(Some((at, end)));
                }
            }
        }
        match first_alone {
            None => Ok(()),
            Some(_) if n_alone > n_feeds => {
                self.cr_ends_lines = true;
                Ok(())
            }
            // At the end of the last line.
            Some((_, None)) => Ok(()),
            Some((at, Some(_))) => Err(self.problem(
                at,
                "a carriage return is inside the line, and other lines end with line feeds",
                "give all lines the same end",
            )),
        }
    }

    /// A problem at a byte of the text.
    fn problem(&self, at: usize, what: &str, hint: &str) -> Error {
        let line = 1 + self.text.as_bytes()[..at].iter().filter(|&&byte| byte == b'\n').count();
        Error::Data(Problem::new(what).at(&self.path).line(line).hint(hint))
    }
}

/// The encoding of a file's bytes, and its text without byte order mark.
///
/// # Errors
/// [`Error::Data`] with the line, as [`Decoded::new`], for bytes that are no text.
pub(crate) fn decode(path: &Path, bytes: &[u8]) -> Result<(Encoding, String)> {
    let refuse = |what: &str, hint: &str| Err(Error::Data(Problem::new(what).at(path).hint(hint)));
    match bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => {
            refuse("the file is UTF-32", "convert it with `iconv -f utf-32 -t utf-8`")
        }
        [0xff, 0xfe, rest @ ..] => Ok((Encoding::Utf16Le, utf16(path, rest, u16::from_le_bytes)?)),
        [0xfe, 0xff, rest @ ..] => Ok((Encoding::Utf16Be, utf16(path, rest, u16::from_be_bytes)?)),
        [0xef, 0xbb, 0xbf, rest @ ..] => Ok((Encoding::Utf8 { marked: true }, utf8(path, rest)?)),
        _ => Ok((Encoding::Utf8 { marked: false }, utf8(path, bytes)?)),
    }
}

fn utf16(path: &Path, bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String> {
    let mut text = String::with_capacity(bytes.len() / 2);
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    let refuse = |text: &str| {
        let line = 1 + text.matches('\n').count();
        let problem = Problem::new("the UTF-16 text is damaged").at(path).line(line);
        Err(Error::Data(problem.hint("copy the file again, or save it as UTF-8 in the program that made it")))
    };
    for character in char::decode_utf16(units) {
        match character {
            Ok(character) => text.push(character),
            Err(_) => return refuse(&text),
        }
    }
    if bytes.len() % 2 == 1 { refuse(&text) } else { Ok(text) }
}

fn utf8(path: &Path, bytes: &[u8]) -> Result<String> {
    let error = match std::str::from_utf8(bytes) {
        Ok(text) => return Ok(text.to_owned()),
        Err(error) => error,
    };
    let (before, rest) = bytes.split_at(error.valid_up_to());
    let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
    let column = 1 + before.iter().rev().take_while(|&&byte| byte != b'\n').count();
    let what = format!("not valid UTF-8: byte {column} of the line (0x{:02x})", rest[0]);
    let (guess, hint) = match bytes.contains(&0) {
        true => {
            ("; the file is binary, or UTF-16 without a byte order mark".to_owned(), "save it as UTF-8 text".into())
        }
        false => {
            let mut detector = EncodingDetector::new(chardetng::Iso2022JpDetection::Allow);
            detector.feed(bytes, true);
            let name = detector.guess(None, chardetng::Utf8Detection::Deny).name().to_ascii_lowercase();
            let hint = format!("convert it, for instance with `iconv -f {name} -t utf-8`");
            (format!("; the file is perhaps {name}"), hint)
        }
    };
    Err(Error::Data(Problem::new(what + &guess).at(path).line(line).hint(hint)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &[u8]) -> Vec<String> {
        Decoded::new(Path::new("x"), bytes).unwrap().lines().map(|line| line.text.to_owned()).collect()
    }

    fn refused(bytes: &[u8]) -> (String, Option<String>) {
        let error = Decoded::new(Path::new("x"), bytes).unwrap_err();
        (error.to_string(), error.hint().map(str::to_owned))
    }

    #[test]
    fn lines_end_with_line_feeds_or_carriage_returns() {
        assert_eq!(lines(b"a\nb\r\nc\r\r\n"), ["a", "b", "c", ""]);
        assert_eq!(lines(b"a\rb\r\rc\r"), ["a", "b", "", "c", ""]);
        assert_eq!(lines(b"a\rb\rc\r\n"), ["a", "b", "c", "", ""]);
        assert_eq!(lines("a\u{85}b\u{2028}c\nd\r".as_bytes()), ["a\u{85}b\u{2028}c", "d"]);
        assert!(Decoded::new(Path::new("x"), b"a\rb").unwrap().notes()[0].contains("carriage returns"));
        assert_eq!(
            refused(b"a\nb\rc\nd\n").0,
            "x:2: a carriage return is inside the line, and other lines end with line feeds"
        );
    }

    #[test]
    fn marks_tell_the_encoding_and_come_back() {
        let text = "Märn\tO\n𝒳\tB-X\n";
        let utf16 = |unit: fn(u16) -> [u8; 2]| [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(unit).collect();
        let (le, be): (Vec<u8>, Vec<u8>) = (utf16(u16::to_le_bytes), utf16(u16::to_be_bytes));
        for bytes in [text.as_bytes().to_vec(), [b"\xef\xbb\xbf", text.as_bytes()].concat(), le.clone(), be] {
            let decoded = Decoded::new(Path::new("x"), &bytes).unwrap();
            assert_eq!(decoded.text, text);
            assert_eq!(decoded.encode(&decoded.text), bytes);
        }
        assert_eq!(refused(&le[..le.len() - 1]).0, "x:2: the UTF-16 text is damaged");
    }

    #[test]
    fn other_encodings_are_named() {
        let (what, hint) = refused(b"Odila\tB-PER\nM\xe4rn\tI-PER\n");
        assert_eq!(what, "x:2: not valid UTF-8: byte 2 of the line (0xe4); the file is perhaps windows-1252");
        assert_eq!(hint.unwrap(), "convert it, for instance with `iconv -f windows-1252 -t utf-8`");
        let without_mark: Vec<u8> = "Odila\tO\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(refused(&without_mark).0.contains("UTF-16 without a byte order mark"));
        assert!(refused(b"\xff\xfe\0\0a\0\0\0").0.ends_with("the file is UTF-32"));
        assert!(refused(b"a O\n\0 O\n").0.starts_with("x:2: the line has a NUL character"));
    }
}
