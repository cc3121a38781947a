//! Formats of other tools, by their first bytes and by their lines.

use std::path::Path;

use super::Fault;
use super::recognise::{Row, is_tag};

const ONE_SENTENCE_A_LINE: &str = "write the text alone, one sentence a line";

/// What binary files begin with, their format, and what to do.
const SIGNATURES: [(&[u8], &str, &str); 17] = [
    (
        b"PK\x03\x04",
        "a zip archive, or a document of Word, Excel or LibreOffice",
        "unpack it, or save it as plain text",
    ),
    (b"\x1f\x8b", "a file compressed with gzip", "decompress it: `gunzip -c FILE | memoscope model predict MODEL -`"),
    (b"BZh", "a file compressed with bzip2", "decompress it first"),
    (b"\x28\xb5\x2f\xfd", "a file compressed with zstd", "decompress it first"),
    (b"\xfd7zXZ\0", "a file compressed with xz", "decompress it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it first"),
    (b"%PDF-", "a PDF file", "extract its text first, for example with `pdftotext`"),
    (b"{\\rtf", "an RTF document", "save it as plain text"),
    (b"\xd0\xcf\x11\xe0", "a document of an old Word or Excel", "save it as plain text"),
    (b"PAR1", "a Parquet file", "write its tokens as JSON lines: one object a line, with a list of `tokens`"),
    (b"ARROW1", "an Arrow file", "write its tokens as JSON lines: one object a line, with a list of `tokens`"),
    (b"SQLite format 3", "an SQLite database, such as Prodigy's", "export the text, one sentence a line"),
    (b"\x89PNG", "a picture", ONE_SENTENCE_A_LINE),
    (b"\xff\xd8\xff", "a picture", ONE_SENTENCE_A_LINE),
    (b"\x80\x03", "a Python pickle", ONE_SENTENCE_A_LINE),
    (b"\x80\x04", "a Python pickle", ONE_SENTENCE_A_LINE),
    (b"\x80\x05", "a Python pickle", ONE_SENTENCE_A_LINE),
];

/// Why a file with these bytes is not text.
pub(super) fn binary(path: &Path, bytes: &[u8]) -> Option<Fault> {
    if has_extension(path, &["spacy"]) || (bytes.len() > 2 && bytes[0] == 0x78 && matches!(bytes[1], 1 | 0x9c | 0xda)) {
        let hint = "write the tokens of its documents as JSON lines: one object a line, with a list of `tokens`";
        return Some(Fault::foreign("a binary file of spaCy (DocBin), or other compressed data", None, hint));
    }
    if let Some((_, format, hint)) = SIGNATURES.iter().find(|(start, ..)| bytes.starts_with(start)) {
        return Some(Fault::foreign(format, None, *hint));
    }
    let utf16 = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
    let binary = !utf16 && bytes.contains(&0) && std::str::from_utf8(bytes).is_err();
    binary.then(|| Fault::foreign("a binary file", None, "give a text file in UTF-8"))
}

/// Why a text with these lines is in none of the forms that are read.
pub(super) fn text(path: &Path, rows: &[Row<'_>]) -> Option<Fault> {
    let first = rows.first()?;
    webanno_or_conll(path, rows)
        .or_else(|| markup(first, rows))
        .or_else(|| standoff(path, rows))
        .or_else(|| table_with_header(path, rows))
        .or_else(|| tags_elsewhere(rows))
}

fn webanno_or_conll(path: &Path, rows: &[Row<'_>]) -> Option<Fault> {
    if let Some(row) = rows.iter().find(|row| row.line.starts_with("#FORMAT=WebAnno")) {
        let hint = "write the tokens alone, one a line with an empty line between sentences: they are its third column";
        return Some(Fault::foreign("a WebAnno TSV file", Some(row.number), hint));
    }
    if let Some(row) = rows.first().filter(|row| row.line.starts_with("#begin document")) {
        let hint =
            "write the tokens alone, one a line with an empty line between sentences: they are its fourth column";
        return Some(Fault::foreign("a CoNLL-2012 file", Some(row.number), hint));
    }
    let comment = |row: &&Row<'_>| {
        let text = row.line.strip_prefix('#').map(str::trim_start).unwrap_or_default();
        ["sent_id", "text =", "text=", "newdoc", "newpar", "global.columns"].iter().any(|key| text.starts_with(key))
    };
    let is_token = |row: &Row<'_>| row.fields.len() > 1 && is_id(row.fields[0]);
    let tokens = || rows.iter().find(|row| !row.line.starts_with('#')).filter(|row| is_token(row));
    let ten = || tokens().filter(|row| row.has_tab && row.fields.len() == 10);
    let found = match rows.iter().find(comment) {
        Some(row) => tokens().map(|_| row),
        None if has_extension(path, &["conllu"]) => rows.first(),
        None => ten(),
    };
    let hint = "its first column counts the tokens: name the columns, `--columns id,token,_,_,_,_,_,_,_,_`";
    found.map(|row| Fault::foreign("a CoNLL-U file", Some(row.number), hint))
}

/// True for an id of CoNLL-U: 1, 1-2 (several tokens), 1.1 (a token that is not in the text).
fn is_id(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(|c| c.is_ascii_digit() || c == '-' || c == '.')
}

fn markup(first: &Row<'_>, rows: &[Row<'_>]) -> Option<Fault> {
    let line = first.line.to_lowercase();
    let declared = ["<?xml", "<!doctype", "<html", "<!--"].iter().any(|start| line.starts_with(start));
    let name = line.strip_prefix('<')?.split(|c: char| !c.is_alphanumeric() && !"_:-".contains(c)).next()?;
    let closing = format!("</{name}>");
    let element = name.starts_with(char::is_alphabetic)
        && line.contains('>')
        && rows.iter().any(|row| row.line.to_lowercase().contains(&closing));
    (declared || element).then(|| {
        Fault::foreign("XML or HTML", Some(first.number), "extract the text first, and write one sentence a line")
    })
}

