//! Rankings and probabilities against scikit-learn's and scipy's numbers, made by the scripts in
//! tests/fixtures/detection.

use std::path::Path;

use memoscope::metrics::ranking::Ranking;
use memoscope::metrics::reliability::{Reliability, ReliabilityBin};
use memoscope::metrics::wilson;
use serde::Deserialize;
use serde::de::DeserializeOwned;

fn cases<T: DeserializeOwned>(name: &str) -> Vec<T> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/detection").join(name);
    serde_json::from_str(&fs_err::read_to_string(path).unwrap()).unwrap()
}

fn assert_close(ours: f64, reference: f64, what: &str) {
    assert!((ours - reference).abs() < 1e-12, "{what}: {ours} and not {reference}");
}

#[derive(Deserialize)]
struct RankingCase {
    scores: Vec<f64>,
    positive: Vec<bool>,
    average_precision: f64,
}

#[test]
fn average_precision_equals_scikit_learns() {
    for (index, case) in cases::<RankingCase>("scores.json").iter().enumerate() {
        let scores = Ranking::new(&case.scores, &case.positive, &[case.scores.len()]).scores().unwrap();
        assert_close(scores.average_precision, case.average_precision, &format!("case {index}"));
    }
}

#[derive(Deserialize)]
struct ReliabilityCase {
    probability: Vec<f64>,
    positive: Vec<bool>,
    brier_score: f64,
    log_loss: f64,
    equal_width: [Vec<f64>; 2],
    equal_count: [Vec<f64>; 2],
    wilson: [f64; 2],
}

#[test]
fn reliability_equals_scikit_learns() {
    for (index, case) in cases::<ReliabilityCase>("reliability.json").iter().enumerate() {
        let what = format!("case {index}");
        let ours = Reliability::new(&case.probability, &case.positive).unwrap();
        assert_close(ours.brier_score, case.brier_score, &what);
        assert_close(ours.log_loss_nats, case.log_loss, &what);
        for (bins, [observed, predicted]) in
            [(&ours.equal_width, &case.equal_width), (&ours.equal_count, &case.equal_count)]
        {
            assert_eq!(bins.len(), observed.len(), "{what}");
            assert_eq!(bins.iter().map(|bin| bin.n).sum::<usize>(), ours.n, "{what}");
            let pairs = observed.iter().zip(predicted);
            for (bin, (observed, predicted)) in bins.iter().zip(pairs) {
                let ReliabilityBin { low, high, mean_probability, .. } = *bin;
                assert!(low <= mean_probability && mean_probability <= high + 1e-12, "{what}: {bin:?}");
                assert_close(bin.observed, *observed, &what);
                assert_close(mean_probability, *predicted, &what);
            }
        }
        let interval = wilson(ours.n_errors, ours.n).unwrap();
        assert_close(interval.low, case.wilson[0], &what);
        assert_close(interval.high, case.wilson[1], &what);
    }
}
