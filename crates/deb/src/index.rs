//! The archive's indexes: `InRelease`, `Packages` and `Sources`.
//!
//! Source of the formats: the repository format page of the Debian wiki. Only the fields that the lock needs are kept.

use std::collections::{BTreeMap, HashMap};

use crate::DebError;
use crate::control::{Paragraph, Paragraphs};
use crate::lock::{Package, Source, SourceFile};
use crate::relation::{Relation, is_package_name, parse_relations};
use crate::version::Version;

/// A promised file: SHA-256 in base 16 and size in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileHash {
    /// SHA-256, base 16.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
}

/// What a release file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The code name: `trixie`.
    pub codename: String,
    /// The version, `13.7`; empty if there is none.
    pub version: String,
    /// The date, as written.
    pub date: String,
    /// The indexes by their path below the release.
    pub files: BTreeMap<String, FileHash>,
}

impl Release {
    /// Reads the signed text of an `InRelease` file; `what` names it in errors.
    pub fn parse(text: &str, what: &str) -> Result<Release, DebError> {
        let fail =
            |reason: &str| DebError::Syntax { what: what.to_owned(), line: 1, reason: reason.to_owned() };
        let paragraph = Paragraphs::new(text, what).next().ok_or_else(|| fail("the file is empty"))??;
        let hashes = paragraph.get("SHA256").ok_or_else(|| fail("it has no SHA256 field"))?;
        let files = hashes
            .lines()
            .filter_map(|line| hash_line(line).map(|(file, path)| (path.to_owned(), file)))
            .collect();
        let field = |name| paragraph.get(name).unwrap_or_default().to_owned();
        Ok(Release { codename: field("Codename"), version: field("Version"), date: field("Date"), files })
    }
}

/// Reads ` <sha256> <size> <path>`.
fn hash_line(line: &str) -> Option<(FileHash, &str)> {
    let mut words = line.split_ascii_whitespace();
    let (sha256, size, path) = (words.next()?, words.next()?.parse().ok()?, words.next()?);
    let hash = FileHash { sha256: sha256.to_owned(), size };
    (sha256.len() == 64 && words.next().is_none()).then_some((hash, path))
}

/// A binary package of the index, as far as resolving needs it.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Its parsed version.
    pub version: Version,
    /// What goes into the lock.
    pub package: Package,
    /// The clauses of `Pre-Depends` and `Depends`.
    pub depends: Vec<Vec<Relation>>,
}

/// The text of one or more `Packages` files, with an index over names and provided names.
///
/// Paragraphs are only read in full when they are asked for: an index has 70,000 of them, a lock a few hundred.
#[derive(Debug, Default)]
pub struct PackageIndex<'a> {
    packages: HashMap<&'a str, &'a str>,
    provides: HashMap<&'a str, Vec<(&'a str, Option<&'a str>)>>,
}

impl<'a> PackageIndex<'a> {
    /// Adds an index; a package that an earlier one has, stays. Of two versions in one index the later counts.
    pub fn add(&mut self, text: &'a str, what: &str) -> Result<(), DebError> {
        let mut added: HashMap<&'a str, &'a str> = HashMap::new();
        for block in text.split("\n\n") {
            let Some(name) = field(block, "Package") else { continue };
            if self.packages.contains_key(name) {
                continue;
            }
            match added.get(name) {
                Some(other) if version_of(other, what)? >= version_of(block, what)? => {}
                _ => {
                    added.insert(name, block);
                }
            }
        }
        for (name, block) in &added {
            for provided in field(block, "Provides").into_iter().flat_map(|value| value.split(',')) {
                let (provided, version) = match provided.split_once('(') {
                    Some((provided, rest)) => {
                        (provided, Some(rest.trim_start_matches(['=', ' ']).trim_end_matches([')', ' '])))
                    }
                    None => (provided, None),
                };
                let provided = provided.trim().split(':').next().unwrap_or_default();
                if !provided.is_empty() {
                    self.provides.entry(provided).or_default().push((name, version));
                }
            }
        }
        self.provides.values_mut().for_each(|names| names.sort_unstable());
        self.packages.extend(added);
        Ok(())
    }

