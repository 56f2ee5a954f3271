//! Regular expressions of `builtins.match` and `builtins.split`.
//!
//! The reference hands patterns to `std::regex` with the flag `extended`, so the language has whatever libstdc++ does: a
//! backtracking search over bytes in the C locale that is neither Perl's nor POSIX's. The rules that differ from a common
//! engine:
//! - an alternation tries both sides and keeps the strictly longer overall match (the left one on a tie), while a repetition
//!   gives up its last iteration only when everything behind it failed: the match is "nearly" the longest one;
//! - groups keep what an earlier iteration of a repetition captured;
//! - the body of a repetition may match the empty string at most twice in one place;
//! - a pattern is rejected when it has a repetition without an operand, a back-reference, `\` before an ordinary character, a
//!   descending range (bytes compare signed), or more than 100,000 states ([`RegexError::TooLarge`]).
//!
//! [`parse`] builds the same automaton as libstdc++ (the state count is observable), [`exec`] runs it depth first with a stack
//! of its own. When a search takes many steps it starts to remember which (state, position) pairs were explored: visiting one
//! again can't give a strictly longer match, so the result is unchanged and the time stays polynomial. Where that is not
//! enough the search gives up: [`Scratch::exhausted`] ([`RegexError::TooLarge`] for the user; libstdc++ runs out of stack long before).

mod bracket;
mod exec;
mod memo;
mod parse;

pub use exec::{Matches, Scratch, Span};
use parse::Program;

/// Why a pattern was rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegexError {
    /// The pattern is not an extended regular expression.
    #[error("invalid regular expression")]
    Invalid,
    /// The automaton of the pattern has more than 100,000 states.
    #[error("memory limit exceeded by regular expression")]
    TooLarge,
}

impl RegexError {
    /// Gives the message of the reference for `pattern`.
    pub fn message(self, pattern: &str) -> String {
        format!("{self} '{pattern}'")
    }
}

impl Scratch {
    /// Whether the last search gave up because it took more time or memory than any use of patterns justifies. What it gave
    /// then says nothing.
    #[must_use]
    pub fn exhausted(&self) -> bool {
        self.exhausted
    }
}

/// A compiled pattern. Compiling costs far more than matching: callers keep one a pattern.
#[derive(Debug)]
pub struct Regex {
    program: Program,
}

impl Regex {
    /// Compiles `pattern` as `std::regex::extended` does.
    pub fn new(pattern: &[u8]) -> Result<Regex, RegexError> {
        Ok(Regex { program: parse::compile(pattern)? })
    }

    /// The number of groups (pairs of parentheses) in the pattern.
    pub fn groups(&self) -> usize {
        self.program.groups - 1
    }

    /// Matches the whole of `text`; on success gives the spans of the groups (not of the whole match), `None` for a group
    /// that took no part.
    pub fn full_match<'s>(&self, text: &[u8], scratch: &'s mut Scratch) -> Option<&'s [Option<Span>]> {
        exec::full_match(&self.program, text, scratch).then(|| &scratch.best[1..])
    }

    /// Steps through the matches of the pattern in `text`, left to right, as `std::regex_iterator` does.
    pub fn matches<'r, 't, 's>(&'r self, text: &'t [u8], scratch: &'s mut Scratch) -> Matches<'r, 't, 's> {
        Matches::new(&self.program, text, scratch)
    }
}

#[cfg(test)]
mod tests;
