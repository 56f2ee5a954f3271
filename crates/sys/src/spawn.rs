//! Starting builders: the program executes itself as a helper and tells it over a socket what to become.

use std::ffi::CString;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, kill_process_group, waitpid};

use crate::Error;
use crate::helper::{self, Message};
use crate::namespaces::forbidden;
use crate::spec::ProcessSpec;

/// The program that acts as helper: it must call [`helper::run_if_asked`] first of all.
#[derive(Clone, Debug)]
pub struct HelperProgram {
    path: PathBuf,
}

impl HelperProgram {
    /// The running program itself, also when its file was replaced meanwhile.
    pub fn own() -> HelperProgram {
        let own = Path::new("/proc/self/exe");
        let path = if own.exists() {
            own.to_owned()
        } else {
            std::env::current_exe().unwrap_or_else(|_| own.to_owned())
        };
        HelperProgram { path }
    }

    /// Another program.
    pub fn at(path: impl Into<PathBuf>) -> HelperProgram {
        HelperProgram { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// How a process ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// By itself, with this code.
    Exit(i32),
    /// By a signal.
    Signal(i32),
}

impl Ended {
    fn from_raw(status: i32) -> Ended {
        if libc::WIFSIGNALED(status) {
            Ended::Signal(libc::WTERMSIG(status))
        } else {
            Ended::Exit(libc::WEXITSTATUS(status))
        }
    }

    /// Whether it ended well.
    pub fn is_success(self) -> bool {
        self == Ended::Exit(0)
    }
}

/// As the reference words it, after "builder": `failed with exit code 1`, `failed due to signal 9 (Killed)`.
impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Ended::Exit(0) => f.write_str("succeeded"),
            Ended::Exit(code) => write!(f, "failed with exit code {code}"),
            Ended::Signal(n) => write!(f, "failed due to signal {n} ({})", signal_text(*n)),
        }
    }
}

/// The C library's name of a signal: `Killed`.
pub fn signal_text(signal: i32) -> String {
    // SAFETY: strsignal gives a pointer to a string that stays valid until the next call in this thread, or null.
    let text = unsafe {
        let p = libc::strsignal(signal);
        if p.is_null() { None } else { Some(std::ffi::CStr::from_ptr(p).to_string_lossy().into_owned()) }
    };
    text.unwrap_or_else(|| format!("Unknown signal {signal}"))
}

/// A started builder, or rather the helper before it. Dropping it kills what is left.
#[derive(Debug)]
pub struct Child {
    helper: Option<Pid>,
    socket: UnixStream,
    sandboxed: bool,
}

/// Starts a process. Standard input is `/dev/null`, standard output and standard error are `output`, which should be a
/// pseudo-terminal. Returns before the sandbox is ready: failures of its set-up are told by [`Child::wait`].
///
/// # Errors
/// When the helper itself cannot be started.
pub fn start(program: &HelperProgram, spec: &ProcessSpec, output: BorrowedFd<'_>) -> Result<Child, Error> {
    let (ours, theirs) = UnixStream::pair().map_err(Error::io("creating a socket pair"))?;
    let pid = spawn_helper(program, &[helper::SANDBOX_EXEC.as_bytes()], theirs.as_fd(), output)?;
    drop(theirs);
    let mut child = Child { helper: Some(pid), socket: ours, sandboxed: spec.sandbox.is_some() };
    let body = spec.encode();
    let mut message = Vec::with_capacity(body.len() + 8);
    message.extend(u32::try_from(body.len()).unwrap_or(u32::MAX).to_ne_bytes());
    message.extend(std::process::id().to_ne_bytes());
    message.extend(body);
    if child.socket.write_all(&message).is_err() {
        // it died early; its message says more than ours could
        return match child.wait() {
            Err(e) => Err(e),
            Ok(ended) => Err(Error::HelperDied(ended.to_string())),
        };
    }
    Ok(child)
}

impl Child {
    /// Waits until the process has ended and all in its sandbox are gone.
    ///
    /// # Errors
    /// When its surroundings could not be set up, so that it never ran.
    pub fn wait(&mut self) -> Result<Ended, Error> {
        let mut said = Vec::new();
        let _ = self.socket.read_to_end(&mut said);
        let helper = self.reap();
        let mut failure = None;
        let mut ended = None;
        for message in Message::parse_all(&said) {
            match message {
                Message::Failed(text) => failure = failure.or(Some(Error::Setup(text))),
                Message::Forbidden(errno, what) => {
                    failure = failure.or(Some(forbidden(&what, Errno::from_raw_os_error(errno))))
                }
                Message::Ended(status) => ended = Some(Ended::from_raw(status)),
                Message::Started(_) => {}
            }
        }
        if let Some(error) = failure {
            return Err(error);
        }
        match (self.sandboxed, ended, helper) {
            (true, Some(ended), _) => Ok(ended),
            (true, None, Some(ended)) => Err(Error::HelperDied(ended.to_string())),
            (false, _, Some(ended)) => Ok(ended),
            (_, _, None) => Err(Error::HelperDied("was lost".into())),
        }
    }

