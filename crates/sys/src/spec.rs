//! What a builder's process looks like: program, environment, user, and the sandbox around it.

use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use crate::wire::{Reader, Writer};

/// A process to start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessSpec {
    /// The program, as an absolute path inside the sandbox.
    pub program: Vec<u8>,
    /// All arguments, the name of the program first.
    pub args: Vec<Vec<u8>>,
    /// The whole environment, as `NAME=value`.
    pub env: Vec<Vec<u8>>,
    /// The working folder, inside the sandbox.
    pub cwd: PathBuf,
    /// The user to become; in a sandbox with a user namespace the ids inside it. `None` stays the caller.
    pub user: Option<UserSpec>,
    /// Drop the caller's supplementary groups; where the kernel forbids it, fail only if the second is set.
    pub drop_groups: Option<bool>,
    /// Refuse set-uid bits and extended attributes (the setting `filter-syscalls`).
    pub filter_syscalls: bool,
    /// Set `no_new_privs` (not with `allow-new-privileges`).
    pub no_new_privileges: bool,
    /// Report a 32-bit machine (`i686-linux` on a 64-bit one).
    pub linux32: bool,
    /// Report Linux 2.6 (`impersonate-linux-26`).
    pub linux26: bool,
    /// The sandbox; `None` to run in the caller's namespaces.
    pub sandbox: Option<SandboxSpec>,
}

/// Whom to become.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserSpec {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Supplementary groups; only without a user namespace.
    pub groups: Vec<u32>,
}

/// The ids of a user namespace: `count` ids from `inner` map to those from `outer`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IdMap {
    /// The first user id inside.
    pub inner_uid: u32,
    /// The first group id inside.
    pub inner_gid: u32,
    /// The first user id outside.
    pub outer_uid: u32,
    /// The first group id outside.
    pub outer_gid: u32,
    /// How many.
    pub count: u32,
}

/// A file or folder of the host that appears in the sandbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bind {
    /// On the host.
    pub source: PathBuf,
    /// In the sandbox, absolute.
    pub target: PathBuf,
    /// Leave it out if the host has none.
    pub optional: bool,
    /// May not be written.
    pub read_only: bool,
}

/// The namespaces and the file system of a builder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SandboxSpec {
    /// An empty folder on which the new `/` is mounted; it may hold the folders that are the sources of binds.
    pub root: PathBuf,
    /// Files that are written in the new `/`, which is in memory: absolute path and contents.
    pub files: Vec<(PathBuf, Vec<u8>)>,
    /// Make a user namespace with these ids.
    pub user_namespace: Option<IdMap>,
    /// Give it a network of its own, with nothing but a loopback device.
    pub private_network: bool,
    /// Move it into this control group (absolute path) and make it the root of its view.
    pub cgroup: Option<PathBuf>,
    /// The store folder inside, absolute: `/nix/store`.
    pub store_dir: PathBuf,
    /// The folder of the host that it is: outputs appear there, beside mount points for the store paths.
    pub store_source: PathBuf,
    /// The store paths that are visible: where they are on the host. Their names are kept.
    pub store_paths: Vec<PathBuf>,
    /// Mount the store paths so that they cannot be written; needed when builder and owner are the same user.
    pub read_only_store_paths: bool,
    /// More of the host, in order; targets below others come later.
    pub binds: Vec<Bind>,
    /// Make `/dev` of its own; not if the host's is among `binds`.
    pub own_dev: bool,
    /// Offer `/dev/kvm` if the host has it.
    pub kvm: bool,
    /// The size of `/dev/shm`, as tmpfs takes it: `50%`.
    pub shm_size: String,
    /// Mount `/sys` (builds with a range of uids).
    pub mount_sys: bool,
    /// Let nothing be written in `/` itself: only in the store, in binds and in `/dev/shm`.
    pub lock_root: bool,
}

fn path(r: &mut Reader<'_>) -> Option<PathBuf> {
    r.bytes().map(|b| PathBuf::from(std::ffi::OsString::from_vec(b)))
}

trait WritePath {
    fn path(&mut self, p: &std::path::Path) -> &mut Self;
}

impl WritePath for Writer {
    fn path(&mut self, p: &std::path::Path) -> &mut Self {
        self.bytes(p.as_os_str().as_bytes())
    }
}

