//! Attributes that speak to the builder and the scheduler, as a typed view.
//!
//! They come from the environment, or from the structured attributes where a derivation has these.

use std::collections::{BTreeMap, BTreeSet};

use firn_path::{PathError, SingleDerivedPath, StoreDir, StorePath};
use serde_json::{Map, Value};

use crate::json::{as_bool, as_object, as_string, string_set};
use crate::{Derivation, DerivationError, placeholder};

type Result<T> = std::result::Result<T, DerivationError>;

/// What a check on references names: an output of the derivation itself, or a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DrvRef {
    /// An output of the same derivation.
    Output(String),
    /// A store path, or an output of an input whose path is not known yet.
    Path(SingleDerivedPath),
}

/// What is checked of an output once it is built.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutputChecks {
    /// Whether a reference of the output to itself is left out of the checks.
    pub ignore_self_refs: bool,
    /// The largest size of the output's NAR in bytes.
    pub max_size: Option<u64>,
    /// The largest size of its closure's NARs together in bytes.
    pub max_closure_size: Option<u64>,
    /// The only references it may have.
    pub allowed_references: Option<BTreeSet<DrvRef>>,
    /// References it must not have.
    pub disallowed_references: BTreeSet<DrvRef>,
    /// The only paths its closure may have.
    pub allowed_requisites: Option<BTreeSet<DrvRef>>,
    /// Paths its closure must not have.
    pub disallowed_requisites: BTreeSet<DrvRef>,
}

/// Checks for all outputs, or for each its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutputChecksSpec {
    /// The same for all, from the environment.
    ForAllOutputs(OutputChecks),
    /// By output, from the structured attribute `outputChecks`.
    PerOutput(BTreeMap<String, OutputChecks>),
}

impl OutputChecksSpec {
    /// The checks of one output.
    #[must_use]
    pub fn of(&self, output: &str) -> Option<&OutputChecks> {
        match self {
            OutputChecksSpec::ForAllOutputs(checks) => Some(checks),
            OutputChecksSpec::PerOutput(checks) => checks.get(output),
        }
    }
}

/// All attributes of a derivation that speak to the builder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DerivationOptions {
    /// `allowedReferences` and its kin, or `outputChecks`.
    pub output_checks: OutputChecksSpec,
    /// `unsafeDiscardReferences`: outputs whose references are not looked for.
    pub unsafe_discard_references: BTreeMap<String, bool>,
    /// `passAsFile`: variables whose values the builder gets in files.
    pub pass_as_file: BTreeSet<String>,
    /// `exportReferencesGraph`: the paths whose closures are written, by file name or attribute.
    pub export_references_graph: BTreeMap<String, BTreeSet<SingleDerivedPath>>,
    /// `__sandboxProfile`, for macOS.
    pub additional_sandbox_profile: String,
    /// `__noChroot`: no sandbox where settings allow that.
    pub no_chroot: bool,
    /// `__impureHostDeps`: paths of the host in the sandbox, for macOS.
    pub impure_host_deps: BTreeSet<String>,
    /// `impureEnvVars`: variables that fixed-output builds get from the caller.
    pub impure_env_vars: BTreeSet<String>,
    /// `__darwinAllowLocalNetworking`, for macOS.
    pub allow_local_networking: bool,
    /// `requiredSystemFeatures`, without those that follow from the outputs' kind.
    pub required_system_features: BTreeSet<String>,
    /// `preferLocalBuild`: not worth sending elsewhere.
    pub prefer_local_build: bool,
    /// `allowSubstitutes`: whether outputs are looked for in caches before they are built.
    pub allow_substitutes: bool,
}

impl Default for DerivationOptions {
    fn default() -> DerivationOptions {
        DerivationOptions {
            output_checks: OutputChecksSpec::ForAllOutputs(OutputChecks::default()),
            unsafe_discard_references: BTreeMap::new(),
            pass_as_file: BTreeSet::new(),
            export_references_graph: BTreeMap::new(),
            additional_sandbox_profile: String::new(),
            no_chroot: false,
            impure_host_deps: BTreeSet::new(),
            impure_env_vars: BTreeSet::new(),
            allow_local_networking: false,
            required_system_features: BTreeSet::new(),
            prefer_local_build: false,
            allow_substitutes: true,
        }
    }
}

