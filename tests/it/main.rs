//! Integration tests: one binary, one file a room.

mod analysis;
mod audit_apply;
mod class_caps;
mod cli;
mod corpus;
mod dynamics;
mod figures;
mod parity;
mod prototypes;
mod real;
mod study;
mod train;
mod workspace;
