//! Verification of clear-signed files with the archive's keys.
//!
//! Just enough of OpenPGP (RFC 4880 and 9580): version 4 signatures over text, RSA or Ed25519, with SHA-256, SHA-384 or SHA-512, and a binary or
//! armoured keyring whose keys are trusted because they are in it. So self-signatures, expiry and trust are not looked at: the
//! keyring is part of the program, and a key that shall no longer count is taken out of it.
//! Nothing outside the signed part of a file is ever given back.

use ring::signature as verify;

use crate::DebError;

/// The most packets that a keyring or signature block may have, and the most bytes of one.
const MAX_PACKETS: usize = 10_000;
const MAX_SIGNED: usize = 64 << 20;

/// Public keys that may sign.
#[derive(Debug, Clone, Default)]
pub struct Keyring {
    keys: Vec<Key>,
}

#[derive(Debug, Clone)]
struct Key {
    fingerprint: [u8; 20],
    material: Material,
}

#[derive(Debug, Clone)]
enum Material {
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    Ed25519([u8; 32]),
}

impl Keyring {
    /// Reads a keyring: primary keys and subkeys; packets that are not keys, and keys of other kinds, are skipped.
    pub fn parse(bytes: &[u8], what: &str) -> Result<Keyring, DebError> {
        let fail = |reason: &str| DebError::Signature { what: what.to_owned(), reason: reason.to_owned() };
        let armoured;
        let bytes = if bytes.starts_with(b"-----BEGIN PGP") {
            let text = std::str::from_utf8(bytes).map_err(|_| fail("the keyring is not text"))?;
            armoured = dearmour(text).ok_or_else(|| fail("the keyring's armour is damaged"))?;
            &armoured[..]
        } else {
            bytes
        };
        let packets = packets(bytes).ok_or_else(|| fail("the keyring is damaged"))?;
        let keys: Vec<Key> = (packets.iter())
            .filter(|(tag, _)| matches!(tag, 6 | 14))
            .filter_map(|(_, body)| parse_key(body))
            .collect();
        if keys.is_empty() { Err(fail("the keyring holds no usable key")) } else { Ok(Keyring { keys }) }
    }

    /// The fingerprints of all keys, base 16 in capitals.
    pub fn fingerprints(&self) -> Vec<String> {
        self.keys.iter().map(|key| hex(&key.fingerprint)).collect()
    }

    /// Checks a clear-signed file and gives the signed text, with the fingerprint of a key that signed it.
    /// One good signature of a known key is enough; unknown signers beside it don't matter, a bad signature of a known key does.
    pub fn verify(&self, file: &[u8], what: &str) -> Result<(String, String), DebError> {
        let fail = |reason: String| DebError::Signature { what: what.to_owned(), reason };
        if file.len() > MAX_SIGNED {
            return Err(fail("the file is too long".to_owned()));
        }
        let file = std::str::from_utf8(file).map_err(|_| fail("it is not UTF-8".to_owned()))?;
        let signed = split_clear_signed(file).map_err(|reason| fail(reason.to_owned()))?;
        let block =
            dearmour(signed.armour).ok_or_else(|| fail("the signature's armour is damaged".to_owned()))?;
        let packets = packets(&block).ok_or_else(|| fail("the signature block is damaged".to_owned()))?;
        let mut good = None;
        let mut unknown = Vec::new();
        for (_, body) in packets.iter().filter(|(tag, _)| *tag == 2) {
            let Some(signature) = Signature::parse(body) else { continue };
            match self.keys.iter().find(|key| signature.is_by(key)) {
                None => unknown.push(hex(&signature.issuer)),
                Some(key) if signature.verifies(key, signed.canonical.as_bytes()) => {
                    good.get_or_insert_with(|| hex(&key.fingerprint));
                }
                Some(key) => {
                    return Err(fail(format!("the signature of key {} is bad", hex(&key.fingerprint))));
                }
            }
        }
        match good {
            Some(key) => Ok((signed.text, key)),
            None if unknown.is_empty() => Err(fail("it has no usable signature".to_owned())),
            None => Err(fail(format!("no known key signed it, only {}", unknown.join(", ")))),
        }
    }
}

/// A clear-signed file taken apart.
struct ClearSigned<'a> {
    /// What was signed, with the escapes undone and without blanks at the ends of lines.
    text: String,
    /// The same as it is hashed: lines end in CR LF, without the blanks before, and the last has no line end.
    canonical: String,
    armour: &'a str,
}

