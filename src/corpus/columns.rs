//! Which column of a file holds the token and which the tag, and what speaks against the usual ones.
//!
//! Files in columns have no header. The convention is that the first column is the token and the last the tag; files
//! with an index, a sentence or document id in front, or with a second layer of tags behind, break it, and reading them
//! by the convention trains on indices without a message. The reader finds such files and names the remedy: a list of
//! column names ([`Columns`]), such as `id,token,_,tag`.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::error::{Error, Problem, printable};

use super::scheme::Tag;
use super::tags::clean;

/// Names of all columns of a file: one is `token`, one `tag`; columns with other names (`_`, `id`, …) are ignored.
///
/// ```
/// let columns: memoscope::corpus::Columns = "id,token,_,tag".parse().unwrap();
/// assert_eq!((columns.len(), columns.token(), columns.tag()), (4, 1, Some(3)));
/// assert!("id,word,tag".parse::<memoscope::corpus::Columns>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Columns {
    names: Vec<String>,
    token: usize,
    tag: Option<usize>,
}

impl Columns {
    /// Checks a list of names.
    ///
    /// # Errors
    /// In words: there is not exactly one `token`, more than one `tag`, or an empty name.
    pub fn new(names: Vec<String>) -> Result<Self, String> {
        let of = |wanted: &str| -> Vec<usize> {
            names.iter().enumerate().filter(|(_, name)| *name == wanted).map(|(index, _)| index).collect()
        };
        let hint = "name all columns in their order, for example `id,token,_,tag`, with `_` for a column to skip";
        if names.iter().any(|name| name.trim().is_empty()) {
            return Err(format!("a column has no name: {hint}"));
        }
        match (&of("token")[..], &of("tag")[..]) {
            (&[token], []) => Ok(Self { token, tag: None, names }),
            (&[token], &[tag]) => Ok(Self { token, tag: Some(tag), names }),
            ([_], _) => Err(format!("more than one column is named `tag`: {hint}")),
            ([], _) => Err(format!("no column is named `token`: {hint}")),
            _ => Err(format!("more than one column is named `token`: {hint}")),
        }
    }

    /// Number of columns.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Never true: one column is the token.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Zero-based index of the column with the tokens.
    pub fn token(&self) -> usize {
        self.token
    }

    /// Zero-based index of the column with the tags, if one is named.
    pub fn tag(&self) -> Option<usize> {
        self.tag
    }
}

impl TryFrom<Vec<String>> for Columns {
    type Error = String;

    fn try_from(names: Vec<String>) -> Result<Self, String> {
        Self::new(names)
    }
}

impl From<Columns> for Vec<String> {
    fn from(columns: Columns) -> Self {
        columns.names
    }
}

impl FromStr for Columns {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::new(text.split(',').map(|name| name.trim().to_owned()).collect())
    }
}

impl fmt::Display for Columns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names.join(","))
    }
}

/// One line of a file, split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row<'a> {
    /// One-based line.
    pub(super) line: usize,
    /// Its columns.
    pub(super) columns: Vec<&'a str>,
}

/// Most rows that are looked at; those of a larger file are alike.
const MOST_ROWS: usize = 50_000;

