//! What comes from files and arguments, as a terminal gets it: no control character, no change of direction, nothing without
//! width, whatever the verb.

use memoscope::error::is_hidden;

use crate::workspace::{Said, Workspace};

/// Clears the screen, rings, turns the direction of writing and is not seen.
const HOSTILE: &str = "\u{1b}[31m\u{7}\u{202e}\u{200b}\u{9b}x";

/// A workspace with a small corpus whose labels and tokens are hostile, in a folder with a hostile name.
struct Hostile {
    workspace: Workspace,
    corpus: String,
}

impl Hostile {
    fn new() -> Self {
        let workspace = Workspace::new();
        let corpus = format!("data{HOSTILE}");
        for (file, sentences) in [("train.txt", 24), ("dev.txt", 6)] {
            let sentence = |i: usize| {
                format!(
                    "Mrs{HOSTILE}\tO\nAnna\tB-P{HOSTILE}ER\nTesk{i}\tI-P{HOSTILE}ER\nleft\tO\nVorr{i}\tB-LOC{HOSTILE}\n.\tO\n\n"
                )
            };
            workspace.file(&format!("{corpus}/{file}"), &(0..sentences).map(sentence).collect::<String>());
        }
        Self { workspace, corpus }
    }

    /// Runs a verb and looks at all that it prints for people.
    fn run(&self, arguments: &[&str]) -> Said {
        let said = self.workspace.run(arguments);
        for (stream, text) in [("stdout", &said.stdout), ("stderr", &said.stderr)] {
            let hidden: Vec<char> = text.chars().filter(|c| is_hidden(*c) && !matches!(c, '\n' | '\t')).collect();
            assert!(hidden.is_empty(), "{arguments:?}: {hidden:?} on {stream}\n{text:?}");
        }
        assert!(said.code != 1 && said.code != 101 && said.code >= 0, "{arguments:?}: a defect\n{said}");
        said
    }

    fn train(&self, extra: &[&str]) -> Said {
        let small = ["--data", &self.corpus, "--epochs", "1", "--batch-size", "8", "--threads", "1"];
        self.run(&[&["train"], &small[..], extra].concat())
    }
}

#[test]
fn arguments() {
    let hostile = Hostile::new();
    let file = format!("none{HOSTILE}");
    let setting = format!("train.{HOSTILE}=1");
    let value = format!("train.epochs={HOSTILE}");
    for arguments in [
        &["train", "--set", &setting][..],
        &["train", "--set", &value],
        &["train", "--set", HOSTILE],
        &["train", "--name", HOSTILE],
        &["train", "--noise", HOSTILE],
        &["train", "--seeds", HOSTILE],
        &["train", "--device", HOSTILE],
        &["train", "--data", &file],
        &["train", "--model", &file],
        &["train", "--resume", &file],
        &["train", HOSTILE],
        &["train", &setting],
        &[HOSTILE],
        &["train", &format!("--{HOSTILE}")],
        &["sweep", &file],
        &["sweep", HOSTILE, &setting],
        &["figures", &file],
        &["figures", "--out", &file],
        &["figures", "--font", &file],
        &["analyse", &file],
        &["analyse", ".", "--events-pass", HOSTILE],
        &["phases", "--curve", &file],
        &["phases", "--curve", ".", "--column", HOSTILE],
        &["corpus", "describe", &file],
        &["corpus", "perturb", &file, "--out", HOSTILE, "--rate", "0.1"],
        &["corpus", "perturb", "embedded", "--out", HOSTILE, "--kind", HOSTILE],
        &["corpus", "perturb", "embedded", "--out", HOSTILE, "--cap", &format!("{HOSTILE}=1")],
        &["corpus", "generate", "--out", &hostile.corpus],
        &["audit", &file, "--model", &file],
        &["audit", &file, "--model", &file, "--with", HOSTILE, "--gold", &file],
        &["audit", "apply", &file, &file, "--dry-run"],
        &["audit", "compare", &file, &file, "--dev", &file],
        &["model", "describe", &file],
        &["model", "predict", &file, &file],
        &["model", "pretrain", "--text", &file, "--out", "out"],
        &["bench", "--model", &file],
        &["bench", "--data", &file],
        &["bench", "--against", HOSTILE],
        &["completions", HOSTILE],
        &["man", &hostile.corpus],
    ] {
        hostile.run(arguments);
    }
}

#[test]
fn corpora() {
    let hostile = Hostile::new();
    let (corpus, train) = (&hostile.corpus, format!("{}/train.txt", hostile.corpus));
    assert_eq!(hostile.run(&["corpus", "describe", corpus]).code, 0);
    hostile.run(&["corpus", "describe", &train]);
    let said = hostile.run(&["corpus", "describe", corpus, "--json"]);
    let description: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    let labels = description["labels"].to_string();
    assert!(labels.contains("LOC"), "{labels}");
    hostile.run(&["corpus", "perturb", corpus, "--out", &format!("noisy{HOSTILE}"), "--rate", "0.3"]);
    hostile.run(&["corpus", "perturb", corpus, "--out", &format!("capped{HOSTILE}"), "--cap", "LOC=3"]);
    let said = hostile.run(&[
        "corpus",
        "generate",
        "--out",
        &format!("new{HOSTILE}"),
        "--train",
        "9",
        "--dev",
        "3",
        "--test",
        "0",
    ]);
    assert!(said.code == 0 && said.stdout.contains("written to new\\u{1b}[31m"), "{said}");
    // A line without a tag is named with its file.
    hostile.workspace.file(&format!("bad{HOSTILE}.txt"), &format!("a\tO\nb{HOSTILE}\nc\tB-{HOSTILE}\n"));
    hostile.run(&["corpus", "describe", &format!("bad{HOSTILE}.txt")]);
    hostile.workspace.file(&format!("json{HOSTILE}/train.json"), &format!("{{\"text\": [\"{HOSTILE}\"]}}"));
    hostile.run(&["corpus", "describe", &format!("json{HOSTILE}")]);
}

