//! Narinfos: one small text a path, `<hash part>.narinfo`.
//!
//! Lines are `Name: value`; the names are `StorePath`, `URL`, `Compression`, `FileHash`, `FileSize`, `NarHash`, `NarSize`,
//! `References`, `Deriver`, `Sig` (any number) and `CA`. Unknown names are passed over.

use std::fmt::Write as _;

use firn_hash::{Algo, Hash};
use firn_path::{ContentAddress, StoreDir, StorePath};
use firn_source::Compression;
use firn_store::PathInfo;

use crate::error::CacheError;

/// A narinfo longer than this is refused.
pub(crate) const MAX_NARINFO: usize = 8 << 20;

/// What a cache knows of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NarInfo {
    /// What every store knows.
    pub info: PathInfo,
    /// Where the archive is, relative to the cache.
    pub url: String,
    /// What it is packed with.
    pub compression: Compression,
    /// SHA-256 of the packed archive, where known.
    pub file_hash: Option<Hash>,
    /// Bytes of the packed archive; 0 if unknown.
    pub file_size: u64,
}

impl NarInfo {
    /// The file of a path's narinfo.
    pub fn file_name(path: &StorePath) -> String {
        format!("{}.narinfo", path.hash_part())
    }

    /// Parses a narinfo; `whence` is its name in messages.
    ///
    /// # Errors
    /// [`CacheError::CorruptNarInfo`].
    pub fn parse(dir: &StoreDir, text: &str, whence: &str) -> Result<NarInfo, CacheError> {
        Parser::new(dir, whence).parse(text)
    }

    /// The text.
    pub fn render(&self, dir: &StoreDir) -> String {
        let info = &self.info;
        let mut out = String::with_capacity(512);
        let _ = writeln!(out, "StorePath: {}", dir.print(&info.path));
        let _ = writeln!(out, "URL: {}", self.url);
        let _ = writeln!(out, "Compression: {}", self.compression);
        if let Some(hash) = &self.file_hash {
            let _ = writeln!(out, "FileHash: {}:{}", hash.algo(), hash.nix32());
        }
        if self.file_size != 0 {
            let _ = writeln!(out, "FileSize: {}", self.file_size);
        }
        let _ = writeln!(out, "NarHash: {}:{}", info.nar_hash.algo(), info.nar_hash.nix32());
        let _ = writeln!(out, "NarSize: {}", info.nar_size);
        let references: Vec<&str> = info.references.iter().map(StorePath::base_name).collect();
        let _ = writeln!(out, "References: {}", references.join(" "));
        if let Some(deriver) = &info.deriver {
            let _ = writeln!(out, "Deriver: {}", deriver.base_name());
        }
        for sig in &info.sigs {
            let _ = writeln!(out, "Sig: {sig}");
        }
        if let Some(ca) = &info.ca {
            let _ = writeln!(out, "CA: {ca}");
        }
        out
    }
}

struct Parser<'a> {
    dir: &'a StoreDir,
    whence: &'a str,
    line: usize,
    path: Option<StorePath>,
    nar_hash: Option<Hash>,
    url: String,
    compression: Option<Compression>,
    file_hash: Option<Hash>,
    file_size: u64,
    info: PathInfo,
}

impl<'a> Parser<'a> {
    fn new(dir: &'a StoreDir, whence: &'a str) -> Self {
        let nothing = StorePath::from_hash(&[0; 20], "x").expect("a fixed name is valid");
        Parser {
            dir,
            whence,
            line: 1,
            path: None,
            nar_hash: None,
            url: String::new(),
            compression: None,
            file_hash: None,
            file_size: 0,
            info: PathInfo::new(nothing, Hash::zero(Algo::Sha256), 0),
        }
    }

    fn corrupt(&self, reason: &str) -> CacheError {
        let reason =
            if self.line > 0 { format!("{reason} at line {}", self.line) } else { reason.to_owned() };
        CacheError::CorruptNarInfo { whence: self.whence.to_owned(), reason }
    }

    fn parse(mut self, text: &str) -> Result<NarInfo, CacheError> {
        let mut rest = text;
        while !rest.is_empty() {
            let colon = rest.find(':').ok_or_else(|| self.corrupt("expecting ':'"))?;
            let name = &rest[..colon];
            // the value starts behind the colon and one more byte
            let start = colon + 2;
            let (value, after) = rest
                .get(start..)
                .and_then(|tail| tail.split_once('\n'))
                .ok_or_else(|| self.corrupt("expecting '\\n'"))?;
            self.field(name, value)?;
            rest = after;
            self.line += 1;
        }
        self.line = 0;
        let Some(path) = self.path.clone() else { return Err(self.corrupt("StorePath missing")) };
        let Some(nar_hash) = self.nar_hash else { return Err(self.corrupt("NarHash missing")) };
        if self.url.is_empty() {
            return Err(self.corrupt("URL missing"));
        }
        if self.info.nar_size == 0 {
            return Err(self.corrupt("NarSize missing or zero"));
        }
        self.info.path = path;
        self.info.nar_hash = nar_hash;
        Ok(NarInfo {
            info: self.info,
            url: self.url,
            compression: self.compression.unwrap_or(Compression::Bzip2),
            file_hash: self.file_hash,
            file_size: self.file_size,
        })
    }

