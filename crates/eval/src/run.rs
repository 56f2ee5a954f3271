//! Running an evaluation on a thread with a large stack.

use crate::Ctx;

/// Address space of the stack that evaluations run on: 1 GiB. Memory is only used as far as it is touched.
const STACK: usize = 1 << 30;
/// What is kept free at its end, for builtins that recurse a little themselves.
const RESERVE: usize = 1 << 20;

/// Makes a context on a thread of its own with a large stack, and runs `f` with it there. Gives what `f` gives.
///
/// # Panics
/// If `f` panics, or the thread cannot be made.
pub fn run<T: Send>(make: impl FnOnce() -> Ctx + Send, f: impl FnOnce(&mut Ctx) -> T + Send) -> T {
    std::thread::scope(|scope| {
        let size = stack_size();
        let work = move || {
            let here = 0u8;
            let mut ctx = make();
            ctx.heap.stack_limit = (&raw const here as usize).saturating_sub(size - RESERVE);
            let out = f(&mut ctx);
            // Values live until the process ends: nothing is gained by taking the context apart.
            std::mem::forget(ctx);
            out
        };
        let thread =
            std::thread::Builder::new().name("eval".into()).stack_size(size).spawn_scoped(scope, work);
        match thread.expect("a thread can be made").join() {
            Ok(v) => v,
            Err(p) => std::panic::resume_unwind(p),
        }
    })
}

fn stack_size() -> usize {
    STACK
}
