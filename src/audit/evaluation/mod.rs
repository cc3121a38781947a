//! Evaluation of an audit against gold labels.
//!
//! Three units are evaluated, each by a ranking ([`crate::metrics::ranking`]):
//!
//! * *tokens*: wrong if given ≠ gold;
//! * *entities*: a list of spans of tokens against the errors in entities ([`EntityError`]), which is what a person
//!   looks at and corrects; [`finds`] says what counts as a hit;
//! * *sentences*: wrong if any of their tokens is.
//!
//! The audit's own scores are evaluated for all three, and so is each single measure, such as the mean loss: the score
//! of a stretch or a sentence is the highest score of its tokens. Also evaluated are the calibration of the estimated
//! probabilities and the suggested tags ([`Suggestions`]).
//!
//! By hand: the words `Bank of Rome , Italy` are given `B-ORG O B-LOC O O`, gold is `B-ORG I-ORG I-ORG O B-LOC`. Three
//! of five tokens are wrong (the second, the third and the last). There are two errors in entities: ORG 0–1 and LOC 2–3
//! instead of ORG 0–3 overlap and are one (wrong boundary), and LOC 4–5 is missed.

mod entity;
mod first_suspects;
mod judgement;
mod markdown;
mod read_scores;
mod suggestion;
mod tables;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use entity::{EntityError, Stretch, candidates, entity_errors, finds};
pub use judgement::{Judgement, Reference, SeedJudgement};
pub use read_scores::read_scores;
pub use suggestion::{AppliedSuggestions, SuggestionCounts, Suggestions};

use crate::audit::Suspect;
use crate::corpus::LabelSet;
use crate::error::{Error, Result};
use crate::metrics::Replicates;
use crate::metrics::ranking::{MaskScores, Ranking, RankingScores};
use crate::metrics::reliability::Reliability;
use crate::random::Streams;

/// An audit and the gold labels. Slices by token have the first sentence's tokens first.
#[derive(Debug, Clone, Copy)]
pub struct AuditAndGold<'a> {
    /// Tokens in each sentence.
    pub lengths: &'a [usize],
    /// The inventory that names all labels, in IOB2.
    pub labels: &'a LabelSet,
    /// Given label of each token.
    pub given: &'a [u8],
    /// Gold label of each token.
    pub gold: &'a [u8],
    /// How suspect each token is: higher is more.
    pub score: &'a [f64],
    /// Estimated probability that each token's given label is wrong, 0 to 1.
    pub probability: &'a [f64],
    /// How suspect each sentence is.
    pub sentence_score: &'a [f64],
    /// The label suggested for each token, the given one where there is no objection.
    pub suggested: &'a [u8],
    /// The suspects, in any order.
    pub suspects: &'a [Suspect],
    /// Single measures by name, one value a token, higher is more suspect; NaN where there is none.
    pub measures: &'a [(&'a str, &'a [f64])],
    /// Filters by name: one flag a token, and the score that orders them.
    pub masks: &'a [(&'a str, &'a [bool], &'a [f64])],
}

/// The scores of one measure by unit; each null where nothing is wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnitScores {
    /// Of tokens.
    pub token: Option<RankingScores>,
    /// Of the stretches of [`candidates`], against errors in entities.
    pub entity: Option<RankingScores>,
    /// Of sentences.
    pub sentence: Option<RankingScores>,
}

/// The evaluation of an audit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Tokens by their score.
    pub token: Option<RankingScores>,
    /// Suspects by their score, against errors in entities.
    pub entity: Option<RankingScores>,
    /// Sentences by their score.
    pub sentence: Option<RankingScores>,
    /// The same of single measures, by name.
    pub measures: BTreeMap<String, UnitScores>,
    /// Filters, by name, over tokens.
    pub masks: BTreeMap<String, MaskScores>,
    /// Calibration of the tokens' probabilities; null without a token, or if one has no probability.
    pub reliability: Option<Reliability>,
    /// Calibration of the suspects' probabilities: a suspect is wrong if any of its tokens is; null without suspects.
    pub suspect_reliability: Option<Reliability>,
    /// Evaluation of the suggested tags.
    pub suggestions: Suggestions,
}

