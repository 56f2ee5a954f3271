//! What `.gitmodules` says.

use std::collections::BTreeMap;

use super::Repository;
use super::command::{plain, run};
use crate::error::FetchError;

/// A submodule as `.gitmodules` has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Submodule {
    /// Where it is in the tree.
    pub(super) path: String,
    /// Its repository, perhaps relative to the outer one's.
    pub(super) url: String,
    /// Its branch; `.` is that of the outer repository.
    pub(super) branch: Option<String>,
}

/// Reads a `.gitmodules`.
///
/// # Errors
/// Git cannot read it.
pub(super) fn parse(text: &[u8]) -> Result<Vec<Submodule>, FetchError> {
    let file = tempfile::NamedTempFile::new().map_err(|e| FetchError::io("creating a file", e))?;
    std::fs::write(file.path(), text).map_err(|e| FetchError::io("writing .gitmodules", e))?;
    let mut command = plain();
    command.args(["config", "--no-includes", "--list", "-z", "--file"]).arg(file.path());
    let out = run(command)?;
    /// Path, address, branch.
    type Fields = [Option<String>; 3];
    let mut found: BTreeMap<String, Fields> = BTreeMap::new();
    for entry in out.split(|b| *b == 0) {
        let entry = String::from_utf8_lossy(entry);
        let Some((name, value)) = entry.split_once('\n') else { continue };
        let Some((module, key)) = name.strip_prefix("submodule.").and_then(|n| n.rsplit_once('.')) else {
            continue;
        };
        let module = found.entry(module.to_owned()).or_default();
        match key {
            "path" => module[0] = Some(value.to_owned()),
            "url" => module[1] = Some(value.to_owned()),
            "branch" => module[2] = Some(value.to_owned()),
            _ => {}
        }
    }
    Ok(found
        .into_values()
        .filter_map(|[path, url, branch]| Some(Submodule { path: path?, url: url?, branch }))
        .collect())
}

/// The repository of a submodule: an address of its own, or relative to that of the outer repository.
pub(super) fn resolve_url(outer: &str, url: &str) -> String {
    if !url.starts_with("./") && !url.starts_with("../") {
        return url.to_owned();
    }
    let mut base = outer.trim_end_matches('/').to_owned();
    let mut rest = url;
    loop {
        if let Some(below) = rest.strip_prefix("./") {
            rest = below;
        } else if let Some(above) = rest.strip_prefix("../") {
            rest = above;
            match base.rfind(['/', ':']) {
                Some(at) => base.truncate(at),
                None => break,
            }
        } else {
            break;
        }
    }
    format!("{base}/{rest}")
}

impl Repository {
    /// Where this repository comes from: what its submodules' addresses are relative to.
    pub(super) fn origin(&self) -> String {
        self.run(["config", "--get", "remote.origin.url"])
            .ok()
            .map(|out| String::from_utf8_lossy(&out).trim_end().to_owned())
            .filter(|url| !url.is_empty())
            .unwrap_or_else(|| self.path().to_string_lossy().into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_relative_to_the_outer_repository() {
        for (outer, url, want) in [
            ("https://h/o/r.git", "../s.git", "https://h/o/s.git"),
            ("https://h/o/r.git/", "./s", "https://h/o/r.git/s"),
            ("ssh://git@h/o/r", "../../p/s", "ssh://git@h/p/s"),
            ("git@h:o/r", "../s", "git@h:o/s"),
            ("/a/b", "../c", "/a/c"),
            ("/a/b", "https://h/x", "https://h/x"),
        ] {
            assert_eq!(resolve_url(outer, url), want, "{outer} {url}");
        }
    }

    #[test]
    fn entries_without_path_or_url_are_left_out() {
        let text = b"[submodule \"a\"]\n\tpath = x y\n\turl = ../a\n[submodule \"b\"]\n\tpath = b\n[submodule \"c.d\"]\n\tpath = c\n\turl = /c\n\tbranch = .\n";
        let found = parse(text).expect("a good file");
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].path.as_str(), found[0].url.as_str()), ("x y", "../a"));
        assert_eq!(found[1].branch.as_deref(), Some("."));
    }
}