    /// The number of packages.
    pub fn len(&self) -> usize {
        self.packages.len()
    }

    /// Tells whether there is no package.
    pub fn is_empty(&self) -> bool {
        self.packages.is_empty()
    }

    /// Tells whether a package of this name exists.
    pub fn contains(&self, name: &str) -> bool {
        self.packages.contains_key(name)
    }

    /// The packages that provide a name and the version that they provide it as, sorted by name.
    pub fn providers(&self, name: &str) -> &[(&'a str, Option<&'a str>)] {
        self.provides.get(name).map_or(&[], Vec::as_slice)
    }

    /// The version of a package.
    pub fn version(&self, name: &str) -> Option<Version> {
        field(self.packages.get(name)?, "Version")?.parse().ok()
    }

    /// Reads a package in full.
    pub fn candidate(&self, name: &str) -> Result<Option<Candidate>, DebError> {
        let Some(block) = self.packages.get(name) else { return Ok(None) };
        let what = format!("index entry of '{name}'");
        let paragraph = Paragraphs::new(block, &what).next().transpose()?.unwrap_or_default();
        read_candidate(&paragraph, name, &what).map(Some)
    }
}

/// The value of a one-line field of a paragraph, without reading the rest.
fn field<'a>(block: &'a str, name: &str) -> Option<&'a str> {
    let mut from = 0;
    loop {
        let rest = block.get(from..)?;
        if let Some(value) = rest.strip_prefix(name).and_then(|rest| rest.strip_prefix(':')) {
            return Some(value.lines().next().unwrap_or_default().trim());
        }
        from += memchr::memchr(b'\n', rest.as_bytes())? + 1;
    }
}

fn version_of(block: &str, what: &str) -> Result<Version, DebError> {
    let version = field(block, "Version").unwrap_or_default();
    version.parse().map_err(|error: DebError| DebError::Syntax {
        what: what.to_owned(),
        line: 0,
        reason: error.to_string(),
    })
}

fn required<'a>(paragraph: &Paragraph<'a>, field: &str, what: &str) -> Result<&'a str, DebError> {
    paragraph.get(field).filter(|value| !value.is_empty()).ok_or_else(|| DebError::Syntax {
        what: what.to_owned(),
        line: 1,
        reason: format!("it has no field '{field}'"),
    })
}

fn read_candidate(paragraph: &Paragraph<'_>, name: &str, what: &str) -> Result<Candidate, DebError> {
    let number = |field: &str| -> Result<u64, DebError> {
        required(paragraph, field, what)?.parse().map_err(|_| DebError::Syntax {
            what: what.to_owned(),
            line: 1,
            reason: format!("'{field}' is not a number"),
        })
    };
    let version: Version = required(paragraph, "Version", what)?.parse()?;
    let mut depends = Vec::new();
    for field in ["Pre-Depends", "Depends"] {
        depends.extend(parse_relations(&paragraph.get(field).unwrap_or_default().replace('\n', " "))?);
    }
    let source = paragraph.get("Source").map(|source| source.split(' ').next().unwrap_or(source));
    let package = Package {
        version: version.to_string(),
        path: required(paragraph, "Filename", what)?.to_owned(),
        sha256: required(paragraph, "SHA256", what)?.to_owned(),
        size: number("Size")?,
        installed: number("Installed-Size").unwrap_or(0),
        source: source.filter(|source| *source != name && is_package_name(source)).map(str::to_owned),
        description: first_line(paragraph.get("Description")),
        homepage: paragraph.get("Homepage").map(|page| first_line(Some(page))),
    };
    Ok(Candidate { version, package, depends })
}

fn first_line(value: Option<&str>) -> String {
    value.unwrap_or_default().lines().next().unwrap_or_default().trim().to_owned()
}

