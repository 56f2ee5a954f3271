//! What goes wrong with machines.

use std::path::{Path, PathBuf};

/// A failure, said for the user.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file system refused something.
    #[error("{what} '{}': {}", path.display(), plain(source))]
    File {
        /// What was done: "reading", "writing" …
        what: &'static str,
        /// To which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A file of ours does not say what it should.
    #[error("'{}' is not as it should be: {why}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A program could not be started, or failed.
    #[error("{0}")]
    Program(String),
    /// Something else, said in full.
    #[error("{0}")]
    Other(String),
}

impl Error {
    /// A failure of the file system.
    pub fn file(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.to_owned();
        move |source| Error::File { what, path, source }
    }

    /// A failure of the kernel.
    pub fn errno(what: &'static str, path: &Path) -> impl FnOnce(rustix::io::Errno) -> Error {
        let path = path.to_owned();
        move |e| Error::File { what, path, source: e.into() }
    }
}

/// The system's message without the number behind it.
fn plain(e: &std::io::Error) -> String {
    let text = e.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}
