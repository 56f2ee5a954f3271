//! Flake references: an input, a folder in it, and what follows `#`.

use std::path::Path;

use firn_fetch::url::{parse_query, percent_decode};
use firn_fetch::{Attr, Attrs, Input, ParsedUrl};

use crate::error::FlakeError;

/// A flake reference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlakeRef {
    /// What is fetched.
    pub input: Input,
    /// The folder with the `flake.nix`, relative to the tree; empty for its root.
    pub dir: String,
}

impl std::fmt::Display for FlakeRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut url = self.input.to_url();
        if !self.dir.is_empty() {
            url.query.insert("dir".into(), self.dir.clone());
        }
        url.fmt(f)
    }
}

/// Where and how a reference is read.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The folder that relative paths start from; without it they stay relative.
    pub base: Option<&'a Path>,
    /// A path must be a flake, looked for upwards; otherwise any path will do.
    pub flake: bool,
    /// A relative path stays relative (it is an input of a flake, relative to that flake).
    pub keep_relative: bool,
}

impl FlakeRef {
    /// Reads a reference that has no fragment.
    ///
    /// # Errors
    /// As [`FlakeRef::parse_with_fragment`]; a fragment is an error too.
    pub fn parse(text: &str, context: Context<'_>) -> Result<FlakeRef, FlakeError> {
        match FlakeRef::parse_with_fragment(text, context)? {
            (reference, fragment) if fragment.is_empty() => Ok(reference),
            (_, fragment) => {
                Err(FlakeError::new(format!("unexpected fragment '{fragment}' in flake reference '{text}'")))
            }
        }
    }

    /// Reads a reference to something that need not be a flake: a folder of a repository stays one in it, but no `flake.nix`
    /// is looked for.
    ///
    /// # Errors
    /// As [`FlakeRef::parse`].
    pub fn parse_missing(text: &str, context: Context<'_>) -> Result<FlakeRef, FlakeError> {
        match FlakeRef::parse(text, context) {
            Err(_) if text.starts_with(['.', '/', '~']) => {
                FlakeRef::parse(text, Context { flake: false, ..context })
            }
            other => other,
        }
    }

    /// Reads `reference#fragment`: an id of a registry, a URL, or a path.
    ///
    /// # Errors
    /// A malformed URL; a path that is no flake; the texts are the reference's.
    pub fn parse_with_fragment(text: &str, context: Context<'_>) -> Result<(FlakeRef, String), FlakeError> {
        if let Some(found) = parse_id(text)? {
            return Ok(found);
        }
        match ParsedUrl::parse(text) {
            Ok(url) if !text.starts_with(['.', '/', '~']) => from_url(url, context),
            _ => parse_path(text, context),
        }
    }

    /// Reads a reference from attributes; `dir` is taken out.
    ///
    /// # Errors
    /// As [`Input::from_attrs`].
    pub fn from_attrs(mut attrs: Attrs) -> Result<FlakeRef, FlakeError> {
        let dir = match attrs.remove("dir") {
            None => String::new(),
            Some(Attr::Text(dir)) => dir,
            Some(_) => return Err(FlakeError::new("input attribute 'dir' is not a string")),
        };
        Ok(FlakeRef { input: Input::from_attrs(attrs)?, dir })
    }

    /// The attributes, with `dir` unless it is empty.
    pub fn to_attrs(&self) -> Attrs {
        let mut attrs = self.input.attrs().clone();
        if !self.dir.is_empty() {
            attrs.insert("dir".into(), self.dir.as_str().into());
        }
        attrs
    }

    /// The reference as it is compared: old versions left `dir` in the address, too.
    #[must_use]
    pub fn canonical(&self) -> FlakeRef {
        let Some(Ok(mut url)) = self.input.text("url").map(ParsedUrl::parse) else { return self.clone() };
        if !self.dir.is_empty() && url.query.get("dir") == Some(&self.dir) {
            url.query.remove("dir");
        }
        FlakeRef {
            input: self.input.clone().with("url", Some(url.to_string().into())),
            dir: self.dir.clone(),
        }
    }

