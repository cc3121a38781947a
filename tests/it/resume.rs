//! Checkpoints within an epoch: wherever a run is stopped or killed, it continues to the bytes of a straight one.

use std::path::{Path, PathBuf};

use memoscope::config::{Experiment, Layers};
use memoscope::corpus::Split;
use memoscope::dynamics::{CurvePoint, Log, Observations, Probabilities, StepRecord};
use memoscope::metrics::entity::TypeScores;
use memoscope::model::HeadSettings;
use memoscope::model::checkpoint::{self, Checkpoint, Precision};
use memoscope::run::{Fold, Manifest, Monitor, Outcome, RunConfig, RunRequest, Silent, Status, StopFlag, execute};
use memoscope::train::{EpochEnd, Observer, TrainSettings, Trainer};
use memoscope::{Error, Result, corpus, study};
use proptest::prelude::*;

use crate::train::{data, encoder, heads, models, saved, settings, tagger_with};
use crate::workspace::{Workspace, repository};

/// What a training showed.
#[derive(Default, Clone, PartialEq, Debug)]
struct Seen {
    steps: Vec<StepRecord>,
    curve: Vec<CurvePoint>,
    types: Vec<TypeScores>,
    epochs: Vec<(Option<Observations>, Option<Observations>, Option<Probabilities>)>,
}

/// Keeps what it is told; writes checkpoints after some steps, and stops or is killed after another.
struct Watcher<'a> {
    folder: &'a Path,
    keep: Option<Split>,
    seen: Seen,
    /// What had been seen at the last checkpoint.
    kept: Seen,
    /// Steps after which a checkpoint is due.
    due: Vec<u64>,
    stop_after: u64,
    kill_after: u64,
}

impl<'a> Watcher<'a> {
    fn new(folder: &'a Path, keep: Option<Split>) -> Self {
        let seen = Seen::default;
        Self { folder, keep, seen: seen(), kept: seen(), due: Vec::new(), stop_after: u64::MAX, kill_after: u64::MAX }
    }

    fn step_now(&self) -> u64 {
        self.seen.steps.last().map_or(0, |record| record.step)
    }
}

impl Observer for Watcher<'_> {
    fn step(&mut self, record: &StepRecord) -> Result<()> {
        if record.step > self.kill_after {
            return Err(Error::Internal("killed".into()));
        }
        self.seen.steps.push(StepRecord { seconds: 0.0, ..*record });
        Ok(())
    }

    fn evaluation(&mut self, point: &CurvePoint, types: &[TypeScores]) -> Result<()> {
        self.seen.curve.push(*point);
        self.seen.types.extend_from_slice(types);
        Ok(())
    }

    fn epoch(&mut self, end: EpochEnd<'_>) -> Result<()> {
        self.seen.epochs.push((end.train, end.eval, end.probabilities));
        self.checkpoint(end.trainer)
    }

    fn keep_probabilities(&self) -> Option<Split> {
        self.keep
    }

    fn stop_requested(&self) -> bool {
        self.step_now() >= self.stop_after
    }

    fn checkpoint_due(&self) -> bool {
        self.due.contains(&self.step_now())
    }

    fn checkpoint(&mut self, trainer: &Trainer) -> Result<()> {
        self.kept = self.seen.clone();
        trainer.save_checkpoint(self.folder)
    }
}

/// A training of one kind.
struct Case<'a> {
    model: &'a Path,
    head: HeadSettings,
    settings: TrainSettings,
    keep: Option<Split>,
}

