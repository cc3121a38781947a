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

/// Clusters the rows of `points` into `k`; `order` is what clusters are ordered by (their members' mean), one entry a
/// row. `None` if there are fewer than `k` different rows.
///
/// # Errors
/// [`Error::Internal`] if `points` holds something not finite or linfa fails.
pub fn kmeans(
    points: &Array2<f64>,
    order: &[f64],
    k: usize,
    restarts: usize,
    streams: Streams,
    purpose: &str,
) -> Result<Option<Clustering>> {
    if points.iter().any(|v| !v.is_finite()) {
        return Err(Error::Internal("k-means was given a number that is not finite".into()));
    }
    if distinct_rows(points, k) < k {
        return Ok(None);
    }
    let mut rng = streams.stream(purpose, &[k as u64]);
    let fitted = if points.nrows() > MOST_FITTED_ROWS {
        let mut rows = sample(&mut rng, points.nrows(), MOST_FITTED_ROWS).into_vec();
        rows.sort_unstable();
        let drawn = points.select(Axis(0), &rows);
        // A sample of many equal rows may hold too few different ones to start from.
        if distinct_rows(&drawn, k) < k { points.clone() } else { drawn }
    } else {
        points.clone()
    };
    let model = KMeans::params_with_rng(k, rng)
        .n_runs(restarts)
        .max_n_iterations(300)
        .tolerance(1e-6)
        .fit(&DatasetBase::from(fitted))
        .map_err(|e| Error::Internal(format!("k-means failed: {e}")))?;
    let raw: Vec<usize> = model.predict(points).to_vec();

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

/// Each column to mean 0 and (population) standard deviation 1; a constant column to 0.
pub fn standardise(points: &mut Array2<f64>) {
    for mut column in points.columns_mut() {
        let n = column.len().max(1) as f64;
        let mean = column.sum() / n;
        let deviation = (column.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
        column.mapv_inplace(|v| if deviation > 0.0 { (v - mean) / deviation } else { 0.0 });
    }
}

/// The number of different rows, counted up to `enough`.
fn distinct_rows(points: &Array2<f64>, enough: usize) -> usize {
    let mut seen: Vec<usize> = Vec::new();
    for row in 0..points.nrows() {
        if seen.len() >= enough {
            break;
        }
        if seen.iter().all(|&other| points.row(other) != points.row(row)) {
            seen.push(row);
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
    fn standardised_columns_have_unit_spread() {
        let mut points = Array2::from_shape_vec((2, 2), vec![1.0, 5.0, 3.0, 5.0]).unwrap();
        standardise(&mut points);
        assert_eq!(points, Array2::from_shape_vec((2, 2), vec![-1.0, 0.0, 1.0, 0.0]).unwrap());
    }
}
