//! The file system and the small things of a sandbox, made from inside its new namespaces.
//!
//! The new `/` is in memory: on disk it would cost the file system some thirty files a build that are deleted a moment later.
//! On disk are only the store of the sandbox, where outputs must be, and what is bound.
//!
//! Nothing in the new root was made by a builder, so that its names can be trusted, but the targets of configured paths can
//! not: they are resolved one name at a time without following symbolic links.

use std::ffi::OsStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Timestamps};
use rustix::io::Errno;
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags, mount, mount_bind,
    mount_change, move_mount, open_tree, unmount,
};

use super::Failure;
use crate::spec::{Bind, SandboxSpec};
use crate::users::effective_uid;

/// Does everything from a bare new process to one whose `/` is the sandbox. `root_is_made`: see [`root_is_made_outside`].
pub(crate) fn enter_sandbox(s: &SandboxSpec, root_is_made: bool) -> Result<(), Failure> {
    if s.private_network {
        loopback_up()?;
    }
    rustix::system::sethostname(b"localhost").map_err(Failure::at("cannot set host name"))?;
    rustix::system::setdomainname(b"(none)").map_err(Failure::at("cannot set domain name"))?;
    make_private()?;
    if root_is_made {
        // a mount of one's own, as those of the namespace outside cannot become the root
        mount_bind(&s.root, &s.root)
            .map_err(Failure::at(format!("unable to bind mount '{}'", s.root.display())))?;
    } else {
        mount_root(s)?;
    }
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let root = rustix::fs::open(&s.root, flags, Mode::empty())
        .map_err(Failure::at(format!("opening directory '{}'", s.root.display())))?;
    if s.own_dev {
        make_dev(&root, s)?;
    }
    for (path, contents) in &s.files {
        write_file(&root, path, contents)?;
    }
    bind(&root, &Bind { source: s.store_source.clone(), target: s.store_dir.clone(), ..Bind::default() })?;
    bind_store_paths(&root, s)?;
    for b in &s.binds {
        bind(&root, b)?;
    }
    mount_special(&root, s)?;
    if s.lock_root {
        set_read_only(&root, false).map_err(Failure::at("making '/' of the sandbox read-only"))?;
    }
    if s.cgroup.is_some() {
        // SAFETY: the process has one thread and shares nothing; the namespace is its own.
        unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWCGROUP) }
            .map_err(Failure::at("unsharing cgroup namespace"))?;
    }
    pivot(&s.root)
}

/// Lets nothing that is mounted from here on appear outside.
pub(crate) fn make_private() -> Result<(), Failure> {
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .map_err(Failure::namespace("unable to make '/' private"))
}

/// Whether the root is mounted before the new process is made; asked outside. Root must do it outside the user namespace, in
/// which it has no id and could make no file; others can mount inside only, where they have one.
pub(crate) fn root_is_made_outside(s: &SandboxSpec) -> bool {
    s.user_namespace.is_some_and(|m| m.outer_uid != effective_uid()) && effective_uid() == 0
}

/// Mounts the new root, in memory, on its folder. Builders with a range of ids are root inside and own `/` and `/etc`.
pub(crate) fn mount_root(s: &SandboxSpec) -> Result<(), Failure> {
    let failed = || format!("mounting a file system in memory on '{}'", s.root.display());
    mount("none", &s.root, "tmpfs", MountFlags::empty(), Some(c"mode=0755"))
        .map_err(Failure::at(failed()))?;
    if let Some(map) = s.user_namespace.filter(|m| m.count != 1) {
        let etc = s.root.join("etc");
        rustix::fs::mkdir(&etc, Mode::from_raw_mode(0o755)).map_err(Failure::at(failed()))?;
        let (uid, gid) = (rustix::fs::Uid::from_raw(map.outer_uid), rustix::fs::Gid::from_raw(map.outer_gid));
        for path in [&etc, &s.root] {
            rustix::fs::chown(path, Some(uid), Some(gid)).map_err(Failure::at(failed()))?;
        }
    }
    Ok(())
}

