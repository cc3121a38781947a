//! Run directories: manifest, atomic writes, resume.

mod atomic;

pub use atomic::write_atomically;
