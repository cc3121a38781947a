//! The tables of a forgetting study. Means over seeds have their sample standard deviation in `NAME_sd` beside, or the ends
//! of their interval in `NAME_low` and `NAME_high`.

use polars::prelude::*;

use super::summary::{Cell, Contrast, Distribution, MEASURES, PassNumbers};
use super::{Encoder, Gathered, Numbers};
use crate::analysis::events::Shares;
use crate::dynamics::Pass;
use crate::error::Result;
use crate::metrics::{Estimate, Overlap};
use crate::report::{Column as Shown, Format, Table};
use crate::study::frames::add_estimates;
use crate::study::{StudyInput, cap_table, run_table};

/// All tables, in the order they are shown.
pub(super) fn all(input: &StudyInput<'_>, gathered: &Gathered<'_>, numbers: &Numbers<'_>) -> Result<Vec<Table>> {
    let mut tables = vec![encoders(gathered)?, measures(gathered, numbers)?];
    if !numbers.contrasts.is_empty() {
        tables.push(differences(gathered, &numbers.contrasts)?);
    }
    tables.extend([shares(gathered, numbers)?, distribution(gathered, numbers)?]);
    if !numbers.overlaps.is_empty() {
        tables.push(overlap(gathered, numbers)?);
    }
    tables.extend([correlations(gathered, numbers)?, run_table::table(input)?]);
    tables.extend(cap_table::table(input)?);
    Ok(tables)
}

/// A table in the making, column by column.
struct Builder {
    frame: DataFrame,
    shown: Vec<Shown>,
}

impl Builder {
    fn new(n_rows: usize) -> Self {
        Self { frame: DataFrame::empty_with_height(n_rows), shown: Vec::new() }
    }

    fn column(mut self, key: &str, heading: &str, format: Format, values: Series) -> Result<Self> {
        self.frame.with_column(values.with_name(key.into()).into())?;
        self.shown.push(Shown::new(key, heading, format));
        Ok(self)
    }

    fn texts<T: AsRef<str>>(self, key: &str, heading: &str, values: impl IntoIterator<Item = T>) -> Result<Self> {
        let values: Vec<String> = values.into_iter().map(|value| value.as_ref().to_owned()).collect();
        self.column(key, heading, Format::Text, Series::new(key.into(), values))
    }

    fn numbers(
        self,
        key: &str,
        heading: &str,
        format: Format,
        values: impl IntoIterator<Item = Option<f64>>,
    ) -> Result<Self> {
        let values: Vec<Option<f64>> = values.into_iter().collect();
        self.column(key, heading, format, Series::new(key.into(), values))
    }

    fn counts(self, key: &str, heading: &str, values: impl IntoIterator<Item = Option<u64>>) -> Result<Self> {
        let values: Vec<Option<u64>> = values.into_iter().collect();
        self.column(key, heading, Format::Integer, Series::new(key.into(), values))
    }

    /// Means with their deviation, or with their interval: as the format has it.
    fn estimates(
        mut self,
        key: &str,
        heading: &str,
        format: Format,
        values: impl IntoIterator<Item = Option<Estimate>>,
    ) -> Result<Self> {
        let values: Vec<Option<Estimate>> = values.into_iter().collect();
        add_estimates(&mut self.frame, key, &values)?;
        let intervals = || values.iter().map(|value| value.and_then(|value| value.interval()));
        let low: Vec<Option<f64>> = intervals().map(|interval| interval.map(|i| i.low)).collect();
        let high: Vec<Option<f64>> = intervals().map(|interval| interval.map(|i| i.high)).collect();
        self.frame.with_column(Column::new(format!("{key}_low").into(), low))?;
        self.frame.with_column(Column::new(format!("{key}_high").into(), high))?;
        self.shown.push(Shown::new(key, heading, format));
        Ok(self)
    }

    fn table(self, name: &str, title: &str, caption: impl Into<String>) -> Result<Table> {
        Table::from_frame(&self.frame, name, title, caption, self.shown)
    }
}

