//! Regular expressions of `match` and `split`: a pattern is compiled or refused, and matches lie in their order.
#![no_main]

use firn_eval::text::regex::{Regex, Scratch};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&[u8], &[u8])| {
    let (pattern, text) = input;
    // Loops within loops may take time that grows with their number: see the module.
    let (pattern, text) = (&pattern[..pattern.len().min(24)], &text[..text.len().min(64)]);
    let Ok(regex) = Regex::new(pattern) else { return };
    let mut scratch = Scratch::default();
    let whole = regex.full_match(text, &mut scratch).is_some();
    let mut matches = regex.matches(text, &mut scratch);
    let (mut end, mut count) = (0, 0);
    while let Some((span, groups)) = matches.next() {
        assert!(end <= span.0 && span.0 <= span.1 && span.1 <= text.len());
        assert_eq!(groups.len(), regex.groups());
        (end, count) = (span.1, count + 1);
    }
    assert!(!whole || count > 0);
});
