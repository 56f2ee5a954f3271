//! A store under the home folder, seen at its own place: programs of the store find each other as `/nix/store/…` only.
//!
//! A new process with user and mount namespaces of its own gets a view of the file system in which the given folders lie where
//! they belong; everything else is as outside. No root is needed.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode};
use rustix::io::Errno;
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, mount, mount_bind_recursive,
    mount_change, move_mount, open_tree,
};
use rustix::thread::UnshareFlags;

use crate::helper::{ENTER_STORE, Failure};
use crate::spawn::HelperProgram;
use crate::users::{effective_gid, effective_uid};
use crate::{Error, errno_text};

/// A folder of the host and where it is to be seen: (`/home/u/.local/share/nix/root/nix`, `/nix`).
pub type View = (PathBuf, PathBuf);

/// A command that will run `program` (looked up in `PATH`) with these folders in place; environment, working folder and
/// standard streams can be set on it as on any other, and it may be spawned or executed.
pub fn command(helper: &HelperProgram, views: &[View], program: &OsStr) -> std::process::Command {
    let mut command = std::process::Command::new(helper.path());
    command.arg0("firn").arg(ENTER_STORE).arg(views.len().to_string());
    for (source, target) in views {
        command.arg(source).arg(target);
    }
    command.arg(program);
    command
}

/// Moves this process itself into such namespaces.
///
/// # Errors
/// When namespaces are forbidden. The process must have one thread only.
pub fn enter(views: &[View]) -> Result<(), Error> {
    place(views).map_err(|f| f.into_error())
}

/// The helper's side of [`command`].
pub(crate) fn enter_and_exec(mut args: impl Iterator<Item = OsString>) -> ! {
    let count = args.next().and_then(|n| n.to_str().and_then(|n| n.parse::<usize>().ok())).unwrap_or(0);
    let views: Vec<View> =
        (0..count).map_while(|_| Some((args.next()?.into(), args.next()?.into()))).collect();
    let program = args.next().unwrap_or_default();
    let rest: Vec<OsString> = args.collect();
    let why = match enter(&views) {
        Err(e) => e.to_string(),
        Ok(()) => {
            crate::signals::restore_defaults();
            let errno = crate::helper::exec_with_path(&program, &rest);
            format!("unable to execute '{}': {}", program.to_string_lossy(), errno_text(errno))
        }
    };
    let _ = writeln!(std::io::stderr(), "error: {why}");
    std::process::exit(1)
}

fn place(views: &[View]) -> Result<(), Failure> {
    let cwd = std::env::current_dir().ok();
    let (uid, gid) = (effective_uid(), effective_gid());
    let mut flags = UnshareFlags::NEWNS;
    if uid != 0 {
        flags |= UnshareFlags::NEWUSER;
    }
    // SAFETY: by contract the process has one thread; nothing depends on sharing its view of the file system.
    unsafe { rustix::thread::unshare_unsafe(flags) }
        .map_err(Failure::namespace("making user and mount namespaces"))?;
    if uid != 0 {
        let write = |file: &str, text: String| {
            std::fs::write(file, text).map_err(|e| {
                Failure::namespace(format!("writing '{file}'"))(Errno::from_io_error(&e).unwrap_or(Errno::IO))
            })
        };
        write("/proc/self/setgroups", "deny".into())?;
        write("/proc/self/uid_map", format!("{uid} {uid} 1"))?;
        write("/proc/self/gid_map", format!("{gid} {gid} 1"))?;
    }
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .map_err(Failure::namespace("unable to make '/' private"))?;
    if views.iter().all(|(_, target)| target.is_dir()) {
        for (source, target) in views {
            mount_bind_recursive(source, target).map_err(Failure::at(format!(
                "bind mounting '{}' to '{}'",
                source.display(),
                target.display()
            )))?;
        }
    } else {
        new_root(views)?;
    }
    if let Some(cwd) = cwd {
        let _ = rustix::process::chdir(&cwd);
    }
    Ok(())
}

/// A root in memory with everything that the present one has, and the views.
fn new_root(views: &[View]) -> Result<(), Failure> {
    let hidden: Vec<&OsStr> = views.iter().filter_map(|(_, t)| t.iter().nth(1)).collect();
    let mut kept = Vec::new();
    let entries = std::fs::read_dir("/")
        .map_err(|e| Failure::at("reading '/'")(Errno::from_io_error(&e).unwrap_or(Errno::IO)))?;
    for entry in entries.flatten() {
        let name = entry.file_name();
        let path = Path::new("/").join(&name);
        let Ok(stat) = rustix::fs::statat(CWD, &path, AtFlags::SYMLINK_NOFOLLOW) else { continue };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Symlink => kept.push((name, Kept::Link(std::fs::read_link(&path).unwrap_or_default()))),
            _ if hidden.contains(&name.as_os_str()) => {}
            kind => {
                if let Ok(tree) = clone_tree(&path) {
                    kept.push((name, Kept::Tree(tree, kind == FileType::Directory)));
                }
            }
        }
    }
    let mut trees = Vec::new();
    for (source, target) in views {
        let at = Failure::at(format!("opening '{}'", source.display()));
        trees.push((clone_tree(source).map_err(at)?, target));
    }
    // any folder will do as the place of the new root: what lies in it was cloned above
    let root = ["/tmp", "/mnt", "/var", "/usr"]
        .iter()
        .map(Path::new)
        .find(|p| p.is_dir())
        .unwrap_or(Path::new("/tmp"));
    mount("none", root, "tmpfs", MountFlags::empty(), Some(c"mode=755"))
        .map_err(Failure::at("mounting a new root"))?;
    let flags = rustix::fs::OFlags::PATH | rustix::fs::OFlags::DIRECTORY | rustix::fs::OFlags::CLOEXEC;
    let fd = rustix::fs::open(root, flags, Mode::empty()).map_err(Failure::at("opening the new root"))?;
    for (name, what) in kept {
        let made = match what {
            Kept::Link(target) => rustix::fs::symlinkat(&target, &fd, &name),
            Kept::Tree(tree, is_dir) => attach(&tree, is_dir, &fd, Path::new(&name)),
        };
        made.map_err(Failure::at(format!("making '/{}' in the new root", name.to_string_lossy())))?;
    }
    for (tree, target) in trees {
        let relative = target.strip_prefix("/").unwrap_or(target);
        let mut path = PathBuf::new();
        for part in relative.parent().unwrap_or(Path::new("")).iter() {
            path.push(part);
            let _ = rustix::fs::mkdirat(&fd, &path, Mode::from_raw_mode(0o755));
        }
        attach(&tree, true, &fd, relative)
            .map_err(Failure::at(format!("bind mounting '{}'", target.display())))?;
    }
    crate::helper::pivot(root)
}

enum Kept {
    Link(PathBuf),
    Tree(OwnedFd, bool),
}

fn clone_tree(path: &Path) -> Result<OwnedFd, Errno> {
    open_tree(
        CWD,
        path,
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE,
    )
}

fn attach(tree: &OwnedFd, is_dir: bool, root: &OwnedFd, name: &Path) -> Result<(), Errno> {
    if is_dir {
        match rustix::fs::mkdirat(root, name, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(e) => return Err(e),
        }
    } else {
        rustix::fs::openat(
            root,
            name,
            rustix::fs::OFlags::CREATE | rustix::fs::OFlags::CLOEXEC,
            Mode::from_raw_mode(0o644),
        )?;
    }
    move_mount(tree, "", root.as_fd(), name, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
}
