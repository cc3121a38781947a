//! Text files: reading them, and saying where one is not UTF-8.

use std::path::Path;

use crate::error::{Error, Problem, Result};

/// Reads a file of UTF-8 text, a byte order mark left out. `refuse` makes the error of a file in another encoding:
/// [`Error::Data`], [`Error::Config`] or [`Error::Model`].
///
/// # Errors
/// [`Error::Io`] if it cannot be read; `refuse` with file, line and remedy if it is not UTF-8.
pub fn read(path: &Path, refuse: fn(Problem) -> Error) -> Result<String> {
    decode(fs_err::read(path).map_err(Error::io(path))?, path, refuse)
}

/// The same of bytes that were read; `path` is for messages.
///
/// # Errors
/// As [`read`].
pub fn decode(bytes: Vec<u8>, path: &Path, refuse: fn(Problem) -> Error) -> Result<String> {
    let mut text = String::from_utf8(bytes).map_err(|error| {
        let (valid, rest) = error.as_bytes().split_at(error.utf8_error().valid_up_to());
        let line_start = valid.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1);
        let line = 1 + valid.iter().filter(|&&byte| byte == b'\n').count();
        let column = valid.len() - line_start + 1;
        let what = match rest.first() {
            Some(byte) => format!("not valid UTF-8: byte {column} of the line (0x{byte:02x})"),
            None => "not valid UTF-8".to_owned(),
        };
        refuse(
            Problem::new(what)
                .at(path)
                .line(line)
                .hint("convert the file to UTF-8, for instance with `iconv -t utf-8`"),
        )
    })?;
    if text.starts_with('\u{feff}') {
        text.drain(..'\u{feff}'.len_utf8());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_encoding_is_refused_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.json");
        for (bytes, line, what) in [
            (&b"\xff\xfe{\x00"[..], 1, "byte 1 of the line (0xff)"),
            (b"{\n \"a\": \"Z\xfcrich\"\n}", 2, "byte 9 of the line (0xfc)"),
            (b"{}\n\xc3", 2, "byte 1 of the line (0xc3)"),
        ] {
            fs_err::write(&path, bytes).unwrap();
            let error = read(&path, Error::Config).unwrap_err();
            let Error::Config(problem) = error else { panic!("{error}") };
            assert_eq!((problem.line, problem.path.as_deref()), (Some(line), Some(&*path)));
            assert!(problem.what.contains(what) && problem.hint.is_some(), "{problem:?}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_left_out() {
        let text = decode("\u{feff}a\u{feff}".into(), Path::new("a.txt"), Error::Data).unwrap();
        assert_eq!(text, "a\u{feff}");
    }

    #[test]
    fn a_missing_file_is_the_file_systems() {
        assert!(matches!(read(Path::new("/no/such/file"), Error::Data), Err(Error::Io { .. })));
    }
}
