//! GitHub, GitLab and SourceHut: commits of branches from their interfaces, trees from their archives.
//!
//! Requests go to the host of the input (`?host=`), over TLS, except to the machine itself: a host that is a loopback
//! address is spoken to as it is.

use std::io::Read;

use serde_json::Value;

use crate::attrs::Attrs;
use crate::download::{Archive, Headers};
use crate::error::FetchError;
use crate::fetcher::{Fetched, Fetcher, Shown};
use crate::input::{Input, is_rev};

/// The most that an answer of an interface may have.
const MAX_ANSWER: u64 = 32 << 20;

fn public_host(kind: &str) -> &'static str {
    match kind {
        "github" => "github.com",
        "gitlab" => "gitlab.com",
        _ => "git.sr.ht",
    }
}

/// The host of an input.
pub(crate) fn host(input: &Input) -> String {
    input.text("host").map_or_else(|| public_host(input.kind()).to_owned(), str::to_owned)
}

/// `https`, but `http` for the machine itself.
fn scheme(host: &str) -> &'static str {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let local = name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if local { "http" } else { "https" }
}

/// The address of the repository itself, for git.
pub(crate) fn repository_url(input: &Input) -> String {
    let (host, (owner, repo)) = (host(input), names(input));
    let ending = if input.kind() == "sourcehut" { "" } else { ".git" };
    format!("{}://{host}/{owner}/{repo}{ending}", scheme(&host))
}

/// Owner and repository.
fn names(input: &Input) -> (&str, &str) {
    (input.text("owner").unwrap_or_default(), input.text("repo").unwrap_or_default())
}

