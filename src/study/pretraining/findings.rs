//! The findings in words. Every sentence is made from the numbers; what is absent is said to be.

use std::fmt::Write as _;

use super::summary::{Checkpoint, Measure, MeasureTrend, Point};
use crate::format::{count, percent};
use crate::metrics::Estimate;

/// Below this p-value a trend is spoken of as one.
const SIGNIFICANT: f64 = 0.05;
/// With fewer runs no order of theirs has so small a p-value: 2/4! is 0.083.
const FEWEST_RUNS: usize = 5;

/// What the findings are about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    /// The corpus's name.
    pub data: &'a str,
    /// True if its text was generated.
    pub synthetic: bool,
    /// The name of the text the encoder was pretrained on; `None` for generated text.
    pub text: Option<&'a str>,
    /// The encoder's layers and sizes.
    pub shape: &'a str,
    /// Epochs of fine-tuning planned.
    pub epochs: u32,
}

/// One paragraph.
pub(super) fn paragraph(
    subject: &Subject<'_>,
    checkpoints: &[Checkpoint],
    points: &[Point],
    trends: &[MeasureTrend],
) -> String {
    let mut text = opening(subject, checkpoints, points);
    for of_level in points.chunk_by(|a, b| a.noise == b.noise) {
        text.push(' ');
        text.push_str(&level(of_level, trends));
    }
    text
}

fn opening(subject: &Subject<'_>, checkpoints: &[Checkpoint], points: &[Point]) -> String {
    let seeds = match points.iter().map(|point| point.n).max().unwrap_or(0) {
        0 | 1 => "one seed each, so without a spread".to_owned(),
        n => format!("{n} seeds each, mean ± standard deviation"),
    };
    let levels = points.chunk_by(|a, b| a.noise == b.noise).count();
    let synthetic =
        if subject.synthetic { " (synthetic text: the numbers say nothing about real corpora)" } else { "" };
    let text = subject.text.map_or_else(|| "generated text".into(), |name| format!("`{name}`"));
    let mut opening = format!(
        "An encoder ({}) was pretrained on {text} and fine-tuned on {}{synthetic} for {} epochs, from {} along its \
         pretraining and at {levels} noise {}, {seeds}.",
        subject.shape,
        subject.data,
        subject.epochs,
        match checkpoints.len() {
            1 => "one point".to_owned(),
            n => format!("{n} points"),
        },
        if levels == 1 { "level" } else { "levels" },
    );
    let masked =
        |checkpoint: &Checkpoint| Some((checkpoint.report.as_ref()?.held_out_masked_accuracy, checkpoint.steps));
    if let (Some((first, from)), Some((last, to))) =
        (checkpoints.first().and_then(masked), checkpoints.last().and_then(masked))
        && from < to
    {
        let _ = write!(
            opening,
            " Its accuracy on held-out masked pieces goes from {first:.3} {} to {last:.3} {}.",
            after(from),
            after(to)
        );
    }
    opening
}

/// What happens at one noise level, along the pretraining.
fn level(points: &[Point], trends: &[MeasureTrend]) -> String {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return String::new() };
    let noise = first.noise;
    let trend = |measure: Measure| trend_words(trends.iter().find(|t| t.noise == noise && t.measure == measure));
    if noise == 0.0 {
        let dev = ends(points, |point| point.dev_peak, Estimate::score);
        return match dev {
            Some(dev) => format!("Without noise the peak of dev F1 goes {dev}{}.", trend(Measure::DevPeak)),
            None => "Without noise dev F1 was not measured.".into(),
        };
    }
    let mut text = format!("At {} noise ", percent(noise));
    match settling(points) {
        Some(settling) => {
            let _ = write!(text, "settling lasts {settling}{}", trend(Measure::Settling));
            if let Some(sentence) = first_above(points) {
                let _ = write!(text, ", {sentence}");
            }
        }
        None => text.push_str("no end of fitting was found, so that settling has no length"),
    }
    let onset = |point: &Point| match &point.onset {
        Some(epoch) => format!("epoch {} {}{}", one_decimal(epoch), after(point.steps), unseen(point)),
        None => format!("was not seen {}", after(point.steps)),
    };
    match (&first.onset, &last.onset) {
        (None, None) => text.push_str("; memorisation was seen from neither end of the pretraining"),
        _ if points.len() == 1 => {
            let _ = write!(text, "; the onset of memorisation: {}", onset(first));
        }
        _ => {
            let _ =
                write!(text, "; the onset of memorisation: {}, {}{}", onset(first), onset(last), trend(Measure::Onset));
        }
    }
    if let Some(detection) = ends(points, |point| point.detection, Estimate::score) {
        let _ = write!(text, "; the best noise-detection F1 goes {detection}{}", trend(Measure::Detection));
    }
    text.push('.');
    text
}

