//! Files of our own: written atomically, read as UTF-8, and identified by their SHA-256. It knows nothing of the other
//! modules but the error type, so that any of them may use it.

mod atomic;
mod hash;
pub mod text;

pub(crate) use atomic::PREFIX;
pub use atomic::{Unfinished, remove_leftovers, write_atomically, write_folder_atomically, write_text};
pub use hash::{hex, sha256_hex};
