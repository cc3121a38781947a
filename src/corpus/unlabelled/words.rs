//! One token a line, an empty line between sentences; columns behind the token may hold anything, in any number.

use std::path::Path;

use super::recognise::is_tag;
use super::{Fault, UnlabelledSentence};
use crate::Result;
use crate::corpus::Columns;
use crate::corpus::columns::{Row, column_fault, refusal, token_column};
use crate::corpus::read::split;

/// The first column of a line between documents.
pub(super) const DOCSTART: &str = "-DOCSTART-";

/// The sentences of the lines, whose token is in the first column, or in the one that `named` calls so.
///
/// # Errors
/// A line without a token: a tab comes first, or there are fewer columns than named.
pub(super) fn read(lines: &[&str], named: Option<&Columns>) -> Result<Vec<UnlabelledSentence>, Fault> {
    let at = named.map_or(0, Columns::token);
    let mut sentences = Vec::new();
    for rows in rows(lines, named) {
        let line = rows[0].line;
        if let Some((named, row)) = named.and_then(|named| Some((named, other_width(&rows, named)?))) {
            return Err(Fault {
                what: format!(
                    "the columns of the line number {}, and `--columns` names {}",
                    row.columns.len(),
                    named.len()
                ),
                line: Some(row.line),
                hint: "name all columns of the file; for plain text give `--input text` instead".into(),
            });
        }
        let tokens = rows.iter().filter(|row| !is_no_token(row, named)).map(|row| match row.columns.get(at) {
            Some(token) if !token.is_empty() => Ok((*token).to_owned()),
            Some(_) => Err(Fault {
                what: "the token is empty".into(),
                line: Some(row.line),
                hint: "remove the line, or put a token before the tab".into(),
            }),
            None => Err(Fault {
                what: format!("{} columns, and the token is column {}", row.columns.len(), at + 1),
                line: Some(row.line),
                hint: "name the columns that the file has with `--columns`".into(),
            }),
        });
        sentences.push(UnlabelledSentence { line, tokens: tokens.collect::<Result<_, _>>()?, text: None });
    }
    Ok(sentences)
}

/// The first line that has another number of columns than there are names.
fn other_width<'a, 'b>(rows: &'b [Row<'a>], named: &Columns) -> Option<&'b Row<'a>> {
    rows.iter().find(|row| row.columns.len() != named.len())
}

/// Refuses a file with several columns whose first one is not the token: it counts, is constant or looks like ids.
///
/// # Errors
/// [`crate::Error::Data`] with two rows, and the option that names the columns.
pub(super) fn check(path: &Path, lines: &[&str]) -> Result<()> {
    let sentences = rows(lines, None);
    let seen: Vec<&[Row<'_>]> = sentences.iter().map(Vec::as_slice).collect();
    let all = || sentences.iter().flatten();
    let Some(n) = all().next().map(|row| row.columns.len()).filter(|n| *n > 1) else { return Ok(()) };
    let tagged = all().filter(|row| row.columns.last().is_some_and(|tag| is_tag(tag))).count() * 2 >= all().count();
    // Of two columns the second is the token or its tag.
    if (n == 2 && tagged) || all().any(|row| row.columns.len() != n) {
        return Ok(());
    }
    let why = column_fault(&seen, 0).or_else(|| counts(&sentences).then_some("counts"));
    let tag = if tagged { n - 1 } else { n };
    match why {
        Some(why) => Err(refusal(
            path,
            &seen,
            format!("the first column {why}: it is not the token"),
            token_column(&seen, tag),
            tag,
        )),
        None => Ok(()),
    }
}

/// True if the first column has 0, 1, 2, … or 1, 2, … in each sentence.
fn counts(sentences: &[Vec<Row<'_>>]) -> bool {
    let numbers = |rows: &[Row<'_>]| rows.iter().map(|row| row.columns[0].parse().ok()).collect::<Option<Vec<u64>>>();
    let from = |rows: &[Row<'_>]| {
        numbers(rows).is_some_and(|ids| ids[0] <= 1 && ids.iter().zip(ids[0]..).all(|(id, expected)| *id == expected))
    };
    sentences.iter().all(|rows| from(rows)) && sentences.iter().any(|rows| rows.len() > 1)
}

/// The lines by sentence, without comments.
fn rows<'a>(lines: &[&'a str], named: Option<&Columns>) -> Vec<Vec<Row<'a>>> {
    let usual = lines.iter().filter(|line| !line.starts_with('#')).map(|line| split(line).len());
    let usual = named.map(Columns::len).or_else(|| usual.into_iter().find(|n| *n > 0)).unwrap_or(0);
    let mut sentences: Vec<Vec<Row<'a>>> = Vec::new();
    let mut open = false;
    for (line, text) in (1..).zip(lines) {
        let columns = split(text);
        if columns.first().is_none_or(|first| *first == DOCSTART) {
            open = false;
        } else if open || usual < 2 || !text.starts_with('#') || columns.len() == usual {
            if !open {
                sentences.push(Vec::new());
                open = true;
            }
            if let Some(rows) = sentences.last_mut() {
                rows.push(Row { line, columns });
            }
        }
    }
    sentences
}

