//! Means and standard deviations over seeds.

use polars::prelude::{Column, DataFrame, NamedFrom, Series};

use crate::Result;
use crate::figures::columns;
use crate::metrics::Estimate;

/// For every different combination of the columns `by`, in order of first appearance: the mean of each of `values` and,
/// as `NAME_sd`, its sample standard deviation (divided by n − 1; null for fewer than two numbers), and `n_rows`.
///
/// Nulls and NaN are left out; a mean of nothing is null.
///
/// # Errors
/// [`crate::Error::Internal`] if a column is missing or does not hold numbers.
pub fn mean_over_seeds(frame: &DataFrame, by: &[&str], values: &[&str]) -> Result<DataFrame> {
    let keys: Vec<Vec<Option<f64>>> = by.iter().map(|name| columns::numbers(frame, name)).collect::<Result<_>>()?;
    let mut groups: Vec<(Vec<Option<f64>>, Vec<usize>)> = Vec::new();
    for row in 0..frame.height() {
        let key: Vec<Option<f64>> = keys.iter().map(|column| column[row]).collect();
        match groups.iter_mut().find(|(other, _)| *other == key) {
            Some((_, rows)) => rows.push(row),
            None => groups.push((key, vec![row])),
        }
    }
    let mut out: Vec<Column> = Vec::new();
    for (i, name) in by.iter().enumerate() {
        let column: Vec<Option<f64>> = groups.iter().map(|(key, _)| key[i]).collect();
        out.push(Series::new((*name).into(), column).into());
    }
    let n_rows: Vec<u64> = groups.iter().map(|(_, rows)| rows.len() as u64).collect();
    out.push(Series::new("n_rows".into(), n_rows).into());
    for name in values {
        let numbers = columns::numbers(frame, name)?;
        let estimates: Vec<Option<Estimate>> =
            groups.iter().map(|(_, rows)| Estimate::of(rows.iter().map(|row| numbers[*row]))).collect();
        let means: Vec<Option<f64>> = estimates.iter().map(|estimate| Some(estimate.as_ref()?.mean)).collect();
        let deviations: Vec<Option<f64>> = estimates.iter().map(|estimate| estimate.as_ref()?.deviation).collect();
        out.push(Series::new((*name).into(), means).into());
        out.push(Series::new(format!("{name}_sd").into(), deviations).into());
    }
    Ok(DataFrame::new(groups.len(), out)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use polars::df;

    #[test]
    fn means_by_hand() {
        let frame = df!(
            "noise" => [0.3, 0.0, 0.3, 0.3],
            "f1" => [Some(1.0), Some(5.0), Some(3.0), None]
        )
        .expect("a frame");
        let means = mean_over_seeds(&frame, &["noise"], &["f1"]).expect("means");
        assert_eq!(columns::numbers(&means, "noise").expect("noise"), [Some(0.3), Some(0.0)]);
        assert_eq!(columns::numbers(&means, "n_rows").expect("rows"), [Some(3.0), Some(1.0)]);
        assert_eq!(columns::numbers(&means, "f1").expect("means"), [Some(2.0), Some(5.0)]);
        let deviations = columns::numbers(&means, "f1_sd").expect("deviations");
        assert!((deviations[0].expect("two numbers") - 2f64.sqrt()).abs() < 1e-12);
        assert_eq!(deviations[1], None);
    }
}
