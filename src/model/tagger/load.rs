//! A tagger from files: an encoder with a new head, or one that was saved whole.

use std::path::Path;

use candle_core::{Device, Tensor};

use super::{Inspected, Network, Tagger};
use crate::Result;
use crate::error::{Error, Problem};
use crate::model::encoder::{BILSTM, WORDS};
use crate::model::engine::Engine;
use crate::model::files::Files;
use crate::model::labels::OUTSIDE;
use crate::model::parameters::{Builder, Parameters};
use crate::model::{HeadKind, LoadReport, ModelSettings, Words, head};

impl Tagger {
    /// Loads (or draws, with `random_init`) the encoder and puts a head for `labels` on it; new weights come from
    /// `seed`. `words` are those of the text: a bi-LSTM is made for them.
    ///
    /// A `classifier` in the checkpoint is used if its shape fits and its label names, where it has names of its own,
    /// are ours; its rows are then put into our order. The same holds for a prototypical head, whose centroids are used
    /// if the labels are the same in the same order.
    ///
    /// # Errors
    /// [`Error::Model`] if files are missing or broken, a tensor of the encoder is missing or has another shape, or
    /// the tokenizer has more subwords than the embedding has rows; [`Error::Config`] for a number of layers that the
    /// encoder does not have, or a head that cannot be made.
    pub fn load(
        settings: &ModelSettings,
        words: &Words<'_>,
        labels: &[String],
        seed: u64,
        device: &Device,
    ) -> Result<(Self, LoadReport)> {
        let files = match settings.source.as_str() {
            BILSTM => Files::bilstm(&settings.bilstm, words)?,
            source => Files::open(source)?,
        };
        Self::from_files(files, settings, labels, seed, device)
    }

    /// Opens a tagger that was saved, its head and its labels included: to predict with.
    ///
    /// # Errors
    /// [`Error::Model`] as for [`Tagger::load`], and if the folder holds an encoder without a head, or none of the
    /// labels is `O`.
    pub fn open(source: &str, device: &Device) -> Result<(Self, LoadReport)> {
        Self::open_with(source, None, device)
    }

    /// The same for a tagger whose label of tokens that belong to no entity may be called `outside`; it becomes `O`.
    ///
    /// # Errors
    /// As [`Tagger::open`], and [`Error::Model`] if the tagger has no such label, or `O` beside it.
    pub fn open_with(source: &str, outside: Option<&str>, device: &Device) -> Result<(Self, LoadReport)> {
        let mut files = Files::open(source)?;
        let labels = files.tagger_labels(outside)?;
        files.rename_labels(&labels);
        let origin = files.origin.clone();
        let rows = files.checkpoint.shape("classifier.weight").and_then(|shape| shape.first().copied());
        let (tagger, report) = Self::as_saved(files, source, &labels, device)?;
        require_head(&report, &origin, rows, labels.len())?;
        Ok((tagger, report))
    }

    /// Opens what a source holds, to be described: a tagger that was saved, or an encoder under a head that is drawn.
    ///
    /// # Errors
    /// As for [`Tagger::load`], and for a saved tagger of which something is missing.
    pub fn inspect(source: &str, device: &Device) -> Result<Inspected> {
        let any = ["O".to_owned(), "B-X".to_owned()];
        if source == BILSTM {
            let settings = ModelSettings { source: source.to_owned(), ..ModelSettings::default() };
            let (tagger, report) = Self::load(&settings, &Words::none(), &any, 0, device)?;
            return Ok(Inspected { tagger, report, is_tagger: false, fault: None });
        }
        let files = Files::open(source)?;
        let named = files.labels().map_or(true, |names| names.is_some());
        let labels = match named {
            true => files.tagger_labels(None).map(Some),
            false => Ok(None),
        };
        let origin = files.origin.clone();
        let rows = files.checkpoint.shape("classifier.weight").and_then(|shape| shape.first().copied());
        let known = labels.as_ref().ok().and_then(|labels| labels.as_deref());
        let (tagger, report) = Self::as_saved(files, source, known.unwrap_or(&any), device)?;
        let checked = labels.and_then(|labels| match labels {
            Some(labels) => require_head(&report, &origin, rows, labels.len()).map(|()| true),
            None => Ok(false),
        });
        let (is_tagger, fault) = match checked {
            Ok(is_tagger) => (is_tagger, None),
            Err(fault) => (false, Some(fault)),
        };
        Ok(Inspected { tagger, report, is_tagger, fault })
    }

