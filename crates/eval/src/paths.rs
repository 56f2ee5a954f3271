//! Canonical paths, and following links through the evaluation's view of the world.

use std::sync::Arc;

use crate::Ctx;
use crate::io::{FileKind, IoError, SourcePath};

/// How many links may be followed to resolve one path.
const MAX_LINKS: u32 = 1024;

/// An absolute path without `.`, `..`, repeated or trailing slashes.
pub fn canonical(path: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::with_capacity(path.len() + 1);
    for part in path.split(|c| *c == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                let cut = out.iter().rposition(|c| *c == b'/').unwrap_or(0);
                out.truncate(cut);
            }
            part => {
                out.push(b'/');
                out.extend_from_slice(part);
            }
        }
    }
    if out.is_empty() {
        out.push(b'/');
    }
    out
}

/// A path relative to a folder, or an absolute one, as a canonical path of the same tree.
pub fn join(folder: &SourcePath, path: &str) -> SourcePath {
    let text = if path.starts_with('/') { path.to_owned() } else { format!("{}/{path}", folder.path) };
    let text = String::from_utf8_lossy(&canonical(text.as_bytes())).into_owned();
    SourcePath { root: folder.root, path: text.into() }
}

/// The target of a symbolic link; `None` if the path is none (or nothing). Remembered.
pub(crate) fn link_target(ctx: &mut Ctx, path: &SourcePath) -> Result<Option<Arc<str>>, IoError> {
    if let Some(known) = ctx.files.links.get(path) {
        return Ok(known.clone());
    }
    let target = match ctx.io.stat(path)? {
        Some(FileKind::Symlink) => Some(Arc::from(ctx.io.read_link(path)?)),
        _ => None,
    };
    ctx.files.links.insert(path.clone(), target.clone());
    Ok(target)
}

/// The path with all links followed. What does not exist is left as it is.
pub fn resolve(ctx: &mut Ctx, path: &SourcePath) -> Result<SourcePath, IoError> {
    resolve_with(ctx, path, true)
}

/// The path with the links before its last component followed.
pub(crate) fn resolve_parents(ctx: &mut Ctx, path: &SourcePath) -> Result<SourcePath, IoError> {
    resolve_with(ctx, path, false)
}

fn resolve_with(ctx: &mut Ctx, path: &SourcePath, last: bool) -> Result<SourcePath, IoError> {
    let mut left = MAX_LINKS;
    resolve_in(ctx, path, last, &mut left).map_err(|e| {
        // What is forbidden is the path that was asked for, not the folder on the way that was met first.
        let whole = if e.restricted { ctx.io.stat(path).err() } else { None };
        whole.filter(|whole| whole.restricted).unwrap_or(e)
    })
}

fn resolve_in(ctx: &mut Ctx, path: &SourcePath, last: bool, left: &mut u32) -> Result<SourcePath, IoError> {
    let mut todo: Vec<String> =
        path.path.split('/').filter(|p| !p.is_empty()).rev().map(str::to_owned).collect();
    let mut at = SourcePath { root: path.root, path: "/".into() };
    while let Some(part) = todo.pop() {
        match &*part {
            "." | "" => continue,
            ".." => {
                at = at.parent();
                continue;
            }
            _ => {}
        }
        let next = at.child(&part);
        if todo.is_empty() && !last {
            return Ok(next);
        }
        match link_target(ctx, &next)? {
            None => at = next,
            Some(target) => {
                if *left == 0 {
                    let shown = ctx.io.show(path);
                    return Err(IoError::new(format!("infinite symlink recursion in path '{shown}'")));
                }
                *left -= 1;
                if target.starts_with('/') {
                    at = SourcePath { root: path.root, path: "/".into() };
                }
                todo.extend(target.split('/').filter(|p| !p.is_empty()).rev().map(str::to_owned));
            }
        }
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_made_canonical() {
        for (p, c) in [("/a/./b//c/", "/a/b/c"), ("/a/../../b", "/b"), ("/", "/"), ("/..", "/")] {
            assert_eq!(canonical(p.as_bytes()), c.as_bytes());
        }
    }
}
