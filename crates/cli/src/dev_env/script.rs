//! The shell code that sets up a build environment.

use std::fmt::Write;
use std::path::Path;

use super::{BuildEnvironment, Variable};
use crate::error::CliError;

/// Variables of the builder's world that make no sense in a user's shell.
const IGNORED: [&str; 16] = [
    "BASHOPTS",
    "HOME",
    "NIX_BUILD_TOP",
    "NIX_ENFORCE_PURITY",
    "NIX_LOG_FD",
    "NIX_REMOTE",
    "PPID",
    "SHELLOPTS",
    "SSL_CERT_FILE",
    "TEMP",
    "TEMPDIR",
    "TERM",
    "TMP",
    "TMPDIR",
    "TZ",
    "UID",
];

/// Lists of folders to which the environment's own are put in front: the shell stays usable.
const SAVED: [&str; 2] = ["PATH", "XDG_DATA_DIRS"];

/// A text as one word of the shell.
pub(crate) fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// How the code is made.
pub(crate) struct Script<'a> {
    /// The folder below which outputs are made.
    pub outputs: &'a Path,
    /// Texts that are replaced, and by what.
    pub redirects: Vec<(String, String)>,
    /// Where the files of structured attributes are put; a folder that exists.
    pub files: &'a Path,
}

impl Script<'_> {
    /// The code.
    ///
    /// # Errors
    /// An environment without outputs; files that cannot be written.
    pub(crate) fn render(&self, env: &BuildEnvironment) -> Result<String, CliError> {
        let mut out = String::from("unset shellHook\n");
        // Writing to a string cannot fail.
        for name in SAVED {
            let _ = writeln!(out, "{name}=${{{name}:-}}\nnix_saved_{name}=\"${name}\"");
        }
        variables(env, &mut out);
        for name in SAVED {
            let _ = writeln!(out, "{name}=\"${name}${{nix_saved_{name}:+:$nix_saved_{name}}}\"");
        }
        out.push_str("export NIX_BUILD_TOP=\"$(mktemp -d -t nix-shell.XXXXXX)\"\n");
        for name in ["TMP", "TMPDIR", "TEMP", "TEMPDIR"] {
            let _ = writeln!(out, "export {name}=\"$NIX_BUILD_TOP\"");
        }
        out.push_str("eval \"${shellHook:-}\"\n");
        let mut rewrites: Vec<(String, String)> = Vec::new();
        for (name, path) in env.outputs()? {
            rewrites.push((path, self.outputs.join(name).to_string_lossy().into_owned()));
        }
        rewrites.extend(self.redirects.iter().cloned());
        if let Some((sh, json)) = &env.structured {
            for (extension, variable, text) in
                [("sh", "NIX_ATTRS_SH_FILE", sh), ("json", "NIX_ATTRS_JSON_FILE", json)]
            {
                let file = self.files.join(format!(".attrs.{extension}"));
                std::fs::write(&file, text)?;
                if let Some(inside) = env.text(variable) {
                    rewrites.push((inside.to_owned(), file.to_string_lossy().into_owned()));
                }
            }
        }
        for (from, to) in rewrites.iter().filter(|(from, _)| !from.is_empty()) {
            out = out.replace(from, to);
        }
        Ok(out)
    }
}

fn variables(env: &BuildEnvironment, out: &mut String) {
    for (name, variable) in env.variables.iter().filter(|(n, _)| !IGNORED.contains(&n.as_str())) {
        let _ = match variable {
            Variable::Text { value, exported } => {
                let _ = writeln!(out, "{name}={}", quote(value));
                if *exported { writeln!(out, "export {name}") } else { Ok(()) }
            }
            Variable::Array(items) => {
                let items: String = items.iter().map(|i| quote(i) + " ").collect();
                writeln!(out, "declare -a {name}=({items})")
            }
            Variable::Table(table) => {
                let items: String =
                    table.iter().map(|(k, v)| format!("[{}]={} ", quote(k), quote(v))).collect();
                writeln!(out, "declare -A {name}=({items})")
            }
        };
    }
    for (name, body) in &env.functions {
        let _ = writeln!(out, "{name} ()\n{{\n{body}}}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bash_understands_the_code() {
        let env = BuildEnvironment::parse(
            br#"{"bashFunctions":{"f":" \n    echo \"f:$A\"\n"},"variables":{
            "A":{"type":"exported","value":"it's $x"},"L":{"type":"array","value":["1","2 3"]},
            "T":{"type":"associative","value":{"k y":"v"}},"PATH":{"type":"exported","value":"/p"},
            "shellHook":{"type":"var","value":"echo hook $out"},"outputs":{"type":"var","value":"out"},
            "out":{"type":"exported","value":"/nix/store/abc-x"},"HOME":{"type":"exported","value":"/none"}}}"#,
        )
        .unwrap();
        let dir = tempfile::tempdir().expect("folder");
        let script = Script { outputs: Path::new("/o"), redirects: vec![], files: dir.path() };
        let mut code = script.render(&env).unwrap();
        code.push_str("f; echo \"${L[1]}|${T[k y]}|$PATH|$out|$HOME\"\n");
        let run = std::process::Command::new("bash")
            .args(["-c", &code])
            .env("HOME", "/h")
            .env("PATH", "/usr/bin:/bin")
            .output()
            .expect("bash");
        assert_eq!(
            String::from_utf8_lossy(&run.stdout),
            "hook /o/out\nf:it's $x\n2 3|v|/p:/usr/bin:/bin|/o/out|/h\n",
            "{}",
            String::from_utf8_lossy(&run.stderr)
        );
    }
}
