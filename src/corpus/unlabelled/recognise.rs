//! The form of a file, by its lines.
//!
//! What decides is how many fields the lines have, separated by tabs or spaces, and what the last field is:
//!
//! | lines | form |
//! | --- | --- |
//! | JSON objects | JSON lines |
//! | one field each | words |
//! | several fields, the last of them a tag (`O`, `B-PER`) in nine lines of ten | words, with columns behind the token |
//! | four of five lines have tabs | words, with columns behind the token |
//! | anything else | text |
//!
//! Refused is what may be either: lines with equally many fields whose last one looks like a part of speech, lines with
//! several words where most have one, and tags in another place than a column.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::words::DOCSTART;
use super::{Fault, Form, foreign, foreign_json, json};
use crate::corpus::tags::clean;

/// A line that is not empty.
pub(super) struct Row<'a> {
    /// One-based.
    pub number: usize,
    /// The line, without spaces around it.
    pub line: &'a str,
    /// Separated by tabs if there is one inside, else by white space.
    pub fields: Vec<&'a str>,
    pub has_tab: bool,
}

impl<'a> Row<'a> {
    fn new(number: usize, line: &'a str) -> Self {
        let line = line.trim();
        let has_tab = line.contains('\t');
        let fields = match has_tab {
            true => line.split('\t').collect(),
            false => line.split_whitespace().collect(),
        };
        Self { number, line, fields, has_tab }
    }

    fn last(&self) -> &'a str {
        self.fields.last().copied().unwrap_or_default()
    }
}

/// The form of a file with these lines.
///
/// # Errors
/// A format of another tool, and lines that may be in several forms.
pub(super) fn form(path: &Path, lines: &[&str]) -> Result<Form, Fault> {
    if is_json(path, lines)? {
        return Ok(Form::Json);
    }
    let rows: Vec<Row<'_>> =
        (1..).zip(lines).map(|(number, line)| Row::new(number, line)).filter(|row| !row.line.is_empty()).collect();
    if let Some(fault) = foreign::text(path, &rows) {
        return Err(fault);
    }
    let rows: Vec<Row<'_>> = rows.into_iter().filter(|row| row.fields[0] != DOCSTART).collect();
    match rows.iter().filter(|row| row.has_tab).count() {
        0 => of_fields(&rows),
        n if n * 5 >= rows.len() * 4 => match foreign::sentences_in_a_table(&rows) {
            Some(fault) => Err(fault),
            None => Ok(Form::Words),
        },
        // Lines with a token alone among such with columns.
        _ if rows.iter().all(|row| row.has_tab || row.fields.len() == 1) => Ok(Form::Words),
        _ => Ok(Form::Text),
    }
}

/// True for JSON lines.
fn is_json(path: &Path, lines: &[&str]) -> Result<bool, Fault> {
    let Some((at, first)) = lines.iter().enumerate().find(|(_, line)| !line.trim().is_empty()) else {
        return Ok(false);
    };
    let whole = |index: usize| serde_json::from_str::<Value>(&lines[index..].join("\n")).ok();
    match serde_json::from_str::<Value>(first) {
        Ok(Value::Object(object)) => match json::tokens(&object) {
            Some(_) => return Ok(true),
            None => return Err(foreign_json::record(&object, at + 1)),
        },
        Ok(array @ Value::Array(_)) => return Err(foreign_json::document(&whole(at).unwrap_or(array))),
        _ => {}
    }
    // The beginning of an object, of an array of objects or of one of arrays, which prose does not begin with.
    let start: String =
        lines[at..].iter().flat_map(|line| line.chars()).filter(|c| !c.is_whitespace()).take(2).collect();
    let named = path.extension().is_some_and(|extension| extension == "json" || extension == "jsonl");
    if named || matches!(start.as_str(), "{\"" | "[{" | "[[") {
        return match whole(at) {
            Some(document) => Err(foreign_json::document(&document)),
            // As JSON lines it is refused with the line.
            None if first.trim_start().starts_with('{') && first.trim_end().len() > 1 => Ok(true),
            None => Err(Fault {
                what: "this is neither a JSON document nor JSON lines".into(),
                line: Some(at + 1),
                hint: "write one JSON object a line, with a list of `tokens`; or give the file another extension"
                    .into(),
            }),
        };
    }
    Ok(false)
}