const BEGIN_MESSAGE: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
const BEGIN_SIGNATURE: &str = "-----BEGIN PGP SIGNATURE-----";

fn split_clear_signed(file: &str) -> Result<ClearSigned<'_>, &'static str> {
    let mut lines = file.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    if lines.next().map(str::trim_end) != Some(BEGIN_MESSAGE) {
        return Err("it is not clear-signed");
    }
    for line in lines.by_ref() {
        match line.split_once(": ") {
            _ if line.trim().is_empty() => break,
            Some(("Hash", _)) => {}
            _ => return Err("it has a header other than 'Hash'"),
        }
    }
    let mut text = String::with_capacity(file.len());
    let mut canonical = String::with_capacity(file.len() + file.len() / 32);
    let mut first = true;
    for line in lines {
        if line.trim_end() == BEGIN_SIGNATURE {
            let start = line.as_ptr() as usize - file.as_ptr() as usize;
            return Ok(ClearSigned { text, canonical, armour: &file[start..] });
        }
        let line = match line.strip_prefix("- ") {
            Some(line) => line,
            None if line.starts_with('-') => return Err("a line in it begins with an unescaped hyphen"),
            None => line,
        };
        if !first {
            canonical.push_str("\r\n");
        }
        first = false;
        // Blanks at the end of a line are not under the signature, so they are not given back either.
        let line = line.trim_end_matches([' ', '\t']);
        canonical.push_str(line);
        text.push_str(line);
        text.push('\n');
    }
    Err("it has no signature block")
}

/// Takes the bytes out of one armoured block; headers and the checksum are skipped (the signature itself guards the content).
fn dearmour(text: &str) -> Option<Vec<u8>> {
    let mut lines = text.lines().map(str::trim_end);
    lines.find(|line| line.starts_with("-----BEGIN PGP "))?;
    let mut encoded = String::with_capacity(text.len());
    let mut in_headers = true;
    for line in lines {
        if line.starts_with("-----END PGP ") {
            return data_encoding::BASE64.decode(encoded.as_bytes()).ok();
        }
        if in_headers {
            in_headers = !line.is_empty();
            if in_headers && !line.contains(": ") {
                // No headers at all: the blank line is missing or this is data already.
                return None;
            }
        } else if !line.starts_with('=') {
            encoded.push_str(line);
        }
    }
    None
}

/// A cursor over bytes from outside; every step checks that there is enough.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(head)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn number(&mut self, bytes: usize) -> Option<usize> {
        self.take(bytes).map(|bytes| bytes.iter().fold(0, |value, byte| value << 8 | usize::from(*byte)))
    }

    /// A number of many digits: its length in bits, then its bytes.
    fn integer(&mut self) -> Option<&'a [u8]> {
        let bits = self.number(2)?;
        self.take(bits.div_ceil(8))
    }
}

/// Splits into packets: tag and body. Partial lengths don't occur in keys and signatures and are refused.
fn packets(bytes: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut reader = Reader(bytes);
    let mut packets = Vec::new();
    while !reader.0.is_empty() {
        if packets.len() == MAX_PACKETS {
            return None;
        }
        let header = reader.byte()?;
        let (tag, length) = match header >> 6 {
            0b10 => (header >> 2 & 0x0f, reader.number([1, 2, 4].get(usize::from(header & 3)).copied()?)?),
            0b11 => (header & 0x3f, new_length(&mut reader)?),
            _ => return None,
        };
        packets.push((tag, reader.take(length)?));
    }
    Some(packets)
}

/// A length of the newer packet format, also used for subpackets.
fn new_length(reader: &mut Reader<'_>) -> Option<usize> {
    match reader.byte()? {
        short @ 0..=191 => Some(usize::from(short)),
        first @ 192..=223 => Some(((usize::from(first) - 192) << 8) + usize::from(reader.byte()?) + 192),
        255 => reader.number(4),
        _ => None,
    }
}

fn parse_key(body: &[u8]) -> Option<Key> {
    let mut reader = Reader(body);
    if reader.byte()? != 4 {
        return None;
    }
    reader.take(4)?;
    let material = match reader.byte()? {
        1 | 3 => Material::Rsa { modulus: reader.integer()?.to_vec(), exponent: reader.integer()?.to_vec() },
        22 => {
            const ED25519: [u8; 9] = [0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01];
            let length = usize::from(reader.byte()?);
            if reader.take(length)? != ED25519 {
                return None;
            }
            Material::Ed25519(reader.integer()?.strip_prefix(&[0x40])?.try_into().ok()?)
        }
        27 => Material::Ed25519(reader.take(32)?.try_into().ok()?),
        _ => return None,
    };
    let mut hashed = vec![0x99];
    hashed.extend(u16::try_from(body.len()).ok()?.to_be_bytes());
    hashed.extend(body);
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, &hashed);
    Some(Key { fingerprint: digest.as_ref().try_into().ok()?, material })
}