    /// Kills the process and everything that it has started (without a sandbox: its process group). [`Child::wait`] then
    /// gives how it ended.
    pub fn kill(&mut self) {
        if self.sandboxed {
            // the helper sees the end of the socket and kills the first process of the namespace, and with it all
            let _ = self.socket.shutdown(std::net::Shutdown::Write);
        } else if let Some(pid) = self.helper {
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }

    fn reap(&mut self) -> Option<Ended> {
        let pid = self.helper.take()?;
        loop {
            match waitpid(Some(pid), WaitOptions::empty()) {
                Ok(Some((_, status))) => {
                    if !self.sandboxed {
                        let _ = kill_process_group(pid, Signal::KILL);
                    }
                    return Some(Ended::from_raw(status.as_raw()));
                }
                Err(Errno::INTR) => {}
                _ => return None,
            }
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.helper.is_some() {
            self.kill();
            let _ = self.wait();
        }
    }
}

/// Kills all processes of a user; for builds without a process namespace. Never call it for a user that people use.
///
/// # Errors
/// When the helper cannot be started.
pub fn kill_user(program: &HelperProgram, uid: u32) -> Result<(), Error> {
    let null = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/null")
        .map_err(Error::io("opening '/dev/null'"))?;
    let uid = uid.to_string();
    let pid =
        spawn_helper(program, &[helper::KILL_USER.as_bytes(), uid.as_bytes()], null.as_fd(), null.as_fd())?;
    let _ = waitpid(Some(pid), WaitOptions::empty());
    Ok(())
}

/// Executes the helper with `stdin` and `output` as its only descriptors, in a session of its own. `posix_spawn` does that
/// without copying our page tables.
fn spawn_helper(
    program: &HelperProgram,
    args: &[&[u8]],
    stdin: BorrowedFd<'_>,
    output: BorrowedFd<'_>,
) -> Result<Pid, Error> {
    let c_string = |b: &[u8]| {
        CString::new(b).map_err(|_| Error::Call { what: "starting a process".into(), errno: Errno::INVAL })
    };
    let path = c_string(program.path.as_os_str().as_bytes())?;
    let argv = std::iter::once(c_string(b"firn"))
        .chain(args.iter().map(|a| c_string(a)))
        .collect::<Result<Vec<_>, _>>()?;
    let mut argv: Vec<*mut libc::c_char> =
        argv.iter().map(|a| a.as_ptr().cast_mut()).chain([std::ptr::null_mut()]).collect();
    let mut envp: Vec<*mut libc::c_char> = vec![std::ptr::null_mut()];
    let mut pid: libc::pid_t = 0;
    // SAFETY: actions and attributes are initialised before and destroyed after use; argv, envp and path are null-terminated
    // and outlive the call. A descriptor that already is the wanted one would keep close-on-exec: the three are never 0 to 2,
    // as these are open in every program.
    let code = unsafe {
        let mut actions: libc::posix_spawn_file_actions_t = std::mem::zeroed();
        let mut attributes: libc::posix_spawnattr_t = std::mem::zeroed();
        libc::posix_spawn_file_actions_init(&mut actions);
        libc::posix_spawnattr_init(&mut attributes);
        libc::posix_spawn_file_actions_adddup2(&mut actions, stdin.as_raw_fd(), 0);
        libc::posix_spawn_file_actions_adddup2(&mut actions, output.as_raw_fd(), 1);
        libc::posix_spawn_file_actions_adddup2(&mut actions, output.as_raw_fd(), 2);
        let mut mask: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut mask);
        libc::posix_spawnattr_setsigmask(&mut attributes, &mask);
        // handlers are gone in a new program; what is ignored stays so unless it is named here
        libc::sigaddset(&mut mask, libc::SIGPIPE);
        libc::posix_spawnattr_setsigdefault(&mut attributes, &mask);
        let flags = libc::POSIX_SPAWN_SETSIGMASK | libc::POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID;
        libc::posix_spawnattr_setflags(&mut attributes, flags as libc::c_short);
        let code = libc::posix_spawn(
            &mut pid,
            path.as_ptr(),
            &actions,
            &attributes,
            argv.as_mut_ptr(),
            envp.as_mut_ptr(),
        );
        libc::posix_spawn_file_actions_destroy(&mut actions);
        libc::posix_spawnattr_destroy(&mut attributes);
        code
    };
    if code != 0 {
        let what = format!("starting '{}'", program.path.display());
        return Err(Error::Call { what, errno: Errno::from_raw_os_error(code) });
    }
    Pid::from_raw(pid).ok_or_else(|| Error::HelperDied("has no process id".into()))
}

/// glibc's flag for a new session; not in the `libc` crate for all targets.
const POSIX_SPAWN_SETSID: libc::c_int = 0x80;
