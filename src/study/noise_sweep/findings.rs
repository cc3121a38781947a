//! The findings in words. Every sentence is made from the numbers; what is absent is said to be.

use std::fmt::Write as _;

use super::summary::LevelNumbers;
use crate::analysis::phases::PhasePoint;
use crate::format::{percent, trimmed};
use crate::metrics::Estimate;

/// What the findings are about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    /// The corpus's name.
    pub data: &'a str,
    /// True if its text was generated.
    pub synthetic: bool,
    /// The model's name.
    pub model: &'a str,
    /// Its layers and sizes.
    pub shape: &'a str,
    /// Epochs planned.
    pub epochs: u32,
}

/// A fall of dev F1 below this is not spoken of: it would be said as 0.000.
const LEAST_FALL: f64 = 0.0005;

/// One paragraph.
pub(super) fn paragraph(subject: &Subject<'_>, levels: &[LevelNumbers]) -> String {
    let mut text = opening(subject, levels);
    for level in levels {
        text.push(' ');
        text.push_str(&sentence(level));
    }
    text.push(' ');
    text.push_str(&closing(levels));
    text
}

fn opening(subject: &Subject<'_>, levels: &[LevelNumbers]) -> String {
    let seeds = levels.iter().map(|level| level.n).max().unwrap_or(0);
    let over = match seeds {
        0 | 1 => "one seed each, so without a spread".to_owned(),
        n => format!("{n} seeds each, mean ± standard deviation"),
    };
    let synthetic =
        if subject.synthetic { " (synthetic text: the numbers say nothing about real corpora)" } else { "" };
    format!(
        "{} ({}) fine-tuned on {}{synthetic} for {} epochs at {} noise {}, {over}.",
        subject.model,
        subject.shape,
        subject.data,
        subject.epochs,
        levels.len(),
        if levels.len() == 1 { "level" } else { "levels" },
    )
}

fn sentence(level: &LevelNumbers) -> String {
    let mut text = match &level.realised {
        _ if level.noise == 0.0 => "Without noise".to_owned(),
        Some(realised) => format!("At {} noise ({:.1} % realised)", percent(level.noise), 100.0 * realised.mean),
        None => format!("At {} noise", percent(level.noise)),
    };
    match (&level.dev_peak, &level.dev_peak_epoch, &level.dev_last) {
        (Some(peak), Some(epoch), Some(last)) => {
            let _ =
                write!(text, " dev F1 peaks at {} in epoch {} and ends at {}", peak.score(), at(epoch), last.score());
        }
        _ => text.push_str(" dev F1 was not measured"),
    }
    let phases = &level.phases;
    match &phases.fitting_end {
        Some(point) => {
            let _ = write!(text, "; fitting ends at {}", place(point));
        }
        None => text.push_str("; no end of fitting was found"),
    }
    match &phases.settling {
        Some(settling) => {
            let _ = write!(
                text,
                ", settling lasts from epoch {} to {}",
                epoch(settling.start.epoch),
                epoch(settling.end.epoch)
            );
        }
        None => text.push_str(", there is no settling"),
    }
    match &phases.memorisation_onset {
        Some(point) => {
            let _ = write!(text, " and memorisation begins at {}", place(point));
        }
        None => text.push_str(" and memorisation was not seen"),
    }
    if let (Some(low), Some(last)) = (&level.noisy_low, &level.noisy_last) {
        let _ = write!(
            text,
            "; noisy tokens are predicted as labelled with accuracy {} at the lowest and {} at the end",
            low.score(),
            last.score()
        );
    }
    if let (Some(best), Some(epoch)) = (&level.detection, &level.detection_epoch) {
        let _ = write!(
            text,
            "; clustering the losses finds the noise best in epoch {}, with F1 {}",
            at(epoch),
            best.score()
        );
    }
    text.push('.');
    text
}

/// What holds across levels, said with the numbers it rests on.
fn closing(levels: &[LevelNumbers]) -> String {
    let drop = |level: &LevelNumbers| Some(level.dev_peak?.mean - level.dev_last?.mean);
    let noisy: Vec<&LevelNumbers> = levels.iter().filter(|level| level.noise > 0.0).collect();
    let memorised: Vec<String> = noisy
        .iter()
        .filter(|level| level.phases.memorisation_onset.is_some())
        .map(|level| percent(level.noise))
        .collect();
    let mut text = match (noisy.len(), memorised.len()) {
        (0, _) => "No level has noise, so memorisation of wrong labels cannot be seen here".to_owned(),
        (_, 0) => "Memorisation of wrong labels was not seen at any level".to_owned(),
        (n, found) if n == found => "Memorisation sets in at every level with noise".to_owned(),
        _ => format!("Memorisation sets in at {} alone", memorised.join(", ")),
    };
    let largest =
        levels.iter().filter_map(|level| Some((drop(level)?, level.noise))).max_by(|a, b| a.0.total_cmp(&b.0));
    if let Some((fall, noise)) = largest.filter(|(fall, _)| *fall >= LEAST_FALL) {
        let _ = write!(text, "; the largest fall of dev F1 from peak to end is {fall:.3}, at {} noise", percent(noise));
    }
    text.push('.');
    text
}

