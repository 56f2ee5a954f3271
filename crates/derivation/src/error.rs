//! What can be wrong with a derivation; the texts are the reference's where it has one.

use firn_path::PathError;

/// A derivation that can't be parsed, computed or used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DerivationError {
    /// The text goes on in another way than the format says.
    #[error("expected string '{0}'")]
    Expected(String),
    /// A string without end.
    #[error("unterminated string in derivation")]
    Unterminated,
    /// Something follows the derivation's end.
    #[error("unexpected text after the end of the derivation")]
    TrailingText,
    /// The text starts with something else.
    #[error("derivation does not start with 'Derive' or 'DrvWithVersion'")]
    NoDerivation,
    /// A version that nobody knows.
    #[error("Unknown derivation ATerm format version '{0}'")]
    UnknownVersion(String),
    /// An input derivation whose outputs are written in no known form.
    #[error("invalid inputDrvs entry in derivation")]
    InvalidInput,
    /// An input derivation of which nothing is used.
    #[error("inputDrvs entry for '{0}' specifies no outputs")]
    InputWithoutOutputs(String),
    /// Outputs of outputs nested deeper than any sane derivation has them.
    #[error("inputs of the derivation are nested too deeply")]
    NestedTooDeeply,
    /// Something that has to be text and is not UTF-8.
    #[error("derivation contains {what} that is not valid UTF-8: '{text}'")]
    NotUtf8 {
        /// What it is.
        what: &'static str,
        /// The bytes, as well as they can be shown.
        text: String,
    },
    /// An impure output with a path.
    #[error("impure derivation output should not specify output path")]
    ImpureWithPath,
    /// A floating output with a path.
    #[error("content-addressing derivation output should not specify output path")]
    FloatingWithPath,
    /// A fixed output whose path is not what its hash makes it.
    #[error("derivation output '{output}' has path '{path}', which does not match its content address")]
    FixedPathMismatch {
        /// The output's name.
        output: String,
        /// The path stated.
        path: String,
    },
    /// Outputs of several kinds.
    #[error("can't mix derivation output types")]
    MixedOutputs,
    /// Several fixed outputs.
    #[error("only one fixed output is allowed for now")]
    SeveralFixed,
    /// A fixed output of another name.
    #[error("single fixed output must be named \"out\"")]
    FixedNotOut,
    /// Floating outputs with several algorithms.
    #[error("all floating outputs must use the same hash algorithm")]
    SeveralAlgos,
    /// No outputs at all.
    #[error("must have at least one output")]
    NoOutputs,
    /// An input's output of which there is no hash.
    #[error("no hash for output '{output}' of derivation '{drv}'")]
    NoInputHash {
        /// The output's name.
        output: String,
        /// The name of the derivation that wants it.
        drv: String,
    },
    /// An input whose hash modulo is needed and was not given.
    #[error("the hash of the input derivation '{0}' is not known")]
    UnknownInput(String),
    /// An output path that differs from the computed one.
    #[error("derivation has incorrect output '{actual}', should be '{expected}'")]
    IncorrectOutput {
        /// The path stated.
        actual: String,
        /// The path computed.
        expected: String,
    },
    /// An output path where none can be known yet.
    #[error("derivation has incorrect output '{0}', should be deferred")]
    ShouldBeDeferred(String),
    /// No environment variable for an output.
    #[error(
        "derivation has missing environment variable '{name}', should be '{expected}' but is not present"
    )]
    MissingVariable {
        /// The output's and variable's name.
        name: String,
        /// The path it should have.
        expected: String,
    },
    /// An environment variable for an output with another path.
    #[error(
        "derivation has incorrect environment variable '{name}', should be '{expected}' but is actually '{actual}'"
    )]
    IncorrectVariable {
        /// The output's and variable's name.
        name: String,
        /// The path it should have.
        expected: String,
        /// What it has.
        actual: String,
    },
    /// A name that differs from that in the path.
    #[error("derivation '{path}' has name '{name}' which does not match its path")]
    NameMismatch {
        /// The derivation's path.
        path: String,
        /// The name it states.
        name: String,
    },
    /// Structured attributes that are no JSON.
    #[error("cannot process __json attribute: {0}")]
    BadStructuredAttrs(String),
    /// An environment variable that only structured attributes may use.
    #[error(
        "Cannot have an environment variable named '__json'. This key is reserved for encoding structured attrs"
    )]
    ReservedVariable,
    /// JSON of another shape than a derivation's.
    #[error("{message}")]
    Json {
        /// What is wrong.
        message: String,
        /// Where, the innermost place first (`while reading key 'env'`).
        traces: Vec<String>,
    },
    /// An attribute that speaks to the builder and has a wrong value.
    #[error("{message}")]
    Option {
        /// What is wrong.
        message: String,
        /// Where, the innermost place first (`while parsing attribute "…"`).
        traces: Vec<String>,
    },
    /// A wrong store path, name, hash or content address.
    #[error(transparent)]
    Path(#[from] PathError),
}

impl From<firn_hash::HashError> for DerivationError {
    fn from(error: firn_hash::HashError) -> DerivationError {
        DerivationError::Path(error.into())
    }
}

impl DerivationError {
    /// An error about the shape of JSON, without places.
    pub(crate) fn json(message: impl Into<String>) -> DerivationError {
        DerivationError::Json { message: message.into(), traces: Vec::new() }
    }

    /// An error about an attribute, without places.
    pub(crate) fn option(message: impl Into<String>) -> DerivationError {
        DerivationError::Option { message: message.into(), traces: Vec::new() }
    }

    /// Adds a place to an error that carries places.
    #[must_use]
    pub(crate) fn traced(mut self, place: impl FnOnce() -> String) -> DerivationError {
        if let DerivationError::Json { traces, .. } | DerivationError::Option { traces, .. } = &mut self {
            traces.push(place());
        }
        self
    }

    /// Where the error happened, the innermost place first; empty for most errors.
    #[must_use]
    pub fn traces(&self) -> &[String] {
        match self {
            DerivationError::Json { traces, .. } | DerivationError::Option { traces, .. } => traces,
            _ => &[],
        }
    }
}
