//! Text is labelled alike whatever the order and the scheme of a tagger's labels, in each form that is read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::Value;

use crate::workspace::{Said, Workspace, repository};

/// A tagger that was trained for a moment on the embedded corpus.
fn tagger() -> &'static Path {
    static TAGGER: OnceLock<(Workspace, PathBuf)> = OnceLock::new();
    let (_, path) = TAGGER.get_or_init(|| {
        let here = Workspace::new();
        let more = ["--set", "data.train_sentences=300", "--set", "data.dev_sentences=20", "--out", "run"];
        let settings = ["train", "--epochs", "3", "--batch-size", "16", "--learning-rate", "2e-3"];
        let said = here.run(&[&settings[..], &more[..]].concat());
        assert_eq!(said.code, 0, "{said}");
        let run = said.stdout.lines().map(|line| here.path().join(line)).find(|path| path.join("model").is_dir());
        let run = run.unwrap_or_else(|| here.path().join("run"));
        (here, run.join("model"))
    });
    path
}

/// A copy of the tagger whose labels are `order`, each under the name that `rename` gives it.
fn variant(order: &[String], rename: impl Fn(&str) -> String) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs_err::read_dir(tagger()).unwrap() {
        let entry = entry.unwrap();
        fs_err::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    let labels = labels();
    let rows: Vec<usize> = order.iter().map(|label| labels.iter().position(|l| l == label).unwrap()).collect();
    let path = copy.path().join("model.safetensors");
    let bytes = fs_err::read(&path).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let tensors: BTreeMap<String, (safetensors::Dtype, Vec<usize>, Vec<u8>)> = file
        .iter()
        .map(|(name, view)| {
            let (mut shape, mut data) = (view.shape().to_vec(), view.data().to_vec());
            if name.starts_with("classifier.") {
                let width = data.len() / shape[0];
                data = rows.iter().flat_map(|&row| data[row * width..][..width].to_vec()).collect();
                shape[0] = rows.len();
            }
            (name.to_owned(), (view.dtype(), shape, data))
        })
        .collect();
    let views = tensors.iter().map(|(name, (dtype, shape, data))| {
        (name.as_str(), safetensors::tensor::TensorView::new(*dtype, shape.clone(), data).unwrap())
    });
    fs_err::write(&path, safetensors::serialize(views, None).unwrap()).unwrap();
    let path = copy.path().join("config.json");
    let mut config: Value = serde_json::from_slice(&fs_err::read(&path).unwrap()).unwrap();
    config["id2label"] =
        order.iter().enumerate().map(|(id, label)| (id.to_string(), Value::from(rename(label)))).collect();
    fs_err::write(&path, config.to_string()).unwrap();
    copy
}

/// The tagger's labels by id.
fn labels() -> Vec<String> {
    let config: Value = serde_json::from_slice(&fs_err::read(tagger().join("config.json")).unwrap()).unwrap();
    let names = config["id2label"].as_object().unwrap();
    (0..names.len()).map(|id| names[&id.to_string()].as_str().unwrap().to_owned()).collect()
}

/// The labels with `O` last.
fn outside_last() -> Vec<String> {
    let labels = labels();
    assert_eq!(labels[0], "O");
    labels[1..].iter().cloned().chain(["O".to_owned()]).collect()
}

fn case(name: &str) -> String {
    repository("tests/fixtures/cases").join(name).display().to_string()
}

fn predict(model: &Path, arguments: &[&str]) -> Said {
    let model = model.display().to_string();
    Workspace::new().run(&[&["model", "predict", model.as_str()], arguments].concat())
}

fn predicted(model: &Path, arguments: &[&str]) -> String {
    let said = predict(model, arguments);
    assert_eq!(said.code, 0, "{said}");
    said.stdout
}

#[test]
fn the_order_of_a_taggers_labels_does_not_change_what_it_predicts() {
    let last = variant(&outside_last(), str::to_owned);
    for file in ["10-olast/invisible.txt", "10-olast/long.txt", "21-raw-text/raw.txt"] {
        let expected = predicted(tagger(), &[&case(file)]);
        assert_eq!(predicted(last.path(), &[&case(file)]), expected, "{file}");
    }
    let invisible = predict(last.path(), &[&case("10-olast/invisible.txt")]);
    assert!(invisible.stdout.contains("\n\u{200b}\tO\n"), "{invisible}");
    assert!(invisible.stderr.contains("1 token is labelled O unseen: the tokenizer has no subword"), "{invisible}");
    let long = predict(last.path(), &[&case("10-olast/long.txt")]);
    assert!(long.stderr.contains("beyond the encoder's maximum length"), "{long}");
    for file in ["10-olast/long.txt", "10-olast/iob2.txt", "10-olast/bilou.txt"] {
        let expected = predicted(tagger(), &[&case(file), "--score", "--json"]);
        assert_eq!(predicted(last.path(), &[&case(file), "--score", "--json"]), expected, "{file}");
    }
}