fn place(point: &PhasePoint) -> String {
    format!("epoch {} ({}–{})", epoch(point.epoch), epoch(point.epoch_low), epoch(point.epoch_high))
}

fn at(estimate: &Estimate) -> String {
    match estimate.deviation {
        Some(deviation) if deviation > 0.0 => format!("{:.1} ± {deviation:.1}", estimate.mean),
        _ => epoch(estimate.mean),
    }
}

/// `3`, or `3.25` between two whole ones.
fn epoch(epoch: f64) -> String {
    trimmed(epoch, 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::phases::{Evidence, PhaseScores, Phases, Settling};

    fn point(epoch: f64) -> PhasePoint {
        PhasePoint {
            epoch,
            epoch_low: epoch - 0.5,
            epoch_high: epoch + 0.5,
            step: None,
            examples_seen: None,
            learning_rate: None,
            support: 1.0,
            scores: PhaseScores::default(),
        }
    }

    fn estimate(values: &[f64]) -> Option<Estimate> {
        Estimate::of(values.iter().copied().map(Some))
    }

    fn clean() -> LevelNumbers {
        LevelNumbers {
            noise: 0.0,
            n: 2,
            realised: estimate(&[0.0, 0.0]),
            dev_peak: estimate(&[0.9, 0.9]),
            dev_peak_epoch: estimate(&[7.0, 8.0]),
            dev_last: estimate(&[0.89, 0.89]),
            noisy_low: None,
            noisy_last: None,
            detection: None,
            detection_epoch: None,
            forgettable: None,
            phases: Phases {
                fitting_end: Some(point(2.0)),
                settling: None,
                memorisation_onset: None,
                evidence: Evidence::DevDecline,
            },
        }
    }

    fn noisy() -> LevelNumbers {
        let (start, end) = (point(2.0), point(3.25));
        LevelNumbers {
            noise: 0.3,
            realised: estimate(&[0.266, 0.268]),
            dev_last: estimate(&[0.6, 0.6]),
            noisy_low: estimate(&[0.01, 0.01]),
            noisy_last: estimate(&[0.5, 0.5]),
            detection: estimate(&[0.96, 0.96]),
            detection_epoch: estimate(&[3.0, 3.0]),
            phases: Phases {
                fitting_end: Some(start.clone()),
                settling: Some(Settling { epoch: 2.0, epoch_low: 1.5, epoch_high: 2.5, start, end: end.clone() }),
                memorisation_onset: Some(end),
                evidence: Evidence::NoisyAccuracy,
            },
            ..clean()
        }
    }

    #[test]
    fn what_is_there_and_what_is_absent_is_said() {
        assert_eq!(
            sentence(&clean()),
            "Without noise dev F1 peaks at 0.900 ± 0.000 in epoch 7.5 ± 0.7 and ends at 0.890 ± 0.000; fitting ends at \
             epoch 2 (1.5–2.5), there is no settling and memorisation was not seen."
        );
        assert_eq!(
            sentence(&noisy()),
            "At 30 % noise (26.7 % realised) dev F1 peaks at 0.900 ± 0.000 in epoch 7.5 ± 0.7 and ends at \
             0.600 ± 0.000; fitting ends at epoch 2 (1.5–2.5), settling lasts from epoch 2 to 3.25 and memorisation \
             begins at epoch 3.25 (2.75–3.75); noisy tokens are predicted as labelled with accuracy 0.010 ± 0.000 at \
             the lowest and 0.500 ± 0.000 at the end; clustering the losses finds the noise best in epoch 3, with F1 \
             0.960 ± 0.000."
        );
    }

    #[test]
    fn the_closing_says_where_memorisation_sets_in() {
        let none = LevelNumbers { noise: 0.1, phases: clean().phases, ..noisy() };
        assert_eq!(
            closing(&[clean(), none, noisy()]),
            "Memorisation sets in at 30 % alone; the largest fall of dev F1 from peak to end is 0.300, at 30 % noise."
        );
        assert!(closing(&[clean()]).starts_with("No level has noise"));
        assert!(closing(&[clean(), noisy()]).starts_with("Memorisation sets in at every level with noise"));
    }

    #[test]
    fn synthetic_text_is_said_to_be() {
        let subject = Subject { data: "embedded", synthetic: true, model: "embedded", shape: "2 layers", epochs: 8 };
        let text = paragraph(&subject, &[clean(), noisy()]);
        assert!(text.starts_with("embedded (2 layers) fine-tuned on embedded (synthetic text"), "{text}");
        assert!(text.contains("2 seeds each"));
    }
}
