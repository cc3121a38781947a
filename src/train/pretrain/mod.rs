//! Masked-language-model pretraining of a small encoder on any text.
//!
//! The recipe of BERT (arXiv 1810.04805, section 3.1) without next-sentence prediction: of each sentence 15 % of the
//! subwords are to be predicted; of those 80 % are replaced by `[MASK]`, 10 % by a random subword, 10 % are left.
//! Which, is drawn anew each time a sentence is seen.
//!
//! A [`Pretrainer`] is a model on its way: it takes steps up to any number, is scored and saved there ([`Checkpoints`
//! along the way][crate::run::Pretraining] are made so), and goes on. Its learning rate is that of the whole way, which
//! falls to 0 with the last step: a model saved before is no finished one of a shorter pretraining, but one taken from
//! the middle, at a learning rate that had still far to fall.

mod evaluate;
mod masking;
mod pretrainer;
mod report;
mod resume;
mod settings;

pub use pretrainer::{Pretrainer, Progress};
pub use report::{PretrainReport, text_digest};
pub use settings::{PretrainSettings, WeightFormat};

use candle_core::Device;

use crate::Result;
use crate::encode::Tokenizer;
use crate::model::masked::MaskedModel;

/// Pretrains an encoder on `text`, one sentence a line, to the end.
///
/// # Errors
/// Those of [`Pretrainer::new`] and [`Pretrainer::train`].
pub fn pretrain(
    text: &[String],
    settings: &PretrainSettings,
    device: &Device,
    mut progress: impl FnMut(Progress) -> Result<()>,
) -> Result<(MaskedModel, Tokenizer, PretrainReport)> {
    let mut pretrainer = Pretrainer::new(text, settings, device)?;
    pretrainer.train(pretrainer.steps(), &mut progress)?;
    let report = pretrainer.report()?;
    let (model, tokenizer) = pretrainer.into_parts();
    Ok((model, tokenizer, report))
}
