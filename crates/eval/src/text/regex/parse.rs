//! From a pattern to the automaton that libstdc++ would build, and from that to the compact program that [`super::exec`] runs.

use super::RegexError;
use super::bracket::{ByteSet, bracket};

/// The most states that libstdc++ allows.
const STATE_LIMIT: usize = 100_000;
/// A link that is not set yet.
const NONE: u32 = u32::MAX;

/// A state of the automaton. `next` of [`Node::Repeat`] leaves the loop, `body` goes round once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Node {
    /// Joins paths; gone after compilation.
    Dummy,
    /// Takes one given byte.
    Byte(u8),
    /// Takes one byte of the set with this number.
    Set(u32),
    /// Tries `first`, then the state's `next`; the longer match wins.
    Either { first: u32 },
    /// A loop whose body takes at least one byte.
    Repeat { body: u32 },
    /// A loop whose body may match nothing; `slot` counts its rounds in one place.
    RepeatEmpty { body: u32, slot: u32 },
    /// A loop over one set of bytes.
    Run(u32),
    /// The start of a group.
    Open(u32),
    /// The end of a group.
    Close(u32),
    /// `^`
    LineStart,
    /// `$`
    LineEnd,
    /// The end of the pattern.
    Accept,
}

/// A node and the state that follows it.
#[derive(Debug, Clone, Copy)]
pub(super) struct State {
    pub(super) node: Node,
    pub(super) next: u32,
}

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) states: Vec<State>,
    pub(super) sets: Vec<ByteSet>,
    pub(super) start: u32,
    /// Groups including the whole match.
    pub(super) groups: usize,
    /// Slots of [`Node::RepeatEmpty`].
    pub(super) slots: usize,
    /// Whether an alternation exists: without one the first match found is final.
    pub(super) has_either: bool,
    /// The bytes that a match can start with; `None` when it can be empty or starts with an assertion.
    pub(super) first: Option<ByteSet>,
}

/// A piece of the automaton with one way in and one way out.
#[derive(Clone, Copy)]
struct Piece {
    start: u32,
    end: u32,
}

#[derive(Default)]
struct Builder {
    states: Vec<State>,
    sets: Vec<ByteSet>,
    groups: u32,
    has_either: bool,
}

impl Builder {
    fn add(&mut self, node: Node, next: u32) -> Result<u32, RegexError> {
        self.states.push(State { node, next });
        if self.states.len() > STATE_LIMIT {
            return Err(RegexError::TooLarge);
        }
        Ok(self.states.len() as u32 - 1)
    }

    fn piece(&mut self, node: Node) -> Result<Piece, RegexError> {
        let id = self.add(node, NONE)?;
        Ok(Piece { start: id, end: id })
    }

    fn link(&mut self, from: u32, to: u32) {
        self.states[from as usize].next = to;
    }

    fn append(&mut self, first: &mut Piece, second: Piece) {
        self.link(first.end, second.start);
        first.end = second.end;
    }

    fn set(&mut self, set: ByteSet) -> Node {
        let known = self.sets.iter().position(|other| *other == set);
        Node::Set(known.unwrap_or_else(|| {
            self.sets.push(set);
            self.sets.len() - 1
        }) as u32)
    }

    /// Copies a piece. The walk (a stack, the loop or left side below the way on) decides how many states are made.
    fn copy(&mut self, piece: Piece) -> Result<Piece, RegexError> {
        let mut made: rustc_hash::FxHashMap<u32, u32> = Default::default();
        let mut todo = vec![piece.start];
        while let Some(old) = todo.pop() {
            let state = self.states[old as usize];
            let new = self.add(state.node, state.next)?;
            made.insert(old, new);
            if let Node::Either { first: side } | Node::Repeat { body: side } = state.node {
                if side != NONE && !made.contains_key(&side) {
                    todo.push(side);
                }
            }
            if old != piece.end && state.next != NONE && !made.contains_key(&state.next) {
                todo.push(state.next);
            }
        }
        let moved = |id: u32| made.get(&id).copied().unwrap_or(NONE);
        for new in made.values() {
            let state = &mut self.states[*new as usize];
            state.next = moved(state.next);
            if let Node::Either { first: side } | Node::Repeat { body: side } = &mut state.node {
                *side = moved(*side);
            }
        }
        Ok(Piece { start: moved(piece.start), end: moved(piece.end) })
    }

