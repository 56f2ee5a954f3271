//! The protocols between C++ Nix's programs, as client and as server.
//!
//! - [`wire`]: numbers, texts, paths; [`framed`]: streams within them.
//! - [`worker`]: the protocol of the daemon (`unix://`, `ssh-ng://`), versions 1.34 to 1.38.
//! - [`serve`]: the older one of `nix-store --serve` (`ssh://`), versions 2.5 to 2.8.
//! - [`ssh`]: programs on other machines.
//!
//! Invariants: whatever comes in is bounded before memory is taken for it, and parsed before it is believed; a connection on
//! which something made no sense is not used again; what a client may do is decided in one place, [`worker::server`].

pub mod daemon;
mod error;
pub mod framed;
pub mod frames;
pub mod objects;
mod open;
mod pool;
pub mod serve;
pub mod ssh;
pub mod wire;
pub mod worker;

pub use error::ProtocolError;
pub use open::{Context, connect_socket, open, open_daemon};
pub use pool::Transport;
