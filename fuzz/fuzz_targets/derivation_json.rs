//! Any JSON is read as a derivation or refused; what is accepted comes back.
#![no_main]

use firn_derivation::{Derivation, structured};
use firn_path::StoreDir;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|text: &[u8]| {
    let Ok(json) = serde_json::from_slice::<Value>(text) else { return };
    let _ = structured::dump(&json);
    if let Value::Object(attrs) = &json {
        let _ = structured::write_shell(attrs);
    }
    let dir = StoreDir::default();
    let Ok(drv) = Derivation::from_json(&json, &dir) else { return };
    let Ok(printed) = drv.to_json() else { return };
    assert_eq!(Derivation::from_json(&printed, &dir).expect("what was printed is read"), drv);
});
