//! Derivations as JSON.
//!
//! Version 4 is what `nix derivation show` prints and `nix derivation add` takes; it names store paths by their base
//! names. The legacy form is that of Nix before version 2.16, with full paths. Reading also takes the forms between.

use std::collections::{BTreeMap, BTreeSet};

use firn_hash::{Algo, Hash};
use firn_path::{ContentAddress, ContentMethod, StoreDir, StorePath};
use serde_json::{Map, Value};

use crate::structured::{STRUCTURED_ATTRS, sort_keys};
use crate::{Derivation, DerivationError, DerivationOutput, Env, InputNode};

/// The version that is written.
pub const VERSION: u64 = 4;

/// How deep dynamic inputs may nest.
const MAX_NESTING: usize = 64;

type Result<T> = std::result::Result<T, DerivationError>;

/// What `nix derivation show` prints for these derivations: `{"derivations":{…},"version":4}`.
///
/// # Errors
/// As [`Derivation::to_json`].
pub fn show<'a>(derivations: impl IntoIterator<Item = (&'a StorePath, &'a Derivation)>) -> Result<Value> {
    let mut shown = BTreeMap::new();
    for (path, drv) in derivations {
        shown.insert(path.base_name().to_owned(), drv.to_json()?);
    }
    Ok(object([
        ("derivations", Value::Object(shown.into_iter().collect())),
        ("version", Value::from(VERSION)),
    ]))
}

impl Derivation {
    /// The derivation in version 4; keys are sorted.
    ///
    /// # Errors
    /// Strings that are not UTF-8, which JSON can't hold; structured attributes that are no JSON.
    pub fn to_json(&self) -> Result<Value> {
        let mut json = object([
            ("args", self.args_json()?),
            ("builder", text("a builder", &self.builder)?),
            ("env", self.env_json(false)?),
            ("inputs", self.inputs_json()),
            ("name", Value::from(self.name.as_str())),
            (
                "outputs",
                Value::Object(self.outputs.iter().map(|(name, o)| (name.clone(), o.to_json())).collect()),
            ),
        ]);
        if let Some(attrs) = self.structured_attrs()? {
            let mut attrs = Value::Object(attrs);
            sort_keys(&mut attrs);
            insert(&mut json, "structuredAttrs", attrs);
        }
        insert(&mut json, "system", Value::from(self.platform.as_str()));
        insert(&mut json, "version", Value::from(VERSION));
        Ok(json)
    }

    /// The derivation as `nix show-derivation` of old printed it: full paths, everything in the environment, and keys
    /// in the order in which it had them.
    ///
    /// # Errors
    /// Strings that are not UTF-8; fixed outputs of which no path can be made.
    pub fn to_legacy_json(&self, dir: &StoreDir) -> Result<Value> {
        let mut outputs = Map::new();
        for (name, output) in &self.outputs {
            let (path, algo, hash) = crate::aterm::output_fields(output, dir, &self.name, name)?;
            let mut fields = Map::new();
            for (key, value) in [("path", path), ("hashAlgo", algo), ("hash", hash)] {
                if !value.is_empty() {
                    fields.insert(key.to_owned(), Value::from(value));
                }
            }
            outputs.insert(name.clone(), Value::Object(fields));
        }
        let srcs: Vec<_> = self.input_srcs.iter().map(|path| Value::from(dir.print(path))).collect();
        let drvs = self.input_drvs.iter().map(|(path, node)| (dir.print(path), names(&node.outputs)));
        Ok(object([
            ("outputs", Value::Object(outputs)),
            ("inputSrcs", Value::Array(srcs)),
            ("inputDrvs", Value::Object(drvs.collect())),
            ("system", Value::from(self.platform.as_str())),
            ("builder", text("a builder", &self.builder)?),
            ("args", self.args_json()?),
            ("env", self.env_json(true)?),
        ]))
    }

