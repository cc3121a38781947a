//! What `memoscope corpus` prints, as text.

use std::path::Path;

use crate::cli::output::Table;
use crate::corpus::describe::{Description, SplitDescription};
use crate::error::printable;
use crate::format::percent_fixed;
use crate::perturb::NoiseFile;

/// A corpus in numbers: one table for the splits, one for entities, one for labels, and what is odd about it.
pub(super) fn description(description: &Description) -> String {
    let Description { name, synthetic, scheme, labels, splits, duplicates, notes } = description;
    let kind = if *synthetic { ", synthetic" } else { "" };
    let mut text =
        format!("{}: {scheme}{kind}, {} labels: {}\n\n", printable(name), labels.len(), printable(&labels.join(" ")));
    let mut table = Table::ruled([
        "",
        "sentences",
        "tokens",
        "longest",
        "in entities",
        "names seen in train",
        "invalid",
        "duplicates",
    ]);
    for split in splits {
        table.row([
            split.name.clone(),
            split.sentences.to_string(),
            split.tokens.to_string(),
            split.longest_sentence.to_string(),
            percent(Some(split.entity_token_share)),
            percent(split.entity_names_seen_in_train),
            split.invalid_transitions.to_string(),
            split.duplicate_sentences.to_string(),
        ]);
    }
    table.align();
    text.push_str(&format!("{table}\n\n"));
    text.push_str(&counts("entities", splits, |split| split.entities.iter().collect()));
    text.push_str("\n\n");
    text.push_str(&counts("tokens", splits, |split| split.tags.iter().collect()));
    for split in splits {
        let Some(place) = &split.first_invalid_transition else { continue };
        text.push_str(&format!(
            "\n\nfirst invalid transition: {}:{}: {} → {}; {}",
            place.path,
            place.line,
            place.from,
            place.to,
            lines(&split.invalid_transition_lines, split.invalid_transitions)
        ));
    }
    for shared in duplicates.iter().filter(|shared| shared.sentences > 0) {
        text.push_str(&format!(
            "\n\n{} of {}'s sentences are also in {}",
            shared.sentences, shared.second, shared.first
        ));
    }
    for note in notes {
        text.push_str(&format!("\n\nnote: {note}"));
    }
    text
}

/// The lines of invalid transitions, of which there are `n`.
fn lines(known: &[usize], n: usize) -> String {
    let numbers: Vec<String> = known.iter().map(usize::to_string).collect();
    match n - known.len() {
        0 => format!("all in lines {}", numbers.join(", ")),
        more => format!("in lines {} and {more} more", numbers.join(", ")),
    }
}

/// A table with one row a name and one column a split.
fn counts<'a>(
    title: &str,
    splits: &'a [SplitDescription],
    of: impl Fn(&'a SplitDescription) -> Vec<(&'a String, &'a usize)>,
) -> String {
    let heading = [title.to_owned()].into_iter().chain(splits.iter().map(|split| split.name.clone()));
    let mut table = Table::ruled(heading);
    let columns: Vec<Vec<(&String, &usize)>> = splits.iter().map(of).collect();
    // Every split counts all names of the inventory, in the same order.
    for (row, (name, _)) in columns.first().into_iter().flatten().enumerate() {
        let cells = columns.iter().filter_map(|column| column.get(row)).map(|(_, count)| count.to_string());
        table.row([(*name).clone()].into_iter().chain(cells));
    }
    table.align();
    table.to_string()
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "–".to_owned(), |share| percent_fixed(share, 1))
}

/// What was put on a corpus: rates, and the counts of gold label by given label.
pub(super) fn noise(noise: &NoiseFile, out: &Path) -> String {
    let report = &noise.report;
    let mut text = format!(
        "{} noise, requested {}, realised {}: {} of {} training tokens, in {} of {} sentences\n{} of {} entities no longer stand as they were\n\n",
        report.kind,
        percent(Some(report.requested_rate)),
        percent(Some(report.realised_rate)),
        report.n_noisy,
        report.n_tokens,
        noise.mask.n_noisy_sentences,
        noise.mask.n_sentences,
        report.n_entities_lost,
        report.n_entities,
    );
    if let Some(cap) = &noise.cap {
        let [before, after] = cap.sentences;
        text.push_str(&format!(
            "{} of {} sentences with {} stay, {after} of {before} sentences in all\n",
            cap.kept.len(),
            cap.available,
            cap.class
        ));
        for (name, [before, after]) in &cap.entities {
            text.push_str(&format!("{name}: {after} of {before} entities\n"));
        }
        for name in cap.types_lost() {
            text.push_str(&format!("no training example of {name} is left either\n"));
        }
        text.push('\n');
    }
    let heading = ["gold \\ given".to_owned()].into_iter().chain(noise.labels.iter().cloned());
    let mut table = Table::ruled(heading);
    for (name, row) in noise.labels.iter().zip(&report.counts) {
        table.row([name.clone()].into_iter().chain(row.iter().map(usize::to_string)));
    }
    table.align();
    text.push_str(&format!("{table}\n\nwritten to {} (columns: token, gold label, given label)", out.display()));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::describe::describe_corpus;
    use crate::corpus::embedded::{EmbeddedSettings, generate};

    #[test]
    fn a_description_reads_as_a_table() {
        let corpus = generate(&EmbeddedSettings { seed: 1, train: 20, dev: 5, test: 0 }).unwrap();
        let text = description(&describe_corpus(&corpus));
        assert!(text.starts_with("embedded: IOB2, synthetic, 9 labels: O B-LOC"), "{text}");
        assert!(text.contains("| train "), "{text}");
        assert!(text.contains("| entities "), "{text}");
        assert!(!text.contains("| test"), "{text}");
    }
}
