use std::path::Path;

use super::*;
use crate::error::{Error, Problem};

fn load(text: &str) -> crate::Result<Experiment> {
    let mut layers = Layers::new();
    layers.text(text, Path::new("experiment.toml"))?;
    layers.finish()
}

fn problem(result: crate::Result<impl std::fmt::Debug>) -> Problem {
    match result {
        Err(Error::Config(problem)) => problem,
        other => panic!("expected a configuration error, got {other:?}"),
    }
}

fn set(key: &str, text: &str) -> crate::Result<Experiment> {
    let mut layers = Layers::new();
    layers.set(key, text, &format!("--set {key}={text}"))?;
    layers.finish()
}

#[test]
fn an_empty_file_is_the_default() {
    assert_eq!(load("").unwrap(), Experiment::default());
}

#[test]
fn every_key_of_the_default_exists_and_can_be_set_to_its_default() {
    let defaults = serde_json::to_value(Experiment::default()).unwrap();
    for key in keys::leaves().iter().filter(|key| *key != "perturb.rate") {
        let value = defaults.pointer(&format!("/{}", key.replace('.', "/"))).unwrap();
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        assert_eq!(set(key, &text).unwrap(), Experiment::default(), "{key} = {text}");
    }
}

#[test]
fn a_resolved_experiment_loads_again() {
    let mut layers = Layers::new();
    layers.set("noise", "0,0.3", "--noise").unwrap();
    layers.set("seeds", "[7,106]", "--seeds").unwrap();
    layers.set("data.train_sentences", "100", "--set").unwrap();
    layers.set("device", "cuda:1", "--device").unwrap();
    let experiment = layers.finish().unwrap();
    assert_eq!(load(&experiment.to_toml().unwrap()).unwrap(), experiment);
}

