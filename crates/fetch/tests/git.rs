//! Git: commits, work trees, submodules, exports, copies of repositories elsewhere; and that nothing runs which a repository
//! configures.

#![allow(clippy::unwrap_used)] // a test fails where something is missing

mod common;

use std::path::Path;

use common::{attrs, error, fetcher, input, read, sh};
use firn_fetch::{Fetched, Fetcher};

fn repository(dir: &Path) {
    std::fs::create_dir_all(dir).unwrap();
    sh(
        dir,
        "git init -q -b main; echo one > file; mkdir sub; echo two > sub/other; git add .; git commit -qm one",
    );
}

fn url(dir: &Path) -> String {
    format!("git+file://{}", dir.display())
}

fn fetch(fetcher: &Fetcher, url: &str) -> Fetched {
    fetcher.fetch(&input(url)).unwrap_or_else(|e| panic!("{url}: {e}"))
}

#[test]
fn a_clean_work_tree_is_its_commit_and_a_changed_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let repo = dir.path().join("r");
    repository(&repo);
    let f = fetcher(&dir.path().join("cache"), &[]);
    let rev = sh(&repo, "git rev-parse HEAD");
    let clean = fetch(&f, &url(&repo));
    assert_eq!((clean.input.rev(), clean.input.reference()), (Some(rev.as_str()), Some("refs/heads/main")));
    assert_eq!(clean.complete().unwrap().int("revCount"), Some(1));
    assert_eq!(clean.input.int("lastModified"), Some(1_700_000_000));
    sh(&repo, "echo changed > file; echo new > added; echo no > untracked; git add -N added; rm sub/other");
    let dirty = fetch(&f, &url(&repo));
    assert_eq!(dirty.input.rev(), None);
    assert_eq!(dirty.input.text("dirtyRev"), Some(format!("{rev}-dirty").as_str()));
    assert_eq!(read(&dirty, "file").as_deref(), Some("changed\n"));
    assert_eq!(read(&dirty, "added").as_deref(), Some("new\n"));
    assert_eq!((read(&dirty, "untracked"), read(&dirty, "sub/other")), (None, None));
    // The commit is still there.
    let commit = fetch(&f, &format!("{}?rev={rev}", url(&repo)));
    assert_eq!(read(&commit, "sub/other").as_deref(), Some("two\n"));
    let refused =
        error(fetcher(&dir.path().join("cache"), &[("allow-dirty", "false")]).fetch(&input(&url(&repo))));
    assert!(refused.ends_with("is dirty"), "{refused}");
}

#[test]
fn a_repository_without_work_tree_is_copied_and_the_copy_brought_up_to_date() {
    let dir = tempfile::tempdir().unwrap();
    let (repo, bare) = (dir.path().join("r"), dir.path().join("bare.git"));
    repository(&repo);
    sh(dir.path(), "git clone -q --bare r bare.git");
    let cache = dir.path().join("cache");
    let f = fetcher(&cache, &[]);
    let first = fetch(&f, &url(&bare));
    assert_eq!(first.input.reference(), Some("refs/heads/main"));
    assert_eq!(read(&first, "file").as_deref(), Some("one\n"));
    sh(
        &repo,
        "echo second > file; git commit -qam two; git tag -a v1 -m v1; git checkout -q -b side; echo side > file; git commit -qam three; git push -q ../bare.git --all; git push -q ../bare.git --tags",
    );
    // Young enough: the copy is used as it is.
    assert_eq!(read(&fetch(&f, &url(&bare)), "file").as_deref(), Some("one\n"));
    let fresh = fetcher(&cache, &[("tarball-ttl", "0")]);
    assert_eq!(read(&fetch(&fresh, &url(&bare)), "file").as_deref(), Some("second\n"));
    assert_eq!(read(&fetch(&f, &format!("{}?ref=side", url(&bare))), "file").as_deref(), Some("side\n"));
    let tag = fetch(&f, &format!("{}?ref=refs/tags/v1", url(&bare)));
    assert_eq!(read(&tag, "file").as_deref(), Some("second\n"));
    assert_eq!(tag.complete().unwrap().int("revCount"), Some(2));
    let shallow = fetch(&f, &format!("{}?ref=side&shallow=1", url(&bare)));
    assert_eq!((read(&shallow, "file").as_deref(), shallow.rev_count.is_none()), (Some("side\n"), true));
    let rev = sh(&repo, "git rev-parse side~1");
    let old = fetch(&f, &format!("{}?rev={rev}&allRefs=1", url(&bare)));
    assert_eq!(read(&old, "file").as_deref(), Some("second\n"));
    let gone = error(f.fetch(&input(&format!("{}?rev={}", url(&bare), "e".repeat(40)))));
    assert!(gone.contains(&"e".repeat(40)), "{gone}");
    let gone = error(f.fetch(&input(&format!("{}?ref=gone", url(&bare)))));
    assert!(gone.contains("Failed to fetch git repository"), "{gone}");
    // Without the repository the copy still serves what it has.
    std::fs::remove_dir_all(&bare).unwrap();
    std::fs::create_dir(&bare).unwrap();
    assert_eq!(read(&fetch(&fresh, &format!("{}?ref=side", url(&bare))), "file").as_deref(), Some("side\n"));
}

