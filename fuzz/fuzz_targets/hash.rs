//! Any text parses as a hash or is refused; what parses prints and parses again.
#![no_main]

use firn_hash::{Algo, Format, Hash, base64, nix32};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for algo in [None, Some(Algo::Sha1), Some(Algo::Sha256)] {
        if let Ok((hash, _)) = Hash::parse_any_with_format(text, algo) {
            for format in [Format::Base16, Format::Nix32, Format::Base64, Format::Sri] {
                assert_eq!(Hash::parse_any(&hash.render(format, true), None), Ok(hash));
            }
        }
    }
    let _ = Hash::parse_sri(text);
    let _ = base64::decode(text);
    if let Ok(bytes) = nix32::decode(text) {
        assert!(bytes.len() <= text.len());
    }
});
