//! Entities and sentences as units of learning: each is a run of tokens, right where all of its observed tokens are.

use std::ops::Range;

use crate::corpus::{SpanMode, SpanReader};
use crate::dynamics::TokenTable;

/// Runs of consecutive tokens, with what they are grouped by.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Units {
    /// Rows of the token table, one range a unit.
    pub rows: Vec<Range<usize>>,
    /// The entity type, empty for sentences.
    pub kind: Vec<String>,
    /// True where one of the tokens is noisy; `None` where gold is unknown.
    pub noisy: Option<Vec<bool>>,
}

impl Units {
    /// The sentences.
    pub fn sentences(tokens: &TokenTable) -> Self {
        let rows = tokens.sentence_rows();
        Self { kind: vec![String::new(); rows.len()], noisy: any_noisy(tokens, &rows), rows }
    }

    /// The entities as the given labels mark them (what training sees), in seqeval's default reading; none where the
    /// labels do not say ([`TokenTable::has_entities`]).
    pub fn entities(tokens: &TokenTable) -> Self {
        if !tokens.has_entities() {
            return Self::default();
        }
        let reader = SpanReader::new(&tokens.labels);
        let (mut rows, mut kind) = (Vec::new(), Vec::new());
        for sentence in tokens.sentence_rows() {
            for span in reader.spans(&tokens.given[sentence.clone()], SpanMode::Default) {
                rows.push(sentence.start + span.start as usize..sentence.start + span.end as usize);
                kind.push(reader.types().get(usize::from(span.entity_type)).cloned().unwrap_or_default());
            }
        }
        Self { noisy: any_noisy(tokens, &rows), rows, kind }
    }

    /// Each unit that was observed and whether it is right; `right` is by row, `None` where a token was not observed.
    pub fn right<'a>(&'a self, right: &'a [Option<bool>]) -> impl Iterator<Item = (usize, bool)> + 'a {
        self.rows.iter().enumerate().filter_map(|(unit, rows)| {
            let mut observed = right[rows.clone()].iter().flatten().peekable();
            observed.peek()?;
            Some((unit, observed.all(|&right| right)))
        })
    }
}

fn any_noisy(tokens: &TokenTable, rows: &[Range<usize>]) -> Option<Vec<bool>> {
    let noisy = tokens.noisy()?;
    Some(rows.iter().map(|rows| noisy[rows.clone()].contains(&true)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_follow_the_given_labels() {
        let tokens = TokenTable {
            sentence: vec![0, 0, 0, 1],
            token: vec![0, 1, 2, 0],
            word: ["New", "York", "is", "Ada"].map(String::from).to_vec(),
            given: vec![1, 2, 0, 3],
            gold: Some(vec![1, 2, 0, 1]),
            labels: ["O", "B-LOC", "I-LOC", "B-PER"].map(String::from).to_vec(),
        };
        let entities = Units::entities(&tokens);
        assert_eq!(entities.rows, [0..2, 3..4]);
        assert_eq!(entities.kind, ["LOC", "PER"]);
        assert_eq!(entities.noisy, Some(vec![false, true]));
        let right: Vec<_> = entities.right(&[Some(true), Some(false), Some(true), None]).collect();
        assert_eq!(right, [(0, false)], "an entity is right if all its tokens are; the unseen one says nothing");
        assert_eq!(Units::sentences(&tokens).rows, [0..3, 3..4]);
    }
}
