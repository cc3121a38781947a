//! One file in CoNLL columns, read as it stands: words, tags and whatever lies between them.
//!
//! The format has no standard, so the reader is liberal where files differ and strict where a difference means damage:
//!
//! * a line is one token; its first column is the word, its last the tag; there are two columns or more, as many in
//!   every line as in the first;
//! * a line with a tab is separated by tabs (a word may then hold spaces), any other by runs of spaces;
//! * a line that is empty, or holds only spaces and tabs, ends the sentence; so does a `-DOCSTART-` line, which is
//!   dropped;
//! * a byte order mark at the start and a carriage return at the end of a line are dropped;
//! * **only** a line feed ends a line. U+0085, U+2028 and the no-break space do occur inside words of real corpora, and
//!   a reader that splits there loses tokens in silence.
//!
//! Tags must be `O`, or a prefix of `B I E S L U`, a hyphen and a type; which scheme they make up is another question
//! ([`recognise`](super::scheme::recognise)).

use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::Result;
use crate::error::{Error, Problem};

use super::scheme::Tag;

/// Most words a sentence may have: positions are logged as 16 bits.
pub const MAX_WORDS: usize = u16::MAX as usize;

/// An annotated file, its columns as they stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConllFile {
    /// Where it was read from.
    pub path: PathBuf,
    /// Columns of every line, at least 2; 0 if the file has no token.
    pub n_columns: usize,
    /// The sentences in order; none is empty.
    pub sentences: Vec<RawSentence>,
}

/// One sentence of a [`ConllFile`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawSentence {
    /// One-based line of the first word; the others follow line by line, unless they are on it, too.
    pub first_line: usize,
    /// One entry a word: its columns, all of them.
    pub rows: Vec<Vec<String>>,
    /// True if all words stand on the first line, as in JSON.
    pub on_one_line: bool,
}

impl RawSentence {
    /// The words: the first column.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().filter_map(|row| row.first().map(String::as_str))
    }

    /// The tags as written: the last column.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().filter_map(|row| row.last().map(String::as_str))
    }

    /// The tags taken apart; `None` is `O`.
    pub fn parsed_tags(&self) -> impl Iterator<Item = Option<Tag<'_>>> {
        // The reader let none but well-formed tags through; read as `O`, a malformed one set from outside does no harm.
        self.tags().map(|tag| Tag::parse(tag).unwrap_or(None))
    }

    /// The one-based line of word `index`.
    pub fn line(&self, index: usize) -> usize {
        if self.on_one_line { self.first_line } else { self.first_line + index }
    }
}

/// Reads a file in CoNLL columns.
///
/// # Errors
/// [`Error::Data`] with file, line and remedy: the file is missing, not UTF-8, has a line with too few or a different
/// number of columns, an empty word, a malformed tag, or a sentence of more than [`MAX_WORDS`] words. [`Error::Io`] if
/// it cannot be read for another reason. A file without a sentence is not an error here.
pub fn read_file(path: &Path) -> Result<ConllFile> {
    parse(path, &read_bytes(path)?)
}

/// Reads a file of words to be labelled: as [`read_file`], but a line may be a word alone, columns behind it may hold
/// anything, and their number may change.
///
/// # Errors
/// As [`read_file`], but for columns and tags.
pub fn read_words(path: &Path) -> Result<Vec<Vec<String>>> {
    let file = parse_with(path, &read_bytes(path)?, |path, number, columns, _| check_word(path, number, columns))?;
    let words = |sentence: RawSentence| sentence.rows.into_iter().filter_map(|row| row.into_iter().next()).collect();
    Ok(file.sentences.into_iter().map(words).collect())
}

/// The bytes of a file, with a remedy if there is none.
pub(super) fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    if path.is_dir() {
        return Err(Error::Data(Problem::new("a folder, not a file").at(path).hint("name the file in it")));
    }
    fs::read(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            Error::Data(Problem::new("there is no such file").at(path).hint("check the path"))
        }
        _ => Error::io(path)(error),
    })
}

/// Reads what [`read_file`] would find in a file `path` holding `bytes`.
pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<ConllFile> {
    parse_with(path, bytes, check_columns)
}

/// Refuses a line, of this number and with these columns, that does not fit; the last argument is the file's number of
/// columns.
type Check = fn(&Path, usize, &[&str], &mut usize) -> Result<()>;

fn parse_with(path: &Path, bytes: &[u8], check: Check) -> Result<ConllFile> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut file = ConllFile { path: path.to_owned(), n_columns: 0, sentences: Vec::new() };
    let mut open: Option<RawSentence> = None;
    for (index, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
        let number = index + 1;
        let line = decode(path, number, line.strip_suffix(b"\r").unwrap_or(line))?;
        let columns = columns(line);
        if columns.is_empty() || columns[0] == "-DOCSTART-" {
            file.sentences.extend(open.take());
            continue;
        }
        check(path, number, &columns, &mut file.n_columns)?;
        let sentence =
            open.get_or_insert_with(|| RawSentence { first_line: number, rows: Vec::new(), on_one_line: false });
        if sentence.rows.len() == MAX_WORDS {
            return Err(problem(
                path,
                number,
                format!("the sentence that starts at line {} has more than {MAX_WORDS} words", sentence.first_line),
                "separate sentences by empty lines",
            ));
        }
        sentence.rows.push(columns.into_iter().map(str::to_owned).collect());
    }
    file.sentences.extend(open);
    Ok(file)
}

