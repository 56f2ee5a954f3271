//! Items that are one command with an expected output: `cases/ID/` holds `cmd` (one line: a program of the family and
//! its arguments, run in a copy of that folder), and `expected` (its output; `…` matches any text). A file `fails` says
//! that the command must fail, and `expected` is then what its error output must contain.

use std::path::{Path, PathBuf};

/// One folder of `cases/`.
pub(crate) struct Case {
    pub(crate) id: String,
    dir: PathBuf,
}

impl Case {
    /// The item that the case is of, or a part of: `X17` for `X17-conflict`.
    pub(crate) fn item(&self) -> &str {
        self.id.split('-').next().unwrap_or(&self.id)
    }
}

/// All cases, sorted.
pub(crate) fn list() -> Vec<Case> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("book/cases");
    let Ok(entries) = std::fs::read_dir(&dir) else { return Vec::new() };
    let mut cases: Vec<Case> = entries
        .map(|e| e.unwrap())
        .filter(|e| e.path().is_dir())
        .map(|e| Case { id: e.file_name().into_string().unwrap(), dir: e.path() })
        .collect();
    cases.sort_by(|a, b| a.id.cmp(&b.id));
    cases
}

/// Runs every case and fails with all differences.
pub(crate) fn run_all() {
    let mut failures = Vec::new();
    let cases = list();
    for case in &cases {
        if let Err(message) = run(case) {
            failures.push(format!("{}: {message}", case.id));
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {} cases fail:\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n")
    );
}

fn run(case: &Case) -> Result<(), String> {
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    firn_tests::copy_tree(&case.dir, dir.path());
    let base =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the repository").join("base");
    std::os::unix::fs::symlink(base, dir.path().join("base")).map_err(|e| e.to_string())?;
    let cmd = std::fs::read_to_string(case.dir.join("cmd")).map_err(|e| format!("cmd: {e}"))?;
    let expected =
        std::fs::read_to_string(case.dir.join("expected")).map_err(|e| format!("expected: {e}"))?;
    let must_fail = case.dir.join("fails").exists();
    let out = firn_tests::shell(dir.path(), cmd.trim());
    let (stdout, stderr) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    if out.status.success() == must_fail {
        return Err(format!("exit status {}\n{stdout}{stderr}", out.status));
    }
    let (got, fits) = if must_fail {
        (&stderr, firn_tests::matches(&format!("…{}…", expected.trim()), stderr.trim()))
    } else {
        (&stdout, firn_tests::matches(expected.trim(), stdout.trim()))
    };
    if fits { Ok(()) } else { Err(format!("expected:\n{expected}\ngot:\n{got}")) }
}
