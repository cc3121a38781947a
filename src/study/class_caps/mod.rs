//! Class caps (arXiv 2105.00828, section 5): the same training with ever fewer sentences of one entity type.
//!
//! The grid is noise × initial weights × head × (entity type, number of sentences) × seed; what all types share, the run on all
//! sentences, is trained once and read once for each type. With two heads the report compares them (figure 7 of the paper),
//! with noise it asks whether a rare type can be told from wrong labels, with random weights what pretraining is worth.

mod measures;
mod tables;

use serde_json::Value;

use super::charts::{Against, Chart, ChartPanel};
use super::findings::{Compared, Finding};
use super::gather::Needs;
use super::grid_study::against_first;
use super::measure::Measure;
use super::report::{Context, Design, Parts};
use super::summarise::{NOISE, place};
use super::tables::measures as table_of_measures;
use super::{Axis, Point as AxisPoint, Study, axis, measures as m};
use crate::config::{Experiment, GridAxis, INIT, NamedPoint};
use crate::error::{Error, Result};
use crate::figures::panels::YAxis;
use crate::perturb::CapSettings;
use crate::run::{Coordinate, Coordinates};
use measures::{
    FIRST_LEARNING, IN_CLUSTER, LEARNED_AT_ONCE, NEVER_LEARNED, TOKENS, TYPE_DEV, TYPE_TEST, TYPE_TRAIN, analysis,
};
use tables::{forgettable, rare_or_noise, sentences_needed, write_separation};

/// See the [module](self).
pub(super) struct ClassCaps;

const CLASS: &str = "class";
const SENTENCES: &str = "sentences";
const HEAD: &str = "head";

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
        parts.tables.push(table_of_measures(
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
