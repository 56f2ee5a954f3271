//! What a change of `/etc/fstab` asks for.

use std::collections::BTreeMap;

/// A mounted file system as a line of fstab has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    device: String,
    kind: String,
    options: String,
}

/// The lines of an fstab.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Fstab {
    /// File systems by where they are mounted.
    pub mounts: BTreeMap<String, Mount>,
    /// Devices for swapping, with their options.
    pub swaps: BTreeMap<String, String>,
}

impl Fstab {
    /// Reads an fstab; lines that are no entries are passed over.
    pub fn parse(text: &str) -> Fstab {
        let mut out = Fstab::default();
        for line in text.lines().filter(|l| !l.trim_start().starts_with('#')) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [device, place, kind, rest @ ..] = fields.as_slice() else { continue };
            let options = rest.first().copied().unwrap_or("defaults").to_owned();
            if *kind == "swap" {
                out.swaps.insert((*device).to_owned(), options);
            } else {
                out.mounts.insert(
                    (*place).to_owned(),
                    Mount { device: (*device).to_owned(), kind: (*kind).to_owned(), options },
                );
            }
        }
        out
    }
}

/// What is to be done.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Mount units that end.
    pub stop: Vec<String>,
    /// Mount units that are mounted anew.
    pub restart: Vec<String>,
    /// Mount units with other options.
    pub reload: Vec<String>,
    /// Devices no longer used for swapping.
    pub swap_off: Vec<String>,
}

/// Compares two fstabs.
pub fn compare(old: &Fstab, new: &Fstab) -> Changes {
    let mut out = Changes::default();
    for (place, before) in &old.mounts {
        let unit = mount_unit(place);
        // What the machine itself stands on cannot be taken from under it.
        let fixed = matches!(place.as_str(), "/" | "/nix" | "/nix/store");
        match new.mounts.get(place) {
            None if !fixed => out.stop.push(unit),
            Some(after) if !fixed && (before.device != after.device || before.kind != after.kind) => {
                out.restart.push(unit)
            }
            Some(after) if before.options != after.options => out.reload.push(unit),
            _ => {}
        }
    }
    out.swap_off = old.swaps.keys().filter(|d| !new.swaps.contains_key(*d)).cloned().collect();
    out
}

/// The unit of a mount: `/var/lib` is `var-lib.mount`.
pub fn mount_unit(place: &str) -> String {
    let trimmed = place.trim_matches('/');
    if trimmed.is_empty() {
        return "-.mount".to_owned();
    }
    let mut out = String::new();
    for (at, byte) in trimmed.bytes().enumerate() {
        match byte {
            b'/' => out.push('-'),
            b'.' if at == 0 => out += "\\x2e",
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b':' | b'_' | b'.' => out.push(char::from(byte)),
            other => out += &format!("\\x{other:02x}"),
        }
    }
    out + ".mount"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g20_what_changes_of_fstab_ask_for() {
        let old = Fstab::parse(
            "# c\n/dev/a / ext4 defaults 0 1\n/dev/b /b ext4 ro 0 2\n/dev/c /c-d ext4\n/dev/d /d ext4 x\n/dev/e /e vfat x\n/swap none swap defaults\n",
        );
        let new = Fstab::parse(
            "/dev/z / ext4 noatime 0 1\n/dev/b /b ext4 rw 0 2\n/dev/y /d ext4 x\n/dev/e /e ext4 x\n",
        );
        let changes = compare(&old, &new);
        assert_eq!(changes.reload, ["-.mount", "b.mount"]);
        assert_eq!(changes.restart, ["d.mount", "e.mount"]);
        assert_eq!(changes.stop, ["c\\x2dd.mount"]);
        assert_eq!(changes.swap_off, ["/swap"]);
        assert_eq!(compare(&new, &new), Changes::default());
        assert_eq!(mount_unit("/.a/b c"), "\\x2ea-b\\x20c.mount");
    }
}
