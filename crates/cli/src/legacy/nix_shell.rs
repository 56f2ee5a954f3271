//! `nix-shell`: a shell with the environment in which a derivation is built.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use firn_derivation::options::DerivationOptions;
use firn_derivation::{Derivation, structured};
use firn_eval::pos::Origin;
use firn_eval::{Ctx, SourcePath, Value};
use firn_path::{DerivedPath, OutputsSpec, SingleDerivedPath, StorePath};
use firn_store::{BuildMode, Store};
use firn_syntax::Symbol;

use super::Legacy;
use crate::args::{Flag, Parsed, option, switch};
use crate::building;
use crate::dev_env::quote;
use crate::environment::Environment;
use crate::error::CliError;
use crate::evaluation::{EvalFailure, Mode, Outcome, auto_args, current_dir, evaluate, file_argument};
use crate::exec::{Exec, exec};
use crate::flags::EVAL;
use crate::session::{Program, Session};
use crate::shebang::Script;

const FLAGS: &[Flag] = &[
    option("attr", &["path"], "select an attribute").short('A'),
    switch("expr", "the arguments are expressions").short('E'),
    switch("packages", "the arguments are packages of <nixpkgs>").short('p'),
    option("run", &["command"], "run a command instead of a shell, and leave"),
    option("command", &["command"], "run a command in an interactive shell, and leave"),
    switch("pure", "clear the environment but for a few variables"),
    option("keep", &["name"], "keep a variable in spite of --pure"),
    option("exclude", &["regex"], "do not build the inputs whose path fits"),
    option("interpreter", &["program"], "in scripts: the program that runs the script").short('i'),
    switch("dry-run", "only say what would be done"),
    option("out-link", &["path"], "accepted for old scripts").short('o'),
    switch("no-out-link", "accepted for old scripts"),
    switch("no-out-link", "").alias("no-link"),
    switch("indirect", "accepted for old scripts"),
];

pub(crate) const COMMAND: Legacy = Legacy {
    name: "nix-shell",
    doc: "start a shell with the build environment of a derivation",
    usage: &["[FLAG…] [FILE]", "[FLAG…] -p PACKAGE…", "[FLAG…] -E EXPRESSION"],
    flags: &[FLAGS, EVAL],
    run,
};

/// Variables that `--pure` keeps.
const KEPT: [&str; 23] = [
    "HOME",
    "XDG_RUNTIME_DIR",
    "USER",
    "LOGNAME",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "WAYLAND_SOCKET",
    "PATH",
    "TERM",
    "IN_NIX_SHELL",
    "NIX_SHELL_PRESERVE_PROMPT",
    "TZ",
    "PAGER",
    "NIX_BUILD_SHELL",
    "SHLVL",
    "http_proxy",
    "https_proxy",
    "ftp_proxy",
    "all_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
];

/// A call from a script.
struct InScript {
    path: String,
    args: Vec<String>,
    script: Script,
}

fn run(mut program: Program, args: Vec<String>) -> Result<u8, CliError> {
    let script = match args.first() {
        Some(first) => crate::shebang::of_nix_shell(first)?,
        None => None,
    };
    let (words, script) = match script {
        Some(script) => {
            let call = InScript { path: args[0].clone(), args: args[1..].to_vec(), script };
            (call.script.words.clone(), Some(call))
        }
        None => (args, None),
    };
    let words = words.into_iter().filter(|w| w != "--add-drv-link").collect();
    if script.is_some() {
        program.run_in = Some(std::env::current_dir()?);
    }
    let (session, parsed) = COMMAND.start(program, words)?;
    shell(&session, &parsed, script.as_ref())
}

