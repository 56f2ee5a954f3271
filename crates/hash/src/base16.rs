//! Hexadecimal, written in lower case, read in both.

use crate::HashError;

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// The number of characters for `bytes` bytes.
#[must_use]
pub const fn encoded_len(bytes: usize) -> usize {
    bytes * 2
}

/// Appends the encoding of `bytes` to `out`.
pub fn encode_to(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(bytes.len() * 2);
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
}

/// Encodes `bytes`.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

/// Decodes `text`.
///
/// # Errors
/// An odd length, or a character that is no hexadecimal digit.
pub fn decode(text: &str) -> Result<Vec<u8>, HashError> {
    let bytes = text.as_bytes();
    if bytes.len() % 2 != 0 {
        return Err(HashError::OddBase16(bytes.len()));
    }
    bytes.chunks_exact(2).map(|pair| Ok(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

fn digit(byte: u8) -> Result<u8, HashError> {
    match byte {
        b'0'..=b'9' => Ok(byte - b'0'),
        b'a'..=b'f' => Ok(byte - b'a' + 10),
        b'A'..=b'F' => Ok(byte - b'A' + 10),
        _ => Err(HashError::InvalidBase16(char::from(byte))),
    }
}