    /// The path of a `path:` input that is relative: it lies in the tree of the flake that names it.
    pub fn relative_path(&self) -> Option<&str> {
        self.input.text("path").filter(|path| self.input.kind() == "path" && !path.starts_with('/'))
    }
}

/// `nixpkgs`, `nixpkgs/ref`, `nixpkgs/rev`, `nixpkgs/ref/rev`, with a fragment.
fn parse_id(text: &str) -> Result<Option<(FlakeRef, String)>, FlakeError> {
    let (head, fragment) = text.split_once('#').unwrap_or((text, ""));
    let mut parts = head.split('/');
    let id = parts.next().unwrap_or("");
    let id_like = id.starts_with(|c: char| c.is_ascii_alphabetic())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
    if !id_like || head.ends_with('/') || head.contains(['?', ':']) || parts.clone().count() > 2 {
        return Ok(None);
    }
    let Ok(url) = ParsedUrl::parse(&format!("flake:{head}")) else { return Ok(None) };
    let Ok(input) = Input::from_url(&url, true) else { return Ok(None) };
    Ok(Some((
        FlakeRef { input, dir: String::new() },
        percent_decode(fragment).map_err(firn_fetch::FetchError::from)?,
    )))
}

fn from_url(mut url: ParsedUrl, context: Context<'_>) -> Result<(FlakeRef, String), FlakeError> {
    let fragment = std::mem::take(&mut url.fragment);
    if url.scheme == "path" && !url.path.starts_with('/') && !context.keep_relative {
        if let Some(base) = context.base {
            url.path = absolute(&url.path, base);
        }
    }
    let dir = url.query.remove("dir").unwrap_or_default();
    Ok((FlakeRef { input: Input::from_url(&url, context.flake)?, dir }, fragment))
}

/// A path made absolute and free of `.` and `..`, by its text alone.
fn absolute(path: &str, base: &Path) -> String {
    let home = std::env::var("HOME").ok();
    let full = match (path.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => format!("{home}/{rest}"),
        _ if path.starts_with('/') => path.to_owned(),
        _ => format!("{}/{path}", base.display()),
    };
    firn_path::canonical(&full)
}

fn parse_path(text: &str, context: Context<'_>) -> Result<(FlakeRef, String), FlakeError> {
    let (rest, fragment) = text.split_once('#').unwrap_or((text, ""));
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let fragment = percent_decode(fragment).map_err(firn_fetch::FetchError::from)?;
    let path = percent_decode(path).map_err(firn_fetch::FetchError::from)?;
    let mut query = parse_query(query).map_err(firn_fetch::FetchError::from)?;
    let Some(base) = context.base.filter(|_| !context.keep_relative || path.starts_with('/')) else {
        if !path.starts_with('/') && !context.keep_relative {
            return Err(FlakeError::new(format!("flake reference '{text}' is not an absolute path")));
        }
        return Ok((path_ref(path, query)?, fragment));
    };
    let mut path = absolute(&path, base);
    // Links lead to where the flake is; what does not exist is left as it is.
    if let Ok(real) = std::fs::canonicalize(&path) {
        path = real.to_string_lossy().into_owned();
    }
    if !context.flake {
        return Ok((path_ref(path, query)?, fragment));
    }
    if !Path::new(&path).is_dir() {
        if path.ends_with("/flake.nix") {
            path.truncate(path.len() - "/flake.nix".len());
        } else {
            let why = if Path::new(&path).exists() {
                "because it's not a directory"
            } else {
                "because it does not exist"
            };
            return Err(FlakeError::new(format!("path '{path}' is not a flake ({why})")));
        }
    }
    let root = find_flake(&path)?;
    let mut top = root.as_str();
    let mut dir = String::new();
    loop {
        if Path::new(top).join(".git").exists() {
            if !dir.is_empty() {
                if query.contains_key("dir") {
                    return Err(FlakeError::new(format!(
                        "flake URL '{text}' has an inconsistent 'dir' parameter"
                    )));
                }
                query.insert("dir".into(), dir);
            }
            if Path::new(top).join(".git/shallow").exists() {
                query.insert("shallow".into(), "1".into());
            }
            let url = ParsedUrl {
                scheme: "git+file".into(),
                authority: Some(String::new()),
                path: top.to_owned(),
                query,
                fragment,
            };
            return from_url(url, context);
        }
        let Some((parent, name)) = top.rsplit_once('/').filter(|_| top != "/") else { break };
        dir = if dir.is_empty() { name.to_owned() } else { format!("{name}/{dir}") };
        top = if parent.is_empty() { "/" } else { parent };
    }
    Ok((path_ref(root, query)?, fragment))
}