#[test]
fn labels_of_any_scheme_are_compared_in_iob2() {
    let expected = predicted(tagger(), &[&case("10-olast/iob2.txt"), "--score", "--json"]);
    assert!(expected.contains("\"support\": 5"), "{expected}");
    let bilou = variant(&outside_last(), |label| label.replace("B-", "U-").replace("I-", "L-"));
    let spaced = variant(&outside_last(), |label| format!("{label}\u{a0}"));
    for model in [&bilou, &spaced] {
        for file in ["10-olast/iob2.txt", "10-olast/bilou.txt"] {
            assert_eq!(predicted(model.path(), &[&case(file), "--score", "--json"]), expected);
        }
    }
    let labelled = predicted(bilou.path(), &[&case("10-olast/iob2.txt")]);
    assert!(labelled.contains("\tU-") && !labelled.contains("\tB-"), "{labelled}");
    let spans = |model: &Path| -> Vec<Value> {
        let json = predicted(model, &[&case("21-raw-text/raw.txt"), "--json"]);
        json.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["spans"].clone()).collect()
    };
    assert_eq!(spans(bilou.path()), spans(tagger()));
    assert!(spans(tagger()).iter().any(|spans| !spans.as_array().unwrap().is_empty()), "nothing was learned");
}

#[test]
fn types_without_prefix_are_a_scheme_and_mixtures_are_refused() {
    let begins: Vec<String> = outside_last().into_iter().filter(|label| !label.starts_with("I-")).collect();
    let types = variant(&begins, |label| label.replace("B-", ""));
    let labelled = predicted(types.path(), &[&case("10-olast/iob2.txt")]);
    assert!(labelled.contains("\tPER\n") || labelled.contains("\tLOC\n"), "{labelled}");
    let scores = predicted(types.path(), &[&case("10-olast/iob2.txt"), "--score", "--json"]);
    let scores: Value = serde_json::from_str(&scores).unwrap();
    let names: Vec<&str> = scores["per_type"].as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["LOC", "ORG", "PER"]);
    let mixture = variant(&begins, |label| label.replace("B-PER", "PER"));
    let said = predict(mixture.path(), &[&case("10-olast/iob2.txt")]);
    assert_eq!(said.code, 3, "{said}");
    assert!(said.stderr.contains("config.json") && said.stderr.contains("not tags"), "{said}");
}

#[test]
fn a_tagger_without_the_label_o_needs_the_option() {
    let expected = predicted(tagger(), &[&case("10-olast/invisible.txt")]);
    for name in ["o", "_"] {
        let other = variant(&outside_last(), |label| if label == "O" { name.to_owned() } else { label.to_owned() });
        let said = predict(other.path(), &[&case("10-olast/invisible.txt")]);
        assert_eq!(said.code, 3, "{said}");
        assert!(said.stderr.contains("none of the tagger's labels is `O`"), "{said}");
        assert!(said.stderr.contains(&format!("--outside {name}")), "{said}");
        assert_eq!(predicted(other.path(), &[&case("10-olast/invisible.txt"), "--outside", name]), expected);
        let wrong = predict(other.path(), &[&case("10-olast/invisible.txt"), "--outside", "X"]);
        assert!(wrong.code == 3 && wrong.stderr.contains("no label `X`"), "{wrong}");
    }
}

#[test]
fn plain_sentences_are_cut_into_tokens_and_keep_their_offsets() {
    let said = predict(tagger(), &[&case("21-raw-text/raw.txt"), "--json"]);
    assert_eq!(said.code, 0, "{said}");
    assert!(said.stderr.contains("was read as plain text, one sentence a line (3 sentences, 26 tokens)"), "{said}");
    let records: Vec<Value> = said.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records.iter().map(|record| record["line"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2, 4]);
    for record in &records {
        let text: Vec<char> = record["text"].as_str().unwrap().chars().collect();
        let slice = |start: &Value, end: &Value| -> String {
            text[start.as_u64().unwrap() as usize..end.as_u64().unwrap() as usize].iter().collect()
        };
        let tokens = record["tokens"].as_array().unwrap();
        for (i, token) in tokens.iter().enumerate() {
            assert_eq!(token, &Value::from(slice(&record["offsets"][i][0], &record["offsets"][i][1])));
            let probability = record["probabilities"][i].as_f64().unwrap();
            assert!((0.0..=1.0).contains(&probability), "{record}");
        }
        for span in record["spans"].as_array().unwrap() {
            assert_eq!(span["text"], Value::from(slice(&span["start_char"], &span["end_char"])));
            let probability = span["probability"].as_f64().unwrap();
            assert!((0.0..=1.0).contains(&probability) && !span["type"].as_str().unwrap().contains('-'), "{span}");
        }
    }
}

