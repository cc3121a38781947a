//! Integration tests, one binary.

mod cli;
mod corpus;
mod parity;
mod workspace;
