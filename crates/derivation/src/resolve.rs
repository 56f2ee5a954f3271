//! Replacing inputs by what they were built to.
//!
//! A derivation whose inputs' paths depend on their content is resolved before it is built: the inputs become plain
//! store paths, and their placeholders in its strings become these paths.

use firn_path::{SingleDerivedPath, StoreDir, StorePath};

use crate::{Bytes, Derivation, DerivationError, DerivationType, HashModulo, Scratch, placeholder};

/// A placeholder and what replaces it.
pub type Rewrite = (Bytes, Bytes);

impl Derivation {
    /// Tells whether the derivation must be resolved before it can be built. `ca_derivations`: whether the
    /// experimental feature of this name is on, which also resolves fixed-output derivations.
    ///
    /// # Errors
    /// As [`Derivation::derivation_type`].
    pub fn should_resolve(&self, ca_derivations: bool) -> Result<bool, DerivationError> {
        if self.input_drvs.is_empty() {
            return Ok(false);
        }
        let needed = match self.derivation_type()? {
            DerivationType::InputAddressed { deferred } => deferred,
            DerivationType::ContentAddressed { fixed, .. } => !fixed || ca_derivations,
            DerivationType::Impure => true,
        };
        Ok(needed || self.has_dynamic_inputs())
    }

    /// The derivation with all inputs replaced by the paths that `built` gives for them (a derivation and the name of
    /// one of its outputs), and the paths of its outputs where they can now be computed. `None` where `built` does not
    /// know a path. `ca_derivations` as in [`Derivation::should_resolve`]: whether strings have placeholders.
    ///
    /// # Errors
    /// An input that is not a derivation; outputs whose paths are not what they should be.
    pub fn resolve(
        &self,
        dir: &StoreDir,
        ca_derivations: bool,
        mut built: impl FnMut(&SingleDerivedPath, &str) -> Option<StorePath>,
    ) -> Result<Option<Derivation>, DerivationError> {
        let mut resolved = Derivation { input_drvs: Default::default(), ..self.clone() };
        let mut rewrites = std::collections::BTreeMap::new();
        for input in self.inputs() {
            let SingleDerivedPath::Built { drv, output } = &input else {
                continue;
            };
            let Some(path) = built(drv, output) else {
                return Ok(None);
            };
            if ca_derivations {
                if let Some(placeholder) = placeholder::downstream(&input)? {
                    rewrites.insert(placeholder.into_bytes(), dir.print(&path).into_bytes());
                }
            }
            resolved.input_srcs.insert(path);
        }
        resolved.apply_rewrites(&rewrites.into_iter().collect::<Vec<_>>());
        let no_inputs = |path: &StorePath| -> Result<HashModulo, DerivationError> {
            Err(DerivationError::UnknownInput(path.to_string()))
        };
        resolved.fill_output_paths(dir, &mut Scratch::new(), no_inputs)?;
        Ok(Some(resolved))
    }

    /// Replaces strings in the builder, the arguments and the environment, names included.
    pub fn apply_rewrites(&mut self, rewrites: &[Rewrite]) {
        if rewrites.is_empty() {
            return;
        }
        rewrite(&mut self.builder, rewrites);
        for arg in &mut self.args {
            rewrite(arg, rewrites);
        }
        for (mut name, mut value) in std::mem::take(&mut self.env) {
            rewrite(&mut name, rewrites);
            rewrite(&mut value, rewrites);
            self.env.entry(name).or_insert(value);
        }
    }
}

/// Replaces every first string by its second in `text`, one pair after the other.
pub fn rewrite(text: &mut Bytes, rewrites: &[Rewrite]) {
    for (from, to) in rewrites {
        if from == to || from.is_empty() {
            continue;
        }
        let mut found = memchr::memmem::find_iter(text, from).peekable();
        if found.peek().is_none() {
            continue;
        }
        let mut out = Vec::with_capacity(text.len());
        let mut end = 0;
        for at in found {
            out.extend_from_slice(&text[end..at]);
            out.extend_from_slice(to);
            end = at + from.len();
        }
        out.extend_from_slice(&text[end..]);
        *text = out;
    }
}
