//! A stable merge sort whose comparison may fail and may be inconsistent.
//!
//! Like the reference's peeksort it starts from the ascending and strictly descending runs that are there, so that sorted
//! input costs one comparison an element. The result is determined by the comparison alone where that is a strict weak
//! order.

/// Lists up to this length are sorted by insertion, as the reference does it: which elements it compares can be seen.
const SHORT: usize = 16;

/// Sorts; `less` says whether its first argument comes before its second. Stops at the first failure.
pub(crate) fn sort<T: Copy, E>(
    v: &mut [T],
    less: &mut dyn FnMut(&T, &T) -> Result<bool, E>,
) -> Result<(), E> {
    if v.len() <= SHORT {
        return insert(v, less);
    }
    let mut runs: Vec<(usize, usize)> = Vec::new();
    let mut start = 0;
    while start < v.len() {
        let end = run(v, start, less)?;
        runs.push((start, end));
        start = end;
    }
    let mut scratch = Vec::with_capacity(v.len() / 2 + 1);
    while runs.len() > 1 {
        let mut next = Vec::with_capacity(runs.len().div_ceil(2));
        for pair in runs.chunks(2) {
            match pair {
                [a, b] => {
                    merge(&mut v[a.0..b.1], a.1 - a.0, &mut scratch, less)?;
                    next.push((a.0, b.1));
                }
                _ => next.push(pair[0]),
            }
        }
        runs = next;
    }
    Ok(())
}

/// Sorts by insertion: each element moves to the front past those that it comes before.
fn insert<T: Copy, E>(v: &mut [T], less: &mut dyn FnMut(&T, &T) -> Result<bool, E>) -> Result<(), E> {
    for next in 1..v.len() {
        let mut at = next;
        while at > 0 && less(&v[at], &v[at - 1])? {
            v.swap(at, at - 1);
            at -= 1;
        }
    }
    Ok(())
}

/// Finds the run that starts at `start`, makes it ascending, and gives its end.
fn run<T: Copy, E>(
    v: &mut [T],
    start: usize,
    less: &mut dyn FnMut(&T, &T) -> Result<bool, E>,
) -> Result<usize, E> {
    let mut end = start + 1;
    if end == v.len() {
        return Ok(end);
    }
    if less(&v[end], &v[end - 1])? {
        end += 1;
        while end < v.len() && less(&v[end], &v[end - 1])? {
            end += 1;
        }
        v[start..end].reverse();
    } else {
        end += 1;
        while end < v.len() && !less(&v[end], &v[end - 1])? {
            end += 1;
        }
    }
    Ok(end)
}

fn merge<T: Copy, E>(
    v: &mut [T],
    mid: usize,
    scratch: &mut Vec<T>,
    less: &mut dyn FnMut(&T, &T) -> Result<bool, E>,
) -> Result<(), E> {
    scratch.clear();
    scratch.extend_from_slice(&v[..mid]);
    let (mut i, mut j, mut k) = (0, mid, 0);
    while i < scratch.len() && j < v.len() {
        if less(&v[j], &scratch[i])? {
            v[k] = v[j];
            j += 1;
        } else {
            v[k] = scratch[i];
            i += 1;
        }
        k += 1;
    }
    v[k..k + scratch.len() - i].copy_from_slice(&scratch[i..]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_stably() {
        let mut v: Vec<(u32, usize)> = (0..500).map(|i| (((i as u32 * 7919) % 37), i)).collect();
        let mut want = v.clone();
        want.sort_by_key(|e| e.0);
        sort(&mut v, &mut |a, b| Ok::<_, ()>(a.0 < b.0)).expect("does not fail");
        assert_eq!(v, want);
    }

    #[test]
    fn stops_at_a_failure() {
        assert_eq!(sort(&mut [3, 2, 1], &mut |_, _| Err("no")), Err("no"));
    }
}
