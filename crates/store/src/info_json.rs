//! What is known about a path as JSON: `nix path-info --json`, the derivation-independent part of `.narinfo` JSON.
//!
//! Source: the reference's "store object info" schemas. Version 1 prints whole paths and content addresses as texts,
//! version 2 base names and structured content addresses, version 3 structured signatures as well. Keys are sorted.

use std::collections::BTreeSet;

use firn_hash::Hash;
use firn_path::{ContentAddress, ContentMethod, StoreDir, StorePath};
use serde_json::{Map, Value, json};

use crate::error::{Result, StoreError};
use crate::info::PathInfo;

/// A version of the form.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum JsonVersion {
    /// Whole paths.
    V1 = 1,
    /// Base names, structured content addresses.
    V2 = 2,
    /// Structured signatures.
    V3 = 3,
}

impl JsonVersion {
    /// The version of a number.
    ///
    /// # Errors
    /// A number that is no version.
    pub fn from_number(number: u64) -> Result<JsonVersion> {
        match number {
            1 => Ok(JsonVersion::V1),
            2 => Ok(JsonVersion::V2),
            3 => Ok(JsonVersion::V3),
            _ => Err(bad(format!(
                "unsupported path info JSON format version {number}; supported versions are 1, 2 and 3"
            ))),
        }
    }
}

fn bad(text: impl Into<String>) -> StoreError {
    StoreError::Json(text.into())
}

/// A content address in the structured form.
pub fn content_address_to_json(ca: &ContentAddress) -> Value {
    json!({ "hash": ca.hash.sri(), "method": ca.method.name() })
}

impl PathInfo {
    /// As JSON. With `impure` also what depends on the store that it is in: deriver, time, trust, signatures.
    pub fn to_json(&self, dir: &StoreDir, version: JsonVersion, impure: bool) -> Value {
        let print = |path: &StorePath| match version {
            JsonVersion::V1 => dir.print(path),
            _ => path.base_name().to_owned(),
        };
        let mut object = Map::new();
        let ca = self.ca.as_ref().map(|ca| match version {
            JsonVersion::V1 => Value::String(ca.to_string()),
            _ => content_address_to_json(ca),
        });
        object.insert("ca".into(), ca.into());
        if impure {
            object.insert("deriver".into(), self.deriver.as_ref().map(print).into());
        }
        object.insert("narHash".into(), self.nar_hash.sri().into());
        object.insert("narSize".into(), self.nar_size.into());
        object.insert("references".into(), self.references.iter().map(print).collect::<Vec<_>>().into());
        if impure {
            let time = (self.registration_time != 0).then_some(self.registration_time);
            object.insert("registrationTime".into(), time.into());
            let signatures: Vec<Value> = self
                .sigs
                .iter()
                .map(|sig| match (version, sig.split_once(':')) {
                    (JsonVersion::V3, Some((name, sig))) => json!({ "keyName": name, "sig": sig }),
                    _ => json!(sig),
                })
                .collect();
            object.insert("signatures".into(), signatures.into());
        }
        object.insert("storeDir".into(), dir.as_str().into());
        if impure {
            object.insert("ultimate".into(), self.ultimate.into());
        }
        object.insert("version".into(), (version as u64).into());
        object.into()
    }

    /// Reads what [`PathInfo::to_json`] writes, of any version (without one: 1), for the path `path`.
    ///
    /// # Errors
    /// A value of another shape.
    pub fn from_json(path: StorePath, dir: &StoreDir, value: &Value) -> Result<PathInfo> {
        let object = value.as_object().ok_or_else(|| bad("expected a JSON object"))?;
        let version = match object.get("version") {
            None => JsonVersion::V1,
            Some(number) => {
                JsonVersion::from_number(number.as_u64().ok_or_else(|| bad("'version' must be a number"))?)?
            }
        };
        if version != JsonVersion::V1 && !object.contains_key("storeDir") {
            return Err(bad("'storeDir' field is required in path info JSON format version 2"));
        }
        let fields = Fields { object, dir, version };
        let hash = Hash::parse_any(fields.text("narHash")?, None).map_err(|e| bad(e.to_string()))?;
        let size = fields.required("narSize")?.as_u64().ok_or_else(|| bad("'narSize' must be a number"))?;
        let mut info = PathInfo::new(path, hash, size);
        for reference in fields.array("references")? {
            info.references.insert(fields.path(reference)?);
        }
        info.ca = fields.content_address()?;
        info.deriver = fields.optional("deriver").map(|deriver| fields.path(deriver)).transpose()?;
        info.registration_time = fields.optional("registrationTime").and_then(Value::as_i64).unwrap_or(0);
        info.ultimate = fields.optional("ultimate").and_then(Value::as_bool).unwrap_or(false);
        if object.contains_key("signatures") {
            info.sigs = fields.signatures()?;
        }
        Ok(info)
    }
}

struct Fields<'a> {
    object: &'a Map<String, Value>,
    dir: &'a StoreDir,
    version: JsonVersion,
}

