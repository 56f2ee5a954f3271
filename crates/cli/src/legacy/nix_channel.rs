//! `nix-channel`: copies of package sets under names, as a profile whose packages they are.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use firn_hash::Algo;

use super::Legacy;
use crate::args::{Flag, switch};
use crate::commands::prefetch::{Prefetch, prefetch};
use crate::error::CliError;
use crate::session::{Program, Session};

const FLAGS: &[Flag] = &[
    switch("add", "subscribe to a channel: URL [NAME]"),
    switch("remove", "give up a channel: NAME"),
    switch("list", "show the channels"),
    switch("update", "fetch the channels, or those that are named"),
    switch("list-generations", "show the generations of the channels"),
    switch("rollback", "go back to what the channels were before, or to a generation"),
];

pub(crate) const COMMAND: Legacy = Legacy {
    name: "nix-channel",
    doc: "subscribe to package sets and fetch them",
    usage: &[
        "--add URL [NAME]",
        "--remove NAME",
        "--list",
        "--update [NAME…]",
        "--list-generations",
        "--rollback [GENERATION]",
    ],
    flags: &[FLAGS],
    run,
};

/// The derivation that unpacks a channel.
const UNPACK: &str = r#"{ name, channelName, src }:

derivation {
  inherit name channelName src;
  builder = "builtin:unpack-channel";
  system = "builtin";
  preferLocalBuild = true;
}
"#;

struct Channels {
    session: Session,
    list: PathBuf,
    profile: PathBuf,
    expression: PathBuf,
}

fn run(program: Program, args: Vec<String>) -> Result<u8, CliError> {
    let (session, parsed) = COMMAND.start(program, args)?;
    let name = session.program.name.clone();
    let usage = |text: String| CliError::Usage(text, name.clone());
    let given: Vec<&str> = FLAGS.iter().map(|f| f.id).filter(|f| parsed.has(f)).collect();
    let [command] = given.as_slice() else { return Err(usage("no command specified".into())) };
    let words = parsed.positional.clone();
    let expects = |range: std::ops::RangeInclusive<usize>, what: &str| {
        if range.contains(&words.len()) {
            return Ok(());
        }
        Err(usage(format!("'--{command}' requires {what}")))
    };
    let channels = Channels::new(session)?;
    match *command {
        "add" => {
            expects(1..=2, "one or two arguments")?;
            channels.add(&words[0], words.get(1))?;
        }
        "remove" => {
            expects(1..=1, "one argument")?;
            channels.remove(&words[0])?;
        }
        "list" => {
            expects(0..=0, "no arguments")?;
            for (name, url) in channels.read()? {
                channels.session.println(format!("{name} {url}"))?;
            }
        }
        "update" => channels.update(&words)?,
        "list-generations" => {
            expects(0..=0, "no arguments")?;
            return channels.nix_env(&["--list-generations".into()]);
        }
        _ => {
            expects(0..=1, "at most one argument")?;
            let args = match words.first() {
                Some(number) => vec!["--switch-generation".to_owned(), number.clone()],
                None => vec!["--rollback".to_owned()],
            };
            return channels.nix_env(&args);
        }
    }
    Ok(0)
}

