//! Any text parses as a store path, content address or derived path, or is refused; what parses prints the same.
#![no_main]

use firn_path::{ContentAddress, DerivedPath, ExtendedOutputsSpec, SingleDerivedPath, StoreDir, StorePath};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let dir = StoreDir::default();
    if let Ok(path) = text.parse::<StorePath>() {
        assert_eq!(path.base_name(), text);
        assert_eq!(dir.parse(&dir.print(&path)), Ok(path));
    }
    if let Ok(path) = dir.parse_canonical(text) {
        assert_eq!(dir.print(&path), text);
    }
    let _ = dir.parse(text);
    if let Ok((path, rest)) = dir.to_store_path(text) {
        assert!(text.ends_with(rest));
        assert!(path.name().len() <= 211);
    }
    if let Ok(address) = text.parse::<ContentAddress>() {
        assert_eq!(address.to_string().parse(), Ok(address));
    }
    if let Ok(path) = DerivedPath::parse(&dir, text) {
        assert_eq!(DerivedPath::parse(&dir, &path.print(&dir)), Ok(path));
    }
    let _ = DerivedPath::parse_legacy(&dir, text);
    let _ = SingleDerivedPath::parse(&dir, text);
    let _ = ExtendedOutputsSpec::parse(text);
});
