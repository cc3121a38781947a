//! The findings in words. Every sentence is made from the numbers.

use std::fmt::Write as _;

use super::overlap::{PairOverlap, Seeds};
use super::summary::{Cell, Contrast, FORGETTABLE, FORGETTABLE_OTHER, Measure, SETTLING};
use super::tables::in_words;
use super::{Gathered, Numbers};
use crate::format::percent;
use crate::metrics::{Estimate, Interval, Overlap};

/// One paragraph a question.
pub(super) fn paragraphs(gathered: &Gathered<'_>, numbers: &Numbers<'_>) -> Vec<String> {
    let mut all = vec![opening(gathered, numbers), forgetting(gathered, numbers)];
    all.extend(contrasts(gathered, &numbers.contrasts));
    all.extend(phases(gathered, numbers));
    all.extend(overlaps(gathered, &numbers.overlaps));
    all.extend(correlations(gathered, numbers));
    all
}

fn opening(gathered: &Gathered<'_>, numbers: &Numbers<'_>) -> String {
    let subject = &gathered.subject;
    let trained = gathered.encoders.iter().filter_map(|encoder| {
        let source = if encoder.source == encoder.name { String::new() } else { format!("{}, ", encoder.source) };
        Some(format!("{} ({source}{})", encoder.name, encoder.shape?))
    });
    let seeds = numbers.cells.iter().map(|cell| cell.runs.len()).max().unwrap_or(0);
    let over = match seeds {
        0 | 1 => "one seed each, so without a spread".to_owned(),
        n => format!("up to {n} seeds each, mean ± standard deviation"),
    };
    let synthetic =
        if subject.synthetic { " (synthetic text: the numbers say nothing about real corpora)" } else { "" };
    format!(
        "{} fine-tuned on {}{synthetic} for {} epochs, {over}. Forgetting is counted in the {} unless the other pass is \
         named.",
        list(trained.collect()),
        subject.data,
        subject.epochs,
        in_words(gathered.pass),
    )
}

/// Shares of forgettable tokens, by both conventions and in both passes.
fn forgetting(gathered: &Gathered<'_>, numbers: &Numbers<'_>) -> String {
    let pass = gathered.pass;
    let share = |cell: &Cell<'_>| {
        let forgettable = cell.estimate(|run| run.forgettable(pass))?;
        let toneva = cell.estimate(|run| Some(run.pass(pass)?.shares("all")?.forgettable_toneva))?;
        let mut text = format!("{} {} of the training tokens", gathered.name(cell.encoder), of_all(&forgettable));
        let _ = write!(text, " ({} with those it never learns", of_all(&toneva));
        if let Some(other) = cell.estimate(|run| run.forgettable(pass.other())) {
            let _ = write!(text, "; in the {} pass {}", pass.other().name(), of_all(&other));
        }
        text.push(')');
        Some(text)
    };
    let level = |noise: f64| {
        let parts: Vec<String> = numbers.cells.iter().filter(|cell| cell.noise == noise).filter_map(share).collect();
        (!parts.is_empty()).then(|| format!("{}, forgotten at least once: {}.", at(noise), parts.join(", ")))
    };
    let parts: Vec<String> = numbers.noises().into_iter().filter_map(level).collect();
    if parts.is_empty() { "Forgetting was not measured.".into() } else { parts.join(" ") }
}

/// Pretrained against random, one paragraph a pair of encoders.
fn contrasts(gathered: &Gathered<'_>, contrasts: &[Contrast]) -> Vec<String> {
    let same = |a: &Contrast, b: &Contrast| (a.pretrained, a.random) == (b.pretrained, b.random);
    contrasts.chunk_by(same).map(|levels| pair(gathered, levels)).collect()
}