impl DerivationOptions {
    /// Reads the options of `drv`. `ca_derivations`: whether the experimental feature of this name is on, so that
    /// placeholders stand for inputs' outputs. Texts about which the reference warns are added to `warnings`.
    ///
    /// # Errors
    /// Attributes of the wrong type or form.
    pub fn parse(
        drv: &Derivation,
        dir: &StoreDir,
        ca_derivations: bool,
        warnings: &mut Vec<String>,
    ) -> Result<DerivationOptions> {
        let attrs = drv.structured_attrs()?;
        let mut placeholders = BTreeMap::new();
        if ca_derivations {
            for input in drv.inputs() {
                if let Some(placeholder) = placeholder::downstream(&input)? {
                    placeholders.insert(placeholder, input);
                }
            }
        }
        let reader = Reader { drv, dir, attrs: attrs.as_ref(), placeholders };
        reader.warn(warnings);
        Ok(DerivationOptions {
            output_checks: reader.output_checks()?,
            unsafe_discard_references: reader.unsafe_discard_references()?,
            pass_as_file: match &attrs {
                Some(_) => BTreeSet::new(),
                None => reader.env_tokens("passAsFile")?.unwrap_or_default().into_iter().collect(),
            },
            export_references_graph: reader.export_references_graph(warnings)?,
            additional_sandbox_profile: reader.string("__sandboxProfile")?.unwrap_or_default(),
            no_chroot: reader.boolean("__noChroot", false)?,
            impure_host_deps: reader.strings("__impureHostDeps")?.unwrap_or_default(),
            impure_env_vars: reader.strings("impureEnvVars")?.unwrap_or_default(),
            allow_local_networking: reader.boolean("__darwinAllowLocalNetworking", false)?,
            required_system_features: reader.strings("requiredSystemFeatures")?.unwrap_or_default(),
            prefer_local_build: reader.boolean("preferLocalBuild", false)?,
            allow_substitutes: reader.boolean("allowSubstitutes", true)?,
        })
    }

    /// The features that a machine needs to build `drv`, `ca-derivations` included where outputs' paths are not known.
    ///
    /// # Errors
    /// As [`Derivation::derivation_type`].
    pub fn all_required_features(&self, drv: &Derivation) -> Result<BTreeSet<String>> {
        let mut features = self.required_system_features.clone();
        if !drv.derivation_type()?.has_known_output_paths() {
            features.insert("ca-derivations".to_owned());
        }
        Ok(features)
    }

    /// Whether the build wants a whole range of user ids.
    #[must_use]
    pub fn uses_uid_range(&self) -> bool {
        self.required_system_features.contains("uid-range")
    }

    /// Replaces outputs of inputs by what `built` gives for them; `None` where it does not know one.
    pub fn resolve(
        &self,
        mut built: impl FnMut(&SingleDerivedPath, &str) -> Option<StorePath>,
    ) -> Option<DerivationOptions> {
        let mut path = |path: &SingleDerivedPath| match path {
            SingleDerivedPath::Opaque(_) => Some(path.clone()),
            SingleDerivedPath::Built { drv, output } => built(drv, output).map(SingleDerivedPath::Opaque),
        };
        let mut export = BTreeMap::new();
        for (name, paths) in &self.export_references_graph {
            export.insert(name.clone(), paths.iter().map(&mut path).collect::<Option<BTreeSet<_>>>()?);
        }
        let mut refs = |refs: &BTreeSet<DrvRef>| -> Option<BTreeSet<DrvRef>> {
            let mut one = |reference: &DrvRef| match reference {
                DrvRef::Output(_) => Some(reference.clone()),
                DrvRef::Path(derived) => path(derived).map(DrvRef::Path),
            };
            refs.iter().map(&mut one).collect()
        };
        let mut checks = |checks: &OutputChecks| -> Option<OutputChecks> {
            Some(OutputChecks {
                allowed_references: checks
                    .allowed_references
                    .as_ref()
                    .map_or(Some(None), |set| refs(set).map(Some))?,
                disallowed_references: refs(&checks.disallowed_references)?,
                allowed_requisites: checks
                    .allowed_requisites
                    .as_ref()
                    .map_or(Some(None), |set| refs(set).map(Some))?,
                disallowed_requisites: refs(&checks.disallowed_requisites)?,
                ..checks.clone()
            })
        };
        let output_checks = match &self.output_checks {
            OutputChecksSpec::ForAllOutputs(all) => OutputChecksSpec::ForAllOutputs(checks(all)?),
            OutputChecksSpec::PerOutput(each) => OutputChecksSpec::PerOutput(
                each.iter().map(|(name, own)| Some((name.clone(), checks(own)?))).collect::<Option<_>>()?,
            ),
        };
        Some(DerivationOptions { output_checks, export_references_graph: export, ..self.clone() })
    }
}

