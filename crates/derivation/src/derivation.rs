//! The derivation as a value.

use std::collections::{BTreeMap, BTreeSet};

use firn_hash::Algo;
use firn_path::{
    ContentAddress, ContentMethod, PathError, References, SingleDerivedPath, StoreDir, StorePath,
    StorePathSet, output_path_name,
};

use crate::{DerivationError, structured::STRUCTURED_ATTRS};

/// A string of the language: any bytes.
pub type Bytes = Vec<u8>;

/// Environment variables in the order in which they are written.
pub type Env = BTreeMap<Bytes, Bytes>;

/// One output of a derivation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DerivationOutput {
    /// The path depends on how the output is made.
    InputAddressed(StorePath),
    /// The content is known beforehand; the path follows from it.
    Fixed(ContentAddress),
    /// The path depends on the content that the build gives; experimental feature `ca-derivations`.
    Floating {
        /// How the content is turned into bytes.
        method: ContentMethod,
        /// How these are hashed.
        algo: Algo,
    },
    /// The path depends on how the output is made, and on inputs whose paths are not known yet.
    Deferred,
    /// As floating, but every build may give something else; experimental feature `impure-derivations`.
    Impure {
        /// How the content is turned into bytes.
        method: ContentMethod,
        /// How these are hashed.
        algo: Algo,
    },
}

impl DerivationOutput {
    /// The output's path where it is known before the build.
    ///
    /// # Errors
    /// A name or content address of which no path can be made.
    pub fn path(&self, dir: &StoreDir, drv_name: &str, output: &str) -> Result<Option<StorePath>, PathError> {
        match self {
            DerivationOutput::InputAddressed(path) => Ok(Some(path.clone())),
            DerivationOutput::Fixed(ca) => {
                let name = output_path_name(drv_name, output);
                dir.make_content_addressed_path(&name, ca, &References::default()).map(Some)
            }
            _ => Ok(None),
        }
    }
}

/// Which outputs of an input derivation are used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InputNode {
    /// Outputs used as they are.
    pub outputs: BTreeSet<String>,
    /// Outputs that are derivations, and what is used of these; experimental feature `dynamic-derivations`.
    pub dynamic: BTreeMap<String, InputNode>,
}

impl InputNode {
    /// These outputs, nothing dynamic.
    pub fn from_outputs(outputs: impl IntoIterator<Item = impl Into<String>>) -> InputNode {
        InputNode { outputs: outputs.into_iter().map(Into::into).collect(), dynamic: BTreeMap::new() }
    }
}

/// What kind of outputs a derivation has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DerivationType {
    /// Paths depend on the inputs.
    InputAddressed {
        /// Whether the paths wait for inputs.
        deferred: bool,
    },
    /// Paths depend on the content.
    ContentAddressed {
        /// Whether the build is kept from the network.
        sandboxed: bool,
        /// Whether the content is known beforehand.
        fixed: bool,
    },
    /// Outputs differ from build to build.
    Impure,
}

impl DerivationType {
    /// Whether paths depend on the content.
    #[must_use]
    pub fn is_content_addressed(self) -> bool {
        !matches!(self, DerivationType::InputAddressed { .. })
    }

    /// Whether the content is known beforehand.
    #[must_use]
    pub fn is_fixed(self) -> bool {
        matches!(self, DerivationType::ContentAddressed { fixed: true, .. })
    }

    /// Whether all outputs' paths are known before the build.
    #[must_use]
    pub fn has_known_output_paths(self) -> bool {
        matches!(
            self,
            DerivationType::InputAddressed { deferred: false }
                | DerivationType::ContentAddressed { fixed: true, .. }
        )
    }

    /// Whether the build is kept from the network.
    #[must_use]
    pub fn is_sandboxed(self) -> bool {
        match self {
            DerivationType::InputAddressed { .. } => true,
            DerivationType::ContentAddressed { sandboxed, .. } => sandboxed,
            DerivationType::Impure => false,
        }
    }

    /// Whether outputs differ from build to build.
    #[must_use]
    pub fn is_impure(self) -> bool {
        self == DerivationType::Impure
    }
}

/// What is built, from what, and into which outputs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Derivation {
    /// The name, without `.drv`; not part of the written form but of the path.
    pub name: String,
    /// The outputs by name.
    pub outputs: BTreeMap<String, DerivationOutput>,
    /// The derivations whose outputs are used.
    pub input_drvs: BTreeMap<StorePath, InputNode>,
    /// The other store paths that are used.
    pub input_srcs: StorePathSet,
    /// The system to build on.
    pub platform: String,
    /// The program to run, or `builtin:…`.
    pub builder: Bytes,
    /// Its arguments.
    pub args: Vec<Bytes>,
    /// Its environment; structured attributes are under `__json`.
    pub env: Env,
}

