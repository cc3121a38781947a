//! The log: written, read back, made elsewhere, damaged.

use std::path::Path;

use memoscope::Error;
use memoscope::analysis::{AnalysisSettings, analyse_run};
use memoscope::dynamics::{
    CurvePoint, DevScore, Log, LogWriter, NoiseCounts, Observations, StepCounts, StepRecord, TokenTable, observe,
};
use memoscope::random::Streams;
use rand::Rng;

const LABELS: [&str; 3] = ["O", "B-PER", "I-PER"];

const COUNTS: StepCounts = StepCounts {
    tokens: 40,
    as_given: 25,
    by_noise: Some(NoiseCounts { clean: 30, clean_as_given: 24, noisy: 10, noisy_as_given: 1, noisy_as_gold: 8 }),
};

fn labels() -> Vec<String> {
    LABELS.map(String::from).to_vec()
}

/// Forty sentences of five words, every seventh token noisy.
fn tokens() -> TokenTable {
    let n = 200_u32;
    let gold: Vec<u8> = (0..n).map(|i| [0, 1, 2, 0, 0][i as usize % 5]).collect();
    TokenTable {
        sentence: (0..n).map(|i| i / 5).collect(),
        token: (0..n).map(|i| (i % 5) as u16).collect(),
        word: (0..n).map(|i| format!("wörd{i}")).collect(),
        given: gold.iter().enumerate().map(|(i, &g)| if i % 7 == 0 { (g + 1) % 3 } else { g }).collect(),
        gold: Some(gold),
        labels: labels(),
    }
}

/// A model that knows the gold labels from epoch 2 and memorises given ones from epoch 6 on.
fn observations(tokens: &TokenTable, epoch: u32) -> Observations {
    let mut rng = Streams::new(5).stream("logits", &[u64::from(epoch)]);
    let gold = tokens.gold.as_ref().unwrap();
    let mut logits = Vec::new();
    for i in 0..tokens.len() {
        let mut row = [0.0_f32; 3];
        row.iter_mut().for_each(|z| *z = rng.gen_range(-0.5..0.5));
        row[usize::from(gold[i])] += if epoch == 1 { 0.1 } else { 4.0 };
        row[usize::from(tokens.given[i])] += 2.0 * epoch.saturating_sub(6) as f32 * rng.gen_range(0.6..1.4);
        logits.extend(row);
    }
    let seen = observe(&logits, &tokens.given).unwrap();
    Observations {
        sentence: tokens.sentence.clone(),
        token: tokens.token.clone(),
        predicted: seen.predicted,
        correct: seen.correct,
        loss: seen.loss,
        p_given: seen.p_given,
        margin: seen.margin,
        entropy: seen.entropy,
    }
}

fn curve(epochs: u32) -> Vec<CurvePoint> {
    let point = |epoch: u32| CurvePoint {
        step: u64::from(epoch) * 10,
        epoch: f64::from(epoch),
        examples_seen: u64::from(epoch) * 40,
        learning_rate: 1e-4,
        dev_score: [0.3, 0.8, 0.85][(epoch as usize - 1).min(2)],
        ..CurvePoint::default()
    };
    (1..=epochs).map(point).collect()
}

fn write(folder: &Path, epochs: u32) {
    let (mut writer, tokens) = (LogWriter::new(folder, "run", &labels()).unwrap(), tokens());
    writer.tokens(&tokens).unwrap();
    for epoch in 1..=epochs {
        let seen = observations(&tokens, epoch);
        writer.epoch(epoch, Some(&seen), Some(&seen)).unwrap();
    }
    writer.curve(&curve(epochs)).unwrap();
    let step = StepRecord {
        step: 1,
        epoch: 1,
        examples_seen: 40,
        loss: f64::NAN,
        gradient_norm: 1.5,
        learning_rate: 1e-4,
        subwords: 7,
        counts: Some(COUNTS),
        seconds: 0.5,
    };
    let without_gold = StepRecord { step: 2, counts: Some(StepCounts { by_noise: None, ..COUNTS }), ..step };
    let of_episode = StepRecord { step: 3, counts: None, ..step };
    writer.steps(&[step, without_gold, of_episode]).unwrap();
}

fn refusal(folder: &Path, epoch: u32) -> (String, String) {
    let result = Log::open(folder).and_then(|log| log.epoch(epoch));
    match result.unwrap_err() {
        Error::Data(problem) => (problem.to_string(), problem.hint.unwrap_or_default()),
        other => panic!("another kind of error: {other}"),
    }
}

