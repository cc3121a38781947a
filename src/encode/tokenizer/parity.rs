//! The tokenizers of `tests/fixtures/tokenizers` (made by its `make.py`) against transformers.

use std::path::{Path, PathBuf};

use fs_err as fs;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use super::*;

#[derive(Deserialize)]
struct Fixture {
    sentences: Vec<Vec<String>>,
    expected: std::collections::BTreeMap<String, Expected>,
}

/// What transformers gave.
#[derive(Deserialize)]
struct Expected {
    size: usize,
    cls: u32,
    sep: u32,
    unknown: u32,
    mask: Option<u32>,
    sentences: Vec<Encoded>,
}

#[derive(Deserialize)]
struct Encoded {
    ids: Vec<u32>,
    firsts: Vec<(u16, u16)>,
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tokenizers").join(name)
}

fn fixture() -> Fixture {
    serde_json::from_slice(&fs::read(folder("expected.json")).unwrap()).unwrap()
}

fn assert_same(name: &str, tokenizer: &Tokenizer, sentences: &[Vec<String>], expected: &Expected) {
    assert_eq!(tokenizer.vocabulary_size(), expected.size, "{name}");
    assert_eq!(tokenizer.special(), [expected.cls, expected.sep, expected.unknown], "{name}");
    assert_eq!(tokenizer.mask(), expected.mask, "{name}");
    assert_eq!(sentences.len(), expected.sentences.len());
    let encoded = tokenizer.encode(sentences.iter().map(Vec::as_slice), 1000).unwrap();
    for ((words, ours), theirs) in sentences.iter().zip(encoded).zip(&expected.sentences) {
        assert_eq!(ours.subwords, theirs.ids, "{name}: {words:?}");
        assert_eq!(ours.words, theirs.firsts, "{name}: {words:?}");
        assert_eq!(ours.without_subword, words.len() - theirs.firsts.len(), "{name}: {words:?}");
    }
}

#[test]
fn ids_and_first_subwords_are_those_of_transformers() {
    let fixture = fixture();
    assert_eq!(fixture.expected.len(), 10);
    for (name, expected) in &fixture.expected {
        let tokenizer = Tokenizer::from_folder(&folder(name)).unwrap();
        assert_same(name, &tokenizer, &fixture.sentences, expected);
    }
}

#[test]
fn a_saved_tokenizer_is_the_same_and_is_saved_with_the_same_bytes() {
    let fixture = fixture();
    for (name, expected) in &fixture.expected {
        let tokenizer = Tokenizer::from_folder(&folder(name)).unwrap();
        let again = Tokenizer::from_files(tokenizer.files().to_vec(), Path::new("saved")).unwrap();
        assert_same(name, &again, &fixture.sentences, expected);
        assert!(again.files() == tokenizer.files(), "{name}");
        assert!(tokenizer.files().iter().all(|(file, _)| file != "config.json"), "{name}");
    }
}

fn settings(tokenizer: &Tokenizer) -> Value {
    let (_, bytes) = tokenizer.files().iter().find(|(name, _)| name == "tokenizer_config.json").unwrap();
    serde_json::from_slice(bytes).unwrap()
}

#[test]
fn the_settings_that_are_saved_make_transformers_use_the_subwords_we_used() {
    let of = |name: &str| settings(&Tokenizer::from_folder(&folder(name)).unwrap());
    assert_eq!(of("byte-level"), json!({ "model_max_length": 512, "add_prefix_space": true }));
    let xlm = of("xlm-roberta");
    assert_eq!(xlm["tokenizer_class"], "PreTrainedTokenizerFast");
    assert_eq!((&xlm["cls_token"], &xlm["mask_token"]), (&json!("<s>"), &json!("<mask>")));
    assert_eq!(xlm["model_input_names"], json!(["input_ids", "attention_mask"]));
    let deberta = of("deberta");
    assert_eq!((&deberta["vocab_type"], &deberta["unk_token"]), (&json!("spm"), &json!("[UNK]")));
    assert_eq!(deberta.get("model_input_names"), None);
}

