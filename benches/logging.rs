//! What logging both passes costs, as a share of an epoch.
//!
//! `cargo bench --bench logging`: trains the embedded encoder on the embedded corpus (or MEMOSCOPE_BENCH_MODEL on
//! MEMOSCOPE_BENCH_DATA, folders) for four epochs with both passes. Logging is what the trainer does beyond computing:
//! from logits to what is logged of each token, and writing the epoch's file. The eval pass itself is no part of it.

use std::time::{Duration, Instant};

use candle_core::Device;
use memoscope::corpus::{self, DataSettings, Sentence};
use memoscope::dynamics::{CurvePoint, LogWriter, StepRecord, observe};
use memoscope::metrics::entity::TypeScores;
use memoscope::model::{ModelSettings, Tagger, Words};
use memoscope::train::{EpochEnd, Observer, TrainSettings, Trainer, TrainingData};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const EPOCHS: u32 = 4;

/// Writes each epoch's observations and adds up how long that takes.
struct Recorder {
    writer: LogWriter,
    labels: usize,
    writing: Duration,
    observing: Duration,
}

impl Observer for Recorder {
    fn step(&mut self, _: &StepRecord) -> memoscope::Result<()> {
        Ok(())
    }

    fn evaluation(&mut self, _: &CurvePoint, _: &[TypeScores]) -> memoscope::Result<()> {
        Ok(())
    }

    fn epoch(&mut self, end: EpochEnd<'_>) -> memoscope::Result<()> {
        let start = Instant::now();
        self.writer.epoch(end.epoch, end.train.as_ref(), end.eval.as_ref())?;
        self.writing += start.elapsed();
        // The trainer has observed each token once a pass, batch by batch: the same work once more, to be timed.
        let predicted = end.train.map(|train| train.predicted).unwrap_or_default();
        let logits: Vec<f32> = (0..predicted.len() * self.labels).map(|i| (i % 13) as f32 / 3.0).collect();
        let start = Instant::now();
        for part in 0..2 {
            for (logits, given) in logits.chunks(400 * self.labels).zip(predicted.chunks(400)) {
                std::hint::black_box((part, observe(logits, given)?));
            }
        }
        self.observing += start.elapsed();
        Ok(())
    }
}

fn main() -> memoscope::Result<()> {
    let setting = |name: &str| std::env::var(name).unwrap_or_else(|_| "embedded".into());
    let source = setting("MEMOSCOPE_BENCH_DATA");
    let corpus = corpus::load(&DataSettings { source, ..DataSettings::default() })?;
    let model = ModelSettings { source: setting("MEMOSCOPE_BENCH_MODEL"), ..ModelSettings::default() };
    let (tagger, report) = Tagger::load(&model, &Words::none(), corpus.labels.names(), 1, &Device::Cpu)?;
    let labels = corpus.labels.names().to_vec();
    let train = corpus.train.into_iter().map(Sentence::into_given).collect();
    let data = TrainingData { train, dev: corpus.dev, labels: labels.clone(), ..TrainingData::default() };
    let settings = TrainSettings { epochs: EPOCHS, evaluations_per_epoch: 1, ..TrainSettings::default() };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut recorder = Recorder {
        writer: LogWriter::new(folder.path(), "bench", &labels)?,
        labels: labels.len(),
        writing: Duration::ZERO,
        observing: Duration::ZERO,
    };
    let mut trainer = Trainer::new(tagger, &data, &settings, 1)?;
    let tokens = trainer.encoding().train_tokens;
    let start = Instant::now();
    trainer.run(&mut recorder)?;
    // The second observation of each token is this benchmark's, not the training's.
    let whole = start.elapsed() - recorder.observing;
    let share = |part: Duration| 100.0 * part.as_secs_f64() / whole.as_secs_f64();
    println!("{}: {} tokens, {:.2} s an epoch", report.shape, tokens, whole.as_secs_f64() / f64::from(EPOCHS));
    println!(
        "observing both passes {:.2} %, writing {:.2} % of an epoch",
        share(recorder.observing),
        share(recorder.writing)
    );
    Ok(())
}
