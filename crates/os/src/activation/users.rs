//! Users and groups: merging what is declared into `/etc/passwd`, `/etc/group`, `/etc/shadow`, `/etc/subuid` and `/etc/subgid`.
//!
//! `/var/lib/nixos` remembers which names were declared (`declarative-users`, `declarative-groups`) and which numbers they had
//! (`uid-map`, `gid-map`), so that a user who comes back has the old number, and nobody else ever gets it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

use serde::Deserialize;

use super::crypt;
use crate::{Error, Say, files};

/// What is declared.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Spec {
    /// Whether what was changed by hand stays.
    pub mutable_users: bool,
    /// Users.
    pub users: Vec<User>,
    /// Groups.
    pub groups: Vec<Group>,
}

/// A declared user.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)] // the fields are the options of `users.users.<name>`
pub struct User {
    pub name: String,
    pub uid: Option<u32>,
    pub group: String,
    pub description: String,
    pub home: String,
    pub home_mode: String,
    pub create_home: bool,
    pub is_system_user: bool,
    pub shell: Option<String>,
    pub hashed_password: Option<String>,
    pub password: Option<String>,
    pub hashed_password_file: Option<String>,
    pub initial_hashed_password: Option<String>,
    pub initial_password: Option<String>,
    pub expires: Option<String>,
    pub auto_sub_uid_gid_range: bool,
    pub sub_uid_ranges: Vec<Range>,
    pub sub_gid_ranges: Vec<Range>,
    pub linger: bool,
}

/// A declared group.
#[derive(Debug, Default, Deserialize)]
#[allow(missing_docs)] // the fields are the options of `users.groups.<name>`
pub struct Group {
    pub name: String,
    pub gid: Option<u32>,
    pub members: Vec<String>,
}

/// Numbers for user namespaces.
#[derive(Debug, Deserialize)]
#[allow(missing_docs)]
pub struct Range {
    pub start: u32,
    pub count: u32,
}

/// The lines of a file of fields with colons, by their first field, in their order.
#[derive(Default)]
struct Table {
    order: Vec<String>,
    rows: BTreeMap<String, Vec<String>>,
}

impl Table {
    fn read(path: &Path, fields: usize) -> Result<Table, Error> {
        let mut table = Table::default();
        for line in files::text_or_empty(path)?.lines() {
            let mut row: Vec<String> = line.split(':').map(str::to_owned).collect();
            if row[0].is_empty() || row[0].starts_with('#') {
                continue;
            }
            row.resize(fields, String::new());
            table.set(row);
        }
        Ok(table)
    }

    fn set(&mut self, row: Vec<String>) {
        if self.rows.insert(row[0].clone(), row.clone()).is_none() {
            self.order.push(row[0].clone());
        }
    }

    fn get(&self, name: &str) -> Option<&Vec<String>> {
        self.rows.get(name)
    }

    fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.order.retain(|n| keep(n));
        self.rows.retain(|n, _| keep(n));
    }

    fn text(&self) -> String {
        self.order.iter().map(|n| format!("{}\n", self.rows[n].join(":"))).collect()
    }
}

/// Numbers of names, for giving files to them.
pub struct Names {
    users: Table,
    groups: Table,
}

impl Names {
    /// Reads the names of the machine at `root`.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn read(root: &Path) -> Result<Names, Error> {
        Ok(Names {
            users: Table::read(&root.join("etc/passwd"), 7)?,
            groups: Table::read(&root.join("etc/group"), 4)?,
        })
    }

    /// The number of a user, given by name or number.
    ///
    /// # Errors
    /// There is no such user.
    pub fn user(&self, name: &str) -> Result<u32, Error> {
        number(&self.users, name).ok_or_else(|| Error::Other(format!("there is no user '{name}'")))
    }

    /// The number of a group, given by name or number.
    ///
    /// # Errors
    /// There is no such group.
    pub fn group(&self, name: &str) -> Result<u32, Error> {
        number(&self.groups, name).ok_or_else(|| Error::Other(format!("there is no group '{name}'")))
    }
}

