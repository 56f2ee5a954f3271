//! Control groups (version 2 only): one for each build, for exact killing and for its CPU time.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::Error;

/// Where the version 2 hierarchy is mounted; `/sys/fs/cgroup`, or `/sys/fs/cgroup/unified` beside version 1.
pub fn mount_point() -> Option<PathBuf> {
    let mounts = std::fs::read_to_string("/proc/self/mounts").ok()?;
    mounts.lines().find_map(|l| {
        let mut fields = l.split(' ');
        let (_, target, kind) = (fields.next()?, fields.next()?, fields.next()?);
        (kind == "cgroup2").then(|| PathBuf::from(target.replace("\\040", " ")))
    })
}

/// The control group of this process, as a path below [`mount_point`].
pub fn current() -> Option<PathBuf> {
    let text = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = text.lines().find_map(|l| l.strip_prefix("0::"))?;
    Some(PathBuf::from(path.trim_start_matches('/')))
}

/// CPU time that the processes of a group used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuUse {
    /// In programs.
    pub user: Duration,
    /// In the kernel.
    pub system: Duration,
}

/// A control group that this process made. It is destroyed with its processes when dropped.
#[derive(Debug)]
pub struct Cgroup {
    path: PathBuf,
}

impl Cgroup {
    /// Makes the group `path` (absolute) and gives it to `owner`, so that a nested system can make groups below it.
    ///
    /// # Errors
    /// With the path.
    pub fn create(path: &Path, owner: Option<(u32, u32)>) -> Result<Cgroup, Error> {
        std::fs::create_dir(path).map_err(Error::io(format!("creating cgroup '{}'", path.display())))?;
        let group = Cgroup { path: path.to_owned() };
        if let Some((uid, gid)) = owner {
            for name in ["", "cgroup.procs", "cgroup.threads"] {
                let file = if name.is_empty() { path.to_owned() } else { path.join(name) };
                std::os::unix::fs::chown(&file, Some(uid), Some(gid))
                    .map_err(Error::io(format!("changing owner of '{}'", file.display())))?;
            }
        }
        Ok(group)
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Moves a process into it.
    ///
    /// # Errors
    /// With the path.
    pub fn add(&self, pid: u32) -> Result<(), Error> {
        let file = self.path.join("cgroup.procs");
        std::fs::write(&file, pid.to_string()).map_err(Error::io(format!("writing '{}'", file.display())))
    }

    /// Kills everything in it, removes it, and tells what CPU time it used.
    pub fn destroy(self) -> CpuUse {
        let used = destroy(&self.path);
        std::mem::forget(self);
        used
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        destroy(&self.path);
    }
}

/// Kills everything in a group and in those below it, and removes them; also groups that an interrupted run has left.
pub fn destroy(path: &Path) -> CpuUse {
    if !path.is_dir() {
        return CpuUse::default();
    }
    let limit = Instant::now() + Duration::from_secs(10);
    if std::fs::write(path.join("cgroup.kill"), "1").is_err() {
        kill_by_hand(path);
    }
    while has_processes(path) && Instant::now() < limit {
        std::thread::sleep(Duration::from_millis(1));
        kill_by_hand(path);
    }
    let used = cpu_use(path);
    remove_tree(path);
    used
}

fn children(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries.filter(|e| e.file_type().is_ok_and(|t| t.is_dir())).map(|e| e.path()).collect()
}

fn processes(path: &Path) -> Vec<i32> {
    let text = std::fs::read_to_string(path.join("cgroup.procs")).unwrap_or_default();
    text.lines().filter_map(|l| l.parse().ok()).collect()
}

fn has_processes(path: &Path) -> bool {
    !processes(path).is_empty() || children(path).iter().any(|c| has_processes(c))
}

fn kill_by_hand(path: &Path) {
    for pid in processes(path).into_iter().filter_map(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
    children(path).iter().for_each(|c| kill_by_hand(c));
}

fn remove_tree(path: &Path) {
    children(path).iter().for_each(|c| remove_tree(c));
    let _ = std::fs::remove_dir(path);
}

fn cpu_use(path: &Path) -> CpuUse {
    let text = std::fs::read_to_string(path.join("cpu.stat")).unwrap_or_default();
    let field = |name: &str| {
        let value = text.lines().find_map(|l| l.strip_prefix(name)).and_then(|v| v.trim().parse().ok());
        Duration::from_micros(value.unwrap_or(0))
    };
    CpuUse { user: field("user_usec "), system: field("system_usec ") }
}