fn encoders(gathered: &Gathered<'_>) -> Result<Table> {
    let all = || gathered.encoders.iter();
    let start = |encoder: &Encoder<'_>| if encoder.config.model.random_init { "random" } else { "pretrained" };
    Builder::new(all().len())
        .texts("encoder", "Encoder", all().map(|encoder| encoder.name))?
        .texts("source", "Source", all().map(|encoder| encoder.source))?
        .texts("weights", "Weights", all().map(start))?
        .texts("shape", "Shape", all().map(|encoder| encoder.shape.unwrap_or("not trained yet")))?
        .counts("parameters", "Trained numbers", all().map(|encoder| encoder.n_parameters.map(|n| n as u64)))?
        .texts("head", "Head", all().map(|encoder| encoder.config.model.head.kind.name()))?
        .numbers(
            "learning_rate",
            "Learning rate",
            Format::Scientific(1),
            all().map(|encoder| Some(encoder.config.train.learning_rate)),
        )?
        .counts("batch_size", "Batch", all().map(|encoder| Some(encoder.config.train.batch_size as u64)))?
        .table(
            "encoders",
            "Encoders",
            "What is compared. Epochs, schedule, sentences, their order and their labels are the same for all; the peak \
             learning rate and the batch size are each encoder's own.",
        )
}

/// A table with one row a cell: encoder, noise, runs.
fn cell_table<'a>(gathered: &Gathered<'_>, cells: impl Iterator<Item = &'a Cell<'a>> + Clone) -> Result<Builder> {
    Builder::new(cells.clone().count())
        .texts("encoder", "Encoder", cells.clone().map(|cell| gathered.name(cell.encoder)))?
        .numbers("noise", "Noise", Format::Percent(0), cells.map(|cell| Some(cell.noise)))
}

fn measures(gathered: &Gathered<'_>, numbers: &Numbers<'_>) -> Result<Table> {
    let cells = || numbers.cells.iter();
    let mut table = cell_table(gathered, cells())?
        .estimates(
            "realised",
            "realised",
            Format::MeanPercent(1),
            cells().map(|cell| cell.estimate(|run| Some(run.scores.realised))),
        )?
        .counts("runs", "Runs", cells().map(|cell| Some(cell.runs.len() as u64)))?
        .counts("with_onset", "with an onset", cells().map(|cell| Some(cell.onsets() as u64)))?;
    for measure in &MEASURES {
        let values = cells().map(|cell| cell.estimate(|run| measure.of(run, gathered.pass)));
        table = table.estimates(measure.key, measure.heading, measure.format, values)?;
    }
    table.table(
        "measures",
        "Settling, memorisation, forgetting and noise detection",
        format!(
            "Means over seeds with Student's 95 % interval of the mean; one seed has none. Settling: epochs from the end of \
             fitting to the onset of memorisation; 0 where the onset comes no later, and up to the end of the training, \
             hence at least as long, in runs without an onset. Forgettable: share of the training tokens that are forgotten \
             once or more, counted in the {}. Noise detection: F1 of the cluster of high losses at its best epoch.",
            in_words(gathered.pass)
        ),
    )
}

fn differences(gathered: &Gathered<'_>, contrasts: &[Contrast]) -> Result<Table> {
    let all = || contrasts.iter();
    let mut table = Builder::new(contrasts.len())
        .texts("pretrained", "Pretrained", all().map(|contrast| gathered.name(contrast.pretrained)))?
        .texts("random", "Random", all().map(|contrast| gathered.name(contrast.random)))?
        .numbers("noise", "Noise", Format::Percent(0), all().map(|contrast| Some(contrast.noise)))?
        .counts("seeds", "Seeds", all().map(|contrast| Some(contrast.seeds as u64)))?
        .counts("pretrained_open", "Pretrained, no onset", all().map(|c| Some(c.without_onset[0] as u64)))?
        .counts("random_open", "Random, no onset", all().map(|c| Some(c.without_onset[1] as u64)))?;
    for measure in &MEASURES {
        let values = all().map(|contrast| contrast.by(measure));
        table = table.estimates(measure.key, measure.heading, measure.format, values)?;
    }
    table.table(
        "differences",
        "Pretrained minus random",
        "Differences between an encoder and the same one initialised at random, seed by seed: means over the seeds in which \
         both have the number, with Student's 95 % interval of the mean. An interval that holds 0 does not tell the two \
         apart. No onset: runs in which memorisation was not seen; settling is then taken to last to the end of the training.",
    )
}

