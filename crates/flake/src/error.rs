//! What may go wrong with a flake.

use firn_fetch::FetchError;

/// Why a flake cannot be read, locked or evaluated; texts are the reference's where it has one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FlakeError {
    /// Fetching an input failed.
    #[error(transparent)]
    Fetch(FetchError),
    /// Evaluating a `flake.nix` failed.
    #[error("{}", .0.message)]
    Evaluation(Box<firn_eval::EvalError>),
    /// A tree has another hash than was said.
    #[error("{0}")]
    HashMismatch(String),
    /// Anything that is best said in words.
    #[error("{0}")]
    Message(String),
    /// The same, with what was being done: `context` first, then the cause.
    #[error("{context}\n{cause}")]
    While {
        /// What was being done.
        context: String,
        /// Why it failed.
        cause: Box<FlakeError>,
    },
}

impl From<FetchError> for FlakeError {
    /// Fetching within fetching becomes what was being done.
    fn from(error: FetchError) -> FlakeError {
        let (error, inputs) = error.root_cause();
        let mut error = match error {
            FetchError::HashMismatch(text) => FlakeError::HashMismatch(text),
            other => FlakeError::Fetch(other),
        };
        for input in inputs {
            error = error.while_doing(format!("while fetching the input '{input}'"));
        }
        error
    }
}

impl FlakeError {
    /// An error in words.
    pub fn new(message: impl Into<String>) -> FlakeError {
        FlakeError::Message(message.into())
    }
    /// The error that an evaluation was just stopped by.
    pub fn evaluation(ctx: &mut firn_eval::Ctx) -> FlakeError {
        FlakeError::Evaluation(Box::new(ctx.take_error()))
    }
    /// The error with what was being done.
    pub fn while_doing(self, context: impl Into<String>) -> FlakeError {
        FlakeError::While { context: context.into(), cause: Box::new(self) }
    }
    /// The innermost error, and what was being done, the innermost first.
    pub fn root_cause(self) -> (FlakeError, Vec<String>) {
        let (mut error, mut contexts) = (self, Vec::new());
        while let FlakeError::While { context, cause } = error {
            contexts.push(context);
            error = *cause;
        }
        contexts.reverse();
        (error, contexts)
    }
}
