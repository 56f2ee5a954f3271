//! `nix-copy-closure`: copies closures to or from another machine.

use firn_path::StorePathSet;
use firn_store::closure::{ClosureOptions, closure};
use firn_store::copy::copy_paths;
use firn_store::{AddOptions, BuildMode};

use super::Legacy;
use crate::args::{Flag, expand, option, switch};
use crate::error::CliError;
use crate::session::{Program, Session};

/// Its flags.
pub(crate) const FLAGS: &[Flag] = &[
    option("to", &["machine"], "copy to this machine (the default)"),
    option("from", &["machine"], "copy from this machine"),
    switch("include-outputs", "copy the outputs of derivations as well"),
    switch("gzip", "pack what goes over the line"),
    switch("use-substitutes", "let the other machine substitute what it can").short('s'),
    switch("dry-run", "only say what would be copied"),
    switch("show-progress", ""),
    switch("bzip2", ""),
    switch("xz", ""),
];

pub(crate) const COMMAND: Legacy = Legacy {
    name: "nix-copy-closure",
    doc: "copy closures to or from another machine",
    usage: &["[--to | --from] [USER@]HOST [FLAG…] PATH…"],
    flags: &[FLAGS],
    run,
};

/// Runs the command.
///
/// # Errors
/// A path that is not valid, a machine that cannot be reached.
fn run(program: Program, args: Vec<String>) -> Result<u8, CliError> {
    // `--to` and `--from` may stand without a machine, which is then the first argument
    let (session, parsed) = COMMAND.start(program, place_machine(expand(args)))?;
    let from_there = parsed.has("from");
    let Some(machine) = parsed.value("from").or_else(|| parsed.value("to")) else {
        return Err(CliError::Usage("no host name specified".into(), session.program.name.clone()));
    };
    let mut address = if machine.contains("://") { machine.to_owned() } else { format!("ssh://{machine}") };
    if parsed.has("gzip") {
        address.push_str(if address.contains('?') { "&compress=true" } else { "?compress=true" });
    }
    let here = session.store()?;
    let there = session.open(&address)?;
    let (from, to) = if from_there { (there, here) } else { (here, there) };
    let mut tops = StorePathSet::new();
    for text in &parsed.positional {
        let (path, _) = from
            .store_dir()
            .to_store_path(&followed(&session, text))
            .map_err(|e| CliError::new(e.to_string()))?;
        tops.insert(path);
    }
    let include_outputs = parsed.has("include-outputs");
    let options = ClosureOptions { include_outputs, ..ClosureOptions::default() };
    let paths = closure(&*from, &tops, options)?;
    if parsed.has("use-substitutes") && !parsed.has("dry-run") {
        let absent: Vec<_> =
            paths.difference(&to.valid_paths(&paths)?).cloned().map(firn_path::DerivedPath::Opaque).collect();
        // what it cannot substitute is copied
        let _ = to.build(&absent, BuildMode::Normal);
    }
    if parsed.has("dry-run") {
        for path in paths.difference(&to.valid_paths(&paths)?) {
            session.println(from.store_dir().print(path))?;
        }
        return Ok(0);
    }
    let options = AddOptions { repair: false, check_sigs: false };
    copy_paths(&*from, &*to, &paths, options, session.events())?;
    Ok(0)
}

/// A link into the store stands for what it points to.
fn followed(session: &Session, text: &str) -> String {
    let dir = firn_settings::Directories::new(&session.host).store;
    if text.starts_with(&dir) {
        return text.to_owned();
    }
    let mut at = std::path::absolute(text).unwrap_or_else(|_| text.into());
    for _ in 0..16 {
        if at.starts_with(&dir) {
            break;
        }
        match std::fs::read_link(&at) {
            Ok(target) => at = at.parent().map(|p| p.join(&target)).unwrap_or(target),
            Err(_) => break,
        }
    }
    at.display().to_string()
}

/// Gives `--to` and `--from` the first argument that is no flag, wherever it stands; without either, `--to`.
fn place_machine(args: Vec<String>) -> Vec<String> {
    let direction = args.iter().position(|a| a == "--to" || a == "--from");
    let machine = |start: usize| (start..args.len()).find(|&i| !args[i].starts_with('-'));
    let flag = direction.map_or_else(|| "--to".to_owned(), |i| args[i].clone());
    let Some(at) = machine(0) else { return args };
    let mut out = vec![flag, args[at].clone()];
    let rest = args.iter().enumerate().filter(|(i, _)| *i != at && Some(*i) != direction);
    out.extend(rest.map(|(_, a)| a.clone()));
    out
}

#[cfg(test)]
mod tests {
    use super::place_machine;

    #[test]
    fn the_machine_is_found() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let placed = |text: &str| place_machine(words(text)).join(" ");
        assert_eq!(placed("--to me@host /a /b"), "--to me@host /a /b");
        assert_eq!(placed("--gzip --from host /a"), "--from host --gzip /a");
        assert_eq!(placed("host /a --from"), "--from host /a");
        assert_eq!(placed("host /a"), "--to host /a");
        assert_eq!(placed("--help"), "--help");
    }
}
