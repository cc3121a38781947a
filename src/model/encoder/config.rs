//! `config.json` of an encoder, as transformers writes it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{ARCHITECTURES, Architecture};
use crate::Result;
use crate::encode::BYTE_ORDER_MARK;
use crate::error::{Error, Problem, printable};
use crate::model::HeadSettings;
use crate::model::checkpoint::Checkpoint;
use crate::model::parameters::Builder;
use crate::nn::Activation;

/// The shape of an encoder, in words that all architectures share. What one of them has beyond that is in
/// [`EncoderConfig::json`], which travels with it unchanged.
#[derive(Clone)]
pub struct EncoderConfig {
    /// Which kind of encoder it is.
    pub architecture: &'static dyn Architecture,
    /// Rows of the word embedding.
    pub vocab_size: usize,
    /// Width of the embeddings; that of the residual stream in most.
    pub embedding_size: usize,
    /// Width of the residual stream, and of what the head reads.
    pub hidden_size: usize,
    /// Number of blocks.
    pub layers: usize,
    /// Attention heads a block; divides `hidden_size`.
    pub heads: usize,
    /// Width of the feed-forward layer.
    pub intermediate_size: usize,
    /// Activation of the feed-forward layer.
    pub activation: Activation,
    /// Most subwords a sentence, special ones included.
    pub max_subwords: usize,
    /// The row of the position embedding that a sentence's first subword has.
    pub first_position: usize,
    /// Rows of the token type embedding; 0 where there is none.
    pub token_types: usize,
    /// Dropout after embeddings and sub-layers.
    pub hidden_dropout: f64,
    /// Dropout of attention weights.
    pub attention_dropout: f64,
    /// Dropout before the head.
    pub head_dropout: f64,
    /// Standard deviation of new weights.
    pub initializer_range: f64,
    /// ε of the layer norms.
    pub layer_norm_eps: f64,
    /// Label names by id, where the checkpoint has a head.
    pub id2label: Option<BTreeMap<String, String>>,
    /// The head, where it is one that transformers does not know.
    pub head: Option<HeadSettings>,
    /// The file as it was read, and as it is written but for what has changed.
    pub json: Map<String, Value>,
}

impl fmt::Debug for EncoderConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EncoderConfig").field(&self.json).finish()
    }
}

/// No encoder has more rows or columns of anything.
const LARGEST: usize = 1 << 24;
/// No encoder has more layers.
const MOST_LAYERS: usize = 200;

/// What is read of every `config.json`.
#[derive(Deserialize)]
struct Common {
    #[serde(default = "bert")]
    model_type: String,
    #[serde(default)]
    position_embedding_type: Option<String>,
    #[serde(default)]
    id2label: Option<BTreeMap<String, String>>,
    #[serde(default)]
    memoscope_head: Option<HeadSettings>,
}

fn bert() -> String {
    "bert".into()
}

