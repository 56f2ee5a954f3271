//! The embedded package set as a source tree.

use std::sync::{Arc, OnceLock};

use firn_source::{CanonPath, MemAccessor, MemNode};

/// Path, whether executable, contents: written by the build script.
type File = (&'static str, bool, &'static [u8]);

static FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/base.rs"));

/// The tree of `base/`, with another lock of the seeds if `lock` is given.
pub fn tree(lock: Option<Vec<u8>>) -> Arc<MemAccessor> {
    let mut tree = MemAccessor::new().shown_as("«base»");
    for (path, executable, contents) in FILES {
        let contents = match &lock {
            Some(lock) if *path == "debian.lock" => Arc::from(lock.as_slice()),
            _ => Arc::from(*contents),
        };
        let node = MemNode::File { executable: *executable, contents };
        // The build script writes plain relative paths, so that neither step can fail.
        if let Ok(path) = CanonPath::new(path) {
            let _ = tree.insert(&path, node);
        }
    }
    // Which Firn this base belongs to: `pkgs.firn` is that one.
    if let (Some(id), Ok(path)) = (firn_sys::executable::build_id(), CanonPath::new("build-id")) {
        let _ = tree.insert(&path, MemNode::File { executable: false, contents: Arc::from(id.as_bytes()) });
    }
    Arc::new(tree)
}

/// A file of the embedded tree.
pub fn file(path: &str) -> Option<&'static [u8]> {
    FILES.iter().find(|(p, _, _)| *p == path).map(|(_, _, contents)| *contents)
}

/// The tree as it was built in, made once.
pub fn embedded() -> &'static Arc<MemAccessor> {
    static TREE: OnceLock<Arc<MemAccessor>> = OnceLock::new();
    TREE.get_or_init(|| tree(None))
}