    fn field(&mut self, name: &str, value: &str) -> Result<(), CacheError> {
        match name {
            "StorePath" => {
                self.path = Some(self.dir.parse(value).map_err(|e| self.corrupt(&e.to_string()))?);
            }
            "URL" => self.url = value.to_owned(),
            "Compression" => {
                self.compression = Some(match value {
                    "" => Compression::Bzip2,
                    name => name.parse().map_err(|_| self.corrupt("invalid Compression"))?,
                });
            }
            "FileHash" => self.file_hash = Some(self.hash(value)?),
            "FileSize" => self.file_size = value.parse().map_err(|_| self.corrupt("invalid FileSize"))?,
            "NarHash" => self.nar_hash = Some(self.hash(value)?),
            "NarSize" => self.info.nar_size = value.parse().map_err(|_| self.corrupt("invalid NarSize"))?,
            "References" => {
                if !self.info.references.is_empty() {
                    return Err(self.corrupt("extra References"));
                }
                for reference in value.split_ascii_whitespace() {
                    let path = self.base_name(reference)?;
                    self.info.references.insert(path);
                }
            }
            "Deriver" if value != "unknown-deriver" => self.info.deriver = Some(self.base_name(value)?),
            "Sig" => {
                if !value.contains(':') {
                    return Err(self.corrupt("invalid Sig"));
                }
                self.info.sigs.insert(value.to_owned());
            }
            "CA" => {
                if self.info.ca.is_some() {
                    return Err(self.corrupt("extra CA"));
                }
                self.info.ca = ContentAddress::parse_opt(value).map_err(|e| self.corrupt(&e.to_string()))?;
            }
            _ => {}
        }
        Ok(())
    }

    fn hash(&self, value: &str) -> Result<Hash, CacheError> {
        let hash = Hash::parse_any(value, None).map_err(|_| self.corrupt("bad hash"))?;
        // signatures and databases know no other
        if hash.algo() != Algo::Sha256 {
            return Err(self.corrupt("bad hash"));
        }
        Ok(hash)
    }

    fn base_name(&self, value: &str) -> Result<StorePath, CacheError> {
        StorePath::from_base_name(value).map_err(|e| self.corrupt(&e.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "StorePath: /nix/store/7rjj86a15146cq1d3qy068lml7n7ykzm-python3-3.9\n\
URL: nar/0wkfr16m58jl5wfhr4yi04m8cmi9qnkgrhv3w96qj4kq3lfhw3j3.nar.xz\n\
Compression: xz\n\
FileHash: sha256:0wkfr16m58jl5wfhr4yi04m8cmi9qnkgrhv3w96qj4kq3lfhw3j3\n\
FileSize: 4029176\n\
NarHash: sha256:1s5cdq0nnckwyb12vnnr72v0xy82r13n1b8m03r63zqhnjf7l5wn\n\
NarSize: 34878\n\
References: 7rjj86a15146cq1d3qy068lml7n7ykzm-python3-3.9 g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-bar\n\
Deriver: qwhhi8lf0ljr9k1w0qw0bjckz0xs6ry7-python3-3.9.drv\n\
Sig: a-1:AAAA\n\
Sig: b-1:BBBB\n";

    fn dir() -> StoreDir {
        StoreDir::new("/nix/store").expect("a folder")
    }

    #[test]
    fn what_is_printed_is_what_was_parsed() {
        let parsed = NarInfo::parse(&dir(), TEXT, "x").expect("it parses");
        assert_eq!(parsed.render(&dir()), TEXT);
        assert_eq!(parsed.info.references.len(), 2);
        assert_eq!(parsed.compression, Compression::Xz);
    }

    #[test]
    fn defaults_and_strangers() {
        let text = TEXT
            .replace("Compression: xz\n", "Hello: there\n")
            .replace("Deriver: qwhhi8lf0ljr9k1w0qw0bjckz0xs6ry7-python3-3.9.drv", "Deriver: unknown-deriver");
        let parsed = NarInfo::parse(&dir(), &text, "x").expect("it parses");
        assert_eq!(parsed.compression, Compression::Bzip2);
        assert_eq!(parsed.info.deriver, None);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let reason = |text: &str| NarInfo::parse(&dir(), text, "f").expect_err("bad").to_string();
        assert_eq!(reason("URL"), "NAR info file 'f' is corrupt: expecting ':' at line 1");
        assert_eq!(reason("URL: x"), "NAR info file 'f' is corrupt: expecting '\\n' at line 1");
        assert_eq!(reason(""), "NAR info file 'f' is corrupt: StorePath missing");
        assert_eq!(
            reason(&TEXT.replace("NarSize: 34878", "NarSize: x")),
            "NAR info file 'f' is corrupt: invalid NarSize at line 7"
        );
        assert_eq!(
            reason(&TEXT.replace("NarSize: 34878", "NarSize: 0")),
            "NAR info file 'f' is corrupt: NarSize missing or zero"
        );
        assert_eq!(
            reason(&TEXT.replace("NarHash: sha256:1s5", "NarHash: sha256:1s")),
            "NAR info file 'f' is corrupt: bad hash at line 6"
        );
    }

    proptest! {
        #[test]
        fn never_panics(text in "(StorePath|URL|References|CA|Sig|NarSize|é)?(:|: |:é)?[ -~é]{0,40}\n?") {
            let _ = NarInfo::parse(&dir(), &text, "x");
        }

        #[test]
        fn survives_damage(at in 0usize..400, byte in any::<char>()) {
            let mut text: Vec<char> = TEXT.chars().collect();
            let at = at % text.len();
            text[at] = byte;
            let _ = NarInfo::parse(&dir(), &text.into_iter().collect::<String>(), "x");
        }
    }
}
