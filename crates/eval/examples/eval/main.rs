//! `nix-instantiate` over a plain file system, for trying the evaluator and for the reference's language tests.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod fs_io;

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::Arc;

use firn_eval::builtins::Registry;
use firn_eval::error::strip_ansi;
use firn_eval::io::SourcePath;
use firn_eval::pos::Origin;
use firn_eval::print::{PrintOptions, RenderOptions};
use firn_eval::{Ctx, ErrorKind, Pos, Res, Settings, Value};
use firn_syntax::LintLevel;
use fs_io::FsIo;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Default)]
struct Options {
    eval: bool,
    strict: bool,
    parse: bool,
    json: bool,
    xml: bool,
    location: bool,
    raw: bool,
    expr: bool,
    attrs: Vec<String>,
    args: Vec<(String, String, bool)>,
    files: Vec<String>,
}

fn usage(text: &str) -> ! {
    eprintln!("error: {text}");
    std::process::exit(1)
}

fn parse_args(settings: &mut Settings) -> Options {
    let mut o = Options { location: true, ..Options::default() };
    let mut it = std::env::args().skip(1);
    let mut paths: Vec<String> = Vec::new();
    let next = |it: &mut dyn Iterator<Item = String>, flag: &str| {
        it.next().unwrap_or_else(|| usage(&format!("flag '{flag}' needs an argument")))
    };
    let level = |s: &str| match s {
        "fatal" => LintLevel::Fatal,
        "warn" => LintLevel::Warn,
        _ => LintLevel::Ignore,
    };
    while let Some(a) = it.next() {
        match a.as_str() {
            "--eval" | "--eval-only" => o.eval = true,
            "--strict" => o.strict = true,
            "--parse" | "--parse-only" => o.parse = true,
            "--json" => o.json = true,
            "--xml" => o.xml = true,
            "--raw" => o.raw = true,
            "--no-location" => o.location = false,
            "--show-trace" => settings.show_trace = true,
            "--no-show-trace" => settings.show_trace = false,
            "--readonly-mode" => settings.read_only = true,
            "--impure" => settings.pure = false,
            "--trace-verbose" => settings.trace_verbose = true,
            "-E" | "--expr" => o.expr = true,
            "-A" | "--attr" => o.attrs.push(next(&mut it, &a)),
            "-I" | "--include" => paths.push(next(&mut it, &a)),
            "--arg" => o.args.push((next(&mut it, &a), next(&mut it, &a), true)),
            "--argstr" => o.args.push((next(&mut it, &a), next(&mut it, &a), false)),
            "--max-call-depth" => {
                let n = next(&mut it, &a);
                settings.max_call_depth = n.parse().unwrap_or_else(|_| usage("not a number"));
            }
            "--extra-experimental-features" => {
                let n = next(&mut it, &a);
                settings.experimental.extend(n.split_whitespace().map(str::to_owned));
            }
            "--lint-url-literals" => settings.lint_url_literals = level(&next(&mut it, &a)),
            "--lint-absolute-path-literals" => {
                settings.lint_absolute_path_literals = level(&next(&mut it, &a))
            }
            "--lint-short-path-literals" => settings.lint_short_path_literals = level(&next(&mut it, &a)),
            "--option" => {
                next(&mut it, &a);
                next(&mut it, &a);
            }
            "--system" => settings.current_system = Some(next(&mut it, &a)),
            _ if a.starts_with("--") => usage(&format!("unrecognised flag '{a}'")),
            _ => o.files.push(a),
        }
    }
    let env = std::env::var("NIX_PATH").unwrap_or_default();
    paths.extend(split_nix_path(&env));
    settings.nix_path = paths
        .iter()
        .map(|p| match p.split_once('=') {
            Some((a, b)) => (a.to_owned(), b.to_owned()),
            None => (String::new(), p.clone()),
        })
        .collect();
    o
}

fn split_nix_path(s: &str) -> Vec<String> {
    s.split(':').filter(|p| !p.is_empty()).map(str::to_owned).collect()
}

fn config(settings: &mut Settings) {
    for line in std::env::var("NIX_CONFIG").unwrap_or_default().lines() {
        if let Some((k, v)) = line.split_once('=') {
            if k.trim().ends_with("experimental-features") {
                settings.experimental.extend(v.split_whitespace().map(str::to_owned));
            }
        }
    }
}

