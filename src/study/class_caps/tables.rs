//! The tables of a study of class caps. Means over seeds have their sample standard deviation in `NAME_sd` beside.

use polars::prelude::*;

use super::Gathered;
use super::summary::{self, Cell, Needed, RunNumbers, needed_for_ninety_percent, needed_to_predict, variant_name};
use crate::error::Result;
use crate::report::{Column as Shown, Format, Table};
use crate::study::aggregate::Estimate;
use crate::study::frames::numbers;
use crate::study::{StudyInput, run_table};

/// All tables, in the order they are shown.
pub(super) fn all(input: &StudyInput<'_>, gathered: &Gathered<'_>) -> Result<Vec<Table>> {
    let cells = summary::cells(&gathered.numbers);
    let mut tables = vec![scores(&cells, gathered)?, sentences_needed(gathered)?, first_learning(&cells, gathered)?];
    if gathered.numbers.iter().any(|run| run.cluster.is_some()) {
        tables.push(rare_or_noise(&cells, gathered)?);
    }
    tables.push(forgettable(gathered)?);
    tables.push(caps(input)?);
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
        let means: Vec<Option<f64>> = estimates.iter().map(|e| e.map(|e| e.mean)).collect();
        let deviations: Vec<Option<f64>> = estimates.iter().map(|e| e.and_then(|e| e.deviation)).collect();
        self.frame.with_column(Column::new(key.into(), means))?;
        self.frame.with_column(Column::new(format!("{key}_sd").into(), deviations))?;
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
    let predicted: Vec<Option<Needed>> = groups.iter().map(|runs| needed_to_predict(runs)).collect();
    let ninety: Vec<Option<Needed>> = groups.iter().map(|runs| needed_for_ninety_percent(runs)).collect();
    let column = |of: &[Option<Needed>], get: fn(&Needed) -> f64| -> Vec<Option<f64>> {
        of.iter().map(|needed| needed.as_ref().map(get)).collect()
    };
    let either: Vec<Option<Needed>> = predicted.iter().zip(&ninety).map(|(a, b)| a.or(*b)).collect();
    let frame = df!(
        "class" => groups.iter().map(|runs| runs[0].class.as_str()).collect::<Vec<_>>(),
        "noise" => groups.iter().map(|runs| runs[0].noise).collect::<Vec<_>>(),
        "training" => groups.iter().map(|runs| gathered.name(runs[0].variant)).collect::<Vec<_>>(),
        "predicted" => column(&predicted, |needed| needed.median),
        "predicted_low" => column(&predicted, |needed| needed.low),
        "predicted_high" => column(&predicted, |needed| needed.high),
        "ninety" => column(&ninety, |needed| needed.median),
        "ninety_low" => column(&ninety, |needed| needed.low),
        "ninety_high" => column(&ninety, |needed| needed.high),
        "seeds" => column(&either, |needed| needed.seeds as f64),
    )?;
    Table::from_frame(
        &frame,
        "sentences_needed",
        "How many sentences a class needs",
        "The fewest sentences, of the numbers tried, at which the class is predicted on dev at all, and at which its dev F1 \
         reaches 90 % of what the same seed reaches on all sentences. Median over seeds (the lower one of two), from the least to the greatest; \
         a number between two of those tried would be found only by trying it. Empty: at none of them, or not known for \
         want of a run on all sentences.",
        vec![
            Shown::new("class", "Class", Format::Text),
            Shown::new("noise", "Noise", Format::Percent(0)),
            Shown::new("training", "Training", Format::Text),
            Shown::new("predicted", "First predicted", Format::Integer),
            Shown::new("predicted_low", "from", Format::Integer),
            Shown::new("predicted_high", "to", Format::Integer),
            Shown::new("ninety", "90 % of all", Format::Integer),
            Shown::new("ninety_low", "from", Format::Integer),
            Shown::new("ninety_high", "to", Format::Integer),
            Shown::new("seeds", "Seeds", Format::Integer),
        ],
    )
}

