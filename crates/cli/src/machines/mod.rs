//! `firn-os`: what the scripts of machines call. Not for users, so that it has no help: its arguments belong to the scripts of
//! `base/nixos`, which come from the same version.

pub(crate) mod rebuild;
pub(crate) mod switch;
mod vm;

use std::io::Write;
use std::path::{Path, PathBuf};

use firn_os::activation::{self, Data, stage2};

use crate::error::CliError;

/// Runs one of the parts.
///
/// # Errors
/// What the part meets.
pub(crate) fn run(args: Vec<String>) -> Result<u8, CliError> {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["stage-2", toplevel, ..] => {
            let error = stage2::run(Path::new(toplevel), &args[2..], &mut kernel_log);
            kernel_log(&format!("the second stage of booting failed: {error}"));
            Err(CliError::new(error.to_string()))
        }
        ["activate", toplevel] => {
            let data = Data::read(Path::new(toplevel)).map_err(failed)?;
            Ok(u8::from(activation::activate(Path::new("/"), Path::new(toplevel), &data, &mut to_stderr) > 0))
        }
        ["boot-loader", description, toplevel, ..] => {
            let loader = firn_os::boot_loader::Loader::read(Path::new(description)).map_err(failed)?;
            let profile = Path::new("/nix/var/nix/profiles/system");
            firn_os::boot_loader::install(&loader, profile, Path::new(toplevel)).map_err(failed)?;
            Ok(0)
        }
        ["run-vm", spec, count, rest @ ..] => {
            let count: usize =
                count.parse().map_err(|_| CliError::new(format!("'{count}' is not a number of folders")))?;
            let owned: Vec<String> = rest.iter().map(|w| (*w).to_owned()).collect();
            let (shared, more) = owned.split_at(count.min(owned.len()));
            vm::run(&PathBuf::from(spec), shared.to_vec(), more.to_vec())
        }
        _ => Err(CliError::new(
            "'firn-os' is for the scripts of machines: users want 'nixos-rebuild' or 'firn run'",
        )),
    }
}

fn failed(e: firn_os::Error) -> CliError {
    CliError::new(e.to_string())
}

/// Lines of activation, where the user who switches sees them.
#[allow(clippy::print_stderr)] // the program's output
fn to_stderr(line: &str) {
    eprintln!("{line}");
}

/// Lines of process 1, where the console and later the journal show them.
fn kernel_log(line: &str) {
    let log = std::fs::OpenOptions::new().write(true).open("/dev/kmsg");
    match log {
        Ok(mut log) => {
            let _ = log.write_all(format!("<4>stage 2: {line}\n").as_bytes());
        }
        Err(_) => to_stderr(line),
    }
}
