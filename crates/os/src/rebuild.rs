//! What `nixos-rebuild` is asked to do: its command line as data.

use std::path::PathBuf;

use crate::Error;

/// What is done with the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the actions of nixos-rebuild
pub enum Action {
    Switch,
    Boot,
    Test,
    Build,
    DryBuild,
    DryActivate,
    BuildVm,
    Repl,
    ListGenerations,
}

const ACTIONS: [(&str, Action); 10] = [
    ("switch", Action::Switch),
    ("boot", Action::Boot),
    ("test", Action::Test),
    ("build", Action::Build),
    ("dry-build", Action::DryBuild),
    ("dry-run", Action::DryBuild),
    ("dry-activate", Action::DryActivate),
    ("build-vm", Action::BuildVm),
    ("repl", Action::Repl),
    ("list-generations", Action::ListGenerations),
];

/// Actions of the reference that are not written.
const UNWRITTEN: [&str; 3] = ["edit", "build-image", "build-vm-with-bootloader"];

/// Where the configuration is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A flake and the name in `nixosConfigurations`.
    Flake(String, Option<String>),
    /// A file and an attribute in it.
    File(PathBuf, Option<String>),
    /// A configuration that is built already.
    StorePath(PathBuf),
    /// The generation before the current one.
    Rollback,
    /// Wherever the machine has its configuration.
    Default,
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What is done.
    pub action: Action,
    /// With what.
    pub source: Source,
    /// The profile's name, if not the system's own.
    pub profile: Option<String>,
    /// The variant.
    pub specialisation: Option<String>,
    /// Whether the boot loader is installed anew.
    pub install_boot_loader: bool,
    /// Whether the list is JSON.
    pub json: bool,
    /// Flags that are passed on to building.
    pub pass: Vec<String>,
}

/// Flags of building without and with arguments that are passed on.
const PASS: [&str; 26] = [
    "--verbose",
    "-v",
    "--quiet",
    "--print-build-logs",
    "-L",
    "--keep-going",
    "-k",
    "--keep-failed",
    "-K",
    "--fallback",
    "--repair",
    "--show-trace",
    "--accept-flake-config",
    "--refresh",
    "--impure",
    "--offline",
    "--no-net",
    "--recreate-lock-file",
    "--no-update-lock-file",
    "--no-write-lock-file",
    "--no-registries",
    "--commit-lock-file",
    "--no-build-output",
    "-Q",
    "--base",
    "--debug",
];
const PASS_WITH: [(&str, usize); 12] = [
    ("--max-jobs", 1),
    ("-j", 1),
    ("--cores", 1),
    ("--log-format", 1),
    ("--option", 2),
    ("--include", 1),
    ("-I", 1),
    ("--override-input", 2),
    ("--update-input", 1),
    ("--builders", 1),
    ("--store", 1),
    ("--arg", 2),
];
/// Flags that change nothing here.
const WITHOUT_EFFECT: [&str; 8] = [
    "--no-reexec",
    "--fast",
    "--no-flake",
    "--upgrade",
    "--upgrade-all",
    "--use-substitutes",
    "-s",
    "--no-ssh-tty",
];
/// Flags for other machines, with arguments.
const REMOTE: [&str; 2] = ["--target-host", "--build-host"];

