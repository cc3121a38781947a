//! Rows of a table joined with the tokens of the annotated file.
//!
//! A row names its token by `sentence` and `token`, or by its number in the file (the index that pandas writes, among
//! others). A table without such columns has one row for each token, in the order of the file. Either way every given
//! label of the table must be that of its token: a row in the wrong place is found unless another token with the same
//! label stands there.

use std::collections::BTreeMap;

use super::{FileToken, FileTokens, Row, Table};
use crate::Result;
use crate::corpus::tags;
use crate::dynamics::unguarded;
use crate::error::{Error, Problem, printable};

/// Columns that may hold the number of a sentence, and of a token in it.
const SENTENCES: [&str; 3] = ["sentence", "sentence_index", "sentence_id"];
const TOKENS: [&str; 3] = ["token", "token_index", "token_id"];
/// Columns that may hold the number of a token in the whole file, the most explicit name first. pandas writes an index
/// without a name as ``, reads it back as `Unnamed: 0`, and `reset_index` calls it `index`.
const NUMBERS: [&str; 7] = ["token_index", "token_id", "token", "id", "index", "Unnamed: 0", ""];
/// Columns that may hold the label of the token in the file.
const GIVEN: [&str; 2] = ["given_label", "given"];

/// The rows of a table, each with the number of its token in the file.
#[derive(Debug)]
pub(in crate::audit) struct Joined<'t> {
    /// Row and token, in the order of the table; no token is there twice.
    pub(in crate::audit) rows: Vec<(Row<'t>, usize)>,
    /// True if the given labels are those the file writes and not those of IOB2.
    pub(in crate::audit) as_written: bool,
}

/// Finds the token of each row, and compares the row's given label and word with it.
///
/// # Errors
/// [`Error::Data`] with the line: a number of no token, a token with two rows, a table without numbers that has another
/// number of rows than the file has tokens, or nothing to check its order by; a given label or word that is not the
/// token's.
pub(in crate::audit) fn join<'t>(table: &'t Table, tokens: &FileTokens<'_>) -> Result<Joined<'t>> {
    let mut refused = None;
    for key in Key::candidates(table) {
        match join_by(table, tokens, key) {
            Ok(joined) => return Ok(joined),
            Err(error) => {
                refused.get_or_insert(error);
            }
        }
    }
    match refused {
        Some(error) => Err(error),
        None => join_by(table, tokens, Key::Order),
    }
}

/// How a row says which token it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    /// By these columns: the sentence, and the token in it.
    Place { sentence: usize, token: usize },
    /// By this column: the token's number in the file.
    Number(usize),
    /// By its place in the table.
    Order,
}

impl Key {
    /// The keys that the table's columns allow, the most explicit one first; none if rows can only be in order.
    fn candidates(table: &Table) -> Vec<Self> {
        let numbers = |name: &&str| table.column(name).filter(|&column| holds_numbers(table, column));
        let sentence = SENTENCES.iter().find_map(numbers);
        let token = TOKENS.iter().find_map(numbers);
        if let (Some(sentence), Some(token)) = (sentence, token) {
            return vec![Self::Place { sentence, token }];
        }
        NUMBERS.iter().filter_map(numbers).map(Self::Number).collect()
    }

    /// The number of a row's token in the file.
    fn number(self, table: &Table, row: &Row<'_>, order: usize, tokens: &FileTokens<'_>) -> Result<usize> {
        let missing = |what: String, hint: &str| Error::Data(row.problem(what).hint(hint));
        match self {
            Self::Place { sentence, token } => {
                let (sentence, token) = (row.count(sentence)?, row.count(token)?);
                tokens.number(sentence, token).ok_or_else(|| {
                    let what =
                        format!("{} has no token {token} in a sentence {sentence}, counted from 0", tokens.file());
                    missing(what, "check that the table is about this file; sentences and tokens count from 0")
                })
            }
            Self::Number(column) => {
                let number = row.count(column)?;
                tokens.get(number).map(|_| number).ok_or_else(|| {
                    let what = format!("there is no token {number}: {} has {}", tokens.file(), tokens.len());
                    let name = table.name(column);
                    missing(what, &format!("the column `{name}` must count the tokens of the whole file from 0"))
                })
            }
            Self::Order => Ok(order),
        }
    }
}

/// Whether most fields of a column are whole numbers: a column `token` may also hold words, and `id` names of
/// documents.
fn holds_numbers(table: &Table, column: usize) -> bool {
    2 * table.rows().filter(|row| row.count(column).is_ok()).count() >= table.len()
}

fn join_by<'t>(table: &'t Table, tokens: &FileTokens<'_>, key: Key) -> Result<Joined<'t>> {
    let given = GIVEN.iter().find_map(|name| table.column(name));
    if key == Key::Order {
        require_order(table, tokens, given)?;
    }
    let mut seen: BTreeMap<usize, usize> = BTreeMap::new();
    let mut rows = Vec::with_capacity(table.len());
    for (order, row) in table.rows().enumerate() {
        let number = key.number(table, &row, order, tokens)?;
        if let Some(first) = seen.insert(number, row.line) {
            let what = format!("token {number} of {} has a row already, in line {first}", tokens.file());
            return Err(Error::Data(row.problem(what).hint("keep one row for each token")));
        }
        rows.push((row, number));
    }
    check_words(table, tokens, &rows)?;
    let as_written = match given {
        Some(given) => check_given(tokens, &rows, given, key)?,
        None => false,
    };
    Ok(Joined { rows, as_written })
}

