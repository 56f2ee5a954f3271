//! Programs that the configuration names: before a build, after it, and when two builds differ.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use firn_events::{ActivityKind, ActivityResult, Events, Field, Level};
use firn_path::StorePath;
use firn_settings::SandboxPath;

use super::users::UserLock;
use crate::error::Failure;
use crate::executor::{Job, JobContext};
use crate::summary::indent_error;

fn ended(status: std::process::ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    let ended = match status.signal() {
        Some(n) => firn_sys::spawn::Ended::Signal(n),
        None => firn_sys::spawn::Ended::Exit(status.code().unwrap_or(1)),
    };
    ended.to_string()
}

/// Runs `pre-build-hook` with the derivation and the sandbox's root; it may name further paths for the sandbox.
pub(crate) fn run_pre_build_hook(
    job: &Job,
    context: &JobContext<'_>,
    root: Option<&Path>,
) -> Result<BTreeMap<String, SandboxPath>, Failure> {
    let hook = context.store.settings().pre_build_hook();
    let mut paths = BTreeMap::new();
    if hook.is_empty() {
        return Ok(paths);
    }
    let mut command = Command::new(hook);
    command.arg(context.store.print(&job.drv_path)).args(root).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command.output().map_err(|e| Failure::io("executing", Path::new(hook), &e))?;
    if !output.status.success() {
        return Err(Failure::misc(format!("program '{hook}' {}", ended(output.status))));
    }
    let mut adding = false;
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        match (adding, line) {
            (false, "extra-sandbox-paths" | "extra-chroot-dirs") => adding = true,
            (false, other) => return Err(Failure::misc(format!("unknown pre-build hook command '{other}'"))),
            (true, "") => adding = false,
            (true, line) => {
                let (target, source) = line.split_once('=').unwrap_or((line, line));
                paths.insert(target.to_owned(), SandboxPath { source: source.to_owned(), optional: false });
            }
        }
    }
    Ok(paths)
}

/// Runs `post-build-hook` with the derivation and its outputs in the environment; its output becomes results of an activity.
pub(crate) fn run_post_build_hook<'p>(
    job: &Job,
    context: &JobContext<'_>,
    outputs: impl Iterator<Item = &'p StorePath>,
) -> Result<(), Failure> {
    let settings = context.store.settings();
    let hook = settings.post_build_hook();
    if hook.is_empty() {
        return Ok(());
    }
    let drv = context.store.print(&job.drv_path);
    let activity = context.events.start(
        0,
        Level::Talkative,
        ActivityKind::PostBuildHook,
        format!("running post-build-hook '{hook}'"),
        vec![Field::Text(drv.clone())],
    );
    let paths: Vec<String> = outputs.map(|p| context.store.print(p)).collect();
    let failed = |e: std::io::Error| Failure::io("executing", Path::new(hook), &e);
    let (reader, writer) = std::os::unix::net::UnixStream::pair().map_err(failed)?;
    let mut command = Command::new(hook);
    command
        .env("DRV_PATH", drv)
        .env("OUT_PATHS", paths.join(" "))
        .env("NIX_CONFIG", settings.to_key_value())
        .stdin(Stdio::null())
        .stdout(std::os::fd::OwnedFd::from(writer.try_clone().map_err(failed)?))
        .stderr(std::os::fd::OwnedFd::from(writer));
    let mut child = command.spawn().map_err(failed)?;
    drop(command);
    for line in BufReader::new(reader).split(b'\n').map_while(Result::ok) {
        activity.result(ActivityResult::PostBuildLogLine(String::from_utf8_lossy(&line).into_owned()));
    }
    let status = child.wait().map_err(failed)?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::misc(format!("program \"{hook}\" {}", ended(status))))
    }
}

/// Runs `diff-hook` on two outputs that should be equal; what it says is shown, its failure is only told.
pub(crate) fn run_diff_hook(
    hook: &str,
    events: &Events,
    user: Option<&UserLock>,
    old: &Path,
    new: &Path,
    drv: &str,
    build_dir: &Path,
) {
    let mut command = Command::new(hook);
    command.arg(old).arg(new).arg(drv).arg(build_dir).current_dir("/").stdin(Stdio::null());
    if let Some(user) = user {
        command.uid(user.uid).gid(user.gid);
    }
    let failed = match command.output() {
        Ok(output) => {
            let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
            text.push_str(&String::from_utf8_lossy(&output.stderr));
            if !text.trim_end().is_empty() {
                events.message(Level::Error, text.trim_end());
            }
            if output.status.success() {
                return;
            } else {
                format!("diff-hook program \"{hook}\" {}", ended(output.status))
            }
        }
        Err(e) => Failure::io("executing", Path::new(hook), &e).message,
    };
    events.message(Level::Error, indent_error(&format!("diff hook execution failed: {failed}")));
}