fn first_learning(cells: &[Cell<'_>], gathered: &Gathered<'_>) -> Result<Table> {
    let with_words = cells.iter().filter(|cell| cell.common().n_words > 0);
    let table = CellTable::new(with_words, gathered)?
        .number("words", "Words", Format::Mean(0), |run| Some(run.n_words as f64))?
        .number("first_learning", "Median first epoch", Format::Mean(1), |run| run.first_learning)?
        .number("learned_at_once", "In epoch 1", Format::MeanPercent(1), |run| run.learned_at_once)?
        .number("never_learned", "Never", Format::MeanPercent(1), |run| run.never_learned)?;
    Table::from_frame(
        &table.frame,
        "first_learning",
        "When a class's training words are first learned",
        "Of the class's correctly labelled training words: the median of the epoch in which they are first right, and \
         the share of those that are right in the first epoch or never. A linear head's events are counted in the train \
         pass, those of a prototypical one, which has no train pass, after each epoch: the two cannot be compared.",
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
        .mean("auc_loss", "AUC of the last loss", Format::Mean(3), |cell| cell.area("loss, last"))?
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

/// Shares of forgettable tokens by tag, the ways of training side by side: of the runs on the most sentences without
/// noise, or with the least.
fn forgettable(gathered: &Gathered<'_>) -> Result<Table> {
    let runs = &gathered.shares;
    let least = runs.iter().map(|run| run.noise).min_by(f64::total_cmp).unwrap_or_default();
    let uncapped = runs.iter().any(|run| run.uncapped && run.noise == least);
    let chosen: Vec<_> = runs.iter().filter(|run| run.noise == least && run.uncapped == uncapped).collect();
    let mut tags: Vec<String> = Vec::new();
    let mut counts: Vec<f64> = Vec::new();
    if let Some(first) = chosen.first() {
        let n = numbers(&first.shares, "n")?;
        for (group, n) in first.shares.column("group")?.str()?.iter().zip(n) {
            let (Some(group), Some(n)) = (group, n) else { continue };
            if group == "all" || group.starts_with("tag:") {
                tags.push(group.to_owned());
                counts.push(n);
            }
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
        frame.with_column(Column::new(
            key.as_str().into(),
            estimates.iter().map(|e| e.map(|e| e.mean)).collect::<Vec<_>>(),
        ))?;
        let deviations: Vec<Option<f64>> = estimates.iter().map(|e| e.and_then(|e| e.deviation)).collect();
        frame.with_column(Column::new(format!("{key}_sd").into(), deviations))?;
        shown.push(Shown::new(key, variant_name(variant, &gathered.variants), Format::MeanPercent(2)));
    }
    let on = if uncapped { "on all sentences" } else { "of all capped runs" };
    Table::from_frame(
        &frame,
        "forgettable",
        "Forgettable tokens by tag",
        format!(
            "Share of the training tokens with a given tag that are right in one epoch and wrong in the next, at least \
             once, {on}, at {:.0} % noise; means over seeds ± sample standard deviation. A prototypical head is judged \
             after each epoch, a linear one in the train pass.",
            100.0 * least
        ),
        shown,
    )
}

fn caps(input: &StudyInput<'_>) -> Result<Table> {
    let capped: Vec<_> = input.runs.iter().filter_map(|run| Some((run, run.manifest.cap.as_ref()?))).collect();
    let lost = |types: Vec<&str>| (!types.is_empty()).then(|| types.join(", "));
    let frame = df!(
        "run" => capped.iter().map(|(run, _)| run.manifest.config.id.as_str()).collect::<Vec<_>>(),
        "kept" => capped.iter().map(|(_, cap)| cap.kept.len() as u64).collect::<Vec<_>>(),
        "available" => capped.iter().map(|(_, cap)| cap.available as u64).collect::<Vec<_>>(),
        "sentences" => capped.iter().map(|(_, cap)| cap.sentences[1] as u64).collect::<Vec<_>>(),
        "sentences_before" => capped.iter().map(|(_, cap)| cap.sentences[0] as u64).collect::<Vec<_>>(),
        "tokens" => capped.iter().map(|(_, cap)| cap.tokens[1] as u64).collect::<Vec<_>>(),
        "lost" => capped.iter().map(|(_, cap)| lost(cap.types_lost())).collect::<Vec<_>>(),
    )?;
    Table::from_frame(
        &frame,
        "caps",
        "What the caps left of the training split",
        "The sentences that stay are nested: at one seed those of a smaller number are among those of a larger one; each \
         manifest lists them. Dev and test are untouched.",
        vec![
            Shown::new("run", "Run", Format::Text),
            Shown::new("kept", "With the class", Format::Integer),
            Shown::new("available", "of", Format::Integer),
            Shown::new("sentences", "All sentences", Format::Integer),
            Shown::new("sentences_before", "of", Format::Integer),
            Shown::new("tokens", "Tokens", Format::Integer),
            Shown::new("lost", "Other types lost", Format::Text),
        ],
    )
}
