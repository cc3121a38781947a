//! Class caps (arXiv 2105.00828, section 5): the same training with ever fewer sentences of one entity type.
//!
//! The grid is noise × initial weights × head × (entity type, number of sentences) × seed; what all types share, the run on all
//! sentences, is trained once and read once for each type. With two heads the report compares them (figure 7 of the paper),
//! with noise it asks whether a rare type can be told from wrong labels, with random weights what pretraining is worth.

use polars::prelude::{Column, DataFrame};
use serde_json::Value;

use super::charts::{Against, Chart, ChartPanel};
use super::findings::{Compared, Finding};
use super::gather::{Needs, Row};
use super::grid_study::against_first;
use super::measure::{Better, Measure, Unit};
use super::report::{Context, Design, Parts};
use super::summarise::{NOISE, Point, axis_columns, place};
use super::tables::{Builder, measures};
use super::{Axis, Point as AxisPoint, Study, axis, measures as m};
use crate::analysis::{ClassAnalysis, ClusterShares};
use crate::config::{Experiment, GridAxis, INIT, NamedPoint};
use crate::dynamics::write_csv_as;
use crate::error::{Error, Result};
use crate::figures::panels::YAxis;
use crate::format::percent;
use crate::metrics::{Absent, Estimate, Measured, Measurement, measured};
use crate::perturb::CapSettings;
use crate::report::{Format, Table};
use crate::run::{Coordinate, Coordinates};

/// See the [module](self).
pub(super) struct ClassCaps;

const CLASS: &str = "class";
const SENTENCES: &str = "sentences";
const HEAD: &str = "head";