#[test]
fn whose_a_sentencepiece_model_is_follows_from_class_then_type_then_name() {
    let model = fs::read(folder("xlm-roberta/sentencepiece.bpe.model")).unwrap();
    let size = |name: &str, class: &str, model_type: &str| {
        let mut files = vec![(name.to_owned(), model.clone())];
        if !class.is_empty() {
            files.push(("tokenizer_config.json".into(), json!({ "tokenizer_class": class }).to_string().into_bytes()));
        }
        if !model_type.is_empty() {
            files.push(("config.json".into(), json!({ "model_type": model_type }).to_string().into_bytes()));
        }
        Tokenizer::from_files(files, Path::new("m")).map(|tokenizer| tokenizer.vocabulary_size())
    };
    assert_eq!(size("sentencepiece.bpe.model", "", "").unwrap(), 302);
    assert_eq!(size("spm.model", "", "xlm-roberta").unwrap(), 302);
    assert_eq!(size("spm.model", "XLMRobertaTokenizerFast", "deberta-v2").unwrap(), 302);
    assert_eq!(size("spm.model", "PreTrainedTokenizerFast", "xlm-roberta").unwrap(), 302);
    for (class, model_type, whose) in [("CamembertTokenizer", "", "CamembertTokenizer"), ("", "t5", "t5")] {
        let error = size("spm.model", class, model_type).unwrap_err();
        assert!(error.to_string().contains(whose), "{error}");
        assert!(error.hint().unwrap().contains("AutoTokenizer"));
    }
    let error = size("spm.model", "", "deberta-v2").unwrap_err();
    assert!(error.to_string().contains("[CLS]"), "a row that no encoder has is not made up: {error}");
}

/// The named files of a fixture, with one of them replaced.
fn with(name: &str, file: &str, content: &str) -> Result<Tokenizer> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder(name)).unwrap() {
        let path = entry.unwrap().path();
        files.push((path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap()));
    }
    files.retain(|(n, _)| n != file);
    files.push((file.to_owned(), content.into()));
    Tokenizer::from_files(files, Path::new("m"))
}

#[test]
fn special_subwords_are_those_the_files_name() {
    let named = r#"{ "cls_token": "[CLS]", "sep_token": { "content": "</s>", "lstrip": false } }"#;
    let error = with("byte-level", "tokenizer_config.json", named).err().unwrap();
    assert!(error.to_string().contains("[CLS]"), "{error}");
    let named = r#"{ "cls_token": { "content": "</s>" }, "sep_token": "<s>", "mask_token": "!" }"#;
    for (name, file) in [("byte-level-json", "tokenizer_config.json"), ("byte-level", "special_tokens_map.json")] {
        let tokenizer = with(name, file, named).unwrap();
        assert_eq!(tokenizer.special(), [2, 0, 3]);
        assert_eq!(tokenizer.mask(), Some(5));
    }
}

