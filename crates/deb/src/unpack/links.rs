//! Symlinks that cross packages or were absolute.
//!
//! A link that leads to something in the unit is relative (so it works wherever the store lies); one that leads into a dependency is an
//! absolute store path; one that leads nowhere keeps its meaning: as it was if the layout did not change that, else as an absolute path.

use super::closure::Closure;
use super::tree::{Node, Tree, lay_out};

/// Repairs all links of the tree.
pub(super) fn repair(tree: &mut Tree, closure: &mut Closure) {
    let links: Vec<(String, String)> = (tree.nodes().iter())
        .filter_map(|(path, node)| match node {
            Node::Link(target) => Some((path.clone(), target.clone())),
            _ => None,
        })
        .collect();
    for (path, target) in links {
        if let Some(repaired) = repaired(tree, closure, &path, &target) {
            tree.retarget(&path, repaired);
        }
    }
}

fn repaired(tree: &Tree, closure: &mut Closure, path: &str, target: &str) -> Option<String> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let absolute = if target.starts_with('/') {
        normal(target)
    } else {
        let here = format!("/{path}");
        let origin = tree.origin(path).unwrap_or(&here);
        let origin_folder = origin.rsplit_once('/').map_or("", |(folder, _)| folder);
        normal(&format!("{origin_folder}/{target}"))
    };
    let inside = lay_out(absolute.trim_start_matches('/'));
    let unmoved = !target.starts_with('/')
        && stays_inside(folder, target)
        && normal(&format!("/{folder}/{target}")) == format!("/{inside}");
    if tree.contains(inside) && inside != path {
        return if unmoved { None } else { Some(relative(folder, inside)) };
    }
    if let Some(found) = closure.find(inside) {
        return Some(found);
    }
    if unmoved || target.starts_with('/') { None } else { Some(absolute) }
}

/// Tells whether a relative target never climbs above the output.
fn stays_inside(folder: &str, target: &str) -> bool {
    let mut depth = folder.split('/').filter(|component| !component.is_empty()).count();
    target.split('/').all(|component| match component {
        "" | "." => true,
        ".." => depth.checked_sub(1).map(|less| depth = less).is_some(),
        _ => {
            depth += 1;
            true
        }
    })
}

/// Resolves `.` and `..` by text; the result is absolute.
fn normal(path: &str) -> String {
    let mut components: Vec<&str> = Vec::new();
    for component in path.split('/') {
        match component {
            "" | "." => {}
            ".." => {
                components.pop();
            }
            _ => components.push(component),
        }
    }
    format!("/{}", components.join("/"))
}

/// The relative path from a folder of the output to a path of the output.
pub(super) fn relative(folder: &str, path: &str) -> String {
    let from: Vec<&str> = folder.split('/').filter(|component| !component.is_empty()).collect();
    let to: Vec<&str> = path.split('/').collect();
    let common = from.iter().zip(&to[..to.len() - 1]).take_while(|(a, b)| a == b).count();
    let mut components = vec![".."; from.len() - common];
    components.extend(&to[common..]);
    components.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_paths() {
        for (folder, path, expected) in [
            ("bin", "bin/x", "x"),
            ("bin", "lib/x/y", "../lib/x/y"),
            ("", "bin/x", "bin/x"),
            ("lib/a/b", "lib/c", "../../c"),
            ("lib", "lib", "../lib"),
        ] {
            assert_eq!(relative(folder, path), expected);
        }
        assert_eq!(normal("/a/./b/../../../c/"), "/c");
    }
}
