use std::path::Path;

use super::*;
use crate::error::{Error, Problem};

pub(super) fn load(text: &str) -> crate::Result<Experiment> {
    let mut layers = Layers::new();
    layers.text(text, Path::new("experiment.toml"))?;
    layers.finish()
}

pub(super) fn problem(result: crate::Result<impl std::fmt::Debug>) -> Problem {
    match result {
        Err(Error::Config(problem)) => problem,
        other => panic!("expected a configuration error, got {other:?}"),
    }
}

pub(super) fn set(key: &str, text: &str) -> crate::Result<Experiment> {
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
    // The noise rate is the grid's to set, and what one kind of study has is absent by default.
    let is_shared =
        |key: &&String| *key != "perturb.rate" && defaults.pointer(&format!("/{}", key.replace('.', "/"))).is_some();
    for key in keys::leaves().iter().filter(is_shared) {
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
        let is_axis = ["grid.head", "grid.encoder"].contains(&shorthand.key);
        assert!(is_axis || keys::default_of(shorthand.key).is_some(), "{}", shorthand.key);
    }
    assert_eq!(shorthand("batch_size"), "train.batch_size");
}

const CAPS: &str = "[study]\nkind = \"class-caps\"\n[study.caps]\nclasses = [\"LOC\"]\nsentences = [5]\n";

#[test]
fn what_one_kind_of_study_has_is_refused_with_another() {
    let caps = problem(load(&CAPS.replace("class-caps", "noise-sweep")));
    assert_eq!(caps.to_string(), "experiment.toml:3: study.caps is only valid with study.kind = \"class-caps\"");
    assert_eq!(caps.hint.as_deref(), Some("leave it out, or start from experiments/class-caps.toml"));
    let caps = problem(set("classes", "LOC"));
    assert_eq!(caps.what, "`--set classes=LOC`: study.caps is only valid with study.kind = \"class-caps\"");
    let steps = problem(set("study.pretraining.steps", "0,100"));
    assert!(
        steps.what.ends_with("study.pretraining is only valid with study.kind = \"pretraining\""),
        "{}",
        steps.what
    );
    let pretraining = problem(load("[pretraining]\nepochs = 3\n"));
    assert_eq!(
        pretraining.to_string(),
        "experiment.toml:1: pretraining is only valid with study.kind = \"pretraining\""
    );
    assert!(!load("").unwrap().to_toml().unwrap().contains("caps"), "absent settings are not printed");
}

#[test]
fn the_settings_of_a_kind_are_checked() {
    let experiment = load(CAPS).unwrap();
    assert_eq!(experiment.study.caps.as_ref().unwrap().n_points(), 2);
    assert_eq!(load(&experiment.to_toml().unwrap()).unwrap(), experiment);
    let refused = |from: &str, to: &str| problem(load(&CAPS.replace(from, to))).to_string();
    assert_eq!(refused("[\"LOC\"]", "[]"), "experiment.toml:4: study.caps.classes is empty");
    assert_eq!(refused("[5]", "[5, 5]"), "experiment.toml:5: study.caps.sentences has 5 twice");
    assert!(refused("[5]", "[-5]").starts_with("experiment.toml:5: "));
    assert_eq!(refused("sentences = [5]", "sentence = [5]"), "experiment.toml:5: unknown key `study.caps.sentence`");
    assert!(
        refused("[study.caps]", "[perturb.cap]\nclass = \"LOC\"\nsentences = 3\n[study.caps]")
            .contains("perturb.cap is set")
    );
    assert_eq!(problem(load("study.kind = \"class-caps\"")).what, "study.caps.classes is empty");
    assert_eq!(problem(load("study.kind = \"pretraining\"")).what, "study.pretraining.steps is empty");
    let encoders = problem(load("study.kind = \"forgetting\""));
    assert_eq!(encoders.what, "grid.encoder is missing: a forgetting study compares encoders");
    let data = load("study.kind = \"forgetting\"\n[[grid.encoder]]\nname = \"a\"\ndata.seed = 2\n");
    assert!(problem(data).what.starts_with("grid.encoder sets data.seed, and the encoders"));
}
