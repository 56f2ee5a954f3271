//! Base 64 of RFC 4648, section 4; the decoder is as lax as the reference's.

use data_encoding::BASE64;

use crate::HashError;

/// The number of characters for `bytes` bytes, padding included.
#[must_use]
pub const fn encoded_len(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4
}

/// Encodes `bytes` with padding.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// Decodes `text`: line feeds are skipped, everything from the first `=` on is ignored, and so are left-over bits.
///
/// # Errors
/// A character outside the alphabet.
pub fn decode(text: &str) -> Result<Vec<u8>, HashError> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let (mut data, mut bits) = (0u32, 0u32);
    for &byte in text.as_bytes() {
        let value = match byte {
            b'=' => break,
            b'\n' => continue,
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return Err(HashError::InvalidBase64(char::from(byte))),
        };
        data = data << 6 | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push((data >> bits) as u8);
        }
    }
    Ok(out)
}
