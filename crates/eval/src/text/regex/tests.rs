use super::*;

fn matched(pattern: &str, text: &str) -> Option<Vec<Option<String>>> {
    let regex = Regex::new(pattern.as_bytes()).unwrap();
    let mut scratch = Scratch::default();
    let groups = regex.full_match(text.as_bytes(), &mut scratch)?;
    Some(groups.iter().map(|span| span.map(|(start, end)| text[start..end].to_owned())).collect())
}

/// The result of `builtins.split`, in its syntax.
fn split(pattern: &str, text: &str) -> String {
    let regex = Regex::new(pattern.as_bytes()).unwrap();
    let mut scratch = Scratch::default();
    let mut matches = regex.matches(text.as_bytes(), &mut scratch);
    let (mut out, mut at) = (String::new(), 0);
    while let Some(((start, end), groups)) = matches.next() {
        let groups: Vec<_> =
            groups.iter().map(|span| span.map_or("null", |(start, end)| &text[start..end])).collect();
        out += &format!("{:?} [{}] ", &text[at..start], groups.join(" "));
        at = end;
    }
    format!("{out}{:?}", &text[at..])
}

fn groups(expected: &[Option<&str>]) -> Option<Vec<Option<String>>> {
    Some(expected.iter().map(|group| group.map(str::to_owned)).collect())
}

#[test]
fn matches_whole_texts() {
    assert_eq!(matched("ab", "abc"), None);
    assert_eq!(matched("abc", "abc"), groups(&[]));
    assert_eq!(matched("a(b)(c)", "abc"), groups(&[Some("b"), Some("c")]));
    assert_eq!(matched("(a)|(b)", "b"), groups(&[None, Some("b")]));
    assert_eq!(matched(r"(.*)\.nix", "a.b.nix"), groups(&[Some("a.b")]));
    assert_eq!(matched("[[:space:]]+([[:upper:]]+)[[:space:]]+", "  FOO   "), groups(&[Some("FOO")]));
    assert_eq!(matched("", ""), groups(&[]));
    assert_eq!(matched("(a*)(a*)", "aaa"), groups(&[Some("aaa"), Some("")]));
    assert_eq!(matched("^a$", "a"), groups(&[]));
    assert_eq!(matched(".", "\n"), groups(&[]));
    assert_eq!(matched(".", "é"), None);
    assert_eq!(matched("..", "é"), groups(&[]));
    assert_eq!(matched("]}", "]}"), groups(&[]));
}

#[test]
fn groups_keep_earlier_rounds() {
    assert_eq!(matched("((a)|b)*", "ab"), groups(&[Some("b"), Some("a")]));
    assert_eq!(matched("(a|ab)(c|bcd)(d*)", "abcd"), groups(&[Some("a"), Some("bcd"), Some("")]));
}

#[test]
fn empty_loops_end() {
    assert_eq!(matched("(a*)*", "aa"), groups(&[Some("")]));
    assert_eq!(matched("(a*)*b", "aab"), groups(&[Some("")]));
    assert_eq!(matched("(a|b*)*", "abba"), groups(&[Some("")]));
    assert_eq!(matched("()*", ""), groups(&[Some("")]));
    assert_eq!(matched("(()|a)+", "a"), groups(&[Some(""), Some("")]));
}

#[test]
fn intervals() {
    assert_eq!(matched("a{2}", "aa"), groups(&[]));
    assert_eq!(matched("a{2}", "aaa"), None);
    assert_eq!(matched("a{2,}", "aaaa"), groups(&[]));
    assert_eq!(matched("a{1,2}", "aaa"), None);
    assert_eq!(matched("(ab){0,2}", "abab"), groups(&[Some("ab")]));
    assert_eq!(matched("a{0}", ""), groups(&[]));
    assert_eq!(matched("a**", "aaa"), groups(&[]));
    assert_eq!(matched("(a{1,2}){2}", "aaa"), groups(&[Some("a")]));
}

