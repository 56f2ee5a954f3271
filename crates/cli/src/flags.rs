//! Groups of flags that several commands share.

use crate::args::{Flag, option, switch};

/// Flags of every command.
pub const COMMON: &[Flag] = &[
    switch("help", "show what the command does"),
    switch("version", "show the version"),
    switch("verbose", "say more (may be repeated)").short('v'),
    switch("quiet", "say less (may be repeated)"),
    switch("debug", "say everything that helps to find mistakes"),
    option(
        "log-format",
        &["format"],
        "how to print the log: raw, raw-with-logs, internal-json, bar, bar-with-logs, multiline, multiline-with-logs",
    ),
    switch("print-build-logs", "print the full logs of builds").short('L'),
    switch("offline", "do not use the network; take everything in caches as fresh"),
    switch("offline", "").alias("no-net"),
    switch("refresh", "take nothing in caches as fresh"),
    switch("repair", "rebuild or fetch again what is missing or corrupt"),
    option("max-jobs", &["n"], "how many builds run at the same time").short('j'),
    switch("keep-going", "go on with other builds when one fails").short('k'),
    switch("keep-failed", "keep the folders of failed builds").short('K'),
    switch("fallback", "build what cannot be substituted"),
    option("store", &["url"], "the store to use"),
];

/// Flags of the old commands.
pub const LEGACY: &[Flag] = &[
    switch("no-build-output", "do not show the output of builds").short('Q'),
    switch("readonly-mode", "do not write to the store"),
];

/// Flags of commands that evaluate.
pub const EVAL: &[Flag] = &[
    option("arg", &["name", "expr"], "give the expression as the argument NAME to functions"),
    option("argstr", &["name", "string"], "give the string as the argument NAME to functions"),
    option(
        "arg-from-file",
        &["name", "path"],
        "give the contents of a file as the argument NAME to functions",
    ),
    option(
        "arg-from-stdin",
        &["name"],
        "give the contents of the standard input as the argument NAME to functions",
    ),
    option("include", &["path"], "add an entry to the search path").short('I'),
    switch("impure", "allow access to mutable paths and the environment"),
    option("override-flake", &["original-ref", "resolved-ref"], "replace a flake reference in registries"),
    option("eval-store", &["store-url"], "the store to evaluate in"),
    switch("base", "let the embedded base stand in for the references that it knows"),
];

/// Flags of commands that lock flakes.
pub const LOCK: &[Flag] = &[
    switch("recreate-lock-file", "make the lock file anew"),
    switch("no-update-lock-file", "fail if the lock file would change"),
    switch("no-write-lock-file", "do not write the changed lock file"),
    switch("no-registries", "use no registries"),
    switch("commit-lock-file", "commit the changed lock file"),
    option("update-input", &["input-path"], "update one input"),
    option("override-input", &["input-path", "flake-url"], "use another flake for an input"),
    option("reference-lock-file", &["path"], "read this lock file instead of the flake's own"),
    option("output-lock-file", &["path"], "write this lock file instead of the flake's own"),
    option("inputs-from", &["flake-url"], "use the inputs of a flake as registry entries"),
];

/// Flags of commands that take installables.
pub const INSTALLABLES: &[Flag] = &[
    option("file", &["file"], "take attribute paths of the expression in a file").short('f'),
    option("expr", &["expr"], "take attribute paths of an expression"),
    switch("stdin", "read installables from the standard input"),
    switch("derivation", "mean the derivation itself, not its outputs"),
];

/// `--json` and its layout.
pub const JSON: &[Flag] = &[
    switch("json", "print JSON"),
    switch("pretty", "print JSON over several lines"),
    switch("no-pretty", "print JSON on one line"),
];