fn pair(gathered: &Gathered<'_>, levels: &[Contrast]) -> String {
    let first = &levels[0];
    let (pretrained, random) = (gathered.name(first.pretrained), gathered.name(first.random));
    let (a, b) = (&gathered.encoders[first.pretrained].config.train, &gathered.encoders[first.random].config.train);
    let trained = match a == b {
        true => "",
        false => " (learning rate or batch size differ, too)",
    };
    let mut text = format!("{pretrained} minus {random}, the same shape initialised at random{trained}, seed by seed.");
    for level in levels {
        let _ = write!(text, " {}: ", at(level.noise));
        let settling = match level.by(&SETTLING) {
            Some(by) => format!(
                "{} epochs of settling{} ({})",
                signed(by.mean, 2),
                between(&by, 1.0, 2),
                verdict(&by, &SETTLING)
            ),
            None => "settling could not be compared".into(),
        };
        let forgetting = match level.by(&FORGETTABLE) {
            Some(by) => format!(
                "{} points of forgettable tokens{} ({})",
                signed(100.0 * by.mean, 2),
                between(&by, 100.0, 2),
                verdict(&by, &FORGETTABLE)
            ),
            None => "forgetting could not be compared".into(),
        };
        let _ = write!(text, "{settling}, {forgetting}");
        if let Some(by) = level.by(&FORGETTABLE_OTHER) {
            let _ = write!(
                text,
                ", {} points in the {} pass{} ({})",
                signed(100.0 * by.mean, 2),
                gathered.pass.other().name(),
                between(&by, 100.0, 2),
                verdict(&by, &FORGETTABLE_OTHER)
            );
        }
        let [open, open_random] = level.without_onset;
        if open + open_random > 0 {
            let _ = write!(
                text,
                "; no onset of memorisation was seen in {open} and {open_random} of {} runs each, where settling lasts to \
                 the end of the training",
                level.seeds
            );
        }
        text.push('.');
    }
    text.push(' ');
    text.push_str(&conclusion(levels, gathered.pass.other().name()));
    text
}

/// What an interval says of the random encoder against the pretrained one.
fn verdict(difference: &Estimate, measure: &Measure) -> &'static str {
    let Some(Interval { low, high }) = difference.interval() else { return "one seed, no interval" };
    let settling = measure.key == SETTLING.key;
    match (low > 0.0, high < 0.0) {
        (true, _) if settling => "the random one settles for less long",
        (_, true) if settling => "the random one settles for longer",
        (true, _) => "the random one forgets less",
        (_, true) => "the random one forgets more",
        _ => "the interval holds 0",
    }
}

/// Whether the paper's finding is seen: the random encoder settles for less long and forgets more.
fn conclusion(levels: &[Contrast], other_pass: &str) -> String {
    let noisy: Vec<&Contrast> = levels.iter().filter(|level| level.noise > 0.0).collect();
    let at_levels = |measure: &Measure, seen: &dyn Fn(Interval) -> bool, of: &[&Contrast]| -> Vec<String> {
        let has = |level: &&&Contrast| level.by(measure).and_then(|by| by.interval()).is_some_and(seen);
        of.iter().filter(has).map(|level| percent(level.noise)).collect()
    };
    let all: Vec<&Contrast> = levels.iter().collect();
    if levels.iter().all(|level| level.seeds < 2) {
        return "With one seed there is no interval, and nothing is claimed.".into();
    }
    let say = |levels: Vec<String>, n: usize| match levels.len() {
        0 => "at no level".to_owned(),
        found if found == n => "at every level".to_owned(),
        _ => format!("at {} alone", list(levels)),
    };
    let more_by = |measure: &Measure| say(at_levels(measure, &|i| i.high < 0.0, &all), all.len());
    let mut forgets = more_by(&FORGETTABLE);
    if levels.iter().any(|level| level.by(&FORGETTABLE_OTHER).is_some()) {
        let _ = write!(forgets, " (in the {other_pass} pass {})", more_by(&FORGETTABLE_OTHER));
    }
    let seen = match noisy.len() {
        0 => format!("it forgets more {forgets} (how long it settles is asked where there is noise)"),
        n => {
            let settles = say(at_levels(&SETTLING, &|i| i.low > 0.0, &noisy), n);
            format!("it settles for less long {settles} with noise, and forgets more {forgets}")
        }
    };
    format!(
        "Of the paper's finding, that the random one settles for less long and forgets more, with intervals that leave out 0: \
         {seen}."
    )
}