/// The form of lines without tabs.
fn of_fields(rows: &[Row<'_>]) -> Result<Form, Fault> {
    let n = rows.len();
    let single = rows.iter().filter(|row| row.fields.len() == 1).count();
    if single == n {
        return Ok(if are_sentences_without_spaces(rows) { Form::Text } else { Form::Words });
    }
    if is_tagged(rows) {
        return Ok(Form::Words);
    }
    if let Some(row) = rows.iter().find(|row| row.fields.len() > 1).filter(|_| n >= 3 && single * 10 >= n * 6) {
        return Err(ambiguous(row, format!("{} words, where most lines have one", row.fields.len())));
    }
    let equal = rows.iter().all(|row| row.fields.len() == rows[0].fields.len());
    let counting = |pair: &[Row<'_>]| {
        let id = |row: &Row<'_>| row.fields[0].parse::<u32>().ok();
        id(&pair[1]).is_some_and(|next| next <= 1 || id(&pair[0]).is_some_and(|n| n.checked_add(1) == Some(next)))
    };
    if let Some(row) = rows.first().filter(|_| equal && n >= 3 && rows.windows(2).all(counting)) {
        return Err(ambiguous(row, "the first field of each line counts".to_owned()));
    }
    if let Some(row) = rows.first().filter(|_| equal && n >= 4 && are_codes(rows)) {
        return Err(ambiguous(
            row,
            format!("{} fields in each line, and the last is not a tag of entities", row.fields.len()),
        ));
    }
    Ok(Form::Text)
}

fn ambiguous(row: &Row<'_>, what: String) -> Fault {
    Fault {
        what,
        line: Some(row.number),
        hint:
            "if the first field of a line is a token, give `--input words`; if each line is a sentence, `--input text`"
                .into(),
    }
}

/// True if nine lines of ten end in a tag behind a token.
fn is_tagged(rows: &[Row<'_>]) -> bool {
    let n = rows.len();
    let tagged: Vec<&Row<'_>> = rows.iter().filter(|row| row.fields.len() > 1 && is_tag(row.last())).collect();
    if tagged.len() * 10 >= n * 9 {
        return match n {
            // A sentence may end in a word that looks like a tag.
            1 => rows[0].fields.len() <= 4 && rows[0].last() != "O" && !rows[0].last().contains(char::is_lowercase),
            2 => tagged.iter().any(|row| row.last() != "O"),
            _ => true,
        };
    }
    // Types without prefixes, `O` among them.
    let equal = rows.iter().all(|row| row.fields.len() > 1 && row.fields.len() == rows[0].fields.len());
    let last: BTreeSet<&str> = rows.iter().map(Row::last).collect();
    let types =
        last.iter().all(|tag| tag.len() > 2 && is_type(tag) && !tag.contains(char::is_lowercase) || *tag == "O");
    let outside = rows.iter().filter(|row| row.last() == "O").count();
    equal && types && outside * 3 >= n && n >= 3
}

/// True for `O`, and for a prefix of a scheme before the name of a type.
pub(super) fn is_tag(text: &str) -> bool {
    let prefixed = |(prefix, name): (&str, &str)| matches!(prefix, "B" | "I" | "E" | "S" | "L" | "U") && is_type(name);
    let name = clean(text);
    name == "O" || name.split_once('-').is_some_and(prefixed)
}

fn is_type(name: &str) -> bool {
    name.starts_with(char::is_alphabetic) && name.chars().all(|c| c.is_alphanumeric() || "_-./+&:()|%#".contains(c))
}

/// True if the last fields look like parts of speech: in capitals, which the other fields are not, and with letters in half of
/// the lines.
fn are_codes(rows: &[Row<'_>]) -> bool {
    let with_letters = rows.iter().filter(|row| row.last().contains(|c: char| c.is_ascii_uppercase())).count();
    let others = rows.iter().flat_map(|row| &row.fields[..row.fields.len() - 1]);
    with_letters * 2 >= rows.len()
        && rows.iter().all(|row| row.last().is_ascii() && !row.last().contains(char::is_lowercase))
        && others.into_iter().any(|field| field.contains(|c: char| c.is_alphabetic() && !c.is_uppercase()))
}

/// True if half of the lines, none of which has a space, are longer than a word is in scripts that have no spaces, or end
/// as sentences do.
fn are_sentences_without_spaces(rows: &[Row<'_>]) -> bool {
    let is_sentence = |row: &&Row<'_>| {
        let n = row.line.chars().filter(|&c| has_no_spaces(c)).count();
        n > 8 || (n > 2 && row.line.ends_with(['。', '！', '？', '．']))
    };
    rows.iter().filter(is_sentence).count() * 2 >= rows.len().max(1)
}

/// True for a character of a script that is written without spaces between words.
fn has_no_spaces(c: char) -> bool {
    matches!(c,
        '\u{0e00}'..='\u{0eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3040}'..='\u{30ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{2ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form_of(text: &str) -> Result<Form, Fault> {
        form(Path::new("file.txt"), &text.lines().collect::<Vec<_>>())
    }

    #[test]
    fn words_are_recognised_with_and_without_columns() {
        for text in [
            "Odila\nMarn\nleft\n\nDrava\n",
            "Drava",
            "Odila\tB-PER\nMarn\tI-PER\n\nleft\tO",
            "Odila\tNNP\tx\nMarn\tNNP\ty",
            "Odila NNP I-NP B-PER\nleft VBD I-VP O\n\n. . O O\n",
            "-DOCSTART- -X- O O\n\nOdila B-PER\nleft O",
            "Odila PER\nleft O\n. O\nDrava LOC",
            "left O\n. O\n\nIt O\nrained O",
            "Odila\nMarn\nleft\n\n<script>\tanything\tO",
            "New York\tB-LOC\nis\tO",
            "今天\n天气\n很\n好\n。",
        ] {
            assert_eq!(form_of(text), Ok(Form::Words), "{text}");
        }
        let damaged = format!("{}Marn\n", "Odila B-PER\nleft O\n".repeat(9));
        assert_eq!(form_of(&damaged), Ok(Form::Words));
    }

    #[test]
    fn prose_is_text_however_short_its_lines() {
        for text in [
            "Odila Marn left",
            "Odila Marn left\nJuno Pell came",
            "Odila Marn left .\nJuno Pell came .\n\nRain fell today .\nIt is late .",
            "Hello\n\nThe president spoke in Tarrow today.",
            "Blood type O",
            "He drives on I-95",
            "They met in room B-12\nand left on I-80",
            "\tThe sun is shining.\nIt is\tcold .",
            "[Applause] Thank you.",
            "\"Well,\" he said.\n{laughs} Yes.",
            "今天天气很好。\n我们去公园。",
            "She said <b>no</b> to it.",
            "ODILA LEFT\nJUNO CAME\nRAIN FELL\nIT ENDS",
            "1 Odila left\n2 Juno came with a friend",
        ] {
            assert_eq!(form_of(text), Ok(Form::Text), "{text}");
        }
    }

    #[test]
    fn what_may_be_either_is_refused_with_the_option() {
        for text in
            ["Odila NNP\nMarn NNP\nleft VBD\n. .", "Odila\nleft\n\nNew York\n.", "今天 NT\n天气 NN\n很 AD\n好 VA"]
        {
            let fault = form_of(text).unwrap_err();
            assert!(fault.hint.contains("--input words") && fault.line.is_some(), "{text}: {fault:?}");
        }
    }

    #[test]
    fn json_lines_are_told_from_json_documents_and_prose() {
        assert_eq!(form_of("\n{\"tokens\": [\"a\"]}\n{\"tokens\": [\"b\"]}"), Ok(Form::Json));
        assert_eq!(form_of("{\"words\": [\"a\"]}\nnot JSON"), Ok(Form::Json), "the line is named when it is read");
        for (text, what) in [
            ("[\n {\"tokens\": [\"a\"]}\n]", "a JSON array"),
            ("{\n \"tokens\": [\"a\"]\n}", "several lines"),
            ("[\n {\"tokens\": [\"a\"]},", "neither"),
            ("{\"id\": 1, \"text\": \"a\", \"label\": []}", "doccano"),
            ("[\"Odila\", \"left\"]\n[\"Juno\"]", "a JSON array"),
        ] {
            let fault = form_of(text).unwrap_err();
            assert!(fault.what.contains(what), "{text}: {}", fault.what);
        }
        let named = |name: &str| form(Path::new(name), &["Odila left"]);
        assert!(named("a.jsonl").is_err() && named("a.txt").is_ok());
    }
}
