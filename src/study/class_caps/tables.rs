//! The tables of a study of class caps. Means over seeds have their sample standard deviation in `NAME_sd` beside.

use polars::prelude::*;

use super::Gathered;
use super::summary::{
    self, Cell, Needed, RunNumbers, needed_for_ninety_percent, needed_to_find, needed_to_predict, variant_name,
};
use crate::error::Result;
use crate::metrics::Estimate;
use crate::report::{Column as Shown, Format, Table};
use crate::study::frames::{add_estimates, numbers};
use crate::study::{StudyInput, cap_table, run_table};

/// All tables, in the order they are shown.
pub(super) fn all(input: &StudyInput<'_>, gathered: &Gathered<'_>) -> Result<Vec<Table>> {
    let cells = summary::cells(&gathered.numbers, gathered.classes);
    let mut tables = vec![scores(&cells, gathered)?, sentences_needed(gathered)?, first_learning(&cells, gathered)?];
    if gathered.numbers.iter().any(|run| run.cluster.is_some()) {
        tables.push(rare_or_noise(&cells, gathered)?);
    }
    tables.extend(forgettable(gathered)?);
    tables.extend(cap_table::table(input)?);
    tables.push(run_table::table(input)?);
    Ok(tables)
}

/// A table whose rows are cells of the grid.
struct CellTable<'a> {
    cells: Vec<&'a Cell<'a>>,
    frame: DataFrame,
    shown: Vec<Shown>,
}

impl<'a> CellTable<'a> {
    fn new(cells: impl Iterator<Item = &'a Cell<'a>>, gathered: &Gathered<'_>) -> Result<Self> {
        let cells: Vec<&Cell<'_>> = cells.collect();
        let common = || cells.iter().map(|cell| cell.common());
        let frame = df!(
            "class" => common().map(|run| run.class.as_str()).collect::<Vec<_>>(),
            "sentences" => common().map(|run| run.sentences as u64).collect::<Vec<_>>(),
            "noise" => common().map(|run| run.noise).collect::<Vec<_>>(),
            "training" => common().map(|run| gathered.name(run.variant)).collect::<Vec<_>>(),
            "runs" => cells.iter().map(|cell| cell.runs.len() as u64).collect::<Vec<_>>(),
        )?;
        let mut shown =
            vec![Shown::new("class", "Class", Format::Text), Shown::new("sentences", "Sentences", Format::Integer)];
        if gathered.numbers.iter().any(|run| run.noise > 0.0) {
            shown.push(Shown::new("noise", "Noise", Format::Percent(0)));
        }
        if gathered.variants.len() > 1 {
            shown.push(Shown::new("training", "Training", Format::Text));
        }
        shown.push(Shown::new("runs", "Runs", Format::Integer));
        Ok(Self { cells, frame, shown })
    }