/// Onset, settling and detection of each encoder, where there is noise.
fn phases(gathered: &Gathered<'_>, numbers: &Numbers<'_>) -> Option<String> {
    let of_cell = |cell: &Cell<'_>| {
        let mut text = gathered.name(cell.encoder).to_owned();
        let (n, onsets) = (cell.runs.len(), cell.onsets());
        match cell.estimate(|run| run.onset()) {
            Some(onset) => {
                let _ = write!(text, " begins to memorise in epoch {}", plain(&onset, 1));
                if onsets < n {
                    let _ = write!(text, " (in {onsets} of {n} runs)");
                }
            }
            None => text.push_str(" was not seen to memorise"),
        }
        match cell.estimate(|run| run.settling()) {
            Some(settling) if settling.mean > 0.0 => {
                let _ = write!(text, " after settling for {} epochs", plain(&settling, 1));
            }
            Some(_) => text.push_str(" without settling before"),
            None => text.push_str(", and no end of fitting was found"),
        }
        if let Some(detection) = cell.estimate(|run| Some(run.scores.detection?.value)) {
            let _ = write!(text, ", noise detection F1 {}", detection.score());
        }
        text
    };
    let level = |noise: f64| {
        let parts: Vec<String> = numbers.cells.iter().filter(|cell| cell.noise == noise).map(of_cell).collect();
        format!("{}, {}.", at(noise), parts.join("; "))
    };
    let parts: Vec<String> = numbers.noises().into_iter().filter(|noise| *noise > 0.0).map(level).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

/// Whether the same tokens are forgotten, at the least noise.
fn overlaps(gathered: &Gathered<'_>, overlaps: &[PairOverlap]) -> Option<String> {
    let least = overlaps.first()?.noise;
    let score = |pair: &PairOverlap| {
        let kappa = pair.estimate(Overlap::kappa)?;
        let (jaccard, chance) = (pair.estimate(Overlap::jaccard)?, pair.estimate(Overlap::jaccard_by_chance)?);
        Some(format!("κ {} (Jaccard {:.3}, by chance {:.3})", kappa.score(), jaccard.mean, chance.mean))
    };
    let name = |pair: &PairOverlap| match pair.first == pair.second {
        true => gathered.name(pair.first).to_owned(),
        false => format!("{} and {}", gathered.name(pair.first), gathered.name(pair.second)),
    };
    let of = |own: bool, seeds: Seeds| {
        let wanted = overlaps
            .iter()
            .filter(move |pair| pair.noise == least && (pair.first == pair.second) == own && pair.seeds == seeds);
        wanted.filter_map(|pair| Some(format!("{} {}", name(pair), score(pair)?))).collect::<Vec<_>>()
    };
    let mut parts = Vec::new();
    let (between_seeds, same) = (of(true, Seeds::Different), of(false, Seeds::Same));
    if !between_seeds.is_empty() {
        parts.push(format!("two seeds of one encoder: {}", between_seeds.join(", ")));
    }
    if !same.is_empty() {
        parts.push(format!("two encoders at one seed: {}", same.join(", ")));
    }
    (!parts.is_empty()).then(|| {
        format!("Whether the same tokens are forgettable ({}): {}.", at(least).to_lowercase(), parts.join("; "))
    })
}

/// What goes with forgetting, at each noise.
fn correlations(gathered: &Gathered<'_>, numbers: &Numbers<'_>) -> Option<String> {
    let of_cell = |cell: &Cell<'_>| {
        let learning = cell.estimate(|run| run.pass(gathered.pass)?.with_first_learning);
        let margin = cell.estimate(|run| run.pass(gathered.pass)?.with_margin);
        let say = |rho: Option<Estimate>| rho.map_or("unknown".into(), |rho| signed_score(&rho));
        (learning.is_some() || margin.is_some())
            .then(|| format!("{} {} and {}", gathered.name(cell.encoder), say(learning), say(margin)))
    };
    let level = |noise: f64| {
        let parts: Vec<String> = numbers.cells.iter().filter(|cell| cell.noise == noise).filter_map(of_cell).collect();
        (!parts.is_empty()).then(|| format!("{}: {}", at(noise).to_lowercase(), parts.join(", ")))
    };
    let parts: Vec<String> = numbers.noises().into_iter().filter_map(level).collect();
    (!parts.is_empty()).then(|| {
        format!(
            "Rank correlation of a learned token's forgetting events with the epoch of its first learning, and with its mean \
             margin: {}.",
            parts.join("; ")
        )
    })
}

