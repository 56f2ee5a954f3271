//! The state of one evaluation, as builtins and embedding programs see it.

use std::any::{Any, TypeId};
use std::borrow::Cow;
use std::sync::Arc;

use firn_path::StoreDir;
use firn_syntax::{LintLevel, Symbol, SymbolTable};
use rustc_hash::FxHashMap;

use crate::builtins::{PrimOp, Registry};
use crate::context::{ContextElem, ContextId, Contexts};
use crate::error::{ErrorKind, EvalError, Fail, Res, Trace};
use crate::heap::{Attrs, Flat, Heap, PrimId, Value, ValueStack};
use crate::io::{EvalIo, SourcePath};
use crate::pos::{Pos, Positions};

/// What an evaluation depends on beside its sources.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The store's folder.
    pub store_dir: StoreDir,
    /// `builtins.currentSystem`; absent in pure evaluation.
    pub current_system: Option<String>,
    /// Whether nothing outside the given sources may be read.
    pub pure: bool,
    /// Whether only the search path may be read.
    pub restricted: bool,
    /// Nothing is written to the store; paths are only computed.
    pub read_only: bool,
    /// Traces are complete and have a frame a call.
    pub show_trace: bool,
    /// How deep calls may nest.
    pub max_call_depth: u32,
    /// `-I` and `NIX_PATH`: prefix (may be empty) and what it leads to.
    pub nix_path: Vec<(String, String)>,
    /// Enabled experimental features.
    pub experimental: Vec<String>,
    /// `builtins.nixVersion`.
    pub nix_version: String,
    /// `traceVerbose` traces.
    pub trace_verbose: bool,
    /// Whether imports from derivations are allowed.
    pub allow_import_from_derivation: bool,
    /// `builtins.exec` and `importNative`.
    pub allow_unsafe_native_code: bool,
    /// `abort-on-warn`
    pub abort_on_warn: bool,
    /// `lint-url-literals`
    pub lint_url_literals: LintLevel,
    /// `lint-absolute-path-literals`
    pub lint_absolute_path_literals: LintLevel,
    /// `lint-short-path-literals`
    pub lint_short_path_literals: LintLevel,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            store_dir: StoreDir::default(),
            current_system: Some("x86_64-linux".into()),
            pure: false,
            restricted: false,
            read_only: false,
            show_trace: false,
            max_call_depth: 10_000,
            nix_path: Vec::new(),
            experimental: Vec::new(),
            nix_version: "2.34.8".into(),
            trace_verbose: false,
            allow_import_from_derivation: true,
            allow_unsafe_native_code: false,
            abort_on_warn: false,
            lint_url_literals: LintLevel::Ignore,
            lint_absolute_path_literals: LintLevel::Ignore,
            lint_short_path_literals: LintLevel::Ignore,
        }
    }
}

impl Settings {
    /// Whether an experimental feature is enabled.
    pub fn has_feature(&self, name: &str) -> bool {
        self.experimental.iter().any(|f| f == name)
    }
}

/// Counts of what was done; the names are the reference's.
#[derive(Clone, Copy, Default, Debug)]
#[allow(missing_docs)]
pub struct Counters {
    pub calls: u64,
    pub primop_calls: u64,
    pub lookups: u64,
    pub updates: u64,
    pub updates_copied: u64,
    pub list_concats: u64,
    pub avoided: u64,
    pub with_lookups: u64,
}

/// The primops that operators fall back to.
#[derive(Clone, Copy)]
pub(crate) struct OpPrims {
    pub(crate) sub: PrimId,
    pub(crate) mul: PrimId,
    pub(crate) div: PrimId,
    pub(crate) less_than: PrimId,
}