impl Case<'_> {
    fn trainer(&self) -> Trainer {
        let data = data();
        Trainer::new(tagger_with(self.model, &data.labels, &self.head), &data, &self.settings, 11).unwrap()
    }

    fn straight(&self) -> (Seen, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let (mut trainer, mut watcher) = (self.trainer(), Watcher::new(folder.path(), self.keep));
        trainer.run(&mut watcher).unwrap();
        (watcher.seen, saved(trainer.tagger()))
    }

    /// The same training in several sessions. Each ends after its step: stopped, with a checkpoint, or killed, which leaves
    /// the checkpoint that was due before. The last one goes on to the end.
    fn broken(&self, sessions: &[Session]) -> (Seen, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let mut seen = Seen::default();
        for session in sessions.iter().chain([&Session::default()]) {
            let mut trainer = self.trainer();
            if Trainer::has_checkpoint(folder.path()) {
                trainer.load_checkpoint(folder.path()).unwrap();
                assert_eq!(trainer.steps(), seen.steps.last().map_or(0, |record| record.step));
            }
            let mut watcher = Watcher::new(folder.path(), self.keep);
            (watcher.seen, watcher.kept) = (seen.clone(), seen);
            watcher.due.clone_from(&session.due);
            (watcher.stop_after, watcher.kill_after) = (session.stop_after, session.kill_after);
            let result = trainer.run(&mut watcher);
            seen = watcher.kept;
            if result.is_ok() {
                return (seen, saved(trainer.tagger()));
            }
        }
        panic!("the last session did not end well")
    }
}

#[derive(Debug, Clone)]
struct Session {
    due: Vec<u64>,
    stop_after: u64,
    kill_after: u64,
}

impl Default for Session {
    fn default() -> Self {
        Self { due: Vec::new(), stop_after: u64::MAX, kill_after: u64::MAX }
    }
}

fn assert_same((seen, weights): &(Seen, Vec<u8>), (whole, whole_weights): &(Seen, Vec<u8>), what: &str) {
    assert_eq!(seen.steps, whole.steps, "{what}");
    assert_eq!(seen.curve, whole.curve, "{what}");
    assert_eq!(seen.types, whole.types, "{what}");
    assert!(seen.epochs == whole.epochs, "{what}: the epochs differ");
    assert!(weights == whole_weights, "{what}: the weights differ");
}

/// Four steps an epoch, evaluated after the second and the fourth: stopping after every one of them, each time in a process
/// of its own, meets every kind of step.
#[test]
fn a_training_that_stops_after_every_step_is_the_whole_one() {
    let encoder = encoder();
    let kept = [Some(Split::Train), Some(Split::Dev), None, Some(Split::Train), Some(Split::Dev)];
    for ((model, head), keep) in models(encoder.path()).into_iter().zip(kept) {
        let settings = TrainSettings { epochs: 2, evaluations_per_epoch: 2, ..settings() };
        let case = Case { model, head, settings, keep };
        let whole = case.straight();
        let steps = whole.0.steps.len() as u64;
        let sessions: Vec<Session> =
            (1..=steps).map(|stop_after| Session { stop_after, ..Session::default() }).collect();
        assert_same(&case.broken(&sessions), &whole, &format!("{:?}, {keep:?}", case.head.kind));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn stops_and_kills_anywhere_change_nothing(
        head in 0..5usize,
        accumulation in 1..4usize,
        evaluations_per_epoch in 1..5u32,
        keep in prop::sample::select(vec![None, Some(Split::Train), Some(Split::Dev)]),
        sessions in prop::collection::vec((prop::collection::vec(1..16u64, 0..3), 1..16u64, any::<bool>()), 1..4),
    ) {
        let encoder = encoder();
        let [.., crf] = heads();
        let (model, head) = match heads().into_iter().nth(head) {
            Some(head) => (encoder.path(), head),
            None => (Path::new("bilstm"), crf),
        };
        let settings = TrainSettings { batch_size: 8, epochs: 2, accumulation, evaluations_per_epoch, ..settings() };
        let case = Case { model, head, settings, keep };
        let sessions: Vec<Session> = sessions
            .into_iter()
            .map(|(due, at, stop)| match stop {
                true => Session { due, stop_after: at, kill_after: u64::MAX },
                false => Session { due, stop_after: u64::MAX, kill_after: at },
            })
            .collect();
        assert_same(&case.broken(&sessions), &case.straight(), &format!("{sessions:?}"));
    }
}

/// The experiment of one small run: two epochs of four steps.
fn experiment(settings: &[(&str, &str)]) -> Experiment {
    let small =
        [("noise", "0.3"), ("data.train_sentences", "60"), ("data.dev_sentences", "10"), ("train.batch_size", "16")];
    let mut layers = Layers::new();
    layers.file(&repository("experiments/smoke.toml")).unwrap();
    for (key, value) in small.iter().chain(&[("train.save_model", "true")]).chain(settings) {
        layers.set(key, value, key).unwrap();
    }
    layers.finish().unwrap()
}

/// The runs that are broken off: with an encoder, with episodes, and with a fold that is held out or none.
fn runs(encoder: &Path) -> Vec<RunConfig> {
    let mut configs = Vec::new();
    for settings in [&[][..], &[("model.head.kind", "prototypes"), ("train.episodes.steps", "8")]] {
        let mut config = study::grid(&experiment(settings)).unwrap().remove(0);
        config.model.head.dimensions = 16;
        config.model.source = encoder.display().to_string();
        configs.push(config);
    }
    for folds in [1, 3] {
        configs.push(RunConfig { fold: Some(Fold { folds, index: 0 }), ..configs[0].clone() });
    }
    configs
}

fn run(config: &RunConfig, folder: &Path, monitor: &mut dyn Monitor, stop: &StopFlag) -> Result<Outcome> {
    let corpus = corpus::load(&config.data).unwrap();
    execute(&RunRequest { config, folder, corpus: &corpus, position: (1, 1) }, monitor, stop)
}

/// Asks to stop in a step.
struct StopIn<'a>(u64, &'a StopFlag);