/// `Without noise`, `At 30 % noise`.
fn at(noise: f64) -> String {
    if noise == 0.0 { "Without noise".into() } else { format!("At {} noise", percent(noise)) }
}

/// `a`, `a and b`, `a, b and c`.
fn list(mut words: Vec<String>) -> String {
    match words.pop() {
        None => String::new(),
        Some(last) if words.is_empty() => last,
        Some(last) => format!("{} and {last}", words.join(", ")),
    }
}

/// A share with its deviation: `2.97 ± 0.10 %`.
fn of_all(share: &Estimate) -> String {
    let share = Estimate { mean: 100.0 * share.mean, deviation: share.deviation.map(|d| 100.0 * d), n: share.n };
    format!("{} %", plain(&share, 2))
}

fn plain(estimate: &Estimate, digits: usize) -> String {
    match estimate.deviation {
        Some(deviation) => format!("{:.digits$} ± {deviation:.digits$}", estimate.mean),
        None => format!("{:.digits$}", estimate.mean),
    }
}

fn signed_score(estimate: &Estimate) -> String {
    match estimate.deviation {
        Some(deviation) => format!("{} ± {deviation:.3}", signed(estimate.mean, 3)),
        None => signed(estimate.mean, 3),
    }
}

/// With its sign, and a true minus.
fn signed(value: f64, digits: usize) -> String {
    format!("{value:+.digits$}").replace('-', "−")
}

/// ` (95 % interval −0.50 to 1.20)`; nothing with one seed.
fn between(estimate: &Estimate, factor: f64, digits: usize) -> String {
    estimate.interval().map_or(String::new(), |interval| {
        format!(
            ", 95 % interval {} to {}",
            signed(factor * interval.low, digits),
            signed(factor * interval.high, digits)
        )
    })
}

#[cfg(test)]
mod tests {
    use polars::prelude::DataFrame;

    use super::super::summary::tests::run;
    use super::super::{Encoder, Subject};
    use super::*;
    use crate::config::Experiment;
    use crate::dynamics::Pass;
    use crate::model::ModelSettings;
    use crate::run::{Coordinates, RunConfig};
    use crate::study::forgetting::summary::RunNumbers;