/// The state of one evaluation.
pub struct Ctx {
    /// Where values are made.
    pub heap: Heap,
    /// Names.
    pub symbols: &'static SymbolTable,
    /// Sources and positions.
    pub positions: Positions,
    /// String contexts.
    pub contexts: Contexts,
    /// What the evaluation depends on beside its sources.
    pub settings: Settings,
    /// The world.
    pub io: Arc<dyn EvalIo>,
    /// What was done so far.
    pub counters: Counters,
    pub(crate) stack: ValueStack,
    pub(crate) prims: Vec<PrimOp>,
    pub(crate) op_prims: OpPrims,
    pub(crate) globals: FxHashMap<Symbol, Value>,
    pub(crate) builtins: Attrs,
    pub(crate) depth: u32,
    errors: Vec<EvalError>,
    pending: u32,
    name_values: FxHashMap<Symbol, Value>,
    pub(crate) files: crate::files::FileCache,
    pub(crate) drvs: crate::builtins::derivation::DrvMemo,
    extensions: FxHashMap<TypeId, Box<dyn Any>>,
    /// Set while `tryEval` runs: debuggers may want to know.
    pub(crate) trying: u32,
}

impl Ctx {
    /// An evaluation with these builtins. The frame stack takes address space, memory only as far as it is used.
    ///
    /// Call it on the thread that evaluates: see [`crate::run`].
    pub fn new(settings: Settings, io: Arc<dyn EvalIo>, registry: Registry) -> Ctx {
        let symbols: &'static SymbolTable = Box::leak(Box::new(SymbolTable::new()));
        let mut ctx = Ctx {
            heap: Heap::new(),
            symbols,
            positions: Positions::default(),
            contexts: Contexts::default(),
            settings,
            io,
            counters: Counters::default(),
            stack: ValueStack::new(1 << 24),
            prims: Vec::new(),
            op_prims: OpPrims { sub: PrimId(0), mul: PrimId(0), div: PrimId(0), less_than: PrimId(0) },
            globals: FxHashMap::default(),
            builtins: Attrs::empty(),
            depth: 0,
            errors: Vec::new(),
            pending: 0,
            name_values: FxHashMap::default(),
            files: Default::default(),
            drvs: Default::default(),
            extensions: FxHashMap::default(),
            trying: 0,
        };
        crate::builtins::install(&mut ctx, registry);
        ctx
    }

    // ---- names ----------------------------------------------------------------------------------------------------

    /// The symbol of a name.
    pub fn sym(&self, name: impl AsRef<[u8]>) -> Symbol {
        self.symbols.intern(name.as_ref())
    }

    /// The symbol of a string's text.
    #[inline]
    pub fn symbol_of(&mut self, s: crate::heap::Str) -> Symbol {
        self.heap.symbol(s, self.symbols)
    }

