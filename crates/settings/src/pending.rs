//! Settings that are understood but change nothing, and why.
//!
//! A test of the whole (`tests/settings.rs`) finds settings that no code reads and that are not named here.

/// Parts that are not written yet.
const NOT_YET: &str = "the part of Firn that it is for is not written yet";
/// What this program has no use for.
const NO_USE: &str = "Firn has no use for it";

/// The settings, with the reason.
pub const WITHOUT_EFFECT: &[(&str, &str)] = &[
    ("build-hook", NOT_YET),
    ("build-hook-kill-timeout", NOT_YET),
    ("build-poll-interval", NO_USE),
    ("darwin-log-sandbox-violations", "it is for macOS"),
    ("debugger-on-trace", NOT_YET),
    ("debugger-on-warn", NOT_YET),
    ("download-buffer-size", NO_USE),
    ("eval-attrset-update-layer-rhs-threshold", NO_USE),
    ("eval-profile-file", NOT_YET),
    ("eval-profiler", NOT_YET),
    ("eval-profiler-frequency", NOT_YET),
    ("external-builders", NOT_YET),
    ("http2", NOT_YET),
    ("http3", NOT_YET),
    ("ignore-try", NOT_YET),
    ("plugin-files", "plugins are C++ libraries, which cannot be loaded"),
    ("preallocate-contents", NO_USE),
    ("trace-function-calls", NOT_YET),
    ("trace-import-from-derivation", NOT_YET),
    ("upgrade-nix-store-path-url", "Firn does not replace itself"),
    ("use-case-hack", "it is for macOS"),
    ("warn-short-path-literals", "it became lint-short-path-literals"),
];

/// Why a setting changes nothing, if it does not.
pub fn without_effect(name: &str) -> Option<&'static str> {
    WITHOUT_EFFECT.iter().find(|(n, _)| *n == name).map(|(_, why)| *why)
}
