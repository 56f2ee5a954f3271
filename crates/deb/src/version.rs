//! Package versions and their order.
//!
//! Source: Debian policy 5.6.12 and deb-version(7): `[epoch:]upstream[-revision]`; parts are compared as alternating runs of
//! non-digits and digits, where `~` sorts before everything, even the end, and letters before other characters.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use crate::DebError;

/// A version as the archive writes it; ordered as the package manager orders versions, so `1.0` and `1.00` are equal in order.
#[derive(Debug, Clone)]
pub struct Version {
    text: String,
    epoch: u32,
    /// Range of the upstream part in `text`.
    upstream: (usize, usize),
}

impl Version {
    /// The text, unchanged.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn upstream(&self) -> &[u8] {
        &self.text.as_bytes()[self.upstream.0..self.upstream.1]
    }

    /// The part after the last hyphen; empty if there is none, which sorts as `0` does.
    fn revision(&self) -> &[u8] {
        self.text.as_bytes().get(self.upstream.1 + 1..).unwrap_or(b"")
    }
}

impl FromStr for Version {
    type Err = DebError;

    fn from_str(text: &str) -> Result<Self, DebError> {
        let invalid = || DebError::Version(text.to_owned());
        let (epoch, start) = match text.split_once(':') {
            Some((epoch, _)) => {
                let digits = !epoch.is_empty() && epoch.bytes().all(|byte| byte.is_ascii_digit());
                let number = if digits { epoch.parse().ok() } else { None };
                (number.ok_or_else(invalid)?, epoch.len() + 1)
            }
            None => (0, 0),
        };
        let end = text.rfind('-').filter(|end| *end >= start).unwrap_or(text.len());
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".+~-:".contains(&byte);
        let in_revision = |byte: u8| byte.is_ascii_alphanumeric() || b".+~".contains(&byte);
        let version = Version { text: text.to_owned(), epoch, upstream: (start, end) };
        let good = start < end
            && version.upstream().iter().all(|byte| allowed(*byte))
            && version.revision().iter().all(|byte| in_revision(*byte))
            && (end == text.len() || end + 1 < text.len());
        if good { Ok(version) } else { Err(invalid()) }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.epoch.cmp(&other.epoch))
            .then_with(|| compare_part(self.upstream(), other.upstream()))
            .then_with(|| compare_part(self.revision(), other.revision()))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Version {}

/// The weight of a byte among non-digits; the end of the text and a digit weigh nothing.
fn weight(byte: Option<&u8>) -> i32 {
    match byte {
        None => 0,
        Some(byte) if byte.is_ascii_digit() => 0,
        Some(b'~') => -1,
        Some(byte) if byte.is_ascii_alphabetic() => i32::from(*byte),
        Some(byte) => i32::from(*byte) + 256,
    }
}

fn compare_part(mut a: &[u8], mut b: &[u8]) -> Ordering {
    while !a.is_empty() || !b.is_empty() {
        loop {
            let text = |part: &[u8]| part.first().is_some_and(|byte| !byte.is_ascii_digit());
            if !text(a) && !text(b) {
                break;
            }
            let order = weight(a.first()).cmp(&weight(b.first()));
            if order != Ordering::Equal {
                return order;
            }
            a = a.get(1..).unwrap_or(b"");
            b = b.get(1..).unwrap_or(b"");
        }
        let (left, right) = (number(&mut a), number(&mut b));
        let order = left.len().cmp(&right.len()).then_with(|| left.cmp(right));
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}

/// Takes the digits in front, without leading zeros.
fn number<'a>(part: &mut &'a [u8]) -> &'a [u8] {
    let end = part.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(part.len());
    let (digits, rest) = part.split_at(end);
    *part = rest;
    let first = digits.iter().position(|byte| *byte != b'0').unwrap_or(digits.len());
    &digits[first..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn known_orders() {
        let ascending = [
            "0~~",
            "0~~a",
            "0~",
            "0",
            "0a",
            "0+",
            "0.0",
            "1.0~rc1-1",
            "1.0-1~deb13u1",
            "1.0-1",
            "1.0-1+b1",
            "1.0-2",
            "1.0-10",
            "1.0+dfsg-1",
            "1.1",
            "1.9",
            "1.10",
            "1:0.1",
        ];
        for pair in ascending.windows(2) {
            assert!(version(pair[0]) < version(pair[1]), "{} < {}", pair[0], pair[1]);
        }
        assert_eq!(version("1.0"), version("1.00"));
        assert_eq!(version("1.0"), version("0:1.0-0"));
    }

    #[test]
    fn invalid_versions() {
        for text in ["", ":1", "a:1", "1:", "-1", "1-", "1 0", "1_0", "99999999999:1", "é"] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_order_is_total(a in PATTERN, b in PATTERN, c in PATTERN) {
            let (a, b, c) = (version(&a), version(&b), version(&c));
            prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
            if a <= b && b <= c {
                prop_assert!(a <= c);
            }
            prop_assert_eq!(a.cmp(&a), Ordering::Equal);
        }

        #[test]
        fn parsing_never_panics(text in "[0-9a-c:~.+é -]{0,12}") {
            let _ = text.parse::<Version>();
        }
    }

    const PATTERN: &str = "([0-3]:)?[0-9][0-9a-cA~.+]{0,6}(-[0-9a~.+]{1,4})?";

    /// The package manager itself is the judge, where it is installed.
    #[test]
    fn agrees_with_the_package_manager() {
        use proptest::strategy::{Strategy, ValueTree};
        use proptest::test_runner::TestRunner;
        if std::process::Command::new("dpkg").arg("--version").output().is_err() {
            println!("skipped: dpkg is not installed");
            return;
        }
        let mut runner = TestRunner::deterministic();
        let pattern = proptest::string::string_regex(PATTERN).unwrap();
        for _ in 0..300 {
            let a = pattern.new_tree(&mut runner).unwrap().current();
            let b = pattern.new_tree(&mut runner).unwrap().current();
            let relation = match version(&a).cmp(&version(&b)) {
                Ordering::Less => "lt",
                Ordering::Equal => "eq",
                Ordering::Greater => "gt",
            };
            let status = std::process::Command::new("dpkg")
                .args(["--compare-versions", &a, relation, &b])
                .status()
                .unwrap();
            assert!(status.success(), "{a} {relation} {b}");
        }
    }
}