    /// With the head that the files name, which is drawn where they have no weights of it.
    fn as_saved(files: Files, source: &str, labels: &[String], device: &Device) -> Result<(Self, LoadReport)> {
        let head = files.config.head.clone().unwrap_or_default();
        let settings = ModelSettings { source: source.to_owned(), head, ..ModelSettings::default() };
        let origin = files.origin.clone();
        let (tagger, report) = Self::from_files(files, &settings, labels, 0, device)?;
        if report.missing.is_empty() && tagger.head.kind == HeadKind::Prototypes && tagger.centroids.is_none() {
            return Err(Error::Model(
                Problem::new("the centroids of its prototypical head are missing")
                    .at(origin.join("model.safetensors"))
                    .hint("save the model again from a finished run: words cannot be judged without them"),
            ));
        }
        Ok((tagger, report))
    }

    fn from_files(
        mut files: Files,
        settings: &ModelSettings,
        labels: &[String],
        seed: u64,
        device: &Device,
    ) -> Result<(Self, LoadReport)> {
        settings.head.validate()?;
        let outside = outside_of(labels, settings.head.kind)?;
        let mut config = files.config.clone();
        if let Some(layers) = settings.layers {
            if layers == 0 || layers > config.layers {
                return Err(Error::Config(
                    Problem::new(format!("model.layers is {layers}, the encoder has {}", config.layers))
                        .hint(format!("choose between 1 and {}", config.layers)),
                ));
            }
            config.layers = layers;
        }
        let tokenizer = files.tokenizer()?;
        if tokenizer.vocabulary_size() > config.vocab_size {
            return Err(Error::Model(
                Problem::new(format!(
                    "the tokenizer knows {} subwords, the word embedding has {} rows",
                    tokenizer.vocabulary_size(),
                    config.vocab_size
                ))
                .at(files.origin.join(tokenizer.source()))
                .hint("use the tokenizer that the encoder was pretrained with"),
            ));
        }
        let fingerprint = files.fingerprint(&tokenizer);
        let drawn = settings.random_init || files.fresh;
        if settings.random_init && !files.rows.is_empty() {
            return Err(Error::Config(
                Problem::new("model.random_init is on, and model.bilstm.vectors asks for word vectors from a file")
                    .hint("leave one of them out"),
            ));
        }
        let order = (!drawn).then(|| files.label_order(labels)).flatten();
        config.compare((!drawn).then_some(&files.checkpoint)).map_err(|error| match error {
            Error::Model(problem) if problem.path.is_none() && !files.fresh => {
                Error::Model(problem.at(files.origin.join("config.json")))
            }
            error => error,
        })?;
        let checkpoint = if drawn { None } else { Some(&mut files.checkpoint) };
        let mut builder = Builder::new(checkpoint, seed, device);
        config.architecture.build(&mut builder, &config)?;
        head::build(&mut builder, &settings.head, labels.len(), config.hidden_size, config.initializer_range)?;
        let (parameters, missing) = (std::mem::take(&mut builder.parameters), std::mem::take(&mut builder.missing));
        if let (HeadKind::Linear | HeadKind::Crf, Some(order)) = (settings.head.kind, order) {
            put_labels_in_order(&parameters, settings.head.kind, order)?;
        }
        put_rows(&parameters, &files.rows)?;
        let centroids = match settings.head.kind == HeadKind::Prototypes && !drawn {
            true => files.centroids(labels, settings.head.dimensions)?,
            false => None,
        };
        let report = LoadReport {
            source: settings.source.clone(),
            revision: files.revision.clone(),
            fingerprint,
            missing,
            unexpected: if drawn { Vec::new() } else { files.checkpoint.rest() },
            not_finite: if drawn { Vec::new() } else { files.checkpoint.rest_not_finite() },
            n_parameters: parameters.count(),
            shape: config.shape(),
        };
        config.id2label = None;
        config.head = None;
        let network = Network::new(&parameters, &config, &settings.head)?;
        let tagger = Self {
            config,
            head: settings.head.clone(),
            centroids,
            parameters,
            tokenizer,
            labels: labels.to_vec(),
            outside,
            rows_in_use: None,
            missed_decay: 1.0,
            network,
            engine: Engine::new(device),
        };
        Ok((tagger, report))
    }
}

