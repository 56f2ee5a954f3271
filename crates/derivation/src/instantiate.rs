//! From a derivation whose outputs wait for their paths to one that can lie in the store.

use firn_hash::{Algo, Hash};
use firn_path::{StoreDir, StorePath};

use crate::{Bytes, Derivation, DerivationError, DerivationOutput, HashModulo, Scratch, aterm};

/// What filling in the outputs' paths found out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filled {
    /// Texts about which the reference warns.
    pub warnings: Vec<String>,
}

/// A derivation that is ready for the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instantiated {
    /// The path of its `.drv` file.
    pub path: StorePath,
    /// What stands for it where it is an input; to be remembered under [`Instantiated::path`].
    pub modulo: HashModulo,
}

impl Derivation {
    /// Fills in the paths of outputs, computes the derivation's own path and the hash that stands for it, all in one
    /// go. Afterwards [`Scratch::text`] is the content of the `.drv` file.
    ///
    /// # Errors
    /// As [`Derivation::fill_output_paths`]; a wrong name.
    pub fn instantiate<E: From<DerivationError>>(
        &mut self,
        dir: &StoreDir,
        scratch: &mut Scratch,
        lookup: impl FnMut(&StorePath) -> Result<HashModulo, E>,
    ) -> Result<Instantiated, E> {
        let kind = self.derivation_type()?;
        let modulo = if kind.is_fixed() {
            self.process_outputs(dir, None, true)?;
            HashModulo::Fixed(std::sync::Arc::new(self.fixed_hashes(dir).map_err(DerivationError::from)?))
        } else if kind.is_content_addressed() {
            HashModulo::Deferred
        } else {
            // the inputs' hashes borrow the derivation, whose outputs change meanwhile
            let input_drvs = std::mem::take(&mut self.input_drvs);
            let result = self.instantiate_input_addressed(dir, scratch, &input_drvs, lookup);
            self.input_drvs = input_drvs;
            result?
        };
        let path = self.drv_path(dir, scratch)?;
        Ok(Instantiated { path, modulo })
    }

    fn instantiate_input_addressed<E: From<DerivationError>>(
        &mut self,
        dir: &StoreDir,
        scratch: &mut Scratch,
        input_drvs: &std::collections::BTreeMap<StorePath, crate::InputNode>,
        lookup: impl FnMut(&StorePath) -> Result<HashModulo, E>,
    ) -> Result<HashModulo, E> {
        let Some(inputs) = crate::modulo::hashed_inputs(input_drvs, &self.name, lookup)? else {
            self.process_outputs(dir, Some(None), true)?;
            return Ok(HashModulo::Deferred);
        };
        let own = self.hash_over(dir, true, &inputs, scratch)?;
        self.process_outputs(dir, Some(Some(own)), true)?;
        Ok(HashModulo::Hash(self.hash_over(dir, false, &inputs, scratch)?))
    }

    /// The path of the `.drv` file, whose content [`Scratch::text`] is afterwards.
    ///
    /// # Errors
    /// A wrong name.
    pub fn drv_path(&self, dir: &StoreDir, scratch: &mut Scratch) -> Result<StorePath, DerivationError> {
        scratch.text.clear();
        aterm::print(self, dir, &mut scratch.text)?;
        let hash = Hash::of(Algo::Sha256, &scratch.text);
        let mut name = String::with_capacity(self.name.len() + 4);
        name.push_str(&self.name);
        name.push_str(firn_path::DRV_EXTENSION);
        Ok(dir.make_text_path(&name, &hash, self.references())?)
    }

    /// Turns deferred outputs into input-addressed ones where all inputs have hashes, and sets the outputs'
    /// environment variables. Outputs that have paths already are checked.
    ///
    /// # Errors
    /// Those of `lookup`; outputs of different kinds; paths or variables that are not what they should be.
    pub fn fill_output_paths<E: From<DerivationError>>(
        &mut self,
        dir: &StoreDir,
        scratch: &mut Scratch,
        lookup: impl FnMut(&StorePath) -> Result<HashModulo, E>,
    ) -> Result<Filled, E> {
        let hash = self.hash_for_outputs(dir, scratch, lookup)?;
        Ok(Filled { warnings: self.process_outputs(dir, hash, true)? })
    }

