//! The hash of a derivation modulo how its fixed-output inputs are made.
//!
//! Two derivations that differ only in how the same fixed content is fetched must have the same outputs. So every input
//! derivation is replaced by a hash: that of its content where it is fixed, else the hash modulo of itself. Where an
//! input's content decides its path, nothing can be said before it is built: the hash is deferred.

use std::collections::BTreeMap;
use std::sync::Arc;

use firn_hash::{Algo, Hash, Hasher, base16};
use firn_path::{PathError, StoreDir, StorePath};

use crate::aterm::{Inputs, print_with};
use crate::{Derivation, DerivationError, DerivationOutput, InputNode};

/// What replaces an input derivation: its hash, and the names of the outputs used.
pub(crate) type HashedInput<'a> = (Hash, Vec<&'a str>);

/// What stands for a derivation where it is another one's input. Cheap to clone, so that it can be remembered by path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HashModulo {
    /// All outputs are input-addressed: one hash for the derivation.
    Hash(Hash),
    /// Outputs are fixed: a hash for each by name, which stands for a derivation with the output `out`.
    Fixed(Arc<BTreeMap<String, Hash>>),
    /// Nothing can be said before the build.
    Deferred,
}

/// Buffers that computing hashes needs, kept from one derivation to the next.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(crate) text: Vec<u8>,
}

impl Scratch {
    /// Starts with empty buffers.
    #[must_use]
    pub fn new() -> Scratch {
        Scratch::default()
    }

    /// The ATerm that was written last; after [`Derivation::instantiate`] the content of the `.drv` file.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.text
    }
}

impl Derivation {
    /// The hash that stands for this derivation in those that use it. `lookup` gives that of an input derivation,
    /// usually remembered from when it was instantiated.
    ///
    /// # Errors
    /// Those of `lookup`; outputs of which no type or path can be made; an input's output that has no hash.
    pub fn hash_modulo<E: From<DerivationError>>(
        &self,
        dir: &StoreDir,
        scratch: &mut Scratch,
        lookup: impl FnMut(&StorePath) -> Result<HashModulo, E>,
    ) -> Result<HashModulo, E> {
        if self.derivation_type()?.is_fixed() {
            return Ok(HashModulo::Fixed(Arc::new(self.fixed_hashes(dir).map_err(DerivationError::from)?)));
        }
        if !self.outputs.values().all(|output| matches!(output, DerivationOutput::InputAddressed(_))) {
            return Ok(HashModulo::Deferred);
        }
        Ok(self.hash_with(dir, false, scratch, lookup)?.map_or(HashModulo::Deferred, HashModulo::Hash))
    }

    /// The hash from which the paths of input-addressed outputs are made: as [`Derivation::hash_modulo`] but with the
    /// outputs' own paths left out. `None` where an input defers it.
    ///
    /// # Errors
    /// As [`Derivation::hash_modulo`].
    pub fn own_hash<E: From<DerivationError>>(
        &self,
        dir: &StoreDir,
        scratch: &mut Scratch,
        lookup: impl FnMut(&StorePath) -> Result<HashModulo, E>,
    ) -> Result<Option<Hash>, E> {
        self.hash_with(dir, true, scratch, lookup)
    }

    fn hash_with<E: From<DerivationError>>(
        &self,
        dir: &StoreDir,
        masked: bool,
        scratch: &mut Scratch,
        lookup: impl FnMut(&StorePath) -> Result<HashModulo, E>,
    ) -> Result<Option<Hash>, E> {
        let Some(inputs) = hashed_inputs(&self.input_drvs, &self.name, lookup)? else {
            return Ok(None);
        };
        Ok(Some(self.hash_over(dir, masked, &inputs, scratch)?))
    }

    pub(crate) fn hash_over(
        &self,
        dir: &StoreDir,
        masked: bool,
        inputs: &[HashedInput<'_>],
        scratch: &mut Scratch,
    ) -> Result<Hash, DerivationError> {
        scratch.text.clear();
        print_with(self, dir, &Inputs::Hashed(inputs), masked, &mut scratch.text)?;
        Ok(Hash::of(Algo::Sha256, &scratch.text))
    }

    pub(crate) fn fixed_hashes(&self, dir: &StoreDir) -> Result<BTreeMap<String, Hash>, PathError> {
        let mut hashes = BTreeMap::new();
        for (name, output) in &self.outputs {
            let (DerivationOutput::Fixed(ca), Some(path)) = (output, output.path(dir, &self.name, name)?)
            else {
                continue;
            };
            let mut text = Vec::with_capacity(256);
            text.extend_from_slice(b"fixed:out:");
            text.extend_from_slice(ca.method.prefix().as_bytes());
            text.extend_from_slice(ca.hash.algo().name().as_bytes());
            text.push(b':');
            base16::encode_to(ca.hash.as_bytes(), &mut text);
            text.push(b':');
            dir.print_to(&path, &mut text);
            let mut hasher = Hasher::new(Algo::Sha256);
            hasher.update(&text);
            hashes.insert(name.clone(), hasher.finish());
        }
        Ok(hashes)
    }
}

/// The hashes that replace the input derivations, sorted and merged; `None` where one is deferred.
pub(crate) fn hashed_inputs<'a, E: From<DerivationError>>(
    input_drvs: &'a BTreeMap<StorePath, InputNode>,
    drv_name: &str,
    mut lookup: impl FnMut(&StorePath) -> Result<HashModulo, E>,
) -> Result<Option<Vec<HashedInput<'a>>>, E> {
    let mut inputs: Vec<HashedInput<'a>> = Vec::with_capacity(input_drvs.len());
    for (path, node) in input_drvs {
        if !node.dynamic.is_empty() {
            return Ok(None);
        }
        match lookup(path)? {
            HashModulo::Deferred => return Ok(None),
            HashModulo::Hash(hash) => {
                inputs.push((hash, node.outputs.iter().map(String::as_str).collect()));
            }
            HashModulo::Fixed(hashes) => {
                for output in &node.outputs {
                    let hash = hashes.get(output).ok_or_else(|| DerivationError::NoInputHash {
                        output: output.clone(),
                        drv: drv_name.to_owned(),
                    })?;
                    inputs.push((*hash, vec!["out"]));
                }
            }
        }
    }
    inputs.sort_by_key(|input| input.0);
    inputs.dedup_by(|later, earlier| {
        let same = later.0 == earlier.0;
        if same {
            earlier.1.append(&mut later.1);
            earlier.1.sort_unstable();
            earlier.1.dedup();
        }
        same
    });
    Ok(Some(inputs))
}
