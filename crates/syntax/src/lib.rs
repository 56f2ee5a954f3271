//! Lexer, parser and syntax tree of the Nix language.

pub mod ast;
pub mod symbol;
