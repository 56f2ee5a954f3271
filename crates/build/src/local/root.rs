//! The folder that becomes a builder's `/`, and what of the machine is seen in it.

use std::collections::BTreeMap;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use firn_hash::{Algo, Hash};
use firn_path::{StorePath, StorePathSet};
use firn_settings::SandboxPath;
use firn_store::Store;
use firn_sys::spec::Bind;

use super::users::UserLock;
use crate::error::Failure;
use crate::executor::{Job, JobContext};

/// The ids of the builder as it sees them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InnerIds {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// Folders for sandboxes, kept from one build of a run to the next.
///
/// Every input needs a mount point in the sandbox's store, which is on disk. Making and deleting hundreds of them for each build
/// is what costs most on some file systems; builds of one run share most inputs, so that their mount points can stay.
#[derive(Debug, Default)]
pub(crate) struct Roots {
    free: Mutex<Vec<Root>>,
}

impl Roots {
    /// Takes a folder in which there are no other store paths than some of `visible`.
    pub(crate) fn take(
        &self,
        context: &JobContext<'_>,
        user: Option<&UserLock>,
        visible: &StorePathSet,
    ) -> Result<Root, Failure> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut root = match free {
            Some(root) => root,
            None => Root::create(context)?,
        };
        root.clear(visible)?;
        root.give_to(user)?;
        Ok(root)
    }

    /// Takes a folder back. The builder's processes are gone.
    pub(crate) fn give_back(&self, root: Root) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(root);
    }
}

/// A folder in the store's folder, so that outputs can be renamed to their place: in it are the folder on which the builder's
/// `/` is mounted, its store and its `/tmp`. Removed when dropped.
#[derive(Debug)]
pub(crate) struct Root {
    parent: PathBuf,
    /// The store paths of the last build. Of what is in the store folder, only these may be mount points that we made; a
    /// builder cannot get at what is under a mount.
    mounted: StorePathSet,
}

impl Root {
    fn create(context: &JobContext<'_>) -> Result<Root, Failure> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let started = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let unique = format!("{}-{}-{n}", std::process::id(), started.as_nanos());
        // collectors leave `<path>.chroot` alone as long as somebody holds the path
        let held = context.store.dir().make_store_path(
            "sandbox",
            &Hash::of(Algo::Sha256, unique.as_bytes()),
            "sandbox",
        )?;
        context.store.add_temp_root(&held)?;
        let parent = context.store.config().real_dir.join(format!("{held}.chroot"));
        make_dir(&parent, 0o700)?;
        let root = Root { parent, mounted: StorePathSet::new() };
        make_dir(&root.mount_point(), 0o700)?;
        make_dir(&root.tmp(), 0o1777)?;
        make_dir(&root.store(), 0o1775)?;
        Ok(root)
    }

    /// Removes what the last build left, but for mount points of paths that are visible again.
    fn clear(&mut self, visible: &StorePathSet) -> Result<(), Failure> {
        let store = self.store();
        for entry in entries(&store)? {
            let reusable = entry.file_type().is_ok_and(|t| t.is_dir() || t.is_file())
                && entry
                    .file_name()
                    .to_str()
                    .and_then(|n| StorePath::from_base_name(n).ok())
                    .is_some_and(|p| self.mounted.contains(&p) && visible.contains(&p));
            if !reusable {
                remove(&entry.path())?;
            }
        }
        let tmp = self.tmp();
        for entry in entries(&tmp)? {
            remove(&entry.path())?;
        }
        self.mounted = visible.clone();
        Ok(())
    }

    /// Lets the build's user, if it is not the caller, make outputs.
    fn give_to(&self, user: Option<&UserLock>) -> Result<(), Failure> {
        let Some(user) = user else { return Ok(()) };
        let store = self.store();
        own(&store, 0, user.gid)?;
        // changing the group may take bits away
        set_mode(&store, 0o1775)
    }

    /// The folder that the builder's `/` is mounted on.
    pub(crate) fn mount_point(&self) -> PathBuf {
        self.parent.join("root")
    }

    /// The builder's `/tmp`.
    pub(crate) fn tmp(&self) -> PathBuf {
        self.parent.join("tmp")
    }

    /// The builder's store folder: outputs appear in it.
    pub(crate) fn store(&self) -> PathBuf {
        self.parent.join("store")
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _ = remove(&self.parent);
    }
}

fn entries(dir: &Path) -> Result<Vec<std::fs::DirEntry>, Failure> {
    let read = std::fs::read_dir(dir).and_then(Iterator::collect);
    read.map_err(|e| Failure::io("reading directory", dir, &e))
}

/// The files of `/etc` that every sandbox has.
pub(crate) fn etc_files(
    job: &Job,
    context: &JobContext<'_>,
    ids: InnerIds,
) -> Result<Vec<(PathBuf, Vec<u8>)>, Failure> {
    let home = context.store.settings().sandbox_build_dir();
    let InnerIds { uid, gid } = ids;
    let passwd = format!(
        "root:x:0:0:Nix build user:{home}:/noshell\n\
         nixbld:x:{uid}:{gid}:Nix build user:{home}:/noshell\n\
         nobody:x:65534:65534:Nobody:/:/noshell\n"
    );
    let group = format!("root:x:0:\nnixbld:!:{gid}:\nnogroup:x:65534:\n");
    let last = if job.drv.derivation_type()?.is_sandboxed() {
        ("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n".to_owned())
    } else {
        ("/etc/nsswitch.conf", "hosts: files dns\nservices: files\n".to_owned())
    };
    let files = [("/etc/passwd", passwd), ("/etc/group", group), last];
    Ok(files.into_iter().map(|(path, text)| (path.into(), text.into_bytes())).collect())
}

