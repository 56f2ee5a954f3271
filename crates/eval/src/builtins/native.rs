//! Builtins that run programs of the user's: only there where `allow-unsafe-native-code-during-evaluation` is set.

use super::{PrimOp, prim};
use crate::Ctx;
use crate::error::{ErrorKind, Res};
use crate::eval::Coerce;
use crate::heap::Value;
use crate::io::SourcePath;
use crate::msg;
use crate::pos::{Origin, Pos};

pub(super) const TABLE: &[PrimOp] = &[
    prim("exec", 1, exec)
        .args(&["argv"])
        .doc("Runs a program; what it prints is evaluated as an expression."),
    prim("importNative", 2, import_native)
        .args(&["path", "symbol"])
        .doc("Loads a plug-in of C++ Nix: there are none for this program."),
];

fn exec(ctx: &mut Ctx, args: &[Value], pos: Pos) -> Res {
    let list = ctx.force_list(args[0], pos, "while evaluating the first argument passed to builtins.exec")?;
    if list.is_empty() {
        return Err(ctx.error(ErrorKind::Eval, "at least one argument to 'exec' required", pos));
    }
    let mut context = crate::context::ContextId::NONE;
    let mut words = Vec::with_capacity(list.len());
    for (i, item) in list.iter().enumerate() {
        let what = if i == 0 {
            "while evaluating the first element of the argument passed to builtins.exec"
        } else {
            "while evaluating an element of the argument passed to builtins.exec"
        };
        let word = ctx.coerce(item, Coerce::PLAIN, pos, what)?;
        context = ctx.contexts.union(context, word.context());
        words.push(word.to_text().into_owned());
    }
    let rewrites = ctx.realise_context(context)?;
    for word in &mut words {
        for (from, to) in &rewrites {
            *word = word.replace(from, to);
        }
    }
    let output = ctx.io.run_program(&words).map_err(|e| ctx.io_error(e, pos))?;
    let text = String::from_utf8_lossy(&output).into_owned();
    ctx.eval_text(&text, Origin::String, &SourcePath::file("/"), None)
        .map_err(|_| ctx.trace(pos, msg!("while evaluating the output from '{}'", &words[0])))
}

fn import_native(ctx: &mut Ctx, _: &[Value], pos: Pos) -> Res {
    let m = "plug-ins of C++ Nix ('builtins.importNative') cannot be loaded by this program";
    Err(ctx.error(ErrorKind::Eval, m, pos))
}
