//! `nixos-rebuild`: builds a machine's configuration and makes it the running one, or the one that boots.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use firn_os::generations::{self, Generation};
use firn_os::rebuild::{Action, Request, Source, flake_attribute, parse};
use serde_json::json;

use super::failed;
use crate::error::CliError;

const PROFILES: &str = "/nix/var/nix/profiles";

/// Runs the program.
///
/// # Errors
/// A wrong command line, or a step that failed.
pub(crate) fn run(args: &[String]) -> Result<u8, CliError> {
    if args.iter().any(|a| a == "--help" || a == "-h") {
        out(
            "nixos-rebuild ACTION [--flake URI[#NAME] | --file FILE [--attr ATTR] | --store-path PATH | --rollback] [--specialisation NAME] [--profile-name NAME]\n\n\
             actions: switch, boot, test, build, dry-build, dry-activate, build-vm, repl, list-generations\n",
        )?;
        return Ok(0);
    }
    let request = parse(args).map_err(failed)?;
    match request.action {
        Action::ListGenerations => list(&request),
        Action::Repl => forward(&request, "repl", &[]),
        Action::DryBuild => forward(&request, "build", &["--dry-run"]),
        Action::BuildVm => {
            let path = build(&request, "config.system.build.vm", &["--out-link", "result"])?;
            let bin = path.join("bin");
            let script = std::fs::read_dir(&bin)?.flatten().map(|e| e.path()).next().unwrap_or(bin);
            out(&format!("\nDone. The virtual machine can be started by running {}.\n", script.display()))?;
            Ok(0)
        }
        Action::Build => {
            let path = match &request.source {
                Source::Rollback => rollback(&request)?.toplevel,
                Source::StorePath(path) => path.clone(),
                _ => build(&request, TOPLEVEL, &["--out-link", "result"])?,
            };
            out(&format!("{}\n", path.display()))?;
            Ok(0)
        }
        Action::Switch | Action::Boot | Action::Test | Action::DryActivate => activate(&request),
    }
}

const TOPLEVEL: &str = "config.system.build.toplevel";

#[allow(clippy::print_stdout)] // the program's output
fn out(text: &str) -> Result<(), CliError> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    Ok(stdout.flush()?)
}

fn profile(request: &Request) -> PathBuf {
    match &request.profile {
        Some(name) if name != "system" => Path::new(PROFILES).join("system-profiles").join(name),
        _ => Path::new(PROFILES).join("system"),
    }
}

/// This program as `nix`, with the features that it needs.
fn nix(command: &str) -> Result<Command, CliError> {
    let mut nix = Command::new(std::env::current_exe()?);
    std::os::unix::process::CommandExt::arg0(&mut nix, "nix");
    nix.args(["--extra-experimental-features", "nix-command flakes", command]);
    Ok(nix)
}

/// What the request's source is for `nix`: its words, with an attribute of the machine.
fn installable(request: &Request, rest: &str) -> Result<Vec<String>, CliError> {
    let host = || std::fs::read_to_string("/proc/sys/kernel/hostname").map(|t| t.trim().to_owned());
    match &request.source {
        Source::Flake(uri, name) => {
            let name = match name {
                Some(name) => name.clone(),
                None => host()?,
            };
            Ok(vec![flake_attribute(uri, &name, rest)])
        }
        Source::File(file, attr) => {
            let path = attr.as_ref().map_or(rest.to_owned(), |a| format!("{a}.{rest}"));
            Ok(vec!["--file".into(), file.display().to_string(), path])
        }
        Source::Default => {
            let link = Path::new("/etc/nixos/flake.nix");
            if let Ok(file) = std::fs::canonicalize(link) {
                let uri = file.parent().unwrap_or(Path::new("/etc/nixos")).display().to_string();
                return Ok(vec![flake_attribute(&uri, &host()?, rest)]);
            }
            Ok(vec!["--impure".into(), "--file".into(), "<nixpkgs/nixos>".into(), rest.to_owned()])
        }
        Source::StorePath(_) | Source::Rollback => {
            Err(CliError::new("this action needs a configuration: give --flake or --file"))
        }
    }
}

/// Hands over to another command.
fn forward(request: &Request, command: &str, more: &[&str]) -> Result<u8, CliError> {
    let words = match (command, &request.source) {
        // The set with config, options, pkgs and lib.
        ("repl", Source::Flake(..)) => {
            installable(request, "")?.iter().map(|w| w.trim_end_matches('.').to_owned()).collect()
        }
        ("repl", _) => installable(request, "config")?,
        _ => installable(request, TOPLEVEL)?,
    };
    let status = nix(command)?.args(more).args(&request.pass).args(words).status()?;
    Ok(status.code().and_then(|c| u8::try_from(c).ok()).unwrap_or(1))
}

/// Builds an attribute of the machine; its store path.
fn build(request: &Request, attribute: &str, more: &[&str]) -> Result<PathBuf, CliError> {
    let words = installable(request, attribute)?;
    let done = nix("build")?
        .args(["--print-out-paths"])
        .args(more)
        .args(&request.pass)
        .args(words)
        .stdin(Stdio::inherit())
        .stderr(Stdio::inherit())
        .output()?;
    if !done.status.success() {
        return Err(CliError::Status(done.status.code().and_then(|c| u8::try_from(c).ok()).unwrap_or(1)));
    }
    let text = String::from_utf8_lossy(&done.stdout).trim().to_owned();
    Ok(PathBuf::from(text.lines().next().unwrap_or_default()))
}

