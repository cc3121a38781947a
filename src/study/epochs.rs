//! The views of a report with an epoch slider: losses and data map of the run whose single tokens are drawn.

use std::collections::BTreeMap;

use super::draw::FinishedRun;
use crate::analysis::datamap::DataMap as Places;
use crate::analysis::{AnalysisSettings, rows_of};
use crate::dynamics::{Log, TokenTable};
use crate::error::Result;
use crate::report::{DataMap, Example, Interactive, LossHistogram};

/// As many tokens of each group are listed for a cell of the data map at the end of training.
const EXAMPLES_IN_CELL: usize = 3;
/// As many tokens of a sentence are shown before and after a token.
const CONTEXT: usize = 20;
/// Cells of the data map in each direction, from which examples are taken.
const CELLS: f64 = 25.0;

/// An epoch, and confidence and variability of each token after it.
type EpochPlaces = (u32, Vec<Option<(f32, f32)>>);

/// Loss histogram and data map after each epoch, in the pass of the scores; tokens with a wrong label apart where the noise is
/// known. `with_examples` adds tokens in their sentences.
///
/// # Errors
/// [`crate::Error::Data`] if the log is damaged; [`crate::Error::Io`].
pub(super) fn views(run: &FinishedRun, settings: &AnalysisSettings, with_examples: bool) -> Result<Vec<Interactive>> {
    let log = Log::open(&run.folder)?;
    let tokens = log.tokens();
    let noisy = tokens.noisy().filter(|noisy| noisy.contains(&true));
    let groups: &[&str] = if noisy.is_some() { &["correct label", "noisy label"] } else { &["all tokens"] };
    let group_of = |row: usize| usize::from(noisy.as_ref().is_some_and(|noisy| noisy[row]));
    let panel = run.manifest.config.id.as_str();
    let mut histogram = LossHistogram::new(groups.iter().copied());
    let mut map = DataMap::new(groups.iter().copied());
    let mut places = Places::new(tokens.len());
    // For examples alone.
    let mut paths: Vec<EpochPlaces> = Vec::new();
    for &epoch in log.epochs() {
        let observed = log.epoch(epoch)?;
        let Some((_, observations)) = observed.prefer(settings.scores_pass) else { continue };
        let mut losses = vec![Vec::new(); groups.len()];
        for (i, row) in rows_of(tokens, observations).into_iter().enumerate() {
            losses[group_of(row)].push(f64::from(observations.loss[i]));
            places.observe(row, observations.p_given[i], observations.correct[i]);
        }
        for (group, losses) in losses.into_iter().enumerate() {
            histogram.count(panel, epoch, group, losses)?;
            let of_group = (0..tokens.len()).filter(|row| group_of(*row) == group);
            let points = of_group.filter_map(|row| places.point(row));
            map.count(panel, epoch, group, points.map(|point| (point.confidence, point.variability)))?;
        }
        if with_examples {
            let place = |row| places.point(row).map(|point| (point.confidence as f32, point.variability as f32));
            paths.push((epoch, (0..tokens.len()).map(place).collect()));
        }
    }
    for row in examples(&paths, group_of) {
        let path = paths.iter().filter_map(|(epoch, places)| {
            places[row].map(|(confidence, variability)| (*epoch, f64::from(confidence), f64::from(variability)))
        });
        map.example(panel, example(tokens, row), path.collect::<Vec<_>>());
    }
    let about = format!("Training tokens of the run {panel}");
    Ok(vec![
        Interactive::loss_histogram(
            "loss_by_epoch",
            "Loss of the training tokens by epoch",
            format!("{about}: cross-entropy against the given label, as a share of the tokens of each group."),
            histogram,
        ),
        Interactive::data_map(
            "data_map_by_epoch",
            "Data map by epoch",
            format!(
                "{about}: mean (confidence) and standard deviation (variability) of the probability of the given label over the \
                 epochs up to the chosen one. The area of a dot grows with the logarithm of its number of tokens."
            ),
            map,
        ),
    ])
}

