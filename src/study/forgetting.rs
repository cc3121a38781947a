//! Forgetting (arXiv 2105.00828, section 4; Toneva et al., ICLR 2019): the same training with several encoders.
//!
//! What does each encoder learn and forget again, is it the same for two seeds and for two encoders, and how do the phases
//! differ between them? The paper's contrast is a pretrained encoder with the same one initialised at random, and a
//! bi-LSTM-CRF; encoders of a study that differ in nothing but `model.random_init` are compared seed by seed.
//!
//! The grid is seed × noise × encoder. At one seed all encoders see the same labels, noise included, and draw their batches
//! from the same streams. Events are counted in both passes ([`crate::analysis::token_histories`]).

use super::charts::{Against, Chart, ChartPanel};
use super::findings::{Compared, Finding};
use super::gather::{Needs, Row};
use super::report::{Context, Design, Parts};
use super::summarise::{NOISE, Point};
use super::tables::Builder;
use super::{Axis, Study, axis, file_name, measures as m};
use crate::analysis::events::Shares;
use crate::analysis::forgetting::{Distribution, Forgetting as OfPass};
use crate::config::{ENCODER, Experiment, GridAxis};
use crate::dynamics::Pass;
use crate::error::Result;
use crate::figures::panels::YAxis;
use crate::figures::{forgetting_events, forgetting_overlap};
use crate::format::percent;
use crate::metrics::{Estimate, Overlap};
use crate::model::ModelSettings;
use crate::model::encoder::BILSTM;
use crate::report::{Format, Table};
use crate::run::Coordinate;

/// See the [module](self).
pub(super) struct Forgetting;

impl Study for Forgetting {
    fn axes(&self, experiment: &Experiment) -> Result<Vec<Axis>> {
        // The axis of encoders is the inner one: an interrupted sweep has what is to be compared.
        let none = GridAxis::Named { name: ENCODER.into(), points: Vec::new() };
        let encoders = axis::own(experiment, ENCODER, &none)?;
        Ok(vec![Axis::noise(experiment), encoders])
    }

    fn needs(&self, _: &Experiment) -> Needs {
        Needs { forgetting: true, ..Needs::default() }
    }

    fn order(&self) -> &'static [&'static str] {
        &[ENCODER, NOISE]
    }

    fn design(&self, context: &Context<'_>) -> Result<Design> {
        let (counted, other) = match context.pass() {
            Pass::Train => (&m::FORGETTABLE_TRAIN, &m::FORGETTABLE_EVAL),
            Pass::Eval => (&m::FORGETTABLE_EVAL, &m::FORGETTABLE_TRAIN),
        };
        let along = |measure: &'static str| Finding::Paired { axis: ENCODER.into(), measure };
        let series = |column, heading, title| ChartPanel::Series {
            column,
            heading,
            axis: YAxis::Score,
            title,
            mark_best: false,
        };
        let curves = Chart::of_series(
            "curves",
            "Dev score and predictions for noisy tokens",
            "Dev score against clean labels, and accuracy on noisy training tokens of a fixed sample against their given (wrong) \
             label.",
            Against::Evaluations,
            vec![
                series("dev_score", "Dev score", "F1"),
                series("probe_noisy_accuracy", "Noisy tokens predicted as given", "accuracy"),
            ],
        );
        let mut charts = vec![curves.by_rows(context.axes, NOISE)];
        charts.extend(
            context
                .axis("noise")
                .map(|axis| Chart::of_measures("measures", axis, &[&m::SETTLING, &m::ONSET, counted, &m::DETECTION])),
        );
        Ok(Design {
            title: "Forgetting by encoder".into(),
            measures: vec![&m::SETTLING, &m::ONSET, counted, other, &m::DETECTION, &m::DEV_PEAK, &m::DEV_END],
            pairs: vec![(ENCODER.into(), twins(context))],
            overlap: Some(ENCODER.into()),
            findings: vec![
                along(counted.key),
                along(other.key),
                along(m::SETTLING.key),
                along(m::DETECTION.key),
                Finding::Overlap { axis: ENCODER.into() },
            ],
            charts,
            ..Design::default()
        })
    }

    fn add(&self, context: &Context<'_>, compared: &Compared<'_>, parts: &mut Parts) -> Result<()> {
        add_events_figure(context, parts)?;
        add_overlap_figure(context, compared, parts)?;
        parts.tables.insert(0, encoders(context)?);
        parts.tables.extend([shares(context)?, distribution(context)?, correlations(context)?]);
        Ok(())
    }
}

