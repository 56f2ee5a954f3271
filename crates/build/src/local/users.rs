//! Under which user id a build runs when the caller is root: a member of the build group, or an id of a range that is set
//! aside for builds. The id is locked for the time of the build, so that no two builds share one.

use std::fs::File;
use std::ops::RangeInclusive;
use std::path::Path;

use firn_settings::Settings;
use firn_store::LocalStore;
use firn_sys::lock::{LockKind, lock_file, open_lock_file};
use firn_sys::users::{UserDatabase, effective_uid};

use super::root::set_mode;
use crate::error::Failure;

/// How many ids a build with the feature `uid-range` gets, and how far the first ids of builds are apart.
pub(crate) const IDS_PER_BUILD: u32 = 65536;

/// An id that this process holds.
#[derive(Debug)]
pub(crate) struct UserLock {
    _lock: File,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// How many ids from `uid` and `gid` on.
    pub(crate) count: u32,
    pub(crate) groups: Vec<u32>,
    /// The group of all builds with ids of the range.
    range_group: Option<u32>,
}

impl UserLock {
    /// The ids that files of the build may belong to.
    pub(crate) fn uids(&self) -> RangeInclusive<u32> {
        self.uid..=self.uid + (self.count - 1)
    }

    /// Lets the build make files in the store directory, as members of the group `nixbld` may: by a group of all builds,
    /// in a sticky folder. A directory that another group may write to keeps that group.
    pub(crate) fn open_store(&mut self, store: &LocalStore) -> Result<(), Failure> {
        use std::os::unix::fs::MetadataExt;
        let (Some(group), dir) = (self.range_group, &store.config().real_dir) else { return Ok(()) };
        let meta = dir.metadata().map_err(|e| Failure::io("getting status of", dir, &e))?;
        if meta.gid() != group && meta.mode() & 0o020 == 0 {
            std::os::unix::fs::chown(dir, None, Some(group))
                .map_err(|e| Failure::io("changing the group of", dir, &e))?;
        } else if meta.gid() != group {
            return Ok(());
        }
        if meta.mode() & 0o7777 != 0o1775 {
            set_mode(dir, 0o1775)?;
        }
        if !self.groups.contains(&group) {
            self.groups.push(group);
        }
        Ok(())
    }
}

/// Where ids of builds come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum UserSource {
    /// Builds run as the caller.
    Caller,
    /// From the members of a group.
    Group(String),
    /// From a range.
    Range,
}

/// Decides where ids come from. Only root can give builds another id. The group is the setting's; where that was left alone
/// and there is no such group, a range is used, so that builds never run as root for want of a set-up.
pub(crate) fn source(settings: &Settings, users: &UserDatabase) -> UserSource {
    if effective_uid() != 0 {
        return UserSource::Caller;
    }
    if settings.auto_allocate_uids() {
        return UserSource::Range;
    }
    let explicit = settings.overridden("build-users-group");
    match settings.build_users_group() {
        "" if explicit => UserSource::Caller,
        "" => range_or_caller(settings),
        group if !explicit && users.group(group).is_none() => range_or_caller(settings),
        group => UserSource::Group(group.to_owned()),
    }
}

/// The range, unless this root is one of a user namespace that has none of its ids: such a root can build as itself only.
fn range_or_caller(settings: &Settings) -> UserSource {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let start = settings.start_id();
    if map.is_empty() || is_mapped(&map, start) { UserSource::Range } else { UserSource::Caller }
}

/// Whether an id is in a map of ids as the kernel prints it: lines of first id inside, first id outside, count.
fn is_mapped(map: &str, id: u64) -> bool {
    map.lines().any(|line| {
        let mut numbers = line.split_ascii_whitespace().map(|n| n.parse::<u64>().unwrap_or(0));
        let (first, _, count) = (numbers.next(), numbers.next(), numbers.next());
        matches!((first, count), (Some(first), Some(count)) if id >= first && id - first < count)
    })
}

/// Takes a free id; `None` if all are in use.
pub(crate) fn acquire(
    source: &UserSource,
    settings: &Settings,
    users: &UserDatabase,
    state_dir: &Path,
    uid_range: bool,
) -> Result<Option<UserLock>, Failure> {
    match source {
        UserSource::Caller => Ok(None),
        UserSource::Group(group) => from_group(group, users, &state_dir.join("userpool")),
        UserSource::Range => {
            let count = if uid_range { IDS_PER_BUILD } else { 1 };
            from_range(settings, users, &state_dir.join("userpool2"), count)
        }
    }
}

fn make_pool(pool: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(pool).map_err(|e| Failure::io("creating directory", pool, &e))
}

fn try_take(path: &Path) -> Result<Option<File>, Failure> {
    let file = open_lock_file(path)?;
    Ok(lock_file(&file, LockKind::Exclusive, false)?.then_some(file))
}

fn from_group(name: &str, users: &UserDatabase, pool: &Path) -> Result<Option<UserLock>, Failure> {
    let group = users.group(name).ok_or_else(|| {
        Failure::misc(format!("the group '{name}' specified in 'build-users-group' does not exist"))
    })?;
    if group.members.is_empty() {
        return Err(Failure::misc(format!("the build users group '{name}' has no members")));
    }
    make_pool(pool)?;
    for member in &group.members {
        let user = users.user(member).ok_or_else(|| {
            Failure::misc(format!("the user '{member}' in the group '{name}' does not exist"))
        })?;
        if user.uid == effective_uid() || user.uid == 0 {
            return Err(Failure::misc(format!("the Nix user should not be a member of '{name}'")));
        }
        if let Some(lock) = try_take(&pool.join(user.uid.to_string()))? {
            let mut groups: Vec<u32> = users.groups_of(member).map(|g| g.gid).chain([user.gid]).collect();
            groups.retain(|g| *g != group.gid);
            groups.sort_unstable();
            groups.dedup();
            return Ok(Some(UserLock {
                _lock: lock,
                uid: user.uid,
                gid: group.gid,
                count: 1,
                groups,
                range_group: None,
            }));
        }
    }
    Ok(None)
}

fn from_range(
    settings: &Settings,
    users: &UserDatabase,
    pool: &Path,
    count: u32,
) -> Result<Option<UserLock>, Failure> {
    let start = u32::try_from(settings.start_id()).unwrap_or(u32::MAX);
    let slots = u32::try_from(settings.id_count() / u64::from(IDS_PER_BUILD)).unwrap_or(0);
    make_pool(pool)?;
    for slot in 0..slots {
        let Some(uid) =
            slot.checked_mul(IDS_PER_BUILD).and_then(|n| start.checked_add(n)).filter(|u| *u != 0)
        else {
            break;
        };
        if let Some(lock) = try_take(&pool.join(format!("slot-{slot}")))? {
            if let Some(user) = users.user_of_uid(uid) {
                return Err(Failure::misc(format!(
                    "auto-allocated UID {uid} clashes with existing user account '{}'",
                    user.name
                )));
            }
            let (groups, range_group) = (Vec::new(), Some(start));
            return Ok(Some(UserLock { _lock: lock, uid, gid: uid, count, groups, range_group }));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::is_mapped;

    #[test]
    fn maps_of_ids() {
        let one = "         0       1000          1\n";
        let all = "         0          0 4294967295\n";
        let two = "0 1000 1\n1 100000 65536\n";
        assert!(is_mapped(all, 872_415_232));
        assert!(!is_mapped(one, 872_415_232) && is_mapped(one, 0));
        assert!(is_mapped(two, 65_536) && !is_mapped(two, 65_537));
        assert!(!is_mapped("", 0) && !is_mapped("what is this\n", 7));
    }
}
