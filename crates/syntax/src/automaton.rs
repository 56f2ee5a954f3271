//! The LALR(1) automaton of the grammar, as Bison makes it: says where a text stops to be right and what was expected.
//!
//! The construction: LR(0) states, LALR lookaheads, conflicts decided by precedence (with `nonassoc` giving an error
//! entry), then in each state the reduction of most tokens becomes the default. The tables are made on first use and
//! never change.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::grammar::{Associativity, RULES, Rule, SYMBOLS, Sym, precedence};
use crate::token::{ALL, Kind};

/// What to do in a state at a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Action {
    /// Nothing of its own: the state's default.
    Default,
    Shift(u16),
    Reduce(u8),
    /// An operator that does not associate.
    Error,
}

struct Tables {
    actions: Vec<[Action; Kind::COUNT]>,
    /// The rule that a state reduces by default.
    defaults: Vec<Option<u8>>,
    /// Whether no token has an action of its own.
    unconditional: Vec<bool>,
    gotos: Vec<HashMap<Sym, u16>>,
}

static TABLES: LazyLock<Tables> = LazyLock::new(Tables::build);

/// Where a run of tokens stops to be the beginning of a program, and what could have stood there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// Index of the first wrong token.
    pub(crate) index: usize,
    /// At most four kinds; empty if there would be more.
    pub(crate) expected: Vec<Kind>,
}

/// Finds the first token that the grammar does not allow; None if it allows all of them, up to [`Kind::Eof`].
pub(crate) fn find_mistake(tokens: impl Iterator<Item = Kind>) -> Option<Mistake> {
    let tables = &*TABLES;
    let mut stack: Vec<u16> = vec![0];
    for (index, token) in tokens.enumerate() {
        loop {
            let state = usize::from(*stack.last()?);
            let action = if tables.unconditional[state] {
                Action::Default
            } else {
                tables.actions[state][token as usize]
            };
            let rule = match (action, tables.defaults[state]) {
                (Action::Shift(next), _) => {
                    stack.push(next);
                    break;
                }
                (Action::Reduce(rule), _) | (Action::Default, Some(rule)) => rule,
                (Action::Error, _) | (Action::Default, None) => {
                    return Some(Mistake { index, expected: tables.expected(state) });
                }
            };
            let Rule { left, right, .. } = &RULES[usize::from(rule)];
            stack.truncate(stack.len() - right.len());
            let below = usize::from(*stack.last()?);
            stack.push(*tables.gotos[below].get(left)?);
        }
        if token == Kind::Eof {
            return None;
        }
    }
    None
}

/// A rule and how much of it was seen: the key of an item.
type Item = (u8, u8);
/// A set of terminals; [`DUMMY`] stands for "whatever follows the whole".
type Set = u64;
const DUMMY: Set = 1 << 63;
const _: () = assert!(Kind::COUNT < 64, "a set of terminals fits in 64 bits");

struct Builder {
    nullable: [bool; SYMBOLS],
    first: [Set; SYMBOLS],
    /// The LR(0) states: kernel items in ascending order.
    kernels: Vec<Vec<Item>>,
    gotos: Vec<HashMap<Sym, u16>>,
}

fn is_terminal(symbol: Sym) -> bool {
    usize::from(symbol) < Kind::COUNT
}

/// The symbol after the dot.
fn next_symbol((rule, dot): Item) -> Option<Sym> {
    RULES[usize::from(rule)].right.get(usize::from(dot)).copied()
}

impl Builder {
    fn new() -> Self {
        let mut builder = Self {
            nullable: [false; SYMBOLS],
            first: [0; SYMBOLS],
            kernels: vec![vec![(0, 0)]],
            gotos: Vec::new(),
        };
        for (terminal, first) in builder.first.iter_mut().enumerate().take(Kind::COUNT) {
            *first = 1 << terminal;
        }
        loop {
            let before = (builder.nullable, builder.first);
            for rule in RULES {
                let (first, nullable) = builder.first_of(rule.right);
                builder.first[usize::from(rule.left)] |= first;
                builder.nullable[usize::from(rule.left)] |= nullable;
            }
            if before == (builder.nullable, builder.first) {
                break;
            }
        }
        builder.add_states();
        builder
    }

    /// What a run of symbols can begin with, and whether it can be empty.
    fn first_of(&self, symbols: &[Sym]) -> (Set, bool) {
        let mut set = 0;
        for symbol in symbols {
            set |= self.first[usize::from(*symbol)];
            if !self.nullable[usize::from(*symbol)] {
                return (set, false);
            }
        }
        (set, true)
    }