#[test]
fn added_subwords_keep_their_ids_or_are_refused() {
    let with = |json: &str| with("deberta", "added_tokens.json", json);
    let tokenizer = with(r#"{ "[NEW]": 301, "[MASK]": 300 }"#).unwrap();
    assert_eq!((tokenizer.mask(), tokenizer.vocabulary_size()), (Some(300), 302));
    assert_eq!(tokenizer.subwords("[NEW]").unwrap(), [301]);
    let error = with(r#"{ "[MASK]": 310 }"#).err().unwrap();
    assert!(error.to_string().contains("should be 310"), "{error}");
    assert!(with(r#"{ "[MASK]": -1 }"#).is_err());
    assert!(with("[]").err().unwrap().to_string().contains("not a JSON object"));
}

#[test]
fn broken_vocabularies_are_refused_with_their_place() {
    for (file, content, what) in [
        ("merges.txt", "#version: 0.2\nĠ t h\n", "line 2"),
        ("merges.txt", "#version: 0.2\nĠ\n", "line 2"),
        ("merges.txt", "nowhere tobefound\n", "does not fit"),
        ("vocab.json", "{\"a\": -1}", "the subword \"a\""),
        ("vocab.json", "{\"a\": 1", "not JSON"),
        ("tokenizer_config.json", "{", "not JSON"),
    ] {
        let error = with("byte-level", file, content).err().unwrap();
        assert!(error.to_string().contains(what) && error.to_string().contains(file), "{error}");
        assert!(error.hint().is_some());
    }
    let error = with("deberta", "spm.model", "nonsense").err().unwrap();
    assert!(error.to_string().contains("not a SentencePiece model"), "{error}");
}

#[test]
fn a_tokenizer_without_an_unknown_subword_does_without() {
    let vocabulary = r#"{ "<s>": 0, "</s>": 1, "Ġ": 2, "a": 3, "Ġa": 4 }"#;
    let files = vec![
        ("vocab.json".to_owned(), vocabulary.as_bytes().to_vec()),
        ("merges.txt".to_owned(), "#version: 0.2\nĠ a\n".as_bytes().to_vec()),
    ];
    let tokenizer = Tokenizer::from_files(files, Path::new("m")).unwrap();
    assert_eq!(tokenizer.special(), [0, 1]);
    assert_eq!(tokenizer.mask(), None);
    let encoded = tokenizer.encode([["a", "b", "aa"].as_slice()], 50).unwrap().remove(0);
    assert_eq!((encoded.subwords, encoded.words), (vec![0, 4, 2, 4, 3, 1], vec![(0, 1), (1, 2), (2, 3)]));
}

#[test]
fn behind_a_splitter_each_word_gets_one_space() {
    let mut content: Value =
        serde_json::from_slice(&fs::read(folder("byte-level-json/tokenizer.json")).unwrap()).unwrap();
    let byte_level = json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true });
    content["pre_tokenizer"] = json!({ "type": "Sequence",
        "pretokenizers": [{ "type": "Digits", "individual_digits": true }, byte_level] });
    let tokenizer = with("byte-level-json", "tokenizer.json", &content.to_string()).unwrap();
    let plain = Tokenizer::from_folder(&folder("byte-level-json")).unwrap();
    let subword = |text: &str| plain.pretrained.token_to_id(text).unwrap();
    assert_eq!(plain.subwords("a").unwrap(), [subword("Ġa")]);
    assert_eq!(tokenizer.subwords("a1").unwrap(), [subword("Ġa"), subword("1")]);
    assert_eq!(settings(&tokenizer)["tokenizer_class"], "PreTrainedTokenizerFast");
}

/// Text made of what tokenizers treat specially.
fn nasty_word() -> impl Strategy<Value = String> {
    let parts = prop_oneof![
        any::<char>().prop_map(String::from),
        proptest::sample::select(vec![
            " ",
            "\u{a0}",
            "\u{200b}",
            "\u{200d}",
            "\0",
            "\u{301}",
            "Ġ",
            "▁",
            "##",
            "</s>",
            "<mask>",
            "[SEP]",
            "[MASK]",
            "the",
            "1,",
            "'s",
            "``",
            "…",
            "ﬁ",
            "東",
            "ن",
            "👩‍👩‍👧",
            "<special>",
        ])
        .prop_map(String::from),
    ];
    proptest::collection::vec(parts, 0..6).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn no_word_and_no_subword_is_lost(words in proptest::collection::vec(nasty_word(), 0..12)) {
        for name in ["byte-level-json", "deberta", "deberta-bpe", "xlm-roberta", "albert", "prepend-json"] {
            let tokenizer = Tokenizer::from_folder(&folder(name)).unwrap();
            let encoded = tokenizer.encode([words.as_slice()], usize::MAX).unwrap().remove(0);
            let subwords: Vec<Vec<u32>> = words.iter().map(|word| tokenizer.subwords(word).unwrap()).collect();
            prop_assert_eq!(&encoded.subwords[1..encoded.subwords.len() - 1], subwords.concat());
            prop_assert_eq!(encoded.words.len() + encoded.without_subword, words.len());
            prop_assert_eq!(encoded.truncated, 0);
            let mut row = 1;
            let mut firsts = Vec::new();
            for (word, subwords) in subwords.iter().enumerate() {
                if !subwords.is_empty() {
                    firsts.push((word as u16, row as u16));
                }
                row += subwords.len();
            }
            prop_assert_eq!(encoded.words, firsts);
        }
    }
}