    /// Reads a derivation in version 4, or in one of the older forms that carry a name.
    ///
    /// # Errors
    /// Another version or shape; wrong paths, hashes or names.
    pub fn from_json(json: &Value, dir: &StoreDir) -> Result<Derivation> {
        let json = as_object(json)?;
        match json.get("version") {
            Some(version) => match version.as_u64() {
                Some(VERSION) => {}
                Some(3) => return parse_older(json, dir),
                Some(version) => {
                    return Err(DerivationError::json(format!(
                        "Unsupported derivation JSON format version {version}, only format version {VERSION} is currently supported."
                    )));
                }
                None => {
                    return Err(DerivationError::json(format!(
                        "Expected JSON value to be an unsigned integral number but it is of type '{}': {version}",
                        type_name(version)
                    )));
                }
            },
            None if json.contains_key("inputSrcs") => return parse_older(json, dir),
            None => {
                value_at(json, "version")?;
            }
        }
        let inputs = value_at(json, "inputs")?;
        let (input_srcs, input_drvs) =
            parse_inputs(inputs).map_err(|error| error.traced(|| "while reading key 'inputs'".to_owned()))?;
        let mut drv = Derivation {
            name: string_at(json, "name")?.to_owned(),
            outputs: parse_outputs(json, &|output| DerivationOutput::from_json(output))?,
            input_drvs,
            input_srcs,
            ..parse_common(json)?
        };
        if let Some(attrs) = json.get("structuredAttrs") {
            as_object(attrs)?;
            drv.set_structured_attrs(attrs)?;
        }
        firn_path::check_name(&drv.name)?;
        Ok(drv)
    }

    fn set_structured_attrs(&mut self, attrs: &Value) -> Result<()> {
        let mut attrs = attrs.clone();
        sort_keys(&mut attrs);
        let text = crate::structured::dump(&attrs).into_bytes();
        match self.env.insert(STRUCTURED_ATTRS.as_bytes().to_vec(), text) {
            None => Ok(()),
            Some(_) => Err(DerivationError::ReservedVariable),
        }
    }

    fn args_json(&self) -> Result<Value> {
        self.args.iter().map(|arg| text("an argument", arg)).collect::<Result<Vec<_>>>().map(Value::Array)
    }

    fn env_json(&self, with_structured: bool) -> Result<Value> {
        let mut env = Map::new();
        for (name, value) in &self.env {
            if with_structured || name != STRUCTURED_ATTRS.as_bytes() {
                env.insert(
                    utf8("an environment variable's name", name)?.to_owned(),
                    text("an environment variable", value)?,
                );
            }
        }
        Ok(Value::Object(env))
    }

    fn inputs_json(&self) -> Value {
        let srcs: Vec<_> = self.input_srcs.iter().map(|path| Value::from(path.base_name())).collect();
        let drvs = self.input_drvs.iter();
        let drvs = drvs.map(|(path, node)| (path.base_name().to_owned(), node_json(node))).collect();
        object([("drvs", Value::Object(drvs)), ("srcs", Value::Array(srcs))])
    }
}

impl DerivationOutput {
    /// The output in version 4.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            DerivationOutput::InputAddressed(path) => object([("path", Value::from(path.base_name()))]),
            DerivationOutput::Fixed(ca) => {
                object([("hash", Value::from(ca.hash.sri())), ("method", Value::from(ca.method.name()))])
            }
            DerivationOutput::Floating { method, algo } => {
                object([("hashAlgo", Value::from(algo.name())), ("method", Value::from(method.name()))])
            }
            DerivationOutput::Deferred => object([]),
            DerivationOutput::Impure { method, algo } => object([
                ("hashAlgo", Value::from(algo.name())),
                ("impure", Value::from(true)),
                ("method", Value::from(method.name())),
            ]),
        }
    }

    /// Reads an output in version 4.
    ///
    /// # Errors
    /// A combination of keys that no kind of output has, or wrong values.
    pub fn from_json(json: &Value) -> Result<DerivationOutput> {
        let json = as_object(json)?;
        let keys: BTreeSet<&str> = json.keys().map(String::as_str).collect();
        let method = || -> Result<ContentMethod> { Ok(string_at(json, "method")?.parse()?) };
        let algo = || -> Result<Algo> { Ok(string_at(json, "hashAlgo")?.parse()?) };
        match keys.into_iter().collect::<Vec<_>>().as_slice() {
            [] => Ok(DerivationOutput::Deferred),
            ["path"] => Ok(DerivationOutput::InputAddressed(string_at(json, "path")?.parse()?)),
            ["hash", "method"] => Ok(DerivationOutput::Fixed(ContentAddress {
                method: method()?,
                hash: Hash::parse_sri(string_at(json, "hash")?)?,
            })),
            ["hashAlgo", "method"] => Ok(DerivationOutput::Floating { method: method()?, algo: algo()? }),
            ["hashAlgo", "impure", "method"] => {
                Ok(DerivationOutput::Impure { method: method()?, algo: algo()? })
            }
            _ => Err(DerivationError::json("invalid JSON for derivation output")),
        }
    }
}