fn standoff(path: &Path, rows: &[Row<'_>]) -> Option<Fault> {
    let is_entity = |row: &&Row<'_>| {
        let [id, place, ..] = row.fields[..] else { return false };
        let numbered = id.strip_prefix('T').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
        let mut place = place.split([' ', ';']);
        row.has_tab && numbered && place.next().is_some() && place.next().is_some_and(|n| n.parse::<u64>().is_ok())
    };
    let brat = rows.iter().find(is_entity).or_else(|| rows.first().filter(|_| has_extension(path, &["ann"])));
    if let Some(row) = brat {
        let hint = "give the .txt file that lies beside it, one sentence a line";
        return Some(Fault::foreign("a brat annotation file (.ann)", Some(row.number), hint));
    }
    let is_title = |line: &str| {
        let mut parts = line.splitn(3, '|');
        let id = parts.next().is_some_and(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit()));
        id && parts.next() == Some("t") && parts.next().is_some()
    };
    let row = rows.first().filter(|row| is_title(row.line))?;
    Some(Fault::foreign("a PubTator file", Some(row.number), ONE_SENTENCE_A_LINE))
}

/// Names that the columns of a table have.
const HEADINGS: [&str; 38] = [
    "#",
    "document",
    "doc",
    "doc_id",
    "end",
    "entities",
    "entity",
    "form",
    "id",
    "idx",
    "index",
    "iob",
    "label",
    "labels",
    "lemma",
    "ner",
    "ner_tag",
    "ner_tags",
    "offset",
    "pos",
    "pos_tag",
    "sent",
    "sent_id",
    "sentence",
    "sentence #",
    "sentence_id",
    "sentences",
    "start",
    "tag",
    "tags",
    "text",
    "texts",
    "token",
    "token_id",
    "tokens",
    "type",
    "word",
    "words",
];

