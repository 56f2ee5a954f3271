//! The environment in which a derivation is built: how it is found out, and how a shell gets it.
//!
//! The derivation is built once more with a script of ours ([`capture.sh`]) in the place of its builder, which writes what the
//! setup of the standard environment leaves behind; the result lies in the store, so the next shell starts at once.

mod capture;
mod script;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

pub(crate) use capture::capture;
pub(crate) use script::{Script, quote};

use crate::error::CliError;

/// A variable of bash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Variable {
    /// A text, and whether programs see it.
    Text { value: String, exported: bool },
    /// An array.
    Array(Vec<String>),
    /// An associative array.
    Table(BTreeMap<String, String>),
}

/// All that the setup leaves behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BuildEnvironment {
    pub variables: BTreeMap<String, Variable>,
    pub functions: BTreeMap<String, String>,
    /// `.attrs.sh` and `.attrs.json` of derivations with structured attributes.
    pub structured: Option<(String, String)>,
}

impl BuildEnvironment {
    /// Reads what `capture.sh`, or the reference's script, wrote.
    ///
    /// # Errors
    /// Something else.
    pub(crate) fn parse(bytes: &[u8]) -> Result<BuildEnvironment, CliError> {
        let wrong = || CliError::new("the environment of the derivation is malformed");
        let text = String::from_utf8_lossy(bytes);
        let json: Value = serde_json::from_str(&text).map_err(|_| wrong())?;
        let text_of = |v: &Value| v.as_str().map(str::to_owned);
        let texts = |v: &Value| -> Option<BTreeMap<String, String>> {
            v.as_object()?.iter().map(|(k, v)| Some((k.clone(), text_of(v)?))).collect()
        };
        let mut variables = BTreeMap::new();
        for (name, info) in json["variables"].as_object().ok_or_else(wrong)? {
            let value = &info["value"];
            let variable = match info["type"].as_str() {
                Some(kind @ ("var" | "exported")) => {
                    Variable::Text { value: text_of(value).ok_or_else(wrong)?, exported: kind == "exported" }
                }
                Some("array") => Variable::Array(
                    value
                        .as_array()
                        .and_then(|items| items.iter().map(text_of).collect::<Option<_>>())
                        .ok_or_else(wrong)?,
                ),
                Some("associative") => Variable::Table(texts(value).ok_or_else(wrong)?),
                _ => continue,
            };
            variables.insert(name.clone(), variable);
        }
        let functions = texts(&json["bashFunctions"]).ok_or_else(wrong)?;
        let structured = match json.get("structuredAttrs") {
            None => None,
            Some(files) => {
                let file = |name: &str| files.get(name).and_then(text_of).ok_or_else(wrong);
                Some((file(".attrs.sh")?, file(".attrs.json")?))
            }
        };
        Ok(BuildEnvironment { variables, functions, structured })
    }

    /// As `nix print-dev-env --json` prints it.
    pub(crate) fn to_json(&self) -> Value {
        let variables: Map<String, Value> = self
            .variables
            .iter()
            .map(|(name, variable)| {
                let json = match variable {
                    Variable::Text { value, exported } => {
                        json!({ "type": if *exported { "exported" } else { "var" }, "value": value })
                    }
                    Variable::Array(items) => json!({ "type": "array", "value": items }),
                    Variable::Table(table) => json!({ "type": "associative", "value": table }),
                };
                (name.clone(), json)
            })
            .collect();
        let mut all = json!({ "bashFunctions": self.functions, "variables": variables });
        if let Some((sh, json)) = &self.structured {
            all["structuredAttrs"] = json!({ ".attrs.json": json, ".attrs.sh": sh });
        }
        all
    }

    /// The value of a variable that is a text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.variables.get(name)? {
            Variable::Text { value, .. } => Some(value),
            _ => None,
        }
    }

    /// The outputs and the paths that the environment names for them.
    ///
    /// # Errors
    /// `outputs` is missing or is no list.
    pub(crate) fn outputs(&self) -> Result<Vec<(String, String)>, CliError> {
        let names: Vec<&str> = match self.variables.get("outputs") {
            None => return Err(CliError::new("derivation does not have an 'outputs' attribute")),
            Some(Variable::Table(table)) if self.structured.is_some() => {
                return Ok(table.iter().map(|(name, path)| (name.clone(), path.clone())).collect());
            }
            Some(Variable::Table(table)) => table.keys().map(String::as_str).collect(),
            Some(Variable::Array(items)) => items.iter().map(String::as_str).collect(),
            Some(Variable::Text { value, .. }) => value.split_whitespace().collect(),
        };
        names
            .into_iter()
            .map(|name| {
                let path = self.text(name).ok_or_else(|| {
                    CliError::new(format!("the environment of the derivation has no output '{name}'"))
                })?;
                Ok((name.to_owned(), path.to_owned()))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = r#"{"bashFunctions":{"f":" \n    echo hi\n"},"variables":{
        "A":{"type":"exported","value":"x y"},"B":{"type":"var","value":"it's"},
        "C":{"type":"array","value":["1","2 3"]},"D":{"type":"associative","value":{"k":"v"}},
        "E":{"type":"unknown"},"outputs":{"type":"var","value":"out dev"},
        "out":{"type":"exported","value":"/nix/store/o"},"dev":{"type":"exported","value":"/nix/store/d"}}}"#;

    #[test]
    fn what_was_captured_is_read_and_printed() {
        let env = BuildEnvironment::parse(SAMPLE.as_bytes()).unwrap();
        assert_eq!(env.variables.len(), 7);
        assert_eq!(BuildEnvironment::parse(env.to_json().to_string().as_bytes()).unwrap(), env);
        assert_eq!(env.text("A"), Some("x y"));
        let outputs = [("out", "/nix/store/o"), ("dev", "/nix/store/d")];
        assert_eq!(env.outputs().unwrap(), outputs.map(|(a, b)| (a.to_owned(), b.to_owned())));
    }

    #[test]
    fn malformed_environments_are_errors() {
        for bad in ["", "{}", "[]", r#"{"variables":{"A":{"type":"var"}},"bashFunctions":{}}"#] {
            assert!(BuildEnvironment::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
