//! `nix-env`: profiles in the old way; one operation a call.

mod generations;
mod query;
mod select;
mod user_env;

use std::path::PathBuf;

use firn_eval::Ctx;

use super::Legacy;
use crate::args::{Flag, Parsed, expand, option, switch};
use crate::error::CliError;
use crate::evaluation::{Mode, Outcome, evaluate};
use crate::flags::EVAL;
use crate::session::{Program, Session};

/// Operations; the id of one is its long name.
const OPERATIONS: &[Flag] = &[
    switch("install", "install packages").short('i'),
    switch("upgrade", "upgrade packages").short('u'),
    switch("uninstall", "remove packages").short('e'),
    switch("set", "make a package the whole profile"),
    switch("set-flag", "change an attribute of installed packages: NAME VALUE PACKAGE…"),
    switch("query", "show packages").short('q'),
    switch("switch-profile", "make another profile the user's own: PATH").short('S'),
    switch("switch-generation", "go to a generation: NUMBER").short('G'),
    switch("rollback", "go to the previous generation"),
    switch("list-generations", "show the generations"),
    switch("delete-generations", "delete generations: NUMBER…, old, +NUMBER or 30d"),
];

const GLOBAL: &[Flag] = &[
    option("profile", &["path"], "the profile to work on").short('p'),
    option("file", &["path"], "the expression to take packages from").short('f'),
    switch("dry-run", "only say what would be done"),
    option("system-filter", &["system"], "only packages for this system (* for all, the default)"),
    switch("prebuilt-only", "only packages that need no build").short('b'),
];

const INSTALL: &[Flag] = &[
    switch("attr", "the arguments are attribute paths").short('A'),
    switch("from-expression", "the arguments are functions of the expression").short('E'),
    option("from-profile", &["path"], "take packages from another profile"),
    switch("preserve-installed", "keep other versions that are installed").short('P'),
    switch("remove-all", "remove everything else first").short('r'),
    option("priority", &["number"], "the priority of what is installed; lower numbers win"),
    option("force-name", &["name"], "give the package another name"),
    switch("lt", "upgrade to higher versions (the default)"),
    switch("leq", "upgrade to the same or higher versions"),
    switch("eq", "upgrade to the same versions"),
    switch("always", "upgrade to whatever version there is"),
];

const QUERY: &[Flag] = &[
    switch("installed", "show what is installed (the default)"),
    switch("available", "show what the expression offers").short('a'),
    switch("status", "show whether it is installed, present, substitutable").short('s'),
    switch("no-name", "do not show names"),
    switch("system", "show systems"),
    switch("description", "show descriptions"),
    switch("compare-versions", "compare with the other side").short('c'),
    switch("drv-path", "show derivations"),
    switch("out-path", "show paths of outputs"),
    switch("meta", "show `meta`, in JSON and XML"),
    switch("xml", "print XML"),
    switch("json", "print JSON"),
    switch("attr-path", "with --query: show attribute paths (-P)"),
    option("query-attr", &["path"], "with --query: look below an attribute only (-A)"),
];

pub(crate) const COMMAND: Legacy = Legacy {
    name: "nix-env",
    doc: "change and show profiles",
    usage: &[
        "-i [-A | -E] [-f FILE] PACKAGE…",
        "-u [PACKAGE…]",
        "-e PACKAGE…",
        "-q [-a] [-A PATH] [NAME…]",
        "--set PACKAGE",
        "--rollback | --list-generations | --switch-generation NUMBER | --delete-generations WHICH…",
    ],
    flags: &[OPERATIONS, GLOBAL, INSTALL, QUERY, EVAL],
    run,
};

/// A call of `nix-env`.
struct Call<'a> {
    session: &'a Session,
    parsed: &'a Parsed,
    profile: PathBuf,
}

/// `-A` and `-P` mean something else where one asks than where one installs.
fn by_operation(args: Vec<String>) -> Vec<String> {
    let args = expand(args);
    if !args.iter().any(|a| a == "-q" || a == "--query") {
        return args;
    }
    args.into_iter()
        .map(|arg| match arg.as_str() {
            "-A" | "--attr" => "--query-attr".to_owned(),
            "-P" => "--attr-path".to_owned(),
            _ => arg,
        })
        .collect()
}

