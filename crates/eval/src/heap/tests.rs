//! Values and their memory, without an evaluation: small enough to be run by an interpreter that checks every access.

use firn_syntax::Symbol;
use firn_syntax::symbol::SymbolTable;

use super::{Attrs, Frame, Heap, PrimId, ThunkState, Type, Value, ValueStack, View};
use crate::context::ContextId;
use crate::heap::Env;
use crate::ir::{LambdaCode, Node, Src, ThunkCode};
use crate::pos::Pos;

fn sym(n: u32) -> Symbol {
    Symbol(n)
}

fn int(i: i64) -> Value {
    Value::small_int(i).expect("small")
}

fn set(heap: &mut Heap, names: &[u32]) -> Attrs {
    let all: Vec<_> = names.iter().map(|n| (sym(*n), Pos(*n + 1), int(i64::from(*n)))).collect();
    heap.attrs_sorted(&all)
}

fn values(heap: &mut Heap, a: Attrs) -> Vec<(u32, i64)> {
    let f = heap.flat(a);
    f.iter().map(|(n, _, v)| (n.0, v.as_int().expect("an integer"))).collect()
}

fn thunk_code(heap: &mut Heap, caps: Vec<Src>) -> super::Ref<ThunkCode> {
    let caps = heap.run(caps);
    heap.code(ThunkCode { body: Node::Capture(0, Pos::NONE), caps, frame: 0, pos: Pos(7) })
}

#[test]
fn numbers_at_every_border() {
    let mut heap = Heap::new();
    for i in [0, 1, -1, (1 << 28) - 1, 1 << 28, -(1 << 28), -(1 << 28) - 1, i64::MAX, i64::MIN] {
        let v = heap.int(i);
        assert_eq!(v.as_int(), Some(i));
        assert!(matches!(v.view(), View::Int(j) if j == i));
        assert_eq!(v.ty(), Type::Int);
    }
    for f in [0.0, -1.5, f64::MAX, f64::INFINITY] {
        assert_eq!(heap.float(f).as_float(), Some(f));
    }
    assert!(matches!(heap.external(u32::MAX).view(), View::External(u32::MAX)));
}

#[test]
fn immediates() {
    assert_eq!(Value::bool(true).as_bool(), Some(true));
    assert_eq!(Value::NULL.ty(), Type::Null);
    let p = Value::prim(PrimId(300));
    assert_eq!(p.as_prim(), Some(PrimId(300)));
    assert!(!p.is_plain() && Value::NULL.is_plain());
}

#[test]
fn strings_and_paths_of_every_length() {
    let mut heap = Heap::new();
    for len in 0..20 {
        let text: Vec<u8> = (0..len).map(|i| b'a' + i as u8).collect();
        let s = heap.string_ctx(&text, ContextId(len)).as_str().expect("a string");
        assert_eq!((s.as_bytes(), s.context()), (&text[..], ContextId(len)));
        let other = heap.with_context(s, ContextId(99)).as_str().expect("a string");
        assert_eq!((other.as_bytes(), other.context()), (&text[..], ContextId(99)));
        let p = heap.path(3, &text).as_path().expect("a path");
        assert_eq!((p.as_bytes(), p.root()), (&text[..], 3));
    }
}

#[test]
fn lists() {
    let mut heap = Heap::new();
    assert!(heap.empty_list().as_list().expect("a list").is_empty());
    let all: Vec<Value> = (0..9).map(int).collect();
    let l = heap.list(&all).as_list().expect("a list");
    assert_eq!(l.iter().collect::<Vec<_>>(), all);
    let out = heap.new_list(8);
    l.copy_to(1, out, 0);
    assert_eq!(out.iter().collect::<Vec<_>>(), all[1..]);
}