fn table_with_header(path: &Path, rows: &[Row<'_>]) -> Option<Fault> {
    let first = rows.first()?;
    let is_table = has_extension(path, &["csv", "tsv"]);
    for separator in ['\t', ',', ';', '|', ' '] {
        let cells = |line: &str| line.split(separator).count();
        let names: Vec<String> =
            first.line.split(separator).map(|name| name.trim().trim_matches('"').to_lowercase()).collect();
        let known = names.iter().filter(|name| HEADINGS.contains(&name.as_str())).count();
        let enough = known * 2 >= names.len() && (separator != ' ' || known == names.len());
        let header = known > 0 && enough && names.iter().all(|name| is_heading(name));
        let found = match names.len() {
            1 => header && is_table && separator == ',',
            n => {
                header
                    || (separator != ' '
                        && has_extension(path, &["csv"])
                        && rows.iter().all(|row| cells(row.line) == n))
            }
        };
        // Prose may begin with a line such as `Text, words`; the lines of a table have as many separators.
        let like = rows.iter().skip(1).filter(|row| cells(row.line) >= names.len()).count();
        if found && (is_table || rows.len() == 1 || like * 2 >= rows.len() - 1) {
            let format = match separator {
                '\t' | ' ' => "a table with a header",
                _ => "a CSV table",
            };
            let hint = "write the column of sentences alone, one sentence a line; or the column of tokens, one a line with \
                        an empty line between sentences";
            return Some(Fault::foreign(format, Some(first.number), hint));
        }
    }
    None
}

fn is_heading(name: &str) -> bool {
    name.len() <= 30 && name.split_whitespace().count() <= 3 && !name.ends_with(['.', '!', '?'])
}

/// Why a table with tabs has no column of tokens in front.
pub(super) fn sentences_in_a_table(rows: &[Row<'_>]) -> Option<Fault> {
    let n_words =
        |row: &Row<'_>, column: usize| row.fields.get(column).map_or(0, |field| field.split_whitespace().count());
    let column = [0, 1]
        .into_iter()
        .find(|&column| rows.iter().filter(|row| n_words(row, column) >= 3).count() * 2 > rows.len())?;
    let first = rows.first()?;
    Some(Fault::foreign(
        &format!("a table with sentences in column {}", column + 1),
        Some(first.number),
        format!("keep the column of sentences alone: `cut -f{} FILE`", column + 1),
    ))
}

/// Why text with tags that are in no column is not read.
fn tags_elsewhere(rows: &[Row<'_>]) -> Option<Fault> {
    let hint = ONE_SENTENCE_A_LINE;
    let only_tags = |row: &Row<'_>| row.fields.len() > 1 && row.fields.iter().all(|tag| is_tag(tag));
    let pairs = rows.windows(2).find(|pair| {
        only_tags(&pair[1])
            && pair[0].fields.len() == pair[1].fields.len()
            && !only_tags(&pair[0])
            && pair[1].fields.iter().any(|tag| *tag != "O")
    });
    if let Some(pair) = pairs.filter(|pair| pair[1].fields.len() > 2 || rows.iter().skip(1).step_by(2).all(only_tags)) {
        return Some(Fault::foreign("text with lines of tags", Some(pair[1].number), hint));
    }
    let is_pair = |field: &&str| {
        let behind =
            |separator: char| field.rsplit_once(separator).is_some_and(|(token, tag)| !token.is_empty() && is_tag(tag));
        ['/', '|', '_'].into_iter().any(behind)
    };
    let fields = || rows.iter().flat_map(|row| &row.fields).copied();
    let (n, n_pairs) = (fields().count(), fields().filter(is_pair).count());
    if n_pairs > 0 && n_pairs * 10 >= n * 9 {
        return Some(Fault::foreign("text with a tag behind each token", rows.first().map(|row| row.number), hint));
    }
    None
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    path.extension().is_some_and(|extension| extensions.iter().any(|known| extension.eq_ignore_ascii_case(known)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::unlabelled::recognise::form;

    #[test]
    fn formats_of_other_tools_are_named() {
        for (name, content, format) in [
            ("a", "# sent_id = 1\n# text = Odila left\n1\tOdila\t_\n2\tleft\t_\n", "CoNLL-U"),
            ("a", "1-2\tzum\t_\t_\t_\t_\t_\t_\t_\t_\n1\tzu\t_\t_\t_\t_\t_\t_\t_\t_\n", "CoNLL-U"),
            ("a", "#FORMAT=WebAnno TSV 3.2\n\n1-1\t0-5\tOdila\t_\n", "WebAnno"),
            ("a", "#begin document (x); part 000\nx 0 0 Odila NNP *\n", "CoNLL-2012"),
            ("a", "<?xml version=\"1.0\"?>\n<doc>Odila</doc>\n", "XML or HTML"),
            ("a", "<!DOCTYPE html>\n<p>Odila\n", "XML or HTML"),
            ("a", "<doc id=\"1\">\nOdila left\n</doc>\n", "XML or HTML"),
            ("a", "T1\tPER 0 5\tOdila\nR1\tWorks Arg1:T1 Arg2:T2\n", "brat"),
            ("a", "T1\tPER 0 5;8 9\tOdila n\n", "brat"),
            ("a.ann", "Odila", "brat"),
            ("a", "1234|t|A title\n1234|a|An abstract\n", "PubTator"),
            ("a.csv", "sentence,label\n\"Odila left\",x\n", "CSV"),
            ("a", "Sentence #,Word,POS,Tag\nSentence: 1,Odila,NNP,B-PER\n,left,VBD,O\n", "CSV"),
            ("a", "text;label\nOdila left;1\n", "CSV"),
            ("a.csv", "text\nOdila left\n", "CSV"),
            ("a", "word\ttag\nOdila\tB-PER\n", "a table with a header"),
            ("a", "token label\nOdila B-PER\nleft O\n", "a table with a header"),
            ("a", "1\tThe sun is shining.\n2\tIt is cold.\n", "sentences in column 2"),
            ("a", "The sun is shining.\tpositive\nIt is cold.\tnegative\n", "sentences in column 1"),
            ("a", "x7\tThe sun is shining.\ny8\tIt is cold.\n", "sentences in column 2"),
            ("a", "Odila Marn left\nB-PER I-PER O\n", "lines of tags"),
            ("a", "Odila/B-PER Marn/I-PER left/O ./O\n", "a tag behind each token"),
        ] {
            let fault = form(Path::new(name), &content.lines().collect::<Vec<_>>()).unwrap_err();
            assert!(fault.what.contains(format), "{content}: {}", fault.what);
            assert!(fault.line.is_some() && !fault.hint.is_empty(), "{content}");
        }
    }

    #[test]
    fn binary_files_are_named() {
        for (name, bytes, format) in [
            ("a", &b"PK\x03\x04rest"[..], "zip archive"),
            ("a", b"\x1f\x8b\x08rest", "gzip"),
            ("a", b"%PDF-1.7", "PDF"),
            ("a.spacy", b"anything", "spaCy"),
            ("a", b"x\x9c\xed\xbd", "spaCy"),
            ("a", b"PAR1\x15", "Parquet"),
            ("a", b"Odila\0\xff", "a binary file"),
        ] {
            assert!(binary(Path::new(name), bytes).unwrap().what.contains(format), "{format}");
        }
        assert_eq!(binary(Path::new("a.txt"), "Łódź".as_bytes()), None);
        assert_eq!(binary(Path::new("a.txt"), b"\xff\xfeO\0"), None);
    }
}
