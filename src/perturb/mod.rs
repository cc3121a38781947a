//! Controlled changes to a training split: wrong labels, the gold labels kept beside, and sentences left out.
//!
//! Wrong labels are put on the training split only, once, and stay the same in all epochs. Four procedures
//! ([`NoiseKind`]), each a file:
//!
//! * [`uniform`](NoiseKind::Uniform), the one of arXiv 2105.00828: every token by itself, with probability p, gets a
//!   label drawn uniformly from all K, its own included. So the realised rate is p·(K − 1)/K: with the nine labels of
//!   four entity types, a requested 50 % is 44.4 % of wrong labels. IOB2 is not kept consistent.
//! * [`other-label`](NoiseKind::OtherLabel): exactly ⌊p·n⌋ of the n tokens get one of the K − 1 other labels.
//! * [`matrix`](NoiseKind::Matrix): every token's label moves with the probabilities of a transition matrix, which is
//!   weighted with p: T = (1 − p)·I + p·M. A label without a row in M keeps its place.
//! * [`entity`](NoiseKind::Entity): what annotators do. Every entity by itself, with probability p, gets another type,
//!   is dropped, has one end moved by a token, or brings forth a spurious entity elsewhere in its sentence. Valid IOB2
//!   stays valid.
//!
//! The three procedures on tokens are **nested**: they draw the same numbers whatever the rate and compare them with
//! it, so with one seed the tokens that are noisy at 10 % are noisy, with the same label, at 30 %. A sweep over rates
//! then compares like with like.
//!
//! A token counts as noisy if its given label differs from gold; if the gold label is drawn, the token stays clean.
//!
//! A **class cap** ([`CapSettings`]) deletes the training sentences with one entity type but for N, by their gold
//! labels. Noise is drawn on the whole split first: a sentence that stays has the same wrong labels whatever the cap.

mod cap;
mod copy;
mod entity;
mod token;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::corpus::{Given, Gold, LabelSet, Labels, Sentence, SpanMode, SpanReader};
use crate::error::{Error, Problem};
use crate::random::Streams;

pub use crate::corpus::NOISE_FILE;
pub use cap::{CapReport, CapSettings};
pub use copy::{NoiseFile, write_copy};

/// Changes to the training split: label noise and a class cap.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PerturbSettings {
    /// Kind of label noise.
    pub kind: NoiseKind,
    /// Noise rate, 0 to 1.
    pub rate: f64,
    /// Row-stochastic transition matrix for `kind = "matrix"`: tag → tag → probability.
    pub matrix: Option<BTreeMap<String, BTreeMap<String, f64>>>,
    /// Class cap: keep only some of the training sentences with an entity type; null keeps all.
    pub cap: Option<CapSettings>,
}

impl Default for PerturbSettings {
    fn default() -> Self {
        Self { kind: NoiseKind::Uniform, rate: 0.0, matrix: None, cap: None }
    }
}

/// Kinds of label noise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NoiseKind {
    /// For each token with probability p, a label drawn uniformly from all K labels including the gold one (arXiv 2105.00828).
    Uniform,
    /// Exactly ⌊p·n⌋ tokens, each with a label drawn uniformly from the K − 1 other labels (Toneva et al., ICLR 2019).
    OtherLabel,
    /// For each entity with probability p: another type, removal, other boundaries or a spurious entity; IOB2 stays valid.
    Entity,
    /// For each token, a label drawn from the row of a label-dependent transition matrix, mixed with weight p.
    Matrix,
}

impl std::fmt::Display for NoiseKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Uniform => "uniform",
            Self::OtherLabel => "other-label",
            Self::Entity => "entity",
            Self::Matrix => "matrix",
        })
    }
}

/// The training split after perturbation.
#[derive(Debug, Clone, PartialEq)]
pub struct Perturbed {
    /// The sentences that are left, by their number in the unperturbed split, ascending.
    pub sentences: Vec<u32>,
    /// The labels that training will see, of each of `sentences`.
    pub given: Vec<Labels<Given>>,
    /// The gold labels, same shape.
    pub gold: Vec<Labels<Gold>>,
    /// What noise was asked for and what came out, of the sentences that are left.
    pub report: NoiseReport,
    /// What the class cap did, if there is one.
    pub cap: Option<CapReport>,
}

impl Perturbed {
    /// The sentences that are left of the split `train` that was perturbed, with their given labels.
    pub fn train(&self, train: &[Sentence<Gold>]) -> Vec<Sentence<Given>> {
        let pairs = self.sentences.iter().zip(&self.given);
        pairs.map(|(&i, given)| Sentence { words: train[i as usize].words.clone(), labels: given.clone() }).collect()
    }

