//! The versions of the log: the first is read for ever, the second says its epoch, counts its steps and is checked against
//! the manifest's digests.

use std::path::{Path, PathBuf};

use memoscope::Error;
use memoscope::dynamics::{DevScore, Log, LogWriter, Pass, SCHEMA_VERSION, write_parquet};
use memoscope::run::Manifest;
use polars::prelude::*;

use crate::workspace::{Workspace, repository};

/// Of the program as it was at version 1:
///
/// ```text
/// memoscope train experiments/smoke.toml noise=0.3 epochs=8 data.train_sentences=12 data.dev_sentences=20 train.test=false \
///     model.layers=1 train.batch_size=3 train.evaluations_per_epoch=1 train.learning_rate=3e-3 --seed 1 --threads 1
/// memoscope analyse DIR --bootstrap 20
/// ```
fn version_1() -> PathBuf {
    repository("tests/fixtures/log/version-1")
}

fn frame(path: &Path) -> DataFrame {
    ParquetReader::new(fs_err::File::open(path).unwrap().into_file()).finish().unwrap()
}

/// Texts that are equal but for the last digits of numbers, which a mathematical library may round in another way.
fn assert_same_text(name: &str, before: &str, now: &str) {
    let words = |text: &str| -> Vec<String> {
        text.split(|c: char| c.is_whitespace() || c == ',').map(str::to_owned).collect()
    };
    let (before, now) = (words(before), words(now));
    assert_eq!(before.len(), now.len(), "{name}");
    for (a, b) in before.iter().zip(&now) {
        match (a.parse::<f64>(), b.parse::<f64>()) {
            (Ok(x), Ok(y)) => assert!((x - y).abs() <= 1e-9 * x.abs().max(1e-3), "{name}: {a} and {b}"),
            _ => assert_eq!(a, b, "{name}"),
        }
    }
}

#[test]
fn version_1_is_read_and_analysed_as_it_was() {
    let workspace = Workspace::new();
    let (run, tables) = (version_1(), workspace.path().join("tables"));
    let said = workspace.run(&["analyse", run.to_str().unwrap(), "--bootstrap", "20", "--out", "tables"]);
    assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{said}");
    assert!(said.stdout.contains("dev F1 0.093"), "{said}");
    for name in ["epochs.csv", "shares.csv", "clusters.csv", "most_forgotten.csv", "phases.json"] {
        let read = |folder: &Path| fs_err::read_to_string(folder.join(name)).unwrap();
        let before = read(&run.join("analysis")).replace("dev_f1", "dev_score");
        assert_same_text(name, &before, &read(&tables));
    }
    for name in ["events.parquet", "datamap.parquet"] {
        let (before, now) = (frame(&run.join("analysis").join(name)), frame(&tables.join(name)));
        assert!(before.equals_missing(&now), "{name} differs");
    }
}

#[test]
fn what_version_1_lacks_is_unknown() {
    let log = Log::open(version_1()).unwrap();
    assert_eq!(log.dev_score().unwrap(), DevScore::F1);
    assert!(log.curve().unwrap().iter().all(|point| point.dev_score.is_finite()));
    let steps = log.steps().unwrap();
    assert!(steps.len() == 32 && steps.iter().all(|step| step.counts.is_none()));
    // Its column is `pieces`.
    assert!(steps.iter().all(|step| step.subwords > 3));
    assert!(Manifest::read(&version_1()).unwrap().files.is_empty());
}

/// A finished run of two epochs, and its folder.
fn run(workspace: &Workspace, settings: &[&str]) -> PathBuf {
    let smoke = repository("experiments/smoke.toml").display().to_string();
    let small = ["train", &smoke, "--out", "out", "--noise", "0.3", "data.train_sentences=20", "data.dev_sentences=10"];
    let said = workspace.run(&[&small[..], &["train.batch_size=8", "train.test=false"], settings].concat());
    assert_eq!(said.code, 0, "{said}");
    workspace.path().join(said.stdout.trim())
}