impl<'a> Fields<'a> {
    fn required(&self, key: &str) -> Result<&'a Value> {
        self.object.get(key).ok_or_else(|| bad(format!("expected JSON object to contain key '{key}'")))
    }

    /// A key that is there and not null.
    fn optional(&self, key: &str) -> Option<&'a Value> {
        self.object.get(key).filter(|value| !value.is_null())
    }

    fn text(&self, key: &str) -> Result<&'a str> {
        self.required(key)?.as_str().ok_or_else(|| bad(format!("'{key}' must be a string")))
    }

    fn array(&self, key: &str) -> Result<&'a [Value]> {
        let array = self.required(key)?.as_array();
        array.map(Vec::as_slice).ok_or_else(|| bad(format!("'{key}' must be an array")))
    }

    fn path(&self, value: &Value) -> Result<StorePath> {
        let text = value.as_str().ok_or_else(|| bad("a store path must be a string"))?;
        Ok(match self.version {
            JsonVersion::V1 => self.dir.parse(text)?,
            _ => StorePath::from_base_name(text)?,
        })
    }

    fn content_address(&self) -> Result<Option<ContentAddress>> {
        let Some(value) = self.optional("ca") else { return Ok(None) };
        if let (JsonVersion::V1, Some(text)) = (self.version, value.as_str()) {
            return Ok(ContentAddress::parse_opt(text)?);
        }
        let part = |key: &str| {
            value
                .get(key)
                .and_then(Value::as_str)
                .ok_or_else(|| bad(format!("'ca' must have a text '{key}'")))
        };
        let method: ContentMethod = part("method")?.parse()?;
        let hash = Hash::parse_any(part("hash")?, None).map_err(|e| bad(e.to_string()))?;
        Ok(Some(ContentAddress { method, hash }))
    }

    fn signatures(&self) -> Result<BTreeSet<String>> {
        let one = |value: &Value| match value {
            Value::String(text) => Ok(text.clone()),
            Value::Object(parts) => {
                let part = |key| parts.get(key).and_then(Value::as_str);
                match (part("keyName"), part("sig")) {
                    (Some(name), Some(sig)) => Ok(format!("{name}:{sig}")),
                    _ => Err(bad("a signature must have 'keyName' and 'sig'")),
                }
            }
            _ => Err(bad("a signature must be a string or an object")),
        };
        self.array("signatures")?.iter().map(one).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> (StoreDir, PathInfo) {
        let dir = StoreDir::default();
        let path = |name: &str| StorePath::from_base_name(name).expect("a path");
        let hash =
            Hash::parse_any("sha256-EFUdrtf6Rn0LWIJufrmg8q99aT3jGfLvd1//zaJEufY=", None).expect("a hash");
        let mut info = PathInfo::new(path("hrbblgbxbvz8al5a8l85i8giajyajiwj-f"), hash, 120);
        info.ca =
            ContentAddress::parse_opt("fixed:sha256:1r3v22qkypccqifzbww5lrn6hf1chi23m6zzkyvb8bvg457nxslq")
                .expect("a content address");
        info.references.insert(path("00000000000000000000000000000000-r"));
        info.deriver = Some(path("11111111111111111111111111111111-d.drv"));
        info.sigs.insert("k:AAAA".into());
        info.registration_time = 5;
        info.ultimate = true;
        (dir, info)
    }

    #[test]
    fn the_references_forms() {
        let (dir, info) = sample();
        assert_eq!(
            info.to_json(&dir, JsonVersion::V1, true).to_string(),
            r#"{"ca":"fixed:sha256:1r3v22qkypccqifzbww5lrn6hf1chi23m6zzkyvb8bvg457nxslq","deriver":"/nix/store/11111111111111111111111111111111-d.drv","narHash":"sha256-EFUdrtf6Rn0LWIJufrmg8q99aT3jGfLvd1//zaJEufY=","narSize":120,"references":["/nix/store/00000000000000000000000000000000-r"],"registrationTime":5,"signatures":["k:AAAA"],"storeDir":"/nix/store","ultimate":true,"version":1}"#
        );
        assert_eq!(
            info.to_json(&dir, JsonVersion::V2, false).to_string(),
            r#"{"ca":{"hash":"sha256-mOpuTyFvL7S2n/+bOkSELDhobKaF8/VdxIxdP7EQe+Q=","method":"flat"},"narHash":"sha256-EFUdrtf6Rn0LWIJufrmg8q99aT3jGfLvd1//zaJEufY=","narSize":120,"references":["00000000000000000000000000000000-r"],"storeDir":"/nix/store","version":2}"#
        );
        let third = info.to_json(&dir, JsonVersion::V3, true);
        assert_eq!(third["signatures"], json!([{ "keyName": "k", "sig": "AAAA" }]));
    }

    #[test]
    fn every_version_comes_back() {
        let (dir, info) = sample();
        for version in [JsonVersion::V1, JsonVersion::V2, JsonVersion::V3] {
            let json = info.to_json(&dir, version, true);
            assert_eq!(PathInfo::from_json(info.path.clone(), &dir, &json).expect("reads"), info);
        }
        for broken in [json!([]), json!({}), json!({ "version": 4 }), json!({ "version": 2, "narHash": "x" })]
        {
            assert!(PathInfo::from_json(info.path.clone(), &dir, &broken).is_err(), "{broken}");
        }
    }
}
