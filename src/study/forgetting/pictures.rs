//! The figures of a forgetting study.

use std::path::Path;

use polars::prelude::*;

use super::overlap::{PairOverlap, Seeds};
use super::summary::{DETECTION, Distribution, FORGETTABLE, Measure, ONSET, SETTLING};
use super::tables::in_words;
use super::{Gathered, Numbers};
use crate::error::Result;
use crate::figures::encoder_curves::Lines;
use crate::figures::scale::percent;
use crate::figures::{FigureFiles, Style, encoder_curves, encoder_measures, forgetting_events, forgetting_overlap};
use crate::metrics::Overlap;
use crate::report::Figure;
use crate::study::StudyInput;

/// Draws all figures into the report's folder `figures/`. The overlap is left out of a study with one encoder and one seed.
pub(super) fn draw(input: &StudyInput<'_>, gathered: &Gathered<'_>, numbers: &Numbers<'_>) -> Result<Vec<Figure>> {
    let style = Style {
        print: input.print,
        synthetic: gathered.subject.synthetic,
        subtitle: format!("{}, {} epochs", gathered.subject.data, gathered.subject.epochs),
    };
    let names = gathered.names();
    let folder = Path::new("figures");
    let stem = |name: &str| input.layout.report.join(folder).join(name);
    let mut figures = Vec::new();
    let mut add = |name: &str, files: FigureFiles| figures.push(Figure::new(&files, folder.join(name)));

    let name = "encoder_curves";
    let lines = Lines { names: &names, noun: "encoder", column: "encoder" };
    add(name, encoder_curves::draw(&gathered.curves, lines, &style, &stem(name))?);
    let name = "encoder_measures";
    add(name, encoder_measures::draw(&measures(gathered)?, &names, &style, &stem(name))?);
    let name = "forgetting_events";
    let (shares, labels) = distribution(gathered)?;
    add(name, forgetting_events::draw(&shares, &names, &labels, &style, &stem(name))?);
    if let Some(least) = numbers.overlaps.first().map(|pair| pair.noise) {
        let is_shown = |pair: &&PairOverlap| {
            let wanted = if pair.first == pair.second { Seeds::Different } else { Seeds::Same };
            pair.noise == least && pair.seeds == wanted
        };
        let pairs = pairs(&numbers.overlaps.iter().filter(is_shown).collect::<Vec<_>>())?;
        let condition = format!("at {} noise, counted in the {}", percent(least), in_words(gathered.pass));
        let name = "forgetting_overlap";
        add(name, forgetting_overlap::draw(&pairs, &names, &condition, &style, &stem(name))?);
    }
    Ok(figures)
}

/// One row a run: `noise, number, encoder, seed`, and what encoders are compared by.
fn measures(gathered: &Gathered<'_>) -> Result<DataFrame> {
    let runs = || gathered.runs.iter();
    let column = |measure: &Measure| {
        Column::new(measure.key.into(), runs().map(|run| measure.of(run, gathered.pass)).collect::<Vec<_>>())
    };
    let mut columns = vec![
        Column::new("noise".into(), runs().map(|run| run.noise()).collect::<Vec<_>>()),
        Column::new("number".into(), runs().map(|run| run.encoder as u64).collect::<Vec<_>>()),
        Column::new("encoder".into(), runs().map(|run| gathered.name(run.encoder)).collect::<Vec<_>>()),
        Column::new("seed".into(), runs().map(|run| run.seed()).collect::<Vec<_>>()),
    ];
    columns.extend([SETTLING, ONSET, FORGETTABLE, DETECTION].iter().map(column));
    Ok(DataFrame::new(gathered.runs.len(), columns)?)
}

/// One row a run, pass and number of forgetting events, and what the numbers are called.
fn distribution(gathered: &Gathered<'_>) -> Result<(DataFrame, Vec<String>)> {
    let mut rows = Vec::new();
    let mut most = 0;
    for run in &gathered.runs {
        for pass in &run.passes {
            let shares = &pass.distribution.forgotten;
            most = most.max(shares.len());
            let counted = shares.iter().enumerate().map(|(events, share)| (Some(events as u64), *share));
            let all = counted.chain([(None, pass.distribution.never_learned)]);
            rows.extend(all.map(|(events, share)| (run, pass.pass, events, share)));
        }
    }
    let frame = df!(
        "noise" => rows.iter().map(|row| row.0.noise()).collect::<Vec<_>>(),
        "number" => rows.iter().map(|row| row.0.encoder as u64).collect::<Vec<_>>(),
        "encoder" => rows.iter().map(|row| gathered.name(row.0.encoder)).collect::<Vec<_>>(),
        "seed" => rows.iter().map(|row| row.0.seed()).collect::<Vec<_>>(),
        "pass" => rows.iter().map(|row| row.1.name()).collect::<Vec<_>>(),
        "events" => rows.iter().map(|row| row.2).collect::<Vec<_>>(),
        "share" => rows.iter().map(|row| row.3).collect::<Vec<_>>(),
    )?;
    Ok((frame, Distribution::names(most, gathered.subject.epochs)))
}

/// One row a pair of encoders: `first, second, jaccard, by_chance, kappa`.
fn pairs(overlaps: &[&PairOverlap]) -> Result<DataFrame> {
    let mean = |get: fn(&Overlap) -> Option<f64>| -> Vec<Option<f64>> {
        overlaps.iter().map(|pair| pair.estimate(get).map(|estimate| estimate.mean)).collect()
    };
    Ok(df!(
        "first" => overlaps.iter().map(|pair| pair.first as u64).collect::<Vec<_>>(),
        "second" => overlaps.iter().map(|pair| pair.second as u64).collect::<Vec<_>>(),
        "jaccard" => mean(Overlap::jaccard),
        "by_chance" => mean(Overlap::jaccard_by_chance),
        "kappa" => mean(Overlap::kappa),
    )?)
}
