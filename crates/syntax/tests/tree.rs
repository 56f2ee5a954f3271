//! What the tree says beside its shape: positions, names, doc comments, warnings, bounds.

use firn_syntax::ast::{BindingValue, Expr, ExprId, Part, PathElem, Range32};
use firn_syntax::position::Positions;
use firn_syntax::{
    Ast, Lint, LintLevel, ParseErrorKind, ParseOptions, Span, SymbolTable, WarningKind, parse,
    parse_bindings, show,
};
use proptest::prelude::*;

fn tree(source: &str) -> (Ast, SymbolTable) {
    let symbols = SymbolTable::new();
    let options = ParseOptions { pipe_operators: true, home: Some(b"/home/user"), ..ParseOptions::default() };
    let ast = parse(source.as_bytes(), &symbols, &options).expect("the source is right");
    (ast, symbols)
}

fn error(source: &str, options: &ParseOptions<'_>) -> ParseErrorKind {
    parse(source.as_bytes(), &SymbolTable::new(), options).expect_err("the source is wrong").kind
}

fn root(ast: &Ast) -> (Expr, Span, u32) {
    let id = ast.root.expect("a root").0 as usize;
    (ast.exprs[id], ast.spans[id], ast.starts[id])
}

fn ids(ast: &Ast, range: Range32) -> &[ExprId] {
    &ast.ids[range.start as usize..(range.start + range.len) as usize]
}

#[test]
fn nodes_have_the_positions_of_the_reference() {
    // An operator has that of its token, but begins where its left side begins.
    let (ast, _) = tree("(1) + 2");
    assert_eq!((root(&ast).1, root(&ast).2), (Span { start: 4, end: 5 }, 0));
    // A select has that of its set, parentheses included.
    let (ast, _) = tree(" (x: x).a");
    assert_eq!(root(&ast).1, Span { start: 1, end: 9 });
    // A string with interpolation begins behind its quote.
    let (ast, _) = tree("x: \"a${x}\"");
    let interpolated =
        ast.exprs.iter().position(|expr| matches!(expr, Expr::Interpolated(_))).expect("a string");
    assert_eq!((ast.spans[interpolated].start, ast.starts[interpolated]), (4, 3));
    assert_eq!(ast.parts[1], Part::Expr(ExprId(0), Span { start: 5, end: 9 }));
    // More arguments join a call that is there, which keeps its position.
    let (ast, _) = tree("x: (x - 1) 2");
    let calls: Vec<_> =
        ast.exprs.iter().zip(&ast.spans).filter(|(expr, _)| matches!(expr, Expr::Call(..))).collect();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].1.start, 6);
    // A pipe has that of its token.
    let (ast, _) = tree("1 |> (x: x)");
    assert_eq!(root(&ast).1, Span { start: 2, end: 4 });
}

#[test]
fn all_attributes_of_a_path_have_its_position() {
    let (ast, symbols) = tree("{ a.b = 1; \"a\".c = 2; inherit (1) d; }");
    let place = |name: &str| {
        let name = symbols.find(name.as_bytes()).expect("a name");
        ast.bindings.iter().find(|binding| binding.name == name).expect("a binding").span.start
    };
    assert_eq!((place("a"), place("b"), place("c"), place("d")), (2, 2, 11, 34));
}

#[test]
fn functions_know_what_they_are_bound_to() {
    let (ast, symbols) = tree("{ f = x: { y }: x; g = [ (z: z) ]; }");
    let named: Vec<_> =
        ast.lambdas.iter().map(|lambda| lambda.name.map(|name| symbols.display(name))).collect();
    assert_eq!(named, [Some("f".into()), Some("f".into()), None]);
}

#[test]
fn doc_comments_belong_to_what_follows() {
    let source = "{ /** one */ a.b = x: /* not */ y: 1; /** two */ # more\n c = /** three */ z: /** four */ w: 1; d = 1; }";
    let (ast, symbols) = tree(source);
    let text =
        |span: Span| if span == Span::NONE { "" } else { &source[span.start as usize..span.end as usize] };
    let binding = |name: &str| {
        let name = symbols.find(name.as_bytes()).expect("a name");
        text(ast.bindings.iter().find(|binding| binding.name == name).expect("a binding").doc)
    };
    assert_eq!(
        (binding("a"), binding("b"), binding("c"), binding("d")),
        ("/** one */", "/** one */", "/** two */", "")
    );
    let docs: Vec<_> = ast.lambdas.iter().map(|lambda| text(lambda.doc)).collect();
    // Inner functions come first in the table; the innermost comment wins.
    assert_eq!(docs, ["/** one */", "/** one */", "/** four */", "/** three */"]);
}

