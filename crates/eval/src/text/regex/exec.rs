//! Runs a [`Program`]: depth first, with an explicit stack of what to do when the current path has ended.

use super::memo::Memo;
use super::parse::{Node, Program};

/// Where a group matched: start and end offset in the text.
pub type Span = (usize, usize);

/// Steps before a search begins to remember what it explored.
const PATIENCE: usize = 20_000;

/// What a search may keep in mind: paths not followed yet, and outcomes that it remembers (some hundred megabytes).
const MOST_FRAMES: usize = 1 << 25;
/// See [`MOST_FRAMES`].
const MOST_OUTCOMES: usize = 1 << 22;
/// Steps after which a search gives up: loops within loops that can be empty may take time that grows with their number.
const MOST_STEPS: usize = 1 << 30;

/// Buffers of a search, to be used again for the next one.
#[derive(Debug, Default)]
pub struct Scratch {
    stack: Vec<Frame>,
    groups: Vec<Group>,
    /// Rounds of loops that can be empty: (place, count).
    rounds: Vec<Round>,
    memo: Memo,
    /// The last search gave up, so that its outcome says nothing.
    pub(super) exhausted: bool,
    /// The groups of the best match, group 0 first.
    pub(super) best: Vec<Option<Span>>,
}

/// How often the body of a loop was entered at a place.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Round {
    pub(super) place: usize,
    pub(super) count: u8,
}

#[derive(Debug, Clone, Copy, Default)]
struct Group {
    start: usize,
    end: usize,
    matched: bool,
}

/// What remains to be done when the path that was entered behind it has ended.
#[derive(Debug, Clone, Copy)]
enum Frame {
    /// Reset the start of a group.
    GroupStart { group: u32, start: usize },
    /// Reset the end of a group.
    GroupEnd { group: u32, end: usize, matched: bool },
    /// The body of a loop was tried; leave the loop if that failed.
    Leave { state: u32, at: usize },
    /// The same for a loop with a slot.
    LeaveEmpty { state: u32, at: usize, before: Round },
    /// The path behind a run of bytes was tried at `at`; try shorter runs down to `low`.
    Shorten { state: u32, low: usize, at: usize },
    /// The left side of an alternation was tried.
    Right { state: u32, at: usize },
    /// Both sides were tried, and the left one matched.
    LeftMatched,
    /// Remember the outcome.
    Remember { state: u32, at: usize, rounds: u32 },
}

/// How a search treats its ends.
#[derive(Clone, Copy)]
struct Mode {
    /// The match must reach the end of the text.
    whole: bool,
    /// An empty match does not count.
    not_empty: bool,
    /// `^` matches at the start of the search.
    line_start: bool,
}

struct Search<'a> {
    program: &'a Program,
    text: &'a [u8],
    begin: usize,
    mode: Mode,
    best_end: Option<usize>,
    steps: usize,
}

pub(super) fn full_match(program: &Program, text: &[u8], scratch: &mut Scratch) -> bool {
    scratch.memo.clear();
    scratch.exhausted = false;
    let mode = Mode { whole: true, not_empty: false, line_start: true };
    if let Some(first) = &program.first {
        if !text.first().is_some_and(|byte| first.contains(*byte)) {
            return false;
        }
    }
    Search { program, text, begin: 0, mode, best_end: None, steps: 0 }.run(scratch)
}

/// Finds the first match that starts at or behind `from`; gives whether there is one.
fn search(
    program: &Program,
    text: &[u8],
    from: usize,
    scratch: &mut Scratch,
    only_here: bool,
    mut mode: Mode,
) -> bool {
    scratch.memo.clear();
    scratch.exhausted = false;
    let mut steps = 0;
    for begin in from..=text.len() {
        let possible = match (&program.first, text.get(begin)) {
            (None, _) => true,
            (Some(first), Some(byte)) => first.contains(*byte),
            (Some(_), None) => false,
        };
        if possible {
            let mut search = Search { program, text, begin, mode, best_end: None, steps };
            if search.run(scratch) {
                return true;
            }
            if scratch.exhausted {
                return false;
            }
            steps = search.steps;
        }
        if only_here {
            return false;
        }
        mode.line_start = false;
    }
    false
}