/// Reads the command line.
///
/// # Errors
/// An action or a flag that there is not.
pub fn parse(args: &[String]) -> Result<Request, Error> {
    let mut request = Request {
        action: Action::Build,
        source: Source::Default,
        profile: None,
        specialisation: None,
        install_boot_loader: false,
        json: false,
        pass: Vec::new(),
    };
    let (mut action, mut file, mut attr) = (None, None, None);
    let mut args = args.iter().peekable();
    while let Some(arg) = args.next() {
        let (flag, joined) = match arg.split_once('=') {
            Some((flag, value)) if flag.starts_with("--") => (flag, Some(value.to_owned())),
            _ => (arg.as_str(), None),
        };
        if matches!(flag, "--flake" | "-F") {
            let given = match joined.clone() {
                Some(value) => Some(value),
                // The argument may be left out: then it is the machine's own flake.
                None => args
                    .next_if(|next| !next.starts_with('-') && !ACTIONS.iter().any(|(n, _)| n == next))
                    .cloned(),
            };
            request.source = flake(given.as_deref().unwrap_or("/etc/nixos"));
            continue;
        }
        let mut value = |name: &str| {
            joined
                .clone()
                .or_else(|| args.next().cloned())
                .ok_or_else(|| Error::Other(format!("flag '{name}' requires an argument")))
        };
        match flag {
            "--file" | "-f" => file = Some(PathBuf::from(value(flag)?)),
            "--attr" | "-A" => attr = Some(value(flag)?),
            "--store-path" => request.source = Source::StorePath(value(flag)?.into()),
            "--rollback" => request.source = Source::Rollback,
            "--profile-name" | "-p" => request.profile = Some(value(flag)?),
            "--specialisation" | "-c" => request.specialisation = Some(value(flag)?),
            "--install-bootloader" => request.install_boot_loader = true,
            "--json" => request.json = true,
            _ if REMOTE.contains(&flag) => {
                return Err(Error::Other(format!(
                    "flag '{flag}': other machines are not part of this version of Firn yet"
                )));
            }
            _ if WITHOUT_EFFECT.contains(&flag) => {}
            _ if PASS.contains(&flag) => request.pass.push(arg.clone()),
            _ if flag.starts_with('-') => {
                let count = PASS_WITH.iter().find(|(n, _)| *n == flag).map(|(_, c)| *c);
                let Some(count) = count else {
                    return Err(Error::Other(format!("unrecognised flag '{arg}'")));
                };
                request.pass.push(flag.to_owned());
                for _ in 0..count {
                    request.pass.push(value(flag)?);
                }
            }
            word => {
                if UNWRITTEN.contains(&word) {
                    return Err(Error::Other(format!(
                        "action '{word}' is not part of this version of Firn yet"
                    )));
                }
                let found = ACTIONS.iter().find(|(n, _)| *n == word).map(|(_, a)| *a);
                match (found, action) {
                    (Some(found), None) => action = Some(found),
                    (Some(_), Some(_)) => return Err(Error::Other("give one action only".to_owned())),
                    (None, _) => return Err(Error::Other(format!("'{word}' is not an action"))),
                }
            }
        }
    }
    let names: Vec<&str> = ACTIONS.iter().map(|(n, _)| *n).collect();
    request.action =
        action.ok_or_else(|| Error::Other(format!("no action given; there are {}", names.join(", "))))?;
    if file.is_some() || attr.is_some() {
        request.source = Source::File(file.unwrap_or_else(|| "default.nix".into()), attr);
    }
    let keeps = matches!(request.action, Action::Switch | Action::Test | Action::Boot | Action::DryActivate);
    if request.specialisation.is_some() && !matches!(request.action, Action::Switch | Action::Test) {
        return Err(Error::Other("'--specialisation' can only be used with 'switch' and 'test'".to_owned()));
    }
    if request.source == Source::Rollback && !keeps && request.action != Action::Build {
        return Err(Error::Other(
            "'--rollback' can only be used with 'switch', 'boot', 'test', 'build' and 'dry-activate'"
                .to_owned(),
        ));
    }
    Ok(request)
}

/// `URI#name`.
fn flake(text: &str) -> Source {
    match text.split_once('#') {
        Some((uri, name)) => Source::Flake(
            if uri.is_empty() { "." } else { uri }.to_owned(),
            (!name.is_empty()).then(|| name.to_owned()),
        ),
        None => Source::Flake(text.to_owned(), None),
    }
}

/// The path of a machine's attribute in a flake: `nixosConfigurations."name"` and what follows.
pub fn flake_attribute(uri: &str, name: &str, rest: &str) -> String {
    format!("{uri}#nixosConfigurations.\"{name}\".{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Request, String> {
        parse(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).map_err(|e| e.to_string())
    }

    #[test]
    fn f27_a_flake_may_name_its_configuration() {
        let request = read("switch --flake .#default").expect("a request");
        assert_eq!(request.source, Source::Flake(".".into(), Some("default".into())));
        assert_eq!(flake_attribute(".", "default", "config"), ".#nixosConfigurations.\"default\".config");
        assert_eq!(
            read("--flake=github:o/r boot").expect("a request").source,
            Source::Flake("github:o/r".into(), None)
        );
        assert_eq!(
            read("--flake switch").expect("a request").source,
            Source::Flake("/etc/nixos".into(), None)
        );
    }

    #[test]
    fn flags_of_building_are_passed_on_and_old_spellings_accepted() {
        let request =
            read("--fast test --impure --option sandbox false -j 4 --refresh -c small").expect("a request");
        assert_eq!(request.action, Action::Test);
        assert_eq!(request.pass, ["--impure", "--option", "sandbox", "false", "-j", "4", "--refresh"]);
        assert_eq!(request.specialisation.as_deref(), Some("small"));
        assert_eq!(read("dry-run").expect("a request").action, Action::DryBuild);
        assert!(read("list-generations --json").expect("a request").json);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for text in [
            "",
            "switch boot",
            "fly",
            "switch --no-such",
            "build -c small",
            "switch --option a",
            "list-generations --rollback",
            "edit",
            "switch --target-host h",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
