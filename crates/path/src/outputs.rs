//! Which outputs of a derivation are meant.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::{PathError, check_name};

/// A choice of outputs: all, or these.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OutputsSpec {
    /// `*`: all outputs that the derivation has.
    All,
    /// Names of outputs, not empty where parsed.
    Names(BTreeSet<String>),
}

impl OutputsSpec {
    /// The choice of one output.
    #[must_use]
    pub fn one(output: impl Into<String>) -> OutputsSpec {
        OutputsSpec::Names(BTreeSet::from([output.into()]))
    }

    /// Tells whether `output` is among those chosen.
    #[must_use]
    pub fn contains(&self, output: &str) -> bool {
        match self {
            OutputsSpec::All => true,
            OutputsSpec::Names(names) => names.contains(output),
        }
    }

    /// What either chooses.
    #[must_use]
    pub fn union(&self, other: &OutputsSpec) -> OutputsSpec {
        match (self, other) {
            (OutputsSpec::Names(a), OutputsSpec::Names(b)) => OutputsSpec::Names(a | b),
            _ => OutputsSpec::All,
        }
    }

    /// Tells whether `other` chooses at least as much.
    #[must_use]
    pub fn is_subset_of(&self, other: &OutputsSpec) -> bool {
        match (self, other) {
            (_, OutputsSpec::All) => true,
            (OutputsSpec::All, OutputsSpec::Names(_)) => false,
            (OutputsSpec::Names(a), OutputsSpec::Names(b)) => a.is_subset(b),
        }
    }
}

impl fmt::Display for OutputsSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OutputsSpec::All => f.write_str("*"),
            OutputsSpec::Names(names) => {
                for (i, name) in names.iter().enumerate() {
                    if i > 0 {
                        f.write_str(",")?;
                    }
                    f.write_str(name)?;
                }
                Ok(())
            }
        }
    }
}

impl FromStr for OutputsSpec {
    type Err = PathError;

    /// Parses `*` or `a,b,c`.
    fn from_str(text: &str) -> Result<OutputsSpec, PathError> {
        if text == "*" {
            return Ok(OutputsSpec::All);
        }
        let mut names = BTreeSet::new();
        for name in text.split(',') {
            check_name(name)?;
            names.insert(name.to_owned());
        }
        Ok(OutputsSpec::Names(names))
    }
}

/// A choice of outputs on the command line, where none may be stated.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExtendedOutputsSpec {
    /// Nothing stated: what the package itself says, or `out`.
    Default,
    /// Stated after `^`.
    Explicit(OutputsSpec),
}

impl ExtendedOutputsSpec {
    /// Splits `x^out,dev` at its last `^`; without one the choice is the default.
    ///
    /// # Errors
    /// Something after the `^` that names no outputs.
    pub fn parse(text: &str) -> Result<(&str, ExtendedOutputsSpec), PathError> {
        let Some((prefix, outputs)) = text.rsplit_once('^') else {
            return Ok((text, ExtendedOutputsSpec::Default));
        };
        match outputs.parse() {
            Ok(spec) => Ok((prefix, ExtendedOutputsSpec::Explicit(spec))),
            Err(_) => Err(PathError::BadExtendedOutputs(text.to_owned())),
        }
    }
}

impl fmt::Display for ExtendedOutputsSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExtendedOutputsSpec::Default => Ok(()),
            ExtendedOutputsSpec::Explicit(spec) => write!(f, "^{spec}"),
        }
    }
}
