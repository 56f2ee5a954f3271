//! Expressions beside what they evaluate to, and beside the errors that they raise.

#[path = "../examples/eval/fs_io.rs"]
mod fs_io;

use std::sync::Arc;

use firn_eval::builtins::Registry;
use firn_eval::pos::Origin;
use firn_eval::print::RenderOptions;
use firn_eval::{Ctx, Pos, Settings, SourcePath};

fn eval_with(settings: Settings, text: &str) -> Result<String, String> {
    let io = Arc::new(fs_io::FsIo::new(settings.store_dir.clone()));
    let show_trace = settings.show_trace;
    firn_eval::run(
        || Ctx::new(settings, io, Registry::standard()),
        |ctx| {
            let r = ctx
                .eval_text(text, Origin::String, &SourcePath::file("/"), None)
                .and_then(|v| ctx.force_deep(v, Pos::NONE))
                .and_then(|v| ctx.print_ambiguous(v));
            r.map_err(|_| {
                let e = ctx.take_error();
                ctx.render_error(&e, RenderOptions { show_trace, colors: false })
            })
        },
    )
}

fn eval(text: &str) -> Result<String, String> {
    eval_with(Settings::default(), text)
}

#[track_caller]
fn gives(cases: &[(&str, &str)]) {
    for (text, want) in cases {
        assert_eq!(eval(text).as_deref(), Ok(*want), "{text}");
    }
}

#[track_caller]
fn fails(cases: &[(&str, &str)]) {
    for (text, want) in cases {
        let e = eval(text).expect_err(text);
        assert!(e.contains(want), "{text}\n{e}");
    }
}

#[test]
fn numbers() {
    gives(&[
        ("1 + 2 * 3 - 4", "3"),
        ("7 / 2", "3"),
        ("-7 / 2", "-3"),
        ("7 / 2.0", "3.5"),
        ("-(1)", "-1"),
        ("1 < 2 && 2 <= 2 && 3 > 2 && 3 >= 3", "true"),
        ("1 == 1.0", "true"),
        ("9223372036854775807", "9223372036854775807"),
        ("4611686018427387904 + 1", "4611686018427387905"),
        ("builtins.bitXor 12 10", "6"),
        ("builtins.ceil 1.2", "2"),
        ("[ 1 2 ] < [ 1 3 ]", "true"),
    ]);
    fails(&[
        ("9223372036854775807 + 1", "integer overflow in adding 9223372036854775807 + 1"),
        ("1 / 0", "division by zero"),
        ("1 + \"a\"", "cannot add a string to an integer"),
        ("{} < {}", "cannot compare a set with a set; values of that type are incomparable"),
    ]);
}

#[test]
fn operators_are_looked_up_where_they_stand() {
    gives(&[
        ("let __sub = a: b: \"sub\"; in 1 - 2", "\"sub\""),
        (
            "let __lessThan = a: b: false; in [ (1 < 2) (1 <= 2) (1 > 2) (1 >= 2) ]",
            "[ false true false true ]",
        ),
        ("let __sub = a: b: [ a b ]; in -5", "[ 0 5 ]"),
    ]);
}

#[test]
fn bindings() {
    gives(&[
        ("let a = b; b = c; c = 3; in a", "3"),
        ("let x = 1; in let x = 2; y = x; in y", "2"),
        ("let { body = a; a = 1; }", "1"),
        ("rec { a = b + 1; b = 2; }", "{ a = 3; b = 2; }"),
        ("let inherit (rec { x = 1; y = x; }) y; in y", "1"),
        ("let x = 1; in { inherit x; }", "{ x = 1; }"),
        ("let f = x: let g = y: x + y; in g; in f 1 2", "3"),
        ("(rec { x = 1; y = x; __overrides = { x = 2; }; }).y", "2"),
        ("let s = { a.b = 1; a.c = 2; }; in s.a", "{ b = 1; c = 2; }"),
        ("let even = n: n == 0 || odd (n - 1); odd = n: n != 0 && even (n - 1); in even 10", "true"),
    ]);
    fails(&[
        ("let a = a; in a", "infinite recursion encountered"),
        ("let a = b; b = a; in a", "infinite recursion encountered"),
        ("rec { x = y; y = x + 1; }.x", "infinite recursion encountered"),
        ("x", "undefined variable 'x'"),
        ("with { a = 1; }; b", "undefined variable 'b'"),
    ]);
}