impl Derivation {
    /// Decides the kind of the outputs.
    ///
    /// # Errors
    /// No outputs, outputs of different kinds, or several or misnamed fixed ones.
    pub fn derivation_type(&self) -> Result<DerivationType, DerivationError> {
        let mut decided = None;
        let mut floating_algo = None;
        for (name, output) in &self.outputs {
            let kind = match output {
                DerivationOutput::InputAddressed(_) => DerivationType::InputAddressed { deferred: false },
                DerivationOutput::Deferred => DerivationType::InputAddressed { deferred: true },
                DerivationOutput::Fixed(_) => {
                    DerivationType::ContentAddressed { sandboxed: false, fixed: true }
                }
                DerivationOutput::Floating { .. } => {
                    DerivationType::ContentAddressed { sandboxed: true, fixed: false }
                }
                DerivationOutput::Impure { .. } => DerivationType::Impure,
            };
            match decided {
                None => decided = Some(kind),
                Some(before) if before != kind => return Err(DerivationError::MixedOutputs),
                Some(before) if before.is_fixed() => return Err(DerivationError::SeveralFixed),
                Some(_) => {}
            }
            match output {
                DerivationOutput::Fixed(_) if name != "out" => return Err(DerivationError::FixedNotOut),
                DerivationOutput::Floating { algo, .. } if *floating_algo.get_or_insert(*algo) != *algo => {
                    return Err(DerivationError::SeveralAlgos);
                }
                _ => {}
            }
        }
        decided.ok_or(DerivationError::NoOutputs)
    }

    /// Whether the builder is part of Nix itself.
    #[must_use]
    pub fn is_builtin(&self) -> bool {
        self.builder.starts_with(b"builtin:")
    }

    /// Whether an input is an output of a derivation that is itself an output.
    #[must_use]
    pub fn has_dynamic_inputs(&self) -> bool {
        self.input_drvs.values().any(|node| !node.dynamic.is_empty())
    }

    /// The value of an environment variable.
    #[must_use]
    pub fn env_get(&self, name: &str) -> Option<&[u8]> {
        self.env.get(name.as_bytes()).map(Vec::as_slice)
    }

    /// Whether attributes are passed as JSON.
    #[must_use]
    pub fn has_structured_attrs(&self) -> bool {
        self.env.contains_key(STRUCTURED_ATTRS.as_bytes())
    }

    /// The paths of all outputs, where they are known before the build.
    ///
    /// # Errors
    /// A name or content address of which no path can be made.
    pub fn output_paths(&self, dir: &StoreDir) -> Result<BTreeMap<String, Option<StorePath>>, PathError> {
        let paths = self.outputs.iter();
        paths.map(|(name, output)| Ok((name.clone(), output.path(dir, &self.name, name)?))).collect()
    }

    /// What the `.drv` file refers to: sources and derivations, in ascending order.
    pub fn references(&self) -> impl Iterator<Item = &StorePath> {
        let mut srcs = self.input_srcs.iter().peekable();
        let mut drvs = self.input_drvs.keys().peekable();
        std::iter::from_fn(move || match (srcs.peek(), drvs.peek()) {
            (Some(src), Some(drv)) if src == drv => {
                srcs.next();
                drvs.next()
            }
            (Some(src), Some(drv)) if src < drv => srcs.next(),
            (Some(_), None) => srcs.next(),
            _ => drvs.next(),
        })
    }

    /// All inputs as derived paths: sources, then outputs of derivations.
    #[must_use]
    pub fn inputs(&self) -> BTreeSet<SingleDerivedPath> {
        let mut inputs: BTreeSet<_> =
            self.input_srcs.iter().cloned().map(SingleDerivedPath::Opaque).collect();
        for (drv, node) in &self.input_drvs {
            add_inputs(SingleDerivedPath::Opaque(drv.clone()), node, &mut inputs);
        }
        inputs
    }

    /// The experimental features without which the reference refuses this derivation.
    #[must_use]
    pub fn experimental_features(&self) -> BTreeSet<&'static str> {
        let mut features = BTreeSet::new();
        for output in self.outputs.values() {
            let (method, algo) = match output {
                DerivationOutput::Fixed(ca) => (ca.method, ca.hash.algo()),
                DerivationOutput::Floating { method, algo } => {
                    features.insert("ca-derivations");
                    (*method, *algo)
                }
                DerivationOutput::Impure { method, algo } => {
                    features.insert("impure-derivations");
                    (*method, *algo)
                }
                DerivationOutput::InputAddressed(_) | DerivationOutput::Deferred => continue,
            };
            features.extend(method.experimental_feature());
            features.extend(algo.experimental_feature());
        }
        if self.has_dynamic_inputs() {
            features.insert("dynamic-derivations");
        }
        features
    }
}

fn add_inputs(drv: SingleDerivedPath, node: &InputNode, inputs: &mut BTreeSet<SingleDerivedPath>) {
    let drv = std::sync::Arc::new(drv);
    for output in &node.outputs {
        inputs.insert(SingleDerivedPath::Built { drv: drv.clone(), output: output.clone() });
    }
    for (output, child) in &node.dynamic {
        add_inputs(SingleDerivedPath::Built { drv: drv.clone(), output: output.clone() }, child, inputs);
    }
}
