//! An audit from its beginning to its end: train, gather, score, find, judge.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::evaluation::{self, Evaluation, Judged};
use super::listing::first_suspects;
use super::measures::{Measure, measures};
use super::types::{TypeSummary, by_type};
use super::{AuditSettings, Evidence, Scores, Suspect, Text, f1_warning, folds, regions, score};
use crate::analysis::phases::Phases;
use crate::corpus::LabelSet;
use crate::error::Result;
use crate::exec::Execution;
use crate::metrics::Estimate;
use crate::random::Streams;
use crate::report::Table;
use crate::run::{Monitor, StopFlag};

/// Bootstrap replicates for the intervals of an evaluation.
const REPLICATES: usize = 200;

/// The truth, to judge an audit by, and what others say.
#[derive(Debug, Clone, Default)]
pub struct Reference {
    /// The inventory that names the true labels and the given ones, and the true label of each token.
    pub gold: Option<(LabelSet, Vec<u8>)>,
    /// Scores from elsewhere, by name: one value a token, higher is more suspect.
    pub others: Vec<(String, Vec<f64>)>,
}

/// What one seed showed.
#[derive(Debug, Clone, PartialEq)]
pub struct SeedAudit {
    /// The seed.
    pub seed: u64,
    /// What the models said.
    pub evidence: Evidence,
    /// Our scores.
    pub scores: Scores,
    /// The single measures.
    pub measures: Vec<Measure>,
    /// What cleanlab's default filter flags; `None` with one fold.
    pub flagged: Option<Vec<bool>>,
}

/// A finished audit.
#[derive(Debug, Clone, PartialEq)]
pub struct Audit {
    /// One entry a seed.
    pub seeds: Vec<SeedAudit>,
    /// Means over seeds.
    pub evidence: Evidence,
    /// Means over seeds.
    pub scores: Scores,
    /// The single measures, means over seeds.
    pub measures: Vec<Measure>,
    /// What cleanlab's default filter flags with more than half of the seeds.
    pub flagged: Option<Vec<bool>>,
    /// What a person is asked to look at, most suspect first.
    pub suspects: Vec<Suspect>,
    /// The label suggested for each token, the given one where no suspect changes it.
    pub suggested: Vec<u8>,
    /// How suspect each sentence is: the highest score of its tokens.
    pub sentence_scores: Vec<f64>,
    /// One entry an entity type.
    pub types: Vec<TypeSummary>,
    /// Tokens that no model could judge: of which the tokenizer leaves no subword, or that stand behind the encoder's
    /// last position.
    pub unjudged: usize,
    /// Seconds of wall time that training took, earlier attempts included.
    pub trained: f64,
}

/// How good an audit is, as JSON: that of the scores averaged over seeds, and of each seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// Of the scores averaged over seeds.
    #[serde(flatten)]
    pub all: Evaluation,
    /// Of each seed by itself.
    pub seeds: Vec<SeedJudgement>,
    /// Average precision of tokens over seeds, by measure; ours is `audit`.
    pub over_seeds: std::collections::BTreeMap<String, Estimate>,
    /// The first suspects beside the truth; not in JSON, for it is in `suspects.jsonl`.
    #[serde(skip)]
    pub first_suspects: Option<Table>,
}

/// How good the scores of one seed are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeedJudgement {
    /// The seed.
    pub seed: u64,
    /// The epoch up to which it was scored.
    pub scored_epoch: u32,
    /// The phases that say so.
    pub phases: Phases,
    /// How good.
    #[serde(flatten)]
    pub evaluation: Evaluation,
}

