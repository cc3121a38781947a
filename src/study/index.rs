//! `runs.parquet`: the runs of a study as a table, for query engines.

use polars::prelude::*;
use serde_json::Value;

use super::{Layout, grid};
use crate::config::Experiment;
use crate::dynamics::write_parquet;
use crate::error::Result;
use crate::run::{Manifest, RunConfig, Status};

/// Writes one row a run of the grid, in its order, to `runs.parquet` in the folder of the runs: `id`, `folder` (below that
/// folder), a column for each axis, `seed`, `status` (`finished`, `running`, `interrupted`, `failed`, `not begun`),
/// `epochs_planned`, and of a run that was begun `epochs_finished`, `started`, `updated` (RFC 3339, UTC) and `wall_seconds`.
///
/// # Errors
/// [`crate::Error::Io`]; [`crate::Error::Config`] as [`grid()`].
pub fn write_index(experiment: &Experiment, layout: &Layout) -> Result<()> {
    let runs = grid(experiment)?;
    let folders: Vec<_> = runs.iter().map(|run| layout.folder_of(run)).collect();
    let manifests: Vec<Option<Manifest>> = folders.iter().map(|folder| Manifest::read(folder).ok()).collect();
    let begun = || manifests.iter().map(Option::as_ref);
    let status = |manifest: Option<&Manifest>| match manifest.map(|manifest| manifest.status) {
        None => "not begun",
        Some(Status::Running) => "running",
        Some(Status::Finished) => "finished",
        Some(Status::Interrupted) => "interrupted",
        Some(Status::Failed) => "failed",
    };
    let relative = |folder: &std::path::PathBuf| {
        folder.strip_prefix(&layout.runs).unwrap_or(folder).to_string_lossy().replace('\\', "/")
    };
    let mut columns = vec![
        Column::new("id".into(), runs.iter().map(|run| run.id.as_str()).collect::<Vec<_>>()),
        Column::new("folder".into(), folders.iter().map(relative).collect::<Vec<_>>()),
    ];
    let axes = runs.first().into_iter().flat_map(|run| run.coordinates.iter().map(|of| of.axis.as_str()));
    columns.extend(axes.filter(|axis| *axis != "seed").map(|axis| axis_column(axis, &runs)));
    columns.extend([
        Column::new("seed".into(), runs.iter().map(|run| run.seed).collect::<Vec<u64>>()),
        Column::new("status".into(), begun().map(status).collect::<Vec<_>>()),
        Column::new("epochs_planned".into(), runs.iter().map(|run| run.train.epochs).collect::<Vec<u32>>()),
        Column::new("epochs_finished".into(), begun().map(|m| m.map(|m| m.epochs_finished)).collect::<Vec<_>>()),
        Column::new("started".into(), begun().map(|m| m.map(|m| m.started.as_str())).collect::<Vec<_>>()),
        Column::new("updated".into(), begun().map(|m| m.map(|m| m.updated.as_str())).collect::<Vec<_>>()),
        Column::new("wall_seconds".into(), begun().map(|m| m.map(|m| m.wall_seconds)).collect::<Vec<_>>()),
    ]);
    write_parquet(&layout.runs.join("runs.parquet"), &DataFrame::new(runs.len(), columns)?)
}

/// The values of all runs on an axis: whole numbers, numbers or truth values where all are, else labels; null where the axis
/// does not apply.
pub(super) fn axis_column(axis: &str, runs: &[RunConfig]) -> Column {
    let coordinates: Vec<_> = runs.iter().map(|run| run.coordinates.get(axis)).collect();
    let known = || coordinates.iter().map(|of| of.map(|of| &of.value).filter(|value| !value.is_null()));
    let all = |is: fn(&Value) -> bool| known().flatten().all(is);
    if all(Value::is_boolean) {
        return Column::new(axis.into(), known().map(|value| value?.as_bool()).collect::<Vec<_>>());
    }
    if all(|value| value.as_i64().is_some()) {
        return Column::new(axis.into(), known().map(|value| value?.as_i64()).collect::<Vec<_>>());
    }
    if all(Value::is_number) {
        return Column::new(axis.into(), known().map(|value| value?.as_f64()).collect::<Vec<_>>());
    }
    let labels = coordinates.iter().map(|of| of.filter(|of| !of.value.is_null()).map(|of| of.label.as_str()));
    Column::new(axis.into(), labels.collect::<Vec<_>>())
}
