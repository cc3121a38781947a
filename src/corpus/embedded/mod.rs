//! stub
use super::Corpus;
/// Stub.
#[derive(Debug, Clone, Copy, Default)]
pub struct EmbeddedSettings {
    /// x
    pub seed: u64,
    /// y
    pub train: usize,
}
/// Stub.
pub fn generate(_s: &EmbeddedSettings) -> crate::Result<Corpus> {
    Err(crate::Error::config(""))
}