fn main() -> ExitCode {
    let mut settings = Settings::default();
    config(&mut settings);
    let o = parse_args(&mut settings);
    let stats = std::env::var("NIX_SHOW_STATS").is_ok_and(|v| v != "0");
    let show_trace = settings.show_trace;
    let io = Arc::new(FsIo::new(settings.store_dir.clone()));
    let ok = firn_eval::run(
        || Ctx::new(settings, io, Registry::standard()),
        |ctx| {
            let r = run(ctx, &o);
            if stats {
                eprintln!("{:#}", ctx.stats(0.0));
            }
            if r.is_err() {
                let e = ctx.take_error();
                let options = RenderOptions { show_trace, colors: false };
                eprintln!("{}", ctx.render_error(&e, options));
                if e.kind == ErrorKind::Usage {
                    eprintln!("Try 'nix-instantiate --help' for more information.");
                }
            }
            r.is_ok()
        },
    );
    use std::io::Write;
    let _ = std::io::stdout().flush();
    std::process::exit(if ok { 0 } else { 1 });
}

fn run(ctx: &mut Ctx, o: &Options) -> Res<()> {
    let cwd =
        std::env::current_dir().map(|p| p.to_string_lossy().into_owned()).unwrap_or_else(|_| "/".into());
    let cwd = SourcePath::file(&cwd);
    let mut auto = Vec::new();
    for (name, text, is_expr) in &o.args {
        let v = if *is_expr { ctx.eval_text(text, Origin::String, &cwd, None)? } else { ctx.str(text) };
        auto.push((ctx.sym(name), v));
    }
    for f in &o.files {
        if o.parse {
            let text = if f == "-" { stdin() } else { std::fs::read_to_string(f).unwrap_or_default() };
            let shown = ctx.parse_and_show(&text, Origin::Stdin, &cwd)?;
            println!("{}", String::from_utf8_lossy(&shown));
            continue;
        }
        let v = if o.expr {
            ctx.eval_text(f, Origin::String, &cwd, None)?
        } else if f == "-" {
            let text = stdin();
            ctx.eval_text(&text, Origin::Stdin, &cwd, None)?
        } else {
            let p = firn_eval::paths::join(&cwd, f);
            ctx.eval_main_file(&p)?
        };
        let none = [String::new()];
        let attrs: &[String] = if o.attrs.is_empty() { &none } else { &o.attrs };
        for a in attrs {
            let v = ctx.select_path(v, a, &auto)?;
            // Functions are only called to be printed if there are arguments.
            let v = if o.eval && auto.is_empty() { v } else { ctx.auto_call(&auto, v)? };
            show(ctx, o, v)?;
        }
    }
    Ok(())
}

fn show(ctx: &mut Ctx, o: &Options, v: Value) -> Res<()> {
    if !o.eval {
        let mut seen = BTreeSet::new();
        return derivations(ctx, v, &mut seen, 0);
    }
    if o.strict {
        ctx.force_deep(v, Pos::NONE)?;
    }
    if o.json {
        let s = ctx.to_json(v)?;
        println!("{}", s.to_text());
    } else if o.xml {
        let s = ctx.to_xml(v, o.location)?;
        print!("{s}");
    } else if o.raw {
        let s = ctx.coerce(v, firn_eval::Coerce::PLAIN, Pos::NONE, "while generating the eval output")?;
        print!("{}", s.to_text());
    } else {
        println!("{}", ctx.print_ambiguous(v)?);
    }
    Ok(())
}

/// Prints the derivations in a value, as `nix-instantiate` does.
fn derivations(ctx: &mut Ctx, v: Value, seen: &mut BTreeSet<String>, depth: u32) -> Res<()> {
    let v = ctx.force(v, Pos::NONE)?;
    if let Some(a) = v.as_attrs() {
        if ctx.is_derivation(a)? {
            let sym = ctx.sym("drvPath");
            if let Some((d, pos)) = a.get_with_pos(sym) {
                let (p, _) =
                    ctx.coerce_to_store_path(d, pos, "while evaluating the drvPath of a derivation")?;
                let text = ctx.settings.store_dir.print(&p);
                if seen.insert(text.clone()) {
                    println!("{text}");
                }
            }
            return Ok(());
        }
        if depth > 0 {
            let sym = ctx.sym("recurseForDerivations");
            match a.get(sym) {
                Some(r) if ctx.force(r, Pos::NONE)? == Value::TRUE => {}
                _ => return Ok(()),
            }
        }
        let f = ctx.flat(a);
        for i in ctx.lexical_order(f) {
            derivations(ctx, f.value(*i as usize), seen, depth + 1)?;
        }
    } else if let Some(l) = v.as_list() {
        for i in 0..l.len() {
            derivations(ctx, l.get(i), seen, depth)?;
        }
    }
    Ok(())
}

fn stdin() -> String {
    use std::io::Read;
    let mut s = Vec::new();
    let _ = std::io::stdin().read_to_end(&mut s);
    String::from_utf8_lossy(&s).into_owned()
}

#[allow(dead_code)]
fn plain(ctx: &mut Ctx, v: Value) -> Res<String> {
    Ok(strip_ansi(&ctx.print(v, &PrintOptions::PLAIN)?))
}
