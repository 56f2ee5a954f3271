//! The other side of [`crate::spawn`]: what the program does when it is executed under one of the hidden names.
//!
//! The helper reads a [`ProcessSpec`], makes the namespaces by one `clone`, maps the ids, and stays as the guard of the first
//! process inside: it kills it when the caller goes away and tells how it ended. Without a sandbox the helper itself becomes
//! the builder. It has one thread and little memory, so that `clone` is cheap and safe.

mod exec;
mod landlock;
mod mounts;
pub mod seccomp;

pub(crate) use exec::exec_with_path;
pub(crate) use mounts::pivot;

use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, getppid, kill_process, pidfd_open, pidfd_send_signal, waitpid,
};

use crate::errno_text;
use crate::spec::{IdMap, ProcessSpec, SandboxSpec};
use crate::users::effective_uid;

/// The hidden command that becomes a builder.
pub const SANDBOX_EXEC: &str = "__sandbox-exec";
/// The hidden command that kills all processes of a user.
pub const KILL_USER: &str = "__kill-user";
/// The hidden command that makes a store under the home folder appear at its own place.
pub const ENTER_STORE: &str = "__enter-store";

/// The longest specification that is read: the arguments and the environment of a program have 6 MiB at most.
const MAX_SPEC: usize = 256 << 20;

/// Acts as the helper and does not return, if the program was executed as one; does nothing otherwise. To be called before
/// anything else, in particular before any thread is started.
pub fn run_if_asked() {
    let mut args = std::env::args_os().skip(1);
    match args.next() {
        Some(a) if a == SANDBOX_EXEC => sandbox_exec(),
        Some(a) if a == KILL_USER => kill_user(args.next()),
        Some(a) if a == ENTER_STORE => crate::enter::enter_and_exec(args),
        _ => {}
    }
}

/// Lets a test binary act as the helper although its `main` is the test harness's: the helper runs when the binary is loaded.
#[macro_export]
macro_rules! helper_in_tests {
    () => {
        #[used]
        #[unsafe(link_section = ".init_array")]
        static FIRN_HELPER: extern "C" fn() = {
            extern "C" fn run() {
                $crate::helper::run_if_asked();
            }
            run
        };
    };
}

/// Why the set-up failed.
#[derive(Debug)]
pub(crate) struct Failure {
    what: String,
    errno: Errno,
    /// The step is one that systems without namespaces refuse.
    namespaces: bool,
}

impl Failure {
    pub(crate) fn at(what: impl Into<String>) -> impl FnOnce(Errno) -> Failure {
        move |errno| Failure { what: what.into(), errno, namespaces: false }
    }

    pub(crate) fn namespace(what: impl Into<String>) -> impl FnOnce(Errno) -> Failure {
        move |errno| Failure { what: what.into(), errno, namespaces: true }
    }

    /// The failure as an error of this crate.
    pub(crate) fn into_error(self) -> crate::Error {
        if self.namespaces {
            crate::namespaces::forbidden(&self.what, self.errno)
        } else {
            crate::Error::Call { what: self.what, errno: self.errno }
        }
    }

    fn message(&self) -> Message {
        if self.namespaces {
            Message::Forbidden(self.errno.raw_os_error(), self.what.clone())
        } else {
            Message::Failed(format!("{}: {}", self.what, errno_text(self.errno)))
        }
    }
}

/// What the helper tells its caller.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// The set-up failed.
    Failed(String),
    /// It failed because namespaces are forbidden: error number and step.
    Forbidden(i32, String),
    /// The process id of the builder, as the caller sees it.
    Started(i32),
    /// The builder ended with this wait status.
    Ended(i32),
}

impl Message {
    fn encode(&self) -> Vec<u8> {
        let (tag, number, text) = match self {
            Message::Failed(t) => (b'E', 0, t.as_str()),
            Message::Forbidden(n, t) => (b'N', *n, t.as_str()),
            Message::Started(n) => (b'P', *n, ""),
            Message::Ended(n) => (b'X', *n, ""),
        };
        let text = &text.as_bytes()[..text.len().min(60_000)];
        let mut out = vec![tag];
        out.extend(number.to_ne_bytes());
        out.extend((text.len() as u32).to_ne_bytes());
        out.extend(text);
        out
    }

    /// All whole messages in what was read.
    pub(crate) fn parse_all(mut data: &[u8]) -> Vec<Message> {
        let mut out = Vec::new();
        while let Some((head, rest)) = data.split_at_checked(9) {
            let number = i32::from_ne_bytes([head[1], head[2], head[3], head[4]]);
            let length = u32::from_ne_bytes([head[5], head[6], head[7], head[8]]) as usize;
            let Some((text, rest)) = rest.split_at_checked(length) else { break };
            let text = String::from_utf8_lossy(text).into_owned();
            match head[0] {
                b'E' => out.push(Message::Failed(text)),
                b'N' => out.push(Message::Forbidden(number, text)),
                b'P' => out.push(Message::Started(number)),
                b'X' => out.push(Message::Ended(number)),
                _ => break,
            }
            data = rest;
        }
        out
    }

