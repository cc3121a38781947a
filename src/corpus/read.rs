//! One file in CoNLL columns, read as it stands: tokens, tags and where they are.
//!
//! The format has no standard, so the reader is liberal where files differ and strict where a difference means damage:
//!
//! * a line is one token; its first column is the token, its last the tag, or those that [`Columns`] name; there are two
//!   columns or more, as many in every line as in the first;
//! * a line with a tab is separated by tabs (a token may then hold spaces), any other by runs of spaces; blank columns at
//!   the end of a line are dropped;
//! * a line that holds nothing that can be seen ends the sentence; so does a `-DOCSTART-` line, which is dropped;
//! * a comment before a sentence (`# id = 3`, `#begin document`) is dropped, and a message says so;
//! * encodings and line ends are those of [`decode`](super::decode), tags are cleaned by [`clean`], tokens never changed.
//!
//! Whether the tags are tags, and of which scheme, is decided for all files of a corpus together ([`super::files`]).

use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::Result;
use crate::error::{Error, Problem, printable};

use super::columns::{self, Columns, Row};
use super::decode::{Decoded, Line};
use super::scheme::Tag;
use super::tags::{Notation, clean, is_blank};
use super::write::NOISE_FILE;

/// Most tokens a sentence may have: positions are logged as 16 bits.
pub const MAX_WORDS: usize = u16::MAX as usize;

/// Tokens of a sentence from which on its file is said to lack empty lines, if it has only that one.
pub(crate) const LONG_SENTENCE: usize = 200;

/// An annotated file: its tokens and tags as they stand, tags cleaned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConllFile {
    /// Where it was read from.
    pub path: PathBuf,
    /// Columns of every line, at least 2; 0 if the file has no token.
    pub n_columns: usize,
    /// The sentences in order; none is empty.
    pub sentences: Vec<RawSentence>,
    /// What a user should know about how it was read, one sentence each.
    pub notes: Vec<String>,
}

/// One sentence of a [`ConllFile`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawSentence {
    /// One-based line of the first token; the others follow line by line, unless they are on it, too.
    pub first_line: usize,
    /// The tokens as they stand.
    pub tokens: Vec<String>,
    /// The tag of each token, cleaned.
    pub tags: Vec<String>,
    /// True if all tokens stand on the first line, as in JSON.
    pub on_one_line: bool,
}

impl RawSentence {
    /// The tags taken apart; `None` is `O`.
    pub fn parsed_tags(&self, notation: Notation) -> impl Iterator<Item = Option<Tag<'_>>> {
        // Files with malformed tags are refused; read as `O`, one set from outside does no harm.
        self.tags.iter().map(move |tag| notation.parse(tag).unwrap_or(None))
    }

    /// The one-based line of token `index`.
    pub fn line(&self, index: usize) -> usize {
        if self.on_one_line { self.first_line } else { self.first_line + index }
    }
}

/// Reads a file in CoNLL columns, the usual ones or those named.
///
/// # Errors
/// [`Error::Data`] with file, line and remedy: the file is missing or not text ([`Decoded::read`]), has a line with too
/// few or a different number of columns, an empty token, a first column that is not the token, or a sentence of more than
/// [`MAX_WORDS`] tokens. [`Error::Io`] if it cannot be read for another reason. A file without a sentence is not an error
/// here, and neither is a malformed tag.
pub fn read_file(path: &Path, columns: Option<&Columns>) -> Result<ConllFile> {
    parse(&Decoded::read(path)?, columns)
}

/// The bytes of a file, with a remedy if there is none.
pub(super) fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    if path.is_dir() {
        return Err(Error::Data(Problem::new("a folder, not a file").at(path).hint("name the file in it")));
    }
    #[cfg(unix)]
    if fs::metadata(path).is_ok_and(|file| std::os::unix::fs::FileTypeExt::is_char_device(&file.file_type())) {
        return Err(Error::Data(Problem::new("a device, not a file").at(path).hint("name a file")));
    }
    fs::read(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            Error::Data(Problem::new("there is no such file").at(path).hint("check the path"))
        }
        _ => Error::io(path)(error),
    })
}

