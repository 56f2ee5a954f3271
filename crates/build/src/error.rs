//! Failures of builds, and the exit code that they add up to.

use std::sync::atomic::{AtomicU8, Ordering};

use firn_store::{BuildStatus, StoreError};

/// Why a derivation was not built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The kind of failure.
    pub status: BuildStatus,
    /// The output has another hash than the derivation says.
    pub hash_mismatch: bool,
    /// It says nothing about the derivation: the machine broke down, and another one may build it.
    pub elsewhere: bool,
    /// What the user sees, without `error: ` before it.
    pub message: String,
}

impl Failure {
    /// A failure of a kind.
    pub fn new(status: BuildStatus, message: impl Into<String>) -> Failure {
        Failure { status, hash_mismatch: false, elsewhere: false, message: message.into() }
    }

    /// An output that is not what it should be.
    pub(crate) fn rejected(message: impl Into<String>) -> Failure {
        Failure::new(BuildStatus::OutputRejected, message)
    }

    /// A failure that is nobody's fault in particular.
    pub(crate) fn misc(message: impl Into<String>) -> Failure {
        Failure::new(BuildStatus::MiscFailure, message)
    }

    /// A file operation that failed.
    pub(crate) fn io(what: &str, path: &std::path::Path, e: &std::io::Error) -> Failure {
        let text = e.to_string();
        let text = text.split(" (os error").next().unwrap_or_default();
        Failure::misc(format!("{what} \"{}\": {text}", path.display()))
    }
}

impl From<StoreError> for Failure {
    fn from(e: StoreError) -> Failure {
        Failure::misc(e.to_string())
    }
}

impl From<firn_sys::Error> for Failure {
    fn from(e: firn_sys::Error) -> Failure {
        Failure::misc(e.to_string())
    }
}

impl From<firn_source::SourceError> for Failure {
    fn from(e: firn_source::SourceError) -> Failure {
        Failure::misc(e.to_string())
    }
}

impl From<firn_path::PathError> for Failure {
    fn from(e: firn_path::PathError) -> Failure {
        Failure::misc(e.to_string())
    }
}

impl From<firn_derivation::DerivationError> for Failure {
    fn from(e: firn_derivation::DerivationError) -> Failure {
        Failure::new(BuildStatus::InputRejected, e.to_string())
    }
}

/// The kinds of failures seen so far; shared between threads.
#[derive(Debug, Default)]
pub struct ExitFlags(AtomicU8);

const PERMANENT: u8 = 1;
const TIMED_OUT: u8 = 2;
const HASH_MISMATCH: u8 = 4;
const NOT_DETERMINISTIC: u8 = 8;

impl ExitFlags {
    /// Takes note of a failure.
    pub fn add(&self, failure: &Failure) {
        let mut bits = match failure.status {
            BuildStatus::PermanentFailure | BuildStatus::InputRejected => PERMANENT,
            BuildStatus::TimedOut => TIMED_OUT,
            BuildStatus::NotDeterministic => NOT_DETERMINISTIC,
            _ => 0,
        };
        if failure.hash_mismatch {
            bits |= HASH_MISMATCH;
        }
        self.0.fetch_or(bits, Ordering::Relaxed);
    }

    /// The exit code of a program that failed because of them: 1 in general; 100 and the sum of 1 (timed out), 2 (hash
    /// mismatch), 4 (not deterministic) where builders failed.
    pub fn exit_code(&self) -> u8 {
        let bits = self.0.load(Ordering::Relaxed);
        if bits == 0 {
            return 1;
        }
        let mut code = 0x60;
        if bits & (PERMANENT | TIMED_OUT | HASH_MISMATCH) != 0 {
            code |= 0x04;
        }
        if bits & TIMED_OUT != 0 {
            code |= 0x01;
        }
        if bits & HASH_MISMATCH != 0 {
            code |= 0x02;
        }
        if bits & NOT_DETERMINISTIC != 0 {
            code |= 0x08;
        }
        code
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_the_documented_ones() {
        let code = |kinds: &[(BuildStatus, bool)]| {
            let flags = ExitFlags::default();
            for (status, hash_mismatch) in kinds {
                flags.add(&Failure {
                    status: *status,
                    hash_mismatch: *hash_mismatch,
                    elsewhere: false,
                    message: String::new(),
                });
            }
            flags.exit_code()
        };
        assert_eq!(code(&[]), 1);
        assert_eq!(code(&[(BuildStatus::OutputRejected, false)]), 1);
        assert_eq!(code(&[(BuildStatus::PermanentFailure, false)]), 100);
        assert_eq!(code(&[(BuildStatus::TimedOut, false)]), 101);
        assert_eq!(code(&[(BuildStatus::OutputRejected, true)]), 102);
        assert_eq!(code(&[(BuildStatus::NotDeterministic, false)]), 104);
        assert_eq!(code(&[(BuildStatus::TimedOut, false), (BuildStatus::OutputRejected, true)]), 103);
    }
}