#[test]
fn merged_sets_keep_the_order_of_the_source() {
    let (ast, symbols) =
        tree("s: { a = { z = 1; inherit (s) p; }; a.y = 2; a = { inherit (s.t) q; x = 3; }; }");
    let a = symbols.find(b"a").expect("a name");
    let binding = ast.bindings.iter().find(|binding| binding.name == a).expect("a binding");
    let BindingValue::Expr(id) = binding.value else { panic!("a set") };
    let Expr::Attrs(index) = ast.exprs[id.0 as usize] else { panic!("a set") };
    let set = &ast.attrs[index as usize];
    let bindings = &ast.bindings[set.bindings.start as usize..][..set.bindings.len as usize];
    let names: Vec<_> = bindings.iter().map(|binding| symbols.display(binding.name)).collect();
    assert_eq!(names, ["z", "p", "y", "q", "x"]);
    assert_eq!(bindings[1].value, BindingValue::InheritFrom(0));
    assert_eq!(bindings[3].value, BindingValue::InheritFrom(1));
    assert_eq!(ids(&ast, set.inherit_from).len(), 2);
}

#[test]
fn formals_are_sorted_by_symbol() {
    let (ast, symbols) = tree("{ zeta, name, alpha ? 1, ... }: 1");
    let formals = ast.lambdas[0].formals.expect("formals");
    assert!(formals.ellipsis && ast.formals.is_sorted_by_key(|formal| formal.name));
    assert_eq!(ast.formals.len(), 3);
    assert!(
        ast.formals.iter().any(|formal| symbols.name(formal.name) == b"alpha" && formal.default.is_some())
    );
}

#[test]
fn lints_warn_or_fail() {
    let fatal = ParseOptions {
        lint_url_literals: LintLevel::Fatal,
        lint_absolute_path_literals: LintLevel::Fatal,
        lint_short_path_literals: LintLevel::Fatal,
        home: Some(b"/home/user"),
        ..ParseOptions::default()
    };
    assert_eq!(error("[ ./a http://x ]", &fatal), ParseErrorKind::Lint(Lint::UrlLiteral("http://x".into())));
    assert_eq!(error("/a", &fatal), ParseErrorKind::Lint(Lint::AbsolutePathLiteral("/a".into())));
    assert_eq!(error("~/a", &fatal), ParseErrorKind::Lint(Lint::AbsolutePathLiteral("~/a".into())));
    assert_eq!(error("a/b", &fatal), ParseErrorKind::Lint(Lint::ShortPathLiteral("a/b".into())));
    assert_eq!(
        error("http://x", &fatal).to_string(),
        "URL literals are disallowed. Consider using a string literal \"http://x\" instead (lint-url-literals)"
    );
    let warn = ParseOptions { lint_short_path_literals: LintLevel::Warn, ..ParseOptions::default() };
    let ast = parse(b"[ a/b ./c /d ]", &SymbolTable::new(), &warn).expect("the source is right");
    assert_eq!(ast.warnings.len(), 1);
    assert_eq!(ast.warnings[0].span, Span { start: 2, end: 5 });
    assert_eq!(
        ast.warnings[0].kind.message(),
        "relative path literal 'a/b' should be prefixed with '.' for clarity: './a/b' (lint-short-path-literals)"
    );
}