/// Reads what [`read_file`] would find in a file with this text.
pub(super) fn parse(decoded: &Decoded, named: Option<&Columns>) -> Result<ConllFile> {
    let path = decoded.path.as_path();
    let (sentences, comments) = rows(decoded, named)?;
    let layout = Layout::of(path, &sentences, named)?;
    let mut notes = decoded.notes();
    if let Some(&first) = comments.first() {
        let (n, lines) = (comments.len(), if comments.len() == 1 { "comment line is" } else { "comment lines are" });
        notes.push(format!("{}: {n} {lines} left out, the first is line {first}", path.display()));
    }
    if named.is_some() && layout.n_columns > 2 {
        let seen: Vec<&[Row<'_>]> = sentences.iter().map(Vec::as_slice).collect();
        if let Some(why) = columns::column_fault(&seen, layout.token) {
            notes.push(format!("{}: the column that is named token {why}: check the names", path.display()));
        }
    }
    let mut file = ConllFile { path: path.to_owned(), n_columns: layout.n_columns, sentences: Vec::new(), notes };
    let (mut n_cleaned, mut first_cleaned) = (0_usize, 0);
    for rows in &sentences {
        let mut sentence =
            RawSentence { first_line: rows[0].line, tokens: Vec::new(), tags: Vec::new(), on_one_line: false };
        for row in rows {
            layout.check(path, row)?;
            let (token, written) = (row.columns[layout.token], row.columns[layout.tag]);
            let tag = clean(written);
            if tag != written {
                n_cleaned += 1;
                first_cleaned = if n_cleaned == 1 { row.line } else { first_cleaned };
            }
            sentence.tokens.push(token.to_owned());
            sentence.tags.push(tag.into_owned());
        }
        file.sentences.push(sentence);
    }
    if n_cleaned > 0 {
        file.notes.push(cleaned_note(path, n_cleaned, first_cleaned));
    }
    let lengths: Vec<usize> = file.sentences.iter().map(|sentence| sentence.tokens.len()).collect();
    file.notes.extend(one_long_sentence(path, &lengths));
    file.notes.extend(inner_marks(&file));
    Ok(file)
}

/// Says that tags were cleaned.
pub(super) fn cleaned_note(path: &Path, n: usize, first: usize) -> String {
    format!(
        "{}: {n} {} with white space, invisible characters or decomposed letters; they are read without, the first is in \
         line {first}",
        path.display(),
        if n == 1 { "tag" } else { "tags" }
    )
}

/// Says that a file has no empty line although it probably should; `sentences` are the numbers of their tokens.
pub(super) fn one_long_sentence(path: &Path, sentences: &[usize]) -> Option<String> {
    match *sentences {
        [tokens] if tokens >= LONG_SENTENCE => Some(format!(
            "{}: the file has no empty line and is read as one sentence of {tokens} tokens; put an empty line after each \
             sentence",
            path.display()
        )),
        _ => None,
    }
}

/// Says that files were probably put end to end.
fn inner_marks(file: &ConllFile) -> Option<String> {
    let marked =
        file.sentences.iter().skip(1).find(|s| s.tokens[0].starts_with('\u{feff}') && s.tokens[0].len() > 3)?;
    Some(format!(
        "{}:{}: the token starts with a byte order mark (U+FEFF), which is kept; files were probably joined here",
        file.path.display(),
        marked.first_line
    ))
}

/// The lines of a file by sentence, split into columns, and the numbers of the comment lines among them.
fn rows<'a>(decoded: &'a Decoded, named: Option<&Columns>) -> Result<(Vec<Vec<Row<'a>>>, Vec<usize>)> {
    let token = named.map_or(0, Columns::token);
    let mut sentences: Vec<Vec<Row<'a>>> = Vec::new();
    let mut comments = Vec::new();
    let mut n_columns = named.map(Columns::len);
    let mut open = false;
    let mut lines = decoded.lines().peekable();
    while let Some(line) = lines.next() {
        let columns = columns_of(&line, named);
        if columns.is_empty() || columns.first() == Some(&"-DOCSTART-") || columns.get(token) == Some(&"-DOCSTART-") {
            open = false;
            continue;
        }
        if !open && line.text.starts_with('#') {
            let expected = n_columns.or_else(|| lines.peek().map(|next| columns_of(next, named).len()));
            if is_comment(&columns, expected) {
                comments.push(line.number);
                continue;
            }
        }
        n_columns = n_columns.or(Some(columns.len()));
        if !open {
            sentences.push(Vec::new());
            open = true;
        }
        let Some(sentence) = sentences.last_mut() else { continue };
        if sentence.len() == MAX_WORDS {
            let first = sentence[0].line;
            return Err(problem(
                &decoded.path,
                line.number,
                format!("the sentence that starts at line {first} has more than {MAX_WORDS} tokens"),
                "separate sentences by empty lines",
            ));
        }
        sentence.push(Row { line: line.number, columns });
    }
    Ok((sentences, comments))
}

