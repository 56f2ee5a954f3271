//! Names that were perhaps meant.

/// At most this many names are suggested.
const MAX: usize = 5;
/// Names further away than this are not suggested.
const MAX_DISTANCE: usize = 2;

/// The names nearest to `wanted` by edit distance, best first, as the reference chooses them.
pub fn best_matches<'a>(names: impl Iterator<Item = &'a str>, wanted: &str) -> Vec<String> {
    let mut all: Vec<(usize, &str)> = names
        .filter(|n| n.len().abs_diff(wanted.len()) <= MAX_DISTANCE)
        .map(|n| (distance(n.as_bytes(), wanted.as_bytes()), n))
        .filter(|(d, _)| *d <= MAX_DISTANCE)
        .collect();
    all.sort_unstable();
    all.dedup();
    all.truncate(MAX);
    all.into_iter().map(|(_, n)| n.to_owned()).collect()
}

/// Edit distance: insertions, deletions and replacements each count 1.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = (diagonal + usize::from(x != y)).min(above + 1).min(row[j] + 1);
            diagonal = above;
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_come_first() {
        assert_eq!(best_matches(["stdenv", "stdenw", "other"].into_iter(), "stdenv"), ["stdenv", "stdenw"]);
        assert_eq!(distance(b"kitten", b"sitting"), 3);
    }
}
