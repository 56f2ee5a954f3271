//! Amazon's signatures of requests, version 4.

use ring::{digest, hmac};

/// What signs.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Keys {
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
    pub(crate) session_token: Option<String>,
}

/// A request as far as it is signed.
pub(crate) struct ToSign<'a> {
    pub(crate) method: &'a str,
    /// With port, if it is not the scheme's own.
    pub(crate) host: &'a str,
    /// Escaped, with the leading slash.
    pub(crate) path: &'a str,
    /// Names and values, not escaped.
    pub(crate) query: &'a [(String, String)],
    /// More headers, names in lower case.
    pub(crate) headers: &'a [(String, String)],
    pub(crate) region: &'a str,
    pub(crate) service: &'a str,
    /// Seconds since 1970.
    pub(crate) time: u64,
    /// SHA-256 of the body, or `UNSIGNED-PAYLOAD`.
    pub(crate) payload: &'a str,
}

/// Escapes all but letters, digits and `-._~`; slashes stay if `path`.
pub(crate) fn escape(text: &str, path: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        if b.is_ascii_alphanumeric() || b"-._~".contains(&b) || (path && b == b'/') {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}

/// A query string in the order that signatures want.
pub(crate) fn canonical_query(query: &[(String, String)]) -> String {
    let mut pairs: Vec<String> =
        query.iter().map(|(n, v)| format!("{}={}", escape(n, false), escape(v, false))).collect();
    pairs.sort();
    pairs.join("&")
}

fn hex(bytes: &[u8]) -> String {
    firn_hash::base16::encode(bytes)
}

fn sign(key: &[u8], text: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes())
}

/// `20130524T000000Z`
pub(crate) fn timestamp(time: u64) -> String {
    let (days, seconds) = (time / 86_400, time % 86_400);
    // civil from days (Howard Hinnant)
    let z = days + 719_468;
    let era = z / 146_097;
    let doe = z % 146_097;
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + u64::from(month <= 2);
    format!("{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// The headers that a request needs: date, hash of the body, token, signature.
pub(crate) fn headers(keys: &Keys, request: &ToSign<'_>) -> Vec<(String, String)> {
    let time = timestamp(request.time);
    let date = &time[..8];
    let mut all: Vec<(String, String)> = request.headers.to_vec();
    all.push(("x-amz-content-sha256".into(), request.payload.to_owned()));
    all.push(("x-amz-date".into(), time.clone()));
    if let Some(token) = &keys.session_token {
        all.push(("x-amz-security-token".into(), token.clone()));
    }
    let mut signed = all.clone();
    signed.push(("host".into(), request.host.to_owned()));
    signed.sort();
    let names: Vec<&str> = signed.iter().map(|(n, _)| n.as_str()).collect();
    let names = names.join(";");
    let lines: String = signed.iter().map(|(n, v)| format!("{n}:{}\n", v.trim())).collect();
    let canonical = format!(
        "{}\n{}\n{}\n{lines}\n{names}\n{}",
        request.method,
        request.path,
        canonical_query(request.query),
        request.payload
    );
    let scope = format!("{date}/{}/{}/aws4_request", request.region, request.service);
    let digest = digest::digest(&digest::SHA256, canonical.as_bytes());
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex(digest.as_ref()));
    let mut key = sign(format!("AWS4{}", keys.secret_key).as_bytes(), date);
    for part in [request.region, request.service, "aws4_request"] {
        key = sign(key.as_ref(), part);
    }
    let signature = hex(sign(key.as_ref(), &text).as_ref());
    all.push((
        "authorization".into(),
        format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope},SignedHeaders={names},Signature={signature}",
            keys.access_key
        ),
    ));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example "GET object" of Amazon's documentation of signatures in headers.
    #[test]
    fn the_documented_example() {
        let keys = Keys {
            access_key: "AKIAIOSFODNN7EXAMPLE".into(),
            secret_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
            session_token: None,
        };
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let headers = headers(
            &keys,
            &ToSign {
                method: "GET",
                host: "examplebucket.s3.amazonaws.com",
                path: "/test.txt",
                query: &[],
                headers: &[("range".into(), "bytes=0-9".into())],
                region: "us-east-1",
                service: "s3",
                time: 1_369_353_600,
                payload: empty,
            },
        );
        let authorization = &headers.last().expect("headers").1;
        assert!(
            authorization
                .ends_with("Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
            "{authorization}"
        );
    }

    #[test]
    fn times() {
        assert_eq!(timestamp(1_369_353_600), "20130524T000000Z");
        assert_eq!(timestamp(1_709_164_799), "20240228T235959Z");
        assert_eq!(timestamp(1_709_164_800), "20240229T000000Z");
    }
}
