//! What names mean at a place: binders, and the units whose code is being made.

use firn_syntax::Symbol;
use rustc_hash::FxHashMap;

use crate::ir::Src;
use crate::pos::Pos;

/// A variable that the file binds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Binder(pub(super) u32);

#[derive(Default)]
struct Unit {
    caps: Vec<Binder>,
    /// Only filled when there are many captures.
    index: FxHashMap<u32, u32>,
    frame: u32,
}

/// Beyond this many captures they are found through a table.
const MANY: usize = 16;

#[derive(Default)]
pub(super) struct Scopes {
    /// Unit and slot of each binder.
    binders: Vec<(u32, u32)>,
    units: Vec<Unit>,
    names: FxHashMap<Symbol, Binder>,
    undo: Vec<(Symbol, Option<Binder>)>,
    /// The `with`s around the place, outermost first.
    pub(super) withs: Vec<(Binder, Pos)>,
}

impl Scopes {
    /// Starts a unit.
    pub(super) fn open(&mut self) {
        self.units.push(Unit::default());
    }

    /// Ends a unit: what it captures, seen from the one around it, and the size of its frame.
    pub(super) fn close(&mut self) -> (Vec<Src>, u32) {
        let unit = self.units.pop().expect("a unit is open");
        let caps = unit.caps.iter().map(|b| self.source(*b)).collect();
        (caps, unit.frame)
    }

    fn unit(&mut self) -> &mut Unit {
        self.units.last_mut().expect("a unit is open")
    }

    /// Takes a slot of the open unit's frame.
    pub(super) fn new_slot(&mut self) -> u32 {
        let u = self.unit();
        u.frame += 1;
        u.frame - 1
    }

    /// Takes slots that follow each other: the first.
    pub(super) fn new_slot_run(&mut self, n: usize) -> u32 {
        let u = self.unit();
        u.frame += n as u32;
        u.frame - n as u32
    }

    /// The slot of a variable of the open unit.
    pub(super) fn own_slot(&self, b: Binder) -> Option<u32> {
        let (unit, slot) = self.binders[b.0 as usize];
        (unit as usize == self.units.len() - 1).then_some(slot)
    }

    /// A binder for a slot of the open unit.
    pub(super) fn new_var(&mut self, slot: u32) -> Binder {
        self.binders.push((self.units.len() as u32 - 1, slot));
        Binder(self.binders.len() as u32 - 1)
    }

    /// Makes a name visible until [`Scopes::leave`].
    pub(super) fn bind(&mut self, name: Symbol, var: Binder) {
        let old = self.names.insert(name, var);
        self.undo.push((name, old));
    }

    /// A mark for [`Scopes::leave`].
    pub(super) fn mark(&self) -> usize {
        self.undo.len()
    }

    /// Ends all scopes since the mark.
    pub(super) fn leave(&mut self, mark: usize) {
        for (name, old) in self.undo.drain(mark..).rev() {
            match old {
                Some(b) => self.names.insert(name, b),
                None => self.names.remove(&name),
            };
        }
    }

    /// What a name is bound to in the file.
    pub(super) fn lookup(&self, name: Symbol) -> Option<Binder> {
        self.names.get(&name).copied()
    }

    /// Where the open unit finds a variable: in its frame, or captured (which it is from then on).
    pub(super) fn source(&mut self, b: Binder) -> Src {
        let (unit, slot) = self.binders[b.0 as usize];
        if unit as usize == self.units.len() - 1 {
            return Src::from_local(slot);
        }
        let u = self.unit();
        if u.caps.len() > MANY {
            if let Some(i) = u.index.get(&b.0) {
                return Src::from_capture(*i);
            }
        } else if let Some(i) = u.caps.iter().position(|c| *c == b) {
            return Src::from_capture(i as u32);
        }
        u.caps.push(b);
        if u.caps.len() == MANY + 1 {
            u.index = u.caps.iter().enumerate().map(|(i, c)| (c.0, i as u32)).collect();
        } else if u.caps.len() > MANY {
            u.index.insert(b.0, u.caps.len() as u32 - 1);
        }
        Src::from_capture(u.caps.len() as u32 - 1)
    }
}