    fn send(&self, mut socket: &UnixStream) {
        let _ = socket.write_all(&self.encode());
    }
}

fn exit(code: i32) -> ! {
    // SAFETY: ends the process without running anything; allowed at any point.
    unsafe { libc::_exit(code) }
}

fn sandbox_exec() -> ! {
    let socket = match take_socket() {
        Ok(s) => s,
        Err(_) => exit(125),
    };
    match run(&socket) {
        Ok(never) => match never {},
        Err(f) => f.message().send(&socket),
    }
    exit(125)
}

/// Moves the socket from standard input to a descriptor that executed programs do not get, and closes everything else.
fn take_socket() -> Result<UnixStream, Errno> {
    let socket = fcntl_dupfd_cloexec(std::io::stdin(), 3)?;
    let null = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    // SAFETY: replaces descriptor 0, which nothing in this new process owns.
    unsafe { libc::dup2(null.as_raw_fd(), 0) };
    drop(null);
    let kept = socket.as_raw_fd();
    close_others(kept);
    Ok(UnixStream::from(socket))
}

fn close_others(kept: RawFd) {
    let kept = kept as libc::c_uint;
    // SAFETY: this process was just executed and owns no other descriptor above 2 but `kept`.
    unsafe {
        if kept > 3 {
            libc::syscall(libc::SYS_close_range, 3 as libc::c_uint, kept - 1, 0);
        }
        libc::syscall(libc::SYS_close_range, kept + 1, libc::c_uint::MAX, 0);
    }
}

fn read_spec(mut socket: &UnixStream) -> Result<ProcessSpec, Failure> {
    let bad = || Failure {
        what: "reading the specification of the build process".into(),
        errno: Errno::BADMSG,
        namespaces: false,
    };
    let mut head = [0; 8];
    socket.read_exact(&mut head).map_err(|_| bad())?;
    let length = u32::from_ne_bytes([head[0], head[1], head[2], head[3]]) as usize;
    let caller = u32::from_ne_bytes([head[4], head[5], head[6], head[7]]);
    if length > MAX_SPEC {
        return Err(bad());
    }
    die_with_parent()?;
    if getppid().is_some_and(|p| p.as_raw_nonzero().get() as u32 != caller) {
        exit(125); // the caller is gone already
    }
    let mut data = vec![0; length];
    socket.read_exact(&mut data).map_err(|_| bad())?;
    ProcessSpec::decode(&data).ok_or_else(bad)
}

/// Asks for SIGKILL when the parent ends. Changing the user undoes it.
pub(crate) fn die_with_parent() -> Result<(), Failure> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(Failure::at("setting death signal"))
}

enum Never {}

fn run(socket: &UnixStream) -> Result<Never, Failure> {
    let spec = read_spec(socket)?;
    if let Some(required) = spec.drop_groups {
        match rustix::thread::set_thread_groups(&[]) {
            Err(Errno::PERM) if !required => {}
            Err(Errno::PERM) => {
                return Err(Failure {
                    what: "setgroups failed. Set the require-drop-supplementary-groups option to false to skip this step".into(),
                    errno: Errno::PERM,
                    namespaces: false,
                });
            }
            other => other.map_err(Failure::at("setgroups failed"))?,
        }
    }
    match &spec.sandbox {
        None => exec::become_builder(&spec).map(|n: std::convert::Infallible| match n {}),
        Some(sandbox) => guard(socket, &spec, sandbox),
    }
}

/// Makes the namespaces, starts the builder in them, and guards it to its end.
fn guard(socket: &UnixStream, spec: &ProcessSpec, sandbox: &SandboxSpec) -> Result<Never, Failure> {
    let (go_read, go_write) =
        rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(Failure::at("creating a pipe"))?;
    let mut flags = libc::CLONE_NEWPID | libc::CLONE_NEWNS | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS;
    if sandbox.private_network {
        flags |= libc::CLONE_NEWNET;
    }
    if sandbox.user_namespace.is_some() {
        flags |= libc::CLONE_NEWUSER;
    }
    let root_is_made = mounts::root_is_made_outside(sandbox);
    if root_is_made {
        // SAFETY: this process has one thread and shares nothing.
        unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNS) }
            .map_err(Failure::namespace("making a mount namespace"))?;
        mounts::make_private()?;
        mounts::mount_root(sandbox)?;
    }
    let Some(pid) = clone_process(flags).map_err(Failure::namespace("making namespaces"))? else {
        drop(go_write);
        inside(socket, spec, sandbox, root_is_made, &go_read)
    };
    drop(go_read);
    if let Err(e) = admit(pid, sandbox) {
        let _ = kill_process(pid, Signal::KILL);
        let _ = waitpid(Some(pid), WaitOptions::empty());
        return Err(e);
    }
    Message::Started(pid.as_raw_nonzero().get()).send(socket);
    let _ = rustix::io::write(&go_write, b"1");
    drop(go_write);
    Message::Ended(wait_or_kill(socket, pid)).send(socket);
    exit(0)
}