#[test]
fn sets_share_shapes_and_are_merged() {
    let mut heap = Heap::new();
    assert!(Attrs::empty().is_empty());
    let a = set(&mut heap, &[1, 3, 5, 7, 9, 11]);
    let b = set(&mut heap, &[1, 3, 5, 7, 9, 11]);
    assert!(a.raw_shape() == b.raw_shape() && a != b);
    let c = heap.attrs_sorted(&[(sym(3), Pos::NONE, int(30)), (sym(4), Pos(5), int(40))]);
    for _ in 0..2 {
        let (out, copied) = heap.update(a, c);
        assert_eq!(copied, 7);
        assert_eq!(values(&mut heap, out), [(1, 1), (3, 30), (4, 40), (5, 5), (7, 7), (9, 9), (11, 11)]);
        assert_eq!(out.get_with_pos(sym(3)).expect("there").1, Pos::NONE);
        assert_eq!(out.get_with_pos(sym(5)).expect("there").1, Pos(6));
        assert!(heap.find(out, sym(2)).is_none() && heap.find(out, sym(12)).is_none());
        assert_eq!(heap.find(out, sym(7)).map(|(f, i)| f.value(i)), Some(int(7)));
    }
    let bare = heap.shape_without_pos(a.raw_shape());
    assert!(bare.names() == a.raw_shape().names() && bare.pos(0) == Pos::NONE);
    assert!(heap.update(Attrs::empty(), a).0 == a && heap.update(a, Attrs::empty()).0 == a);
}

#[test]
fn large_sets_are_layered_and_flattened() {
    let mut heap = Heap::new();
    let names: Vec<u32> = (0..200).map(|i| i * 2).collect();
    let mut all = set(&mut heap, &names);
    let mut want: std::collections::BTreeMap<u32, i64> = names.iter().map(|n| (*n, i64::from(*n))).collect();
    for round in 0..20u32 {
        let (old, new) = (round * 4, round * 2 + 1);
        let top = heap.attrs_sorted(&if old < new {
            [(sym(old), Pos::NONE, int(1000)), (sym(new), Pos::NONE, int(2000))]
        } else {
            [(sym(new), Pos::NONE, int(2000)), (sym(old), Pos::NONE, int(1000))]
        });
        all = heap.update(all, top).0;
        want.insert(old, 1000);
        want.insert(new, 2000);
        assert_eq!(all.len(), want.len());
        assert_eq!(heap.find(all, sym(old)).map(|(f, i)| f.value(i)), Some(int(1000)));
        assert!(heap.find(all, sym(999)).is_none());
    }
    assert!(all.as_flat().is_none());
    assert_eq!(values(&mut heap, all), want.into_iter().collect::<Vec<_>>());
    assert!(all.as_flat().is_some(), "it refers to the flat set from then on");
    assert_eq!(all.get(sym(4)), Some(int(1000)));
}

#[test]
fn order_of_names_is_remembered() {
    let mut heap = Heap::new();
    let table = SymbolTable::new();
    let names: Vec<Symbol> = [b"zeta", b"beta", b"alfa"].iter().map(|n| table.intern(*n)).collect();
    let all: Vec<_> = names.iter().map(|n| (*n, Pos::NONE, Value::NULL)).collect();
    let f = heap.attrs_sorted(&all).as_flat().expect("flat");
    for _ in 0..2 {
        let order = heap
            .lexical_order(f, |s| names.iter().position(|n| *n == s).map_or(&b""[..], |i| &b"zba"[i..=i]));
        assert_eq!(order, [2, 1, 0]);
    }
    let s = heap.string(b"beta").as_str().expect("a string");
    assert_eq!((heap.symbol(s, &table), heap.symbol(s, &table)), (names[1], names[1]));
}

