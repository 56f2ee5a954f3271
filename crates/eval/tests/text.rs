//! Builtins made of text algorithms: expressions beside what they give, and beside the errors that they raise.

#[path = "../examples/eval/fs_io.rs"]
mod fs_io;

use std::sync::Arc;

use firn_eval::builtins::Registry;
use firn_eval::pos::Origin;
use firn_eval::print::RenderOptions;
use firn_eval::{Ctx, Pos, Settings, SourcePath};

fn eval(text: &str, features: &[&str]) -> Result<String, String> {
    let settings = Settings {
        experimental: features.iter().map(|feature| (*feature).to_owned()).collect(),
        show_trace: true,
        ..Settings::default()
    };
    let io = Arc::new(fs_io::FsIo::new(settings.store_dir.clone()));
    firn_eval::run(
        || Ctx::new(settings, io, Registry::standard()),
        |ctx| {
            let value = ctx
                .eval_text(text, Origin::String, &SourcePath::file("/"), None)
                .and_then(|v| ctx.force_deep(v, Pos::NONE))
                .and_then(|v| ctx.print_ambiguous(v));
            value.map_err(|_| {
                let e = ctx.take_error();
                ctx.render_error(&e, RenderOptions { show_trace: true, colors: false })
            })
        },
    )
}

#[track_caller]
fn gives(cases: &[(&str, &str)]) {
    for (text, want) in cases {
        assert_eq!(eval(text, &[]).as_deref(), Ok(*want), "{text}");
    }
}

#[track_caller]
fn fails(cases: &[(&str, &str)]) {
    for (text, want) in cases {
        let e = eval(text, &[]).expect_err(text);
        assert!(e.ends_with(&format!("error: {want}")), "{text}\n{e}");
    }
}