    fn star(&mut self, body: Piece) -> Result<Piece, RegexError> {
        let loop_ = self.piece(Node::Repeat { body: body.start })?;
        self.link(body.end, loop_.start);
        Ok(loop_)
    }

    fn plus(&mut self, mut body: Piece) -> Result<Piece, RegexError> {
        let loop_ = self.piece(Node::Repeat { body: body.start })?;
        self.append(&mut body, loop_);
        Ok(body)
    }

    fn optional(&mut self, body: Piece) -> Result<Piece, RegexError> {
        let end = self.piece(Node::Dummy)?;
        let mut loop_ = self.piece(Node::Repeat { body: body.start })?;
        self.link(body.end, end.start);
        self.append(&mut loop_, end);
        Ok(loop_)
    }

    /// `body{min,max}`; without `max` unbounded.
    fn interval(&mut self, body: Piece, min: u64, max: Option<u64>) -> Result<Piece, RegexError> {
        let mut whole = self.piece(Node::Dummy)?;
        for _ in 0..min {
            let copy = self.copy(body)?;
            self.append(&mut whole, copy);
        }
        let Some(max) = max else {
            let copy = self.copy(body)?;
            let loop_ = self.star(copy)?;
            self.append(&mut whole, loop_);
            return Ok(whole);
        };
        let optional = max.checked_sub(min).ok_or(RegexError::Invalid)?;
        let end = self.piece(Node::Dummy)?;
        for _ in 0..optional {
            let copy = self.copy(body)?;
            // Leaves to the end, or goes through one more copy; `next` is the way out and stays as it is.
            let choice = self.add(Node::Repeat { body: copy.start }, end.start)?;
            self.link(whole.end, choice);
            whole.end = copy.end;
        }
        self.append(&mut whole, end);
        Ok(whole)
    }
}

enum Open {
    /// A group: its `(` state.
    Group(Piece),
    /// The whole pattern.
    Pattern,
}

/// What is read so far between two parentheses.
struct Level {
    open: Open,
    number: u32,
    /// The alternatives to the left, joined.
    left: Option<Piece>,
    /// The terms of the current alternative.
    current: Option<Piece>,
}

/// Compiles `pattern`.
pub(super) fn compile(pattern: &[u8]) -> Result<Program, RegexError> {
    let mut builder = Builder::default();
    let start = builder.add(Node::Open(0), NONE)?;
    builder.groups = 1;
    let mut levels = vec![Level { open: Open::Pattern, number: 0, left: None, current: None }];
    let mut at = 0;
    while let Some(&byte) = pattern.get(at) {
        at += 1;
        let level = levels.last_mut().ok_or(RegexError::Invalid)?;
        let atom = match byte {
            b'|' => {
                close_alternative(&mut builder, level)?;
                continue;
            }
            b'(' => {
                let number = builder.groups;
                builder.groups += 1;
                let open = Open::Group(builder.piece(Node::Open(number))?);
                levels.push(Level { open, number, left: None, current: None });
                continue;
            }
            b')' => {
                close_alternative(&mut builder, level)?;
                let (Open::Group(mut group), Some(inner)) =
                    (std::mem::replace(&mut level.open, Open::Pattern), level.left)
                else {
                    return Err(RegexError::Invalid);
                };
                let close = builder.piece(Node::Close(level.number))?;
                builder.append(&mut group, inner);
                builder.append(&mut group, close);
                levels.pop();
                group
            }
            b'^' | b'$' => {
                // An assertion takes no repetition: the next turn rejects one.
                let node = if byte == b'^' { Node::LineStart } else { Node::LineEnd };
                let term = builder.piece(node)?;
                push_term(&mut builder, level, term);
                continue;
            }
            b'*' | b'+' | b'?' | b'{' => return Err(RegexError::Invalid),
            b'.' => {
                let node = builder.set(ByteSet::any());
                builder.piece(node)?
            }
            b'[' => {
                let negated = pattern.get(at) == Some(&b'^');
                at += usize::from(negated);
                let set = bracket(pattern, &mut at, negated)?;
                let node = builder.set(set);
                builder.piece(node)?
            }
            b'\\' => match pattern.get(at) {
                Some(&escaped) if b".[\\()*+?{|^$".contains(&escaped) => {
                    at += 1;
                    builder.piece(Node::Byte(escaped))?
                }
                _ => return Err(RegexError::Invalid),
            },
            0 => return Err(RegexError::Invalid),
            _ => builder.piece(Node::Byte(byte))?,
        };
        let term = quantifiers(&mut builder, pattern, &mut at, atom)?;
        let level = levels.last_mut().ok_or(RegexError::Invalid)?;
        push_term(&mut builder, level, term);
    }
    let (Some(mut level), true) = (levels.pop(), levels.is_empty()) else {
        return Err(RegexError::Invalid);
    };
    close_alternative(&mut builder, &mut level)?;
    let inner = level.left.ok_or(RegexError::Invalid)?;
    let close = builder.add(Node::Close(0), NONE)?;
    let accept = builder.add(Node::Accept, NONE)?;
    builder.link(start, inner.start);
    builder.link(inner.end, close);
    builder.link(close, accept);
    Ok(finish(builder, start))
}