fn write_file(root: &OwnedFd, path: &Path, contents: &[u8]) -> Result<(), Failure> {
    let failed = || format!("writing '{}' in the sandbox", path.display());
    let names =
        normal_names(path).filter(|n| !n.is_empty()).ok_or_else(|| Failure::at(failed())(Errno::INVAL))?;
    let Some((last, parents)) = names.split_last() else { return Ok(()) };
    let dir = make_parents(root, parents).map_err(Failure::at(failed()))?;
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file =
        rustix::fs::openat(&dir, *last, flags, Mode::from_raw_mode(0o644)).map_err(Failure::at(failed()))?;
    let mut rest = contents;
    while !rest.is_empty() {
        let n = rustix::io::write(&file, rest).map_err(Failure::at(failed()))?;
        rest = &rest[n..];
    }
    Ok(())
}

/// Opens the folder below `root` that the names lead to, making what is missing.
fn make_parents(root: &OwnedFd, names: &[&OsStr]) -> Result<OwnedFd, Errno> {
    let mut dir = rustix::io::fcntl_dupfd_cloexec(root, 3)?;
    for name in names {
        dir = match open_dir(&dir, name) {
            Err(Errno::NOENT) => {
                rustix::fs::mkdirat(&dir, *name, Mode::from_raw_mode(0o755))?;
                open_dir(&dir, name)?
            }
            other => other?,
        };
    }
    Ok(dir)
}

/// Makes `root` the root and forgets the old one.
pub(crate) fn pivot(root: &Path) -> Result<(), Failure> {
    rustix::process::chdir(root)
        .map_err(Failure::at(format!("cannot change directory to '{}'", root.display())))?;
    // the old root comes to lie on top of the new one and is taken off
    rustix::process::pivot_root(".", ".")
        .map_err(Failure::at(format!("cannot pivot the root directory to '{}'", root.display())))?;
    unmount(".", UnmountFlags::DETACH).map_err(Failure::at("cannot unmount real root filesystem"))?;
    rustix::process::chdir("/").map_err(Failure::at("cannot change directory to '/'"))
}

fn loopback_up() -> Result<(), Failure> {
    let socket = rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::DGRAM, None)
        .map_err(Failure::at("cannot open IP socket"))?;
    // SAFETY: all-zero bytes are a valid `ifreq`; the name fits and stays terminated; the kernel reads the value during the call.
    let code = unsafe {
        let mut request: libc::ifreq = std::mem::zeroed();
        request.ifr_name[0] = b'l' as libc::c_char;
        request.ifr_name[1] = b'o' as libc::c_char;
        request.ifr_ifru.ifru_flags =
            (libc::IFF_UP | libc::IFF_LOOPBACK | libc::IFF_RUNNING) as libc::c_short;
        libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &request)
    };
    if code == -1 {
        let errno = std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO);
        return Err(Failure::at("cannot set loopback interface flags")(Errno::from_raw_os_error(errno)));
    }
    Ok(())
}

/// A nearly empty `/dev`.
fn make_dev(root: &OwnedFd, s: &SandboxSpec) -> Result<(), Failure> {
    let at = |what: &str| Failure::at(format!("creating '/dev/{what}' in the sandbox"));
    for dir in ["dev", "dev/shm", "dev/pts"] {
        rustix::fs::mkdirat(root, dir, Mode::from_raw_mode(0o755)).map_err(at(dir))?;
    }
    for (name, target) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ] {
        rustix::fs::symlinkat(target, root, format!("dev/{name}")).map_err(at(name))?;
    }
    let dev = open_dir(root, OsStr::new("dev")).map_err(at(""))?;
    for (name, required) in [
        ("full", true),
        ("null", true),
        ("random", true),
        ("tty", false),
        ("urandom", true),
        ("zero", true),
        ("kvm", false),
    ] {
        if name == "kvm" && !s.kvm {
            continue;
        }
        let source = Path::new("/dev").join(name);
        match bind_at(&source, true, dev.as_fd(), OsStr::new(name), false) {
            Err(f) if f.errno == Errno::NOENT && !required => {}
            other => other?,
        }
    }
    Ok(())
}