    fn mean(
        mut self,
        key: &str,
        heading: &str,
        format: Format,
        get: impl Fn(&Cell<'_>) -> Option<Estimate>,
    ) -> Result<Self> {
        let estimates: Vec<Option<Estimate>> = self.cells.iter().map(|cell| get(cell)).collect();
        add_estimates(&mut self.frame, key, &estimates)?;
        self.shown.push(Shown::new(key, heading, format));
        Ok(self)
    }

    /// A mean over seeds of one number of a run.
    fn number(self, key: &str, heading: &str, format: Format, get: fn(&RunNumbers) -> Option<f64>) -> Result<Self> {
        self.mean(key, heading, format, |cell| cell.estimate(get))
    }
}

fn scores(cells: &[Cell<'_>], gathered: &Gathered<'_>) -> Result<Table> {
    let f1 = Format::Mean(3);
    let table = CellTable::new(cells.iter(), gathered)?
        .number("class_dev", "Class, dev F1", f1, |run| run.class_dev)?
        .number("class_train", "Class, train F1", f1, |run| run.class_train)?
        .number("task_dev", "All, dev F1", f1, |run| run.task_dev)?
        .number("class_test", "Class, test F1", f1, |run| run.class_test)?
        .number("task_test", "All, test F1", f1, |run| run.task_test)?
        .number("seconds", "Training, s", Format::Mean(1), |run| Some(run.seconds))?;
    Table::from_frame(
        &table.frame,
        "scores",
        "Scores by number of sentences with the class",
        "After the last epoch, means over seeds ± sample standard deviation. Sentences: training sentences that hold the \
         class; the greatest number is all there are. Train F1 counts the given labels. Test was judged once, after the \
         last epoch. A class without a training sentence has no train F1.",
        table.shown,
    )
}

fn sentences_needed(gathered: &Gathered<'_>) -> Result<Table> {
    let groups = gathered.groups();
    type Which = fn(&[&RunNumbers]) -> Option<Needed>;
    let measures: [(&str, &str, Which); 3] = [
        ("predicted", "First predicted", |runs| Some(needed_to_predict(runs))),
        ("found", "First found", |runs| Some(needed_to_find(runs))),
        ("ninety", "90 % of all", needed_for_ninety_percent),
    ];
    let mut frame = df!(
        "class" => groups.iter().map(|runs| runs[0].class.as_str()).collect::<Vec<_>>(),
        "noise" => groups.iter().map(|runs| runs[0].noise).collect::<Vec<_>>(),
        "training" => groups.iter().map(|runs| gathered.name(runs[0].variant)).collect::<Vec<_>>(),
    )?;
    let mut shown = vec![
        Shown::new("class", "Class", Format::Text),
        Shown::new("noise", "Noise", Format::Percent(0)),
        Shown::new("training", "Training", Format::Text),
    ];
    for (key, heading, which) in measures {
        let needed: Vec<Option<Needed>> = groups.iter().map(|runs| which(runs)).collect();
        let mut add = |name: String, heading: &str, get: fn(&Needed) -> Option<usize>| -> Result<()> {
            let values: Vec<Option<u64>> =
                needed.iter().map(|needed| needed.as_ref().and_then(get).map(|n| n as u64)).collect();
            frame.with_column(Column::new(name.as_str().into(), values))?;
            shown.push(Shown::new(name, heading, Format::Integer));
            Ok(())
        };
        add(key.to_owned(), heading, |needed| needed.median)?;
        add(format!("{key}_low"), "from", |needed| needed.low)?;
        add(format!("{key}_high"), "to", |needed| needed.high)?;
        add(format!("{key}_seeds"), "seeds", |needed| Some(needed.n))?;
    }
    let seeds: Vec<u64> = groups.iter().map(|runs| needed_to_predict(runs).seeds as u64).collect();
    frame.with_column(Column::new("of_seeds".into(), seeds))?;
    shown.push(Shown::new("of_seeds", "of", Format::Integer));
    Table::from_frame(
        &frame,
        "sentences_needed",
        "How many sentences a class needs",
        "The fewest sentences, of the numbers tried and all there are, at which the class is predicted on dev at all, rightly \
         or not; at which an entity of it is found; and at which its dev F1 reaches 90 % of what the same seed reaches on \
         all sentences. Median over all seeds (the lower one of two), from the least to the greatest, and for how many \
         seeds a number sufficed: where it did not, the seed counts as more than all, and an empty cell says so. 90 % is \
         empty, too, where a run on all sentences is missing or finds nothing. No sentence at all is not counted: what is \
         predicted then is chance, or comes from wrong labels.",
        shown,
    )
}

fn first_learning(cells: &[Cell<'_>], gathered: &Gathered<'_>) -> Result<Table> {
    let with_words = cells.iter().filter(|cell| cell.common().n_words > 0);
    let table = CellTable::new(with_words, gathered)?
        .number("words", "Words", Format::Mean(0), |run| Some(run.n_words as f64))?
        .number("first_learning", "Median epoch", Format::Mean(1), |run| run.first_learning)?
        .number("learned_at_once", "In epoch 1", Format::MeanPercent(1), |run| run.learned_at_once)?
        .number("never_learned", "Never", Format::MeanPercent(1), |run| run.never_learned)?;
    Table::from_frame(
        &table.frame,
        "first_learning",
        "When a class's training words are first learned",
        "Of the class's correctly labelled training words: the median of the epoch in which they are first right (over \
         all of them; empty where most are never right), and the share of those that are right in the first epoch or \
         never. A linear head's events are counted in the train pass, those of a prototypical one, which has no train pass, \
         after each epoch: the two cannot be compared.",
        table.shown,
    )
}

fn rare_or_noise(cells: &[Cell<'_>], gathered: &Gathered<'_>) -> Result<Table> {
    let noisy = cells.iter().filter(|cell| cell.common().cluster.is_some() && cell.common().n_words > 0);
    let share = Format::MeanPercent(1);
    let mut table = CellTable::new(noisy, gathered)?
        .number("in_cluster", "Class in the noise cluster", share, |run| run.cluster?.class)?
        .number("others_in_cluster", "Other entities", share, |run| run.cluster?.other_entities)?
        .number("noisy_in_cluster", "Noisy tokens", share, |run| run.cluster?.noisy)?
        .mean("auc_loss", "AUC of the last loss", Format::Mean(3), |cell| cell.area("last loss"))?
        .mean("auc_best", "AUC of the best measure", Format::Mean(3), |cell| {
            cell.best_measure().map(|(_, area)| area)
        })?;
    let best: Vec<Option<&str>> = table.cells.iter().map(|cell| cell.best_measure().map(|(name, _)| name)).collect();
    table.frame.with_column(Column::new("best".into(), best))?;
    table.shown.push(Shown::new("best", "which is", Format::Text));
    Table::from_frame(
        &table.frame,
        "rare_or_noise",
        "Does a rare class look like noise?",
        "Shares whose loss falls into the cluster of high losses, after the epoch whose losses find the noise best: of the \
         class's correctly labelled words, of other correctly labelled entity words, and of the noisy tokens. AUC: the \
         probability that a noisy token looks more like noise by a measure than a word of the class does; 0.5 is \
         chance, and below it the class looks more like noise than the noise. Best: farthest from 0.5 of all measures \
         logged (analysis/separation.csv has them all); chosen with the truth known, so it flatters where seeds are few.",
        table.shown,
    )
}

/// Shares of forgettable tokens by tag, the ways of training side by side: of the runs on all sentences with the least
/// noise; nothing where there are none.
fn forgettable(gathered: &Gathered<'_>) -> Result<Option<Table>> {
    let runs = &gathered.shares;
    let least = runs.iter().map(|run| run.noise).min_by(f64::total_cmp).unwrap_or_default();
    let chosen: Vec<_> = runs.iter().filter(|run| run.noise == least && run.uncapped).collect();
    let Some(first) = chosen.first() else { return Ok(None) };
    let (mut tags, mut counts) = (Vec::<String>::new(), Vec::<u64>::new());
    for (group, n) in first.shares.column("group")?.str()?.iter().zip(numbers(&first.shares, "n")?) {
        let (Some(group), Some(n)) = (group, n) else { continue };
        if group == "all" || group.starts_with("tag:") {
            tags.push(group.to_owned());
            counts.push(n as u64);
        }
    }
    let mut frame = df!(
        "tokens" => tags.iter().map(|tag| tag.trim_start_matches("tag:")).collect::<Vec<_>>(),
        "n" => &counts,
    )?;
    let mut shown = vec![Shown::new("tokens", "Tokens", Format::Text), Shown::new("n", "Number", Format::Integer)];
    for (i, &variant) in gathered.variants.iter().enumerate() {
        let estimates: Vec<Option<Estimate>> = tags
            .iter()
            .map(|tag| {
                let share = |run: &&super::RunShares| -> Result<Option<f64>> {
                    let at = run.shares.column("group")?.str()?.iter().position(|group| group == Some(tag));
                    let values = numbers(&run.shares, "forgettable")?;
                    Ok(at.and_then(|at| values[at]))
                };
                let of_variant = chosen.iter().copied().filter(|run| run.variant == variant);
                Ok(Estimate::of(of_variant.map(|run| share(&run)).collect::<Result<Vec<_>>>()?))
            })
            .collect::<Result<_>>()?;
        let key = format!("forgettable_{}", i + 1);
        add_estimates(&mut frame, &key, &estimates)?;
        shown.push(Shown::new(key, variant_name(variant, &gathered.variants), Format::MeanPercent(2)));
    }
    Table::from_frame(
        &frame,
        "forgettable",
        "Forgettable tokens by tag",
        format!(
            "Share of the training tokens with a given tag that are right in one epoch and wrong in the next, at least \
             once, on all sentences, at {:.0} % noise; means over seeds ± sample standard deviation. A prototypical head is judged \
             after each epoch, a linear one in the train pass.",
            100.0 * least
        ),
        shown,
    )
    .map(Some)
}
