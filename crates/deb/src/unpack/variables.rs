//! The variables of the derivation that change what a unit looks like; `base/README-debian.md` lists them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::RELOCATION;
use super::closure::Closure;
use super::links::relative;
use super::tree::{Node, Tree};
use crate::DebError;
use crate::error::Context as _;

/// The largest file that `replace` changes.
const MAX_REPLACED: u64 = 64 << 20;

/// The variables, read and checked.
#[derive(Debug, Default)]
pub(super) struct Variables {
    pub(super) keep: BTreeSet<String>,
    pub(super) extra_rpath: Vec<String>,
    remove: Vec<String>,
    replace: Vec<(String, String, String)>,
    wrap: Vec<Wrap>,
    links: Vec<(String, String)>,
}

#[derive(Debug)]
struct Wrap {
    file: String,
    settings: Vec<(String, Mode, String)>,
}

#[derive(Debug, Clone, Copy)]
enum Mode {
    Set,
    Default,
    Prefix,
}

fn invalid(name: &str, reason: impl Into<String>) -> DebError {
    DebError::Variable { name: name.to_owned(), reason: reason.into() }
}

/// A path relative to the output, as a variable may name it.
fn inner(name: &str, path: &str) -> Result<String, DebError> {
    let good = !path.is_empty() && path.split('/').all(|component| !matches!(component, "" | "." | ".."));
    if good {
        Ok(path.to_owned())
    } else {
        Err(invalid(name, format!("'{path}' is not a path relative to the output")))
    }
}

impl Variables {
    /// Reads the environment of a derivation.
    pub(super) fn parse(env: &BTreeMap<String, String>) -> Result<Variables, DebError> {
        let value = |name: &str| env.get(name).map_or("", String::as_str);
        let words = |name: &'static str| value(name).split_whitespace().map(move |word| (name, word));
        let lines = |name: &str| value(name).lines().map(str::trim).filter(|line| !line.is_empty());
        let relocation = value("relocation");
        if relocation != RELOCATION.to_string() {
            let reason = format!("it is '{relocation}', but this program does relocation {RELOCATION}");
            return Err(invalid("relocation", reason));
        }
        let mut variables = Variables {
            keep: words("keep").map(|(_, word)| word.to_owned()).collect(),
            extra_rpath: words("extraRpath").map(|(_, word)| word.to_owned()).collect(),
            ..Variables::default()
        };
        variables.remove = words("remove").map(|(name, word)| inner(name, word)).collect::<Result<_, _>>()?;
        // Not trimmed: blanks at the end are part of what is put in.
        for line in value("replace").lines().filter(|line| !line.trim().is_empty()) {
            let parts: Vec<&str> = line.split('\t').collect();
            let [file, old, new] = parts[..] else {
                return Err(invalid(
                    "replace",
                    format!("'{line}' is not FILE, OLD and NEW with tabs between"),
                ));
            };
            if old.is_empty() {
                return Err(invalid("replace", format!("'{line}' replaces an empty text")));
            }
            variables.replace.push((inner("replace", file)?, old.to_owned(), new.to_owned()));
        }
        variables.wrap = lines("wrap").map(parse_wrap).collect::<Result<_, _>>()?;
        for (name, word) in words("links") {
            let (link, target) =
                word.split_once('=').ok_or_else(|| invalid(name, format!("'{word}' is not LINK=TARGET")))?;
            let target = if target.starts_with('/') { target.to_owned() } else { inner(name, target)? };
            variables.links.push((inner(name, link)?, target));
        }
        Ok(variables)
    }

    /// Removes what `remove` names.
    pub(super) fn remove(&self, tree: &mut Tree) -> Result<(), DebError> {
        for pattern in &self.remove {
            for path in found("remove", tree, pattern)? {
                tree.remove_tree(&path)?;
            }
        }
        Ok(())
    }

