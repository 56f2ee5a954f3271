//! `nix store ls`, `nix store cat`, `nix nar ls`, `nix nar cat`

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Write};

use firn_nar::{Event, Listing, NarReader};
use firn_source::{Accessor, CanonPath, FsAccessor, Kind, NarAccessor, Stat, lstat, strerror};
use firn_store::Store;

use super::paths::{only, usage};
use crate::args::{Flag, Parsed, switch};
use crate::error::CliError;
use crate::session::Session;

/// Flags of `ls`, beside those of JSON.
pub(crate) const LS: &[Flag] = &[
    switch("recursive", "list subdirectories, too").short('R'),
    switch("long", "print type, mode and size").short('l'),
    switch("directory", "list directories themselves, not what they contain").short('d'),
];

/// The tree of the store path that `text` is in, and the place in it.
fn in_store(store: &dyn Store, text: &str) -> Result<(Box<dyn Accessor>, CanonPath), CliError> {
    let (path, rest) = store.store_dir().to_store_path(text)?;
    let rest = CanonPath::new(rest)?;
    if !store.is_valid(&path)? {
        let shown = store.store_dir().print(&path);
        return Err(CliError::new(format!("path '{shown}' is not a valid store path")));
    }
    if let Some(real) = store.real_path(&path) {
        return Ok((Box::new(FsAccessor::new(real)?), rest));
    }
    let mut nar = Vec::new();
    store.write_nar(&path, &mut nar)?;
    let accessor = NarAccessor::new(std::io::Cursor::new(nar))?.shown_as(store.store_dir().print(&path));
    Ok((Box::new(accessor), rest))
}

fn open_nar(path: &str) -> Result<File, CliError> {
    File::open(path).map_err(|e| CliError::new(format!("opening NAR file \"{path}\": {}", strerror(&e))))
}

/// The archive and the path in it that the arguments name.
fn in_nar<'a>(session: &Session, parsed: &'a Parsed) -> Result<(&'a str, CanonPath), CliError> {
    match parsed.positional.as_slice() {
        [nar, path] => Ok((nar, CanonPath::new(path)?)),
        [_, _, third, ..] => Err(usage(session, format!("unexpected argument '{third}'"))),
        _ => Err(usage(session, "more arguments are required")),
    }
}

/// `nix store ls`
pub(crate) fn store_ls(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let (accessor, path) = in_store(session.store()?.as_ref(), only(session, &parsed)?)?;
    list(session, &parsed, accessor.as_ref(), &path, None)
}

/// `nix store cat`
pub(crate) fn store_cat(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let (accessor, path) = in_store(session.store()?.as_ref(), only(session, &parsed)?)?;
    if lstat(accessor.as_ref(), &path)?.kind != Kind::Regular {
        return Err(CliError::new(format!("path '{path}' is not a regular file")));
    }
    let mut file = accessor.open(&path)?;
    let mut out = std::io::stdout().lock();
    std::io::copy(&mut file.reader, &mut out).and_then(|_| out.flush()).map_err(written)?;
    Ok(0)
}

/// `nix nar ls`
pub(crate) fn nar_ls(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let (nar, path) = in_nar(session, &parsed)?;
    let accessor = NarAccessor::new(open_nar(nar)?)?.shown_as("«unknown»");
    let listing = accessor.listing().find(path.rel());
    list(session, &parsed, &accessor, &path, listing)
}

/// `nix nar cat`: in one pass, so that the archive may come from a pipe.
pub(crate) fn nar_cat(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let (nar, wanted) = in_nar(session, &parsed)?;
    let mut reader = NarReader::new(BufReader::with_capacity(1 << 16, open_nar(nar)?));
    let mut at = CanonPath::root();
    let mut found = false;
    loop {
        // a file or link ends the entry that it belongs to; a directory does when it ends itself
        let ends_entry = match reader.next_event()? {
            None => break,
            Some(Event::StartDirectory) => false,
            Some(Event::Entry(name)) => {
                at = at.join(name);
                false
            }
            Some(Event::File { .. }) if at == wanted => {
                found = true;
                reader.copy_contents(&mut std::io::stdout().lock())?;
                true
            }
            Some(Event::File { .. } | Event::Symlink(_) | Event::EndDirectory) => true,
        };
        if ends_entry {
            at.pop();
        }
    }
    if found {
        return Ok(0);
    }
    let asked = parsed.positional.get(1).map_or("", String::as_str);
    Err(CliError::new(format!("NAR does not contain regular file '{asked}'")))
}

