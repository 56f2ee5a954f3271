//! The table of all settings.
//!
//! One line a setting: its method, kind, name, aliases, default (as a configuration would write it), group, the experimental
//! feature that it needs. Defaults that depend on the machine are filled in by [`Settings::new`].

use std::collections::{BTreeMap, BTreeSet};

use crate::feature::Feature;
use crate::settings::Settings;
use crate::value::{Diagnose, Kind, SandboxMode, SandboxPath, Value};

/// Where a setting belongs in the manual.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Group {
    Evaluation,
    Fetching,
    Transfer,
    Store,
    Worker,
    Build,
    Other,
    /// Ours; the reference has none of these.
    Firn,
}

/// What there is to know about a setting.
#[derive(Debug)]
pub struct Definition {
    /// Its name.
    pub name: &'static str,
    /// Its older names.
    pub aliases: &'static [&'static str],
    /// Its kind.
    pub kind: Kind,
    /// Its default as a configuration would write it, where it does not depend on the machine.
    pub default: &'static str,
    /// Where it belongs.
    pub group: Group,
    /// The feature that must be enabled for it to be set.
    pub feature: Option<Feature>,
    /// What it does.
    pub doc: &'static str,
}

impl Definition {
    /// Whether the manual prints the default; not where it depends on the machine.
    pub fn document_default(&self) -> bool {
        !matches!(
            self.name,
            "build-users-group"
                | "builders"
                | "extra-platforms"
                | "nix-path"
                | "ssl-cert-file"
                | "system-features"
        )
    }
}

macro_rules! optional_feature {
    () => {
        None
    };
    ($feature:ident) => {
        Some(Feature::$feature)
    };
}

macro_rules! getter {
    ($settings:ident $index:ident Bool) => { getter!(@ $settings $index Bool copied) };
    ($settings:ident $index:ident DeprecatedWarn) => { getter!(@ $settings $index Bool copied) };
    ($settings:ident $index:ident Int) => { getter!(@ $settings $index Int copied) };
    ($settings:ident $index:ident Jobs) => { getter!(@ $settings $index Int copied) };
    ($settings:ident $index:ident Sandbox) => { getter!(@ $settings $index Sandbox copied) };
    ($settings:ident $index:ident Diagnose) => { getter!(@ $settings $index Diagnose copied) };
    ($settings:ident $index:ident Text) => { getter!(@ $settings $index Text) };
    ($settings:ident $index:ident Path) => { getter!(@ $settings $index Text) };
    ($settings:ident $index:ident AbsPath) => { getter!(@ $settings $index Text) };
    ($settings:ident $index:ident Profiler) => { getter!(@ $settings $index Text) };
    ($settings:ident $index:ident OptText) => { getter!(@ $settings $index OptText optional) };
    ($settings:ident $index:ident OptPath) => { getter!(@ $settings $index OptText optional) };
    ($settings:ident $index:ident List) => { getter!(@ $settings $index List) };
    ($settings:ident $index:ident Set) => { getter!(@ $settings $index Set) };
    ($settings:ident $index:ident Map) => { getter!(@ $settings $index Map) };
    ($settings:ident $index:ident SandboxPaths) => { getter!(@ $settings $index SandboxPaths) };
    ($settings:ident $index:ident Features) => { getter!(@ $settings $index Features) };
    ($settings:ident $index:ident Json) => { getter!(@ $settings $index Json) };
    (@ $settings:ident $index:ident $variant:ident copied) => {
        match &$settings.slots[Index::$index as usize].value { Value::$variant(v) => *v, _ => mismatch() }
    };
    (@ $settings:ident $index:ident $variant:ident optional) => {
        match &$settings.slots[Index::$index as usize].value { Value::$variant(v) => v.as_deref(), _ => mismatch() }
    };
    (@ $settings:ident $index:ident $variant:ident) => {
        match &$settings.slots[Index::$index as usize].value { Value::$variant(v) => v, _ => mismatch() }
    };
}

macro_rules! getter_type {
    (Bool) => { bool }; (DeprecatedWarn) => { bool };
    (Int) => { u64 }; (Jobs) => { u64 };
    (Sandbox) => { SandboxMode }; (Diagnose) => { Diagnose };
    (Text) => { &str }; (Path) => { &str }; (AbsPath) => { &str }; (Profiler) => { &str };
    (OptText) => { Option<&str> }; (OptPath) => { Option<&str> };
    (List) => { &[String] }; (Set) => { &BTreeSet<String> }; (Map) => { &BTreeMap<String, String> };
    (SandboxPaths) => { &BTreeMap<String, SandboxPath> }; (Features) => { &BTreeSet<Feature> };
    (Json) => { &serde_json::Value };
}