struct Reader<'a> {
    drv: &'a Derivation,
    dir: &'a StoreDir,
    attrs: Option<&'a Map<String, Value>>,
    placeholders: BTreeMap<String, SingleDerivedPath>,
}

impl<'a> Reader<'a> {
    fn warn(&self, warnings: &mut Vec<String>) {
        let Some(attrs) = self.attrs else {
            return;
        };
        for name in [
            "allowedReferences",
            "allowedRequisites",
            "disallowedRequisites",
            "disallowedReferences",
            "maxSize",
            "maxClosureSize",
        ] {
            if attrs.contains_key(name) {
                warnings.push(format!(
                    "'structuredAttrs' disables the effect of the top-level attribute '{name}'; use 'outputChecks' instead"
                ));
            }
        }
        if self.drv.env_get("passAsFile").is_some() {
            warnings.push(
                "'structuredAttrs' disables the effect of the top-level attribute 'passAsFile'; because all JSON is always passed via file"
                    .to_owned(),
            );
        }
    }

    fn env(&self, name: &str) -> Result<Option<&'a str>> {
        let Some(value) = self.drv.env_get(name) else {
            return Ok(None);
        };
        std::str::from_utf8(value).map(Some).map_err(|_| DerivationError::NotUtf8 {
            what: "an attribute for the builder",
            text: String::from_utf8_lossy(value).into_owned(),
        })
    }

    fn env_tokens(&self, name: &str) -> Result<Option<Vec<String>>> {
        Ok(self.env(name)?.map(|text| tokens(text).map(str::to_owned).collect()))
    }

    /// Reads a structured attribute, if there is one of this name.
    fn attr<T>(&self, name: &str, read: impl FnOnce(&Value) -> Result<T>) -> Result<Option<T>> {
        match self.attrs.and_then(|attrs| attrs.get(name)) {
            None => Ok(None),
            Some(value) => read(value)
                .map(Some)
                .map_err(|error| error.traced(|| format!("while parsing attribute \"{name}\""))),
        }
    }

    fn string(&self, name: &str) -> Result<Option<String>> {
        if self.attrs.is_some() {
            return self.attr(name, |value| Ok(as_string(value)?.to_owned()));
        }
        Ok(self.env(name)?.map(str::to_owned))
    }

    fn boolean(&self, name: &str, default: bool) -> Result<bool> {
        if self.attrs.is_some() {
            return Ok(self.attr(name, as_bool)?.unwrap_or(default));
        }
        Ok(self.drv.env_get(name).map_or(default, |value| value == b"1"))
    }

    fn strings(&self, name: &str) -> Result<Option<BTreeSet<String>>> {
        if self.attrs.is_some() {
            return self.attr(name, string_set);
        }
        Ok(self.env_tokens(name)?.map(|tokens| tokens.into_iter().collect()))
    }

    fn placeholder(&self, text: &str) -> Option<&SingleDerivedPath> {
        // a file below a placeholder stands for the placeholder's path
        let end = text.get(1..)?.find('/').map_or(text.len(), |at| at + 1);
        self.placeholders.get(&text[..end])
    }

    fn derived_path(&self, text: &str) -> std::result::Result<SingleDerivedPath, PathError> {
        match self.placeholder(text) {
            Some(path) => Ok(path.clone()),
            None => Ok(SingleDerivedPath::Opaque(self.dir.to_store_path(text)?.0)),
        }
    }

    fn reference(&self, text: &str) -> DrvRef {
        if let Some(path) = self.placeholder(text) {
            return DrvRef::Path(path.clone());
        }
        match self.dir.parse(text) {
            Ok(path) => DrvRef::Path(SingleDerivedPath::Opaque(path)),
            Err(_) => DrvRef::Output(text.to_owned()),
        }
    }

    fn references(&self, name: &str) -> Result<Option<BTreeSet<DrvRef>>> {
        let texts = self.env_tokens(name)?;
        Ok(texts.map(|texts| texts.iter().map(|text| self.reference(text)).collect()))
    }

    fn output_checks(&self) -> Result<OutputChecksSpec> {
        let Some(attrs) = self.attrs else {
            return Ok(OutputChecksSpec::ForAllOutputs(OutputChecks {
                ignore_self_refs: true,
                max_size: None,
                max_closure_size: None,
                allowed_references: self.references("allowedReferences")?,
                disallowed_references: self.references("disallowedReferences")?.unwrap_or_default(),
                allowed_requisites: self.references("allowedRequisites")?,
                disallowed_requisites: self.references("disallowedRequisites")?.unwrap_or_default(),
            }));
        };
        let mut per_output = BTreeMap::new();
        if let Some(outputs) = attrs.get("outputChecks") {
            for (output, checks) in as_object(outputs)? {
                per_output.insert(output.clone(), self.checks_of(output, as_object(checks)?)?);
            }
        }
        Ok(OutputChecksSpec::PerOutput(per_output))
    }

    fn checks_of(&self, output: &str, checks: &Map<String, Value>) -> Result<OutputChecks> {
        let refs = |name: &str| -> Result<Option<BTreeSet<DrvRef>>> {
            let Some(value) = checks.get(name) else {
                return Ok(None);
            };
            let texts = string_set(value).map_err(|error| {
                error.traced(|| format!("while parsing attribute 'outputChecks.\"{output}\".{name}'"))
            })?;
            Ok(Some(texts.iter().map(|text| self.reference(text)).collect()))
        };
        let size = |name: &str| -> Result<Option<u64>> {
            let Some(value) = checks.get(name) else {
                return Ok(None);
            };
            value.as_u64().map(Some).ok_or_else(|| {
                DerivationError::option(format!(
                    "attribute 'outputChecks.\"{output}\".{name}' is not a number of bytes: {value}"
                ))
            })
        };
        Ok(OutputChecks {
            ignore_self_refs: false,
            max_size: size("maxSize")?,
            max_closure_size: size("maxClosureSize")?,
            allowed_references: refs("allowedReferences")?,
            disallowed_references: refs("disallowedReferences")?.unwrap_or_default(),
            allowed_requisites: refs("allowedRequisites")?,
            disallowed_requisites: refs("disallowedRequisites")?.unwrap_or_default(),
        })
    }

    fn unsafe_discard_references(&self) -> Result<BTreeMap<String, bool>> {
        let Some(value) = self.attrs.and_then(|attrs| attrs.get("unsafeDiscardReferences")) else {
            return Ok(BTreeMap::new());
        };
        let read =
            || as_object(value)?.iter().map(|(name, flag)| Ok((name.clone(), as_bool(flag)?))).collect();
        let read: Result<BTreeMap<String, bool>> = read();
        read.map_err(|error| error.traced(|| "while parsing attribute 'unsafeDiscardReferences'".to_owned()))
    }

    fn export_references_graph(
        &self,
        warnings: &mut Vec<String>,
    ) -> Result<BTreeMap<String, BTreeSet<SingleDerivedPath>>> {
        const NAME: &str = "exportReferencesGraph";
        let mut graphs = BTreeMap::new();
        if let Some(attrs) = self.attrs {
            match attrs.get(NAME) {
                None => {}
                Some(Value::Object(object)) => {
                    for (key, value) in object {
                        let mut paths = BTreeSet::new();
                        self.flatten(value, &mut paths, 0)?;
                        graphs.insert(key.clone(), paths);
                    }
                }
                Some(_) => warnings.push(
                    "'exportReferencesGraph' in structured attrs is not a JSON object, ignoring".to_owned(),
                ),
            }
            return Ok(graphs);
        }
        let text = self.env(NAME)?.unwrap_or_default();
        let tokens: Vec<&str> = tokens(text).collect();
        if tokens.len() % 2 != 0 {
            return Err(DerivationError::option(format!(
                "odd number of tokens in 'exportReferencesGraph': '{text}'"
            )));
        }
        for pair in tokens.chunks_exact(2) {
            if !is_graph_file_name(pair[0]) {
                return Err(DerivationError::option(format!(
                    "invalid file name '{}' in 'exportReferencesGraph'",
                    pair[0]
                )));
            }
            graphs.insert(pair[0].to_owned(), BTreeSet::from([self.derived_path(pair[1])?]));
        }
        Ok(graphs)
    }

    fn flatten(&self, value: &Value, paths: &mut BTreeSet<SingleDerivedPath>, depth: usize) -> Result<()> {
        match value {
            // JSON nests at most 128 levels where it was parsed
            Value::Array(items) if depth < 256 => {
                items.iter().try_for_each(|item| self.flatten(item, paths, depth + 1))
            }
            Value::String(text) => {
                paths.insert(self.derived_path(text)?);
                Ok(())
            }
            _ => Err(DerivationError::option("'exportReferencesGraph' value is not an array or a string")),
        }
    }
}

