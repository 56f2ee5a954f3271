//! One flag that ends everything: set by Ctrl-C, a timeout or a failed sibling; waited for with `poll`.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rustix::event::{EventfdFlags, eventfd};

use crate::Error;

/// A flag that is set once. Clones share it.
#[derive(Clone, Debug)]
pub struct CancelToken(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    flag: Arc<AtomicBool>,
    event: OwnedFd,
    children: Mutex<Vec<Weak<Inner>>>,
}

impl CancelToken {
    /// A token that is not set.
    ///
    /// # Errors
    /// When the process has no descriptor left.
    pub fn new() -> Result<CancelToken, Error> {
        let event = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
            .map_err(Error::call("creating an event descriptor"))?;
        Ok(CancelToken(Arc::new(Inner { flag: Arc::default(), event, children: Mutex::default() })))
    }

    /// A token that is set when this one is, and that can be set alone.
    ///
    /// # Errors
    /// As [`CancelToken::new`].
    pub fn child(&self) -> Result<CancelToken, Error> {
        let child = CancelToken::new()?;
        let mut children = self.0.children.lock().unwrap_or_else(PoisonError::into_inner);
        children.retain(|c| c.strong_count() > 0);
        children.push(Arc::downgrade(&child.0));
        drop(children);
        // seen too late to be in the list that `cancel` went through
        if self.is_cancelled() {
            child.cancel();
        }
        Ok(child)
    }

    /// Sets it.
    pub fn cancel(&self) {
        self.0.flag.store(true, Ordering::SeqCst);
        let _ = rustix::io::write(&self.0.event, &1u64.to_ne_bytes());
        let children = std::mem::take(&mut *self.0.children.lock().unwrap_or_else(PoisonError::into_inner));
        for child in children.iter().filter_map(Weak::upgrade) {
            CancelToken(child).cancel();
        }
    }

    /// Whether it is set.
    pub fn is_cancelled(&self) -> bool {
        self.0.flag.load(Ordering::SeqCst)
    }

    /// The flag itself, for code that does not know this crate.
    pub fn flag(&self) -> Arc<AtomicBool> {
        self.0.flag.clone()
    }
}

impl AsFd for CancelToken {
    /// A descriptor that is readable from the moment it is set.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.event.as_fd()
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
        assert!(t.child().expect("a descriptor").is_cancelled());
    }

    #[test]
    fn children_follow_parents_but_not_the_other_way() {
        let parent = CancelToken::new().expect("a descriptor");
        let (a, b) = (parent.child().expect("a descriptor"), parent.child().expect("a descriptor"));
        a.cancel();
        assert!(a.is_cancelled() && !b.is_cancelled() && !parent.is_cancelled());
        parent.cancel();
        assert!(b.is_cancelled());
    }
}