#[test]
fn submodules_are_there_when_they_are_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let (outer, inner) = (dir.path().join("outer"), dir.path().join("inner"));
    repository(&inner);
    repository(&outer);
    sh(
        &outer,
        "git -c protocol.file.allow=always submodule --quiet add ../inner module; git commit -qm module",
    );
    let f = fetcher(&dir.path().join("cache"), &[]);
    let rev = sh(&outer, "git rev-parse HEAD");
    for base in [url(&outer), format!("{}?rev={rev}", url(&outer))] {
        let without = fetch(&f, &base);
        assert_eq!(read(&without, "module/file"), None, "{base}");
        let and = if base.contains('?') { '&' } else { '?' };
        let with = fetch(&f, &format!("{base}{and}submodules=1"));
        assert_eq!(read(&with, "module/file").as_deref(), Some("one\n"), "{base}");
    }
    sh(&outer, "echo changed > module/file");
    let dirty = fetch(&f, &format!("{}?submodules=1", url(&outer)));
    assert_eq!((dirty.input.rev(), read(&dirty, "module/file").as_deref()), (None, Some("changed\n")));
}

#[test]
fn attributes_keep_files_out_of_exports() {
    let dir = tempfile::tempdir().unwrap();
    let repo = dir.path().join("r");
    repository(&repo);
    sh(
        &repo,
        "echo x > hidden; mkdir tests; echo y > tests/t; printf '/hidden export-ignore\\ntests/ export-ignore\\nfile export-ignore=no\\n' > .gitattributes; git add .; git commit -qm two",
    );
    let f = fetcher(&dir.path().join("cache"), &[]);
    let rev = sh(&repo, "git rev-parse HEAD");
    for suffix in ["?exportIgnore=1".to_owned(), format!("?exportIgnore=1&rev={rev}")] {
        let fetched = fetch(&f, &format!("{}{suffix}", url(&repo)));
        assert_eq!((read(&fetched, "hidden"), read(&fetched, "tests/t")), (None, None), "{suffix}");
        assert_eq!(read(&fetched, "file").as_deref(), Some("one\n"), "{suffix}");
    }
    assert_eq!(read(&fetch(&f, &url(&repo)), "hidden").as_deref(), Some("x\n"));
    let both = error(f.fetch(&attrs(&[
        ("type", "git".into()),
        ("url", repo.to_str().unwrap().into()),
        ("exportIgnore", true.into()),
        ("submodules", true.into()),
    ])));
    assert_eq!(both, "exportIgnore and submodules are not supported together yet");
}

/// A repository whose configuration and hooks would make files wherever git runs one of them.
#[test]
fn nothing_runs_that_a_repository_configures() {
    let dir = tempfile::tempdir().unwrap();
    let (repo, mark) = (dir.path().join("r"), dir.path().join("ran"));
    repository(&repo);
    let trap = dir.path().join("trap");
    std::fs::write(&trap, format!("#!/bin/sh\necho \"$0 $*\" >> {}\ncat\n", mark.display())).unwrap();
    let trap = trap.display();
    sh(
        &repo,
        &format!(
            "chmod +x {trap}; echo '* filter=evil' > .gitattributes; git add .gitattributes; git commit -qm attributes
             for key in clean smudge process; do git config filter.evil.$key {trap}; done
             git config filter.evil.required true
             for key in core.fsmonitor core.sshCommand core.gitProxy core.askPass core.pager diff.external gpg.program gpg.ssh.program credential.helper; do
               git config $key {trap}; done
             git config log.showSignature true
             mkdir -p .git/hooks; for hook in post-checkout post-index-change pre-commit reference-transaction; do cp {trap} .git/hooks/$hook; done
             git config include.path ../more; printf '[filter \"other\"]\\n\\tclean = {trap}\\n' > more
             sleep 1.1; touch file; echo changed > sub/other"
        ),
    );
    let f = fetcher(&dir.path().join("cache"), &[("tarball-ttl", "0")]);
    let dirty = fetch(&f, &url(&repo));
    assert_eq!(read(&dirty, "sub/other").as_deref(), Some("changed\n"));
    assert!(dirty.input.text("dirtyRev").is_some());
    let commit = fetch(&f, &format!("{}?ref=main", url(&repo)));
    assert_eq!(read(&commit, "sub/other").as_deref(), Some("two\n"));
    commit.complete().unwrap();
    fetch(&f, &format!("{}?exportIgnore=1&ref=main", url(&repo)));
    firn_fetch::git::Repository::at(&repo).intend_to_add(Path::new("file")).unwrap();
    assert!(!mark.exists(), "{}", std::fs::read_to_string(&mark).unwrap_or_default());
}