    /// The text of a symbol.
    #[inline]
    pub fn name(&self, sym: Symbol) -> &'static [u8] {
        self.symbols.name(sym)
    }

    /// The text of a symbol as a string value, made once.
    pub fn name_value(&mut self, sym: Symbol) -> Value {
        if let Some(v) = self.name_values.get(&sym) {
            return *v;
        }
        let v = self.heap.string(self.symbols.name(sym));
        self.name_values.insert(sym, v);
        v
    }

    // ---- making values --------------------------------------------------------------------------------------------

    /// A string without context.
    pub fn str(&mut self, s: impl AsRef<[u8]>) -> Value {
        self.heap.string(s.as_ref())
    }

    /// A string with a context.
    pub fn str_ctx(&mut self, s: impl AsRef<[u8]>, ctx: ContextId) -> Value {
        self.heap.string_ctx(s.as_ref(), ctx)
    }

    /// An integer.
    pub fn int(&mut self, i: i64) -> Value {
        self.heap.int(i)
    }

    /// A float.
    pub fn float(&mut self, f: f64) -> Value {
        self.heap.float(f)
    }

    /// A list.
    pub fn list(&mut self, elems: &[Value]) -> Value {
        self.heap.list(elems)
    }

    /// A path value.
    pub fn path(&mut self, p: &SourcePath) -> Value {
        self.heap.path(p.root, p.path.as_bytes())
    }

    /// A set of attributes without positions, in any order; of equal names the last one wins.
    pub fn attrs(&mut self, attrs: &[(&str, Value)]) -> Value {
        let mut b = AttrsBuilder::default();
        for (n, v) in attrs {
            b.push(self.sym(n), Pos::NONE, *v);
        }
        b.finish(&mut self.heap).value()
    }

    /// The set with all its attributes by index, see [`Heap::flat`].
    #[inline]
    pub fn flat(&mut self, a: Attrs) -> Flat {
        self.heap.flat(a)
    }

    /// The indexes of a set's attributes in the order of their names' texts.
    pub fn lexical_order(&mut self, f: Flat) -> &'static [u32] {
        let symbols = self.symbols;
        self.heap.lexical_order(f, |s| symbols.name(s))
    }

    /// The context with one element.
    pub fn context_of(&mut self, elem: ContextElem) -> ContextId {
        self.contexts.single(elem)
    }

    /// `builtins`.
    pub fn builtins(&self) -> Attrs {
        self.builtins
    }

    // ---- errors ---------------------------------------------------------------------------------------------------

    /// Raises an error. Make the message with [`crate::msg!`].
    #[cold]
    pub fn error(&mut self, kind: ErrorKind, message: impl Into<String>, pos: Pos) -> Fail {
        self.raise(EvalError {
            kind,
            message: message.into(),
            pos,
            traces: Vec::new(),
            suggestions: Vec::new(),
            cycle: None,
        })
    }

    /// Raises a type error: the position is a frame of the trace, not of the error itself.
    #[cold]
    pub fn type_error(&mut self, message: impl Into<String>, pos: Pos) -> Fail {
        self.error(ErrorKind::Type, message, pos)
    }

    /// Raises an error that was made before.
    #[cold]
    pub fn raise(&mut self, e: EvalError) -> Fail {
        self.errors.push(e);
        self.pending = self.errors.len() as u32 - 1;
        Fail
    }

    /// Adds a frame to the trace of the error that is being raised: for use in `map_err`.
    #[cold]
    #[inline(never)]
    pub fn trace(&mut self, pos: Pos, text: impl Into<Cow<'static, str>>) -> Fail {
        let text = text.into();
        if let Some(e) = self.errors.get_mut(self.pending as usize) {
            e.traces.push(Trace { pos, text, always: false });
        }
        Fail
    }

    /// The error that is being raised.
    pub fn error_mut(&mut self) -> &mut EvalError {
        &mut self.errors[self.pending as usize]
    }

    /// Takes the error that was raised, to show it or to go on without it.
    pub fn take_error(&mut self) -> EvalError {
        let e = self.errors[self.pending as usize].clone();
        self.forget_error();
        e
    }

    /// Forgets the error that was raised. A thunk that failed with it keeps it.
    pub(crate) fn forget_error(&mut self) {
        self.pending = u32::MAX;
    }

    /// Marks where the error stands that is being raised, for a thunk that remembers its failure.
    pub(crate) fn error_mark(&self) -> (u32, u32) {
        (self.pending, self.errors[self.pending as usize].traces.len() as u32)
    }

    /// Goes on raising the error at a mark, after something that may have failed in its own way.
    pub(crate) fn resume(&mut self, mark: (u32, u32)) {
        self.pending = mark.0;
    }

    /// Raises a remembered failure again. That of a thunk (all `frames`) comes with all the frames that it had got when it
    /// was caught, and gets no more of them; that of an argument which was evaluated early goes on where it was.
    #[cold]
    pub(crate) fn raise_again(&mut self, error: u32, frames: u32) -> Fail {
        let old = &self.errors[error as usize];
        if old.traces.len() == frames as usize
            && error as usize + 1 == self.errors.len()
            && self.pending == u32::MAX
        {
            self.pending = error;
            return Fail;
        }
        let mut e = old.clone();
        e.traces.truncate(frames as usize);
        self.raise(e)
    }

    // ---- depth ----------------------------------------------------------------------------------------------------

    /// Counts one more call; the caller counts it down again.
    #[inline(always)]
    pub(crate) fn enter(&mut self, pos: Pos) -> Res<()> {
        if self.depth > self.settings.max_call_depth || self.stack_is_short() {
            return Err(self.stack_overflow(pos));
        }
        self.depth += 1;
        Ok(())
    }

    #[inline(always)]
    pub(crate) fn leave(&mut self) {
        self.depth -= 1;
    }

    #[inline(always)]
    pub(crate) fn stack_is_short(&self) -> bool {
        let here = 0u8;
        (&raw const here as usize) < self.heap.stack_limit
    }

    #[cold]
    pub(crate) fn stack_overflow(&mut self, pos: Pos) -> Fail {
        if self.heap.exhausted {
            let text = "out of memory: the values of an evaluation may take up to 4 GiB";
            return self.error(ErrorKind::StackOverflow, text, pos);
        }
        self.error(ErrorKind::StackOverflow, "stack overflow; max-call-depth exceeded", pos)
    }

    /// Runs a function one call deeper: for builtins and printers that recurse over data.
    pub fn deeper<T>(&mut self, pos: Pos, f: impl FnOnce(&mut Ctx) -> Res<T>) -> Res<T> {
        self.enter(pos)?;
        let r = f(self);
        self.leave();
        r
    }

    // ---- embedding ------------------------------------------------------------------------------------------------

    /// State of a family of builtins that lives outside this crate, made on first use.
    pub fn extension<T: Any + Default>(&mut self) -> &mut T {
        self.extensions
            .entry(TypeId::of::<T>())
            .or_insert_with(|| Box::new(T::default()))
            .downcast_mut()
            .expect("the key is the type")
    }

    /// Stores state of a family of builtins that lives outside this crate.
    pub fn set_extension<T: Any>(&mut self, value: T) {
        self.extensions.insert(TypeId::of::<T>(), Box::new(value));
    }

    /// The state that [`Ctx::set_extension`] stored.
    pub fn get_extension<T: Any>(&mut self) -> Option<&mut T> {
        self.extensions.get_mut(&TypeId::of::<T>())?.downcast_mut()
    }

    /// The primop with this id.
    pub fn prim(&self, id: PrimId) -> &PrimOp {
        &self.prims[id.0 as usize]
    }

    /// All primops.
    pub fn prims(&self) -> &[PrimOp] {
        &self.prims
    }

    /// Raises an error of the world outside.
    #[cold]
    pub fn io_error(&mut self, e: crate::io::IoError, pos: Pos) -> Fail {
        let kind = if e.restricted { ErrorKind::Restricted } else { ErrorKind::Outside };
        self.error(kind, e.message, pos)
    }

    /// The text of a path for messages and strings.
    pub fn show_path(&self, p: &SourcePath) -> String {
        if p.root == crate::COREPKGS_ROOT { format!("<nix{}>", p.path) } else { self.io.show(p) }
    }

    /// The source path of a path value.
    pub fn source_path(&self, p: crate::heap::PathRef) -> SourcePath {
        SourcePath { root: p.root(), path: Arc::from(&*p.to_text()) }
    }
}

