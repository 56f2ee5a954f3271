//! Versions and names of derivations.

use std::cmp::Ordering;

/// The components of a version: maximal runs of digits or of other characters, without the separators `.` and `-`.
#[derive(Debug, Clone)]
pub struct Components<'a> {
    rest: &'a [u8],
}

/// Splits `version` as `builtins.splitVersion` does.
pub fn components(version: &[u8]) -> Components<'_> {
    Components { rest: version }
}

impl<'a> Iterator for Components<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let separator = |byte: &u8| matches!(byte, b'.' | b'-');
        let start = self.rest.iter().position(|byte| !separator(byte)).unwrap_or(self.rest.len());
        let rest = &self.rest[start..];
        let digits = rest.first()?.is_ascii_digit();
        let end = rest
            .iter()
            .position(|byte| separator(byte) || byte.is_ascii_digit() != digits)
            .unwrap_or(rest.len());
        let (component, rest) = rest.split_at(end);
        self.rest = rest;
        Some(component)
    }
}

/// Compares two versions as `builtins.compareVersions` and `nix-env -u` do: component by component, numbers by value, `pre`
/// before everything, a missing component before a number, letters before numbers.
pub fn compare(left: &[u8], right: &[u8]) -> Ordering {
    let (mut left, mut right) = (components(left), components(right));
    loop {
        let (a, b) = (left.next(), right.next());
        if a.is_none() && b.is_none() {
            return Ordering::Equal;
        }
        let (a, b) = (a.unwrap_or_default(), b.unwrap_or_default());
        if a == b {
            continue;
        }
        if component_less(a, b) {
            return Ordering::Less;
        }
        if component_less(b, a) {
            return Ordering::Greater;
        }
    }
}

fn component_less(a: &[u8], b: &[u8]) -> bool {
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a < b,
        (None, Some(_)) if a.is_empty() => true,
        _ if a == b"pre" && b != b"pre" => true,
        _ if b == b"pre" => false,
        (_, Some(_)) => true,
        (Some(_), _) => false,
        _ => a < b,
    }
}

/// The value of a component that is a number; numbers beyond 32 bits compare as text.
fn number(component: &[u8]) -> Option<i32> {
    if component.is_empty() {
        return None;
    }
    component.iter().try_fold(0i32, |value, byte| {
        let digit = byte.is_ascii_digit().then(|| i32::from(byte - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

/// Splits the name of a package into name and version, at the first dash that is not followed by a letter.
pub fn parse_drv_name(full: &[u8]) -> (&[u8], &[u8]) {
    let split = full.windows(2).position(|pair| pair[0] == b'-' && !pair[1].is_ascii_alphabetic());
    match split {
        Some(at) => (&full[..at], &full[at + 1..]),
        None => (full, b""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_versions() {
        let split = |text: &str| {
            components(text.as_bytes())
                .map(|part| String::from_utf8(part.to_vec()).unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(split("1.2.3"), ["1", "2", "3"]);
        assert_eq!(split("2.3rc1-beta..7"), ["2", "3", "rc", "1", "beta", "7"]);
        assert_eq!(split(""), [""; 0]);
        assert_eq!(split(".-."), [""; 0]);
        assert_eq!(split("é1"), ["é", "1"]);
    }

    #[test]
    fn compares_versions() {
        for (left, right, order) in [
            ("1.0", "2.3", Ordering::Less),
            ("2.1", "2.3", Ordering::Less),
            ("2.3", "2.3", Ordering::Equal),
            ("2.5", "2.3", Ordering::Greater),
            ("3.1", "2.3", Ordering::Greater),
            ("2.3.1", "2.3", Ordering::Greater),
            ("2.3.1", "2.3a", Ordering::Greater),
            ("2.3pre1", "2.3", Ordering::Less),
            ("2.3pre3", "2.3pre12", Ordering::Less),
            ("2.3a", "2.3c", Ordering::Less),
            ("2.3pre1", "2.3c", Ordering::Less),
            ("2.3pre1", "2.3q", Ordering::Less),
            ("007", "7", Ordering::Equal),
            ("2147483648", "3", Ordering::Less),
            ("99999999999", "100000000000", Ordering::Greater),
            ("", "1", Ordering::Less),
            ("", "a", Ordering::Less),
            ("", "pre", Ordering::Greater),
        ] {
            assert_eq!(compare(left.as_bytes(), right.as_bytes()), order, "{left} {right}");
            assert_eq!(compare(right.as_bytes(), left.as_bytes()), order.reverse(), "{right} {left}");
        }
    }

    #[test]
    fn splits_names() {
        for (full, name, version) in [
            ("nix-0.12pre12876", "nix", "0.12pre12876"),
            ("apache-httpd-2.0.48", "apache-httpd", "2.0.48"),
            ("a-", "a-", ""),
            ("a--b", "a", "-b"),
            ("-1", "", "1"),
            ("", "", ""),
        ] {
            assert_eq!(parse_drv_name(full.as_bytes()), (name.as_bytes(), version.as_bytes()));
        }
    }
}
