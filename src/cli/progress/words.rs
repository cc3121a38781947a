//! The words that lines and bars share.

use std::fmt::Write as _;

use crate::dynamics::{CurvePoint, DevScore};
use crate::format::{count, duration, percent_fixed};
use crate::run::{EpochSummary, RunStart, StudyProgress};
use crate::train::pretrain::PretrainReport;

pub(super) fn position((number, of): (usize, usize)) -> String {
    format!("[{number}/{of}]")
}

pub(super) fn opening(start: &RunStart<'_>) -> String {
    // Of a run without noise nothing is to be said: nobody knows whether the given labels are right.
    let noise = start.noise.map(|noise| noise.realised_rate).filter(|&rate| rate > 0.0);
    let mut line = format!(
        "{}: {} sentences, {} tokens{}; {}",
        start.id,
        count(start.encoding.train_sentences as f64),
        count(start.encoding.train_tokens as f64),
        noise.map_or_else(String::new, |rate| format!(", {} of them noisy", percent_fixed(rate, 1))),
        start.model.shape,
    );
    if start.steps_finished > 0 {
        let (epoch, steps) = (start.epochs_finished + 1, start.encoding.steps_per_epoch);
        let _ = write!(line, "; resumed in epoch {epoch} after step {} of {steps}", start.steps_finished);
    } else if start.epochs_finished > 0 {
        let _ = write!(line, "; resumed after epoch {} of {}", start.epochs_finished, start.epochs);
    }
    if start.encoding.train_tokens_truncated > 0 {
        let _ = write!(line, "; {} tokens lost to train.max_subwords", start.encoding.train_tokens_truncated);
    }
    line
}

pub(super) fn checkpoint_line(report: &PretrainReport) -> String {
    format!(
        "pretrained for {} of {} steps: held-out masked accuracy {:.3}, loss {:.3} nats",
        count(report.steps as f64),
        count(report.planned_steps as f64),
        report.held_out_masked_accuracy,
        report.held_out_masked_loss
    )
}

pub(super) fn details(start: &RunStart<'_>) -> String {
    let list = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    format!(
        "  folder: {}\n  parameters: {}\n  new weights: {}\n  unused tensors: {}\n",
        start.folder.display(),
        count(start.model.n_parameters as f64),
        list(&start.model.missing),
        list(&start.model.unexpected),
    )
}

pub(super) fn epoch_line(summary: &EpochSummary) -> String {
    let mut line = format!("epoch {}/{}: loss {:.4}", summary.epoch, summary.epochs, summary.loss);
    if let Some(point) = &summary.evaluation {
        let _ = write!(line, ", {}", scores(point));
    }
    let _ = write!(line, ", {} tokens/s, {}", count(summary.tokens_per_second), duration(summary.seconds));
    line
}

pub(super) fn scores(point: &CurvePoint) -> String {
    let mut text = format!("{} {:.4}", DevScore::F1.label(), point.dev_score);
    if let (Some(noisy), Some(gold)) = (point.probe_noisy_accuracy, point.probe_noisy_accuracy_gold) {
        let _ = write!(text, ", noisy tokens as given {noisy:.3}, as true {gold:.3}");
    }
    text
}

/// How far a study has come: `3 of 8 runs done, 2 running, 1 failed, 12 min left`.
pub(super) fn study_line(progress: &StudyProgress) -> String {
    let mut line = format!("{} of {} runs done", progress.done, progress.runs);
    for (n, what) in [(progress.running, "running"), (progress.failed, "failed")] {
        if n > 0 {
            let _ = write!(line, ", {n} {what}");
        }
    }
    if let Some(seconds) = progress.seconds_left {
        let _ = write!(line, ", about {} left", duration(seconds));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::LoadReport;
    use crate::train::EncodingReport;

    #[test]
    fn a_study_is_one_line() {
        let mut progress = StudyProgress { runs: 8, done: 3, ..StudyProgress::default() };
        assert_eq!(study_line(&progress), "3 of 8 runs done");
        (progress.running, progress.failed, progress.seconds_left) = (2, 1, Some(720.0));
        assert_eq!(study_line(&progress), "3 of 8 runs done, 2 running, 1 failed, about 12 min left");
    }

    #[test]
    fn an_epoch_is_one_line() {
        let summary = EpochSummary {
            epoch: 2,
            epochs: 8,
            loss: 0.5,
            evaluation: Some(CurvePoint {
                dev_score: 0.75,
                probe_noisy_accuracy: Some(0.01),
                probe_noisy_accuracy_gold: Some(0.9),
                ..CurvePoint::default()
            }),
            seconds: 2.0,
            tokens_per_second: 12_345.0,
        };
        assert_eq!(
            epoch_line(&summary),
            "epoch 2/8: loss 0.5000, dev F1 0.7500, noisy tokens as given 0.010, as true 0.900, 12,345 tokens/s, 2.0 s"
        );
    }

    #[test]
    fn the_first_line_says_where_a_run_is_resumed() {
        let model = LoadReport {
            source: "embedded".into(),
            revision: None,
            fingerprint: String::new(),
            missing: Vec::new(),
            unexpected: Vec::new(),
            not_finite: Vec::new(),
            n_parameters: 10,
            shape: "2 layers".into(),
        };
        let encoding = EncodingReport {
            train_sentences: 1000,
            train_sentences_left_out: 0,
            train_tokens: 9000,
            train_tokens_truncated: 0,
            train_tokens_without_subword: 0,
            dev_tokens_lost: 0,
            steps_per_epoch: 250,
        };
        let line = |epochs_finished, steps_finished| {
            opening(&RunStart {
                id: "seed=1",
                folder: "seed=1".as_ref(),
                position: (1, 1),
                epochs: 8,
                epochs_finished,
                steps_finished,
                model: &model,
                noise: None,
                encoding: &encoding,
            })
        };
        let begun = "seed=1: 1,000 sentences, 9,000 tokens; 2 layers";
        assert_eq!(line(0, 0), begun);
        assert_eq!(line(2, 0), format!("{begun}; resumed after epoch 2 of 8"));
        assert_eq!(line(2, 120), format!("{begun}; resumed in epoch 3 after step 120 of 250"));
    }
}
