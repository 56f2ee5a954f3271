//! Attributes that are passed as JSON instead of environment variables.

use std::collections::BTreeMap;
use std::io;

use serde::Serialize;
use serde_json::ser::Formatter;
use serde_json::{Map, Number, Value};

use crate::{Derivation, DerivationError, placeholder};

/// The environment variable under which a derivation carries them.
pub const STRUCTURED_ATTRS: &str = "__json";

impl Derivation {
    /// The structured attributes, where the derivation has some.
    ///
    /// # Errors
    /// Something else than a JSON object.
    pub fn structured_attrs(&self) -> Result<Option<Map<String, Value>>, DerivationError> {
        self.env_get(STRUCTURED_ATTRS).map(parse).transpose()
    }

    /// What the builder finds in `.attrs.json`: the attributes, `outputs` with the placeholders of the outputs, and
    /// `graphs` (what `exportReferencesGraph` asks for, by attribute). Keys are sorted.
    #[must_use]
    pub fn builder_attrs(
        &self,
        attrs: &Map<String, Value>,
        graphs: BTreeMap<String, Value>,
    ) -> Map<String, Value> {
        let mut all: BTreeMap<String, Value> =
            attrs.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        let outputs = self.outputs.keys().map(|name| (name.clone(), Value::from(placeholder(name))));
        all.insert("outputs".to_owned(), Value::Object(outputs.collect()));
        all.extend(graphs);
        all.into_iter().collect()
    }
}

/// Parses the value of `__json`.
///
/// # Errors
/// Something else than a JSON object.
pub fn parse(text: &[u8]) -> Result<Map<String, Value>, DerivationError> {
    match serde_json::from_slice(text) {
        Ok(Value::Object(attrs)) => Ok(attrs),
        Ok(_) => Err(DerivationError::BadStructuredAttrs("it is not an object".to_owned())),
        Err(error) => Err(DerivationError::BadStructuredAttrs(error.to_string())),
    }
}

/// Writes JSON without spaces, numbers as the reference writes them (`1.0`, `1e+100`), keys in the order they have.
#[must_use]
pub fn dump(value: &Value) -> String {
    let mut out = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, Compact);
    value.serialize(&mut serializer).expect("writing JSON to memory does not fail");
    String::from_utf8(out).unwrap_or_default()
}

/// Sorts the keys of all objects, as the reference has them in everything that it writes.
pub fn sort_keys(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.values_mut().for_each(sort_keys);
            object.sort_keys();
        }
        Value::Array(items) => items.iter_mut().for_each(sort_keys),
        _ => {}
    }
}

/// What the builder finds in `.attrs.sh`: bash declarations of all attributes that have a shape bash knows. Others, and
/// those whose names are no variable's, are left out.
#[must_use]
pub fn write_shell(attrs: &Map<String, Value>) -> String {
    let sorted: BTreeMap<&String, &Value> = attrs.iter().collect();
    let mut out = String::new();
    for (name, value) in sorted {
        if !is_shell_name(name) {
            continue;
        }
        let declaration = match value {
            Value::Array(items) => items
                .iter()
                .map(|item| simple(item).map(|text| text + " "))
                .collect::<Option<String>>()
                .map(|text| ("-a ", format!("({text})"))),
            Value::Object(object) => {
                let sorted: BTreeMap<&String, &Value> = object.iter().collect();
                sorted
                    .into_iter()
                    .map(|(key, item)| simple(item).map(|text| format!("[{}]={text} ", escape_shell(key))))
                    .collect::<Option<String>>()
                    .map(|text| ("-A ", format!("({text})")))
            }
            other => simple(other).map(|text| ("", text)),
        };
        if let Some((flag, text)) = declaration {
            out.push_str("declare ");
            out.push_str(flag);
            out.push_str(name);
            out.push('=');
            out.push_str(&text);
            out.push('\n');
        }
    }
    out
}

/// Puts single quotes around `text`, whatever it is.
#[must_use]
pub fn escape_shell(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn is_shell_name(name: &str) -> bool {
    !name.is_empty()
        && !name.as_bytes()[0].is_ascii_digit()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn simple(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(escape_shell(text)),
        Value::Number(number) => whole(number).map(|number| number.to_string()),
        Value::Null => Some("''".to_owned()),
        Value::Bool(true) => Some("1".to_owned()),
        Value::Bool(false) => Some(String::new()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// A number without fraction as the reference sees it: it decides by single precision and prints 32 bits.
fn whole(number: &Number) -> Option<i32> {
    let float = number.as_f64()? as f32;
    if float.ceil() != float {
        return None;
    }
    Some(match (number.as_i64(), number.as_u64()) {
        (Some(integer), _) => integer as i32,
        (None, Some(integer)) => integer as i32,
        (None, None) => number.as_f64()? as i32,
    })
}

struct Compact;

impl Formatter for Compact {
    fn write_f64<W: ?Sized + io::Write>(&mut self, out: &mut W, value: f64) -> io::Result<()> {
        out.write_all(format_float(value).as_bytes())
    }
}

/// Writes a float with the fewest digits that give it back: plain between 1e-4 and 1e15, else with an exponent of at
/// least two digits. Infinities and not-a-number become `null`.
#[must_use]
pub fn format_float(value: f64) -> String {
    if !value.is_finite() {
        return "null".to_owned();
    }
    if value == 0.0 {
        return if value.is_sign_negative() { "-0.0" } else { "0.0" }.to_owned();
    }
    let scientific = format!("{:e}", value.abs());
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let digits: String = mantissa.chars().filter(|&digit| digit != '.').collect();
    let point = exponent.parse::<i32>().unwrap_or_default() + 1;
    let sign = if value < 0.0 { "-" } else { "" };
    let count = digits.len() as i32;
    if count <= point && point <= 15 {
        let zeros = "0".repeat((point - count) as usize);
        format!("{sign}{digits}{zeros}.0")
    } else if 0 < point && point <= 15 {
        let (whole, fraction) = digits.split_at(point as usize);
        format!("{sign}{whole}.{fraction}")
    } else if -4 < point && point <= 0 {
        let zeros = "0".repeat(-point as usize);
        format!("{sign}0.{zeros}{digits}")
    } else {
        let (first, rest) = digits.split_at(1);
        let dot = if rest.is_empty() { "" } else { "." };
        let exponent = point - 1;
        let exponent_sign = if exponent < 0 { '-' } else { '+' };
        format!("{sign}{first}{dot}{rest}e{exponent_sign}{:02}", exponent.abs())
    }
}
