use std::path::Path;

use crate::config::tests::{load, problem, set};
use crate::config::{Experiment, GridAxis, Layers, NamedPoint};

const ENCODERS: &str = "[study]\nkind = \"forgetting\"\n[[study.encoders]]\nname = \"small\"\n[[study.encoders]]\nname = \
                        \"small-random\"\nrandom_init = true\n[[study.encoders]]\nname = \"v1.5\"\nsource = \
                        \"large/\"\nlearning_rate = 1e-2\n";

/// The encoders of [`ENCODERS`] with settings of the command line over them.
fn with_encoders(settings: &[(&str, &str)]) -> crate::Result<Experiment> {
    over(ENCODERS, settings)
}

fn over(file: &str, settings: &[(&str, &str)]) -> crate::Result<Experiment> {
    let mut layers = Layers::new();
    layers.text(file, Path::new("experiment.toml"))?;
    for (key, text) in settings {
        layers.set(key, text, &format!("{key}={text}"))?;
    }
    layers.finish()
}

fn points(experiment: &Experiment) -> &[NamedPoint] {
    match experiment.grid.axis("encoder") {
        Some(GridAxis::Named { points, .. }) => points,
        other => panic!("{other:?}"),
    }
}

fn names(experiment: &Experiment) -> Vec<&str> {
    points(experiment).iter().map(|point| point.name.as_str()).collect()
}

#[test]
fn encoders_load_and_load_again() {
    let experiment = with_encoders(&[]).unwrap();
    assert_eq!(names(&experiment), ["small", "small-random", "v1.5"]);
    assert_eq!(
        points(&experiment)[2].settings,
        [("model.source".into(), "large/".into()), ("train.learning_rate".into(), 1e-2.into())]
    );
    let text = experiment.to_toml().unwrap();
    assert!(text.contains("[[grid.encoder]]") && !text.contains("study.encoders"), "{text}");
    assert_eq!(load(&text).unwrap(), experiment);
}

#[test]
fn encoders_are_chosen_by_name() {
    let chosen = |text: &str| with_encoders(&[("encoders", text)]);
    assert_eq!(names(&chosen("v1.5,small").unwrap()), ["v1.5", "small"]);
    assert_eq!(names(&chosen("small-random").unwrap()), ["small-random"]);
    assert_eq!(names(&chosen("[\"small\", \"v1.5\"]").unwrap()), ["small", "v1.5"]);
    let replaced = chosen("[{name = \"new\", layers = 2}]").unwrap();
    assert_eq!(names(&replaced), ["new"]);
    assert_eq!(points(&replaced)[0].settings, [("model.layers".into(), 2.into())]);
    let unknown = problem(chosen("small,huge"));
    assert_eq!(unknown.what, "`encoders=small,huge`: the axis `encoder` has no point `huge`");
    assert_eq!(unknown.hint.as_deref(), Some("it has small, small-random, v1.5"));
    assert!(problem(set("encoders", "small")).hint.unwrap().ends_with("tables [[grid.NAME]]"));
    assert!(problem(chosen("[]")).what.contains("grid.encoder is missing"));
}

#[test]
fn one_encoder_is_changed_by_its_name() {
    let settings = [("study.encoders.v1.5.source", "2024"), ("study.encoders.small.layers", "2")];
    let experiment = with_encoders(&settings).unwrap();
    let with = |i: usize| experiment.with(&points(&experiment)[i].settings).unwrap().model;
    assert_eq!((with(2).source.as_str(), with(0).layers), ("2024", Some(2)));
    let same = [("grid.encoder.v1.5.model.source", "2024"), ("grid.encoder.small.model.layers", "2")];
    assert_eq!(with_encoders(&same).unwrap(), experiment);
    let unset = with_encoders(&[("study.encoders.v1.5.learning_rate", "null")]).unwrap();
    assert_eq!(points(&unset)[2].settings, [("model.source".into(), "large/".into())]);
    let unknown = problem(with_encoders(&[("study.encoders.small.epoch", "2")]));
    assert_eq!(unknown.what, "`study.encoders.small.epoch=2`: unknown key `epoch`");
    assert_eq!(unknown.hint.as_deref(), Some("did you mean `train.epochs`?"));
    let absent = problem(with_encoders(&[("study.encoders.huge.layers", "2")]));
    assert!(absent.what.ends_with("the axis `encoder` has no point `huge`"), "{}", absent.what);
    let wrong = problem(with_encoders(&[("study.encoders.small.layers", "two")]));
    assert!(wrong.what.contains("invalid type"), "{}", wrong.what);
}