#[test]
fn each_form_gives_the_same_labels_and_stdin_is_a_file() {
    let here = Workspace::new();
    let model = tagger().display().to_string();
    let text = "Odila Marn left Drava .\nIt rained .\n";
    let words = text.replace(' ', "\n").replace("Drava\n.\n", "Drava\n.\n\n");
    let json =
        "{\"tokens\": [\"Odila\", \"Marn\", \"left\", \"Drava\", \".\"]}\n{\"words\": [\"It\", \"rained\", \".\"]}\n";
    let expected = predicted(tagger(), &[here.file("text.txt", text).to_str().unwrap()]);
    for (name, content, form) in
        [("words.txt", words.as_str(), "words"), ("a.jsonl", json, "json"), ("text.txt", text, "text")]
    {
        let path = here.file(name, content).display().to_string();
        assert_eq!(predicted(tagger(), &[&path]), expected, "{name}");
        assert_eq!(predicted(tagger(), &[&path, "--input", form]), expected, "{name}");
        let mut command = here.command(&["model", "predict", &model, "-"]);
        command.write_stdin(content);
        let said = here.finish(command);
        assert_eq!(said.stdout, expected, "{said}");
        assert!(said.stderr.starts_with("stdin was read as "), "{said}");
    }
    let record: Value = serde_json::from_str(
        predicted(tagger(), &["--json", &here.file("w.txt", &words).display().to_string()]).lines().next().unwrap(),
    )
    .unwrap();
    assert!(record["text"].is_null() && record["offsets"].is_null(), "{record}");
    let carriage_returns = predicted(tagger(), &[&case("21-raw-text/cr.txt")]);
    let tokens: Vec<&str> = carriage_returns.lines().filter_map(|line| line.split('\t').next()).collect();
    assert_eq!(tokens, ["Odila", "Marn", "left", "Drava", ""]);
}

#[test]
fn formats_of_other_tools_are_refused_by_name() {
    let here = Workspace::new();
    let doccano = here.file("doccano.jsonl", "{\"id\": 1, \"text\": \"Odila left\", \"label\": [[0, 5, \"PER\"]]}\n");
    let hostile = here.file("keys.jsonl", "{\"\\u001b[2J\": 1}\n");
    for (file, format) in [
        (case("21-raw-text/conllu.conllu"), "CoNLL-U"),
        (doccano.display().to_string(), "doccano"),
        (hostile.display().to_string(), "\\u{1b}[2J"),
    ] {
        let said = predict(tagger(), &[&file]);
        assert_eq!((said.code, said.stdout.as_str()), (3, ""), "{said}");
        assert!(said.stderr.contains(format) && said.stderr.contains("hint:"), "{said}");
    }
}

#[test]
fn one_split_of_a_folder_is_scored() {
    let here = Workspace::new();
    let said = here.run(&["corpus", "generate", "--out", "data", "--train", "5", "--dev", "7", "--test", "6"]);
    assert_eq!(said.code, 0, "{said}");
    let model = tagger().display().to_string();
    let score = |more: &[&str]| here.run(&[&["model", "predict", &model, "data", "--score", "--json"], more].concat());
    let said = score(&[]);
    assert_eq!(said.code, 2, "{said}");
    assert!(said.stderr.contains("3 splits: train, dev, test") && said.stderr.contains("--split"), "{said}");
    for (split, n) in [("train", 5), ("dev", 7), ("test", 6)] {
        let said = score(&["--split", split]);
        assert_eq!(said.code, 0, "{said}");
        let scores: Value = serde_json::from_str(&said.stdout).unwrap();
        assert_eq!(scores["sentences"], n, "{split}");
    }
    let file = here.run(&["model", "predict", &model, "data/dev.txt", "--score", "--split", "dev"]);
    assert!(file.code == 2 && file.stderr.contains("this is a file"), "{file}");
}

#[test]
fn a_configuration_is_compared_with_the_tensors_before_anything_is_allocated() {
    let same = variant(&labels(), str::to_owned);
    let path = same.path().join("config.json");
    let config: Value = serde_json::from_slice(&fs_err::read(&path).unwrap()).unwrap();
    let describe = |config: String| {
        fs_err::write(&path, config).unwrap();
        Workspace::new().run(&["model", "describe", &same.path().display().to_string()])
    };
    let damaged = fs_err::read_to_string(case("faults-damaged/config-65536-layers.json")).unwrap();
    let said = describe(damaged);
    assert!(said.code == 3 && said.stderr.contains("number of layers is 65536"), "{said}");
    for (key, value, what) in [
        ("num_hidden_layers", 190, "encoder.layer.2."),
        ("hidden_size", 1 << 20, "has shape"),
        ("vocab_size", 1 << 23, "has shape"),
        ("max_position_embeddings", 1 << 23, "has shape"),
        ("intermediate_size", 1 << 23, "has shape"),
    ] {
        let mut large = config.clone();
        large[key] = Value::from(value);
        let said = describe(large.to_string());
        assert!(said.code == 3 && said.stderr.contains(what) && said.stderr.contains("hint:"), "{key}: {said}");
    }
}
