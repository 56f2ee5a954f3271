//! `nix-store`: one operation a call.

mod collect;
mod contents;
mod query;
mod realise;
mod verify;

use super::Legacy;
use crate::args::{Flag, Parsed, option, switch};
use crate::error::CliError;
use crate::session::{Program, Session};

/// Operations and their flags. The id of an operation is its long name.
const FLAGS: &[Flag] = &[
    switch("serve", "serve the store to another machine on the standard input and output"),
    switch("write", "with --serve: let it change the store"),
    switch("realise", "build or fetch paths").short('r'),
    switch("realise", "").alias("realize"),
    switch("query", "ask about paths").short('q'),
    switch("add", "add files to the store").short('A'),
    switch("add-fixed", "add files under an algorithm: ALGORITHM FILE…"),
    switch("print-fixed-path", "compute the path of a fixed output: ALGORITHM HASH NAME"),
    switch("delete", "delete paths that are dead"),
    switch("gc", "collect garbage"),
    switch("verify", "check the database, and contents on demand"),
    switch("verify-path", "check the contents of paths"),
    switch("check-validity", "check that paths are valid"),
    switch("register-validity", "register paths described on the standard input"),
    switch("dump", "write a path as a NAR to the standard output"),
    switch("restore", "unpack a NAR from the standard input"),
    switch("export", "write paths for `--import`"),
    switch("import", "read what `--export` wrote"),
    switch("dump-db", "write the database as text"),
    switch("load-db", "read what `--dump-db` wrote"),
    switch("init", "make the store"),
    switch("read-log", "print logs of builds").short('l'),
    switch("print-env", "print the environment of a derivation's builder"),
    switch("optimise", "link equal files"),
    switch("optimise", "").alias("optimize"),
    switch("repair-path", "fetch or build paths again"),
    switch("generate-binary-cache-key", "make a key pair: NAME SECRET-FILE PUBLIC-FILE"),
    // options of operations
    switch("recursive", "hash the whole tree, not one file"),
    switch("check-contents", "check the contents of every path"),
    switch("ignore-liveness", "delete paths that are roots, too"),
    switch("print-roots", "only print the roots"),
    switch("print-live", "only print what is alive"),
    switch("print-dead", "only print what is dead"),
    option("max-freed", &["bytes"], "stop when this much was freed"),
    switch("print-invalid", "print paths that are not valid instead of failing"),
    switch("reregister", "register again what is valid"),
    switch("hash-given", "the hashes are given, too"),
    switch("check", "build again and compare"),
    switch("ignore-unknown", "pass over paths of which nothing is known"),
    switch("dry-run", "only say what would be done"),
    option("add-root", &["path"], "keep the results by a link at PATH"),
    switch("indirect", "accepted for old scripts; every root is indirect"),
    switch("stdin", "read paths from the standard input"),
    switch("no-output", "print nothing"),
];

/// What `--query` asks.
const QUERY_FLAGS: &[Flag] = &[
    switch("outputs", "outputs of derivations"),
    switch("requisites", "closures").short('R'),
    switch("references", "what paths refer to"),
    switch("referrers", "what refers to paths"),
    switch("referrers-closure", "what refers to paths, directly or not"),
    switch("deriver", "the derivation that made a path").short('d'),
    switch("valid-derivers", "derivations that have a path as an output"),
    switch("binding", "the value of an environment variable of derivations").short('b'),
    switch("hash", "hashes of the NARs"),
    switch("size", "sizes of the NARs"),
    switch("tree", "closures as trees"),
    switch("graph", "closures in the language of Graphviz"),
    switch("graphml", "closures in GraphML"),
    switch("roots", "roots that reach paths"),
    switch("resolve", "paths that links lead to"),
    switch("use-output", "take outputs instead of derivations").short('u'),
    switch("force-realise", "build first").short('f'),
    switch("include-outputs", "closures of derivations with their outputs"),
];