/// Whether a line that starts with `#`, before a sentence, is none of its tokens: it has no tag, or another number of
/// columns than the lines with tokens.
fn is_comment(columns: &[&str], expected: Option<usize>) -> bool {
    let tagged = columns.len() > 1 && columns.last().is_some_and(|tag| Tag::parse(&clean(tag)).is_ok());
    let fits = expected == Some(columns.len());
    match columns[0] {
        "#" => !tagged || !fits,
        _ => !tagged && !fits,
    }
}

fn columns_of<'a>(line: &Line<'a>, named: Option<&Columns>) -> Vec<&'a str> {
    let mut columns = split(line.text);
    let fewest = named.map_or(2, Columns::len);
    while columns.len() > fewest && columns.last().is_some_and(|column| column.chars().all(is_blank)) {
        columns.pop();
    }
    columns
}

/// The tag on a line with a token, as it is written, without what [`clean`] removes around it.
pub(super) fn written_tag<'a>(line: &Line<'a>, named: Option<&Columns>) -> &'a str {
    let columns = columns_of(line, named);
    let tag = match named.and_then(Columns::tag) {
        Some(tag) => columns.get(tag),
        None => columns.last(),
    };
    tag.copied().unwrap_or_default().trim_matches(is_blank)
}

/// The columns of a line; none if it holds nothing that can be seen.
pub(super) fn split(line: &str) -> Vec<&str> {
    let trimmed = line.trim_end_matches([' ', '\t']);
    if line.chars().all(is_blank) {
        Vec::new()
    } else if trimmed.contains('\t') || line.contains('\t') && !trimmed.contains(' ') {
        line.split('\t').collect()
    } else {
        line.split([' ', '\t']).filter(|column| !column.is_empty()).collect()
    }
}

/// Which columns of a file are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) n_columns: usize,
    pub(super) token: usize,
    pub(super) tag: usize,
}

