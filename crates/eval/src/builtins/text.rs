//! Builtins made of text algorithms: patterns, replacement, versions, hashes.

use std::rc::Rc;

use firn_hash::{Algo, Format, Hash};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::{PrimOp, prim};
use crate::Ctx;
use crate::error::{ErrorKind, Fail, Res};
use crate::heap::{Str, Value};
use crate::msg;
use crate::pos::Pos;
use crate::text::regex::{Regex, RegexError, Scratch, Span};
use crate::text::{strings, version};

const P: Pos = Pos::NONE;

pub(super) const TABLE: &[PrimOp] = &[
    prim("match", 2, match_)
        .args(&["regex", "str"])
        .eager(0b11)
        .doc("The groups of an extended regular expression that matches the whole string, else null."),
    prim("split", 2, split)
        .args(&["regex", "str"])
        .eager(0b11)
        .doc("The parts of a string between the matches of an extended regular expression, with the groups of each match in between."),
    prim("replaceStrings", 3, replace_strings)
        .args(&["from", "to", "s"])
        .eager(0b111)
        .doc("`s` with every string of `from` replaced by the one at its place in `to`."),
    prim("compareVersions", 2, compare_versions)
        .args(&["s1", "s2"])
        .eager(0b11)
        .doc("-1, 0 or 1: whether version `s1` is older than, the same as or newer than `s2`."),
    prim("splitVersion", 1, split_version).args(&["s"]).eager(1).doc("The components of a version."),
    prim("parseDrvName", 1, parse_drv_name)
        .args(&["s"])
        .eager(1)
        .doc("A package's name without its version, and the version, as a set `{ name, version }`."),
    prim("hashString", 2, hash_string)
        .args(&["type", "s"])
        .eager(0b11)
        .doc("The hash of a string, base 16."),
    prim("convertHash", 1, convert_hash)
        .args(&["args"])
        .eager(1)
        .doc("The hash `hash` (of algorithm `hashAlgo`, if it does not say so) in the format `toHashFormat`."),
];

/// The compiled patterns of an evaluation, and buffers.
#[derive(Default)]
struct Patterns {
    compiled: FxHashMap<&'static [u8], Rc<Regex>>,
    scratch: Scratch,
}

/// The pattern, and the buffers: they go back with [`give_back`].
fn pattern(ctx: &mut Ctx, text: Str) -> Res<(Rc<Regex>, Scratch)> {
    let patterns = ctx.extension::<Patterns>();
    let scratch = std::mem::take(&mut patterns.scratch);
    if let Some(known) = patterns.compiled.get(text.as_bytes()) {
        return Ok((known.clone(), scratch));
    }
    match Regex::new(text.as_bytes()) {
        Ok(regex) => {
            let regex = Rc::new(regex);
            patterns.compiled.insert(text.as_bytes(), regex.clone());
            Ok((regex, scratch))
        }
        Err(RegexError::TooLarge) => Err(too_large(ctx, text)),
        Err(_) => {
            let m = msg!("invalid regular expression '{}'", text.to_text());
            Err(ctx.error(ErrorKind::Eval, m, P))
        }
    }
}

/// A pattern, or a search for it, takes too much.
fn too_large(ctx: &mut Ctx, pattern: Str) -> Fail {
    let m = msg!("memory limit exceeded by regular expression '{}'", pattern.to_text());
    ctx.error(ErrorKind::Eval, m, P)
}

fn give_back(ctx: &mut Ctx, scratch: Scratch) {
    ctx.extension::<Patterns>().scratch = scratch;
}

/// The groups of a match as a list of strings and nulls.
fn groups(ctx: &mut Ctx, text: &[u8], spans: &[Option<Span>]) -> Value {
    let list = ctx.heap.new_list(spans.len());
    for (i, span) in spans.iter().enumerate() {
        if let Some((start, end)) = span {
            list.set(i, ctx.heap.string(&text[*start..*end]));
        }
    }
    list.value()
}

fn match_(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let what = "while evaluating the first argument passed to builtins.match";
    let source = ctx.force_str_no_ctx(args[0], P, what)?;
    let (regex, mut scratch) = pattern(ctx, source)?;
    let what = "while evaluating the second argument passed to builtins.match";
    let text = ctx.force_str(args[1], P, what)?.as_bytes();
    let found = regex.full_match(text, &mut scratch).map(|spans| groups(ctx, text, spans));
    let result = match found {
        Some(groups) => groups,
        None if scratch.exhausted() => return Err(too_large(ctx, source)),
        None => Value::NULL,
    };
    give_back(ctx, scratch);
    Ok(result)
}

fn split(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let what = "while evaluating the first argument passed to builtins.split";
    let source = ctx.force_str_no_ctx(args[0], P, what)?;
    let (regex, mut scratch) = pattern(ctx, source)?;
    let what = "while evaluating the second argument passed to builtins.split";
    let whole = ctx.force_str(args[1], P, what)?;
    let text = whole.as_bytes();
    let mut parts: SmallVec<[Value; 16]> = SmallVec::new();
    let mut end = 0;
    let mut matches = regex.matches(text, &mut scratch);
    while let Some((span, spans)) = matches.next() {
        parts.push(ctx.heap.string(&text[end..span.0]));
        parts.push(groups(ctx, text, spans));
        end = span.1;
    }
    if scratch.exhausted() {
        return Err(too_large(ctx, source));
    }
    give_back(ctx, scratch);
    if parts.is_empty() {
        return Ok(ctx.list(&[whole.value()]));
    }
    parts.push(ctx.heap.string(&text[end..]));
    Ok(ctx.list(&parts))
}

