//! One flag that ends everything: set by Ctrl-C, a timeout or a failed sibling; waited for with `poll`.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{EventfdFlags, eventfd};

use crate::Error;

/// A flag that is set once. Clones share it.
#[derive(Clone, Debug)]
pub struct CancelToken {
    flag: Arc<AtomicBool>,
    event: Arc<OwnedFd>,
}

impl CancelToken {
    /// A token that is not set.
    ///
    /// # Errors
    /// When the process has no descriptor left.
    pub fn new() -> Result<CancelToken, Error> {
        let event = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
            .map_err(Error::call("creating an event descriptor"))?;
        Ok(CancelToken { flag: Arc::new(AtomicBool::new(false)), event: Arc::new(event) })
    }

    /// Sets it. Async-signal-safe.
    pub fn cancel(&self) {
        self.flag.store(true, Ordering::SeqCst);
        let _ = rustix::io::write(&*self.event, &1u64.to_ne_bytes());
    }

    /// Whether it is set.
    pub fn is_cancelled(&self) -> bool {
        self.flag.load(Ordering::Relaxed)
    }

    /// The flag itself, for code that does not know this crate.
    pub fn flag(&self) -> Arc<AtomicBool> {
        self.flag.clone()
    }
}

impl AsFd for CancelToken {
    /// A descriptor that is readable from the moment it is set.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::event::{PollFd, PollFlags, poll};

    #[test]
    fn wakes_pollers() {
        let t = CancelToken::new().expect("a descriptor");
        let zero = rustix::time::Timespec { tv_sec: 0, tv_nsec: 0 };
        let ready = |t: &CancelToken| poll(&mut [PollFd::new(t, PollFlags::IN)], Some(&zero)).expect("poll");
        assert!(!t.is_cancelled() && ready(&t) == 0);
        t.clone().cancel();
        assert!(t.is_cancelled() && ready(&t) == 1);
    }
}
