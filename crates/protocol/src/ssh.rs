//! Programs on other machines, through the system's `ssh`, so that the user's configuration and agent count.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write;
use std::process::{Command, Stdio};

use firn_store::StoreError;

use crate::pool::{Process, Transport};
use crate::wire::{WireReader, WireWriter};

/// How a machine is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshConfig {
    /// `[user@]host[:port]`.
    pub authority: String,
    /// The file of the private key.
    pub key: Option<String>,
    /// The machine's public key, in base 64, if it is not to be looked up.
    pub host_key: Option<String>,
    /// Pack what goes over the line.
    pub compress: bool,
    /// Shown on the standard error instead of kept quiet.
    pub log: bool,
}

impl SshConfig {
    /// The parameters of a store's address.
    pub fn new(authority: &str, params: &BTreeMap<String, String>) -> SshConfig {
        let get = |name: &str| params.get(name).filter(|v| !v.is_empty()).cloned();
        SshConfig {
            authority: authority.trim_end_matches('/').to_owned(),
            key: get("ssh-key"),
            host_key: get("base64-ssh-public-host-key"),
            compress: matches!(get("compress").as_deref(), Some("true" | "yes" | "1")),
            log: true,
        }
    }

    /// The machine with user, and the port.
    fn target(&self) -> (String, Option<&str>) {
        let (user, host) = match self.authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, self.authority.as_str()),
        };
        let (host, port) = match host.strip_prefix('[').and_then(|h| h.split_once(']')) {
            Some((address, rest)) => (address, rest.strip_prefix(':')),
            None => match host.split_once(':') {
                Some((host, port)) if !port.contains(':') => (host, Some(port)),
                _ => (host, None),
            },
        };
        let host = host.replace("%25", "%");
        (user.map_or(host.clone(), |user| format!("{user}@{host}")), port.filter(|p| !p.is_empty()))
    }

    /// Starts a program there, with its words. `localhost` without a user means this machine, without `ssh`.
    ///
    /// # Errors
    /// `ssh` cannot be started, or the address is one that it would take for an option.
    pub fn start(&self, command: &[String]) -> Result<Transport, StoreError> {
        let (target, port) = self.target();
        if target.starts_with('-') || target.is_empty() {
            return Err(StoreError::Remote(format!("invalid SSH host name '{target}'")));
        }
        let line = command.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ");
        let mut hosts_file = None;
        let mut program = if target == "localhost" && port.is_none() {
            let mut program = Command::new("bash");
            program.arg("-c").arg(format!("exec {line}"));
            program
        } else {
            let mut program = Command::new("ssh");
            program.args([target.as_str(), "-x"]);
            program.args(extra_options());
            if let Some(key) = &self.key {
                program.args(["-i", key]);
            }
            if let Some(host_key) = &self.host_key {
                let file = known_hosts(&target, port, host_key)?;
                let mut option = OsString::from("-oUserKnownHostsFile=");
                option.push(file.path());
                program.arg(option);
                hosts_file = Some(file);
            }
            if self.compress {
                program.arg("-C");
            }
            if let Some(port) = port {
                program.args(["-p", port]);
            }
            program.arg("--").arg(line);
            program
        };
        program.stdin(Stdio::piped()).stdout(Stdio::piped());
        if !self.log {
            program.stderr(Stdio::null());
        }
        let failed = |e: std::io::Error| StoreError::Remote(format!("cannot connect to '{target}': {e}"));
        let mut child = program.spawn().map_err(failed)?;
        let (Some(to), Some(from)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(StoreError::Remote(format!("cannot connect to '{target}'")));
        };
        // `ssh` reads the file when it starts, which may be later than this
        if let Some(file) = hosts_file {
            std::thread::spawn(move || {
                std::thread::sleep(std::time::Duration::from_secs(60));
                drop(file);
            });
        }
        Ok(Transport {
            from: WireReader::new(from),
            to: WireWriter::new(to),
            child: Some(Process::new(child)),
        })
    }
}

/// The options of the variable `NIX_SSHOPTS`.
fn extra_options() -> Vec<String> {
    std::env::var("NIX_SSHOPTS").unwrap_or_default().split_whitespace().map(str::to_owned).collect()
}

struct TempFile(std::path::PathBuf);

impl TempFile {
    fn path(&self) -> &std::path::Path {
        &self.0
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn known_hosts(target: &str, port: Option<&str>, key: &str) -> Result<TempFile, StoreError> {
    use std::os::unix::fs::OpenOptionsExt;
    use std::sync::atomic::{AtomicU64, Ordering};
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let bytes = firn_hash::base64::decode(key)
        .map_err(|_| StoreError::Remote(format!("the public key of '{target}' is not in base 64")))?;
    let host = target.rsplit_once('@').map_or(target, |(_, host)| host);
    let host = port.map_or_else(|| host.to_owned(), |port| format!("[{host}]:{port}"));
    let n = COUNTER.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("nix-known-hosts-{}-{n}", std::process::id()));
    let failed = |e: std::io::Error| StoreError::Remote(format!("writing \"{}\": {e}", path.display()));
    let mut file =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(failed)?;
    let line = [host.as_bytes(), b" ", &bytes, b"\n"].concat();
    file.write_all(&line).map_err(failed)?;
    Ok(TempFile(path))
}

/// A word as a shell reads it back.
fn quote(word: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./:=,@%+".contains(&b);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_and_ports() {
        let target = |authority: &str| {
            let config = SshConfig::new(authority, &BTreeMap::new());
            let (target, port) = config.target();
            (target, port.map(str::to_owned))
        };
        let of = |t: &str, p: Option<&str>| (t.to_owned(), p.map(str::to_owned));
        assert_eq!(target("host"), of("host", None));
        assert_eq!(target("me@host:2222"), of("me@host", Some("2222")));
        assert_eq!(target("me@[::1]:22"), of("me@::1", Some("22")));
        assert_eq!(target("[fe80::1%25eth0]"), of("fe80::1%eth0", None));
        assert!(SshConfig::new("-oProxyCommand=x", &BTreeMap::new()).start(&[]).is_err());
    }

    #[test]
    fn words_survive_shells() {
        assert_eq!(quote("nix-store"), "nix-store");
        assert_eq!(quote("it's"), "'it'\\''s'");
        assert_eq!(quote(""), "''");
    }
}