#[test]
fn splits() {
    assert_eq!(split("(a)b", "abc"), r#""" [a] "c""#);
    assert_eq!(split("([ac])", "abc"), r#""" [a] "b" [c] """#);
    assert_eq!(split("(a)|(c)", "abc"), r#""" [a null] "b" [null c] """#);
    assert_eq!(split("", "abc"), r#""" [] "a" [] "b" [] "c" [] """#);
    assert_eq!(split("b*", "abc"), r#""" [] "a" [] "" [] "c" [] """#);
    assert_eq!(split("^a", "aaa"), r#""" [] "aa""#);
    assert_eq!(split("a|ab", "abab"), r#""" [] "" [] """#);
    assert_eq!(split("x", "abc"), r#""abc""#);
    assert_eq!(split("$", "a"), r#""a" [] """#);
}

#[test]
fn brackets() {
    for (set, inside, outside) in [
        ("[]]", "]", "a"),
        ("[^]]", "a", "]"),
        ("[]-a]", "]^_`a", "b"),
        ("[a-]", "a-", "b"),
        ("[-a]", "a-", "b"),
        ("[--/]", "-./", ","),
        ("[\\n]", "\\n", "x"),
        ("[[.hyphen.]]", "-", "h"),
        ("[[.a.]-c]", "abc", "d"),
        ("[[=a=]]", "aA", "b"),
        ("[[:ALPHA:]]", "xX", "1"),
        ("[[:w:]]", "a_9", "-"),
        ("[[]", "[", "]"),
        ("[a^]", "a^", "b"),
        ("[.]", ".", "a"),
    ] {
        for character in inside.chars() {
            assert!(matched(set, &character.to_string()).is_some(), "{set} {character}");
        }
        assert!(matched(set, outside).is_none(), "{set} {outside}");
    }
}

#[test]
fn rejects() {
    for pattern in [
        "*a",
        "a|*",
        "(*)",
        "^*",
        "(",
        ")",
        "(a",
        "a)",
        "[a",
        "[",
        "[]",
        "[^]",
        "a{",
        "a{,2}",
        "a{2",
        "a{2,1}",
        "a{x}",
        "{1}",
        r"\",
        r"\s",
        r"\d",
        r"(a)\1",
        r"\]",
        r"\}",
        r"\-",
        "[z-a]",
        "[a-c-e]",
        "[[:foo:]]",
        "[[.foo.]]",
        "[[:alpha:]-z]",
        "[[:alpha",
        "[a--z]",
        "[é-a]x(",
        "a{99999999999}",
    ] {
        assert_eq!(Regex::new(pattern.as_bytes()).err(), Some(RegexError::Invalid), "{pattern}");
    }
    for pattern in ["(a{1000}){1000}", "a{100000}", "((((a{20}){20}){20}){20}){20}"] {
        assert_eq!(Regex::new(pattern.as_bytes()).err(), Some(RegexError::TooLarge), "{pattern}");
    }
    assert_eq!(RegexError::Invalid.message("(.*"), "invalid regular expression '(.*'");
    assert_eq!(RegexError::TooLarge.message("x"), "memory limit exceeded by regular expression 'x'");
}

#[test]
fn searches_stay_polynomial() {
    let text = "a".repeat(3000);
    for pattern in ["(a|aa)*b", "(a*)*b", "((a|b)*c|(a|b)*d)*e", "(a?){40}b"] {
        assert_eq!(matched(pattern, &text), None, "{pattern}");
    }
    let text = "a".repeat(1_000_000);
    assert!(matched("(a|b)*", &text).is_some());
    assert!(matched("((a|b)(a|b))*", &text).is_some());
}

#[test]
fn deep_patterns() {
    let pattern = "(".repeat(20_000) + &")".repeat(20_000);
    assert!(matched(&pattern, "").is_some());
}

proptest::proptest! {
    #[test]
    fn never_panics(pattern in "[ab.*+?|(){}0-2,^$\\\\\\[\\]:=a-]{0,16}", text in "[ab\n]{0,12}") {
        if let Ok(regex) = Regex::new(pattern.as_bytes()) {
            let mut scratch = Scratch::default();
            let whole = regex.full_match(text.as_bytes(), &mut scratch).is_some();
            let mut matches = regex.matches(text.as_bytes(), &mut scratch);
            let mut last = 0;
            let mut spans = Vec::new();
            while let Some((span, _)) = matches.next() {
                assert!(span.0 >= last && span.1 >= span.0);
                last = span.1;
                spans.push(span);
            }
            proptest::prop_assert!(!whole || !spans.is_empty());
        }
    }
}
