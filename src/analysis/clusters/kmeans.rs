//! k-means with linfa, its results put in order.
//!
//! Labels of k-means are arbitrary and differ from start to start: clusters are numbered by their mean loss, 0 the
//! lowest, and members are counted anew from the kept centroids.

use linfa::DatasetBase;
use linfa::traits::{Fit, Predict};
use linfa_clustering::KMeans;
use ndarray::{Array2, Axis};
use rand::seq::index::sample;

use crate::error::{Error, Result};
use crate::random::Streams;

/// Rows that centroids are fitted to at most; beyond, a random sample stands for all (every row is assigned).
const MOST_FITTED_ROWS: usize = 50_000;
/// Rows that are assigned at once.
const ROWS_AT_ONCE: usize = 8192;

/// The clusters of a table of points.
#[derive(Debug, Clone, PartialEq)]
pub struct Clustering {
    /// The cluster of each point, 0 the one with the lowest mean.
    pub assignment: Vec<u8>,
    /// Centroids, clusters × dimensions.
    pub centroids: Array2<f64>,
    /// Points in each cluster.
    pub counts: Vec<usize>,
}

/// Points that are made when they are looked at: a table of all of them would be the largest thing in memory.
pub trait Points {
    /// How many there are.
    fn count(&self) -> usize;
    /// Numbers a point.
    fn dimensions(&self) -> usize;
    /// Writes one of them to `out`, `dimensions` long.
    fn point(&self, index: usize, out: &mut [f64]);
}

impl Points for Array2<f64> {
    fn count(&self) -> usize {
        self.nrows()
    }

    fn dimensions(&self) -> usize {
        self.ncols()
    }

    fn point(&self, index: usize, out: &mut [f64]) {
        for (out, &x) in out.iter_mut().zip(self.row(index)) {
            *out = x;
        }
    }
}

/// A table of some of the points.
fn table(points: &impl Points, chosen: impl ExactSizeIterator<Item = usize>) -> Result<Array2<f64>> {
    let dimensions = points.dimensions();
    let mut values = vec![0.0; chosen.len() * dimensions];
    for (index, out) in chosen.zip(values.chunks_exact_mut(dimensions.max(1))) {
        points.point(index, out);
    }
    if values.iter().any(|v| !v.is_finite()) {
        return Err(Error::Internal("k-means was given a number that is not finite".into()));
    }
    let rows = values.len() / dimensions.max(1);
    Array2::from_shape_vec((rows, dimensions), values).map_err(|e| Error::Internal(format!("a table of points: {e}")))
}

/// Clusters `points` into `k`; `order` is what clusters are ordered by (their members' mean), one entry a point. `None`
/// if there are fewer than `k` different points.
///
/// # Errors
/// [`Error::Internal`] if `points` holds something not finite or linfa fails.
pub fn kmeans(
    points: &impl Points,
    order: &[f64],
    k: usize,
    restarts: usize,
    streams: Streams,
    purpose: &str,
) -> Result<Option<Clustering>> {
    if distinct(points, k) < k {
        return Ok(None);
    }
    let mut rng = streams.stream(purpose, &[k as u64]);
    let fitted = if points.count() > MOST_FITTED_ROWS {
        let mut rows = sample(&mut rng, points.count(), MOST_FITTED_ROWS).into_vec();
        rows.sort_unstable();
        let drawn = table(points, rows.into_iter())?;
        // A sample of many equal points may hold too few different ones to start from.
        if distinct(&drawn, k) < k { table(points, 0..points.count())? } else { drawn }
    } else {
        table(points, 0..points.count())?
    };
    let model = KMeans::params_with_rng(k, rng)
        .n_runs(restarts)
        .max_n_iterations(300)
        .tolerance(1e-6)
        .fit(&DatasetBase::from(fitted))
        .map_err(|e| Error::Internal(format!("k-means failed: {e}")))?;
    let mut raw: Vec<usize> = Vec::with_capacity(points.count());
    for start in (0..points.count()).step_by(ROWS_AT_ONCE) {
        let block = table(points, start..(start + ROWS_AT_ONCE).min(points.count()))?;
        raw.extend(model.predict(&block));
    }

    let mut sums = vec![(0.0, 0_usize); k];
    for (&cluster, &value) in raw.iter().zip(order) {
        sums[cluster].0 += value;
        sums[cluster].1 += 1;
    }
    let mean = |cluster: usize| sums[cluster].0 / sums[cluster].1.max(1) as f64;
    let mut by_mean: Vec<usize> = (0..k).collect();
    by_mean.sort_by(|&a, &b| mean(a).total_cmp(&mean(b)));
    let mut rank = vec![0_u8; k];
    for (place, &cluster) in by_mean.iter().enumerate() {
        rank[cluster] = place as u8;
    }
    Ok(Some(Clustering {
        assignment: raw.into_iter().map(|cluster| rank[cluster]).collect(),
        centroids: model.centroids().select(Axis(0), &by_mean),
        counts: by_mean.iter().map(|&cluster| sums[cluster].1).collect(),
    }))
}

