//! Forges, as a stand-in on loopback answers for them: the addresses, answers and refusals of GitHub, GitLab, SourceHut.

#![allow(clippy::unwrap_used)] // a test fails where something is missing

mod common;

use common::{Reply, error, fetcher, input, read, serve, sh};

const REV: &str = "0123456789abcdef0123456789abcdef01234567";

/// An archive with everything in one folder, as forges make them.
fn archive(dir: &std::path::Path, contents: &str) -> Vec<u8> {
    sh(
        dir,
        &format!(
            "rm -rf repo-x; mkdir repo-x; echo {contents} > repo-x/file; tar --mtime=@1600000000 -czf a.tar.gz repo-x"
        ),
    );
    std::fs::read(dir.join("a.tar.gz")).unwrap()
}

#[test]
fn github_is_asked_for_the_commit_and_its_archive_once() {
    let dir = tempfile::tempdir().unwrap();
    let tarball = archive(dir.path(), "hello");
    let (host, seen) = serve(move |path, _| match path {
        "/api/v3/repos/o/r/commits/HEAD" => Reply::ok(format!("{{\"sha\":\"{REV}\",\"commit\":{{}}}}")),
        p if p == format!("/api/v3/repos/o/r/tarball/{REV}") => Reply::redirect("/moved.tar.gz"),
        "/moved.tar.gz" => Reply::ok(tarball.clone()),
        _ => Reply::status("404 Not Found", ""),
    });
    let cache = dir.path().join("cache");
    let fetched = fetcher(&cache, &[]).fetch(&input(&format!("github:o/r?host={host}"))).unwrap();
    assert_eq!(read(&fetched, "file").as_deref(), Some("hello\n"));
    assert_eq!(fetched.input.rev(), Some(REV));
    assert_eq!(fetched.input.int("lastModified"), Some(1_600_000_000));
    assert!(fetched.input.is_locked());
    assert_eq!(seen.lock().unwrap().len(), 3);
    // The archive of a commit never changes: a second fetcher finds it in the cache, and the answer within the hour, too.
    let again = fetcher(&cache, &[]).fetch(&input(&format!("github:o/r?host={host}"))).unwrap();
    assert_eq!(again.input, fetched.input);
    assert_eq!(seen.lock().unwrap().len(), 3);
    let locked = fetcher(&cache, &[("tarball-ttl", "0")]).fetch(&fetched.input).unwrap();
    assert_eq!(locked.input.text("narHash"), fetched.input.text("narHash"));
    assert_eq!(seen.lock().unwrap().len(), 3);
}

#[test]
fn gitlab_and_sourcehut_have_addresses_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let tarball = archive(dir.path(), "x");
    let (host, _) = serve(move |path, _| match path {
        "/api/v4/projects/o%2Fr/repository/commits?ref_name=main" => {
            Reply::ok(format!("[{{\"id\":\"{REV}\"}}]"))
        }
        "/api/v4/projects/o%2Fr/repository/commits?ref_name=none" => Reply::ok("[]"),
        p if p == format!("/api/v4/projects/o%2Fr/repository/archive.tar.gz?sha={REV}") => {
            Reply::ok(tarball.clone())
        }
        "/~o/r/HEAD" => Reply::ok("ref: refs/heads/main\n"),
        "/~o/r/info/refs" => {
            Reply::ok(format!("{}\trefs/heads/other\n{REV}\trefs/heads/main\n", "f".repeat(40)))
        }
        p if p == format!("/~o/r/archive/{REV}.tar.gz") => Reply::ok(tarball.clone()),
        _ => Reply::status("404 Not Found", ""),
    });
    let fetcher = fetcher(&dir.path().join("cache"), &[]);
    for url in [format!("gitlab:o/r/main?host={host}"), format!("sourcehut:~o/r?host={host}")] {
        let fetched = fetcher.fetch(&input(&url)).unwrap();
        assert_eq!(
            (fetched.input.rev(), read(&fetched, "file").as_deref()),
            (Some(REV), Some("x\n")),
            "{url}"
        );
    }
    let missing = error(fetcher.fetch(&input(&format!("gitlab:o/r/none?host={host}"))));
    assert_eq!(missing, "No commits returned by GitLab API -- does the git ref really exist?");
    let missing = error(fetcher.fetch(&input(&format!("sourcehut:~o/r/gone?host={host}"))));
    assert!(missing.ends_with("couldn't find ref 'gone'"), "{missing}");
}

