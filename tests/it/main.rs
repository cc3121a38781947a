//! Integration tests: one binary, one file a room.

mod figures;