#[test]
fn later_layers_win() {
    let mut layers = Layers::new();
    layers.text("[train]\nepochs = 3\nbatch_size = 8\n", Path::new("a.toml")).unwrap();
    layers.set("epochs", "5", "--epochs 5").unwrap();
    layers.set("train.epochs", "7", "--set train.epochs=7").unwrap();
    let experiment = layers.finish().unwrap();
    assert_eq!((experiment.train.epochs, experiment.train.batch_size), (7, 8));
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_nearest_key() {
    let problem = problem(load("[train]\nepochs = 3\nlearing_rate = 1e-4\n"));
    assert_eq!(problem.to_string(), "experiment.toml:3: unknown key `train.learing_rate`");
    assert_eq!(problem.hint.as_deref(), Some("did you mean `train.learning_rate`?"));
}

#[test]
fn a_key_of_another_table_is_found() {
    let problem = problem(load("epochs = 3\n"));
    assert_eq!(problem.hint.as_deref(), Some("did you mean `train.epochs`?"));
}

#[test]
fn an_unknown_table_is_named() {
    let problem = problem(load("[trian]\nepochs = 3\n"));
    assert_eq!((problem.line, problem.hint.as_deref()), (Some(1), Some("did you mean `train`?")));
}

#[test]
fn a_value_of_the_wrong_type_is_named_with_its_line() {
    let problem = problem(load("[train]\n\nepochs = \"many\"\n"));
    assert_eq!(problem.line, Some(3));
    assert!(problem.what.contains("invalid type: string \"many\""), "{}", problem.what);
}

#[test]
fn broken_toml_is_named_with_its_line() {
    assert_eq!(problem(load("[train]\nepochs = = 3\n")).line, Some(2));
}

#[test]
fn an_out_of_range_value_is_named_with_its_line() {
    let problem = problem(load("[study]\nname = \"x\"\nnoise = [0.0, 1.5]\n"));
    assert_eq!(problem.to_string(), "experiment.toml:3: study.noise must be between 0 and 1, not 1.5");
}

#[test]
fn an_out_of_range_flag_is_named() {
    let problem = problem(set("train.epochs", "0"));
    assert_eq!(problem.to_string(), "`--set train.epochs=0`: train.epochs must be at least 1");
}

#[test]
fn a_set_of_the_wrong_type_is_named() {
    let problem = problem(set("train.learning_rate", "fast"));
    assert!(problem.what.starts_with("`--set train.learning_rate=fast`: invalid type"), "{}", problem.what);
    assert_eq!(problem.hint.as_deref(), Some("give `train.learning_rate` a value of its type, like 0.0001"));
}

#[test]
fn an_unknown_set_key_is_named_with_the_nearest_key() {
    let problem = problem(set("train.epoch", "3"));
    assert_eq!(problem.what, "`--set train.epoch=3`: unknown key `train.epoch`");
    assert_eq!(problem.hint.as_deref(), Some("did you mean `train.epochs`?"));
}

#[test]
fn a_table_cannot_be_set() {
    assert_eq!(problem(set("train", "3")).what, "`--set train=3`: `train` is a table, not a setting");
}

#[test]
fn the_noise_rate_is_the_grids_to_set() {
    let problem = problem(load("[perturb]\nrate = 0.3\n"));
    assert_eq!(problem.to_string(), "experiment.toml:2: perturb.rate is set by the study's grid");
}

#[test]
fn text_settings_take_characters_as_they_are() {
    assert_eq!(set("data.source", "2024").unwrap().data.source, "2024");
    assert_eq!(set("data.source", "true").unwrap().data.source, "true");
    assert_eq!(set("study.title", "2024").unwrap().study.title.as_deref(), Some("2024"));
    assert_eq!(set("study.title", "Noise, and more").unwrap().study.title.as_deref(), Some("Noise, and more"));
}

#[test]
fn lists_need_no_brackets() {
    assert_eq!(set("noise", "0.3").unwrap().study.noise, [0.3]);
    assert_eq!(set("seeds", "3").unwrap().study.seeds, Seeds::Count(3));
    assert_eq!(set("seeds", "1,106").unwrap().study.seeds, Seeds::List(vec![1, 106]));
}

#[test]
fn options_can_be_unset() {
    let mut layers = Layers::new();
    layers.text("[data]\ntrain_sentences = 10\n", Path::new("a.toml")).unwrap();
    layers.set("data.train_sentences", "null", "--set data.train_sentences=null").unwrap();
    assert_eq!(layers.finish().unwrap().data.train_sentences, None);
}

#[test]
fn a_noise_matrix_has_tags_for_keys() {
    let text = "[perturb]\nkind = \"matrix\"\n[perturb.matrix.O]\nO = 0.9\nB-PER = 0.1\n";
    assert_eq!(load(text).unwrap().perturb.matrix.unwrap()["O"]["B-PER"], 0.1);
}

#[test]
fn seeds_cannot_be_negative() {
    assert!(problem(load("[study]\nseeds = -1\n")).what.contains("-1 is not a number of seeds"));
    assert!(problem(load("[study]\nseeds = [3, -1]\n")).what.contains("-1 is not a seed"));
}

#[test]
fn a_level_cannot_stand_twice() {
    assert_eq!(problem(load("[study]\nnoise = [0.3, 0.3]\n")).what, "study.noise has 0.3 twice");
}

#[test]
fn a_study_name_cannot_leave_its_folder() {
    for name in ["../up", "", ".hidden", "a/b"] {
        assert!(problem(load(&format!("[study]\nname = \"{name}\"\n"))).what.starts_with("study.name"));
    }
}

#[test]
fn devices_are_read_and_written() {
    for name in ["cpu", "cuda:0", "cuda:3", "metal"] {
        assert_eq!(name.parse::<crate::model::DeviceName>().unwrap().to_string(), name);
    }
    assert!(problem(set("device", "gpu")).what.contains("`gpu` is not a device"));
}

#[test]
fn short_names_stand_for_keys_that_exist() {
    for shorthand in shorthands() {
        assert!(keys::default_of(shorthand.key).is_some(), "{}", shorthand.key);
    }
    assert_eq!(shorthand("batch_size"), "train.batch_size");
}

const ENCODERS: &str = "[study]\nkind = \"forgetting\"\n[[study.encoders]]\nname = \"small\"\n[[study.encoders]]\nname = \
                        \"small-random\"\nrandom_init = true\n[[study.encoders]]\nname = \"v1.5\"\nsource = \
                        \"large/\"\nlearning_rate = 1e-2\n";

/// The encoders of [`ENCODERS`] with settings of the command line over them.
fn with_encoders(settings: &[(&str, &str)]) -> crate::Result<Experiment> {
    let mut layers = Layers::new();
    layers.text(ENCODERS, Path::new("experiment.toml"))?;
    for (key, text) in settings {
        layers.set(key, text, &format!("{key}={text}"))?;
    }
    layers.finish()
}

fn names(experiment: &Experiment) -> Vec<&str> {
    experiment.study.encoders.iter().map(|encoder| encoder.name.as_str()).collect()
}

#[test]
fn encoders_load_and_load_again() {
    let experiment = with_encoders(&[]).unwrap();
    assert_eq!(names(&experiment), ["small", "small-random", "v1.5"]);
    assert_eq!(experiment.study.encoders[2].learning_rate, Some(1e-2));
    assert_eq!(load(&experiment.to_toml().unwrap()).unwrap(), experiment);
}

#[test]
fn encoders_are_chosen_by_name() {
    let chosen = |text: &str| with_encoders(&[("encoders", text)]);
    assert_eq!(names(&chosen("v1.5,small").unwrap()), ["v1.5", "small"]);
    assert_eq!(names(&chosen("small-random").unwrap()), ["small-random"]);
    assert_eq!(names(&chosen("[\"small\", \"v1.5\"]").unwrap()), ["small", "v1.5"]);
    let replaced = chosen("[{name = \"new\", layers = 2}]").unwrap();
    assert_eq!((names(&replaced), replaced.study.encoders[0].layers), (vec!["new"], Some(2)));
    let unknown = problem(chosen("small,huge"));
    assert_eq!(unknown.what, "`encoders=small,huge`: the experiment has no encoder `huge`");
    assert_eq!(unknown.hint.as_deref(), Some("it names small, small-random, v1.5"));
    assert!(problem(set("encoders", "small")).hint.unwrap().contains("the experiment names none"));
}

#[test]
fn one_encoder_is_changed_by_its_name() {
    let settings = [("study.encoders.v1.5.source", "2024"), ("study.encoders.small.layers", "2")];
    let encoders = with_encoders(&settings).unwrap().study.encoders;
    assert_eq!((encoders[2].source.as_deref(), encoders[0].layers), (Some("2024"), Some(2)));
    let unset = with_encoders(&[("study.encoders.v1.5.learning_rate", "null")]).unwrap();
    assert_eq!(unset.study.encoders[2].learning_rate, None);
    let unknown = problem(with_encoders(&[("study.encoders.small.epochs", "2")]));
    assert_eq!(unknown.what, "`study.encoders.small.epochs=2`: unknown key `epochs` of an encoder");
    let absent = problem(with_encoders(&[("study.encoders.huge.layers", "2")]));
    assert!(absent.what.ends_with("the experiment has no encoder `huge`"), "{}", absent.what);
    let wrong = problem(with_encoders(&[("study.encoders.small.layers", "two")]));
    assert!(wrong.what.contains("invalid type"), "{}", wrong.what);
}

#[test]
fn a_model_is_that_of_encoders_without_one() {
    let experiment = with_encoders(&[("model", "tiny/")]).unwrap();
    let sources: Vec<String> =
        experiment.study.encoders.iter().map(|e| experiment.with(&e.settings()).unwrap().model.source).collect();
    assert_eq!(sources, ["tiny/", "tiny/", "large/"]);
    let unused = problem(with_encoders(&[("encoders", "v1.5"), ("model", "tiny/")]));
    assert_eq!(unused.what, "`model=tiny/`: model.source is used by none of the encoders: each has its own");
    assert!(unused.hint.unwrap().ends_with("study.encoders.NAME.source=..."));
    assert!(with_encoders(&[("encoders", "v1.5"), ("epochs", "3")]).is_ok());
}

#[test]
fn encoders_that_cannot_be_told_apart_are_refused() {
    let refused = |encoders: &str| problem(load(&format!("[study]\nkind = \"forgetting\"\n{encoders}")));
    let named = |name: &str| format!("[[study.encoders]]\nname = \"{name}\"\n");
    assert_eq!(refused("").what, "study.encoders is empty");
    assert_eq!(refused(&(named("a") + &named("a"))).what, "study.encoders has `a` twice");
    assert_eq!(refused(&(named("a") + &named("b"))).what, "study.encoders has `a` and `b`, which are the same");
    for name in ["", "../a", "a,b", ".a"] {
        assert!(refused(&named(name)).what.contains("is not plain"), "{name}");
    }
    let unnamed = refused("[[study.encoders]]\nlayers = 2\n");
    assert!(unnamed.what.contains("missing field `name`"), "{}", unnamed.what);
    let unknown = refused(&(named("a") + "epochs = 3\n"));
    assert_eq!(unknown.line, Some(5));
    assert!(unknown.what.contains("unknown field `epochs`"), "{}", unknown.what);
    let bad = refused(&(named("a") + "learning_rate = -1.0\n"));
    assert!(bad.what.starts_with("study.encoders: with `a`, train.learning_rate"), "{}", bad.what);
    assert!(refused(&(named("a") + "layers = 0\n")).what.contains("model.layers must be at least 1"));
    assert!(problem(load(&named("a"))).what.contains("used by study.kind = \"forgetting\" alone"));
    // --random-init makes the two the same.
    let same = problem(with_encoders(&[("random-init", "true")]));
    assert!(same.what.contains("`small` and `small-random`, which are the same"), "{}", same.what);
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
    assert!(problem.what.contains("duplicate field `max_subwords`"), "{}", problem.what);
    assert_eq!(problem.line, Some(1));
}

#[test]
fn an_earlier_name_has_the_line_of_its_value() {
    let problem = problem(load("[train]\nepochs = 2\nmax_pieces = 1\n"));
    assert_eq!(problem.line, Some(3), "{}", problem.what);
}