/// A reader that has gone away ends the command quietly.
fn written(error: std::io::Error) -> CliError {
    match error.kind() {
        std::io::ErrorKind::BrokenPipe => CliError::Status(1),
        _ => error.into(),
    }
}

fn list(
    session: &Session,
    parsed: &Parsed,
    accessor: &dyn Accessor,
    path: &CanonPath,
    known: Option<&Listing>,
) -> Result<u8, CliError> {
    let recursive = parsed.has("recursive");
    if parsed.has("json") {
        if parsed.has("directory") {
            return Err(usage(session, "'--directory' is useless with '--json'"));
        }
        let made;
        let listing = match known {
            Some(listing) => listing,
            None => {
                made = listing(accessor, path, if recursive { usize::MAX } else { 1 })?;
                &made
            }
        };
        let json = if recursive { listing.to_json()? } else { listing.to_shallow_json()? };
        session.println(json)?;
        return Ok(0);
    }
    let mut text = Vec::new();
    let mut lister = Lister { accessor, recursive, long: parsed.has("long"), out: &mut text };
    let stat = lstat(accessor, path)?;
    let name = if stat.is_directory() { b".".to_vec() } else { path.base_name().unwrap_or(b"").to_vec() };
    if stat.is_directory() && !parsed.has("directory") {
        lister.directory(path, &name)?;
    } else {
        lister.node(path, &name)?;
    }
    session.print(text)?;
    Ok(0)
}

/// The tree below `path`, `depth` levels of it; what is deeper is left out.
fn listing(accessor: &dyn Accessor, path: &CanonPath, depth: usize) -> Result<Listing, CliError> {
    let stat = lstat(accessor, path)?;
    Ok(match stat.kind {
        Kind::Directory => {
            let mut entries = BTreeMap::new();
            for entry in if depth > 0 { accessor.read_dir(path)? } else { Vec::new() } {
                let below = listing(accessor, &path.join(&entry.name), depth.saturating_sub(1))?;
                entries.insert(entry.name, below);
            }
            Listing::Directory(entries)
        }
        Kind::Symlink => Listing::Symlink(accessor.read_link(path)?),
        _ => Listing::Regular { executable: stat.executable, size: stat.size, nar_offset: None },
    })
}

struct Lister<'a> {
    accessor: &'a dyn Accessor,
    recursive: bool,
    long: bool,
    out: &'a mut Vec<u8>,
}

impl Lister<'_> {
    fn directory(&mut self, path: &CanonPath, shown: &[u8]) -> Result<(), CliError> {
        for entry in self.accessor.read_dir(path)? {
            self.node(&path.join(&entry.name), &[shown, b"/", &entry.name].concat())?;
        }
        Ok(())
    }

    fn node(&mut self, path: &CanonPath, shown: &[u8]) -> Result<(), CliError> {
        let stat = lstat(self.accessor, path)?;
        if self.long {
            let size = stat.size.filter(|_| stat.kind == Kind::Regular).unwrap_or(0);
            self.out.extend(format!("{} {size:>20} ", mode(&stat)).bytes());
        }
        self.out.extend(shown);
        if self.long && stat.kind == Kind::Symlink {
            self.out.extend(b" -> ");
            self.out.extend(self.accessor.read_link(path)?);
        }
        self.out.push(b'\n');
        if self.recursive && stat.is_directory() { self.directory(path, shown) } else { Ok(()) }
    }
}

fn mode(stat: &Stat) -> &'static str {
    match stat.kind {
        Kind::Regular if stat.executable => "-r-xr-xr-x",
        Kind::Regular => "-r--r--r--",
        Kind::Symlink => "lrwxrwxrwx",
        _ => "dr-xr-xr-x",
    }
}
