//! Tests of [`super`].

use super::*;
use crate::run::Silent;
use crate::train::pretrain::Progress;

fn settings() -> PretrainSettings {
    PretrainSettings {
        sentences: 200,
        vocabulary: 200,
        layers: 1,
        hidden: 16,
        heads: 2,
        intermediate: 32,
        max_subwords: 24,
        epochs: 3,
        batch_size: 16,
        ..PretrainSettings::default()
    }
}

fn execute(settings: &PretrainSettings, folder: &Path, checkpoints: &[u64], finish: bool) -> Result<Pretrained> {
    let pretraining = Pretraining { settings, folder, checkpoints, finish };
    pretraining.execute(&Device::Cpu, &mut Silent, &StopFlag::default())
}

fn weights(folder: &Path, step: Option<u64>) -> Vec<u8> {
    let model = step.map_or_else(|| folder.to_owned(), |step| Pretraining::checkpoint_in(folder, step));
    fs::read(model.join("model.safetensors")).unwrap()
}

/// Asks to stop after a step, and counts those it hears of.
struct StopAfter<'a>(u64, &'a StopFlag, u64);

impl Monitor for StopAfter<'_> {
    fn pretraining(&mut self, progress: &Progress) {
        self.2 += 1;
        if progress.step == self.0 {
            self.1.request();
        }
    }
}

#[test]
fn a_broken_pretraining_goes_on_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (straight, broken) = (folder.path().join("straight"), folder.path().join("broken"));
    let settings = settings();
    let whole = execute(&settings, &straight, &[0, 5, 14], true).unwrap();
    assert_eq!(whole.checkpoints.iter().map(|report| report.steps).collect::<Vec<_>>(), [0, 5, 14]);
    let finished = whole.finished.as_ref().unwrap();
    assert_eq!((finished.steps, finished.planned_steps, finished.learning_rate), (36, 36, 0.0));
    assert!(!straight.join("state.safetensors").exists());

    for at in [3, 9, 20] {
        let stop = StopFlag::default();
        let mut monitor = StopAfter(at, &stop, 0);
        let pretraining = Pretraining { settings: &settings, folder: &broken, checkpoints: &[0, 5, 14], finish: true };
        let result = pretraining.execute(&Device::Cpu, &mut monitor, &stop);
        assert!(matches!(result, Err(Error::Interrupted)), "{result:?}");
    }
    let stop = StopFlag::default();
    let mut monitor = StopAfter(u64::MAX, &stop, 0);
    let pretraining = Pretraining { settings: &settings, folder: &broken, checkpoints: &[0, 5, 14], finish: true };
    assert_eq!(pretraining.execute(&Device::Cpu, &mut monitor, &stop).unwrap(), whole);
    assert_eq!(monitor.2, 16, "20 of 36 steps were taken before");
    for step in [Some(0), Some(5), Some(14), None] {
        assert!(weights(&straight, step) == weights(&broken, step), "{step:?} differs");
    }
    assert_ne!(weights(&straight, Some(14)), weights(&straight, None));
}

#[test]
fn more_checkpoints_may_be_asked_for_later() {
    let folder = tempfile::tempdir().unwrap();
    let (one, all) = (folder.path().join("one"), folder.path().join("all"));
    let settings = settings();
    execute(&settings, &all, &[4, 8, 12, 36], false).unwrap();
    assert!(!all.join("model.safetensors").exists(), "the finished model was not asked for");
    execute(&settings, &one, &[8], false).unwrap();
    assert!(one.join("state.safetensors").is_file(), "there are steps left");
    let begun = fs::metadata(Pretraining::checkpoint_in(&one, 8).join("pretraining.json")).unwrap().modified().unwrap();
    // One behind the state, then one before it.
    execute(&settings, &one, &[8, 12], false).unwrap();
    execute(&settings, &one, &[4, 8, 12], false).unwrap();
    for step in [4, 8, 12] {
        assert!(weights(&one, Some(step)) == weights(&all, Some(step)), "{step} differs");
    }
    let after = fs::metadata(Pretraining::checkpoint_in(&one, 8).join("pretraining.json")).unwrap().modified().unwrap();
    assert_eq!(begun, after, "a finished checkpoint was written again");
    // What is finished needs no step, nor a lease.
    let stop = StopFlag::default();
    stop.request();
    let again = Pretraining { settings: &settings, folder: &one, checkpoints: &[12, 4, 4], finish: false };
    assert_eq!(again.execute(&Device::Cpu, &mut Silent, &stop).unwrap().checkpoints.len(), 2);
}

#[test]
fn another_pretraining_and_other_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let of = |lines: usize| {
        let text: Vec<String> = (0..lines).map(|i| format!("line {i} of a text\n")).collect();
        fs::write(folder.path().join("text.txt"), text.concat()).unwrap();
    };
    of(40);
    let settings = PretrainSettings { text: Some(folder.path().join("text.txt")), ..settings() };
    execute(&settings, &out, &[2], false).unwrap();
    let manifest = fs::read_to_string(out.join("manifest.json")).unwrap();
    assert!(manifest.contains("\"text\": \"text.txt\""), "a place of this machine: {manifest}");

    let refused = |result: Result<Pretrained>| match result {
        Err(Error::Config(problem)) => problem.what,
        other => panic!("{other:?}"),
    };
    let words = refused(execute(&PretrainSettings { epochs: 4, ..settings.clone() }, &out, &[2], false));
    assert_eq!(words, "the folder holds another pretraining: `epochs` is 3 there and 4 here");
    of(41);
    let words = refused(execute(&settings, &out, &[2], false));
    assert_eq!(words, "the folder holds a pretraining on another text: it has changed since");
    of(40);
    let words = refused(execute(&settings, &out, &[10], false));
    assert_eq!(words, "a checkpoint after 10 steps, and the pretraining has 9");
    let words = refused(execute(&settings, folder.path(), &[2], false));
    assert!(words.contains("something else than a pretraining"), "{words}");
    fs::write(out.join("manifest.json"), "{\"schema\": 1}").unwrap();
    assert!(refused(execute(&settings, &out, &[2], false)).contains("not that of a pretraining"));
}
