//! `nix store verify`

use std::collections::BTreeSet;
use std::sync::Arc;

use firn_events::{ActivityKind, Level};
use firn_hash::{Format, Hasher};
use firn_path::StorePath;
use firn_settings::Settings;
use firn_store::{PathInfo, PublicKeys, Store, StoreReference, open_store};

use super::paths::{size_argument, store_paths, usage};
use crate::args::{Flag, Parsed, option, switch};
use crate::error::CliError;
use crate::session::Session;

/// Its flags, beside those that choose paths.
pub(crate) const FLAGS: &[Flag] = &[
    switch("no-contents", "do not hash the contents"),
    switch("no-trust", "do not look at signatures"),
    option("substituter", &["store-uri"], "take signatures of another store, too").short('s'),
    option("sigs-needed", &["n"], "how many keys must have signed each path").short('n'),
];

/// Bits of the exit status.
const CORRUPTED: u8 = 1;
const UNTRUSTED: u8 = 2;
const FAILED: u8 = 4;

struct Check<'a> {
    session: &'a Session,
    store: Arc<dyn Store>,
    others: Vec<Arc<dyn Store>>,
    keys: PublicKeys,
    contents: bool,
    trust: bool,
    needed: usize,
}

/// Runs it.
pub(crate) fn run(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let needed = parsed.value("sigs-needed").map_or(Ok(0), size_argument).map_err(|e| usage(session, e))?;
    let here = std::env::current_dir().map_or_else(|_| "/".into(), |d| d.display().to_string());
    let mut others = Vec::new();
    for address in parsed.values("substituter") {
        let reference = StoreReference::parse(address, &here)?;
        others.push(open_store(reference, &session.settings, &session.host, session.events())?);
    }
    let check = Check {
        session,
        store: session.store()?,
        others,
        keys: public_keys(&session.settings)?,
        contents: !parsed.has("no-contents"),
        trust: !parsed.has("no-trust"),
        needed: usize::try_from(needed).unwrap_or(usize::MAX),
    };
    let mut status = 0;
    for path in store_paths(session, &parsed)? {
        status |= check.path(&path).unwrap_or_else(|error| {
            check.say(error.text());
            FAILED
        });
    }
    Ok(status)
}

/// Keys that signatures may be of: the trusted ones, and those that this machine signs with.
fn public_keys(settings: &Settings) -> Result<PublicKeys, CliError> {
    let mut keys = PublicKeys::default();
    for text in settings.trusted_public_keys() {
        keys.add(text)?;
    }
    for file in settings.secret_key_files() {
        // files that only root may read are no use to others
        if let Ok(text) = std::fs::read_to_string(file) {
            keys.add(&firn_store::SecretKey::parse(text.trim())?.public())?;
        }
    }
    Ok(keys)
}

impl Check<'_> {
    fn say(&self, text: String) {
        self.session.events().message(Level::Error, text);
    }

    fn path(&self, path: &StorePath) -> Result<u8, CliError> {
        let info = self.store.require_info(path)?;
        let shown = self.store.store_dir().print(path);
        let kind = ActivityKind::Unknown;
        let text = format!("checking '{shown}'");
        let _activity = self.session.events().start(0, Level::Info, kind, text, Vec::new());
        let mut status = 0;
        if self.contents {
            let mut hasher = Hasher::new(info.nar_hash.algo());
            self.store.write_nar(path, &mut hasher)?;
            let found = hasher.finish();
            if found != info.nar_hash {
                let want = info.nar_hash.render(Format::Nix32, true);
                let got = found.render(Format::Nix32, true);
                self.say(format!("path '{shown}' was modified! expected hash '{want}', got '{got}'"));
                status |= CORRUPTED;
            }
        }
        if self.trust && !self.is_trusted(&info)? {
            self.say(format!("path '{shown}' is untrusted"));
            status |= UNTRUSTED;
        }
        Ok(status)
    }

    fn is_trusted(&self, info: &PathInfo) -> Result<bool, CliError> {
        if info.ultimate && self.needed == 0 {
            return Ok(true);
        }
        let dir = self.store.store_dir();
        let enough = |info: &PathInfo| {
            info.count_signatures(dir, &self.keys).is_none_or(|count| count >= self.needed.max(1))
        };
        if enough(info) {
            return Ok(true);
        }
        let mut all = info.clone();
        for other in &self.others {
            let Some(theirs) = other.path_info(&info.path)? else { continue };
            let new: BTreeSet<String> = theirs.sigs.iter().cloned().collect();
            all.sigs.extend(new);
            if theirs.is_content_addressed(dir) || enough(&all) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
