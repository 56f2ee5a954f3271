//! `builtin:unpack-deb`: brings the builder's view of a derivation and `firn-deb` together.

use std::collections::BTreeMap;
use std::path::PathBuf;

use firn_build::builtins::BuiltinContext;
use firn_deb::{UnpackDeb, unpack_deb};

/// Unpacks the packages of one unit; see `base/README-debian.md` for the variables.
///
/// # Errors
/// What `firn-deb` says of the packages or variables.
pub(crate) fn run(cx: &BuiltinContext<'_>) -> Result<(), String> {
    let words = |name: &str| {
        cx.variable(name).unwrap_or("").split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    let with_place = |name: &str| {
        words(name).into_iter().map(|p| (p.clone(), cx.real_path(&p))).collect::<Vec<(String, PathBuf)>>()
    };
    let env: BTreeMap<String, String> = cx
        .drv
        .env
        .iter()
        .map(|(k, v)| {
            (
                String::from_utf8_lossy(k.as_ref()).into_owned(),
                String::from_utf8_lossy(v.as_ref()).into_owned(),
            )
        })
        .collect();
    let mut log = |line: &str| cx.log(line);
    let mut build = UnpackDeb {
        debs: words("debs").iter().map(|p| cx.real_path(p)).collect(),
        deps: with_place("deps"),
        essential: with_place("essential"),
        out_logical: cx.require("out")?,
        out_real: cx.output("out")?,
        env: &env,
        log: &mut log,
    };
    unpack_deb(&mut build).map_err(|e| e.to_string())
}