    /// True where given and gold differ, same shape as both.
    pub fn mask(&self) -> Vec<Vec<bool>> {
        let differ =
            |(given, gold): (&Labels<Given>, &Labels<Gold>)| given.iter().zip(gold).map(|(a, b)| a != b).collect();
        self.given.iter().zip(&self.gold).map(differ).collect()
    }
}

/// What was asked for and what came out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NoiseReport {
    /// The procedure.
    pub kind: NoiseKind,
    /// Requested rate, 0 to 1.
    pub requested_rate: f64,
    /// Share of training tokens whose given label differs from gold, 0 to 1.
    pub realised_rate: f64,
    /// Training tokens.
    pub n_tokens: usize,
    /// Training tokens with given ≠ gold.
    pub n_noisy: usize,
    /// Counts gold → given, `counts[gold][given]`, over all training tokens.
    pub counts: Vec<Vec<usize>>,
    /// Training entities by their gold labels.
    pub n_entities: usize,
    /// Of these, how many do not stand among the given labels with the same words and type.
    pub n_entities_lost: usize,
}

/// Puts noise on training labels and leaves out what a class cap deletes.
///
/// The result depends on the sentences, the settings and the seed, and on nothing else.
///
/// # Errors
/// [`Error::Config`] if the rate is not within 0 and 1, the matrix is missing, names an unknown tag, has a negative
/// entry or a row that does not sum to 1 (within 1e-6), or is given where the procedure does not use one;
/// [`Error::Config`] too if there is only one label, so that no label can be wrong; if the corpus lacks the capped
/// class, has fewer sentences with it than are to stay, or would have no sentence left.
pub fn perturb(
    train: &[Sentence<Gold>],
    labels: &LabelSet,
    settings: &PerturbSettings,
    seed: u64,
) -> Result<Perturbed> {
    validate(settings)?;
    let matrix = token::Matrix::new(settings, labels)?;
    if settings.rate > 0.0 && labels.len() < 2 {
        return Err(refusal(
            "perturb.rate",
            "is above 0, but the corpus has no label besides `O`",
            "set perturb.rate to 0",
        ));
    }
    let gold: Vec<Labels<Gold>> = train.iter().map(|sentence| sentence.labels.clone()).collect();
    let streams = Streams::new(seed);
    let given = match settings.kind {
        NoiseKind::Uniform => token::uniform(&gold, labels.len(), settings.rate, &streams),
        NoiseKind::OtherLabel => token::other_label(&gold, labels.len(), settings.rate, &streams),
        NoiseKind::Matrix => token::matrix(&gold, &matrix, settings.rate, &streams),
        NoiseKind::Entity => entity::perturb(&gold, labels, settings.rate, &streams),
    };
    let (sentences, cap) = match &settings.cap {
        Some(cap) => cap::select(&gold, labels, cap, &streams).map(|(left, report)| (left, Some(report)))?,
        None => ((0..gold.len() as u32).collect(), None),
    };
    let (given, gold) = (left(given, &sentences), left(gold, &sentences));
    let report = report(settings, &gold, &given, labels);
    Ok(Perturbed { sentences, given, gold, report, cap })
}

/// The labels of the sentences that are left, by their numbers.
fn left<K>(all: Vec<Labels<K>>, sentences: &[u32]) -> Vec<Labels<K>> {
    let all = (0u32..).zip(all).filter(|(i, _)| sentences.binary_search(i).is_ok());
    all.map(|(_, labels)| labels).collect()
}

/// Refuses a class cap that these training sentences cannot be given.
///
/// # Errors
/// [`Error::Config`], see [`perturb`].
pub fn check_cap(train: &[Sentence<Gold>], labels: &LabelSet, settings: &PerturbSettings) -> Result<()> {
    let Some(cap) = &settings.cap else { return Ok(()) };
    let gold: Vec<Labels<Gold>> = train.iter().map(|sentence| sentence.labels.clone()).collect();
    cap::select(&gold, labels, cap, &Streams::new(0)).map(|_| ())
}

