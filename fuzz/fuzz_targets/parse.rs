//! Any bytes parse or are refused, without a panic; what parses prints, and every error has a place in the text.
#![no_main]

use firn_syntax::position::Positions;
use firn_syntax::{ParseOptions, Span, SymbolTable, parse, show::show};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|source: &[u8]| {
    let symbols = SymbolTable::new();
    let options = ParseOptions {
        base_path: b"/base",
        home: Some(b"/home"),
        pipe_operators: true,
        ..ParseOptions::default()
    };
    match parse(source, &symbols, &options) {
        Ok(ast) => {
            assert!(!show(&ast, &symbols).is_empty());
            assert_eq!(ast.exprs.len(), ast.spans.len());
        }
        Err(error) if error.span == Span::NONE => {}
        Err(error) => {
            assert!(error.span.end as usize <= source.len());
            let place = Positions::new(source).locate(error.span.start);
            assert!(place.line >= 1 && place.column >= 1);
        }
    }
});