/// `fork` into new namespaces. `None` in the child.
fn clone_process(flags: libc::c_int) -> Result<Option<Pid>, Errno> {
    let flags = flags as libc::c_ulong | libc::SIGCHLD as libc::c_ulong;
    // SAFETY: without CLONE_VM this is a fork; the process has one thread, so that no lock is held by another one. No stack and
    // no thread id pointers are given.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, 0usize, 0usize, 0usize, 0usize) };
    match pid {
        -1 => {
            Err(Errno::from_raw_os_error(std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO)))
        }
        0 => Ok(None),
        pid => Ok(Pid::from_raw(pid as i32)),
    }
}

/// Maps the ids of the new process and moves it into its control group.
fn admit(pid: Pid, sandbox: &SandboxSpec) -> Result<(), Failure> {
    let pid = pid.as_raw_nonzero();
    let write = |file: String, text: String, namespaces: bool| {
        std::fs::write(&file, text).map_err(|e| Failure {
            what: format!("writing '{file}'"),
            errno: Errno::from_io_error(&e).unwrap_or(Errno::IO),
            namespaces,
        })
    };
    if let Some(IdMap { inner_uid, inner_gid, outer_uid, outer_gid, count }) = sandbox.user_namespace {
        write(format!("/proc/{pid}/uid_map"), format!("{inner_uid} {outer_uid} {count}"), true)?;
        if count == 1 {
            write(format!("/proc/{pid}/setgroups"), "deny".into(), true)?;
        }
        write(format!("/proc/{pid}/gid_map"), format!("{inner_gid} {outer_gid} {count}"), true)?;
    }
    if let Some(group) = &sandbox.cgroup {
        write(group.join("cgroup.procs").display().to_string(), pid.to_string(), false)?;
    }
    Ok(())
}

/// Waits for the first process of the sandbox; kills it as soon as the caller closes the socket. Gives its wait status.
fn wait_or_kill(socket: &UnixStream, pid: Pid) -> i32 {
    if let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) {
        loop {
            let mut fds = [PollFd::new(&process, PollFlags::IN), PollFd::new(socket, PollFlags::IN)];
            match poll(&mut fds, None) {
                Ok(_) => {
                    let ended = !fds[0].revents().is_empty();
                    if !ended && !fds[1].revents().is_empty() {
                        let _ = pidfd_send_signal(&process, Signal::KILL);
                    }
                    break;
                }
                Err(Errno::INTR) => {}
                Err(_) => break,
            }
        }
    }
    loop {
        match waitpid(Some(pid), WaitOptions::empty()) {
            Ok(Some((_, status))) => return status.as_raw(),
            Err(Errno::INTR) => {}
            _ => return libc::SIGKILL,
        }
    }
}

/// The first process of the sandbox, up to the builder.
fn inside(
    socket: &UnixStream,
    spec: &ProcessSpec,
    sandbox: &SandboxSpec,
    root_is_made: bool,
    go: &OwnedFd,
) -> ! {
    let prepare = || {
        die_with_parent()?;
        let mut byte = [0];
        if rustix::io::read(go, &mut byte) != Ok(1) {
            exit(125);
        }
        mounts::enter_sandbox(sandbox, root_is_made)?;
        exec::become_builder(spec)
    };
    let failure: Result<std::convert::Infallible, Failure> = prepare();
    match failure {
        Ok(never) => match never {},
        Err(f) => f.message().send(socket),
    }
    exit(125)
}

/// Becomes the user and kills all its processes; this one is spared by the kernel.
fn kill_user(uid: Option<OsString>) -> ! {
    let uid = uid
        .and_then(|u| u.to_str().and_then(|u| u.parse::<u32>().ok()))
        .filter(|u| *u != 0 && effective_uid() == 0);
    let Some(uid) = uid else { exit(1) };
    let raw = rustix::process::Uid::from_raw(uid);
    if rustix::thread::set_thread_res_uid(raw, raw, raw).is_err() {
        exit(1);
    }
    for _ in 0..100 {
        // SAFETY: sends a signal to every process that this user may signal; it is a build user by the caller's contract.
        if unsafe { libc::kill(-1, libc::SIGKILL) } == -1 {
            break; // ESRCH: nobody left
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    exit(0)
}

/// Takes over a raw descriptor.
pub(crate) fn own_fd(fd: libc::c_long) -> Result<OwnedFd, Errno> {
    if fd < 0 {
        return Err(Errno::from_raw_os_error(
            std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO),
        ));
    }
    // SAFETY: the kernel just gave this descriptor to us; nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_survive_and_cut_ones_are_left_out() {
        let all = [
            Message::Started(42),
            Message::Forbidden(1, "x".into()),
            Message::Failed("why".into()),
            Message::Ended(256),
        ];
        let bytes: Vec<u8> = all.iter().flat_map(Message::encode).collect();
        assert_eq!(Message::parse_all(&bytes), all);
        assert_eq!(Message::parse_all(&bytes[..bytes.len() - 1]), all[..3]);
        assert_eq!(Message::parse_all(b"garbage garbage"), []);
    }
}
