//! The masked-language-modelling head of BERT (arXiv 1810.04805, section 3.1): from a hidden state to a distribution over
//! pieces, `softmax(norm(gelu(W·x)) · Eᵀ + b)`, with E the word embedding itself.

use std::path::Path;

use candle_core::{Device, Tensor};

use super::bert::{self, Affine, Bert, DropoutPlan, WORDS};
use super::checkpoint::{self, Precision};
use super::config::BertConfig;
use super::parameters::{Builder, Init, Parameters};
use crate::Result;
use crate::encode::{Batch, Tokenizer};
use crate::nn;

const TRANSFORM: &str = "cls.predictions.transform";
const BIAS: &str = "cls.predictions.bias";

/// An encoder that predicts masked pieces.
pub struct MaskedModel {
    config: BertConfig,
    parameters: Parameters,
    tracked: Network,
    detached: Network,
}

struct Network {
    bert: Bert,
    dense: Affine,
    norm: Affine,
    words: Tensor,
    bias: Tensor,
}

impl Network {
    fn new(parameters: &Parameters, config: &BertConfig, track: bool) -> Result<Self> {
        let tensor = |name: &str| -> Result<Tensor> {
            let var = parameters.get(name)?;
            Ok(if track { var.as_tensor().clone() } else { var.as_detached_tensor() })
        };
        Ok(Self {
            bert: Bert::new(parameters, config, track)?,
            dense: Affine::new(parameters, &format!("{TRANSFORM}.dense"), track)?,
            norm: Affine::new(parameters, &format!("{TRANSFORM}.LayerNorm"), track)?,
            words: tensor(WORDS)?,
            bias: tensor(BIAS)?,
        })
    }
}

impl MaskedModel {
    /// A model with new weights drawn from `seed`.
    pub fn new(config: BertConfig, seed: u64, device: &Device) -> Result<Self> {
        let mut builder = Builder::new(None, seed, device);
        bert::build(&mut builder, &config)?;
        let (h, normal) = (config.hidden_size, Init::Normal(config.initializer_range));
        bert::add_linear(&mut builder, &format!("{TRANSFORM}.dense"), h, h, normal)?;
        bert::add_norm(&mut builder, &format!("{TRANSFORM}.LayerNorm"), h)?;
        builder.add(BIAS, &[config.vocab_size], Init::Constant(0.0))?;
        let parameters = builder.parameters;
        let tracked = Network::new(&parameters, &config, true)?;
        let detached = Network::new(&parameters, &config, false)?;
        Ok(Self { config, parameters, tracked, detached })
    }

    /// The trainable numbers.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Logits `[scored, vocabulary]` of the batch's scored rows; without a plan no dropout and no gradients.
    pub fn logits(&self, batch: &Batch, plan: Option<&DropoutPlan>) -> Result<Tensor> {
        let network = if plan.is_some() { &self.tracked } else { &self.detached };
        let hidden = network.bert.forward(&batch.ids, batch, plan)?;
        let scored = hidden.index_select(&Tensor::new(batch.scored.as_slice(), hidden.device())?, 0)?;
        let x = nn::activate(&network.dense.linear(&scored)?, self.config.activation())?;
        let x = network.norm.norm(&x, self.config.layer_norm_eps)?;
        Ok(nn::linear(&x, &network.words, &network.bias)?)
    }

    /// Writes the folder that transformers' `BertForMaskedLM` and [`super::Tagger::load`] open.
    pub fn save(&self, folder: &Path, tokenizer: &Tokenizer, precision: Precision) -> Result<()> {
        super::save::write_folder(folder, &self.config, None, tokenizer, || {
            let mut tensors = Vec::new();
            for (name, var) in self.parameters.iter() {
                let name = if name.starts_with("cls.") { name.to_owned() } else { format!("bert.{name}") };
                tensors.push((name, var.dims().to_vec(), var.as_tensor().flatten_all()?.to_vec1::<f32>()?));
            }
            checkpoint::write(&folder.join("model.safetensors"), &tensors, precision, &[])
        })
    }
}
