//! Scores of every token that another program has computed.

use std::path::Path;

use crate::Result;
use crate::error::{Error, Problem};

use crate::audit::Text;
use crate::audit::table::{FileTokens, Table, join, read_text};

/// Reads one score a token of `text`, higher for what is more suspect, in the order of the file: sentence by sentence.
///
/// The table is one of two, told apart by its header:
///
/// * cleanlab's label issues: the score is 1 − `label_score`, which is a number from 0 to 1;
/// * any other with a column `score`, a finite number.
///
/// A row names its token by the columns `sentence` and `token` or by its number in the file, or all rows are in the
/// order of the file (docs/audit-formats.md); given labels are compared with those of `text`.
///
/// # Errors
/// [`Error::Data`] with the line: neither table, a score outside its range, a given label that is not the token's, a
/// token that is not in the file, one that is there twice or not at all. [`Error::Io`] if it cannot be read.
pub fn read_scores(path: &Path, text: &Text) -> Result<Vec<f64>> {
    let table = Table::read(path, &read_text(path)?)?;
    let label_score = table.column("label_score");
    let score = label_score.map_or_else(|| table.require("score"), Ok)?;
    let tokens = FileTokens::from(text);
    let mut scores: Vec<Option<f64>> = vec![None; tokens.len()];
    for (row, number) in join(&table, &tokens)?.rows {
        let value = match label_score {
            Some(column) => 1.0 - row.share(column)?,
            None => row.number(score)?,
        };
        scores[number] = Some(value);
    }
    let n_missing = scores.iter().filter(|score| score.is_none()).count();
    let first = scores.iter().position(Option::is_none);
    if let Some(first) = first.and_then(|first| tokens.get(first)) {
        let what = format!(
            "{n_missing} of {} tokens have no score, the first is token {} of sentence {}, counted from 0",
            tokens.len(),
            first.token,
            first.sentence
        );
        let hint = "give every token of the file a score: save the whole table, not the issues alone";
        return Err(Error::Data(Problem::new(what).at(path).hint(hint)));
    }
    Ok(scores.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::text::tests::text;

    const TEXT: &str = "EU/B-ORG says/O\nRome/B-LOC";

    fn read(table: &str) -> Result<Vec<f64>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scores");
        fs_err::write(&path, table).unwrap();
        read_scores(&path, &text(TEXT))
    }

    fn refusal(table: &str) -> String {
        let error = read(table).unwrap_err();
        assert!(error.hint().is_some());
        error.to_string().split_once("scores:").unwrap().1.to_owned()
    }

    #[test]
    fn both_tables_are_read_in_the_order_of_the_file() {
        assert_eq!(read("sentence\ttoken\tscore\n1\t0\t3\n0\t1\t-2\n0\t0\t1e1\n").unwrap(), [10.0, -2.0, 3.0]);
        let ordered = "given_label,label_score\nB-ORG,1\nO,0.25\nB-LOC,0.5\n";
        assert_eq!(read(ordered).unwrap(), [0.0, 0.75, 0.5]);
        assert_eq!(
            read(&format!("\u{feff}{}", ordered.replace(',', ";").replace('.', ","))).unwrap(),
            [0.0, 0.75, 0.5]
        );
        assert_eq!(read(",label_score\n2,0.5\n0,1.0\n1,0.25\n").unwrap(), [0.0, 0.75, 0.5]);
        assert_eq!(read("token,score,word\n2,0.5,Rome\n0,-1,EU\n1,7,says\n").unwrap(), [-1.0, 7.0, 0.5]);
        assert_eq!(read("token,score,given\nEU,1,B-ORG\nsays,2,O\nRome,3,B-LOC\n").unwrap(), [1.0, 2.0, 3.0]);
    }

    #[test]
    fn every_token_needs_one_score() {
        assert_eq!(
            refusal("sentence,token,score\n0,0,1\n"),
            " 2 of 3 tokens have no score, the first is token 1 of sentence 0, counted from 0"
        );
        assert_eq!(
            refusal("sentence,token,score\n0,0,1\n0,0,1\n"),
            "3: token 0 of some.txt has a row already, in line 2"
        );
        assert_eq!(
            refusal("sentence,token,score\n0,2,1\n"),
            "2: some.txt has no token 2 in a sentence 0, counted from 0"
        );
        assert_eq!(
            refusal("label_score\n1\n1\n1\n1\n"),
            " 4 rows, but some.txt has 3 tokens, and no column numbers them"
        );
        assert_eq!(
            refusal("label_score\n1\n1\n1\n"),
            " no column numbers the tokens, and there is no `given_label` to check the rows' order by"
        );
        assert_eq!(refusal("sentence,token,loss\n0,0,1\n"), "1: there is no column `score`");
    }

    #[test]
    fn scores_keep_to_their_range() {
        let issues = |score: &str| refusal(&format!(",label_score\n0,1\n1,{score}\n2,0\n"));
        assert_eq!(issues("98.7"), "3: 98.7 in the column `label_score` is not between 0 and 1");
        assert_eq!(issues("-0.1"), "3: -0.1 in the column `label_score` is not between 0 and 1");
        assert_eq!(issues("NaN"), "3: `NaN` in the column `label_score` is not a finite number");
        assert_eq!(issues(""), "3: `` in the column `label_score` is not a finite number");
        assert_eq!(refusal("sentence,token,score\n0,0,inf\n"), "2: `inf` in the column `score` is not a finite number");
    }

    #[test]
    fn given_labels_contradict_another_order() {
        let table = "label_score,given_label\n0.5,B-LOC\n0.5,O\n0.5,B-ORG\n";
        assert_eq!(
            refusal(table),
            "2: the given label is `B-LOC`, but some.txt:1 has `B-ORG`, and another row differs"
        );
        let hint = |table: &str| read(table).unwrap_err().hint().unwrap().to_owned();
        assert!(hint(table).starts_with("the rows are in another order than the file"));
        assert!(hint(&table.replace("B-LOC", "B-XXX")).starts_with("the table must be about this file"));
        assert!(
            hint("index,score,given_label\n0,1,B-LOC\n1,1,O\n2,1,B-ORG\n").starts_with("the index counts the rows")
        );
        assert!(hint("index,score,given_label\n0,1,2\n1,1,0\n2,1,1\n").starts_with("the labels are numbers"));
    }
}
