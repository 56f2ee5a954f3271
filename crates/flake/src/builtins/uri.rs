//! What restricted evaluation may fetch.

use firn_eval::io::SourcePath;
use firn_eval::{Ctx, ErrorKind, Res};
use firn_fetch::ParsedUrl;

use super::{P, flakes};

/// Whether `uri` is one of `allowed`, or lies below one that ends in a slash or is followed by one; a scheme alone
/// (`github:`) allows all its addresses.
fn is_allowed(uri: &str, allowed: &[String]) -> bool {
    allowed.iter().any(|prefix| match uri.strip_prefix(prefix.as_str()) {
        None => false,
        Some(rest) if rest.is_empty() || prefix.is_empty() => rest.is_empty(),
        Some(rest) => {
            // A scheme without anything behind it allows all.
            let scheme = prefix.ends_with(':') && !prefix[..prefix.len() - 1].contains([':', '/']);
            scheme || prefix.ends_with('/') || rest.starts_with('/')
        }
    })
}

/// Fails if restricted evaluation may not fetch `uri`.
///
/// # Errors
/// It may not.
pub(super) fn check(ctx: &mut Ctx, uri: &str) -> Res<()> {
    if !ctx.settings.restricted {
        return Ok(());
    }
    let flakes = flakes(ctx, P)?;
    let allowed: Vec<String> =
        flakes.fetcher().settings().allowed_uris().iter().map(ToString::to_string).collect();
    if is_allowed(uri, &allowed) {
        return Ok(());
    }
    let path = match ParsedUrl::parse(uri) {
        Ok(url) if url.scheme == "file" => Some(url.path),
        _ if uri.starts_with('/') => Some(uri.to_owned()),
        _ => None,
    };
    if let Some(path) = path {
        let path = SourcePath::file(&firn_path::canonical(&path));
        return match ctx.io.stat(&path) {
            Err(e) if e.restricted => Err(ctx.io_error(e, P)),
            _ => Ok(()),
        };
    }
    let text = format!("access to URI '{uri}' is forbidden in restricted mode");
    Err(ctx.error(ErrorKind::Restricted, text, P))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_end_at_slashes() {
        let allowed = |uri: &str, prefix: &str| is_allowed(uri, &[prefix.to_owned()]);
        assert!(allowed("https://example.org/x", "https://example.org"));
        assert!(allowed("https://example.org/x", "https://example.org/"));
        assert!(allowed("https://example.org/x", "https://example.org/x"));
        assert!(!allowed("https://example.org.evil/x", "https://example.org"));
        assert!(!allowed("https://example.org/x", "https://example.org/x/"));
        assert!(!allowed("https://example.org/xy", "https://example.org/x"));
        assert!(allowed("github:o/r", "github:"));
        assert!(allowed("github:o/r", "github:o/"));
        assert!(!allowed("gitlab:o/r", "github:"));
    }
}