impl Search<'_> {
    /// Explores from `begin`; on success the groups are in `scratch.best`.
    fn run(&mut self, scratch: &mut Scratch) -> bool {
        scratch.stack.clear();
        scratch.groups.clear();
        scratch.groups.resize(self.program.groups, Group::default());
        scratch.rounds.clear();
        scratch.rounds.resize(self.program.slots, Round::default());
        let mut next = Some((self.program.start, self.begin));
        let mut outcome = false;
        loop {
            if let Some((state, at)) = next {
                outcome = self.follow(scratch, state, at);
                if outcome && self.is_final() {
                    return true;
                }
                if self.too_much(scratch) {
                    scratch.exhausted = true;
                    (scratch.stack, scratch.memo) = Default::default();
                    return false;
                }
            }
            let Some(frame) = scratch.stack.pop() else { return self.best_end.is_some() };
            next = self.unwind(scratch, frame, &mut outcome);
        }
    }

    /// Whether the search takes more than it may.
    fn too_much(&self, scratch: &Scratch) -> bool {
        scratch.stack.len() > MOST_FRAMES || scratch.memo.len() > MOST_OUTCOMES || self.steps > MOST_STEPS
    }

    /// Whether no other path can give a longer match.
    fn is_final(&self) -> bool {
        !self.program.has_either || self.best_end == Some(self.text.len())
    }

    /// Follows one path until it ends; gives whether it ended in a match.
    fn follow(&mut self, scratch: &mut Scratch, mut state: u32, mut at: usize) -> bool {
        loop {
            if scratch.stack.len() > MOST_FRAMES {
                return false;
            }
            let current = self.program.states[state as usize];
            match current.node {
                Node::Byte(byte) => {
                    if self.text.get(at) != Some(&byte) {
                        return false;
                    }
                    at += 1;
                }
                Node::Set(number) => {
                    let set = &self.program.sets[number as usize];
                    if !self.text.get(at).is_some_and(|byte| set.contains(*byte)) {
                        return false;
                    }
                    at += 1;
                }
                Node::Run(number) => {
                    if let Some(known) = self.known(scratch, state, at) {
                        return known;
                    }
                    let set = &self.program.sets[number as usize];
                    let rest = &self.text[at..];
                    let length = rest.iter().position(|byte| !set.contains(*byte)).unwrap_or(rest.len());
                    if length > 0 {
                        scratch.stack.push(Frame::Shorten { state, low: at, at: at + length });
                        at += length;
                    }
                }
                Node::Either { first } => {
                    if let Some(known) = self.known(scratch, state, at) {
                        return known;
                    }
                    scratch.stack.push(Frame::Right { state, at });
                    state = first;
                    continue;
                }
                Node::Repeat { body } => {
                    if let Some(known) = self.known(scratch, state, at) {
                        return known;
                    }
                    scratch.stack.push(Frame::Leave { state, at });
                    state = body;
                    continue;
                }
                Node::RepeatEmpty { body, slot } => {
                    if let Some(known) = self.known(scratch, state, at) {
                        return known;
                    }
                    let before = scratch.rounds[slot as usize];
                    let count = if before.place == at { before.count + 1 } else { 1 };
                    if count <= 2 {
                        scratch.stack.push(Frame::LeaveEmpty { state, at, before });
                        scratch.rounds[slot as usize] = Round { place: at, count };
                        state = body;
                        continue;
                    }
                }
                Node::Open(group) => {
                    let start = &mut scratch.groups[group as usize].start;
                    scratch.stack.push(Frame::GroupStart { group, start: *start });
                    *start = at;
                }
                Node::Close(group) => {
                    let slot = &mut scratch.groups[group as usize];
                    scratch.stack.push(Frame::GroupEnd { group, end: slot.end, matched: slot.matched });
                    slot.end = at;
                    slot.matched = true;
                }
                Node::LineStart => {
                    if at != self.begin || !self.mode.line_start {
                        return false;
                    }
                }
                Node::LineEnd => {
                    if at != self.text.len() {
                        return false;
                    }
                }
                Node::Dummy => {}
                Node::Accept => return self.accept(scratch, at),
            }
            state = current.next;
        }
    }

    fn accept(&mut self, scratch: &mut Scratch, at: usize) -> bool {
        if (self.mode.whole && at != self.text.len()) || (self.mode.not_empty && at == self.begin) {
            return false;
        }
        if self.best_end.is_none_or(|best| best < at) {
            self.best_end = Some(at);
            scratch.best.clear();
            scratch
                .best
                .extend(scratch.groups.iter().map(|group| group.matched.then_some((group.start, group.end))));
        }
        true
    }

    /// Undoes or continues `frame`; gives the path to follow next, if there is one.
    fn unwind(&self, scratch: &mut Scratch, frame: Frame, outcome: &mut bool) -> Option<(u32, usize)> {
        let leave = |state: u32, at| Some((self.program.states[state as usize].next, at));
        match frame {
            Frame::GroupStart { group, start } => scratch.groups[group as usize].start = start,
            Frame::GroupEnd { group, end, matched } => {
                let slot = &mut scratch.groups[group as usize];
                slot.end = end;
                slot.matched = matched;
            }
            Frame::Leave { state, at } if !*outcome => return leave(state, at),
            Frame::LeaveEmpty { state, at, before } => {
                if let Node::RepeatEmpty { slot, .. } = self.program.states[state as usize].node {
                    scratch.rounds[slot as usize] = before;
                }
                if !*outcome {
                    return leave(state, at);
                }
            }
            Frame::Shorten { state, low, at } if !*outcome => {
                let at = at - 1;
                if at > low {
                    scratch.stack.push(Frame::Shorten { state, low, at });
                }
                return leave(state, at);
            }
            Frame::Right { state, at } => {
                if *outcome {
                    scratch.stack.push(Frame::LeftMatched);
                }
                return leave(state, at);
            }
            Frame::LeftMatched => *outcome = true,
            Frame::Remember { state, at, rounds } => {
                scratch.memo.remember(state, at, rounds, *outcome);
            }
            Frame::Leave { .. } | Frame::Shorten { .. } => {}
        }
        None
    }

    /// Looks up whether `state` was explored at `at`; if not, and the search is long, arranges that it will be remembered.
    fn known(&mut self, scratch: &mut Scratch, state: u32, at: usize) -> Option<bool> {
        self.steps += 1;
        if self.steps < PATIENCE {
            return None;
        }
        match scratch.memo.look_up(self.program, state, at, &scratch.rounds) {
            Ok(known) => Some(known),
            Err(rounds) => {
                scratch.stack.push(Frame::Remember { state, at, rounds });
                None
            }
        }
    }
}