impl ProcessSpec {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut w = Writer::default();
        w.bytes(&self.program);
        w.list(&self.args, |w, a| {
            w.bytes(a);
        });
        w.list(&self.env, |w, a| {
            w.bytes(a);
        });
        w.path(&self.cwd);
        w.option(self.user.as_ref(), |w, u| {
            w.u32(u.uid).u32(u.gid).list(&u.groups, |w, g| {
                w.u32(*g);
            });
        });
        w.option(self.drop_groups.as_ref(), |w, b| {
            w.bool(*b);
        });
        w.bool(self.filter_syscalls).bool(self.no_new_privileges).bool(self.linux32).bool(self.linux26);
        w.option(self.sandbox.as_ref(), |w, s| s.encode(w));
        w.out
    }

    pub(crate) fn decode(data: &[u8]) -> Option<ProcessSpec> {
        let mut r = Reader { rest: data };
        let spec = ProcessSpec {
            program: r.bytes()?,
            args: r.list(Reader::bytes)?,
            env: r.list(Reader::bytes)?,
            cwd: path(&mut r)?,
            user: r
                .option(|r| Some(UserSpec { uid: r.u32()?, gid: r.u32()?, groups: r.list(Reader::u32)? }))?,
            drop_groups: r.option(Reader::bool)?,
            filter_syscalls: r.bool()?,
            no_new_privileges: r.bool()?,
            linux32: r.bool()?,
            linux26: r.bool()?,
            sandbox: r.option(SandboxSpec::decode)?,
        };
        r.rest.is_empty().then_some(spec)
    }
}

impl SandboxSpec {
    fn encode(&self, w: &mut Writer) {
        w.path(&self.root);
        w.list(&self.files, |w, (path, contents)| {
            w.path(path).bytes(contents);
        });
        w.option(self.user_namespace.as_ref(), |w, m| {
            w.u32(m.inner_uid).u32(m.inner_gid).u32(m.outer_uid).u32(m.outer_gid).u32(m.count);
        });
        w.bool(self.private_network);
        w.option(self.cgroup.as_ref(), |w, p| {
            w.path(p);
        });
        w.path(&self.store_dir).path(&self.store_source);
        w.list(&self.store_paths, |w, p| {
            w.path(p);
        });
        w.bool(self.read_only_store_paths);
        w.list(&self.binds, |w, b| {
            w.path(&b.source).path(&b.target).bool(b.optional).bool(b.read_only);
        });
        w.bool(self.own_dev).bool(self.kvm);
        w.bytes(self.shm_size.as_bytes());
        w.bool(self.mount_sys).bool(self.lock_root);
    }

    fn decode(r: &mut Reader<'_>) -> Option<SandboxSpec> {
        Some(SandboxSpec {
            root: path(r)?,
            files: r.list(|r| Some((path(r)?, r.bytes()?)))?,
            user_namespace: r.option(|r| {
                Some(IdMap {
                    inner_uid: r.u32()?,
                    inner_gid: r.u32()?,
                    outer_uid: r.u32()?,
                    outer_gid: r.u32()?,
                    count: r.u32()?,
                })
            })?,
            private_network: r.bool()?,
            cgroup: r.option(path)?,
            store_dir: path(r)?,
            store_source: path(r)?,
            store_paths: r.list(path)?,
            read_only_store_paths: r.bool()?,
            binds: r.list(|r| {
                Some(Bind { source: path(r)?, target: path(r)?, optional: r.bool()?, read_only: r.bool()? })
            })?,
            own_dev: r.bool()?,
            kvm: r.bool()?,
            shm_size: String::from_utf8(r.bytes()?).ok()?,
            mount_sys: r.bool()?,
            lock_root: r.bool()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_the_wire() {
        let spec = ProcessSpec {
            program: b"/bin/sh".to_vec(),
            args: vec![b"sh".to_vec(), b"\xff".to_vec()],
            env: vec![b"A=b".to_vec()],
            cwd: "/build".into(),
            user: Some(UserSpec { uid: 1, gid: 2, groups: vec![3, 4] }),
            drop_groups: Some(true),
            filter_syscalls: true,
            sandbox: Some(SandboxSpec {
                root: "/r".into(),
                files: vec![("/etc/passwd".into(), b"root".to_vec())],
                store_source: "/s".into(),
                user_namespace: Some(IdMap {
                    inner_uid: 1000,
                    inner_gid: 100,
                    outer_uid: 5,
                    outer_gid: 6,
                    count: 1,
                }),
                store_dir: "/nix/store".into(),
                store_paths: vec!["/nix/store/x".into()],
                binds: vec![Bind {
                    source: "/a".into(),
                    target: "/b".into(),
                    optional: true,
                    read_only: false,
                }],
                shm_size: "50%".into(),
                ..SandboxSpec::default()
            }),
            ..ProcessSpec::default()
        };
        let bytes = spec.encode();
        assert_eq!(ProcessSpec::decode(&bytes), Some(spec));
        for n in 0..bytes.len() {
            assert_eq!(ProcessSpec::decode(&bytes[..n]), None, "cut at {n}");
        }
    }
}