#[test]
fn an_epochs_file_says_its_epoch() {
    let workspace = Workspace::new();
    let run = run(&workspace, &[]);
    let path = LogWriter::epoch_path(&run, 2);
    let epochs = frame(&path);
    assert_eq!(epochs.get_column_names()[0], "epoch");
    let column = epochs.column("epoch").unwrap();
    assert_eq!(column.dtype(), &DataType::UInt16);
    assert!(column.u16().unwrap().iter().all(|epoch| epoch == Some(2)));
    assert_eq!(SCHEMA_VERSION, 2);

    // The file of another epoch, of a log that nobody has digests of.
    fs_err::remove_file(run.join("manifest.json")).unwrap();
    fs_err::copy(&path, LogWriter::epoch_path(&run, 1)).unwrap();
    let error = Log::open(&run).unwrap().epoch(1).unwrap_err();
    assert!(matches!(error, Error::Data(_)) && error.hint().unwrap().contains("one file an epoch"), "{error}");
    let said = error.to_string();
    assert!(said.ends_with("epoch=0001.parquet: column `epoch`, row 1: epoch 2 in the file of epoch 1"), "{said}");

    // Made elsewhere, the column may be missing.
    write_parquet(&LogWriter::epoch_path(&run, 1), &epochs.drop("epoch").unwrap()).unwrap();
    assert!(Log::open(&run).unwrap().epoch(1).is_ok());
}

#[test]
fn steps_count_what_the_train_pass_logs() {
    let workspace = Workspace::new();
    let run = run(&workspace, &["model.head.kind=crf", "train.accumulation=2"]);
    let log = Log::open(&run).unwrap();
    let (tokens, steps) = (log.tokens(), log.steps().unwrap());
    let (noisy, gold) = (tokens.noisy().unwrap(), tokens.gold.as_ref().unwrap());
    for epoch in [1, 2] {
        let seen = log.epoch(epoch).unwrap().pass(Pass::Train).unwrap().clone();
        let number = |which: &dyn Fn(usize) -> bool| (0..tokens.len()).filter(|&row| which(row)).count() as u32;
        let as_given = |row: usize| seen.correct[row];
        let expected = [
            number(&|_| true),
            number(&as_given),
            number(&|row| !noisy[row]),
            number(&|row| !noisy[row] && as_given(row)),
            number(&|row| noisy[row]),
            number(&|row| noisy[row] && as_given(row)),
            number(&|row| noisy[row] && seen.predicted[row] == gold[row]),
        ];
        let mut counted = [0; 7];
        for counts in steps.iter().filter(|step| step.epoch == epoch).map(|step| step.counts.unwrap()) {
            let noise = counts.by_noise.unwrap();
            let of_step = [
                counts.tokens,
                counts.as_given,
                noise.clean,
                noise.clean_as_given,
                noise.noisy,
                noise.noisy_as_given,
                noise.noisy_as_gold,
            ];
            counted.iter_mut().zip(of_step).for_each(|(sum, count)| *sum += count);
        }
        assert_eq!(counted, expected, "epoch {epoch}");
        assert!(expected[4] > 0);
    }
}

#[test]
fn a_changed_file_of_a_run_is_refused_by_name() {
    let workspace = Workspace::new();
    let run = run(&workspace, &[]);
    let manifest = Manifest::read(&run).unwrap();
    let names: Vec<&str> = manifest.files.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "curve.parquet",
            "dynamics/epoch=0001.parquet",
            "dynamics/epoch=0002.parquet",
            "steps.parquet",
            "tokens.parquet",
            "types.parquet"
        ]
    );
    let arguments = ["analyse", run.to_str().unwrap(), "--bootstrap", "0", "--out", "tables"];
    for name in names.into_iter().filter(|name| *name != "types.parquet") {
        let path = run.join(name);
        let whole = fs_err::read(&path).unwrap();
        // Another frame with the same columns: nothing but the digest tells that it was changed.
        write_parquet(&path, &frame(&path)).unwrap();
        let said = workspace.run(&arguments);
        assert_eq!(said.code, 3, "{name}: {said}");
        let expected = format!("{name}: the file was changed or damaged since it was written");
        assert!(said.stderr.contains(&expected) && said.stderr.contains("\n  hint: "), "{name}: {said}");
        fs_err::write(&path, whole).unwrap();
    }
    assert_eq!(workspace.run(&arguments).code, 0);

    // A kill between the log and the manifest leaves newer series.
    let path = run.join("steps.parquet");
    write_parquet(&path, &frame(&path)).unwrap();
    assert!(Log::open(&run).unwrap().steps().is_err());
    let manifest = Manifest { status: memoscope::run::Status::Running, ..manifest };
    manifest.write(&run).unwrap();
    assert!(Log::open(&run).unwrap().steps().is_ok());
}