/// Reads the forms of Nix 2.16 to 2.31: full paths or base names, `inputSrcs` and `inputDrvs`.
fn parse_older(json: &Map<String, Value>, dir: &StoreDir) -> Result<Derivation> {
    let path = |text: &str| -> Result<StorePath> {
        Ok(if text.starts_with('/') { dir.parse(text)? } else { text.parse()? })
    };
    let output = |output: &Value| -> Result<DerivationOutput> {
        let output = as_object(output)?;
        let get = |key: &str| output.get(key).and_then(Value::as_str);
        let Some(algo_text) = get("hashAlgo") else {
            return match (get("hash"), get("path")) {
                (Some(_), _) => DerivationOutput::from_json(&Value::Object(
                    output
                        .iter()
                        .filter(|(key, _)| *key != "path")
                        .map(|(k, v)| (k.clone(), v.clone()))
                        .collect(),
                )),
                (None, Some(text)) => Ok(DerivationOutput::InputAddressed(path(text)?)),
                (None, None) => Ok(DerivationOutput::Deferred),
            };
        };
        let (prefix_method, algo) = ContentMethod::split_prefix(algo_text);
        let method = get("method").map_or(Ok(prefix_method), str::parse)?;
        let algo: Algo = algo.parse()?;
        Ok(match get("hash") {
            Some(hash) => {
                DerivationOutput::Fixed(ContentAddress { method, hash: Hash::parse_any(hash, Some(algo))? })
            }
            None if output.get("impure") == Some(&Value::Bool(true)) => {
                DerivationOutput::Impure { method, algo }
            }
            None => DerivationOutput::Floating { method, algo },
        })
    };
    let mut drv = Derivation {
        name: string_at(json, "name")?.to_owned(),
        outputs: parse_outputs(json, &output)?,
        ..parse_common(json)?
    };
    for src in as_array(value_at(json, "inputSrcs")?)? {
        drv.input_srcs.insert(path(as_string(src)?)?);
    }
    for (input, node) in as_object(value_at(json, "inputDrvs")?)? {
        let node = match node {
            Value::Array(_) => InputNode { outputs: string_set(node)?, dynamic: BTreeMap::new() },
            _ => parse_node(node, 0)?,
        };
        drv.input_drvs.insert(path(input)?, node);
    }
    if let Some(attrs) = json.get("structuredAttrs") {
        drv.set_structured_attrs(attrs)?;
    }
    firn_path::check_name(&drv.name)?;
    Ok(drv)
}

fn parse_common(json: &Map<String, Value>) -> Result<Derivation> {
    let args = as_array(value_at(json, "args")?)?;
    let mut env = Env::new();
    let read_env = || -> Result<()> {
        for (name, value) in as_object(value_at(json, "env")?)? {
            env.insert(name.clone().into_bytes(), as_string(value)?.as_bytes().to_vec());
        }
        Ok(())
    };
    let mut read_env = read_env;
    read_env().map_err(|error| error.traced(|| "while reading key 'env'".to_owned()))?;
    Ok(Derivation {
        platform: string_at(json, "system")?.to_owned(),
        builder: string_at(json, "builder")?.as_bytes().to_vec(),
        args: args.iter().map(|arg| Ok(as_string(arg)?.as_bytes().to_vec())).collect::<Result<_>>()?,
        env,
        ..Derivation::default()
    })
}

fn parse_outputs(
    json: &Map<String, Value>,
    parse: &dyn Fn(&Value) -> Result<DerivationOutput>,
) -> Result<BTreeMap<String, DerivationOutput>> {
    let outputs = value_at(json, "outputs").and_then(as_object);
    outputs
        .and_then(|outputs| outputs.iter().map(|(name, output)| Ok((name.clone(), parse(output)?))).collect())
        .map_err(|error| error.traced(|| "while reading key 'outputs'".to_owned()))
}

