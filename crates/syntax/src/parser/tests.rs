//! The hand-written parser against the grammar that it was written from.

use proptest::prelude::*;

use super::parse_source;
use crate::automaton::find_mistake;
use crate::error::ParseErrorKind;
use crate::lexer::lex;
use crate::token::Kind;
use crate::{ParseOptions, SymbolTable};

/// The parser accepts a text exactly if the grammar does, but for what the grammar says nothing about.
fn check(source: &[u8]) {
    let lexed = lex(source, true);
    let mistake = find_mistake(lexed.tokens.iter().map(|token| token.kind));
    let options = ParseOptions { pipe_operators: true, home: Some(b"/home"), ..ParseOptions::default() };
    let text = String::from_utf8_lossy(source);
    match parse_source(source, &SymbolTable::new(), &options, false) {
        Ok(_) => assert!(mistake.is_none(), "accepted: {text}"),
        Err(error) => match (error.kind, mistake) {
            (ParseErrorKind::Syntax { unexpected, .. }, mistake) => {
                let mistake = mistake.unwrap_or_else(|| panic!("refused at {unexpected}: {text}"));
                let found = lexed.tokens[mistake.index].kind;
                assert!(found.describe() == unexpected && found != Kind::LexError, "{text}");
            }
            // Errors of the lexer are errors of the grammar too; others come before any mistake, or without one.
            (_, Some(mistake)) if lexed.tokens[mistake.index].kind == Kind::LexError => {}
            _ => {}
        },
    }
}

/// Derives a text from the grammar's rules by hand, with some mistakes.
fn sentence() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "a", "b", "or1", "1", ".5", "\"s\"", "\"\"", "''t''", "./p", "<p>", "u:v", "{ }", "[ ]", "rec { }",
        "let { }", "~/h",
    ])
    .prop_map(str::to_owned);
    let mistake = prop::sample::select(vec![
        "", "", "", "", "", "", "", ";", ")", "or ", "= ", "== ", ": ", "in ", "{ ", "\"",
    ]);
    leaf.prop_recursive(5, 60, 4, move |inner| {
        let two = (inner.clone(), inner.clone());
        let operator = prop::sample::select(vec![
            "->", "||", "&&", "==", "!=", "<", ">", "<=", ">=", "//", "+", "-", "*", "/", "++", "|>", "<|",
            "",
        ]);
        let form = prop::sample::select(vec![
            "(A)",
            "x: A",
            "{ a, b ? A, ... }: B",
            "a@{ b ? A }: B",
            "{ }@a: A",
            "assert A; B",
            "with A; B",
            "let a = A; b.c = B; in a",
            "if A then B else A",
            "!A",
            "-A",
            "A.b",
            "A.b.${B}.\"c\"",
            "A.b or B",
            "A ? b.${B}",
            "A or",
            "[ A B ]",
            "{ a = A; ${B} = 1; inherit (A) b c; inherit d; }",
            "\"x${A}y${B}\"",
            "''x${A}''",
            "./p/${A}/q",
            "rec { a.b = A; a.c = B; }",
            "let { body = A; }",
            "{ ${A}.b.\"${B}\" = 1; }",
            "A B",
        ]);
        let mistake = mistake.clone();
        prop_oneof![
            (two.clone(), operator).prop_map(|((a, b), operator)| format!("{a} {operator} {b}")),
            (two, form, mistake).prop_map(|((a, b), form, mistake)| {
                mistake.to_owned() + &form.replace('A', &a).replace('B', &b)
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_parser_follows_the_grammar(source in sentence()) {
        check(source.as_bytes());
    }
}

#[test]
fn operators_follow_the_grammar() {
    // All triples of operators, unary ones between them.
    let operators = [
        "->", "||", "==", "<", "//", "+", "*", "++", "|>", "<|", "!= !", "+ !", "- -", "++ -", "? a ==",
        "? a +",
    ];
    for first in operators {
        for second in operators {
            for third in operators {
                check(format!("a {first} b {second} c {third} d").as_bytes());
            }
        }
    }
}