/// `1.0 ± 0.0 epochs with random weights and at least 3.0 ± 1.0 after 300 steps`.
fn settling(points: &[Point]) -> Option<String> {
    let of = |point: &Point| {
        let settling = point.settling?;
        let least = if point.open > 0 { "at least " } else { "" };
        let known =
            if settling.n < point.n { format!(" (in {} of {} runs)", settling.n, point.n) } else { String::new() };
        Some(format!("{least}{} epochs {}{known}", one_decimal(&settling), after(point.steps)))
    };
    let known: Vec<String> = points.iter().filter_map(of).collect();
    match &known[..] {
        [] => None,
        [only] => Some(only.clone()),
        [first, .., last] => Some(format!("{first} and {last}")),
    }
}

/// The first encoder that settles for longer than the first one, by the 95 % intervals of their means.
fn first_above(points: &[Point]) -> Option<String> {
    let (first, rest) = points.split_first()?;
    let base = first.settling?.interval()?;
    let above = |point: &&Point| {
        point.settling.and_then(|settling| settling.interval()).is_some_and(|interval| interval.low > base.high)
    };
    let Some(at) = rest.iter().position(|point| above(&point)) else {
        return (!rest.is_empty())
            .then(|| "and at no later point does its 95 % interval lie above the first one's".into());
    };
    let steps = count(rest[at].steps as f64);
    Some(match rest[at..].iter().all(|point| above(&point)) {
        true => format!("and from {steps} steps on its 95 % interval lies above the first one's"),
        false => {
            format!("and its 95 % interval lies above the first one's at {steps} steps, though not at all later points")
        }
    })
}

/// `from 0.700 to 0.900`, or `is 0.7` at a single point.
fn ends(points: &[Point], get: fn(&Point) -> Option<Estimate>, show: fn(&Estimate) -> String) -> Option<String> {
    let known: Vec<(String, u64)> = points.iter().filter_map(|point| Some((show(&get(point)?), point.steps))).collect();
    match &known[..] {
        [] => None,
        [(only, steps)] => Some(format!("to {only} {}", after(*steps))),
        [(first, from), .., (last, to)] => Some(format!("from {first} {} to {last} {}", after(*from), after(*to))),
    }
}

fn trend_words(found: Option<&MeasureTrend>) -> String {
    let Some(MeasureTrend { trend, .. }) = found else { return String::new() };
    if trend.n < FEWEST_RUNS {
        return format!(" (whether it goes with the steps {} runs cannot tell)", trend.n);
    }
    let p = if trend.p < 0.001 { "p < 0.001".to_owned() } else { format!("p = {:.3}", trend.p) };
    let numbers = format!("Kendall's τ = {:.2}, {p}, {} runs", trend.tau, trend.n).replace("= -", "= −");
    match trend.tau {
        _ if trend.p >= SIGNIFICANT => format!(" (no monotone relation with the steps is seen: {numbers})"),
        tau if tau > 0.0 => format!(" (it rises with the steps: {numbers})"),
        _ => format!(" (it falls with the steps: {numbers})"),
    }
}

fn unseen(point: &Point) -> String {
    let seen = point.onset.map_or(0, |onset| onset.n);
    if seen < point.n { format!(" (seen in {seen} of {} runs)", point.n) } else { String::new() }
}

/// `with random weights`, `after 300 steps`.
fn after(steps: u64) -> String {
    match steps {
        0 => "with random weights".into(),
        1 => "after 1 step".into(),
        n => format!("after {} steps", count(n as f64)),
    }
}