/// A measure of the entity type that a row is about.
const fn of_type(
    [key, heading, short]: [&'static str; 3],
    (unit, better, digits): (Unit, Better, usize),
    of: fn(&Row) -> Measured,
) -> Measure {
    Measure { key, heading, short, unit, better, digits, of }
}

const F1: (Unit, Better, usize) = (Unit::Score, Better::Higher, 3);
const SHARE: (Unit, Better, usize) = (Unit::Share, Better::Neither, 1);

fn analysis(row: &Row) -> std::result::Result<&ClassAnalysis, Absent> {
    row.class.as_ref().ok_or(Absent("not a run of an entity type"))
}

fn last(row: &Row, column: &str, absent: &'static str) -> Measured {
    let values = super::frames::numbers(&analysis(row)?.epochs, column).unwrap_or_default();
    measured(values.last().copied().flatten(), absent)
}

fn in_cluster(row: &Row, share: fn(&ClusterShares) -> Option<f64>) -> Measured {
    let cluster = analysis(row)?.cluster.as_ref().ok_or(Absent("no label noise"))?;
    measured(share(cluster), "no such token")
}

const TYPE_DEV: Measure =
    of_type(["class_dev", "Type, dev F1", "Dev"], F1, |row| last(row, "dev_f1", "not evaluated on dev"));
const TYPE_TRAIN: Measure =
    of_type(["class_train", "Type, train F1", "Train"], F1, |row| last(row, "train_f1", "no training sentence"));
const TYPE_PREDICTED: Measure = of_type(
    ["class_predicted", "Type, entities predicted on dev", "Predicted"],
    (Unit::Count, Better::Neither, 0),
    |row| last(row, "dev_predicted", "not evaluated on dev"),
);
const TYPE_TEST: Measure = of_type(["class_test", "Type, test F1", "Test"], F1, |row| {
    let name = row.coordinates.get(CLASS).map(|class| class.label.as_str());
    let scores = row.manifest.test.as_ref().ok_or(Absent("no test split"))?;
    let entry = scores.per_type.iter().find(|entry| Some(entry.name.as_str()) == name && entry.support > 0);
    measured(entry.map(|entry| entry.scores.f1), "type not in the test split")
});
const TOKENS: Measure =
    of_type(["tokens", "Clean training tokens", "Tokens"], (Unit::Count, Better::Neither, 0), |row| {
        Ok(Measurement::Exact(analysis(row)?.n_words as f64))
    });
const FIRST_LEARNING: Measure = of_type(
    ["first_learning", "Median epoch of first learning", "First learned"],
    (Unit::Epochs, Better::Lower, 1),
    |row| match (analysis(row)?.first_learning, analysis(row)?.n_words) {
        (Some(epoch), _) => Ok(Measurement::Exact(epoch)),
        (None, 0) => Err(Absent("no training sentence")),
        // The median token is never predicted as given.
        (None, _) => Ok(Measurement::AtLeast(f64::from(row.manifest.epochs_finished))),
    },
);
const LEARNED_AT_ONCE: Measure = of_type(["learned_at_once", "First learned in epoch 1", "Epoch 1"], SHARE, |row| {
    let values = super::frames::numbers(&analysis(row)?.epochs, "first_learned").unwrap_or_default();
    measured(values.first().copied().flatten(), "no training sentence")
});
const NEVER_LEARNED: Measure = of_type(["never_learned", "Never learned", "Never"], SHARE, |row| {
    measured(analysis(row)?.never_learned, "no training sentence")
});
const IN_CLUSTER: Measure =
    of_type(["in_cluster", "Type in the noise cluster", "Type"], SHARE, |row| in_cluster(row, |of| of.class));
const OTHERS_IN_CLUSTER: Measure =
    of_type(["others_in_cluster", "Other entities in the noise cluster", "Others"], SHARE, |row| {
        in_cluster(row, |of| of.other_entities)
    });
const NOISY_IN_CLUSTER: Measure =
    of_type(["noisy_in_cluster", "Noisy tokens in the noise cluster", "Noisy"], SHARE, |row| {
        in_cluster(row, |of| of.noisy)
    });
const AUC_LOSS: Measure =
    of_type(["auc_loss", "AUC of the last loss", "AUC, loss"], (Unit::Score, Better::Neither, 3), |row| {
        measured(separation(row, "last loss"), "no label noise or no such token")
    });

impl Study for ClassCaps {
    fn axes(&self, experiment: &Experiment) -> Result<Vec<Axis>> {
        let model = &experiment.model;
        let start = if model.random_init { "random" } else { "pretrained" };
        let init = GridAxis::Named { name: INIT.into(), points: NamedPoint::init(start).into_iter().collect() };
        let head = GridAxis::Setting { key: "model.head.kind".into(), values: vec![model.head.kind.name().into()] };
        let (init, head) = (axis::own(experiment, INIT, &init)?, axis::own(experiment, HEAD, &head)?);
        Ok(vec![Axis::noise(experiment), init, head, caps(experiment)?])
    }

    fn needs(&self, experiment: &Experiment) -> Needs {
        let classes = experiment.study.caps.as_ref().map(|caps| caps.classes.clone()).unwrap_or_default();
        Needs { classes, ..Needs::default() }
    }

    fn order(&self) -> &'static [&'static str] {
        &[CLASS, NOISE, HEAD, INIT, SENTENCES]
    }

    fn design(&self, context: &Context<'_>) -> Result<Design> {
        let named = [HEAD, INIT].into_iter().filter_map(|name| context.axis(name)).filter(|axis| axis.varies());
        let pairs: Vec<(String, Vec<[String; 2]>)> =
            named.map(|axis| (axis.name.clone(), against_first(axis))).collect();
        let trend = |measure: &Measure| Finding::Trend { axis: SENTENCES.into(), measure: measure.key };
        let mut findings: Vec<Finding> =
            pairs.iter().map(|(axis, _)| Finding::Paired { axis: axis.clone(), measure: TYPE_DEV.key }).collect();
        findings.extend([&TYPE_DEV, &m::DEV_END, &IN_CLUSTER].map(trend));
        Ok(Design {
            title: "Class caps".into(),
            measures: vec![&TYPE_DEV, &TYPE_TRAIN, &m::DEV_END, &TYPE_TEST, &m::TEST, &IN_CLUSTER, &m::SECONDS],
            trends: vec![SENTENCES.into()],
            pairs,
            findings,
            charts: charts(context),
            ..Design::default()
        })
    }

    fn add(&self, context: &Context<'_>, _: &Compared<'_>, parts: &mut Parts) -> Result<()> {
        write_separation(context)?;
        parts.tables.push(sentences_needed(context)?);
        let Context { points, axes, .. } = context;
        let first = [&TOKENS, &FIRST_LEARNING, &LEARNED_AT_ONCE, &NEVER_LEARNED];
        parts.tables.push(measures(
            points,
            axes,
            &first,
            [
                "first_learning",
                "First learning of an entity type's tokens",
                "Of the type's correctly labelled training tokens: the median epoch in which they are first predicted as given \
                 (at least the last epoch where most never are), and the shares of those that are in the first epoch and \
                 never. A linear head is judged in the train pass, a prototypical one, which has none, after each epoch: the \
                 two cannot be compared.",
            ],
        )?);
        if context.rows.iter().any(|row| analysis(row).is_ok_and(|of| of.cluster.is_some())) {
            parts.tables.push(rare_or_noise(context)?);
        }
        parts.tables.extend(forgettable(context)?);
        Ok(())
    }
}

