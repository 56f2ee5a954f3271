//! What changed between two lock files, in the words that users and commit messages know.

use std::fmt::Write;

use crate::lock_file::{Edge, LockFile, print_path};
use crate::reference::FlakeRef;

/// `• Added input 'x':` and so on; empty if nothing changed.
pub fn diff(old: &LockFile, new: &LockFile) -> String {
    let (before, after) = (old.all_inputs(), new.all_inputs());
    let mut paths: Vec<_> = before.keys().chain(after.keys()).collect();
    paths.sort();
    paths.dedup();
    let mut out = String::new();
    for path in paths {
        let name = print_path(path);
        let was = before.get(path).map(|edge| describe(old, edge));
        let is = after.get(path).map(|edge| describe(new, edge));
        // Writing to a string cannot fail.
        let _ = match (was, is) {
            (None, Some(is)) => writeln!(out, "• Added input '{name}':\n    {is}"),
            (Some(_), None) => writeln!(out, "• Removed input '{name}'"),
            (Some(was), Some(is)) if was != is => {
                writeln!(out, "• Updated input '{name}':\n    {was}\n  → {is}")
            }
            _ => Ok(()),
        };
    }
    out
}

fn describe(lock: &LockFile, edge: &Edge) -> String {
    match edge {
        Edge::Follows(path) => format!("follows '{}'", print_path(path)),
        Edge::Node(id) => {
            lock.nodes[*id].lock.as_ref().map(|l| describe_reference(&l.locked)).unwrap_or_default()
        }
    }
}

/// `'github:o/r/…' (2024-01-31)`
pub fn describe_reference(reference: &FlakeRef) -> String {
    match reference.input.int("lastModified") {
        Some(seconds) => format!("'{reference}' ({})", date(seconds)),
        None => format!("'{reference}'"),
    }
}

/// `2024-01-31`, in UTC, from seconds since 1970.
pub fn date(seconds: u64) -> String {
    let (year, month, day) = civil(seconds / 86_400);
    format!("{year:04}-{month:02}-{day:02}")
}

/// `23:59:59`, in UTC, from seconds since 1970.
pub fn time_of_day(seconds: u64) -> String {
    let rest = seconds % 86_400;
    format!("{:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60)
}

/// `20240131235959`, in UTC, from seconds since 1970: `lastModifiedDate`.
pub fn timestamp(seconds: u64) -> String {
    let (year, month, day) = civil(seconds / 86_400);
    let rest = seconds % 86_400;
    format!("{year:04}{month:02}{day:02}{:02}{:02}{:02}", rest / 3600, rest / 60 % 60, rest % 60)
}

/// Year, month and day of a number of days since 1970 (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn civil(days: u64) -> (u64, u64, u64) {
    let z = days + 719_468;
    let (era, day_of_era) = (z / 146_097, z % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(951_782_400), "2000-02-29");
        assert_eq!(timestamp(1_700_000_000), "20231114221320");
    }
}
