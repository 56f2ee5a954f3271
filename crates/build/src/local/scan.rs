//! Reading a tree once for its hash and its references.

use std::io::{self, Write};
use std::path::Path;

use firn_hash::{Algo, Hash, Hasher};
use firn_path::scan::ReferenceScanner;
use firn_path::{StorePath, StorePathSet};

use crate::error::Failure;

/// What one pass found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scanned {
    /// SHA-256 of the NAR.
    pub(crate) hash: Hash,
    /// Bytes of the NAR.
    pub(crate) size: u64,
    /// The candidates whose hash parts occur in it.
    pub(crate) references: StorePathSet,
}

struct Both {
    hasher: Hasher,
    scanner: ReferenceScanner,
}

impl Write for Both {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.hasher.update(data);
        self.scanner.update(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Hashes the tree at `path` and looks for references to `candidates`.
pub(crate) fn scan<'a>(
    path: &Path,
    candidates: impl IntoIterator<Item = &'a StorePath>,
) -> Result<Scanned, Failure> {
    let mut both = Both { hasher: Hasher::new(Algo::Sha256), scanner: ReferenceScanner::new(candidates) };
    firn_source::dump_path(path, &mut both).map_err(|e| Failure::misc(e.to_string()))?;
    let size = both.hasher.bytes();
    Ok(Scanned { hash: both.hasher.finish(), size, references: both.scanner.finish() })
}
