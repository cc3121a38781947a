//! Evidence made by hand.

use super::*;
use crate::audit::text::tests::text;
use crate::dynamics::Observations;

/// What models that read `read` (`word/TAG`, as the text) say: 0.9 for their label, the rest to all others. The
/// loss of a token is its number.
pub(in crate::audit) fn evidence(text: &Text, read: &str) -> TokenEvidence {
    let k = text.labels.len();
    let tags = read.lines().flat_map(|line| line.split(' ')).map(|word| word.rsplit_once('/').unwrap().1);
    let row = |tag: &str| {
        let label = usize::from(text.labels.id(tag).unwrap());
        (0..k).map(move |of| if of == label { 0.9 } else { 0.1 / (k - 1) as f32 })
    };
    of_probabilities(text, tags.flat_map(row).collect())
}

pub(in crate::audit) fn of_probabilities(text: &Text, probabilities: Vec<f32>) -> TokenEvidence {
    let n = text.n_tokens();
    assert_eq!(probabilities.len(), n * text.labels.len());
    TokenEvidence {
        held_out: true,
        judged: vec![true; n],
        scored_epoch: 1,
        f1: vec![0.5; 2],
        probabilities_at: probabilities.clone(),
        probabilities,
        held_out_loss: vec![(0..n).map(|token| token as f32).collect(); 2],
        train_loss: vec![vec![0.5; n]; 2],
        train_p: vec![0.5; n],
        train_log_odds: vec![0.0; n],
        first_scored_epoch: 1,
        variability: vec![0.0; n],
        margin: vec![0.0; n],
        forgetting: vec![0.0; n],
        first_learning: vec![1.0; n],
        wrong_run: vec![0.0; n],
        ..TokenEvidence::default()
    }
}

fn seen(correct: &[bool], p: f32, margin: f32) -> Observations {
    let n = correct.len();
    Observations {
        sentence: vec![0; n],
        token: (0..n as u16).collect(),
        predicted: vec![0; n],
        correct: correct.to_vec(),
        loss: vec![0.0; n],
        p_given: vec![p; n],
        margin: vec![margin; n],
        entropy: vec![0.0; n],
    }
}

/// Tokens 2 and 0 of three, over five epochs of which three are scored.
fn sums() -> Sums {
    let mut sums = Sums::new(3);
    let mut one = OneModel::new(2);
    let right = [[false, true], [true, true], [true, false], [false, true], [true, false]];
    for (epoch, ((right, p), margin)) in
        (1..).zip(right.iter().zip([0.2, 0.4, 0.6, 0.9, 0.9]).zip([-1.0, 0.0, 4.0, 9.0, 9.0]))
    {
        one.observe(epoch, &seen(right, p, margin), 2, 3);
    }
    one.add_to(&mut sums, &[2, 0], 5);
    sums
}

#[test]
fn one_model_by_hand() {
    let sums = sums();
    assert_eq!(sums.models, [1, 0, 1]);
    // Wrong, right, right, wrong, right: forgotten once, learned in 2; wrong for 1 and right for 2 epochs.
    assert_eq!((sums.forgetting[2], sums.first_learning[2], sums.wrong_run[2]), (1.0, 2.0, -1.0));
    // Right, right, wrong, right, wrong.
    assert_eq!((sums.forgetting[0], sums.first_learning[0], sums.wrong_run[0]), (2.0, 1.0, -1.0));
    // The window is 2 and 3: odds 6 / 4 and 4 / 6 that it is wrong.
    assert!(sums.log_odds[2].abs() < 1e-6, "{}", sums.log_odds[2]);
    // 0.2, 0.4, 0.6: mean 0.4, deviation √(0.08 / 3).
    assert!((sums.p[2] - 0.4).abs() < 1e-6 && (sums.margin[2] - 1.0).abs() < 1e-6);
    assert!((sums.variability[2] - (0.08_f64 / 3.0).sqrt()).abs() < 1e-6, "{}", sums.variability[2]);
}

#[test]
fn what_is_never_learned_is_learned_after_the_end() {
    let mut one = OneModel::new(1);
    (1..=4).for_each(|epoch| one.observe(epoch, &seen(&[false], 0.1, -1.0), 1, 4));
    let mut sums = Sums::new(1);
    one.add_to(&mut sums, &[0], 4);
    assert_eq!((sums.first_learning[0], sums.forgetting[0], sums.wrong_run[0]), (5.0, 0.0, 4.0));
    assert_eq!(sums.variability[0], 0.0);
}

#[test]
fn models_are_averaged_and_what_none_was_trained_on_is_nothing() {
    let mut twice = sums();
    let mut one = OneModel::new(1);
    one.observe(1, &seen(&[true], 1.0, 3.0), 1, 1);
    one.add_to(&mut twice, &[2], 5);
    let mut evidence = TokenEvidence { train_loss: vec![vec![3.0, 0.0, 4.0]], ..TokenEvidence::default() };
    evidence.conclude(twice);
    assert_eq!((evidence.first_learning[2], evidence.margin[2]), (1.5, 2.0));
    assert_eq!((evidence.train_loss[0][0], evidence.train_loss[0][2]), (3.0, 2.0));
    assert!(evidence.train_p[1].is_nan() && evidence.train_loss[0][1].is_nan());
}

#[test]
fn means_by_place() {
    assert_eq!(mean_of(&[&[1.0, 4.0][..], &[2.0, 4.0]]), [1.5, 4.0]);
    assert_eq!(mean_of(&[&[1.0_f32, 0.0][..]]), [1.0, 0.0]);
    let with_nan = mean_of(&[&[1.0, f64::NAN][..], &[3.0, 1.0]]);
    assert!(with_nan[0] == 2.0 && with_nan[1].is_nan());
    assert!(mean_of::<f64>(&[]).is_empty());
}

#[test]
fn the_mean_of_seeds_is_scored_at_the_lower_median() {
    let seed = |scored_epoch, p, judged| TokenEvidence {
        judged: vec![judged],
        scored_epoch,
        probabilities: vec![p],
        train_loss: vec![vec![p]],
        ..TokenEvidence::default()
    };
    let (a, b) = (seed(4, 0.25, true), seed(2, 0.75, false));
    let mean = TokenEvidence::mean(&[&a, &b]);
    assert_eq!((mean.scored_epoch, &mean.probabilities[..], &mean.train_loss[0][..]), (2, &[0.5][..], &[0.5][..]));
    assert_eq!(mean.judged, [false], "one seed knows nothing of it");
    assert_eq!(TokenEvidence::mean(&[&a]), a);
    assert_eq!(TokenEvidence::mean(&[]), TokenEvidence::default());
}

#[test]
fn a_log_of_other_text_is_refused() {
    let text = text("a/O b/B-A\nc/O");
    assert_eq!(number(&text, 1, 0).unwrap(), 2);
    for (sentence, token) in [(0, 2), (1, 1), (2, 0), (u32::MAX, 0)] {
        assert!(matches!(number(&text, sentence, token), Err(Error::Internal(_))));
    }
}
