//! Where things are: the directories of the store, its state, the configuration and the user's files, as the environment says.

use crate::host::Host;

/// Absolute paths without a trailing slash. An empty variable counts as unset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directories {
    /// `NIX_STORE_DIR`, `NIX_STORE`, else `/nix/store`.
    pub store: String,
    /// `NIX_STATE_DIR`, else `/nix/var/nix`.
    pub state: String,
    /// `NIX_LOG_DIR`, else `/nix/var/log/nix`.
    pub log: String,
    /// `NIX_CONF_DIR`, else `/etc/nix`.
    pub conf: String,
    /// The user's home.
    pub home: String,
    /// `NIX_CACHE_HOME`, `XDG_CACHE_HOME/nix`, else `~/.cache/nix`.
    pub cache: String,
    /// `NIX_CONFIG_HOME`, `XDG_CONFIG_HOME/nix`, else `~/.config/nix`.
    pub config: String,
    /// `config`, then `nix` below each of `XDG_CONFIG_DIRS` (else `/etc/xdg`).
    pub config_dirs: Vec<String>,
    /// `NIX_DATA_HOME`, `XDG_DATA_HOME/nix`, else `~/.local/share/nix`.
    pub data: String,
    /// `NIX_STATE_HOME`, `XDG_STATE_HOME/nix`, else `~/.local/state/nix`.
    pub user_state: String,
    /// `NIX_USER_CONF_FILES` (colon-separated), else `nix.conf` in each of `config_dirs`; the first has the last word.
    pub user_conf_files: Vec<String>,
    /// `NIX_DAEMON_SOCKET_PATH`, else `daemon-socket/socket` below `state`.
    pub daemon_socket: String,
}

impl Directories {
    /// Reads the environment of `host`.
    pub fn new(host: &Host) -> Self {
        let env = &host.environment;
        let first = |names: &[&str], default: &str| {
            canonical(names.iter().find_map(|n| env.non_empty(n)).unwrap_or(default))
        };
        let user = |own: &str, xdg: &str, default: &str| match (env.non_empty(own), env.non_empty(xdg)) {
            (Some(dir), _) => canonical(dir),
            (None, Some(dir)) => canonical(&format!("{dir}/nix")),
            (None, None) => canonical(&format!("{}/{default}/nix", host.home)),
        };
        let config = user("NIX_CONFIG_HOME", "XDG_CONFIG_HOME", ".config");
        let mut config_dirs = vec![config.clone()];
        let system = env.non_empty("XDG_CONFIG_DIRS").unwrap_or("/etc/xdg");
        config_dirs
            .extend(system.split(':').filter(|d| !d.is_empty()).map(|d| canonical(&format!("{d}/nix"))));
        let user_conf_files = match env.get("NIX_USER_CONF_FILES") {
            Some(list) => list.split(':').filter(|f| !f.is_empty()).map(str::to_owned).collect(),
            None => config_dirs.iter().map(|d| format!("{d}/nix.conf")).collect(),
        };
        let state = first(&["NIX_STATE_DIR"], "/nix/var/nix");
        Directories {
            store: first(&["NIX_STORE_DIR", "NIX_STORE"], "/nix/store"),
            log: first(&["NIX_LOG_DIR"], "/nix/var/log/nix"),
            conf: first(&["NIX_CONF_DIR"], "/etc/nix"),
            home: canonical(&host.home),
            cache: user("NIX_CACHE_HOME", "XDG_CACHE_HOME", ".cache"),
            data: user("NIX_DATA_HOME", "XDG_DATA_HOME", ".local/share"),
            user_state: user("NIX_STATE_HOME", "XDG_STATE_HOME", ".local/state"),
            daemon_socket: match env.non_empty("NIX_DAEMON_SOCKET_PATH") {
                Some(path) => path.to_owned(),
                None => format!("{state}/daemon-socket/socket"),
            },
            config,
            config_dirs,
            user_conf_files,
            state,
        }
    }

    /// The system's configuration file.
    pub fn conf_file(&self) -> String {
        format!("{}/nix.conf", self.conf)
    }
}

/// A path without double slashes, `.` and `..`, and without a slash at its end (but `/`).
pub(crate) fn canonical(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    let joined = parts.join("/");
    if path.starts_with('/') { format!("/{joined}") } else { joined }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Environment;

    #[test]
    fn empty_variables_count_as_unset() {
        let env: Environment =
            [("HOME", "/home/u"), ("NIX_STORE_DIR", ""), ("XDG_CACHE_HOME", "")].into_iter().collect();
        let dirs = Directories::new(&Host::plain(env));
        assert_eq!(dirs.store, "/nix/store");
        assert_eq!(dirs.cache, "/home/u/.cache/nix");
        assert_eq!(dirs.user_conf_files, ["/home/u/.config/nix/nix.conf", "/etc/xdg/nix/nix.conf"]);
    }

    #[test]
    fn variables_choose() {
        let env: Environment = [
            ("HOME", "/h"),
            ("NIX_STORE", "/s//x/"),
            ("NIX_STATE_DIR", "/v/./n/../nix"),
            ("XDG_STATE_HOME", "/st"),
            ("NIX_CONFIG_HOME", "/own"),
            ("NIX_USER_CONF_FILES", "/a:/b"),
        ]
        .into_iter()
        .collect();
        let dirs = Directories::new(&Host::plain(env));
        assert_eq!(dirs.store, "/s/x");
        assert_eq!(dirs.state, "/v/nix");
        assert_eq!(dirs.user_state, "/st/nix");
        assert_eq!(dirs.config, "/own");
        assert_eq!(dirs.user_conf_files, ["/a", "/b"]);
        assert_eq!(dirs.daemon_socket, "/v/nix/daemon-socket/socket");
    }
}
