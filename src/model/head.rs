//! What stands on the encoder and gives a token its label.
//!
//! A CRF's loss is the sentences' negative log-likelihood divided by the number of tokens, so that it is comparable
//! with the linear head's. Of single tokens it says their marginals, whose logarithms are logged as logits are: p_given
//! is the marginal of the given label, the loss minus its logarithm, the margin a difference of logarithms. What it
//! predicts are the labels of the sentence's best path, which need not be the likeliest ones of the tokens.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::encoder::add_linear;
use super::parameters::{Builder, Init, Parameters};
use crate::Result;
use crate::error::{Error, Problem};
use crate::nn::{Chain, Linear, Outside};

/// The head. All settings except `kind` apply to the prototypical head; their defaults are those of arXiv
/// 2105.00828, section 5.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HeadSettings {
    /// Kind of head.
    pub kind: HeadKind,
    /// Number of dimensions of the space in which distances are computed.
    pub dimensions: usize,
    /// Initial value of the learned logit of `O`: minus the squared distance beyond which a token is not an entity.
    pub outside: f64,
    /// Logit of a label without support; lower than any other logit.
    pub absent: f64,
    /// Centroids used for evaluation during and after the training.
    pub centroids: CentroidRule,
    /// Weight of the newest episode in the running centroids, above 0 and at most 1.
    pub running_weight: f64,
}

/// The heads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HeadKind {
    /// A linear layer: one row of weights per label.
    #[default]
    Linear,
    /// ProtoBERT: a linear map and the distance to the mean of the tokens of each label.
    Prototypes,
    /// A linear layer and a linear-chain conditional random field, which predicts the labels of a sentence jointly.
    Crf,
}

impl HeadKind {
    /// As it is written in an experiment file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Prototypes => "prototypes",
            Self::Crf => "crf",
        }
    }
}

/// Centroids that a prototypical head uses for evaluation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CentroidRule {
    /// Means over the whole training split, recomputed for each evaluation with dropout off.
    #[default]
    TrainingSet,
    /// Exponential moving average of the centroids of the episodes.
    Running,
}

impl Default for HeadSettings {
    fn default() -> Self {
        Self {
            kind: HeadKind::Linear,
            dimensions: 300,
            outside: -4.0,
            absent: -400.0,
            centroids: CentroidRule::TrainingSet,
            running_weight: 0.1,
        }
    }
}

/// More than any head has use for, and little enough for any machine.
const MOST_DIMENSIONS: usize = 4096;
/// Below this, single precision has no digits left for differences.
const LOWEST_LOGIT: f64 = -1e5;

impl HeadSettings {
    /// Refuses numbers that no head can be made with.
    ///
    /// # Errors
    /// [`Error::Config`] whose words begin with the dotted key.
    pub fn validate(&self) -> Result<()> {
        let refuse = |key: &str, what: String, hint: &str| {
            Err(Error::Config(Problem::new(format!("model.head.{key} {what}")).hint(hint)))
        };
        if !(1..=MOST_DIMENSIONS).contains(&self.dimensions) {
            let what = format!("must be between 1 and {MOST_DIMENSIONS}, not {}", self.dimensions);
            return refuse("dimensions", what, "the paper's number is 300");
        }
        if !(LOWEST_LOGIT..=0.0).contains(&self.outside) {
            let what = format!("must be between {LOWEST_LOGIT} and 0, not {}", self.outside);
            return refuse("outside", what, "it is compared with minus a squared distance; the paper's number is -4");
        }
        if !(LOWEST_LOGIT..self.outside).contains(&self.absent) {
            let what = format!("must be at least {LOWEST_LOGIT} and below model.head.outside, not {}", self.absent);
            return refuse("absent", what, "the paper's number is -400");
        }
        if !(self.running_weight > 0.0 && self.running_weight <= 1.0) {
            let what = format!("must be above 0 and at most 1, not {}", self.running_weight);
            return refuse("running_weight", what, "the paper's number is 0.1");
        }
        Ok(())
    }
}