/// Mean and (population) standard deviation of a dimension, to standardise it by; both 0 of nothing.
pub fn mean_and_deviation(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let n = values.clone().count().max(1) as f64;
    let mean = values.clone().sum::<f64>() / n;
    (mean, (values.map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt())
}

/// The number of different points, counted up to `enough`.
fn distinct(points: &impl Points, enough: usize) -> usize {
    let mut seen: Vec<Vec<f64>> = Vec::new();
    let mut point = vec![0.0; points.dimensions()];
    for index in 0..points.count() {
        if seen.len() >= enough {
            break;
        }
        points.point(index, &mut point);
        if !seen.contains(&point) {
            seen.push(point.clone());
        }
    }
    seen.len()
}

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::super::split;
    use super::*;

    fn losses(seed: u64) -> Vec<f32> {
        let mut rng = Streams::new(seed).stream("losses", &[]);
        (0..600).map(|i| if i % 3 == 0 { rng.gen_range(2.0..5.0) } else { rng.gen_range(0.0..0.8) }).collect()
    }

    #[test]
    fn linfa_agrees_with_the_exact_split() {
        for seed in 0..5 {
            let values = losses(seed);
            let column: Vec<f64> = values.iter().map(|&v| f64::from(v)).collect();
            let points = Array2::from_shape_vec((column.len(), 1), column.clone()).unwrap();
            let found = kmeans(&points, &column, 2, 5, Streams::new(seed), "test").unwrap().unwrap();
            let exact = split(&values).unwrap();
            assert!((found.centroids[[0, 0]] - exact.low).abs() < 1e-5);
            assert!((found.centroids[[1, 0]] - exact.high).abs() < 1e-5);
            let above: Vec<u8> = column.iter().map(|v| u8::from(*v > exact.cutoff)).collect();
            assert_eq!(found.assignment, above);
            assert_eq!(found.counts.iter().sum::<usize>(), column.len());
        }
    }

    /// tests/fixtures/kmeans.py made the numbers with scikit-learn.
    #[test]
    fn trajectories_are_clustered_as_by_scikit_learn() {
        let golden: serde_json::Value =
            serde_json::from_str(include_str!("../../../tests/fixtures/kmeans.json")).unwrap();
        let points: Vec<Vec<f64>> = serde_json::from_value(golden["points"].clone()).unwrap();
        let last: Vec<f64> = points.iter().map(|point| point[2]).collect();
        let table = Array2::from_shape_vec((points.len(), 3), points.concat()).unwrap();
        for k in [2, 3, 4] {
            let expected = &golden["k"][k.to_string()];
            let labels: Vec<u8> = serde_json::from_value(expected["labels"].clone()).unwrap();
            let centroids: Vec<Vec<f64>> = serde_json::from_value(expected["centroids"].clone()).unwrap();
            let found = kmeans(&table, &last, k, 20, Streams::new(1), "test").unwrap().unwrap();
            assert_eq!(found.assignment, labels, "k = {k}");
            for (ours, theirs) in found.centroids.iter().zip(centroids.concat()) {
                assert!((ours - theirs).abs() < 1e-5, "k = {k}: {ours} against {theirs}");
            }
        }
    }

    #[test]
    fn clusters_do_not_depend_on_the_order_of_the_points() {
        let values: Vec<f64> = losses(9).into_iter().map(f64::from).collect();
        let mut turned = values.clone();
        turned.reverse();
        let table = |v: &[f64]| Array2::from_shape_vec((v.len(), 1), v.to_vec()).unwrap();
        let a = kmeans(&table(&values), &values, 3, 10, Streams::new(1), "test").unwrap().unwrap();
        let b = kmeans(&table(&turned), &turned, 3, 10, Streams::new(2), "test").unwrap().unwrap();
        let b: Vec<u8> = b.assignment.into_iter().rev().collect();
        let different = a.assignment.iter().zip(&b).filter(|(a, b)| a != b).count();
        assert!(different <= 3, "{different} of {} points", b.len());
    }

    #[test]
    fn fewer_points_than_clusters_give_none() {
        let points = Array2::from_elem((10, 2), 1.5);
        assert_eq!(kmeans(&points, &[1.0; 10], 2, 3, Streams::new(1), "test").unwrap(), None);
        let bad = Array2::from_elem((10, 1), f64::NAN);
        assert!(kmeans(&bad, &[1.0; 10], 2, 3, Streams::new(1), "test").is_err());
    }

    #[test]
    fn dimensions_are_standardised_by_the_population() {
        assert_eq!(mean_and_deviation([1.0, 3.0].into_iter()), (2.0, 1.0));
        assert_eq!(mean_and_deviation([5.0, 5.0].into_iter()), (5.0, 0.0));
        assert_eq!(mean_and_deviation(std::iter::empty()), (0.0, 0.0));
    }
}
