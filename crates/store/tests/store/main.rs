//! The local store from outside, and together with C++ Nix where it is installed.

mod add;
mod common;
mod gc;
mod kill;
mod open;
mod others;
mod together;