/// The names of the head's parameters begin with this.
pub(super) const LINEAR: &str = "classifier";
/// The same of the prototypical head's map.
pub(super) const MAP: &str = "prototypes";
/// The prototypical head's logit of `O`.
pub(super) const OUTSIDE: &str = "prototypes.outside_bias";
/// The names of a CRF's own parameters begin with this: transitions, start, end. Its emissions are the linear layer's.
pub(super) const CHAIN: &str = "crf";

/// True for the name of a parameter that belongs to a head.
pub(super) fn owns(name: &str) -> bool {
    [LINEAR, MAP, CHAIN].iter().any(|head| name.strip_prefix(head).is_some_and(|rest| rest.starts_with('.')))
}

/// Adds the head's parameters.
pub(super) fn build(
    builder: &mut Builder<'_>,
    settings: &HeadSettings,
    n_labels: usize,
    hidden: usize,
    deviation: f64,
) -> Result<()> {
    match settings.kind {
        HeadKind::Linear => add_linear(builder, LINEAR, n_labels, hidden, Init::Normal(deviation)),
        HeadKind::Prototypes => {
            add_linear(builder, MAP, settings.dimensions, hidden, Init::Normal(deviation))?;
            builder.add(OUTSIDE, &[1, 1], Init::Constant(settings.outside as f32))
        }
        HeadKind::Crf => {
            add_linear(builder, LINEAR, n_labels, hidden, Init::Normal(deviation))?;
            // At 0 the chain is no chain: tokens are judged one by one, as a linear head would.
            builder.add(&format!("{CHAIN}.transitions"), &[n_labels, n_labels], Init::Constant(0.0))?;
            builder.add(&format!("{CHAIN}.start"), &[n_labels], Init::Constant(0.0))?;
            builder.add(&format!("{CHAIN}.end"), &[n_labels], Init::Constant(0.0))
        }
    }
}

/// The head, ready to compute.
pub(super) enum Head {
    /// W·h + b.
    Linear(Linear),
    /// f = W·h + b, to be compared with centroids.
    Prototypes { map: Linear, outside: Outside },
    /// Emissions W·h + b, and what the order of labels is worth.
    Crf { emissions: Linear, chain: Chain },
}

impl Head {
    /// Views the parameters.
    pub fn new(parameters: &Parameters, settings: &HeadSettings) -> Result<Self> {
        Ok(match settings.kind {
            HeadKind::Linear => Self::Linear(parameters.linear(LINEAR)?),
            HeadKind::Prototypes => Self::Prototypes {
                map: parameters.linear(MAP)?,
                outside: Outside { logit: parameters.handle(OUTSIDE)?, absent: settings.absent as f32 },
            },
            HeadKind::Crf => {
                let part = |name: &str| parameters.handle(&format!("{CHAIN}.{name}"));
                let chain = Chain { transitions: part("transitions")?, start: part("start")?, end: part("end")? };
                Self::Crf { emissions: parameters.linear(LINEAR)?, chain }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_make_no_head_are_refused() {
        let refused = |change: fn(&mut HeadSettings)| {
            let mut settings = HeadSettings::default();
            change(&mut settings);
            settings.validate().unwrap_err().to_string()
        };
        assert!(refused(|s| s.dimensions = 0).starts_with("model.head.dimensions"));
        assert!(refused(|s| s.dimensions = 100_000_000_000).starts_with("model.head.dimensions"));
        assert!(refused(|s| s.absent = -1e300).starts_with("model.head.absent"));
        assert!(refused(|s| s.outside = 1.0).starts_with("model.head.outside"));
        assert!(refused(|s| s.outside = f64::NAN).starts_with("model.head.outside"));
        assert!(refused(|s| s.absent = -4.0).starts_with("model.head.absent"));
        assert!(refused(|s| s.running_weight = 0.0).starts_with("model.head.running_weight"));
        assert!(HeadSettings::default().validate().is_ok());
    }
}
