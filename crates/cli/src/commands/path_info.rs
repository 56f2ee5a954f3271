//! `nix path-info`

use firn_events::Level;
use firn_path::StorePath;
use firn_store::closure::closure_size;
use firn_store::{JsonVersion, Store};
use serde_json::{Map, Value, json};

use super::paths::{size_argument, store_paths, usage};
use crate::args::{Flag, Parsed, option, switch};
use crate::error::CliError;
use crate::session::Session;

/// Its flags, beside those that choose paths and those of JSON.
pub(crate) const FLAGS: &[Flag] = &[
    switch("size", "print the size of the NAR of each path").short('s'),
    switch("closure-size", "print the sum of the sizes of each path's closure").short('S'),
    switch("human-readable", "print sizes with units").short('h'),
    switch("sigs", "print signatures"),
    option("json-format", &["version"], "the form of JSON: 1, 2 or 3"),
];

/// Runs it.
pub(crate) fn run(session: &Session, parsed: Parsed) -> Result<u8, CliError> {
    let version = match parsed.value("json-format") {
        None => None,
        Some(text) => Some(JsonVersion::from_number(size_argument(text).map_err(|e| usage(session, e))?)?),
    };
    let paths = store_paths(session, &parsed)?;
    let store = session.store()?;
    if parsed.has("json") {
        let version = version.unwrap_or_else(|| {
            session.events().message(
                Level::Warn,
                "'--json' without '--json-format' is deprecated; please specify '--json-format 1' or '--json-format 2'. This will become an error in a future release.",
            );
            JsonVersion::V1
        });
        let json = to_json(store.as_ref(), paths, version, parsed.has("closure-size"))?;
        session.print_json(&json, &parsed)?;
        return Ok(0);
    }
    let width = paths.iter().map(|p| store.store_dir().print(p).len()).max().unwrap_or(0);
    for path in &paths {
        session.println(line(store.as_ref(), path, width, &parsed)?)?;
    }
    Ok(0)
}

fn line(store: &dyn Store, path: &StorePath, width: usize, parsed: &Parsed) -> Result<String, CliError> {
    let info = store.require_info(path)?;
    let mut line = store.store_dir().print(path);
    if parsed.has("size") || parsed.has("closure-size") || parsed.has("sigs") {
        line = format!("{line:width$}");
    }
    let human = parsed.has("human-readable");
    if parsed.has("size") {
        line += &column(info.nar_size, human);
    }
    if parsed.has("closure-size") {
        line += &column(closure_size(store, path)?, human);
    }
    if parsed.has("sigs") {
        let ultimate = info.ultimate.then(|| "ultimate".to_owned());
        let ca = info.ca.as_ref().map(|ca| format!("ca:{ca}"));
        let words: Vec<String> = ultimate.into_iter().chain(ca).chain(info.sigs.iter().cloned()).collect();
        line += &format!("\t{}", words.join(" "));
    }
    Ok(line)
}

fn column(size: u64, human: bool) -> String {
    if human { format!("\t{:>10}", firn_store::render_size(size)) } else { format!("\t{size:>11}") }
}

fn to_json(
    store: &dyn Store,
    mut paths: Vec<StorePath>,
    version: JsonVersion,
    closure_sizes: bool,
) -> Result<Value, CliError> {
    let dir = store.store_dir();
    paths.sort();
    let mut all = Map::new();
    for path in &paths {
        let info = match store.path_info(path)? {
            None => Value::Null,
            Some(info) => {
                let mut json = info.to_json(dir, version, true);
                if closure_sizes {
                    json["closureSize"] = closure_size(store, path)?.into();
                    sort_keys(&mut json);
                }
                json
            }
        };
        let key = if version == JsonVersion::V1 { dir.print(path) } else { path.base_name().to_owned() };
        all.insert(key, info);
    }
    if version == JsonVersion::V1 {
        return Ok(all.into());
    }
    Ok(json!({ "info": all, "storeDir": dir.as_str(), "version": version as u64 }))
}

fn sort_keys(json: &mut Value) {
    if let Value::Object(object) = json {
        object.sort_keys();
    }
}

#[cfg(test)]
mod tests {
    use super::column;

    #[test]
    fn columns() {
        assert_eq!(column(872, false), "\t        872");
        assert_eq!(column(872, true), "\t   0.9 KiB");
    }
}
