//! Making and opening a local store: folders, reserved space, the big lock, the schema.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use firn_events::{Events, Level};
use firn_settings::Feature;
use rustix::fs::{Access, Gid, Mode, Uid, access};

use crate::config::LocalConfig;
use crate::db::{self, Database};
use crate::error::{Context, Result, StoreError};
use crate::locks::{LockKind, lock, open_lock_file, try_lock, unlock};

fn make_dir(path: &Path) -> Result<()> {
    std::fs::create_dir_all(path).context("creating directory", path)
}

/// Makes the folders of a store that are missing.
pub(crate) fn make_directories(config: &LocalConfig, events: &Events) -> Result<()> {
    make_dir(&config.real_dir)?;
    give_to_build_users(config, events)?;
    make_dir(&config.links_dir())?;
    for sub in ["profiles/per-user", "gcroots/per-user"] {
        let path = config.state_dir.join(sub);
        make_dir(&path)?;
        let mode = path.metadata().context("getting status of", &path)?.mode() & 0o777;
        if mode != 0o755 {
            rustix::fs::chmod(&path, Mode::from_raw_mode(0o755)).context("setting permissions on", &path)?;
        }
    }
    for sub in ["temproots", "db"] {
        make_dir(&config.state_dir.join(sub))?;
    }
    // its failure is no reason not to open the store: it only makes a full disk harder to clean
    let _ = reserve_space(config);
    Ok(())
}

/// In an installation with build users, the store belongs to root and their group, which may make files in it.
fn give_to_build_users(config: &LocalConfig, events: &Events) -> Result<()> {
    let group = config.settings.build_users_group();
    if !rustix::process::getuid().is_root() || group.is_empty() {
        return Ok(());
    }
    let Some(gid) = group_id(group) else {
        // the default names it on every machine, also where it is not wanted
        if config.settings.overridden("build-users-group") || group != "nixbld" {
            events.warn(format!("the group '{group}' specified in 'build-users-group' does not exist"));
        }
        return Ok(());
    };
    let dir = &config.real_dir;
    let meta = dir.metadata().context("getting status of", dir)?;
    if meta.uid() != 0 || meta.gid() != gid || meta.mode() & 0o7777 != 0o1775 {
        rustix::fs::chown(dir, Some(Uid::ROOT), Some(Gid::from_raw(gid)))
            .context("changing owner of", dir)?;
        rustix::fs::chmod(dir, Mode::from_raw_mode(0o1775)).context("setting permissions on", dir)?;
    }
    Ok(())
}

/// The number of a group in `/etc/group`.
fn group_id(name: &str) -> Option<u32> {
    let text = std::fs::read_to_string("/etc/group").ok()?;
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.nth(1)?.parse().ok())?
    })
}

/// Fails if the store or a folder above it is a symbolic link: builders would see other paths than they were told.
pub(crate) fn refuse_symlinks(real_dir: &Path) -> Result<()> {
    for path in real_dir.ancestors() {
        if path.symlink_metadata().is_ok_and(|m| m.is_symlink()) {
            return Err(StoreError::SymlinkedStore(path.to_owned()));
        }
    }
    Ok(())
}

/// A file that the garbage collector deletes first, because SQLite cannot be opened on a full disk.
fn reserve_space(config: &LocalConfig) -> std::io::Result<()> {
    let path = config.db_dir().join("reserved");
    let size = config.settings.gc_reserved_space();
    if path.symlink_metadata().is_ok_and(|m| m.len() == size) {
        return Ok(());
    }
    let file = File::options().write(true).create(true).truncate(false).open(&path)?;
    rustix::fs::fchmod(&file, Mode::from_raw_mode(0o600))?;
    if size > 0 {
        rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, size)?;
    }
    file.set_len(size)
}

fn read_schema(path: &Path) -> Result<u32> {
    match std::fs::read_to_string(path) {
        Ok(text) => text.trim().parse().map_err(|_| StoreError::SchemaCorrupt(path.to_owned())),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(0),
        Err(e) => Err(e).context("reading file", path),
    }
}

/// Writes beside and renames, synced, so that the file is never half.
fn write_schema(path: &Path) -> Result<()> {
    use std::io::Write;
    let beside = path.with_extension(format!("tmp-{}", std::process::id()));
    let mut file = File::create(&beside).context("creating file", &beside)?;
    file.write_all(db::SCHEMA.to_string().as_bytes()).context("writing to", &beside)?;
    file.sync_all().context("syncing", &beside)?;
    std::fs::rename(&beside, path).context("renaming", path)
}

/// Opens the database, making or upgrading it; the lock is held shared by whoever has it open.
pub(crate) fn open_database(config: &LocalConfig, events: &Events) -> Result<(Database, Option<File>)> {
    let dir = config.db_dir();
    let schema_path = dir.join("schema");
    let options = |mode| db::Options {
        mode,
        wal: config.settings.use_sqlite_wal(),
        fsync: config.settings.fsync_metadata(),
    };
    let open = |mode| Database::open(&dir, config.store_dir.clone(), options(mode), events.clone());
    if config.read_only {
        return match read_schema(&schema_path)? {
            db::SCHEMA => Ok((open(db::Mode::Immutable)?, None)),
            0 => Err(StoreError::ReadOnlyNoDatabase),
            found if found > db::SCHEMA => Err(StoreError::SchemaTooNew { found, supported: db::SCHEMA }),
            found => Err(StoreError::SchemaTooOld(found)),
        };
    }
    access(&dir, Access::READ_OK | Access::WRITE_OK)
        .map_err(|e| StoreError::NotWritable { path: dir.clone(), source: e.into() })?;
    let lock_path = dir.join("big-lock");
    let big_lock = open_lock_file(&lock_path)?;
    let share = |message: &str| -> Result<()> {
        if !try_lock(&big_lock, LockKind::Shared)? {
            events.message(Level::Info, message);
            lock(&big_lock, LockKind::Shared)?;
        }
        Ok(())
    };
    let alone = || -> Result<()> {
        if !try_lock(&big_lock, LockKind::Exclusive)? {
            events.message(Level::Info, "waiting for exclusive access to the Nix store...");
            // two that hold it shared and both want it alone would wait for each other
            unlock(&big_lock);
            lock(&big_lock, LockKind::Exclusive)?;
        }
        Ok(())
    };
    share("waiting for the big Nix store lock...")?;
    let db = match read_schema(&schema_path)? {
        0 => {
            alone()?;
            let db = open(db::Mode::Create)?;
            if read_schema(&schema_path)? == 0 {
                write_schema(&schema_path)?;
            }
            db
        }
        db::SCHEMA => open(db::Mode::Existing)?,
        found if found > db::SCHEMA => {
            return Err(StoreError::SchemaTooNew { found, supported: db::SCHEMA });
        }
        found if found < 6 => return Err(StoreError::SchemaTooOld(found)),
        _ => {
            alone()?;
            let db = open(db::Mode::Existing)?;
            let now = read_schema(&schema_path)?;
            if now < db::SCHEMA {
                db.upgrade_from(now)?;
                write_schema(&schema_path)?;
            }
            db
        }
    };
    let ca = config.settings.enabled(Feature::CaDerivations);
    if db.missing_migrations(ca)? {
        alone()?;
        db.migrate(ca)?;
    }
    lock(&big_lock, LockKind::Shared)?;
    Ok((db, Some(big_lock)))
}