#[test]
fn runs_models_and_reports() {
    let hostile = Hostile::new();
    let (out, dev) = (format!("out{HOSTILE}"), format!("{}/dev.txt", hostile.corpus));
    let said = hostile.train(&["--out", &out, "--seed", "1", "--verbose"]);
    assert_eq!(said.code, 0, "{said}");
    hostile.train(&["--out", &out, "--seed", "1"]);
    hostile.train(&["--out", &out, "--seed", "1", "--set", "train.learning_rate=1e-5"]);
    hostile.train(&["--out", &out, "--dry-run", "--no-estimate"]);
    let run = format!("{out}/runs/noise=0.00/seed=1");
    let model = format!("{run}/model");
    hostile.run(&["train", "--resume", &run]);
    hostile.run(&["train", "--resume", &out]);
    assert_eq!(hostile.run(&["analyse", &run]).code, 0);
    hostile.run(&["analyse", &run, "--out", &format!("tables{HOSTILE}"), "--json"]);
    hostile.run(&["analyse", &out]);
    let said = hostile.run(&["model", "describe", &model]);
    assert!(said.code == 0 && said.stdout.contains("LOC"), "{said}");
    hostile.run(&["model", "describe", &model, "--json"]);
    hostile.run(&["model", "predict", &model, &dev, "--score"]);
    hostile.run(&["model", "predict", &model, &dev, "--score", "--json"]);
    hostile.run(&["model", "predict", &model, &dev, "--out", &format!("labelled{HOSTILE}.txt")]);
    hostile.run(&["bench", "--model", &model, "--data", &dev, "--steps", "1", "--batch", "4", "--threads", "1"]);

    hostile.workspace.file(&format!("e{HOSTILE}.toml"), "[study]\nname = \"tiny\"\n\n[train]\nepochs = 1\n");
    let sweep = ["sweep", &format!("e{HOSTILE}.toml"), "--data", &hostile.corpus, "--out", &format!("study{HOSTILE}")];
    hostile.run(&[&sweep[..], &["--dry-run", "--no-estimate"]].concat());
    let said = hostile.run(&[&sweep[..], &["--batch-size", "8", "--threads", "1"]].concat());
    assert_eq!(said.code, 0, "{said}");
    hostile.run(&["figures", "--out", &format!("study{HOSTILE}")]);
    hostile.workspace.file(&format!("bad{HOSTILE}.toml"), &format!("[train]\n\"{}\" = 1\n", "\\u001b[31m"));
    hostile.run(&["sweep", &format!("bad{HOSTILE}.toml")]);

    hostile.workspace.file(&format!("curve{HOSTILE}.csv"), &format!("epoch,{HOSTILE}\n1,0.5\n"));
    hostile.run(&["phases", "--curve", &format!("curve{HOSTILE}.csv")]);
    hostile.run(&[
        "phases",
        "--curve",
        &format!("curve{HOSTILE}.csv"),
        "--column",
        &format!("dev_f1={HOSTILE}"),
        "--json",
    ]);
}

#[test]
fn audits_and_pretraining() {
    let hostile = Hostile::new();
    let (train, dev) = (format!("{}/train.txt", hostile.corpus), format!("{}/dev.txt", hostile.corpus));
    let out = format!("audit{HOSTILE}");
    let short = ["--model", "embedded", "--epochs", "2", "--batch-size", "8", "--threads", "1", "--out", &out];
    let audit = [&["audit", &train, "--folds", "2"], &short[..]].concat();
    assert_eq!(hostile.run(&audit).code, 0);
    hostile.run(&[&audit[..], &["--json"]].concat());
    hostile.run(&[&audit[..], &["--gold", &dev]].concat());
    hostile.run(&["audit", "apply", &train, &out, "--auto", "0.01", "--dry-run"]);
    hostile.run(&["audit", "apply", &train, &out, "--auto", "0.01", "--dry-run", "--json"]);
    hostile.run(&["audit", "apply", &train, &format!("{out}/suspects.csv"), "--out", &format!("new{HOSTILE}.txt")]);
    hostile.workspace.file(&format!("fix{HOSTILE}.tsv"), &format!("sentence\ttoken\t{HOSTILE}\n0\t0\tB-{HOSTILE}\n"));
    hostile.run(&["audit", "apply", &train, &format!("fix{HOSTILE}.tsv"), "--dry-run"]);
    let compare = ["audit", "compare", &train, &train, "--dev", &dev, "--seeds", "1", "--model", "embedded"];
    hostile.run(&[&compare[..], &["--epochs", "1", "--threads", "1", "--out", &format!("compare{HOSTILE}")]].concat());

    hostile.workspace.file(&format!("text{HOSTILE}.txt"), &format!("a{HOSTILE} b c d e\n").repeat(60));
    let shape = ["--vocabulary", "120", "--layers", "1", "--hidden", "16", "--heads", "2", "--intermediate", "32"];
    let places = ["--text", &format!("text{HOSTILE}.txt"), "--out", &format!("encoder{HOSTILE}")];
    let pretrain = [&["model", "pretrain", "--epochs", "1", "--checkpoints", "0"], &shape[..], &places].concat();
    assert_eq!(hostile.run(&pretrain).code, 0);
    hostile.run(&[&pretrain[..], &["--seed", "9"]].concat());
}