fn path_ref(path: String, query: std::collections::BTreeMap<String, String>) -> Result<FlakeRef, FlakeError> {
    let mut query = query;
    let dir = query.remove("dir").unwrap_or_default();
    let url = ParsedUrl { scheme: "path".into(), authority: None, path, query, fragment: String::new() };
    Ok(FlakeRef { input: Input::from_url(&url, true)?, dir })
}

/// The nearest folder upwards with a `flake.nix`, not beyond the repository or the file system.
fn find_flake(path: &str) -> Result<String, FlakeError> {
    use std::os::unix::fs::MetadataExt;
    let has = |p: &Path, name: &str| p.join(name).symlink_metadata().is_ok();
    let start = Path::new(path);
    let device = |p: &Path| p.metadata().map(|m| m.dev()).ok();
    let mut at = start;
    loop {
        if has(at, "flake.nix") {
            return Ok(at.to_string_lossy().into_owned());
        }
        if has(at, ".git") {
            return Err(FlakeError::new(format!(
                "path '{path}' is not part of a flake (neither it nor its parent directories contain a 'flake.nix' file)"
            )));
        }
        let Some(parent) = at.parent() else {
            return Err(FlakeError::new("could not find a flake.nix file"));
        };
        if device(parent) != device(start) {
            return Err(FlakeError::new(format!(
                "unable to find a flake before encountering filesystem boundary at '{}'",
                at.display()
            )));
        }
        at = parent;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> (String, String) {
        let cx = Context { base: Some(Path::new("/base")), flake: false, keep_relative: false };
        let (r, f) = FlakeRef::parse_with_fragment(text, cx).unwrap_or_else(|e| panic!("{text}: {e}"));
        (r.to_string(), f)
    }

    #[test]
    fn forms() {
        for (text, url, fragment) in [
            ("nixpkgs", "flake:nixpkgs", ""),
            ("nixpkgs/release-23.11#hello", "flake:nixpkgs/release-23.11", "hello"),
            ("nixpkgs#legacyPackages.x.\"a%20b\"", "flake:nixpkgs", "legacyPackages.x.\"a b\""),
            ("github:o/r", "github:o/r", ""),
            ("github:o/r/refs/pull/1/head?dir=x", "github:o/r/refs/pull/1/head?dir=x", ""),
            ("git+file:///x?ref=main#y", "git+file:///x?ref=main", "y"),
            ("./x", "path:/base/x", ""),
            ("/a/../b?dir=c", "path:/b?dir=c", ""),
            ("path:./x", "path:/base/x", ""),
            ("https://h/x.tar.gz", "https://h/x.tar.gz", ""),
            (".", "path:/base", ""),
        ] {
            assert_eq!(parse(text), (url.to_owned(), fragment.to_owned()), "{text}");
        }
    }

    #[test]
    fn relative_inputs_stay_relative() {
        let cx = Context { base: None, flake: true, keep_relative: true };
        let r = FlakeRef::parse("path:../x", cx).unwrap();
        assert_eq!(r.relative_path(), Some("../x"));
        assert_eq!(FlakeRef::parse("./y", cx).unwrap().relative_path(), Some("./y"));
    }
}