#[test]
fn with_gives_way_to_bindings() {
    gives(&[
        ("let x = 1; in with { x = 2; }; x", "1"),
        ("with { x = 1; }; with { x = 2; }; x", "2"),
        ("with { x = 1; y = 5; }; with { x = 2; }; [ x y ]", "[ 2 5 ]"),
        ("let f = with { x = 3; }; y: x + y; in f 1", "4"),
        ("with { map = 1; }; builtins.isFunction map", "true"),
    ]);
}

#[test]
fn functions() {
    gives(&[
        ("(a: b: c: [ a b c ]) 1 2 3", "[ 1 2 3 ]"),
        ("let f = (a: b: c: [ a b c ]) 1; g = f 2; in [ (g 3) (f 4 5) ]", "[ [ 1 2 3 ] [ 1 4 5 ] ]"),
        ("({ a, b ? a + 1, ... }@args: [ a b args.c ]) { a = 1; c = 3; }", "[ 1 2 3 ]"),
        ("({ a ? b, b ? 2 }: a) { }", "2"),
        ("(x: { y }: x + y) 1 { y = 2; }", "3"),
        ("let s = { __functor = self: x: self.n + x; n = 1; }; in s 2", "3"),
        ("builtins.functionArgs (x: { a, b ? 1 }: 0)", "{ }"),
        ("builtins.functionArgs ((x: { a, b ? 1 }: 0) 1)", "{ a = false; b = true; }"),
        ("map (x: y: x + y) [ 1 ]", "[ <LAMBDA> ]"),
        ("[ builtins.add (builtins.add 1) ]", "[ <PRIMOP> <PRIMOP-APP> ]"),
    ]);
    fails(&[
        ("({ a }: a) { }", "function 'anonymous lambda' called without required argument 'a'"),
        (
            "let f = { abc }: 1; in f { abc = 1; abd = 2; }",
            "called with unexpected argument 'abd'\n       at «string»:1:9:",
        ),
        ("let f = { abc }: 1; in f { abc = 1; abd = 2; }", "Did you mean abc?"),
        ("1 2", "attempt to call something which is not a function but an integer: 1"),
        ("(x: x x) (x: x x)", "stack overflow; max-call-depth exceeded"),
    ]);
}

#[test]
fn sets() {
    gives(&[
        ("{ a = 1; } // { a = 2; b = 3; }", "{ a = 2; b = 3; }"),
        ("{ a.b.c = 1; }.a.b.c", "1"),
        ("{ a = 1; }.b or 2", "2"),
        ("{ a = 1; }.a.b.c or 2", "2"),
        ("[ ({ a.b = 1; } ? a.b) ({ a = 1; } ? a.b) ]", "[ true false ]"),
        ("let n = \"x\"; in { ${n} = 1; ${null} = 2; }", "{ x = 1; }"),
        ("{ a = 1; \"b c\" = 2; }", "{ a = 1; \"b c\" = 2; }"),
        ("builtins.attrNames { b = 1; a = 2; \"10\" = 3; }", "[ \"10\" \"a\" \"b\" ]"),
        ("builtins.mapAttrs (n: v: n + v) { a = \"1\"; }", "{ a = \"a1\"; }"),
        ("builtins.intersectAttrs { a = 1; b = 2; } { b = 3; c = 4; }", "{ b = 3; }"),
        ("removeAttrs { a = 1; b = 2; } [ \"a\" \"z\" ]", "{ b = 2; }"),
        ("builtins.listToAttrs [ { name = \"a\"; value = 1; } { name = \"a\"; value = 2; } ]", "{ a = 1; }"),
        ("builtins.zipAttrsWith (n: vs: vs) [ { a = 1; } { a = 2; b = 3; } ]", "{ a = [ 1 2 ]; b = [ 3 ]; }"),
    ]);
    fails(&[
        ("{ }.a", "attribute 'a' missing"),
        ("{ a = 1; ${\"a\" + \"\"} = 2; }", "dynamic attribute 'a' already defined at «string»:1:3"),
        ("1 // { }", "expected a set but found an integer: 1"),
    ]);
}

