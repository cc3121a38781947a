//! The encoder that is shipped in the program: two layers, hidden 128, pretrained by `memoscope model pretrain` on text
//! of the embedded generator. `assets/embedded/README.md` has the recipe and its masked accuracy.

/// `config.json`.
pub const CONFIG: &[u8] = include_bytes!("../../assets/embedded/config.json");
/// `model.safetensors`, f16.
pub const WEIGHTS: &[u8] = include_bytes!("../../assets/embedded/model.safetensors");
const TOKENIZER: &[u8] = include_bytes!("../../assets/embedded/tokenizer.json");

/// The tokenizer's files, as (name, content).
pub fn tokenizer_files() -> Vec<(String, Vec<u8>)> {
    vec![("tokenizer.json".into(), TOKENIZER.to_vec())]
}
