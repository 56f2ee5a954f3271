//! Caches in S3: `s3://bucket?endpoint=…&region=…`.
//!
//! Requests are signed (see [`crate::sigv4`]) with what the environment, the files of `aws`, a web identity, a container's
//! or a machine's metadata service give; without any of these they are anonymous. Large files go up in parts.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use firn_store::{StoreError, StoreReference};
use firn_transfer::{Body, Method, Request, Transfer};

use crate::error::CacheError;
use crate::http::{HttpMedium, Prepare};
use crate::medium::{Medium, ReadFile, Upload};
use crate::open::Context;
use crate::sigv4::{Keys, ToSign, canonical_query, escape, headers};

/// Credentials before their end are renewed so many seconds early.
const EARLY: u64 = 300;

/// Where credentials come from, and those that were found.
pub struct S3Credentials {
    profile: Option<String>,
    transfer: Transfer,
    region: String,
    cached: Mutex<Option<Cached>>,
}

#[derive(Clone)]
struct Cached {
    keys: Option<Keys>,
    /// Seconds since 1970.
    until: u64,
}

impl std::fmt::Debug for S3Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("S3Credentials")
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|v| !v.is_empty())
}

/// A section of an INI file of `aws`.
fn ini_section(text: &str, wanted: &[&str]) -> Option<BTreeMap<String, String>> {
    let mut found: Option<BTreeMap<String, String>> = None;
    let mut inside = false;
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            inside = wanted.contains(&name.trim());
            if inside {
                found.get_or_insert_with(BTreeMap::new);
            }
        } else if let (true, Some((key, value))) = (inside, line.split_once('=')) {
            if let Some(found) = &mut found {
                found.insert(key.trim().to_owned(), value.trim().to_owned());
            }
        }
    }
    found
}

fn aws_file(variable: &str, name: &str) -> Option<String> {
    let path = match env(variable) {
        Some(path) => PathBuf::from(path),
        None => PathBuf::from(env("HOME")?).join(".aws").join(name),
    };
    std::fs::read_to_string(path).ok()
}

impl S3Credentials {
    fn new(profile: Option<String>, transfer: Transfer, region: String) -> Self {
        S3Credentials { profile, transfer, region, cached: Mutex::new(None) }
    }

    /// The keys to sign with; `None` to stay anonymous.
    fn keys(&self) -> Option<Keys> {
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*cached {
            if known.until > now() + EARLY {
                return known.keys.clone();
            }
        }
        let found = self.find();
        *cached = Some(found.clone());
        found.keys
    }

    fn find(&self) -> Cached {
        let for_good = |keys: Keys| Cached { keys: Some(keys), until: u64::MAX };
        if self.profile.is_none() {
            if let (Some(access_key), Some(secret_key)) =
                (env("AWS_ACCESS_KEY_ID"), env("AWS_SECRET_ACCESS_KEY"))
            {
                return for_good(Keys { access_key, secret_key, session_token: env("AWS_SESSION_TOKEN") });
            }
        }
        if let Some(keys) = self.of_files() {
            return for_good(keys);
        }
        self.of_web_identity()
            .or_else(|| self.of_container())
            .or_else(|| self.of_machine())
            .unwrap_or(Cached { keys: None, until: u64::MAX })
    }

    fn profile_name(&self) -> String {
        self.profile.clone().or_else(|| env("AWS_PROFILE")).unwrap_or_else(|| "default".into())
    }

    fn of_files(&self) -> Option<Keys> {
        let profile = self.profile_name();
        let credentials = aws_file("AWS_SHARED_CREDENTIALS_FILE", "credentials");
        let config = aws_file("AWS_CONFIG_FILE", "config");
        let titled = format!("profile {profile}");
        let sections = [
            credentials.and_then(|text| ini_section(&text, &[&profile])),
            config.and_then(|text| ini_section(&text, &[&titled, &profile])),
        ];
        sections.into_iter().flatten().find_map(|mut section| {
            Some(Keys {
                access_key: section.remove("aws_access_key_id")?,
                secret_key: section.remove("aws_secret_access_key")?,
                session_token: section.remove("aws_session_token"),
            })
        })
    }