fn number(table: &Table, name: &str) -> Option<u32> {
    name.parse().ok().or_else(|| table.get(name)?[2].parse().ok()).or_else(|| (name == "root").then_some(0))
}

/// Numbers that were given out, in a file of JSON.
type Numbers = BTreeMap<String, u32>;

fn read_numbers(path: &Path) -> Result<Numbers, Error> {
    let text = files::text_or_empty(path)?;
    if text.trim().is_empty() {
        return Ok(Numbers::new());
    }
    serde_json::from_str(&text).map_err(|e| Error::Format { path: path.to_owned(), why: e.to_string() })
}

fn write_if_changed(path: &Path, text: &str, mode: u32) -> Result<(), Error> {
    if files::text_or_empty(path)? == text && path.exists() {
        return Ok(());
    }
    files::write(path, text.as_bytes(), mode)
}

fn names_in(path: &Path) -> Result<BTreeSet<String>, Error> {
    Ok(files::text_or_empty(path)?.split_whitespace().map(str::to_owned).collect())
}

/// The highest number from 999 down to 400, or the lowest from 1000 on, that nobody has or had.
fn free(used: &BTreeSet<u32>, system: bool) -> Result<u32, Error> {
    let found = if system {
        (400..=999).rev().find(|n| !used.contains(n))
    } else {
        (1000..30000).find(|n| !used.contains(n))
    };
    found.ok_or_else(|| Error::Other("all numbers for users are taken".to_owned()))
}

/// Whether a field may stand in such a file.
fn check(what: &str, name: &str, field: &str) -> Result<(), Error> {
    if field.contains([':', '\n', '\0']) {
        return Err(Error::Other(format!("{what} of '{name}' holds a colon or a line break")));
    }
    Ok(())
}

/// Brings the files of the machine at `root` to what is declared.
///
/// # Errors
/// A file that cannot be read or written; nothing is written then that others depend on.
pub fn update(root: &Path, spec: &Spec, say: &mut dyn Say) -> Result<(), Error> {
    let etc = root.join("etc");
    let state = root.join("var/lib/nixos");
    files::folder(&etc)?;
    files::folder(&state)?;

    let groups = update_groups(&etc, &state, spec)?;
    let uids = update_users(root, &etc, &state, spec, &groups, say)?;
    update_sub_ids(&etc, &state, spec)?;
    for user in &spec.users {
        prepare_home(root, user, uids.get(&user.name), &groups)?;
    }
    Ok(())
}

fn update_groups(etc: &Path, state: &Path, spec: &Spec) -> Result<Table, Error> {
    let (map_file, declared_file, file) =
        (state.join("gid-map"), state.join("declarative-groups"), etc.join("group"));
    let mut numbers = read_numbers(&map_file)?;
    let before = names_in(&declared_file)?;
    let mut table = Table::read(&file, 4)?;
    let declared: BTreeSet<&str> = spec.groups.iter().map(|g| g.name.as_str()).collect();
    table.retain(|n| declared.contains(n) || (spec.mutable_users && !before.contains(n)));
    let mut used: BTreeSet<u32> = table.rows.values().filter_map(|r| r[2].parse().ok()).collect();
    used.extend(numbers.values());
    used.extend(spec.groups.iter().filter_map(|g| g.gid));
    for group in &spec.groups {
        check("the name", &group.name, &group.name)?;
        let old = table.get(&group.name);
        let known = group
            .gid
            .or_else(|| old.and_then(|r| r[2].parse().ok()))
            .or_else(|| numbers.get(&group.name).copied());
        let gid = match known {
            Some(gid) => gid,
            None => free(&used, true)?,
        };
        used.insert(gid);
        numbers.insert(group.name.clone(), gid);
        let mut members: Vec<String> = group.members.clone();
        if spec.mutable_users {
            if let Some(row) = old {
                members.extend(row[3].split(',').filter(|m| !m.is_empty()).map(str::to_owned));
            }
        }
        members.sort();
        members.dedup();
        table.set(vec![group.name.clone(), "x".into(), gid.to_string(), members.join(",")]);
    }
    write_if_changed(&map_file, &json(&numbers), 0o644)?;
    let all: String = declared.iter().map(|n| format!("{n} ")).collect();
    write_if_changed(&declared_file, all.trim_end(), 0o644)?;
    write_if_changed(&file, &table.text(), 0o644)?;
    Ok(table)
}

