//! Pretraining from the command line, and the study of it end to end, as small as they can be.

use std::path::{Path, PathBuf};

use memoscope::config::{Experiment, Layers};
use memoscope::dynamics::CsvText;
use memoscope::error::Error;
use memoscope::exec::Execution;
use memoscope::figures::Print;
use memoscope::run::{EpochSummary, Manifest, Monitor, Silent, StopFlag};
use memoscope::study;
use memoscope::train::pretrain::Progress;

use crate::workspace::{Workspace, repository};

/// A pretraining of 24 steps, and what is fine-tuned from it.
const SMALL: [&str; 18] = [
    "pretraining.sentences=200",
    "pretraining.vocabulary=300",
    "pretraining.layers=1",
    "pretraining.hidden=32",
    "pretraining.heads=2",
    "pretraining.intermediate=64",
    "pretraining.max_subwords=40",
    "pretraining.epochs=2",
    "pretraining.batch_size=16",
    "study.pretraining_steps=0,20",
    "data.train_sentences=80",
    "data.dev_sentences=30",
    "train.epochs=2",
    "train.test=false",
    "train.max_subwords=40",
    "analysis.bootstrap=10",
    "noise=0.3",
    "seeds=1",
];

fn shipped() -> String {
    repository("experiments/pretraining.toml").display().to_string()
}

fn arguments<'a>(verb: &'a str, file: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [verb, file].into_iter().chain(SMALL).chain(more.iter().copied()).collect()
}

