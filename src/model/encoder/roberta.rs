//! RoBERTa (arXiv 1907.11692) and XLM-RoBERTa (arXiv 1911.02116): BERT's blocks; positions are counted from the row
//! behind that of the padding subword.

use serde::de::Error;

use super::bert::Keys;
use super::post_norm::{Layout, PostNorm, build};
use super::{Architecture, Encoder, EncoderConfig, Names};
use crate::Result;
use crate::model::parameters::{Builder, Parameters};

/// The architecture.
pub struct Roberta;

impl Architecture for Roberta {
    fn names(&self) -> Names {
        Names {
            model_types: &[("roberta", "Roberta"), ("xlm-roberta", "XLMRoberta"), ("camembert", "Camembert")],
            prefix: "roberta",
            layers_key: "num_hidden_layers",
        }
    }

    fn config(&'static self, json: &[u8]) -> serde_json::Result<EncoderConfig> {
        let keys: Keys = serde_json::from_slice(json)?;
        let mut config = keys.config(self);
        config.first_position = keys.pad_token_id.unwrap_or(1) + 1;
        config.max_subwords = config.max_subwords.checked_sub(config.first_position).ok_or_else(|| {
            serde_json::Error::custom("pad_token_id leaves no row of the position embedding for any subword")
        })?;
        Ok(config)
    }

    fn build(&self, builder: &mut Builder<'_>, config: &EncoderConfig) -> Result<()> {
        build(builder, config, &Layout::BERT)
    }

    fn open(&self, parameters: &Parameters, config: &EncoderConfig) -> Result<Box<dyn Encoder>> {
        Ok(Box::new(PostNorm::new(parameters, config, &Layout::BERT)?))
    }
}
