//! `cargo xtask dist [DIR]`: the release of this version below DIR (`target/dist` by default).

#![allow(clippy::print_stdout, clippy::print_stderr)] // a task for people at a terminal

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let result = match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["dist"] => dist(Path::new("target/dist")),
        ["dist", dir] => dist(Path::new(dir)),
        _ => Err("usage: cargo xtask dist [DIR]".to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn dist(dir: &Path) -> Result<(), String> {
    let exe = build()?;
    let made = xtask::dist::release(&exe, dir)?;
    println!("{}\n{}", made.tarball.display(), made.installer.display());
    Ok(())
}

/// Builds the executable as it is released; gives its path.
fn build() -> Result<PathBuf, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--release", "--locked", "--package", "firn"])
        .status()
        .map_err(|e| format!("running cargo: {e}"))?;
    if !status.success() {
        return Err("building the executable failed".into());
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    Ok(target.join("x86_64-unknown-linux-gnu/release/firn"))
}