pub(crate) fn make_dir(path: &Path, mode: u32) -> Result<(), Failure> {
    let failed = |e: std::io::Error| Failure::io("creating directory", path, &e);
    std::fs::DirBuilder::new().mode(0o700).create(path).map_err(failed)?;
    if mode != 0o700 { set_mode(path, mode) } else { Ok(()) }
}

/// Deletes a tree, whatever its modes are; nothing there is fine.
pub(crate) fn remove(path: &Path) -> Result<(), Failure> {
    if path.symlink_metadata().is_err() {
        return Ok(());
    }
    firn_source::remove_tree(path).map(drop).map_err(|e| Failure::misc(e.to_string()))
}

pub(crate) fn set_mode(path: &Path, mode: u32) -> Result<(), Failure> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
        .map_err(|e| Failure::io("changing the mode of", path, &e))
}

pub(crate) fn own(path: &Path, uid: u32, gid: u32) -> Result<(), Failure> {
    chown(path, Some(uid), Some(gid)).map_err(|e| Failure::io("changing the owner of", path, &e))
}

/// What the sandbox shows beside the inputs: configured paths, the folder of the build, for builds with a network what they
/// need to use it. Store paths among the sources bring their closures, which are added to `visible`.
pub(crate) fn binds(
    job: &Job,
    context: &JobContext<'_>,
    build_dir: &Path,
    visible: &mut StorePathSet,
) -> Result<Vec<Bind>, Failure> {
    let config = context.store.config();
    let settings = &config.settings;
    let inside = settings.sandbox_build_dir();
    if config.store_dir.as_str().starts_with(inside) {
        return Err(Failure::misc("`sandbox-build-dir` must not contain the storeDir"));
    }
    let mut paths: BTreeMap<String, SandboxPath> = settings.sandbox_paths().clone();
    add_shell(&mut paths, context);
    for source in paths.values().map(|p| p.source.clone()).collect::<Vec<_>>() {
        if let Ok((path, _)) = config.store_dir.to_store_path(&source) {
            if context.store.is_valid(&path)? {
                context.closures.extend([path], visible)?;
            }
        }
    }
    paths.insert(inside.to_owned(), SandboxPath { source: build_dir.display().to_string(), optional: false });
    for path in &job.options.impure_host_deps {
        allowed_host_path(job, context, path)?;
        paths.insert(path.clone(), SandboxPath { source: path.clone(), optional: true });
    }
    if !job.drv.derivation_type()?.is_sandboxed() {
        for path in ["/etc/resolv.conf", "/etc/services", "/etc/hosts"] {
            // links are followed: resolv.conf often is one to a file that is not in the sandbox
            if let Ok(real) = std::fs::canonicalize(path) {
                let real = SandboxPath { source: real.display().to_string(), optional: true };
                paths.entry(path.to_owned()).or_insert(real);
            }
        }
        if let Some(bundle) = settings.ssl_cert_file().and_then(|f| std::fs::canonicalize(f).ok()) {
            let bundle = SandboxPath { source: bundle.display().to_string(), optional: true };
            paths.entry("/etc/ssl/certs/ca-certificates.crt".to_owned()).or_insert(bundle);
        }
    }
    // outputs that are made again must not be there already
    for output in job.drv.output_paths(&config.store_dir)?.into_values().flatten() {
        paths.remove(&config.store_dir.print(&output));
        visible.remove(&output);
    }
    paths.remove("/proc");
    let real = |source: &str| real_source(context, source);
    Ok(paths
        .into_iter()
        .filter(|(target, _)| config.store_dir.parse(target).map_or(true, |p| !visible.contains(&p)))
        .map(|(target, p)| Bind {
            source: real(&p.source),
            target: PathBuf::from(target),
            optional: p.optional,
            read_only: false,
        })
        .collect())
}

/// A path of the logical store is where the store's files are.
fn real_source(context: &JobContext<'_>, source: &str) -> PathBuf {
    let config = context.store.config();
    match config.store_dir.to_store_path(source) {
        Ok((path, rest)) if config.is_relocated() => {
            let real = config.real_dir.join(path.base_name());
            if rest.is_empty() { real } else { real.join(rest.trim_start_matches('/')) }
        }
        _ => PathBuf::from(source),
    }
}

fn allowed_host_path(job: &Job, context: &JobContext<'_>, path: &str) -> Result<(), Failure> {
    let canonical = firn_path::canonical(path);
    let allowed = context.store.config().settings.allowed_impure_host_deps().iter().any(|a| {
        let a = firn_path::canonical(a);
        canonical == a || canonical.strip_prefix(&a).is_some_and(|rest| a == "/" || rest.starts_with('/'))
    });
    if allowed {
        return Ok(());
    }
    Err(Failure::misc(format!(
        "derivation '{}' requested impure path '{path}', but it was not in allowed-impure-host-deps",
        context.store.store_dir().display(&job.drv_path)
    )))
}

/// Where store paths are on the machine.
pub(crate) fn real_paths(context: &JobContext<'_>, paths: &StorePathSet) -> Vec<PathBuf> {
    let dir = &context.store.config().real_dir;
    paths.iter().map(|p: &StorePath| dir.join(p.base_name())).collect()
}

/// `/bin/sh` is a static shell, unless the configuration says what it is (or what `/bin` is).
fn add_shell(paths: &mut BTreeMap<String, SandboxPath>, context: &JobContext<'_>) {
    if ["/bin/sh", "/bin", "/"].iter().any(|p| paths.contains_key(*p)) {
        return;
    }
    if let Some(shell) = context.options.sandbox_shell.path(context.store) {
        paths.insert("/bin/sh".into(), SandboxPath { source: shell.display().to_string(), optional: false });
    }
}
