//! `manifest.json` of profiles of `nix profile`: version 3 is written, 1 to 3 and `manifest.nix` of `nix-env` are read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use firn_build::builtins::{EnvironmentError, Package, build_environment};
use firn_path::{ContentMethod, ExtendedOutputsSpec, OutputsSpec, StoreDir, StorePath, StorePathSet};
use firn_store::{DumpMethod, NewContents, Store};
use serde_json::{Map, Value, json};

use crate::args::Parsed;
use crate::error::CliError;
use crate::evaluation::{Mode, evaluate};
use crate::packages::split_name;
use crate::session::Session;

/// The priority of packages that have none; lower numbers win.
pub(crate) const DEFAULT_PRIORITY: i64 = 5;

/// Where an element came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// The reference that is looked up again on upgrade.
    pub original: String,
    /// What it was.
    pub locked: String,
    pub attr_path: String,
    pub outputs: ExtendedOutputsSpec,
}

/// A package of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Element {
    pub paths: StorePathSet,
    pub active: bool,
    pub priority: i64,
    pub source: Option<Source>,
}

/// What a profile consists of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub elements: BTreeMap<String, Element>,
}

impl Source {
    /// `ref#attr^outputs`
    pub(crate) fn installable(&self) -> String {
        format!("{}#{}{}", self.original, self.attr_path, self.outputs)
    }
}

impl Element {
    /// What it is called in lists and messages.
    pub(crate) fn identifier(&self) -> String {
        match &self.source {
            Some(source) => source.installable(),
            None => {
                let names: BTreeSet<String> = self.paths.iter().map(|p| split_name(p.name()).0).collect();
                names.into_iter().filter(|n| !n.is_empty()).collect::<Vec<_>>().join(", ")
            }
        }
    }

    /// The versions of its paths, as lists show them.
    pub(crate) fn versions(&self) -> String {
        show_versions(&self.paths.iter().map(|p| split_name(p.name()).1).collect())
    }

    /// What a user would install it again as.
    fn installables(&self, dir: &StoreDir) -> Vec<String> {
        match &self.source {
            Some(source) => vec![source.installable()],
            None => self.paths.iter().map(|p| dir.print(p)).collect(),
        }
    }

    /// The name that it gets in a profile.
    pub(crate) fn name(&self) -> String {
        let found = self.source.as_ref().and_then(|s| name_of_url(&s.installable()));
        found.unwrap_or_else(|| self.identifier())
    }
}

/// Versions for a person: `∅` if there are none, `ε` for one without text.
pub(crate) fn show_versions(versions: &BTreeSet<String>) -> String {
    if versions.is_empty() {
        return "∅".to_owned();
    }
    let shown: BTreeSet<&str> =
        versions.iter().map(|v| if v.is_empty() { "ε" } else { v.as_str() }).collect();
    shown.into_iter().collect::<Vec<_>>().join(", ")
}

/// A word that can be a name: letters, digits, `_` and `-`.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_' || c == b'-')
}

/// A short name for a flake and attribute: the folder in `dir=`, the last attribute, the repository, the last folder.
fn name_of_url(url: &str) -> Option<String> {
    let (base, fragment) = url.split_once('#').unwrap_or((url, ""));
    let (base, query) = base.split_once('?').unwrap_or((base, ""));
    if let Some(dir) = query.split('&').find_map(|q| q.strip_prefix("dir=")) {
        return Some(dir.to_owned());
    }
    let attr = fragment.split('^').next().unwrap_or("");
    let (before, last) = attr.rsplit_once('.').map_or(("", attr), |(b, l)| (b, l));
    if is_word(last) && attr.split('.').all(is_word) && before != "defaultPackage" && last != "default" {
        return Some(last.to_owned());
    }
    let (scheme, path) = base.split_once(':').unwrap_or(("", base));
    let path = path.strip_prefix("//").map_or(path, |rest| rest.find('/').map_or("", |at| &rest[at..]));
    if matches!(scheme, "github" | "gitlab" | "sourcehut") {
        let mut parts = path.split('/');
        if let (Some(_), Some(repository)) = (parts.next(), parts.next()) {
            return Some(repository.to_owned());
        }
    }
    path.rsplit_once('/').map(|(_, last)| last.to_owned()).filter(|last| is_word(last))
}

fn outputs_from_json(json: &Value) -> ExtendedOutputsSpec {
    match json.as_array() {
        None => ExtendedOutputsSpec::Default,
        Some(names) => {
            let names: BTreeSet<String> =
                names.iter().filter_map(|n| n.as_str().map(str::to_owned)).collect();
            ExtendedOutputsSpec::Explicit(if names.contains("*") {
                OutputsSpec::All
            } else {
                OutputsSpec::Names(names)
            })
        }
    }
}

fn outputs_to_json(outputs: &ExtendedOutputsSpec) -> Value {
    match outputs {
        ExtendedOutputsSpec::Default => Value::Null,
        ExtendedOutputsSpec::Explicit(OutputsSpec::All) => json!(["*"]),
        ExtendedOutputsSpec::Explicit(OutputsSpec::Names(names)) => json!(names),
    }
}

