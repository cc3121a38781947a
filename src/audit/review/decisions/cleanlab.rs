//! cleanlab's table of label issues over the tokens of a file, as pandas writes it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::Result;
use crate::audit::table::{FileToken, FileTokens, Row, Table, join};
use crate::corpus::EditableFile;
use crate::corpus::scheme::{Tag, to_iob2};
use crate::error::{Error, printable};

use super::{Change, of_token};

/// A row of the table that is an issue, and the token it is about.
struct Issue<'a> {
    row: Row<'a>,
    sentence: usize,
    token: usize,
    /// The given label in IOB2.
    given: &'a str,
    predicted: Cow<'a, str>,
}

/// One change for each issue.
///
/// The labels are tags: in IOB2, or as the file writes them. In the file's own scheme an issue may change the label of
/// the token behind it, which is then a change as well.
pub(super) fn read(table: &Table, data: &EditableFile) -> Result<Vec<Change>> {
    let [is_issue, predicted] = [table.require("is_label_issue")?, table.require("predicted_label")?];
    table.require("given_label")?;
    let tokens = FileTokens::from(data);
    let joined = join(table, &tokens)?;
    let mut issues = Vec::new();
    for (row, number) in joined.rows {
        if let (true, Some(&FileToken { sentence, token, iob2: given, .. })) =
            (row.truth(is_issue)?, tokens.get(number))
        {
            issues.push(Issue { row, sentence, token, given, predicted: row.tag(predicted) });
        }
    }
    if joined.as_written {
        return as_written(&issues, data);
    }
    let change = |(number, issue): (usize, &Issue<'_>)| {
        of_token(number, issue.row.line, (issue.sentence, issue.token), issue.given, &issue.predicted)
    };
    Ok((1..).zip(&issues).map(change).collect())
}

/// The changes of labels that are written in the file's own scheme.
fn as_written(issues: &[Issue<'_>], data: &EditableFile) -> Result<Vec<Change>> {
    let mut sentences: BTreeMap<usize, Vec<&Issue<'_>>> = BTreeMap::new();
    for issue in issues {
        sentences.entry(issue.sentence).or_default().push(issue);
    }
    let mut changes = Vec::new();
    for (sentence, mut issues) in sentences {
        issues.sort_by_key(|issue| issue.token);
        let mut tags: Vec<Option<Tag<'_>>> = data.sentences()[sentence].parsed_tags(data.writing().notation).collect();
        for issue in &issues {
            tags[issue.token] = data.writing().notation.parse(&issue.predicted).map_err(|_| {
                let problem =
                    issue.row.problem(format!("the predicted label `{}` is no tag", printable(&issue.predicted)));
                Error::Data(problem.hint("write predicted labels as the file writes its tags"))
            })?;
        }
        let before = [None].into_iter().chain(tags.iter().copied());
        let converted = before.zip(&tags).map(|(previous, &tag)| to_iob2(data.scheme(), previous, tag));
        for (token, (old, new)) in data.tags()[sentence].iter().zip(converted).enumerate() {
            // A label changes by its own row or, in IOB1, by that of the token before.
            let cause = issues.iter().rfind(|issue| issue.token <= token);
            if let Some(cause) = cause.filter(|cause| *old != new || cause.token == token) {
                changes.push(of_token(changes.len() + 1, cause.row.line, (sentence, token), old, &new));
            }
        }
    }
    Ok(changes)
}
