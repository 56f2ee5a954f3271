//! Getting paths from elsewhere instead of building them.
//!
//! [`Sources`] are the substituters of a run, the best first. [`Lookup`] asks them about whole closures, many paths at a
//! time; [`Fetches`] is the graph of copies that follows: each path after those that it refers to.
//!
//! Invariants: a path is fetched only when all that it refers to is valid; what no trusted key has signed is passed over
//! before anything is downloaded, and checked again by the store that takes it; a substituter that cannot be reached is
//! asked nothing more in this run and keeps no other waiting.

mod fetches;
mod lookup;
mod sources;

pub(crate) use fetches::{FetchState, Fetches, Listener, fetch_now};
pub(crate) use lookup::Lookup;
pub use sources::OpenStore;
pub(crate) use sources::{Missed, Opened, Sources};
