//! `nix develop` and `nix print-dev-env`

use std::path::{Path, PathBuf};

use firn_path::{DerivedPath, StorePath};
use firn_store::BuildMode;

use super::Command;
use crate::args::{Flag, Parsed, option, switch};
use crate::building;
use crate::dev_env::{BuildEnvironment, Script, capture, quote};
use crate::environment::{ENVIRONMENT, environment};
use crate::error::CliError;
use crate::exec::{Exec, exec};
use crate::flags::{EVAL, INSTALLABLES, JSON, LOCK};
use crate::installable::{DEV_SHELLS, Resolved, arguments, resolve};
use crate::session::Session;

const COMMON: &[Flag] = &[
    option("redirect", &["installable", "outputs-dir"], "use a folder in the place of a store path"),
    option("profile", &["path"], "make the environment the newest generation of a profile"),
];

const FLAGS: &[Flag] = &[
    option("command", &["command"], "run a command (and what follows as its arguments) instead of a shell")
        .short('c'),
    option("phase", &["name"], "run a phase of the standard environment, such as build"),
    switch("unpack", "run the phase `unpack`"),
    switch("configure", "run the phase `configure`"),
    switch("build", "run the phase `build`"),
    switch("check", "run the phase `check`"),
    switch("install", "run the phase `install`"),
    switch("installcheck", "run the phase `installCheck`"),
];

pub(super) const DEVELOP: Command = Command {
    path: &["develop"],
    doc: "run a bash shell that provides the build environment of a derivation",
    flags: &[FLAGS, COMMON, ENVIRONMENT, INSTALLABLES, EVAL, LOCK],
    rest: true,
    run: develop,
};

pub(super) const PRINT: Command = Command {
    path: &["print-dev-env"],
    doc: "print shell code that reproduces the build environment of a derivation",
    flags: &[COMMON, JSON, INSTALLABLES, EVAL, LOCK],
    rest: false,
    run: print,
};

/// The environment that the command is about.
struct Found {
    env: BuildEnvironment,
    path: StorePath,
    what: Resolved,
}

/// The only installable of the command; what follows `-c` is not among the arguments.
fn installable(session: &Session, parsed: &Parsed) -> Result<Resolved, CliError> {
    let mut own = parsed.clone();
    if let Some(flag) = parsed.flags.iter().find(|f| f.id == "command") {
        own.positional.truncate(flag.position);
    }
    if let Some(second) = own.positional.get(1) {
        return Err(super::paths::usage(session, format!("unexpected argument '{second}'")));
    }
    let texts = arguments(&own)?;
    let mut all = resolve(session, parsed, &texts, DEV_SHELLS)?;
    match all.len() {
        1 => Ok(all.remove(0)),
        n => Err(CliError::new(format!(
            "'{}' needs to evaluate to a single derivation, but it evaluated to {n} derivations",
            texts.join(" ")
        ))),
    }
}

fn find(session: &Session, parsed: &Parsed) -> Result<Found, CliError> {
    let what = installable(session, parsed)?;
    if let DerivedPath::Opaque(path) = &what.target {
        if !path.is_derivation() {
            building::realise(
                session,
                session.store()?.as_ref(),
                std::slice::from_ref(&what.target),
                BuildMode::Normal,
            )?;
        }
    }
    let (env, path) = capture(session, what.target.base_path())?;
    if let Some(profile) = parsed.value("profile") {
        crate::profile::switch_to(session, &std::path::absolute(profile)?, &path)?;
    }
    Ok(Found { env, path, what })
}

/// The shell code, outputs below `./outputs`.
fn script(session: &Session, parsed: &Parsed, env: &BuildEnvironment) -> Result<String, CliError> {
    let mut redirects = Vec::new();
    let outputs = std::env::current_dir()?.join("outputs");
    // Files of structured attributes stay as long as the shell needs them: the shell is not our child, so nobody removes them.
    let files = match env.structured {
        Some(_) => tempfile::Builder::new().prefix("nix-develop").tempdir()?.keep(),
        None => PathBuf::new(),
    };
    let plain = Script { outputs: &outputs, redirects: Vec::new(), files: &files }.render(env)?;
    for pair in parsed.all("redirect") {
        let [what, folder] = pair else { continue };
        let folder = std::path::absolute(folder)?.display().to_string();
        let targets = resolve(session, parsed, std::slice::from_ref(what), crate::installable::PACKAGES)?;
        for found in targets {
            for path in super::paths::outputs(session.store()?.as_ref(), &found.target)? {
                let from = session.store()?.store_dir().print(&path);
                if plain.contains(&from) {
                    let text = format!("redirecting '{from}' to '{folder}'");
                    session.events().message(firn_events::Level::Info, text);
                    redirects.push((from, folder.clone()));
                } else {
                    session.warn(format!("'{what}' (path '{from}') is not used by this build environment"));
                }
            }
        }
    }
    if redirects.is_empty() {
        return Ok(plain);
    }
    Script { outputs: &outputs, redirects, files: &files }.render(env)
}

fn print(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let found = find(session, &parsed)?;
    session.display.stop();
    if parsed.has("json") {
        session.print_json(&found.env.to_json(), &parsed)?;
    } else {
        session.print(script(session, &parsed, &found.env)?)?;
    }
    Ok(0)
}

/// The phase that is asked for, as it is called in `buildPhase`.
fn phase(parsed: &Parsed) -> Option<String> {
    let flag = parsed.flags.iter().rev().find(|f| {
        matches!(f.id, "phase" | "unpack" | "configure" | "build" | "check" | "install" | "installcheck")
    })?;
    Some(match flag.id {
        "phase" => flag.values.first()?.clone(),
        "installcheck" => "installCheck".to_owned(),
        id => id.to_owned(),
    })
}

