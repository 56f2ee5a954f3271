//! `nix flake init`, `nix flake new`

use std::path::{Path, PathBuf};

use firn_eval::io::{FileKind, SourcePath};
use firn_eval::{Ctx, Pos};
use firn_events::Level;
use firn_fetch::git::Repository;

use crate::args::{Flag, Parsed, option};
use crate::commands::Command;
use crate::commands::paths::only;
use crate::error::CliError;
use crate::evaluation::{Mode, Outcome, evaluate};
use crate::flags::{EVAL, LOCK};
use crate::installable::{Lookup, find_in_flake, optional_text};
use crate::session::Session;

pub(super) const INIT: Command = Command {
    path: &["flake", "init"],
    doc: "start a flake in the current folder from a template",
    flags: &[FLAGS, EVAL, LOCK],
    rest: false,
    run: init,
};

pub(super) const NEW: Command = Command {
    path: &["flake", "new"],
    doc: "start a flake in a folder from a template: DIR",
    flags: &[FLAGS, EVAL, LOCK],
    rest: false,
    run: new,
};

const FLAGS: &[Flag] = &[option("template", &["template"], "the template to start from").short('t')];

const TEMPLATES: Lookup =
    Lookup { defaults: &["templates.default", "defaultTemplate"], prefixes: &["templates."] };

fn init(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    make(session, &parsed, Path::new("."))
}

fn new(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let folder = only(session, &parsed)?.to_owned();
    make(session, &parsed, Path::new(&folder))
}

/// What was done with the files of a template.
struct Copying<'a> {
    session: &'a Session,
    written: Vec<PathBuf>,
    conflicts: usize,
}

fn make(session: &Session, parsed: &Parsed, folder: &Path) -> Result<u8, CliError> {
    let folder = PathBuf::from(firn_path::canonical(&std::path::absolute(folder)?.to_string_lossy()));
    let template = parsed.value("template").unwrap_or("templates").to_owned();
    let mode = Mode { pure: !parsed.has("impure"), read_only: false };
    let (welcome, done) = evaluate(session, parsed, mode, |ctx| {
        let found = find_in_flake(ctx, session, parsed, &template, TEMPLATES, false)?;
        let path = ctx.sym("path");
        let Some(path) = found.value.as_attrs().and_then(|attrs| attrs.get(path)) else {
            return Err(CliError::new(format!("template '{}' lacks attribute 'path'", found.path)).into());
        };
        let (from, _) = ctx.coerce_to_path(path, Pos::NONE, "while evaluating the path of a template")?;
        let mut copying = Copying { session, written: Vec::new(), conflicts: 0 };
        copying.folder(ctx, &from, &folder)?;
        let welcome = optional_text(ctx, found.value, &["welcomeText"])?;
        Ok((welcome, copying))
    })?;
    if !done.written.is_empty() && folder.join(".git").exists() {
        Repository::at(&folder).intend_to_add_all(&done.written)?;
    }
    if let Some(text) = welcome {
        session.events().message(Level::Notice, "\n");
        session.events().message(Level::Notice, crate::help::markdown(&text));
    }
    if done.conflicts > 0 {
        return Err(CliError::new(format!("encountered {} conflicts - see above", done.conflicts)));
    }
    Ok(0)
}

impl Copying<'_> {
    fn notice(&self, text: String) {
        self.session.events().message(Level::Notice, text);
    }

    fn folder(&mut self, ctx: &mut Ctx, from: &SourcePath, to: &Path) -> Outcome<()> {
        std::fs::create_dir_all(to).map_err(CliError::from)?;
        let real = firn_eval::paths::resolve(ctx, from).map_err(CliError::from)?;
        let mut entries = ctx.io.read_dir(&real).map_err(CliError::from)?;
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        for (name, kind) in entries {
            let from = real.child(&name);
            let kind = match kind {
                Some(kind) => Some(kind),
                None => ctx.io.stat(&from).map_err(CliError::from)?,
            };
            self.entry(ctx, &from, kind, &to.join(&name))?;
        }
        Ok(())
    }

    fn entry(&mut self, ctx: &mut Ctx, from: &SourcePath, kind: Option<FileKind>, to: &Path) -> Outcome<()> {
        let there = to.symlink_metadata().is_ok();
        let same = match kind {
            Some(FileKind::Directory) => return self.folder(ctx, from, to),
            Some(FileKind::Regular) => {
                let contents = ctx.io.read_file(from).map_err(CliError::from)?;
                if !there {
                    std::fs::write(to, &contents).map_err(CliError::from)?;
                }
                !there || std::fs::read(to).is_ok_and(|now| now == contents)
            }
            Some(FileKind::Symlink) => {
                let target = ctx.io.read_link(from).map_err(CliError::from)?;
                if !there {
                    std::os::unix::fs::symlink(&target, to).map_err(CliError::from)?;
                }
                !there || std::fs::read_link(to).is_ok_and(|now| now == Path::new(&target))
            }
            _ => {
                let text = format!("path '{}' needs to be a symlink, file, or directory", from.path);
                return Err(CliError::new(text).into());
            }
        };
        if !there {
            self.notice(format!("wrote: \"{}\"", to.display()));
            self.written.push(to.to_owned());
        } else if same {
            self.notice(format!("skipping identical file: {}", from.path));
        } else {
            self.conflicts += 1;
            self.session.events().message(
                Level::Error,
                format!(
                    "refusing to overwrite existing file \"{}\"\n please merge it manually with '{}'",
                    to.display(),
                    from.path
                ),
            );
        }
        Ok(())
    }
}