/// Looks source packages up in a `Sources` index; of several versions the latest counts. Names that are not there are absent in the result.
pub fn find_sources(text: &str, names: &[String], what: &str) -> Result<BTreeMap<String, Source>, DebError> {
    let mut found: BTreeMap<String, (Version, Source)> = BTreeMap::new();
    for block in text.split("\n\n") {
        let Some(name) = field(block, "Package") else { continue };
        if !names.iter().any(|wanted| wanted == name) {
            continue;
        }
        let paragraph = Paragraphs::new(block, what).next().transpose()?.unwrap_or_default();
        let version: Version = required(&paragraph, "Version", what)?.parse()?;
        if found.get(name).is_some_and(|(other, _)| *other >= version) {
            continue;
        }
        let directory = required(&paragraph, "Directory", what)?;
        let mut files: Vec<SourceFile> = (required(&paragraph, "Checksums-Sha256", what)?.lines())
            .filter_map(hash_line)
            .map(|(hash, file)| SourceFile {
                path: format!("{directory}/{file}"),
                sha256: hash.sha256,
                size: hash.size,
            })
            .collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let source = Source { version: version.to_string(), files };
        found.insert(name.to_owned(), (version, source));
    }
    Ok(found.into_iter().map(|(name, (_, source))| (name, source)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKAGES: &str = "Package: awkish\nVersion: 1.0\nProvides: awk, posix-awk (= 2)\nFilename: pool/a.deb\nSHA256: 00\nSize: 5\nDepends: libc6 (>= 2)\nPre-Depends: x1\nDescription: pattern\n scanner\n\nPackage: awkish\nVersion: 1.1\nFilename: pool/b.deb\nSHA256: 00\nSize: 6\nSource: src-awk (1.0)\nInstalled-Size: 9\n";

    #[test]
    fn the_latest_version_of_a_package_counts() {
        let mut index = PackageIndex::default();
        index.add(PACKAGES, "Packages").unwrap();
        let candidate = index.candidate("awkish").unwrap().unwrap();
        assert_eq!((candidate.package.version.as_str(), candidate.package.size), ("1.1", 6));
        assert_eq!(candidate.package.source.as_deref(), Some("src-awk"));
        assert!(index.candidate("other").unwrap().is_none());
        let first = PACKAGES.split("\n\n").next().unwrap();
        let mut index = PackageIndex::default();
        index.add(first, "Packages").unwrap();
        index.add(PACKAGES, "other suite").unwrap();
        assert_eq!(index.candidate("awkish").unwrap().unwrap().package.version, "1.0");
        assert_eq!(index.candidate("awkish").unwrap().unwrap().depends.len(), 2);
        assert_eq!(index.providers("awk"), [("awkish", None)]);
        assert_eq!(index.providers("posix-awk"), [("awkish", Some("2"))]);
    }

    #[test]
    fn sources_list_their_files() {
        let hash = "a".repeat(64);
        let text = format!(
            "Package: hello\nVersion: 2.10-5\nDirectory: pool/main/h/hello\nChecksums-Sha256:\n {hash} 10 hello.dsc\n {hash} 20 hello_2.10.orig.tar.gz\n\nPackage: other\n"
        );
        let sources = find_sources(&text, &["hello".to_owned(), "none".to_owned()], "Sources").unwrap();
        assert_eq!(sources.len(), 1);
        assert_eq!(sources["hello"].files[1].path, "pool/main/h/hello/hello_2.10.orig.tar.gz");
    }

    #[test]
    fn a_release_lists_indexes() {
        let hash = "b".repeat(64);
        let text = format!(
            "Codename: trixie\nVersion: 13.7\nDate: today\nMD5Sum:\n 00 1 x\nSHA256:\n {hash} 7 main/Packages.xz\n"
        );
        let release = Release::parse(&text, "InRelease").unwrap();
        assert_eq!(release.files["main/Packages.xz"].size, 7);
        assert!(Release::parse("Codename: x\n", "InRelease").is_err());
        assert!(Release::parse("", "InRelease").is_err());
    }
}