impl EncoderConfig {
    /// Parses and checks `config.json`; `path` is named in errors.
    ///
    /// # Errors
    /// [`Error::Model`] for a file that is not the configuration of a known architecture, or of one that cannot be.
    pub fn parse(json: &[u8], path: &Path) -> Result<Self> {
        let json = json.strip_prefix(BYTE_ORDER_MARK).unwrap_or(json);
        let broken = |e: serde_json::Error| {
            // The line is said in front, and where a value came from the file, control characters with it.
            let said = e.to_string();
            let said = said.rsplit_once(" at line ").map_or(said.as_str(), |(what, _)| what);
            let problem = Problem::new(format!("not the configuration of an encoder: {}", printable(said))).at(path);
            let problem = if e.line() > 0 { problem.line(e.line()) } else { problem };
            let line = json.split(|&byte| byte == b'\n').nth(e.line().saturating_sub(1)).unwrap_or_default();
            let at = line.get(e.column().saturating_sub(1)..).unwrap_or_default();
            let not_finite =
                said == "expected value" && [&b"NaN"[..], b"Infinity", b"-Inf"].iter().any(|n| at.starts_with(n));
            Error::Model(problem.hint(match not_finite {
                true => "JSON has no NaN or Infinity: write a number or null there",
                false => "use the config.json that came with the weights",
            }))
        };
        let refuse = |what: String, hint: String| Err(Error::Model(Problem::new(what).at(path).hint(hint)));
        let common: Common = serde_json::from_slice(json).map_err(broken)?;
        let known = |architecture: &&&dyn Architecture| {
            architecture.names().model_types.iter().any(|(model_type, _)| *model_type == common.model_type)
        };
        let Some(architecture) = ARCHITECTURES.iter().find(known) else {
            let types: Vec<&str> =
                ARCHITECTURES.iter().flat_map(|a| a.names().model_types).map(|(model_type, _)| *model_type).collect();
            return refuse(
                format!("model_type `{}` is not supported", printable(&common.model_type)),
                format!("use an encoder of model_type {}", types.join(", ")),
            );
        };
        if common.position_embedding_type.as_deref().is_some_and(|p| p != "absolute") {
            return refuse("only absolute position embeddings are supported".into(), "use another encoder".into());
        }
        let mut config = architecture.config(json).map_err(broken)?;
        config.id2label = common.id2label;
        config.head = common.memoscope_head;
        config.json = serde_json::from_slice(json).map_err(broken)?;
        let sizes = [
            ("rows of the word embedding", config.vocab_size),
            ("width of the embeddings", config.embedding_size),
            ("hidden size", config.hidden_size),
            ("number of layers", config.layers),
            ("number of attention heads", config.heads),
            ("width of the feed-forward layers", config.intermediate_size),
            ("number of positions", config.max_subwords),
        ];
        let hint = "use the config.json that came with the weights";
        if let Some((what, _)) = sizes.iter().find(|(_, size)| *size == 0) {
            return refuse(format!("the {what} is 0"), hint.into());
        }
        if !config.hidden_size.is_multiple_of(config.heads) {
            let (heads, hidden) = (config.heads, config.hidden_size);
            return refuse(format!("{heads} attention heads do not divide a hidden size of {hidden}"), hint.into());
        }
        let tables = [("first position", config.first_position), ("number of token types", config.token_types)];
        if let Some((what, size)) = sizes.into_iter().chain(tables).find(|(_, size)| *size > LARGEST) {
            return refuse(format!("the {what} is {size}, more than any encoder has"), hint.into());
        }
        if config.layers > MOST_LAYERS {
            let what = format!("the number of layers is {}, and {MOST_LAYERS} is the most that is read", config.layers);
            return refuse(what, hint.into());
        }
        Ok(config)
    }

    /// Compares the sizes with the weights before any memory is taken for them: with the tensors of a checkpoint, or,
    /// where all are drawn, with the most parameters that a model may have
    /// ([`MOST_DRAWN`](crate::model::parameters::MOST_DRAWN)).
    ///
    /// # Errors
    /// [`Error::Model`] for a tensor of the encoder that is missing or has another shape or type, and for too many
    /// parameters.
    pub(in crate::model) fn compare(&self, checkpoint: Option<&Checkpoint>) -> Result<()> {
        let mut builder = Builder::comparing(checkpoint);
        self.architecture.build(&mut builder, self)?;
        builder.require_complete()
    }

    /// For people: `2 layers, hidden 128, 2 heads, vocabulary 30522`.
    pub fn shape(&self) -> String {
        self.architecture.shape(self)
    }

    /// transformers' class of this kind of encoder for a task: `BertForTokenClassification` for
    /// `ForTokenClassification`.
    pub fn class(&self, task: &str) -> String {
        let types = self.architecture.names().model_types;
        let own = self.json.get("model_type").and_then(Value::as_str);
        let stem = types.iter().find(|(model_type, _)| Some(*model_type) == own).unwrap_or(&types[0]).1;
        format!("{stem}{task}")
    }

    /// `config.json` to be written: as it was read, with the number of layers and the head as they are now.
    pub(in crate::model) fn to_json(&self) -> serde_json::Result<Map<String, Value>> {
        let names = self.architecture.names();
        let mut json = self.json.clone();
        // The weights that are written are single precision, and come from here.
        for key in ["torch_dtype", "dtype", "_name_or_path", "id2label", "label2id", "memoscope_head"] {
            json.remove(key);
        }
        json.entry("model_type").or_insert_with(|| names.model_types[0].0.into());
        json.insert(names.layers_key.into(), self.layers.into());
        if let Some(id2label) = &self.id2label {
            json.insert("id2label".into(), serde_json::to_value(id2label)?);
        }
        if let Some(head) = &self.head {
            json.insert("memoscope_head".into(), serde_json::to_value(head)?);
        }
        Ok(json)
    }
}

