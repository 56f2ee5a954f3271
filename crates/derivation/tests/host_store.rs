//! Every derivation in the host's store: printing what was parsed gives the same bytes, and computing paths anew gives
//! the path it has.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::fs;

use firn_derivation::{Derivation, DerivationError, DerivationOutput, HashModulo, Scratch, aterm};
use firn_path::{StoreDir, StorePath};

/// The store is somebody else's and may be large: this many derivations are enough.
const LIMIT: usize = 2000;

struct Memo {
    dir: StoreDir,
    hashes: HashMap<StorePath, HashModulo>,
}

impl Memo {
    fn get(&mut self, path: &StorePath) -> Result<HashModulo, DerivationError> {
        if let Some(hash) = self.hashes.get(path) {
            return Ok(hash.clone());
        }
        let text =
            fs::read(self.dir.print(path)).map_err(|_| DerivationError::UnknownInput(path.to_string()))?;
        let drv = aterm::parse(&self.dir, &text, path.derivation_name()?)?;
        let dir = self.dir.clone();
        let hash = drv.hash_modulo(&dir, &mut Scratch::new(), |input| self.get(input))?;
        self.hashes.insert(path.clone(), hash.clone());
        Ok(hash)
    }
}

#[test]
fn derivations_in_the_store_are_reproduced() {
    let dir = StoreDir::default();
    let Ok(entries) = fs::read_dir(dir.as_str()) else {
        println!("skipped: there is no {dir}");
        return;
    };
    let mut memo = Memo { dir: dir.clone(), hashes: HashMap::new() };
    let mut scratch = Scratch::new();
    let mut count = 0;
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(path) = name.to_str().and_then(|name| name.parse::<StorePath>().ok()) else { continue };
        if !path.is_derivation() || count >= LIMIT {
            continue;
        }
        let Ok(text) = fs::read(entry.path()) else { continue };
        let drv = aterm::parse(&dir, &text, path.derivation_name().unwrap())
            .unwrap_or_else(|error| panic!("{path}: {error}"));
        let mut printed = Vec::new();
        aterm::print(&drv, &dir, &mut printed).unwrap();
        assert_eq!(String::from_utf8_lossy(&printed), String::from_utf8_lossy(&text), "{path}");
        match recompute(&drv, &mut memo, &mut scratch) {
            Ok(computed) => assert_eq!(computed, path),
            Err(DerivationError::UnknownInput(_)) => {}
            Err(error) => panic!("{path}: {error}"),
        }
        count += 1;
    }
    if count == 0 {
        println!("skipped: there are no derivations in {dir}");
    }
}

/// Forgets the outputs' paths and instantiates again.
fn recompute(drv: &Derivation, memo: &mut Memo, scratch: &mut Scratch) -> Result<StorePath, DerivationError> {
    let mut drv = drv.clone();
    for (name, output) in &mut drv.outputs {
        if matches!(output, DerivationOutput::InputAddressed(_)) {
            *output = DerivationOutput::Deferred;
        }
        if matches!(output, DerivationOutput::Deferred | DerivationOutput::Fixed(_)) {
            if let Some(value) = drv.env.get_mut(name.as_bytes()) {
                value.clear();
            }
        }
    }
    let dir = memo.dir.clone();
    Ok(drv.instantiate(&dir, scratch, |input| memo.get(input))?.path)
}
