//! Which parameters a function evaluates first of all.
//!
//! An argument for such a parameter may be evaluated before the call instead of being delayed: nothing that can be observed
//! happens between. If it fails, the failure is passed on as a value and raised where the function evaluates it.

use crate::ir::{BinOp, Node, PrimArg};

/// Follows the evaluation of `node` from its start as long as only parameters (slots below `arity`) are evaluated, and
/// collects these in order. Gives whether it could be followed to the end.
pub(super) fn first_evaluated(node: &Node, arity: u32, out: &mut Vec<u8>) -> bool {
    match node {
        Node::Const(_) => true,
        Node::Local(slot, _) if *slot < arity => {
            if !out.contains(&(*slot as u8)) {
                out.push(*slot as u8);
            }
            true
        }
        Node::Lambda(_) | Node::List(_) => true,
        Node::Let(n) => first_evaluated(&n.body, arity, out),
        Node::WithScope(n) => first_evaluated(&n.body, arity, out),
        Node::If(n) => {
            first_evaluated(&n.cond, arity, out);
            false
        }
        Node::Assert(n) => {
            first_evaluated(&n.cond, arity, out);
            false
        }
        Node::Not(n) => {
            first_evaluated(&n.0, arity, out);
            false
        }
        Node::Select(n) => {
            first_evaluated(&n.set, arity, out);
            false
        }
        Node::HasAttr(n) => {
            first_evaluated(&n.set, arity, out);
            false
        }
        Node::Call(n) => {
            first_evaluated(&n.f, arity, out);
            false
        }
        Node::Interp(n) => {
            if let Some((first, _)) = n.parts.iter().find(|(p, _)| !matches!(p, Node::Const(_))) {
                first_evaluated(first, arity, out);
            }
            false
        }
        Node::Prim(n) => {
            for a in n.args {
                if let PrimArg::Now(n) = a {
                    if !first_evaluated(n, arity, out) {
                        break;
                    }
                }
            }
            false
        }
        Node::Binary(op, n) => {
            // The operands in the order in which they are evaluated; `None`: it is not sure that the second one is.
            let (first, second) = match op {
                BinOp::And | BinOp::Or | BinOp::Impl | BinOp::Add => (&n.a, None),
                BinOp::Update | BinOp::Greater | BinOp::LessEq => (&n.b, Some(&n.a)),
                _ => (&n.a, Some(&n.b)),
            };
            if first_evaluated(first, arity, out) {
                if let Some(second) = second {
                    // A set is wanted on the right before the left side is looked at.
                    if *op != BinOp::Update {
                        first_evaluated(second, arity, out);
                    }
                }
            }
            false
        }
        _ => false,
    }
}