/// A name for a channel of which only the address is known.
fn name_of(url: &str) -> String {
    let base = url.trim_end_matches('/').rsplit('/').next().unwrap_or(url);
    let base = base.strip_suffix("-unstable").unwrap_or(base);
    base.strip_suffix("-stable").unwrap_or(base).to_owned()
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

fn is_tarball(name: &str) -> bool {
    [".tar.gz", ".tar.bz2", ".tar.xz"].iter().any(|end| name.ends_with(end))
}

/// The version that an address ends with: `-20.09`.
fn version_of(url: &str) -> &str {
    let base = url.rsplit('/').next().unwrap_or(url);
    let at = base.as_bytes().windows(2).position(|w| w[0] == b'-' && w[1].is_ascii_digit());
    at.map_or("", |at| &base[at..])
}

impl Channels {
    fn new(session: Session) -> Result<Channels, CliError> {
        let dirs = firn_settings::Directories::new(&session.host);
        let (list, expression) = if session.settings.use_xdg_base_directories() {
            let state = Path::new(&dirs.user_state);
            (state.join("channels"), state.join("defexpr"))
        } else {
            let home = Path::new(&dirs.home);
            (home.join(".nix-channels"), home.join(".nix-defexpr"))
        };
        let profile = crate::profile::dirs(&session)?.channels();
        if let Some(folder) = profile.parent() {
            std::fs::create_dir_all(folder)?;
        }
        Ok(Channels { session, list, profile, expression })
    }

    fn read(&self) -> Result<BTreeMap<String, String>, CliError> {
        let Ok(text) = std::fs::read_to_string(&self.list) else { return Ok(BTreeMap::new()) };
        let lines = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
        Ok(lines
            .map(|line| {
                let mut words = line.split_whitespace();
                let url = words.next().unwrap_or("").to_owned();
                let name = words.next().map_or_else(|| name_of(&url), str::to_owned);
                (name, url)
            })
            .collect())
    }

    fn write(&self, channels: &BTreeMap<String, String>) -> Result<(), CliError> {
        if let Some(folder) = self.list.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let text: String = channels.iter().map(|(name, url)| format!("{url} {name}\n")).collect();
        let beside = self.list.with_extension("tmp");
        std::fs::write(&beside, text)?;
        Ok(std::fs::rename(beside, &self.list)?)
    }

    fn add(&self, url: &str, name: Option<&String>) -> Result<(), CliError> {
        if !["file://", "http://", "https://"].iter().any(|s| url.starts_with(s)) {
            return Err(CliError::new(format!("invalid channel URL '{url}'")));
        }
        let name = name.cloned().unwrap_or_else(|| name_of(url));
        if !is_name(&name) {
            return Err(CliError::new(format!("invalid channel identifier '{name}'")));
        }
        let mut channels = self.read()?;
        channels.insert(name, url.to_owned());
        self.write(&channels)
    }

    fn remove(&self, name: &str) -> Result<(), CliError> {
        let mut channels = self.read()?;
        channels.remove(name);
        self.write(&channels)?;
        self.nix_env(&["--uninstall".into(), name.to_owned()]).map(drop)
    }

    /// Runs `nix-env` on the profile of the channels.
    fn nix_env(&self, args: &[String]) -> Result<u8, CliError> {
        let mut words = vec!["--profile".to_owned(), self.profile.to_string_lossy().into_owned()];
        words.extend_from_slice(args);
        let program = Program { name: "nix-env".into(), run_in: None };
        (super::nix_env::COMMAND.run)(program, words)
    }

    /// Downloads a file into the store; gives its path.
    fn download(&self, url: &str) -> Result<String, CliError> {
        let wanted = Prefetch {
            url,
            name: None,
            algo: Algo::Sha256,
            expected: None,
            unpack: false,
            executable: false,
        };
        let (path, _) = prefetch(&self.session, &wanted)?;
        Ok(self.session.store()?.store_dir().print(&path))
    }

    /// The archive of a channel: the address itself, or `nixexprs.tar.…` below it.
    fn archive(&self, url: &str) -> Result<String, CliError> {
        if is_tarball(url) {
            return self.download(url);
        }
        let below = |name: &str| self.download(&format!("{}/{name}", url.trim_end_matches('/')));
        below("nixexprs.tar.xz").or_else(|first| below("nixexprs.tar.bz2").map_err(|_| first))
    }

    fn update(&self, only: &[String]) -> Result<(), CliError> {
        let mut unpack = tempfile::Builder::new().prefix("unpack-channel").suffix(".nix").tempfile()?;
        unpack.write_all(UNPACK.as_bytes())?;
        let mut expressions = Vec::new();
        for (name, url) in self.read()? {
            let full = format!("{name}{}", version_of(&url));
            if only.is_empty() || only.contains(&name) {
                let src = self.archive(&url)?;
                expressions.push(format!(
                    "f: f {{ name = \"{full}\"; channelName = \"{name}\"; src = builtins.storePath \"{src}\"; }}"
                ));
                continue;
            }
            // what it is now stays
            let link = std::fs::read_link(self.profile.join(&name))
                .map_err(|e| CliError::new(format!("channel '{name}' was never fetched: {e}")))?;
            let path = link.parent().unwrap_or(&link).to_string_lossy().into_owned();
            expressions.push(format!(
                "f: rec {{ name = \"{full}\"; type = \"derivation\"; outputs = [\"out\"]; system = \"builtin\"; outPath = builtins.storePath \"{path}\"; out = {{ inherit outPath; }}; }}"
            ));
        }
        let text = format!("unpacking {} channels...", expressions.len());
        self.session.events().message(firn_events::Level::Notice, text);
        let mut args: Vec<String> = ["--file", &unpack.path().to_string_lossy()].map(str::to_owned).to_vec();
        args.extend(["--install", "--remove-all", "--from-expression"].map(str::to_owned));
        args.extend(expressions);
        args.push("--quiet".into());
        self.nix_env(&args)?;
        if self.expression.is_symlink() {
            // a link from the time when it was one
            std::fs::remove_file(&self.expression)?;
        }
        std::fs::create_dir_all(&self.expression)?;
        Ok(firn_store::profiles::switch_link(&self.expression.join("channels"), &self.profile)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_versions() {
        assert_eq!(name_of("https://nixos.org/channels/nixpkgs-unstable"), "nixpkgs");
        assert_eq!(name_of("file:///x/nixos-20.09"), "nixos-20.09");
        assert_eq!(version_of("https://nixos.org/channels/nixos-20.09"), "-20.09");
        assert_eq!(version_of("file:///tmp/foo"), "");
        assert!(is_name("nixos-20.09") && !is_name("-x") && !is_name("a b"));
    }
}
