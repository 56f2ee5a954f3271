//! `nix-env --query`

use std::cmp::Ordering;
use std::collections::BTreeSet;

use firn_eval::error::ErrorKind;
use firn_eval::text::version::compare;
use firn_eval::{Ctx, Value};
use firn_path::{DerivedPath, StorePath, StorePathSet};
use serde_json::{Map, Value as Json, json};

use super::Call;
use crate::error::CliError;
use crate::evaluation::{EvalFailure, Outcome};
use crate::packages::{Package, split_name};

/// What the columns need to know of the store.
#[derive(Default)]
struct Known {
    installed: BTreeSet<StorePath>,
    valid: StorePathSet,
    substitutable: StorePathSet,
}

pub(super) fn query(call: &Call<'_>, ctx: &mut Ctx) -> Outcome<String> {
    let has = |flag: &str| call.parsed.has(flag);
    let from_available = has("available");
    if has("attr-path") && !from_available {
        return Err(call.usage("--attr-path(-P) only works with --available").into());
    }
    let installed = if !from_available || has("compare-versions") || has("status") {
        call.installed(ctx)?
    } else {
        vec![]
    };
    let below = call.parsed.value("query-attr").unwrap_or("");
    let available =
        if from_available || has("compare-versions") { call.available(ctx, below)? } else { vec![] };
    let mut known = Known::default();
    if has("status") {
        for package in &installed {
            known.installed.insert(package.out_path(ctx)?);
        }
    }
    let (of, others) = if from_available { (available, installed) } else { (installed, available) };
    let mut all = call.filter(ctx, of, call.arguments(), false)?;
    all.sort_by_key(|p| p.name.to_uppercase());
    if has("status") || has("prebuilt-only") {
        all = paths_of(call, ctx, all, &mut known)?;
    }
    if has("json") {
        let json = json(call, ctx, &all)?;
        let text = serde_json::to_string_pretty(&json).map_err(|e| CliError::new(e.to_string()))?;
        return Ok(text + "\n");
    }
    let mut table: Vec<Vec<String>> = Vec::new();
    let mut xml = String::from("<?xml version='1.0' encoding='utf-8'?>\n<items>\n");
    for package in &all {
        if has("prebuilt-only") {
            let path = package.out_path(ctx)?;
            if !known.valid.contains(&path) && !known.substitutable.contains(&path) {
                continue;
            }
        }
        let shown = if has("xml") {
            item(call, ctx, package, &others, &known).map(|text| xml += &text)
        } else {
            row(call, ctx, package, &others, &known).map(|row| table.push(row))
        };
        passed_over(ctx, shown)?;
    }
    if has("xml") {
        return Ok(xml + "</items>\n");
    }
    Ok(print_table(&table))
}

/// Packages whose assertions fail are no reason to fail.
fn passed_over(ctx: &mut Ctx, outcome: Outcome<()>) -> Outcome<()> {
    match outcome {
        Err(EvalFailure::Eval(fail)) => {
            if matches!(ctx.error_mut().kind, ErrorKind::Assertion | ErrorKind::Throw) {
                let _ = ctx.take_error();
                return Ok(());
            }
            Err(EvalFailure::Eval(fail))
        }
        other => other,
    }
}

fn paths_of(call: &Call<'_>, ctx: &mut Ctx, all: Vec<Package>, known: &mut Known) -> Outcome<Vec<Package>> {
    let mut paths = StorePathSet::new();
    let mut kept = Vec::new();
    for package in all {
        let path = package.out_path(ctx).map(|path| {
            paths.insert(path);
        });
        if path.is_ok() {
            kept.push(package);
        }
        passed_over(ctx, path)?;
    }
    let store = call.session.store()?;
    known.valid = store.valid_paths(&paths).map_err(CliError::from)?;
    let targets: Vec<DerivedPath> =
        paths.iter().filter(|p| !known.valid.contains(*p)).cloned().map(DerivedPath::Opaque).collect();
    if !targets.is_empty() {
        known.substitutable = store.missing(&targets).map_err(CliError::from)?.will_substitute;
    }
    Ok(kept)
}

/// `<`, `=`, `>` or `-`, and the version that decided.
fn compared(package: &Package, others: &[Package]) -> (char, String) {
    let (name, version) = split_name(&package.name);
    let (mut sign, mut shown) = ('-', "?".to_owned());
    for other in others {
        let (other_name, other_version) = split_name(&other.name);
        if other_name != name {
            continue;
        }
        match compare(version.as_bytes(), other_version.as_bytes()) {
            Ordering::Less => (sign, shown) = ('<', other_version),
            Ordering::Equal if sign != '<' => (sign, shown) = ('=', other_version),
            Ordering::Greater if sign == '-' || sign == '>' => {
                if sign == '-' || compare(shown.as_bytes(), other_version.as_bytes()).is_lt() {
                    shown = other_version;
                }
                sign = '>';
            }
            _ => {}
        }
    }
    (sign, shown)
}

