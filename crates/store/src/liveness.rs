//! What is alive, and in which order what is dead can go: plain functions over the graph of all valid paths.

use std::collections::{BTreeSet, HashSet};

use firn_path::StorePath;

use crate::db::Graph;

/// What roots reach: along references, to derivers and to outputs as asked for.
pub(crate) fn alive(graph: &Graph, roots: &HashSet<StorePath>, keep: (bool, bool)) -> Vec<bool> {
    let (keep_derivations, keep_outputs) = keep;
    let mut alive = vec![false; graph.paths.len()];
    let mut todo: Vec<u32> = roots.iter().filter_map(|root| graph.index.get(root).copied()).collect();
    while let Some(i) = todo.pop() {
        let at = i as usize;
        if std::mem::replace(&mut alive[at], true) {
            continue;
        }
        todo.extend_from_slice(&graph.references[at]);
        if keep_derivations {
            todo.extend(graph.deriver[at]);
        }
        if keep_outputs {
            todo.extend_from_slice(&graph.outputs[at]);
        }
    }
    alive
}

/// Who refers to whom.
pub(crate) fn reversed(graph: &Graph) -> Vec<Vec<u32>> {
    let mut referrers = vec![Vec::new(); graph.paths.len()];
    for (from, references) in graph.references.iter().enumerate() {
        for &to in references {
            referrers[to as usize].push(from as u32);
        }
    }
    referrers
}

/// All that is reached from `start`, which is part of it, but what is in `without`.
pub(crate) fn reach(edges: &[Vec<u32>], start: u32, without: &BTreeSet<u32>) -> Vec<u32> {
    let mut seen = BTreeSet::new();
    let mut todo = vec![start];
    while let Some(i) = todo.pop() {
        if !without.contains(&i) && seen.insert(i) {
            todo.extend_from_slice(&edges[i as usize]);
        }
    }
    seen.into_iter().collect()
}

/// Orders paths so that each comes after all of them that refer to it.
pub(crate) fn referrers_first(graph: &Graph, paths: &[u32]) -> Vec<u32> {
    let wanted: HashSet<u32> = paths.iter().copied().collect();
    let mut referrers: Vec<u32> = vec![0; graph.paths.len()];
    for &from in paths {
        for &to in &graph.references[from as usize] {
            if to != from {
                referrers[to as usize] += 1;
            }
        }
    }
    let mut ready: Vec<u32> = paths.iter().copied().filter(|&i| referrers[i as usize] == 0).collect();
    let mut order = Vec::with_capacity(paths.len());
    while let Some(i) = ready.pop() {
        order.push(i);
        for &to in &graph.references[i as usize] {
            if to != i && wanted.contains(&to) {
                referrers[to as usize] -= 1;
                if referrers[to as usize] == 0 {
                    ready.push(to);
                }
            }
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    /// A graph in which paths refer to paths of lower numbers and perhaps to themselves.
    fn graph(edges: &[(u8, u8)], count: u8) -> Graph {
        let paths: Vec<StorePath> =
            (0..count).map(|i| StorePath::from_hash(&[i; 20], "x").expect("a path")).collect();
        let mut references: Vec<Vec<u32>> = vec![Vec::new(); paths.len()];
        for &(a, b) in edges {
            let (from, to) = (a.max(b) % count, a.min(b) % count);
            let (from, to) = (from.max(to) as usize, u32::from(from.min(to)));
            if !references[from].contains(&to) {
                references[from].push(to);
            }
        }
        let index: HashMap<StorePath, u32> = paths.iter().cloned().zip(0..).collect();
        Graph {
            deriver: vec![None; paths.len()],
            outputs: vec![Vec::new(); paths.len()],
            index,
            references,
            paths,
        }
    }

    proptest! {
        #[test]
        fn the_dead_go_in_an_order_that_never_breaks_a_reference(
            edges in prop::collection::vec((any::<u8>(), any::<u8>()), 0..60),
            roots in prop::collection::hash_set(0u8..20, 0..4),
        ) {
            let graph = graph(&edges, 20);
            let roots: HashSet<StorePath> = roots.iter().map(|&i| graph.paths[usize::from(i)].clone()).collect();
            let alive = alive(&graph, &roots, (true, false));
            for (from, references) in graph.references.iter().enumerate() {
                for &to in references {
                    prop_assert!(!alive[from] || alive[to as usize], "the live refer to the live only");
                }
            }
            let dead: Vec<u32> = (0..20).filter(|&i| !alive[i as usize]).collect();
            let order = referrers_first(&graph, &dead);
            prop_assert_eq!(order.len(), dead.len(), "all of the dead, self references or not");
            let mut gone: HashSet<u32> = HashSet::new();
            let referrers = reversed(&graph);
            for path in order {
                prop_assert!(referrers[path as usize].iter().all(|r| *r == path || gone.contains(r)));
                gone.insert(path);
            }
        }
    }
}