/// Evaluates an audit, with bootstrap intervals from `n_replicates` draws of sentences (none for 0).
///
/// # Errors
/// [`Error::Internal`] if the slices are not of one shape, a label is not in the inventory, or a suspect is not within
/// its sentence.
pub fn evaluate(judged: &AuditAndGold<'_>, n_replicates: usize, streams: Streams) -> Result<Evaluation> {
    check(judged)?;
    let wrong: Vec<bool> = judged.given.iter().zip(judged.gold).map(|(given, gold)| given != gold).collect();
    let errors = entity_errors(judged.lengths, judged.given, judged.gold, judged.labels);
    let mut n_errors = vec![0; judged.lengths.len()];
    errors.iter().for_each(|error| n_errors[error.sentence as usize] += 1);
    let wrong_sentences: Vec<bool> = sentences(judged.lengths).map(|tokens| wrong[tokens].contains(&true)).collect();
    let replicates = Replicates::draw(judged.lengths.len(), n_replicates, streams);
    let scored = |ranking: Ranking| ranking.scores_with_intervals(&replicates);
    let by_token = |score: &[f64]| scored(Ranking::new(score, &wrong, judged.lengths));
    let by_stretch = |stretches: &[Stretch]| scored(Ranking::of_finds(&finds(stretches, &errors), &n_errors));
    let by_sentence = |score: &[f64]| scored(Ranking::new(score, &wrong_sentences, &vec![1; wrong_sentences.len()]));

    let suspects: Vec<Stretch> = judged.suspects.iter().map(Stretch::from).collect();
    let candidates = candidates(judged.lengths, judged.given, judged.labels, judged.suspects);
    let first: Vec<usize> = sentences(judged.lengths).map(|tokens| tokens.start).collect();
    let suspect_tokens = |suspect: &Suspect| {
        let first = first[suspect.sentence as usize];
        first + usize::from(suspect.start)..first + usize::from(suspect.end)
    };
    let measures = judged.measures.iter().map(|&(name, values)| {
        let highest = |values: &[f64]| values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let stretches: Vec<Stretch> = candidates
            .iter()
            .map(|stretch| {
                let first = first[stretch.sentence as usize];
                let words = first + stretch.start as usize..first + stretch.end as usize;
                Stretch { score: highest(&values[words]), ..*stretch }
            })
            .collect();
        let sentence: Vec<f64> = sentences(judged.lengths).map(|tokens| highest(&values[tokens])).collect();
        let scores =
            UnitScores { token: by_token(values), entity: by_stretch(&stretches), sentence: by_sentence(&sentence) };
        (name.to_owned(), scores)
    });
    let masks =
        judged.masks.iter().map(|&(name, flagged, score)| (name.to_owned(), MaskScores::new(flagged, score, &wrong)));
    let (suspect_probability, suspect_wrong): (Vec<f64>, Vec<bool>) = judged
        .suspects
        .iter()
        .map(|suspect| (suspect.probability, wrong[suspect_tokens(suspect)].contains(&true)))
        .unzip();
    Ok(Evaluation {
        token: by_token(judged.score),
        entity: by_stretch(&suspects),
        sentence: by_sentence(judged.sentence_score),
        measures: measures.collect(),
        masks: masks.collect(),
        reliability: Reliability::new(judged.probability, &wrong),
        suspect_reliability: Reliability::new(&suspect_probability, &suspect_wrong),
        suggestions: suggestion::judge(judged, &errors, suspect_tokens),
    })
}

/// The range of each sentence's tokens.
fn sentences(lengths: &[usize]) -> impl Iterator<Item = std::ops::Range<usize>> {
    lengths.iter().scan(0, |first, length| {
        let tokens = *first..*first + length;
        *first = tokens.end;
        Some(tokens)
    })
}

fn check(judged: &AuditAndGold<'_>) -> Result<()> {
    let n_tokens = judged.lengths.iter().sum::<usize>();
    let columns = [judged.given, judged.gold, judged.suggested];
    let values = [judged.score, judged.probability].into_iter().chain(judged.measures.iter().map(|measure| measure.1));
    let masks_fit = judged.masks.iter().all(|(_, flags, score)| flags.len() == n_tokens && score.len() == n_tokens);
    let is_within = |suspect: &Suspect| {
        let length = judged.lengths.get(suspect.sentence as usize);
        let n_words = usize::from(suspect.end.saturating_sub(suspect.start));
        n_words > 0 && suspect.suggested.len() == n_words && length.is_some_and(|&n| usize::from(suspect.end) <= n)
    };
    let problem = if !masks_fit
        || columns.iter().any(|column| column.len() != n_tokens)
        || values.into_iter().any(|values| values.len() != n_tokens)
    {
        "the columns of an evaluation differ in length"
    } else if judged.sentence_score.len() != judged.lengths.len() {
        "the sentences of an evaluation differ in number"
    } else if columns.into_iter().flatten().any(|&label| usize::from(label) >= judged.labels.len()) {
        "a label of an evaluation is not in its inventory"
    } else if !judged.suspects.iter().all(is_within) {
        "a suspect is not within its sentence"
    } else {
        return Ok(());
    };
    Err(Error::Internal(problem.into()))
}