/// The id of `O` among the labels that a tagger is made for.
fn outside_of(labels: &[String], head: HeadKind) -> Result<u8> {
    let refuse = |what: &str| {
        Err(Error::Model(Problem::new(what).hint("the label `O` is that of tokens that belong to no entity")))
    };
    match labels.iter().position(|label| label == OUTSIDE) {
        None => refuse("none of the labels is `O`"),
        Some(id) if id > 0 && head == HeadKind::Prototypes => {
            refuse("`O` is not the first label, as a prototypical head needs it")
        }
        // No more labels than 8 bits can count.
        Some(id) => u8::try_from(id).or_else(|_| refuse("there are more than 256 labels")),
    }
}

/// Refuses a tagger whose head had to be drawn; `rows` are those of the classifier in its file.
fn require_head(report: &LoadReport, origin: &Path, rows: Option<usize>, n_labels: usize) -> Result<()> {
    if report.missing.is_empty() {
        return Ok(());
    }
    let problem = match rows {
        Some(rows) if rows != n_labels => {
            Problem::new(format!("id2label has {n_labels} labels, and `classifier.weight` has {rows} rows"))
                .at(origin.join("config.json"))
                .hint("use the config.json that came with the weights")
        }
        _ => Problem::new("the weights of its head are missing: this is an encoder, not a tagger")
            .at(origin)
            .hint("give the `model` folder of a finished run, or train one with `memoscope train`"),
    };
    Err(Error::Model(problem))
}

/// Puts what a head from a checkpoint says of each label into the order of our labels.
fn put_labels_in_order(parameters: &Parameters, kind: HeadKind, order: Vec<usize>) -> Result<()> {
    let order = Tensor::from_iter(order.into_iter().map(|i| i as u32), &Device::Cpu)?;
    let put = |name: String, dims: &[usize]| -> Result<()> {
        let var = parameters.get(&name)?;
        let order = order.to_device(var.device())?;
        let mut tensor = var.as_tensor().clone();
        for &dim in dims {
            tensor = tensor.index_select(&order, dim)?;
        }
        Ok(var.set(&tensor)?)
    };
    put(format!("{}.weight", head::LINEAR), &[0])?;
    put(format!("{}.bias", head::LINEAR), &[0])?;
    if kind == HeadKind::Crf {
        put(format!("{}.transitions", head::CHAIN), &[0, 1])?;
        put(format!("{}.start", head::CHAIN), &[0])?;
        put(format!("{}.end", head::CHAIN), &[0])?;
    }
    Ok(())
}

/// Writes these rows of the word embedding.
fn put_rows(parameters: &Parameters, rows: &[(u32, Vec<f32>)]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let var = parameters.get(WORDS)?;
    let (_, width) = var.dims2()?;
    let mut values: Vec<f32> = var.as_tensor().flatten_all()?.to_vec1()?;
    for (row, vector) in rows {
        values[*row as usize * width..][..width].copy_from_slice(vector);
    }
    Ok(var.set(&Tensor::from_vec(values, var.shape(), var.device())?)?)
}
