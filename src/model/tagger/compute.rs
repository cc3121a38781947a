//! What a tagger computes: predictions, and the gradients of a batch or an episode.

use super::{BatchPrediction, Episode, Tagger, TextPrediction, TokenPrediction, TrainOutput};
use crate::Result;
use crate::encode::Batch;
use crate::error::Error;
use crate::model::head::Head;
use crate::model::{Centroids, DropoutPlan};
use crate::nn::{self, Chain, Decoded, Gradients, Packing, Tape, Value};

impl Tagger {
    /// Adds the gradients of the batch's loss to `gradients`: Σ −log p(label) / `denominator` over the scored tokens;
    /// with a CRF, the sum over sentences of −log p(labels). `plan` is absent for no dropout.
    ///
    /// # Errors
    /// [`Error::Internal`] for a prototypical head, which learns from episodes.
    pub fn train_step(
        &self,
        batch: &Batch,
        labels: &[u32],
        denominator: f64,
        plan: Option<&DropoutPlan>,
        gradients: &mut Gradients,
    ) -> Result<TrainOutput> {
        let (Head::Linear(layer) | Head::Crf { emissions: layer, .. }) = &self.network.head else {
            return Err(Error::Internal("a prototypical head was to learn from a batch".into()));
        };
        nn::on_pool(|| {
            let tape = self.engine.training();
            let hidden = self.hidden(&tape, batch, plan)?;
            let logits = nn::linear(&tape, &hidden, layer)?;
            let (loss, prediction) = match &self.network.head {
                Head::Crf { chain, .. } => {
                    let sentences = batch.packing.select(&batch.scored);
                    let loss = nn::crf_loss(&tape, &logits, chain, &sentences, labels, denominator)?;
                    (loss, decode(&logits, chain, &sentences)?)
                }
                _ => {
                    let loss = nn::cross_entropy(&tape, &logits, labels, denominator)?;
                    (loss, BatchPrediction { logits: logits.to_vec()?, decoded: None })
                }
            };
            let output = TrainOutput { logits: prediction.logits, decoded: prediction.decoded, loss: loss.value };
            tape.backward(loss, gradients)?;
            Ok(output)
        })
    }

    /// The same for a prototypical head and an episode: the loss is that of the queries, and gradients go through the
    /// centroids, too. The episode's centroids are returned beside the output.
    ///
    /// # Errors
    /// [`Error::Internal`] for another head.
    pub fn train_episode(
        &self,
        episode: &Episode,
        denominator: f64,
        plan: Option<&DropoutPlan>,
        gradients: &mut Gradients,
    ) -> Result<(TrainOutput, Centroids)> {
        let Head::Prototypes { map, outside } = &self.network.head else {
            return Err(Error::Internal("a head without prototypes was to learn from an episode".into()));
        };
        nn::on_pool(|| {
            let tape = self.engine.training();
            let hidden = self.hidden(&tape, &episode.batch, plan)?;
            let f = nn::linear(&tape, &hidden, map)?;
            let means = nn::group_means(&tape, &f, &episode.support)?;
            let support = episode.support.iter().map(|rows| rows.len() as u64).collect();
            let centroids = Centroids { values: means.to_vec()?, support };
            let queries = nn::select(&tape, &f, &episode.queries)?;
            let logits = nn::prototype_logits(&tape, &queries, &means, &centroids.present(), outside)?;
            let loss = nn::cross_entropy(&tape, &logits, &episode.labels, denominator)?;
            let output = TrainOutput { logits: logits.to_vec()?, decoded: None, loss: loss.value };
            tape.backward(loss, gradients)?;
            Ok((output, centroids))
        })
    }

    /// Logits of the batch's scored tokens, dropout off: `[scored, labels]`, row by row. Those of a CRF are its
    /// marginals' logarithms.
    ///
    /// # Errors
    /// [`Error::Internal`] for a prototypical head without centroids.
    pub fn logits(&self, batch: &Batch) -> Result<Vec<f32>> {
        Ok(self.predict_batch(batch)?.logits)
    }