type Inputs = (BTreeSet<StorePath>, BTreeMap<StorePath, InputNode>);

fn parse_inputs(inputs: &Value) -> Result<Inputs> {
    let inputs = as_object(inputs)?;
    let srcs = || -> Result<_> {
        as_array(value_at(inputs, "srcs")?)?.iter().map(|src| Ok(as_string(src)?.parse()?)).collect()
    };
    let drvs = || -> Result<_> {
        let drvs = as_object(value_at(inputs, "drvs")?)?;
        drvs.iter().map(|(path, node)| Ok((path.parse()?, parse_node(node, 0)?))).collect()
    };
    Ok((
        srcs().map_err(|error| error.traced(|| "while reading key 'srcs'".to_owned()))?,
        drvs().map_err(|error| error.traced(|| "while reading key 'drvs'".to_owned()))?,
    ))
}

fn parse_node(json: &Value, depth: usize) -> Result<InputNode> {
    if depth > MAX_NESTING {
        return Err(DerivationError::NestedTooDeeply);
    }
    let json = as_object(json)?;
    let mut node = InputNode { outputs: string_set(value_at(json, "outputs")?)?, dynamic: BTreeMap::new() };
    for (output, child) in as_object(value_at(json, "dynamicOutputs")?)? {
        node.dynamic.insert(output.clone(), parse_node(child, depth + 1)?);
    }
    Ok(node)
}

fn node_json(node: &InputNode) -> Value {
    let dynamic = node.dynamic.iter().map(|(output, child)| (output.clone(), node_json(child)));
    object([("dynamicOutputs", Value::Object(dynamic.collect())), ("outputs", names(&node.outputs))])
}

fn names(names: &BTreeSet<String>) -> Value {
    Value::Array(names.iter().map(|name| Value::from(name.as_str())).collect())
}

fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Object(fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

fn insert(json: &mut Value, key: &str, value: Value) {
    if let Value::Object(fields) = json {
        fields.insert(key.to_owned(), value);
    }
}

fn utf8<'a>(what: &'static str, bytes: &'a [u8]) -> Result<&'a str> {
    std::str::from_utf8(bytes)
        .map_err(|_| DerivationError::NotUtf8 { what, text: String::from_utf8_lossy(bytes).into_owned() })
}

fn text(what: &'static str, bytes: &[u8]) -> Result<Value> {
    utf8(what, bytes).map(Value::from)
}

/// The name that the reference's messages give to a value's type.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn wrong_type(value: &Value, expected: &str) -> DerivationError {
    DerivationError::json(format!(
        "Expected JSON value to be of type '{expected}' but it is of type '{}': {}",
        type_name(value),
        crate::structured::dump(value)
    ))
}

pub(crate) fn as_object(value: &Value) -> Result<&Map<String, Value>> {
    value.as_object().ok_or_else(|| wrong_type(value, "object"))
}

pub(crate) fn as_array(value: &Value) -> Result<&Vec<Value>> {
    value.as_array().ok_or_else(|| wrong_type(value, "array"))
}

pub(crate) fn as_string(value: &Value) -> Result<&str> {
    value.as_str().ok_or_else(|| wrong_type(value, "string"))
}

pub(crate) fn as_bool(value: &Value) -> Result<bool> {
    value.as_bool().ok_or_else(|| wrong_type(value, "boolean"))
}

pub(crate) fn string_set(value: &Value) -> Result<BTreeSet<String>> {
    as_array(value)?.iter().map(|item| Ok(as_string(item)?.to_owned())).collect()
}

fn value_at<'a>(json: &'a Map<String, Value>, key: &str) -> Result<&'a Value> {
    json.get(key).ok_or_else(|| {
        DerivationError::json(format!(
            "Expected JSON object to contain key '{key}' but it doesn't: {}",
            crate::structured::dump(&Value::Object(json.clone()))
        ))
    })
}

fn string_at<'a>(json: &'a Map<String, Value>, key: &str) -> Result<&'a str> {
    as_string(value_at(json, key)?)
}
