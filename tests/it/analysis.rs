//! The detector of phases on reference curves and synthetic families; the analysis of a whole log.

use std::path::{Path, PathBuf};

use memoscope::analysis::phases::{
    ColumnNames, OnsetEvidence, PhaseCurve, PhaseCurvePoint, Phases, combine, detect, parse_curve,
};
use memoscope::random::Streams;
use proptest::prelude::*;
use rand::Rng;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn trace(name: &str) -> Vec<PhaseCurvePoint> {
    let path = fixture("traces").join(name);
    let text = fs_err::read_to_string(&path).unwrap();
    parse_curve(&text, &path, &ColumnNames::default()).unwrap().curve.points().to_vec()
}

fn find(points: Vec<PhaseCurvePoint>) -> Phases {
    detect(&PhaseCurve::new(points).unwrap(), None, 100, Streams::new(1))
}

fn onset(phases: &Phases) -> Option<f64> {
    phases.memorisation_onset.as_ref().map(|point| point.epoch)
}

/// A curve whose noise is not known.
fn without_noise_columns(mut points: Vec<PhaseCurvePoint>) -> Vec<PhaseCurvePoint> {
    for point in &mut points {
        (point.clean_accuracy, point.noisy_accuracy, point.noisy_accuracy_gold) = (None, None, None);
    }
    points
}

#[test]
fn the_noisy_reference_run_memorises_from_epoch_three_to_five() {
    let phases = find(trace("bert-tiny-conll03-noise0.3.jsonl"));
    assert_eq!(phases.evidence, OnsetEvidence::NoisyAccuracy);
    let point = phases.memorisation_onset.as_ref().unwrap();
    assert!((3.0..=5.0).contains(&point.epoch), "{point:?}");
    assert!(point.epoch_low <= point.epoch && point.epoch <= point.epoch_high && point.epoch_high <= 6.0, "{point:?}");
    assert!(point.support > 0.95, "{point:?}");
    assert_eq!(phases.fitting_end.as_ref().unwrap().epoch, 3.0);
}

#[test]
fn the_clean_reference_run_never_does() {
    let phases = find(trace("bert-tiny-conll03-noise0.0.jsonl"));
    assert_eq!(phases.evidence, OnsetEvidence::DevDecline);
    assert_eq!(phases.memorisation_onset, None);
    let settling = phases.settling.unwrap();
    assert_eq!(settling.end.epoch, 20.0);
    assert!(settling.epoch <= 5.0, "{settling:?}");
}

#[test]
fn the_onset_shows_without_knowing_the_noise() {
    let phases = find(without_noise_columns(trace("bert-tiny-conll03-noise0.3.jsonl")));
    assert_eq!(phases.evidence, OnsetEvidence::DevDecline);
    assert!((2.0..=6.0).contains(&onset(&phases).unwrap()), "{phases:?}");
    let mut train_alone = without_noise_columns(trace("bert-tiny-conll03-noise0.3.jsonl"));
    train_alone.iter_mut().for_each(|point| point.first_learned = None);
    assert!((2.0..=6.0).contains(&onset(&find(train_alone)).unwrap()));
}

#[test]
fn the_onset_holds_however_long_the_run_went_on() {
    let all = trace("bert-tiny-conll03-noise0.3.jsonl");
    for n in 7..=20 {
        let epoch = onset(&find(all[..n].to_vec())).unwrap();
        assert!((3.0..=5.0).contains(&epoch), "{n} epochs: {epoch}");
    }
}

