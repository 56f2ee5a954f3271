//! Narinfos: any text parses or is refused; what parses prints, and prints the same again.
#![no_main]

use firn_cache::NarInfo;
use firn_path::StoreDir;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(dir) = StoreDir::new("/nix/store") else { return };
    let Ok(narinfo) = NarInfo::parse(&dir, text, "fuzz") else { return };
    let printed = narinfo.render(&dir);
    let again = NarInfo::parse(&dir, &printed, "fuzz").expect("what was printed parses");
    assert_eq!(again.render(&dir), printed);
});
