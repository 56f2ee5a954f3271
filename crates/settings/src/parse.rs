//! Texts to values, by kind.

use std::collections::{BTreeMap, BTreeSet};

use crate::Error;
use crate::directories::canonical;
use crate::feature::Feature;
use crate::value::{Diagnose, Kind, SandboxMode, SandboxPath, Value};

/// What parsing may depend on and what it has to say.
pub(crate) struct Context<'a> {
    /// For `max-jobs = auto`.
    pub(crate) cpus: u64,
    /// Where warnings go.
    pub(crate) warnings: &'a mut Vec<String>,
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', '\t', '\n', '\r']).filter(|w| !w.is_empty())
}

/// Parses the value of the setting `name`.
pub(crate) fn parse(name: &str, kind: Kind, text: &str, cx: &mut Context<'_>) -> Result<Value, Error> {
    let choice = |expected| Error::InvalidChoice { name: name.to_owned(), value: text.to_owned(), expected };
    Ok(match kind {
        Kind::Bool | Kind::DeprecatedWarn => Value::Bool(match text {
            "true" | "yes" | "1" => true,
            "false" | "no" | "0" => false,
            _ => return Err(Error::InvalidBool { name: name.to_owned(), value: text.to_owned() }),
        }),
        Kind::Int => Value::Int(
            int_with_suffix(text)
                .ok_or_else(|| Error::InvalidNumber { name: name.to_owned(), value: text.to_owned() })?,
        ),
        Kind::Jobs if text == "auto" => Value::Int(cx.cpus.max(1)),
        Kind::Jobs => Value::Int(text.parse().map_err(|_| Error::InvalidJobs { name: name.to_owned() })?),
        Kind::Text => Value::Text(text.to_owned()),
        Kind::OptText => Value::OptText((!text.is_empty()).then(|| text.to_owned())),
        Kind::OptPath => Value::OptText((!text.is_empty()).then(|| canonical(text))),
        Kind::Path | Kind::AbsPath if text.is_empty() => {
            return Err(Error::EmptyPath { name: name.to_owned() });
        }
        Kind::Path => Value::Text(text.to_owned()),
        Kind::AbsPath => Value::Text(canonical(text)),
        Kind::List => Value::List(words(text).map(str::to_owned).collect()),
        Kind::Set => Value::Set(words(text).map(str::to_owned).collect()),
        Kind::Map => {
            let mut map = BTreeMap::new();
            for (key, value) in words(text).filter_map(|w| w.split_once('=')) {
                map.entry(key.to_owned()).or_insert_with(|| value.to_owned());
            }
            Value::Map(map)
        }
        Kind::Sandbox => Value::Sandbox(match text {
            "true" => SandboxMode::Enabled,
            "relaxed" => SandboxMode::Relaxed,
            "false" => SandboxMode::Disabled,
            _ => return Err(choice("")),
        }),
        Kind::SandboxPaths => Value::SandboxPaths(sandbox_paths(text)),
        Kind::Features => Value::Features(features(text, cx.warnings)),
        Kind::Diagnose => Value::Diagnose(match text {
            "ignore" => Diagnose::Ignore,
            "warn" => Diagnose::Warn,
            "fatal" => Diagnose::Fatal,
            _ => return Err(choice(" (expected 'ignore', 'warn', or 'fatal')")),
        }),
        Kind::Profiler if matches!(text, "disabled" | "flamegraph") => Value::Text(text.to_owned()),
        Kind::Profiler => return Err(choice("")),
        Kind::Json => Value::Json(json_array(name, text)?),
    })
}

fn json_array(name: &str, text: &str) -> Result<serde_json::Value, Error> {
    let failed = |reason: String| Error::InvalidJson { name: name.to_owned(), reason };
    let value: serde_json::Value = serde_json::from_str(text).map_err(|e| failed(e.to_string()))?;
    if value.is_array() { Ok(value) } else { Err(failed("an array is expected".to_owned())) }
}

