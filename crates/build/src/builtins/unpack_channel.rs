//! `builtin:unpack-channel`: the one folder of a tarball under a given name (`src`, `channelName`).

use std::path::Path;

use firn_source::{FsSink, TarLimits, unpack_tar};

use super::BuiltinContext;

pub(super) fn unpack_channel(context: &BuiltinContext<'_>) -> Result<(), String> {
    let out = context.output("out")?;
    let name = context.require("channelName")?;
    let source = context.real_path(context.require("src")?);
    if Path::new(name).file_name().is_none_or(|n| n != name) {
        return Err(format!("channelName is not allowed to contain filesystem separators, got {name}"));
    }
    let file =
        std::fs::File::open(&source).map_err(|e| format!("opening file \"{}\": {e}", source.display()))?;
    let mut sink = FsSink::new(out).map_err(|e| e.to_string())?;
    unpack_tar(file, &mut sink, &TarLimits::default()).map_err(|e| e.to_string())?;
    let entries: Vec<_> = std::fs::read_dir(out)
        .and_then(Iterator::collect)
        .map_err(|e: std::io::Error| format!("reading directory \"{}\": {e}", out.display()))?;
    let only = match entries.as_slice() {
        [] => return Err(format!("channel tarball '{}' is empty", source.display())),
        [only] => only.path(),
        _ => return Err(format!("channel tarball '{}' contains more than one file", source.display())),
    };
    let target = out.join(name);
    std::fs::rename(&only, &target)
        .map_err(|e| format!("failed to rename {} to {}: {e}", only.display(), target.display()))
}