fn row(
    call: &Call<'_>,
    ctx: &mut Ctx,
    package: &Package,
    others: &[Package],
    known: &Known,
) -> Outcome<Vec<String>> {
    let has = |flag: &str| call.parsed.has(flag);
    let store = call.session.store()?;
    let dir = store.store_dir();
    let mut columns = Vec::new();
    if has("status") {
        let path = package.out_path(ctx)?;
        let flag = |set: bool, letter: &str| if set { letter.to_owned() } else { "-".to_owned() };
        columns.push(
            flag(known.installed.contains(&path), "I")
                + &flag(known.valid.contains(&path), "P")
                + &flag(known.substitutable.contains(&path), "S"),
        );
    }
    if has("attr-path") {
        columns.push(package.attr_path.clone());
    }
    if !has("no-name") {
        columns.push(package.name.clone());
    }
    if has("compare-versions") {
        let (sign, version) = compared(package, others);
        columns.push(format!("{sign} {version}"));
    }
    if has("system") {
        columns.push(package.system(ctx)?);
    }
    if has("drv-path") {
        columns.push(package.drv_path(ctx)?.map_or_else(|| "-".to_owned(), |p| dir.print(&p)));
    }
    if has("out-path") {
        let outputs = package.outputs(ctx, true, false)?;
        let shown = outputs.iter().filter_map(|(name, path)| {
            let path = dir.print(path.as_ref()?);
            Some(if name == "out" { path } else { format!("{name}={path}") })
        });
        columns.push(shown.collect::<Vec<_>>().join(";"));
    }
    if has("description") {
        columns.push(package.meta_text(ctx, "description")?);
    }
    Ok(columns)
}

fn print_table(table: &[Vec<String>]) -> String {
    let columns = table.first().map_or(0, Vec::len);
    let width = |i: usize| table.iter().map(|row| row[i].len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut out = String::new();
    for row in table {
        for (i, cell) in row.iter().enumerate() {
            out += &cell.replace('\n', " ");
            if i + 1 < columns {
                out += &" ".repeat(widths[i] - cell.len() + 2);
            }
        }
        out.push('\n');
    }
    out
}

fn json(call: &Call<'_>, ctx: &mut Ctx, all: &[Package]) -> Outcome<Json> {
    let mut top = Map::new();
    for package in all {
        let entry = entry(call, ctx, package).map(|json| {
            top.insert(package.attr_path.clone(), json);
        });
        passed_over(ctx, entry)?;
    }
    top.sort_keys();
    Ok(top.into())
}

fn entry(call: &Call<'_>, ctx: &mut Ctx, package: &Package) -> Outcome<Json> {
    let store = call.session.store()?;
    let dir = store.store_dir();
    let (name, version) = split_name(&package.name);
    let outputs: Map<String, Json> = package
        .outputs(ctx, call.parsed.has("out-path"), false)?
        .into_iter()
        .map(|(name, path)| (name, path.map_or(Json::Null, |p| dir.print(&p).into())))
        .collect();
    let mut json = json!({
        "name": package.name, "outputName": package.output_name(ctx)?, "outputs": outputs,
        "pname": name, "system": package.system(ctx)?, "version": version,
    });
    if call.parsed.has("drv-path") {
        if let Some(path) = package.drv_path(ctx)? {
            json["drvPath"] = dir.print(&path).into();
        }
    }
    if call.parsed.has("meta") {
        let mut meta = Map::new();
        for name in package.meta_names(ctx)? {
            let value = match package.meta(ctx, &name)? {
                Some(value) => {
                    let text = ctx.to_json(value)?.to_text().into_owned();
                    serde_json::from_str(&text).map_err(|e| CliError::new(e.to_string()))?
                }
                None => {
                    let text = format!("derivation '{}' has invalid meta attribute '{name}'", package.name);
                    call.session.events().message(firn_events::Level::Error, text);
                    Json::Null
                }
            };
            meta.insert(name, value);
        }
        json["meta"] = meta.into();
    }
    if let Json::Object(map) = &mut json {
        map.sort_keys();
    }
    Ok(json)
}

fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '"' => out += "&quot;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '&' => out += "&amp;",
            // whitespace in attributes would be folded
            '\n' => out += "&#xA;",
            c => out.push(c),
        }
    }
    out
}

fn element(name: &str, attrs: &[(&str, String)], end: &str) -> String {
    let mut attrs = attrs.to_vec();
    attrs.sort_by_key(|(n, _)| *n);
    let attrs: String = attrs.iter().map(|(n, v)| format!(" {n}=\"{}\"", escape(v))).collect();
    format!("<{name}{attrs}{end}>\n")
}