/// Tokens of all cells of the map after the last epoch, in the order of the token table.
fn examples(paths: &[EpochPlaces], group_of: impl Fn(usize) -> usize) -> Vec<usize> {
    let Some((_, last)) = paths.last() else { return Vec::new() };
    let mut taken: BTreeMap<(usize, u32, u32), usize> = BTreeMap::new();
    let mut chosen = Vec::new();
    for (row, place) in last.iter().enumerate() {
        let Some((confidence, variability)) = place else { continue };
        let step = |share: f64| (share * CELLS) as u32;
        let cell = (group_of(row), step(f64::from(*confidence)), step(2.0 * f64::from(*variability)));
        let n = taken.entry(cell).or_default();
        if *n < EXAMPLES_IN_CELL {
            *n += 1;
            chosen.push(row);
        }
    }
    chosen
}

/// A token with its sentence, shortened where that is long.
fn example(tokens: &TokenTable, row: usize) -> Example {
    let same = |other: &usize| tokens.sentence[*other] == tokens.sentence[row];
    let start = (0..row).rev().take_while(same).take(CONTEXT + 1).last().unwrap_or(row);
    let end = (row + 1..tokens.len()).take_while(same).take(CONTEXT + 1).last().map_or(row + 1, |last| last + 1);
    let shortened = |n: usize| if n > CONTEXT { "…" } else { "" };
    let before = &tokens.word[start + usize::from(row - start > CONTEXT)..row];
    let after = &tokens.word[row + 1..end - usize::from(end - row - 1 > CONTEXT)];
    let label = |id: u8| tokens.labels.get(usize::from(id)).cloned().unwrap_or_default();
    Example {
        token: tokens.word[row].clone(),
        before: format!("{} {}", shortened(row - start), before.join(" ")).trim().to_owned(),
        after: format!("{} {}", after.join(" "), shortened(end - row - 1)).trim().to_owned(),
        given: label(tokens.given[row]),
        gold: tokens.gold.as_ref().map(|gold| label(gold[row])),
        note: format!("sentence {}, token {}", tokens.sentence[row], tokens.token[row]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(lengths: &[usize]) -> TokenTable {
        let positions = || lengths.iter().enumerate().flat_map(|(s, n)| (0..*n).map(move |t| (s, t)));
        let n = positions().count();
        TokenTable {
            sentence: positions().map(|(s, _)| s as u32).collect(),
            token: positions().map(|(_, t)| t as u16).collect(),
            word: (0..n).map(|i| format!("w{i}")).collect(),
            given: vec![0; n],
            gold: Some(vec![1; n]),
            labels: vec!["O".into(), "B-LOC".into()],
        }
    }

    #[test]
    fn an_example_stays_in_its_sentence() {
        let short = example(&table(&[2, 3, 2]), 3);
        assert_eq!((short.before.as_str(), short.token.as_str(), short.after.as_str()), ("w2", "w3", "w4"));
        assert_eq!((short.given.as_str(), short.gold.as_deref()), ("O", Some("B-LOC")));
        assert_eq!(short.note, "sentence 1, token 1");
        let alone = example(&table(&[1, 1]), 1);
        assert_eq!((alone.before.as_str(), alone.after.as_str()), ("", ""));
        let long = example(&table(&[100]), 50);
        assert!(long.before.starts_with("… w30 ") && long.before.ends_with(" w49"), "{}", long.before);
        assert!(long.after.starts_with("w51 ") && long.after.ends_with(" w70 …"), "{}", long.after);
    }

    #[test]
    fn each_cell_gives_a_few_examples_of_each_group() {
        let places = [(0.1, 0.1), (0.1, 0.1), (0.1, 0.1), (0.1, 0.1), (0.9, 0.1)].map(Some);
        let paths = vec![(1, places.to_vec())];
        assert_eq!(examples(&paths, |_| 0), [0, 1, 2, 4]);
        assert_eq!(examples(&paths, |row| row % 2), [0, 1, 2, 3, 4]);
        assert_eq!(examples(&[], |_| 0), Vec::<usize>::new());
    }
}