/// Refuses settings that no corpus could be perturbed with; what depends on the labels is checked by [`perturb`].
///
/// # Errors
/// [`Error::Config`], see [`perturb`].
pub fn validate(settings: &PerturbSettings) -> Result<()> {
    if !(0.0..=1.0).contains(&settings.rate) {
        return Err(refusal(
            "perturb.rate",
            format!("must be between 0 and 1, not {}", settings.rate),
            "0.3 means 30 % of the tokens",
        ));
    }
    settings.cap.as_ref().map_or(Ok(()), cap::validate)?;
    match (settings.kind, &settings.matrix) {
        (NoiseKind::Matrix, None) => Err(refusal(
            "perturb.matrix",
            "is needed for perturb.kind = \"matrix\"",
            "give it as a table of tables: perturb.matrix.B-PER = { B-PER = 0.8, B-ORG = 0.2 }",
        )),
        (NoiseKind::Matrix, Some(_)) | (_, None) => Ok(()),
        (kind, Some(_)) => Err(refusal(
            "perturb.matrix",
            format!("is not used by perturb.kind = \"{kind}\""),
            "remove it, or set perturb.kind to \"matrix\"",
        )),
    }
}

fn refusal(key: &str, what: impl std::fmt::Display, hint: impl Into<String>) -> Error {
    Error::Config(Problem::new(format!("{key} {what}")).hint(hint))
}

fn report(
    settings: &PerturbSettings,
    gold: &[Labels<Gold>],
    given: &[Labels<Given>],
    labels: &LabelSet,
) -> NoiseReport {
    let mut counts = vec![vec![0; labels.len()]; labels.len()];
    let reader = SpanReader::from(labels);
    let (mut n_tokens, mut n_noisy, mut n_entities, mut n_entities_lost) = (0, 0, 0, 0);
    for (gold, given) in gold.iter().zip(given) {
        for (&gold, &given) in gold.iter().zip(given) {
            counts[usize::from(gold)][usize::from(given)] += 1;
            n_tokens += 1;
            n_noisy += usize::from(gold != given);
        }
        let kept = reader.spans(given, SpanMode::Default);
        for span in reader.spans(gold, SpanMode::Default) {
            n_entities += 1;
            n_entities_lost += usize::from(!kept.contains(&span));
        }
    }
    NoiseReport {
        kind: settings.kind,
        requested_rate: settings.rate,
        realised_rate: if n_tokens == 0 { 0.0 } else { n_noisy as f64 / n_tokens as f64 },
        n_tokens,
        n_noisy,
        counts,
        n_entities,
        n_entities_lost,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(settings: PerturbSettings) -> String {
        let labels = LabelSet::new(["B-PER", "I-PER"]);
        match perturb(&[], &labels, &settings, 1) {
            Err(error @ Error::Config(_)) => {
                assert!(error.hint().is_some(), "{error} has a hint");
                error.to_string()
            }
            other => panic!("not refused: {other:?}"),
        }
    }

    fn with_matrix(from: &str, to: &[(&str, f64)]) -> PerturbSettings {
        let row = to.iter().map(|&(tag, p)| (tag.to_owned(), p)).collect();
        PerturbSettings {
            kind: NoiseKind::Matrix,
            rate: 0.5,
            matrix: Some(BTreeMap::from([(from.to_owned(), row)])),
            cap: None,
        }
    }

    #[test]
    fn rates_outside_of_zero_and_one_are_refused() {
        for rate in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            let message = refused(PerturbSettings { rate, ..PerturbSettings::default() });
            assert!(message.starts_with("perturb.rate must be between 0 and 1"), "{message}");
        }
    }

    #[test]
    fn a_matrix_must_be_there_exactly_where_it_is_used() {
        refused(PerturbSettings { kind: NoiseKind::Matrix, rate: 0.1, ..PerturbSettings::default() });
        refused(PerturbSettings { kind: NoiseKind::Uniform, ..with_matrix("O", &[("O", 1.0)]) });
    }

    #[test]
    fn a_matrix_must_be_stochastic_over_known_tags() {
        assert!(refused(with_matrix("B-LOC", &[("O", 1.0)])).contains("`B-LOC`"));
        assert!(refused(with_matrix("O", &[("B-LOC", 1.0)])).contains("`B-LOC`"));
        assert!(refused(with_matrix("O", &[("O", 0.5), ("B-PER", 0.4)])).contains("sums to 0.9"));
        assert!(refused(with_matrix("O", &[("O", 1.5), ("B-PER", -0.5)])).contains("-0.5"));
    }

    #[test]
    fn a_corpus_without_entities_cannot_be_noisy() {
        let settings = PerturbSettings { rate: 0.1, ..PerturbSettings::default() };
        assert!(perturb(&[], &LabelSet::new(["O"]), &settings, 1).is_err());
    }
}
