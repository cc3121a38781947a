//! What a dry run says of time and disk. Nothing here asks how long something took.

use std::path::Path;
use std::time::Duration;

use memoscope::config::{Experiment, Layers};
use memoscope::dynamics::StepRecord;
use memoscope::estimate::Forecast;
use memoscope::run::{Monitor, RunRequest, Silent, StopFlag, execute};
use memoscope::study::{Layout, StudyEstimate, estimate_study, grid};
use memoscope::{Error, corpus};

use crate::train::encoder;
use crate::workspace::{Workspace, repository};

const SHORT: Duration = Duration::from_millis(1);

fn experiment(file: &str, out: &Path, settings: &[(&str, &str)]) -> Experiment {
    let mut layers = Layers::new();
    layers.file(&repository(file)).unwrap();
    for (key, value) in settings {
        layers.set(key, value, key).unwrap();
    }
    layers.set("out", out.to_str().unwrap(), "--out").unwrap();
    layers.finish().unwrap()
}

fn estimated(experiment: &Experiment) -> StudyEstimate {
    estimate_study(experiment, SHORT).unwrap()
}

/// Does the first run of an experiment.
fn run(experiment: &Experiment, monitor: &mut dyn Monitor, stop: &StopFlag) -> memoscope::Result<()> {
    let config = grid(experiment).unwrap().remove(0);
    let corpus = corpus::load(&config.data).unwrap();
    let folder = Layout::of(experiment).folder_of(&config);
    let request = RunRequest { config: &config, folder: &folder, corpus: &corpus, position: (1, 1) };
    execute(&request, monitor, stop).map(|_| ())
}

fn size(path: &Path) -> u64 {
    match path.is_dir() {
        true => fs_err::read_dir(path).unwrap().map(|entry| size(&entry.unwrap().path())).sum(),
        false => path.metadata().unwrap().len(),
    }
}

struct StopIn(u64, StopFlag);

impl Monitor for StopIn {
    fn step(&mut self, _run: usize, record: &StepRecord) {
        if record.step == self.0 {
            self.1.request();
        }
    }
}

#[test]
fn the_size_of_a_run_is_known_before_it_is_begun() {
    let encoder = encoder();
    let model = ("model", encoder.path().to_str().unwrap());
    let prototypes = [("model.head.kind", "prototypes"), ("train.episodes.steps", "12")];
    for settings in [&[("train.save_model", "true")][..], &prototypes, &[("train.eval_pass", "false")]] {
        let workspace = Workspace::new();
        let settings = [&[model, ("noise", "0.3"), ("epochs", "4")], settings].concat();
        let experiment = experiment("experiments/smoke.toml", workspace.path(), &settings);
        let before = estimated(&experiment).runs;
        assert_eq!((before.shapes, before.runs_left()), (1, 1));
        assert!(!workspace.path().join("runs").exists(), "an estimate leaves nothing");
        let stop = StopFlag::default();
        assert!(matches!(run(&experiment, &mut StopIn(9, stop.clone()), &stop), Err(Error::Interrupted)));
        let folder = Layout::of(&experiment).folder_of(&grid(&experiment).unwrap()[0]);
        let (checkpoint, while_running) = (size(&folder.join("checkpoint")), before.bytes_running(1));
        assert!((checkpoint..=2 * checkpoint).contains(&while_running), "{while_running} for {checkpoint}");

        run(&experiment, &mut Silent, &StopFlag::default()).unwrap();
        let (expected, real) = (before.bytes() as f64, size(&folder) as f64);
        assert!(expected < 1.5 * real && real < 1.5 * expected, "{settings:?}: {expected} and {real}");
        let after = estimated(&experiment).runs;
        assert_eq!((after.runs_left(), after.seconds_left(1), after.bytes(), after.shapes), (0, 0.0, 0, 0));
        assert!(after.runs[0].seconds > 0.0, "a finished run took its time");
    }
}

#[test]
fn what_a_broken_run_has_done_is_taken_off() {
    let encoder = encoder();
    let workspace = Workspace::new();
    let settings = [("model", encoder.path().to_str().unwrap()), ("noise", "0,0.3"), ("epochs", "4")];
    let experiment = experiment("experiments/smoke.toml", workspace.path(), &settings);
    let stop = StopFlag::default();
    // Seven steps an epoch: in the fourth of four.
    assert!(run(&experiment, &mut StopIn(24, stop.clone()), &stop).is_err());
    let runs = estimated(&experiment).runs.runs;
    assert_eq!((runs[0].shape, runs[0].seconds), (runs[1].shape, runs[1].seconds));
    assert!(runs[0].seconds_left < runs[1].seconds_left, "{runs:?}");
    assert_eq!(runs[1].seconds_left, runs[1].seconds);
}

