//! Lines from frames: one for each noise level, averaged over seeds.

use std::collections::BTreeMap;

use polars::prelude::DataFrame;

use super::columns;
use crate::Result;

/// One place on a line: the mean over seeds, and the least and the greatest of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// Horizontal value.
    pub x: f64,
    /// Mean over the seeds that have a value here.
    pub mean: f64,
    /// Least over seeds.
    pub low: f64,
    /// Greatest over seeds.
    pub high: f64,
    /// Seeds that have a value here.
    pub n: usize,
}

/// One line of a family: all seeds of one level.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// The level: for noise the requested rate, 0 to 1.
    pub level: f64,
    /// Ascending in `x`; empty where the level has no value at all.
    pub places: Vec<Place>,
}

impl Series {
    /// The mean at `x`, between places by straight lines; null outside of them.
    pub fn at(&self, x: f64) -> Option<f64> {
        let after = self.places.iter().position(|place| place.x >= x)?;
        let right = self.places[after];
        if right.x == x {
            return Some(right.mean);
        }
        let left = self.places[after.checked_sub(1)?];
        Some(left.mean + (right.mean - left.mean) * (x - left.x) / (right.x - left.x))
    }

    /// The place with the greatest mean, the first of equals.
    pub fn best(&self) -> Option<Place> {
        self.places.iter().copied().reduce(|best, place| if place.mean > best.mean { place } else { best })
    }
}

/// Reads the lines `y` against `x` from a frame with columns `noise` and `seed`: one [`Series`] for each noise level.
///
/// # Errors
/// As [`by_level`].
pub fn by_noise(frame: &DataFrame, x: &str, y: &str) -> Result<Vec<Series>> {
    by_level(frame, "noise", x, y)
}

/// Reads the lines `y` against `x` from a frame: one [`Series`] for each value of the column `level`, ascending, also for
/// levels without a value. Rows without `x` or `y` are left out; rows with the same `x` are the seeds.
///
/// # Errors
/// [`crate::Error::Internal`] if a column is missing or holds no numbers.
pub fn by_level(frame: &DataFrame, level: &str, x: &str, y: &str) -> Result<Vec<Series>> {
    let levels = columns::numbers(frame, level)?;
    let xs = columns::numbers(frame, x)?;
    let ys = columns::numbers(frame, y)?;
    // A finite f64 is ordered by its bits once these are made monotone.
    let key = |value: f64| {
        let bits = (value + 0.0).to_bits() as i64;
        if bits < 0 { i64::MIN - bits } else { bits }
    };
    let mut family: BTreeMap<i64, (f64, BTreeMap<i64, Place>)> = BTreeMap::new();
    for ((level, x), y) in levels.into_iter().zip(xs).zip(ys) {
        let Some(level) = level else { continue };
        let places = &mut family.entry(key(level)).or_insert_with(|| (level, BTreeMap::new())).1;
        let (Some(x), Some(y)) = (x, y) else { continue };
        places
            .entry(key(x))
            .and_modify(|place| {
                place.mean += (y - place.mean) / (place.n + 1) as f64;
                place.low = place.low.min(y);
                place.high = place.high.max(y);
                place.n += 1;
            })
            .or_insert(Place { x, mean: y, low: y, high: y, n: 1 });
    }
    Ok(family.into_values().map(|(level, places)| Series { level, places: places.into_values().collect() }).collect())
}

/// Least and greatest `x` over a family; null if it has no place.
pub fn extent<'a>(family: impl IntoIterator<Item = &'a Series>) -> Option<(f64, f64)> {
    family
        .into_iter()
        .flat_map(|series| &series.places)
        .map(|place| (place.x, place.x))
        .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

/// The greatest value of a family, bands included; 0 if it has none.
pub fn highest<'a>(family: impl IntoIterator<Item = &'a Series>) -> f64 {
    family.into_iter().flat_map(|series| &series.places).fold(0.0, |top, place| place.high.max(top))
}

/// The greatest number of seeds at a place: whether there are bands to speak of.
pub fn seeds<'a>(family: impl IntoIterator<Item = &'a Series>) -> usize {
    family.into_iter().flat_map(|series| &series.places).map(|place| place.n).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use polars::df;

    #[test]
    fn seeds_are_averaged_and_nulls_left_out() {
        let frame = df!(
            "noise" => [0.3, 0.3, 0.3, 0.0],
            "x" => [2.0, 1.0, 1.0, 1.0],
            "y" => [Some(0.5), Some(0.2), Some(0.4), None]
        )
        .expect("a frame");
        let family = by_noise(&frame, "x", "y").expect("lines");
        assert_eq!(family.len(), 2);
        assert_eq!((family[0].level, family[0].places.len()), (0.0, 0));
        let first = family[1].places[0];
        assert!((first.mean - 0.3).abs() < 1e-12);
        assert_eq!((first.x, first.low, first.high, first.n), (1.0, 0.2, 0.4, 2));
        assert!((family[1].at(1.5).expect("inside") - 0.4).abs() < 1e-12);
        assert_eq!(family[1].at(0.5), None);
        assert_eq!(family[1].best().map(|place| place.x), Some(2.0));
    }
}