#[test]
fn patterns() {
    gives(&[
        (r#"builtins.match "a(b)?(c)?" "ac""#, r#"[ null "c" ]"#),
        (r#"builtins.match "ab" "abc""#, "null"),
        (r#"builtins.split "(,)|;" "a,b;c""#, r#"[ "a" [ "," ] "b" [ null ] "c" ]"#),
        (r#"builtins.split "x" "abc""#, r#"[ "abc" ]"#),
        (r#"builtins.match ".*" "a\nb""#, "[ ]"),
    ]);
    fails(&[
        (r#"builtins.match "(a" """#, "invalid regular expression '(a'"),
        (r#"builtins.split "a**{" """#, "invalid regular expression 'a**{'"),
        (
            r#"builtins.match "(.{1000}){1000}" """#,
            "memory limit exceeded by regular expression '(.{1000}){1000}'",
        ),
    ]);
}

#[test]
fn replacements_are_lazy() {
    gives(&[
        (r#"builtins.replaceStrings [ "a" "x" ] [ "1" (throw "unused") ] "abca""#, r#""1bc1""#),
        (r#"builtins.replaceStrings [ "" ] [ "-" ] "ab""#, r#""-a-b-""#),
    ]);
    fails(&[(
        r#"builtins.replaceStrings [ "a" ] [ ] "a""#,
        "'from' and 'to' arguments passed to builtins.replaceStrings have different lengths",
    )]);
}

#[test]
fn contexts_of_replacements() {
    let text = r#"let s = builtins.appendContext "x" (builtins.getContext (toString (derivation { name = "n"; system = "s"; builder = "b"; }))); in
           map builtins.hasContext [
             (builtins.replaceStrings [ "a" ] [ s ] "a")
             (builtins.replaceStrings [ "a" ] [ s ] "b")
             (builtins.replaceStrings [ "x" ] [ "y" ] s)
             (builtins.toJSON { a = [ s ]; })
             (builtins.toXML s)
             (builtins.head (builtins.match "(.*)" s))
           ]"#;
    assert_eq!(eval(text, &[]).as_deref(), Ok("[ true false true true true false ]"));
}

#[test]
fn versions() {
    gives(&[
        (r#"builtins.compareVersions "2.3pre1" "2.3""#, "-1"),
        (r#"builtins.splitVersion "1.2rc3""#, r#"[ "1" "2" "rc" "3" ]"#),
        (r#"builtins.parseDrvName "nix-0.12pre1""#, r#"{ name = "nix"; version = "0.12pre1"; }"#),
    ]);
}

#[test]
fn json() {
    gives(&[
        (
            r#"builtins.fromJSON "{\"b\": [1, 1.5, null], \"a\": true, \"b\": \"last\"}""#,
            r#"{ a = true; b = "last"; }"#,
        ),
        (
            r#"builtins.fromJSON "[{\"b\": 1, \"a\": 2}, {\"b\": 3, \"a\": 4}, {\"c\": 5}, {}]""#,
            "[ { a = 2; b = 1; } { a = 4; b = 3; } { c = 5; } { } ]",
        ),
        (
            r#"builtins.toJSON { b = [ 1 1.0 ]; a = "x\n"; c = null; }"#,
            r#""{\"a\":\"x\\n\",\"b\":[1,1.0],\"c\":null}""#,
        ),
        (r#"builtins.toJSON { outPath = { __toString = self: "p"; }; }"#, r#""\"p\"""#),
        (r#"builtins.toJSON { outPath.a = 1; }"#, r#""{\"a\":1}""#),
        (
            "let deep = n: if n == 0 then 1 else [ (deep (n - 1)) ]; in builtins.stringLength (builtins.toJSON (deep 1000))",
            "2001",
        ),
    ]);
    fails(&[
        (
            r#"builtins.fromJSON "[1,]""#,
            "[json.exception.parse_error.101] parse error at line 1, column 4: syntax error while parsing value - \
             unexpected ']'; expected '[', '{', or a literal",
        ),
        (
            r#"builtins.fromJSON "9223372036854775808""#,
            "unsigned json number 9223372036854775808 outside of Nix integer range",
        ),
        (
            r#"builtins.fromJSON "\"a\\u0000\"""#,
            "input string 'a␀' cannot be represented as Nix string because it contains null bytes",
        ),
    ]);
    let e = eval("builtins.toJSON { a = [ (x: x) ]; }", &[]).unwrap_err();
    for part in ["while evaluating attribute 'a'", "at index 0", "error: cannot convert a function to JSON"] {
        assert!(e.contains(part), "{e}");
    }
}

#[test]
fn toml() {
    gives(&[(
        "builtins.fromTOML \"a.b = 1\\n[[c]]\\nd = inf\\n\"",
        "{ a = { b = 1; }; c = [ { d = inf; } ]; }",
    )]);
    fails(&[
        (r#"builtins.fromTOML "a = 1979-05-27""#, "while parsing TOML: Dates and times are not supported"),
        (
            r#"builtins.fromTOML "\"a\\u0000\" = 1""#,
            "while parsing TOML: error: input string 'a␀' cannot be represented as Nix string because it contains null bytes",
        ),
    ]);
    assert_eq!(
        eval(r#"builtins.fromTOML "a = 1979-05-27 07:32:00.5Z""#, &["parse-toml-timestamps"]).as_deref(),
        Ok(r#"{ a = { _type = "timestamp"; value = "1979-05-27T07:32:00.500Z"; }; }"#)
    );
}

#[test]
fn xml() {
    gives(&[(
        r#"builtins.toXML { b = x: y: x; a = { c, d ? 1, ... }@e: c; f = [ 1.5 "<" ]; g = builtins.add 1; h = (x: { y }: y) 1; }"#,
        concat!(
            r#""<?xml version='1.0' encoding='utf-8'?>\n<expr>\n  <attrs>\n    <attr name=\"a\">\n"#,
            r#"      <function>\n        <attrspat ellipsis=\"1\" name=\"e\">\n          <attr name=\"c\" />\n"#,
            r#"          <attr name=\"d\" />\n        </attrspat>\n      </function>\n    </attr>\n"#,
            r#"    <attr name=\"b\">\n      <function>\n        <varpat name=\"x\" />\n      </function>\n    </attr>\n"#,
            r#"    <attr name=\"f\">\n      <list>\n        <float value=\"1.5\" />\n        <string value=\"&lt;\" />\n"#,
            r#"      </list>\n    </attr>\n    <attr name=\"g\">\n      <unevaluated />\n    </attr>\n"#,
            r#"    <attr name=\"h\">\n      <function>\n        <attrspat>\n          <attr name=\"y\" />\n"#,
            r#"        </attrspat>\n      </function>\n    </attr>\n  </attrs>\n</expr>\n""#,
        ),
    )]);
}

#[test]
fn hashes() {
    gives(&[
        (r#"builtins.hashString "md5" """#, r#""d41d8cd98f00b204e9800998ecf8427e""#),
        (
            r#"builtins.convertHash { hash = "md5:d41d8cd98f00b204e9800998ecf8427e"; toHashFormat = "sri"; }"#,
            r#""md5-1B2M2Y8AsgTpgAmY7PhCfg==""#,
        ),
    ]);
    fails(&[
        (
            r#"builtins.hashString "foo" """#,
            "unknown hash algorithm 'foo', expect 'blake3', 'md5', 'sha1', 'sha256', or 'sha512'",
        ),
        (
            r#"builtins.hashString "blake3" """#,
            "experimental Nix feature 'blake3-hashes' is disabled; add '--extra-experimental-features blake3-hashes' to \
             enable it",
        ),
        (
            r#"builtins.convertHash { hash = "md5:d41d8cd98f00b204e9800998ecf8427e"; toHashFormat = "x"; }"#,
            "unknown hash format 'x', expect 'base16', 'base32', 'base64', or 'sri'",
        ),
    ]);
}