#[test]
fn what_is_written_is_read() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 3);
    let log = Log::open(folder.path()).unwrap();
    assert_eq!(log.tokens(), &tokens());
    assert_eq!(log.epochs(), [1, 2, 3]);
    assert_eq!(log.labels(), LABELS);
    let epoch = log.epoch(2).unwrap();
    assert_eq!(epoch.train, Some(observations(&tokens(), 2)));
    assert_eq!(epoch.eval, epoch.train);
    assert_eq!(log.curve().unwrap(), curve(3));
    let steps = log.steps().unwrap();
    assert!(steps[0].loss.is_nan() && steps[0].gradient_norm == 1.5 && steps[0].subwords == 7);
    let counts: Vec<_> = steps.iter().map(|step| step.counts).collect();
    assert_eq!(counts, [Some(COUNTS), Some(StepCounts { by_noise: None, ..COUNTS }), None]);
    assert_eq!(log.dev_score().unwrap(), DevScore::F1);
}

#[test]
fn same_content_same_bytes_in_any_order() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 1);
    let path = LogWriter::epoch_path(folder.path(), 1);
    let before = fs_err::read(&path).unwrap();
    let seen = observations(&tokens(), 1);
    let turn = |n: usize| (0..n).rev();
    let n = seen.len();
    let turned = Observations {
        sentence: turn(n).map(|i| seen.sentence[i]).collect(),
        token: turn(n).map(|i| seen.token[i]).collect(),
        predicted: turn(n).map(|i| seen.predicted[i]).collect(),
        correct: turn(n).map(|i| seen.correct[i]).collect(),
        loss: turn(n).map(|i| seen.loss[i]).collect(),
        p_given: turn(n).map(|i| seen.p_given[i]).collect(),
        margin: turn(n).map(|i| seen.margin[i]).collect(),
        entropy: turn(n).map(|i| seen.entropy[i]).collect(),
    };
    LogWriter::new(folder.path(), "run", &labels()).unwrap().epoch(1, Some(&turned), Some(&seen)).unwrap();
    assert_eq!(fs_err::read(&path).unwrap(), before);
}

#[test]
fn a_token_observed_twice_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut seen = observations(&tokens(), 1);
    (seen.sentence[1], seen.token[1]) = (seen.sentence[0], seen.token[0]);
    let mut writer = LogWriter::new(folder.path(), "run", &labels()).unwrap();
    assert!(writer.epoch(1, Some(&seen), None).is_err());
    seen.loss.pop();
    assert!(writer.epoch(1, Some(&seen), None).is_err());
}

#[test]
fn a_cut_or_scrambled_file_is_said_to_be_damaged() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 2);
    let path = LogWriter::epoch_path(folder.path(), 2);
    let whole = fs_err::read(&path).unwrap();
    fs_err::write(&path, &whole[..whole.len() / 2]).unwrap();
    let (message, hint) = refusal(folder.path(), 2);
    assert!(message.contains("epoch=0002.parquet") && message.contains("no whole Parquet file"), "{message}");
    assert!(hint.contains("delete this file and resume"), "{hint}");
    assert!(Log::open(folder.path()).unwrap().epoch(1).is_ok(), "the other epochs are unharmed");

    let mut rng = Streams::new(3).stream("damage", &[]);
    for _ in 0..60 {
        let mut bytes = whole.clone();
        for _ in 0..8 {
            let at = rng.gen_range(4..bytes.len() - 4);
            bytes[at] = rng.r#gen();
        }
        fs_err::write(&path, &bytes).unwrap();
        // Damage may be harmless, or be found; it must not bring the program down or pass for an internal error.
        if let Err(error) = Log::open(folder.path()).unwrap().epoch(2) {
            assert!(matches!(error, Error::Data(_)), "{error}");
        }
    }
}

#[test]
fn a_folder_without_a_log_is_said_to_have_none() {
    let folder = tempfile::tempdir().unwrap();
    let message = Log::open(folder.path()).unwrap_err().to_string();
    assert!(message.contains("tokens.parquet is missing"), "{message}");
    LogWriter::new(folder.path(), "run", &labels()).unwrap().tokens(&tokens()).unwrap();
    let message = Log::open(folder.path()).unwrap_err().to_string();
    assert!(message.contains("no finished epoch"), "{message}");
}

#[test]
fn epochs_of_other_data_are_refused_and_gaps_reported() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 3);
    fs_err::remove_file(LogWriter::epoch_path(folder.path(), 2)).unwrap();
    assert_eq!(Log::open(folder.path()).unwrap().gaps(), [2]);
    let mut other = tokens();
    other.sentence.iter_mut().for_each(|s| *s += 1);
    LogWriter::new(folder.path(), "run", &labels()).unwrap().tokens(&other).unwrap();
    let (message, _) = refusal(folder.path(), 1);
    assert!(message.contains("is not in tokens.parquet"), "{message}");
}

