//! What is started and in what: program and environment, sandbox, user, control group.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use firn_derivation::resolve::{Rewrite, rewrite};
use firn_sys::cgroup;
use firn_sys::spec::{Bind, IdMap, ProcessSpec, SandboxSpec, UserSpec};
use firn_sys::users::{effective_gid, effective_uid};

use super::attempt::Attempt;
use super::environment::{Surroundings, surroundings};
use super::hooks;
use super::root::{InnerIds, binds, etc_files, own, real_paths};
use crate::error::Failure;

impl Attempt<'_> {
    /// The folder of the build as the builder sees it.
    pub(super) fn seen_dir(&self) -> String {
        if self.sandboxed {
            self.context.store.settings().sandbox_build_dir().to_owned()
        } else {
            self.dir.display().to_string()
        }
    }

    /// Placeholders of outputs, and hash parts of outputs that are built elsewhere.
    pub(super) fn rewrites(&self) -> Vec<Rewrite> {
        let dir = self.context.store.dir();
        let mut all = Vec::new();
        for (name, plan) in &self.outputs {
            all.push((
                firn_derivation::placeholder(name).into_bytes(),
                dir.print(&plan.scratch).into_bytes(),
            ));
            if let Some(known) = plan.known.as_ref().filter(|k| **k != plan.scratch) {
                all.push((
                    known.hash_part().as_bytes().to_vec(),
                    plan.scratch.hash_part().as_bytes().to_vec(),
                ));
            }
        }
        all
    }

    /// What to start, and the control group that it starts in.
    pub(super) fn process(&mut self) -> Result<(ProcessSpec, Option<cgroup::Cgroup>), Failure> {
        let store = self.context.store;
        let settings = store.settings();
        let drv = &self.job.drv;
        let Surroundings { env, files } =
            surroundings(self.job, self.context, &self.input_closure, &self.seen_dir())?;
        let rewrites = self.rewrites();
        for (name, mut contents) in files {
            rewrite(&mut contents, &rewrites);
            self.write_file(&name, &contents)?;
        }
        let env = env.into_iter().map(|(name, value)| {
            let mut line = name;
            line.push(b'=');
            line.extend(value);
            rewrite(&mut line, &rewrites);
            line
        });
        let name = drv.builder.rsplit(|b| *b == b'/').next().unwrap_or_default().to_vec();
        let args = drv.args.iter().map(|a| {
            let mut arg = a.clone();
            rewrite(&mut arg, &rewrites);
            arg
        });
        let (sandbox, user, group) = self.confinement()?;
        let i686 = drv.platform == "i686-linux" && settings.system() == "x86_64-linux";
        let arm32 = matches!(drv.platform.as_str(), "armv7l-linux" | "armv6l-linux" | "armv5tel-linux");
        let spec = ProcessSpec {
            program: drv.builder.clone(),
            args: std::iter::once(name).chain(args).collect(),
            env: env.collect(),
            cwd: PathBuf::from(self.seen_dir()),
            user,
            drop_groups: Some(settings.require_drop_supplementary_groups()),
            filter_syscalls: settings.filter_syscalls(),
            no_new_privileges: !settings.allow_new_privileges(),
            linux32: i686 || arm32,
            linux26: settings.impersonate_linux_26()
                && matches!(drv.platform.as_str(), "i686-linux" | "x86_64-linux"),
            sandbox,
        };
        Ok((spec, group))
    }

    pub(super) fn write_file(&self, name: &str, contents: &[u8]) -> Result<(), Failure> {
        if name.is_empty() || name.contains('/') || name == "." || name == ".." {
            return Err(Failure::misc(format!("'{name}' is not a valid file name")));
        }
        let path = self.dir.join(name);
        let failed = |e: std::io::Error| Failure::io("creating file", &path, &e);
        let mut file =
            std::fs::OpenOptions::new().write(true).create_new(true).open(&path).map_err(failed)?;
        file.write_all(contents).map_err(failed)?;
        if let Some(user) = &self.user {
            own(&path, user.uid, user.gid)?;
        }
        Ok(())
    }

    /// The sandbox, the user to become, and the control group.
    #[allow(clippy::type_complexity)]
    pub(super) fn confinement(
        &mut self,
    ) -> Result<(Option<SandboxSpec>, Option<UserSpec>, Option<cgroup::Cgroup>), Failure> {
        let plain_user =
            || self.user.as_ref().map(|u| UserSpec { uid: u.uid, gid: u.gid, groups: u.groups.clone() });
        if !self.sandboxed {
            hooks::run_pre_build_hook(self.job, self.context, None)?;
            return Ok((None, plain_user(), None));
        }
        let settings = self.context.store.settings();
        let whole_range = self.user.as_ref().is_some_and(|u| u.count != 1);
        if self.job.options.uses_uid_range() && !whole_range {
            return Err(Failure::misc(
                "feature 'uid-range' requires the setting 'auto-allocate-uids' to be enabled",
            ));
        }
        let in_namespace = firn_sys::namespaces::user_namespaces_enabled();
        let (map, ids, user) = match (&self.user, in_namespace) {
            (user, true) => {
                let ids =
                    if whole_range { InnerIds { uid: 0, gid: 0 } } else { InnerIds { uid: 1000, gid: 100 } };
                let (outer_uid, outer_gid, count) =
                    user.as_ref().map_or((effective_uid(), effective_gid(), 1), |u| (u.uid, u.gid, u.count));
                let map = IdMap { inner_uid: ids.uid, inner_gid: ids.gid, outer_uid, outer_gid, count };
                (Some(map), ids, Some(UserSpec { uid: ids.uid, gid: ids.gid, groups: Vec::new() }))
            }
            (Some(user), false) => (None, InnerIds { uid: user.uid, gid: user.gid }, plain_user()),
            (None, false) => {
                let why = firn_sys::namespaces::why_forbidden(rustix::io::Errno::PERM);
                return Err(Failure::misc(format!(
                    "cannot perform a sandboxed build because user namespaces are not enabled; check /proc/sys/user/max_user_namespaces{why}"
                )));
            }
        };
        let mut visible = self.input_closure.clone();
        let mut binds = binds(self.job, self.context, &self.dir, &mut visible)?;
        let root = self.context.roots.take(self.context, self.user.as_ref(), &visible)?;
        for (target, path) in hooks::run_pre_build_hook(self.job, self.context, Some(&root.mount_point()))? {
            binds.push(Bind { source: path.source.into(), target: target.into(), ..Bind::default() });
        }
        if !binds.iter().any(|b| b.target == Path::new("/tmp")) {
            binds.insert(0, Bind { source: root.tmp(), target: "/tmp".into(), ..Bind::default() });
        }
        self.has_shell = binds.iter().any(|b| ["/bin/sh", "/bin"].iter().any(|t| b.target == Path::new(t)));
        let group = self.control_group(whole_range)?;
        let spec = SandboxSpec {
            root: root.mount_point(),
            files: etc_files(self.job, self.context, ids)?,
            user_namespace: map,
            private_network: self.job.drv.derivation_type()?.is_sandboxed(),
            cgroup: group.as_ref().map(|g| g.path().to_owned()),
            store_dir: PathBuf::from(self.context.store.dir().as_str()),
            store_source: root.store(),
            store_paths: real_paths(self.context, &visible),
            read_only_store_paths: self.user.is_none(),
            own_dev: !binds.iter().any(|b| b.target == Path::new("/dev")),
            binds,
            kvm: settings.system_features().contains("kvm"),
            shm_size: settings.sandbox_dev_shm_size().to_owned(),
            mount_sys: whole_range,
            lock_root: !self.job.options.uses_uid_range(),
        };
        self.root = Some(root);
        Ok((Some(spec), user, group))
    }

    pub(super) fn control_group(&self, whole_range: bool) -> Result<Option<cgroup::Cgroup>, Failure> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let settings = self.context.store.settings();
        if !whole_range && !settings.use_cgroups() {
            return Ok(None);
        }
        settings.require(firn_settings::Feature::Cgroups, "").map_err(|e| Failure::misc(e.to_string()))?;
        let mount =
            cgroup::mount_point().ok_or_else(|| Failure::misc("cannot determine the cgroups file system"))?;
        let parent = mount.join(cgroup::current().unwrap_or_default());
        if !parent.is_dir() {
            return Err(Failure::misc(format!("expected cgroup directory \"{}\"", parent.display())));
        }
        let name = match &self.user {
            Some(user) => format!("nix-build-uid-{}", user.uid),
            None => format!("nix-build-pid-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)),
        };
        let path = parent.join(name);
        if let Some(user) = &self.user {
            let record = self.context.store.config().state_dir.join("cgroups");
            std::fs::create_dir_all(&record).map_err(|e| Failure::io("creating directory", &record, &e))?;
            let record = record.join(user.uid.to_string());
            if let Ok(previous) = std::fs::read_to_string(&record) {
                cgroup::destroy(Path::new(previous.trim()));
            }
            std::fs::write(&record, path.display().to_string())
                .map_err(|e| Failure::io("writing file", &record, &e))?;
        }
        Ok(Some(cgroup::Cgroup::create(&path, self.user.as_ref().map(|u| (u.uid, u.gid)))?))
    }
}
