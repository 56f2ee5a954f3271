//! The corpus: `tests/corpus/ok/X.nix` prints as `X.tree`, `tests/corpus/fail/X.nix` is refused as `X.error` says.
//!
//! `FIRN_ACCEPT=1 cargo test -p firn-syntax --test corpus` rewrites what is expected. Where the text depends on the
//! place, the file's folder is `/base` and the home folder `/home/user`.

use std::path::{Path, PathBuf};

use firn_syntax::position::Positions;
use firn_syntax::{ParseError, ParseOptions, Span, SymbolTable, parse, show::show};

const OPTIONS: ParseOptions<'_> = ParseOptions {
    base_path: b"/base",
    home: Some(b"/home/user"),
    pure: false,
    pipe_operators: false,
    lint_url_literals: firn_syntax::LintLevel::Ignore,
    lint_absolute_path_literals: firn_syntax::LintLevel::Ignore,
    lint_short_path_literals: firn_syntax::LintLevel::Ignore,
    max_depth: firn_syntax::DEFAULT_MAX_DEPTH,
};

fn cases(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(folder);
    let entries = std::fs::read_dir(folder).expect("the corpus is there");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "nix"));
    files.sort();
    assert!(!files.is_empty());
    files
}

fn report(source: &[u8], error: &ParseError) -> String {
    let positions = Positions::new(source);
    let place = |span: Span| {
        let at = positions.locate(span.start);
        format!("{}:{}", at.line, at.column)
    };
    format!("{} at {}\n", error.message(place), place(error.span))
}

/// Compares with the file beside the input, or rewrites it.
fn check(input: &Path, extension: &str, actual: &[u8], wrong: &mut Vec<String>) {
    let expected = input.with_extension(extension);
    if std::env::var_os("FIRN_ACCEPT").is_some() {
        std::fs::write(&expected, actual).expect("the corpus can be written");
        return;
    }
    let text = std::fs::read(&expected).unwrap_or_default();
    if text != actual {
        wrong.push(format!(
            "{}\nexpected: {}\nactual:   {}",
            input.display(),
            String::from_utf8_lossy(&text),
            String::from_utf8_lossy(actual)
        ));
    }
}

#[test]
fn accepted_texts_have_their_trees() {
    let mut wrong = Vec::new();
    for input in cases("ok") {
        let source = std::fs::read(&input).expect("a readable file");
        let symbols = SymbolTable::new();
        let actual = match parse(&source, &symbols, &OPTIONS) {
            Ok(ast) => [show(&ast, &symbols), b"\n".to_vec()].concat(),
            Err(error) => report(&source, &error).into_bytes(),
        };
        check(&input, "tree", &actual, &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn refused_texts_have_their_errors() {
    let mut wrong = Vec::new();
    for input in cases("fail") {
        let source = std::fs::read(&input).expect("a readable file");
        let symbols = SymbolTable::new();
        let actual = match parse(&source, &symbols, &OPTIONS) {
            Ok(ast) => show(&ast, &symbols),
            Err(error) => report(&source, &error).into_bytes(),
        };
        check(&input, "error", &actual, &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
