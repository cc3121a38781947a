//! How a run's log is analysed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::dynamics::Pass;
use crate::error::{Error, Problem};

/// Analysis of a log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AnalysisSettings {
    /// Pass in which forgetting and learning events are counted; the other pass if it was not logged. The paper uses the
    /// train pass: dropout on, before the update that uses the batch.
    pub events_pass: Pass,
    /// Pass whose losses, probabilities and accuracies are analysed; the other pass if it was not logged.
    pub scores_pass: Pass,
    /// Number of clusters of token losses and of loss trajectories, 2 to 20; noise detection always uses two.
    pub clusters: usize,
    /// Number of random starts of k-means; the best result is used.
    pub restarts: usize,
    /// Number of bootstrap replicates for the intervals of the phases; 0 disables them.
    pub bootstrap: usize,
    /// Number of forgotten tokens that are listed with their sentence.
    pub most_forgotten: usize,
    /// Seed of k-means and of the bootstrap.
    pub seed: u64,
}

impl Default for AnalysisSettings {
    fn default() -> Self {
        Self {
            events_pass: Pass::Train,
            scores_pass: Pass::Eval,
            clusters: 2,
            restarts: 5,
            bootstrap: 200,
            most_forgotten: 50,
            seed: 106,
        }
    }
}

impl AnalysisSettings {
    /// Refuses values that cannot be analysed with.
    ///
    /// # Errors
    /// [`Error::Config`] naming the key.
    pub fn validate(&self) -> Result<()> {
        let refuse = |key: &str, what: String| {
            Err(Error::Config(
                Problem::new(format!("analysis.{key} {what}"))
                    .hint(format!("set analysis.{key} in the experiment file or with --set")),
            ))
        };
        if !(2..=20).contains(&self.clusters) {
            return refuse("clusters", format!("must be between 2 and 20, not {}", self.clusters));
        }
        if !(1..=1000).contains(&self.restarts) {
            return refuse("restarts", format!("must be between 1 and 1000, not {}", self.restarts));
        }
        if self.bootstrap > 100_000 {
            return refuse("bootstrap", format!("must be at most 100000, not {}", self.bootstrap));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_cluster_is_none() {
        let settings = AnalysisSettings { clusters: 1, ..AnalysisSettings::default() };
        assert!(settings.validate().unwrap_err().to_string().contains("analysis.clusters"));
    }

    #[test]
    fn restarts_cannot_be_zero() {
        assert!(AnalysisSettings { restarts: 0, ..AnalysisSettings::default() }.validate().is_err());
        assert!(AnalysisSettings::default().validate().is_ok());
    }
}