/// The caps: every number of sentences of every type, and once no cap. Outer to inner: type, number, none.
fn caps(experiment: &Experiment) -> Result<Axis> {
    let grid = experiment.study.caps.clone().unwrap_or_default();
    let point = |class: Value, sentences: Value, cap: Value| AxisPoint {
        coordinates: vec![Coordinate::new(CLASS, class), Coordinate::new(SENTENCES, sentences)],
        settings: vec![("perturb.cap".to_owned(), cap)],
    };
    let mut points = Vec::new();
    for class in &grid.classes {
        for &sentences in &grid.sentences {
            let cap = CapSettings { class: class.clone(), sentences: Some(sentences) };
            let cap = serde_json::to_value(cap).map_err(|e| Error::Internal(format!("a cap as JSON: {e}")))?;
            points.push(point(class.as_str().into(), sentences.into(), cap));
        }
    }
    points.extend(grid.uncapped.then(|| point(Value::Null, Value::Null, Value::Null)));
    Ok(Axis { points })
}

fn charts(context: &Context<'_>) -> Vec<Chart> {
    let mut charts = Vec::new();
    if let Some(axis) = context.axis(SENTENCES) {
        let has_noise = context.rows.iter().any(|row| row.noise() > 0.0);
        let shown: &[&'static Measure] =
            if has_noise { &[&TYPE_DEV, &m::DEV_END, &IN_CLUSTER] } else { &[&TYPE_DEV, &m::DEV_END] };
        let sizes = Chart::of_measures("sentences", axis, shown);
        charts.push(Chart {
            title: "Measures by number of training sentences with the type".into(),
            ..sizes.by_rows(context.axes, CLASS)
        });
    }
    // Curves at the least noise, a figure for each way of training.
    let least = context.axis(NOISE).and_then(|axis| axis.points.first().cloned());
    for (number, variant) in variants(context).into_iter().enumerate() {
        let only = Coordinates::of(variant.iter().cloned().chain(least.clone()));
        let name = place(&variant, context.axes);
        let of = if name.is_empty() { name } else { format!(" ({name})") };
        let panel =
            |column, heading, axis, title| ChartPanel::Series { column, heading, axis, title, mark_best: false };
        let chart = |stem: &str, title: &str, description: &str, panels| {
            let chart = Chart::of_series(
                &format!("{stem}_{}", number + 1),
                &format!("{title}{of}"),
                description,
                Against::ClassEpochs,
                panels,
            );
            Chart { only: only.clone(), ..chart.by_rows(context.axes, CLASS) }
        };
        charts.push(chart(
            "type_curves",
            "Train and dev F1 of the entity type",
            "After each epoch, one line per number of training sentences with the type; the greatest is all there are. Train \
             counts the given labels, dev the clean ones.",
            vec![
                panel("train_f1", "Train, given labels", YAxis::Score, "F1"),
                panel("dev_f1", "Dev, clean labels", YAxis::Score, "F1"),
            ],
        ));
        charts.push(chart(
            "type_learning",
            "First learning of the type's tokens",
            "Share of the type's correctly labelled training tokens that are predicted as given for the first time in an epoch.",
            vec![panel("first_learned", "First learned", YAxis::Percent, "share of tokens")],
        ));
    }
    charts
}

/// The ways of training: the points of the axes of heads and of initial weights together.
fn variants(context: &Context<'_>) -> Vec<Coordinates> {
    let mut found: Vec<Coordinates> = Vec::new();
    for point in context.points {
        let of = point.coordinates.without(&[CLASS, SENTENCES, NOISE]);
        if !found.contains(&of) {
            found.push(of);
        }
    }
    found
}

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

fn sentences_needed(context: &Context<'_>) -> Result<Table> {
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

/// The area under the ROC curve of a measure of the log.
fn separation(row: &Row, measure: &str) -> Option<f64> {
    analysis(row).ok()?.separation.iter().find(|found| found.measure == measure).map(|found| found.auc)
}

/// Writes `separation.csv`: one row a run, entity type and measure of the log, `measure` and `auc` behind the coordinates.
fn write_separation(context: &Context<'_>) -> Result<()> {
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

fn rare_or_noise(context: &Context<'_>) -> Result<Table> {
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
fn forgettable(context: &Context<'_>) -> Result<Option<Table>> {
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

#[cfg(test)]
mod tests {
    use crate::study::testing::ids;

    #[test]
    fn all_sentences_are_trained_on_once_for_all_classes() {
        assert_eq!(
            ids("study.kind = \"class-caps\"\nstudy.caps = { classes = [\"LOC\", \"a/b\"], sentences = [5] }"),
            [
                "noise=0.00,init=pretrained,head=linear,class=LOC,sentences=5,seed=1",
                "noise=0.00,init=pretrained,head=linear,class=a/b,sentences=5,seed=1",
                "noise=0.00,init=pretrained,head=linear,class=none,sentences=none,seed=1"
            ]
        );
    }

    const GRID: &str = "study.kind = \"class-caps\"\nstudy.noise = [0, 0.3]\nstudy.seeds = 2\n[study.caps]\nclasses = \
                        [\"LOC\"]\nsentences = [5, 25]\n[grid]\nhead = [\"linear\", \"prototypes\"]\n";

    #[test]
    fn the_grid_has_every_combination_once() {
        let mut all = ids(&format!("{GRID}init = [\"pretrained\", \"random\"]"));
        assert_eq!(all.len(), 3 * 2 * 2 * 2 * 2);
        assert!(all[..24].iter().all(|id| id.contains("seed=1")));
        assert_eq!(all[3], "noise=0.00,init=pretrained,head=prototypes,class=LOC,sentences=5,seed=1");
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 48);
    }

    #[test]
    fn heads_may_be_points_with_settings_of_their_own_and_other_axes_stand_behind() {
        let named =
            "[[grid.head]]\nname = \"prototypes\"\n\"model.head.kind\" = \"prototypes\"\n\"train.epochs\" = 4\n";
        let text = format!("{}[grid]\nbatch-size = [8]\n{named}", &GRID[..GRID.find("[grid]").unwrap()]);
        assert_eq!(
            ids(&text)[0],
            "noise=0.00,init=pretrained,head=prototypes,class=LOC,sentences=5,batch_size=8,seed=1"
        );
    }
}