impl Monitor for StopIn<'_> {
    fn step(&mut self, _run: usize, record: &StepRecord) {
        if record.step == self.0 {
            self.1.request();
        }
    }
}

/// Copies the run's folder in each step: what a kill at that moment leaves.
struct Copies<'a> {
    run: &'a Path,
    to: &'a Path,
}

impl Copies<'_> {
    fn of(to: &Path, step: u64) -> PathBuf {
        to.join(format!("killed-in-{step}"))
    }
}

impl Monitor for Copies<'_> {
    fn step(&mut self, _run: usize, record: &StepRecord) {
        let copied = Self::of(self.to, record.step);
        copy(self.run, &copied);
        // The process that was killed is this one, which lives.
        fs_err::remove_file(copied.join(".lease")).unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    fs_err::create_dir_all(to).unwrap();
    for entry in fs_err::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs_err::copy(&path, &to).unwrap();
        }
    }
}

/// Everything in two run folders is the same but clocks.
fn assert_same_runs(one: &Path, other: &Path, what: &str) {
    let steps = |folder: &Path| -> Vec<StepRecord> {
        let steps = Log::open(folder).unwrap().steps().unwrap();
        steps.into_iter().map(|record| StepRecord { seconds: 0.0, ..record }).collect()
    };
    assert_eq!(steps(one), steps(other), "{what}");
    let names = |folder: &Path| -> Vec<PathBuf> {
        let mut names = Vec::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(inner) = folders.pop() {
            for entry in fs_err::read_dir(&inner).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => names.push(path.strip_prefix(folder).unwrap().to_owned()),
                }
            }
        }
        names.sort();
        names
    };
    assert_eq!(names(one), names(other), "{what}");
    for name in names(one) {
        if !["manifest.json", "steps.parquet", ".lease"].iter().any(|clock| name == Path::new(clock)) {
            let same = fs_err::read(one.join(&name)).unwrap() == fs_err::read(other.join(&name)).unwrap();
            assert!(same, "{what}: {} differs", name.display());
        }
    }
}