/// Left sides of 64 attributes and more are not copied: that must not be seen.
#[test]
fn big_sets_are_layered_unseen() {
    let big = "let big = builtins.listToAttrs (builtins.genList (n: { name = \"n${toString n}\"; value = n; }) 200); \
               fold = builtins.foldl' (s: n: s // { ${\"n${toString n}\"} = -n; ${\"m${toString n}\"} = n; }) big \
               (builtins.genList (n: n) 30); in ";
    gives(&[
        (&format!("{big} builtins.length (builtins.attrNames fold)"), "230"),
        (
            &format!("{big} [ fold.n0 fold.n29 fold.n30 fold.m29 (fold ? m30) (fold.x or 1) ]"),
            "[ 0 -29 30 29 false 1 ]",
        ),
        (&format!("{big} fold == fold // {{ }}"), "true"),
        (&format!("{big} builtins.length (builtins.attrNames (removeAttrs fold [ \"n1\" \"m1\" ]))"), "228"),
        (&format!("{big} with fold; n29 + m29"), "0"),
    ]);
}

#[test]
fn lists() {
    gives(&[
        ("[ 1 ] ++ [ ] ++ [ 2 3 ]", "[ 1 2 3 ]"),
        ("builtins.sort (a: b: a < b) [ 3 1 2 ]", "[ 1 2 3 ]"),
        ("builtins.sort builtins.lessThan [ \"b\" \"a\" ]", "[ \"a\" \"b\" ]"),
        ("builtins.foldl' (a: b: a + b) 0 [ 1 2 3 ]", "6"),
        ("builtins.partition (x: x > 1) [ 1 2 3 ]", "{ right = [ 2 3 ]; wrong = [ 1 ]; }"),
        (
            "builtins.genericClosure { startSet = [ { key = 1; } ]; operator = x: if x.key > 3 then [ ] else [ { key = x.key + 1; } { key = 1; } ]; }",
            "[ { key = 1; } { key = 2; } { key = 3; } { key = 4; } ]",
        ),
        ("builtins.elemAt [ 1 2 ] 1", "2"),
        ("builtins.elem { a = 1; } [ { a = 1; } ]", "true"),
    ]);
    fails(&[
        ("builtins.head [ ]", "'builtins.head' called on an empty list"),
        ("builtins.elemAt [ 1 ] 1", "'builtins.elemAt' called with index 1 on a list of size 1"),
    ]);
}

#[test]
fn strings() {
    gives(&[
        ("\"a${\"b\"}c\" + \"d\"", "\"abcd\""),
        ("toString [ 1 true null [ 2 ] \"x\" ]", "\"1 1  2 x\""),
        ("\"${{ __toString = s: s.n; n = \"n\"; }}\"", "\"n\""),
        ("toString 1.5", "\"1.500000\""),
        ("builtins.substring 1 2 \"abcd\"", "\"bc\""),
        ("builtins.substring 3 (-1) \"abcd\"", "\"d\""),
        ("builtins.concatStringsSep \", \" [ \"a\" \"b\" ]", "\"a, b\""),
        ("/a/b + \"/../c\"", "/a/c"),
        ("let x = \"c\"; in /a/${x}/d", "/a/c/d"),
        ("builtins.baseNameOf \"/a/b/\"", "\"b\""),
        ("dirOf /a/b", "/a"),
    ]);
    fails(&[
        ("\"${1}\"", "cannot coerce an integer to a string: 1"),
        ("\"${{ }}\"", "cannot coerce a set to a string: { }"),
    ]);
}

#[test]
fn equality() {
    gives(&[
        ("{ a = [ 1 { } ]; } == { a = [ 1 { } ]; }", "true"),
        ("let f = x: x; in [ (f == f) ([ f ] == [ f ]) ({ a = f; } == { a = f; }) ]", "[ false true true ]"),
        (
            "{ type = \"derivation\"; outPath = \"a\"; x = 1; } == { type = \"derivation\"; outPath = \"a\"; x = 2; }",
            "true",
        ),
        ("[ (null == null) (1 == \"1\") (/a == /a) ]", "[ true false true ]"),
    ]);
}

