//! Keys and signatures: ed25519, written `name:base64`.

use std::collections::BTreeMap;

use data_encoding::BASE64;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use crate::error::{Result, StoreError};

fn split<'a>(text: &'a str, what: &str) -> Result<(&'a str, Vec<u8>)> {
    let (name, data) = text
        .trim()
        .split_once(':')
        .filter(|(name, data)| !name.is_empty() && !data.is_empty())
        .ok_or_else(|| StoreError::Key(format!("{what} is corrupt")))?;
    let bytes =
        BASE64.decode(data.as_bytes()).map_err(|_| StoreError::Key(format!("{what} is not valid")))?;
    Ok((name, bytes))
}

/// A key that signs.
pub struct SecretKey {
    name: String,
    key: SigningKey,
}

impl SecretKey {
    /// Parses `name:base64` of the 64 bytes that libsodium stores (seed, then public key).
    ///
    /// # Errors
    /// It is no such text.
    pub fn parse(text: &str) -> Result<SecretKey> {
        let (name, bytes) = split(text, "secret key")?;
        let pair: [u8; 64] =
            bytes.try_into().map_err(|_| StoreError::Key("secret key is not valid".into()))?;
        let key = SigningKey::from_keypair_bytes(&pair)
            .map_err(|_| StoreError::Key("secret key is not valid".into()))?;
        Ok(SecretKey { name: name.to_owned(), key })
    }

    /// Makes a key from 32 random bytes.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> SecretKey {
        SecretKey { name: name.to_owned(), key: SigningKey::from_bytes(seed) }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `name:base64`, secret.
    pub fn render(&self) -> String {
        format!("{}:{}", self.name, BASE64.encode(&self.key.to_keypair_bytes()))
    }

    /// The public key, as `trusted-public-keys` takes it.
    pub fn public(&self) -> String {
        format!("{}:{}", self.name, BASE64.encode(self.key.verifying_key().as_bytes()))
    }

    /// Signs bytes: `name:base64`.
    pub fn sign(&self, data: &[u8]) -> String {
        format!("{}:{}", self.name, BASE64.encode(&self.key.sign(data).to_bytes()))
    }
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SecretKey({})", self.name)
    }
}

/// Public keys by name.
#[derive(Clone, Debug, Default)]
pub struct PublicKeys(BTreeMap<String, VerifyingKey>);

impl PublicKeys {
    /// Adds a key `name:base64`; a later one of the same name replaces an earlier one.
    ///
    /// # Errors
    /// It is no such text.
    pub fn add(&mut self, text: &str) -> Result<()> {
        let (name, bytes) = split(text, "public key")?;
        let bytes: [u8; 32] =
            bytes.try_into().map_err(|_| StoreError::Key("public key is not valid".into()))?;
        let key = VerifyingKey::from_bytes(&bytes)
            .map_err(|_| StoreError::Key("public key is not valid".into()))?;
        self.0.insert(name.to_owned(), key);
        Ok(())
    }

    /// Whether `signature` (`name:base64`) is one of these keys' over `data`.
    pub fn verify(&self, data: &[u8], signature: &str) -> bool {
        let Ok((name, bytes)) = split(signature, "signature") else { return false };
        let Some(key) = self.0.get(name) else { return false };
        Signature::from_slice(&bytes).is_ok_and(|signature| key.verify_strict(data, &signature).is_ok())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_and_verifies() {
        let key = SecretKey::from_seed("k-1", &[7; 32]);
        let again = SecretKey::parse(&key.render()).expect("parses");
        let signature = again.sign(b"data");
        let mut keys = PublicKeys::default();
        assert!(!keys.verify(b"data", &signature));
        keys.add(&key.public()).expect("parses");
        assert!(keys.verify(b"data", &signature));
        assert!(!keys.verify(b"datb", &signature));
        assert!(!keys.verify(b"data", "k-1:AAAA"));
        assert!(!keys.verify(b"data", "nonsense"));
    }

    #[test]
    fn malformed_keys() {
        for text in ["", "x", "x:", ":AAAA", "x:AAAA", "x:!!"] {
            assert!(SecretKey::parse(text).is_err(), "{text}");
            assert!(PublicKeys::default().add(text).is_err(), "{text}");
        }
    }
}