fn item(
    call: &Call<'_>,
    ctx: &mut Ctx,
    package: &Package,
    others: &[Package],
    known: &Known,
) -> Outcome<String> {
    let has = |flag: &str| call.parsed.has(flag);
    let store = call.session.store()?;
    let dir = store.store_dir();
    let (name, version) = split_name(&package.name);
    let mut attrs: Vec<(&str, String)> = vec![
        ("attrPath", package.attr_path.clone()),
        ("name", package.name.clone()),
        ("pname", name),
        ("version", version),
        ("outputName", package.output_name(ctx)?),
    ];
    if has("status") {
        let path = package.out_path(ctx)?;
        let flag = |set: bool| if set { "1" } else { "0" }.to_owned();
        attrs.push(("installed", flag(known.installed.contains(&path))));
        attrs.push(("valid", flag(known.valid.contains(&path))));
        attrs.push(("substitutable", flag(known.substitutable.contains(&path))));
    }
    if has("compare-versions") {
        let (sign, version) = compared(package, others);
        if sign != '-' {
            attrs.push(("versionDiff", sign.to_string()));
            attrs.push(("maxComparedVersion", version));
        }
    }
    let system = package.system(ctx)?;
    if !system.is_empty() {
        attrs.push(("system", system));
    }
    if has("drv-path") {
        if let Some(path) = package.drv_path(ctx)? {
            attrs.push(("drvPath", dir.print(&path)));
        }
    }
    if has("description") {
        let text = package.meta_text(ctx, "description")?;
        if !text.is_empty() {
            attrs.push(("description", text));
        }
    }
    let mut out = format!("  {}", element("item", &attrs, ""));
    for (name, path) in package.outputs(ctx, has("out-path"), false)? {
        let mut attrs = vec![("name", name)];
        attrs.extend(path.map(|p| ("path", dir.print(&p))));
        out += &format!("    {}", element("output", &attrs, " /"));
    }
    if has("meta") {
        for name in package.meta_names(ctx)? {
            match package.meta(ctx, &name)? {
                Some(value) => out += &meta_element(ctx, name, value),
                None => {
                    let text = format!("derivation '{}' has invalid meta attribute '{name}'", package.name);
                    call.session.events().message(firn_events::Level::Error, text);
                }
            }
        }
    }
    Ok(out + "  </item>\n")
}

fn meta_element(ctx: &mut Ctx, name: String, value: Value) -> String {
    let plain = |kind: &str, text: String| {
        let attrs = [("name", name.clone()), ("type", kind.to_owned()), ("value", text)];
        format!("    {}", element("meta", &attrs, " /"))
    };
    let text = |v: Value| v.resolved().as_str().map(|s| s.to_text().into_owned());
    if let Some(text) = text(value) {
        return plain("string", text);
    }
    if let Some(n) = value.as_int() {
        return plain("int", n.to_string());
    }
    if let Some(n) = value.as_float() {
        return plain("float", n.to_string());
    }
    if let Some(b) = value.as_bool() {
        return plain("bool", b.to_string());
    }
    let attrs = [("name", name.clone()), ("type", "strings".to_owned())];
    let mut out = format!("    {}", element("meta", &attrs, ""));
    if let Some(list) = value.as_list() {
        for item in list.iter().filter_map(text) {
            out += &format!("      {}", element("string", &[("value", item)], " /"));
        }
    } else if let Some(attrs) = value.as_attrs() {
        let flat = ctx.flat(attrs);
        for i in ctx.lexical_order(flat) {
            if let Some(text) = text(flat.value(*i as usize)) {
                let kind = ctx.raw_name(flat.name(*i as usize));
                out += &format!("      {}", element("string", &[("type", kind), ("value", text)], " /"));
            }
        }
    }
    out + "    </meta>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str) -> Package {
        let path = StorePath::from_base_name(&format!("{}-{name}", "0".repeat(32))).unwrap();
        Package::plain(name.to_owned(), path, None)
    }

    #[test]
    fn versions_are_compared_with_the_other_side() {
        let others = [package("foo-1.0"), package("foo-2.0"), package("bar-1")];
        assert_eq!(compared(&package("foo-1.0"), &others), ('<', "2.0".into()));
        assert_eq!(compared(&package("foo-2.0"), &others), ('=', "2.0".into()));
        assert_eq!(compared(&package("foo-3.0"), &others), ('>', "2.0".into()));
        assert_eq!(compared(&package("x-3.0"), &others), ('-', "?".into()));
    }

    #[test]
    fn tables_are_aligned() {
        let rows = [["a", "bb"], ["ccc", "d"]].map(|r| r.map(str::to_owned).to_vec());
        assert_eq!(print_table(&rows), "a    bb\nccc  d\n");
        assert_eq!(print_table(&[]), "");
    }
}
