//! One parser for all command lines: flags are rows of tables, settings are flags by their name.
//!
//! Rules, as the reference's: `-abc` is `-a -b -c`, `-j8` is `-j 8`; flags and arguments may come in any order; `--` ends
//! the flags. Every setting `NAME` is a flag `--NAME VALUE` (`--NAME` and `--no-NAME` for switches, `--extra-NAME` for lists).

use firn_settings::{DEFINITIONS, Definition, Kind, Settings};

use crate::error::CliError;

/// One flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flag {
    /// Its long name, without `--`. Rows with equal `id` are one flag under several names.
    pub name: &'static str,
    /// The name that [`Parsed`] knows it by.
    pub id: &'static str,
    /// Its letter, or NUL.
    pub short: char,
    /// Labels of its arguments, in order.
    pub takes: &'static [&'static str],
    /// What it does, one line.
    pub doc: &'static str,
}

/// A switch without a letter.
pub const fn switch(name: &'static str, doc: &'static str) -> Flag {
    Flag { name, id: name, short: '\0', takes: &[], doc }
}

/// A flag with one argument.
pub const fn option(name: &'static str, label: &'static [&'static str], doc: &'static str) -> Flag {
    Flag { name, id: name, short: '\0', takes: label, doc }
}

impl Flag {
    /// The same flag with a letter.
    pub const fn short(mut self, letter: char) -> Flag {
        self.short = letter;
        self
    }
    /// The same flag under another name.
    pub const fn alias(mut self, name: &'static str) -> Flag {
        self.name = name;
        self.short = '\0';
        self
    }
}

/// A flag as it stood on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence {
    /// The flag's id.
    pub id: &'static str,
    /// Its arguments.
    pub values: Vec<String>,
    /// How many positional arguments stood before it.
    pub position: usize,
}

/// A command line, taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parsed {
    /// Flags in order.
    pub flags: Vec<Occurrence>,
    /// Everything that is not a flag, in order.
    pub positional: Vec<String>,
    /// The settings among the flags.
    pub settings: Vec<&'static str>,
}

impl Parsed {
    /// Whether a flag was given.
    pub fn has(&self, id: &str) -> bool {
        self.flags.iter().any(|f| f.id == id)
    }
    /// How often a flag was given.
    pub fn count(&self, id: &str) -> usize {
        self.flags.iter().filter(|f| f.id == id).count()
    }
    /// The first argument of the last occurrence of a flag.
    pub fn value(&self, id: &str) -> Option<&str> {
        self.flags.iter().rev().find(|f| f.id == id).and_then(|f| f.values.first()).map(String::as_str)
    }
    /// The arguments of every occurrence of a flag, in order.
    pub fn all<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a [String]> {
        self.flags.iter().filter(move |f| f.id == id).map(|f| f.values.as_slice())
    }
    /// The first argument of every occurrence of a flag, in order.
    pub fn values<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a str> {
        self.all(id).filter_map(|v| v.first()).map(String::as_str)
    }
}

/// What a parse may stop at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Until {
    /// Read everything.
    End,
    /// Stop at the first positional argument (the name of a subcommand).
    Positional,
    /// Everything after the first `--` is positional, and so is everything after this flag's argument.
    Flag(&'static str),
}

/// Splits `-abc` into `-a -b -c` and `-j8` into `-j 8`; everything after `--` stays.
pub fn expand(args: Vec<String>) -> Vec<String> {
    let mut out = Vec::with_capacity(args.len());
    let mut args = args.into_iter();
    for arg in args.by_ref() {
        if arg == "--" {
            out.push(arg);
            break;
        }
        let mut chars = arg.chars();
        let bundled = chars.next() == Some('-')
            && chars.next().is_some_and(|c| c.is_ascii_alphabetic())
            && arg.len() > 2;
        if !bundled {
            out.push(arg);
            continue;
        }
        let mut rest = &arg[1..];
        while let Some(c) = rest.chars().next() {
            if c.is_ascii_alphabetic() {
                out.push(format!("-{c}"));
                rest = &rest[1..];
            } else {
                out.push(rest.to_owned());
                break;
            }
        }
    }
    out.extend(args);
    out
}