impl Manifest {
    /// Adds an element under a name that is free: `name`, `name-1`, …
    pub(crate) fn add(&mut self, name: &str, element: Element) {
        let mut free = name.to_owned();
        let mut n = 0;
        while self.elements.contains_key(&free) {
            n += 1;
            free = format!("{name}-{n}");
        }
        self.elements.insert(free, element);
    }

    /// Reads `manifest.json`.
    ///
    /// # Errors
    /// Another version, or something malformed.
    pub(crate) fn parse(text: &str, file: &Path, dir: &StoreDir) -> Result<Manifest, CliError> {
        let wrong = |what: &str| CliError::new(format!("profile manifest \"{}\" {what}", file.display()));
        let json: Value = serde_json::from_str(text).map_err(|e| wrong(&format!("is malformed: {e}")))?;
        let version = json["version"].as_u64().unwrap_or(0);
        let (url, original) = match version {
            1 => ("uri", "originalUri"),
            2 | 3 => ("url", "originalUrl"),
            _ => return Err(wrong(&format!("has unsupported version {version}"))),
        };
        let malformed = || wrong("is malformed");
        let element = |json: &Value| -> Result<Element, CliError> {
            let text = |name: &str| json[name].as_str().map(str::to_owned);
            let paths = json["storePaths"].as_array().ok_or_else(malformed)?;
            let paths = paths
                .iter()
                .map(|p| Ok(dir.parse(p.as_str().ok_or_else(malformed)?)?))
                .collect::<Result<StorePathSet, CliError>>()?;
            let source = match text(url).filter(|u| !u.is_empty()) {
                None => None,
                Some(locked) => Some(Source {
                    original: text(original).ok_or_else(malformed)?,
                    locked,
                    attr_path: text("attrPath").ok_or_else(malformed)?,
                    outputs: outputs_from_json(&json["outputs"]),
                }),
            };
            Ok(Element {
                paths,
                active: json["active"].as_bool().unwrap_or(true),
                priority: json["priority"].as_i64().unwrap_or(DEFAULT_PRIORITY),
                source,
            })
        };
        let mut manifest = Manifest::default();
        match &json["elements"] {
            Value::Object(all) => {
                for (name, json) in all {
                    manifest.add(name, element(json)?);
                }
            }
            Value::Array(all) => {
                for json in all {
                    let element = element(json)?;
                    manifest.add(&element.name(), element);
                }
            }
            _ => return Err(malformed()),
        }
        Ok(manifest)
    }

    /// As it is written, version 3.
    pub(crate) fn to_json(&self, dir: &StoreDir) -> Value {
        let mut elements = Map::new();
        for (name, element) in &self.elements {
            let paths: Vec<String> = element.paths.iter().map(|p| dir.print(p)).collect();
            let mut json =
                json!({ "active": element.active, "priority": element.priority, "storePaths": paths });
            if let Some(source) = &element.source {
                json["attrPath"] = source.attr_path.clone().into();
                json["originalUrl"] = source.original.clone().into();
                json["outputs"] = outputs_to_json(&source.outputs);
                json["url"] = source.locked.clone().into();
            }
            if let Value::Object(json) = &mut json {
                json.sort_keys();
            }
            elements.insert(name.clone(), json);
        }
        json!({ "elements": elements, "version": 3 })
    }

    /// Makes the tree of links in the store; gives its path.
    ///
    /// # Errors
    /// Two packages of equal priority with the same file; those of the store.
    pub(crate) fn build(&self, session: &Session) -> Result<StorePath, CliError> {
        let store = session.store()?;
        let store = store.as_ref();
        let dir = store.store_dir();
        let mut references = StorePathSet::new();
        let mut packages = Vec::new();
        for element in self.elements.values() {
            for path in &element.paths {
                references.insert(path.clone());
                let path = PathBuf::from(dir.print(path));
                packages.push(Package { path, active: element.active, priority: element.priority });
            }
        }
        let tree = tempfile::Builder::new().prefix("nix-profile").tempdir()?;
        let out = tree.path().join("profile");
        std::fs::create_dir(&out)?;
        let real = |path: &Path| real_path(store, path);
        let built = build_environment(&out, packages, &real, &mut |warning| session.warn(warning));
        built.map_err(|error| self.explain(error, dir))?;
        std::fs::write(out.join("manifest.json"), self.to_json(dir).to_string())?;
        let new = NewContents {
            name: "profile",
            method: ContentMethod::NixArchive,
            algo: firn_hash::Algo::Sha256,
            references: &references,
            repair: false,
        };
        let info = store.add_dump(&new, DumpMethod::Nar, &mut |to| Ok(firn_source::dump_path(&out, to)?))?;
        Ok(info.path.clone())
    }