fn one_decimal(estimate: &Estimate) -> String {
    match estimate.deviation {
        Some(deviation) => format!("{:.1} ± {deviation:.1}", estimate.mean),
        None => format!("{:.1}", estimate.mean),
    }
}

#[cfg(test)]
mod tests {
    use super::super::summary::tests::run;
    use super::super::summary::{RunPoint, points, trends};
    use super::*;

    const SUBJECT: Subject<'_> =
        Subject { data: "embedded", synthetic: true, text: None, shape: "2 layers", epochs: 12 };

    fn checkpoints(steps: &[u64]) -> Vec<Checkpoint> {
        steps.iter().map(|&steps| Checkpoint { steps, fingerprint: "0".into(), report: None }).collect()
    }

    fn said(runs: &[RunPoint], steps: &[u64]) -> String {
        paragraph(&SUBJECT, &checkpoints(steps), &points(runs), &trends(runs, 1)).replace('\u{a0}', " ")
    }

    #[test]
    fn a_plateau_that_grows_is_said_to_grow() {
        let mut runs = Vec::new();
        for (steps, fitting, onset, detection) in
            [(0, 4.0, 3.0, 0.5), (100, 3.0, 4.0, 0.6), (300, 2.0, 5.0, 0.7), (1000, 2.0, 6.0, 0.8)]
        {
            for seed in 0..3 {
                let later = if seed == 2 { 0.5 } else { 0.0 };
                runs.push(run(steps, 0.3, seed, (Some(fitting), Some(onset + later)), detection + 0.01 * seed as f64));
            }
        }
        let text = said(&runs, &[0, 100, 300, 1000]);
        assert!(text.starts_with(
            "An encoder (2 layers) was pretrained on generated text and fine-tuned on embedded (synthetic text: the numbers \
             say nothing about real corpora) for 12 epochs, from 4 points along its pretraining and at 1 noise level, 3 \
             seeds each, mean ± standard deviation. At 30 % noise settling lasts 0.0 ± 0.0 epochs with random weights and \
             4.2 ± 0.3 epochs after 1,000 steps (it rises with the steps: Kendall's τ = 0."
        ), "{text}");
        assert!(
            text.contains(
                "p < 0.001, 12 runs), and from 100 steps on its 95 % interval lies above the first one's; the \
             onset of memorisation: epoch 3.2 ± 0.3 with random weights, epoch 6.2 ± 0.3 after 1,000 steps (it rises"
            ),
            "{text}"
        );
        assert!(text.ends_with("runs)."), "{text}");
    }

    #[test]
    fn what_was_not_seen_or_does_not_move_is_said() {
        let mut runs = Vec::new();
        for steps in [0, 300] {
            for seed in 0..2 {
                let onset = if steps == 300 && seed == 0 { None } else { Some(5.0) };
                runs.push(run(steps, 0.5, seed, (Some(2.0), onset), 0.5 + 0.1 * seed as f64));
            }
        }
        let text = said(&runs, &[0, 300]);
        assert!(
            text.contains(
                "settling lasts 3.0 ± 0.0 epochs with random weights and at least 6.5 ± 4.9 epochs after 300 \
            steps (whether it goes with the steps 4 runs cannot tell)"
            ),
            "{text}"
        );
        assert!(text.contains("and at no later point does its 95 % interval lie above the first one's"), "{text}");
        assert!(text.contains("epoch 5.0 after 300 steps (seen in 1 of 2 runs)"), "{text}");

        let runs: Vec<RunPoint> = [0, 300].into_iter().map(|steps| run(steps, 0.5, 1, (None, None), 0.5)).collect();
        let text = said(&runs, &[0, 300]);
        assert!(text.contains("no end of fitting was found, so that settling has no length"), "{text}");
        assert!(text.contains("memorisation was seen from neither end"), "{text}");
        assert!(text.contains("one seed each, so without a spread"), "{text}");

        let clean: Vec<RunPoint> =
            [0, 300].into_iter().map(|steps| run(steps, 0.0, 1, (Some(2.0), None), 0.5)).collect();
        let text = said(&clean, &[0, 300]);
        assert!(
            text.contains(
                "Without noise the peak of dev F1 goes from 0.700 with random weights to 0.700 after 300 steps."
            ),
            "{text}"
        );
    }
}