#[test]
fn a_run_that_stops_in_an_epoch_leaves_a_checkpoint_and_goes_on_to_the_same_bytes() {
    let encoder = encoder();
    for config in runs(encoder.path()) {
        let workspace = Workspace::new();
        let (straight, broken) = (workspace.path().join("straight"), workspace.path().join("broken"));
        run(&config, &straight, &mut Silent, &StopFlag::default()).unwrap();
        let steps = Manifest::read(&straight).unwrap().encoding.steps_per_epoch;
        for step in 1..2 * steps {
            let stop = StopFlag::default();
            let result = run(&config, &broken, &mut StopIn(step, &stop), &stop);
            assert!(matches!(result, Err(Error::Interrupted)), "{result:?}");
            let manifest = Manifest::read(&broken).unwrap();
            assert_eq!((manifest.status, manifest.resumed), (Status::Interrupted, step as u32 - 1));
            // After the last step of an epoch its eval pass is still to come.
            let epochs = (step - 1) / steps;
            assert_eq!((u64::from(manifest.epochs_finished), manifest.steps_finished), (epochs, step - epochs * steps));
        }
        run(&config, &broken, &mut Silent, &StopFlag::default()).unwrap();
        assert_same_runs(&broken, &straight, &config.id);
        let manifest = Manifest::read(&broken).unwrap();
        assert_eq!((manifest.epochs_finished, manifest.steps_finished), (2, 0));
    }
}

#[test]
fn a_kill_loses_no_more_than_the_steps_after_the_last_checkpoint() {
    let encoder = encoder();
    for mut config in runs(encoder.path()) {
        // A checkpoint after each step.
        config.train.checkpoint_minutes = Some(1e-12);
        let workspace = Workspace::new();
        let straight = workspace.path().join("straight");
        run(&config, &straight, &mut Copies { run: &straight, to: workspace.path() }, &StopFlag::default()).unwrap();
        let steps = Manifest::read(&straight).unwrap().encoding.steps_per_epoch;
        for step in [steps, steps + 2] {
            let killed = Copies::of(workspace.path(), step);
            let manifest = Manifest::read(&killed).unwrap();
            let before = u64::from(manifest.epochs_finished) * steps + manifest.steps_finished;
            assert_eq!((manifest.status, before), (Status::Running, step - 1));
            // A kill while the log is written: it is ahead of the checkpoint.
            for name in ["steps.parquet", "curve.parquet"] {
                fs_err::copy(straight.join(name), killed.join(name)).unwrap();
            }
            run(&config, &killed, &mut Silent, &StopFlag::default()).unwrap();
            assert_same_runs(&killed, &straight, &format!("killed in step {step}"));
        }
    }
}

/// A checkpoint and a manifest as they were before there were checkpoints within an epoch, and optimisers with names.
#[test]
fn a_run_that_an_earlier_version_broke_off_is_resumed() {
    let workspace = Workspace::new();
    let encoder = encoder();
    let config = runs(encoder.path()).remove(0);
    let (straight, broken) = (workspace.path().join("straight"), workspace.path().join("broken"));
    run(&config, &straight, &mut Copies { run: &straight, to: workspace.path() }, &StopFlag::default()).unwrap();
    let steps = Manifest::read(&straight).unwrap().encoding.steps_per_epoch;
    copy(&Copies::of(workspace.path(), steps + 1), &broken);

    let mut manifest: serde_json::Value =
        serde_json::from_str(&fs_err::read_to_string(Manifest::path(&broken)).unwrap()).unwrap();
    assert!(manifest.as_object_mut().unwrap().remove("steps_finished").is_some());
    assert!(manifest["config"]["train"].as_object_mut().unwrap().remove("checkpoint_minutes").is_some());
    assert!(manifest["config"]["train"].as_object_mut().unwrap().remove("optimizer").is_some());
    fs_err::write(Manifest::path(&broken), manifest.to_string()).unwrap();
    let path = broken.join("checkpoint/checkpoint.safetensors");
    let bytes = fs_err::read(&path).unwrap();
    let mut tensors = Vec::new();
    let mut held = Checkpoint::parse(&bytes, &path).unwrap();
    for name in held.rest() {
        let shape = held.shape(&name).unwrap().to_vec();
        let earlier = name.strip_prefix("optimizer.").unwrap_or(&name).to_owned();
        tensors.push((earlier, shape.clone(), held.take(&name, &shape).unwrap().unwrap()));
    }
    let named = |prefix| tensors.iter().filter(|(name, ..)| name.starts_with(prefix)).count();
    assert!(named("first.") > 0 && named("first.") == named("parameter.") && named("second.") == named("parameter."));
    let position = checkpoint::extra(&bytes);
    let extra = ["epoch", "step", "missed_decay"].map(|key| (key, position[key].clone()));
    checkpoint::write(&path, &tensors, Precision::Single, &extra).unwrap();

    run(&config, &broken, &mut Silent, &StopFlag::default()).unwrap();
    assert_eq!(Manifest::read(&broken).unwrap().resumed, 1);
    assert_same_runs(&broken, &straight, "of an earlier version");
}