/// True for a line of CoNLL-U that stands for several tokens (`1-2`), or for one that is not in the text (`1.1`).
fn is_no_token(row: &Row<'_>, named: Option<&Columns>) -> bool {
    let id = row.columns.first().copied().unwrap_or_default();
    let range = id.contains(['-', '.']) && id.chars().all(|c| c.is_ascii_digit() || c == '-' || c == '.');
    named.is_some_and(|named| named.token() == 1) && row.columns.len() == 10 && range
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(lines: &[&str], columns: Option<&str>) -> Vec<(usize, String)> {
        let columns = columns.map(|names| names.parse().unwrap());
        let sentences = read(lines, columns.as_ref()).unwrap();
        sentences.into_iter().map(|sentence| (sentence.line, sentence.tokens.join("|"))).collect()
    }

    #[test]
    fn tokens_are_the_first_column() {
        let lines = ["-DOCSTART- -X- O", "", "Odila\tB-PER", "Marn x y", "", "  ", "New York\tO", "left"];
        assert_eq!(tokens(&lines, None), [(3, "Odila|Marn".into()), (7, "New York|left".into())]);
        assert_eq!(read(&["a", "\tO"], None).unwrap_err().line, Some(2));
    }

    #[test]
    fn columns_are_named_and_comments_left_out() {
        let lines = ["# text = zum Ziel", "1-2\tzum", "1\tzu", "2\tdem", "", "1\tZiel"];
        let lines: Vec<String> = lines
            .iter()
            .map(|line| if line.contains('\t') { format!("{line}{}", "\t_".repeat(8)) } else { (*line).to_owned() })
            .collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        assert_eq!(tokens(&lines, Some("id,token,_,_,_,_,_,_,_,_")), [(2, "zu|dem".into()), (6, "Ziel".into())]);
        assert_eq!(read(&["1\ta", "2"], Some(&"id,token".parse().unwrap())).unwrap_err().line, Some(2));
        assert_eq!(tokens(&["#", "#1", "is"], None), [(1, "#|#1|is".into())], "a token that begins with #");
    }

    #[test]
    fn a_first_column_that_is_not_the_token_is_refused_with_the_option() {
        for lines in [
            &["1\tOdila\tB-PER", "2\tleft\tO", "", "1\tJuno\tB-PER"][..],
            &["#\thttp://x", "1\tOdila\tB-PER\tO", "2\tleft\tO\tO"],
            &["0 Odila B-PER", "1 left O", "2 . O"],
            &["d7\tOdila\tB-PER", "d7\tleft\tO", "d7\tin\tO", "d7\t.\tO"],
            &["1\tOdila", "2\tleft", "3\t."],
        ] {
            let error = check(Path::new("a"), lines).unwrap_err();
            assert!(error.to_string().contains("is not the token"), "{lines:?}: {error}");
            assert!(error.hint().unwrap().contains("--columns id,token"), "{error:?}");
        }
        for lines in [&["12\tB-X", "13\tI-X", "14\tO"][..], &["12", "13", "14"], &["In NN O", "1996 CD O", "it NN O"]] {
            assert!(check(Path::new("a"), lines).is_ok(), "{lines:?}");
        }
    }
}