#[test]
fn a_whole_log_is_analysed() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 12);
    let log = Log::open(folder.path()).unwrap();
    let analysis = analyse_run(&log, &AnalysisSettings::default()).unwrap();
    assert_eq!(analysis.epochs.height(), 12);
    assert_eq!(analysis.events.height(), 200);
    assert_eq!(analysis.datamap.height(), 200);
    let onset = analysis.phases.memorisation_onset.as_ref().unwrap();
    assert!((6.0..=8.0).contains(&onset.epoch), "{onset:?}");
    assert_eq!(onset.examples_seen, Some(40 * onset.epoch as u64));
    let best = analysis.best_detection_epoch.unwrap();
    assert!((2..=6).contains(&best), "best at {best}");
    let f1 = analysis.epochs.column("noise_f1").unwrap().f64().unwrap();
    assert!(f1.get(best as usize - 1).unwrap() > 0.95);
    assert_eq!(analysis.clusters.height(), 4);
    // 29 of 200 tokens are noisy; all of them are learned late, so all first learn after the clean ones.
    let shares = analysis.shares.column("n").unwrap().u64().unwrap();
    assert_eq!((shares.get(0), shares.get(1), shares.get(2)), (Some(200), Some(171), Some(29)));
    assert!(analysis.precision_recall.height() > 10);
    let again = analyse_run(&log, &AnalysisSettings::default()).unwrap();
    for ((name, first), (_, second)) in analysis.tables().into_iter().zip(again.tables()) {
        assert!(first.equals_missing(second), "table {name} differs from run to run");
    }
}

#[test]
fn dataset_cartography_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("training_dynamics");
    fs_err::create_dir_all(&inner).unwrap();
    fs_err::write(
        inner.join("dynamics_epoch_0.jsonl"),
        "{\"guid\": 10, \"logits_epoch_0\": [2.0, 0.0], \"gold\": 0}\n{\"guid\": 9, \"logits_epoch_0\": [2.0, 0.0], \"gold\": 1}\n",
    )
    .unwrap();
    fs_err::write(
        inner.join("dynamics_epoch_1.jsonl"),
        "{\"guid\": 9, \"logits_epoch_1\": [0.0, 1.0], \"gold\": 1}\n{\"guid\": 10, \"logits_epoch_1\": [0.0, 1.0], \"gold\": 0}\n",
    )
    .unwrap();
    let log = Log::open(folder.path()).unwrap();
    assert_eq!(log.tokens().word, ["9", "10"]);
    assert_eq!((log.tokens().given.as_slice(), log.epochs()), ([1, 0].as_slice(), [1, 2].as_slice()));
    assert_eq!(log.epoch(1).unwrap().eval.unwrap().correct, [false, true]);
    assert_eq!(log.epoch(2).unwrap().eval.unwrap().correct, [true, false]);
    let analysis = analyse_run(&log, &AnalysisSettings::default()).unwrap();
    assert_eq!(analysis.events.height(), 2);
    assert_eq!(analysis.best_detection_epoch, None);

    fs_err::write(inner.join("dynamics_epoch_1.jsonl"), "{\"guid\": 9, \"logits_epoch_1\": [0.0], \"gold\": 1}\n")
        .unwrap();
    let (message, _) = refusal(folder.path(), 2);
    assert!(message.contains("dynamics_epoch_1.jsonl:1: "), "{message}");
}

#[test]
fn logs_of_pandas_and_of_pyarrow_are_read_kindly() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/log");
    let log = Log::open(folder.join("pandas")).unwrap();
    assert_eq!(log.tokens().labels, ["O", "B-PER", "I-PER"], "tags in `given` make the inventory");
    let analysis = analyse_run(&log, &AnalysisSettings::default()).unwrap();
    assert_eq!(analysis.epochs.height(), 8);
    let with_metadata = Log::open(folder.join("pyarrow")).unwrap();
    assert_eq!(with_metadata.tokens().given, log.tokens().given);
    assert_eq!(with_metadata.epoch(3).unwrap(), log.epoch(3).unwrap());
}

#[test]
fn a_missing_column_is_named_with_its_file() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/log/without-loss");
    let (message, _) = refusal(&folder, 1);
    assert!(message.contains("epoch=1.parquet") && message.contains("column `loss` is missing"), "{message}");
}