    fn encoder(name: &str, random_init: bool) -> Encoder<'_> {
        let model = ModelSettings { random_init, ..ModelSettings::default() };
        let experiment = Experiment { model, ..Experiment::default() };
        let config = RunConfig::new(&experiment, Coordinates::default(), 1);
        Encoder { name, source: "tiny", shape: Some("2 layers"), n_parameters: Some(10), config }
    }

    fn gathered(runs: Vec<RunNumbers>) -> Gathered<'static> {
        Gathered {
            subject: Subject { data: "news", synthetic: false, epochs: 10 },
            encoders: vec![encoder("tiny", false), encoder("tiny-random", true)],
            pass: Pass::Train,
            runs,
            sets: Vec::new(),
            curves: DataFrame::empty(),
            epochs: DataFrame::empty(),
        }
    }

    /// Pretrained settles for 3 epochs and a bit, random for 1; the one forgets 10 %, the other 30 %.
    fn as_in_the_paper(seeds: u64) -> Vec<RunNumbers> {
        let seeds = 1..=seeds;
        seeds
            .flat_map(|seed| {
                let more = 0.01 * seed as f64;
                [
                    run((0, 0.3, seed), (Some(1.0), Some(4.0 + more)), 0.10 + more),
                    run((1, 0.3, seed), (Some(1.0), Some(2.0)), 0.30),
                ]
            })
            .collect()
    }

    fn contrast(runs: Vec<RunNumbers>) -> String {
        let gathered = gathered(runs);
        let numbers = Numbers::of(&gathered);
        contrasts(&gathered, &numbers.contrasts).join("\n")
    }

    #[test]
    fn the_papers_finding_is_said_where_it_is_seen() {
        assert_eq!(
            contrast(as_in_the_paper(3)),
            "tiny minus tiny-random, the same shape initialised at random, seed by seed. At 30\u{a0}% noise: +2.02 epochs of \
             settling, 95 % interval +2.00 to +2.04 (the random one settles for less long), −18.00 points of forgettable \
             tokens, 95 % interval −20.48 to −15.52 (the random one forgets more). Of the paper's finding, that the random one \
             settles for less long and forgets more, with intervals that leave out 0: it settles for less long at every level \
             with noise, and forgets more at every level."
        );
    }

    #[test]
    fn the_other_way_and_neither_are_said_too() {
        let mut turned = as_in_the_paper(3);
        turned.iter_mut().for_each(|run| run.encoder = 1 - run.encoder);
        let text = contrast(turned);
        assert!(text.contains("(the random one settles for longer)"), "{text}");
        assert!(text.contains("(the random one forgets less)"), "{text}");
        assert!(
            text.ends_with("it settles for less long at no level with noise, and forgets more at no level."),
            "{text}"
        );

        let unsure = vec![
            run((0, 0.0, 1), (Some(1.0), None), 0.1),
            run((1, 0.0, 1), (Some(2.0), None), 0.3),
            run((0, 0.0, 2), (Some(2.0), None), 0.3),
            run((1, 0.0, 2), (Some(1.0), None), 0.1),
        ];
        let text = contrast(unsure);
        assert_eq!(text.matches("(the interval holds 0)").count(), 2, "{text}");
        assert!(text.contains("; no onset of memorisation was seen in 2 and 2 of 2 runs each"), "{text}");
        assert!(
            text.ends_with("it forgets more at no level (how long it settles is asked where there is noise)."),
            "{text}"
        );
    }

    #[test]
    fn one_seed_claims_nothing() {
        let text = contrast(as_in_the_paper(1));
        assert!(text.contains("+2.01 epochs of settling (one seed, no interval)"), "{text}");
        assert!(text.ends_with("With one seed there is no interval, and nothing is claimed."), "{text}");
    }

    #[test]
    fn each_paragraph_has_its_numbers() {
        let gathered = gathered(as_in_the_paper(2));
        let numbers = Numbers::of(&gathered);
        assert_eq!(
            opening(&gathered, &numbers),
            "tiny (2 layers) and tiny-random (tiny, 2 layers) fine-tuned on news for 10 epochs, up to 2 seeds each, mean ± standard \
             deviation. Forgetting is counted in the train pass (dropout on, before the update) unless the other pass is named."
        );
        assert_eq!(
            forgetting(&gathered, &numbers),
            "At 30\u{a0}% noise, forgotten at least once: tiny 11.50 ± 0.71 % of the training tokens (21.50 ± 0.71 % with those it \
             never learns), tiny-random 30.00 ± 0.00 % of the training tokens (40.00 ± 0.00 % with those it never learns)."
        );
        assert_eq!(
            phases(&gathered, &numbers).unwrap(),
            "At 30\u{a0}% noise, tiny begins to memorise in epoch 4.0 ± 0.0 after settling for 3.0 ± 0.0 epochs, noise detection F1 \
             0.900 ± 0.000; tiny-random begins to memorise in epoch 2.0 ± 0.0 after settling for 1.0 ± 0.0 epochs, noise \
             detection F1 0.900 ± 0.000."
        );
        assert_eq!(
            correlations(&gathered, &numbers).unwrap(),
            "Rank correlation of a learned token's forgetting events with the epoch of its first learning, and with its mean \
             margin: at 30\u{a0}% noise: tiny +0.500 ± 0.000 and unknown, tiny-random +0.500 ± 0.000 and unknown."
        );
        assert_eq!(overlaps(&gathered, &numbers.overlaps), None);
    }
}