#[test]
fn a_model_is_that_of_encoders_without_one() {
    let experiment = with_encoders(&[("model", "tiny/")]).unwrap();
    let sources: Vec<String> =
        points(&experiment).iter().map(|e| experiment.with(&e.settings).unwrap().model.source).collect();
    assert_eq!(sources, ["tiny/", "tiny/", "large/"]);
    let unused = problem(with_encoders(&[("encoders", "v1.5"), ("model", "tiny/")]));
    assert_eq!(unused.what, "`model=tiny/`: model.source has no effect: every point of the axis `encoder` sets it");
    assert!(unused.hint.unwrap().contains("grid.encoder.POINT.model.source=..."));
    assert!(with_encoders(&[("encoders", "v1.5"), ("epochs", "3")]).is_ok());
}

#[test]
fn encoders_that_cannot_be_told_apart_are_refused() {
    let refused = |encoders: &str| problem(load(&format!("[study]\nkind = \"forgetting\"\n{encoders}")));
    let named = |name: &str| format!("[[study.encoders]]\nname = \"{name}\"\n");
    assert_eq!(refused(&(named("a") + &named("a"))).what, "grid.encoder has `a` twice");
    let same = refused(&(named("a") + &named("b")));
    assert_eq!(same.to_string(), "experiment.toml:3: grid.encoder has `a` and `b`, which are the same run");
    for name in ["", "../a", "a,b", ".a"] {
        assert!(refused(&named(name)).what.contains("is not plain"), "{name}");
    }
    let unnamed = refused("[[study.encoders]]\nlayers = 2\n");
    assert_eq!(
        unnamed.to_string(),
        "experiment.toml:3: study.encoders cannot be read: a point of the axis `encoder` has no `name`"
    );
    assert_eq!(refused("encoders = 3\n").line, Some(3));
    let unknown = refused(&(named("a") + "epoch = 3\n"));
    assert_eq!(unknown.to_string(), "experiment.toml:3: grid.encoder names `epoch`, which is no setting");
    let bad = refused(&(named("a") + "learning_rate = -1.0\n"));
    assert!(bad.what.starts_with("grid.encoder has `a`: train.learning_rate"), "{}", bad.what);
    assert!(refused(&(named("a") + "layers = 0\n")).what.contains("model.layers must be at least 1"));
    // --random-init makes the two the same.
    let same = problem(with_encoders(&[("random-init", "true")]));
    assert!(same.what.contains("`small` and `small-random`, which are the same"), "{}", same.what);
    let both = refused(&(named("a") + "[[grid.encoder]]\nname = \"a\"\n"));
    assert_eq!(both.to_string(), "experiment.toml:3: study.encoders and grid.encoder are the same setting");
}

const CAPS: &str = "[study]\nkind = \"class-caps\"\nclasses = [\"LOC\"]\nsentences = [5]\nuncapped = false\nheads = \
                    [\"linear\", \"prototypes\"]\ninitializations = [\"pretrained\", \"random\"]\n";
const NOW: &str = "[study]\nkind = \"class-caps\"\n[study.caps]\nclasses = [\"LOC\"]\nsentences = [5]\nuncapped = \
                   false\n[grid]\nhead = [\"linear\", \"prototypes\"]\ninit = [\"pretrained\", \"random\"]\n";

#[test]
fn the_settings_of_class_caps_have_their_tables_and_axes() {
    let experiment = load(NOW).unwrap();
    assert_eq!(load(CAPS).unwrap(), experiment);
    let text = experiment.to_toml().unwrap();
    assert!(text.contains("init = [\"pretrained\", \"random\"]"), "{text}");
    assert_eq!(load(&text).unwrap(), experiment);
    for (before, now) in [
        (("study.classes", "PER"), ("study.caps.classes", "PER")),
        (("sentences", "1,2"), ("study.caps.sentences", "[1, 2]")),
        (("study.uncapped", "true"), ("study.caps.uncapped", "true")),
        (("heads", "crf,linear"), ("grid.head", "[\"crf\", \"linear\"]")),
        (("study.initializations", "random"), ("grid.init", "random")),
        (("study.initializations", "[]"), ("grid.init", "[]")),
    ] {
        assert_eq!(over(CAPS, &[before]).unwrap(), over(NOW, &[now]).unwrap(), "{before:?}");
    }
    let again = over(CAPS, &[("grid.init", "random"), ("grid.init", "pretrained,random")]).unwrap();
    assert_eq!(again, load(NOW).unwrap());
}