impl Layout {
    /// The named columns, or the first and the last of the first line. The columns of a copy that
    /// [`write_copy`](crate::perturb::write_copy) wrote are known, and not checked.
    fn of(path: &Path, sentences: &[Vec<Row<'_>>], named: Option<&Columns>) -> Result<Self> {
        if let Some(named) = named {
            let Some(tag) = named.tag() else {
                let problem = Problem::new(format!("the columns `{named}` have no tag"));
                return Err(Error::Config(problem.hint("name one of them `tag`: `--columns id,token,_,tag`")));
            };
            return Ok(Self { n_columns: named.len(), token: named.token(), tag });
        }
        let n_columns = sentences.first().map_or(0, |rows| rows[0].columns.len());
        let layout = Self { n_columns, token: 0, tag: n_columns.saturating_sub(1) };
        let ours = path.with_file_name(NOISE_FILE).is_file();
        if !ours && sentences.iter().flatten().all(|row| row.columns.len() == n_columns) {
            columns::check(path, sentences)?;
        }
        Ok(layout)
    }

    /// Refuses a line that does not fit.
    fn check(self, path: &Path, row: &Row<'_>) -> Result<()> {
        let (n, expected) = (row.columns.len(), self.n_columns);
        if n < 2 {
            return Err(problem(
                path,
                row.line,
                format!("`{}` is the only column of its line", printable(row.columns[0])),
                "each line needs a token and a tag, separated by a tab or a space",
            ));
        }
        if n != expected {
            return Err(problem(
                path,
                row.line,
                format!("{n} columns where the lines before have {expected}"),
                "give every line as many columns as the first; separate by tabs if a column holds spaces",
            ));
        }
        if row.columns[self.token].is_empty() {
            return Err(empty_token(path, row.line));
        }
        Ok(())
    }
}

fn empty_token(path: &Path, line: usize) -> Error {
    problem(
        path,
        line,
        "the token is empty",
        "remove the line or put a token before the first tab; where the token is in another column, name all columns: \
         `--columns id,token,_,tag`",
    )
}

fn problem(path: &Path, line: usize, what: impl Into<String>, hint: impl Into<String>) -> Error {
    Error::Data(Problem::new(what).at(path).line(line).hint(hint))
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
            match parse_bytes(&lines.join(&b'\n')) {
                Ok(file) => {
                    for sentence in &file.sentences {
                        prop_assert!(!sentence.tokens.is_empty());
                        prop_assert_eq!(sentence.tokens.len(), sentence.tags.len());
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

    fn parse_bytes(bytes: &[u8]) -> Result<ConllFile> {
        parse(&Decoded::new(Path::new("train.txt"), bytes)?, None)
    }

    fn read(text: &str) -> ConllFile {
        parse_bytes(text.as_bytes()).unwrap()
    }

    fn named(columns: &str, text: &str) -> ConllFile {
        parse(&Decoded::new(Path::new("x"), text.as_bytes()).unwrap(), Some(&columns.parse().unwrap())).unwrap()
    }

    fn words(file: &ConllFile) -> Vec<Vec<&str>> {
        file.sentences.iter().map(|sentence| sentence.tokens.iter().map(String::as_str).collect()).collect()
    }

    fn tags(file: &ConllFile) -> Vec<&str> {
        file.sentences.iter().flat_map(|sentence| &sentence.tags).map(String::as_str).collect()
    }

    #[test]
    fn any_number_of_columns_is_read_first_and_last_count() {
        let file = read("EU NNP I-NP B-ORG\nrejects VBZ I-VP O\n\nPeter NNP I-NP B-PER\n");
        assert_eq!(file.n_columns, 4);
        assert_eq!(words(&file), vec![vec!["EU", "rejects"], vec!["Peter"]]);
        assert_eq!(file.sentences[0].tags, ["B-ORG", "O"]);
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
        assert_eq!(read(&text).sentences[0].tokens.len(), MAX_WORDS);
        let error = parse_bytes(format!("{text}a O\n").as_bytes()).unwrap_err();
        assert!(error.to_string().starts_with("train.txt:65536: the sentence that starts at line 1 has more than"));
    }

    #[test]
    fn white_space_and_invisible_characters_make_no_tag() {
        for text in
            ["a\tB-X \nb\t O", "a B-X \nb O  ", "a\tB-X\t\nb\tO\t", "a B-X\t\nb O\t", "a\tB-X\u{a0}\nb\tO\u{200b}"]
        {
            let file = read(text);
            assert_eq!((words(&file), tags(&file)), (vec![vec!["a", "b"]], vec!["B-X", "O"]), "{text:?}");
        }
        assert!(read("a\tB-X\u{a0}\nb\tO\nc\tO\u{200e}").notes[0].contains("2 tags with white space"));
        assert_eq!(words(&read("a \tO\n\u{200b}\tO")), [["a ", "\u{200b}"]]);
    }

    #[test]
    fn comments_before_a_sentence_are_left_out() {
        let file = read("# id = 1\na O\nb O\n\n# id = 2\n#tag O\nb O\n\n#begin document (x);\n# O\nc O");
        assert_eq!(words(&file), vec![vec!["a", "b"], vec!["#tag", "b"], vec!["#", "c"]]);
        assert_eq!(file.notes, ["train.txt: 3 comment lines are left out, the first is line 1"]);
        assert_eq!(file.sentences[1].line(0), 6);
    }

    #[test]
    fn named_columns_are_read() {
        let file = named("id,token,tag,_", "#\thttp://x [1]\n1\tIn\tO\tO\n2\tHalden\tB-ORG\tB-LOC\n");
        assert_eq!((words(&file), tags(&file)), (vec![vec!["In", "Halden"]], vec!["O", "B-ORG"]));
        assert_eq!(file.sentences[0].first_line, 2);
        let file = named("tag,_,token", "O\t\ta b\nB-X\t\tc\n");
        assert_eq!((words(&file), tags(&file)), (vec![vec!["a b", "c"]], vec!["O", "B-X"]));
    }

    #[test]
    fn a_file_without_empty_lines_is_noticed() {
        assert!(read(&"a O\n".repeat(LONG_SENTENCE)).notes[0].contains("no empty line"));
        assert!(read(&"a O\n".repeat(LONG_SENTENCE - 1)).notes.is_empty());
        assert!(read(&"a O\n\n".repeat(LONG_SENTENCE)).notes.is_empty());
    }
}
