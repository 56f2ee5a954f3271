//! Text files that name absolute paths: scripts, linker scripts, `.pc` and `.cmake` files, systemd units, D-Bus services, udev rules.
//!
//! A path of Debian's layout that exists in the unit or its dependencies becomes a store path; every other stays and means the running
//! machine's `/usr`. A path counts only where it stands alone: not after a letter, a variable or `.`, and not before a wildcard or variable.

use std::fs;

use super::closure::Closure;
use super::scripts;
use super::tree::{Kind, Node, Tree, lay_out};
use crate::DebError;
use crate::error::Context as _;

/// The largest text file that is looked at.
const MAX_TEXT: u64 = 8 << 20;

/// Folders that many packages share: a path that is only this says nothing about a package.
const SHARED: [&str; 20] = [
    "lib/x86_64-linux-gnu",
    "lib/systemd",
    "lib/systemd/system",
    "lib/systemd/user",
    "lib/udev",
    "lib/udev/rules.d",
    "lib/sysusers.d",
    "lib/tmpfiles.d",
    "lib/python3",
    "lib/python3/dist-packages",
    "lib/modules",
    "lib/firmware",
    "share/locale",
    "share/doc",
    "share/man",
    "share/info",
    "share/applications",
    "share/perl5",
    "share/pkgconfig",
    "share/dbus-1",
];

/// What is changed in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Shebang, module paths, and paths in the text.
    Script,
    /// All paths in the text.
    Paths,
    /// Paths, also right after `-L`, `-I` and such, and `prefix=/usr`.
    PackageConfig,
}

/// Rewrites all text files of the tree.
pub(super) fn rewrite(tree: &Tree, closure: &mut Closure) -> Result<(), DebError> {
    let module_paths = scripts::ModulePaths::find(tree, closure);
    for (path, node) in tree.nodes() {
        let Node::File(kind) = node else { continue };
        let Some(role) = role(path, *kind) else { continue };
        let disk = tree.disk(path);
        if fs::metadata(&disk).context("read", &disk)?.len() > MAX_TEXT {
            continue;
        }
        let text = fs::read(&disk).context("read", &disk)?;
        let changed = match role {
            Role::Script => script(tree, closure, &module_paths, path, &text),
            Role::Paths => replace_paths(tree, closure, &text, false),
            Role::PackageConfig => {
                let prefixed = set_prefix(&text, &closure.out);
                replace_paths(tree, closure, &prefixed, true)
            }
        };
        if changed != text {
            fs::write(&disk, changed).context("write", &disk)?;
        }
    }
    Ok(())
}

fn role(path: &str, kind: Kind) -> Option<Role> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let suffix = name.rsplit_once('.').map_or("", |(_, suffix)| suffix);
    match kind {
        Kind::Elf => None,
        Kind::Script => Some(Role::Script),
        Kind::Other => match suffix {
            "so" | "cmake" | "a" if is_text_library(folder, suffix) => Some(Role::Paths),
            "service" | "socket" | "mount" | "automount" | "timer" | "path" | "target" | "slice" | "swap"
            | "rules" | "desktop" => Some(Role::Paths),
            "pc" => Some(Role::PackageConfig),
            _ => None,
        },
    }
}

/// Linker scripts are called like libraries; archives of objects are found out by their size and content when they are read.
fn is_text_library(folder: &str, suffix: &str) -> bool {
    suffix != "a" || folder == "lib/x86_64-linux-gnu"
}

fn script(
    tree: &Tree,
    closure: &mut Closure,
    modules: &scripts::ModulePaths,
    path: &str,
    text: &[u8],
) -> Vec<u8> {
    let end = memchr::memchr(b'\n', text).unwrap_or(text.len());
    let (line, rest) = text.split_at(end);
    let Ok(line) = std::str::from_utf8(line) else { return text.to_vec() };
    let shebang = scripts::shebang(tree, closure, line);
    let rest =
        if name_of(path).ends_with("-config") { set_prefix(rest, &closure.out) } else { rest.to_vec() };
    let rest = replace_paths(tree, closure, &rest, false);
    let rest = modules.insert(path, line, rest);
    [shebang.as_deref().unwrap_or(line).as_bytes(), &rest[..]].concat()
}

fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Replaces `prefix=/usr` at the beginning of lines.
fn set_prefix(text: &[u8], out: &str) -> Vec<u8> {
    let mut result = Vec::with_capacity(text.len());
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let content = line.strip_suffix(b"\n").unwrap_or(line);
        let quote = [&b""[..], b"\"", b"'"].into_iter().find(|quote| {
            let rest = content.strip_prefix(b"prefix=").or_else(|| content.strip_prefix(b"exec_prefix="));
            rest.is_some_and(|rest| rest == [*quote, b"/usr", *quote].concat())
        });
        match quote {
            Some(quote) => {
                let name = content.split(|byte| *byte == b'=').next().unwrap_or_default();
                result.extend([name, b"=", quote, out.as_bytes(), quote, &line[content.len()..]].concat());
            }
            None => result.extend(line),
        }
    }
    result
}

fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_./+@-".contains(&byte)
}

/// Replaces the absolute paths that exist in the unit or its dependencies.
fn replace_paths(tree: &Tree, closure: &mut Closure, text: &[u8], after_options: bool) -> Vec<u8> {
    if text.contains(&0) {
        return text.to_vec();
    }
    let mut result = Vec::with_capacity(text.len() + 256);
    let (mut copied, mut at) = (0, 0);
    while let Some(found) = memchr::memchr(b'/', &text[at..]) {
        let start = at + found;
        let mut end = start;
        while end < text.len() && is_path_byte(text[end]) {
            end += 1;
        }
        at = end.max(start + 1);
        if !stands_alone(text, start, end, after_options) {
            continue;
        }
        let Ok(path) = std::str::from_utf8(&text[start..end]) else { continue };
        if let Some((store_path, length)) = store_path(tree, closure, path) {
            result.extend(&text[copied..start]);
            result.extend(store_path.as_bytes());
            copied = start + length;
        }
    }
    result.extend(&text[copied..]);
    result
}

/// Tells whether the path between two places is all of what is meant there.
fn stands_alone(text: &[u8], start: usize, end: usize, after_options: bool) -> bool {
    let before = start.checked_sub(1).map(|at| text[at]);
    let option = after_options
        && start >= 2
        && text[start - 2] == b'-'
        && matches!(text[start - 1], b'L' | b'I')
        && (start < 3 || !is_path_byte(text[start - 3]));
    // `-/usr/bin/x`, `@/usr/bin/x` and such are prefixes of systemd's commands.
    let prefix = matches!(before, Some(b'-' | b'+' | b'@'))
        && (start < 2 || !is_path_byte(text[start - 2]) || matches!(text[start - 2], b'-' | b'+' | b'@'));
    let free = before.is_none_or(|byte| !is_path_byte(byte) && !b"}$)%~*?\\]".contains(&byte) && byte < 0x80);
    let after = text.get(end).copied();
    let complete = text.get(end - 1) == Some(&b'/')
        || after.is_none_or(|byte| !b"$%{*?[\\(".contains(&byte) && byte < 0x80);
    (free || option || prefix) && complete
}

