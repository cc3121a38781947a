//! The measures of the entity type that a row is about.

use super::CLASS;
use crate::analysis::{ClassAnalysis, ClusterShares};
use crate::metrics::{Absent, Measured, Measurement, measured};
use crate::study::frames::numbers;
use crate::study::gather::Row;
use crate::study::measure::{Better, Measure, Unit};

/// A measure of the entity type that a row is about.
const fn of_type(
    [key, heading, short]: [&'static str; 3],
    (unit, better, digits): (Unit, Better, usize),
    of: fn(&Row) -> Measured,
) -> Measure {
    Measure { key, heading, short, unit, better, digits, of }
}

const F1: (Unit, Better, usize) = (Unit::Score, Better::Higher, 3);
const SHARE: (Unit, Better, usize) = (Unit::Share, Better::Neither, 1);

pub(super) fn analysis(row: &Row) -> std::result::Result<&ClassAnalysis, Absent> {
    row.class.as_ref().ok_or(Absent("not a run of an entity type"))
}

fn last(row: &Row, column: &str, absent: &'static str) -> Measured {
    let values = numbers(&analysis(row)?.epochs, column).unwrap_or_default();
    measured(values.last().copied().flatten(), absent)
}

fn in_cluster(row: &Row, share: fn(&ClusterShares) -> Option<f64>) -> Measured {
    let cluster = analysis(row)?.cluster.as_ref().ok_or(Absent("no label noise"))?;
    measured(share(cluster), "no such token")
}

pub(super) const TYPE_DEV: Measure =
    of_type(["class_dev", "Type, dev F1", "Dev"], F1, |row| last(row, "dev_f1", "not evaluated on dev"));
pub(super) const TYPE_TRAIN: Measure =
    of_type(["class_train", "Type, train F1", "Train"], F1, |row| last(row, "train_f1", "no training sentence"));
pub(super) const TYPE_PREDICTED: Measure = of_type(
    ["class_predicted", "Type, entities predicted on dev", "Predicted"],
    (Unit::Count, Better::Neither, 0),
    |row| last(row, "dev_predicted", "not evaluated on dev"),
);
pub(super) const TYPE_TEST: Measure = of_type(["class_test", "Type, test F1", "Test"], F1, |row| {
    let name = row.coordinates.get(CLASS).map(|class| class.label.as_str());
    let scores = row.manifest.test.as_ref().ok_or(Absent("no test split"))?;
    let entry = scores.per_type.iter().find(|entry| Some(entry.name.as_str()) == name && entry.support > 0);
    measured(entry.map(|entry| entry.scores.f1), "type not in the test split")
});
pub(super) const TOKENS: Measure =
    of_type(["tokens", "Clean training tokens", "Tokens"], (Unit::Count, Better::Neither, 0), |row| {
        Ok(Measurement::Exact(analysis(row)?.n_words as f64))
    });
pub(super) const FIRST_LEARNING: Measure = of_type(
    ["first_learning", "First learning, median", "First learned"],
    (Unit::Epoch, Better::Lower, 1),
    |row| match (analysis(row)?.first_learning, analysis(row)?.n_words) {
        (Some(epoch), _) => Ok(Measurement::Exact(epoch)),
        (None, 0) => Err(Absent("no training sentence")),
        // The median token is never predicted as given.
        (None, _) => Ok(Measurement::AtLeast(f64::from(row.manifest.epochs_finished))),
    },
);
pub(super) const LEARNED_AT_ONCE: Measure =
    of_type(["learned_at_once", "First learned in epoch 1", "Epoch 1"], SHARE, |row| {
        let values = numbers(&analysis(row)?.epochs, "first_learned").unwrap_or_default();
        measured(values.first().copied().flatten(), "no training sentence")
    });
pub(super) const NEVER_LEARNED: Measure = of_type(["never_learned", "Never learned", "Never"], SHARE, |row| {
    measured(analysis(row)?.never_learned, "no training sentence")
});
pub(super) const IN_CLUSTER: Measure =
    of_type(["in_cluster", "Type in the noise cluster", "Type"], SHARE, |row| in_cluster(row, |of| of.class));
pub(super) const OTHERS_IN_CLUSTER: Measure =
    of_type(["others_in_cluster", "Other entities in the noise cluster", "Others"], SHARE, |row| {
        in_cluster(row, |of| of.other_entities)
    });
pub(super) const NOISY_IN_CLUSTER: Measure =
    of_type(["noisy_in_cluster", "Noisy tokens in the noise cluster", "Noisy"], SHARE, |row| {
        in_cluster(row, |of| of.noisy)
    });
pub(super) const AUC_LOSS: Measure =
    of_type(["auc_loss", "AUC of the last loss", "AUC, loss"], (Unit::Score, Better::Neither, 3), |row| {
        measured(separation(row, "last loss"), "no label noise or no such token")
    });

/// The area under the ROC curve of a measure of the log.
pub(super) fn separation(row: &Row, measure: &str) -> Option<f64> {
    analysis(row).ok()?.separation.iter().find(|found| found.measure == measure).map(|found| found.auc)
}