fn tokens(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', '\t', '\n', '\r']).filter(|token| !token.is_empty())
}

fn is_graph_file_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}

impl DerivationOptions {
    /// The options as JSON, as the reference shows them; keys are sorted.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let checks = match &self.output_checks {
            OutputChecksSpec::ForAllOutputs(checks) => object([("forAllOutputs", checks_json(checks))]),
            OutputChecksSpec::PerOutput(each) => {
                let each = each.iter().map(|(name, checks)| (name.clone(), checks_json(checks)));
                object([("perOutput", Value::Object(each.collect()))])
            }
        };
        let discard = self.unsafe_discard_references.iter();
        let graphs = self
            .export_references_graph
            .iter()
            .map(|(name, paths)| (name.clone(), Value::Array(paths.iter().map(derived_json).collect())));
        object([
            ("additionalSandboxProfile", Value::from(self.additional_sandbox_profile.as_str())),
            ("allowLocalNetworking", Value::from(self.allow_local_networking)),
            ("allowSubstitutes", Value::from(self.allow_substitutes)),
            ("exportReferencesGraph", Value::Object(graphs.collect())),
            ("impureEnvVars", strings_json(&self.impure_env_vars)),
            ("impureHostDeps", strings_json(&self.impure_host_deps)),
            ("noChroot", Value::from(self.no_chroot)),
            ("outputChecks", checks),
            ("passAsFile", strings_json(&self.pass_as_file)),
            ("preferLocalBuild", Value::from(self.prefer_local_build)),
            ("requiredSystemFeatures", strings_json(&self.required_system_features)),
            (
                "unsafeDiscardReferences",
                Value::Object(discard.map(|(name, flag)| (name.clone(), Value::from(*flag))).collect()),
            ),
        ])
    }
}