    /// Replaces what `replace` names.
    pub(super) fn replace(&self, tree: &Tree, out: &str) -> Result<(), DebError> {
        for (pattern, old, new) in &self.replace {
            let new = new.replace("@out@", out);
            let mut count = 0;
            for path in found("replace", tree, pattern)? {
                let disk = tree.disk(&path);
                let is_file = matches!(tree.nodes().get(&path), Some(Node::File(_)));
                if !is_file || fs::metadata(&disk).context("read", &disk)?.len() > MAX_REPLACED {
                    continue;
                }
                let bytes = fs::read(&disk).context("read", &disk)?;
                let changed = replaced(&bytes, old.as_bytes(), new.as_bytes(), &mut count);
                if changed != bytes {
                    fs::write(&disk, changed).context("write", &disk)?;
                }
            }
            if count == 0 {
                return Err(invalid("replace", format!("'{pattern}' does not contain '{old}'")));
            }
        }
        Ok(())
    }

    /// Puts scripts in front of programs.
    pub(super) fn wrap(&self, tree: &mut Tree, closure: &mut Closure) -> Result<(), DebError> {
        for wrap in &self.wrap {
            for file in found("wrap", tree, &wrap.file)? {
                let bash = closure.find_program(tree, "/bin/bash");
                let bash = bash.ok_or_else(|| {
                    invalid("wrap", "neither the dependencies nor the essential units have bash")
                })?;
                let (folder, name) =
                    file.rsplit_once('/').map_or(("", file.as_str()), |(folder, name)| (folder, name));
                let hidden = format!("{folder}/.{name}-wrapped").trim_start_matches('/').to_owned();
                tree.rename(&file, &hidden)?;
                let script = wrap.script(&bash, &closure.out, &hidden);
                tree.write_file(&file, script.as_bytes(), true)?;
            }
        }
        Ok(())
    }

    /// Adds what `links` names.
    pub(super) fn link(&self, tree: &mut Tree) -> Result<(), DebError> {
        for (link, target) in &self.links {
            let folder = link.rsplit_once('/').map_or("", |(folder, _)| folder);
            let target = if target.starts_with('/') { target.clone() } else { relative(folder, target) };
            tree.add_link(link, target)?;
        }
        Ok(())
    }
}

impl Wrap {
    fn script(&self, bash: &str, out: &str, hidden: &str) -> String {
        let mut script = format!("#!{bash}\n");
        for (name, mode, value) in &self.settings {
            let value = value.replace("@out@", out).replace('\'', r"'\''");
            script.push_str(&match mode {
                Mode::Set => format!("export {name}='{value}'\n"),
                Mode::Default => format!("if [ -z \"${{{name}+x}}\" ]; then export {name}='{value}'; fi\n"),
                Mode::Prefix => format!("export {name}='{value}'\"${{{name}:+:${name}}}\"\n"),
            });
        }
        script.push_str(&format!("exec -a \"$0\" {out}/{hidden} \"$@\"\n"));
        script
    }
}

fn parse_wrap(line: &str) -> Result<Wrap, DebError> {
    let mut words = line.split_whitespace();
    let file = inner("wrap", words.next().unwrap_or_default())?;
    let mut settings = Vec::new();
    for word in words {
        let (name, value) =
            word.split_once('=').ok_or_else(|| invalid("wrap", format!("'{word}' sets nothing")))?;
        let (name, mode) = match name.as_bytes().last() {
            Some(b'?') => (&name[..name.len() - 1], Mode::Default),
            Some(b'+') => (&name[..name.len() - 1], Mode::Prefix),
            _ => (name, Mode::Set),
        };
        let good = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !good || name.is_empty() || name.as_bytes()[0].is_ascii_digit() {
            return Err(invalid("wrap", format!("'{name}' is not a name of a variable")));
        }
        settings.push((name.to_owned(), mode, value.to_owned()));
    }
    Ok(Wrap { file, settings })
}

fn found(variable: &str, tree: &Tree, pattern: &str) -> Result<Vec<String>, DebError> {
    let paths = tree.matching(pattern);
    if paths.is_empty() {
        Err(invalid(variable, format!("nothing is called '{pattern}'")))
    } else {
        Ok(paths)
    }
}

fn replaced(bytes: &[u8], old: &[u8], new: &[u8], count: &mut usize) -> Vec<u8> {
    let mut result = Vec::with_capacity(bytes.len());
    let mut from = 0;
    for at in memchr::memmem::find_iter(bytes, old) {
        result.extend(&bytes[from..at]);
        result.extend(new);
        from = at + old.len();
        *count += 1;
    }
    result.extend(&bytes[from..]);
    result
}
