//! What stands for store paths that are not known yet.

use firn_hash::{Algo, Hash, compress, nix32};
use firn_path::{PathError, SingleDerivedPath, StorePath, output_path_name};

/// What stands for a derivation's own output within it, as `builtins.placeholder` gives it.
#[must_use]
pub fn placeholder(output: &str) -> String {
    render(&Hash::of(Algo::Sha256, format!("nix-output:{output}").as_bytes()))
}

/// What stands in a derivation for an output of another one whose path depends on its content.
///
/// # Errors
/// A path that is not a derivation's.
pub fn upstream(drv: &StorePath, output: &str) -> Result<String, PathError> {
    upstream_hash(drv, output).map(|hash| render(&hash))
}

/// What stands for `derived` in a derivation that uses it; a plain store path has no placeholder.
///
/// # Errors
/// A path at the bottom that is not a derivation's.
pub fn downstream(derived: &SingleDerivedPath) -> Result<Option<String>, PathError> {
    Ok(downstream_hash(derived)?.map(|hash| render(&hash)))
}

fn downstream_hash(derived: &SingleDerivedPath) -> Result<Option<Hash>, PathError> {
    // from the derivation at the bottom upwards, so that deep nesting does not recurse
    let mut outputs = Vec::new();
    let mut this = derived;
    let base = loop {
        match this {
            SingleDerivedPath::Opaque(path) => break path,
            SingleDerivedPath::Built { drv, output } => {
                outputs.push(output);
                this = drv;
            }
        }
    };
    let Some(first) = outputs.pop() else {
        return Ok(None);
    };
    let mut hash = upstream_hash(base, first)?;
    for output in outputs.into_iter().rev() {
        let folded = nix32::encode(&compress::<20>(hash.as_bytes()));
        hash = Hash::of(Algo::Sha256, format!("nix-computed-output:{folded}:{output}").as_bytes());
    }
    Ok(Some(hash))
}

fn upstream_hash(drv: &StorePath, output: &str) -> Result<Hash, PathError> {
    let name = output_path_name(drv.derivation_name()?, output);
    let text = format!("nix-upstream-output:{}:{name}", drv.hash_part());
    Ok(Hash::of(Algo::Sha256, text.as_bytes()))
}

fn render(hash: &Hash) -> String {
    let mut text = vec![b'/'];
    nix32::encode_to(hash.as_bytes(), &mut text);
    String::from_utf8(text).unwrap_or_default()
}