    /// All items of a state, with the terminals that may follow them.
    fn closure(&self, kernel: &[(Item, Set)]) -> Vec<(Item, Set)> {
        let mut items: Vec<(Item, Set)> = kernel.to_vec();
        let mut work: Vec<usize> = (0..items.len()).collect();
        while let Some(index) = work.pop() {
            let ((rule, dot), follow) = items[index];
            let Some(symbol) = next_symbol((rule, dot)).filter(|symbol| !is_terminal(*symbol)) else {
                continue;
            };
            let (first, nullable) = self.first_of(&RULES[usize::from(rule)].right[usize::from(dot) + 1..]);
            let follow = first | if nullable { follow } else { 0 };
            for (number, _) in RULES.iter().enumerate().filter(|(_, rule)| rule.left == symbol) {
                let item = (number as u8, 0);
                match items.iter().position(|(known, _)| *known == item) {
                    Some(known) if items[known].1 | follow == items[known].1 => {}
                    Some(known) => {
                        items[known].1 |= follow;
                        work.push(known);
                    }
                    None => {
                        items.push((item, follow));
                        work.push(items.len() - 1);
                    }
                }
            }
        }
        items
    }

    fn add_states(&mut self) {
        let mut known: HashMap<Vec<Item>, u16> = HashMap::from([(self.kernels[0].clone(), 0)]);
        let mut state = 0;
        while state < self.kernels.len() {
            let kernel: Vec<(Item, Set)> = self.kernels[state].iter().map(|item| (*item, 0)).collect();
            let mut targets: HashMap<Sym, Vec<Item>> = HashMap::new();
            for (item, _) in self.closure(&kernel) {
                if let Some(symbol) = next_symbol(item) {
                    targets.entry(symbol).or_default().push((item.0, item.1 + 1));
                }
            }
            let mut gotos = HashMap::new();
            for (symbol, mut kernel) in targets {
                kernel.sort_unstable();
                let next = *known.entry(kernel).or_insert_with_key(|kernel| {
                    self.kernels.push(kernel.clone());
                    (self.kernels.len() - 1) as u16
                });
                gotos.insert(symbol, next);
            }
            self.gotos.push(gotos);
            state += 1;
        }
    }

    /// The LALR lookaheads of all kernel items, by state.
    fn lookaheads(&self) -> Vec<Vec<Set>> {
        let mut sets: Vec<Vec<Set>> = self.kernels.iter().map(|kernel| vec![0; kernel.len()]).collect();
        let mut passes: Vec<((usize, usize), (usize, usize))> = Vec::new();
        for (state, kernel) in self.kernels.iter().enumerate() {
            for (index, item) in kernel.iter().enumerate() {
                for (reached, follow) in self.closure(&[(*item, DUMMY)]) {
                    let Some(symbol) = next_symbol(reached) else { continue };
                    let target = usize::from(self.gotos[state][&symbol]);
                    let moved = (reached.0, reached.1 + 1);
                    let Some(place) = self.kernels[target].iter().position(|item| *item == moved) else {
                        continue;
                    };
                    sets[target][place] |= follow & !DUMMY;
                    if follow & DUMMY != 0 {
                        passes.push(((state, index), (target, place)));
                    }
                }
            }
        }
        loop {
            let mut changed = false;
            for ((state, index), (target, place)) in &passes {
                let add = sets[*state][*index];
                let set = &mut sets[*target][*place];
                changed |= *set | add != *set;
                *set |= add;
            }
            if !changed {
                return sets;
            }
        }
    }
}

impl Tables {
    fn build() -> Self {
        let builder = Builder::new();
        let lookaheads = builder.lookaheads();
        let mut tables =
            Self { actions: Vec::new(), defaults: Vec::new(), unconditional: Vec::new(), gotos: Vec::new() };
        for (state, kernel) in builder.kernels.iter().enumerate() {
            let kernel: Vec<(Item, Set)> =
                kernel.iter().copied().zip(lookaheads[state].iter().copied()).collect();
            let mut reductions: Vec<(u8, Set)> = builder
                .closure(&kernel)
                .into_iter()
                .filter(|(item, _)| next_symbol(*item).is_none())
                .map(|((rule, _), follow)| (rule, follow))
                .collect();
            reductions.sort_unstable();
            tables.add_state(&builder.gotos[state], reductions);
        }
        tables.gotos = builder.gotos;
        tables
    }

