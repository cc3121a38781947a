//! ELECTRA (arXiv 2003.10555), discriminator or generator: BERT's blocks; embeddings may be narrower than the blocks.

use super::bert::Keys;
use super::post_norm::{Layout, PostNorm, build};
use super::{Architecture, Encoder, EncoderConfig, Names};
use crate::Result;
use crate::model::parameters::{Builder, Parameters};

/// The architecture.
pub struct Electra;

impl Architecture for Electra {
    fn names(&self) -> Names {
        Names { model_types: &[("electra", "Electra")], prefix: "electra", layers_key: "num_hidden_layers" }
    }

    fn config(&'static self, json: &[u8]) -> serde_json::Result<EncoderConfig> {
        let keys: Keys = serde_json::from_slice(json)?;
        let mut config = keys.config(self);
        // Without the key, transformers takes 128.
        config.embedding_size = keys.embedding_size.unwrap_or(128);
        Ok(config)
    }

    fn build(&self, builder: &mut Builder<'_>, config: &EncoderConfig) -> Result<()> {
        build(builder, config, &Layout::BERT)
    }

    fn open(&self, parameters: &Parameters, config: &EncoderConfig) -> Result<Box<dyn Encoder>> {
        Ok(Box::new(PostNorm::new(parameters, config, &Layout::BERT)?))
    }
}
