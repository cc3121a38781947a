//! The audit's page in a real browser.

mod circumstances;
mod work;

use std::collections::BTreeMap;
use std::path::PathBuf;

use memoscope::audit::page::{PageData, PageSentence, TypeRow, render};
use memoscope::audit::{Occurrence, Suspect, SuspectKind};
use memoscope::corpus::Scheme;
use serde_json::Value;

use crate::browser::{Browser, ESCAPE, browser};
use crate::workspace::Workspace;

const TYPES: [&str; 3] = ["LOC", "ORG", "PER"];

/// Sentences with their tags, and what is suspect in them.
struct Corpus {
    sentences: Vec<(Vec<String>, Vec<String>)>,
    suspects: Vec<Suspect>,
    types: Vec<String>,
    title: String,
    path: String,
    warning: Option<String>,
}

fn owned(text: &str) -> Vec<String> {
    text.split(' ').map(String::from).collect()
}

impl Corpus {
    fn new(sentences: &[(&str, &str)]) -> Self {
        Self {
            sentences: sentences.iter().map(|(words, tags)| (owned(words), owned(tags))).collect(),
            suspects: Vec::new(),
            types: TYPES.map(String::from).to_vec(),
            title: "Audit of train.txt".into(),
            path: "my data/train.txt".into(),
            warning: None,
        }
    }

    /// One more suspect, less suspect than those before it.
    fn suspect(mut self, sentence: u32, start: u16, kind: SuspectKind, suggested: &str) -> Self {
        let suggested = owned(suggested);
        let (words, tags) = &self.sentences[sentence as usize];
        let stretch = usize::from(start)..usize::from(start) + suggested.len();
        let rank = self.suspects.len() as u32 + 1;
        self.suspects.push(Suspect {
            rank,
            sentence,
            line: u64::from(sentence) * 10 + u64::from(start) + 1,
            start,
            end: stretch.end as u16,
            kind,
            words: words[stretch.clone()].to_vec(),
            given: tags[stretch].to_vec(),
            suggested,
            score: 10.0 / f64::from(rank),
            probability: (1.0 - 0.1 * f64::from(rank)).max(0.0),
            held_out_loss: vec![3.0, f32::NAN, 2.5, 2.75],
            train_loss: vec![3.0, 2.0, 1.0, 0.25],
            elsewhere: 12,
            elsewhere_as_given: 1,
            elsewhere_as_suggested: 11,
            occurrences: vec![Occurrence { sentence: 0, line: 1, start: 0, tags: vec!["O".into()] }],
        });
        self
    }

    fn render(&self) -> String {
        let by_type: Vec<TypeRow> = self
            .types
            .iter()
            .map(|name| TypeRow {
                entity_type: name.clone(),
                entities: 10,
                suspects: 2,
                expected_errors: Some(1.5),
                expected_missing: None,
                warning: (name == "ORG").then(|| "few entities".into()),
            })
            .collect();
        let sentences: BTreeMap<u32, PageSentence<'_>> = (0..)
            .zip(&self.sentences)
            .map(|(n, (words, tags))| (n, PageSentence { line: u64::from(n) * 10 + 1, words, tags: tags.clone() }))
            .collect();
        let data = PageData {
            title: &self.title,
            file: "train.txt",
            path: &self.path,
            columns: None,
            warning: self.warning.as_deref(),
            fingerprint: "00ff",
            scheme: Scheme::Iob1,
            labels: &["O".to_owned(), "I-LOC".to_owned()],
            types: &self.types,
            epochs: 4,
            scored_epoch: Some(3),
            n_sentences: self.sentences.len() as u64,
            n_tokens: 99,
            n_suspects: self.suspects.len() as u64,
            by_type: &by_type,
            sentences,
            suspects: &self.suspects,
        };
        render(&data).unwrap()
    }

    fn write(&self, workspace: &Workspace) -> PathBuf {
        workspace.file("audit.html", &self.render())
    }
}

/// Five suspects, the last two on overlapping words.
fn small() -> Corpus {
    Corpus::new(&[
        ("Leeds beat Harrow at home .", "B-LOC O B-ORG O O O"),
        ("Bank of Vale met in Rome .", "B-ORG O O O O O O"),
        ("Mary Finch left Acme Ltd today .", "B-PER I-PER O B-ORG I-ORG O O"),
    ])
    .suspect(0, 0, SuspectKind::WrongType, "B-ORG")
    .suspect(1, 5, SuspectKind::Missed, "B-LOC")
    .suspect(1, 0, SuspectKind::WrongBoundary, "B-ORG I-ORG I-ORG")
    .suspect(2, 3, SuspectKind::Spurious, "O O")
    .suspect(2, 4, SuspectKind::WrongBoundary, "O")
}

/// A browser at the page; none where there is none.
fn opened(corpus: &Corpus) -> Option<(Browser, Workspace)> {
    let browser = browser()?;
    let workspace = Workspace::new();
    browser.open(&corpus.write(&workspace));
    Some((browser, workspace))
}

/// The words of the list's rows, from above.
fn rows(browser: &Browser) -> Value {
    browser.run("return Array.from(document.querySelectorAll('.row-words'), (row) => row.textContent.trim())")
}

fn exported(browser: &Browser) -> String {
    browser.press(&["x"]);
    let text = browser.run("return document.getElementById('export-text').value").as_str().unwrap().to_owned();
    browser.press(&[ESCAPE]);
    text
}
