//! The integration tests, one binary.

mod analysis;
mod corpus;
mod dynamics;
mod figures;
mod parity;
mod train;
