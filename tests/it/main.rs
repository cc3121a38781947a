//! Integration tests, one binary.

mod analysis;
mod cli;
mod corpus;
mod dynamics;
mod parity;
mod workspace;
