//! Integers, floats, dates and times.

use super::error::{FLOAT_HINT, INTEGER_HINT};
use super::read::{Read, Reader};
use super::{Problem, Value};

const TIME_HINT: &str = "Hint: valid  : 1979-05-27T07:32:00, 1979-05-27 07:32:00.999999\n\
                         Hint: invalid: 1979-05-27T7:32:00, 1979-05-27 17:32\n";

/// Goes past one digit, then digits that single underscores may separate.
fn digits(text: &[u8], at: usize, digit: fn(&u8) -> bool) -> Option<usize> {
    let is_digit = |at: usize| text.get(at).is_some_and(digit);
    let mut at = is_digit(at).then_some(at + 1)?;
    loop {
        if is_digit(at) {
            at += 1;
        } else if text.get(at) == Some(&b'_') && is_digit(at + 1) {
            at += 2;
        } else {
            return Some(at);
        }
    }
}

fn sign(text: &[u8], at: usize) -> usize {
    at + usize::from(matches!(text.get(at), Some(b'+' | b'-')))
}

/// The end of a decimal integer at the start of `text`; one that starts with zero is just the zero.
fn decimal(text: &[u8]) -> Option<usize> {
    let at = sign(text, 0);
    match text.get(at)? {
        b'0' => Some(at + 1),
        _ => digits(text, at, u8::is_ascii_digit),
    }
}

fn float(text: &[u8]) -> Option<usize> {
    let start = sign(text, 0);
    if text.get(start..start + 3).is_some_and(|word| matches!(word, b"inf" | b"nan")) {
        return Some(start + 3);
    }
    let whole = decimal(text)?;
    let exponent = |at: usize| {
        matches!(text.get(at), Some(b'e' | b'E'))
            .then(|| digits(text, sign(text, at + 1), u8::is_ascii_digit))
            .flatten()
    };
    if text.get(whole) == Some(&b'.') {
        let fraction = digits(text, whole + 1, u8::is_ascii_digit)?;
        return Some(exponent(fraction).unwrap_or(fraction));
    }
    exponent(whole)
}

/// The length of `text` that fits a pattern of digits (`0`) and other characters, which stand for themselves.
fn shape(text: &[u8], pattern: &[u8]) -> Option<usize> {
    let fits =
        |(byte, wanted): (&u8, &u8)| if *wanted == b'0' { byte.is_ascii_digit() } else { byte == wanted };
    (text.len() >= pattern.len() && text.iter().zip(pattern).all(fits)).then_some(pattern.len())
}

fn time(text: &[u8]) -> Option<usize> {
    let at = shape(text, b"00:00:00")?;
    let fraction =
        text.get(at + 1..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit()).count();
    Some(if text.get(at) == Some(&b'.') && fraction > 0 { at + 1 + fraction } else { at })
}

/// How many of the next two bytes are digits.
fn digits_before(text: &[u8]) -> usize {
    text.iter().take(2).take_while(|byte| byte.is_ascii_digit()).count()
}

fn offset(text: &[u8]) -> Option<usize> {
    match text.first()? {
        b'z' | b'Z' => Some(1),
        b'+' => shape(text, b"+00:00"),
        b'-' => shape(text, b"-00:00"),
        _ => None,
    }
}

/// The error for an integer with a prefix that has a sign before it, or no digits behind it.
fn bad_prefixed(prefix: u8, at: usize, signed: bool) -> Problem {
    let (kind, example, digits) = match prefix {
        b'x' => ("hex", "0xC0FFEE, 0xdead_beef", "hex [0-9a-fA-F]"),
        b'o' => ("oct", "0o775, 0o04_44", "from `0` to `7`"),
        _ => ("bin", "0b0101, 0b1111_0000", "0 or 1"),
    };
    let title = format!("toml::parse_{kind}_integer: invalid integer: {kind}_int must be like: {example}");
    let expected = if signed { format!("0{}", char::from(prefix)) } else { digits.to_owned() };
    Problem::at(title, at, format!("expected {expected}"))
}

