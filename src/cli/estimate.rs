//! What a dry run says of time and disk, as comments below the grid of runs.

use std::fmt::Write as _;

use super::output::outln;
use crate::estimate::{Estimate, PretrainingEstimate};
use crate::format::{bytes, duration};

/// Prints an estimate: lines that begin with `#`.
pub(super) fn print(estimate: &Estimate, pretraining: Option<&PretrainingEstimate>) -> anyhow::Result<()> {
    outln!("{}", lines(estimate, pretraining, rayon::current_num_threads()));
    Ok(())
}

fn lines(estimate: &Estimate, pretraining: Option<&PretrainingEstimate>, threads: usize) -> String {
    let mut text = String::new();
    let on = format!("on {threads} {}", if threads == 1 { "thread" } else { "threads" });
    if let Some(pretraining) = pretraining.filter(|of| of.seconds_left > 0.0) {
        let (time, size) = (duration(pretraining.seconds_left), bytes(pretraining.bytes));
        let _ = writeln!(text, "# estimated: {time} of pretraining {on}, {size} in its folder");
    }
    let (left, all) = (estimate.runs_left(), estimate.runs.len());
    if left == 0 {
        let _ = write!(text, "# estimated: nothing is left to train");
        return text;
    }
    let which = if left < all { format!(" for the {left} of {all} runs that are not finished") } else { String::new() };
    let _ = write!(
        text,
        "# estimated{which}: {} of training {on}, {} in the runs' folders ({} more while running)\n\
         # from a few timed steps on this machine as busy as it is now; analysis and report not included",
        duration(estimate.seconds_left(1)),
        bytes(estimate.bytes()),
        bytes(estimate.bytes_running(1))
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimate::RunEstimate;

    #[test]
    fn finished_runs_are_told_from_those_that_are_left() {
        let run = |is_finished| RunEstimate {
            shape: 0,
            seconds: 125.0,
            seconds_left: if is_finished { 0.0 } else { 125.0 },
            bytes: 15_000_000,
            bytes_running: 4_000_000,
            is_finished,
        };
        let of = |runs: &[bool]| lines(&Estimate { runs: runs.iter().map(|&f| run(f)).collect(), shapes: 1 }, None, 2);
        let said = of(&[false, false]);
        assert!(said.starts_with(
            "# estimated: 4 min 10 s of training on 2 threads, 30 MB in the runs' folders (4.0 MB more while running)\n# "
        ));
        let said = of(&[true, false]);
        assert!(
            said.starts_with("# estimated for the 1 of 2 runs that are not finished: 2 min 5 s of training"),
            "{said}"
        );
        assert_eq!(of(&[true]), "# estimated: nothing is left to train");
    }
}