    /// Says which packages are in each other's way, and what can be done.
    fn explain(&self, error: EnvironmentError, dir: &StoreDir) -> CliError {
        let EnvironmentError::Conflict { first, second, priority } = &error else {
            return CliError::new(error.to_string());
        };
        let owner = |mut elements: Box<dyn Iterator<Item = (&String, &Element)> + '_>| {
            elements.find_map(|(name, element)| {
                let has = |file: &Path| element.paths.iter().any(|p| file.starts_with(dir.print(p)));
                let file = [first, second].into_iter().find(|f| has(f))?;
                Some((file.display().to_string(), name.clone(), element.installables(dir).join(" ")))
            })
        };
        let old = owner(Box::new(self.elements.iter()));
        let new = owner(Box::new(self.elements.iter().rev()));
        let (Some((old_file, old_name, _)), Some((new_file, _, new_installable))) = (old, new) else {
            return CliError::new(error.to_string());
        };
        CliError::new(format!(
            "An existing package already provides the following file:\n\n  \"{old_file}\"\n\n\
             This is the conflicting file from the new package:\n\n  \"{new_file}\"\n\n\
             To remove the existing package:\n\n  nix profile remove {old_name}\n\n\
             The new package can also be added next to the existing one by assigning a different priority.\n\
             The conflicting packages have a priority of {priority}.\n\
             To prioritise the new package:\n\n  nix profile add {new_installable} --priority {}\n\n\
             To prioritise the existing package:\n\n  nix profile add {new_installable} --priority {}\n",
            priority - 1,
            priority + 1
        ))
    }
}

/// Where the files of a logical path are.
pub(crate) fn real_path(store: &dyn Store, path: &Path) -> PathBuf {
    match (store.as_local(), path.to_str()) {
        (Some(local), Some(text)) if store.store_dir().is_in_store(text) => local.to_real(path),
        _ => path.to_owned(),
    }
}

/// The manifest of a profile, empty if there is none.
///
/// # Errors
/// It is malformed.
pub(crate) fn read(session: &Session, profile: &Path) -> Result<Manifest, CliError> {
    let store = session.store()?;
    let Some(path) = crate::profile::current(session, profile)? else { return Ok(Manifest::default()) };
    let folder = real_path(store.as_ref(), Path::new(&store.store_dir().print(&path)));
    let file = folder.join("manifest.json");
    if let Ok(text) = std::fs::read_to_string(&file) {
        return Manifest::parse(&text, &file, store.store_dir());
    }
    let mut manifest = Manifest::default();
    if !folder.join("manifest.nix").exists() {
        return Ok(manifest);
    }
    let paths = evaluate(session, &Parsed::default(), Mode { pure: false, read_only: true }, |ctx| {
        let installed = crate::packages::installed(ctx, &folder)?;
        installed.iter().map(|p| p.out_path(ctx)).collect::<Result<Vec<_>, _>>()
    })?;
    for path in paths {
        let element =
            Element { paths: [path].into(), active: true, priority: DEFAULT_PRIORITY, source: None };
        manifest.add(&element.name(), element);
    }
    Ok(manifest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_urls() {
        for (url, name) in [
            ("flake:nixpkgs#hello", Some("hello")),
            ("github:edolstra/nix-serve#packages.x86_64-linux.default", Some("nix-serve")),
            ("path:/tmp/flake1#packages.x86_64-linux.default", Some("flake1")),
            ("git+file:///home/u/my-repo?dir=sub#default", Some("sub")),
            ("github:a/b#legacyPackages.x86_64-linux.python3Packages.x^dev", Some("x")),
            ("git+https://example.org/a/repo#defaultPackage.x86_64-linux", Some("repo")),
            ("path:.#default", None),
        ] {
            assert_eq!(name_of_url(url).as_deref(), name, "{url}");
        }
    }

    #[test]
    fn manifests_of_all_versions() {
        let dir = StoreDir::new("/nix/store").unwrap();
        let path = "/nix/store/00000000000000000000000000000000-hello-2.12";
        let old = format!(
            r#"{{"version":2,"elements":[{{"active":true,"attrPath":"legacyPackages.x86_64-linux.hello","originalUrl":"flake:nixpkgs","outputs":null,"priority":5,"storePaths":["{path}"],"url":"github:NixOS/nixpkgs/aaaa"}},{{"active":true,"storePaths":["{path}"]}}]}}"#
        );
        let manifest = Manifest::parse(&old, Path::new("m"), &dir).unwrap();
        assert_eq!(manifest.elements.keys().collect::<Vec<_>>(), ["hello", "hello-1"]);
        assert_eq!(manifest.elements["hello"].versions(), "2.12");
        let new = manifest.to_json(&dir).to_string();
        assert!(new.ends_with(r#""version":3}"#), "{new}");
        assert_eq!(Manifest::parse(&new, Path::new("m"), &dir).unwrap(), manifest);
        for bad in ["", "{}", r#"{"version":4,"elements":{}}"#, r#"{"version":3,"elements":3}"#] {
            assert!(Manifest::parse(bad, Path::new("m"), &dir).is_err(), "{bad}");
        }
    }
}
