//! Counts of an evaluation, under the reference's names.

use serde_json::{Value as Json, json};

use crate::Ctx;

impl Ctx {
    /// What `NIX_SHOW_STATS=1` shows.
    pub fn stats(&self, cpu_seconds: f64) -> Json {
        let (c, h) = (&self.counters, &self.heap.counters);
        json!({
            "cpuTime": cpu_seconds,
            "time": { "cpu": cpu_seconds },
            "envs": { "number": c.calls, "elements": self.stack.depth(), "bytes": 0 },
            "list": { "elements": h.list_elems, "bytes": h.list_elems * 8, "concats": c.list_concats },
            "values": { "number": h.thunks + h.closures + h.strings, "bytes": self.heap.bytes() },
            "symbols": { "number": self.symbols.len() },
            "sets": { "number": h.sets, "elements": h.set_attrs, "bytes": h.set_attrs * 8, "shapes": h.shapes, "shapeNames": h.shape_names },
            "thunks": { "number": h.thunks, "captures": h.thunk_captures },
            "closures": { "number": h.closures, "captures": h.closure_captures },
            "code": { "bytes": h.code_bytes },
            "strings": { "number": h.strings, "bytes": h.string_bytes },
            "nrOpUpdates": c.updates,
            "nrOpUpdateValuesCopied": c.updates_copied,
            "nrThunks": h.thunks,
            "nrAvoided": c.avoided,
            "nrLookups": c.lookups,
            "nrWithLookups": c.with_lookups,
            "nrPrimOpCalls": c.primop_calls,
            "nrFunctionCalls": c.calls,
            "gc": { "totalBytes": self.heap.bytes(), "heapSize": self.heap.bytes(), "cycles": 0 },
        })
    }
}