impl Reader<'_> {
    /// Reads a number, a date or a time.
    pub(super) fn number(&mut self) -> Read<Value> {
        let text = self.rest();
        if let Some(length) = shape(text, b"0000-00-00") {
            return self.date(length);
        }
        if let Some(length) = time(text) {
            let shown = self.checked_time(self.at, length)?;
            self.at += length;
            return Ok(Value::Timestamp(shown));
        }
        if let Some(length) = float(text) {
            if text.get(length) == Some(&b'_') {
                let title = "bad float: `_` must be surrounded by digits";
                return Err(Problem::at(title, self.at + length, "invalid underscore").hint(FLOAT_HINT));
            }
            return self.float(length);
        }
        let radix = match text.get(..2) {
            Some(b"0x") => Some((16, u8::is_ascii_hexdigit as fn(&u8) -> bool)),
            Some(b"0o") => Some((8, (|byte| matches!(byte, b'0'..=b'7')) as fn(&u8) -> bool)),
            Some(b"0b") => Some((2, (|byte| matches!(byte, b'0' | b'1')) as fn(&u8) -> bool)),
            _ => None,
        };
        if let Some((radix, digit)) = radix {
            let Some(length) = digits(text, 2, digit) else {
                return Err(bad_prefixed(text[1], self.at + 2, false));
            };
            self.integer_end(length)?;
            return self.integer(length, radix);
        }
        if let Some(length) = decimal(text) {
            self.integer_end(length)?;
            if let Some(prefix @ (b'x' | b'o' | b'b')) = text.get(length).filter(|_| text[length - 1] == b'0')
            {
                if length == 2 {
                    return Err(bad_prefixed(*prefix, self.at, true));
                }
            }
            return self.integer(length, 10);
        }
        Err(match text.first() {
            Some(b'.') => Problem::at(
                "bad float: integer part is required before decimal point",
                self.at,
                "missing integer part",
            )
            .hint(FLOAT_HINT),
            Some(b'_') => Problem::at(
                "bad number: `_` must be surrounded by digits",
                self.at,
                "digits required before `_`",
            )
            .hint(INTEGER_HINT),
            _ => Problem::at("bad format: unknown value appeared", self.at, "here"),
        })
    }

    /// Checks what follows an integer of `length` bytes.
    fn integer_end(&self, length: usize) -> Read<()> {
        let text = self.rest();
        let at = self.at + length;
        let zero = matches!(&text[..length], b"0" | b"+0" | b"-0");
        Err(match text.get(length) {
            Some(b'_') if zero => {
                Problem::at("bad integer: leading zero is not allowed in decimal int", at, "leading zero")
                    .hint(INTEGER_HINT)
            }
            Some(b'_') => {
                Problem::at("bad integer: `_` must be surrounded by digits", at, "invalid underscore")
                    .hint(INTEGER_HINT)
            }
            Some(b'0') => Problem::at("bad integer: leading zero", at - 1, "leading zero is not allowed")
                .hint(INTEGER_HINT),
            Some(b'1'..=b'9') => {
                Problem::at("bad integer: invalid digit after an integer", at, "this digit is not allowed")
                    .hint(INTEGER_HINT)
            }
            Some(b':' | b'-') => Problem::at("bad datetime: invalid format", at, "here").hint(
                "Hint: valid  : 1979-05-27T07:32:00-07:00, 1979-05-27 07:32:00.999999Z\n\
                 Hint: invalid: 1979-05-27T7:32:00-7:00, 1979-05-27 7:32-00:30",
            ),
            Some(b'.' | b'e' | b'E') => Problem::at("bad float: invalid format", at, "here").hint(FLOAT_HINT),
            _ => return Ok(()),
        })
    }

    /// Takes `length` bytes without their underscores.
    fn take_number(&mut self, length: usize) -> String {
        let text = self.rest()[..length]
            .iter()
            .filter(|byte| **byte != b'_')
            .map(|byte| char::from(*byte))
            .collect();
        self.at += length;
        text
    }

    fn integer(&mut self, length: usize, radix: u32) -> Read<Value> {
        let text = self.take_number(length);
        let number = if radix == 10 { text.as_str() } else { &text[2..] };
        i64::from_str_radix(number, radix).map(Value::Int).map_err(|_| {
            let (kind, limit) = match radix {
                16 => ("hex", "value"),
                8 => ("oct", "value"),
                2 => ("bin", "value"),
                _ => ("dec", "digits"),
            };
            let title = format!("toml::parse_{kind}_integer: too large integer: current max {limit} = 2^63");
            Problem::at(title, self.at, "must be < 2^63")
        })
    }

    fn float(&mut self, length: usize) -> Read<Value> {
        let text = self.take_number(length);
        let value: f64 = text.parse().unwrap_or(f64::NAN);
        if value.is_infinite() && !text.ends_with("inf") {
            let title = "toml::parse_floating: failed to read floating point value from stream";
            return Err(Problem::at(title, self.at, "here"));
        }
        Ok(Value::Float(value))
    }

    /// Reads a date of `length` bytes and what may follow it.
    fn date(&mut self, length: usize) -> Read<Value> {
        let start = self.at;
        let mut shown = self.text_at(start, length);
        let after = &self.rest()[length..];
        let time_length = match after.first() {
            Some(b'T' | b't' | b' ') => time(&after[1..]),
            _ => None,
        };
        let Some(time_length) = time_length else {
            self.no_time(start + length, after)?;
            self.check_date(start)?;
            self.at += length;
            return Ok(Value::Timestamp(shown));
        };
        let end = &after[1 + time_length..];
        let offset_length = offset(end);
        let at = start + length + 1;
        if offset_length.is_none() && matches!(end.first(), Some(b'+' | b'-')) {
            return Err(Problem::at(
                "bad offset: must be [+-]HH:MM or Z",
                at + time_length + 1 + digits_before(&end[1..]),
                "expected z or Z or digit [0-9]",
            )
            .hint("Hint: valid  : +09:00, -05:30\nHint: invalid: +9:00,  -5:30\n"));
        }
        self.check_date(start)?;
        shown.push('T');
        shown.push_str(&self.checked_time(at, time_length)?);
        self.at = at + time_length;
        if let Some(offset_length) = offset_length {
            shown.push_str(&self.checked_offset(offset_length)?);
            self.at += offset_length;
        }
        Ok(Value::Timestamp(shown))
    }

    /// Rejects what looks like a time behind a date that ends at `at`, and is none.
    fn no_time(&self, at: usize, after: &[u8]) -> Read<()> {
        let digits_before =
            |text: &[u8]| text.iter().take(2).take_while(|byte| byte.is_ascii_digit()).count();
        let bad_time =
            |at| Problem::at("bad time: must be HH:MM:SS.subsec", at, "expected digit [0-9]").hint(TIME_HINT);
        Err(match after {
            [b'T' | b't', ..] => bad_time(at + 1 + digits_before(&after[1..])),
            [b' ', b'0'..=b'9', ..] => bad_time(at + 1 + digits_before(&after[1..])),
            [b'0'..=b'9', ..] => {
                Problem::at("bad datetime: missing T or space", at, "expected T, t, or 0x20(SPACE)")
                    .hint(TIME_HINT)
            }
            _ => return Ok(()),
        })
    }

    fn text_at(&self, at: usize, length: usize) -> String {
        String::from_utf8_lossy(&self.text[at..at + length]).into_owned()
    }

    fn two_digits(&self, at: usize) -> u32 {
        self.text[at..at + 2].iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0'))
    }

    fn check_date(&self, at: usize) -> Read<()> {
        let year = self.two_digits(at) * 100 + self.two_digits(at + 2);
        let (month, day) = (self.two_digits(at + 5), self.two_digits(at + 8));
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = match month {
            2 => 28 + u32::from(leap),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        if (1..=12).contains(&month) && (1..=days).contains(&day) {
            return Ok(());
        }
        let rule = "month must be 01-12, day must be any of 01-28,29,30,31 depending on the month/year.";
        Err(Problem::at("toml::parse_local_date: invalid date.", at, rule))
    }

    /// Gives a time with its fraction in steps of three digits, nine at most.
    fn checked_time(&self, at: usize, length: usize) -> Read<String> {
        let wrong = |rule| Err(Problem::at("toml::parse_local_time: invalid time.", at, rule));
        if self.two_digits(at) >= 24 || self.two_digits(at + 3) >= 60 {
            return wrong("hour must be 00-23, minute must be 00-59.");
        }
        if self.two_digits(at + 6) > 60 {
            return wrong("second must be 00-60.");
        }
        let mut shown = self.text_at(at, 8);
        if length > 9 {
            let mut fraction = self.text_at(at + 9, length - 9);
            fraction.truncate(9);
            let width = fraction.trim_end_matches('0').len().div_ceil(3) * 3;
            if width > 0 {
                shown.push_str(&format!(".{fraction:0<9}")[..width + 1]);
            }
        }
        Ok(shown)
    }

    fn checked_offset(&self, length: usize) -> Read<String> {
        if length == 1 {
            return Ok("Z".to_owned());
        }
        let (hours, minutes) = (self.two_digits(self.at + 1), self.two_digits(self.at + 4));
        if hours > 24 || minutes > 60 {
            let title = "toml::parse_offset_datetime: too large offset: |hour| <= 24, |minute| <= 60";
            return Err(Problem::at(title, self.at, "here"));
        }
        let total = hours * 60 + minutes;
        if total == 0 {
            return Ok("Z".to_owned());
        }
        Ok(format!("{}{:02}:{:02}", char::from(self.text[self.at]), total / 60, total % 60))
    }
}