#[test]
fn a_private_repository_without_token_gets_an_error_that_names_the_setting() {
    let dir = tempfile::tempdir().unwrap();
    let tarball = archive(dir.path(), "secret");
    let (host, _) = serve(move |path, head| {
        let github = head.contains("authorization: token good");
        let gitlab = head.contains("private-token: good") || head.contains("authorization: bearer good");
        match path {
            _ if !github && !gitlab => Reply::status("404 Not Found", "{\"message\":\"Not Found\"}"),
            p if p.contains("/commits/") => Reply::ok(format!("{{\"sha\":\"{REV}\"}}")),
            p if p.contains("/commits?") => Reply::ok(format!("[{{\"id\":\"{REV}\"}}]")),
            _ => Reply::ok(tarball.clone()),
        }
    });
    let cache = |n: &str| dir.path().join(n);
    let github = input(&format!("github:o/r?host={host}"));
    let gitlab = input(&format!("gitlab:o/r?host={host}"));
    let text = error(fetcher(&cache("1"), &[]).fetch(&github));
    assert!(text.contains("HTTP error 404"), "{text}");
    assert!(text.contains(&format!("set 'access-tokens = {host}=…' in nix.conf")), "{text}");
    let text = error(fetcher(&cache("1"), &[]).fetch(&gitlab));
    assert!(text.contains(&format!("access-tokens = {host}=PAT:…")), "{text}");
    // A token of another host or repository is not sent.
    let other = format!("other.example={} {host}/o/else=good", "good");
    let text = error(fetcher(&cache("1"), &[("access-tokens", &other)]).fetch(&github));
    assert!(text.contains("a token is needed"), "{text}");
    let wrong = format!("{host}=bad");
    let text = error(fetcher(&cache("1"), &[("access-tokens", &wrong)]).fetch(&github));
    assert!(text.contains("may lack access to 'o/r'"), "{text}");
    // The longest prefix wins.
    let tokens = format!("{host}=bad {host}/o=good {host}/other/r=bad");
    let fetched = fetcher(&cache("2"), &[("access-tokens", &tokens)]).fetch(&github).unwrap();
    assert_eq!(read(&fetched, "file").as_deref(), Some("secret\n"));
    for token in ["PAT:good", "OAuth2:good"] {
        let tokens = format!("{host}={token}");
        let fetched = fetcher(&cache(token), &[("access-tokens", &tokens)]).fetch(&gitlab).unwrap();
        assert_eq!(read(&fetched, "file").as_deref(), Some("secret\n"), "{token}");
    }
}

#[test]
fn limits_are_told_from_refusals() {
    let dir = tempfile::tempdir().unwrap();
    let (host, _) = serve(|path, _| {
        if path.contains("/limited/") {
            Reply::status("403 Forbidden", "{\"message\":\"API rate limit exceeded for 192.0.2.1.\"}")
        } else {
            Reply::status("401 Unauthorized", "{\"message\":\"Requires authentication\"}")
        }
    });
    let fetcher = fetcher(dir.path(), &[]);
    let text = error(fetcher.fetch(&input(&format!("github:o/limited?host={host}"))));
    assert!(text.contains("limits how often it may be asked without a token"), "{text}");
    let text = error(fetcher.fetch(&input(&format!("github:o/r?host={host}"))));
    assert!(text.contains("HTTP error 401") && text.contains("access-tokens"), "{text}");
}

#[test]
fn a_netrc_file_opens_hosts_that_ask_for_a_password() {
    let dir = tempfile::tempdir().unwrap();
    let tarball = archive(dir.path(), "x");
    let (host, _) = serve(move |_, head| {
        // "u:p" in base 64
        if head.contains("authorization: basic dtpw") {
            Reply::ok(tarball.clone())
        } else {
            Reply::status("401 Unauthorized", "")
        }
    });
    let netrc = dir.path().join("netrc");
    std::fs::write(&netrc, "machine 127.0.0.1 login u password p\n").unwrap();
    let url = input(&format!("tarball+http://{host}/a.tar.gz"));
    let with =
        fetcher(&dir.path().join("1"), &[("netrc-file", netrc.to_str().unwrap())]).fetch(&url).unwrap();
    assert_eq!(read(&with, "file").as_deref(), Some("x\n"));
    let text = error(fetcher(&dir.path().join("2"), &[("netrc-file", "/nonexistent")]).fetch(&url));
    assert!(text.contains("HTTP error 401"), "{text}");
}

