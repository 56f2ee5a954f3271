use super::*;

/// Shows a tree in one line.
fn show(value: &Value) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => format!("{value:?}"),
        Value::String(value) => format!("{value:?}"),
        Value::Timestamp(value) => format!("<{value}>"),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(|item| show(&item.value)).collect::<Vec<_>>().join(" "))
        }
        Value::Table(table) => show_table(table),
    }
}

fn show_table(table: &Table) -> String {
    let entries: Vec<_> = table.iter().map(|(key, node)| format!("{key}={}", show(&node.value))).collect();
    format!("{{{}}}", entries.join(" "))
}

fn read(text: &str) -> String {
    match parse(text.as_bytes()) {
        Ok(table) => show_table(&table),
        Err(error) => error.to_string(),
    }
}

#[test]
fn values() {
    for (text, shown) in [
        ("", "{}"),
        ("a = 1", "{a=1}"),
        ("a=+1_000\r\nb=-0 # c\n", "{a=1000 b=0}"),
        ("a = 0xdead_BEEF\nb = 0o17\nc = 0b101", "{a=3735928559 b=15 c=5}"),
        ("a = 1.5\nb = -1e3\nc = 1_0.0_1E+2", "{a=1.5 b=-1000.0 c=1001.0}"),
        ("a = inf\nb = -inf\nc = +nan", "{a=inf b=-inf c=NaN}"),
        ("a = true\nb = false", "{a=true b=false}"),
        (r#"a = "x\t\"\\\u00e9\U0001F600""#, "{a=\"x\\t\\\"\\\\é😀\"}"),
        (r"a = 'x\t'", r#"{a="x\\t"}"#),
        ("a = \"\"\"\nx\n \"\" y\\\n   z\"\"\"\"\"", r#"{a="x\n \"\" yz\"\""}"#),
        ("a = '''\r\n'x''\r\n'''", r#"{a="'x''\r\n"}"#),
        ("a = [ 1, [2 , ], # c\n 'x', ]", r#"{a=[1 [2] "x"]}"#),
        ("a = {}\nb = { c.d = 1, c.e = 2 }", "{a={} b={c={d=1 e=2}}}"),
        ("a.\"b c\" . 'd' = 1", "{a={b c={d=1}}}"),
        ("1.2 = 3", "{1={2=3}}"),
        ("[a.b]\nc=1\n[a]\nd=2", "{a={b={c=1} d=2}}"),
        ("[[a]]\nb=1\n[[a]]\n[a.c]\nd=2\n[[a.e]]", "{a=[{b=1} {c={d=2} e=[{}]}]}"),
        ("[ a . b ] # x\n", "{a={b={}}}"),
        ("\u{feff}a = 1", "{a=1}"),
        ("# only\n\n  # comments", "{}"),
    ] {
        assert_eq!(read(text), shown);
    }
}

#[test]
fn timestamps() {
    for (text, shown) in [
        ("1979-05-27", "<1979-05-27>"),
        ("07:32:00", "<07:32:00>"),
        ("07:32:00.1", "<07:32:00.100>"),
        ("07:32:00.123456", "<07:32:00.123456>"),
        ("07:32:00.12345678912", "<07:32:00.123456789>"),
        ("07:32:00.000", "<07:32:00>"),
        ("1979-05-27t07:32:00", "<1979-05-27T07:32:00>"),
        ("1979-05-27 07:32:00.5z", "<1979-05-27T07:32:00.500Z>"),
        ("1979-05-27T00:32:00-07:00", "<1979-05-27T00:32:00-07:00>"),
        ("1979-05-27T00:32:00+00:00", "<1979-05-27T00:32:00Z>"),
        ("1979-05-27 # c", "<1979-05-27>"),
        ("2000-02-29", "<2000-02-29>"),
    ] {
        assert_eq!(read(&format!("a = {text}")), format!("{{a={shown}}}"));
    }
}

#[test]
fn errors_have_marks() {
    for (text, shown) in [
        (
            "x = 1\nattr = 9223372036854775808",
            "[error] toml::parse_dec_integer: too large integer: current max digits = 2^63\n --> fromTOML\n   |\n \
             2 | attr = 9223372036854775808\n   |                           ^-- must be < 2^63\n",
        ),
        (
            "a = 1\na = 2",
            "[error] toml::insert_value: failed to insert a value, value already exists\n --> fromTOML\n   |\n \
             2 | a = 2\n   | ^-- inserting this\n   | ...\n   |\n \
             1 | a = 1\n   |     ^-- but value already exists\n",
        ),
        (
            "a = 01",
            "[error] bad integer: invalid digit after an integer\n --> fromTOML\n   |\n \
             1 | a = 01\n   |      ^-- this digit is not allowed\n\
             Hint: valid  : -42, 1_000, 1_2_3_4_5, 0xC0FFEE, 0b0010, 0o755\nHint: invalid: _42, 1__000, 0123\n",
        ),
    ] {
        assert_eq!(read(text), shown);
    }
}

#[test]
fn rejects() {
    for text in [
        "a",
        "a =",
        "= 1",
        "a = 1 b = 2",
        "a = 1\na.b = 2",
        "[a]\n[a]",
        "a = {b=1}\na.c=2",
        "a = {b=1,}",
        "a = {b=1\n}",
        "a = [1 2]",
        "a = [1",
        "[a",
        "[[a]",
        "[a]]",
        "[]",
        "a.b=1\n[a]",
        "[a.b]\n[a]\nb.c=1",
        "[[a]]\n[a]",
        "a=[]\n[[a]]",
        "a = \"x",
        "a = 'x\n'",
        "a = \"\\q\"",
        "a = \"\\ud800\"",
        "a = \"\\U00110000\"",
        "a = \"\u{1}\"",
        "a = \"\"\"x",
        "a = 1.",
        "a = .1",
        "a = 1__0",
        "a = _1",
        "a = 0x",
        "a = 0xg",
        "a = -0x1",
        "a = 1e",
        "a = 1_",
        "a = 1e400",
        "a = True",
        "a = inF",
        "a = 1979-13-01",
        "a = 1979-02-29",
        "a = 25:00:00",
        "a = 1979-05-27T",
        "a = 1979-05-27 7:00:00",
        "a = 1979-05-27T07:32:00+7",
        "a = 9223372036854775808",
        "a = 0xffffffffffffffff",
        "é = 1",
        "a = 1 \u{1}",
        "# \u{1}",
        "a = \"\"\"\"\"\"\"\"\"",
        "a = 1\rb = 2",
    ] {
        assert!(parse(text.as_bytes()).is_err(), "{text:?} is {}", read(text));
    }
    assert!(parse(b"a = \"\xFF\"").is_err());
    assert!(parse(b"# \xFF").is_err());
}

#[test]
fn depth_is_bounded() {
    for text in [
        "a = ".to_owned() + &"[".repeat(100_000),
        "a = ".to_owned() + &"{a=".repeat(100_000),
        "a.".repeat(100_000) + "a = 1",
    ] {
        assert!(parse(text.as_bytes()).is_err());
    }
    assert!(parse(("a = ".to_owned() + &"[".repeat(900) + &"]".repeat(900)).as_bytes()).is_ok());
}

proptest::proptest! {
    #[test]
    fn never_panics(text: Vec<u8>) {
        let _ = parse(&text);
    }

    #[test]
    fn never_panics_near_toml(text in "([ab.\\[\\]{}=,\"'#\n\r \\\\u0-9_:eTZ+\\-]|\"\"\"|'''|= |\na|1979-05-27|07:32:00|true|0x){0,30}") {
        let _ = parse(text.as_bytes());
    }
}
