//! `builtin:firn`: the running program as a package, without what only debuggers read, with a link for each of its names.
//!
//! The derivation names the build ID of the executable that it means; another executable refuses to stand in for it.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use firn_sys::executable;

use super::BuiltinContext;

/// Makes the package; `names` are the links in `bin`.
pub(super) fn package(cx: &BuiltinContext<'_>, names: &[&str]) -> Result<(), String> {
    let wanted = cx.require("buildId")?;
    let own =
        executable::build_id().ok_or("this program has no build ID: it was linked without --build-id")?;
    if wanted != own {
        return Err(format!(
            "the derivation is of the Firn with build ID {wanted}, and this is the one with {own}: evaluate again with this program, or build with that one"
        ));
    }
    let bytes = executable::stripped(Path::new("/proc/self/exe"))
        .ok_or("reading this program's executable failed")?;
    let bin = cx.output("out")?.join("bin");
    let failed = |e: std::io::Error| format!("writing '{}': {e}", bin.display());
    std::fs::create_dir_all(&bin).map_err(failed)?;
    let program = bin.join("firn");
    std::fs::write(&program, bytes).map_err(failed)?;
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).map_err(failed)?;
    for name in names {
        symlink("firn", bin.join(name)).map_err(failed)?;
    }
    Ok(())
}
