//! From a locked flake to the value of its outputs.

use firn_eval::builtins::{PrimOp, prim};
use firn_eval::context::ContextElem;
use firn_eval::io::SourcePath;
use firn_eval::pos::Origin;
use firn_eval::{AttrsBuilder, Ctx, ErrorKind, Pos, Res, Value};

use crate::builtins::{attrs_of, with_flakes};
use crate::diff::timestamp;
use crate::error::FlakeError;
use crate::reference::FlakeRef;
use crate::session::{Flakes, LockedFlake, Tree};

pub(crate) const BUILTINS: &[PrimOp] = &[
    prim("fetchLockedTree", 1, fetch_locked_tree).internal(),
    prim("countCommits", 1, count_commits).internal(),
];

/// How a tree is described to expressions.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Describe {
    /// A tree without commit has one of zeros.
    pub(crate) empty_rev: bool,
    /// Leave out what the commit says.
    pub(crate) force_dirty: bool,
}

impl Flakes {
    /// The value of a locked flake: its outputs and what is known of its source.
    ///
    /// # Errors
    /// Evaluating it fails.
    pub fn call(&self, ctx: &mut Ctx, flake: &LockedFlake) -> Res {
        let keys = flake.lock.keys();
        let mut fetched = AttrsBuilder::with_capacity(flake.trees.len());
        for (id, tree) in &flake.trees {
            let Some(key) = keys.get(id) else { continue };
            let how = Describe { force_dirty: *id == 0 && flake.force_dirty, ..Describe::default() };
            let info = self.describe(ctx, tree, how, Pos::NONE);
            let dir = ctx.str(&tree.dir);
            let entry = ctx.attrs(&[("sourceInfo", info), ("dir", dir)]);
            fetched.push(ctx.sym(key), Pos::NONE, entry);
        }
        let fetched = fetched.finish(&mut ctx.heap).value();
        let text = ctx.str(flake.lock.to_json().to_string());
        let base = SourcePath::file("/");
        let read = ctx.eval_text("builtins.fromJSON", Origin::Internal("flake"), &base, None)?;
        let lock = ctx.call(read, &[text], Pos::NONE)?;
        let function =
            ctx.eval_text(include_str!("call.nix"), Origin::Internal("call-flake.nix"), &base, None)?;
        let Some(fetch) = ctx.prim_id("fetchLockedTree") else {
            return Err(ctx.error(ErrorKind::Eval, "the builtins of flakes are not registered", Pos::NONE));
        };
        ctx.call(function, &[lock, fetched, Value::prim(fetch)], Pos::NONE)
    }

    /// What is known of a tree, as a set.
    pub(crate) fn describe(&self, ctx: &mut Ctx, tree: &Tree, how: Describe, pos: Pos) -> Value {
        const NO_REV: &str = "0000000000000000000000000000000000000000";
        let context = ctx.context_of(ContextElem::Opaque(tree.path.clone()));
        let path = self.store_dir().print(&tree.path);
        let mut attrs = vec![("outPath", ctx.str_ctx(path, context))];
        let input = &tree.input;
        if let Some(hash) = input.text("narHash") {
            attrs.push(("narHash", ctx.str(hash)));
        }
        if input.kind() == "git" {
            attrs.push(("submodules", Value::bool(input.flag("submodules"))));
        }
        if !how.force_dirty {
            let rev = input.rev().or_else(|| how.empty_rev.then_some(NO_REV));
            if let Some(rev) = rev {
                attrs.push(("rev", ctx.str(rev)));
                attrs.push(("shortRev", ctx.str(&rev[..7.min(rev.len())])));
            }
            if let Some(n) = input.int("revCount") {
                attrs.push(("revCount", ctx.int(i64::try_from(n).unwrap_or(i64::MAX))));
            } else if let Some(count) = &tree.rev_count {
                attrs.push(("revCount", self.delayed_count(ctx, count.clone())));
            } else if how.empty_rev {
                attrs.push(("revCount", ctx.int(0)));
            }
        }
        for name in ["dirtyRev", "dirtyShortRev"] {
            if let Some(text) = input.text(name) {
                attrs.push((name, ctx.str(text)));
            }
        }
        if let Some(seconds) = input.int("lastModified") {
            attrs.push(("lastModified", ctx.int(i64::try_from(seconds).unwrap_or(i64::MAX))));
            attrs.push(("lastModifiedDate", ctx.str(timestamp(seconds))));
        }
        let mut set = AttrsBuilder::with_capacity(attrs.len());
        for (name, value) in attrs {
            set.push(ctx.sym(name), pos, value);
        }
        set.finish(&mut ctx.heap).value()
    }

    /// A number of commits that is counted when it is asked for.
    fn delayed_count(&self, ctx: &mut Ctx, count: firn_fetch::LazyCount) -> Value {
        let number = self.keep_count(count);
        let number = ctx.int(i64::try_from(number).unwrap_or(0));
        match ctx.prim_id("countCommits") {
            Some(id) => ctx.heap.app(Value::prim(id), &[number]),
            None => number,
        }
    }
}

fn count_commits(ctx: &mut Ctx, args: &[Value], pos: Pos) -> Res {
    let number = ctx.force_int(args[0], pos, "while counting commits")?;
    let n = with_flakes(ctx, pos, |flakes, _| {
        let count = usize::try_from(number).ok().and_then(|n| flakes.count(n));
        let count = count.ok_or_else(|| FlakeError::new("there is no such count"))?;
        Ok(count.get()?)
    })?;
    Ok(ctx.int(i64::try_from(n).unwrap_or(i64::MAX)))
}

/// The tree of a node of a lock file: what is known of it, and the flake's folder in it.
fn fetch_locked_tree(ctx: &mut Ctx, args: &[Value], pos: Pos) -> Res {
    let found = attrs_of(ctx, args[0], pos, "while fetching a locked input")?;
    with_flakes(ctx, pos, |flakes, ctx| {
        let mut reference = FlakeRef::from_attrs(found)?;
        reference.input = reference.input.with("__final", Some(true.into()));
        let tree = flakes.fetch(&reference)?;
        let info = flakes.describe(ctx, &tree, Describe::default(), Pos::NONE);
        let dir = ctx.str(&tree.dir);
        Ok(ctx.attrs(&[("sourceInfo", info), ("dir", dir)]))
    })
}