/// The matches of a pattern in a text, as `std::regex_iterator` steps through them.
#[derive(Debug)]
pub struct Matches<'r, 't, 's> {
    program: &'r Program,
    text: &'t [u8],
    scratch: &'s mut Scratch,
    /// The previous match.
    last: Option<Span>,
    started: bool,
    line_start: bool,
}

impl<'r, 't, 's> Matches<'r, 't, 's> {
    pub(super) fn new(program: &'r Program, text: &'t [u8], scratch: &'s mut Scratch) -> Self {
        Matches { program, text, scratch, last: None, started: false, line_start: true }
    }

    /// Finds the next match: its span, and the spans of the groups.
    #[allow(clippy::should_implement_trait)] // lends from its own buffers
    pub fn next(&mut self) -> Option<(Span, &[Option<Span>])> {
        let found = if self.started { self.advance() } else { self.search(0, false) };
        self.started = true;
        self.last = if found { self.scratch.best[0] } else { None };
        Some((self.last?, &self.scratch.best[1..]))
    }

    fn advance(&mut self) -> bool {
        let Some((start, end)) = self.last else { return false };
        let mut from = end;
        if start == end {
            if end == self.text.len() {
                return false;
            }
            // Behind an empty match: first a match that starts here and is not empty.
            if self.search(from, true) {
                return true;
            }
            from += 1;
        }
        self.line_start = false;
        self.search(from, false)
    }

    fn search(&mut self, from: usize, only_here: bool) -> bool {
        let mode = Mode { whole: false, not_empty: only_here, line_start: self.line_start };
        search(self.program, self.text, from, self.scratch, only_here, mode)
    }
}
