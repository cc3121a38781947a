//! Confident learning equals cleanlab's. The cases are made by tests/fixtures/confident/make.py.

use std::collections::BTreeMap;
use std::path::Path;

use memoscope::analysis::confident::{ConfidentJoint, Filter, Latent, Predictions, find_issues};
use serde::Deserialize;

const CASES: [&str; 9] = [
    "two-labels",
    "five-labels",
    "ner",
    "class-without-examples",
    "class-with-one-example",
    "ties",
    "agreement",
    "uniform",
    "certain",
];

#[derive(Deserialize)]
struct Case {
    given: Vec<u8>,
    probabilities: Vec<Vec<f64>>,
    thresholds: Vec<Option<f64>>,
    counts: Vec<Vec<u64>>,
    joint: Vec<Vec<u64>>,
    prior: Vec<f64>,
    noise: Vec<Vec<f64>>,
    inverse_noise: Vec<Vec<f64>>,
    masks: BTreeMap<String, Vec<usize>>,
}

fn for_each_case(check: impl Fn(&str, &Case, &Predictions<'_>)) {
    for name in CASES {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/confident");
        let text = fs_err::read_to_string(folder.join(format!("{name}.json"))).unwrap();
        let case: Case = serde_json::from_str(&text).unwrap();
        let flat = case.probabilities.concat();
        check(name, &case, &Predictions::new(&flat, &case.given, case.thresholds.len()).unwrap());
    }
}

fn assert_close(ours: &[f64], reference: &[f64], what: &str) {
    assert_eq!(ours.len(), reference.len(), "{what}");
    for (index, (a, b)) in ours.iter().zip(reference).enumerate() {
        assert!((a - b).abs() < 1e-9, "{what}, {index}: {a} and not {b}");
    }
}

#[test]
fn the_joint_equals_cleanlabs() {
    for_each_case(|name, case, predictions| {
        let joint = ConfidentJoint::count(predictions);
        let known = |thresholds: &[Option<f64>]| thresholds.iter().map(|t| t.unwrap_or(2.0)).collect::<Vec<_>>();
        assert_close(&known(&joint.thresholds), &known(&case.thresholds), name);
        assert_eq!(joint.counts, case.counts, "{name}");
        assert_eq!(joint.calibrated, case.joint, "{name}");
        let latent = Latent::estimate(predictions, &joint);
        assert_close(&latent.prior, &case.prior, name);
        assert_close(&latent.given_of_true.concat(), &case.noise.concat(), name);
        assert_close(&latent.true_of_given.concat(), &case.inverse_noise.concat(), name);
    });
}

#[test]
fn the_masks_equal_cleanlabs() {
    let filters = [
        ("prune_by_noise_rate", Filter::PruneByNoiseRate),
        ("prune_by_class", Filter::PruneByClass),
        ("both", Filter::Both),
        ("confident_learning", Filter::ConfidentLearning),
        ("predicted_neq_given", Filter::PredictedNeqGiven),
    ];
    for_each_case(|name, case, predictions| {
        let joint = ConfidentJoint::count(predictions);
        for at_least in [1, 30] {
            for (filter_name, filter) in filters {
                let flagged = find_issues(predictions, &joint, filter, at_least);
                let ours: Vec<usize> = (0..flagged.len()).filter(|&token| flagged[token]).collect();
                assert_eq!(
                    &ours,
                    &case.masks[&format!("{filter_name} {at_least}")],
                    "{name}, {filter_name} {at_least}"
                );
            }
        }
    });
}
