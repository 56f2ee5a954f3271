//! What may go wrong with a flake.

/// Why a flake cannot be read, locked or evaluated; texts are the reference's where it has one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FlakeError {
    /// Fetching an input failed.
    #[error(transparent)]
    Fetch(#[from] firn_fetch::FetchError),
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
}