fn replace_strings(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let what = "while evaluating the first argument passed to builtins.replaceStrings";
    let from = ctx.force_list(args[0], P, what)?;
    let what = "while evaluating the second argument passed to builtins.replaceStrings";
    let to = ctx.force_list(args[1], P, what)?;
    if from.len() != to.len() {
        let m = "'from' and 'to' arguments passed to builtins.replaceStrings have different lengths";
        return Err(ctx.error(ErrorKind::Eval, m, P));
    }
    let mut searches: SmallVec<[&[u8]; 8]> = SmallVec::with_capacity(from.len());
    for search in from.iter() {
        let what = "while evaluating one of the strings to replace passed to builtins.replaceStrings";
        searches.push(ctx.force_str(search, P, what)?.as_bytes());
    }
    let what = "while evaluating the third argument passed to builtins.replaceStrings";
    let s = ctx.force_str(args[2], P, what)?;
    let mut context = s.context();
    let mut replacements: SmallVec<[Option<&[u8]>; 8]> = SmallVec::from_elem(None, from.len());
    let mut out = Vec::new();
    let mut replaced = false;
    strings::Replacer::new(&searches).replace(s.as_bytes(), &mut out, |index, out| {
        replaced = true;
        let replacement = match replacements[index] {
            Some(known) => known,
            None => {
                let what =
                    "while evaluating one of the replacement strings passed to builtins.replaceStrings";
                let replacement = ctx.force_str(to.get(index), P, what)?;
                context = ctx.contexts.union(context, replacement.context());
                *replacements[index].insert(replacement.as_bytes())
            }
        };
        out.extend_from_slice(replacement);
        Ok(())
    })?;
    if !replaced {
        return Ok(s.value());
    }
    Ok(ctx.str_ctx(&out, context))
}

fn compare_versions(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let what = "while evaluating the first argument passed to builtins.compareVersions";
    let a = ctx.force_str_no_ctx(args[0], P, what)?;
    let what = "while evaluating the second argument passed to builtins.compareVersions";
    let b = ctx.force_str_no_ctx(args[1], P, what)?;
    Ok(ctx.int(version::compare(a.as_bytes(), b.as_bytes()) as i64))
}

fn split_version(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let what = "while evaluating the first argument passed to builtins.splitVersion";
    let s = ctx.force_str_no_ctx(args[0], P, what)?;
    let parts: SmallVec<[Value; 8]> =
        version::components(s.as_bytes()).map(|part| ctx.heap.string(part)).collect();
    Ok(ctx.list(&parts))
}

fn parse_drv_name(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let what = "while evaluating the first argument passed to builtins.parseDrvName";
    let s = ctx.force_str_no_ctx(args[0], P, what)?;
    let (name, version) = version::parse_drv_name(s.as_bytes());
    let (name, version) = (ctx.str(name), ctx.str(version));
    Ok(ctx.attrs(&[("name", name), ("version", version)]))
}

/// The hash algorithm of that name.
pub(super) fn hash_algorithm(ctx: &mut Ctx, name: Str) -> Res<Algo> {
    let name = name.to_text();
    if name == "blake3" {
        super::derivation::need_feature(ctx, "blake3-hashes", "")?;
    }
    name.parse().map_err(|_| {
        let m =
            msg!("unknown hash algorithm '{}', expect 'blake3', 'md5', 'sha1', 'sha256', or 'sha512'", name);
        ctx.error(ErrorKind::Usage, m, P)
    })
}

fn hash_string(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let what = "while evaluating the first argument passed to builtins.hashString";
    let algo = ctx.force_str_no_ctx(args[0], P, what)?;
    let algo = hash_algorithm(ctx, algo)?;
    let what = "while evaluating the second argument passed to builtins.hashString";
    let s = ctx.force_str(args[1], P, what)?;
    Ok(ctx.str(Hash::of(algo, s.as_bytes()).base16()))
}

fn convert_hash(ctx: &mut Ctx, args: &[Value], _: Pos) -> Res {
    let what = "while evaluating the first argument passed to builtins.convertHash";
    let set = ctx.force_attrs(args[0], P, what)?;
    let (hash, _) = ctx.required_attr(set, ctx.sym("hash"), "while locating the attribute 'hash'")?;
    let hash = ctx.force_str_no_ctx(hash, P, "while evaluating the attribute 'hash'")?.to_text();
    let algo = match set.get(ctx.sym("hashAlgo")) {
        Some(algo) => {
            let algo = ctx.force_str_no_ctx(algo, P, "while evaluating the attribute 'hashAlgo'")?;
            Some(hash_algorithm(ctx, algo)?)
        }
        None => None,
    };
    let what = "while locating the attribute 'toHashFormat'";
    let (format, _) = ctx.required_attr(set, ctx.sym("toHashFormat"), what)?;
    let format = ctx.force_str_no_ctx(format, P, "while evaluating the attribute 'toHashFormat'")?.to_text();
    if Format::is_deprecated_alias(&format) {
        let m = "\"base32\" is a deprecated alias for hash format \"nix32\".";
        ctx.log_warning(false, m.to_owned(), P, Vec::new());
    }
    let Ok(format) = format.parse::<Format>() else {
        let m = msg!("unknown hash format '{}', expect 'base16', 'base32', 'base64', or 'sri'", format);
        return Err(ctx.error(ErrorKind::Usage, m, P));
    };
    match Hash::parse_any(&hash, algo) {
        Ok(hash) => Ok(ctx.str(hash.render(format, format == Format::Sri))),
        Err(e) => Err(ctx.error(ErrorKind::Eval, e.to_string(), P)),
    }
}