const OPERATIONS: [&str; 24] = [
    "realise",
    "query",
    "add",
    "add-fixed",
    "print-fixed-path",
    "delete",
    "gc",
    "verify",
    "verify-path",
    "check-validity",
    "register-validity",
    "dump",
    "restore",
    "export",
    "import",
    "dump-db",
    "load-db",
    "init",
    "read-log",
    "print-env",
    "optimise",
    "repair-path",
    "generate-binary-cache-key",
    "serve",
];

pub(crate) const COMMAND: Legacy = Legacy {
    name: "nix-store",
    doc: "work on the store",
    usage: &["OPERATION [FLAG…] [PATH…]"],
    flags: &[FLAGS, QUERY_FLAGS],
    run,
};

/// Runs the command.
///
/// # Errors
/// Whatever the operation meets.
fn run(program: Program, args: Vec<String>) -> Result<u8, CliError> {
    let (session, parsed) = COMMAND.start(program, args)?;
    let name = session.program.name.clone();
    let given: Vec<&str> = OPERATIONS.iter().copied().filter(|o| parsed.has(o)).collect();
    let operation = match given.as_slice() {
        [] => return Err(CliError::Usage("no operation specified".into(), name)),
        [one] => *one,
        _ => return Err(CliError::Usage("only one operation may be specified".into(), name)),
    };
    let mut paths = parsed.positional.clone();
    if parsed.has("stdin") {
        let text = std::io::read_to_string(std::io::stdin())?;
        paths.extend(text.split_whitespace().map(str::to_owned));
    }
    let cx = Cx { session, parsed, paths };
    match operation {
        "realise" => realise::realise(&cx),
        "query" => query::query(&cx),
        "add" => contents::add(&cx),
        "add-fixed" => contents::add_fixed(&cx),
        "print-fixed-path" => contents::print_fixed_path(&cx),
        "dump" => contents::dump(&cx),
        "restore" => contents::restore(&cx),
        "export" => contents::export(&cx),
        "import" => contents::import(&cx),
        "delete" => collect::delete(&cx),
        "gc" => collect::gc(&cx),
        "optimise" => collect::optimise(&cx),
        "verify" => verify::verify(&cx),
        "verify-path" => verify::verify_path(&cx),
        "repair-path" => verify::repair_path(&cx),
        "check-validity" => verify::check_validity(&cx),
        "register-validity" => verify::register_validity(&cx, true),
        "load-db" => verify::register_validity(&cx, false),
        "dump-db" => verify::dump_db(&cx),
        "read-log" => realise::read_log(&cx),
        "print-env" => realise::print_env(&cx),
        "generate-binary-cache-key" => verify::generate_key(&cx),
        "serve" => super::nix_daemon::serve_store(&cx.session, cx.parsed.has("write")),
        "init" => cx.session.store().map(|_| 0),
        other => Err(CliError::new(format!("operation '--{other}' is not known"))),
    }
}

/// A call of `nix-store`.
struct Cx {
    session: Session,
    parsed: Parsed,
    /// What the operation is about.
    paths: Vec<String>,
}

impl Cx {
    fn store(&self) -> Result<std::sync::Arc<dyn firn_store::Store>, CliError> {
        self.session.store()
    }

    /// The local store, for operations that only it can do.
    fn with_local<T>(
        &self,
        f: impl FnOnce(&firn_store::LocalStore) -> Result<T, CliError>,
    ) -> Result<T, CliError> {
        let store = self.store()?;
        match store.as_local() {
            Some(local) => f(local),
            None => Err(CliError::new(format!("store '{}' is not a local store", store.uri()))),
        }
    }

    fn no_arguments(&self) -> Result<(), CliError> {
        if self.paths.is_empty() {
            Ok(())
        } else {
            Err(CliError::Usage("no arguments expected".into(), self.session.program.name.clone()))
        }
    }
}
