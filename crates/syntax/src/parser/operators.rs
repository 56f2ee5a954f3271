//! Unary and binary operators, by precedence; pipes.

use super::{Failed, Parsed, Parser};
use crate::ast::{Expr, ExprId, Op, Span};
use crate::token::Kind;

/// An operator that waits for its right side.
#[derive(Clone, Copy)]
pub(super) struct Operator {
    precedence: u8,
    what: What,
    span: Span,
}

#[derive(Clone, Copy)]
enum What {
    Not,
    Negate,
    Binary(Op),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
    Neither,
}

const NOT: u8 = 7;
const QUESTION: u8 = 11;
const NEGATE: u8 = 12;

/// What a token means between two operands: precedence (tighter is higher), associativity, operator.
#[inline(always)]
fn infix(kind: Kind) -> Option<(u8, Side, Op)> {
    Some(match kind {
        Kind::Impl => (1, Side::Right, Op::Impl),
        Kind::Or => (2, Side::Left, Op::Or),
        Kind::And => (3, Side::Left, Op::And),
        Kind::Eq => (4, Side::Neither, Op::Eq),
        Kind::NotEq => (4, Side::Neither, Op::NotEq),
        Kind::Less => (5, Side::Neither, Op::Less),
        Kind::LessEq => (5, Side::Neither, Op::LessEq),
        Kind::Greater => (5, Side::Neither, Op::Greater),
        Kind::GreaterEq => (5, Side::Neither, Op::GreaterEq),
        Kind::Update => (6, Side::Right, Op::Update),
        Kind::Plus => (8, Side::Left, Op::Add),
        Kind::Minus => (8, Side::Left, Op::Sub),
        Kind::Star => (9, Side::Left, Op::Mul),
        Kind::Slash => (9, Side::Left, Op::Div),
        Kind::Concat => (10, Side::Right, Op::Concat),
        _ => return None,
    })
}

impl Parser<'_> {
    /// An expression without a [`super::Prefix`] in front.
    #[inline]
    pub(super) fn pipes(&mut self) -> Parsed<ExprId> {
        let first = self.operation()?;
        match self.kind() {
            Kind::PipeInto => self.pipes_into(first),
            Kind::PipeFrom => self.pipes_from(first),
            _ => Ok(first),
        }
    }

    /// `a |> f |> g`
    fn pipes_into(&mut self, first: ExprId) -> Parsed<ExprId> {
        let mut value = first;
        while self.kind() == Kind::PipeInto {
            let token = self.token();
            self.at += 1;
            let function = self.operation()?;
            let start = self.start_of(value);
            value = self.call(function, value, Span { start: token.start, end: token.end }, start);
        }
        Ok(value)
    }

    /// `g <| f <| a`
    fn pipes_from(&mut self, first: ExprId) -> Parsed<ExprId> {
        let base = self.ids.len();
        let operators = self.operators.len();
        self.ids.push(first);
        while self.kind() == Kind::PipeFrom {
            let token = self.token();
            let span = Span { start: token.start, end: token.end };
            self.operators.push(Operator { precedence: 0, what: What::Negate, span });
            self.at += 1;
            let next = self.operation()?;
            self.ids.push(next);
        }
        let mut value = self.ids.pop().unwrap_or(first);
        while self.ids.len() > base {
            if let (Some(function), Some(operator)) = (self.ids.pop(), self.operators.pop()) {
                let start = self.start_of(function);
                value = self.call(function, value, operator.span, start);
            }
        }
        self.operators.truncate(operators);
        Ok(value)
    }

    fn call(&mut self, function: ExprId, arg: ExprId, span: Span, start: u32) -> ExprId {
        let base = self.ids.len();
        let (function, old_span) = self.open_call(function);
        self.ids.push(arg);
        let args = self.take_ids(base);
        self.add(Expr::Call(function, args), old_span.unwrap_or(span), start)
    }

    /// Operands and operators without pipes.
    #[inline]
    fn operation(&mut self) -> Parsed<ExprId> {
        let operators = self.operators.len();
        let mut operand = self.operand()?;
        loop {
            let token = self.token();
            let (precedence, side, op) = match infix(token.kind) {
                Some(known) => known,
                None if token.kind == Kind::Question => {
                    operand = self.reduce(operators, operand, QUESTION);
                    self.at += 1;
                    let path = self.attr_path_range()?;
                    let start = self.start_of(operand);
                    let span = Span { start: token.start, end: token.end };
                    operand = self.add(Expr::HasAttr(operand, path), span, start);
                    continue;
                }
                None => break,
            };
            let tighter = if side == Side::Left { precedence } else { precedence + 1 };
            operand = self.reduce(operators, operand, tighter);
            let waiting = self.operators[operators..].last();
            if side == Side::Neither && waiting.is_some_and(|last| last.precedence == precedence) {
                return Err(Failed);
            }
            self.at += 1;
            self.operands.push(operand);
            let span = Span { start: token.start, end: token.end };
            self.operators.push(Operator { precedence, what: What::Binary(op), span });
            operand = self.operand()?;
        }
        Ok(self.reduce(operators, operand, 0))
    }

    /// An operand; the unary operators in front of it are put on the stack.
    #[inline]
    fn operand(&mut self) -> Parsed<ExprId> {
        loop {
            let token = self.token();
            let (what, precedence) = match token.kind {
                Kind::Bang => (What::Not, NOT),
                Kind::Minus => (What::Negate, NEGATE),
                _ => break,
            };
            self.at += 1;
            self.operators.push(Operator {
                precedence,
                what,
                span: Span { start: token.start, end: token.end },
            });
        }
        let operand = self.application()?;
        self.cursed = None;
        Ok(operand)
    }

    /// Applies the waiting operators that are at least as tight as `precedence`.
    #[inline]
    fn reduce(&mut self, base: usize, operand: ExprId, precedence: u8) -> ExprId {
        let mut operand = operand;
        while self.operators.len() > base {
            let operator = self.operators[self.operators.len() - 1];
            if operator.precedence < precedence {
                break;
            }
            self.operators.pop();
            operand = self.apply(operator, operand);
        }
        operand
    }

    fn apply(&mut self, operator: Operator, right: ExprId) -> ExprId {
        let start = operator.span.start;
        match operator.what {
            What::Not => self.add(Expr::Not(right), operator.span, start),
            What::Negate => self.add(Expr::Neg(right), operator.span, start),
            What::Binary(op) => match self.operands.pop() {
                Some(left) => {
                    let start = self.start_of(left);
                    self.add(Expr::Binary(op, left, right), operator.span, start)
                }
                // Each binary operator was pushed together with its left side.
                None => right,
            },
        }
    }
}
