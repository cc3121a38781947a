//! The integration tests, one binary.

mod analysis;
mod dynamics;
mod parity;
