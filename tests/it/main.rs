//! Integration tests: one binary, one file a room.

mod analysis;
mod cli;
mod corpus;
mod dynamics;
mod figures;
mod parity;
mod real;
mod study;
mod train;
mod workspace;
