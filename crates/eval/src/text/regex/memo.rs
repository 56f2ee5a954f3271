//! What a long search remembers.
//!
//! The outcome of exploring a state at a place depends on nothing but the rounds of those loops with an empty body that can be
//! reached from the state without taking a byte. Rounds are kept in unary, two bits a loop, so that "no more rounds than"
//! is a subset test: fewer rounds allow more paths, hence what failed with fewer rounds fails with more.

use super::exec::Round;
use super::parse::{Node, Program, closure};
use rustc_hash::FxHashMap;

type Rounds = Box<[u64]>;

/// Outcomes by state and place.
#[derive(Debug, Default)]
pub(super) struct Memo {
    outcomes: FxHashMap<(u32, usize), Vec<(u32, bool)>>,
    /// The loops that matter for a state.
    relevant: FxHashMap<u32, Rounds>,
    /// The rounds that occurred, by number.
    rounds: Vec<Rounds>,
    numbers: FxHashMap<Rounds, u32>,
    buffer: Vec<u64>,
}

impl Memo {
    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        if !self.outcomes.is_empty() {
            *self = Memo::default();
        }
    }

    /// How many states and places are remembered.
    pub(super) fn len(&self) -> usize {
        self.outcomes.len()
    }

    /// Gives the outcome of `state` at `at` with these `rounds`, or the number to remember it by.
    pub(super) fn look_up(
        &mut self,
        program: &Program,
        state: u32,
        at: usize,
        rounds: &[Round],
    ) -> Result<bool, u32> {
        let relevant = self.relevant.entry(state).or_insert_with(|| relevant(program, state));
        self.buffer.clear();
        self.buffer.resize(relevant.len(), 0);
        for (slot, round) in
            rounds.iter().enumerate().filter(|(_, round)| round.count > 0 && round.place == at)
        {
            self.buffer[slot / 32] |= ((1 << round.count) - 1) << (slot % 32 * 2);
        }
        for (word, mask) in self.buffer.iter_mut().zip(relevant.iter()) {
            *word &= mask;
        }
        let here = &self.buffer;
        for (known, outcome) in self.outcomes.get(&(state, at)).into_iter().flatten() {
            let known = &self.rounds[*known as usize];
            let fewer = known.iter().zip(here).all(|(known, here)| known & !here == 0);
            if fewer && (!outcome || known[..] == here[..]) {
                return Ok(*outcome);
            }
        }
        if let Some(number) = self.numbers.get(&here[..]) {
            return Err(*number);
        }
        let number = self.rounds.len() as u32;
        self.rounds.push(here.clone().into());
        self.numbers.insert(here.clone().into(), number);
        Err(number)
    }

    /// Remembers the outcome of `state` at `at` with the rounds of that number.
    pub(super) fn remember(&mut self, state: u32, at: usize, rounds: u32, outcome: bool) {
        self.outcomes.entry((state, at)).or_default().push((rounds, outcome));
    }
}

fn relevant(program: &Program, state: u32) -> Rounds {
    let mut mask = vec![0; program.slots.div_ceil(32)];
    if program.slots > 0 {
        closure(&program.states, state, |_, state| {
            if let Node::RepeatEmpty { slot, .. } = state.node {
                mask[slot as usize / 32] |= 3 << (slot % 32 * 2);
            }
        });
    }
    mask.into()
}
