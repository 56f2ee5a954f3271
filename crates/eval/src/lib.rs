//! The evaluator of the Nix language.
//!
//! From text to value: [`firn_syntax`] parses, [`resolve`](crate::ir) turns names into slots and makes compact code, the
//! evaluator runs it by direct recursion on a large stack ([`run`]). Values are one word each ([`heap`]); sets have shapes;
//! selects have inline caches. The world is only reached through [`io::EvalIo`]. Builtins are plain functions in a
//! [`builtins::Registry`], where other crates add theirs. Nothing here knows of flakes, forges or the command line.
//!
//! Invariants: evaluation never panics on input; values live until the process ends; an error is data in the context
//! ([`error`]); nothing is printed.

pub mod builtins;
pub mod context;
mod corepkgs;
mod ctx;
pub mod error;
mod eval;
mod files;
pub mod heap;
pub mod io;
pub mod ir;
pub mod paths;
pub mod pos;
pub mod print;
mod resolve;
mod run;
mod sort;
mod stats;
pub mod suggest;
pub mod text;
mod top;

pub use ctx::{AttrsBuilder, Counters, Ctx, Settings};
pub use error::{ErrorKind, EvalError, Fail, Res};
pub use eval::Coerce;
pub use heap::{Type, Value, View};
pub use io::{AddMethod, EvalIo, FileKind, Filter, IoError, LogLevel, SourcePath};
pub use pos::Pos;
pub use run::run;

/// The tree in which the files of our own are that `<nix/…>` finds.
pub const COREPKGS_ROOT: u32 = u32::MAX;
