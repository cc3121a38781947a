//! (room to be furnished)

pub mod corpus;
