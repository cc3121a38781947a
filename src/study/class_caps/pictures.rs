//! The figures of a study of class caps: for each class, and where ways of training differ, for each of them.

use std::path::Path;

use polars::prelude::*;

use super::Gathered;
use super::summary::{self, RunNumbers};
use crate::error::Result;
use crate::figures::{Style, class_curves, class_learning, class_sizes, heat_map};
use crate::report::Figure;
use crate::study::StudyInput;
use crate::study::frames::stack;

/// Draws all figures into the report's folder `figures/`.
pub(super) fn draw(input: &StudyInput<'_>, gathered: &Gathered<'_>) -> Result<Vec<Figure>> {
    let folder = Path::new("figures");
    let mut figures = Vec::new();
    let least = gathered.numbers.iter().map(|run| run.noise).min_by(f64::total_cmp).unwrap_or_default();
    let style = |name: &str| Style {
        print: input.print,
        synthetic: gathered.subject.synthetic,
        subtitle: format!("{}{name}", gathered.subject.in_short()),
    };
    for (number, class) in gathered.classes.iter().enumerate() {
        // Types are the data's words, and no names for files.
        let plain: String = class.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        let stem = |what: &str| folder.join(format!("{}-{plain}-{what}", number + 1));
        let at = |stem: &Path| input.layout.report.join(stem);
        let without_noise: Vec<&RunNumbers> =
            gathered.numbers.iter().filter(|run| run.class == *class && run.noise == least).collect();

        let variants: Vec<String> = gathered.variants.iter().map(|&variant| gathered.name(variant)).collect();
        let place = stem("sizes");
        let ends = ends(&without_noise, gathered)?;
        let files = class_sizes::draw(&ends, class, &variants, &style(""), &at(&place))?;
        figures.push(Figure::new(&files, place));

        for (i, &variant) in gathered.variants.iter().enumerate() {
            let named = gathered.variants.len() > 1;
            let name = if named { format!(", {}", gathered.name(variant)) } else { String::new() };
            let suffix = if named { format!("-{}", i + 1) } else { String::new() };
            let of_variant = |noise: Option<f64>| {
                let chosen = gathered.epochs.iter().filter(move |run| {
                    run.class == *class && run.variant == variant && noise.is_none_or(|noise| run.noise == noise)
                });
                chosen.map(|run| run.frame.clone()).collect::<Vec<_>>()
            };
            let frames = of_variant(Some(least));
            if !frames.is_empty() {
                let frame = stack(frames)?;
                let place = stem(&format!("curves{suffix}"));
                figures.push(Figure::new(&class_curves::draw(&frame, class, &style(&name), &at(&place))?, place));
                let place = stem(&format!("learning{suffix}"));
                figures.push(Figure::new(&class_learning::draw(&frame, class, &style(&name), &at(&place))?, place));
            }
            let cells = cells(gathered, class, variant)?;
            let several = cells.column("noise")?.f64()?.iter().flatten().any(|noise| noise != least);
            if several {
                let place = stem(&format!("noise{suffix}"));
                figures.push(Figure::new(&heat_map::draw(&cells, class, &style(&name), &at(&place))?, place));
            }
        }
    }
    Ok(figures)
}

/// One row a run: `sentences, seed, variant, class_f1, task_f1`.
fn ends(runs: &[&RunNumbers], gathered: &Gathered<'_>) -> Result<DataFrame> {
    let variant = |run: &&RunNumbers| gathered.variants.iter().position(|v| *v == run.variant).unwrap_or(0) as u64;
    Ok(df!(
        "sentences" => runs.iter().map(|run| run.sentences as u64).collect::<Vec<_>>(),
        "seed" => runs.iter().map(|run| run.seed).collect::<Vec<_>>(),
        "variant" => runs.iter().map(variant).collect::<Vec<_>>(),
        "class_f1" => runs.iter().map(|run| run.class_dev).collect::<Vec<_>>(),
        "task_f1" => runs.iter().map(|run| run.task_dev).collect::<Vec<_>>(),
    )?)
}

/// One row a cell: `sentences, noise, class_f1, in_cluster`, means over seeds.
fn cells(gathered: &Gathered<'_>, class: &str, variant: summary::Variant) -> Result<DataFrame> {
    let cells = summary::cells(&gathered.numbers, gathered.classes);
    let chosen: Vec<_> =
        cells.iter().filter(|cell| cell.common().class == class && cell.common().variant == variant).collect();
    let mean = |get: fn(&RunNumbers) -> Option<f64>| -> Vec<Option<f64>> {
        chosen.iter().map(|cell| cell.estimate(get).map(|estimate| estimate.mean)).collect()
    };
    Ok(df!(
        "sentences" => chosen.iter().map(|cell| cell.common().sentences as u64).collect::<Vec<_>>(),
        "noise" => chosen.iter().map(|cell| cell.common().noise).collect::<Vec<_>>(),
        "class_f1" => mean(|run| run.class_dev),
        "in_cluster" => mean(|run| run.cluster?.class),
    )?)
}