/// Refuses a table without numbers of tokens whose rows cannot be in the order of the file, or not be known to be.
fn require_order(table: &Table, tokens: &FileTokens<'_>, given: Option<usize>) -> Result<()> {
    const NUMBER: &str = "save the table with its index (pandas: `to_csv` without `index=False`), or with the columns sentence and token";
    let refuse = |what: String| Err(Error::Data(Problem::new(what).at(table.path()).hint(NUMBER)));
    let (n, wanted) = (table.len(), tokens.len());
    if n != wanted {
        return refuse(format!("{n} rows, but {} has {wanted} tokens, and no column numbers them", tokens.file()));
    }
    if given.is_none() {
        return refuse(
            "no column numbers the tokens, and there is no `given_label` to check the rows' order by".into(),
        );
    }
    Ok(())
}

/// Refuses a row whose word is not that of its token. Columns of words are called `word`, or `token` if that holds no
/// numbers; a word may be guarded for spreadsheets.
fn check_words(table: &Table, tokens: &FileTokens<'_>, rows: &[(Row<'_>, usize)]) -> Result<()> {
    let of_token = || table.column("token").filter(|&column| !holds_numbers(table, column));
    let Some(column) = table.column("word").or_else(of_token) else { return Ok(()) };
    for (row, number) in rows {
        let (text, Some(token)) = (row.text(column), tokens.get(*number)) else { continue };
        if text != token.word && unguarded(text) != token.word {
            let what = format!("the word is `{}`, but {}", printable(text), stands(tokens, token, token.word));
            return Err(Error::Data(
                row.problem(what).hint("the table must be about this file, its rows in this order"),
            ));
        }
    }
    Ok(())
}

/// Refuses given labels that are neither those of the file in IOB2 nor those it writes. True if they are the latter
/// alone.
fn check_given(tokens: &FileTokens<'_>, rows: &[(Row<'_>, usize)], given: usize, key: Key) -> Result<bool> {
    let differing = |as_written: bool| -> Vec<(&Row<'_>, &FileToken<'_>)> {
        let pairs = rows.iter().filter_map(|(row, number)| Some((row, tokens.get(*number)?)));
        pairs.filter(|(row, token)| row.tag(given) != tags::clean(token.label(as_written))).collect()
    };
    let [iob2, written] = [false, true].map(differing);
    if iob2.is_empty() || written.is_empty() {
        return Ok(!iob2.is_empty());
    }
    // The row is named in the reading that fits better.
    let as_written = written.len() < iob2.len();
    let closer = if as_written { written } else { iob2 };
    let Some((row, token)) = closer.first() else { return Ok(false) };
    let text = row.tag(given);
    let others = match closer.len() - 1 {
        0 => String::new(),
        1 => ", and another row differs".to_owned(),
        n => format!(", and {n} other rows differ"),
    };
    let what = format!(
        "the given label is `{}`, but {}{others}",
        printable(&text),
        stands(tokens, token, token.label(as_written))
    );
    let is_numeric = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let counts_rows =
        |column: usize| rows.iter().enumerate().all(|(order, (row, _))| row.count(column).ok() == Some(order));
    let hint = match key {
        _ if is_numeric => {
            "the labels are numbers: give Datalab the tags as strings, or map both columns to tags before saving"
        }
        Key::Order if is_reordered(tokens, rows, given) => {
            "the rows are in another order than the file, and no column numbers the tokens: save the table with its index \
             (pandas: `to_csv` without `index=False`)"
        }
        Key::Number(column) if counts_rows(column) && is_reordered(tokens, rows, given) => {
            "the index counts the rows of the table, which are in another order than the file: keep the index that numbered \
             the tokens before the table was sorted"
        }
        _ => "the table must be about this file, its labels in IOB2 or as the file writes them",
    };
    Err(Error::Data(row.problem(what).hint(hint)))
}

/// What the file has at a token, as the end of a message.
fn stands(tokens: &FileTokens<'_>, token: &FileToken<'_>, text: &str) -> String {
    format!("{}:{} has `{}`", tokens.file(), token.line, printable(text))
}

/// Whether the table has each label as often as the file has it.
fn is_reordered(tokens: &FileTokens<'_>, rows: &[(Row<'_>, usize)], given: usize) -> bool {
    let sorted = |mut labels: Vec<String>| {
        labels.sort_unstable();
        labels
    };
    let table = sorted(rows.iter().map(|(row, _)| row.tag(given).into_owned()).collect());
    let of =
        |as_written| sorted(tokens.iter().map(|token| tags::clean(token.label(as_written)).into_owned()).collect());
    table == of(false) || table == of(true)
}