/// All files below a folder with their bytes, but for those that hold times.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs_err::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if !["manifest.json", "steps.parquet", "runs.csv", "runs.tex", "runs.parquet"]
                .contains(&name.as_str())
            {
                found.push((path.strip_prefix(folder).unwrap().to_owned(), fs_err::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_study_pretrains_fine_tunes_and_draws_and_does_nothing_the_second_time() {
    let workspace = Workspace::new();
    let file = shipped();
    let words = arguments("sweep", &file, &["noise=0,0.3", "out=out"]);
    let said = workspace.run(&words);
    assert_eq!(said.code, 0, "{said}");
    assert!(said.stderr.contains("pretrained for 20 of 24 steps: held-out masked accuracy "), "{said}");
    assert!(
        said.stdout
            .contains("(1 layers, hidden 32, 2 heads, vocabulary 300), fine-tuned on corpus embedded for 2 epochs: "),
        "{said}"
    );
    assert!(said.stdout.contains("The text of embedded is synthetic"), "{said}");
    assert!(said.stdout.contains("pretraining steps 0, 20"), "{said}");
    let out = workspace.path().join("out");
    for file in [
        "experiment.toml",
        "runs/pretrained/manifest.json",
        "runs/pretrained/step=000000/model.safetensors",
        "runs/pretrained/step=000020/pretraining.json",
        "runs/steps=000020/noise=0.30/seed=1/dynamics/epoch=0002.parquet",
        "analysis/measures.csv",
        "analysis/epochs.csv",
        "report/report.md",
        "report/figures/pretraining.svg",
        "report/figures/pretraining.png",
        "report/figures/pretraining.csv",
        "report/tables/measures.csv",
        "report/tables/measures.tex",
        "report/tables/encoders.csv",
    ] {
        assert!(out.join(file).metadata().is_ok_and(|m| m.len() > 0), "{file} is missing");
    }
    assert!(!out.join("runs/pretrained/step=000024").exists(), "no model was asked for after the last step");
    assert!(!out.join("report/tables/trends.csv").exists(), "two points of one seed are no trend");
    let manifest = Manifest::read(&out.join("runs/steps=000020/noise=0.30/seed=1")).unwrap();
    assert_eq!(manifest.model.source, "pretrained/step=000020");
    assert_eq!(manifest.config.pretrained.as_ref().unwrap().steps, 20);
    assert!(manifest.model.missing.iter().all(|name| name.starts_with("classifier")), "{:?}", manifest.model.missing);
    let others = Manifest::read(&out.join("runs/steps=000000/noise=0.30/seed=1")).unwrap();
    assert_ne!(manifest.model.fingerprint, others.model.fingerprint);

    let before = files(&out);
    let said = workspace.run(&words);
    assert_eq!(said.code, 0, "{said}");
    assert!(said.stderr.contains("[4/4] steps=000020,noise=0.30,seed=1: finished before, skipped"), "{said}");
    assert!(!said.stderr.contains("vocabulary"), "a finished pretraining was begun again: {said}");
    assert!(files(&out) == before, "a second sweep changed files");

    // Elsewhere, and without the encoders: the report is drawn from the finished runs.
    fs_err::rename(&out, workspace.path().join("moved")).unwrap();
    for step in ["step=000000", "step=000020"] {
        fs_err::remove_file(workspace.path().join("moved/runs/pretrained").join(step).join("model.safetensors"))
            .unwrap();
    }
    let report = workspace.read("moved/report/index.html");
    let said = workspace.run(&["figures", "--out", "moved"]);
    assert_eq!(said.code, 0, "{said}");
    assert_eq!(workspace.read("moved/report/index.html").replace("moved", "out"), report.replace("moved", "out"));
    fs_err::remove_dir_all(workspace.path().join("moved/runs/pretrained")).unwrap();
    let said = workspace.run(&["figures", "--out", "moved"]);
    assert_eq!(said.code, 0, "{said}");
    assert!(workspace.read("moved/report/tables/encoders.csv").contains("\n20,,,,"), "what is gone is null");

    let words = arguments("sweep", &file, &["noise=0,0.3", "out=moved", "pretraining.epochs=3"]);
    let said = workspace.run(&words);
    assert_eq!(said.code, 2, "{said}");
    assert!(said.stderr.contains("`pretrained.settings.epochs` is 2 there and 3 here"), "{said}");
}

fn experiment(out: &Path) -> Experiment {
    let mut layers = Layers::new();
    layers.file(&repository("experiments/pretraining.toml")).unwrap();
    for word in SMALL {
        let (key, value) = word.split_once('=').unwrap();
        layers.set(key, value, word).unwrap();
    }
    layers.set("out", &out.display().to_string(), "--out").unwrap();
    layers.finish().unwrap()
}

/// Asks to stop at a step of the pretraining, or after the first epoch of a run.
struct StopAt<'a> {
    step: Option<u64>,
    stop: &'a StopFlag,
    steps: u64,
}

impl Monitor for StopAt<'_> {
    fn pretraining(&mut self, progress: &Progress) {
        self.steps += 1;
        if self.step == Some(progress.step) {
            self.stop.request();
        }
    }

    fn epoch(&mut self, _run: usize, _summary: &EpochSummary) {
        if self.step.is_none() {
            self.stop.request();
        }
    }
}

#[test]
fn a_study_that_is_stopped_goes_on_to_the_same_bytes() {
    let workspace = Workspace::new();
    let (straight, broken) = (experiment(&workspace.path().join("a")), experiment(&workspace.path().join("b")));
    study::sweep(&straight, CsvText::Exact, Print::default(), &Execution::default(), &mut Silent, &StopFlag::default())
        .unwrap();
    // In the pretraining, then in the first run.
    for (step, taken) in [(Some(9), 9), (None, 11)] {
        let stop = StopFlag::default();
        let mut monitor = StopAt { step, stop: &stop, steps: 0 };
        let result =
            study::sweep(&broken, CsvText::Exact, Print::default(), &Execution::default(), &mut monitor, &stop);
        assert!(matches!(result, Err(Error::Interrupted)), "{result:?}");
        assert_eq!(monitor.steps, taken);
    }
    study::sweep(&broken, CsvText::Exact, Print::default(), &Execution::default(), &mut Silent, &StopFlag::default())
        .unwrap();
    let (a, b) = (files(&workspace.path().join("a/runs")), files(&workspace.path().join("b/runs")));
    assert_eq!(a.iter().map(|file| &file.0).collect::<Vec<_>>(), b.iter().map(|file| &file.0).collect::<Vec<_>>());
    for (a, b) in a.iter().zip(&b) {
        assert!(a == b, "{} differs", a.0.display());
    }
}

#[test]
fn one_run_of_the_study_finds_its_encoder_and_is_resumed_by_its_folder() {
    let workspace = Workspace::new();
    let file = shipped();
    let more = ["study.pretraining_steps=20", "out=out"];
    let said = workspace.run(&arguments("train", &file, &more));
    assert_eq!((said.code, said.stdout.as_str()), (0, "out/runs/steps=000020/noise=0.30/seed=1\n"), "{said}");
    assert!(workspace.path().join("out/runs/pretrained/step=000020").is_dir());
    let said = workspace.run(&["train", "--resume", "out/runs/steps=000020/noise=0.30/seed=1"]);
    assert_eq!(said.code, 0, "{said}");
    assert!(said.stderr.contains("finished before, skipped"), "{said}");
}

#[test]
fn what_cannot_be_pretrained_is_refused_before_anything_is_trained() {
    let workspace = Workspace::new();
    let file = shipped();
    let refused = |more: &[&str]| {
        let said = workspace.run(&arguments("sweep", &file, &[more, &["out=out"]].concat()));
        assert_eq!((said.code, said.stdout.as_str()), (2, ""), "{said}");
        assert!(said.stderr.contains("hint: "), "{said}");
        assert!(!workspace.path().join("out/runs").exists(), "something was trained: {said}");
        said.stderr
    };
    let words = refused(&["study.pretraining_steps=0,100"]);
    assert!(words.contains("a checkpoint after 100 steps, and the pretraining has 24"), "{words}");
    assert!(refused(&["study.pretraining_steps=[]"]).contains("study.pretraining.steps is empty"));
    assert!(refused(&["study.pretraining_steps=3,3"]).contains("study.pretraining.steps has 3 twice"));
    assert!(refused(&["model=bert/"]).contains("model.source and model.random_init are set by the study"));
    let words = refused(&["pretraining.max_subwords=30"]);
    assert!(
        words.contains("train.max_subwords is 40, and pretraining.max_subwords gives the encoder 30 positions"),
        "{words}"
    );
    assert!(refused(&["pretraining.heads=5"]).contains("the number of heads must divide the hidden size"));
    let smoke = repository("experiments/smoke.toml").display().to_string();
    for (setting, key) in [("study.pretraining_steps=3", "study.pretraining"), ("pretraining.epochs=3", "pretraining")]
    {
        let said = workspace.run(&["sweep", &smoke, setting, "out=out"]);
        assert_eq!(said.code, 2, "{said}");
        assert!(said.stderr.contains(&format!("{key} is only valid with study.kind = \"pretraining\"")), "{said}");
    }
}

#[test]
fn a_pretraining_from_the_command_line_saves_models_that_can_be_fine_tuned() {
    let workspace = Workspace::new();
    let text: String = (0..60).map(|i| format!("Sentence {i} tells of Anna and of number {} .\n", i % 7)).collect();
    workspace.file("news.txt", &text);
    let words = ["model", "pretrain", "--text", "news.txt", "--vocabulary", "200", "--layers", "1", "--hidden", "16"];
    let more = ["--heads", "2", "--intermediate", "32", "--epochs", "2", "--batch-size", "8", "--checkpoints", "0,3"];
    let words = [&words[..], &more, &["--out", "encoder"]].concat();
    let said = workspace.run(&words);
    assert_eq!(said.code, 0, "{said}");
    assert_eq!(said.stdout, "encoder/step=000000\nencoder/step=000003\nencoder\n", "{said}");
    assert!(said.stderr.contains("pretrained for 3 of 16 steps: "), "{said}");
    for model in ["encoder/step=000000", "encoder/step=000003", "encoder"] {
        let said = workspace.run(&["model", "describe", model]);
        assert_eq!(said.code, 0, "{said}");
        assert!(said.stdout.contains("1 layers, hidden 16"), "{said}");
    }
    let before = files(&workspace.path().join("encoder"));
    let said = workspace.run(&words);
    assert_eq!(said.code, 0, "{said}");
    assert!(files(&workspace.path().join("encoder")) == before, "a finished pretraining changed files");
    let said = workspace.run(&[&words[..], &["--seed", "2"]].concat());
    assert_eq!(said.code, 2, "{said}");
    assert!(
        said.stderr.contains("encoder: the folder holds another pretraining: `seed` is 1 there and 2 here"),
        "{said}"
    );
}
