//! TOML of `fromTOML`: any bytes are read or refused, without a panic, and errors can be shown.
#![no_main]

use firn_eval::text::toml::parse;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let _ = parse(text).map_err(|e| e.to_string());
});
