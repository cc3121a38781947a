//! The tables that are no measures of runs: sentences needed, rare types against noise, forgettable tokens by tag.

use polars::prelude::{Column, DataFrame};

use super::measures::{
    AUC_LOSS, IN_CLUSTER, NOISY_IN_CLUSTER, OTHERS_IN_CLUSTER, TYPE_DEV, TYPE_PREDICTED, analysis, separation,
};
use super::{CLASS, SENTENCES, variants};
use crate::dynamics::write_csv_as;
use crate::error::Result;
use crate::format::percent;
use crate::metrics::{Estimate, Measurement};
use crate::report::{Format, Table};
use crate::run::Coordinates;
use crate::study::gather::Row;
use crate::study::measure::Measure;
use crate::study::report::Context;
use crate::study::summarise::{Point, axis_columns, place};
use crate::study::tables::Builder;

/// The fewest sentences at which something is reached, over seeds.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Needed {
    /// The median over all seeds, the lower one of two; `None` if that seed never gets there.
    median: Option<u64>,
    /// The least and the greatest.
    ends: [Option<u64>; 2],
    /// Seeds that get there.
    n: usize,
}

impl Needed {
    /// By seed: the fewest sentences above zero at which `enough` holds. No sentence at all is not counted: what is predicted
    /// then is chance, or comes from wrong labels.
    fn of(rows: &[&Row], enough: impl Fn(&Row) -> bool) -> Self {
        let sentences = |row: &Row| row.coordinates.get(SENTENCES)?.value.as_u64();
        let fewest = |seed: &u64| {
            let of_seed = rows.iter().filter(|row| row.seed == *seed && sentences(row) > Some(0));
            of_seed.filter(|row| enough(row)).filter_map(|row| sentences(row)).min()
        };
        let mut found: Vec<Option<u64>> = seeds(rows).iter().map(fewest).collect();
        found.sort_by_key(|n| n.unwrap_or(u64::MAX));
        let at = |i: usize| found.get(i).copied().flatten();
        let last = found.len().saturating_sub(1);
        Self { median: at(last / 2), ends: [at(0), at(last)], n: found.iter().flatten().count() }
    }

    /// At which the type's dev F1 reaches 90 % of what the same seed reaches on all sentences; `None` unless each seed has such
    /// a run that finds something.
    fn for_ninety_percent(rows: &[&Row]) -> Option<Self> {
        let f1 = |row: &Row| (TYPE_DEV.of)(row).ok().map(Measurement::bound);
        let whole = |seed: u64| {
            let is_it = |row: &&&Row| row.seed == seed && row.manifest.config.perturb.cap.is_none();
            f1(rows.iter().find(is_it)?).filter(|f1| *f1 > 0.0)
        };
        rows.iter()
            .all(|row| whole(row.seed).is_some())
            .then(|| Self::of(rows, |row| f1(row).zip(whole(row.seed)).is_some_and(|(f1, whole)| f1 >= 0.9 * whole)))
    }
}

