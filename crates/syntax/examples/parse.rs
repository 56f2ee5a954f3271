//! Reads a Nix expression from the standard input and prints its syntax tree like `nix-instantiate --parse -`, or the
//! error with its excerpt. With `--bench FILES…` (or `--bench -` and their names on the standard input): parses files and reports
//! megabytes a second, the median of eleven rounds.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::io::{Read, Write};
use std::process::ExitCode;
use std::time::Instant;

use firn_syntax::position::Positions;
use firn_syntax::{LintLevel, ParseError, ParseOptions, Span, SymbolTable, Warning, parse};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let work = std::thread::Builder::new().stack_size(256 << 20).spawn(move || {
        match args.first().map(String::as_str) {
            Some("--bench") => bench(&args[1..]),
            Some("--all") => print_all(&args[1..]),
            _ => print_one(&args),
        }
    });
    work.ok().and_then(|thread| thread.join().ok()).unwrap_or(ExitCode::FAILURE)
}

fn print_one(args: &[String]) -> ExitCode {
    let folder =
        std::env::current_dir().map(|path| path.into_os_string().into_encoded_bytes()).unwrap_or_default();
    let home = std::env::var("HOME").unwrap_or_default();
    let mut options =
        ParseOptions { base_path: &folder, home: Some(home.as_bytes()), ..ParseOptions::default() };
    for pair in args.windows(2) {
        let level = match pair[1].as_str() {
            "warn" => LintLevel::Warn,
            "fatal" => LintLevel::Fatal,
            _ => LintLevel::Ignore,
        };
        match pair[0].as_str() {
            "--lint-url-literals" => options.lint_url_literals = level,
            "--lint-absolute-path-literals" => options.lint_absolute_path_literals = level,
            "--lint-short-path-literals" => options.lint_short_path_literals = level,
            "--extra-experimental-features" => options.pipe_operators |= pair[1] == "pipe-operators",
            "--max-depth" => options.max_depth = pair[1].parse().unwrap_or(options.max_depth),
            _ => {}
        }
    }
    let mut source = Vec::new();
    if std::io::stdin().read_to_end(&mut source).is_err() {
        return ExitCode::FAILURE;
    }
    let symbols = SymbolTable::new();
    match parse(&source, &symbols, &options) {
        Ok(ast) => {
            warn(&ast.warnings);
            let mut text = firn_syntax::show::show(&ast, &symbols);
            text.push(b'\n');
            let _ = std::io::stdout().write_all(&text);
            ExitCode::SUCCESS
        }
        Err(error) => {
            warn(&error.warnings);
            report(&source, &error);
            ExitCode::FAILURE
        }
    }
}

fn warn(warnings: &[Warning]) {
    for warning in warnings {
        eprintln!("warning: {}", warning.kind.message());
    }
}

fn report(source: &[u8], error: &ParseError) {
    let positions = Positions::new(source);
    let place = |span: Span| {
        let at = positions.locate(span.start);
        format!("«stdin»:{}:{}", at.line, at.column)
    };
    eprintln!("error: {}", error.message(place));
    if error.span == Span::NONE {
        return;
    }
    eprintln!("       at {}:", place(error.span));
    let at = positions.locate(error.span.start);
    let excerpt = positions.excerpt(at.line);
    let line = |number: u32, text: Option<&[u8]>| {
        if let Some(text) = text {
            eprintln!("{}", format!("         {number:>4}| {}", String::from_utf8_lossy(text)).trim_end());
        }
    };
    line(at.line - 1, excerpt.previous);
    line(at.line, excerpt.line);
    eprintln!("             | {}^", " ".repeat(at.column as usize - 1));
    line(at.line + 1, excerpt.next);
}

/// Prints for each file `PATH<TAB>ok TREE` or `PATH<TAB>error MESSAGE` (for comparing with other implementations).
fn print_all(files: &[String]) -> ExitCode {
    for file in files {
        let Ok(source) = std::fs::read(file) else { continue };
        let folder =
            std::path::Path::new(file).parent().map(|path| path.as_os_str().as_encoded_bytes().to_vec());
        let folder = folder.unwrap_or_default();
        let options = ParseOptions { base_path: &folder, home: Some(b"/root"), ..ParseOptions::default() };
        let symbols = SymbolTable::new();
        let (verdict, text) = match parse(&source, &symbols, &options) {
            Ok(ast) => ("ok", firn_syntax::show::show(&ast, &symbols)),
            Err(error) => {
                let positions = Positions::new(&source);
                let at = positions.locate(error.span.start);
                ("error", format!("{error} at {}:{}", at.line, at.column).into_bytes())
            }
        };
        let mut out = format!("{file}\t{verdict} ").into_bytes();
        out.extend_from_slice(&text);
        out.push(b'\n');
        if std::io::stdout().write_all(&out).is_err() {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn bench(files: &[String]) -> ExitCode {
    let mut files = files.to_vec();
    if files == ["-"] {
        files = std::io::stdin().lines().map_while(Result::ok).collect();
    }
    let sources: Vec<Vec<u8>> = files.iter().filter_map(|file| std::fs::read(file).ok()).collect();
    let bytes: usize = sources.iter().map(Vec::len).sum();
    let options = ParseOptions { base_path: b"/base", home: Some(b"/root"), ..ParseOptions::default() };
    let mut rounds = Vec::new();
    let (mut failed, mut nodes, mut names) = (0, 0, 0);
    for _ in 0..11 {
        let symbols = SymbolTable::new();
        let start = Instant::now();
        (failed, nodes) = (0, 0);
        for source in &sources {
            match parse(source, &symbols, &options) {
                Ok(ast) => nodes += ast.exprs.len(),
                Err(_) => failed += 1,
            }
        }
        rounds.push(start.elapsed().as_secs_f64());
        names = symbols.len();
    }
    rounds.sort_by(f64::total_cmp);
    let seconds = rounds[rounds.len() / 2];
    println!(
        "parser: {} files, {failed} failed, {bytes} bytes, {nodes} nodes, {names} names: {:.1} ms, {:.1} MB/s",
        sources.len(),
        seconds * 1e3,
        bytes as f64 / seconds / 1e6
    );
    ExitCode::SUCCESS
}
