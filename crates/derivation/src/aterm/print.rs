//! Writing derivations.

use std::collections::BTreeMap;

use firn_hash::base16;
use firn_path::{PathError, StoreDir, StorePath};

use crate::modulo::HashedInput;
use crate::{Derivation, DerivationOutput, InputNode};

/// Which inputs are written: the derivation's own, or their hashes.
pub(crate) enum Inputs<'a> {
    /// The derivation's own.
    Own,
    /// Hashes with the names of outputs, both sorted.
    Hashed(&'a [HashedInput<'a>]),
}

/// Appends the derivation's ATerm to `out`.
///
/// # Errors
/// A fixed output of which no path can be made.
pub fn print(drv: &Derivation, dir: &StoreDir, out: &mut Vec<u8>) -> Result<(), PathError> {
    print_with(drv, dir, &Inputs::Own, false, out)
}

/// As [`print`], with these inputs; `masked` leaves the outputs' paths out, also from the environment.
pub(crate) fn print_with(
    drv: &Derivation,
    dir: &StoreDir,
    inputs: &Inputs<'_>,
    masked: bool,
    out: &mut Vec<u8>,
) -> Result<(), PathError> {
    if matches!(inputs, Inputs::Own) && drv.has_dynamic_inputs() {
        out.extend_from_slice(b"DrvWithVersion(\"xp-dyn-drv\",[");
    } else {
        out.extend_from_slice(b"Derive([");
    }
    print_outputs(drv, dir, masked, out)?;
    out.extend_from_slice(b"],[");
    match inputs {
        Inputs::Own => separated(out, &drv.input_drvs, |out, (path, node)| {
            out.extend_from_slice(b"(\"");
            dir.print_to(path, out);
            out.extend_from_slice(b"\",");
            print_node(node, out);
            out.push(b')');
        }),
        Inputs::Hashed(hashed) => separated(out, *hashed, |out, (hash, outputs)| {
            out.extend_from_slice(b"(\"");
            base16::encode_to(hash.as_bytes(), out);
            out.extend_from_slice(b"\",[");
            separated(out, outputs, |out, output| print_plain(output, out));
            out.extend_from_slice(b"])");
        }),
    }
    out.extend_from_slice(b"],[");
    separated(out, &drv.input_srcs, |out, path: &StorePath| {
        out.push(b'"');
        dir.print_to(path, out);
        out.push(b'"');
    });
    out.extend_from_slice(b"],");
    print_plain(&drv.platform, out);
    out.push(b',');
    print_string(&drv.builder, out);
    out.extend_from_slice(b",[");
    separated(out, &drv.args, |out, arg| print_string(arg, out));
    out.extend_from_slice(b"],[");
    separated(out, &drv.env, |out, (name, value)| {
        out.push(b'(');
        print_string(name, out);
        out.push(b',');
        let hidden = masked && drv.outputs.keys().any(|output| output.as_bytes() == name);
        print_string(if hidden { b"" } else { value }, out);
        out.push(b')');
    });
    out.extend_from_slice(b"])");
    Ok(())
}

/// The fields path, method with algorithm, and hash of an output as derivations and the worker protocol write them.
///
/// # Errors
/// A fixed output of which no path can be made.
pub fn output_fields(
    output: &DerivationOutput,
    dir: &StoreDir,
    drv_name: &str,
    name: &str,
) -> Result<(String, String, String), PathError> {
    let algo_of = |method: &firn_path::ContentMethod, algo: &firn_hash::Algo| {
        let mut text = method.prefix().to_owned();
        text.push_str(algo.name());
        text
    };
    let path = output.path(dir, drv_name, name)?.map(|path| dir.print(&path)).unwrap_or_default();
    Ok(match output {
        DerivationOutput::InputAddressed(_) => (path, String::new(), String::new()),
        DerivationOutput::Deferred => Default::default(),
        DerivationOutput::Fixed(ca) => (path, ca.method_algo(), ca.hash.base16()),
        DerivationOutput::Floating { method, algo } => (path, algo_of(method, algo), String::new()),
        DerivationOutput::Impure { method, algo } => (path, algo_of(method, algo), "impure".to_owned()),
    })
}

fn print_outputs(drv: &Derivation, dir: &StoreDir, masked: bool, out: &mut Vec<u8>) -> Result<(), PathError> {
    for (i, (name, output)) in drv.outputs.iter().enumerate() {
        out.extend_from_slice(if i == 0 { b"(" } else { b",(" });
        print_plain(name, out);
        match output {
            DerivationOutput::InputAddressed(path) if !masked => {
                out.extend_from_slice(b",\"");
                dir.print_to(path, out);
                out.extend_from_slice(b"\",\"\",\"\")");
            }
            DerivationOutput::InputAddressed(_) | DerivationOutput::Deferred => {
                out.extend_from_slice(b",\"\",\"\",\"\")");
            }
            _ => {
                let (path, algo, hash) = output_fields(output, dir, &drv.name, name)?;
                for field in [path, algo, hash] {
                    out.push(b',');
                    print_plain(&field, out);
                }
                out.push(b')');
            }
        }
    }
    Ok(())
}

fn print_node(node: &InputNode, out: &mut Vec<u8>) {
    if !node.dynamic.is_empty() {
        out.push(b'(');
    }
    out.push(b'[');
    separated(out, &node.outputs, |out, output| print_plain(output, out));
    out.push(b']');
    if !node.dynamic.is_empty() {
        out.extend_from_slice(b",[");
        print_dynamic(&node.dynamic, out);
        out.extend_from_slice(b"])");
    }
}

fn print_dynamic(dynamic: &BTreeMap<String, InputNode>, out: &mut Vec<u8>) {
    separated(out, dynamic, |out, (output, child)| {
        out.push(b'(');
        print_plain(output, out);
        out.push(b',');
        print_node(child, out);
        out.push(b')');
    });
}

fn separated<T>(
    out: &mut Vec<u8>,
    items: impl IntoIterator<Item = T>,
    mut item: impl FnMut(&mut Vec<u8>, T),
) {
    for (i, value) in items.into_iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        item(out, value);
    }
}

/// Appends a string that needs no escapes, which is how the reference writes names, paths and the platform.
fn print_plain(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

/// Appends a quoted string with its escapes.
pub fn print_string(text: &[u8], out: &mut Vec<u8>) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let mut rest = text;
    while let Some(at) = rest.iter().position(|&byte| ESCAPED[usize::from(byte)] != 0) {
        out.extend_from_slice(&rest[..at]);
        out.push(b'\\');
        out.push(ESCAPED[usize::from(rest[at])]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// What stands behind the backslash for bytes that are escaped, zero for all others.
const ESCAPED: [u8; 256] = {
    let mut escaped = [0; 256];
    escaped[b'"' as usize] = b'"';
    escaped[b'\\' as usize] = b'\\';
    escaped[b'\n' as usize] = b'n';
    escaped[b'\r' as usize] = b'r';
    escaped[b'\t' as usize] = b't';
    escaped
};
