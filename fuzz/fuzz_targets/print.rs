//! The printer: what it prints of a tree parses, and prints the same.
#![no_main]

use firn_syntax::{ParseOptions, SymbolTable, parse, show::show};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|source: &[u8]| {
    let symbols = SymbolTable::new();
    let options =
        ParseOptions { base_path: b"/base", home: Some(b"/home"), pipe_operators: true, ..ParseOptions::default() };
    let Ok(ast) = parse(source, &symbols, &options) else { return };
    let shown = show(&ast, &symbols);
    // What the reference prints does not always parse again (names like `or`, positions): only what does is compared.
    if let Ok(again) = parse(&shown, &symbols, &options) {
        let twice = show(&again, &symbols);
        if let Ok(third) = parse(&twice, &symbols, &options) {
            assert_eq!(String::from_utf8_lossy(&twice), String::from_utf8_lossy(&show(&third, &symbols)));
        }
    }
});
