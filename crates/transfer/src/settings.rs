//! The settings that transfers depend on, as a value.

use std::path::{Path, PathBuf};

/// How to transfer. The defaults are the reference's.
#[derive(Clone, Debug)]
pub struct TransferSettings {
    /// `user-agent-suffix`
    pub user_agent_suffix: String,
    /// `http-connections`: transfers at a time; 0 for no limit.
    pub http_connections: usize,
    /// `connect-timeout`, seconds; 0 for none.
    pub connect_timeout: u64,
    /// `stalled-download-timeout`, seconds without a byte; 0 for none.
    pub stalled_download_timeout: u64,
    /// `filetransfer-retry-attempts`
    pub attempts: u32,
    /// `filetransfer-retry-delay`, milliseconds.
    pub retry_delay_ms: u64,
    /// `filetransfer-retry-delay-rate-limited`, milliseconds.
    pub retry_delay_rate_limited_ms: u64,
    /// `filetransfer-retry-max-delay`, milliseconds.
    pub retry_max_delay_ms: u64,
    /// `filetransfer-retry-jitter`
    pub retry_jitter: bool,
    /// `download-speed`, KiB a second; 0 for no limit.
    pub download_speed: u64,
    /// `netrc-file`
    pub netrc_file: Option<PathBuf>,
    /// `ssl-cert-file`
    pub ca_file: Option<PathBuf>,
    /// The version of Nix that the user agent names.
    pub nix_version: String,
}

impl TransferSettings {
    /// The part of all settings that is about transfers.
    pub fn of(s: &firn_settings::Settings) -> TransferSettings {
        TransferSettings {
            user_agent_suffix: s.user_agent_suffix().to_owned(),
            http_connections: usize::try_from(s.http_connections()).unwrap_or(usize::MAX),
            connect_timeout: s.connect_timeout(),
            stalled_download_timeout: s.stalled_download_timeout(),
            attempts: u32::try_from(s.filetransfer_retry_attempts()).unwrap_or(u32::MAX),
            retry_delay_ms: s.filetransfer_retry_delay(),
            retry_delay_rate_limited_ms: s.filetransfer_retry_delay_rate_limited(),
            retry_max_delay_ms: s.filetransfer_retry_max_delay(),
            retry_jitter: s.filetransfer_retry_jitter(),
            download_speed: s.download_speed(),
            netrc_file: Some(PathBuf::from(s.netrc_file())),
            ca_file: s.ssl_cert_file().map(PathBuf::from).or(TransferSettings::default().ca_file),
            ..TransferSettings::default()
        }
    }
}

impl Default for TransferSettings {
    fn default() -> Self {
        TransferSettings {
            user_agent_suffix: String::new(),
            http_connections: 25,
            connect_timeout: 15,
            stalled_download_timeout: 300,
            attempts: 5,
            retry_delay_ms: 100,
            retry_delay_rate_limited_ms: 5000,
            retry_max_delay_ms: 60_000,
            retry_jitter: true,
            download_speed: 0,
            netrc_file: None,
            ca_file: default_ca_file(|name| std::env::var_os(name).map(PathBuf::from)),
            nix_version: "2.34.8".to_owned(),
        }
    }
}

/// The file with the certificates of authorities: `NIX_SSL_CERT_FILE`, `SSL_CERT_FILE`, else the first usual place that exists.
/// `env` looks up an environment variable.
pub fn default_ca_file(env: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    for name in ["NIX_SSL_CERT_FILE", "SSL_CERT_FILE"] {
        if let Some(path) = env(name).filter(|p| !p.as_os_str().is_empty()) {
            return Some(path);
        }
    }
    [
        "/etc/ssl/certs/ca-certificates.crt",
        "/nix/var/nix/profiles/default/etc/ssl/certs/ca-bundle.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/cert.pem",
    ]
    .iter()
    .map(Path::new)
    .find(|p| p.exists())
    .map(Path::to_owned)
}
