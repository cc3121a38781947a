//! The program, with a model and a data set from a hub.

use std::path::Path;

use memoscope::model::checkpoint::Checkpoint;
use memoscope::run::Manifest;

use super::server::{COMMIT, Server};
use crate::real;
use crate::workspace::{Said, Workspace, fixture_model, repository};

/// The content of a folder's files, by their names.
fn files(folder: &std::path::Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs_err::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.is_file());
    files.map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs_err::read(path).unwrap())).collect()
}

fn add(server: &Server, name: &str, files: &[(String, Vec<u8>)]) {
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, content)| (name.as_str(), content.as_slice())).collect();
    server.add(name, &files);
}

/// Sentences of the fixture's vocabulary whose tags follow from the words.
fn data_set() -> Vec<(String, Vec<u8>)> {
    let split = |n: usize, shift: usize| -> Vec<u8> {
        let sentences = (0..n).map(|i| {
            let words: Vec<usize> = (0..6).map(|j| 5 + (i * 7 + j * 11 + shift) % 155).collect();
            let tags: Vec<usize> = words.iter().map(|word| word % 3).collect();
            let tokens: Vec<String> = words.iter().map(|word| format!("w{word}")).collect();
            format!("{}\n", serde_json::json!({"tokens": tokens, "tags": tags}))
        });
        sentences.collect::<String>().into_bytes()
    };
    vec![
        ("dataset/label.json".into(), br#"{"O": 0, "B-PER": 1, "B-LOC": 2}"#.to_vec()),
        ("dataset/train.json".into(), split(24, 0)),
        ("dataset/valid.json".into(), split(8, 3)),
        ("dataset/test.json".into(), split(8, 5)),
    ]
}

fn served() -> Server {
    let server = Server::start();
    let model = fixture_model(&repository("tests/fixtures/parity/bert"));
    add(&server, "models/org/tiny", &files(model.path()));
    add(&server, "datasets/org/set", &data_set());
    server
}

fn run(workspace: &Workspace, server: &Server, variables: &[(&str, &str)], arguments: &[&str]) -> Said {
    let mut command = workspace.command(arguments);
    command
        .env("HF_ENDPOINT", &server.endpoint)
        .env("HF_HOME", workspace.path().join("hf"))
        .env_remove("HF_HUB_OFFLINE");
    // A proxy that nobody listens at: this machine itself is not asked through one.
    command.env("HTTP_PROXY", "http://127.0.0.1:1").env("ALL_PROXY", "http://127.0.0.1:1");
    command.envs(variables.iter().copied());
    workspace.finish(command)
}

fn manifest(workspace: &Workspace, out: &str) -> Manifest {
    // Noise level, then seed.
    let first = |folder: &Path| {
        fs_err::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).find(|path| path.is_dir()).unwrap()
    };
    Manifest::read(&first(&first(&workspace.path().join(out).join("runs")))).unwrap()
}

const TRAIN: [&str; 10] =
    ["train", "--model", "org/tiny", "--data", "org/set", "--epochs", "1", "--noise", "0.2", "--out"];

#[test]
fn a_run_from_the_hub_and_the_same_without_it() {
    let (server, workspace) = (served(), Workspace::new());
    let said = run(&workspace, &server, &[], &[&TRAIN[..], &["first"]].concat());
    assert_eq!(said.code, 0, "{said}");
    assert!(said.stderr.contains("fetching org/tiny model.safetensors ("), "{said}");
    assert!(said.stderr.contains("fetching org/set dataset/train.json ("), "{said}");
    let first = manifest(&workspace, "first");
    assert_eq!(first.model.source, "org/tiny");
    assert_eq!(first.model.revision.as_deref(), Some(COMMIT));
    assert_eq!(first.data.name, "org/set");
    assert_eq!(first.data.revision.as_deref(), Some(COMMIT));
    assert_eq!(first.data.sentences, [24, 8, 8]);
    assert_eq!(first.data.labels, ["O", "B-LOC", "B-PER"]);

    server.requests();
    let said = run(&workspace, &server, &[("HF_HUB_OFFLINE", "1")], &[&TRAIN[..], &["second"]].concat());
    assert_eq!(said.code, 0, "{said}");
    assert!(!said.stderr.contains("fetching"), "{said}");
    assert_eq!(server.log(), [""; 0]);
    let second = manifest(&workspace, "second");
    assert_eq!((second.model, second.data), (first.model, first.data));
}

