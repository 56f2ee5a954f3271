//! Relations between packages: `Depends: libc6 (>= 2.38), awk | gawk, perl:any`.
//!
//! Source of the format: Debian policy 7.1.

use std::cmp::Ordering;

use crate::DebError;
use crate::version::Version;

/// The most clauses of one field and the most alternatives of one clause.
const MAX_ENTRIES: usize = 4096;

/// How a version is restricted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `<<`
    Earlier,
    /// `<=`, and the obsolete `<`
    AtMost,
    /// `=`
    Exactly,
    /// `>=`, and the obsolete `>`
    AtLeast,
    /// `>>`
    Later,
}

/// One alternative: a package name, perhaps with a version restriction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// A package or virtual package.
    pub name: String,
    /// What its version must be.
    pub version: Option<(Operator, Version)>,
}

impl Relation {
    /// Tells whether this version of the named package will do.
    pub fn admits(&self, version: &Version) -> bool {
        let Some((operator, bound)) = &self.version else { return true };
        let order = version.cmp(bound);
        match operator {
            Operator::Earlier => order == Ordering::Less,
            Operator::AtMost => order != Ordering::Greater,
            Operator::Exactly => order == Ordering::Equal,
            Operator::AtLeast => order != Ordering::Less,
            Operator::Later => order == Ordering::Greater,
        }
    }
}

/// Reads a relation field: all clauses must hold, each through one of its alternatives. An empty field gives no clauses.
pub fn parse_relations(field: &str) -> Result<Vec<Vec<Relation>>, DebError> {
    let clauses: Vec<&str> = field.split(',').map(str::trim).filter(|clause| !clause.is_empty()).collect();
    if clauses.len() > MAX_ENTRIES || field.matches('|').count() > MAX_ENTRIES {
        return Err(DebError::Relation(format!("{}…", field.chars().take(40).collect::<String>())));
    }
    clauses.into_iter().map(|clause| clause.split('|').map(parse_relation).collect()).collect()
}

fn parse_relation(text: &str) -> Result<Relation, DebError> {
    let text = text.trim();
    let invalid = || DebError::Relation(text.to_owned());
    // Restrictions to architectures and build profiles occur in source packages only; they don't change what is named.
    let text = text.split(['[', '<']).next().filter(|_| !text.contains('(')).unwrap_or(text).trim();
    let (name, version) = match text.split_once('(') {
        Some((name, rest)) => (name.trim(), Some(rest.split_once(')').ok_or_else(invalid)?.0.trim())),
        None => (text, None),
    };
    let name = name.split_once(':').map_or(name, |(name, _)| name);
    if !is_package_name(name) {
        return Err(invalid());
    }
    let version = version.map(|text| parse_restriction(text).ok_or_else(invalid)).transpose()?;
    Ok(Relation { name: name.to_owned(), version })
}

fn parse_restriction(text: &str) -> Option<(Operator, Version)> {
    let end = text.find(|symbol| !matches!(symbol, '<' | '>' | '='))?;
    let operator = match &text[..end] {
        "<<" => Operator::Earlier,
        "<=" | "<" => Operator::AtMost,
        "=" => Operator::Exactly,
        ">=" | ">" => Operator::AtLeast,
        ">>" => Operator::Later,
        _ => return None,
    };
    Some((operator, text[end..].trim().parse().ok()?))
}

/// Tells whether a text can be the name of a package (policy 5.6.1).
pub fn is_package_name(name: &str) -> bool {
    let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    first
        && name.len() >= 2
        && name.len() <= 128
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_the_archive() {
        let clauses =
            parse_relations("libc6 (>= 2.38), awk | gawk (<< 2:1~),perl:any, x11 [linux-any] <!nocheck>,")
                .unwrap();
        assert_eq!(clauses.len(), 4);
        assert_eq!(clauses[1][1].name, "gawk");
        assert_eq!(clauses[2][0], Relation { name: "perl".to_owned(), version: None });
        assert_eq!(clauses[3][0].name, "x11");
        let libc = &clauses[0][0];
        assert!(libc.admits(&"2.38".parse().unwrap()) && libc.admits(&"2.41-12".parse().unwrap()));
        assert!(!libc.admits(&"2.38~rc1".parse().unwrap()));
        assert!(
            clauses[1][1].admits(&"1:9".parse().unwrap()) && !clauses[1][1].admits(&"2:1".parse().unwrap())
        );
        assert!(parse_relations("").unwrap().is_empty());
    }

    #[test]
    fn malformed_relations_are_refused() {
        for field in ["Foo", "a", "foo (2)", "foo (>= )", "foo (>= 1", "foo | ", "foo bar", "foo (=> 1)"] {
            assert!(parse_relations(field).is_err(), "{field}");
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(field in "[a-c(<>=)|,:0-2 é\\[-]{0,30}") {
            let _ = parse_relations(&field);
        }
    }
}
