//! Building on other machines.
//!
//! [`Machine`] is a line of `/etc/nix/machines` or of the setting `builders`; [`Machines`] are those of a run as an
//! [`Executor`](crate::Executor); [`offload`] builds one derivation in another store: what it needs goes there, what it made
//! comes back. [`hook`] is the same as a program that C++ Nix calls (`build-hook`).
//!
//! Invariants: a place on a machine is a locked file in `current-load`, so that all programs of this machine count
//! together; a machine that cannot be reached or breaks off is not asked again in this run, and what it was building is
//! built elsewhere.

mod executor;
pub mod hook;
mod machine;
mod offload;

use std::sync::Arc;

use firn_settings::{Directories, Host, Settings};

use crate::executor::Executor;
use crate::stores::Stores;

pub use executor::Machines;
pub use machine::{Machine, parse_machines};
pub use offload::{Offload, offload};

/// The machines that the settings name, as an executor; none if there are none.
pub fn executors(settings: &Arc<Settings>, host: &Host, stores: &Stores) -> Vec<Box<dyn Executor>> {
    let text = settings.builders();
    if text.trim().is_empty() {
        return Vec::new();
    }
    let dirs = Directories::new(host);
    let machines = Machines::new(text.to_owned(), settings.system().to_owned(), &dirs.state, stores.clone());
    vec![Box::new(machines)]
}
