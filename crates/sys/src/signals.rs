//! Ctrl-C and its kin: turned into a [`CancelToken`], so that everything is undone in order.

use std::sync::atomic::{AtomicI32, Ordering};

use crate::{CancelToken, Error};

static LAST: AtomicI32 = AtomicI32::new(0);

/// The signal that asked the program to end, 0 if none did.
pub fn interrupting_signal() -> i32 {
    LAST.load(Ordering::SeqCst)
}

/// From now on SIGINT, SIGTERM and SIGHUP set `token` instead of ending the program; a third one ends it at once.
///
/// Must be called before other threads start: they inherit the mask, and so do processes that the standard library starts
/// (see [`with_defaults`]). Those that this crate starts begin with no signal blocked.
///
/// # Errors
/// When no thread can be started.
pub fn cancel_on_interrupt(token: &CancelToken) -> Result<(), Error> {
    let token = token.clone();
    // SAFETY: an all-zero sigset_t is valid storage for sigemptyset, which initialises it; the set lives across the calls.
    let set = unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
            libc::sigaddset(&mut set, signal);
        }
        libc::pthread_sigmask(libc::SIG_BLOCK, &set, std::ptr::null_mut());
        set
    };
    let wait = move || {
        let mut seen = 0;
        loop {
            let mut signal = 0;
            // SAFETY: both pointers are to live values of the right types.
            if unsafe { libc::sigwait(&set, &mut signal) } != 0 {
                return;
            }
            LAST.store(signal, Ordering::SeqCst);
            token.cancel();
            seen += 1;
            if seen >= 3 {
                std::process::exit(128 + signal);
            }
        }
    };
    std::thread::Builder::new()
        .name("signals".into())
        .stack_size(64 * 1024)
        .spawn(wait)
        .map(drop)
        .map_err(Error::io("starting a thread"))
}

/// Undoes the signal handling that the Rust runtime and [`cancel_on_interrupt`] set, for a program that is about to be executed.
pub fn restore_defaults() {
    // SAFETY: as above; resetting dispositions and the mask touches no memory of ours.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigprocmask(libc::SIG_SETMASK, &set, std::ptr::null_mut());
        for signal in [libc::SIGPIPE, libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
            libc::signal(signal, libc::SIG_DFL);
        }
    }
}

/// Lets a command that the standard library starts begin as [`restore_defaults`] leaves a process: a person at the terminal
/// can end it.
pub fn with_defaults(command: &mut std::process::Command) -> &mut std::process::Command {
    use std::os::unix::process::CommandExt;
    // SAFETY: between fork and exec only system calls are made, and no memory is allocated.
    unsafe {
        command.pre_exec(|| {
            restore_defaults();
            Ok(())
        })
    }
}