/// Pairs of encoders that differ in nothing of the model but `random_init`, the pretrained one first.
fn twins(context: &Context<'_>) -> Vec<[String; 2]> {
    let axis = context.axis(ENCODER);
    let labels: Vec<String> = axis.into_iter().flat_map(|axis| axis.points.iter().map(|of| of.label.clone())).collect();
    let model = |label: &String| {
        let has = |row: &&Row| row.coordinates.get(ENCODER).is_some_and(|of| of.label == *label);
        context.rows.iter().find(has).map(|row| row.manifest.config.model.clone())
    };
    let mut found = Vec::new();
    for base in &labels {
        let Some(pretrained) = model(base).filter(|model| !model.random_init) else { continue };
        let random = ModelSettings { random_init: true, ..pretrained };
        let others = labels.iter().filter(|other| model(other).as_ref() == Some(&random));
        found.extend(others.map(|other| [base.clone(), other.clone()]));
    }
    found
}

fn encoders(context: &Context<'_>) -> Result<Table> {
    let points = context.axis(ENCODER).map(|axis| axis.points.clone()).unwrap_or_default();
    let of = |point: &Coordinate| context.rows.iter().find(|row| row.coordinates.get(ENCODER) == Some(point));
    let rows: Vec<(String, &Row)> = points.iter().filter_map(|point| Some((point.label.clone(), of(point)?))).collect();
    let config = |row: &Row| row.manifest.config.clone();
    let weights = |row: &Row| {
        // A source without weights, such as the bi-LSTM, is always initialised at random.
        let is_random = config(row).model.random_init || config(row).model.source == BILSTM;
        if is_random { "randomly initialised" } else { "pretrained" }
    };
    Builder::new(rows.len())
        .texts("encoder", "Encoder", rows.iter().map(|(name, _)| Some(name.clone())))?
        .texts("source", "Source", rows.iter().map(|(_, row)| Some(file_name(&config(row).model.source).to_owned())))?
        .texts("weights", "Weights", rows.iter().map(|(_, row)| Some(weights(row))))?
        .texts("shape", "Shape", rows.iter().map(|(_, row)| Some(row.manifest.model.shape.clone())))?
        .counts("parameters", "Trainable parameters", rows.iter().map(|(_, row)| row.manifest.model.n_parameters))?
        .short("Parameters")
        .texts("head", "Head", rows.iter().map(|(_, row)| Some(config(row).model.head.kind.name())))?
        .numbers(
            "learning_rate",
            "Learning rate",
            Format::Scientific(1),
            rows.iter().map(|(_, row)| Some(config(row).train.learning_rate)),
        )?
        .counts("batch_size", "Batch size", rows.iter().map(|(_, row)| config(row).train.batch_size))?
        .table(
            "encoders",
            "Encoders",
            "Sentences, their order and their labels are the same for all, and so are settings that are not in this table, \
             unless the configuration names others.",
        )
}

/// The points once for each pass that they have, train before eval.
fn by_pass<'a>(context: &'a Context<'_>) -> Vec<(&'a Point<'a>, Pass)> {
    let of_point = |point: &'a Point<'a>| {
        let logged = move |pass: &Pass| point.rows.iter().any(|row| row.forgetting(*pass).is_some());
        [Pass::Train, Pass::Eval].into_iter().filter(logged).map(move |pass| (point, pass))
    };
    context.points.iter().flat_map(of_point).collect()
}

fn estimate((point, pass): &(&Point<'_>, Pass), get: impl Fn(&OfPass) -> Option<f64>) -> Option<Estimate> {
    Estimate::of(point.rows.iter().map(|row| get(row.forgetting(*pass)?)))
}

fn pass_table(context: &Context<'_>, rows: &[(&Point<'_>, Pass)]) -> Result<Builder> {
    Builder::new(rows.len()).axes(rows.iter().map(|(point, _)| &point.coordinates), context.axes)?.texts(
        "pass",
        "Pass",
        rows.iter().map(|(_, pass)| Some(pass.name())),
    )
}