    /// Asks once and does not wait long: most machines have no such service.
    fn ask(&self, request: Request) -> Option<String> {
        let request = Request { attempts: Some(1), ..request };
        let (data, _) = self.transfer.fetch(&request, 1 << 20).ok()?;
        String::from_utf8(data).ok()
    }

    fn from_json(text: &str) -> Option<Cached> {
        let json: serde_json::Value = serde_json::from_str(text).ok()?;
        let get = |name: &str| json.get(name).and_then(|v| v.as_str()).map(str::to_owned);
        let keys = Keys {
            access_key: get("AccessKeyId")?,
            secret_key: get("SecretAccessKey")?,
            session_token: get("Token"),
        };
        Some(Cached { keys: Some(keys), until: now() + 3600 })
    }

    fn of_web_identity(&self) -> Option<Cached> {
        let token = std::fs::read_to_string(env("AWS_WEB_IDENTITY_TOKEN_FILE")?).ok()?;
        let session = env("AWS_ROLE_SESSION_NAME").unwrap_or_else(|| "firn".into());
        let query = canonical_query(&[
            ("Action".into(), "AssumeRoleWithWebIdentity".into()),
            ("Version".into(), "2011-06-15".into()),
            ("RoleArn".into(), env("AWS_ROLE_ARN")?),
            ("RoleSessionName".into(), session),
            ("WebIdentityToken".into(), token.trim().to_owned()),
        ]);
        let endpoint = env("AWS_ENDPOINT_URL_STS")
            .unwrap_or_else(|| format!("https://sts.{}.amazonaws.com", self.region));
        let answer = self.ask(Request::get(format!("{}/?{query}", endpoint.trim_end_matches('/'))))?;
        let keys = Keys {
            access_key: xml_text(&answer, "AccessKeyId")?,
            secret_key: xml_text(&answer, "SecretAccessKey")?,
            session_token: xml_text(&answer, "SessionToken"),
        };
        Some(Cached { keys: Some(keys), until: now() + 3600 })
    }

    fn of_container(&self) -> Option<Cached> {
        let url = match env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
            Some(path) => format!("http://169.254.170.2{path}"),
            None => env("AWS_CONTAINER_CREDENTIALS_FULL_URI")?,
        };
        let token = env("AWS_CONTAINER_AUTHORIZATION_TOKEN").or_else(|| {
            let file = env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")?;
            std::fs::read_to_string(file).ok().map(|t| t.trim().to_owned())
        });
        let mut request = Request::get(url);
        if let Some(token) = token {
            request = request.header("Authorization", token);
        }
        Self::from_json(&self.ask(request)?)
    }

    fn of_machine(&self) -> Option<Cached> {
        // only machines of Amazon's have the service; others would wait for a connection in vain
        let vendor = std::fs::read_to_string("/sys/class/dmi/id/sys_vendor").unwrap_or_default();
        if !vendor.contains("Amazon") && env("AWS_EC2_METADATA_SERVICE_ENDPOINT").is_none() {
            return None;
        }
        if env("AWS_EC2_METADATA_DISABLED").is_some_and(|v| v == "true") {
            return None;
        }
        let endpoint =
            env("AWS_EC2_METADATA_SERVICE_ENDPOINT").unwrap_or_else(|| "http://169.254.169.254".into());
        let endpoint = endpoint.trim_end_matches('/');
        let mut request = Request::put(format!("{endpoint}/latest/api/token"), Body::bytes(Vec::new(), ""));
        request = request.header("X-aws-ec2-metadata-token-ttl-seconds", "21600");
        let token = self.ask(request)?;
        let get = |path: &str| {
            self.ask(Request::get(format!("{endpoint}{path}")).header("X-aws-ec2-metadata-token", &token))
        };
        let list = "/latest/meta-data/iam/security-credentials/";
        let role = get(list)?.lines().next()?.to_owned();
        Self::from_json(&get(&format!("{list}{role}"))?)
    }
}