impl Fetcher {
    /// The token for a repository: the longest entry of `access-tokens` that its path starts with, else that of its host.
    fn token(&self, input: &Input) -> Option<String> {
        let (owner, repo) = names(input);
        let host = host(input);
        let path = format!("{host}/{owner}/{repo}");
        let tokens = self.settings().access_tokens();
        let fits = |prefix: &str| {
            path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        tokens
            .iter()
            .filter(|(prefix, token)| fits(prefix) && !token.is_empty())
            .max_by_key(|(prefix, _)| prefix.len())
            .map(|(_, token)| token.to_owned())
    }

    /// The headers that a token makes, as each forge wants them.
    fn token_headers(&self, input: &Input) -> Headers {
        let Some(token) = self.token(input) else { return Headers::new() };
        let (kind, value) = token.split_once(':').unwrap_or((token.as_str(), ""));
        vec![match (input.kind(), kind) {
            ("github", _) => ("Authorization".into(), format!("token {token}")),
            ("gitlab", "OAuth2") => ("Authorization".into(), format!("Bearer {value}")),
            ("gitlab", "PAT") => ("Private-token".into(), value.to_owned()),
            ("gitlab", other) => {
                self.events().warn(format!("Unrecognized GitLab token type {other}"));
                (other.to_owned(), value.to_owned())
            }
            _ => ("Authorization".into(), format!("Bearer {token}")),
        }]
    }

    /// What to do about a refusal, in words: which setting is missing.
    fn forge_hint(&self, input: &Input, error: FetchError) -> FetchError {
        let FetchError::Transfer(mut error) = error else { return error };
        let (owner, repo) = names(input);
        let host = host(input);
        let with_token = self.token(input).is_some();
        let example = match input.kind() {
            "gitlab" => format!("access-tokens = {host}=PAT:…"),
            _ => format!("access-tokens = {host}=…"),
        };
        let limited = error.status == 429
            || (error.status == 403 && error.response.as_deref().is_some_and(|r| r.contains("rate limit")));
        let hint = match (error.status, with_token) {
            (_, false) if limited => format!(
                "'{host}' limits how often it may be asked without a token: set '{example}' in nix.conf"
            ),
            (401 | 403 | 404, false) => {
                format!("if '{owner}/{repo}' is private, a token is needed: set '{example}' in nix.conf")
            }
            (401 | 403 | 404, true) => {
                format!("the token that 'access-tokens' has for '{host}' may lack access to '{owner}/{repo}'")
            }
            (0, _) if self.names_base() && crate::base::stands_in_for(input).is_some() => {
                "with '--base', the embedded base stands in for it and nothing is fetched".to_owned()
            }
            _ => return FetchError::Transfer(error),
        };
        error.message = format!("{}\nhint: {hint}", error.message);
        FetchError::Transfer(error)
    }

    fn answer(&self, url: &str, headers: &Headers) -> Result<String, FetchError> {
        let file = self.download_file(url, headers)?.file;
        let failed = |e| FetchError::io(format!("reading '{}'", file.display()), e);
        let mut text = String::new();
        std::fs::File::open(&file)
            .map_err(failed)?
            .take(MAX_ANSWER)
            .read_to_string(&mut text)
            .map_err(failed)?;
        Ok(text)
    }

    fn json(&self, url: &str, headers: &Headers) -> Result<Value, FetchError> {
        let text = self.answer(url, headers)?;
        serde_json::from_str(&text).map_err(|e| FetchError::new(format!("'{url}' answers no JSON: {e}")))
    }

    /// The commit that a branch or tag of a forge's repository is at.
    fn commit_of(&self, input: &Input, reference: &str) -> Result<String, FetchError> {
        let (owner, repo) = names(input);
        let (host, headers) = (host(input), self.token_headers(input));
        let base = format!("{}://", scheme(&host));
        let wrong = |what: &str| FetchError::new(format!("{what} of '{}'", input.to_url()));
        let found = match input.kind() {
            "github" => {
                let api = if host == "github.com" {
                    "https://api.github.com/repos".to_owned()
                } else {
                    format!("{base}{host}/api/v3/repos")
                };
                let json = self.json(&format!("{api}/{owner}/{repo}/commits/{reference}"), &headers)?;
                json["sha"].as_str().map(str::to_owned)
            }
            "gitlab" => {
                let url = format!(
                    "{base}{host}/api/v4/projects/{owner}%2F{repo}/repository/commits?ref_name={reference}"
                );
                let json = self.json(&url, &headers)?;
                match json.as_array().map(Vec::as_slice) {
                    Some([]) => {
                        return Err(FetchError::new(
                            "No commits returned by GitLab API -- does the git ref really exist?",
                        ));
                    }
                    Some([first, ..]) => first["id"].as_str().map(str::to_owned),
                    None => {
                        return Err(FetchError::new(format!(
                            "Unexpected response received from GitLab: {json}"
                        )));
                    }
                }
            }
            _ => Some(self.sourcehut_commit(input, reference, &headers)?),
        };
        found
            .filter(|rev| is_rev(rev))
            .ok_or_else(|| wrong(&format!("'{host}' names no commit for '{reference}'")))
    }

    /// SourceHut speaks git's old protocol: `HEAD` and `info/refs`.
    fn sourcehut_commit(
        &self,
        input: &Input,
        reference: &str,
        headers: &Headers,
    ) -> Result<String, FetchError> {
        let (owner, repo) = names(input);
        let host = host(input);
        let base = format!("{}://{host}/{owner}/{repo}", scheme(&host));
        let wanted: Vec<String> = if reference == "HEAD" {
            let head = self.answer(&format!("{base}/HEAD"), headers)?;
            let target = head.lines().next().and_then(|l| l.strip_prefix("ref: ")).map(str::trim);
            let target = target.ok_or_else(|| {
                FetchError::new(format!("in '{}', couldn't resolve HEAD ref '{reference}'", input.to_url()))
            })?;
            vec![target.to_owned()]
        } else {
            vec![format!("refs/heads/{reference}"), format!("refs/tags/{reference}")]
        };
        let refs = self.answer(&format!("{base}/info/refs"), headers)?;
        refs.lines()
            .filter_map(|line| line.split_once(['\t', ' ']))
            .find(|(_, name)| wanted.iter().any(|w| w == name.trim()))
            .map(|(rev, _)| rev.to_owned())
            .ok_or_else(|| {
                FetchError::new(format!("in '{}', couldn't find ref '{reference}'", input.to_url()))
            })
    }

    fn archive_url(&self, input: &Input, rev: &str, has_token: bool) -> String {
        let (owner, repo) = names(input);
        let host = host(input);
        let base = format!("{}://{host}", scheme(&host));
        match input.kind() {
            "github" if host != "github.com" => format!("{base}/api/v3/repos/{owner}/{repo}/tarball/{rev}"),
            // Without a token the plain address is used, which has no limits.
            "github" if has_token => format!("https://api.github.com/repos/{owner}/{repo}/tarball/{rev}"),
            "gitlab" => {
                format!("{base}/api/v4/projects/{owner}%2F{repo}/repository/archive.tar.gz?sha={rev}")
            }
            _ => format!("{base}/{owner}/{repo}/archive/{rev}.tar.gz"),
        }
    }

    /// `github`, `gitlab`, `sourcehut`
    pub(crate) fn forge(&self, input: &Input) -> Result<Fetched, FetchError> {
        let rev = match input.rev() {
            Some(rev) => rev.to_owned(),
            None => self
                .commit_of(input, input.reference().unwrap_or("HEAD"))
                .map_err(|e| self.forge_hint(input, e))?,
        };
        let found = input.clone().with("ref", None).with("rev", Some(rev.as_str().into()));
        let archive = self.forge_archive(&found, &rev).map_err(|e| self.forge_hint(input, e))?;
        let found = found
            .with("lastModified", Some(archive.last_modified.into()))
            .with("narHash", Some(archive.nar_hash.sri().into()));
        let shown = format!("«{}»", found.clone().with("narHash", None).to_url());
        Ok(Fetched::new(found, Shown::tree(archive.tree, shown)))
    }

    /// The tree of a commit: unpacked once, however it is asked for.
    fn forge_archive(&self, input: &Input, rev: &str) -> Result<Archive, FetchError> {
        let (owner, repo) = names(input);
        let key = Attrs::from([
            ("host".into(), host(input).into()),
            ("owner".into(), owner.into()),
            ("repo".into(), repo.into()),
            ("rev".into(), rev.into()),
        ]);
        if let Some(archive) = self.cache().get("forge", &key).and_then(|e| self.kept_archive(&e.value)) {
            return Ok(archive);
        }
        let headers = self.token_headers(input);
        let archive = self.download_archive(&self.archive_url(input, rev, !headers.is_empty()), &headers)?;
        let value = Attrs::from([
            ("narHash".into(), archive.nar_hash.sri().into()),
            ("lastModified".into(), archive.last_modified.into()),
        ]);
        self.cache().put("forge", &key, &value);
        Ok(archive)
    }
}