    fn add_state(&mut self, gotos: &HashMap<Sym, u16>, mut reductions: Vec<(u8, Set)>) {
        let mut row = [Action::Default; Kind::COUNT];
        for (symbol, next) in gotos.iter().filter(|(symbol, _)| is_terminal(**symbol)) {
            row[usize::from(*symbol)] = Action::Shift(*next);
        }
        let consistent = reductions.len() == 1 && row.iter().all(|action| *action == Action::Default);
        if consistent || reductions.is_empty() {
            self.defaults.push(reductions.first().map(|(rule, _)| *rule));
            self.unconditional.push(consistent);
            self.actions.push(row);
            return;
        }
        for (rule, follow) in &mut reductions {
            resolve(*rule, follow, &mut row);
        }
        for (rule, follow) in reductions.iter().rev() {
            for (token, action) in row.iter_mut().enumerate() {
                if follow & (1 << token) != 0 && !matches!(action, Action::Shift(_) | Action::Error) {
                    *action = Action::Reduce(*rule);
                }
            }
        }
        let mut default = None;
        let mut most = 0;
        for (rule, _) in &reductions {
            let count = row.iter().filter(|action| **action == Action::Reduce(*rule)).count();
            if count > most {
                most = count;
                default = Some(*rule);
            }
        }
        for action in &mut row {
            let is_default = match *action {
                Action::Reduce(rule) => Some(rule) == default,
                Action::Error => default.is_none(),
                _ => false,
            };
            if is_default {
                *action = Action::Default;
            }
        }
        self.defaults.push(default);
        self.unconditional.push(row.iter().all(|action| *action == Action::Default));
        self.actions.push(row);
    }

    fn expected(&self, state: usize) -> Vec<Kind> {
        let own = |kind: &&Kind| {
            matches!(self.actions[state][**kind as usize], Action::Shift(_) | Action::Reduce(_))
        };
        let expected: Vec<Kind> = ALL.iter().filter(own).copied().collect();
        if expected.len() > 4 { Vec::new() } else { expected }
    }
}

/// Decides between shifting a token and reducing before it, where both have a precedence.
fn resolve(rule: u8, follow: &mut Set, row: &mut [Action; Kind::COUNT]) {
    let Rule { right, precedence: named, .. } = &RULES[usize::from(rule)];
    let token_of_rule =
        named.map(|kind| kind as Sym).or(right.iter().rev().copied().find(|symbol| is_terminal(*symbol)));
    let Some((own, _)) = token_of_rule.and_then(precedence) else { return };
    for (token, action) in row.iter_mut().enumerate() {
        let bit = 1 << token;
        if *follow & bit == 0 || !matches!(action, Action::Shift(_)) {
            continue;
        }
        let Some((other, associativity)) = precedence(token as Sym) else { continue };
        match (own.cmp(&other), associativity) {
            (std::cmp::Ordering::Greater, _) | (std::cmp::Ordering::Equal, Associativity::Left) => {
                *action = Action::Default;
            }
            (std::cmp::Ordering::Less, _) | (std::cmp::Ordering::Equal, Associativity::Right) => {
                *follow &= !bit
            }
            (std::cmp::Ordering::Equal, Associativity::None) => {
                *follow &= !bit;
                *action = Action::Error;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::Kind::*;

    #[test]
    fn kinds_are_listed_in_order() {
        for (number, kind) in ALL.iter().enumerate() {
            assert_eq!(*kind as usize, number);
        }
    }

    #[test]
    fn the_grammar_is_without_conflicts() {
        // Each token has one action left after precedence was applied: the lookaheads of a state's reductions are
        // disjoint, and no shift was left that a reduction wants too.
        let builder = Builder::new();
        let lookaheads = builder.lookaheads();
        for (state, kernel) in builder.kernels.iter().enumerate() {
            let kernel: Vec<(Item, Set)> =
                kernel.iter().copied().zip(lookaheads[state].iter().copied()).collect();
            let mut row = [Action::Default; Kind::COUNT];
            for (symbol, next) in builder.gotos[state].iter().filter(|(symbol, _)| is_terminal(**symbol)) {
                row[usize::from(*symbol)] = Action::Shift(*next);
            }
            let mut taken = 0;
            for ((rule, dot), mut follow) in builder.closure(&kernel) {
                if next_symbol((rule, dot)).is_none() {
                    resolve(rule, &mut follow, &mut row);
                    let shifted = (0..Kind::COUNT).filter(|token| matches!(row[*token], Action::Shift(_)));
                    let shifts = shifted.fold(0, |set: Set, token| set | 1 << token);
                    assert_eq!(taken & follow, 0, "state {state}");
                    assert_eq!(shifts & follow, 0, "state {state}, rule {rule}");
                    taken |= follow;
                }
            }
        }
    }

    #[test]
    fn expected_tokens_are_listed_as_by_the_reference() {
        let expected =
            |tokens: &[Kind]| find_mistake(tokens.iter().copied()).map(|found| (found.index, found.expected));
        assert_eq!(expected(&[Int, Eof]), None);
        assert_eq!(expected(&[Int, Invalid, Eof]), Some((1, vec![Eof])));
        assert_eq!(expected(&[Id, Dot, If]), Some((2, vec![Id, OrKeyword, DollarCurly, Quote])));
        assert_eq!(expected(&[CurlyOpen, Id, Ellipsis]), Some((2, vec![Dot, Assign])));
        assert_eq!(expected(&[CurlyOpen, Id, Comma, Id, Colon]), Some((4, vec![CurlyClose, Comma])));
        assert_eq!(expected(&[Int, NotEq, NotEq]), Some((2, vec![])));
    }
}
