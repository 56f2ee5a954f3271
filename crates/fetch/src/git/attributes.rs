//! What `.gitattributes` say: which files are kept out of exports, which lie elsewhere.

use std::collections::HashSet;

use firn_source::CanonPath;

use super::Repository;
use crate::error::FetchError;

/// The paths among `paths` whose attribute `name` is `value` (`set` for one without value), by the attributes of the commit
/// `rev`, or of the work tree. A path says whether it is a directory.
///
/// # Errors
/// Git refuses.
pub(super) fn with_attribute<'a>(
    repository: &Repository,
    (name, value): (&str, &str),
    rev: Option<&str>,
    paths: impl Iterator<Item = (&'a CanonPath, bool)>,
) -> Result<HashSet<CanonPath>, FetchError> {
    let mut input = Vec::new();
    for (path, directory) in paths.filter(|(path, _)| !path.is_root()) {
        input.extend_from_slice(path.rel());
        if directory {
            // Patterns for directories know them by their slash.
            input.push(b'/');
        }
        input.push(0);
    }
    let source = rev.map(|rev| format!("--source={rev}"));
    let args = ["check-attr", "-z", "--stdin"].into_iter().chain(source.as_deref()).chain([name]);
    let out = repository.run_with_input(args, input)?;
    let mut fields = out.split(|b| *b == 0);
    let mut found_paths = HashSet::new();
    while let (Some(path), Some(_), Some(found)) = (fields.next(), fields.next(), fields.next()) {
        if found == value.as_bytes() {
            found_paths.insert(CanonPath::new(path).map_err(|e| FetchError::new(e.to_string()))?);
        }
    }
    Ok(found_paths)
}