/// Collects attributes in any order and makes a set of them.
#[derive(Default)]
pub struct AttrsBuilder {
    entries: Vec<(Symbol, Pos, Value)>,
}

impl AttrsBuilder {
    /// With room for `n` attributes.
    pub fn with_capacity(n: usize) -> AttrsBuilder {
        AttrsBuilder { entries: Vec::with_capacity(n) }
    }

    /// Adds an attribute.
    #[inline]
    pub fn push(&mut self, name: Symbol, pos: Pos, value: Value) {
        self.entries.push((name, pos, value));
    }

    /// Number of attributes so far, with repetitions.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The set; of equal names the last one wins.
    pub fn finish(mut self, heap: &mut Heap) -> Attrs {
        self.sort();
        // `dedup_by` keeps the first of equals: let it be the last one added.
        self.entries.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                *kept = *later;
            }
            same
        });
        heap.attrs_sorted(&self.entries)
    }

    /// The set; of equal names the first one wins.
    pub fn finish_first(mut self, heap: &mut Heap) -> Attrs {
        self.sort();
        self.entries.dedup_by(|later, kept| later.0 == kept.0);
        heap.attrs_sorted(&self.entries)
    }

    fn sort(&mut self) {
        if !self.entries.is_sorted_by(|a, b| a.0 < b.0) {
            self.entries.sort_by_key(|e| e.0);
        }
    }
}