#[test]
fn seeds_and_levels_share_a_shape_and_caps_only_scale_it() {
    let encoder = encoder();
    let workspace = Workspace::new();
    let model = ("model", encoder.path().to_str().unwrap());
    let small = [model, ("data.train_sentences", "120"), ("data.dev_sentences", "20"), ("epochs", "2")];
    let caps = [&small[..], &[("study.sentences", "0,5,15,20,30")]].concat();
    let caps = experiment("experiments/class-caps.toml", workspace.path(), &caps);
    let estimate = estimated(&caps).runs;
    assert_eq!((estimate.shapes, estimate.runs.len()), (1, 88));
    let (least, most) =
        (estimate.runs.iter().map(|run| run.bytes).min(), estimate.runs.iter().map(|run| run.bytes).max());
    assert!(least < most, "fewer sentences are fewer rows");

    let settings = [&small[..], &[("study.encoders.bilstm-crf.batch_size", "32")]].concat();
    let forgetting = experiment("experiments/forgetting.toml", workspace.path(), &settings);
    let estimate = estimated(&forgetting).runs;
    assert_eq!((estimate.shapes, estimate.runs.len()), (2, 27));
    let forecast = Forecast::of(&estimate);
    assert_eq!(forecast.seconds_left(1), None, "nothing is measured yet");
}

#[test]
fn encoders_that_are_yet_to_be_pretrained_are_stood_in_for() {
    let workspace = Workspace::new();
    let mut settings =
        vec![("pretraining.sentences", "200"), ("pretraining.vocabulary", "200"), ("pretraining.layers", "1")];
    settings.extend([("pretraining.hidden", "16"), ("pretraining.heads", "2"), ("pretraining.intermediate", "32")]);
    settings.extend([
        ("pretraining.epochs", "4"),
        ("study.pretraining_steps", "0,4"),
        ("noise", "0.3"),
        ("seeds", "1"),
    ]);
    settings.extend([("data.train_sentences", "60"), ("data.dev_sentences", "10"), ("epochs", "2")]);
    let experiment = experiment("experiments/pretraining.toml", workspace.path(), &settings);
    let estimate = estimated(&experiment);
    let pretraining = estimate.pretraining.unwrap();
    assert!(pretraining.seconds_left > 0.0 && pretraining.bytes > 0);
    assert_eq!((estimate.runs.shapes, estimate.runs.runs_left()), (1, 2));
    assert!(!workspace.path().join("runs").exists(), "an estimate leaves nothing");
}

#[test]
fn a_dry_run_ends_with_time_and_disk_and_writes_nothing() {
    let encoder = encoder();
    let workspace = Workspace::new();
    let model = encoder.path().to_str().unwrap();
    let smoke = repository("experiments/smoke.toml").display().to_string();
    for arguments in [&["sweep", &smoke, "--model", model][..], &["train", &smoke, "noise=0.3", "--model", model]] {
        let said = workspace.run(&[arguments, &["--out", "out", "--dry-run", "--threads", "1"]].concat());
        assert_eq!(said.code, 0, "{said}");
        let last: Vec<&str> = said.stdout.lines().rev().take(2).collect();
        assert!(last[1].starts_with("# estimated: ") && last[1].contains(" of training on 1 thread, "), "{said}");
        assert!(last[1].ends_with(" more while running)") && last[0].starts_with("# "), "{said}");
        let toml: toml::Table = said.stdout.parse().unwrap();
        assert!(toml.contains_key("train"), "what is printed is still a configuration");
    }
    assert!(fs_err::read_dir(workspace.path()).unwrap().next().is_none());

    // What cannot be loaded is said, after what was asked for.
    let said = workspace.run(&["sweep", &smoke, "--data", "nowhere", "--dry-run"]);
    assert_eq!(said.code, 3, "{said}");
    assert!(said.stdout.contains("# 2 runs, report in ") && said.stderr.contains("nowhere"), "{said}");
    let said = workspace.run(&["sweep", &smoke, "--data", "nowhere", "--dry-run", "--no-estimate"]);
    assert_eq!(said.code, 0, "{said}");
    let said = workspace.run(&["sweep", &smoke, "--no-estimate"]);
    assert_eq!(said.code, 2, "{said}");
}

#[test]
fn a_dry_run_of_an_audit_ends_with_time_and_disk() {
    let encoder = encoder();
    let workspace = Workspace::new();
    assert_eq!(workspace.run(&["corpus", "generate", "--out", "text"]).code, 0);
    let text = workspace.read("text/train.txt");
    let some: Vec<&str> = text.split("\n\n").take(60).collect();
    workspace.file("mine.txt", &(some.join("\n\n") + "\n"));
    fs_err::remove_dir_all(workspace.path().join("text")).unwrap();
    let model = encoder.path().to_str().unwrap();
    let said = workspace.run(&["audit", "mine.txt", "--model", model, "--folds", "2", "--epochs", "2", "--dry-run"]);
    assert_eq!(said.code, 0, "{said}");
    assert!(said.stdout.contains("\n# estimated: ") && said.stdout.contains(" of training on "), "{said}");
    assert_eq!(fs_err::read_dir(workspace.path()).unwrap().count(), 1, "nothing is written");
}
