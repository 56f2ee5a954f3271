//! What evaluations cost, counted: the programs of `benches/lang` make no more thunks, calls, copies and bytes than
//! `benches/counters.txt` says. Counts do not wobble as seconds do, so that a rise is a change of the evaluator.
//!
//! `UPDATE=1` writes the present counts to the file.

#[path = "../examples/eval/fs_io.rs"]
mod fs_io;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use firn_eval::builtins::Registry;
use firn_eval::pos::Origin;
use firn_eval::{Ctx, Pos, Settings, SourcePath};

/// The programs, and the sizes that are quick without optimisation.
const PROGRAMS: [(&str, u32); 7] = [
    ("calls", 500),
    ("derivations", 60),
    ("lists", 1000),
    ("modules", 4),
    ("select", 500),
    ("strings", 300),
    ("update", 300),
];

/// By what part a count may rise before it is a rise: bytes because the layout of objects in chunks leaves gaps, all counts
/// of `modules` because the library belongs to that program.
fn slack(program: &str, counter: &str) -> f64 {
    match (program, counter) {
        ("modules", _) => 0.1,
        (_, "bytes") => 0.01,
        _ => 0.0,
    }
}

fn benches() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../benches")
}

/// What one program costs, by counter.
fn counts(name: &str, size: u32) -> Vec<(&'static str, u64)> {
    let file = benches().join("lang").join(name).with_extension("nix");
    let text = format!("import {} {{ n = {size}; }}", file.display());
    let settings = Settings { read_only: true, ..Settings::default() };
    let io = Arc::new(fs_io::FsIo::new(settings.store_dir.clone()));
    firn_eval::run(
        || Ctx::new(settings, io, Registry::standard()),
        |ctx| {
            let before = (ctx.counters, ctx.heap.counters, ctx.heap.bytes());
            let r = ctx
                .eval_text(&text, Origin::String, &SourcePath::file("/"), None)
                .and_then(|v| ctx.force_deep(v, Pos::NONE));
            assert!(r.is_ok(), "{name}: {}", ctx.take_error().message);
            let (c, h) = (ctx.counters, ctx.heap.counters);
            vec![
                ("thunks", h.thunks - before.1.thunks),
                ("calls", c.calls - before.0.calls),
                ("primop-calls", c.primop_calls - before.0.primop_calls),
                ("lookups", c.lookups - before.0.lookups),
                ("copied-attributes", c.updates_copied - before.0.updates_copied),
                ("sets", h.sets - before.1.sets),
                ("shapes", h.shapes - before.1.shapes),
                ("bytes", ctx.heap.bytes() - before.2),
            ]
        },
    )
}

#[test]
fn cost_no_more_than_recorded() {
    let file = benches().join("counters.txt");
    let recorded = std::fs::read_to_string(&file).unwrap_or_default();
    let mut bounds: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for line in recorded.lines().filter(|l| !l.starts_with('#')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [program, counter, bound] = words[..] else { panic!("not a bound: {line}") };
        bounds.insert((program, counter), bound.parse().expect("a number"));
    }
    let mut now = String::from(
        "# What the programs of benches/lang cost at the sizes of crates/eval/tests/counters.rs: upper bounds.\n",
    );
    let mut risen = Vec::new();
    for (program, size) in PROGRAMS {
        for (counter, count) in counts(program, size) {
            writeln!(now, "{program} {counter} {count}").expect("writing to a string");
            let Some(bound) = bounds.get(&(program, counter)) else {
                risen.push(format!("{program}: {counter}: {count}, not recorded"));
                continue;
            };
            if count as f64 > *bound as f64 * (1.0 + slack(program, counter)) {
                risen.push(format!("{program}: {counter}: {count}, recorded {bound}"));
            }
        }
    }
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, now).expect("the file of bounds can be written");
        return;
    }
    assert!(risen.is_empty(), "evaluation costs more (UPDATE=1 records it):\n{}", risen.join("\n"));
}
