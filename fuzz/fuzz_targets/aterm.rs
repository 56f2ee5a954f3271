//! Any bytes parse as a derivation or are refused. What parses prints, and that parses to the same.
#![no_main]

use firn_derivation::options::DerivationOptions;
use firn_derivation::{Derivation, DerivationError, HashModulo, InputNode, Scratch, aterm};
use firn_path::{StoreDir, StorePath};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let dir = StoreDir::default();
    let Ok(mut drv) = aterm::parse(&dir, text, "name") else { return };
    let mut printed = Vec::new();
    aterm::print(&drv, &dir, &mut printed).expect("what was parsed prints");
    // the names of outputs and the platform are not escaped when printed, as in the reference
    if plain(&drv.platform)
        && drv.outputs.keys().all(|name| plain(name))
        && drv.input_drvs.values().all(plain_node)
    {
        assert_eq!(aterm::parse(&dir, &printed, "name").expect("what was printed parses"), drv);
    }
    let _ = DerivationOptions::parse(&drv, &dir, true, &mut Vec::new());
    if let Ok(json) = drv.to_json() {
        let _ = Derivation::from_json(&json, &dir);
    }
    let _ = drv.resolve(&dir, true, |_, _| Some(StorePath::from_hash(&[0; 20], "x").expect("a valid name")));
    let lookup = |_: &StorePath| -> Result<HashModulo, DerivationError> { Ok(HashModulo::Deferred) };
    let _ = drv.instantiate(&dir, &mut Scratch::new(), lookup);
});

fn plain(text: &str) -> bool {
    !text.contains(['"', '\\'])
}

fn plain_node(node: &InputNode) -> bool {
    node.outputs.iter().chain(node.dynamic.keys()).all(|name| plain(name))
        && node.dynamic.values().all(plain_node)
}