/// What a run says in one pass.
type Get<'a, T> = &'a dyn Fn(&PassNumbers) -> Option<T>;

/// The cells once for each pass that they have, train before eval.
fn by_pass<'a>(numbers: &'a Numbers<'_>) -> Vec<(&'a Cell<'a>, Pass)> {
    let passes = |cell: &'a Cell<'a>| {
        let logged = move |pass: &Pass| cell.runs.iter().any(|run| run.pass(*pass).is_some());
        [Pass::Train, Pass::Eval].into_iter().filter(logged).map(move |pass| (cell, pass))
    };
    numbers.cells.iter().flat_map(passes).collect()
}

fn pass_estimate((cell, pass): &(&Cell<'_>, Pass), get: Get<'_, f64>) -> Option<Estimate> {
    cell.estimate(|run| get(run.pass(*pass)?))
}

fn pass_table(gathered: &Gathered<'_>, rows: &[(&Cell<'_>, Pass)]) -> Result<Builder> {
    Builder::new(rows.len())
        .texts("encoder", "Encoder", rows.iter().map(|(cell, _)| gathered.name(cell.encoder)))?
        .numbers("noise", "Noise", Format::Percent(0), rows.iter().map(|(cell, _)| Some(cell.noise)))?
        .texts("pass", "Pass", rows.iter().map(|(_, pass)| pass.name()))
}