/// Starts the shell; also what `nix-build --run-env` does.
fn shell(session: &Session, parsed: &Parsed, script: Option<&InScript>) -> Result<u8, CliError> {
    if parsed.has("packages") && parsed.has("expr") {
        return Err(CliError::Usage(
            "'-p' and '-E' are mutually exclusive".into(),
            session.program.name.clone(),
        ));
    }
    if parsed.has("interpreter") && script.is_none() {
        return Err(CliError::Usage("unrecognised flag '-i'".into(), session.program.name.clone()));
    }
    let (target, bash) = evaluated(session, parsed, script)?;
    let store = session.store()?;
    let drv = store.read_derivation(&target)?;
    let exclude = parsed
        .values("exclude")
        .map(|pattern| {
            let regex = firn_eval::text::regex::Regex::new(format!(".*({pattern}).*").as_bytes());
            regex.map_err(|e| CliError::new(e.message(pattern)))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let mut scratch = firn_eval::text::regex::Scratch::default();
    let mut targets = Vec::new();
    for input in drv.inputs() {
        let shown = store.store_dir().print(input.base_path());
        let excluded = matches!(input, SingleDerivedPath::Built { .. })
            && exclude.iter().any(|r| r.full_match(shown.as_bytes(), &mut scratch).is_some());
        if !excluded {
            targets.push(as_target(input));
        }
    }
    targets.extend(bash.iter().map(|drv| DerivedPath::built(drv.clone(), OutputsSpec::one("out"))));
    if parsed.has("dry-run") {
        building::announce(session, store.as_ref(), &store.missing(&targets)?, true);
        return Ok(0);
    }
    building::realise(session, store.as_ref(), &targets, BuildMode::Normal)?;
    let bash = match (std::env::var("NIX_BUILD_SHELL").ok(), &bash) {
        (Some(shell), _) => shell,
        (None, Some(drv)) => {
            let outputs = store.derivation_outputs(drv)?;
            let out = outputs.get("out").cloned().flatten();
            let out = out.ok_or_else(|| CliError::new("bashInteractive has no output 'out'"))?;
            format!("{}/bin/bash", store.store_dir().print(&out))
        }
        (None, None) => "bash".to_owned(),
    };
    start(session, parsed, script, &drv, &bash)
}

fn as_target(input: SingleDerivedPath) -> DerivedPath {
    match input {
        SingleDerivedPath::Opaque(path) => DerivedPath::Opaque(path),
        SingleDerivedPath::Built { drv, output } => {
            DerivedPath::Built { drv, outputs: OutputsSpec::one(output) }
        }
    }
}

/// The derivation that the command line means, and the one of the shell's own bash.
fn evaluated(
    session: &Session,
    parsed: &Parsed,
    script: Option<&InScript>,
) -> Result<(StorePath, Option<StorePath>), CliError> {
    let has_own_shell = std::env::var_os("NIX_BUILD_SHELL").is_some();
    let mode = Mode { pure: session.settings.pure_eval(), read_only: false };
    let relative = script.is_some() && session.settings.nix_shell_shebang_arguments_relative_to_script();
    let here = std::env::current_dir()?;
    if let (true, Some(call)) = (relative, script) {
        std::env::set_current_dir(&call.script.folder)?;
    }
    let outcome = evaluate(session, parsed, mode, |ctx| {
        let mut found = Vec::new();
        for (value, args) in sources(ctx, session, parsed, script, &here)? {
            let value = match value {
                Ok(value) => value,
                Err(drv) => {
                    found.push(drv);
                    continue;
                }
            };
            let attrs: Vec<&str> = parsed.values("attr").collect();
            for attr in if attrs.is_empty() { vec![""] } else { attrs } {
                let with = with_in_nix_shell(ctx, value, &args);
                let selected = ctx.select_path(value, attr, &with)?;
                let selected = ctx.force(selected, firn_eval::Pos::NONE)?;
                let with = with_in_nix_shell(ctx, selected, &args);
                for package in crate::packages::collect(ctx, selected, &with, false)? {
                    found.extend(package.drv_path(ctx)?);
                }
            }
        }
        let bash = if has_own_shell { None } else { interactive_bash(ctx, session) };
        Ok((found, bash))
    });
    std::env::set_current_dir(here)?;
    let (found, bash) = outcome?;
    match found.as_slice() {
        [one] => Ok((one.clone(), bash)),
        _ => Err(CliError::Usage(
            "nix-shell requires a single derivation".into(),
            session.program.name.clone(),
        )),
    }
}

type Source = (Result<Value, StorePath>, Vec<(Symbol, Value)>);

/// What the arguments are: values, or derivations that exist already.
fn sources(
    ctx: &mut Ctx,
    session: &Session,
    parsed: &Parsed,
    script: Option<&InScript>,
    here: &Path,
) -> Outcome<Vec<Source>> {
    let args = auto_args(ctx, parsed)?;
    let plain = |value: Value| (Ok(value), args.clone());
    let base = current_dir()?;
    if parsed.has("packages") {
        let list: String = parsed.positional.iter().map(|p| format!("({p}) ")).collect();
        let text = format!(
            "{{...}}@args: with import <nixpkgs> args; (pkgs.runCommandCC or pkgs.runCommand) \"shell\" {{ buildInputs = [ {list}]; }} \"\""
        );
        let value = ctx.eval_text(&text, Origin::String, &base, None)?;
        return Ok(vec![plain(value)]);
    }
    if parsed.has("expr") {
        let mut all = Vec::new();
        for text in &parsed.positional {
            all.push(plain(ctx.eval_text(text, Origin::String, &base, None)?));
        }
        return Ok(all);
    }
    let mut files = parsed.positional.clone();
    if files.iter().any(|f| f == "-") {
        let text = std::io::read_to_string(std::io::stdin()).map_err(CliError::from)?;
        return Ok(vec![plain(ctx.eval_text(&text, Origin::Stdin, &base, None)?)]);
    }
    if files.is_empty() {
        let always = session.settings.nix_shell_always_looks_for_shell_nix();
        if !Path::new("shell.nix").exists() && !Path::new("default.nix").exists() && script.is_none() {
            let text = "no argument specified and no 'shell.nix' or 'default.nix' file found in the working directory";
            return Err(CliError::new(text).into());
        }
        let old = !always && Path::new("shell.nix").exists();
        files.push(if old { "shell.nix" } else { "." }.to_owned());
    }
    let mut all = Vec::new();
    for file in &files {
        // what `nix-instantiate` prints of outputs other than `out`
        let file = match file.split_once('!') {
            Some((drv, _)) if drv.ends_with(".drv") => drv,
            _ => file.as_str(),
        };
        let literal = here.join(file);
        let store = session.store()?;
        if let Ok(path) = crate::store_paths::follow(store.as_ref(), &literal.to_string_lossy()) {
            let direct = store.store_dir().is_in_store(&literal.to_string_lossy());
            if path.is_derivation() && (direct || literal.is_symlink()) {
                all.push((Err(path), args.clone()));
                continue;
            }
        }
        // in a script, names of files start from the script's own folder
        let file = match script.filter(|_| !file.starts_with(['<', '/']) && !file.contains("://")) {
            Some(call) => call.script.folder.join(file).to_string_lossy().into_owned(),
            None => file.to_owned(),
        };
        let path = file_argument(ctx, &file)?;
        let path = shell_file(ctx, session, path)?;
        all.push(plain(ctx.eval_main_file(&path)?));
    }
    Ok(all)
}

/// In a folder, `shell.nix` goes before `default.nix`.
fn shell_file(ctx: &mut Ctx, session: &Session, path: SourcePath) -> Outcome<SourcePath> {
    let is_folder = |ctx: &Ctx, path: &SourcePath| {
        let mut at = path.clone();
        for _ in 0..40 {
            match ctx.io.stat(&at) {
                Ok(Some(firn_eval::FileKind::Directory)) => return Some(at),
                Ok(Some(firn_eval::FileKind::Symlink)) => {
                    let real = std::fs::canonicalize(&*at.path).ok()?;
                    at = SourcePath::file(&real.to_string_lossy());
                }
                _ => return None,
            }
        }
        None
    };
    let Some(folder) = is_folder(ctx, &path) else { return Ok(path) };
    let exists = |ctx: &Ctx, name: &str| {
        let file = firn_eval::paths::join(&folder, name);
        ctx.io.stat(&file).ok().flatten().is_some().then_some(file)
    };
    if let Some(file) = exists(ctx, "shell.nix") {
        if session.settings.nix_shell_always_looks_for_shell_nix() {
            return Ok(file);
        }
        let setting = "nix-shell-always-looks-for-shell-nix";
        session.warn(format!(
            "Skipping '{}', because the setting '{setting}' is disabled. This is a deprecated behavior. Consider enabling '{setting}'.",
            ctx.show_path(&file)
        ));
    }
    match exists(ctx, "default.nix") {
        Some(file) => Ok(file),
        None => Err(CliError::new(format!(
            "neither 'shell.nix' nor 'default.nix' found in '{}'",
            ctx.show_path(&folder)
        ))
        .into()),
    }
}

/// The arguments for a function: with `inNixShell = true` if it asks for that by name.
fn with_in_nix_shell(ctx: &mut Ctx, value: Value, args: &[(Symbol, Value)]) -> Vec<(Symbol, Value)> {
    let name = ctx.sym("inNixShell");
    let asks = value
        .as_closure()
        .and_then(|c| c.code().formals)
        .is_some_and(|formals| formals.formals.iter().any(|f| f.name == name));
    let mut all = args.to_vec();
    if asks && !all.iter().any(|(n, _)| *n == name) {
        all.push((name, Value::TRUE));
    }
    all
}

/// `bashInteractive` of `<nixpkgs>`, if it can be had.
fn interactive_bash(ctx: &mut Ctx, session: &Session) -> Option<StorePath> {
    let mut attempt = || -> Outcome<StorePath> {
        let text = "(import <nixpkgs> {}).bashInteractive";
        let value = ctx.eval_text(text, Origin::String, &current_dir()?, None)?;
        let found = crate::packages::collect(ctx, value, &[], false)?;
        match found.first() {
            Some(package) => package.drv_path(ctx)?.ok_or_else(|| CliError::new("it has no drvPath").into()),
            None => Err(CliError::new(
                "the 'bashInteractive' attribute in <nixpkgs> did not evaluate to a derivation",
            )
            .into()),
        }
    };
    match attempt() {
        Ok(path) => Some(path),
        Err(failure) => {
            if let EvalFailure::Eval(_) = failure {
                let error = ctx.take_error();
                session.events().message(firn_events::Level::Error, error.message.to_string());
            }
            session.events().message(firn_events::Level::Notice, "uses bash from your environment");
            None
        }
    }
}

/// Sets the variables, writes what the shell reads first, and becomes the shell.
fn start(
    session: &Session,
    parsed: &Parsed,
    script: Option<&InScript>,
    drv: &Derivation,
    bash: &str,
) -> Result<u8, CliError> {
    use std::io::IsTerminal;
    let store = session.store()?;
    let store = store.as_ref();
    let pure = parsed.has("pure");
    let dir = tempfile::Builder::new().prefix("nix-shell-").tempdir()?.keep();
    let mut variables: Environment = std::env::vars_os().collect();
    variables.insert("IN_NIX_SHELL".into(), if pure { "pure" } else { "impure" }.into());
    if pure {
        let kept: Vec<&str> = KEPT.into_iter().chain(parsed.values("keep")).collect();
        variables.retain(|name, _| name.to_str().is_some_and(|n| kept.contains(&n)));
        // a shell of NixOS does not read /etc/profile then
        variables.insert("__ETC_PROFILE_SOURCED".into(), "1".into());
    }
    for name in ["NIX_BUILD_TOP", "TMPDIR", "TEMPDIR", "TMP", "TEMP"] {
        variables.insert(name.into(), dir.as_os_str().to_owned());
    }
    variables.insert("NIX_STORE".into(), store.store_dir().as_str().into());
    let cores = match session.settings.cores() {
        0 => std::thread::available_parallelism().map_or(1, |n| n.get() as u64),
        n => n,
    };
    variables.insert("NIX_BUILD_CORES".into(), cores.to_string().into());
    let attributes = builder_variables(store, drv, &dir, &mut variables)?;
    let flag = parsed.flags.iter().rev().find(|f| matches!(f.id, "run" | "command" | "interpreter"));
    let mut interactive = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    let command = match flag {
        Some(flag) => {
            interactive &= flag.id == "command";
            let text = flag.values.first().cloned().unwrap_or_default();
            match script.filter(|_| flag.id == "interpreter") {
                Some(call) => interpreted(call, &text),
                None => format!("{text}\nexit"),
            }
        }
        None => String::new(),
    };
    let rc = dir.join("rc");
    std::fs::write(&rc, first_commands(&dir, bash, pure, session.host.root, &attributes, &command))?;
    let rc = rc.to_string_lossy().into_owned();
    let args = if interactive { vec!["--rcfile".to_owned(), rc] } else { vec![rc] };
    exec(
        session,
        &Exec { program: bash, name: Some("bash"), args: &args, environment: Some(&variables), dir: None },
    )
}

/// The command that runs a script with its interpreter.
fn interpreted(call: &InScript, interpreter: &str) -> String {
    let args: String = call.args.iter().map(|a| quote(a) + " ").collect();
    let script = quote(&call.path);
    // perl looks at the first line itself unless its own name does not contain "perl"
    let name = if interpreter.contains("perl") { "-a PERL" } else { "" };
    if interpreter.contains("ruby") {
        // so does ruby, which `load` does not
        format!("exec {name} {interpreter} -e 'load(ARGV.shift)' -- {script} {args}")
    } else {
        format!("exec {name} {interpreter} {script} {args}")
    }
}

/// Puts the derivation's variables into the environment and its files into the folder; gives what the shell declares of
/// structured attributes.
fn builder_variables(
    store: &dyn Store,
    drv: &Derivation,
    dir: &Path,
    variables: &mut Environment,
) -> Result<String, CliError> {
    use std::os::unix::ffi::OsStringExt;
    let os = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    let attrs = drv.structured_attrs()?;
    let options = DerivationOptions::parse(drv, store.store_dir(), false, &mut Vec::new())?;
    let mut number = 0;
    for (name, value) in &drv.env {
        if name.as_slice() == structured::STRUCTURED_ATTRS.as_bytes() {
            continue;
        }
        if options.pass_as_file.iter().any(|n| n.as_bytes() == name.as_slice()) {
            let file: PathBuf = dir.join(format!(".attr-{number}"));
            number += 1;
            std::fs::write(&file, value)?;
            let mut variable = name.clone();
            variable.extend_from_slice(b"Path");
            variables.insert(os(&variable), file.into_os_string());
        } else {
            variables.insert(os(name), os(value));
        }
    }
    let Some(attrs) = attrs else { return Ok(String::new()) };
    let mut all = drv.builder_attrs(&attrs, BTreeMap::new());
    let mut outputs = serde_json::Map::new();
    for (name, path) in drv.output_paths(store.store_dir())? {
        if let Some(path) = path {
            outputs.insert(name, store.store_dir().print(&path).into());
        }
    }
    all.insert("outputs".to_owned(), outputs.into());
    let shell = structured::write_shell(&all);
    for (file, variable, text) in [
        (".attrs.json", "NIX_ATTRS_JSON_FILE", structured::dump(&serde_json::Value::Object(all.clone()))),
        (".attrs.sh", "NIX_ATTRS_SH_FILE", shell.clone()),
    ] {
        let file = dir.join(file);
        std::fs::write(&file, text)?;
        variables.insert(variable.into(), file.into_os_string());
    }
    Ok(shell)
}

/// What the shell does before anything else: the setup of the standard environment, the prompt, the hook, the command.
fn first_commands(dir: &Path, bash: &str, pure: bool, root: bool, attributes: &str, command: &str) -> String {
    let temporary = quote(&dir.to_string_lossy());
    let folder = Path::new(bash).parent().map(|d| d.to_string_lossy().into_owned()).unwrap_or_default();
    let zone = std::env::var("TZ").map(|tz| format!("export TZ={}; ", quote(&tz))).unwrap_or_default();
    let colour = if root { 31 } else { 32 };
    let (bashrc, keep, restore) = if pure {
        ("", "", "")
    } else {
        (
            "[ -n \"$PS1\" ] && [ -e ~/.bashrc ] && source ~/.bashrc;\n",
            "p=$PATH\n",
            "PATH=$PATH:$p; unset p\n",
        )
    };
    let shell = quote(bash);
    format!(
        "_nix_shell_clean_tmpdir() {{ command rm -rf {temporary}; }}\n\
         trap _nix_shell_clean_tmpdir EXIT\n\
         exitHooks+=(_nix_shell_clean_tmpdir)\n\
         failureHooks+=(_nix_shell_clean_tmpdir)\n\
         {bashrc}{keep}unset PATH\n\
         dontAddDisableDepTrack=1\n\
         {attributes}\n\
         [ -e $stdenv/setup ] && source $stdenv/setup\n\
         {restore}PATH={}:\"$PATH\"\n\
         SHELL={shell}\nBASH={shell}\nset +e\n\
         [ -n \"$PS1\" -a -z \"$NIX_SHELL_PRESERVE_PROMPT\" ] && PS1='\\n\\[\\033[1;{colour}m\\][nix-shell:\\w]\\$\\[\\033[0m\\] '\n\
         if [ \"$(type -t runHook)\" = function ]; then runHook shellHook; fi\n\
         unset NIX_ENFORCE_PURITY\nshopt -u nullglob\nunset TZ; {zone}\nshopt -s execfail\n{command}\n",
        quote(&folder)
    )
}
