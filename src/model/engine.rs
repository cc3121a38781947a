//! What a model computes with: the device, and the memory that its passes share.

use candle_core::Device;

use crate::nn::{Pool, Tape};

/// Makes a [`Tape`] for each pass.
#[derive(Debug)]
pub(super) struct Engine {
    device: Device,
    pool: Pool,
    composed: bool,
}

impl Engine {
    /// Computes on `device`, on the CPU with fused operations.
    pub fn new(device: &Device) -> Self {
        Self { device: device.clone(), pool: Pool::default(), composed: false }
    }

    /// Computes with composed operations from now on.
    pub fn compose(&mut self) {
        self.composed = true;
    }

    /// True on the CPU.
    pub fn is_on_cpu(&self) -> bool {
        self.device.is_cpu()
    }

    /// A tape for a pass with gradients.
    pub fn training(&self) -> Tape {
        self.choose(Tape::training(&self.device, &self.pool))
    }

    /// A tape for a pass without.
    pub fn inference(&self) -> Tape {
        self.choose(Tape::inference(&self.device, &self.pool))
    }

    fn choose(&self, tape: Tape) -> Tape {
        if self.composed { tape.composed() } else { tape }
    }
}
