//! The commands that work on files and on the store; those that take installables evaluate only where one is no store path.

use super::paths::PATHS;
use super::{
    Command, applets, archive, base, build_remote, cache, config_check, config_show, copy, daemon,
    derivation_show, hash, key, listing, log, path_info, prefetch, rewrite, store_add, store_diff, store_gc,
    store_info, store_verify, version, why_depends,
};
use crate::args::Parsed;
use crate::error::CliError;
use crate::flags::{EVAL, INSTALLABLES, JSON, LOCK};
use crate::session::Session;

type Run = fn(&Session, Parsed) -> Result<u8, CliError>;

const fn row(
    path: &'static [&'static str],
    doc: &'static str,
    flags: &'static [&'static [crate::args::Flag]],
    run: Run,
) -> Command {
    Command { path, doc, flags, rest: false, run }
}

/// Their rows.
pub(super) const COMMANDS: &[Command] = &[
    row(&["__dump-cli"], "print all commands and flags as JSON", &[], crate::help::dump::run),
    row(&["applets"], "make links under which this program is another one: DIR", &[], applets::run),
    row(
        &["base", "update-pins"],
        "pin the packages of the base as the archive has them now",
        &[base::FLAGS],
        base::update_pins,
    ),
    row(
        &["__build-remote"],
        "build elsewhere for another Nix that calls this as its build hook",
        &[],
        build_remote::run,
    ),
    row(&["cache", "serve"], "offer the store as a binary cache over HTTP", &[cache::FLAGS], cache::serve),
    row(
        &["config", "check"],
        "look for what usually goes wrong with an installation",
        &[],
        config_check::check,
    ),
    row(&["config", "show"], "show settings", &[JSON], config_show::run),
    row(&["copy"], "copy paths between stores", &[copy::COPY, PATHS, INSTALLABLES, EVAL, LOCK], copy::run),
    row(&["daemon"], "serve the store to the users of this machine", &[daemon::FLAGS], daemon::run),
    row(
        &["derivation", "add"],
        "add a derivation that is described as JSON to the store",
        &[rewrite::ADD],
        rewrite::add_derivation,
    ),
    row(
        &["derivation", "show"],
        "show derivations as JSON",
        &[derivation_show::FLAGS, JSON, INSTALLABLES, EVAL, LOCK],
        derivation_show::run,
    ),
    row(&["hash", "convert"], "convert between hash formats", &[hash::CONVERT], hash::convert),
    row(&["hash", "file"], "print the hash of files", &[hash::FILE], hash::file),
    row(&["hash", "path"], "print the hash of the NARs of paths", &[hash::PATH], hash::path),
    row(&["hash", "to-base16"], "print hashes in base 16 (deprecated)", &[hash::TO], hash::to_base16),
    row(&["hash", "to-base32"], "print hashes in Nix's base 32 (deprecated)", &[hash::TO], hash::to_base32),
    row(&["hash", "to-base64"], "print hashes in base 64 (deprecated)", &[hash::TO], hash::to_base64),
    row(&["hash", "to-sri"], "print hashes as SRI (deprecated)", &[hash::TO], hash::to_sri),
    row(
        &["key", "convert-secret-to-public"],
        "print the public key of the secret key on the standard input",
        &[],
        key::to_public,
    ),
    row(
        &["key", "generate-secret"],
        "make a secret key that signs store paths",
        &[key::GENERATE],
        key::generate,
    ),
    row(&["log"], "show the log of a build", &[INSTALLABLES, EVAL, LOCK], log::run),
    row(&["nar", "cat"], "print a file of a NAR", &[], listing::nar_cat),
    row(&["nar", "dump-path"], "write a path as a NAR (deprecated: nar pack)", &[], archive::pack_deprecated),
    row(&["nar", "ls"], "list what is in a NAR", &[listing::LS, JSON], listing::nar_ls),
    row(&["nar", "pack"], "write a path as a NAR", &[], archive::pack),
    row(
        &["path-info"],
        "show what is known about store paths",
        &[path_info::FLAGS, PATHS, INSTALLABLES, EVAL, LOCK, JSON],
        path_info::run,
    ),
    row(&["store", "add"], "add a file or tree to the store", &[store_add::FLAGS], store_add::run),
    row(
        &["store", "add-file"],
        "add a file to the store (deprecated: store add --mode flat)",
        &[store_add::FLAGS],
        store_add::run_file,
    ),
    row(
        &["store", "add-path"],
        "add a path to the store (deprecated: store add)",
        &[store_add::FLAGS],
        store_add::run,
    ),
    row(&["store", "cat"], "print a file of the store", &[], listing::store_cat),
    row(
        &["store", "copy-log"],
        "copy logs of builds between stores",
        &[copy::COPY_LOG, INSTALLABLES, EVAL, LOCK],
        copy::copy_log,
    ),
    row(
        &["store", "copy-sigs"],
        "take over signatures from other stores",
        &[copy::COPY_SIGS, PATHS, INSTALLABLES, EVAL, LOCK],
        copy::copy_sigs,
    ),
    row(
        &["store", "make-content-addressed"],
        "make copies whose paths follow from their contents",
        &[rewrite::FLAGS, JSON, PATHS, INSTALLABLES, EVAL, LOCK],
        rewrite::make_content_addressed,
    ),
    row(
        &["store", "repair"],
        "fetch or build damaged paths again",
        &[PATHS, INSTALLABLES, EVAL, LOCK],
        rewrite::repair,
    ),
    row(
        &["store", "sign"],
        "sign store paths with a secret key",
        &[copy::SIGN, PATHS, INSTALLABLES, EVAL, LOCK],
        copy::sign,
    ),
    row(
        &["upgrade-nix"],
        "replace this program (refused; says what to do instead)",
        &[config_check::UPGRADE],
        config_check::upgrade,
    ),
    row(
        &["why-depends"],
        "show why a package has another one in its closure",
        &[why_depends::FLAGS, INSTALLABLES, EVAL, LOCK],
        why_depends::run,
    ),
    row(
        &["store", "delete"],
        "delete paths that nothing needs",
        &[store_gc::DELETE, PATHS, INSTALLABLES, EVAL, LOCK],
        store_gc::delete,
    ),
    row(
        &["store", "dump-path"],
        "write a store path as a NAR",
        &[PATHS, INSTALLABLES, EVAL, LOCK],
        archive::dump_store_path,
    ),
    row(
        &["store", "diff-closures"],
        "show what packages and versions differ between two closures",
        &[INSTALLABLES, EVAL, LOCK],
        store_diff::run,
    ),
    row(
        &["completions"],
        "print the completion of a shell: bash, zsh or fish",
        &[],
        crate::completion::print_script,
    ),
    row(&["man"], "write the manual pages below a folder: DIR", &[], crate::help::man::run),
    row(&["store", "gc"], "delete everything that nothing needs", &[store_gc::GC], store_gc::gc),
    row(&["store", "info"], "show the store's address and version", &[JSON], store_info::info),
    row(&["store", "ls"], "list what is in a store path", &[listing::LS, JSON], listing::store_ls),
    row(&["store", "optimise"], "link equal files of the store", &[], store_gc::optimise),
    row(
        &["store", "path-from-hash-part"],
        "print the store path with a hash part",
        &[],
        store_info::path_from_hash_part,
    ),
    row(
        &["store", "prefetch-file"],
        "download a file into the store",
        &[prefetch::FLAGS, JSON],
        prefetch::run,
    ),
    row(
        &["store", "verify"],
        "check contents and signatures of store paths",
        &[store_verify::FLAGS, PATHS, INSTALLABLES, EVAL, LOCK],
        store_verify::run,
    ),
    row(&["version"], "show the version", &[JSON], version::run),
];