/// One signature over text.
struct Signature<'a> {
    hash: u8,
    /// The part of the packet that is hashed after the text, without the trailer.
    hashed: &'a [u8],
    /// Fingerprint (20 bytes) or key id (8 bytes) of who signed.
    issuer: Vec<u8>,
    value: Value<'a>,
}

enum Value<'a> {
    Rsa(&'a [u8]),
    Ed25519([u8; 64]),
}

impl<'a> Signature<'a> {
    /// Reads a version 4 signature of a text or binary document with an algorithm that counts; others give nothing.
    fn parse(body: &'a [u8]) -> Option<Signature<'a>> {
        let mut reader = Reader(body);
        let (version, kind, algorithm, hash) =
            (reader.byte()?, reader.byte()?, reader.byte()?, reader.byte()?);
        if version != 4 || !matches!(kind, 0 | 1) || !matches!(hash, 8..=10) {
            return None;
        }
        let length = reader.number(2)?;
        let protected = reader.take(length)?;
        let hashed = body.get(..6 + length)?;
        let length = reader.number(2)?;
        let unprotected = reader.take(length)?;
        let issuer = issuer(protected).or_else(|| issuer(unprotected))?;
        reader.take(2)?;
        let value = match algorithm {
            1 | 3 => Value::Rsa(reader.integer()?),
            22 => {
                let mut both = [0; 64];
                for half in both.chunks_exact_mut(32) {
                    let part = reader.integer()?;
                    half.get_mut(32usize.checked_sub(part.len())?..)?.copy_from_slice(part);
                }
                Value::Ed25519(both)
            }
            27 => Value::Ed25519(reader.take(64)?.try_into().ok()?),
            _ => return None,
        };
        Some(Signature { hash, hashed, issuer, value })
    }

    fn is_by(&self, key: &Key) -> bool {
        key.fingerprint.ends_with(&self.issuer)
    }

    fn verifies(&self, key: &Key, text: &[u8]) -> bool {
        let mut message = Vec::with_capacity(text.len() + self.hashed.len() + 6);
        message.extend(text);
        message.extend(self.hashed);
        message.extend([4, 0xff]);
        message.extend(u32::try_from(self.hashed.len()).unwrap_or(u32::MAX).to_be_bytes());
        match (&self.value, &key.material) {
            (Value::Rsa(value), Material::Rsa { modulus, exponent }) => {
                let parameters = match self.hash {
                    8 => &verify::RSA_PKCS1_2048_8192_SHA256,
                    9 => &verify::RSA_PKCS1_2048_8192_SHA384,
                    _ => &verify::RSA_PKCS1_2048_8192_SHA512,
                };
                let mut padded = vec![0; modulus.len().saturating_sub(value.len())];
                padded.extend(*value);
                let key = verify::RsaPublicKeyComponents { n: modulus, e: exponent };
                key.verify(parameters, &message, &padded).is_ok()
            }
            (Value::Ed25519(value), Material::Ed25519(point)) => {
                let algorithm = match self.hash {
                    8 => &ring::digest::SHA256,
                    9 => &ring::digest::SHA384,
                    _ => &ring::digest::SHA512,
                };
                let digest = ring::digest::digest(algorithm, &message);
                verify::UnparsedPublicKey::new(&verify::ED25519, point).verify(digest.as_ref(), value).is_ok()
            }
            _ => false,
        }
    }
}

/// Finds who signed among subpackets: the fingerprint (33) if there is one, else the key id (16).
fn issuer(subpackets: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader(subpackets);
    let mut id = None;
    while !reader.0.is_empty() {
        let length = new_length(&mut reader)?;
        match reader.take(length)? {
            [33 | 161, 4, fingerprint @ ..] if fingerprint.len() == 20 => return Some(fingerprint.to_vec()),
            [16 | 144, key @ ..] if key.len() == 8 => id = Some(key.to_vec()),
            _ => {}
        }
    }
    id
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXUPPER.encode(bytes)
}
