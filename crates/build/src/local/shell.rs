//! The static shell that is `/bin/sh` in sandboxes where the setting `sandbox-paths` has none.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use firn_store::LocalStore;

type Find = dyn Fn(&LocalStore) -> Option<PathBuf> + Send + Sync;

/// A shell that is looked for when the first sandbox wants it.
pub struct SandboxShell {
    find: Box<Find>,
    found: OnceLock<Option<PathBuf>>,
}

impl SandboxShell {
    /// A shell that `find` gives for a store: its path on the machine. It is asked once.
    pub fn new(find: impl Fn(&LocalStore) -> Option<PathBuf> + Send + Sync + 'static) -> SandboxShell {
        SandboxShell { find: Box::new(find), found: OnceLock::new() }
    }

    /// Sandboxes have no `/bin/sh`.
    pub fn none() -> SandboxShell {
        SandboxShell::new(|_| None)
    }

    /// A static shell of the machine, if it has one.
    pub fn of_host() -> SandboxShell {
        SandboxShell::new(|_| host_static_shell())
    }

    pub(crate) fn path(&self, store: &LocalStore) -> Option<&Path> {
        self.found.get_or_init(|| (self.find)(store)).as_deref()
    }
}

impl std::fmt::Debug for SandboxShell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SandboxShell").field("found", &self.found.get()).finish_non_exhaustive()
    }
}

/// A shell of the machine that needs no libraries: the first of the usual places that is static.
pub fn host_static_shell() -> Option<PathBuf> {
    let places = [
        "/usr/bin/bash-static",
        "/bin/bash-static",
        "/usr/bin/busybox",
        "/bin/busybox",
        "/usr/lib/busybox/busybox",
    ];
    places.iter().map(PathBuf::from).find(|p| is_static(p))
}

/// Whether a file is an ELF program without an interpreter.
fn is_static(path: &Path) -> bool {
    use std::io::Read;
    let mut head = Vec::new();
    let read = std::fs::File::open(path).and_then(|f| f.take(4096).read_to_end(&mut head));
    if read.is_err() || head.get(..5) != Some(b"\x7fELF\x02") {
        return false;
    }
    let number = |at: usize, n: usize| -> Option<u64> {
        let bytes = head.get(at..at.checked_add(n)?)?;
        Some(bytes.iter().rev().fold(0, |v, b| v << 8 | u64::from(*b)))
    };
    let (Some(table), Some(size), Some(count)) = (number(32, 8), number(54, 2), number(56, 2)) else {
        return false;
    };
    (0..count).all(|i| {
        let at = usize::try_from(table.saturating_add(i * size)).unwrap_or(usize::MAX);
        // 3 is PT_INTERP; a table that is not in the first page is not a usual program
        number(at, 4).is_some_and(|kind| kind != 3)
    })
}
