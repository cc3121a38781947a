//! (room to be furnished)
pub mod model;