#[test]
fn errors_are_caught_or_not() {
    gives(&[
        ("builtins.tryEval (throw \"x\")", "{ success = false; value = false; }"),
        ("builtins.tryEval (assert false; 1)", "{ success = false; value = false; }"),
        ("(builtins.tryEval { a = throw \"x\"; }).success", "true"),
        (
            "let x = throw \"x\"; in [ (builtins.tryEval x).success (builtins.tryEval x).success ]",
            "[ false false ]",
        ),
        ("builtins.seq 1 2", "2"),
    ]);
    fails(&[
        ("builtins.tryEval (abort \"x\")", "evaluation aborted with the following error message: 'x'"),
        ("builtins.tryEval (1 + { })", "cannot add a set to an integer"),
        ("throw \"the message\"", "error: the message"),
        ("assert 1 == 2; 3", "integer with value"),
        ("builtins.deepSeq { a = throw \"deep\"; } 1", "deep"),
    ]);
}

#[test]
fn derivations_have_the_paths_of_the_reference() {
    gives(&[
        (
            "(derivation { name = \"a\"; builder = \"b\"; system = \"c\"; }).drvPath",
            "\"/nix/store/arhvjaf6zmlyn8vh8fgn55rpwnxq0n7l-a.drv\"",
        ),
        ("builtins.placeholder \"out\"", "\"/1rz4g4znpzjwh1xymhjpm42vipw92pr73vdgl6xs1hycac8kf2n9\""),
        ("builtins.hasContext \"${derivation { name = \"a\"; builder = \"b\"; system = \"c\"; }}\"", "true"),
        (
            "builtins.attrNames (builtins.getContext (derivation { name = \"a\"; builder = \"b\"; system = \"c\"; }).outPath)",
            "[ \"/nix/store/arhvjaf6zmlyn8vh8fgn55rpwnxq0n7l-a.drv\" ]",
        ),
        ("builtins.toFile \"x\" \"hello\"", "\"/nix/store/4g4g9i669dl63abpww0djbl2jxl6bwiz-x\""),
    ]);
    fails(&[
        ("(derivation { name = \"a\"; system = \"c\"; }).drvPath", "required attribute 'builder' missing"),
        (
            "(derivation { name = \"a b\"; builder = \"b\"; system = \"c\"; }).drvPath",
            "invalid derivation name",
        ),
    ]);
}

#[test]
fn traces_are_short_unless_wanted() {
    let text = "let f = x: g x; g = x: h x; h = x: throw \"x\"; in f 1";
    let short = eval(text).expect_err("it throws");
    assert!(!short.contains("while calling 'f'"), "{short}");
    let long = eval_with(Settings { show_trace: true, ..Settings::default() }, text).expect_err("it throws");
    for name in ["f", "g", "h"] {
        assert!(long.contains(&format!("… while calling '{name}'")), "{long}");
    }
}

#[test]
fn positions_are_shown_with_the_source() {
    let e = eval("let\n  a = 1;\nin a.b").expect_err("a is no set");
    let want = "error:\n       … while evaluating the attribute 'b'\n         at «string»:3:4:\n            2|   a = 1;\n            3| in a.b\n             |    ^\n";
    assert!(e.starts_with(want), "{e}");
}

/// A function is equal to itself where it is the same binding's, as in the reference.
#[test]
fn functions_reached_by_two_ways_differ() {
    gives(&[
        ("let f = x: x; id = y: y; in [ (id f) ] == [ (id f) ]", "false"),
        ("let f = x: x; s = { a = f; }; t = builtins.mapAttrs (n: v: v) s; in s == t", "false"),
        ("let f = x: x; s = { a = f; }; in s // { } == s", "true"),
        ("let f = x: x; id = y: y; a = id f; in builtins.seq a ([ a ] == [ a ])", "true"),
        ("let s = { f = x: x; }; inherit (s) f; in builtins.seq s.f ([ f ] == [ s.f ])", "false"),
        ("let x = { inherit (builtins) map; }; in [ map ] == [ map ]", "true"),
    ]);
}