/// The generation before the current one.
fn rollback(request: &Request) -> Result<Generation, CliError> {
    let profile = profile(request);
    let all = generations::list(&profile).map_err(failed)?;
    let current = all.iter().position(|g| g.current);
    current.and_then(|at| at.checked_sub(1)).map(|at| all[at].clone()).ok_or_else(|| {
        CliError::new(format!("no generation older than the current one exists in '{}'", profile.display()))
    })
}

fn activate(request: &Request) -> Result<u8, CliError> {
    let persistent = matches!(request.action, Action::Switch | Action::Boot);
    let profile = profile(request);
    let toplevel = match &request.source {
        Source::Rollback => {
            let generation = rollback(request)?;
            if persistent {
                firn_os::files::link(Path::new(generation.link.file_name().unwrap_or_default()), &profile)
                    .map_err(failed)?;
            }
            generation.toplevel
        }
        Source::StorePath(path) => {
            let path = std::fs::canonicalize(path)?;
            if persistent {
                set_profile(&profile, &path)?;
            }
            path
        }
        _ => {
            let path = build(request, TOPLEVEL, &["--no-link"])?;
            if persistent {
                set_profile(&profile, &path)?;
            }
            path
        }
    };
    let variant = match &request.specialisation {
        None => toplevel,
        Some(name) => {
            let path = toplevel.join("specialisation").join(name);
            if !path.exists() {
                let names = generations::specialisations(&toplevel).join(", ");
                return Err(CliError::new(format!(
                    "the configuration has no specialisation '{name}'; it has: {names}"
                )));
            }
            path
        }
    };
    let name = match request.action {
        Action::Switch => "switch",
        Action::Boot => "boot",
        Action::Test => "test",
        _ => "dry-activate",
    };
    let mut switch = Command::new(variant.join("bin/switch-to-configuration"));
    switch.arg(name);
    if request.install_boot_loader {
        switch.env("NIXOS_INSTALL_BOOTLOADER", "1");
    }
    let status = switch.status()?;
    let code = status.code().and_then(|c| u8::try_from(c).ok()).unwrap_or(1);
    if code == 0 { Ok(0) } else { Err(CliError::Status(code)) }
}

/// Makes a configuration the newest generation of the profile.
fn set_profile(profile: &Path, toplevel: &Path) -> Result<(), CliError> {
    if let Some(folder) = profile.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let done = nix("build")?
        .args(["--no-link", "--profile"])
        .arg(profile)
        .arg(toplevel)
        .stdout(Stdio::null())
        .status()?;
    if done.success() {
        Ok(())
    } else {
        Err(CliError::new(format!("'{}' could not be made a generation", toplevel.display())))
    }
}

fn list(request: &Request) -> Result<u8, CliError> {
    let mut rows = Vec::new();
    for generation in generations::list(&profile(request)).map_err(failed)?.into_iter().rev() {
        let details = generations::details(&generation.toplevel);
        rows.push((generation.number, date(generation.made), details, generation.current));
    }
    if request.json {
        let all: Vec<_> = rows
            .iter()
            .map(|(number, date, d, current)| {
                json!({
                    "generation": number, "date": date, "nixosVersion": d.version, "kernelVersion": d.kernel,
                    "configurationRevision": d.revision, "specialisations": d.specialisations, "current": current,
                })
            })
            .collect();
        out(&format!("{}\n", serde_json::to_string_pretty(&all).unwrap_or_default()))?;
        return Ok(0);
    }
    let mut table = vec![
        [
            "Generation",
            "Build-date",
            "NixOS version",
            "Kernel",
            "Configuration Revision",
            "Specialisation",
            "Current",
        ]
        .map(str::to_owned),
    ];
    for (number, date, d, current) in rows {
        let current = if current { "True" } else { "False" };
        table.push([
            number.to_string(),
            date,
            d.version,
            d.kernel,
            d.revision,
            d.specialisations.join(" "),
            current.to_owned(),
        ]);
    }
    let widths: Vec<usize> =
        (0..7).map(|c| table.iter().map(|r| r[c].chars().count()).max().unwrap_or(0)).collect();
    for row in table {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        out(&format!("{}\n", cells.join("  ").trim_end()))?;
    }
    Ok(0)
}

/// A time as `2026-01-31 12:00:00`, in UTC.
fn date(time: std::time::SystemTime) -> String {
    let seconds = time.duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // After Howard Hinnant's "chrono-compatible low-level date algorithms".
    let z = days + 719_468;
    let (era, doe) = (z / 146_097, z % 146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let (day, month) = (doy - (153 * mp + 2) / 5 + 1, if mp < 10 { mp + 3 } else { mp - 9 });
    let year = yoe + era * 400 + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02} {:02}:{:02}:{:02}", rest / 3600, rest % 3600 / 60, rest % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        let at = |s| date(std::time::UNIX_EPOCH + std::time::Duration::from_secs(s));
        assert_eq!(at(0), "1970-01-01 00:00:00");
        assert_eq!(at(951_827_696), "2000-02-29 12:34:56");
        assert_eq!(at(1_798_761_599), "2026-12-31 23:59:59");
    }
}