/// A number with an optional unit; `None` if it is none or too big.
fn int_with_suffix(text: &str) -> Option<u64> {
    let (digits, shift) = match text.chars().next_back()?.to_ascii_uppercase() {
        'K' => (&text[..text.len() - 1], 10),
        'M' => (&text[..text.len() - 1], 20),
        'G' => (&text[..text.len() - 1], 30),
        'T' => (&text[..text.len() - 1], 40),
        _ => (text, 0),
    };
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}

fn sandbox_paths(text: &str) -> BTreeMap<String, SandboxPath> {
    words(text)
        .collect::<BTreeSet<&str>>()
        .into_iter()
        .map(|word| {
            let (word, optional) = match word.strip_suffix('?') {
                Some(word) => (word, true),
                None => (word, false),
            };
            let (inside, outside) = word.split_once('=').unwrap_or((word, word));
            (inside.to_owned(), SandboxPath { source: outside.to_owned(), optional })
        })
        .collect()
}

fn features(text: &str, warnings: &mut Vec<String>) -> BTreeSet<Feature> {
    let mut features = BTreeSet::new();
    for word in words(text).collect::<BTreeSet<&str>>() {
        match word.parse() {
            Ok(feature) => {
                features.insert(feature);
                if feature == Feature::Flakes {
                    features.insert(Feature::FetchTree);
                }
            }
            Err(_) if word == "no-url-literals" => warnings.push(format!(
                "experimental feature '{word}' has been stabilized and renamed; use 'lint-url-literals = fatal' setting instead"
            )),
            Err(_) => warnings.push(format!("unknown experimental feature '{word}'")),
        }
    }
    features
}

/// Splits `NIX_PATH` at colons, but not inside the URLs of its entries (`a=https://x/y:b=/z`).
pub fn parse_nix_path(text: &str) -> Vec<String> {
    let bytes = text.as_bytes();
    let mut entries = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        let mut value = at;
        while at < bytes.len() && bytes[at] != b':' {
            if bytes[at] == b'=' {
                value = at + 1;
            }
            at += 1;
        }
        if at == bytes.len() {
            entries.push(text[start..].to_owned());
            break;
        }
        let rest = &text[value..];
        if is_pseudo_url(rest) || rest.starts_with("flake:") {
            at += 1;
            while at < bytes.len() && bytes[at] != b':' {
                at += 1;
            }
        }
        entries.push(text[start..at].to_owned());
        at += 1;
    }
    entries
}

/// The schemes that a search path entry may have.
fn is_pseudo_url(text: &str) -> bool {
    if text.starts_with("channel:") {
        return true;
    }
    match text.find("://") {
        Some(at) => matches!(&text[..at], "http" | "https" | "file" | "channel" | "git" | "s3" | "ssh"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_units() {
        for (text, value) in [
            ("0", Some(0)),
            ("3k", Some(3072)),
            ("2M", Some(2 << 20)),
            ("1G", Some(1 << 30)),
            ("4T", Some(4 << 40)),
            ("", None),
            ("K", None),
            ("-1", None),
            ("1X", None),
            ("99999999999T", None),
            ("é", None),
        ] {
            assert_eq!(int_with_suffix(text), value, "{text}");
        }
    }

    #[test]
    fn search_paths_keep_urls() {
        assert_eq!(
            parse_nix_path("a=/x:/y:b=https://h/z:c=flake:nixpkgs:d"),
            ["a=/x", "/y", "b=https://h/z", "c=flake:nixpkgs", "d"]
        );
        assert_eq!(parse_nix_path("nixpkgs=channel:nixos-24.05:/x"), ["nixpkgs=channel:nixos-24.05", "/x"]);
        assert_eq!(parse_nix_path(""), Vec::<String>::new());
        assert_eq!(parse_nix_path(":a::b"), ["", "a", "", "b"]);
    }

    #[test]
    fn sandbox_path_words() {
        let paths = sandbox_paths("/bin/sh=/usr/bin/dash /dev/x? ");
        assert_eq!(paths["/bin/sh"], SandboxPath { source: "/usr/bin/dash".into(), optional: false });
        assert_eq!(paths["/dev/x"], SandboxPath { source: "/dev/x".into(), optional: true });
    }
}
