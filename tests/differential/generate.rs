//! Random expressions of the language that end, print the same everywhere, and make laziness visible: `builtins.trace`
//! says what is evaluated and in which order, `throw` what is evaluated that need not be.

/// What an expression gives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Int,
    Bool,
    Str,
    List,
    Set,
    Fun,
}

const KINDS: [Kind; 6] = [Kind::Int, Kind::Bool, Kind::Str, Kind::List, Kind::Set, Kind::Fun];

/// Makes expressions. The same seed makes the same ones.
pub(crate) struct Generator {
    state: u64,
    scope: Vec<(String, Kind)>,
    names: usize,
    marks: usize,
}

/// Names of attributes.
const ATTRS: [&str; 5] = ["a", "b", "c", "x", "y"];

impl Generator {
    /// A generator of the expressions of `seed`.
    pub(crate) fn new(seed: u64) -> Generator {
        Generator {
            state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            scope: Vec::new(),
            names: 0,
            marks: 0,
        }
    }

    fn below(&mut self, n: usize) -> usize {
        // xorshift64*
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        (self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % n
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    /// One expression.
    pub(crate) fn expression(&mut self) -> String {
        let kind = KINDS[self.below(5)];
        let depth = 3 + self.below(3);
        self.any(kind, depth)
    }

    /// An expression that most often gives a value of this kind.
    fn any(&mut self, kind: Kind, depth: usize) -> String {
        if depth == 0 {
            return self.leaf(kind);
        }
        match self.below(24) {
            0 | 1 => {
                self.marks += 1;
                let mark = self.marks;
                let body = self.any(kind, depth - 1);
                format!("(builtins.trace \"t{mark}\" {body})")
            }
            2 => {
                let (c, a, b) =
                    (self.any(Kind::Bool, depth - 1), self.any(kind, depth - 1), self.any(kind, depth - 1));
                format!("(if {c} then {a} else {b})")
            }
            3 | 4 => self.binding(kind, depth),
            5 => self.with(kind, depth),
            6 => {
                let (condition, body) = (self.any(Kind::Bool, depth - 1), self.any(kind, depth - 1));
                format!("(assert {condition}; {body})")
            }
            7 => {
                let other = KINDS[self.below(5)];
                let (first, body) = (self.any(other, depth - 1), self.any(kind, depth - 1));
                format!("(builtins.{} {first} {body})", self.pick(&["seq", "deepSeq"]))
            }
            8 => {
                let body = self.any(kind, depth - 1);
                let other = self.leaf(kind);
                format!("(let r = builtins.tryEval {body}; in if r.success then r.value else {other})")
            }
            9 | 10 => self.call(kind, depth),
            11 => {
                let (name, value, other) =
                    (self.pick(&ATTRS), self.any(Kind::Set, depth - 1), self.any(kind, depth - 1));
                format!("({value}.{name} or {other})")
            }
            12 => {
                let item = self.any(kind, depth - 1);
                let list = self.any(Kind::List, depth - 1);
                format!(
                    "(builtins.{} ([ {item} ] ++ {list}))",
                    self.pick(&["head", "head", "(x: builtins.elemAt x 0)"])
                        .replace("(x: builtins.elemAt x 0)", "head")
                )
            }
            // Now and then something else.
            13 if self.below(6) == 0 => {
                let other = KINDS[self.below(KINDS.len())];
                self.any(other, depth - 1)
            }
            _ => self.own(kind, depth - 1),
        }
    }

    fn leaf(&mut self, kind: Kind) -> String {
        let fitting: Vec<String> =
            self.scope.iter().filter(|(_, k)| *k == kind).map(|(name, _)| name.clone()).collect();
        if !fitting.is_empty() && self.below(3) > 0 {
            return fitting[self.below(fitting.len())].clone();
        }
        if self.below(25) == 0 {
            self.marks += 1;
            return format!("(throw \"e{}\")", self.marks);
        }
        match kind {
            Kind::Int => self.pick(&["0", "1", "2", "7", "(-3)", "100"]).to_owned(),
            Kind::Bool => self.pick(&["true", "false"]).to_owned(),
            Kind::Str => {
                self.pick(&["\"\"", "\"a\"", "\"b-1.2\"", "\"x y\"", "''z''", "\"1.10\""]).to_owned()
            }
            Kind::List => self.pick(&["[ ]", "[ 1 2 ]", "[ 3 \"a\" true ]", "[ [ ] null ]"]).to_owned(),
            Kind::Set => self
                .pick(&["{ }", "{ a = 1; }", "{ b = \"s\"; x = [ 1 ]; }", "{ c.a = 2; y = true; }"])
                .to_owned(),
            Kind::Fun => self.pick(&["(z: z)", "(z: [ z ])", "(z: 1)", "(z: { a = z; })"]).to_owned(),
        }
    }

    fn fresh(&mut self) -> String {
        self.names += 1;
        format!("v{}", self.names)
    }

    fn binding(&mut self, kind: Kind, depth: usize) -> String {
        let known = self.scope.len();
        let count = 1 + self.below(3);
        let kinds: Vec<Kind> = (0..count).map(|_| KINDS[self.below(KINDS.len())]).collect();
        let names: Vec<String> = (0..count).map(|_| self.fresh()).collect();
        let mut out = String::from("(let");
        for (name, kind) in names.iter().zip(&kinds) {
            // Only what was bound before is used: nothing goes round in circles.
            let value = self.any(*kind, depth - 1);
            out += &format!(" {name} = {value};");
            self.scope.push((name.clone(), *kind));
        }
        let body = self.any(kind, depth - 1);
        self.scope.truncate(known);
        out + &format!(" in {body})")
    }

    fn with(&mut self, kind: Kind, depth: usize) -> String {
        let name = self.fresh();
        let (inner, value) = (KINDS[self.below(KINDS.len())], self.any(Kind::Set, depth - 1));
        let bound = self.any(inner, depth - 1);
        self.scope.push((name.clone(), inner));
        let body = self.any(kind, depth - 1);
        self.scope.pop();
        format!("(with {value} // {{ {name} = {bound}; }}; {body})")
    }

    fn call(&mut self, kind: Kind, depth: usize) -> String {
        let (name, inner) = (self.fresh(), KINDS[self.below(KINDS.len())]);
        let argument = self.any(inner, depth - 1);
        self.scope.push((name.clone(), inner));
        let out = match self.below(4) {
            0 => {
                let (default, body) = (self.any(inner, depth - 1), self.any(kind, depth - 1));
                let given = if self.below(2) == 0 { format!("{name} = {argument};") } else { String::new() };
                let rest = self.pick(&["", ", ..."]);
                format!("(({{ {name} ? {default}{rest} }}: {body}) {{ {given} }})")
            }
            1 => {
                let body = self.any(kind, depth - 1);
                format!("((s@{{ {name}, ... }}: {body}) {{ {name} = {argument}; a = throw \"never\"; }})")
            }
            2 => {
                let body = self.any(kind, depth - 1);
                format!("({{ __functor = self: {name}: {body}; }} {argument})")
            }
            _ => {
                let body = self.any(kind, depth - 1);
                format!("(({name}: {body}) {argument})")
            }
        };
        self.scope.pop();
        out
    }

    /// An expression of the constructs that only this kind has.
    fn own(&mut self, kind: Kind, depth: usize) -> String {
        match kind {
            Kind::Int => self.int(depth),
            Kind::Bool => self.boolean(depth),
            Kind::Str => self.string(depth),
            Kind::List => self.list(depth),
            Kind::Set => self.set(depth),
            Kind::Fun => {
                let name = self.fresh();
                self.scope.push((name.clone(), Kind::Int));
                let kind = KINDS[self.below(5)];
                let body = self.any(kind, depth);
                self.scope.pop();
                format!("({name}: {body})")
            }
        }
    }

    fn int(&mut self, depth: usize) -> String {
        let (a, b) = (self.any(Kind::Int, depth), self.any(Kind::Int, depth));
        match self.below(8) {
            0 | 1 => format!("({a} + {b})"),
            2 => format!("({a} - {b})"),
            3 => format!("({a} * {b})"),
            4 => format!("({a} / {b})"),
            5 => {
                let list = self.any(Kind::List, depth);
                format!("(builtins.length {list})")
            }
            6 => {
                let text = self.any(Kind::Str, depth);
                format!("(builtins.stringLength {text})")
            }
            _ => {
                let list = self.any(Kind::List, depth);
                format!("(builtins.foldl' (p: q: p + (if builtins.isInt q then q else {b})) {a} {list})")
            }
        }
    }

    fn boolean(&mut self, depth: usize) -> String {
        let kind = KINDS[self.below(5)];
        let operator = self.pick(&["==", "!="]);
        match self.below(10) {
            0 => format!("({} {operator} {})", self.any(kind, depth), self.any(kind, depth)),
            1 => {
                let operator = self.pick(&["<", "<=", ">", ">="]);
                format!("({} {operator} {})", self.any(Kind::Int, depth), self.any(Kind::Int, depth))
            }
            2 => format!("({} < {})", self.any(Kind::Str, depth), self.any(Kind::Str, depth)),
            3 => {
                let operator = self.pick(&["&&", "||", "->"]);
                format!("({} {operator} {})", self.any(Kind::Bool, depth), self.any(Kind::Bool, depth))
            }
            4 => format!("(!{})", self.any(Kind::Bool, depth)),
            5 => format!("({} ? {})", self.any(Kind::Set, depth), self.pick(&["a", "b", "x.a", "c.a.b"])),
            6 => format!("(builtins.elem {} {})", self.any(Kind::Int, depth), self.any(Kind::List, depth)),
            7 => {
                let (which, list) = (self.pick(&["any", "all"]), self.any(Kind::List, depth));
                format!("(builtins.{which} (p: builtins.trace \"each\" (builtins.isInt p)) {list})")
            }
            8 => {
                let test = self.pick(&["isInt", "isString", "isList", "isAttrs", "isFunction", "isBool"]);
                format!("(builtins.{test} {})", self.any(kind, depth))
            }
            _ => format!("(builtins.hasAttr {} {})", self.any(Kind::Str, depth), self.any(Kind::Set, depth)),
        }
    }

    fn string(&mut self, depth: usize) -> String {
        let a = self.any(Kind::Str, depth);
        match self.below(10) {
            0 | 1 => format!("({a} + {})", self.any(Kind::Str, depth)),
            2 => format!("\"<${{{a}}}>${{{}}}\"", self.any(Kind::Str, depth)),
            3 => {
                let kind = [Kind::Int, Kind::Bool, Kind::Str][self.below(3)];
                format!("(toString {})", self.any(kind, depth))
            }
            4 => format!(
                "(builtins.substring {} {} {a})",
                self.pick(&["0", "1", "2"]),
                self.pick(&["1", "3", "99"])
            ),
            5 => format!(
                "(builtins.replaceStrings [ \"a\" \"1\" ] [ {} \"-\" ] {a})",
                self.any(Kind::Str, depth)
            ),
            6 => format!(
                "(builtins.concatStringsSep {a} [ {} {} ])",
                self.any(Kind::Str, depth),
                self.leaf(Kind::Str)
            ),
            7 => {
                let kind = [Kind::List, Kind::Set, Kind::Int][self.below(3)];
                format!("(builtins.toJSON {})", self.any(kind, depth))
            }
            8 => {
                let kind = KINDS[self.below(KINDS.len())];
                format!("(builtins.typeOf {})", self.any(kind, depth))
            }
            _ => format!("\"${{{{ outPath = {a}; b = throw \"never\"; }}}}\""),
        }
    }

    fn list(&mut self, depth: usize) -> String {
        let list = self.any(Kind::List, depth);
        match self.below(15) {
            0..=2 => {
                let n = self.below(4);
                let items: Vec<String> = (0..n)
                    .map(|_| {
                        let kind = KINDS[self.below(5)];
                        self.any(kind, depth)
                    })
                    .collect();
                format!("[ {} ]", items.join(" "))
            }
            3 => format!("({list} ++ {})", self.any(Kind::List, depth)),
            4 => format!("(map {} {list})", self.any(Kind::Fun, depth)),
            5 => format!(
                "(builtins.filter (p: builtins.trace \"keep\" {}) {list})",
                self.any(Kind::Bool, depth)
            ),
            6 => format!("(builtins.attrNames {})", self.any(Kind::Set, depth)),
            7 => format!("(builtins.attrValues {})", self.any(Kind::Set, depth)),
            8 => format!("(builtins.genList {} {})", self.any(Kind::Fun, depth), self.pick(&["0", "2", "3"])),
            9 => format!(
                "(builtins.sort (p: q: builtins.trace \"${{p}}<${{q}}\" (p < q)) [ {} {} \"b\" \"a\" ])",
                self.any(Kind::Str, depth),
                self.any(Kind::Str, depth)
            ),
            10 => format!("(builtins.concatLists [ {list} {} ])", self.any(Kind::List, depth)),
            11 => format!("(builtins.concatMap (p: [ p {} ]) {list})", self.any(Kind::Int, depth)),
            12 => format!("(builtins.splitVersion {})", self.any(Kind::Str, depth)),
            13 => format!(
                "(builtins.catAttrs {} [ {} {} ])",
                self.pick(&["\"a\"", "\"b\""]),
                self.any(Kind::Set, depth),
                self.any(Kind::Set, depth)
            ),
            _ => format!(
                "(builtins.split {} {})",
                self.pick(&["\"a\"", "\"[0-9]+\"", "\"(b)|-\""]),
                self.any(Kind::Str, depth)
            ),
        }
    }

    fn set(&mut self, depth: usize) -> String {
        let set = self.any(Kind::Set, depth);
        match self.below(15) {
            0..=3 => self.literal(depth),
            4 | 5 => format!("({set} // {})", self.any(Kind::Set, depth)),
            6 => format!(
                "(builtins.mapAttrs (n: p: {}) {set})",
                self.pick(&["n", "p", "[ n p ]", "builtins.trace n p"])
            ),
            7 => format!(
                "(removeAttrs {set} [ {} {} ])",
                self.pick(&["\"a\"", "\"b\""]),
                self.any(Kind::Str, depth)
            ),
            8 => format!("(builtins.intersectAttrs {set} {})", self.any(Kind::Set, depth)),
            9 => {
                let (name, value) = (self.any(Kind::Str, depth), self.any(Kind::Int, depth));
                format!(
                    "(builtins.listToAttrs [ {{ name = {name}; value = {value}; }} {{ name = \"a\"; value = 1; }} ])"
                )
            }
            10 => "(builtins.functionArgs ({ a, b ? 1, ... }: a))".to_owned(),
            11 => format!(
                "(builtins.groupBy (p: if builtins.isInt p then \"i\" else {}) {})",
                self.any(Kind::Str, depth),
                self.any(Kind::List, depth)
            ),
            12 => format!(
                "(builtins.zipAttrsWith (n: vs: {}) [ {set} {} ])",
                self.pick(&["vs", "builtins.length vs", "n"]),
                self.any(Kind::Set, depth)
            ),
            13 => format!("(builtins.parseDrvName {})", self.any(Kind::Str, depth)),
            _ => format!(
                "(builtins.partition (p: {}) {})",
                self.any(Kind::Bool, depth),
                self.any(Kind::List, depth)
            ),
        }
    }

    fn literal(&mut self, depth: usize) -> String {
        let known = self.scope.len();
        let recursive = self.below(4) == 0;
        let mut out = String::from(if recursive { "(rec {" } else { "({" });
        let mut names: Vec<&str> = ATTRS.to_vec();
        for _ in 0..self.below(4) {
            let name = names.remove(self.below(names.len()));
            let kind = KINDS[self.below(5)];
            let value = self.any(kind, depth);
            match self.below(8) {
                0 if !recursive => out += &format!(" ${{\"{name}\"}} = {value};"),
                1 => out += &format!(" {name}.a = {value};"),
                2 => out += &format!(" inherit ({{ {name} = {value}; }}) {name};"),
                _ => out += &format!(" {name} = {value};"),
            }
        }
        self.scope.truncate(known);
        out + " })"
    }
}

#[cfg(test)]
mod tests {
    use super::Generator;

    #[test]
    fn a_seed_makes_the_same_expressions() {
        let make = |seed: u64| (0..20u64).map(|i| Generator::new(seed + i).expression()).collect::<Vec<_>>();
        assert_eq!(make(1), make(1));
        assert_ne!(make(1), make(2));
    }
}