/// Parses `args` (already [`expand`]ed) with the flags of `tables`; settings are applied to `settings` at once.
/// Gives what was found, and what was not read.
///
/// # Errors
/// An unknown flag, a flag without its argument, a setting whose value does not fit. `program` is what `Try 'program --help'` names.
pub fn parse(
    args: &[String],
    tables: &[&[Flag]],
    settings: &mut Settings,
    until: Until,
    program: &str,
) -> Result<(Parsed, Vec<String>), CliError> {
    let mut parsed = Parsed::default();
    let mut at = 0;
    while at < args.len() {
        let arg = &args[at];
        if arg == "--" {
            parsed.positional.extend(args[at + 1..].iter().cloned());
            return Ok((parsed, Vec::new()));
        }
        if !arg.starts_with('-') || arg == "-" {
            if until == Until::Positional {
                return Ok((parsed, args[at..].to_vec()));
            }
            parsed.positional.push(arg.clone());
            at += 1;
            continue;
        }
        at += 1;
        if let Some(flag) = find_flag(tables, arg) {
            // The old commands say it in their own words for the flags that are only theirs.
            let own = program.starts_with("nix-") && tables.first().is_some_and(|t| t.contains(flag));
            let values = take(args, &mut at, flag.takes.len(), arg, program, own)?;
            parsed.flags.push(Occurrence { id: flag.id, values, position: parsed.positional.len() });
            if until == Until::Flag(flag.id) {
                parsed.positional.extend(args[at..].iter().cloned());
                return Ok((parsed, Vec::new()));
            }
        } else if setting(args, &mut at, arg, settings, program)? {
            parsed.settings.extend(setting_of(&args[..at], arg));
        } else {
            return Err(CliError::Usage(unrecognised(tables, arg), program.to_owned()));
        }
    }
    Ok((parsed, Vec::new()))
}

/// The setting that a flag sets; `read` are the words up to here, with the flag's own arguments.
fn setting_of(read: &[String], arg: &str) -> Option<&'static str> {
    let name = match arg {
        "--option" => read.len().checked_sub(2).map_or("", |at| &read[at]),
        _ => arg.trim_start_matches("--"),
    };
    let bare = |prefix| name.strip_prefix(prefix).unwrap_or(name);
    let names = [name, bare("no-"), bare("extra-"), bare("relaxed-")];
    let known = |d: &&Definition| names.contains(&d.name) || d.aliases.iter().any(|a| names.contains(a));
    DEFINITIONS.iter().find(known).map(|d| d.name)
}

/// Says that a flag is none, and which one was perhaps meant.
fn unrecognised(tables: &[&[Flag]], arg: &str) -> String {
    let hint = match arg.strip_prefix("--") {
        Some(name) => {
            let flags = tables.iter().flat_map(|t| t.iter().map(|f| f.name));
            crate::commands::did_you_mean(flags.chain(DEFINITIONS.iter().map(|d| d.name)), name)
        }
        None => String::new(),
    };
    format!("unrecognised flag '{arg}'{hint}")
}

/// The row of a flag as it is written, `--name` or `-x`.
pub(crate) fn find_flag<'a>(tables: &[&'a [Flag]], arg: &str) -> Option<&'a Flag> {
    let mut rows = tables.iter().flat_map(|t| t.iter());
    match arg.strip_prefix("--") {
        Some(name) => rows.find(|f| f.name == name),
        None => {
            let letter = arg[1..].chars().next().filter(|_| arg.len() == 2)?;
            rows.find(|f| f.short == letter)
        }
    }
}

fn take(
    args: &[String],
    at: &mut usize,
    n: usize,
    flag: &str,
    program: &str,
    own: bool,
) -> Result<Vec<String>, CliError> {
    if args.len() - *at < n {
        let message = if own {
            format!("'{flag}' requires an argument")
        } else {
            format!("flag '{flag}' requires {n} argument(s), but only {} were given", args.len() - *at)
        };
        return Err(CliError::Usage(message, program.to_owned()));
    }
    let values = args[*at..*at + n].to_vec();
    *at += n;
    Ok(values)
}

