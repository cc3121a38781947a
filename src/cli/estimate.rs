//! What a dry run says of time and disk, as comments below the grid of runs.

use std::fmt::Write as _;

use super::output::outln;
use crate::estimate::{Estimate, PretrainingEstimate};
use crate::words::counted;

/// Prints an estimate: lines that begin with `#`.
pub(super) fn print(estimate: &Estimate, pretraining: Option<&PretrainingEstimate>) -> anyhow::Result<()> {
    outln!("{}", lines(estimate, pretraining, rayon::current_num_threads()));
    Ok(())
}

fn lines(estimate: &Estimate, pretraining: Option<&PretrainingEstimate>, threads: usize) -> String {
    let mut text = String::new();
    let on = format!("on {}", counted(threads, "thread"));
    if let Some(pretraining) = pretraining.filter(|of| of.seconds_left > 0.0) {
        let (time, size) = (duration(pretraining.seconds_left), bytes(pretraining.bytes));
        let _ = writeln!(text, "# estimated: {time} of pretraining {on}, {size} in its folder");
    }
    let (left, all) = (estimate.runs_left(), estimate.runs.len());
    if left == 0 {
        let _ = write!(text, "# estimated: nothing is left to train");
        return text;
    }
    let which = if left < all { format!(" for {} of {all}", counted(left, "unfinished run")) } else { String::new() };
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

/// A time for people, in its two largest units: `7.5 s`, `4 min 10 s`, `3 h 5 min`, `2 d 4 h`.
pub(super) fn duration(seconds: f64) -> String {
    if seconds < 9.95 {
        return format!("{:.1} s", seconds.max(0.0));
    }
    let whole = seconds.round() as u64;
    let two = |large: u64, unit: &str, small: u64, of: &str| match small {
        0 => format!("{large} {unit}"),
        small => format!("{large} {unit} {small} {of}"),
    };
    let (minutes, hours) = ((whole + 30) / 60, (whole + 1800) / 3600);
    match whole {
        0..60 => format!("{whole} s"),
        60..3570 => two(whole / 60, "min", whole % 60, "s"),
        3570..170_000 => two(minutes / 60, "h", minutes % 60, "min"),
        _ => two(hours / 24, "d", hours % 24, "h"),
    }
}

/// A size for people, in decimal units: `820 kB`, `1.4 MB`, `310 MB`.
pub(super) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let (mut value, mut unit) = (bytes as f64, 0);
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = usize::from(unit > 0 && value < 9.95);
    format!("{value:.digits$} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimate::RunEstimate;

    #[test]
    fn times_have_two_units_and_sizes_two_digits_or_more() {
        let times = [0.0, 7.46, 9.96, 59.4, 60.0, 250.2, 3569.4, 3600.0, 11_110.0, 187_300.0];
        let said =
            ["0.0 s", "7.5 s", "10 s", "59 s", "1 min", "4 min 10 s", "59 min 29 s", "1 h", "3 h 5 min", "2 d 4 h"];
        assert_eq!(times.map(duration), said);
        let sizes = [0, 999, 1000, 9_940, 820_400, 1_440_000, 999_600_000, 310_000_000_000];
        let said = ["0 B", "999 B", "1.0 kB", "9.9 kB", "820 kB", "1.4 MB", "1.0 GB", "310 GB"];
        assert_eq!(sizes.map(bytes), said);
    }

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
        assert!(said.starts_with("# estimated for 1 unfinished run of 2: 2 min 5 s of training"), "{said}");
        assert_eq!(of(&[true]), "# estimated: nothing is left to train");
    }
}