fn bind_store_paths(root: &OwnedFd, s: &SandboxSpec) -> Result<(), Failure> {
    let store = open_beneath(root, &s.store_dir).map_err(Failure::at("opening the store of the sandbox"))?;
    for path in &s.store_paths {
        let name = path
            .file_name()
            .ok_or_else(|| Failure::at(format!("bad store path '{}'", path.display()))(Errno::INVAL))?;
        bind_at(path, false, store.as_fd(), name, s.read_only_store_paths)?;
    }
    Ok(())
}

/// Makes a configured path appear, with the folders above it.
fn bind(root: &OwnedFd, b: &Bind) -> Result<(), Failure> {
    let shown =
        || format!("bind mounting '{}' to '{}' in the sandbox", b.source.display(), b.target.display());
    let names = normal_names(&b.target)
        .filter(|n| !n.is_empty())
        .ok_or_else(|| Failure::at(shown())(Errno::INVAL))?;
    let Some((last, parents)) = names.split_last() else { return Ok(()) };
    if b.optional {
        if let Err(Errno::NOENT | Errno::NOTDIR) =
            rustix::fs::statat(CWD, &b.source, AtFlags::SYMLINK_NOFOLLOW)
        {
            return Ok(());
        }
    }
    let dir = make_parents(root, parents).map_err(Failure::at(shown()))?;
    bind_at(&b.source, false, dir.as_fd(), last, b.read_only)
}

/// The names of an absolute path without `.`; `None` if it has `..` or is relative.
fn normal_names(path: &Path) -> Option<Vec<&OsStr>> {
    let mut names = Vec::new();
    for c in path.components() {
        match c {
            Component::Normal(n) => names.push(n),
            Component::CurDir | Component::RootDir => {}
            _ => return None,
        }
    }
    path.is_absolute().then_some(names)
}

fn open_dir(dir: &OwnedFd, name: &OsStr) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(
        dir,
        name,
        OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC,
        Mode::empty(),
    )
}

fn open_beneath(root: &OwnedFd, path: &Path) -> Result<OwnedFd, Errno> {
    let mut dir = rustix::io::fcntl_dupfd_cloexec(root, 3)?;
    for name in normal_names(path).ok_or(Errno::INVAL)? {
        dir = open_dir(&dir, name)?;
    }
    Ok(dir)
}

/// Makes `source` appear as `name` in `dir`: folders and files by a mount, symbolic links (unless `follow`) by a copy.
pub(crate) fn bind_at(
    source: &Path,
    follow: bool,
    dir: BorrowedFd<'_>,
    name: &OsStr,
    read_only: bool,
) -> Result<(), Failure> {
    let failed = |what: &str| {
        let text = format!("{what} '{}' for the sandbox", source.display());
        move |errno| Failure::at(text)(errno)
    };
    let flags = if follow { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW };
    let stat = rustix::fs::statat(CWD, source, flags).map_err(failed("getting attributes of path"))?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Symlink => {
            return copy_symlink(source, &stat, dir, name).map_err(failed("copying the symbolic link"));
        }
        FileType::Directory => match rustix::fs::mkdirat(dir, name, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(e) => return Err(failed("creating a mount point of")(e)),
        },
        _ => {
            let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            match rustix::fs::openat(dir, name, flags, Mode::from_raw_mode(0o644)) {
                Ok(_) | Err(Errno::EXIST) => {}
                Err(e) => return Err(failed("creating a mount point of")(e)),
            }
        }
    }
    let mut flags =
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
    if !follow {
        flags |= OpenTreeFlags::AT_SYMLINK_NOFOLLOW;
    }
    let tree = match open_tree(CWD, source, flags) {
        Ok(tree) => tree,
        // kernels before 5.2
        Err(Errno::NOSYS) => {
            let mut target = std::ffi::OsString::from(format!("/proc/self/fd/{}/", dir.as_raw_fd()));
            target.push(name);
            return rustix::mount::mount_bind_recursive(source, &target).map_err(failed("bind mounting"));
        }
        Err(e) => return Err(failed("opening the bind mount source")(e)),
    };
    if read_only {
        set_read_only(&tree, true).map_err(failed("making read-only"))?;
    }
    move_mount(&tree, "", dir, name, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH).map_err(failed("bind mounting"))
}

