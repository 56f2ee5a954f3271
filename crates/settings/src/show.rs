//! Values to text and JSON, as `nix config show` prints them.

use std::fmt;

use serde_json::{Map, json};

use crate::settings::Settings;
use crate::table::DEFINITIONS;
use crate::value::{Kind, Value};

fn joined(items: impl IntoIterator<Item = String>) -> String {
    items.into_iter().collect::<Vec<_>>().join(" ")
}

/// As a configuration would write it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Value::Bool(v) => v.to_string(),
            Value::Int(v) => v.to_string(),
            Value::Text(v) => v.clone(),
            Value::OptText(v) => v.clone().unwrap_or_default(),
            Value::List(v) => v.join(" "),
            Value::Set(v) => joined(v.iter().cloned()),
            // the reference starts its fold with an empty text, hence the space in front
            Value::Map(v) => v.iter().map(|(k, v)| format!(" {k}={v}")).collect(),
            Value::Sandbox(v) => v.name().to_owned(),
            Value::SandboxPaths(v) => joined(v.iter().map(|(inside, path)| {
                let source = if *inside == path.source { String::new() } else { format!("={}", path.source) };
                format!("{inside}{source}{}", if path.optional { "?" } else { "" })
            })),
            Value::Features(v) => {
                let mut names: Vec<&str> = v.iter().map(|f| f.name()).collect();
                names.sort_unstable();
                names.join(" ")
            }
            Value::Diagnose(v) => v.name().to_owned(),
            Value::Json(v) => v.to_string(),
        };
        f.write_str(&text)
    }
}

impl Value {
    /// As `nix config show --json` prints it.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Value::Bool(v) => json!(v),
            Value::Int(v) => json!(v),
            Value::Text(v) => json!(v),
            Value::OptText(v) => json!(v),
            Value::List(v) => json!(v),
            Value::Set(v) => json!(v),
            Value::Map(v) => json!(v),
            Value::Sandbox(v) => match v.name() {
                "true" => json!(true),
                "false" => json!(false),
                name => json!(name),
            },
            Value::SandboxPaths(v) => v
                .iter()
                .map(|(k, p)| (k.clone(), json!({"optional": p.optional, "source": p.source})))
                .collect::<Map<_, _>>()
                .into(),
            Value::Features(v) => v.iter().map(|f| f.name()).collect::<Vec<_>>().into(),
            Value::Diagnose(v) => json!(v.name()),
            Value::Json(v) => v.clone(),
        }
    }
}

impl Settings {
    /// `nix config show`: a line a setting, by name.
    pub fn to_key_value(&self) -> String {
        self.iter().map(|(d, v)| format!("{} = {v}\n", d.name)).collect()
    }

    /// `nix config show NAME`: the value, if there is such a setting and its experimental feature is enabled. Aliases do
    /// not count.
    pub fn show(&self, name: &str) -> Option<String> {
        let (_, value) =
            self.iter().find(|(d, _)| d.name == name && d.feature.is_none_or(|f| self.enabled(f)))?;
        Some(value.to_string())
    }

    /// `nix config show --json`: everything about every setting, by name.
    pub fn to_json(&self) -> serde_json::Value {
        let mut all = Map::new();
        for (definition, value) in self.iter() {
            let index = DEFINITIONS.iter().position(|d| std::ptr::eq(d, definition));
            let default = index.map(|i| &self.slots[i].default).unwrap_or(value);
            let mut aliases = definition.aliases.to_vec();
            aliases.sort_unstable();
            let description: Vec<&str> = definition.doc.lines().map(str::trim).collect();
            all.insert(
                definition.name.to_owned(),
                json!({
                    "aliases": aliases,
                    "defaultValue": default.to_json(),
                    "description": format!("{}\n", description.join("\n").trim()),
                    "documentDefault": definition.document_default(),
                    "experimentalFeature": definition.feature.map(|f| f.name()),
                    "value": value.to_json(),
                }),
            );
        }
        all.into()
    }

    /// Names of the flags that the command line makes of a setting: `--NAME` and, by kind, `--no-NAME`, `--extra-NAME`.
    pub fn flags(kind: Kind) -> &'static [&'static str] {
        match kind {
            Kind::Bool | Kind::DeprecatedWarn => &["", "no-"],
            Kind::Sandbox => &["", "no-", "relaxed-"],
            kind if kind.appendable() => &["", "extra-"],
            _ => &[""],
        }
    }
}
