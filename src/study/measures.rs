//! The measures of all studies. To add one, write an entry and name it in the studies that show it.

use super::gather::Row;
use super::measure::{Better, Measure, Unit};
use crate::metrics::{Absent, Measured, Measurement, measured};

const NO_NOISE: &str = "no label noise";
const NOT_EVALUATED: &str = "not evaluated on dev";

/// Realised noise: share of the training tokens whose given label is wrong. A label drawn anew may be the gold one, so that
/// it is below the requested level.
pub const REALISED_NOISE: Measure = Measure {
    key: "realised_noise",
    heading: "Realised noise",
    short: "Realised",
    unit: Unit::Share,
    better: Better::Neither,
    digits: 1,
    of: |row| Ok(Measurement::Exact(row.manifest.noise.realised_rate)),
};

/// The highest dev score after an epoch; of equal ones the first.
pub const DEV_PEAK: Measure = Measure {
    key: "dev_score_peak",
    heading: "Dev score, highest",
    short: "Dev, max.",
    unit: Unit::Score,
    better: Better::Higher,
    digits: 3,
    of: |row| measured(row.highest("dev_score").map(|found| found.value), NOT_EVALUATED),
};

/// The epoch of the highest dev score.
pub const DEV_PEAK_EPOCH: Measure = Measure {
    key: "dev_score_peak_epoch",
    heading: "Highest dev score",
    short: "Dev epoch",
    unit: Unit::Epoch,
    better: Better::Neither,
    digits: 1,
    of: |row| measured(row.highest("dev_score").map(|found| found.epoch), NOT_EVALUATED),
};

/// The dev score after the last epoch.
pub const DEV_END: Measure = Measure {
    key: "dev_score_end",
    heading: "Dev score, last epoch",
    short: "Dev, last",
    unit: Unit::Score,
    better: Better::Higher,
    digits: 3,
    of: |row| measured(row.last("dev_score"), NOT_EVALUATED),
};

/// The lowest accuracy on noisy tokens against their given label, after an epoch.
pub const NOISY_LOW: Measure = Measure {
    key: "noisy_accuracy_low",
    heading: "Noisy tokens predicted as given, lowest",
    short: "Noisy, min.",
    unit: Unit::Share,
    better: Better::Lower,
    digits: 1,
    of: |row| row.of_noise(row.lowest("noisy_accuracy").map(|found| found.value)),
};

/// The accuracy on noisy tokens against their given label, after the last epoch.
pub const NOISY_END: Measure = Measure {
    key: "noisy_accuracy_end",
    heading: "Noisy tokens predicted as given, last epoch",
    short: "Noisy, last",
    unit: Unit::Share,
    better: Better::Lower,
    digits: 1,
    of: |row| row.of_noise(row.last("noisy_accuracy")),
};

/// F1 of taking the cluster of high losses for the noisy tokens, at its best epoch (two clusters of the losses after each
/// epoch).
pub const DETECTION: Measure = Measure {
    key: "detection_f1",
    heading: "Noise-detection F1, highest",
    short: "Detection F1",
    unit: Unit::Score,
    better: Better::Higher,
    digits: 3,
    of: |row| row.of_noise(row.highest("noise_f1").map(|found| found.value)),
};

/// The epoch of the highest noise-detection F1.
pub const DETECTION_EPOCH: Measure = Measure {
    key: "detection_epoch",
    heading: "Highest noise-detection F1",
    short: "Det. epoch",
    unit: Unit::Epoch,
    better: Better::Neither,
    digits: 1,
    of: |row| row.of_noise(row.highest("noise_f1").map(|found| found.epoch)),
};

/// The epoch at which fitting ends.
pub const FITTING_END: Measure = Measure {
    key: "fitting_end",
    heading: "End of fitting",
    short: "Fitting (ep.)",
    unit: Unit::Epoch,
    better: Better::Lower,
    digits: 1,
    of: |row| row.phases.end_of_fitting(),
};

/// Length of the settling phase: [`crate::analysis::phases::Phases::settling_length`].
pub const SETTLING: Measure = Measure {
    key: "settling",
    heading: "Settling length",
    short: "Settling (ep.)",
    unit: Unit::Epochs,
    better: Better::Higher,
    digits: 1,
    of: |row| row.phases.settling_length(),
};

/// Onset of memorisation: [`crate::analysis::phases::Phases::onset`].
pub const ONSET: Measure = Measure {
    key: "onset",
    heading: "Onset of memorisation",
    short: "Onset (ep.)",
    unit: Unit::Epoch,
    better: Better::Higher,
    digits: 1,
    of: |row| row.phases.onset(row.curve.height(), row.manifest.epochs_finished),
};

/// Share of the training tokens that are forgotten once or more, by the paper's convention, in the pass of
/// `analysis.events_pass`.
pub const FORGETTABLE: Measure = Measure {
    key: "forgettable",
    heading: "Forgettable tokens",
    short: "Forgettable",
    unit: Unit::Share,
    better: Better::Lower,
    digits: 1,
    of: |row| measured(row.share("all", "forgettable"), "no token observed"),
};

/// The same in the train pass.
pub const FORGETTABLE_TRAIN: Measure = Measure {
    key: "forgettable_train",
    heading: "Forgettable tokens, train pass",
    short: "Forgettable, train",
    unit: Unit::Share,
    better: Better::Lower,
    digits: 1,
    of: |row| row.forgettable(crate::dynamics::Pass::Train),
};

/// The same in the eval pass.
pub const FORGETTABLE_EVAL: Measure = Measure {
    key: "forgettable_eval",
    heading: "Forgettable tokens, eval pass",
    short: "Forgettable, eval",
    unit: Unit::Share,
    better: Better::Lower,
    digits: 1,
    of: |row| row.forgettable(crate::dynamics::Pass::Eval),
};

/// The test score after the last epoch: entity F1.
pub const TEST: Measure = Measure {
    key: "test_score",
    heading: "Test score",
    short: "Test",
    unit: Unit::Score,
    better: Better::Higher,
    digits: 3,
    of: |row| measured(row.manifest.test.as_ref().map(|scores| scores.micro.f1), "no test split"),
};

/// Training time.
pub const SECONDS: Measure = Measure {
    key: "seconds",
    heading: "Training time",
    short: "Time",
    unit: Unit::Seconds,
    better: Better::Lower,
    digits: 1,
    of: |row| Ok(Measurement::Exact(row.manifest.wall_seconds)),
};

impl Row {
    /// A value that a run without noise does not have.
    fn of_noise(&self, value: Option<f64>) -> Measured {
        measured(value, if self.manifest.noise.n_noisy == 0 { NO_NOISE } else { "not logged" })
    }

    fn forgettable(&self, pass: crate::dynamics::Pass) -> Measured {
        let of_pass = self.forgetting(pass).ok_or(Absent("pass not logged"))?;
        measured(of_pass.shares("all").map(|shares| shares.forgettable), "no token observed")
    }
}