fn checks_json(checks: &OutputChecks) -> Value {
    let refs = |refs: &BTreeSet<DrvRef>| Value::Array(refs.iter().map(ref_json).collect());
    let optional = |set: &Option<BTreeSet<DrvRef>>| set.as_ref().map_or(Value::Null, refs);
    object([
        ("allowedReferences", optional(&checks.allowed_references)),
        ("allowedRequisites", optional(&checks.allowed_requisites)),
        ("disallowedReferences", refs(&checks.disallowed_references)),
        ("disallowedRequisites", refs(&checks.disallowed_requisites)),
        ("ignoreSelfRefs", Value::from(checks.ignore_self_refs)),
        ("maxClosureSize", checks.max_closure_size.map_or(Value::Null, Value::from)),
        ("maxSize", checks.max_size.map_or(Value::Null, Value::from)),
    ])
}

fn ref_json(reference: &DrvRef) -> Value {
    match reference {
        DrvRef::Output(output) => {
            object([("drvPath", Value::from("self")), ("output", Value::from(output.as_str()))])
        }
        DrvRef::Path(path) => derived_json(path),
    }
}

fn derived_json(path: &SingleDerivedPath) -> Value {
    match path {
        SingleDerivedPath::Opaque(path) => Value::from(path.base_name()),
        SingleDerivedPath::Built { drv, output } => {
            object([("drvPath", derived_json(drv)), ("output", Value::from(output.as_str()))])
        }
    }
}

fn strings_json(strings: &BTreeSet<String>) -> Value {
    Value::Array(strings.iter().map(|text| Value::from(text.as_str())).collect())
}

fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Object(fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}
