//! Making a configuration the running one: `/etc`, users, wrappers, names.
//!
//! `TOPLEVEL/activation.json` says what is wanted (`base/nixos/modules/system/activation/activation-script.nix` writes it).
//! Every step may run again at any time, and each leaves a machine that can boot.

pub mod crypt;
pub mod etc;
pub mod stage2;
pub mod users;
pub mod wrappers;

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::{Error, Say, files};

/// What `activation.json` holds.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Data {
    version: u32,
    /// Users and groups.
    pub users: users::Spec,
    /// Programs with more rights.
    pub wrapper_list: Vec<wrappers::Wrapper>,
    /// The machine's name; empty leaves it.
    pub host_name: String,
    /// The machine's domain.
    pub domain: Option<String>,
    /// Whether the store is mounted read-only.
    pub read_only_store: bool,
    /// Options of the store's mount.
    pub store_mount_options: Vec<String>,
    /// Whether there are snippets of shell code.
    pub snippets: bool,
    /// A program that runs before systemd.
    pub post_boot: Option<PathBuf>,
    /// systemd.
    pub systemd: PathBuf,
}

impl Data {
    /// Reads the data of a configuration.
    ///
    /// # Errors
    /// There is none, or it is of another version.
    pub fn read(toplevel: &Path) -> Result<Data, Error> {
        let path = toplevel.join("activation.json");
        let text = files::text(&path)?;
        let data: Data = serde_json::from_str(&text)
            .map_err(|e| Error::Format { path: path.clone(), why: e.to_string() })?;
        if data.version == 1 {
            Ok(data)
        } else {
            Err(Error::Format { path, why: format!("version {} is not known here", data.version) })
        }
    }
}

/// Does everything but the snippets of shell code. `root` is `/` but in tests. Gives how many steps failed; what failed is said.
pub fn activate(root: &Path, toplevel: &Path, data: &Data, say: &mut dyn Say) -> usize {
    let mut failed = 0;
    let mut step = |name: &str, result: Result<(), Error>, say: &mut dyn Say| {
        if let Err(e) = result {
            failed += 1;
            say.say(&format!("Activation script snippet '{name}' failed: {e}"));
        }
    };
    let warned = users::update(root, &data.users, say);
    step("users", warned, say);
    step("etc", etc::update(root, toplevel), say);
    if root == Path::new("/") {
        step("hostname", set_host_name(data), say);
        step("wrappers", wrappers::make(&data.wrapper_list), say);
    }
    step("nix", nix_folders(root), say);
    failed
}

fn set_host_name(data: &Data) -> Result<(), Error> {
    if data.host_name.is_empty() {
        return Ok(());
    }
    rustix::system::sethostname(data.host_name.as_bytes()).map_err(|e| {
        Error::Other(format!("setting the host name '{}': {}", data.host_name, firn_sys::errno_text(e)))
    })
}

fn nix_folders(root: &Path) -> Result<(), Error> {
    for folder in
        ["nix/var/nix/gcroots", "nix/var/nix/profiles/per-user", "nix/var/nix/temproots", "nix/var/log/nix"]
    {
        files::folder(&root.join(folder))?;
    }
    Ok(())
}
