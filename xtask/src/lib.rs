//! What the tasks do, for `main` and for tests.

pub mod dist;