/// Audits a text, in a folder of its own; what was done there before is not done again.
///
/// # Errors
/// As [`folds::train`]; [`crate::Error::Data`] if a log of it is damaged.
pub fn perform(
    text: &Text,
    settings: &AuditSettings,
    folder: &Path,
    how: &Execution,
    monitor: &mut dyn Monitor,
    stop: &StopFlag,
) -> Result<Audit> {
    let trained = folds::train(text, settings, folder, how, monitor, stop)?;
    let mut seeds = Vec::new();
    for &seed in &settings.seeds {
        monitor.working(&format!("scoring seed {seed}"));
        let evidence = Evidence::gather(text, settings, folder, seed)?;
        let scores = score::score(text, &evidence);
        let (measures, flagged) = measures(text, &evidence, &scores, seed)?;
        seeds.push(SeedAudit { seed, evidence, scores, measures, flagged });
    }
    monitor.working("looking for suspects");
    let evidence = Evidence::mean(&seeds.iter().map(|seed| &seed.evidence).collect::<Vec<_>>());
    let scores = Scores::mean(&seeds.iter().map(|seed| &seed.scores).collect::<Vec<_>>());
    let suspects = regions::suspects(text, &evidence, &scores);
    let judged = evidence.judged.clone();
    Ok(Audit {
        suggested: suggested(text, &suspects),
        sentence_scores: sentence_scores(text, &scores.score),
        types: by_type(text, &evidence, &suspects),
        measures: mean_measures(&seeds),
        flagged: majority(&seeds),
        seeds,
        evidence,
        scores,
        suspects,
        unjudged: (0..text.n_tokens()).filter(|&token| !judged[token]).count(),
        trained,
    })
}

/// The labels with all suspects' suggestions put in.
fn suggested(text: &Text, suspects: &[Suspect]) -> Vec<u8> {
    let mut labels = text.given();
    for suspect in suspects {
        let first = text.offsets[suspect.sentence as usize] + usize::from(suspect.start);
        for (label, name) in labels[first..].iter_mut().zip(&suspect.suggested) {
            *label = text.labels.id(name).unwrap_or(*label);
        }
    }
    labels
}

/// The highest score in each sentence; −∞ where no token was judged.
fn sentence_scores(text: &Text, score: &[f64]) -> Vec<f64> {
    let highest = |i: usize| score[text.tokens(i)].iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (0..text.sentences.len()).map(highest).collect()
}

fn mean_measures(seeds: &[SeedAudit]) -> Vec<Measure> {
    let Some(first) = seeds.first() else { return Vec::new() };
    let mean =
        |i: usize| super::evidence::mean_of(&seeds.iter().map(|seed| &seed.measures[i].values[..]).collect::<Vec<_>>());
    (0..first.measures.len()).map(|i| Measure { values: mean(i), ..first.measures[i].clone() }).collect()
}

fn majority(seeds: &[SeedAudit]) -> Option<Vec<bool>> {
    let flags: Vec<&Vec<bool>> = seeds.iter().map(|seed| seed.flagged.as_ref()).collect::<Option<_>>()?;
    let often = |token: usize| 2 * flags.iter().filter(|flags| flags[token]).count() > flags.len();
    Some((0..flags.first()?.len()).map(often).collect())
}

impl Audit {
    /// Entity F1 of the models against the given labels after the last epoch, mean over seeds: of held-out text, or
    /// with one fold of their training text. `None` without an epoch.
    pub fn f1(&self) -> Option<f64> {
        self.evidence.f1.last().copied()
    }

    /// What to beware of with all of it, a sentence; `None` if the models have learned enough.
    pub fn warning(&self) -> Option<String> {
        self.f1().and_then(f1_warning)
    }

    /// Judges the audit by the truth; `None` without one.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] if the truth has another shape than the text.
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
                    let suspects = regions::suspects(text, &seed.evidence, &seed.scores);
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

/// What is judged: the scores of one seed, or their means, with the suspects that follow from them.
struct View<'a> {
    scores: &'a Scores,
    measures: &'a [Measure],
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
        // The joint inventory of given and true labels has other ids; it has all names.
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
        // Tokens that no model has judged are taken to be right.
        let probability: Vec<f64> = self.scores.probability.iter().map(|&p| if p.is_nan() { 0.0 } else { p }).collect();
        let judged = Judged {
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
        evaluation::evaluate(&judged, n_replicates, Streams::new(1))
    }
}
