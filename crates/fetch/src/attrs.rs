//! Attributes of inputs: names with strings, numbers or booleans.

use std::collections::BTreeMap;

use serde_json::Value;

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Attr {
    /// A text.
    Text(String),
    /// A number.
    Int(u64),
    /// A truth value.
    Bool(bool),
}

/// Attributes by name.
pub type Attrs = BTreeMap<String, Attr>;

impl From<&str> for Attr {
    fn from(s: &str) -> Attr {
        Attr::Text(s.to_owned())
    }
}
impl From<String> for Attr {
    fn from(s: String) -> Attr {
        Attr::Text(s)
    }
}
impl From<u64> for Attr {
    fn from(n: u64) -> Attr {
        Attr::Int(n)
    }
}
impl From<bool> for Attr {
    fn from(b: bool) -> Attr {
        Attr::Bool(b)
    }
}

/// A malformed attribute.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AttrError {
    /// Not a set, or a value that is none of the three kinds.
    #[error("unsupported input attribute type in lock file")]
    Unsupported,
    /// The attribute is missing.
    #[error("input attribute '{0}' is missing")]
    Missing(String),
    /// The attribute has another kind.
    #[error("input attribute '{0}' is not {1}")]
    Kind(String, &'static str),
}

/// Reads attributes from JSON.
///
/// # Errors
/// Anything but a set of strings, natural numbers and booleans.
pub fn from_json(json: &Value) -> Result<Attrs, AttrError> {
    let object = json.as_object().ok_or(AttrError::Unsupported)?;
    object
        .iter()
        .map(|(name, value)| {
            let attr = match value {
                Value::String(s) => Attr::Text(s.clone()),
                Value::Bool(b) => Attr::Bool(*b),
                Value::Number(n) => Attr::Int(n.as_u64().ok_or(AttrError::Unsupported)?),
                _ => return Err(AttrError::Unsupported),
            };
            Ok((name.clone(), attr))
        })
        .collect()
}

/// Writes attributes as JSON, sorted by name.
pub fn to_json(attrs: &Attrs) -> Value {
    attrs
        .iter()
        .map(|(name, attr)| {
            let value = match attr {
                Attr::Text(s) => Value::from(s.as_str()),
                Attr::Int(n) => Value::from(*n),
                Attr::Bool(b) => Value::from(*b),
            };
            (name.clone(), value)
        })
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// The text of an attribute, if it is there.
///
/// # Errors
/// It is there and no text.
pub fn text<'a>(attrs: &'a Attrs, name: &str) -> Result<Option<&'a str>, AttrError> {
    match attrs.get(name) {
        None => Ok(None),
        Some(Attr::Text(s)) => Ok(Some(s)),
        Some(_) => Err(AttrError::Kind(name.to_owned(), "a string")),
    }
}

/// The number of an attribute, if it is there.
///
/// # Errors
/// It is there and no number.
pub fn int(attrs: &Attrs, name: &str) -> Result<Option<u64>, AttrError> {
    match attrs.get(name) {
        None => Ok(None),
        Some(Attr::Int(n)) => Ok(Some(*n)),
        Some(_) => Err(AttrError::Kind(name.to_owned(), "an integer")),
    }
}

/// The truth value of an attribute, if it is there.
///
/// # Errors
/// It is there and no truth value.
pub fn boolean(attrs: &Attrs, name: &str) -> Result<Option<bool>, AttrError> {
    match attrs.get(name) {
        None => Ok(None),
        Some(Attr::Bool(b)) => Ok(Some(*b)),
        Some(_) => Err(AttrError::Kind(name.to_owned(), "a Boolean")),
    }
}
