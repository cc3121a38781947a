//! The findings in words, one paragraph a class. Every sentence is made from the numbers.

use std::fmt::Write as _;

use super::Gathered;
use super::summary::{self, Cell, Needed, RunNumbers, needed_for_ninety_percent, needed_to_find, needed_to_predict};
use crate::format::count;
use crate::metrics::Estimate;
use crate::model::HeadKind;

/// One paragraph for the whole, one a class.
pub(super) fn paragraphs(gathered: &Gathered<'_>) -> Vec<String> {
    let mut all = vec![opening(gathered)];
    all.extend(gathered.classes.iter().map(|class| of_class(gathered, class)));
    all
}

fn opening(gathered: &Gathered<'_>) -> String {
    let subject = &gathered.subject;
    let mut seeds: Vec<u64> = gathered.numbers.iter().map(|run| run.seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    let over = match seeds.len() {
        0 | 1 => "one seed, so without a spread".to_owned(),
        n => format!("{n} seeds, mean ± standard deviation"),
    };
    let synthetic =
        if subject.synthetic { " (synthetic text: the numbers say nothing about real corpora)" } else { "" };
    format!(
        "{} ({}) fine-tuned on {}{synthetic} for {} epochs, most training sentences with {} left out: {over}. F1 is that on \
         dev after the last epoch.",
        subject.model,
        subject.shape,
        subject.data,
        subject.epochs,
        gathered.classes.join(" or "),
    )
}

fn of_class(gathered: &Gathered<'_>, class: &str) -> String {
    let mut text = format!("{class}.");
    let cells = summary::cells(&gathered.numbers, gathered.classes);
    for runs in gathered.groups().iter().filter(|runs| runs[0].class == class) {
        let first = runs[0];
        let of_group = |cell: &&Cell<'_>| {
            let run = cell.common();
            run.class == class && run.noise == first.noise && run.variant == first.variant
        };
        let own: Vec<&Cell<'_>> = cells.iter().filter(of_group).collect();
        let condition = condition(gathered, first).map_or(String::new(), |words| format!("{}: ", capital(&words)));
        let _ = write!(text, " {condition}{}.", curve(&own));
        let all = runs.iter().find(|run| run.uncapped).map(|run| run.sentences);
        let _ = write!(text, " It is first predicted {}", needed(needed_to_predict(runs), all));
        let _ = write!(text, ", an entity of it first found {}", needed(needed_to_find(runs), all));
        if let Some(ninety) = needed_for_ninety_percent(runs) {
            let _ = write!(text, ", and 90 % of its F1 on all data reached {}", needed(ninety, all));
        }
        text.push('.');
        if let Some(sentence) = noise(&own) {
            text.push(' ');
            text.push_str(&sentence);
        }
    }
    for sentence in heads(&cells, class) {
        text.push(' ');
        text.push_str(&sentence);
    }
    text
}