fn seeds(rows: &[&Row]) -> Vec<u64> {
    let mut seeds: Vec<u64> = rows.iter().map(|row| row.seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    seeds
}

pub(super) fn sentences_needed(context: &Context<'_>) -> Result<Table> {
    let mut groups: Vec<(Coordinates, Vec<&Row>)> = Vec::new();
    for point in context.points {
        let at = point.coordinates.without(&[SENTENCES]);
        match groups.iter_mut().find(|(place, _)| *place == at) {
            Some((_, rows)) => rows.extend(&point.rows),
            None => groups.push((at, point.rows.clone())),
        }
    }
    let positive = |measure: &Measure, row: &Row| (measure.of)(row).is_ok_and(|value| value.bound() > 0.0);
    type Which<'a> = Box<dyn Fn(&[&Row]) -> Option<Needed> + 'a>;
    let measures: [(&str, &str, Which<'_>); 3] = [
        ("predicted", "First predicted", Box::new(|rows| Some(Needed::of(rows, |row| positive(&TYPE_PREDICTED, row))))),
        ("found", "First found", Box::new(|rows| Some(Needed::of(rows, |row| positive(&TYPE_DEV, row))))),
        ("ninety", "90 % of all", Box::new(Needed::for_ninety_percent)),
    ];
    let others = context.axes_without(SENTENCES);
    let mut table = Builder::new(groups.len()).axes(groups.iter().map(|(place, _)| place), &others)?;
    for (key, heading, which) in &measures {
        let needed: Vec<Option<Needed>> = groups.iter().map(|(_, rows)| which(rows)).collect();
        let column = |get: fn(&Needed) -> Option<u64>| needed.iter().map(move |of| Some(get(of.as_ref()?)? as f64));
        table = table
            .numbers(key, heading, Format::Integer, column(|of| of.median))?
            .numbers(&format!("{key}_low"), "from", Format::Integer, column(|of| of.ends[0]))?
            .numbers(&format!("{key}_high"), "to", Format::Integer, column(|of| of.ends[1]))?
            .numbers(&format!("{key}_seeds"), "seeds", Format::Integer, column(|of| Some(of.n as u64)))?;
    }
    table.counts("of_seeds", "of", groups.iter().map(|(_, rows)| seeds(rows).len()))?.table(
        "sentences_needed",
        "Sentences needed for an entity type",
        "The fewest sentences, of the numbers tried and all there are, at which the type is predicted on dev at all, correctly \
         or not; at which an entity of it is found; and at which its dev F1 reaches 90 % of what the same seed reaches on all \
         sentences. Median over all seeds (the lower one of two), least and greatest, and the number of seeds that reach it: a \
         seed that does not counts as more than all, and an empty cell says so. 90 % is also empty where a run on all sentences \
         is missing or finds nothing.",
    )
}

/// Writes `separation.csv`: one row a run, entity type and measure of the log, `measure` and `auc` behind the coordinates.
pub(super) fn write_separation(context: &Context<'_>) -> Result<()> {
    let all = context.rows.iter().filter_map(|row| Some((row, analysis(row).ok()?)));
    let rows: Vec<_> = all.flat_map(|(row, of)| of.separation.iter().map(move |found| (row, found))).collect();
    let mut columns = axis_columns(rows.iter().map(|(row, _)| &row.coordinates), context.axes);
    columns.extend([
        Column::new("seed".into(), rows.iter().map(|(row, _)| row.seed).collect::<Vec<_>>()),
        Column::new("measure".into(), rows.iter().map(|(_, found)| found.measure).collect::<Vec<_>>()),
        Column::new("auc".into(), rows.iter().map(|(_, found)| found.auc).collect::<Vec<_>>()),
    ]);
    let path = context.input.layout.analysis.join("separation.csv");
    write_csv_as(&path, &DataFrame::new(rows.len(), columns)?, context.input.text)
}

/// The measure whose area is farthest from chance over the seeds of a point, and that area.
fn best_separation(point: &Point<'_>) -> Option<(&'static str, Estimate)> {
    let measures = analysis(point.rows.first()?).ok()?.separation.iter().map(|found| found.measure);
    let area = |measure| Some((measure, Estimate::of(point.rows.iter().map(|row| separation(row, measure)))?));
    let from_chance = |area: &Estimate| (area.mean - 0.5).abs();
    measures.filter_map(area).reduce(|best, next| if from_chance(&next.1) > from_chance(&best.1) { next } else { best })
}

pub(super) fn rare_or_noise(context: &Context<'_>) -> Result<Table> {
    let is_noisy = |point: &&Point<'_>| {
        point.rows.iter().any(|row| analysis(row).is_ok_and(|of| of.cluster.is_some() && of.n_words > 0))
    };
    let points: Vec<&Point<'_>> = context.points.iter().filter(is_noisy).collect();
    let mut table = Builder::new(points.len()).axes(points.iter().map(|point| &point.coordinates), context.axes)?;
    for measure in [&IN_CLUSTER, &OTHERS_IN_CLUSTER, &NOISY_IN_CLUSTER, &AUC_LOSS] {
        let values = points.iter().map(|point| point.summary(measure));
        table = table.measure(measure, measure.format(), values)?;
    }
    let best: Vec<_> = points.iter().map(|point| best_separation(point)).collect();
    table
        .estimates("auc_best", "AUC of the best measure", Format::Mean(3), best.iter().map(|best| best.map(|of| of.1)))?
        .texts("best", "Best measure", best.iter().map(|best| best.map(|of| of.0)))?
        .table(
            "rare_or_noise",
            "Rare entity type or label noise",
            "Shares of tokens in the cluster of high losses, after the epoch whose losses find the noise best: the type's \
             correctly labelled tokens, other correctly labelled entity tokens, and noisy tokens. AUC: the probability that a \
             noisy token looks more like noise by a measure than a token of the type; 0.5 is chance, and below it the type \
             looks more like noise than the noise. Best: farthest from 0.5 of all measures logged; chosen with the truth \
             known, which flatters it where seeds are few.",
        )
}

/// Shares of forgettable tokens by tag, the ways of training side by side: of the runs on all sentences with the least noise;
/// nothing where there are none.
pub(super) fn forgettable(context: &Context<'_>) -> Result<Option<Table>> {
    let least = context.rows.iter().map(Row::noise).min_by(f64::total_cmp).unwrap_or_default();
    let is_meant = |row: &&Row| row.noise() == least && row.manifest.config.perturb.cap.is_none();
    // Each type has the same runs: those of the first are read.
    let class = context.axis(CLASS).and_then(|axis| axis.points.first().cloned());
    let chosen: Vec<&Row> =
        context.rows.iter().filter(is_meant).filter(|row| row.coordinates.get(CLASS) == class.as_ref()).collect();
    let Some(first) = chosen.first() else { return Ok(None) };
    let groups = first.shares.column("group")?.str()?;
    let is_tag = |group: &&str| *group == "all" || group.starts_with("tag:");
    let tags: Vec<&str> = groups.iter().flatten().filter(is_tag).collect();
    let number = |tag: &&str| first.share(tag, "n").unwrap_or_default() as usize;
    let mut table = Builder::new(tags.len())
        .texts("tokens", "Tokens", tags.iter().map(|tag| Some(tag.trim_start_matches("tag:"))))?
        .counts("n", "Number", tags.iter().map(number))?;
    for (i, variant) in variants(context).iter().enumerate() {
        let rows: Vec<&&Row> =
            chosen.iter().filter(|row| variant.iter().all(|of| row.coordinates.get(&of.axis) == Some(of))).collect();
        let values = tags.iter().map(|tag| Estimate::of(rows.iter().map(|row| row.share(tag, "forgettable"))));
        let name = place(variant, context.axes);
        let heading = if name.is_empty() { "Forgettable".to_owned() } else { name };
        table = table.estimates(&format!("forgettable_{}", i + 1), &heading, Format::MeanPercent(2), values)?;
    }
    table
        .table(
            "forgettable",
            "Forgettable tokens by tag",
            format!(
                "Share of the training tokens with a given tag that are right in one epoch and wrong in the next, at least \
                 once, on all sentences, at {} noise; means over seeds ± sample standard deviation. A prototypical head \
                 is judged after each epoch, a linear one in the train pass.",
                percent(least)
            ),
        )
        .map(Some)
}
