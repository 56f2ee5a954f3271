//! Connections that are used again.

use std::process::Child;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use firn_store::StoreError;

use crate::error::ProtocolError;
use crate::wire::{WireReader, WireWriter};

/// Both directions of a connection, and the program at its end if it is ours.
#[derive(Debug)]
pub struct Transport {
    /// What the other side says.
    pub from: WireReader,
    /// What it is told.
    pub to: WireWriter,
    /// The program that the connection goes through.
    pub child: Option<Process>,
}

/// A program that ends with its connection.
#[derive(Debug)]
pub struct Process(Option<Child>);

impl Process {
    pub(crate) fn new(child: Child) -> Process {
        Process(Some(child))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let Some(mut child) = self.0.take() else { return };
        // its input is closed; it ends by itself, or is ended soon
        let until = Instant::now() + Duration::from_millis(500);
        while Instant::now() < until {
            if matches!(child.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        let _ = child.kill();
        let _ = child.wait();
    }
}

struct State<C> {
    idle: Vec<C>,
    /// The threads that use one.
    users: Vec<ThreadId>,
}

/// A number of connections of one kind.
pub(crate) struct Pool<C> {
    most: usize,
    state: Mutex<State<C>>,
    freed: Condvar,
}

impl<C> Pool<C> {
    pub(crate) fn new(most: usize) -> Self {
        Pool {
            most: most.max(1),
            state: Mutex::new(State { idle: Vec::new(), users: Vec::new() }),
            freed: Condvar::new(),
        }
    }

    /// Uses a connection, opening one if there is none. One on which anything broke is closed.
    pub(crate) fn with<T>(
        &self,
        open: impl FnOnce() -> Result<C, StoreError>,
        work: impl FnOnce(&mut C) -> Result<T, ProtocolError>,
    ) -> Result<T, StoreError> {
        let me = std::thread::current().id();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // a thread that uses one already would wait for itself
        while state.users.len() >= self.most && !state.users.contains(&me) {
            state = self.freed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.users.push(me);
        let idle = state.idle.pop();
        drop(state);
        let _used = Used { pool: self, me };
        let mut connection = match idle {
            Some(connection) => connection,
            None => open()?,
        };
        let result = work(&mut connection);
        let good = match &result {
            Ok(_) => true,
            Err(e) => e.is_remote(),
        };
        if good {
            self.state.lock().unwrap_or_else(PoisonError::into_inner).idle.push(connection);
        }
        Ok(result?)
    }
}

struct Used<'a, C> {
    pool: &'a Pool<C>,
    me: ThreadId,
}

impl<C> Drop for Used<'_, C> {
    fn drop(&mut self) {
        let mut state = self.pool.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = state.users.iter().position(|user| *user == self.me) {
            state.users.swap_remove(at);
        }
        self.pool.freed.notify_one();
    }
}