#[cold]
fn mismatch() -> ! {
    unreachable!("values are made by the parser of their kind")
}

macro_rules! settings {
    ($($(#[doc = $doc:literal])+ $method:ident: $kind:ident = $name:literal [$($alias:literal),*] $default:literal, $group:ident $(if $feature:ident)?;)+) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        pub(crate) enum Index { $($method,)+ }

        /// All settings, in the order of this file (use [`Settings::iter`] for the order of names).
        pub static DEFINITIONS: &[Definition] = &[$(Definition {
            name: $name,
            aliases: &[$($alias),*],
            kind: Kind::$kind,
            default: $default,
            group: Group::$group,
            feature: optional_feature!($($feature)?),
            doc: concat!($($doc, "\n"),+),
        },)+];

        impl Settings {
            $($(#[doc = $doc])+ pub fn $method(&self) -> getter_type!($kind) { getter!(self $method $kind) })+
        }
    };
}

settings! {
    // ---- evaluation
    /// Where `<name>` is looked up: `name=path` or `path`, in order. The variable `NIX_PATH` replaces what files say.
    nix_path: List = "nix-path" [] "", Evaluation;
    /// What `builtins.currentSystem` gives; empty: the setting `system`.
    eval_system: Text = "eval-system" [] "", Evaluation;
    /// Evaluation reads nothing outside the search path and fetches nothing outside `allowed-uris`.
    restrict_eval: Bool = "restrict-eval" [] "false", Evaluation;
    /// Evaluation depends on nothing but its declared inputs: no environment, no clock, only files and downloads with a hash.
    pure_eval: Bool = "pure-eval" [] "false", Evaluation;
    /// Prefixes of addresses that restricted evaluation may fetch.
    allowed_uris: List = "allowed-uris" [] "", Evaluation;
    /// Evaluation may build derivations whose outputs it reads.
    allow_import_from_derivation: Bool = "allow-import-from-derivation" [] "true", Evaluation;
    /// Warn when evaluation builds a derivation to read its output.
    trace_import_from_derivation: Bool = "trace-import-from-derivation" [] "false", Evaluation;
    /// Remember results of evaluating flakes between commands.
    eval_cache: Bool = "eval-cache" [] "true", Evaluation;
    /// `builtins.traceVerbose` prints its first argument.
    trace_verbose: Bool = "trace-verbose" [] "false", Evaluation;
    /// Log every call of a function, with times.
    trace_function_calls: Bool = "trace-function-calls" [] "false", Evaluation;
    /// Record where evaluation spends its time: `disabled` or `flamegraph` (folded stacks).
    eval_profiler: Profiler = "eval-profiler" [] "disabled", Evaluation;
    /// The file that the profile is written to.
    eval_profile_file: Path = "eval-profile-file" [] "nix.profile", Evaluation;
    /// Samples a second of the profiler; 0 samples after every call.
    eval_profiler_frequency: Int = "eval-profiler-frequency" [] "99", Evaluation;
    /// How deeply calls may nest.
    max_call_depth: Int = "max-call-depth" [] "10000", Evaluation;
    /// The debugger passes over errors inside `tryEval`.
    ignore_try: Bool = "ignore-try" [] "false", Evaluation;
    /// `builtins.trace` enters the debugger, if there is one.
    debugger_on_trace: Bool = "debugger-on-trace" [] "false", Evaluation;
    /// `builtins.warn` enters the debugger, if there is one.
    debugger_on_warn: Bool = "debugger-on-warn" [] "false", Evaluation;
    /// `builtins.warn` is an error, whose trace shows where it comes from. Also set by `NIX_ABORT_ON_WARN`.
    abort_on_warn: Bool = "abort-on-warn" [] "false", Evaluation;
    /// What to do about addresses without quotes (`https://example.org`).
    lint_url_literals: Diagnose = "lint-url-literals" [] "ignore", Evaluation;
    /// What to do about relative paths without `./` (`a/b`).
    lint_short_path_literals: Diagnose = "lint-short-path-literals" [] "ignore", Evaluation;
    /// What to do about paths that begin with `/` or `~/`.
    lint_absolute_path_literals: Diagnose = "lint-absolute-path-literals" [] "ignore", Evaluation;
    /// The old form of `lint-short-path-literals = warn`.
    warn_short_path_literals: DeprecatedWarn = "warn-short-path-literals" [] "false", Evaluation;
    /// The size up to which the right side of `//` becomes a layer over the left one instead of a copy of both.
    eval_attrset_update_layer_rhs_threshold: Int = "eval-attrset-update-layer-rhs-threshold" [] "16", Evaluation;
    /// Adds builtins that load and run native code. Accepted for compatibility.
    allow_unsafe_native_code_during_evaluation: Bool = "allow-unsafe-native-code-during-evaluation" [] "false", Evaluation;

    // ---- fetching and flakes
    /// Tokens for forges that ask for them: `github.com=…`; the longest matching host and path is used.
    access_tokens: Map = "access-tokens" [] "", Fetching;
    /// Work trees with uncommitted changes may be inputs.
    allow_dirty: Bool = "allow-dirty" [] "true", Fetching;
    /// Warn about work trees with uncommitted changes.
    warn_dirty: Bool = "warn-dirty" [] "true", Fetching;
    /// Lock files may pin work trees with uncommitted changes, which nobody else can fetch.
    allow_dirty_locks: Bool = "allow-dirty-locks" [] "false", Fetching if Flakes;
    /// Take an archive of a forge for the revision in its address without a hash of its contents.
    trust_tarballs_from_git_forges: Bool = "trust-tarballs-from-git-forges" [] "true", Fetching;
    /// Address or path of the global registry of flakes; empty: none.
    flake_registry: Text = "flake-registry" [] "https://channels.nixos.org/flake-registry.json", Fetching if Flakes;
    /// Seconds for which a downloaded archive counts as fresh.
    tarball_ttl: Int = "tarball-ttl" [] "3600", Fetching;
    /// Look up indirect flake references in registries.
    use_registries: Bool = "use-registries" [] "true", Fetching if Flakes;
    /// Take over settings that a flake asks for, without a question.
    accept_flake_config: Bool = "accept-flake-config" [] "false", Fetching if Flakes;
    /// The first line of commits of changed lock files; empty: made from what changed.
    commit_lock_file_summary: Text = "commit-lock-file-summary" ["commit-lockfile-summary"] "", Fetching if Flakes;

    // ---- transfer
    /// Connections at a time for downloads; 0: no limit.
    http_connections: Int = "http-connections" ["binary-caches-parallel-connections"] "25", Transfer;
    /// Seconds to wait for a connection; 0: no limit.
    connect_timeout: Int = "connect-timeout" [] "15", Transfer;
    /// Seconds without data after which a download is given up.
    stalled_download_timeout: Int = "stalled-download-timeout" [] "300", Transfer;
    /// How often a download is tried.
    filetransfer_retry_attempts: Int = "filetransfer-retry-attempts" ["download-attempts"] "5", Transfer;
    /// Milliseconds before the second try; doubled for each one more.
    filetransfer_retry_delay: Int = "filetransfer-retry-delay" [] "100", Transfer;
    /// Milliseconds before the second try where the server asked for fewer requests.
    filetransfer_retry_delay_rate_limited: Int = "filetransfer-retry-delay-rate-limited" [] "5000", Transfer;
    /// The longest wait between tries, in milliseconds.
    filetransfer_retry_max_delay: Int = "filetransfer-retry-max-delay" [] "60000", Transfer;
    /// Waits are varied at random, so that many clients do not come at once.
    filetransfer_retry_jitter: Bool = "filetransfer-retry-jitter" [] "true", Transfer;
    /// Bytes of a download kept in memory while they wait to be used.
    download_buffer_size: Int = "download-buffer-size" [] "1048576", Transfer;
    /// The highest speed of downloads in kilobytes a second; 0: no limit.
    download_speed: Int = "download-speed" [] "0", Transfer;
    /// Use HTTP/2.
    http2: Bool = "http2" [] "true", Transfer;
    /// Use HTTP/3.
    http3: Bool = "http3" [] "false", Transfer;
    /// Put at the end of the name that servers see.
    user_agent_suffix: Text = "user-agent-suffix" [] "", Transfer;
    /// The file with user names and passwords of servers.
    netrc_file: AbsPath = "netrc-file" [] "/etc/nix/netrc", Transfer;
    /// The file with the certificates that servers are checked by. Variables: `NIX_SSL_CERT_FILE`, `SSL_CERT_FILE`.
    ssl_cert_file: OptPath = "ssl-cert-file" [] "", Transfer;

    // ---- store
    /// The store that commands work on: `auto`, `daemon`, `local`, a folder, or an address. Variable: `NIX_REMOTE`.
    store: Text = "store" [] "auto", Store;
    /// The system type that builds run on here.
    system: Text = "system" [] "", Store;
    /// Further system types whose builds this machine runs.
    extra_platforms: Set = "extra-platforms" [] "", Store;
    /// What this machine offers to derivations with `requiredSystemFeatures`.
    system_features: Set = "system-features" [] "", Store;
    /// Public keys, one of which must have signed what comes from elsewhere.
    trusted_public_keys: List = "trusted-public-keys" ["binary-cache-public-keys"] "cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=", Store;
    /// Stores that users without trust may name as substituters.
    trusted_substituters: Set = "trusted-substituters" ["trusted-binary-caches"] "", Store;
    /// Files with secret keys that sign what is built here.
    secret_key_files: List = "secret-key-files" [] "", Store;
    /// What comes from elsewhere must be signed by a trusted key, or be addressed by its contents.
    require_sigs: Bool = "require-sigs" [] "true", Store;
    /// Keep the folder of a failed build.
    keep_failed: Bool = "keep-failed" [] "false", Store;
    /// Keep logs of builds.
    keep_build_log: Bool = "keep-build-log" ["build-keep-log"] "true", Store;
    /// Compress logs of builds with bzip2.
    compress_build_log: Bool = "compress-build-log" ["build-compress-log"] "true", Store;
    /// Seconds for which "this cache does not have it" is remembered.
    narinfo_cache_negative_ttl: Int = "narinfo-cache-negative-ttl" [] "3600", Store;
    /// Seconds for which "this cache has it" is remembered.
    narinfo_cache_positive_ttl: Int = "narinfo-cache-positive-ttl" [] "2592000", Store;
    /// Seconds for which facts about a cache itself are remembered.
    narinfo_cache_meta_ttl: Int = "narinfo-cache-meta-ttl" [] "604800", Store;
    /// SQLite writes ahead into a log, so that readers do not wait.
    use_sqlite_wal: Bool = "use-sqlite-wal" [] "true", Store;
    /// Say what will be built and downloaded.
    print_missing: Bool = "print-missing" [] "true", Store;
    /// Files in the home folder are where the XDG specification wants them.
    use_xdg_base_directories: Bool = "use-xdg-base-directories" [] "false", Store;
    /// Warn when more than this many bytes (of a NAR) are copied to the store; 0: never.
    warn_large_path_threshold: Int = "warn-large-path-threshold" [] "0", Store;

    // ---- worker
    /// Builds at a time on this machine; `auto`: as many as processors; 0: none here.
    max_jobs: Jobs = "max-jobs" ["build-max-jobs"] "1", Worker;
    /// Use binary caches.
    substitute: Bool = "substitute" ["build-use-substitutes"] "true", Worker;
    /// Stores that are asked for outputs before building.
    substituters: List = "substituters" ["binary-caches"] "https://cache.nixos.org/", Worker;
    /// Build what could not be substituted.
    fallback: Bool = "fallback" ["build-fallback"] "false", Worker;
    /// Go on with other builds when one fails.
    keep_going: Bool = "keep-going" [] "false", Worker;
    /// Lines of a failed build's log that are shown.
    log_lines: Int = "log-lines" [] "25", Worker;
    /// Substitutions at a time, at least 1.
    max_substitution_jobs: Int = "max-substitution-jobs" ["substitution-max-jobs"] "16", Worker;
    /// Seconds without output after which a build is ended; 0: no limit.
    max_silent_time: Int = "max-silent-time" ["build-max-silent-time"] "0", Worker;
    /// Seconds after which a build is ended; 0: no limit.
    timeout: Int = "timeout" ["build-timeout"] "0", Worker;
    /// Machines that build, one a line or between semicolons; `@file` reads a file.
    builders: Text = "builders" [] "@/etc/nix/machines", Worker;
    /// Remote machines use their own substituters.
    builders_use_substitutes: Bool = "builders-use-substitutes" [] "false", Worker;
    /// Substitute also what a derivation forbids to substitute.
    always_allow_substitutes: Bool = "always-allow-substitutes" [] "false", Worker;
    /// A program that runs after each build.
    post_build_hook: Text = "post-build-hook" [] "", Worker;
    /// Bytes of a log after which a build is ended; 0: no limit.
    max_build_log_size: Int = "max-build-log-size" ["build-max-log-size"] "0", Worker;
    /// Seconds between looks at locks that others hold.
    build_poll_interval: Int = "build-poll-interval" [] "5", Worker;
    /// The program that runs builds on other machines.
    build_hook: List = "build-hook" [] "nix __build-remote", Worker;
    /// Milliseconds between asking that program to end and killing it.
    build_hook_kill_timeout: Int = "build-hook-kill-timeout" [] "500", Worker;

    // ---- local store and building
    /// `NIX_BUILD_CORES` of builds; 0: all processors.
    cores: Int = "cores" ["build-cores"] "0", Build;
    /// Builds see only their inputs: `true`, `false`, or `relaxed` (unless a derivation has `__noChroot`).
    sandbox: Sandbox = "sandbox" ["build-use-chroot", "build-use-sandbox"] "true", Build;
    /// Paths of the machine that builds see: `target=source?`.
    sandbox_paths: SandboxPaths = "sandbox-paths" ["build-chroot-dirs", "build-sandbox-paths"] "", Build;
    /// Build without sandbox where the kernel allows none.
    sandbox_fallback: Bool = "sandbox-fallback" [] "true", Build;
    /// The size of `/dev/shm` in the sandbox, as tmpfs takes it.
    sandbox_dev_shm_size: Text = "sandbox-dev-shm-size" [] "50%", Build;
    /// The folder of the build in the sandbox.
    sandbox_build_dir: AbsPath = "sandbox-build-dir" [] "/build", Build;
    /// The folder for the folders of builds; empty: `builds` in the state directory.
    build_dir: OptPath = "build-dir" [] "", Build;
    /// The group whose members run builds.
    build_users_group: Text = "build-users-group" [] "", Build;
    /// Choose user ids for builds from a range instead of from the group.
    auto_allocate_uids: Bool = "auto-allocate-uids" [] "false", Build if AutoAllocateUids;
    /// The first user id of that range.
    start_id: Int = "start-id" [] "872415232", Build;
    /// How many user ids that range has.
    id_count: Int = "id-count" [] "8388608", Build;
    /// Builds run in control groups.
    use_cgroups: Bool = "use-cgroups" [] "false", Build;
    /// Replace equal files in the store by links as they are added.
    auto_optimise_store: Bool = "auto-optimise-store" [] "false", Build;
    /// The garbage collector keeps the outputs of the derivations it keeps.
    keep_outputs: Bool = "keep-outputs" ["gc-keep-outputs"] "false", Build;
    /// The garbage collector keeps the derivations of the outputs it keeps.
    keep_derivations: Bool = "keep-derivations" ["gc-keep-derivations"] "true", Build;
    /// Collect garbage during builds when fewer bytes than this are free; 0: never.
    min_free: Int = "min-free" [] "0", Build;
    /// Such a collection ends when this many bytes are free.
    max_free: Int = "max-free" [] "9223372036854775807", Build;
    /// Seconds between looks at the free space.
    min_free_check_interval: Int = "min-free-check-interval" [] "5", Build;
    /// Bytes kept in reserve, so that the garbage collector works on a full disk.
    gc_reserved_space: Int = "gc-reserved-space" [] "8388608", Build;
    /// Changes of the store's database are synced to disk.
    fsync_metadata: Bool = "fsync-metadata" [] "true", Build;
    /// Store paths are synced to disk before they are registered.
    fsync_store_paths: Bool = "fsync-store-paths" [] "false", Build;
    /// Everything is synced to disk before a path is registered.
    sync_before_registering: Bool = "sync-before-registering" [] "false", Build;
    /// Bytes of a NAR that are kept in memory before it goes to disk.
    nar_buffer_size: Int = "nar-buffer-size" [] "33554432", Build;
    /// The store directory may be reached through symbolic links. Variable: `NIX_IGNORE_SYMLINK_STORE`.
    allow_symlinked_store: Bool = "allow-symlinked-store" [] "false", Build;
    /// Builds are told that the kernel is Linux 2.6.
    impersonate_linux_26: Bool = "impersonate-linux-26" ["build-impersonate-linux-26"] "false", Build;
    /// A build fails if its supplementary groups cannot be dropped.
    require_drop_supplementary_groups: Bool = "require-drop-supplementary-groups" [] "false", Build;
    /// Prefixes of paths of the machine that derivations may ask for (macOS).
    allowed_impure_host_deps: Set = "allowed-impure-host-deps" [] "", Build;
    /// Log what the sandbox forbade (macOS).
    darwin_log_sandbox_violations: Bool = "darwin-log-sandbox-violations" [] "false", Build;
    /// Run `diff-hook` when a build gives another result than before.
    run_diff_hook: Bool = "run-diff-hook" [] "false", Build;
    /// The program that shows how two results differ.
    diff_hook: OptPath = "diff-hook" [] "", Build;
    /// A program that may add sandbox paths for a derivation.
    pre_build_hook: Text = "pre-build-hook" [] "", Build;
    /// Builds cannot make setuid files, extended attributes and access control lists.
    filter_syscalls: Bool = "filter-syscalls" [] "true", Build;
    /// Builds may gain privileges through setuid programs.
    allow_new_privileges: Bool = "allow-new-privileges" [] "false", Build;
    /// Extended attributes that are left on files of the store.
    ignored_acls: Set = "ignored-acls" [] "security.selinux system.nfs4_acl security.csm", Build;
    /// Values of the variables that fixed-output derivations take from outside: `name=value`.
    impure_env: Map = "impure-env" [] "", Build if ConfigurableImpureEnv;
    /// Servers that have files by hash (`mirror/sha256/hash`), asked before a file's own address.
    hashed_mirrors: List = "hashed-mirrors" [] "", Build;
    /// Programs that run builds for other systems, as JSON.
    external_builders: Json = "external-builders" [] "[]", Build;

    // ---- other
    /// Experimental features that are enabled.
    experimental_features: Features = "experimental-features" [] "", Other;
    /// Errors of evaluation show the whole trace.
    show_trace: Bool = "show-trace" [] "false", Other;
    /// A file or socket that also gets all log records as JSON.
    json_log_path: OptPath = "json-log-path" [] "", Other;
    /// Users (`@group`, `*`) who may give the daemon any order; this makes them root.
    trusted_users: List = "trusted-users" [] "root", Other;
    /// Users (`@group`, `*`) who may talk to the daemon.
    allowed_users: List = "allowed-users" [] "*", Other;
    /// The prompt of `nix develop` shells.
    bash_prompt: Text = "bash-prompt" [] "", Other;
    /// Put before the prompt of `nix develop` shells.
    bash_prompt_prefix: Text = "bash-prompt-prefix" [] "", Other;
    /// Put after the prompt of `nix develop` shells.
    bash_prompt_suffix: Text = "bash-prompt-suffix" [] "", Other;
    /// Plugins of the reference; they cannot be loaded here, which a warning says.
    plugin_files: List = "plugin-files" [] "", Other;
    /// User environments keep the derivations of their packages.
    keep_env_derivations: Bool = "keep-env-derivations" ["env-keep-derivations"] "false", Other;
    /// `nix-shell` looks for `shell.nix` also in a folder that it is given.
    nix_shell_always_looks_for_shell_nix: Bool = "nix-shell-always-looks-for-shell-nix" [] "true", Other;
    /// Relative paths in the first lines of a `nix-shell` script start at the script's folder.
    nix_shell_shebang_arguments_relative_to_script: Bool = "nix-shell-shebang-arguments-relative-to-script" [] "true", Other;
    /// Where `nix upgrade-nix` finds the newest release.
    upgrade_nix_store_path_url: Text = "upgrade-nix-store-path-url" [] "https://github.com/NixOS/nixpkgs/raw/master/nixos/modules/installer/tools/nix-fallback-paths.nix", Other;
    /// Unpack names that differ only in case under other names (macOS).
    use_case_hack: Bool = "use-case-hack" [] "false", Other;
    /// Allocate the whole of a file before its contents are written.
    preallocate_contents: Bool = "preallocate-contents" [] "false", Other;

    // ---- ours
    /// The embedded base stands in for inputs that it knows, such as `github:NixOS/nixpkgs`, without a download.
    base_stand_in: Bool = "base-stand-in" [] "false", Firn;
}

impl Definition {
    /// Finds a definition by name or alias.
    pub fn find(name: &str) -> Option<&'static Definition> {
        find(name).map(|i| &DEFINITIONS[i])
    }
}

/// The index of a setting by name or alias.
pub(crate) fn find(name: &str) -> Option<usize> {
    DEFINITIONS
        .iter()
        .position(|d| d.name == name)
        .or_else(|| DEFINITIONS.iter().position(|d| d.aliases.contains(&name)))
}
