//! How long builds took, from one command to the next: what the estimate of the rest is made from.
//!
//! A file of `seconds name` lines in the cache folder, the newest last. It is only ever a help: it may be lost or stale.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// At most so many names are remembered.
const MAX: usize = 4000;

/// Seconds by the name of a derivation without its version.
#[derive(Default)]
pub(super) struct Times {
    file: Option<PathBuf>,
    known: BTreeMap<String, f64>,
    new: Vec<(String, f64)>,
}

/// What stands for a build: its name without the version, so that a new version has an estimate, too.
pub(super) fn key(name: &str) -> String {
    crate::packages::split_name(name).0
}

impl Times {
    /// Reads what is known.
    pub(super) fn load() -> Times {
        let folder = std::env::var_os("XDG_CACHE_HOME")
            .filter(|d| !d.is_empty())
            .map(PathBuf::from)
            .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
        let file = folder.map(|f| f.join("nix/build-times"));
        let text = file.as_ref().and_then(|f| std::fs::read_to_string(f).ok()).unwrap_or_default();
        Times { file, known: parse(&text), new: Vec::new() }
    }

    /// How long a build is likely to take.
    pub(super) fn of(&self, name: &str) -> Option<f64> {
        self.known.get(&key(name)).copied()
    }

    /// Remembers a build that succeeded.
    pub(super) fn add(&mut self, name: &str, seconds: f64) {
        let key = key(name);
        if key.is_empty() || key.contains(char::is_whitespace) {
            return;
        }
        // the newest counts most, a single one not alone
        let mixed = self.known.get(&key).map_or(seconds, |old| (old + 2.0 * seconds) / 3.0);
        self.known.insert(key.clone(), mixed);
        self.new.push((key, mixed));
    }

    /// Writes what was learned.
    pub(super) fn save(&mut self) {
        let Some(file) = self.file.as_ref().filter(|_| !self.new.is_empty()) else { return };
        // others may have written meanwhile
        let mut all = parse(&std::fs::read_to_string(file).unwrap_or_default());
        all.extend(self.new.drain(..));
        while all.len() > MAX {
            all.pop_first();
        }
        let text: String = all.iter().map(|(name, s)| format!("{s:.1} {name}\n")).collect();
        let beside = file.with_extension(format!("tmp-{}", std::process::id()));
        // Nothing is lost where the cache cannot be written.
        if let Some(folder) = file.parent() {
            let _ = std::fs::create_dir_all(folder);
        }
        let _ = std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, file));
    }
}

fn parse(text: &str) -> BTreeMap<String, f64> {
    text.lines()
        .filter_map(|line| {
            let (seconds, name) = line.split_once(' ')?;
            let seconds: f64 = seconds.parse().ok().filter(|s: &f64| s.is_finite() && *s >= 0.0)?;
            Some((name.to_owned(), seconds))
        })
        .collect()
}

/// `7s`, `2m05s`, `1h02m`
pub(super) fn show(seconds: f64) -> String {
    let s = seconds.clamp(0.0, 1e9) as u64;
    match s {
        0..60 => format!("{s}s"),
        60..3600 => format!("{}m{:02}s", s / 60, s % 60),
        _ => format!("{}h{:02}m", s / 3600, s / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_lines_are_passed_over() {
        let known = parse("3.5 hello\nx y\n-1 z\ninf q\n\n7 gcc wrapper\n");
        assert_eq!(known.keys().collect::<Vec<_>>(), ["gcc wrapper", "hello"]);
    }

    #[test]
    fn a_new_version_has_the_old_one_s_estimate() {
        let mut times = Times::default();
        times.add("hello-2.10", 30.0);
        assert_eq!(times.of("hello-2.12"), Some(30.0));
        times.add("hello-2.12", 60.0);
        assert_eq!(times.of("hello-2.13"), Some(50.0));
        assert_eq!(times.of("other-1"), None);
    }

    #[test]
    fn durations() {
        assert_eq!((show(7.9), show(125.0), show(3725.0)), ("7s".into(), "2m05s".into(), "1h02m".into()));
    }
}
