//! Text without labels, to be labelled by a tagger.
//!
//! Three forms are read:
//!
//! * **words**: one token a line, an empty line between sentences; columns behind the token are not read (`words`);
//! * **text**: one sentence a line, cut into tokens by Unicode's word segmentation (`text`);
//! * **JSON lines**: one object a line, with the sentence's `tokens` or `words` (`json`).
//!
//! Which one a file is in is recognised by its lines (`recognise`). A file in a format of another tool, and one that may
//! be in several forms, is refused (`foreign`): reading it in the wrong form would give labels for what is no sentence.

mod foreign;
mod foreign_json;
mod json;
mod recognise;
mod text;
mod words;

use std::path::Path;

use super::Columns;
use super::decode::Decoded;
use super::read::{MAX_WORDS, one_long_sentence, read_bytes};
use crate::Result;
use crate::error::{Error, Problem};

/// How sentences are written in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One token a line, an empty line between sentences.
    Words,
    /// One sentence a line.
    Text,
    /// One JSON object a line, with `tokens` or `words`.
    Json,
}

impl Form {
    /// As it is named on the command line: `words`, `text` or `json`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Words => "words",
            Self::Text => "text",
            Self::Json => "json",
        }
    }

    /// For people: `plain text, one sentence a line`.
    pub fn description(self) -> &'static str {
        match self {
            Self::Words => "one token a line",
            Self::Text => "plain text, one sentence a line",
            Self::Json => "JSON lines, one sentence a line",
        }
    }
}

/// Sentences without labels, and the form that they were read in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unlabelled {
    /// The form.
    pub form: Form,
    /// The sentences in order. Only those of JSON lines may have no token.
    pub sentences: Vec<UnlabelledSentence>,
    /// What a user should know about how the file was read, one sentence each.
    pub notes: Vec<String>,
}

/// A sentence without labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnlabelledSentence {
    /// One-based line of its first token.
    pub line: usize,
    /// Its tokens; none is empty.
    pub tokens: Vec<String>,
    /// The text that the tokens were cut from; null if the file has tokens only.
    pub text: Option<RunningText>,
}

/// The text of a sentence, and where its tokens are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningText {
    /// The line of the file, without its end.
    pub text: String,
    /// For each token its first character and the one behind its last, in Unicode scalar values from the start of `text`.
    pub offsets: Vec<[usize; 2]>,
}

impl RunningText {
    /// The characters `start..end` of the text.
    pub fn slice(&self, start: usize, end: usize) -> String {
        self.text.chars().skip(start).take(end.saturating_sub(start)).collect()
    }
}

/// Why a file is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Fault {
    /// Without a full stop.
    what: String,
    /// One-based line, where one shows it.
    line: Option<usize>,
    hint: String,
}

impl Fault {
    /// The file is in the format of another tool.
    fn foreign(format: &str, line: Option<usize>, hint: impl Into<String>) -> Self {
        Self { what: format!("this is {format}, which is not read here"), line, hint: hint.into() }
    }

    fn error(self, path: &Path) -> Error {
        let problem = Problem::new(self.what).at(path).hint(self.hint);
        Error::Data(match self.line {
            Some(line) => problem.line(line),
            None => problem,
        })
    }
}

/// How a file is read, where it is not recognised.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// The form.
    pub form: Option<Form>,
    /// The names of its columns, where the first is not the token; the form is then [`Form::Words`].
    pub columns: Option<Columns>,
}

/// Reads sentences from a file; see [`parse`].
///
/// # Errors
/// As [`parse`]; [`Error::Data`] if there is no such file, [`Error::Io`] if it cannot be read.
pub fn read(path: &Path, reading: &Reading) -> Result<Unlabelled> {
    parse(path, &read_bytes(path)?, reading)
}

/// Reads sentences from the content of a file. `path` is named in errors; its extension may tell the format of another
/// tool. With a form or columns, nothing is recognised and the file is read as they say.
///
/// # Errors
/// [`Error::Data`] for a file that is not text ([`Decoded::new`]) or holds no token, a format of another tool, a first column
/// that is not the token, a line that does not fit the form, and a sentence of more than [`MAX_WORDS`] tokens.
pub fn parse(path: &Path, bytes: &[u8], reading: &Reading) -> Result<Unlabelled> {
    if let Some(fault) = foreign::binary(path, bytes) {
        return Err(fault.error(path));
    }
    let decoded = Decoded::new(path, bytes)?;
    let lines: Vec<&str> = decoded.lines().map(|line| line.text).collect();
    let form = match (reading.form, &reading.columns) {
        (Some(form), _) => form,
        (None, Some(_)) => Form::Words,
        (None, None) => {
            let form = recognise::form(path, &lines).map_err(|fault| fault.error(path))?;
            if form == Form::Words {
                words::check(path, &lines)?;
            }
            form
        }
    };
    let sentences = match form {
        Form::Words => words::read(&lines, reading.columns.as_ref()),
        Form::Text => Ok(text::read(&lines)),
        Form::Json => json::read(&lines),
    };
    let sentences = sentences.map_err(|fault| fault.error(path))?;
    if sentences.iter().all(|sentence| sentence.tokens.is_empty()) {
        let hint = "give one sentence a line, or one token a line with an empty line between sentences";
        return Err(Error::Data(Problem::new("the file holds no token").at(path).hint(hint)));
    }
    if let Some(sentence) = sentences.iter().find(|sentence| sentence.tokens.len() > MAX_WORDS) {
        let hint = match form {
            Form::Words => "separate sentences by empty lines",
            Form::Text | Form::Json => "put each sentence on a line of its own",
        };
        return Err(Error::Data(
            Problem::new(format!("the sentence has more than {MAX_WORDS} tokens"))
                .at(path)
                .line(sentence.line)
                .hint(hint),
        ));
    }
    let mut notes = decoded.notes();
    if form == Form::Words {
        let lengths: Vec<usize> = sentences.iter().map(|sentence| sentence.tokens.len()).collect();
        notes.extend(one_long_sentence(path, &lengths));
    }
    Ok(Unlabelled { form, sentences, notes })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8]) -> Result<Unlabelled> {
        super::parse(Path::new("file.txt"), bytes, &Reading::default())
    }

    #[test]
    fn encodings_and_line_ends_are_those_of_annotated_files() {
        let text = "Łódź\nis\n\nIt\n";
        let utf16: Vec<u8> = "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        let expected = parse(text.as_bytes()).unwrap().sentences;
        assert_eq!(expected.len(), 2);
        for bytes in [text.replace('\n', "\r").into_bytes(), text.replace('\n', "\r\n").into_bytes(), utf16] {
            assert_eq!(parse(&bytes).unwrap().sentences, expected);
        }
        assert!(parse(b"Odila\r").unwrap().notes[0].contains("carriage returns"));
        let error = parse(b"M\xfcnchen is\n").unwrap_err();
        assert!(error.to_string().contains("not valid UTF-8"), "{error}");
    }

    #[test]
    fn files_without_a_token_or_an_empty_line_are_told() {
        for text in ["", "\n \n", "\u{feff}"] {
            let error = parse(text.as_bytes()).unwrap_err();
            assert!(error.to_string().contains("holds no token") && error.hint().is_some(), "{error}");
        }
        let notes = |n: usize| parse("token\n".repeat(n).as_bytes()).unwrap().notes;
        assert!(notes(199).is_empty() && notes(200)[0].contains("no empty line"));
        let error = parse("token\n".repeat(MAX_WORDS + 1).as_bytes()).unwrap_err();
        assert!(error.to_string().starts_with("file.txt:1: the sentence has more than"), "{error}");
    }
}
