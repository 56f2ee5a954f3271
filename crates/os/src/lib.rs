//! Machines: what makes a built configuration the running one, and what runs it in a virtual machine.
//!
//! - [`activation`]: `/etc`, users, wrappers; the second stage of booting.
//! - [`switch`]: which units a new configuration stops, starts, restarts or reloads; `switch-to-configuration`.
//! - [`generations`] and [`boot_loader`]: the profile of the system and the entries of the boot menu.
//! - [`rebuild`]: what `nixos-rebuild` is asked to do.
//! - [`vm`]: the runner of virtual machines.
//!
//! Invariants: every change of a file that a boot depends on is one rename; a machine that loses power at any instruction
//! boots into the old or into the new generation. Nothing is printed: what is to be said goes through [`Say`].

pub mod activation;
pub mod boot_loader;
mod error;
pub mod files;
pub mod generations;
pub mod rebuild;
pub mod switch;
pub mod vm;

pub use error::Error;

/// Where lines for the user go.
pub trait Say {
    /// Takes a line, without its end.
    fn say(&mut self, line: &str);
}

impl<F: FnMut(&str)> Say for F {
    fn say(&mut self, line: &str) {
        self(line);
    }
}