fn json(numbers: &Numbers) -> String {
    serde_json::to_string(numbers).unwrap_or_default()
}

fn update_users(
    root: &Path,
    etc: &Path,
    state: &Path,
    spec: &Spec,
    groups: &Table,
    say: &mut dyn Say,
) -> Result<Numbers, Error> {
    let (map_file, declared_file) = (state.join("uid-map"), state.join("declarative-users"));
    let (passwd, shadow) = (etc.join("passwd"), etc.join("shadow"));
    let mut numbers = read_numbers(&map_file)?;
    let before = names_in(&declared_file)?;
    let mut table = Table::read(&passwd, 7)?;
    let mut secrets = Table::read(&shadow, 9)?;
    let declared: BTreeSet<&str> = spec.users.iter().map(|u| u.name.as_str()).collect();
    let existed: BTreeSet<String> = table.order.iter().cloned().collect();
    table.retain(|n| declared.contains(n) || (spec.mutable_users && !before.contains(n)));
    let mut used: BTreeSet<u32> = table.rows.values().filter_map(|r| r[2].parse().ok()).collect();
    used.extend(numbers.values());
    used.extend(spec.users.iter().filter_map(|u| u.uid));
    for user in &spec.users {
        for (what, field) in
            [("the name", &user.name), ("the description", &user.description), ("the home", &user.home)]
        {
            check(what, &user.name, field)?;
        }
        let old = table.get(&user.name).cloned();
        let known = user
            .uid
            .or_else(|| old.as_ref().and_then(|r| r[2].parse().ok()))
            .or_else(|| numbers.get(&user.name).copied());
        let uid = match known {
            Some(uid) => uid,
            None => free(&used, user.is_system_user)?,
        };
        used.insert(uid);
        numbers.insert(user.name.clone(), uid);
        let gid = number(groups, &user.group).unwrap_or_else(|| {
            say.say(&format!("warning: user '{}' has unknown group '{}'", user.name, user.group));
            65534
        });
        // With mutable users a shell that was chosen by hand would stay only where none is declared.
        let shell =
            user.shell.clone().or_else(|| old.map(|r| r[6].clone())).unwrap_or_else(|| "/bin/sh".to_owned());
        table.set(vec![
            user.name.clone(),
            "x".into(),
            uid.to_string(),
            gid.to_string(),
            user.description.clone(),
            user.home.clone(),
            shell,
        ]);
        let hash = password(root, user, spec.mutable_users, existed.contains(&user.name), say)?;
        let expires = user.expires.as_deref().and_then(days).map(|d| d.to_string());
        let mut row = secrets.get(&user.name).cloned().unwrap_or_else(|| {
            let mut row = vec![String::new(); 9];
            row[0].clone_from(&user.name);
            row[1] = "!".into();
            row[2] = "1".into();
            row
        });
        if let Some(hash) = hash {
            row[1] = hash;
        }
        row[7] = expires.unwrap_or_default();
        secrets.set(row);
    }
    secrets.retain(|n| table.rows.contains_key(n));
    write_if_changed(&map_file, &json(&numbers), 0o644)?;
    let all: String = declared.iter().map(|n| format!("{n} ")).collect();
    write_if_changed(&declared_file, all.trim_end(), 0o644)?;
    // Who has a secret but no entry cannot log in; who has an entry but no secret could not either.
    write_if_changed(&shadow, &secrets.text(), 0o640)?;
    if let Some(gid) = number(groups, "shadow") {
        let _ = std::os::unix::fs::chown(&shadow, Some(0), Some(gid));
    }
    write_if_changed(&passwd, &table.text(), 0o644)?;
    Ok(numbers)
}