fn problem(path: &Path, line: usize, what: impl Into<String>, hint: impl Into<String>) -> Error {
    Error::Data(Problem::new(what).at(path).line(line).hint(hint))
}

fn decode<'a>(path: &Path, number: usize, line: &'a [u8]) -> Result<&'a str> {
    std::str::from_utf8(line).map_err(|error| {
        problem(
            path,
            number,
            format!(
                "not valid UTF-8: byte {} of the line (0x{:02x})",
                error.valid_up_to() + 1,
                line[error.valid_up_to()]
            ),
            "convert the file, for instance with `iconv -f latin1 -t utf-8`",
        )
    })
}

/// The columns of a line; none if it holds nothing but spaces and tabs.
fn columns(line: &str) -> Vec<&str> {
    if line.bytes().all(|byte| byte == b' ' || byte == b'\t') {
        Vec::new()
    } else if line.contains('\t') {
        line.split('\t').collect()
    } else {
        line.split(' ').filter(|column| !column.is_empty()).collect()
    }
}

fn check_word(path: &Path, number: usize, columns: &[&str]) -> Result<()> {
    if columns[0].is_empty() {
        return Err(problem(path, number, "the word is empty", "remove the line or put a word before the first tab"));
    }
    Ok(())
}

/// Refuses a line that does not fit; the first line sets the number of columns.
fn check_columns(path: &Path, number: usize, columns: &[&str], n_columns: &mut usize) -> Result<()> {
    if columns.len() < 2 {
        return Err(problem(
            path,
            number,
            format!("`{}` is the only column of its line", columns[0]),
            "each line needs a word and a tag, separated by a tab or a space",
        ));
    }
    if *n_columns == 0 {
        *n_columns = columns.len();
    }
    if columns.len() != *n_columns {
        return Err(problem(
            path,
            number,
            format!("{} columns where the lines before have {n_columns}", columns.len()),
            "give every line as many columns as the first; separate by tabs if a column holds spaces",
        ));
    }
    check_word(path, number, columns)?;
    let tag = columns[columns.len() - 1];
    if Tag::parse(tag).is_err() {
        return Err(problem(
            path,
            number,
            format!("`{tag}` is not a tag"),
            "a tag is `O`, or `B-`, `I-`, `E-` or `S-` and a type, and stands in the last column",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused_with_line_and_remedy(
            lines in prop::collection::vec(prop::sample::select(vec![
                &b"a O"[..], b"a\tB-X", b"a", b"a b O", b"", b" ", b"\r", b"\xff O", b"\t", b"\tO", b"a B-", b"-DOCSTART-",
                b"\xef\xbb\xbf", b"a\t\tO",
            ]), 0..8)
        ) {
            match parse(Path::new("x"), &lines.join(&b'\n')) {
                Ok(file) => {
                    for sentence in &file.sentences {
                        prop_assert!(!sentence.rows.is_empty());
                        prop_assert!(sentence.rows.iter().all(|row| row.len() == file.n_columns && row.len() >= 2));
                    }
                }
                Err(Error::Data(problem)) => {
                    prop_assert!(problem.line.is_some_and(|line| (1..=lines.len()).contains(&line)));
                    prop_assert!(problem.hint.is_some());
                }
                Err(other) => prop_assert!(false, "{other:?}"),
            }
        }
    }

    fn read(text: &str) -> ConllFile {
        parse(Path::new("train.txt"), text.as_bytes()).unwrap()
    }

    fn words(file: &ConllFile) -> Vec<Vec<&str>> {
        file.sentences.iter().map(|sentence| sentence.words().collect()).collect()
    }

    #[test]
    fn any_number_of_columns_is_read_first_and_last_count() {
        let file = read("EU NNP I-NP B-ORG\nrejects VBZ I-VP O\n\nPeter NNP I-NP B-PER\n");
        assert_eq!(file.n_columns, 4);
        assert_eq!(words(&file), vec![vec!["EU", "rejects"], vec!["Peter"]]);
        assert_eq!(file.sentences[0].tags().collect::<Vec<_>>(), vec!["B-ORG", "O"]);
        assert_eq!(file.sentences[1].line(0), 4);
    }

    #[test]
    fn only_a_line_feed_ends_a_line() {
        let file = read("a\u{85}b\tO\nc\u{2028}d\tO\ne\u{a0}f O\r\ng h\tO\n");
        assert_eq!(words(&file), vec![vec!["a\u{85}b", "c\u{2028}d", "e\u{a0}f", "g h"]]);
    }

    #[test]
    fn blank_lines_marks_and_document_starts_separate_sentences() {
        let file = read("\u{feff}a O\r\n\r\n \t \nb O\n-DOCSTART- -X- O O\nc O");
        assert_eq!(words(&file), vec![vec!["a"], vec!["b"], vec!["c"]]);
    }

    #[test]
    fn a_file_without_a_token_has_no_sentence() {
        assert!(read("").sentences.is_empty());
        assert!(read("-DOCSTART- O\n\n\n").sentences.is_empty());
    }

    #[test]
    fn a_sentence_may_not_outgrow_its_positions() {
        let text = "a O\n".repeat(MAX_WORDS);
        assert_eq!(read(&text).sentences[0].rows.len(), MAX_WORDS);
        let error = parse(Path::new("train.txt"), format!("{text}a O\n").as_bytes()).unwrap_err();
        assert!(error.to_string().starts_with("train.txt:65536: the sentence that starts at line 1 has more than"));
    }
}
