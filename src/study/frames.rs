//! Frames of many runs: those of single runs under one another, with what tells the runs apart in front.

use polars::prelude::*;

use crate::dynamics::CurvePoint;
use crate::error::{Error, Result};

/// Frames with the same columns under one another.
///
/// # Errors
/// [`Error::Internal`] from no frame at all.
pub(super) fn stack(frames: impl IntoIterator<Item = DataFrame>) -> Result<DataFrame> {
    let mut frames = frames.into_iter();
    let mut all = frames.next().ok_or_else(|| Error::Internal("no frames to put under one another".into()))?;
    for frame in frames {
        all.vstack_mut(&frame)?;
    }
    all.rechunk_mut();
    Ok(all)
}

/// A run's evaluations as a frame; what is not known is null.
pub(super) fn curve(points: &[CurvePoint]) -> Result<DataFrame> {
    let known = |get: fn(&CurvePoint) -> f64| -> Vec<Option<f64>> {
        points.iter().map(get).map(|value| value.is_finite().then_some(value)).collect()
    };
    let optional = |get: fn(&CurvePoint) -> Option<f64>| -> Vec<Option<f64>> {
        points.iter().map(get).map(|value| value.filter(|value| value.is_finite())).collect()
    };
    Ok(df!(
        "step" => points.iter().map(|p| p.step).collect::<Vec<u64>>(),
        "epoch" => points.iter().map(|p| p.epoch).collect::<Vec<f64>>(),
        "examples_seen" => points.iter().map(|p| p.examples_seen).collect::<Vec<u64>>(),
        "learning_rate" => known(|p| p.learning_rate),
        "dev_score" => known(|p| p.dev_score),
        "probe_f1" => known(|p| p.probe_f1),
        "probe_clean_accuracy" => optional(|p| p.probe_clean_accuracy),
        "probe_noisy_accuracy" => optional(|p| p.probe_noisy_accuracy),
        "probe_noisy_accuracy_gold" => optional(|p| p.probe_noisy_accuracy_gold),
    )?)
}

/// A numeric column as numbers, null and NaN as `None`; all `None` if the column is missing.
pub(super) fn numbers(frame: &DataFrame, name: &str) -> Result<Vec<Option<f64>>> {
    match frame.column(name) {
        Err(_) => Ok(vec![None; frame.height()]),
        Ok(column) => {
            let column = column.cast(&DataType::Float64)?;
            Ok(column.f64()?.iter().map(|value| value.filter(|value| !value.is_nan())).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_put_under_one_another() {
        let point = CurvePoint { step: 4, epoch: 1.0, dev_score: f64::NAN, probe_f1: 0.5, ..CurvePoint::default() };
        let frame = curve(&[point, point]).unwrap();
        let all = stack([frame.clone(), frame]).unwrap();
        assert_eq!(all.height(), 4);
        assert_eq!(numbers(&all, "step").unwrap(), [Some(4.0); 4]);
        assert_eq!(numbers(&all, "dev_score").unwrap(), [None; 4]);
        assert_eq!(numbers(&all, "missing").unwrap(), [None; 4]);
    }
}