fn push_term(builder: &mut Builder, level: &mut Level, term: Piece) {
    match &mut level.current {
        Some(current) => builder.append(current, term),
        None => level.current = Some(term),
    }
}

/// Ends the current alternative of `level` and joins it with those to its left.
fn close_alternative(builder: &mut Builder, level: &mut Level) -> Result<(), RegexError> {
    let end = builder.piece(Node::Dummy)?;
    push_term(builder, level, end);
    let Some(right) = level.current.take() else { return Ok(()) };
    level.left = Some(match level.left {
        None => right,
        Some(left) => {
            builder.has_either = true;
            let join = builder.piece(Node::Dummy)?;
            builder.link(left.end, join.start);
            builder.link(right.end, join.start);
            let either = builder.add(Node::Either { first: left.start }, right.start)?;
            Piece { start: either, end: join.end }
        }
    });
    Ok(())
}

/// Applies the repetitions that follow `atom`.
fn quantifiers(
    builder: &mut Builder,
    pattern: &[u8],
    at: &mut usize,
    atom: Piece,
) -> Result<Piece, RegexError> {
    let mut piece = atom;
    loop {
        piece = match pattern.get(*at) {
            Some(b'*') => builder.star(piece)?,
            Some(b'+') => builder.plus(piece)?,
            Some(b'?') => builder.optional(piece)?,
            Some(b'{') => {
                *at += 1;
                let min = number(pattern, at)?.ok_or(RegexError::Invalid)?;
                let max = if pattern.get(*at) == Some(&b',') {
                    *at += 1;
                    number(pattern, at)?
                } else {
                    Some(min)
                };
                if pattern.get(*at) != Some(&b'}') {
                    return Err(RegexError::Invalid);
                }
                builder.interval(piece, min, max)?
            }
            _ => return Ok(piece),
        };
        *at += 1;
    }
}

/// Reads decimal digits, if there are any.
fn number(pattern: &[u8], at: &mut usize) -> Result<Option<u64>, RegexError> {
    let mut value = None;
    while let Some(digit) = pattern.get(*at).filter(|byte| byte.is_ascii_digit()) {
        let next = value.unwrap_or(0u64) * 10 + u64::from(digit - b'0');
        if next > i32::MAX as u64 {
            return Err(RegexError::Invalid);
        }
        value = Some(next);
        *at += 1;
    }
    Ok(value)
}

