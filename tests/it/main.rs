//! Integration tests: one binary, one file a room.

mod analysis;
mod audit;
mod audit_apply;
mod audit_compare;
mod audit_page;
mod bilstm;
mod browser;
mod class_caps;
mod cli;
mod confident;
mod corpus;
mod dynamics;
mod encoder_figures;
mod evaluation;
mod figures;
mod forgetting;
mod hub;
mod parity;
mod pretraining;
mod prototypes;
mod ranking;
mod real;
mod recurrent;
mod study;
mod train;
mod workspace;
