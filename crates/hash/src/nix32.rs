//! Nix's own base 32: the digits of the number read little-endian, written with the most significant digit first, in an
//! alphabet without `e`, `o`, `t` and `u`.

use crate::HashError;

/// The 32 digits in order of their value.
pub const ALPHABET: &[u8; 32] = b"0123456789abcdfghijklmnpqrsvwxyz";

const INVALID: u8 = 0xff;

const VALUES: [u8; 256] = {
    let mut values = [INVALID; 256];
    let mut i = 0;
    while i < 32 {
        values[ALPHABET[i] as usize] = i as u8;
        i += 1;
    }
    values
};

/// The number of characters for `bytes` bytes.
#[must_use]
pub const fn encoded_len(bytes: usize) -> usize {
    (bytes * 8).div_ceil(5)
}

/// Tells whether `byte` is a digit of the alphabet.
#[must_use]
pub const fn is_digit(byte: u8) -> bool {
    VALUES[byte as usize] != INVALID
}

/// Appends the encoding of `bytes` to `out`.
pub fn encode_to(bytes: &[u8], out: &mut Vec<u8>) {
    let len = encoded_len(bytes.len());
    out.reserve(len);
    for n in (0..len).rev() {
        let (i, j) = (n * 5 / 8, n * 5 % 8);
        let low = u16::from(bytes[i]);
        let high = bytes.get(i + 1).copied().map_or(0, u16::from);
        out.push(ALPHABET[usize::from((high << 8 | low) >> j & 31)]);
    }
}

/// Encodes `bytes`.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    let mut out = Vec::new();
    encode_to(bytes, &mut out);
    // the alphabet is ASCII
    String::from_utf8(out).unwrap_or_default()
}

/// Decodes `text`. The result has one byte more than usual where the first digit carries bits beyond the last whole
/// byte, so that a check of the length refuses such a text.
///
/// # Errors
/// A character outside the alphabet.
pub fn decode(text: &str) -> Result<Vec<u8>, HashError> {
    let mut out = Vec::with_capacity(text.len() * 5 / 8 + 1);
    for (n, &byte) in text.as_bytes().iter().rev().enumerate() {
        let digit = VALUES[usize::from(byte)];
        if digit == INVALID {
            return Err(HashError::InvalidNix32(char::from(byte)));
        }
        let (i, j) = (n * 5 / 8, n * 5 % 8);
        let wide = u16::from(digit) << j;
        if out.len() <= i {
            out.push(0);
        }
        out[i] |= wide as u8;
        let carry = (wide >> 8) as u8;
        if carry != 0 {
            out.push(carry);
        }
    }
    Ok(out)
}
