//! The exact environment and files that a builder gets.

use std::collections::BTreeMap;

use firn_derivation::{Bytes, Derivation, Env, options::DerivationOptions, structured};
use firn_hash::{Algo, Hash};
use firn_path::{SingleDerivedPath, StorePath, StorePathSet};
use firn_store::registration::make_registration;
use firn_store::{BuildStatus, Store};
use serde_json::{Value, json};

use crate::error::Failure;
use crate::executor::{Job, JobContext};

/// What a builder is started with, before placeholders are replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Surroundings {
    /// The environment.
    pub(crate) env: Env,
    /// Files in the folder of the build, by name.
    pub(crate) files: BTreeMap<String, Bytes>,
}

/// Makes the environment and the files of a job. `dir` is the folder of the build as the builder sees it.
pub(crate) fn surroundings(
    job: &Job,
    context: &JobContext<'_>,
    input_closure: &StorePathSet,
    dir: &str,
) -> Result<Surroundings, Failure> {
    let settings = &context.store.config().settings;
    let mut out = Surroundings::default();
    let mut set = |name: &str, value: &str| drop(out.env.insert(name.into(), value.into()));
    set("PATH", "/path-not-set");
    set("HOME", "/homeless-shelter");
    set("NIX_STORE", context.store.store_dir().as_str());
    set("NIX_BUILD_CORES", &settings.build_cores().to_string());
    desugar(job, context, input_closure, dir, &mut out)?;
    let mut set = |name: &str, value: &str| drop(out.env.insert(name.into(), value.into()));
    for name in ["NIX_BUILD_TOP", "TMPDIR", "TEMPDIR", "TMP", "TEMP", "PWD"] {
        set(name, dir);
    }
    let kind = job.drv.derivation_type()?;
    if kind.is_fixed() {
        set("NIX_OUTPUT_CHECKED", "1");
    }
    if !kind.is_sandboxed() {
        for name in &job.options.impure_env_vars {
            let value = match settings.impure_env().get(name) {
                Some(value) => value.clone().into_bytes(),
                None => {
                    use std::os::unix::ffi::OsStringExt;
                    std::env::var_os(name).map(OsStringExt::into_vec).unwrap_or_default()
                }
            };
            out.env.insert(name.clone().into_bytes(), value);
        }
    }
    let mut set = |name: &str, value: &str| drop(out.env.insert(name.into(), value.into()));
    set("NIX_LOG_FD", "2");
    set("TERM", "xterm-256color");
    Ok(out)
}

/// The derivation's own variables: as they are, in files, or as structured attributes.
fn desugar(
    job: &Job,
    context: &JobContext<'_>,
    input_closure: &StorePathSet,
    dir: &str,
    out: &mut Surroundings,
) -> Result<(), Failure> {
    let drv: &Derivation = &job.drv;
    let at_file = |out: &mut Surroundings, variable: Bytes, file: String, contents: Bytes| {
        out.env.insert(variable, format!("{dir}/{file}").into_bytes());
        out.files.insert(file, contents);
    };
    if let Some(attrs) = drv.structured_attrs()? {
        let mut graphs = BTreeMap::new();
        for (name, paths) in &job.options.export_references_graph {
            let closure = exported(paths, context, input_closure)?;
            graphs.insert(name.clone(), closure_json(&closure, context)?);
        }
        let all = drv.builder_attrs(&attrs, graphs);
        let shell = structured::write_shell(&all);
        at_file(out, b"NIX_ATTRS_SH_FILE".to_vec(), ".attrs.sh".into(), shell.into_bytes());
        let text = structured::dump(&Value::Object(all));
        at_file(out, b"NIX_ATTRS_JSON_FILE".to_vec(), ".attrs.json".into(), text.into_bytes());
        return Ok(());
    }
    for (name, value) in &drv.env {
        let as_file = std::str::from_utf8(name).is_ok_and(|n| job.options.pass_as_file.contains(n));
        if !as_file {
            out.env.insert(name.clone(), value.clone());
            continue;
        }
        let file = format!(".attr-{}", Hash::of(Algo::Sha256, name).nix32());
        let mut variable = name.clone();
        variable.extend(b"Path");
        at_file(out, variable, file, value.clone());
    }
    for (file, paths) in &job.options.export_references_graph {
        let closure = exported(paths, context, input_closure)?;
        let text = make_registration(context.store, closure, false, false)?;
        out.files.insert(file.clone(), text.into_bytes());
    }
    Ok(())
}

/// The closure that `exportReferencesGraph` asks for: of paths among the inputs, and, where it has derivations, of their
/// outputs.
fn exported(
    paths: &std::collections::BTreeSet<SingleDerivedPath>,
    context: &JobContext<'_>,
    input_closure: &StorePathSet,
) -> Result<StorePathSet, Failure> {
    let dir = context.store.store_dir();
    let mut closure = StorePathSet::new();
    for path in paths {
        let SingleDerivedPath::Opaque(path) = path else {
            return Err(Failure::misc("exportReferences on CA derivations is not yet implemented"));
        };
        if !input_closure.contains(path) {
            return Err(Failure::new(
                BuildStatus::InputRejected,
                format!(
                    "cannot export references of path '{}' because it is not in the input closure of the derivation",
                    dir.print(path)
                ),
            ));
        }
        context.closures.extend([path.clone()], &mut closure)?;
    }
    let derivations: Vec<StorePath> = closure.iter().filter(|p| p.is_derivation()).cloned().collect();
    for path in derivations {
        for output in context.store.read_derivation(&path)?.output_paths(dir)?.into_values() {
            let output = output
                .ok_or_else(|| Failure::misc("exportReferences on CA derivations is not yet implemented"))?;
            context.closures.extend([output], &mut closure)?;
        }
    }
    Ok(closure)
}

fn closure_json(paths: &StorePathSet, context: &JobContext<'_>) -> Result<Value, Failure> {
    let dir = context.store.store_dir();
    let mut all = Vec::new();
    for path in paths {
        let info = context.closures.info(path)?;
        let mut size = 0;
        for p in context.closures.of(&StorePathSet::from([path.clone()]))? {
            size += context.closures.info(&p)?.nar_size;
        }
        let mut object = json!({
            "closureSize": size,
            "narHash": info.nar_hash.render(firn_hash::Format::Nix32, true),
            "narSize": info.nar_size,
            "path": dir.print(path),
            "references": info.references.iter().map(|r| dir.print(r)).collect::<Vec<_>>(),
            "valid": true,
        });
        if let Some(ca) = &info.ca {
            object["ca"] = Value::from(ca.to_string());
        }
        structured::sort_keys(&mut object);
        all.push(object);
    }
    Ok(Value::Array(all))
}

/// The options that do not depend on where the build runs.
pub(crate) fn required_features(job: &Job) -> Result<std::collections::BTreeSet<String>, Failure> {
    let options: &DerivationOptions = &job.options;
    Ok(options.all_required_features(&job.drv)?)
}