/// Applies a flag that is a setting; `false` if there is no such setting.
fn setting(
    args: &[String],
    at: &mut usize,
    arg: &str,
    settings: &mut Settings,
    program: &str,
) -> Result<bool, CliError> {
    let Some(name) = arg.strip_prefix("--") else { return Ok(false) };
    if name == "option" {
        let values = take(args, at, 2, arg, program, false)?;
        settings.set(&values[0], &values[1]).map_err(CliError::from)?;
        return Ok(true);
    }
    let by_name = |n: &str| DEFINITIONS.iter().find(|d: &&Definition| d.name == n || d.aliases.contains(&n));
    if let Some(definition) = by_name(name) {
        let switch = matches!(definition.kind, Kind::Bool | Kind::DeprecatedWarn | Kind::Sandbox);
        let value =
            if switch { "true".to_owned() } else { take(args, at, 1, arg, program, false)?.remove(0) };
        settings.set(definition.name, &value)?;
        return Ok(true);
    }
    if let Some(definition) = name.strip_prefix("no-").and_then(by_name) {
        if matches!(definition.kind, Kind::Bool | Kind::DeprecatedWarn | Kind::Sandbox) {
            settings.set(definition.name, "false")?;
            return Ok(true);
        }
    }
    if let Some(definition) = name.strip_prefix("relaxed-").and_then(by_name) {
        if definition.kind == Kind::Sandbox {
            settings.set(definition.name, "relaxed")?;
            return Ok(true);
        }
    }
    if let Some(definition) = name.strip_prefix("extra-").and_then(by_name) {
        if definition.kind.appendable() {
            let value = take(args, at, 1, arg, program, false)?.remove(0);
            settings.set(name, &value)?;
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLAGS: &[Flag] = &[
        switch("json", "print JSON"),
        option("attr", &["path"], "select").short('A'),
        switch("verbose", "say more").short('v'),
        option("arg", &["name", "expr"], "give an argument"),
    ];

    fn words(text: &str) -> Vec<String> {
        expand(text.split_whitespace().map(str::to_owned).collect())
    }

    fn settings() -> Settings {
        Settings::new(&firn_settings::Host::plain(firn_settings::Environment::default()))
    }

    #[test]
    fn bundles_are_split() {
        assert_eq!(words("-vvA hello -j8 -- -ab"), ["-v", "-v", "-A", "hello", "-j", "8", "--", "-ab"]);
    }

    #[test]
    fn flags_arguments_and_settings_in_any_order() {
        let mut s = settings();
        let (p, rest) = parse(
            &words("./x.nix -vv -A a.b --arg n 1 --cores 3 --no-sandbox --option max-jobs 7 -- --json"),
            &[FLAGS],
            &mut s,
            Until::End,
            "nix",
        )
        .unwrap();
        assert!(rest.is_empty());
        assert_eq!(p.positional, ["./x.nix", "--json"]);
        assert_eq!(p.count("verbose"), 2);
        assert_eq!(p.value("attr"), Some("a.b"));
        assert_eq!(p.all("arg").next().unwrap(), ["n", "1"]);
        assert_eq!(s.show("cores").as_deref(), Some("3"));
        assert_eq!(s.show("sandbox").as_deref(), Some("false"));
        assert_eq!(s.show("max-jobs").as_deref(), Some("7"));
        assert_eq!(p.settings, ["cores", "sandbox", "max-jobs"]);
    }

    #[test]
    fn stops_at_the_subcommand() {
        let (p, rest) =
            parse(&words("-v build --json"), &[FLAGS], &mut settings(), Until::Positional, "nix").unwrap();
        assert_eq!(p.count("verbose"), 1);
        assert_eq!(rest, ["build", "--json"]);
    }

    #[test]
    fn mistakes_are_usage_errors() {
        let err = |text| match parse(&words(text), &[FLAGS], &mut settings(), Until::End, "nix") {
            Err(CliError::Usage(m, _)) => m,
            other => panic!("{other:?}"),
        };
        assert_eq!(err("--nonsense"), "unrecognised flag '--nonsense'");
        assert_eq!(err("-A"), "flag '-A' requires 1 argument(s), but only 0 were given");
        assert_eq!(err("-z"), "unrecognised flag '-z'");
        assert_eq!(err("--jsn"), "unrecognised flag '--jsn'\nDid you mean json?");
    }
}