fn develop(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let command: Option<Vec<String>> = parsed
        .flags
        .iter()
        .find(|f| f.id == "command")
        .map(|flag| flag.values.iter().chain(&parsed.positional[flag.position..]).cloned().collect());
    let phase = phase(&parsed);
    if phase.is_some() && command.is_some() {
        return Err(super::paths::usage(session, "you cannot use both '--command' and '--phase'"));
    }
    let mut variables = environment(&parsed, &session.program.name)?;
    let found = find(session, &parsed)?;
    let mut code = script(session, &parsed, &found.env)?;
    let rc = tempfile::Builder::new().prefix("nix-shell").tempfile()?.into_temp_path().keep()?;
    code += &format!("command rm -f {}\n", quote(&rc.to_string_lossy()));
    let interactive = phase.is_none() && command.is_none();
    if let Some(phase) = &phase {
        code += &format!(
            "foundMakefile=1\nif declare -f runPhase >/dev/null; then\n  runPhase {phase}Phase\nelse\n  runHook {phase}Phase\nfi\n"
        );
    } else if let Some(command) = &command {
        let words: Vec<String> = command.iter().map(|w| quote(w)).collect();
        code += &format!("exec {}\n", words.join(" "));
    } else {
        code = format!(
            "[ -n \"$PS1\" ] && [ -e ~/.bashrc ] && source ~/.bashrc;\nshopt -u expand_aliases\n{code}\nshopt -s expand_aliases\n"
        );
        code += &prompt(session, &found.what);
    }
    let store = session.store()?;
    // as long as the shell runs, the collector finds the environment in its variables
    variables.insert("NIX_GCROOT".into(), store.store_dir().print(&found.path).into());
    let shell = shell(session, &parsed, &found, interactive);
    variables.insert("SHELL".into(), (&shell).into());
    code += &format!("SHELL=\"{shell}\"\n");
    if let Some(dir) = Path::new(&shell).parent().filter(|d| d.is_absolute()) {
        code += &format!("PATH=\"{}${{PATH:+:$PATH}}\"\n", dir.display());
    }
    std::fs::write(&rc, code)?;
    let rc = rc.to_string_lossy().into_owned();
    let args = if interactive { vec!["--rcfile".to_owned(), rc] } else { vec![rc] };
    // phases expect to be where the flake is
    let dir = found.what.source.as_ref().filter(|_| phase.is_some()).and_then(|s| s.folder());
    exec(
        session,
        &Exec { program: &shell, name: Some("bash"), args: &args, environment: Some(&variables), dir },
    )
}

/// What the settings, and the flake's own wishes about the prompt, add.
fn prompt(session: &Session, what: &Resolved) -> String {
    let settings = &session.settings;
    let wish = |name: &str, own: &str| {
        let wished = what.source.as_ref().and_then(|s| s.config_text(name));
        if own.is_empty() { wished.unwrap_or_default() } else { own.to_owned() }
    };
    let mut code = String::new();
    for (name, own, assign) in [
        ("bash-prompt", settings.bash_prompt(), "PS1=@;"),
        ("bash-prompt-prefix", settings.bash_prompt_prefix(), "PS1=@\"$PS1\";"),
        ("bash-prompt-suffix", settings.bash_prompt_suffix(), "PS1+=@;"),
    ] {
        let text = wish(name, own);
        if !text.is_empty() {
            code += &format!("[ -n \"$PS1\" ] && {}\n", assign.replace('@', &quote(&text)));
        }
    }
    code
}

/// The bash to run. For commands and phases the derivation's own builder is at hand. A person gets `bashInteractive` of the
/// flake's nixpkgs, or of the registry's, if it can be had; else the one in the search path.
fn shell(session: &Session, parsed: &Parsed, found: &Found, interactive: bool) -> String {
    let own = found.env.text("BASH").or_else(|| found.env.text("SHELL"));
    let in_store = |path: &str| {
        crate::evaluation::store_dir(session).is_ok_and(|dir| dir.is_in_store(path))
            && path.ends_with("/bash")
    };
    if !interactive {
        return own.filter(|p| in_store(p)).unwrap_or("bash").to_owned();
    }
    let nixpkgs =
        found.what.source.as_ref().and_then(|s| s.nixpkgs()).unwrap_or_else(|| "nixpkgs".to_owned());
    let mut plain = parsed.clone();
    plain.flags.retain(|f| {
        !matches!(
            f.id,
            "file"
                | "expr"
                | "override-input"
                | "update-input"
                | "arg"
                | "argstr"
                | "arg-from-file"
                | "arg-from-stdin"
        )
    });
    let attempt = || -> Result<String, CliError> {
        let lookup = crate::installable::Lookup { defaults: &[], prefixes: &["legacyPackages.SYSTEM."] };
        let text = format!("{nixpkgs}#bashInteractive");
        let targets: Vec<DerivedPath> =
            resolve(session, &plain, &[text], lookup)?.into_iter().map(|r| r.target).collect();
        let store = session.store()?;
        building::realise(session, store.as_ref(), &targets, BuildMode::Normal)?;
        for target in &targets {
            for (_, path) in crate::installable::output_paths(session, target)? {
                let real = store.real_path(&path).is_some_and(|p| p.join("bin/bash").exists());
                if real {
                    return Ok(format!("{}/bin/bash", store.store_dir().print(&path)));
                }
            }
        }
        Err(CliError::new("package 'nixpkgs#bashInteractive' does not provide a 'bin/bash'"))
    };
    attempt().unwrap_or_else(|error| {
        let text = error.text();
        session.events().message(firn_events::Level::Talkative, format!("error (ignored): {text}"));
        "bash".to_owned()
    })
}
