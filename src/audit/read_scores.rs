//! Scores of every token that another program has computed.

use std::path::Path;

use crate::Result;
use crate::error::{Error, Problem};

use super::decisions::read_text;
use super::read_table::{Row, Table};

/// Reads one score a token, higher for what is more suspect, in the order of the file: sentence by sentence.
///
/// `lengths` are the numbers of words of the file's sentences. The table is one of two, told apart by its header:
///
/// * cleanlab's label issues: the score is 1 − `label_score`. The rows are the tokens in order; with pandas' index as
///   the first column they may be in any;
/// * columns `sentence` and `token`, counted from 0, and `score`, any finite number; rows in any order.
///
/// # Errors
/// [`Error::Data`] with the line: neither table, no finite number, a token that is not in the file, one that is there
/// twice or not at all. [`Error::Io`] if it cannot be read.
pub fn read_scores(path: &Path, lengths: &[usize]) -> Result<Vec<f64>> {
    let table = Table::read(path, &read_text(path)?)?;
    let n_tokens = lengths.iter().sum();
    let positions = Positions { lengths, n_tokens };
    let mut scores: Vec<Option<f64>> = vec![None; n_tokens];
    let mut put = |row: &Row<'_>, position: usize, score: f64| match scores.get_mut(position) {
        Some(place @ None) => {
            *place = Some(score);
            Ok(())
        }
        Some(Some(_)) => Err(Error::Data(row.problem("this token has a score already".into()).hint("give each one"))),
        None => Err(Error::Data(row.problem("there is no such token".into()).hint("check that it is the same file"))),
    };
    if let Some(label_score) = table.column("label_score") {
        for (order, row) in table.rows().enumerate() {
            let position = if table.has_index() { row.count(0)? } else { order };
            put(&row, position, 1.0 - row.number(label_score)?)?;
        }
    } else {
        let [sentence, token, score] = [table.require("sentence")?, table.require("token")?, table.require("score")?];
        let starts = positions.starts();
        for row in table.rows() {
            let position = positions.flat(&starts, row.count(sentence)?, row.count(token)?);
            put(&row, position.unwrap_or(n_tokens), row.number(score)?)?;
        }
    }
    let n_missing = scores.iter().filter(|score| score.is_none()).count();
    if let Some(first) = scores.iter().position(Option::is_none) {
        let (sentence, token) = positions.place(first);
        let what = format!(
            "{n_missing} of {n_tokens} tokens have no score, the first is token {token} of sentence {sentence}, counted from 0"
        );
        return Err(Error::Data(Problem::new(what).at(path).hint("give every token of the file a score")));
    }
    Ok(scores.into_iter().flatten().collect())
}

/// Tokens counted through the file, and in their sentences.
struct Positions<'a> {
    lengths: &'a [usize],
    n_tokens: usize,
}

impl Positions<'_> {
    /// Number of tokens before each sentence.
    fn starts(&self) -> Vec<usize> {
        let running = self.lengths.iter().scan(0, |sum, length| Some(std::mem::replace(sum, *sum + length)));
        running.collect()
    }

    /// The number of a token in the file, if it is there.
    fn flat(&self, starts: &[usize], sentence: usize, token: usize) -> Option<usize> {
        let length = self.lengths.get(sentence)?;
        (token < *length).then(|| starts.get(sentence).map(|start| start + token)).flatten()
    }

    /// The sentence of a token and its number there.
    fn place(&self, mut position: usize) -> (usize, usize) {
        debug_assert!(position < self.n_tokens, "a token of the file");
        for (sentence, &length) in self.lengths.iter().enumerate() {
            if position < length {
                return (sentence, position);
            }
            position -= length;
        }
        (self.lengths.len(), position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<f64>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scores");
        fs_err::write(&path, text).unwrap();
        read_scores(&path, &[2, 1])
    }

    fn refusal(text: &str) -> String {
        let error = read(text).unwrap_err();
        assert!(error.hint().is_some());
        error.to_string().split_once("scores:").unwrap().1.to_owned()
    }

    #[test]
    fn both_tables_are_read_in_the_order_of_the_file() {
        assert_eq!(read("sentence\ttoken\tscore\n1\t0\t3\n0\t1\t-2\n0\t0\t1e1\n").unwrap(), [10.0, -2.0, 3.0]);
        assert_eq!(read("is_label_issue,label_score\nFalse,1\nTrue,0.25\nFalse,0.5\n").unwrap(), [0.0, 0.75, 0.5]);
        assert_eq!(read(",label_score\n2,0.5\n0,1.0\n1,0.25\n").unwrap(), [0.0, 0.75, 0.5]);
    }

    #[test]
    fn every_token_needs_one_score() {
        assert_eq!(
            refusal("sentence,token,score\n0,0,1\n"),
            " 2 of 3 tokens have no score, the first is token 1 of sentence 0, counted from 0"
        );
        assert_eq!(refusal("sentence,token,score\n0,0,1\n0,0,1\n"), "3: this token has a score already");
        assert_eq!(refusal("sentence,token,score\n0,2,1\n"), "2: there is no such token");
        assert_eq!(refusal("label_score\n1\n1\n1\n1\n"), "5: there is no such token");
        assert_eq!(refusal("sentence,token,score\n0,0,nan\n"), "2: `nan` in the column `score` is not a finite number");
        assert_eq!(refusal("sentence,token,loss\n0,0,1\n"), "1: there is no column `score`");
    }
}