/// The hash that a user gets; none leaves what there is.
fn password(
    root: &Path,
    user: &User,
    mutable: bool,
    existed: bool,
    say: &mut dyn Say,
) -> Result<Option<String>, Error> {
    if mutable && existed {
        return Ok(None);
    }
    let hash = |plain: &String| -> Result<String, Error> {
        let mut random = [0; 16];
        let source = Path::new("/dev/urandom");
        std::fs::File::open(source)
            .and_then(|mut f| f.read_exact(&mut random))
            .map_err(Error::file("reading", source))?;
        Ok(crypt::sha512_crypt(plain, &crypt::salt(&random)))
    };
    if let Some(file) = &user.hashed_password_file {
        let path = root.join(file.trim_start_matches('/'));
        match std::fs::read_to_string(&path) {
            Ok(text) => return Ok(Some(text.lines().next().unwrap_or("!").to_owned())),
            Err(_) => say.say(&format!("warning: password file '{file}' does not exist")),
        }
    }
    let declared = match (&user.hashed_password, &user.password) {
        (Some(done), _) => Some(done.clone()),
        (None, Some(plain)) => Some(hash(plain)?),
        (None, None) => None,
    };
    if declared.is_some() || existed {
        return Ok(declared.or_else(|| (!mutable).then(|| initial_hash(user)).flatten()));
    }
    match (&user.initial_hashed_password, &user.initial_password) {
        (_, Some(plain)) => hash(plain).map(Some),
        (Some(done), None) => Ok(Some(done.clone())),
        (None, None) => Ok(Some("!".to_owned())),
    }
}

fn initial_hash(user: &User) -> Option<String> {
    user.initial_hashed_password.clone()
}

/// The days from 1970-01-01 to YYYY-MM-DD.
fn days(date: &str) -> Option<i64> {
    let mut parts = date.split('-').map(|p| p.parse::<i64>().ok());
    let (y, m, d) = (parts.next()??, parts.next()??, parts.next()??);
    // After Howard Hinnant's "chrono-compatible low-level date algorithms".
    let y = if m <= 2 { y - 1 } else { y };
    let era = y.div_euclid(400);
    let day_of_year = (153 * (m + if m > 2 { -3 } else { 9 }) + 2) / 5 + d - 1;
    let year_of_era = y - era * 400;
    Some(era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468)
}

/// Ranges of numbers: those declared, and one of 65536 for each user who wants one picked.
fn update_sub_ids(etc: &Path, state: &Path, spec: &Spec) -> Result<(), Error> {
    let map_file = state.join("auto-subuid-map");
    let mut picked = read_numbers(&map_file)?;
    let (mut uids, mut gids) = (String::new(), String::new());
    for user in &spec.users {
        for range in &user.sub_uid_ranges {
            uids += &format!("{}:{}:{}\n", user.name, range.start, range.count);
        }
        for range in &user.sub_gid_ranges {
            gids += &format!("{}:{}:{}\n", user.name, range.start, range.count);
        }
        if user.auto_sub_uid_gid_range {
            let start = match picked.get(&user.name) {
                Some(start) => *start,
                None => picked.values().max().map_or(100_000, |last| last + 65_536),
            };
            picked.insert(user.name.clone(), start);
            uids += &format!("{}:{start}:65536\n", user.name);
            gids += &format!("{}:{start}:65536\n", user.name);
        }
    }
    if !picked.is_empty() {
        write_if_changed(&map_file, &json(&picked), 0o644)?;
    }
    write_if_changed(&etc.join("subuid"), &uids, 0o644)?;
    write_if_changed(&etc.join("subgid"), &gids, 0o644)
}