#[test]
fn or_as_a_name_warns_where_its_meaning_will_change() {
    let warned = |source: &str| {
        let (ast, _) = tree(source);
        let cursed = ast.warnings.iter().filter(|warning| warning.kind == WarningKind::CursedOr);
        let positions = Positions::new(source.as_bytes());
        cursed
            .map(|warning| String::from_utf8_lossy(&positions.text(warning.span)).into_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(warned("f: [ f or ]"), ["f or"]);
    assert_eq!(warned("f: f f or"), ["f or"]);
    assert_eq!(warned("f: f.a or f or"), ["f or"]);
    assert!(warned("f: [ (f or) (f or 1) ]").is_empty());
    assert!(warned("f: f (f or) f.or { or = 1; }").is_empty());
}

#[test]
fn home_paths_need_a_home_and_impurity() {
    let pure = ParseOptions { pure: true, home: Some(b"/home/user"), ..ParseOptions::default() };
    assert_eq!(error("~/a", &pure), ParseErrorKind::HomePathInPureMode("~/a".into()));
    assert_eq!(error("~/a", &ParseOptions::default()), ParseErrorKind::HomeUnknown);
}

#[test]
fn bindings_can_stand_alone() {
    let symbols = SymbolTable::new();
    let options = ParseOptions::default();
    let ast = parse_bindings(b"a.b = 1; inherit a; c = 2;", &symbols, &options);
    assert_eq!(ast.expect_err("twice").kind.to_string(), "attribute 'a' already defined");
    let ast = parse_bindings(b"a.b = 1; inherit c;", &symbols, &options).expect("bindings");
    assert_eq!(show::show(&ast, &symbols), b"{ inherit c; a = { b = 1; }; }");
    let message =
        |source: &[u8]| parse_bindings(source, &symbols, &options).expect_err("no bindings").to_string();
    assert_eq!(message(b""), "syntax error, unexpected end of file, expecting 'inherit'");
    assert_eq!(message(b"a = 1"), "syntax error, unexpected end of file, expecting ';'");
}

#[test]
fn depth_is_bounded_on_an_ordinary_stack() {
    // Test threads have 2 MiB of stack.
    for bracket in
        ["(", "[", "{ a = ", "\"${", "''${", "./${", "x.a or ", "{ a ? ", "if ", "let a = ", "x.${", "-("]
    {
        let source = bracket.repeat(200_000);
        let kind = error(&source, &ParseOptions::default());
        assert_eq!(kind, ParseErrorKind::TooDeep(firn_syntax::DEFAULT_MAX_DEPTH), "{bracket}");
    }
    // What only chains has no bound.
    for (link, end) in [
        ("a: ", "1"),
        ("1 + ", "1"),
        ("[ ] ++ ", "[ ]"),
        ("true -> ", "true"),
        ("!", "true"),
        ("- ", "1"),
        ("with { }; ", "1"),
        ("assert true; ", "1"),
        ("let in ", "1"),
        ("if true then 1 else ", "1"),
    ] {
        let source = link.repeat(100_000) + end;
        let (ast, symbols) = tree(&source);
        assert!(show::show(&ast, &symbols).len() > 100_000, "{link}");
    }
    let merges = "{".to_owned() + &"a = { ".repeat(1000) + &"}; ".repeat(1000) + "}";
    let both = merges.trim_start_matches('{').trim_end_matches('}').repeat(2);
    assert!(show::show(&tree(&format!("{{ {both} }}")).0, &SymbolTable::new()).len() > 1000);
}

/// Every id and range of a tree lies in its tables, and children have smaller ids than their parents.
fn check_tables(ast: &Ast) {
    let count = ast.exprs.len();
    assert_eq!((ast.spans.len(), ast.starts.len()), (count, count));
    let below =
        |parent: usize, child: ExprId| assert!((child.0 as usize) < parent, "{child:?} is in {parent}");
    let elems = |parent: usize, range: Range32| {
        for elem in &ast.path_elems[range.start as usize..][..range.len as usize] {
            if let PathElem::Dynamic(id, _) = elem {
                below(parent, *id);
            }
        }
    };
    let set = |parent: usize, index: u32| {
        let set = &ast.attrs[index as usize];
        ids(ast, set.inherit_from).iter().for_each(|id| below(parent, *id));
        for binding in &ast.bindings[set.bindings.start as usize..][..set.bindings.len as usize] {
            match binding.value {
                BindingValue::Expr(id) => below(parent, id),
                BindingValue::InheritFrom(number) => assert!(number < set.inherit_from.len),
                BindingValue::Inherit => {}
            }
        }
        for dynamic in &ast.dynamics[set.dynamics.start as usize..][..set.dynamics.len as usize] {
            below(parent, dynamic.name);
            below(parent, dynamic.value);
        }
    };
    let mut reached = vec![false; count];
    let root = ast.root.expect("a root");
    reached[root.0 as usize] = true;
    for (id, expr) in ast.exprs.iter().enumerate() {
        match *expr {
            Expr::Interpolated(range) | Expr::InterpolatedPath(range) => {
                for part in &ast.parts[range.start as usize..][..range.len as usize] {
                    if let Part::Expr(child, _) = part {
                        below(id, *child);
                    }
                }
            }
            Expr::List(range) => ids(ast, range).iter().for_each(|child| below(id, *child)),
            // A set that was merged into another one is left behind without parents, its bindings gone.
            Expr::Attrs(index) | Expr::LetBody(index) if reached[id] => set(id, index),
            Expr::Let(index, body) => {
                set(id, index);
                below(id, body);
            }
            Expr::Lambda(index) => below(id, ast.lambdas[index as usize].body),
            Expr::Call(function, args) => {
                below(id, function);
                ids(ast, args).iter().for_each(|child| below(id, *child));
            }
            Expr::Select(set, path) | Expr::HasAttr(set, path) => {
                below(id, set);
                elems(id, path);
            }
            Expr::SelectOr(index) => {
                let select = ast.selects_or[index as usize];
                below(id, select.set);
                below(id, select.default);
                elems(id, select.path);
            }
            Expr::If(index) => {
                ids(ast, Range32 { start: index, len: 3 }).iter().for_each(|child| below(id, *child))
            }
            Expr::Assert(a, b) | Expr::With(a, b) | Expr::Binary(_, a, b) => {
                below(id, a);
                below(id, b);
            }
            Expr::Not(a) | Expr::Neg(a) => below(id, a),
            _ => {}
        }
    }
}

/// Runs of tokens that often make sense, so that the parser gets beyond the first few.
fn soup() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "a",
        "b ",
        "x: ",
        "{ ",
        "} ",
        "{ a = ",
        "; ",
        "}; ",
        "( ",
        ") ",
        "[ ",
        "] ",
        "let ",
        "in ",
        "a = 1; ",
        "a.b = ",
        "inherit ",
        "inherit (",
        "${",
        "}",
        "\"",
        "''",
        " + ",
        " ++ ",
        " // ",
        " == ",
        "!",
        "-",
        ".",
        ".a",
        " or ",
        " ? ",
        "a ",
        "1",
        ".5",
        "./a",
        "./",
        "~/",
        "/",
        "<a>",
        "a:b",
        "if ",
        "then ",
        "else ",
        "with ",
        "assert ",
        "rec { ",
        "@",
        ",",
        "...",
        ": ",
        "{ a, b ? ",
        "}: ",
        " |> ",
        " <| ",
        "\\",
        "$",
        "'",
        "\n",
        "\r\n",
        "# ",
        "/* ",
        "*/ ",
        "/** ",
        "\0",
        "é",
        "{ a = { b = 1; }; a.c = 2; ",
        "x@{ ",
        "99999999999999999999 ",
    ]);
    prop::collection::vec(words, 0..40).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_parses_has_sound_tables_and_prints(source in soup()) {
        let symbols = SymbolTable::new();
        let options = ParseOptions { pipe_operators: true, home: Some(b"/h"), ..ParseOptions::default() };
        match parse(source.as_bytes(), &symbols, &options) {
            Ok(ast) => {
                check_tables(&ast);
                // What is printed can be read again, unless it holds what has no literal: raw paths with odd bytes.
                let text = show::show(&ast, &symbols);
                prop_assert!(!text.is_empty());
            }
            Err(error) => {
                prop_assert!(error.span == Span::NONE || error.span.end as usize <= source.len());
                prop_assert!(error.span == Span::NONE || error.span.start <= error.span.end);
                let at = Positions::new(source.as_bytes()).locate(error.span.start.min(source.len() as u32));
                prop_assert!(at.line >= 1 && at.column >= 1);
            }
        }
    }

    #[test]
    fn bytes_never_panic(source in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&source, &SymbolTable::new(), &ParseOptions::default());
    }
}
