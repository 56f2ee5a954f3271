//! The environment of programs that commands run: flags that keep, set and take away variables.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;

use crate::args::{Flag, Parsed, option, switch};
use crate::error::CliError;

/// Variables by name.
pub type Environment = BTreeMap<OsString, OsString>;

/// Flags of commands that run programs.
pub const ENVIRONMENT: &[Flag] = &[
    switch("ignore-env", "start with an empty environment").short('i'),
    switch("ignore-env", "").alias("ignore-environment"),
    option("keep-env-var", &["name"], "keep a variable in spite of --ignore-env").short('k'),
    option("keep-env-var", &["name"], "").alias("keep"),
    option("set-env-var", &["name", "value"], "set a variable").short('s'),
    option("unset-env-var", &["name"], "take a variable away").short('u'),
    option("unset-env-var", &["name"], "").alias("unset"),
];

/// The environment that a program gets: this process' own, changed by the flags.
///
/// # Errors
/// Flags that contradict each other.
pub fn environment(parsed: &Parsed, program: &str) -> Result<Environment, CliError> {
    apply(std::env::vars_os().collect(), parsed, program)
}

fn apply(mut all: Environment, parsed: &Parsed, program: &str) -> Result<Environment, CliError> {
    let usage = |text: String| Err(CliError::Usage(text, program.to_owned()));
    let keep: BTreeSet<&str> = parsed.values("keep-env-var").collect();
    let unset: BTreeSet<&str> = parsed.values("unset-env-var").collect();
    let ignore = parsed.has("ignore-env");
    if ignore && !unset.is_empty() {
        return usage("--unset-env-var does not make sense with --ignore-env".into());
    }
    if !ignore && !keep.is_empty() {
        return usage("--keep-env-var does not make sense without --ignore-env".into());
    }
    if ignore {
        all.retain(|name, _| name.to_str().is_some_and(|n| keep.contains(n)));
    }
    let mut set = BTreeSet::new();
    for pair in parsed.all("set-env-var") {
        let [name, value] = pair else { continue };
        if unset.contains(name.as_str()) {
            return usage(format!(
                "Cannot set environment variable '{name}' that is unset with '--unset-env-var'"
            ));
        }
        if keep.contains(name.as_str()) {
            return usage(format!(
                "Cannot set environment variable '{name}' that is kept with '--keep-env-var'"
            ));
        }
        if !set.insert(name.as_str()) {
            return usage(format!(
                "Duplicate definition of environment variable '{name}' with '--set-env-var' is ambiguous"
            ));
        }
        all.insert(name.into(), value.into());
    }
    all.retain(|name, _| name.to_str().is_none_or(|n| !unset.contains(n)));
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Until, parse};

    fn names(flags: &str) -> Result<String, String> {
        let words: Vec<String> = flags.split_whitespace().map(str::to_owned).collect();
        let mut settings =
            firn_settings::Settings::new(&firn_settings::Host::plain(firn_settings::Environment::default()));
        let (parsed, _) = parse(&words, &[ENVIRONMENT], &mut settings, Until::End, "nix").expect("parses");
        let start = [("A", "1"), ("B", "2")].map(|(n, v)| (OsString::from(n), OsString::from(v)));
        let all = apply(start.into_iter().collect(), &parsed, "nix").map_err(CliError::text)?;
        Ok(all.iter().map(|(n, v)| format!("{}={} ", n.to_string_lossy(), v.to_string_lossy())).collect())
    }

    #[test]
    fn variables_are_kept_set_and_taken_away() {
        assert_eq!(names("").unwrap(), "A=1 B=2 ");
        assert_eq!(names("-i -k B -s C 3").unwrap(), "B=2 C=3 ");
        assert_eq!(names("-u A").unwrap(), "B=2 ");
        assert_eq!(names("-k A").unwrap_err(), "--keep-env-var does not make sense without --ignore-env");
        assert_eq!(names("-i -u A").unwrap_err(), "--unset-env-var does not make sense with --ignore-env");
        assert!(names("-s A 1 -s A 2").unwrap_err().starts_with("Duplicate definition"));
    }
}
