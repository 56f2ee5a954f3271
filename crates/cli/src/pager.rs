//! Long texts on a terminal: `NIX_PAGER`, `PAGER`, or `less`.

use std::io::Write;
use std::process::{Command, Stdio};

/// Shows a text with the user's pager.
///
/// # Errors
/// There is none, or it cannot be started.
pub fn show(text: &[u8]) -> std::io::Result<()> {
    let variable = |name| std::env::var(name).ok().filter(|v| !v.is_empty());
    let pager = variable("NIX_PAGER").or_else(|| variable("PAGER")).unwrap_or_else(|| "less".to_owned());
    if pager == "cat" {
        return Err(std::io::ErrorKind::NotFound.into());
    }
    let mut command = Command::new("sh");
    command.args(["-c", &format!("exec {pager}")]).stdin(Stdio::piped());
    if std::env::var_os("LESS").is_none() {
        // leave if it fits, keep colours, do not clear the screen
        command.env("LESS", "FRSXMK");
    }
    let mut child = firn_sys::signals::with_defaults(&mut command).spawn()?;
    if let Some(mut input) = child.stdin.take() {
        // a user who leaves the pager early has seen enough
        let _ = input.write_all(text);
    }
    child.wait()?;
    Ok(())
}