/// Noise and way of training, as far as they differ within the study.
fn condition(gathered: &Gathered<'_>, run: &RunNumbers) -> Option<String> {
    let mut parts = Vec::new();
    if gathered.variants.len() > 1 {
        parts.push(gathered.name(run.variant));
    }
    if gathered.numbers.iter().any(|other| other.noise != run.noise) {
        parts.push(match run.noise {
            0.0 => "without noise".into(),
            noise => format!("at {:.0} % noise", 100.0 * noise),
        });
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn curve(cells: &[&Cell<'_>]) -> String {
    let part = |cell: &&Cell<'_>| {
        let run = cell.common();
        let f1 = cell.estimate(|run| run.class_dev)?;
        let all = if run.uncapped { " (all)" } else { "" };
        Some(format!("{} with {}{all}", f1.score(), sentences(run.sentences as f64)))
    };
    let parts: Vec<String> = cells.iter().filter_map(part).collect();
    if parts.is_empty() { "F1 was not measured".into() } else { format!("F1 {}", parts.join(", ")) }
}

fn sentences(n: f64) -> String {
    if n == 1.0 { "1 sentence".into() } else { format!("{} sentences", count(n)) }
}

/// `with 15 sentences`; `all` is how many there are, if that was tried.
fn needed(needed: Needed, all: Option<usize>) -> String {
    let number = |n: Option<usize>| n.map_or("more".into(), |n| count(n as f64));
    let mut text = match needed.median {
        None => "with none of the numbers tried".to_owned(),
        Some(n) if Some(n) == all => format!("only with all {}", sentences(n as f64)),
        Some(n) => format!("with {}", sentences(n as f64)),
    };
    if needed.n > 0 && needed.low != needed.high {
        let _ = write!(text, " ({} to {} over seeds)", number(needed.low), number(needed.high));
    }
    text
}

/// Whether the rarest form of the class that has any word looks like noise.
fn noise(cells: &[&Cell<'_>]) -> Option<String> {
    let cell = cells.iter().find(|cell| cell.common().n_words > 0 && cell.common().cluster.is_some())?;
    let percent = |share: Option<Estimate>| Some(format!("{:.1} %", 100.0 * share?.mean));
    let class = percent(cell.estimate(|run| run.cluster?.class))?;
    let noisy = percent(cell.estimate(|run| run.cluster?.noisy))?;
    let (measure, area) = cell.best_measure()?;
    let (share, looks) = match area.mean < 0.5 {
        true => (1.0 - area.mean, "the word of the class looks more like noise than the noisy token"),
        false => (area.mean, "the noisy token looks more like noise than the word of the class"),
    };
    Some(format!(
        "With {}, {class} of its correctly labelled words fall into the noise cluster, and {noisy} of the noisy tokens. Of \
         all measures, {measure} tells the two apart best: in {:.1} % of the pairs {looks} by it (AUC {}; {} words, and the \
         measure chosen with the truth known).",
        sentences(cell.common().sentences as f64),
        100.0 * share,
        area.score(),
        cell.common().n_words
    ))
}

/// The prototypical head against the linear one at each number of sentences, without noise or with the least.
fn heads(cells: &[Cell<'_>], class: &str) -> Vec<String> {
    let least = cells.iter().map(|cell| cell.common().noise).min_by(f64::total_cmp);
    let of = |head: HeadKind| {
        cells.iter().filter(move |cell| {
            let run = cell.common();
            run.class == class && Some(run.noise) == least && run.variant.0 == head
        })
    };
    let several_starts = cells.iter().any(|cell| cell.common().variant.1 != cells[0].common().variant.1);
    let compare = |linear: &Cell<'_>| {
        let run = linear.common();
        let same =
            |other: &&Cell<'_>| other.common().sentences == run.sentences && other.common().variant.1 == run.variant.1;
        let prototypes = of(HeadKind::Prototypes).find(same)?;
        let (a, b) = (linear.estimate(|run| run.class_dev)?, prototypes.estimate(|run| run.class_dev)?);
        let margin = b.mean - a.mean;
        let spread = a.deviation.zip(b.deviation).map(|(a, b)| a.max(b));
        let within = if spread.is_some_and(|spread| margin.abs() <= spread) { " (within a deviation)" } else { "" };
        let start = if several_starts { format!(", {}", run.variant.1.name()) } else { String::new() };
        Some((format!("{margin:+.3} with {}{start}{within}", sentences(run.sentences as f64)), spread.is_some()))
    };
    let parts: Vec<(String, bool)> = of(HeadKind::Linear).filter_map(compare).collect();
    if parts.is_empty() {
        return Vec::new();
    }
    let spread = match parts.iter().all(|(_, known)| *known) {
        true => "; where nothing is said, by more than either standard deviation",
        false => "; with one seed there is no spread",
    };
    let parts: Vec<String> = parts.into_iter().map(|(part, _)| part).collect();
    vec![format!("The prototypical head's F1 minus the linear one's: {}{spread}.", parts.join(", "))]
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
