use std::path::Path;

use super::*;
use crate::config::Layers;

fn load(text: &str) -> Result<Experiment> {
    let mut layers = Layers::new();
    layers.text(text, Path::new("e.toml"))?;
    layers.finish()
}

fn refused(text: &str) -> String {
    match load(text) {
        Err(Error::Config(problem)) => problem.to_string(),
        other => panic!("{other:?}"),
    }
}

fn vary(text: &str, settings: &[(&str, &str)]) -> Result<Experiment> {
    let mut layers = Layers::new();
    layers.text(text, Path::new("e.toml"))?;
    for (key, values) in settings {
        layers.vary(key, values, &format!("--vary {key}={values}"))?;
    }
    layers.finish()
}

const TWO: &str = "[grid]\n\"train.learning_rate\" = [1e-4, 5e-4]\nnoise = [0, 0.3]\n";

#[test]
fn axes_keep_the_order_written_and_load_again() {
    let experiment = load(TWO).unwrap();
    let names: Vec<&str> = experiment.grid.axes().iter().map(GridAxis::name).collect();
    assert_eq!((names, experiment.grid.n_points()), (vec!["train.learning_rate", "noise"], 4));
    assert_eq!(load(&experiment.to_toml().unwrap()).unwrap(), experiment);
    let unquoted = load("[grid]\ntrain.learning_rate = [1e-4, 5e-4]\nperturb.rate = [0, 0.3]\n").unwrap();
    assert_eq!(unquoted.grid, experiment.grid);
}

#[test]
fn an_axis_of_named_points_sets_several_settings() {
    let text = "[[grid.start]]\nname = \"pretrained\"\n[[grid.start]]\nname = \"random\"\nmodel.random_init = \
                true\n\"train.learning_rate\" = 1e-3\n";
    let experiment = load(text).unwrap();
    let GridAxis::Named { name, points } = &experiment.grid.axes()[0] else { panic!() };
    assert_eq!((name.as_str(), points.len()), ("start", 2));
    let of_random = experiment.with(&points[1].settings).unwrap();
    assert!(of_random.model.random_init);
    assert_eq!(of_random.train.learning_rate, 1e-3);
    assert_eq!(load(&experiment.to_toml().unwrap()).unwrap(), experiment);
    let chosen = vary(text, &[("start", "random")]).unwrap();
    assert_eq!(chosen.grid.n_points(), 1);
    let Err(Error::Config(problem)) = vary(text, &[("start", "huge")]) else { panic!() };
    assert_eq!(problem.what, "`--vary start=huge`: the axis `start` has no point `huge`");
}

#[test]
fn the_command_line_adds_axes_and_replaces_their_values() {
    let experiment = vary(TWO, &[("train.learning_rate", "1e-3"), ("batch-size", "16,32")]).unwrap();
    let shown: Vec<(&str, usize)> = experiment.grid.axes().iter().map(|a| (a.name(), a.n_points())).collect();
    assert_eq!(shown, [("train.learning_rate", 1), ("noise", 2), ("batch_size", 2)]);
    let models = vary("", &[("model", "2024,b/c/"), ("train.dropout", "null,0.1")]).unwrap();
    let GridAxis::Setting { values, .. } = &models.grid.axes()[0] else { panic!() };
    assert_eq!(values, &[Value::from("2024"), Value::from("b/c/")]);
    let GridAxis::Setting { values, .. } = &models.grid.axes()[1] else { panic!() };
    assert_eq!(values, &[Value::Null, Value::from(0.1)]);
}

#[test]
fn what_makes_no_runs_is_refused_with_its_line() {
    for (text, words) in [
        (
            "\"train.learing_rate\" = [1]",
            "e.toml:2: grid.train.learing_rate names `train.learing_rate`, which is no setting",
        ),
        ("\"train.epochs\" = []", "e.toml:2: grid.train.epochs has no value"),
        ("\"train.epochs\" = [2, 2]", "e.toml:2: grid.train.epochs has `2` and `2`, which are the same run"),
        ("\"train.epochs\" = [0]", "e.toml:2: grid.train.epochs has `0`: train.epochs must be at least 1"),
        ("noise = [1.5]", "e.toml:2: grid.perturb.rate has `1.5`: "),
        ("\"study.seeds\" = [1]", "e.toml:2: grid.study.seeds names the seeds, which are always an axis"),
        ("\"analysis.seed\" = [1]", "which does not belong to a run"),
        ("train = [1]", "e.toml:2: grid.train names `train`, which is a table and not a setting"),
        ("\"train.epochs\" = [\"many\"]", "e.toml:2: grid.train.epochs has `\"many\"`: invalid type"),
    ] {
        let said = refused(&format!("[grid]\n{text}\n"));
        assert!(said.contains(words), "{text}: {said}");
    }
    let single = refused("[grid]\n\"train.epochs\" = 3\n");
    assert!(single.contains("expected a list, such as [3]"), "{single}");
    let unnamed = refused("[[grid.start]]\nmodel.layers = 2\n");
    assert!(unnamed.contains("a point of the axis `start` has no `name`"), "{unnamed}");
}

#[test]
fn names_of_axes_are_short_and_no_columns_of_the_log() {
    let name = |key: &str| GridAxis::Setting { key: key.into(), values: Vec::new() }.name().to_owned();
    assert_eq!(name("train.batch_size"), "batch_size");
    assert_eq!(name("model.head.kind"), "head");
    assert_eq!(name("model.source"), "model");
    assert_eq!(name("data.seed"), "data.seed");
    assert_eq!(name("train.learning_rate"), "train.learning_rate");
}

#[test]
fn an_axis_is_named_by_an_earlier_name_too() {
    let expected = vary("", &[("train.max_subwords", "40,50")]).unwrap();
    assert_eq!(expected.grid.axes()[0].name(), "max_subwords");
    assert_eq!(vary("", &[("train.max_pieces", "40,50")]).unwrap(), expected);
    assert_eq!(load("[grid]\n\"train.max_pieces\" = [40, 50]\n").unwrap(), expected);
    assert_eq!(load("[grid]\ntrain.max_pieces = [40, 50]\n").unwrap(), expected);
    assert_eq!(vary("[grid]\n\"train.max_pieces\" = [10]\n", &[("train.max_subwords", "40,50")]).unwrap(), expected);
    let points = "[[grid.length]]\nname = \"short\"\ntrain.max_pieces = 40\n[[grid.length]]\nname = \"long\"\n";
    assert_eq!(load(points).unwrap(), load(&points.replace("pieces", "subwords")).unwrap());
}
