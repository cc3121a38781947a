//! The masked-language-modelling head of BERT (arXiv 1810.04805, section 3.1): from a hidden state to a distribution
//! over subwords, `softmax(norm(gelu(W·x)) · Eᵀ + b)`, with E the word embedding itself.

use std::path::Path;

use candle_core::Device;

use super::DropoutPlan;
use super::checkpoint::{self, Precision};
use super::encoder::{Encoder, EncoderConfig, WORDS, add_linear, add_norm};
use super::engine::Engine;
use super::parameters::{Builder, Init, Parameters};
use crate::Result;
use crate::encode::{Batch, Tokenizer};
use crate::nn::{self, Gradients, Linear, Norm, Tape, Value};

const TRANSFORM: &str = "cls.predictions.transform";
const BIAS: &str = "cls.predictions.bias";

/// An encoder that predicts masked subwords.
pub struct MaskedModel {
    config: EncoderConfig,
    parameters: Parameters,
    network: Network,
    engine: Engine,
}

struct Network {
    encoder: Box<dyn Encoder>,
    dense: Linear,
    norm: Norm,
    /// The word embedding, and a bias for each subword.
    output: Linear,
}

impl MaskedModel {
    /// A model with new weights drawn from `seed`.
    ///
    /// # Errors
    /// [`Error::Model`](crate::error::Error::Model) for more parameters than an encoder may have.
    pub fn new(config: EncoderConfig, seed: u64, device: &Device) -> Result<Self> {
        config.compare(None)?;
        let mut builder = Builder::new(None, seed, device);
        config.architecture.build(&mut builder, &config)?;
        let (h, normal) = (config.hidden_size, Init::Normal(config.initializer_range));
        add_linear(&mut builder, &format!("{TRANSFORM}.dense"), h, h, normal)?;
        add_norm(&mut builder, &format!("{TRANSFORM}.LayerNorm"), h)?;
        builder.add(BIAS, &[config.vocab_size], Init::Constant(0.0))?;
        let parameters = builder.parameters;
        let network = Network {
            encoder: config.architecture.open(&parameters, &config)?,
            dense: parameters.linear(&format!("{TRANSFORM}.dense"))?,
            norm: parameters.norm(&format!("{TRANSFORM}.LayerNorm"), config.layer_norm_eps)?,
            output: Linear { weight: parameters.handle(WORDS)?, bias: parameters.handle(BIAS)? },
        };
        Ok(Self { config, parameters, network, engine: Engine::new(device) })
    }

    /// The trainable numbers.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Adds the gradients of the mean loss over the batch's scored rows to `gradients`, and returns the loss in nats.
    pub fn train_step(
        &self,
        batch: &Batch,
        targets: &[u32],
        plan: &DropoutPlan,
        gradients: &mut Gradients,
    ) -> Result<f64> {
        nn::on_pool(|| {
            let tape = self.engine.training();
            let logits = self.logits(&tape, batch, Some(plan))?;
            let loss = nn::cross_entropy(&tape, &logits, targets, targets.len() as f64)?;
            let value = loss.value;
            tape.backward(loss, gradients)?;
            Ok(value)
        })
    }

    /// The summed loss over the batch's scored rows in nats, and the likeliest subword of each; dropout off.
    pub fn evaluate(&self, batch: &Batch, targets: &[u32]) -> Result<(f64, Vec<u32>)> {
        let (loss, logits) = nn::on_pool(|| -> Result<_> {
            let tape = self.engine.inference();
            let logits = self.logits(&tape, batch, None)?;
            Ok((nn::cross_entropy(&tape, &logits, targets, 1.0)?.value, logits.to_vec()?))
        })?;
        let best = logits.chunks_exact(self.config.vocab_size).map(|row| nn::math::argmax(row) as u32);
        Ok((loss, best.collect()))
    }

    /// Logits `[scored, vocabulary]` of the batch's scored rows.
    fn logits(&self, tape: &Tape, batch: &Batch, plan: Option<&DropoutPlan>) -> Result<Value> {
        let Network { encoder, dense, norm, output } = &self.network;
        let scored = encoder.forward(tape, &batch.ids, batch, plan)?;
        let x = nn::linear_activate(tape, &scored, dense, self.config.activation)?;
        let x = nn::layer_norm(tape, &x, norm)?;
        Ok(nn::linear(tape, &x, output)?)
    }

    /// Writes the folder that transformers' `BertForMaskedLM` and [`super::Tagger::load`] open.
    pub fn save(&self, folder: &Path, tokenizer: &Tokenizer, precision: Precision) -> Result<()> {
        super::save::write_folder(folder, &self.config, "BertForMaskedLM", None, tokenizer.files(), || {
            let mut tensors = Vec::new();
            for (name, var) in self.parameters.iter() {
                let name = if name.starts_with("cls.") { name.to_owned() } else { format!("bert.{name}") };
                tensors.push((name, var.dims().to_vec(), var.as_tensor().flatten_all()?.to_vec1::<f32>()?));
            }
            checkpoint::write(&folder.join("model.safetensors"), &tensors, precision, &[])
        })
    }
}