fn shares(context: &Context<'_>) -> Result<Table> {
    let mut rows: Vec<((&Point<'_>, Pass), &'static str)> = Vec::new();
    for (point, pass) in by_pass(context) {
        let has = |group: &&str| {
            point.rows.iter().any(|row| row.forgetting(pass).is_some_and(|of| of.shares(group).is_some()))
        };
        rows.extend(["all", "clean", "noisy"].into_iter().filter(has).map(|group| ((point, pass), group)));
    }
    type Share = fn(&Shares) -> f64;
    let columns: [([&str; 3], Share); 6] = [
        (["forgettable", "Forgettable", "Forg."], |shares| shares.forgettable),
        (["unforgettable", "Unforgettable", "Unforg."], |shares| shares.unforgettable),
        (["learned", "Learned", "Learned"], |shares| shares.learned),
        (["never_learned", "Never learned", "Never"], |shares| shares.never_learned),
        (["forgettable_toneva", "Forgettable (Toneva)", "Forg. (T.)"], |shares| shares.forgettable_toneva),
        (["unforgettable_toneva", "Unforgettable (Toneva)", "Unforg. (T.)"], |shares| shares.unforgettable_toneva),
    ];
    let places: Vec<(&Point<'_>, Pass)> = rows.iter().map(|(place, _)| *place).collect();
    let number = |((point, pass), group): &((&Point<'_>, Pass), &str)| {
        point.rows.first().and_then(|row| row.forgetting(*pass)?.shares(group)).map_or(0, |shares| shares.n as usize)
    };
    let mut table = pass_table(context, &places)?
        .texts("group", "Tokens", rows.iter().map(|(_, group)| Some(*group)))?
        .counts("n", "Number", rows.iter().map(number))?;
    for ([key, heading, short], share) in columns {
        let values = rows.iter().map(|(place, group)| estimate(place, |of| of.shares(group).map(share)));
        table = table.estimates(key, heading, Format::MeanPercent(2), values)?.short(short);
    }
    table.table(
        "shares",
        "Forgettable, unforgettable and learned tokens",
        "Shares of the training tokens, means over seeds ± sample standard deviation, against the given label. Forgettable: \
         right in one epoch and wrong in the next, at least once. The paper counts tokens that are never right as \
         unforgettable, Toneva et al. (ICLR 2019) as forgotten. Train pass: as the batch was seen, with dropout, before its \
         update, as in the paper; eval pass: after the epoch, without dropout. Number: of the first seed, since encoders may \
         cut long sentences.",
    )
}

/// The names of the numbers of forgetting events, over all runs.
fn event_names(context: &Context<'_>) -> Vec<String> {
    let passes = context.rows.iter().flat_map(|row| &row.forgetting);
    let most = passes.map(|of| of.distribution.forgotten.len()).max().unwrap_or(0);
    let epochs = context.rows.iter().map(|row| row.manifest.epochs_finished).max().unwrap_or(0);
    Distribution::names(most, epochs)
}

fn distribution(context: &Context<'_>) -> Result<Table> {
    let rows = by_pass(context);
    let mut table = pass_table(context, &rows)?;
    for (events, name) in event_names(context).iter().enumerate() {
        let values = rows.iter().map(|row| estimate(row, |of| of.distribution.forgotten.get(events).copied()));
        table = table.estimates(&format!("forgotten_{events}"), name, Format::MeanPercent(2), values)?;
    }
    let never = rows.iter().map(|row| estimate(row, |of| Some(of.distribution.never_learned)));
    table.estimates("never_learned", "Never learned", Format::MeanPercent(2), never)?.table(
        "distribution",
        "Tokens by number of forgetting events",
        "Share of the training tokens by their number of forgetting events; tokens that were never right are counted apart. \
         Means over seeds ± sample standard deviation; a row sums to 100 %.",
    )
}

fn correlations(context: &Context<'_>) -> Result<Table> {
    let rows = by_pass(context);
    let mean = |get: fn(&OfPass) -> Option<f64>| rows.iter().map(move |row| estimate(row, get));
    pass_table(context, &rows)?
        .estimates("first_learning", "with first learning", Format::Mean(3), mean(|of| of.with_first_learning))?
        .estimates("margin", "with mean margin", Format::Mean(3), mean(|of| of.with_margin))?
        .table(
            "correlations",
            "Correlates of forgetting",
            "Spearman's ρ of a token's number of forgetting events with the epoch of its first learning and with its mean margin \
             over the epochs (logit of the given label minus the highest other one), over the tokens that were learned; means \
             over seeds ± sample standard deviation.",
        )
}

fn add_events_figure(context: &Context<'_>, parts: &mut Parts) -> Result<()> {
    let Some(axis) = context.axis(ENCODER) else { return Ok(()) };
    let mut rows = Vec::new();
    for row in context.rows {
        let Some(number) = axis.position(&row.coordinates) else { continue };
        for of in &row.forgetting {
            let counted =
                of.distribution.forgotten.iter().enumerate().map(|(events, share)| (Some(events as u64), *share));
            let all = counted.chain([(None, of.distribution.never_learned)]);
            rows.extend(all.map(|(events, share)| (row, number, of.pass, events, share)));
        }
    }
    let names = axis.labels();
    let frame = polars::df!(
        "noise" => rows.iter().map(|row| row.0.noise()).collect::<Vec<_>>(),
        "number" => rows.iter().map(|row| row.1 as u64).collect::<Vec<_>>(),
        ENCODER => rows.iter().map(|row| names[row.1].as_str()).collect::<Vec<_>>(),
        "seed" => rows.iter().map(|row| row.0.seed).collect::<Vec<_>>(),
        "pass" => rows.iter().map(|row| row.2.name()).collect::<Vec<_>>(),
        "events" => rows.iter().map(|row| row.3).collect::<Vec<_>>(),
        "share" => rows.iter().map(|row| row.4).collect::<Vec<_>>(),
    )?;
    let labels = event_names(context);
    parts.figure(context.input, "forgetting_events", |stem| {
        forgetting_events::draw(&frame, &names, &labels, &context.style(), stem).map(Some)
    })
}

/// The matrix of agreement at the first place, which is the least noise.
fn add_overlap_figure(context: &Context<'_>, compared: &Compared<'_>, parts: &mut Parts) -> Result<()> {
    let (Some(axis), Some((_, overlaps))) = (context.axis(ENCODER), &compared.overlaps) else { return Ok(()) };
    let Some(first) = overlaps.first() else { return Ok(()) };
    // An encoder with itself is two of its seeds; two encoders are compared at one seed.
    let is_shown = |pair: &&super::compare::SetOverlap| {
        pair.at == first.at && (pair.first == pair.second) == (pair.seeds == super::compare::Seeds::Different)
    };
    let shown: Vec<_> = overlaps.iter().filter(is_shown).collect();
    let mean = |get: fn(&Overlap) -> Option<f64>| -> Vec<Option<f64>> {
        shown.iter().map(|pair| pair.estimate(get).map(|estimate| estimate.mean)).collect()
    };
    let pairs = polars::df!(
        "first" => shown.iter().map(|pair| pair.first as u64).collect::<Vec<_>>(),
        "second" => shown.iter().map(|pair| pair.second as u64).collect::<Vec<_>>(),
        "jaccard" => mean(Overlap::jaccard),
        "by_chance" => mean(Overlap::jaccard_by_chance),
        "kappa" => mean(Overlap::kappa),
    )?;
    let noise = first.at.get(NOISE).and_then(|of| of.value.as_f64()).unwrap_or_default();
    let condition = format!("at {} noise, counted in the {} pass", percent(noise), context.pass().name());
    parts.figure(context.input, "forgetting_overlap", |stem| {
        forgetting_overlap::draw(&pairs, &axis.labels(), &condition, &context.style(), stem).map(Some)
    })
}

#[cfg(test)]
mod tests {
    use crate::model::HeadKind;
    use crate::study::grid;
    use crate::study::testing::{experiment, ids};

    const ENCODERS: &str = r#"
        study = { kind = "forgetting", noise = [0, 0.3], seeds = [7, 8] }
        [[grid.encoder]]
        name = "tiny"
        [[grid.encoder]]
        name = "tiny-random"
        model.random_init = true
        [[grid.encoder]]
        name = "other"
        model = { source = "other", layers = 1, head.kind = "prototypes" }
        train = { learning_rate = 0.5, batch_size = 3 }
    "#;

    #[test]
    fn what_is_compared_is_trained_together() {
        let ids = ids(ENCODERS);
        assert_eq!(ids.len(), 12);
        assert_eq!(
            ids[..4],
            [
                "noise=0.00,encoder=tiny,seed=7",
                "noise=0.00,encoder=tiny-random,seed=7",
                "noise=0.00,encoder=other,seed=7",
                "noise=0.30,encoder=tiny,seed=7"
            ]
        );
    }

    #[test]
    fn an_encoder_has_what_is_its_own_and_the_rest_from_the_experiment() {
        let experiment = experiment(ENCODERS);
        let grid = grid(&experiment).unwrap();
        let (plain, other) = (&grid[0], &grid[5]);
        assert_eq!((&plain.model, &plain.train), (&experiment.model, &experiment.train));
        assert_eq!(
            (other.model.source.as_str(), other.model.layers, other.model.random_init),
            ("other", Some(1), false)
        );
        assert_eq!(other.model.head.kind, HeadKind::Prototypes);
        assert_eq!((other.train.learning_rate, other.train.batch_size), (0.5, 3));
        assert_eq!((other.train.epochs, other.perturb.rate), (experiment.train.epochs, 0.3));
    }

    #[test]
    fn a_part_of_the_study_keeps_its_encoders() {
        let text = format!("{ENCODERS}[grid]\n\"train.epochs\" = [2, 3]\n");
        assert_eq!(ids(&text)[0], "noise=0.00,encoder=tiny,epochs=2,seed=7");
        let parts = crate::study::grid::further_points(&experiment(&text)).unwrap();
        assert_eq!((parts.len(), parts[1].0.id()), (2, "epochs=3".into()));
        let part = grid(&parts[1].1).unwrap();
        assert_eq!((part[1].id.as_str(), part[1].train.epochs), ("noise=0.00,encoder=tiny-random,seed=7", 3));
    }
}
