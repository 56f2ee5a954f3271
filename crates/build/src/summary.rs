//! What a command says when builds have failed.

use firn_path::{DerivedPath, StoreDir};
use firn_store::BuildResult;

/// The errors of a command: some to be shown, one to end with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Errors to show before, each complete but without `error: `.
    pub shown: Vec<String>,
    /// The error that the command ends with.
    pub error: String,
}

/// What to say about results; `None` if all went well. Targets that were given up because another one failed (failures
/// without a text) are not mentioned.
pub fn summarise(dir: &StoreDir, results: &[BuildResult]) -> Option<Summary> {
    let failed: Vec<&BuildResult> = results.iter().filter(|r| !r.status.is_success()).collect();
    let said: Vec<&BuildResult> = failed.iter().copied().filter(|r| !r.error.is_empty()).collect();
    match said.as_slice() {
        [] if failed.is_empty() => None,
        [] => Some(Summary { shown: Vec::new(), error: "interrupted by the user".to_owned() }),
        [one] => Some(Summary { shown: Vec::new(), error: one.error.clone() }),
        many => {
            let mut names: Vec<String> =
                many.iter().map(|r| format!("'{}'", print(dir, &r.target))).collect();
            names.sort();
            Some(Summary {
                shown: many.iter().map(|r| r.error.clone()).collect(),
                error: format!("build of {} failed", names.join(", ")),
            })
        }
    }
}

fn print(dir: &StoreDir, target: &DerivedPath) -> String {
    target.print(dir)
}

/// An error as the reference shows it in a log: `error: ` before, further lines indented.
pub fn indent_error(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    out.push_str("error: ");
    for (i, line) in text.lines().enumerate() {
        if i > 0 {
            out.push('\n');
            if !line.is_empty() {
                out.push_str("       ");
            }
        }
        out.push_str(line);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn further_lines_are_indented() {
        assert_eq!(indent_error("a\nb\n\nc"), "error: a\n       b\n\n       c");
    }
}
