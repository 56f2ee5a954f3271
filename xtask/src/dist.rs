//! The release: a tarball, the installer that names its hash, and a page that lists the versions.
//!
//! `DIR/VERSION/install`, `DIR/VERSION/firn-VERSION-x86_64-linux.tar.xz`, `DIR/install` (the newest), `DIR/index.html`. The
//! tarball is the same for the same executable: order, times and owners are fixed.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use firn_hash::{Algo, Hash};

/// The version that is released.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What was made.
#[derive(Debug)]
pub struct Release {
    /// The archive.
    pub tarball: PathBuf,
    /// The script that fetches and installs it.
    pub installer: PathBuf,
}

fn failed(what: &str, path: &Path) -> impl FnOnce(std::io::Error) -> String {
    let shown = path.display().to_string();
    move |e| format!("{what} '{shown}': {e}")
}

/// Runs the executable on `args`; gives what it printed.
fn output(exe: &Path, args: &[&str]) -> Result<Vec<u8>, String> {
    let out = Command::new(exe).args(args).output().map_err(failed("running", exe))?;
    if !out.status.success() {
        return Err(format!("{args:?}: {}", String::from_utf8_lossy(&out.stderr)));
    }
    Ok(out.stdout)
}

/// Makes a release of an executable below `dir`.
///
/// # Errors
/// The executable does not run, or those of the file system.
pub fn release(exe: &Path, dir: &Path) -> Result<Release, String> {
    let name = format!("firn-{VERSION}-x86_64-linux");
    let folder = dir.join(VERSION);
    let tree = folder.join(&name);
    let _ = std::fs::remove_dir_all(&tree);
    fill(exe, &tree)?;
    let tarball = folder.join(format!("{name}.tar.xz"));
    pack(&tree, &name, &tarball)?;
    std::fs::remove_dir_all(&tree).map_err(failed("deleting", &tree))?;
    let bytes = std::fs::read(&tarball).map_err(failed("reading", &tarball))?;
    let script = include_str!("../../installer/install.sh")
        .replace("@version@", VERSION)
        .replace("@hash@", &Hash::of(Algo::Sha256, &bytes).base16());
    let installer = folder.join("install");
    write(&installer, script.as_bytes(), 0o755)?;
    write(&dir.join("install"), script.as_bytes(), 0o755)?;
    write(&dir.join("index.html"), index(dir)?.as_bytes(), 0o644)?;
    Ok(Release { tarball, installer })
}

/// What the tarball holds.
fn fill(exe: &Path, tree: &Path) -> Result<(), String> {
    let bin = tree.join("bin");
    for folder in [
        "bin",
        "share/bash-completion/completions",
        "share/zsh/site-functions",
        "share/fish/vendor_completions.d",
    ] {
        let folder = tree.join(folder);
        std::fs::create_dir_all(&folder).map_err(failed("creating", &folder))?;
    }
    let to = bin.join("firn");
    std::fs::copy(exe, &to).map_err(failed("copying", exe))?;
    mode(&to, 0o755)?;
    output(&to, &["applets", &bin.to_string_lossy()])?;
    // links by name: the tree moves
    for entry in std::fs::read_dir(&bin).map_err(failed("reading", &bin))?.flatten() {
        let path = entry.path();
        if path.is_symlink() {
            std::fs::remove_file(&path).map_err(failed("deleting", &path))?;
            std::os::unix::fs::symlink("firn", &path).map_err(failed("linking", &path))?;
        }
    }
    output(&to, &["man", &tree.join("share/man").to_string_lossy()])?;
    for (shell, file) in [
        ("bash", "share/bash-completion/completions/nix"),
        ("zsh", "share/zsh/site-functions/_nix"),
        ("fish", "share/fish/vendor_completions.d/nix.fish"),
    ] {
        write(&tree.join(file), &output(&to, &["completions", shell])?, 0o644)?;
    }
    write(&tree.join("setup"), include_bytes!("../../installer/setup.sh"), 0o755)?;
    write(&tree.join("uninstall"), include_bytes!("../../installer/uninstall.sh"), 0o755)?;
    write(&tree.join("LICENSE"), include_bytes!("../../LICENSE"), 0o644)
}

fn mode(path: &Path, bits: u32) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(bits)).map_err(failed("changing", path))
}

fn write(path: &Path, bytes: &[u8], bits: u32) -> Result<(), String> {
    std::fs::write(path, bytes).map_err(failed("writing", path))?;
    mode(path, bits)
}

/// All entries below a folder, each folder before what is in it.
fn entries(folder: &Path, out: &mut Vec<PathBuf>) -> Result<(), String> {
    let mut all: Vec<PathBuf> = std::fs::read_dir(folder)
        .map_err(failed("reading", folder))?
        .map(|e| e.map(|e| e.path()))
        .collect::<Result<_, _>>()
        .map_err(failed("reading", folder))?;
    all.sort();
    for path in all {
        out.push(path.clone());
        if path.is_dir() && !path.is_symlink() {
            entries(&path, out)?;
        }
    }
    Ok(())
}

fn pack(tree: &Path, name: &str, tarball: &Path) -> Result<(), String> {
    let file = std::fs::File::create(tarball).map_err(failed("creating", tarball))?;
    let mut archive = tar::Builder::new(liblzma::write::XzEncoder::new(file, 6));
    archive.follow_symlinks(false);
    archive.mode(tar::HeaderMode::Deterministic);
    let mut all = vec![tree.to_owned()];
    entries(tree, &mut all)?;
    for path in all {
        let below = path.strip_prefix(tree).map_err(|e| e.to_string())?;
        let inside = Path::new(name).join(below);
        archive.append_path_with_name(&path, &inside).map_err(failed("packing", &path))?;
    }
    let encoder = archive.into_inner().map_err(failed("packing", tarball))?;
    encoder.finish().and_then(|mut f| f.flush()).map_err(failed("writing", tarball))
}

/// A page with all versions that are there.
fn index(dir: &Path) -> Result<String, String> {
    let mut versions: Vec<String> = std::fs::read_dir(dir)
        .map_err(failed("reading", dir))?
        .flatten()
        .filter(|e| e.path().join("install").is_file())
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .collect();
    versions.sort_by_key(|v| {
        let numbers: Vec<u64> = v.split('.').map(|n| n.parse().unwrap_or(0)).collect();
        std::cmp::Reverse(numbers)
    });
    let rows: String = versions
        .iter()
        .map(|v| {
            format!(
                "<li>{v}: <a href=\"{v}/install\">installer</a>, <a href=\"{v}/firn-{v}-x86_64-linux.tar.xz\">tarball</a></li>\n"
            )
        })
        .collect();
    Ok(format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Firn: versions</title>\n<h1>Firn</h1>\n<ul>\n{rows}</ul>\n</html>\n"
    ))
}