#[test]
fn archives_are_asked_for_again_by_their_mark_and_locked_by_their_link() {
    let dir = tempfile::tempdir().unwrap();
    let tarball = archive(dir.path(), "x");
    let (host, seen) = serve(move |path, head| match path {
        "/latest.tar.gz" if head.contains("if-none-match: \"v1\"") => Reply::status("304 Not Modified", ""),
        "/latest.tar.gz" => Reply::ok(tarball.clone())
            .header("ETag: \"v1\"")
            .header(&format!("Link: <http://127.0.0.1:1/v1.tar.gz?rev={REV}&revCount=7>; rel=\"immutable\"")),
        _ => Reply::status("404 Not Found", ""),
    });
    let url = input(&format!("http://{host}/latest.tar.gz"));
    let cache = dir.path().join("cache");
    let fetched = fetcher(&cache, &[("tarball-ttl", "0")]).fetch(&url).unwrap();
    assert_eq!(fetched.input.text("url"), Some("http://127.0.0.1:1/v1.tar.gz"));
    assert_eq!((fetched.input.rev(), fetched.input.int("revCount")), (Some(REV), Some(7)));
    assert!(fetched.input.is_locked());
    let again = fetcher(&cache, &[("tarball-ttl", "0")]).fetch(&url).unwrap();
    assert_eq!(again.input, fetched.input);
    assert_eq!(seen.lock().unwrap().len(), 2);
    assert!(seen.lock().unwrap()[1].1.contains("if-none-match"));
}

#[test]
fn a_file_is_used_from_the_cache_when_its_server_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let (host, _) = serve(|path, _| match path {
        "/x" => Reply::ok("contents"),
        _ => Reply::status("404 Not Found", ""),
    });
    let url = format!("http://{host}/x");
    let fetcher1 = fetcher(dir.path(), &[("tarball-ttl", "0")]);
    let first = fetcher1.download_file(&url, &Vec::new()).unwrap();
    assert_eq!(std::fs::read(&first.file).unwrap(), b"contents");
    // The same address, but now with nobody behind it.
    let key = firn_fetch::Attrs::from([("url".into(), "http://127.0.0.1:1/x".into())]);
    let value =
        fetcher1.cache().get("file", &firn_fetch::Attrs::from([("url".into(), url.into())])).unwrap().value;
    fetcher1.cache().put("file", &key, &value);
    let again = fetcher1.download_file("http://127.0.0.1:1/x", &Vec::new()).unwrap();
    assert_eq!(again.hash, first.hash);
    let missing = fetcher1.download_file("http://127.0.0.1:1/never", &Vec::new());
    assert!(missing.is_err());
}

#[test]
fn hostile_archives_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let make = |name: &str, script: &str| {
        let folder = dir.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        sh(&folder, script);
        format!("tarball+file://{}/a", folder.display())
    };
    let cases = [
        (make("climb", "mkdir d; echo x > evil; tar -C d -P -cf a ../evil"), "outside of its directory"),
        (
            make("through", "ln -s /tmp l; tar -cf a l; rm l; mkdir l; echo x > l/f; tar -rf a l/f"),
            "through a symlink",
        ),
        (make("pipe", "mkfifo p; tar -cf a p"), "unsupported file type"),
        (make("empty", "tar -cf a -T /dev/null"), "is empty"),
        (make("noise", "head -c 10000 /dev/urandom > a"), ""),
        (
            make("zip", "mkdir d; echo x > evil; cd d; zip -q ../b.zip ../evil; cp ../b.zip ../a"),
            "outside of its directory",
        ),
    ];
    for (url, expected) in cases {
        let text = error(fetcher(&dir.path().join("cache"), &[]).fetch(&input(&url)));
        assert!(text.contains(expected), "{url}: {text}");
    }
    assert!(!std::path::Path::new("/tmp/f").exists());
}

#[test]
fn zip_archives_give_what_tar_archives_give() {
    let dir = tempfile::tempdir().unwrap();
    sh(
        dir.path(),
        "mkdir -p top/sub; echo hello > top/sub/file; printf '#!/bin/sh\n' > top/run; chmod +x top/run; ln -s sub/file top/link
         head -c 300000 /dev/zero > top/zeros; mkdir top/empty
         zip -qry a.zip top; tar -cf a.tar top",
    );
    let fetcher = fetcher(&dir.path().join("cache"), &[]);
    let fetch =
        |name: &str| fetcher.fetch(&input(&format!("file://{}/{name}", dir.path().display()))).unwrap();
    let (zip, tar) = (fetch("a.zip"), fetch("a.tar"));
    assert_eq!(read(&zip, "sub/file").as_deref(), Some("hello\n"));
    assert_eq!(zip.input.text("narHash"), tar.input.text("narHash"));
}

#[test]
fn a_local_file_that_is_no_archive_is_named() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("repo/.git")).unwrap();
    let fetcher = fetcher(&dir.path().join("cache"), &[]);
    let text =
        |name: &str| error(fetcher.fetch(&input(&format!("tarball+file://{}{name}", dir.path().display()))));
    assert!(text("/gone").ends_with("/gone\" does not exist."));
    assert!(text("").ends_with("is a directory, not a file."));
    assert!(text("/repo").ends_with("Please use `git+file` as the scheme."));
}
