//! A tree's NAR and hashes.

use std::io::{self, Write};

use firn_hash::{Algo, Hash, Hasher};
use firn_nar::{Limits, NarWriter};

use crate::tree_sink::TreeSink;
use crate::{Accessor, CanonPath, Kind, SourceError, dump_fs, lstat};

/// Decides which entries of directories go into the NAR; asked in the order of the NAR, not for the root. What it
/// refuses is not looked at.
pub type Filter<'a, E> = dyn FnMut(&CanonPath) -> Result<bool, E> + 'a;

/// The filter that takes everything.
///
/// # Errors
/// None.
pub fn accept_all<E>(_: &CanonPath) -> Result<bool, E> {
    Ok(true)
}

/// Writes the NAR of the tree at `path` to `out`; with a filter only what it accepts.
///
/// # Errors
/// Those of the accessor, of `out`, and of the filter; nodes that a NAR can't hold.
pub fn dump_nar<E: From<SourceError>>(
    accessor: &dyn Accessor,
    path: &CanonPath,
    out: &mut dyn Write,
    filter: Option<&mut Filter<'_, E>>,
) -> Result<(), E> {
    // the accessor is asked first, since its physical path says nothing about symlinks on the way
    let root = lstat(accessor, path)?;
    if filter.is_none() && root.kind.is_serialisable() {
        if let Some(physical) = accessor.physical_path(path) {
            return Ok(dump_fs::dump_path(&physical, out)?);
        }
    }
    let mut writer = NarWriter::new(out);
    let mut dump = Dump { accessor, filter };
    dump.node(path, &mut writer, 0)?;
    writer.finish().map_err(SourceError::Nar)?;
    Ok(())
}

/// The hash of the NAR of the tree at `path`, and the NAR's size in bytes.
///
/// # Errors
/// As [`dump_nar`].
pub fn hash_nar<E: From<SourceError>>(
    accessor: &dyn Accessor,
    path: &CanonPath,
    algo: Algo,
    filter: Option<&mut Filter<'_, E>>,
) -> Result<(Hash, u64), E> {
    let mut hasher = Hasher::new(algo);
    dump_nar(accessor, path, &mut hasher, filter)?;
    let size = hasher.bytes();
    Ok((hasher.finish(), size))
}

/// The hash of the contents of the file at `path`, and their size in bytes.
///
/// # Errors
/// Those of the accessor.
pub fn hash_file(accessor: &dyn Accessor, path: &CanonPath, algo: Algo) -> Result<(Hash, u64), SourceError> {
    let mut hasher = Hasher::new(algo);
    let mut file = accessor.open(path)?;
    io::copy(&mut file.reader, &mut hasher)
        .map_err(|error| SourceError::system("reading file", accessor.show_path(path), error))?;
    let size = hasher.bytes();
    Ok((hasher.finish(), size))
}

/// Copies the tree at `path` into `sink`, whose root becomes what is at `path`.
///
/// # Errors
/// Those of the accessor and of the sink; nodes that a NAR can't hold.
pub fn copy_tree(
    accessor: &dyn Accessor,
    path: &CanonPath,
    sink: &mut dyn TreeSink,
) -> Result<(), SourceError> {
    copy_node(accessor, path, sink, &CanonPath::root(), 0)
}

fn copy_node(
    accessor: &dyn Accessor,
    from: &CanonPath,
    sink: &mut dyn TreeSink,
    to: &CanonPath,
    depth: usize,
) -> Result<(), SourceError> {
    check_depth(accessor, from, depth)?;
    let stat = lstat(accessor, from)?;
    match stat.kind {
        Kind::Regular => {
            let mut file = accessor.open(from)?;
            sink.file(to, stat.executable, file.size, &mut file.reader)
        }
        Kind::Symlink => sink.symlink(to, &accessor.read_link(from)?),
        Kind::Directory => {
            sink.directory(to)?;
            for entry in accessor.read_dir(from)? {
                let (from, to) = (from.join(&entry.name), to.join(&entry.name));
                copy_node(accessor, &from, sink, &to, depth + 1)?;
            }
            Ok(())
        }
        _ => Err(SourceError::UnsupportedType(accessor.show_path(from))),
    }
}

pub(crate) fn check_depth(
    accessor: &dyn Accessor,
    path: &CanonPath,
    depth: usize,
) -> Result<(), SourceError> {
    let limit = Limits::default().depth;
    if depth >= limit {
        return Err(SourceError::TooDeep { path: accessor.show_path(path), limit });
    }
    Ok(())
}

struct Dump<'a, 'f, E> {
    accessor: &'a dyn Accessor,
    filter: Option<&'a mut Filter<'f, E>>,
}

impl<E: From<SourceError>> Dump<'_, '_, E> {
    fn node<W: Write>(&mut self, path: &CanonPath, writer: &mut NarWriter<W>, depth: usize) -> Result<(), E> {
        check_depth(self.accessor, path, depth)?;
        let stat = lstat(self.accessor, path)?;
        match stat.kind {
            Kind::Regular => {
                let mut file = self.accessor.open(path)?;
                writer.file(stat.executable, file.size, &mut file.reader).map_err(SourceError::Nar)?;
            }
            Kind::Symlink => {
                let target = self.accessor.read_link(path)?;
                writer.symlink(&target).map_err(SourceError::Nar)?;
            }
            Kind::Directory => {
                writer.start_directory().map_err(SourceError::Nar)?;
                for entry in self.accessor.read_dir(path)? {
                    let child = path.join(&entry.name);
                    if let Some(filter) = &mut self.filter {
                        if !filter(&child)? {
                            continue;
                        }
                    }
                    writer.entry(&entry.name).map_err(SourceError::Nar)?;
                    self.node(&child, writer, depth + 1)?;
                }
                writer.end_directory().map_err(SourceError::Nar)?;
            }
            _ => return Err(SourceError::UnsupportedType(self.accessor.show_path(path)).into()),
        }
        Ok(())
    }
}
