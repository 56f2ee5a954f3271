//! The text form of what is known about paths: `nix-store --dump-db`, `--load-db`, `--register-validity`, and
//! `exportReferencesGraph`.
//!
//! For each path a line each: the path; with hashes its NAR hash (base 16) and size; its deriver or nothing; the number of
//! references; these.

use std::fmt::Write as _;
use std::io::BufRead;

use firn_hash::{Algo, Hash};
use firn_path::{StoreDir, StorePath, StorePathSet};

use crate::error::{Result, StoreError};
use crate::info::PathInfo;
use crate::local::LocalStore;
use crate::store::Store;

/// Writes the registration of paths.
///
/// # Errors
/// A path that is not valid.
pub fn make_registration(
    store: &dyn Store,
    paths: impl IntoIterator<Item = StorePath>,
    show_derivers: bool,
    show_hash: bool,
) -> Result<String> {
    let dir = store.store_dir();
    let mut out = String::new();
    for path in paths {
        let info = store.require_info(&path)?;
        let _ = writeln!(out, "{}", dir.print(&path));
        if show_hash {
            let _ = writeln!(out, "{}\n{}", info.nar_hash.base16(), info.nar_size);
        }
        let _ = writeln!(out, "{}", if show_derivers { info.print_deriver(dir) } else { String::new() });
        let _ = writeln!(out, "{}", info.references.len());
        for reference in &info.references {
            let _ = writeln!(out, "{}", dir.print(reference));
        }
    }
    Ok(out)
}

/// Reads registrations; `with_hash` tells whether hash and size are there. Without them both are zero.
///
/// # Errors
/// A text of another shape.
pub fn parse_registration(dir: &StoreDir, input: &mut dyn BufRead, with_hash: bool) -> Result<Vec<PathInfo>> {
    let mut lines = Lines { input, number: 0 };
    let mut infos = Vec::new();
    while let Some(first) = lines.next()? {
        if first.is_empty() {
            break;
        }
        let path = lines.check(dir.parse(&first))?;
        let (hash, size) = if with_hash {
            let text = lines.require()?;
            let hash = lines.check(Hash::parse_any(&text, Some(Algo::Sha256)))?;
            let text = lines.require()?;
            (hash, lines.check(text.parse::<u64>())?)
        } else {
            (Hash::zero(Algo::Sha256), 0)
        };
        let mut info = PathInfo::new(path, hash, size);
        let deriver = lines.require()?;
        if !deriver.is_empty() {
            info.deriver = Some(lines.check(dir.parse(&deriver))?);
        }
        let text = lines.require()?;
        let count = lines.check(text.parse::<u64>())?;
        for _ in 0..count {
            let text = lines.require()?;
            info.references.insert(lines.check(dir.parse(&text))?);
        }
        infos.push(info);
    }
    Ok(infos)
}

struct Lines<'a> {
    input: &'a mut dyn BufRead,
    number: usize,
}

impl Lines<'_> {
    fn next(&mut self) -> Result<Option<String>> {
        let mut line = String::new();
        self.number += 1;
        let got = self
            .input
            .read_line(&mut line)
            .map_err(|source| StoreError::Stream { action: "reading registrations", source })?;
        Ok((got > 0).then(|| line.trim_end_matches('\n').to_owned()))
    }

    fn require(&mut self) -> Result<String> {
        self.next()?.ok_or(StoreError::BadRegistration { line: self.number, reason: "unexpected end".into() })
    }

    fn check<T, E: ToString>(&self, result: std::result::Result<T, E>) -> Result<T> {
        result.map_err(|e| StoreError::BadRegistration { line: self.number, reason: e.to_string() })
    }
}

impl LocalStore {
    /// `nix-store --dump-db`: the registration of all valid paths, or of some.
    ///
    /// # Errors
    /// Those of the database.
    pub fn dump_db(&self, paths: Option<&StorePathSet>) -> Result<String> {
        let paths = match paths {
            Some(paths) => paths.clone(),
            None => self.all_valid_paths()?,
        };
        make_registration(self, paths, true, true)
    }

    /// `nix-store --load-db` (`hash_given`) and `--register-validity`: registers paths whose files are in the store.
    /// Unless hashes are given the files are put into canonical form and hashed. Valid paths stay as they are unless
    /// `reregister`.
    ///
    /// # Errors
    /// A text of another shape, and those of registering.
    pub fn load_db(
        &self,
        input: &mut dyn BufRead,
        hash_given: bool,
        reregister: bool,
        canonicalise: bool,
    ) -> Result<()> {
        let mut infos = Vec::new();
        for mut info in parse_registration(self.dir(), input, hash_given)? {
            if !reregister && self.is_valid(&info.path)? {
                continue;
            }
            let real = self.real(&info.path);
            if canonicalise {
                crate::files::canonicalise(&real, self.settings().ignored_acls())?;
            }
            if !hash_given {
                (info.nar_hash, info.nar_size) = firn_source::hash_path(&real, Algo::Sha256)?;
            }
            infos.push(info);
        }
        self.register(&infos)
    }
}
