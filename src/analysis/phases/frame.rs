//! The phases of a run as a table of one row, for engines that read the analyses of many runs together.

use polars::prelude::*;

use super::{OnsetEvidence, PhasePoint, Phases};
use crate::error::Result;

impl OnsetEvidence {
    /// The name that it has in JSON and in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoisyAccuracy => "noisy_accuracy",
            Self::DevDecline => "dev_decline",
            Self::FirstLearning => "first_learning",
            Self::Nothing => "nothing",
        }
    }
}

impl Phases {
    /// One row: `evidence str`; `fitting_end` and `memorisation_onset`, each the epoch with `_low` and `_high` (its interval)
    /// and `_support` (f64?); `settling_start`, `settling_end` (epochs, f64?). Null where a boundary is absent.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] if the frame cannot be made.
    pub fn frame(&self) -> Result<DataFrame> {
        let mut columns = vec![Column::new("evidence".into(), [self.evidence.name()])];
        let mut add = |name: String, value: Option<f64>| columns.push(Column::new(name.into(), [value]));
        for (name, point) in [("fitting_end", &self.fitting_end), ("memorisation_onset", &self.memorisation_onset)] {
            let of = |get: fn(&PhasePoint) -> f64| point.as_ref().map(get);
            add(name.to_owned(), of(|p| p.epoch));
            add(format!("{name}_low"), of(|p| p.epoch_low));
            add(format!("{name}_high"), of(|p| p.epoch_high));
            add(format!("{name}_support"), of(|p| p.support));
        }
        add("settling_start".to_owned(), self.settling.as_ref().map(|settling| settling.start.epoch));
        add("settling_end".to_owned(), self.settling.as_ref().map(|settling| settling.end.epoch));
        Ok(DataFrame::new(1, columns)?)
    }
}

#[cfg(test)]
mod tests {
    use super::super::PhaseScores;
    use super::*;

    #[test]
    fn absent_boundaries_are_null() {
        let point = PhasePoint {
            epoch: 4.0,
            epoch_low: 3.0,
            epoch_high: 5.5,
            step: Some(16),
            examples_seen: None,
            learning_rate: None,
            support: 0.9,
            scores: PhaseScores::default(),
        };
        let phases =
            Phases { memorisation_onset: Some(point), evidence: OnsetEvidence::DevDecline, ..Phases::default() };
        let frame = phases.frame().unwrap();
        let number = |name: &str| frame.column(name).unwrap().f64().unwrap().get(0);
        let onset = ["memorisation_onset", "memorisation_onset_low", "memorisation_onset_high"].map(number);
        assert_eq!(onset, [Some(4.0), Some(3.0), Some(5.5)]);
        assert_eq!(number("memorisation_onset_support"), Some(0.9));
        assert_eq!(["fitting_end", "fitting_end_support", "settling_start", "settling_end"].map(number), [None; 4]);
        assert_eq!(frame.column("evidence").unwrap().str().unwrap().get(0), Some("dev_decline"));
    }

    #[test]
    fn evidence_has_the_name_that_json_gives_it() {
        for evidence in [
            OnsetEvidence::NoisyAccuracy,
            OnsetEvidence::DevDecline,
            OnsetEvidence::FirstLearning,
            OnsetEvidence::Nothing,
        ] {
            assert_eq!(serde_json::to_value(evidence).unwrap(), evidence.name());
        }
    }
}
