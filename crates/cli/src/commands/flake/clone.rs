//! `nix flake clone`

use std::path::Path;

use firn_source::{CanonPath, FsSink, copy_tree};

use super::{READ, reference};
use crate::args::{Flag, Parsed, option};
use crate::commands::Command;
use crate::error::CliError;
use crate::evaluation::{Outcome, evaluate, flake_reference, flakes};
use crate::flags::{EVAL, LOCK};
use crate::session::Session;

pub(super) const COMMAND: Command = Command {
    path: &["flake", "clone"],
    doc: "make a copy of a flake's repository: --dest PATH",
    flags: &[FLAGS, EVAL, LOCK],
    rest: false,
    run,
};

const FLAGS: &[Flag] = &[option("dest", &["path"], "where the copy goes").short('f')];

fn run(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let destination = parsed.value("dest").ok_or_else(|| CliError::new("missing flag '--dest'"))?.to_owned();
    evaluate(session, &parsed, READ, |ctx| -> Outcome<()> {
        let flakes = flakes(ctx)?;
        let (reference, _) = flake_reference(reference(&parsed))?;
        let resolved = flakes.resolve(&reference, firn_flake::registry::Use::All)?;
        let destination = Path::new(&destination);
        if flakes.fetcher().clone_repository(&resolved.input, destination).map_err(CliError::from)? {
            return Ok(());
        }
        if destination.symlink_metadata().is_ok() {
            let text = format!("cannot clone into existing path \"{}\"", destination.display());
            return Err(CliError::new(text).into());
        }
        let tree = flakes.fetch(&resolved)?;
        let mut sink = FsSink::new(destination).map_err(CliError::from)?;
        copy_tree(tree.files.as_ref(), &CanonPath::root(), &mut sink).map_err(CliError::from)?;
        Ok(())
    })?;
    Ok(0)
}