#[test]
fn another_time_between_checkpoints_is_the_same_run() {
    let workspace = Workspace::new();
    let folder = workspace.path().join("run");
    let encoder = encoder();
    let mut config = runs(encoder.path()).remove(0);
    let stop = StopFlag::default();
    assert!(run(&config, &folder, &mut StopIn(2, &stop), &stop).is_err());
    config.train.checkpoint_minutes = None;
    run(&config, &folder, &mut Silent, &StopFlag::default()).unwrap();
    config.train.checkpoint_minutes = Some(30.0);
    let outcome = run(&config, &folder, &mut Silent, &StopFlag::default()).unwrap();
    assert!(matches!(outcome, Outcome::Skipped(_)));
}

#[test]
fn a_checkpoint_that_cannot_be_written_is_the_error_reported() {
    let workspace = Workspace::new();
    let folder = workspace.path().join("run");
    let encoder = encoder();
    let config = runs(encoder.path()).remove(0);
    // A file in the place of its folder.
    fs_err::create_dir_all(&folder).unwrap();
    struct Block<'a>(&'a Path, &'a StopFlag);
    impl Monitor for Block<'_> {
        fn step(&mut self, _run: usize, _record: &StepRecord) {
            fs_err::write(self.0.join("checkpoint"), "").unwrap();
            self.1.request();
        }
    }
    let stop = StopFlag::default();
    let error = run(&config, &folder, &mut Block(&folder, &stop), &stop).unwrap_err();
    assert!(matches!(error, Error::Io { .. }) && error.to_string().contains("checkpoint"), "{error}");
    assert_eq!(Manifest::read(&folder).unwrap().status, Status::Failed);
}

#[cfg(unix)]
#[test]
fn sigterm_stops_after_the_step_and_the_same_command_goes_on_in_the_epoch() {
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    let workspace = Workspace::new();
    let smoke = repository("experiments/smoke.toml").display().to_string();
    // One epoch of many steps, a checkpoint after each.
    let settings =
        ["noise=0.3", "epochs=1", "data.train_sentences=200", "train.batch_size=1", "train.checkpoint_minutes=1e-12"];
    let encoder = encoder();
    let model = encoder.path().to_str().unwrap();
    let arguments = |out: &'static str| [&["train", &smoke, "--model", model, "--out", out], &settings[..]].concat();
    let run = workspace.path().join("out/runs/noise=0.30/seed=1");
    let mut before = 0;
    for resumed in [0, 1] {
        let child = Command::new(assert_cmd::cargo::cargo_bin!("memoscope"))
            .current_dir(workspace.path())
            .args(arguments("out"))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        let steps = || Manifest::read(&run).map_or(0, |manifest| manifest.steps_finished);
        while steps() <= before {
            assert!(begun.elapsed() < Duration::from_secs(120), "no step was kept");
            std::thread::sleep(Duration::from_millis(5));
        }
        Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(130), "{said}");
        if resumed > 0 {
            assert!(said.contains(&format!("; resumed in epoch 1 after step {before} of 200")), "{said}");
        }
        let manifest = Manifest::read(&run).unwrap();
        assert_eq!((manifest.status, manifest.epochs_finished), (Status::Interrupted, 0));
        assert_eq!(manifest.resumed, resumed);
        assert!(manifest.steps_finished > before && manifest.steps_finished < 200);
        before = manifest.steps_finished;
    }
    // Without checkpoints within the epoch it is the same run, and faster.
    for out in ["out", "straight"] {
        let said = workspace.run(&[&arguments(out)[..], &["--set", "train.checkpoint_minutes=0"]].concat());
        assert_eq!(said.code, 0, "{said}");
    }
    assert_same_runs(&run, &workspace.path().join("straight/runs/noise=0.30/seed=1"), "stopped twice");
}
