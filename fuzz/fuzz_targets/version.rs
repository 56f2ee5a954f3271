//! Versions: comparing is an order, and the components make up the version.
#![no_main]

use std::cmp::Ordering;

use firn_eval::text::version::{compare, components, parse_drv_name};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&[u8], &[u8])| {
    let (a, b) = input;
    assert_eq!(compare(a, b), compare(b, a).reverse());
    assert_eq!(compare(a, a), Ordering::Equal);
    let parts: Vec<&[u8]> = components(a).collect();
    assert!(parts.iter().all(|p| !p.is_empty()));
    let joined: Vec<u8> = parts.concat();
    let bare: Vec<u8> = a.iter().copied().filter(|c| !matches!(c, b'.' | b'-')).collect();
    assert_eq!(joined, bare);
    let (name, version) = parse_drv_name(a);
    assert!(a.starts_with(name) && a.ends_with(version));
});
