//! Integration tests, one binary.

mod cli;
mod parity;
mod workspace;
