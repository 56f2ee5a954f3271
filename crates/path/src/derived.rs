//! Paths that exist, and outputs of derivations that may still have to be built.

use std::sync::Arc;

use crate::{OutputsSpec, PathError, StoreDir, StorePath};

/// How deep outputs of outputs may nest in a text.
const MAX_NESTING: usize = 64;

/// A store path, or one output of a derivation. The derivation may itself be an output of another one
/// (experimental feature `dynamic-derivations`, see [`SingleDerivedPath::is_dynamic`]).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SingleDerivedPath {
    /// A store path as it is.
    Opaque(StorePath),
    /// An output of a derivation.
    Built {
        /// The derivation.
        drv: Arc<SingleDerivedPath>,
        /// The output's name.
        output: String,
    },
}

impl SingleDerivedPath {
    /// The output of a derivation that exists in the store.
    #[must_use]
    pub fn built(drv: StorePath, output: impl Into<String>) -> SingleDerivedPath {
        SingleDerivedPath::Built { drv: Arc::new(SingleDerivedPath::Opaque(drv)), output: output.into() }
    }

    /// The store path at the bottom.
    #[must_use]
    pub fn base_path(&self) -> &StorePath {
        let mut this = self;
        loop {
            match this {
                SingleDerivedPath::Opaque(path) => return path,
                SingleDerivedPath::Built { drv, .. } => this = drv,
            }
        }
    }

    /// Tells whether this is an output of a derivation that is itself an output.
    #[must_use]
    pub fn is_dynamic(&self) -> bool {
        matches!(self, SingleDerivedPath::Built { drv, .. } if matches!(**drv, SingleDerivedPath::Built { .. }))
    }

    /// Writes `/nix/store/….drv^out`.
    #[must_use]
    pub fn print(&self, dir: &StoreDir) -> String {
        self.print_with(dir, '^')
    }

    /// Writes `/nix/store/….drv!out`, as the protocols and string contexts of old do.
    #[must_use]
    pub fn print_legacy(&self, dir: &StoreDir) -> String {
        self.print_with(dir, '!')
    }

    /// Parses `/nix/store/….drv^out`, nested or not, or a store path.
    ///
    /// # Errors
    /// Something that is no store path, or nesting beyond 64 levels.
    pub fn parse(dir: &StoreDir, text: &str) -> Result<SingleDerivedPath, PathError> {
        parse_single(dir, text, '^')
    }

    /// Parses the form with `!`.
    ///
    /// # Errors
    /// As [`SingleDerivedPath::parse`].
    pub fn parse_legacy(dir: &StoreDir, text: &str) -> Result<SingleDerivedPath, PathError> {
        parse_single(dir, text, '!')
    }

    fn print_with(&self, dir: &StoreDir, separator: char) -> String {
        match self {
            SingleDerivedPath::Opaque(path) => dir.print(path),
            SingleDerivedPath::Built { drv, output } => {
                let mut text = drv.print_with(dir, separator);
                text.push(separator);
                text.push_str(output);
                text
            }
        }
    }
}

impl From<StorePath> for SingleDerivedPath {
    fn from(path: StorePath) -> SingleDerivedPath {
        SingleDerivedPath::Opaque(path)
    }
}

/// A store path, or some outputs of a derivation: what commands are asked to build.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DerivedPath {
    /// A store path as it is.
    Opaque(StorePath),
    /// Outputs of a derivation.
    Built {
        /// The derivation.
        drv: Arc<SingleDerivedPath>,
        /// Which outputs.
        outputs: OutputsSpec,
    },
}

impl DerivedPath {
    /// Outputs of a derivation that exists in the store.
    #[must_use]
    pub fn built(drv: StorePath, outputs: OutputsSpec) -> DerivedPath {
        DerivedPath::Built { drv: Arc::new(SingleDerivedPath::Opaque(drv)), outputs }
    }

    /// The store path at the bottom.
    #[must_use]
    pub fn base_path(&self) -> &StorePath {
        match self {
            DerivedPath::Opaque(path) => path,
            DerivedPath::Built { drv, .. } => drv.base_path(),
        }
    }

    /// Writes `/nix/store/….drv^out,dev`.
    #[must_use]
    pub fn print(&self, dir: &StoreDir) -> String {
        match self {
            DerivedPath::Opaque(path) => dir.print(path),
            DerivedPath::Built { drv, outputs } => format!("{}^{outputs}", drv.print(dir)),
        }
    }

    /// Writes `/nix/store/….drv!out,dev`, as the protocols do.
    #[must_use]
    pub fn print_legacy(&self, dir: &StoreDir) -> String {
        match self {
            DerivedPath::Opaque(path) => dir.print(path),
            DerivedPath::Built { drv, outputs } => format!("{}!{outputs}", drv.print_legacy(dir)),
        }
    }

    /// Parses `/nix/store/….drv^out,dev`, `….drv^*`, or a store path.
    ///
    /// # Errors
    /// Something that is no store path, wrong names of outputs, or nesting beyond 64 levels.
    pub fn parse(dir: &StoreDir, text: &str) -> Result<DerivedPath, PathError> {
        parse(dir, text, '^')
    }

    /// Parses the form with `!`.
    ///
    /// # Errors
    /// As [`DerivedPath::parse`].
    pub fn parse_legacy(dir: &StoreDir, text: &str) -> Result<DerivedPath, PathError> {
        parse(dir, text, '!')
    }
}

impl From<SingleDerivedPath> for DerivedPath {
    fn from(single: SingleDerivedPath) -> DerivedPath {
        match single {
            SingleDerivedPath::Opaque(path) => DerivedPath::Opaque(path),
            SingleDerivedPath::Built { drv, output } => {
                DerivedPath::Built { drv, outputs: OutputsSpec::one(output) }
            }
        }
    }
}

fn parse_single(dir: &StoreDir, text: &str, separator: char) -> Result<SingleDerivedPath, PathError> {
    let mut parts = text.split(separator);
    let mut parsed = SingleDerivedPath::Opaque(dir.parse(parts.next().unwrap_or_default())?);
    for (depth, output) in parts.enumerate() {
        if depth >= MAX_NESTING {
            return Err(PathError::NestedTooDeeply(text.to_owned()));
        }
        parsed = SingleDerivedPath::Built { drv: Arc::new(parsed), output: output.to_owned() };
    }
    Ok(parsed)
}

fn parse(dir: &StoreDir, text: &str, separator: char) -> Result<DerivedPath, PathError> {
    match text.rsplit_once(separator) {
        None => Ok(DerivedPath::Opaque(dir.parse(text)?)),
        Some((drv, outputs)) => Ok(DerivedPath::Built {
            drv: Arc::new(parse_single(dir, drv, separator)?),
            outputs: outputs.parse()?,
        }),
    }
}
