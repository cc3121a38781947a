//! The evaluation of an audit: of the scores averaged over seeds, and of each seed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::first_suspects::first_suspects;
use super::{AuditAndGold, Evaluation, evaluate};
use crate::analysis::phases::Phases;
use crate::audit::perform::{sentence_scores, suggested};
use crate::audit::{Audit, Suspect, Text, TokenMeasure, TokenScores, suspects};
use crate::corpus::LabelSet;
use crate::error::Result;
use crate::metrics::Estimate;
use crate::random::Streams;
use crate::report::Table;

/// Bootstrap replicates for the intervals of an evaluation.
const REPLICATES: usize = 200;

/// Gold labels to evaluate an audit with, and scores from elsewhere.
#[derive(Debug, Clone, Default)]
pub struct Reference {
    /// The inventory of gold and given labels, and the gold label of each token.
    pub gold: Option<(LabelSet, Vec<u8>)>,
    /// Scores from elsewhere, by name: one value a token, higher is more suspect.
    pub others: Vec<(String, Vec<f64>)>,
}

/// The evaluation of an audit as it is written to JSON: of the scores averaged over seeds, and of each seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// Of the scores averaged over seeds.
    #[serde(flatten)]
    pub all: Evaluation,
    /// Of each seed by itself.
    pub seeds: Vec<SeedJudgement>,
    /// Average precision of tokens over seeds, by measure; ours is `audit`.
    pub over_seeds: BTreeMap<String, Estimate>,
    /// The first suspects with their gold tags; not in JSON, because `suspects.jsonl` has them.
    #[serde(skip)]
    pub first_suspects: Option<Table>,
}

/// The evaluation of the scores of one seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeedJudgement {
    /// The seed.
    pub seed: u64,
    /// The epoch up to which it was scored.
    pub scored_epoch: u32,
    /// The phases of its training.
    pub phases: Phases,
    /// The evaluation.
    #[serde(flatten)]
    pub evaluation: Evaluation,
}

impl Audit {
    /// Evaluates the audit against gold labels; `None` without them.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] if the gold labels have another shape than the text.
    pub fn judge(&self, text: &Text, reference: &Reference) -> Result<Option<Judgement>> {
        let Some((labels, gold)) = &reference.gold else { return Ok(None) };
        let judge = |view: &View<'_>, n| view.evaluate(text, (labels, gold), &reference.others, n);
        let all = View {
            scores: &self.scores,
            measures: &self.measures,
            flagged: self.flagged.as_deref(),
            suspects: &self.suspects,
            suggested: &self.suggested,
        };
        let all = judge(&all, REPLICATES)?;
        let mut seeds = Vec::new();
        for seed in &self.seeds {
            let evaluation = match self.seeds.len() {
                1 => all.clone(),
                _ => {
                    let suspects = suspects(text, &seed.evidence, &seed.scores);
                    let suggested = suggested(text, &suspects);
                    let view = View {
                        scores: &seed.scores,
                        measures: &seed.measures,
                        flagged: seed.flagged.as_deref(),
                        suspects: &suspects,
                        suggested: &suggested,
                    };
                    judge(&view, 0)?
                }
            };
            let (scored_epoch, phases) = (seed.evidence.scored_epoch, seed.evidence.phases.clone());
            seeds.push(SeedJudgement { seed: seed.seed, scored_epoch, phases, evaluation });
        }
        let ap = |scores: &Option<crate::metrics::ranking::RankingScores>| scores.as_ref().map(|s| s.average_precision);
        let ours = Estimate::of(seeds.iter().map(|seed| ap(&seed.evaluation.token)));
        let single = |name: &String| {
            let of_seed = |seed: &SeedJudgement| seed.evaluation.measures.get(name).and_then(|unit| ap(&unit.token));
            Some((name.clone(), Estimate::of(seeds.iter().map(of_seed))?))
        };
        let over_seeds =
            ours.map(|ours| ("audit".to_owned(), ours)).into_iter().chain(all.measures.keys().filter_map(single));
        let over_seeds = over_seeds.collect();
        let first_suspects = Some(first_suspects(text, &self.suspects, labels, gold));
        Ok(Some(Judgement { over_seeds, all, seeds, first_suspects }))
    }
}

/// What is evaluated: the scores of one seed, or their means, with the suspects that follow from them.
struct View<'a> {
    scores: &'a TokenScores,
    measures: &'a [TokenMeasure],
    flagged: Option<&'a [bool]>,
    suspects: &'a [Suspect],
    suggested: &'a [u8],
}

impl View<'_> {
    fn evaluate(
        &self,
        text: &Text,
        (labels, gold): (&LabelSet, &[u8]),
        others: &[(String, Vec<f64>)],
        n_replicates: usize,
    ) -> Result<Evaluation> {
        // The joint inventory of given and gold labels has other ids; it has all names.
        let id = |label: &u8| labels.id(text.labels.name(*label)).unwrap_or(0);
        let given: Vec<u8> = text.given().iter().map(id).collect();
        let suggested: Vec<u8> = self.suggested.iter().map(id).collect();
        let lengths: Vec<usize> = text.sentences.iter().map(|sentence| sentence.words.len()).collect();
        let others = others.iter().map(|(name, values)| (name.as_str(), &values[..]));
        let measures: Vec<(&str, &[f64])> =
            self.measures.iter().map(|m| (m.name, &m.values[..])).chain(others).collect();
        let own = measures.iter().find(|(name, _)| *name == "self_confidence").map(|&(_, values)| values);
        let masks: Vec<(&str, &[bool], &[f64])> = match (self.flagged, own) {
            (Some(flags), Some(order)) => vec![("cleanlab_default_filter", flags, order)],
            _ => Vec::new(),
        };
        // Tokens without a model prediction are taken to be right.
        let probability: Vec<f64> = self.scores.probability.iter().map(|&p| if p.is_nan() { 0.0 } else { p }).collect();
        let judged = AuditAndGold {
            lengths: &lengths,
            labels,
            given: &given,
            gold,
            score: &self.scores.score,
            probability: &probability,
            sentence_score: &sentence_scores(text, &self.scores.score),
            suggested: &suggested,
            suspects: self.suspects,
            measures: &measures,
            masks: &masks,
        };
        evaluate(&judged, n_replicates, Streams::new(1))
    }
}