/// The text of the first element with a name; what S3 and STS answer needs no more.
fn xml_text(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    Some(text.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
}

/// A bucket.
struct S3Medium {
    http: HttpMedium,
    multipart: bool,
    chunk: u64,
    threshold: u64,
}

/// Where a bucket is.
struct Place {
    scheme: String,
    /// With port, if it is not the scheme's own.
    host: String,
    /// What stands before keys, with slashes at both ends.
    prefix: String,
}

fn place(reference: &StoreReference, authority: &str, region: &str) -> Result<Place, CacheError> {
    let get = |name: &str| reference.params.get(name).map(String::as_str).filter(|v| !v.is_empty());
    let bad = |text: String| CacheError::Parameter(text);
    let (bucket, folder) = authority.split_once('/').unwrap_or((authority, ""));
    if bucket.is_empty() {
        return Err(bad(format!("URI: missing or invalid bucket name in '{reference}'")));
    }
    let folder = folder.trim_matches('/');
    let folder = if folder.is_empty() { "/".to_owned() } else { format!("/{}/", escape(folder, true)) };
    let (scheme, endpoint) = match get("endpoint") {
        None => (get("scheme").unwrap_or("https").to_owned(), None),
        Some(endpoint) => match endpoint.split_once("://") {
            Some((scheme, host)) => (scheme.to_owned(), Some(host.trim_end_matches('/').to_owned())),
            None => (get("scheme").unwrap_or("https").to_owned(), Some(endpoint.to_owned())),
        },
    };
    let custom = endpoint.is_some();
    let endpoint = endpoint.unwrap_or_else(|| format!("s3.{region}.amazonaws.com"));
    let virtual_style = match get("addressing-style").unwrap_or("auto") {
        // names with dots do not fit Amazon's certificates
        "auto" => !custom && !bucket.contains('.'),
        "path" => false,
        "virtual" => true,
        other => {
            return Err(bad(format!(
                "unknown S3 addressing style '{other}', expected 'auto', 'path', or 'virtual'"
            )));
        }
    };
    Ok(if virtual_style {
        Place { scheme, host: format!("{bucket}.{endpoint}"), prefix: folder }
    } else {
        Place { scheme, host: endpoint, prefix: format!("/{}{folder}", escape(bucket, false)) }
    })
}

fn size(text: &str) -> Option<u64> {
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let factor = match unit {
        "" => 1,
        "K" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

/// The bucket that an address means.
pub(crate) fn medium(
    reference: &StoreReference,
    authority: &str,
    attempts: Option<u32>,
    context: &Context,
) -> Result<Box<dyn Medium>, CacheError> {
    let get = |name: &str| reference.params.get(name).map(String::as_str).filter(|v| !v.is_empty());
    let region = get("region").map_or_else(
        || env("AWS_REGION").or_else(|| env("AWS_DEFAULT_REGION")).unwrap_or_else(|| "us-east-1".into()),
        str::to_owned,
    );
    let place = place(reference, authority, &region)?;
    let number = |names: &[&str], otherwise: u64| match names.iter().find_map(|n| get(n)) {
        None => Ok(otherwise),
        Some(text) => size(text).ok_or_else(|| {
            CacheError::Parameter(format!("parameter '{}' has an invalid value '{text}'", names[0]))
        }),
    };
    let chunk = number(&["multipart-chunk-size", "buffer-size"], 5 << 20)?;
    if chunk < 5 << 20 {
        return Err(CacheError::Parameter(format!(
            "multipart-chunk-size must be at least 5 MiB, got {chunk} bytes"
        )));
    }
    let base = format!("{}://{}{}", place.scheme, place.host, place.prefix);
    let credentials =
        S3Credentials::new(get("profile").map(str::to_owned), context.transfer.clone(), region.clone());
    let storage_class = get("storage-class").map(str::to_owned);
    let host = place.host.clone();
    let prepare: Prepare = Arc::new(move |request: &mut Request| {
        sign(request, &credentials, &host, &region, storage_class.as_deref());
        Ok(())
    });
    let uri = format!("s3://{authority}");
    let (transfer, events) = (context.transfer.clone(), context.events.clone());
    Ok(Box::new(S3Medium {
        http: HttpMedium::new(uri, base, transfer, events, attempts, Some(prepare)),
        multipart: matches!(get("multipart-upload"), Some("true" | "yes" | "1")),
        chunk,
        threshold: number(&["multipart-threshold"], 100 << 20)?,
    }))
}

fn sign(
    request: &mut Request,
    credentials: &S3Credentials,
    host: &str,
    region: &str,
    storage_class: Option<&str>,
) {
    let Some(keys) = credentials.keys() else { return };
    let after = request.url.split_once("://").map_or("", |(_, rest)| rest);
    let Some(target) = after.strip_prefix(host) else { return };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let query: Vec<(String, String)> = query
        .split('&')
        .filter(|p| !p.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (firn_transfer::percent_decode(name), firn_transfer::percent_decode(value))
        })
        .collect();
    let method = match request.method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Put => "PUT",
        Method::Post => "POST",
        Method::Delete => "DELETE",
    };
    let mut extra = Vec::new();
    let begins = request.method == Method::Put || query.iter().any(|(name, _)| name == "uploads");
    let part = query.iter().any(|(name, _)| name == "partNumber");
    if let (Some(class), true, false) = (storage_class, begins, part) {
        extra.push(("x-amz-storage-class".to_owned(), class.to_owned()));
    }
    let signed = headers(
        &keys,
        &ToSign {
            method,
            host,
            path,
            query: &query,
            headers: &extra,
            region,
            service: "s3",
            time: now(),
            payload: "UNSIGNED-PAYLOAD",
        },
    );
    request.headers.extend(signed);
}

impl S3Medium {
    fn key(name: &str) -> String {
        escape(name, true)
    }

    /// Sends a file in parts, each read from its own place.
    fn put_parts(&self, name: &str, upload: &Upload) -> Result<(), CacheError> {
        let key = Self::key(name);
        let mut start = self.http.request(&format!("{key}?uploads"), Method::Post)?;
        start.body = Some(Body::bytes(Vec::new(), upload.body.mime_type.clone()));
        if let Some(encoding) = upload.encoding {
            start.headers.push(("Content-Encoding".into(), encoding.into()));
        }
        let (answer, _) = self.http.transfer().fetch(&start, 1 << 20)?;
        let id = xml_text(&String::from_utf8_lossy(&answer), "UploadId")
            .ok_or_else(|| CacheError::Parameter(format!("S3 gave no upload id for '{name}'")))?;
        let id = escape(&id, false);
        let result = self.send_parts(&key, &id, upload);
        if result.is_err() {
            // parts that belong to nothing cost money
            if let Ok(abort) = self.http.request(&format!("{key}?uploadId={id}"), Method::Delete) {
                let _ = self.http.transfer().upload(&abort);
            }
        }
        result
    }

    fn send_parts(&self, key: &str, id: &str, upload: &Upload) -> Result<(), CacheError> {
        let size = upload.body.size;
        // no more than 10,000 parts are allowed
        let chunk = self.chunk.max(size.div_ceil(10_000));
        let mut parts = String::new();
        for number in 1..=size.div_ceil(chunk) {
            let start = (number - 1) * chunk;
            let len = chunk.min(size - start);
            let mut request =
                self.http.request(&format!("{key}?partNumber={number}&uploadId={id}"), Method::Put)?;
            let (open, file) = (upload.body.open.clone(), upload.file.as_ref().map(|f| f.path().to_owned()));
            request.body = Some(Body {
                open: Arc::new(move || match &file {
                    Some(path) => {
                        let mut file = std::fs::File::open(path)?;
                        file.seek(SeekFrom::Start(start))?;
                        Ok(Box::new(file.take(len)))
                    }
                    None => {
                        let mut whole = open()?;
                        std::io::copy(&mut whole.by_ref().take(start), &mut std::io::sink())?;
                        Ok(Box::new(whole.take(len)))
                    }
                }),
                size: len,
                mime_type: String::new(),
            });
            let answer = self.http.transfer().upload(&request)?;
            parts.push_str(&format!(
                "<Part><PartNumber>{number}</PartNumber><ETag>{}</ETag></Part>",
                answer.etag.replace('&', "&amp;").replace('"', "&quot;")
            ));
        }
        let xml = format!(
            "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{parts}</CompleteMultipartUpload>"
        );
        let mut end = self.http.request(&format!("{key}?uploadId={id}"), Method::Post)?;
        end.body = Some(Body::bytes(xml.into_bytes(), "text/xml"));
        let (answer, _) = self.http.transfer().fetch(&end, 1 << 20)?;
        let answer = String::from_utf8_lossy(&answer);
        // S3 may say 200 and still fail
        if answer.contains("<Error>") {
            return Err(CacheError::Parameter(format!(
                "S3 could not complete the upload of '{key}': {answer}"
            )));
        }
        Ok(())
    }
}

impl Medium for S3Medium {
    fn uri(&self) -> String {
        self.http.uri()
    }

    fn is_remote(&self) -> bool {
        true
    }

    fn get(&self, name: &str, limit: usize) -> Result<Option<Vec<u8>>, CacheError> {
        self.http.get(&Self::key(name), limit)
    }

    fn read(&self, name: &str, read: &mut ReadFile<'_>) -> Result<bool, StoreError> {
        self.http.read(&Self::key(name), read)
    }

    fn exists(&self, name: &str) -> Result<bool, CacheError> {
        self.http.exists(&Self::key(name))
    }

    fn put(&self, name: &str, upload: Upload) -> Result<(), CacheError> {
        if self.multipart && upload.body.size > self.threshold {
            return self.put_parts(name, &upload);
        }
        self.http.send(&Self::key(name), upload.body, upload.encoding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(address: &str) -> String {
        let reference = StoreReference::parse(address, "/").expect("an address");
        let firn_store::StoreVariant::Specified { authority, .. } = &reference.variant else { panic!() };
        let p = place(&reference, authority, "eu-west-1").expect("a place");
        format!("{}://{}{}", p.scheme, p.host, p.prefix)
    }

    #[test]
    fn places() {
        assert_eq!(url("s3://b"), "https://b.s3.eu-west-1.amazonaws.com/");
        assert_eq!(url("s3://b.c"), "https://s3.eu-west-1.amazonaws.com/b.c/");
        assert_eq!(url("s3://b/some/where"), "https://b.s3.eu-west-1.amazonaws.com/some/where/");
        assert_eq!(url("s3://b?endpoint=minio:9000&scheme=http"), "http://minio:9000/b/");
        assert_eq!(url("s3://b?endpoint=http://h:1&addressing-style=virtual"), "http://b.h:1/");
    }

    #[test]
    fn sections_of_files() {
        let text = "[default]\naws_access_key_id = a\n[profile x]\naws_access_key_id=b\n";
        assert_eq!(ini_section(text, &["profile x", "x"]).expect("found")["aws_access_key_id"], "b");
        assert_eq!(ini_section(text, &["y"]), None);
    }

    #[test]
    fn texts_of_elements() {
        assert_eq!(xml_text("<a><UploadId>x&amp;y</UploadId></a>", "UploadId").as_deref(), Some("x&y"));
        assert_eq!(xml_text("<a>", "UploadId"), None);
    }
}