fn prepare_home(root: &Path, user: &User, uid: Option<&u32>, groups: &Table) -> Result<(), Error> {
    if user.linger {
        let folder = root.join("var/lib/systemd/linger");
        files::folder(&folder)?;
        let file = folder.join(&user.name);
        if !file.exists() {
            files::write(&file, b"", 0o644)?;
        }
    }
    if !user.create_home {
        return Ok(());
    }
    let home = root.join(user.home.trim_start_matches('/'));
    if home.exists() {
        return Ok(());
    }
    let mode = u32::from_str_radix(&user.home_mode, 8).unwrap_or(0o700);
    files::folder_with_mode(&home, mode)?;
    match std::os::unix::fs::chown(&home, uid.copied(), number(groups, &user.group)) {
        Err(e) if rustix::process::getuid().is_root() => Err(Error::file("changing the owner of", &home)(e)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str, uid: Option<u32>) -> User {
        User {
            name: name.into(),
            uid,
            group: "users".into(),
            home: format!("/home/{name}"),
            shell: Some("/bin/sh".into()),
            ..User::default()
        }
    }

    fn spec(mutable: bool, users: Vec<User>) -> Spec {
        Spec {
            mutable_users: mutable,
            users,
            groups: vec![Group { name: "users".into(), gid: Some(100), members: vec![] }],
        }
    }

    fn run(root: &Path, spec: &Spec) -> String {
        let mut said = Vec::new();
        update(root, spec, &mut |line: &str| said.push(line.to_owned())).expect("users");
        assert!(said.is_empty(), "{said:?}");
        std::fs::read_to_string(root.join("etc/passwd")).expect("passwd")
    }

    #[test]
    fn g34_without_mutable_users_foreign_ones_go_and_numbers_come_back() {
        let dir = tempfile::tempdir().expect("a folder");
        let root = dir.path();
        let first = run(root, &spec(false, vec![user("ann", None), user("bob", None)]));
        assert_eq!(first, "ann:x:1000:100::/home/ann:/bin/sh\nbob:x:1001:100::/home/bob:/bin/sh\n");
        let passwd = root.join("etc/passwd");
        std::fs::write(&passwd, format!("{first}eve:x:1002:100::/:/bin/sh\n")).expect("a line by hand");
        assert!(!run(root, &spec(false, vec![user("bob", None)])).contains("eve"));
        // Carl does not get Ann's number; Ann gets it again.
        let later = run(root, &spec(false, vec![user("bob", None), user("carl", None), user("ann", None)]));
        assert!(later.contains("ann:x:1000:") && later.contains("carl:x:1002:"), "{later}");
    }

    #[test]
    fn with_mutable_users_foreign_ones_and_passwords_stay_and_removed_ones_go() {
        let dir = tempfile::tempdir().expect("a folder");
        let root = dir.path();
        let mut ann = user("ann", Some(1500));
        ann.initial_hashed_password = Some("$6$first".into());
        run(root, &spec(true, vec![ann, user("bob", None)]));
        let shadow = || std::fs::read_to_string(root.join("etc/shadow")).expect("shadow");
        assert!(
            shadow().contains("ann:$6$first:1::::::") && shadow().contains("bob:!:1::::::"),
            "{}",
            shadow()
        );
        std::fs::write(root.join("etc/shadow"), shadow().replace("$6$first", "$6$own"))
            .expect("a change by hand");
        let passwd = root.join("etc/passwd");
        let text = std::fs::read_to_string(&passwd).expect("passwd") + "eve:x:2000:100::/:/bin/sh\n";
        std::fs::write(&passwd, text).expect("a line by hand");
        let mut again = user("ann", Some(1500));
        again.initial_hashed_password = Some("$6$other".into());
        let after = run(root, &spec(true, vec![again]));
        assert!(after.contains("eve") && !after.contains("bob"), "{after}");
        assert!(shadow().contains("ann:$6$own:"), "{}", shadow());
    }

    #[test]
    fn system_users_count_down_and_plain_passwords_are_hashed() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut service = user("service", None);
        service.is_system_user = true;
        service.password = Some("secret".into());
        service.expires = Some("2000-03-01".into());
        let text = run(dir.path(), &spec(false, vec![service]));
        assert!(text.starts_with("service:x:999:100:"), "{text}");
        let shadow = std::fs::read_to_string(dir.path().join("etc/shadow")).expect("shadow");
        assert!(shadow.starts_with("service:$6$") && shadow.contains(":11017:"), "{shadow}");
    }

    #[test]
    fn a_colon_is_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut bad = user("ann", None);
        bad.description = "a:b".into();
        assert!(update(dir.path(), &spec(false, vec![bad]), &mut |_: &str| ()).is_err());
    }
}
