//! Runs in a study's folder that an experiment with other axes made.

use std::collections::BTreeSet;

use super::Layout;
use super::adopt::StoredRun;
use crate::error::{Error, Problem, Result};
use crate::format::{counted, is_or_are};
use crate::run::{Manifest, Monitor, RunConfig};

/// Refuses a folder whose runs are all of another experiment, told by its axes: two layouts in one folder cannot be queried
/// together. Where some of the runs are this experiment's too, they are used where they are, with a warning.
///
/// # Errors
/// [`Error::Config`] that names the axes that differ.
pub(super) fn check(grid: &[RunConfig], layout: &Layout, monitor: &mut dyn Monitor) -> Result<()> {
    let here: BTreeSet<BTreeSet<&str>> = grid.iter().map(|run| run.coordinates.axes()).collect();
    // Runs without coordinates are of an earlier version, which knew no other axes.
    let is_other = |run: &&StoredRun| !run.coordinates.is_empty() && !here.contains(&run.coordinates.axes());
    let others: Vec<&StoredRun> = layout.stored().iter().filter(is_other).collect();
    let (Some(first), Some(own)) = (others.first(), grid.first()) else { return Ok(()) };
    let (there, own) = (first.coordinates.axes(), own.coordinates.axes());
    let what =
        format!("{} of an experiment with other axes: {}", counted(others.len(), "run"), difference(&there, &own));

    let identities: BTreeSet<String> = grid.iter().map(RunConfig::identity).collect::<Result<_>>()?;
    let n_same = others.iter().filter(|run| identities.contains(&run.identity)).count();
    let is_begun = grid.iter().any(|run| Manifest::path(&layout.partition_of(run)).is_file());
    if n_same == 0 && !is_begun {
        return Err(Error::Config(
            Problem::new(format!("the folder holds {what}"))
                .at(&layout.runs)
                .hint("give this experiment a name of its own with --name, or another folder with --out"),
        ));
    }
    let used = match n_same {
        0 => String::new(),
        n => format!(
            "; {n} of them {} this experiment's too and used there (`memoscope runs adopt {}` moves finished ones to the others)",
            is_or_are(n),
            layout.root().display()
        ),
    };
    monitor.warning(&format!("{} holds {what}{used}", layout.runs.display()));
    Ok(())
}

/// `noise is an axis there and not here`.
fn difference(there: &BTreeSet<&str>, here: &BTreeSet<&str>) -> String {
    let part = |of: &BTreeSet<&str>, without: &BTreeSet<&str>, place: &str| {
        let names: Vec<String> = of.difference(without).map(|axis| format!("`{axis}`")).collect();
        let be = if names.len() == 1 { "is an axis" } else { "are axes" };
        (!names.is_empty()).then(|| format!("{} {be} {place}", names.join(", ")))
    };
    let parts = [part(there, here, "there and not here"), part(here, there, "here and not there")];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axes_that_differ_are_named() {
        let of = |axes: &[&'static str]| axes.iter().copied().collect::<BTreeSet<&str>>();
        assert_eq!(
            difference(&of(&["a", "b", "seed"]), &of(&["c", "seed"])),
            "`a`, `b` are axes there and not here, `c` is an axis here and not there"
        );
        assert_eq!(difference(&of(&["seed"]), &of(&["c", "seed"])), "`c` is an axis here and not there");
    }
}