/// Removes dummies and chooses the kinds of loops.
fn finish(builder: Builder, start: u32) -> Program {
    let Builder { mut states, mut sets, groups, has_either } = builder;
    let skip = |states: &[State], mut id: u32| {
        while id != NONE && states[id as usize].node == Node::Dummy {
            id = states[id as usize].next;
        }
        id
    };
    for index in 0..states.len() {
        let mut state = states[index];
        state.next = skip(&states, state.next);
        if let Node::Either { first: side } | Node::Repeat { body: side } = &mut state.node {
            *side = skip(&states, *side);
        }
        states[index] = state;
    }
    let mut slots = 0;
    for index in 0..states.len() {
        let Node::Repeat { body } = states[index].node else { continue };
        if body == NONE || states[index].next == NONE {
            continue; // left over from an interval: not reachable
        }
        let inner = states[body as usize];
        if inner.next == index as u32 {
            if let Node::Byte(byte) = inner.node {
                let set = ByteSet::one(byte);
                let known = sets.iter().position(|other| *other == set);
                let number = known.unwrap_or_else(|| {
                    sets.push(set);
                    sets.len() - 1
                });
                states[index].node = Node::Run(number as u32);
                continue;
            }
            if let Node::Set(number) = inner.node {
                states[index].node = Node::Run(number);
                continue;
            }
        }
    }
    let component = components(&states);
    for index in 0..states.len() {
        let Node::Repeat { body } = states[index].node else { continue };
        if body != NONE && component[body as usize] == component[index] {
            states[index].node = Node::RepeatEmpty { body, slot: slots };
            slots += 1;
        }
    }
    let first = first_bytes(&states, &sets, start);
    Program { states, sets, start, groups: groups as usize, slots: slots as usize, has_either, first }
}

/// Visits the states that can be entered from `from` without taking a byte.
pub(super) fn closure(states: &[State], from: u32, mut visit: impl FnMut(u32, &State)) {
    let mut seen: rustc_hash::FxHashSet<u32> = Default::default();
    let mut todo = vec![from];
    while let Some(id) = todo.pop() {
        if id == NONE || !seen.insert(id) {
            continue;
        }
        let state = &states[id as usize];
        visit(id, state);
        todo.extend(silent(state));
    }
}

/// The states that follow `state` without taking a byte.
fn silent(state: &State) -> [u32; 2] {
    match state.node {
        Node::Byte(_) | Node::Set(_) | Node::Accept => [NONE; 2],
        Node::Either { first: side } | Node::Repeat { body: side } | Node::RepeatEmpty { body: side, .. } => {
            [side, state.next]
        }
        _ => [state.next, NONE],
    }
}

/// Numbers the strongly connected components of the steps that take no byte (Tarjan's algorithm with its own stack): a loop
/// whose body is in its own component can go round without taking anything.
fn components(states: &[State]) -> Vec<u32> {
    let mut component = vec![NONE; states.len()];
    let mut order = vec![NONE; states.len()];
    let mut low = vec![0; states.len()];
    let (mut counter, mut path, mut calls) = (0u32, Vec::new(), Vec::new());
    for root in 0..states.len() as u32 {
        if order[root as usize] != NONE {
            continue;
        }
        calls.push((root, 0usize));
        while let Some((id, step)) = calls.pop() {
            let here = id as usize;
            if step == 0 {
                order[here] = counter;
                low[here] = counter;
                counter += 1;
                path.push(id);
            } else {
                let child = silent(&states[here])[step - 1] as usize;
                if child != NONE as usize && component[child] == NONE {
                    low[here] = low[here].min(low[child]);
                }
            }
            if let Some(&child) = silent(&states[here]).get(step) {
                calls.push((id, step + 1));
                if child != NONE {
                    if order[child as usize] == NONE {
                        calls.push((child, 0));
                    } else if component[child as usize] == NONE {
                        low[here] = low[here].min(order[child as usize]);
                    }
                }
                continue;
            }
            if low[here] == order[here] {
                while let Some(member) = path.pop() {
                    component[member as usize] = id;
                    if member == id {
                        break;
                    }
                }
            }
        }
    }
    component
}

fn first_bytes(states: &[State], sets: &[ByteSet], start: u32) -> Option<ByteSet> {
    let mut bytes = ByteSet::default();
    let mut known = true;
    closure(states, start, |_, state| match state.node {
        Node::Byte(byte) => bytes.insert(byte),
        Node::Set(number) | Node::Run(number) => bytes.extend(sets[number as usize]),
        Node::LineStart | Node::LineEnd | Node::Accept => known = false,
        _ => {}
    });
    known.then_some(bytes)
}