/// Refuses sentences whose first column is not the token, or whose last column is not the tag column. All rows have
/// the same number of columns.
///
/// The first column is not the token if it counts, hardly changes from token to token, or holds a digit nearly everywhere. The
/// last column is not the tag if an earlier one holds tags of the same types and at least twice as many, as where two layers
/// of entities are annotated and the inner one comes last.
///
/// # Errors
/// [`Error::Data`] with the reason, two rows, and the list of columns that is probably right.
pub(super) fn check(path: &Path, sentences: &[Vec<Row<'_>>]) -> Result<()> {
    let mut seen: Vec<&[Row<'_>]> = Vec::new();
    let mut n_rows = 0;
    for rows in sentences {
        seen.push(rows);
        n_rows += rows.len();
        if n_rows > MOST_ROWS {
            break;
        }
    }
    let Some(n_columns) = seen.first().and_then(|rows| rows.first()).map(|row| row.columns.len()) else {
        return Ok(());
    };
    if n_columns < 3 {
        return Ok(());
    }
    let tag = tag_column(&seen, n_columns);
    if let Some(why) = column_fault(&seen, 0) {
        let what = format!("the first column {why}: it is not the token");
        let tag = tag.unwrap_or(n_columns - 1);
        return Err(refusal(path, &seen, what, token_column(&seen, tag), tag));
    }
    match tag {
        Some(tag) if tag + 1 < n_columns => {
            let what = format!("column {} holds more tags than the last column, which would be read", tag + 1);
            Err(refusal(path, &seen, what, 0, tag))
        }
        _ => Ok(()),
    }
}

/// The problem with a file whose columns are others than usual: its first rows, and the list that is probably right.
pub(super) fn refusal(path: &Path, sentences: &[&[Row<'_>]], what: String, token: usize, tag: usize) -> Error {
    let rows: Vec<&Row<'_>> = sentences.iter().flat_map(|rows| rows.iter()).take(2).collect();
    let n_columns = rows.first().map_or(0, |row| row.columns.len());
    let shown: Vec<String> = rows
        .iter()
        .map(|row| {
            let cells: Vec<String> = row.columns.iter().map(|cell| printable(&shortened(cell))).collect();
            format!("`{}`", cells.join(" | "))
        })
        .collect();
    let name = |index: usize| match index {
        _ if index == token => "token",
        _ if index == tag => "tag",
        0 => "id",
        _ => "_",
    };
    let names: Vec<&str> = (0..n_columns).map(name).collect();
    let line = rows.first().map_or(1, |row| row.line);
    Error::Data(Problem::new(what).at(path).line(line).hint(format!(
        "the first rows are {}; name the columns, probably `--columns {}` (in an experiment file: data.columns){}",
        shown.join(" and "),
        names.join(","),
        if token > 0 { "; if the first column is the token all the same, name it so" } else { "" }
    )))
}

fn shortened(cell: &str) -> String {
    match cell.chars().count() > 24 {
        true => cell.chars().take(23).chain(['…']).collect(),
        false => cell.to_owned(),
    }
}

/// The first column before `tag` that may hold the tokens; the second if none may.
pub(super) fn token_column(sentences: &[&[Row<'_>]], tag: usize) -> usize {
    (1..tag).find(|&column| column_fault(sentences, column).is_none()).unwrap_or(1)
}

/// What a column does that tokens do not; `None` if it may hold tokens.
pub(super) fn column_fault(sentences: &[&[Row<'_>]], column: usize) -> Option<&'static str> {
    let (mut n_cells, mut n_with_digit) = (0_usize, 0_usize);
    let (mut n_pairs, mut n_counting, mut n_equal) = (0_usize, 0_usize, 0_usize);
    for rows in sentences {
        let cells: Vec<&str> = rows.iter().filter_map(|row| row.columns.get(column).copied()).collect();
        n_cells += cells.len();
        n_with_digit += cells.iter().filter(|cell| cell.contains(|c: char| c.is_ascii_digit())).count();
        for pair in cells.windows(2) {
            let follows = counter(pair[0]).and_then(|n| n.checked_add(1)).is_some_and(|n| counter(pair[1]) == Some(n));
            n_pairs += 1;
            n_equal += usize::from(pair[0] == pair[1]);
            n_counting += usize::from(follows);
        }
    }
    if n_pairs >= 2 && n_counting * 10 >= n_pairs * 9 {
        Some("counts")
    } else if (n_pairs >= 3 && n_equal == n_pairs) || (n_pairs >= 6 && 3 * n_equal >= 2 * n_pairs) {
        Some("is constant over many tokens")
    } else if n_cells >= 3 && n_with_digit * 20 >= n_cells * 19 {
        Some("looks like ids")
    } else {
        None
    }
}

/// The last number in a cell that is one (`12`, `1-12`, `s3.12`), not of one that ends with digits (`w12`).
fn counter(cell: &str) -> Option<u64> {
    let before = cell.trim_end_matches(|c: char| c.is_ascii_digit());
    match before.ends_with(char::is_alphanumeric) {
        true => None,
        false => cell[before.len()..].parse().ok(),
    }
}

/// Chunks are written as entities are, and stand before them in CoNLL-2003.
const CHUNKS: [&str; 11] = ["NP", "VP", "PP", "ADVP", "ADJP", "SBAR", "PRT", "CONJP", "INTJ", "LST", "UCP"];

/// The column that holds the tags: the last, unless an earlier one has all its types and twice its tags, or the
/// last is none. `None` if no column is one.
fn tag_column(sentences: &[&[Row<'_>]], n_columns: usize) -> Option<usize> {
    let last = TagColumn::of(sentences, n_columns - 1);
    let richer = |other: &TagColumn| match &last {
        None => true,
        Some(last) if last.n_tags == 0 => other.n_tags > 0,
        Some(last) => other.n_tags >= 2 * last.n_tags && last.types.iter().all(|kind| other.has(kind)),
    };
    // The first column may be the token of a file about tags, but hardly.
    let found = (1..n_columns - 1).rev().find(|&column| TagColumn::of(sentences, column).is_some_and(|c| richer(&c)));
    found.or(last.map(|_| n_columns - 1))
}

/// A column that holds nothing but tags, with or without entities.
struct TagColumn {
    n_tags: usize,
    types: BTreeSet<String>,
}

impl TagColumn {
    /// Whether the column has a type, or one that it is derived from (`LOC` of `LOCpart`).
    fn has(&self, kind: &str) -> bool {
        self.types.iter().any(|own| kind.starts_with(own.as_str()))
    }

    /// The column, if all its cells are tags and they are not those of chunks.
    fn of(sentences: &[&[Row<'_>]], column: usize) -> Option<Self> {
        let mut found = Self { n_tags: 0, types: BTreeSet::new() };
        for row in sentences.iter().flat_map(|rows| rows.iter()) {
            let cell = clean(row.columns.get(column)?);
            if let Some(tag) = Tag::parse(&cell).ok()? {
                found.n_tags += 1;
                if !found.types.contains(tag.entity_type) {
                    found.types.insert(tag.entity_type.to_owned());
                }
            }
        }
        let chunks = !found.types.is_empty() && found.types.iter().all(|kind| CHUNKS.contains(&kind.as_str()));
        (!chunks).then_some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> Option<(String, String)> {
        let sentences: Vec<Vec<Row<'_>>> = text
            .split("\n\n")
            .map(|sentence| {
                let rows = sentence.lines().enumerate();
                rows.map(|(index, line)| Row { line: index + 1, columns: line.split(' ').collect() }).collect()
            })
            .collect();
        match check(Path::new("x"), &sentences) {
            Ok(()) => None,
            Err(error) => Some((error.to_string(), error.hint().unwrap_or_default().to_owned())),
        }
    }

    #[test]
    fn indices_and_ids_are_not_tokens() {
        for (text, why) in [
            ("1 Odila B-PER\n2 Marn I-PER\n3 left O\n\n1 Pio B-PER\n2 left O", "counts"),
            ("7 Odila B-PER\n8 Marn I-PER\n9 left O\n\n10 Pio B-PER\n11 left O", "counts"),
            ("1-1 Odila B-PER\n1-2 Marn I-PER\n1-3 left O", "counts"),
            ("a/b Odila B-PER\na/b Marn I-PER\na/b left O\na/b . O", "is constant over many tokens"),
            ("T4 Odila B-PER\nT9 Marn I-PER\nT2 left O", "looks like ids"),
        ] {
            let (what, hint) = refused(text).unwrap();
            assert_eq!(what, format!("x:1: the first column {why}: it is not the token"));
            assert!(hint.contains("`--columns id,token,tag`"), "{hint}");
        }
    }

    #[test]
    fn the_rows_are_shown_and_the_tags_found() {
        let (_, hint) = refused("1 In O O\n2 Varnholm B-LOC O\n3 sitzt O O").unwrap();
        assert_eq!(
            hint,
            "the first rows are `1 | In | O | O` and `2 | Varnholm | B-LOC | O`; name the columns, probably `--columns \
             id,token,tag,_` (in an experiment file: data.columns); if the first column is the token all the same, name it so"
        );
        let (what, hint) = refused("In O O\nVarnholm B-LOC O\nsitzt O O").unwrap();
        assert!(what.contains("column 2 holds more tags than the last column"));
        assert!(hint.contains("`--columns token,tag,_`"), "{hint}");
    }

    #[test]
    fn the_hint_names_the_column_that_may_hold_tokens() {
        for (text, names) in [
            ("1-1 0-4 Odila B-PER\n1-2 5-9 Marn I-PER\n1-3 10-13 left O", "id,_,token,tag"),
            (
                "bc/cctv 0 0 Odila NN B-PER\nbc/cctv 0 1 Marn NN I-PER\nbc/cctv 0 2 left VB O\nbc/cctv 0 3 . . O",
                "id,_,_,token,_,tag",
            ),
        ] {
            let (_, hint) = refused(text).unwrap();
            assert!(hint.contains(&format!("`--columns {names}`")), "{hint}");
        }
    }

    #[test]
    fn ordinary_columns_raise_no_alarm() {
        for text in [
            "EU NNP I-NP O\nrejects VBZ I-VP O\ncall NN I-NP O",
            "1 O O\nof O O\n2 O O",
            "ha X O\nha X O\nhe X O\nho X O\nhu X O",
            "Odila B-PER B-ORG\nMarn I-PER O\nPio B-PER B-PER",
            "1 O\n2 O\n3 O",
        ] {
            assert_eq!(refused(text), None, "{text}");
        }
    }
}
