//! The corpus of the language (`tests/lang` of the repository) has every form of the syntax.
#![allow(clippy::unwrap_used)] // a test fails where something is missing

use std::collections::BTreeSet;
use std::path::Path;

use firn_syntax::ast::{Ast, BindingValue, Expr, PathElem};
use firn_syntax::{ParseOptions, SymbolTable, parse};

/// The name of a form: that of the variant, and of the operator.
fn form(expr: &Expr) -> String {
    match expr {
        Expr::Binary(op, ..) => format!("{op:?}"),
        other => format!("{other:?}").split(['(', ' ', '{']).next().unwrap().to_owned(),
    }
}

fn forms(ast: &Ast, seen: &mut BTreeSet<String>) {
    seen.extend(ast.exprs.iter().map(form));
    for binding in &ast.bindings {
        seen.insert(match binding.value {
            BindingValue::Expr(_) => "binding".into(),
            BindingValue::Inherit => "inherit".into(),
            BindingValue::InheritFrom(_) => "inherit from".into(),
        });
    }
    for lambda in &ast.lambdas {
        seen.insert(format!("lambda: arg {} formals {}", lambda.arg.is_some(), lambda.formals.is_some()));
        seen.extend(lambda.formals.map(|f| format!("ellipsis {}", f.ellipsis)));
        seen.extend(lambda.name.map(|_| "named lambda".to_owned()));
    }
    for formal in &ast.formals {
        seen.insert(format!("default {}", formal.default.is_some()));
    }
    for set in &ast.attrs {
        seen.insert(format!("recursive {}", set.recursive));
        if set.dynamics.len > 0 {
            seen.insert("dynamic attribute".into());
        }
    }
    for elem in &ast.path_elems {
        seen.insert(match elem {
            PathElem::Static(..) => "static path element".into(),
            PathElem::Dynamic(..) => "dynamic path element".into(),
        });
    }
    seen.extend(ast.warnings.iter().map(|_| "warning".to_owned()));
}

#[test]
fn every_form_occurs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/lang");
    let options = ParseOptions { home: Some(b"/home"), pipe_operators: true, ..ParseOptions::default() };
    let (mut seen, mut files, mut refused) = (BTreeSet::new(), 0, 0);
    for family in std::fs::read_dir(root).unwrap() {
        let family = family.unwrap().path();
        if !family.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(family).unwrap() {
            let file = file.unwrap().path();
            if file.extension().is_some_and(|e| e == "nix") {
                files += 1;
                match parse(&std::fs::read(&file).unwrap(), &SymbolTable::new(), &options) {
                    Ok(ast) => forms(&ast, &mut seen),
                    Err(_) => refused += 1,
                }
            }
        }
    }
    assert!(files > 300 && refused > 20, "{files} files, {refused} of them refused");
    let wanted = "\
        Var Int Float Str Path SearchPath Uri CurPos Interpolated InterpolatedPath List Attrs Let LetBody Lambda Call Select SelectOr HasAttr If Assert \
        With Not Neg Add Sub Mul Div Concat Update Eq NotEq Less LessEq Greater GreaterEq And Or Impl";
    let lines = "\
        binding|inherit|inherit from|dynamic attribute|recursive true|recursive false|static path element|\
        dynamic path element|named lambda|default true|default false|ellipsis true|ellipsis false|warning|\
        lambda: arg true formals false|lambda: arg true formals true|lambda: arg false formals true";
    let missing: Vec<&str> =
        wanted.split_whitespace().chain(lines.split('|')).filter(|w| !seen.contains(*w)).collect();
    assert!(missing.is_empty(), "no case has {missing:?}; seen: {seen:?}");
}