fn shares(gathered: &Gathered<'_>, numbers: &Numbers<'_>) -> Result<Table> {
    let rows: Vec<(&Cell<'_>, Pass, &str)> = by_pass(numbers)
        .into_iter()
        .flat_map(|(cell, pass)| {
            let has = move |group: &&str| {
                cell.runs.iter().any(|run| run.pass(pass).is_some_and(|p| p.shares(group).is_some()))
            };
            ["all", "clean", "noisy"].into_iter().filter(has).map(move |group| (cell, pass, group))
        })
        .collect();
    let cells: Vec<(&Cell<'_>, Pass)> = rows.iter().map(|(cell, pass, _)| (*cell, *pass)).collect();
    type Share = fn(&Shares) -> f64;
    let columns: [(&str, &str, Share); 6] = [
        ("forgettable", "Forgettable", |shares| shares.forgettable),
        ("unforgettable", "Unforgettable", |shares| shares.unforgettable),
        ("learned", "Learned", |shares| shares.learned),
        ("never_learned", "Never learned", |shares| shares.never_learned),
        ("forgettable_toneva", "Forgettable (Toneva)", |shares| shares.forgettable_toneva),
        ("unforgettable_toneva", "Unforgettable (Toneva)", |shares| shares.unforgettable_toneva),
    ];
    let number =
        |(cell, pass, group): &(&Cell<'_>, Pass, &str)| cell.runs.first()?.pass(*pass)?.shares(group).map(|s| s.n);
    let mut table = pass_table(gathered, &cells)?.texts("group", "Tokens", rows.iter().map(|row| row.2))?.counts(
        "n",
        "Number",
        rows.iter().map(number),
    )?;
    for (key, heading, share) in columns {
        let values = rows
            .iter()
            .map(|(cell, pass, group)| pass_estimate(&(*cell, *pass), &|numbers| numbers.shares(group).map(share)));
        table = table.estimates(key, heading, Format::MeanPercent(2), values)?;
    }
    table.table(
        "shares",
        "Forgettable, unforgettable and learned tokens",
        "Shares of the training tokens, means over seeds ± sample standard deviation, against the given label. Forgettable: \
         right in one epoch and wrong in the next, at least once. The original counts tokens that are never right as \
         unforgettable, Toneva et al. (ICLR 2019) as forgotten. Train pass: as the batch was seen, dropout on, before its \
         update, as in the paper; eval pass: after the epoch, dropout off. Number: of the first seed, as encoders may cut \
         long sentences.",
    )
}

fn distribution(gathered: &Gathered<'_>, numbers: &Numbers<'_>) -> Result<Table> {
    let rows = by_pass(numbers);
    let n = gathered.runs.iter().flat_map(|run| &run.passes).map(|pass| pass.distribution.forgotten.len()).max();
    let names = Distribution::names(n.unwrap_or(0), gathered.subject.epochs);
    let mut table = pass_table(gathered, &rows)?;
    for (events, name) in names.iter().enumerate() {
        let values =
            rows.iter().map(|row| pass_estimate(row, &|numbers| numbers.distribution.forgotten.get(events).copied()));
        table = table.estimates(&format!("forgotten_{events}"), name, Format::MeanPercent(2), values)?;
    }
    let never = rows.iter().map(|row| pass_estimate(row, &|numbers| Some(numbers.distribution.never_learned)));
    table.estimates("never_learned", "Never learned", Format::MeanPercent(2), never)?.table(
        "distribution",
        "How often tokens are forgotten",
        "Share of the training tokens by their number of forgetting events; tokens that were never right stand apart. Means \
         over seeds ± sample standard deviation; a row sums to 100 %.",
    )
}

fn overlap(gathered: &Gathered<'_>, numbers: &Numbers<'_>) -> Result<Table> {
    let all = || numbers.overlaps.iter();
    let mean = |get: fn(&Overlap) -> Option<f64>| all().map(move |pair| pair.estimate(get));
    Builder::new(all().len())
        .numbers("noise", "Noise", Format::Percent(0), all().map(|pair| Some(pair.noise)))?
        .texts("first", "Encoder", all().map(|pair| gathered.name(pair.first)))?
        .texts("second", "and", all().map(|pair| gathered.name(pair.second)))?
        .texts("seeds", "Seeds", all().map(|pair| pair.seeds.name()))?
        .counts("pairs", "Pairs", all().map(|pair| Some(pair.pairs.len() as u64)))?
        .estimates("tokens", "Tokens", Format::Mean(0), mean(|overlap| Some(overlap.n as f64)))?
        .estimates("jaccard", "Jaccard", Format::Mean(3), mean(Overlap::jaccard))?
        .estimates("by_chance", "by chance", Format::Mean(3), mean(Overlap::jaccard_by_chance))?
        .estimates("kappa", "Cohen's κ", Format::Mean(3), mean(Overlap::kappa))?
        .table(
            "overlap",
            "Are the same tokens forgotten?",
            format!(
                "Agreement of the sets of forgettable tokens of two runs, counted in the {}, among the tokens that both \
                 scored; means over pairs of runs ± sample standard deviation. Jaccard index: tokens in both sets among those \
                 in either; by chance: what independent sets of these sizes would have; Cohen's κ: agreement beyond chance, \
                 0 to 1, which can be compared between encoders that forget much and little. Wrong labels differ between \
                 seeds, so that seeds are compared where there are none.",
                in_words(gathered.pass)
            ),
        )
}

fn correlations(gathered: &Gathered<'_>, numbers: &Numbers<'_>) -> Result<Table> {
    let rows = by_pass(numbers);
    let mean = |get: fn(&PassNumbers) -> Option<f64>| rows.iter().map(move |row| pass_estimate(row, &get));
    pass_table(gathered, &rows)?
        .estimates("first_learning", "with first learning", Format::Mean(3), mean(|pass| pass.with_first_learning))?
        .estimates("margin", "with mean margin", Format::Mean(3), mean(|pass| pass.with_margin))?
        .table(
            "correlations",
            "What goes with forgetting",
            "Spearman's rank correlation of a token's number of forgetting events with the epoch in which it was first right, \
             and with its margin (logit of the given label minus the best other), the mean over epochs; over the tokens that \
             were right at least once. Means over seeds ± sample standard deviation; a dash where nothing was forgotten.",
        )
}

/// The pass, for a sentence.
pub(super) fn in_words(pass: Pass) -> &'static str {
    match pass {
        Pass::Train => "train pass (dropout on, before the update)",
        Pass::Eval => "eval pass (after the epoch, dropout off)",
    }
}
