//! Blocking downloads and uploads over HTTP(S) and `file://`.
//!
//! One [`Transfer`] is shared by all threads of a command: it holds the connection pool, the limit on parallel connections and
//! the retry policy. A body is streamed into a writer as it arrives; a broken connection is resumed where it stopped. The
//! messages of [`Error`] are those of the reference, because scripts look for `HTTP error 404`.
//!
//! Invariants: a writer never sees a byte twice and never sees the body of an error answer; credentials of the netrc file are
//! sent to the host that they are for and to no other, also across redirects.

mod error;
mod file;
mod hashing;
mod http;
mod netrc;
mod request;
mod retry;
mod settings;
mod url;

pub use error::{Error, ErrorKind};
pub use hashing::Hashing;
pub use http::Transfer;
pub use netrc::{Credentials, Netrc};
pub use request::{Body, Method, Request, Response};
pub use settings::{TransferSettings, default_ca_file};
pub use url::{display_url, percent_decode};
