//! The command line: what the executable does under each of its names.

pub mod args;
pub mod error;
pub mod flags;
pub mod progress;
