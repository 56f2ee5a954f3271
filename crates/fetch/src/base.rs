//! The embedded package set as a source tree, and the references that it can stand in for.

use std::sync::{Arc, OnceLock};

use firn_source::{CanonPath, MemAccessor, MemNode};

use crate::input::Input;
use crate::url::ParsedUrl;

/// Path, whether executable, contents: written by the build script.
type File = (&'static str, bool, &'static [u8]);

static FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/base.rs"));

/// The tree of `base/`, with another lock of the seeds if `lock` is given.
pub fn tree(lock: Option<Vec<u8>>) -> Arc<MemAccessor> {
    let mut tree = MemAccessor::new().shown_as("«base»");
    for (path, executable, contents) in FILES {
        let contents = match &lock {
            Some(lock) if *path == "debian.lock" => Arc::from(lock.as_slice()),
            _ => Arc::from(*contents),
        };
        let node = MemNode::File { executable: *executable, contents };
        // The build script writes plain relative paths, so that neither step can fail.
        if let Ok(path) = CanonPath::new(path) {
            let _ = tree.insert(&path, node);
        }
    }
    // Which Firn this base belongs to: `pkgs.firn` is that one.
    let id = firn_sys::executable::build_id();
    // What is known of the tree is remembered by what it was made of.
    let fingerprint = format!("base:{}:{id:?}", env!("FIRN_BASE_FINGERPRINT"));
    if let (Some(id), Ok(path)) = (id, CanonPath::new("build-id")) {
        let _ = tree.insert(&path, MemNode::File { executable: false, contents: Arc::from(id.as_bytes()) });
    }
    if lock.is_none() {
        tree = tree.with_fingerprint(fingerprint);
    }
    Arc::new(tree)
}

/// A file of the embedded tree.
pub fn file(path: &str) -> Option<&'static [u8]> {
    FILES.iter().find(|(p, _, _)| *p == path).map(|(_, _, contents)| *contents)
}

/// The tree as it was built in, made once.
pub fn embedded() -> &'static Arc<MemAccessor> {
    static TREE: OnceLock<Arc<MemAccessor>> = OnceLock::new();
    TREE.get_or_init(|| tree(None))
}

/// Repositories of GitHub that the base has a stand-in for: owner, repository, the folder of its flake in the base.
const STAND_INS: [(&str, &str, &str); 4] = [
    ("nixos", "nixpkgs", ""),
    ("numtide", "flake-utils", "stand-ins/flake-utils"),
    ("mic92", "sops-nix", "stand-ins/sops-nix"),
    ("gabriella439", "nixos-in-production", ""),
];

/// Whether the base can stand in for an input: the folder of the flake in the base that does. Owner and repository count
/// without regard to case, whatever branch, tag or commit is asked for; so do their addresses for git and as archives.
pub fn stands_in_for(input: &Input) -> Option<&'static str> {
    let (owner, repo) = match input.kind() {
        "github" if input.text("host").is_none_or(|h| h.eq_ignore_ascii_case("github.com")) => {
            (input.text("owner")?.to_owned(), input.text("repo")?.to_owned())
        }
        "git" | "tarball" => repository_of(input.text("url")?)?,
        _ => return None,
    };
    STAND_INS
        .iter()
        .find(|(o, r, _)| owner.eq_ignore_ascii_case(o) && repo.eq_ignore_ascii_case(r))
        .map(|(_, _, dir)| *dir)
}

/// Owner and repository that an address of GitHub's means, or of the channels made from nixpkgs.
fn repository_of(url: &str) -> Option<(String, String)> {
    let url = ParsedUrl::parse(url).ok()?;
    let host = url.authority.as_deref()?;
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host).to_ascii_lowercase();
    let segments = url.segments();
    let pair = |owner: &str, repo: &str| {
        Some((owner.to_owned(), repo.strip_suffix(".git").unwrap_or(repo).to_owned()))
    };
    match (host.as_str(), segments.as_slice()) {
        ("github.com" | "www.github.com", [owner, repo]) => pair(owner, repo),
        ("github.com" | "www.github.com", [owner, repo, "archive" | "tarball", ..]) => pair(owner, repo),
        ("api.github.com", ["repos", owner, repo, "tarball", ..]) => pair(owner, repo),
        ("codeload.github.com", [owner, repo, ..]) => pair(owner, repo),
        ("channels.nixos.org" | "nixos.org" | "releases.nixos.org", [.., "nixexprs.tar.xz"]) => {
            pair("nixos", "nixpkgs")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_the_base_stands_in_for() {
        for (url, dir) in [
            ("github:NixOS/nixpkgs", Some("")),
            ("github:nixos/NIXPKGS/23.11", Some("")),
            ("github:NixOS/nixpkgs/057f9aecfb71c4437d2b27d3323df7f93c010b7e", Some("")),
            ("github:NixOS/nixpkgs?host=git.example.org", None),
            ("github:NixOS/nix", None),
            ("gitlab:NixOS/nixpkgs", None),
            ("git+https://github.com/NixOS/nixpkgs.git?ref=master", Some("")),
            ("git+ssh://git@github.com/nixos/nixpkgs", Some("")),
            ("git+https://example.org/NixOS/nixpkgs", None),
            ("https://github.com/NixOS/nixpkgs/archive/nixos-23.11.tar.gz", Some("")),
            ("https://codeload.github.com/NixOS/nixpkgs/tar.gz/x", Some("")),
            ("https://channels.nixos.org/nixos-unstable/nixexprs.tar.xz", Some("")),
            ("https://example.org/NixOS/nixpkgs/archive/x.tar.gz", None),
            ("github:numtide/flake-utils/v1.0.0", Some("stand-ins/flake-utils")),
            ("github:Mic92/sops-nix", Some("stand-ins/sops-nix")),
            ("github:Gabriella439/nixos-in-production/0.10", Some("")),
            ("path:/NixOS/nixpkgs", None),
        ] {
            let parsed = ParsedUrl::parse(url).unwrap_or_else(|e| panic!("{e}"));
            let input = Input::from_url(&parsed, true).unwrap_or_else(|e| panic!("{url}: {e}"));
            assert_eq!(stands_in_for(&input), dir, "{url}");
        }
    }
}
