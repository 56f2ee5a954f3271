//! The system's users and groups, read from `/etc/passwd` and `/etc/group`: a static program has no other name service.

use std::path::Path;

/// A line of `/etc/passwd`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: String,
    /// The user id.
    pub uid: u32,
    /// The primary group.
    pub gid: u32,
    /// The home folder.
    pub home: String,
    /// The login shell.
    pub shell: String,
}

/// A line of `/etc/group`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The name.
    pub name: String,
    /// The group id.
    pub gid: u32,
    /// The names of its members.
    pub members: Vec<String>,
}

/// Users and groups, in the order of the files. Lines that are not well formed are left out.
#[derive(Clone, Debug, Default)]
pub struct UserDatabase {
    /// The users.
    pub users: Vec<User>,
    /// The groups.
    pub groups: Vec<Group>,
}

impl UserDatabase {
    /// Reads `/etc/passwd` and `/etc/group`; files that are missing count as empty.
    pub fn load() -> UserDatabase {
        let read = |p: &str| {
            std::fs::read(Path::new(p)).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default()
        };
        UserDatabase::parse(&read("/etc/passwd"), &read("/etc/group"))
    }

    /// Parses the text of both files.
    pub fn parse(passwd: &str, group: &str) -> UserDatabase {
        let users = passwd.lines().filter_map(|l| {
            let f: Vec<&str> = l.split(':').collect();
            let [name, _, uid, gid, _, home, shell] = f.as_slice() else { return None };
            Some(User {
                name: (*name).to_owned(),
                uid: uid.parse().ok()?,
                gid: gid.parse().ok()?,
                home: (*home).to_owned(),
                shell: (*shell).to_owned(),
            })
        });
        let groups = group.lines().filter_map(|l| {
            let f: Vec<&str> = l.split(':').collect();
            let [name, _, gid, members] = f.as_slice() else { return None };
            let members = members.split(',').filter(|m| !m.is_empty()).map(str::to_owned).collect();
            Some(Group { name: (*name).to_owned(), gid: gid.parse().ok()?, members })
        });
        UserDatabase { users: users.collect(), groups: groups.collect() }
    }

    /// The user with a name.
    pub fn user(&self, name: &str) -> Option<&User> {
        self.users.iter().find(|u| u.name == name)
    }

    /// The user with an id.
    pub fn user_of_uid(&self, uid: u32) -> Option<&User> {
        self.users.iter().find(|u| u.uid == uid)
    }

    /// The group with a name.
    pub fn group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|g| g.name == name)
    }

    /// The groups that a user belongs to beside the primary one.
    pub fn groups_of<'a>(&'a self, user: &'a str) -> impl Iterator<Item = &'a Group> {
        self.groups.iter().filter(move |g| g.members.iter().any(|m| m == user))
    }
}

/// The effective user id of this process.
pub fn effective_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// The effective group id of this process.
pub fn effective_gid() -> u32 {
    rustix::process::getegid().as_raw()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_and_skips_garbage() {
        let db = UserDatabase::parse(
            "root:x:0:0:root:/root:/bin/sh\nbroken\nnixbld1:x:30001:30000::/var/empty:/sbin/nologin\nbad:x:no:0::/:/\n",
            "nixbld:x:30000:nixbld1,nixbld2\nkvm:x:78:nixbld1\nx:y\n",
        );
        assert_eq!(db.users.len(), 2);
        assert_eq!(db.user_of_uid(30001).map(|u| u.name.as_str()), Some("nixbld1"));
        assert_eq!(db.group("nixbld").map(|g| g.members.len()), Some(2));
        assert_eq!(db.groups_of("nixbld1").map(|g| g.gid).collect::<Vec<_>>(), [30000, 78]);
    }
}