fn run(program: Program, args: Vec<String>) -> Result<u8, CliError> {
    let args = by_operation(args);
    let named = args.iter().any(|a| {
        OPERATIONS.iter().any(|o| {
            a.strip_prefix("--").is_some_and(|n| n == o.name)
                || (o.short != '\0' && *a == format!("-{}", o.short))
        })
    });
    let (session, parsed) = COMMAND.start(program, args).map_err(|error| match error {
        CliError::Usage(_, program) if !named => CliError::Usage("no operation specified".into(), program),
        CliError::Usage(text, program) => {
            CliError::Usage(text.replace("unrecognised flag", "unknown flag"), program)
        }
        other => other,
    })?;
    let usage = |text: &str| CliError::Usage(text.to_owned(), session.program.name.clone());
    let given: Vec<&str> = OPERATIONS.iter().map(|o| o.id).filter(|o| parsed.has(o)).collect();
    let operation = match given.as_slice() {
        [] => return Err(usage("no operation specified")),
        [one] => *one,
        _ => return Err(usage("only one operation may be specified")),
    };
    if parsed.has("dry-run") {
        session.events().message(firn_events::Level::Info, "(dry run; not doing anything)");
    }
    let profile = match std::env::var_os("NIX_PROFILE").filter(|p| !p.is_empty()) {
        Some(path) if !parsed.has("profile") => std::path::absolute(path)?,
        _ => crate::profile::chosen(&session, &parsed)?,
    };
    let call = Call { session: &session, parsed: &parsed, profile };
    match operation {
        "switch-profile" | "switch-generation" | "rollback" | "list-generations" | "delete-generations" => {
            generations::run(&call, operation)
        }
        _ => {
            call.make_default_expression()?;
            let read_only = operation == "query";
            let mode = Mode { pure: session.settings.pure_eval(), read_only };
            let output = evaluate(&session, &parsed, mode, |ctx| call.operate(ctx, operation))?;
            session.print(output)?;
            Ok(0)
        }
    }
}

impl Call<'_> {
    fn operate(&self, ctx: &mut Ctx, operation: &str) -> Outcome<String> {
        match operation {
            "query" => return query::query(self, ctx),
            "install" => self.install(ctx)?,
            "upgrade" => self.upgrade(ctx)?,
            "uninstall" => self.uninstall(ctx)?,
            "set-flag" => self.set_flag(ctx)?,
            _ => self.set(ctx)?,
        }
        Ok(String::new())
    }

    fn usage(&self, text: impl Into<String>) -> CliError {
        CliError::Usage(text.into(), self.session.program.name.clone())
    }

    fn say(&self, text: String) {
        self.session.events().message(firn_events::Level::Info, text);
    }

    fn arguments(&self) -> &[String] {
        &self.parsed.positional
    }

    /// `~/.nix-defexpr`, or its place by the XDG rules.
    fn default_expression(&self) -> PathBuf {
        let dirs = firn_settings::Directories::new(&self.session.host);
        if self.session.settings.use_xdg_base_directories() {
            PathBuf::from(&dirs.user_state).join("defexpr")
        } else {
            PathBuf::from(&dirs.home).join(".nix-defexpr")
        }
    }

    /// Makes the folder of the default expression with links to the channels, if there is none.
    fn make_default_expression(&self) -> Result<(), CliError> {
        let folder = self.default_expression();
        if folder.exists() || self.parsed.has("file") {
            return Ok(());
        }
        let dirs = crate::profile::dirs(self.session)?;
        // Nothing is lost where the home folder cannot be written: there are no channels then.
        let _ = std::fs::create_dir_all(&folder).and_then(|()| {
            std::os::unix::fs::symlink(dirs.channels(), folder.join("channels"))?;
            if self.session.host.root {
                return Ok(());
            }
            std::os::unix::fs::symlink(dirs.root_channels(), folder.join("channels_root"))
        });
        Ok(())
    }
}
