//! The last steps before the builder: rights, limits, user, `execve`.

use std::ffi::CString;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;

use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::process::{Gid, Resource, Rlimit, Uid};

use super::{Failure, die_with_parent, exit, landlock, seccomp};
use crate::errno_text;
use crate::spec::ProcessSpec;

const PER_LINUX32: libc::c_ulong = 0x0008;
const UNAME26: libc::c_ulong = 0x0020000;
const ADDR_NO_RANDOMIZE: libc::c_ulong = 0x0040000;

/// Becomes the builder. Gives only failures that come before the builder is at fault; a program that cannot be executed is
/// the builder's failure: it is written to its log and ends it with code 1.
pub(crate) fn become_builder(spec: &ProcessSpec) -> Result<std::convert::Infallible, Failure> {
    if spec.no_new_privileges {
        // SAFETY: a prctl without pointers.
        if unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) } == -1 {
            return Err(Failure::at("failed to set PR_SET_NO_NEW_PRIVS")(last_errno()));
        }
    }
    if spec.filter_syscalls {
        seccomp::install().map_err(Failure::at("unable to load seccomp BPF program"))?;
    }
    landlock::restrict_abstract_sockets().map_err(Failure::at("failed to apply landlock"))?;
    set_personality(spec);
    rustix::process::chdir(&spec.cwd)
        .map_err(Failure::at(format!("changing into '{}'", spec.cwd.display())))?;
    let no_core = Rlimit { current: Some(0), maximum: None };
    let _ = rustix::process::setrlimit(Resource::Core, no_core);
    rustix::process::umask(Mode::from_raw_mode(0o022));
    let strings = Strings::new(spec)?;
    if let Some(user) = &spec.user {
        set_user(
            user.uid,
            user.gid,
            &user.groups,
            spec.sandbox.as_ref().is_some_and(|s| s.user_namespace.is_some()),
        )?;
        die_with_parent()?;
    }
    let errno = strings.exec();
    let program = String::from_utf8_lossy(&spec.program);
    let _ = writeln!(std::io::stderr(), "error: executing '{program}': {}", errno_text(errno));
    exit(1)
}

fn last_errno() -> Errno {
    Errno::from_raw_os_error(std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO))
}

fn set_personality(spec: &ProcessSpec) {
    let mut wanted = ADDR_NO_RANDOMIZE;
    if spec.linux32 {
        wanted |= PER_LINUX32;
    }
    if spec.linux26 {
        wanted |= UNAME26;
    }
    // SAFETY: takes and gives numbers only.
    unsafe {
        let current = libc::personality(0xffff_ffff);
        if current != -1 {
            libc::personality(current as libc::c_ulong | wanted);
        }
    }
}

/// The process has one thread: changing the thread's ids changes the process's.
fn set_user(uid: u32, gid: u32, groups: &[u32], in_user_namespace: bool) -> Result<(), Failure> {
    if !in_user_namespace {
        let groups: Vec<Gid> = groups.iter().map(|g| Gid::from_raw(*g)).collect();
        rustix::thread::set_thread_groups(&groups)
            .map_err(Failure::at("cannot set supplementary groups of build user"))?;
    }
    let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
    rustix::thread::set_thread_res_gid(gid, gid, gid).map_err(Failure::at("setgid failed"))?;
    rustix::thread::set_thread_res_uid(uid, uid, uid).map_err(Failure::at("setuid failed"))
}

/// Arguments in the form that `execve` takes.
struct Strings {
    program: CString,
    args: Vec<CString>,
    env: Vec<CString>,
}

impl Strings {
    fn new(spec: &ProcessSpec) -> Result<Strings, Failure> {
        let one = |b: &[u8]| {
            CString::new(b).map_err(|_| {
                Failure::at(format!(
                    "the string '{}' contains a NUL byte",
                    String::from_utf8_lossy(b).replace('\0', "␀")
                ))(Errno::INVAL)
            })
        };
        let all = |v: &[Vec<u8>]| v.iter().map(|b| one(b)).collect::<Result<Vec<_>, _>>();
        Ok(Strings { program: one(&spec.program)?, args: all(&spec.args)?, env: all(&spec.env)? })
    }

    fn exec(&self) -> Errno {
        let pointers =
            |v: &[CString]| v.iter().map(|s| s.as_ptr()).chain([std::ptr::null()]).collect::<Vec<_>>();
        let (args, env) = (pointers(&self.args), pointers(&self.env));
        // SAFETY: both arrays end with a null pointer and their strings live as long as `self`.
        unsafe { libc::execve(self.program.as_ptr(), args.as_ptr(), env.as_ptr()) };
        last_errno()
    }
}

/// Executes `program`, looked up in `PATH` if it has no slash, with the present environment; gives why it could not.
pub(crate) fn exec_with_path(program: &std::ffi::OsStr, args: &[std::ffi::OsString]) -> Errno {
    let c = |s: &std::ffi::OsStr| CString::new(s.as_bytes()).unwrap_or_default();
    let name = c(program);
    let args: Vec<CString> = std::iter::once(name.clone()).chain(args.iter().map(|a| c(a))).collect();
    let pointers: Vec<*const libc::c_char> =
        args.iter().map(|s| s.as_ptr()).chain([std::ptr::null()]).collect();
    // SAFETY: as above.
    unsafe { libc::execvp(name.as_ptr(), pointers.as_ptr()) };
    last_errno()
}
