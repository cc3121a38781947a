//! stub
use super::{Drawn, Study, StudyInput};
use crate::config::Experiment;
use crate::error::{Error, Result};
use crate::run::{Monitor, RunConfig, run_id};
/// s
pub struct NoiseSweep;
impl Study for NoiseSweep {
    fn grid(&self, experiment: &Experiment) -> Result<Vec<RunConfig>> {
        let _ = (experiment, run_id(0.0, 1));
        Err(Error::Interrupted)
    }
    fn draw(&self, input: &StudyInput<'_>, _monitor: &mut dyn Monitor) -> Result<Drawn> {
        let _ = input;
        Err(Error::Interrupted)
    }
}