#[test]
fn commands_as_addresses_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let f = fetcher(&dir.path().join("cache"), &[]);
    let mark = dir.path().join("ran");
    for address in
        [format!("ext::touch {}", mark.display()), format!("--upload-pack=touch {}", mark.display())]
    {
        let pairs: firn_fetch::Attrs =
            [("type".to_owned(), "git".into()), ("url".to_owned(), address.as_str().into())].into();
        if let Ok(input) = firn_fetch::Input::from_attrs(pairs) {
            assert!(f.fetch(&input).is_err(), "{address}");
        }
    }
    // A submodule's address is somebody else's, too.
    let repo = dir.path().join("r");
    repository(&repo);
    sh(
        &repo,
        &format!(
            "printf '[submodule \"m\"]\\n\\tpath = m\\n\\turl = ext::sh -c touch%% {}\\n' > .gitmodules
             git add .gitmodules; git update-index --add --cacheinfo 160000,{},m; git commit -qm module",
            mark.display(),
            "a".repeat(40)
        ),
    );
    assert!(f.fetch(&input(&format!("{}?ref=main&submodules=1", url(&repo)))).is_err());
    assert!(!mark.exists());
}

#[test]
fn commits_must_be_signed_where_that_is_wanted() {
    let dir = tempfile::tempdir().unwrap();
    let repo = dir.path().join("r");
    repository(&repo);
    sh(
        dir.path(),
        "ssh-keygen -q -t ed25519 -N '' -f good; ssh-keygen -q -t ed25519 -N '' -f other
         cd r; echo x > signed; git add signed
         git -c gpg.format=ssh -c user.signingkey=../good.pub commit -qS -m signed",
    );
    let key = |name: &str| {
        let text = std::fs::read_to_string(dir.path().join(name)).unwrap();
        text.split(' ').nth(1).unwrap().to_owned()
    };
    let f = fetcher(&dir.path().join("cache"), &[]);
    let wanted = |key: String, rev: String| {
        attrs(&[
            ("type", "git".into()),
            ("url", repo.to_str().unwrap().into()),
            ("rev", rev.into()),
            ("publicKey", key.into()),
        ])
    };
    let (signed, plain) = (sh(&repo, "git rev-parse HEAD"), sh(&repo, "git rev-parse HEAD~"));
    f.fetch(&wanted(key("good.pub"), signed.clone())).unwrap();
    for (key, rev) in [(key("other.pub"), signed), (key("good.pub"), plain)] {
        let text = error(f.fetch(&wanted(key, rev)));
        assert!(text.starts_with("Commit signature verification on commit"), "{text}");
    }
}

#[test]
fn large_files_come_from_where_the_repository_keeps_them() {
    let dir = tempfile::tempdir().unwrap();
    let repo = dir.path().join("r");
    repository(&repo);
    let contents = "a large file\n";
    let oid = firn_hash::Hash::of(firn_hash::Algo::Sha256, contents.as_bytes()).base16();
    sh(
        &repo,
        &format!(
            "printf 'version https://git-lfs.github.com/spec/v1\\noid sha256:{oid}\\nsize {}\\n' > big.bin
             cp big.bin plain; echo '*.bin filter=lfs' > .gitattributes; git add .; git commit -qm lfs
             mkdir -p .git/lfs/objects/{}/{}; printf 'a large file\\n' > .git/lfs/objects/{}/{}/{oid}",
            contents.len(),
            &oid[..2],
            &oid[2..4],
            &oid[..2],
            &oid[2..4]
        ),
    );
    let f = fetcher(&dir.path().join("cache"), &[]);
    let with = fetch(&f, &format!("{}?ref=main&lfs=1", url(&repo)));
    assert_eq!(read(&with, "big.bin").as_deref(), Some(contents));
    assert!(read(&with, "plain").unwrap().starts_with("version"));
    let without = fetch(&f, &format!("{}?ref=main", url(&repo)));
    assert!(read(&without, "big.bin").unwrap().starts_with("version"));
}