#[test]
fn thunks_go_through_their_states() {
    let mut heap = Heap::new();
    let mut stack = ValueStack::new(4096);
    let frame = stack.top();
    assert!(stack.push(2));
    frame.set(0, int(5));
    frame.set(1, int(6));
    let code = thunk_code(&mut heap, vec![Src::from_local(1), Src::from_local(0)]);
    let v = heap.thunk(code, Env::none(), frame);
    let t = v.as_thunk().expect("a thunk");
    assert_eq!((t.env().get(0), t.env().get(1)), (int(6), int(5)));
    assert!(matches!(t.state(), ThunkState::Suspended(c) if c.pos == Pos(7)));
    t.start();
    assert!(matches!(t.state(), ThunkState::Running(Some(_))));
    t.suspend_again();
    assert!(matches!(t.state(), ThunkState::Suspended(_)));
    let l = heap.list(&[v]).as_list().expect("a list");
    assert_eq!(l.get(0), v);
    t.start();
    t.finish(int(11));
    assert_eq!((t.result(), l.get(0), v.resolved()), (Some(int(11)), int(11), int(11)));
    // An unfilled one gets its captures later; one that fails loses them.
    let v = heap.thunk_unfilled(code);
    heap.fill(v, code.caps, Env::none(), frame);
    let t = v.as_thunk().expect("a thunk");
    assert_eq!(t.env().get_short(0), int(6));
    t.start();
    t.fail(12345, u32::MAX);
    assert!(matches!(t.state(), ThunkState::Failed { error: 12345, frames: u32::MAX }));
    let failed = heap.failed(3, 4).as_thunk().expect("a thunk");
    assert!(matches!(failed.state(), ThunkState::Failed { error: 3, frames: 4 }));
    let app = heap.app(int(1), &[int(2), int(3)]).as_thunk().expect("a thunk");
    assert!(matches!(app.state(), ThunkState::App(2)));
    app.start();
    assert!(matches!(app.state(), ThunkState::Running(None)));
    app.suspend_again();
    assert!(matches!(app.state(), ThunkState::App(2)));
    assert_eq!(app.env().get(2), int(3));
    let done = heap.finished(int(9));
    assert_eq!(done.resolved(), int(9));
    stack.pop_to(frame);
    assert_eq!(stack.depth(), 0);
}

#[test]
fn functions_and_partial_applications() {
    let mut heap = Heap::new();
    let mut stack = ValueStack::new(4096);
    let frame: Frame = stack.top();
    assert!(stack.push(1) && !stack.push(4096));
    frame.set(0, int(8));
    let caps = heap.run(vec![Src::from_local(0)]);
    let code = heap.code(LambdaCode {
        body: Node::Const(Value::NULL),
        caps,
        arity: 2,
        frame: 2,
        formals: None,
        strict: super::Run::EMPTY,
        strict_set: 0,
        positions: super::Run::EMPTY,
        name: None,
        params: super::Run::EMPTY,
        doc: firn_syntax::Span::NONE,
    });
    let c = heap.closure(code, Env::none(), frame).as_closure().expect("a function");
    assert_eq!((c.code().arity, c.env().get(0)), (2, int(8)));
    let copy = heap.clone_closure(c).as_closure().expect("a function");
    assert!(copy.value() != c.value() && copy.env().get(0) == int(8));
    let unfilled = heap.closure_unfilled(code);
    heap.fill(unfilled, code.caps, c.env(), frame);
    let p = heap.pap(c.value(), &[int(1)]).as_pap().expect("a partial application");
    assert_eq!((p.len(), p.arg(0), p.function()), (1, int(1), c.value()));
    assert!(!c.value().is_plain());
}

#[test]
fn code_stands_where_its_type_may() {
    let mut heap = Heap::new();
    for n in 1..5u64 {
        let bytes = heap.run(vec![n as u8; n as usize]);
        let wide = heap.code((n, n as u8));
        let code = thunk_code(&mut heap, vec![]);
        assert!(bytes.iter().all(|b| *b == n as u8));
        assert_eq!((wide.0, wide.1), (n, n as u8));
        assert_eq!(std::ptr::from_ref(code.get()).addr() % 32, 0);
        assert!(code.caps.is_empty());
    }
}

#[test]
fn room_is_known() {
    let mut heap = Heap::new();
    assert!(heap.has_room(1000) && !heap.has_room(usize::MAX) && !heap.has_room(1 << 31));
    let big = heap.new_list(100_000);
    assert_eq!((big.len(), big.get(99_999)), (100_000, Value::NULL));
    assert!(heap.bytes() >= 400_000);
}
