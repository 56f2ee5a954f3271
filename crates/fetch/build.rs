//! Lists the files of `base/`, so that they are part of the executable: path, whether executable, contents.

use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Writes a text that changes with any file, so that what is known of the tree can be remembered.
fn fingerprint(files: &[PathBuf]) -> std::io::Result<()> {
    let mut halves = [DefaultHasher::new(), DefaultHasher::new()];
    halves[1].write_u8(1);
    for file in files {
        let (name, contents) = (file.to_string_lossy(), std::fs::read(file)?);
        let mode = file.metadata()?.permissions().mode() & 0o100;
        for half in &mut halves {
            (&*name, &contents, mode).hash(half);
        }
    }
    println!("cargo:rustc-env=FIRN_BASE_FINGERPRINT={:016x}{:016x}", halves[0].finish(), halves[1].finish());
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let base = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("../../base").canonicalize()?;
    let mut out = String::from("&[\n");
    let mut dirs = vec![base.clone()];
    let mut files = Vec::new();
    while let Some(dir) = dirs.pop() {
        println!("cargo:rerun-if-changed={}", dir.display());
        for entry in std::fs::read_dir(&dir)? {
            let path = entry?.path();
            // `build-id` is put there by a developer; the executable knows its own.
            if path.is_dir() {
                dirs.push(path)
            } else if !path.ends_with("base/build-id") {
                files.push(path)
            }
        }
    }
    files.sort();
    for file in &files {
        println!("cargo:rerun-if-changed={}", file.display());
        let relative: &Path = file.strip_prefix(&base)?;
        let executable = file.metadata()?.permissions().mode() & 0o100 != 0;
        writeln!(out, "    ({:?}, {executable}, include_bytes!({:?})),", relative, file)?;
    }
    out.push_str("]\n");
    fingerprint(&files)?;
    std::fs::write(Path::new(&std::env::var("OUT_DIR")?).join("base.rs"), out)?;
    Ok(())
}