#[test]
fn values_under_former_names_are_checked_at_their_lines() {
    let refused = |from: &str, to: &str| problem(load(&CAPS.replace(from, to))).to_string();
    let words = refused("sentences = [5]", "sentences = \"many\"");
    assert!(words.starts_with("experiment.toml:4: study.sentences cannot be read: invalid type"), "{words}");
    assert_eq!(
        refused("\"random\"", "\"noisy\""),
        "experiment.toml:7: study.initializations cannot be read: the axis `init` has `noisy`: it takes pretrained and random"
    );
    let words = refused("\"prototypes\"", "\"round\"");
    assert!(words.starts_with("experiment.toml:6: grid.model.head.kind has `\"round\"`: "), "{words}");
    assert_eq!(refused("[\"LOC\"]", "[\"LOC\", \"LOC\"]"), "experiment.toml:3: study.caps.classes has LOC twice");
    let typed = problem(over(CAPS, &[("heads", "round")])).what;
    assert!(typed.starts_with("`heads=round`: grid.model.head.kind has `\"round\"`: "), "{typed}");
    let init = problem(over(CAPS, &[("random-init", "true")]));
    assert_eq!(
        init.what,
        "`random-init=true`: model.random_init has no effect: every point of the axis `init` sets it"
    );
    assert!(init.hint.unwrap().ends_with("or remove the axis: grid.init=[]"));
}

#[test]
fn an_experiment_that_an_earlier_version_resolved_loads() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/flat-study/experiment.toml");
    let mut layers = Layers::new();
    layers.file(Path::new(path)).unwrap();
    let experiment = layers.finish().unwrap();
    assert!(experiment.study.caps.is_none() && experiment.study.pretraining.is_none() && experiment.grid.is_empty());
}

#[test]
fn pretraining_steps_are_below_the_study() {
    let text = "[study]\nkind = \"pretraining\"\npretraining_steps = [0, 100]\n";
    let experiment = load(text).unwrap();
    assert_eq!(experiment.study.pretraining.as_ref().unwrap().steps, [0, 100]);
    let chosen = over(text, &[("study.pretraining_steps", "100")]).unwrap();
    assert_eq!(chosen.study.pretraining.unwrap().steps, [100]);
    assert_eq!(
        problem(over(text, &[("study.pretraining_steps", "3,3")])).what,
        "`study.pretraining_steps=3,3`: study.pretraining.steps has 3 twice"
    );
}

#[test]
fn former_settings_of_any_study_are_axes() {
    let heads = load("[study]\nkind = \"noise-sweep\"\nheads = [\"linear\", \"crf\"]\n").unwrap();
    assert_eq!(heads.grid.axis("head").map(GridAxis::n_points), Some(2));
}

#[test]
fn earlier_names_of_settings_are_understood() {
    let max_subwords = |experiment: &Experiment| (experiment.train.max_subwords, experiment.pretraining.max_subwords);
    let mut layers = Layers::new();
    layers.file(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/experiments/pretraining.toml"))).unwrap();
    layers.text("train.max_pieces = 40\n[pretraining]\nmax_pieces = 90\n", Path::new("a.toml")).unwrap();
    assert_eq!(max_subwords(&layers.clone().finish().unwrap()), (40, 90));
    // A later layer wins under either name.
    layers.text("[train]\nmax_subwords = 41\n", Path::new("b.toml")).unwrap();
    layers.set("pretraining.max_pieces", "91", "--set").unwrap();
    let experiment = layers.finish().unwrap();
    assert_eq!(max_subwords(&experiment), (41, 91));
    let text = experiment.to_toml().unwrap();
    assert!(text.contains("max_subwords = 41") && !text.contains("max_pieces"), "{text}");
    assert_eq!(max_subwords(&set("train.max_pieces", "42").unwrap()).0, 42);
}

#[test]
fn a_setting_under_both_of_its_names_is_refused() {
    let problem = problem(load("[train]\nmax_subwords = 40\nmax_pieces = 41\n"));
    let words = "experiment.toml:3: train.max_pieces and train.max_subwords are the same setting";
    assert_eq!(problem.to_string(), words);
}

#[test]
fn an_earlier_name_has_the_line_of_its_value() {
    let problem = problem(load("[train]\nepochs = 2\nmax_pieces = 1\n"));
    assert_eq!(problem.line, Some(3), "{}", problem.what);
}