/// Scores of a run that fits until `fitted` and memorises from `begin` on (beyond the end: never).
fn synthetic(n: usize, per_epoch: usize, fitted: f64, begin: f64, noise: f64, seed: u64) -> Vec<PhaseCurvePoint> {
    let mut rng = Streams::new(seed).stream("curve", &[]);
    let length = n as f64 * 0.4;
    let mut wobble = |size: f64| noise * size * ((0..12).map(|_| rng.r#gen::<f64>()).sum::<f64>() - 6.0);
    (1..=n * per_epoch)
        .map(|i| {
            let epoch = i as f64 / per_epoch as f64;
            let fit = 1.0 - (-3.0 * epoch / fitted).exp();
            let memory = 1.0 - (-(epoch - begin).max(0.0) / length).exp();
            PhaseCurvePoint {
                epoch,
                dev_score: Some(0.85 * fit - 0.3 * memory + wobble(1.0)),
                train_f1: Some(0.6 * fit + 0.35 * memory + wobble(1.0)),
                clean_accuracy: Some(0.85 + 0.14 * fit + wobble(0.3)),
                noisy_accuracy: Some((0.02 + 0.7 * memory + wobble(0.5)).max(0.0)),
                noisy_accuracy_gold: Some((0.9 * fit - 0.6 * memory + wobble(1.0)).max(0.0)),
                ..PhaseCurvePoint::default()
            }
        })
        .collect()
}

#[test]
fn synthetic_runs_of_all_lengths_are_read_right() {
    for (n, per_epoch) in [(8, 1), (12, 1), (20, 1), (40, 1), (100, 1), (6, 4), (10, 4), (20, 2)] {
        for share in [0.3, 0.5, 0.7] {
            let begin = (n as f64 * share).round();
            for noise in [0.0, 0.003, 0.01] {
                let curve = synthetic(n, per_epoch, 0.15 * n as f64, begin, noise, n as u64);
                let tolerance = 1.0 + 0.06 * n as f64;
                let known = onset(&find(curve.clone()));
                assert!(
                    known.is_some_and(|e| (e - begin).abs() <= tolerance),
                    "{n}×{per_epoch}, {begin}, {noise}: {known:?}"
                );
                // Dev F1 that jitters hides a fall in few epochs.
                if noise <= if n * per_epoch < 16 { 0.0 } else { 0.003 } {
                    let blind = onset(&find(without_noise_columns(curve)));
                    let near = blind.is_some_and(|e| (e - begin).abs() <= 1.0 + tolerance);
                    assert!(near, "{n}×{per_epoch}, {begin}, {noise}: {blind:?} blind");
                }
            }
        }
    }
}

#[test]
fn jitter_of_a_point_of_f1_hides_few_onsets() {
    let found = |blind: bool| {
        let is_found = |seed: &u64| {
            let mut curve = synthetic(20, 1, 3.0, 10.0, 0.01, *seed);
            if blind {
                curve = without_noise_columns(curve);
            }
            let phases = detect(&PhaseCurve::new(curve).unwrap(), None, 0, Streams::new(1));
            onset(&phases).is_some_and(|epoch| (epoch - 10.0).abs() <= 3.0)
        };
        (0..100).filter(is_found).count()
    };
    assert!(found(false) >= 99 && found(true) >= 85, "{} known, {} blind", found(false), found(true));
}

#[test]
fn a_run_that_never_memorises_settles_to_the_end() {
    for n in [6, 10, 20, 50, 100] {
        for noise in [0.0, 0.003, 0.01] {
            for blind in [false, true] {
                let mut curve = synthetic(n, 1, 0.2 * n as f64, f64::INFINITY, noise, n as u64);
                if blind {
                    curve = without_noise_columns(curve);
                }
                let phases = find(curve);
                assert_eq!(onset(&phases), None, "{n} epochs, noise {noise}, blind {blind}");
                assert_eq!(phases.settling.map(|s| s.end.epoch), Some(n as f64), "{n} epochs, noise {noise}");
            }
        }
    }
}

#[test]
fn memorising_from_the_start_leaves_no_settling() {
    // Without pretraining: fitting is slow, and noisy labels are learned along with the clean ones.
    for noise in [0.0, 0.005] {
        let phases = find(synthetic(20, 1, 14.0, 0.0, noise, 3));
        assert!(onset(&phases).unwrap() <= 2.0, "{phases:?}");
        assert_eq!(phases.settling, None, "{phases:?}");
    }
}

#[test]
fn flat_curves_have_no_phase() {
    for n in [6_usize, 20, 60] {
        let flat = (1..=n).map(|epoch| PhaseCurvePoint {
            epoch: epoch as f64,
            dev_score: Some(0.5),
            train_f1: Some(0.5),
            noisy_accuracy: Some(0.1),
            ..PhaseCurvePoint::default()
        });
        let phases = find(flat.collect());
        assert_eq!((phases.fitting_end, phases.settling, phases.memorisation_onset), (None, None, None));
    }
}

#[test]
fn wandering_curves_rarely_have_an_onset() {
    for blind in [false, true] {
        let mut found = 0;
        for trial in 0..100 {
            let mut rng = Streams::new(trial).stream("walk", &[]);
            let (mut dev, mut train, mut noisy) = (0.6, 0.6, 0.1);
            let mut step = |level: &mut f64| {
                *level += 0.01 * (rng.r#gen::<f64>() - 0.5) * 3.46;
                Some(*level)
            };
            let points: Vec<_> = (1..=20)
                .map(|epoch| PhaseCurvePoint {
                    epoch: f64::from(epoch),
                    dev_score: step(&mut dev),
                    train_f1: step(&mut train),
                    noisy_accuracy: if blind { None } else { step(&mut noisy) },
                    ..PhaseCurvePoint::default()
                })
                .collect();
            found += usize::from(onset(&find(points)).is_some());
        }
        assert!(found <= 10, "{found} of 100 random walks, blind {blind}");
    }
}

#[test]
fn too_short_a_curve_says_nothing_rather_than_something() {
    for n in 1..=3 {
        assert_eq!(onset(&find(trace("bert-tiny-conll03-noise0.3.jsonl")[..n].to_vec())), None);
    }
}

#[test]
fn seeds_are_combined_by_majority_and_median() {
    let runs: Vec<Phases> = [4.0, 6.0, 8.0].iter().map(|&begin| find(synthetic(20, 1, 3.0, begin, 0.002, 7))).collect();
    let together = combine(&runs).memorisation_onset.unwrap();
    assert_eq!(Some(together.epoch), onset(&runs[1]));
    assert!(together.epoch_low <= onset(&runs[0]).unwrap() && together.epoch_high >= onset(&runs[2]).unwrap());
    let never = find(synthetic(20, 1, 3.0, f64::INFINITY, 0.002, 7));
    assert_eq!(combine(&[runs[0].clone(), never.clone(), never.clone()]).memorisation_onset, None);
    assert!(combine(&[runs[0].clone(), runs[1].clone(), never]).memorisation_onset.is_some());
    assert_eq!(combine(&[]).memorisation_onset, None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn positions_do_not_depend_on_the_unit(
        accuracy_unit in 0.01_f64..1000.0,
        f1_unit in 0.01_f64..1000.0,
        begin in 3.0_f64..14.0,
        seed in 0_u64..1000,
        blind: bool,
    ) {
        let mut curve = synthetic(20, 1, 3.0, begin, 0.005, seed);
        if blind {
            curve = without_noise_columns(curve);
        }
        let scaled = curve.iter().map(|p| PhaseCurvePoint {
            dev_score: p.dev_score.map(|v| v * f1_unit),
            train_f1: p.train_f1.map(|v| v * f1_unit),
            clean_accuracy: p.clean_accuracy.map(|v| v * accuracy_unit),
            noisy_accuracy: p.noisy_accuracy.map(|v| v * accuracy_unit),
            noisy_accuracy_gold: p.noisy_accuracy_gold.map(|v| v * accuracy_unit),
            ..*p
        });
        let (plain, scaled) = (find(curve.clone()), find(scaled.collect()));
        prop_assert_eq!(onset(&plain), onset(&scaled));
        prop_assert_eq!(plain.fitting_end.map(|p| p.epoch), scaled.fitting_end.map(|p| p.epoch));
    }

    #[test]
    fn evaluations_without_a_score_change_nothing(begin in 3.0_f64..14.0, seed in 0_u64..1000) {
        let curve = synthetic(20, 1, 3.0, begin, 0.005, seed);
        let mut longer = curve.clone();
        longer.push(PhaseCurvePoint { epoch: 21.0, ..PhaseCurvePoint::default() });
        prop_assert_eq!(onset(&find(curve)), onset(&find(longer)));
    }

    #[test]
    fn intervals_hold_their_epoch(begin in 0.0_f64..20.0, noise in 0.0_f64..0.05, seed in 0_u64..1000) {
        let phases = find(synthetic(20, 1, 3.0, begin, noise, seed));
        for (_, point) in phases.boundaries() {
            prop_assert!(point.epoch_low <= point.epoch && point.epoch <= point.epoch_high);
            prop_assert!((0.0..=1.0).contains(&point.support));
        }
        if let Some(settling) = &phases.settling {
            prop_assert!(settling.start.epoch < settling.end.epoch);
        }
    }
}