/// A model's files without its weights.
fn without_weights(model: &tempfile::TempDir) -> Vec<(String, Vec<u8>)> {
    files(model.path()).into_iter().filter(|(name, _)| name != "model.safetensors").collect()
}

/// A safetensors file's tensors as `torch.save` pickles them.
fn pickled(safetensors: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let tensors = safetensors::SafeTensors::deserialize(safetensors).unwrap();
    let text = |text: &str| [&b"X"[..], &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
    let int = |n: usize| [&b"J"[..], &(n as u32).to_le_bytes()].concat();
    let tuple =
        |members: &[usize]| [b"(".to_vec(), members.iter().flat_map(|&n| int(n)).collect(), b"t".to_vec()].concat();
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let mut program = b"\x80\x02ccollections\nOrderedDict\n)R(".to_vec();
    for (key, (name, view)) in tensors.iter().enumerate() {
        assert_eq!(view.dtype(), safetensors::Dtype::F32);
        let key = key.to_string();
        zip.start_file(format!("archive/data/{key}"), stored).unwrap();
        zip.write_all(view.data()).unwrap();
        let shape = view.shape();
        let strides: Vec<usize> = (1..=shape.len()).map(|axis| shape[axis..].iter().product()).collect();
        let storage = [text("storage"), b"ctorch\nFloatStorage\n".to_vec(), text(&key), text("cpu")].concat();
        program.extend([text(name), b"ctorch._utils\n_rebuild_tensor_v2\n((".to_vec(), storage].concat());
        program.extend([int(view.data().len() / 4), b"tQ".to_vec(), int(0), tuple(shape), tuple(&strides)].concat());
        program.extend(b"\x89}tR");
    }
    program.extend(b"u.");
    zip.start_file("archive/data.pkl", stored).unwrap();
    zip.write_all(&program).unwrap();
    zip.finish().unwrap().into_inner()
}

#[test]
fn a_pinned_model_and_one_from_a_pickle_are_the_same_model() {
    let (server, workspace) = (served(), Workspace::new());
    let said = run(&workspace, &server, &[], &["model", "describe", &format!("org/tiny@{COMMIT}")]);
    assert_eq!(said.code, 0, "{said}");
    assert!(said.stdout.contains(&format!("revision     {COMMIT}")), "{said}");
    let model = fixture_model(&repository("tests/fixtures/parity/bert"));
    let safetensors = fs_err::read(model.path().join("model.safetensors")).unwrap();
    let weights = [("pytorch_model.bin".to_owned(), pickled(&safetensors))];
    add(&server, "models/org/pickled", &[&without_weights(&model)[..], &weights].concat());
    let from_pickle = run(&workspace, &server, &[], &["model", "describe", "org/pickled"]);
    assert_eq!(from_pickle.code, 0, "{from_pickle}");
    let rest = |said: &Said| said.stdout.lines().skip(2).filter(|l| !l.starts_with("fingerprint")).collect::<String>();
    assert_eq!(rest(&from_pickle), rest(&said));
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(folder.path().join("pytorch_model.bin"), &weights[0].1).unwrap();
    let mut read = Checkpoint::of_folder(folder.path()).unwrap();
    let mut expected = Checkpoint::read(&model.path().join("model.safetensors")).unwrap();
    let names = expected.rest();
    assert_eq!(read.rest(), names);
    for name in names {
        let shape = expected.shape(&name).unwrap().to_vec();
        assert_eq!(read.take(&name, &shape).unwrap(), expected.take(&name, &shape).unwrap(), "{name}");
    }
    let pickle = fs_err::read(repository("tests/fixtures/pickle/hostile.bin")).unwrap();
    add(
        &server,
        "models/org/evil",
        &[&without_weights(&model)[..], &[("pytorch_model.bin".to_owned(), pickle)]].concat(),
    );
    let said = run(&workspace, &server, &[], &["model", "describe", "org/evil"]);
    assert_eq!(said.code, 3, "{said}");
    assert!(said.stderr.contains("`posix.system`") && !workspace.path().join("executed").exists(), "{said}");
}

#[test]
fn the_runs_of_a_study_ask_once() {
    let (server, workspace) = (served(), Workspace::new());
    workspace.file("e.toml", "[study]\nname = \"tiny\"\nnoise = [0.0, 0.3]\n\n[train]\nepochs = 1\n");
    let arguments = ["sweep", "e.toml", "--model", "org/tiny", "--data", "org/set", "--out", "out"];
    let said = run(&workspace, &server, &[], &arguments);
    assert_eq!(said.code, 0, "{said}");
    let mut asked: Vec<String> = server.log().into_iter().filter(|line| line.contains("/api/")).collect();
    asked.sort();
    assert_eq!(asked, ["GET hub /api/datasets/org/set/revision/main", "GET hub /api/models/org/tiny/revision/main"]);
}

#[test]
fn what_the_hub_does_not_have_ends_with_a_code_of_its_own() {
    let (server, workspace) = (served(), Workspace::new());
    let said = run(&workspace, &server, &[], &["model", "describe", "org/other"]);
    assert_eq!(said.code, 6, "{said}");
    assert!(said.stderr.contains("no such repository") && said.stderr.contains("\n  hint: "), "{said}");
    let said = run(&workspace, &server, &[("HF_ENDPOINT", "http://127.0.0.1:1")], &["corpus", "describe", "conll03"]);
    assert_eq!(said.code, 6, "{said}");
    assert!(said.stderr.contains("127.0.0.1:1"), "{said}");
    let said = run(&workspace, &server, &[("HF_HUB_OFFLINE", "1")], &["corpus", "describe", "wnut17"]);
    assert_eq!(said.code, 6, "{said}");
    assert!(
        said.stderr.contains("HF_HUB_OFFLINE is set, and the cache does not have the data set `tner/wnut2017`"),
        "{said}"
    );
    let said = run(&workspace, &server, &[("HF_ENDPOINT", "mirror")], &["model", "describe", "org/tiny"]);
    assert_eq!(said.code, 2, "{said}");
}

#[test]
fn what_lies_here_comes_before_the_hub() {
    let (server, workspace) = (served(), Workspace::new());
    for (name, content) in data_set() {
        workspace.file(&format!("org/set/{name}"), std::str::from_utf8(&content).unwrap());
    }
    let said = run(&workspace, &server, &[], &["corpus", "describe", "org/set"]);
    assert_eq!(said.code, 0, "{said}");
    assert_eq!(server.log(), [""; 0]);
    let said = run(&workspace, &server, &[], &["corpus", "perturb", "org/set", "--rate", "0.1", "--out", "noisy"]);
    assert_eq!(said.code, 0, "{said}");
}

/// A real encoder and real text, where they are, as a hub would have them.
#[test]
fn a_real_encoder_and_real_text_come_from_the_hub() {
    let (Some(model), Some(data)) = (real::model("bert-tiny"), real::data("conll2003")) else { return };
    let (server, workspace) = (Server::start(), Workspace::new());
    add(&server, "models/google/bert_uncased_L-2_H-128_A-2", &files(&model));
    let annotated = memoscope::corpus::files::read(&data, None).unwrap();
    let (labels, splits) = annotated.labelled().unwrap();
    let ids: serde_json::Map<_, _> = labels.names().iter().cloned().zip((0..).map(serde_json::Value::from)).collect();
    let mut set = vec![("dataset/label.json".to_owned(), serde_json::to_vec(&ids).unwrap())];
    for ((split, _), sentences) in annotated.files.iter().zip(&splits) {
        let name = match split.unwrap().name() {
            "dev" => "valid",
            other => other,
        };
        let lines = sentences.iter().map(|s| format!("{}\n", serde_json::json!({"tokens": s.words, "tags": s.labels})));
        set.push((format!("dataset/{name}.json"), lines.collect::<String>().into_bytes()));
    }
    add(&server, "datasets/tner/conll2003", &set);
    let said = run(
        &workspace,
        &server,
        &[],
        &[
            "train",
            "--model",
            "google/bert_uncased_L-2_H-128_A-2",
            "--data",
            "conll03",
            "--epochs",
            "1",
            "--out",
            "out",
            "--noise",
            "0",
            "--set",
            "data.train_sentences=200",
            "--set",
            "data.dev_sentences=50",
            "--set",
            "train.test=false",
        ],
    );
    assert_eq!(said.code, 0, "{said}");
    let manifest = manifest(&workspace, "out");
    assert_eq!((manifest.data.name.as_str(), manifest.data.sentences[0]), ("conll03", 200));
    assert_eq!(manifest.data.labels.len(), 9);
    let said = run(&workspace, &server, &[("HF_HUB_OFFLINE", "1")], &["corpus", "describe", "conll03", "--json"]);
    let described: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    let n_sentences: usize = splits.iter().map(Vec::len).sum();
    let counted: u64 = described["splits"].as_array().unwrap().iter().map(|s| s["sentences"].as_u64().unwrap()).sum();
    assert_eq!(counted as usize, n_sentences);
}
