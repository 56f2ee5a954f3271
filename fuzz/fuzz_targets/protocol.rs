//! What comes over a connection: frames, path infos, derivations, results, streams. Nothing panics, and what is announced
//! takes no memory before it comes.
#![no_main]

use std::io::Read;

use firn_events::Events;
use firn_path::{DerivedPath, StoreDir, StorePath};
use firn_protocol::framed::FramedReader;
use firn_protocol::frames::read_frames;
use firn_protocol::objects::{self, ResultForm};
use firn_protocol::wire::ReadWire;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((which, bytes)) = bytes.split_first() else { return };
    let (Ok(dir), Ok(path)) = (StoreDir::new("/nix/store"), StorePath::from_hash(&[0; 20], "x")) else { return };
    let mut input = bytes;
    match which % 7 {
        0 => drop(read_frames(&mut input, &Events::none())),
        1 => drop(objects::read_path_info(&mut input, &dir, path)),
        2 => {
            if let Ok(drv) = objects::read_derivation(&mut input, &dir, "x") {
                let mut out = Vec::new();
                if objects::write_derivation(&mut out, &dir, &drv).is_ok() {
                    let again = objects::read_derivation(&mut out.as_slice(), &dir, "x").expect("it was written");
                    assert_eq!(again, drv);
                }
            }
        }
        3 | 4 => {
            let form = ResultForm { cpu: true, plain_outputs: which % 7 == 3, outputs: true };
            drop(objects::read_result(&mut input, &dir, DerivedPath::Opaque(path), form));
        }
        5 => drop(std::io::copy(&mut FramedReader::new(&mut input).take(1 << 20), &mut std::io::sink())),
        _ => drop((input.texts(), input.paths(&dir), objects::read_targets(&mut input, &dir))),
    }
});
