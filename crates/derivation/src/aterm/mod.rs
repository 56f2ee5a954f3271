//! The form in which derivations lie in the store, an ATerm:
//!
//! ```text
//! Derive([(name,path,[method]algo,hash)…],[(drv,[output…])…],[source…],platform,builder,[arg…],[(name,value)…])
//! ```
//!
//! Every list but the arguments is sorted. In strings, `"`, `\`, line feed, carriage return and tab are escaped.
//! Derivations with dynamic inputs start `DrvWithVersion("xp-dyn-drv",…` and nest the inputs' outputs.

mod parse;
mod print;

pub use parse::{parse, parse_output};
pub(crate) use print::{Inputs, print_with};
pub use print::{output_fields, print, print_string};
