//! cleanlab's table of label issues over the tokens of a file, as pandas writes it.

use std::collections::BTreeMap;
use std::path::Path;

use crate::Result;
use crate::audit::read_table::{Row, Table};
use crate::corpus::EditableFile;
use crate::corpus::scheme::{Tag, to_iob2};
use crate::error::{Error, Problem, printable};

use super::{Change, of_token};

/// A row of the table, and the token it is about.
struct Issue<'a> {
    row: Row<'a>,
    sentence: usize,
    token: usize,
    given: &'a str,
    /// The predicted label, if the given one is an issue.
    predicted: Option<&'a str>,
}

/// One change for each issue.
///
/// The labels are tags: in IOB2, or as the file writes them. In the file's own scheme an issue may change the label of
/// the word behind it, which is then a change as well.
pub(super) fn read(path: &Path, table: &Table, data: &EditableFile) -> Result<Vec<Change>> {
    let issues = issues(path, table, data)?;
    let differs = |issue: &&Issue<'_>| data.tags()[issue.sentence][issue.token] != issue.given;
    let Some(first) = issues.iter().find(differs) else {
        let flagged = issues.iter().filter_map(|issue| Some((issue, issue.predicted?)));
        let change = |(number, (issue, tag)): (usize, (&Issue<'_>, &str))| {
            of_token(number, issue.row.line, (issue.sentence, issue.token), issue.given, tag)
        };
        return Ok((1..).zip(flagged).map(change).collect());
    };
    if issues
        .iter()
        .all(|issue| data.sentences()[issue.sentence].tags.get(issue.token).map(String::as_str) == Some(issue.given))
    {
        return as_written(&issues, data);
    }
    let place = format!("{}:{}", data.path().display(), data.sentences()[first.sentence].line(first.token));
    let tag = &data.tags()[first.sentence][first.token];
    let what = format!("the given label is `{}`, but {place} has `{}`", printable(first.given), printable(tag));
    let hint = match first.given.bytes().all(|byte| byte.is_ascii_digit()) && !first.given.is_empty() {
        true => "the labels are numbers: give Datalab the tags as strings, or map both columns to tags before saving",
        false => "the table must be about this file, its labels in IOB2 or as the file writes them",
    };
    Err(Error::Data(first.row.problem(what).hint(hint)))
}

/// The rows with their tokens.
fn issues<'a>(path: &Path, table: &'a Table, data: &EditableFile) -> Result<Vec<Issue<'a>>> {
    let [is_issue, given] = [table.require("is_label_issue")?, table.require("given_label")?];
    let predicted = table.require("predicted_label")?;
    let lengths = data.tags().iter().enumerate();
    let tokens: Vec<(usize, usize)> =
        lengths.flat_map(|(sentence, tags)| (0..tags.len()).map(move |token| (sentence, token))).collect();
    if !table.has_index() && table.len() != tokens.len() {
        let what = format!("{} rows, but {} has {} words", table.len(), data.path().display(), tokens.len());
        let hint = "give one row for each word of the file in order, or save the table with its index";
        return Err(Error::Data(Problem::new(what).at(path).hint(hint)));
    }
    let mut seen = vec![false; tokens.len()];
    let mut issues = Vec::with_capacity(table.len());
    for (order, row) in table.rows().enumerate() {
        let position = if table.has_index() { row.count(0)? } else { order };
        let Some(&(sentence, token)) = tokens.get(position) else {
            let what = format!("there is no word {position}: {} has {}", data.path().display(), tokens.len());
            return Err(Error::Data(row.problem(what).hint("the index must count the words of the whole file from 0")));
        };
        if std::mem::replace(&mut seen[position], true) {
            let what = format!("the index {position} is there twice");
            return Err(Error::Data(row.problem(what).hint("the index must count the words of the whole file from 0")));
        }
        let predicted = row.truth(is_issue)?.then(|| row.text(predicted));
        issues.push(Issue { row, sentence, token, given: row.text(given), predicted });
    }
    Ok(issues)
}

/// The changes of labels that are written in the file's own scheme.
fn as_written(issues: &[Issue<'_>], data: &EditableFile) -> Result<Vec<Change>> {
    let mut sentences: BTreeMap<usize, Vec<&Issue<'_>>> = BTreeMap::new();
    for issue in issues.iter().filter(|issue| issue.predicted.is_some()) {
        sentences.entry(issue.sentence).or_default().push(issue);
    }
    let mut changes = Vec::new();
    for (sentence, mut issues) in sentences {
        issues.sort_by_key(|issue| issue.token);
        let mut tags: Vec<Option<Tag<'_>>> = data.sentences()[sentence].parsed_tags(data.writing().notation).collect();
        for issue in &issues {
            let tag = issue.predicted.unwrap_or("O");
            tags[issue.token] = Tag::parse(tag).map_err(|_| {
                let problem = issue.row.problem(format!("the predicted label `{}` is no tag", printable(tag)));
                Error::Data(problem.hint("a tag is `O`, or a prefix such as `B-` and a type"))
            })?;
        }
        let before = [None].into_iter().chain(tags.iter().copied());
        let converted = before.zip(&tags).map(|(previous, &tag)| to_iob2(data.scheme(), previous, tag));
        for (token, (old, new)) in data.tags()[sentence].iter().zip(converted).enumerate() {
            // A label changes by its own row or, in IOB1, by that of the word before.
            let cause = issues.iter().rfind(|issue| issue.token <= token);
            if let Some(cause) = cause.filter(|cause| *old != new || cause.token == token) {
                changes.push(of_token(changes.len() + 1, cause.row.line, (sentence, token), old, &new));
            }
        }
    }
    Ok(changes)
}
