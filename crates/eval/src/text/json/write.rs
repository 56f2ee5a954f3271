//! Writes the scalars of JSON; the caller writes the brackets, as it knows its values.

/// A string that is not UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Utf8Error {
    /// A byte that can't be where it is.
    #[error("[json.exception.type_error.316] invalid UTF-8 byte at index {index}: 0x{byte:02X}")]
    Invalid {
        /// Its offset in the string.
        index: usize,
        /// Its value.
        byte: u8,
    },
    /// The string ends inside a character.
    #[error("[json.exception.type_error.316] incomplete UTF-8 string; last byte: 0x{last:02X}")]
    Incomplete {
        /// The last byte of the string.
        last: u8,
    },
}

/// Appends an integer.
pub fn write_int(value: i64, out: &mut Vec<u8>) {
    let mut buffer = [0; 20];
    let mut at = buffer.len();
    let mut rest = value.unsigned_abs();
    loop {
        at -= 1;
        buffer[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&buffer[at..]);
}

/// Appends a float; see [`crate::text::float::json`].
pub fn write_float(value: f64, out: &mut Vec<u8>) {
    crate::text::float::json(value, out);
}

/// Appends a string in quotes. Quotes, backslashes and control characters below 0x20 are escaped, nothing else.
pub fn write_string(value: &[u8], out: &mut Vec<u8>) -> Result<(), Utf8Error> {
    if let Err(error) = std::str::from_utf8(value) {
        return Err(describe(value, error));
    }
    out.reserve(value.len() + 2);
    out.push(b'"');
    let mut rest = value;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1F)) {
        out.extend_from_slice(&rest[..at]);
        escape(rest[at], out);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
    Ok(())
}

fn escape(byte: u8, out: &mut Vec<u8>) {
    let letter = match byte {
        b'"' | b'\\' => byte,
        8 => b'b',
        9 => b't',
        10 => b'n',
        12 => b'f',
        13 => b'r',
        _ => {
            const HEX: &[u8; 16] = b"0123456789abcdef";
            out.extend_from_slice(b"\\u00");
            out.push(HEX[usize::from(byte >> 4)]);
            out.push(HEX[usize::from(byte & 15)]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', letter]);
}

/// Finds the first byte at which the text can't be continued to UTF-8.
fn describe(value: &[u8], error: std::str::Utf8Error) -> Utf8Error {
    let lead = error.valid_up_to();
    let index = match error.error_len() {
        None => return Utf8Error::Incomplete { last: value.last().copied().unwrap_or_default() },
        Some(fitting) if matches!(value[lead], 0xC2..=0xF4) => lead + fitting,
        Some(_) => lead,
    };
    Utf8Error::Invalid { index, byte: value[index] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: &[u8]) -> Result<String, String> {
        let mut out = Vec::new();
        write_string(value, &mut out).map_err(|error| error.to_string())?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn escapes() {
        assert_eq!(
            written("a\"\\/\u{1}\u{1f}\n\u{7f}é".as_bytes()).unwrap(),
            "\"a\\\"\\\\/\\u0001\\u001f\\n\u{7f}é\""
        );
    }

    #[test]
    fn rejects_what_is_not_utf8() {
        for (value, message) in [
            (&b"ab\xFF"[..], "invalid UTF-8 byte at index 2: 0xFF"),
            (b"\xE0\x80x", "invalid UTF-8 byte at index 1: 0x80"),
            (b"\xE2\x82x", "invalid UTF-8 byte at index 2: 0x78"),
            (b"x\xE2\x82", "incomplete UTF-8 string; last byte: 0x82"),
        ] {
            assert_eq!(written(value), Err(format!("[json.exception.type_error.316] {message}")));
        }
    }

    #[test]
    fn writes_integers() {
        for value in [0, 7, -1, 1234567890, i64::MAX, i64::MIN] {
            let mut out = Vec::new();
            write_int(value, &mut out);
            assert_eq!(out, value.to_string().as_bytes());
        }
    }
}
