//! Any bytes are unpacked as an archive or refused, within the limits.
#![no_main]

use firn_source::{MemAccessor, TarLimits, unpack_tar};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let limits = TarLimits { members: 1000, bytes: 1 << 20, path: 1000 };
    if let Ok(unpacked) = unpack_tar(bytes, &mut MemAccessor::new(), &limits) {
        assert!(unpacked.members <= 1000 && unpacked.bytes <= 1 << 20);
    }
});
