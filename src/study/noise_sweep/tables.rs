//! The tables of the noise sweep, as frames.

use polars::prelude::*;

use super::summary::LevelNumbers;
use crate::error::Result;

/// The phases of each level, one row a boundary that is present: `noise, phase, epoch, epoch_low, epoch_high,
/// examples_seen`.
pub(super) fn phases(levels: &[LevelNumbers]) -> Result<DataFrame> {
    let boundaries: Vec<_> = levels
        .iter()
        .flat_map(|level| level.phases.boundaries().into_iter().map(|(name, point)| (level.noise, name, point)))
        .collect();
    Ok(df!(
        "noise" => boundaries.iter().map(|(noise, ..)| *noise).collect::<Vec<f64>>(),
        "phase" => boundaries.iter().map(|(_, name, _)| *name).collect::<Vec<&str>>(),
        "epoch" => boundaries.iter().map(|(.., point)| point.epoch).collect::<Vec<f64>>(),
        "epoch_low" => boundaries.iter().map(|(.., point)| point.epoch_low).collect::<Vec<f64>>(),
        "epoch_high" => boundaries.iter().map(|(.., point)| point.epoch_high).collect::<Vec<f64>>(),
        "examples_seen" =>
            boundaries.iter().map(|(.., point)| point.examples_seen.map(|seen| seen as f64)).collect::<Vec<Option<f64>>>(),
    )?)
}

/// stub
pub(super) fn all(_input: &crate::study::StudyInput<'_>, gathered: &super::Gathered<'_>, _levels: &[LevelNumbers]) -> Result<Vec<DataFrame>> {
    Ok(gathered.shares.clone())
}