/// An activation by the name that transformers gives it: for configurations to be read with.
pub(super) fn activation<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Activation, D::Error> {
    let name = String::deserialize(deserializer)?;
    Activation::from_name(&name).ok_or_else(|| {
        serde::de::Error::custom(format!(
            "the activation `{name}` is not supported; known are gelu, gelu_new, gelu_pytorch_tanh and relu"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<EncoderConfig> {
        EncoderConfig::parse(json.as_bytes(), Path::new("config.json"))
    }

    const BERT: &str = r#"{"model_type": "bert", "vocab_size": 9, "hidden_size": 8, "num_hidden_layers": 3,
        "num_attention_heads": 2, "intermediate_size": 16, "max_position_embeddings": 32"#;

    #[test]
    fn what_is_written_is_what_was_read_but_for_what_changed() {
        let mut config = parse(&format!(r#"{BERT}, "torch_dtype": "float16", "pruned_heads": {{}}}}"#)).unwrap();
        config.layers = 1;
        let json = config.to_json().unwrap();
        assert_eq!((&json["num_hidden_layers"], &json["vocab_size"]), (&Value::from(1), &Value::from(9)));
        assert!(json.contains_key("pruned_heads") && !json.contains_key("torch_dtype"));
        assert_eq!(config.shape(), "1 layers, hidden 8, 2 heads, vocabulary 9");
    }

    #[test]
    fn python_s_nan_is_named() {
        let error = parse(&format!("{BERT},\n\"classifier_dropout\": NaN}}")).unwrap_err();
        assert!(error.to_string().contains(":3: ") && error.hint().unwrap().contains("NaN"), "{error:?}");
    }

    #[test]
    fn a_byte_order_mark_is_skipped() {
        assert_eq!(parse(&format!("\u{feff}{BERT}}}")).unwrap().layers, 3);
    }

    #[test]
    fn sizes_that_cannot_be_drawn_are_refused_before_anything_is_allocated() {
        let compare = |config: &str| parse(config).unwrap().compare(None);
        assert!(compare(&format!("{BERT}}}")).is_ok());
        for (size, large) in [
            ("\"vocab_size\": 9", "\"vocab_size\": 16000000"),
            ("\"intermediate_size\": 16", "\"intermediate_size\": 16000000"),
            ("\"max_position_embeddings\": 32", "\"max_position_embeddings\": 16000000"),
        ] {
            let wide = BERT.replace("\"hidden_size\": 8", "\"hidden_size\": 256").replace(size, large);
            let error = compare(&format!("{wide}}}")).unwrap_err();
            assert!(error.to_string().contains("parameters") && error.hint().is_some(), "{error}");
        }
    }

    #[test]
    fn what_cannot_be_computed_is_refused_with_what_could_be() {
        let error = parse(r#"{"model_type": "t5"}"#).unwrap_err();
        assert!(error.to_string().contains("t5") && error.hint().unwrap().contains("roberta"), "{error}");
        for (more, what) in [
            (r#", "hidden_act": "swish"}"#, "swish"),
            (r#", "position_embedding_type": "relative_key"}"#, "absolute"),
            (r#", "type_vocab_size": 100000000000}"#, "more than any"),
            ("", ":2: "),
        ] {
            let error = parse(&format!("{BERT}{more}")).unwrap_err();
            assert!(error.to_string().contains(what) && error.hint().is_some(), "{error}");
        }
        let error = parse(&format!("{}}}", BERT.replace("\"num_hidden_layers\": 3", "\"num_hidden_layers\": 65536")));
        assert!(error.unwrap_err().to_string().contains("number of layers is 65536"));
        let error = parse(&format!("{}}}", BERT.replace("\"hidden_size\": 8", "\"hidden_size\": 7"))).unwrap_err();
        assert!(error.to_string().contains("divide"), "{error}");
    }
}
