//! The scores of a tagger on annotated text.

use serde_json::json;

use super::{PredictArgs, SplitFlag, decide, open};
use crate::cli::output::{self, errln, print};
use crate::corpus::files::{self, AnnotatedFiles, MAX_LABELS};
use crate::corpus::{Gold, LabelSet, Labels, Sentence, Split};
use crate::error::{Error, Problem, printable};
use crate::metrics::entity::{self, EntityScores, Mode};
use crate::model::TokenPrediction;

/// Prints the scores.
pub(super) fn run(args: &PredictArgs) -> anyhow::Result<()> {
    if args.file.as_os_str() == "-" {
        let hint = "write the annotated text to a file and give its name";
        return Err(Error::Config(Problem::new("--score does not read from stdin").hint(hint)).into());
    }
    let files = files::read(&args.file, args.columns.as_ref())?;
    for note in files.notes() {
        errln!("note: {}", printable(&note));
    }
    let chosen = choose(&files, args)?;
    let (known, mut splits) = files.labelled()?;
    let sentences: Vec<Sentence> = splits.swap_remove(chosen);
    let (tagger, inventory) = open(args)?;
    let words: Vec<Vec<String>> = sentences.iter().map(|sentence| sentence.words.clone()).collect();
    let decided = decide(&tagger, &words)?;
    // The tagger's own scheme may be another one than the file's: both are compared in IOB2.
    let ids = |sentence: &[TokenPrediction]| sentence.iter().map(|decision| decision.label).collect::<Vec<u8>>();
    let predicted: Vec<Vec<String>> = decided.sentences.iter().map(|sentence| inventory.iob2(&ids(sentence))).collect();
    // One inventory for both: the file may have tags that the tagger lacks, and the reverse.
    let both = LabelSet::new(known.names().iter().chain(predicted.iter().flatten()));
    if both.len() > MAX_LABELS {
        let what = format!("file and tagger have {} different tags together, and {MAX_LABELS} is the most", both.len());
        let problem = Problem::new(what).at(&args.file).hint("use a tagger that was trained on text with these tags");
        return Err(Error::Data(problem).into());
    }
    // Every tag is in the set that was made of them.
    let id = |tag: &str| both.id(tag).unwrap_or_default();
    let gold: Vec<Labels<Gold>> =
        sentences.iter().map(|sentence| sentence.labels.iter().map(|&label| id(known.name(label))).collect()).collect();
    let predicted: Vec<Vec<u8>> =
        predicted.iter().map(|sentence| sentence.iter().map(|tag| id(tag)).collect()).collect();
    let scores = entity::score(&gold, &predicted, both.names(), Mode::Default);
    if args.json {
        let mut value = json!(scores);
        value["sentences"] = json!(sentences.len());
        output::json(&value)?;
    } else {
        print_scores(&scores)?;
    }
    Ok(())
}

/// The index of the file that is scored.
fn choose(files: &AnnotatedFiles, args: &PredictArgs) -> Result<usize, Error> {
    let wanted = args.split.map(|split| match split {
        SplitFlag::Train => Split::Train,
        SplitFlag::Dev => Split::Dev,
        SplitFlag::Test => Split::Test,
    });
    let splits: Vec<Option<Split>> = files.files.iter().map(|(split, _)| *split).collect();
    let listed: Vec<&str> = splits.iter().flatten().map(|split| split.name()).collect();
    let refuse = |what: String, hint: String| Err(Error::Config(Problem::new(what).at(&args.file).hint(hint)));
    match (wanted, &splits[..]) {
        (None, [_]) => Ok(0),
        (Some(_), [None]) => {
            refuse("this is a file, and --split chooses one of a folder".into(), "leave --split out".into())
        }
        (Some(wanted), _) => match splits.iter().position(|split| *split == Some(wanted)) {
            Some(index) => Ok(index),
            None => refuse(
                format!("the folder has no {} split", wanted.name()),
                format!("its splits are: {}", listed.join(", ")),
            ),
        },
        (None, _) => refuse(
            format!("the folder has {} splits: {}", listed.len(), listed.join(", ")),
            "say which one is scored, for example `--split test`".into(),
        ),
    }
}

fn print_scores(scores: &EntityScores) -> anyhow::Result<()> {
    let mut table = comfy_table::Table::new();
    table.load_preset(comfy_table::presets::ASCII_MARKDOWN);
    table.set_header(["type", "precision", "recall", "F1", "predicted", "in the file"]);
    for entry in &scores.per_type {
        let prf = [entry.scores.precision, entry.scores.recall, entry.scores.f1].map(|score| format!("{score:.3}"));
        let counts = [entry.predicted.to_string(), entry.support.to_string()];
        table.add_row([printable(&entry.name)].into_iter().chain(prf).chain(counts));
    }
    let prf = [scores.micro.precision, scores.micro.recall, scores.micro.f1].map(|score| format!("{score:.3}"));
    let predicted: usize = scores.per_type.iter().map(|entry| entry.predicted).sum();
    let counts = [predicted.to_string(), scores.support.to_string()];
    table.add_row(["all (micro)".to_owned()].into_iter().chain(prf).chain(counts));
    print(&format!("{table}\n"))?;
    Ok(())
}