fn copy_symlink(
    source: &Path,
    stat: &rustix::fs::Stat,
    dir: BorrowedFd<'_>,
    name: &OsStr,
) -> Result<(), Errno> {
    let target = rustix::fs::readlinkat(CWD, source, Vec::new())?;
    match rustix::fs::symlinkat(&target, dir, name) {
        Ok(()) => {}
        Err(Errno::EXIST) if rustix::fs::readlinkat(dir, name, Vec::new()).is_ok_and(|t| t == target) => {}
        Err(e) => return Err(e),
    }
    let time = |tv_sec: i64, tv_nsec: u64| rustix::fs::Timespec { tv_sec, tv_nsec: tv_nsec as _ };
    let times = Timestamps {
        last_access: time(stat.st_atime, stat.st_atime_nsec),
        last_modification: time(stat.st_mtime, stat.st_mtime_nsec),
    };
    rustix::fs::utimensat(dir, name, &times, AtFlags::SYMLINK_NOFOLLOW)
}

/// `struct mount_attr` of `mount_setattr`.
#[repr(C)]
struct MountAttr {
    set: u64,
    clear: u64,
    propagation: u64,
    userns_fd: u64,
}

fn set_read_only(tree: &OwnedFd, recursive: bool) -> Result<(), Errno> {
    const MOUNT_ATTR_RDONLY: u64 = 1;
    let attr = MountAttr { set: MOUNT_ATTR_RDONLY, clear: 0, propagation: 0, userns_fd: 0 };
    let flags = libc::AT_EMPTY_PATH | if recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the path is an empty C string, the attribute is a live value of the size that is given.
    let code = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            flags,
            &attr,
            std::mem::size_of::<MountAttr>(),
        )
    };
    match code {
        0 => Ok(()),
        _ => match Errno::from_raw_os_error(
            std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO),
        ) {
            // kernels before 5.12: the store paths stay protected by their modes alone, as with the reference
            Errno::NOSYS => Ok(()),
            e => Err(e),
        },
    }
}

/// `/proc`, `/sys`, `/dev/shm`, `/dev/pts`.
fn mount_special(root: &OwnedFd, s: &SandboxSpec) -> Result<(), Failure> {
    let inside = |p: &str| s.root.join(p);
    let make = |p: &str| match rustix::fs::mkdirat(root, p, Mode::from_raw_mode(0o755)) {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(e) => Err(Failure::at(format!("creating '/{p}' in the sandbox"))(e)),
    };
    make("proc")?;
    mount("none", inside("proc"), "proc", MountFlags::empty(), None)
        .map_err(Failure::namespace("mounting /proc"))?;
    if s.mount_sys {
        make("sys")?;
        mount("none", inside("sys"), "sysfs", MountFlags::empty(), None)
            .map_err(Failure::at("mounting /sys"))?;
    }
    if !s.own_dev {
        return Ok(());
    }
    let size = std::ffi::CString::new(format!("size={}", s.shm_size)).unwrap_or_default();
    mount("none", inside("dev/shm"), "tmpfs", MountFlags::empty(), Some(size.as_c_str()))
        .map_err(Failure::at("mounting /dev/shm"))?;
    if !Path::new("/dev/pts/ptmx").exists()
        || s.binds.iter().any(|b| b.target.as_os_str().as_bytes() == b"/dev/pts")
    {
        return Ok(());
    }
    let pts = Some(c"newinstance,mode=0620");
    match mount("none", inside("dev/pts"), "devpts", MountFlags::empty(), pts) {
        Ok(()) => {
            rustix::fs::symlinkat("/dev/pts/ptmx", root, "dev/ptmx")
                .map_err(Failure::at("creating '/dev/ptmx' in the sandbox"))?;
            // some kernels make it with mode 0
            let _ = rustix::fs::chmod(inside("dev/pts/ptmx"), Mode::from_raw_mode(0o666));
            Ok(())
        }
        Err(Errno::INVAL) => {
            for name in ["pts", "ptmx"] {
                let dev = open_dir(root, OsStr::new("dev"))
                    .map_err(Failure::at("opening '/dev' of the sandbox"))?;
                bind_at(&Path::new("/dev").join(name), true, dev.as_fd(), OsStr::new(name), false)?;
            }
            Ok(())
        }
        Err(e) => Err(Failure::at("mounting /dev/pts")(e)),
    }
}