/// The store path for a path at the beginning of a text, and how much of the text it stands for.
fn store_path(tree: &Tree, closure: &mut Closure, text: &str) -> Option<(String, usize)> {
    // A full stop or comma behind a path in a sentence does not belong to it.
    let candidates = [text, text.trim_end_matches(['.', '-', '+', '@'])];
    candidates.iter().enumerate().find_map(|(index, path)| {
        if index == 1 && path.len() == text.len() {
            return None;
        }
        let inner = lay_out(path.trim_start_matches('/')).trim_end_matches('/');
        let (top, rest) = inner.split_once('/')?;
        let known =
            matches!(top, "bin" | "sbin" | "lib" | "lib64" | "libexec" | "share" | "games" | "include");
        if !known
            || rest.is_empty()
            || path.contains("//")
            || path.contains("/./")
            || path.contains("/../")
            || SHARED.contains(&inner)
        {
            return None;
        }
        let ending = if path.ends_with('/') { "/" } else { "" };
        let own = tree.contains(inner).then(|| format!("{}/{inner}", closure.out));
        let found = match own {
            Some(own) => own,
            // A folder of another package is often shared; only its files are certain.
            None if ending.is_empty() => closure.find_file(inner)?,
            None => return None,
        };
        Some((format!("{found}{ending}"), path.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn with_tree(check: impl FnOnce(&Tree, &mut Closure)) {
        let folder = tempfile::tempdir().unwrap();
        let mut tree = Tree::new(&folder.path().join("."), &BTreeSet::new());
        tree.write_file("bin/tool", b"", true).unwrap();
        tree.write_file("share/cows/a.cow", b"", false).unwrap();
        tree.write_file("lib/systemd/helper", b"", true).unwrap();
        let dep = folder.path().join("dep");
        fs::create_dir_all(dep.join("bin")).unwrap();
        fs::write(dep.join("bin/other"), b"").unwrap();
        let deps = [("/nix/store/dep".to_owned(), dep)];
        let mut closure = Closure::read(&deps, &[], "/nix/store/out").unwrap();
        check(&tree, &mut closure);
    }

    #[test]
    fn paths_are_replaced_where_they_stand_alone() {
        with_tree(|tree, closure| {
            for (text, expected) in [
                ("ExecStart=/usr/bin/tool -x", "ExecStart=/nix/store/out/bin/tool -x"),
                ("ExecStart=-/usr/bin/other", "ExecStart=-/nix/store/dep/bin/other"),
                ("ExecStart=!!/lib/systemd/helper", "ExecStart=!!/nix/store/out/lib/systemd/helper"),
                ("see /usr/bin/tool.", "see /nix/store/out/bin/tool."),
                ("path = \"/usr/share/cows/\" . x", "path = \"/nix/store/out/share/cows/\" . x"),
                ("/usr/share/cows/$name", "/nix/store/out/share/cows/$name"),
                ("/usr/bin/tool-$x /usr/bin/tool*", "/usr/bin/tool-$x /usr/bin/tool*"),
                (
                    "$ROOT/usr/bin/tool ${x}/bin/tool ./bin/tool",
                    "$ROOT/usr/bin/tool ${x}/bin/tool ./bin/tool",
                ),
                ("/usr/local/bin/tool /usr/bin/none /usr/bin", "/usr/local/bin/tool /usr/bin/none /usr/bin"),
                ("#/usr/lib/systemd:/bin/tool", "#/usr/lib/systemd:/nix/store/out/bin/tool"),
                ("é/usr/bin/tool", "é/usr/bin/tool"),
            ] {
                let got = replace_paths(tree, closure, text.as_bytes(), false);
                assert_eq!(String::from_utf8(got).unwrap(), expected);
            }
        });
    }

    #[test]
    fn prefixes_of_packages() {
        let text = b"prefix=/usr\nlibdir=${prefix}/lib\nprefix=\"/usr\"\nx_prefix=/usr\nprefix=/usr/x\nexec_prefix=/usr";
        let expected =
            "prefix=/o\nlibdir=${prefix}/lib\nprefix=\"/o\"\nx_prefix=/usr\nprefix=/usr/x\nexec_prefix=/o";
        assert_eq!(String::from_utf8(set_prefix(text, "/o")).unwrap(), expected);
    }

    proptest::proptest! {
        #[test]
        fn replacing_never_panics(text in "[/a-c. $@+\\-é\"*]{0,60}") {
            with_tree(|tree, closure| drop(replace_paths(tree, closure, text.as_bytes(), true)));
        }
    }
}
