//! Errors of evaluation, as data.
//!
//! A function that fails returns [`Fail`]: a marker without contents, so that `Result<Value, Fail>` is one word. The
//! error itself is kept by the evaluation ([`crate::Ctx::error`] …); callers up the stack may add frames to its trace.
//! Colours are part of messages as terminal escapes, as in the reference; whoever shows them strips these if need be.

use std::borrow::Cow;

use crate::heap::Value;
use crate::pos::Pos;

/// "Something failed; what, the context knows."
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fail;

/// The outcome of an evaluation.
pub type Res<T = Value> = Result<T, Fail>;

/// What kind of error it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Any other error of evaluation.
    Eval,
    /// A value of another type was wanted.
    Type,
    /// `assert` failed.
    Assertion,
    /// `throw` was called.
    Throw,
    /// `abort` was called.
    Abort,
    /// A name that nothing defines.
    UndefinedVariable,
    /// An attribute that is not there.
    MissingAttribute,
    /// A function of the command line lacks an argument.
    MissingArgument,
    /// A value that needs itself.
    InfiniteRecursion,
    /// Too many calls within each other.
    StackOverflow,
    /// Something that a restricted or pure evaluation may not do.
    Restricted,
    /// A source text that cannot be parsed.
    Parse,
    /// The world outside failed: files, store, network, builds.
    Outside,
    /// What was fetched has another hash than was said; programs end with status 102.
    HashMismatch,
    /// Something was called by a name that does not exist; programs point to their help.
    Usage,
    /// The user interrupted.
    Interrupted,
}

impl ErrorKind {
    /// Whether `tryEval` catches it.
    pub fn is_catchable(self) -> bool {
        matches!(self, ErrorKind::Assertion | ErrorKind::Throw)
    }
}

/// A frame of a trace: what was being done, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Where, if anywhere.
    pub pos: Pos,
    /// What was being done.
    pub text: Cow<'static, str>,
    /// Shown even where a trace is cut short.
    pub always: bool,
}

/// An error.
#[derive(Clone, Debug)]
pub struct EvalError {
    /// Its kind.
    pub kind: ErrorKind,
    /// What failed, with terminal escapes around the variable parts.
    pub message: String,
    /// Where.
    pub pos: Pos,
    /// How it came about: the innermost frame first.
    pub traces: Vec<Trace>,
    /// Names that were perhaps meant.
    pub suggestions: Vec<String>,
    /// The thunk that needs itself, for [`ErrorKind::InfiniteRecursion`].
    pub cycle: Option<Value>,
}

/// Start of a variable part of a message.
pub const ARG: &str = "\u{1b}[35;1m";
/// End of a variable part of a message.
pub const END: &str = "\u{1b}[0m";

/// Shows a variable part of a message in its colour.
pub struct Arg<T>(pub T);

impl<T: std::fmt::Display> std::fmt::Display for Arg<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{ARG}{}{END}", self.0)
    }
}

/// `format!` for messages: every argument is coloured as the reference colours it. Only positional `{}`.
#[macro_export]
macro_rules! msg {
    ($fmt:literal $(, $arg:expr)* $(,)?) => {
        ::std::format!($fmt $(, $crate::error::Arg($arg))*)
    };
}

/// Removes terminal escapes (colours and the like) and `\r` from a text, as the reference does when it does not write to a
/// terminal.
pub fn strip_ansi(s: &str) -> String {
    let mut out = String::with_capacity(s.len());
    let mut it = s.chars().peekable();
    while let Some(c) = it.next() {
        match c {
            '\u{1b}' => match it.peek() {
                Some('[') => {
                    it.next();
                    while it.peek().is_some_and(|c| ('\u{30}'..='\u{3f}').contains(c)) {
                        it.next();
                    }
                    while it.peek().is_some_and(|c| ('\u{20}'..='\u{2f}').contains(c)) {
                        it.next();
                    }
                    if it.peek().is_some_and(|c| ('\u{40}'..='\u{7e}').contains(c)) {
                        it.next();
                    }
                }
                Some(']') => {
                    // An operating system command, for instance a link: up to BEL or ESC \.
                    while let Some(c) = it.next() {
                        if c == '\u{7}' || (c == '\u{1b}' && it.next_if_eq(&'\\').is_some()) {
                            break;
                        }
                    }
                }
                Some(c) if ('\u{40}'..='\u{5f}').contains(c) => {
                    it.next();
                }
                _ => {}
            },
            '\r' => {}
            c => out.push(c),
        }
    }
    out
}
