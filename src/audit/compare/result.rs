//! The results of a comparison.

use serde::{Deserialize, Serialize};

use super::{Changes, CompareSettings, Texts};
use crate::audit::Text;
use crate::metrics::entity::EntityScores;
use crate::metrics::paired::Paired;
use crate::metrics::{Interval, Prf};
use crate::run::Versions;

/// Which labels a tagger was trained on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Version {
    /// Those before the corrections.
    Before,
    /// Those after them.
    After,
}

impl Version {
    /// Both, in the order in which they are trained on.
    pub const ALL: [Self; 2] = [Self::Before, Self::After];

    /// `before` or `after`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
        }
    }
}

/// A finished comparison; as JSON it is `compare.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Version of this layout.
    pub schema: u32,
    /// The file before.
    pub before: TextSummary,
    /// The file after.
    pub after: TextSummary,
    /// The file that was judged by.
    pub dev: TextSummary,
    /// How much differs between before and after.
    pub changes: Changes,
    /// The tag inventory of all three, in IOB2.
    pub labels: Vec<String>,
    /// Its settings.
    pub settings: CompareSettings,
    /// Peak learning rate, as it was or as it followed from the encoder's width.
    pub learning_rate: f64,
    /// Versions of the program and of what computed.
    pub versions: Versions,
    /// The verdict on the difference in F1.
    pub verdict: Verdict,
    /// The same in a sentence.
    pub finding: String,
    /// Entity F1 on dev.
    pub f1: Paired,
    /// Entity precision on dev.
    pub precision: Paired,
    /// Entity recall on dev.
    pub recall: Paired,
    /// F1 of each entity type that occurs in dev.
    pub types: Vec<TypeDifference>,
    /// One entry a seed.
    pub seeds: Vec<SeedScores>,
}

/// One of the three files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TextSummary {
    /// Its name, without its folders.
    pub file: String,
    /// SHA-256 (hex) of its bytes.
    pub fingerprint: String,
    /// Sentences in it.
    pub sentences: usize,
    /// Tokens in it.
    pub tokens: usize,
    /// Entities in it.
    pub entities: usize,
}

impl TextSummary {
    /// Of one of the three.
    pub(super) fn of(text: &Text, texts: &Texts) -> Self {
        Self {
            file: text.path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
            fingerprint: text.fingerprint.clone(),
            sentences: text.sentences.len(),
            tokens: text.n_tokens(),
            entities: texts.n_entities(text),
        }
    }
}

/// One entity type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TypeDifference {
    /// The type, without prefix.
    pub name: String,
    /// Its entities in dev.
    pub support: usize,
    /// Its F1.
    #[serde(flatten)]
    pub f1: Paired,
}

/// The two taggers of one seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeedScores {
    /// The seed.
    pub seed: u64,
    /// Trained on the labels before.
    pub before: VersionScores,
    /// Trained on the labels after.
    pub after: VersionScores,
    /// F1 after − before.
    pub f1_difference: f64,
}

/// One tagger on dev.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VersionScores {
    /// Of all entities, after the last epoch.
    #[serde(flatten)]
    pub scores: Prf,
    /// F1 after each epoch.
    pub f1_by_epoch: Vec<f64>,
}

impl VersionScores {
    pub(super) fn new(scores: &EntityScores, f1_by_epoch: Vec<f64>) -> Self {
        Self { scores: scores.micro, f1_by_epoch }
    }
}

/// The verdict on a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Both intervals lie above 0.
    Better,
    /// Both intervals lie below 0.
    Worse,
    /// An interval contains 0, or there is none over seeds.
    Unclear,
}

impl Verdict {
    /// The verdict on a difference.
    pub fn of(difference: &Paired) -> Self {
        match (difference.over_seeds, difference.over_sentences) {
            (Some(seeds), Some(sentences)) if seeds.low > 0.0 && sentences.low > 0.0 => Self::Better,
            (Some(seeds), Some(sentences)) if seeds.high < 0.0 && sentences.high < 0.0 => Self::Worse,
            _ => Self::Unclear,
        }
    }

    /// The verdict on a difference in F1 in a sentence, with the numbers that it follows from.
    pub fn finding(difference: &Paired) -> String {
        let by = format!("{:+.4}", difference.difference.mean);
        let intervals: Vec<(&str, Interval)> =
            [("seeds", difference.over_seeds), ("sentences", difference.over_sentences)]
                .into_iter()
                .filter_map(|(over, interval)| Some((over, interval?)))
                .collect();
        let shown: Vec<String> =
            intervals.iter().map(|(over, i)| format!("{:+.4} to {:+.4} over {over}", i.low, i.high)).collect();
        let shown = match shown.is_empty() {
            true => String::new(),
            false => format!(" (95 % intervals: {})", shown.join(", ")),
        };
        let around_zero = intervals.iter().filter(|(_, i)| i.low <= 0.0 && i.high >= 0.0);
        let around_zero: Vec<&str> = around_zero.map(|(over, _)| *over).collect();
        match Self::of(difference) {
            Self::Better => format!("better after: dev F1 {by}{shown}, beyond what seeds and sentences can do"),
            Self::Worse => format!("worse after: dev F1 {by}{shown}, beyond what seeds and sentences can do"),
            Self::Unclear if !around_zero.is_empty() => {
                format!("unclear: dev F1 {by}{shown}, a difference within what {} can do", around_zero.join(" and "))
            }
            Self::Unclear if difference.over_seeds.is_none() => {
                format!("unclear: dev F1 {by}{shown}; what another seed would do is unknown with one seed")
            }
            Self::Unclear => format!("unclear: dev F1 {by}{shown}; the intervals contradict each other"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Estimate;

    fn difference(seeds: Option<(f64, f64)>, sentences: (f64, f64)) -> Paired {
        let estimate = |mean| Estimate { mean, deviation: None, n: 3 };
        let interval = |(low, high)| Interval { low, high };
        Paired {
            before: estimate(0.5),
            after: estimate(0.51),
            difference: estimate(0.01),
            over_seeds: seeds.map(interval),
            over_sentences: Some(interval(sentences)),
        }
    }

    #[test]
    fn a_verdict_needs_both_intervals_on_one_side() {
        let clear = (0.002, 0.018);
        assert_eq!(Verdict::of(&difference(Some(clear), clear)), Verdict::Better);
        assert_eq!(Verdict::of(&difference(Some((-0.2, -0.1)), (-0.3, -0.1))), Verdict::Worse);
        for unclear in [
            difference(Some((-0.01, 0.03)), clear),
            difference(Some(clear), (0.0, 0.02)),
            difference(None, clear),
            difference(Some((0.0, 0.0)), (0.0, 0.0)),
        ] {
            assert_eq!(Verdict::of(&unclear), Verdict::Unclear);
        }
    }

    #[test]
    fn what_is_unclear_is_said() {
        let clear = (0.002, 0.018);
        let finding = Verdict::finding(&difference(Some((-0.01, 0.03)), clear));
        assert_eq!(
            finding,
            "unclear: dev F1 +0.0100 (95 % intervals: -0.0100 to +0.0300 over seeds, +0.0020 to +0.0180 over sentences), \
             a difference within what seeds can do"
        );
        let finding = Verdict::finding(&difference(Some((-0.01, 0.03)), (-0.1, 0.1)));
        assert!(finding.ends_with("within what seeds and sentences can do"), "{finding}");
        assert!(Verdict::finding(&difference(None, clear)).ends_with("unknown with one seed"));
        assert!(Verdict::finding(&difference(Some(clear), clear)).starts_with("better after: dev F1 +0.0100"));
    }
}
