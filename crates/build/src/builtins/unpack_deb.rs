//! `builtin:unpack-deb`: the seeds of the base. The work is that of `firn-deb`; here the names of store paths get their places.

use std::collections::BTreeMap;
use std::path::PathBuf;

use firn_deb::{UnpackDeb, unpack_deb};

use super::BuiltinContext;

pub(super) fn unpack(context: &BuiltinContext<'_>) -> Result<(), String> {
    let words = |name: &str| context.variable(name).unwrap_or_default().split_whitespace();
    let places = |name: &str| -> Vec<(String, PathBuf)> {
        words(name).map(|path| (path.to_owned(), context.real_path(path))).collect()
    };
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_owned);
    let env: BTreeMap<String, String> =
        context.drv.env.iter().filter_map(|(name, value)| Some((text(name)?, text(value)?))).collect();
    let mut log = |line: &str| context.log(line);
    let mut build = UnpackDeb {
        debs: words("debs").map(|path| context.real_path(path)).collect(),
        deps: places("deps"),
        essential: places("essential"),
        out_logical: context.output_path("out")?,
        out_real: context.output("out")?,
        env: &env,
        log: &mut log,
    };
    unpack_deb(&mut build).map_err(|e| e.to_string())
}
