//! What can go wrong.

use rustix::io::Errno;

/// A failed request to the kernel, or a failed set-up of a process.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A system call failed.
    #[error("{what}: {}", errno_text(*errno))]
    Call {
        /// What was to be done, with the value it was about.
        what: String,
        /// The kernel's reason.
        errno: Errno,
    },
    /// The kernel does not let this process make the namespaces of a sandbox.
    #[error(
        "this system does not support the kernel namespaces that are required for sandboxing ({what}: {}); use '--no-sandbox' to disable sandboxing{hint}",
        errno_text(*errno)
    )]
    NamespacesForbidden {
        /// The step that was refused.
        what: String,
        /// The kernel's reason.
        errno: Errno,
        /// Which setting forbids it, as far as it can be told; empty, or begins with a line break and `hint: `.
        hint: String,
    },
    /// The helper process could not set up the builder's surroundings.
    #[error("{0}\nwhile setting up the build environment")]
    Setup(String),
    /// The helper process ended without saying why.
    #[error("the process that sets up the build environment {0}")]
    HelperDied(String),
}

impl Error {
    pub(crate) fn call(what: impl Into<String>) -> impl FnOnce(Errno) -> Error {
        move |errno| Error::Call { what: what.into(), errno }
    }

    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Error {
        move |e| Error::Call { what: what.into(), errno: Errno::from_io_error(&e).unwrap_or(Errno::IO) }
    }
}

/// The C library's text for an error number: `No such file or directory`.
pub fn errno_text(errno: Errno) -> String {
    let text = std::io::Error::from_raw_os_error(errno.raw_os_error()).to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}
