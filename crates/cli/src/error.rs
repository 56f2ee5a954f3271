//! How a command fails: what the user reads, and the exit status.

/// A failure of a command.
#[derive(Debug)]
pub enum CliError {
    /// The command line itself is wrong: the message, and the name that `Try 'NAME --help'` gives.
    Usage(String, String),
    /// The command failed: the rendered message (without `error: `) and the exit status.
    Failed(String, u8),
    /// The command failed: the message as it is shown, `error: ` and all, and the exit status.
    Rendered(String, u8),
    /// The command failed and has said so already.
    Status(u8),
    /// The user interrupted the command.
    Interrupted,
    /// The flake that was named wants other settings, and the user trusts it: the command starts again with them.
    Reconfigure(Box<firn_settings::Settings>),
}

impl CliError {
    /// The message alone.
    pub fn text(self) -> String {
        match self {
            CliError::Usage(text, _) | CliError::Failed(text, _) | CliError::Rendered(text, _) => text,
            CliError::Status(status) => format!("exit status {status}"),
            CliError::Interrupted => "interrupted by the user".to_owned(),
            CliError::Reconfigure(_) => "the flake's settings cannot be applied here".to_owned(),
        }
    }

    /// A failure with exit status 1.
    pub fn new(message: impl Into<String>) -> Self {
        CliError::Failed(message.into(), 1)
    }
}

/// Every library error becomes a failure with exit status 1; commands that know better say so.
impl<E: std::error::Error> From<E> for CliError {
    fn from(error: E) -> Self {
        CliError::new(error.to_string())
    }
}
