//! Settings as a whole: defaults, files, precedence, features, and the table against the reference's.

use firn_settings::{Diagnose, Environment, Feature, Host, SandboxMode, Settings};

fn host(vars: &[(&str, &str)]) -> Host {
    let mut all = vec![("HOME", "/home/u")];
    all.extend_from_slice(vars);
    Host::plain(all.into_iter().collect::<Environment>())
}

fn missing(_: &str) -> std::io::Result<String> {
    Err(std::io::ErrorKind::NotFound.into())
}

#[test]
fn the_table_has_the_references_136_settings_and_ours() {
    let ours = firn_settings::DEFINITIONS.iter().filter(|d| d.group == firn_settings::Group::Firn).count();
    assert_eq!(firn_settings::DEFINITIONS.len() - ours, 136);
    let mut names: Vec<&str> = firn_settings::DEFINITIONS
        .iter()
        .flat_map(|d| std::iter::once(d.name).chain(d.aliases.iter().copied()))
        .collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count, "no name twice");
}

#[test]
fn defaults() {
    let settings = Settings::new(&host(&[]));
    assert_eq!(settings.max_jobs(), 1);
    assert_eq!(settings.sandbox(), SandboxMode::Enabled);
    assert_eq!(settings.substituters(), ["https://cache.nixos.org/"]);
    assert_eq!(settings.netrc_file(), "/etc/nix/netrc");
    assert_eq!(settings.diff_hook(), None);
    assert_eq!(settings.lint_url_literals(), Diagnose::Ignore);
    assert_eq!(settings.store(), "auto");
    assert!(!settings.base_stand_in());
}

#[test]
fn later_files_win_and_features_come_first() {
    let read = |path: &str| {
        match path {
        "/etc/nix/nix.conf" => Ok("cores = 2\nsubstituters = a\naccept-flake-config = true\nfoo = 1\nexperimental-features = flakes\n".to_owned()),
        "/home/u/.config/nix/nix.conf" => Ok("extra-substituters = b c\ncores = 3\n".to_owned()),
        "/etc/xdg/nix/nix.conf" => Ok("cores = 4\n".to_owned()),
        _ => missing(path),
    }
    };
    let mut settings =
        Settings::load(&host(&[("NIX_CONFIG", "max-free = 2K\nmax-jobs = auto")]), &read).expect("loads");
    assert_eq!(settings.cores(), 3);
    assert_eq!(settings.substituters(), ["a", "b", "c"]);
    assert!(settings.accept_flake_config());
    assert_eq!(settings.max_free(), 2048);
    assert!(settings.enabled(Feature::FetchTree), "flakes imply fetch-tree");
    assert_eq!(settings.take_warnings(), Vec::<String>::new());
    assert_eq!(settings.take_unknown_warnings(), ["unknown setting 'foo'"]);
    let overrides: Vec<&str> = settings.overrides().into_iter().map(|(name, _)| name).collect();
    assert_eq!(overrides, ["cores", "max-free", "max-jobs", "substituters"]);
}

#[test]
fn settings_behind_a_feature_are_ignored_with_a_warning() {
    let mut settings = Settings::new(&host(&[]));
    assert_eq!(settings.set("use-registries", "false"), Ok(true));
    assert!(settings.use_registries());
    assert_eq!(
        settings.take_warnings(),
        ["Ignoring setting 'use-registries' because experimental feature 'flakes' is not enabled"]
    );
    settings.imply_features([Feature::Flakes]);
    settings.set("use-registries", "false").expect("known");
    assert!(!settings.use_registries());
    assert_eq!(settings.experimental_features().len(), 0);
}

#[test]
fn texts_of_errors_and_warnings() {
    let mut settings = Settings::new(&host(&[]));
    let error =
        |s: &mut Settings, name: &str, text: &str| s.set(name, text).expect_err("invalid").to_string();
    assert_eq!(
        error(&mut settings, "keep-going", "maybe"),
        "Boolean setting 'keep-going' has invalid value 'maybe'"
    );
    assert_eq!(error(&mut settings, "build-cores", "x"), "setting 'cores' has invalid value 'x'");
    assert_eq!(
        error(&mut settings, "max-jobs", "x"),
        "configuration setting 'max-jobs' should be 'auto' or an integer"
    );
    assert_eq!(error(&mut settings, "sandbox", "yes"), "option 'sandbox' has invalid value 'yes'");
    assert_eq!(
        error(&mut settings, "lint-url-literals", "x"),
        "option 'lint-url-literals' has invalid value 'x' (expected 'ignore', 'warn', or 'fatal')"
    );
    assert_eq!(
        error(&mut settings, "netrc-file", ""),
        "setting 'netrc-file' is a path and paths cannot be empty"
    );
    settings.set("experimental-features", "flakes nope").expect("known");
    assert_eq!(settings.take_warnings(), ["unknown experimental feature 'nope'"]);
    assert_eq!(
        settings.require(Feature::NixCommand, "").expect_err("off").to_string(),
        "experimental Nix feature 'nix-command' is disabled; add '--extra-experimental-features nix-command' to enable it"
    );
    assert_eq!(settings.set("extra-cores", "3"), Ok(false), "numbers take no extra-");
    settings.set("warn-short-path-literals", "true").expect("known");
    assert_eq!(settings.lint_short_path_literals(), Diagnose::Warn);
}

#[test]
fn nix_path_of_the_environment_wins_over_files() {
    let read = |path: &str| match path {
        "/etc/nix/nix.conf" => Ok("nix-path = x=/x".to_owned()),
        _ => missing(path),
    };
    let settings = Settings::load(&host(&[("NIX_PATH", "a=/b:/c")]), &read).expect("loads");
    assert_eq!(settings.nix_path(), ["a=/b", "/c"]);
    assert_eq!(Settings::load(&host(&[]), &read).expect("loads").nix_path(), ["x=/x"]);
}

#[test]
fn shown_as_text_and_json() {
    let mut settings = Settings::new(&host(&[]));
    settings.set("sandbox-paths", "/bin/sh=/bin/dash /x?").expect("known");
    settings.set("access-tokens", "github.com=t").expect("known");
    let text = settings.to_key_value();
    assert!(text.contains("\nsandbox-paths = /bin/sh=/bin/dash /x?\n"), "{text}");
    assert!(text.contains("access-tokens =  github.com=t\n"), "{text}");
    assert!(text.starts_with("abort-on-warn = false\naccept-flake-config = false\n"));
    let json = settings.to_json();
    assert_eq!(json["sandbox-paths"]["value"]["/bin/sh"]["source"], "/bin/dash");
    assert_eq!(json["use-registries"]["experimentalFeature"], "flakes");
    assert_eq!(json["cores"]["aliases"][0], "build-cores");
    assert_eq!(settings.show("cores").as_deref(), Some("0"));
    assert_eq!(settings.show("build-cores"), None);
    assert_eq!(settings.show("use-registries"), None, "behind a feature");
}