    /// Checks that outputs' paths and environment variables are what they should be, as a store does before it takes
    /// a derivation.
    ///
    /// # Errors
    /// As [`Derivation::fill_output_paths`]; a `path` with another name.
    pub fn check_invariants<E: From<DerivationError>>(
        &self,
        path: &StorePath,
        dir: &StoreDir,
        scratch: &mut Scratch,
        lookup: impl FnMut(&StorePath) -> Result<HashModulo, E>,
    ) -> Result<Filled, E> {
        if path.derivation_name().map_err(DerivationError::from)? != self.name {
            return Err(
                DerivationError::NameMismatch { path: dir.print(path), name: self.name.clone() }.into()
            );
        }
        let hash = self.hash_for_outputs(dir, scratch, lookup)?;
        // checking changes nothing, so a copy without the big parts is enough
        let mut copy = Derivation {
            name: self.name.clone(),
            outputs: self.outputs.clone(),
            env: self
                .outputs
                .keys()
                .filter_map(|name| self.env.get_key_value(name.as_bytes()))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            ..Derivation::default()
        };
        Ok(Filled { warnings: copy.process_outputs(dir, hash, false)? })
    }

    /// The own hash where an output needs it: `None` where none does, `Some(None)` where it is deferred.
    fn hash_for_outputs<E: From<DerivationError>>(
        &self,
        dir: &StoreDir,
        scratch: &mut Scratch,
        lookup: impl FnMut(&StorePath) -> Result<HashModulo, E>,
    ) -> Result<Option<Option<Hash>>, E> {
        if self.derivation_type()?.is_content_addressed() {
            return Ok(None);
        }
        Ok(Some(self.own_hash(dir, scratch, lookup)?))
    }

    fn process_outputs(
        &mut self,
        dir: &StoreDir,
        hash: Option<Option<Hash>>,
        fill: bool,
    ) -> Result<Vec<String>, DerivationError> {
        let mut warnings = Vec::new();
        let mut outputs = std::mem::take(&mut self.outputs);
        let mut result = Ok(());
        for (name, output) in &mut outputs {
            result = self.process_output(dir, hash, fill, name, output, &mut warnings);
            if result.is_err() {
                break;
            }
        }
        self.outputs = outputs;
        result.map(|()| warnings)
    }

    fn process_output(
        &mut self,
        dir: &StoreDir,
        hash: Option<Option<Hash>>,
        fill: bool,
        name: &str,
        output: &mut DerivationOutput,
        warnings: &mut Vec<String>,
    ) -> Result<(), DerivationError> {
        let computed = match hash {
            Some(Some(hash)) => Some(dir.make_output_path(name, &hash, &self.name)?),
            _ => None,
        };
        match (&*output, computed) {
            (DerivationOutput::InputAddressed(path), Some(computed)) if *path == computed => {
                self.process_variable(dir, &computed, fill, false, name, warnings)
            }
            (DerivationOutput::InputAddressed(path), Some(computed)) => {
                Err(DerivationError::IncorrectOutput {
                    actual: dir.print(path),
                    expected: dir.print(&computed),
                })
            }
            (DerivationOutput::InputAddressed(path), None) => {
                Err(DerivationError::ShouldBeDeferred(dir.print(path)))
            }
            (DerivationOutput::Deferred, Some(computed)) if fill => {
                self.process_variable(dir, &computed, true, true, name, warnings)?;
                *output = DerivationOutput::InputAddressed(computed);
                Ok(())
            }
            (DerivationOutput::Deferred, Some(computed)) => {
                warnings.push(format!(
                    "derivation has incorrect deferred output, should be '{}'.\nThis will be an error in future versions of Nix; compatibility of CA derivations will be broken.",
                    dir.display(&computed)
                ));
                Ok(())
            }
            (DerivationOutput::Fixed(_), _) => match output.path(dir, &self.name, name)? {
                Some(path) => self.process_variable(dir, &path, fill, false, name, warnings),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn process_variable(
        &mut self,
        dir: &StoreDir,
        path: &StorePath,
        fill: bool,
        was_deferred: bool,
        name: &str,
        warnings: &mut Vec<String>,
    ) -> Result<(), DerivationError> {
        let expected = dir.print(path);
        let Some(value) = self.env.get_mut(name.as_bytes()) else {
            if !fill {
                return Err(DerivationError::MissingVariable { name: name.to_owned(), expected });
            }
            self.env.insert(name.as_bytes().to_vec(), expected.into_bytes());
            return Ok(());
        };
        if fill && value.is_empty() {
            *value = expected.into_bytes();
            return Ok(());
        }
        if value == expected.as_bytes() {
            return Ok(());
        }
        let actual = String::from_utf8_lossy(value).into_owned();
        let error = DerivationError::IncorrectVariable { name: name.to_owned(), expected, actual };
        if !was_deferred {
            return Err(error);
        }
        warnings.push(format!(
            "{error}\nThis will be an error in future versions of Nix; compatibility of CA derivations will be broken."
        ));
        *value = dir.print(path).into_bytes() as Bytes;
        Ok(())
    }
}
