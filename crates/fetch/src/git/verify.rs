//! Signatures of commits.

use std::fmt::Write;

use firn_hash::{Algo, Hash};

use super::Repository;
use super::command::start_error;
use crate::attrs;
use crate::error::FetchError;
use crate::input::Input;

/// Kinds of keys, with the names that OpenSSH has for them.
const KINDS: [(&str, &str); 6] = [
    ("ssh-dsa", "ssh-dsa"),
    ("ssh-ecdsa", "ssh-ecdsa"),
    ("ssh-ecdsa-sk", "sk-ecdsa-sha2-nistp256@openssh.com"),
    ("ssh-ed25519", "ssh-ed25519"),
    ("ssh-ed25519-sk", "sk-ssh-ed25519@openssh.com"),
    ("ssh-rsa", "ssh-rsa"),
];

/// The keys that an input names: kinds and keys in base 64.
///
/// # Errors
/// A malformed list.
pub(super) fn keys(input: &Input) -> Result<Vec<(String, String)>, FetchError> {
    let kind = |kind: Option<&str>| kind.unwrap_or("ssh-ed25519").to_owned();
    let mut keys = Vec::new();
    if let Some(text) = input.text("publicKeys") {
        let wrong = || FetchError::new(format!("'publicKeys' is no list of keys: {text}"));
        let json: serde_json::Value = serde_json::from_str(text).map_err(|_| wrong())?;
        for entry in json.as_array().ok_or_else(wrong)? {
            let key = entry["key"].as_str().ok_or_else(wrong)?;
            keys.push((kind(entry["type"].as_str()), key.to_owned()));
        }
    }
    if let Some(key) = input.text("publicKey") {
        keys.push((kind(input.text("keytype")), key.to_owned()));
    }
    Ok(keys)
}

/// Checks the signature of a commit if the input wants that. Without `repository` the tree is not that of a commit.
///
/// # Errors
/// No signature, or one by another key.
pub(super) fn verify(input: &Input, repository: Option<&Repository>) -> Result<(), FetchError> {
    let keys = keys(input)?;
    let wanted = attrs::boolean(input.attrs(), "verifyCommit")?.unwrap_or(!keys.is_empty());
    if !wanted {
        return Ok(());
    }
    let (Some(rev), Some(repository)) = (input.rev(), repository) else {
        return Err(FetchError::new(format!(
            "commit verification is required for Git repository '{}', but it's dirty",
            input.to_url()
        )));
    };
    let mut signers = String::new();
    for (kind, key) in &keys {
        let Some((_, name)) = KINDS.iter().find(|(known, _)| known == kind) else {
            let list: String = KINDS.iter().map(|(known, _)| format!("  {known}\n")).collect();
            return Err(FetchError::new(format!(
                "Invalid SSH key type '{kind}' in publicKeys.\nPlease use one of:\n{list}"
            )));
        };
        // Writing to a string cannot fail.
        let _ = writeln!(signers, "* {name} {key}");
    }
    let file = tempfile::NamedTempFile::new().map_err(|e| FetchError::io("creating a file", e))?;
    std::fs::write(file.path(), signers).map_err(|e| FetchError::io("writing keys", e))?;
    let mut command = super::command::plain();
    command.args(["-c", "safe.directory=*", "-c", "gpg.ssh.program=ssh-keygen", "-c", "gpg.program=gpg"]);
    command.arg("-c").arg(format!("gpg.ssh.allowedSignersFile={}", file.path().display()));
    command.arg("-C").arg(repository.path()).args(["verify-commit", rev]);
    let out = command.output().map_err(start_error)?;
    let said = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    // A key of the user's own keyring would do for git; only those of the input count.
    let good = keys.iter().any(|(_, key)| {
        let Ok(bytes) = firn_hash::base64::decode(key.trim()) else { return false };
        let print = firn_hash::base64::encode(Hash::of(Algo::Sha256, &bytes).as_bytes());
        let wanted = format!("key SHA256:{}", print.trim_end_matches('='));
        said.lines().any(|l| l.starts_with("Good \"git\" signature for * with ") && l.ends_with(&wanted))
    });
    if out.status.success() && good {
        return Ok(());
    }
    Err(FetchError::new(format!("Commit signature verification on commit {rev} failed: {said}")))
}