    /// The prediction for the batch's scored tokens, dropout off.
    ///
    /// # Errors
    /// [`Error::Internal`] for a prototypical head without centroids.
    pub fn predict_batch(&self, batch: &Batch) -> Result<BatchPrediction> {
        nn::on_pool(|| {
            let tape = self.engine.inference();
            let hidden = self.hidden(&tape, batch, None)?;
            let logits = match &self.network.head {
                Head::Linear(classifier) => nn::linear(&tape, &hidden, classifier)?,
                Head::Crf { emissions, chain } => {
                    let sentences = batch.packing.select(&batch.scored);
                    return decode(&nn::linear(&tape, &hidden, emissions)?, chain, &sentences);
                }
                Head::Prototypes { map, outside } => {
                    let centroids = self
                        .centroids
                        .as_ref()
                        .ok_or_else(|| Error::Internal("a prototypical head was to judge without centroids".into()))?;
                    let f = nn::linear(&tape, &hidden, map)?;
                    let values = tape.constant(&centroids.values, self.head.dimensions)?;
                    nn::prototype_logits(&tape, &f, &values, &centroids.present(), outside)?
                }
            };
            Ok(BatchPrediction { logits: logits.to_vec()?, decoded: None })
        })
    }

    /// The embeddings of the batch's scored tokens in the space of a prototypical head, dropout off: `[scored, dimensions]`,
    /// row by row.
    ///
    /// # Errors
    /// [`Error::Internal`] for another head.
    pub fn embed(&self, batch: &Batch) -> Result<Vec<f32>> {
        let Head::Prototypes { map, .. } = &self.network.head else {
            return Err(Error::Internal("a head without prototypes has no space to put words in".into()));
        };
        nn::on_pool(|| {
            let tape = self.engine.inference();
            Ok(nn::linear(&tape, &self.hidden(&tape, batch, None)?, map)?.to_vec()?)
        })
    }

    /// What the head reads: the scored tokens' hidden states, after dropout.
    fn hidden(&self, tape: &Tape, batch: &Batch, plan: Option<&DropoutPlan>) -> Result<Value> {
        let mapped = match &self.rows_in_use {
            Some(rows) => Some(rows.rows(&batch.ids).ok_or_else(|| {
                Error::Internal("a subword outside the rows in use was asked for during training".into())
            })?),
            None => None,
        };
        let ids = mapped.as_deref().unwrap_or(&batch.ids);
        let scored = self.network.encoder.forward(tape, ids, batch, plan)?;
        let dropout = DropoutPlan::at(plan, "head dropout", |p| p.head, 0);
        Ok(nn::dropout(tape, &scored, dropout.as_ref())?)
    }

    /// Label ids for each word of each sentence, dropout off. Words beyond `max_subwords` and words without a subword
    /// get `O`.
    pub fn predict(&self, sentences: &[Vec<String>], max_subwords: usize, batch_size: usize) -> Result<Vec<Vec<u8>>> {
        let predicted = self.predict_tokens(sentences, max_subwords, batch_size)?.sentences;
        Ok(predicted.into_iter().map(|sentence| sentence.iter().map(|prediction| prediction.label).collect()).collect())
    }

    /// As [`Tagger::predict`], with the probability of each label.
    pub fn predict_tokens(
        &self,
        sentences: &[Vec<String>],
        max_subwords: usize,
        batch_size: usize,
    ) -> Result<TextPrediction> {
        let max_subwords = max_subwords.min(self.config.max_subwords);
        let encoded = self.tokenizer.encode(sentences.iter().map(Vec::as_slice), max_subwords)?;
        let unseen = TokenPrediction { label: self.outside, probability: None };
        let mut predicted: Vec<Vec<TokenPrediction>> = sentences.iter().map(|s| vec![unseen; s.len()]).collect();
        let numbered: Vec<_> = (0u32..).zip(&encoded).filter(|(_, s)| !s.words.is_empty()).collect();
        for part in numbered.chunks(batch_size.max(1)) {
            let batch = Batch::pack(part.iter().copied());
            let predictions = self.predict_batch(&batch)?.tokens(self.labels.len());
            for (at, prediction) in batch.tokens.iter().zip(predictions) {
                predicted[at.sentence as usize][usize::from(at.token)] = prediction;
            }
        }
        Ok(TextPrediction {
            sentences: predicted,
            truncated: encoded.iter().map(|sentence| sentence.truncated).sum(),
            without_subword: encoded.iter().map(|sentence| sentence.without_subword).sum(),
        })
    }
}

/// The prediction of a CRF for tokens, given their emissions.
fn decode(emissions: &Value, chain: &Chain, sentences: &Packing) -> Result<BatchPrediction> {
    let Decoded { log_marginals, labels } = nn::crf::decode(&emissions.to_vec()?, chain, sentences)?;
    Ok(BatchPrediction { logits: log_marginals, decoded: Some(labels.into_iter().map(|label| label as u8).collect()) })
}
