//! Reading derivations.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use firn_hash::Hash;
use firn_path::{ContentAddress, ContentMethod, StoreDir, StorePath, StorePathSet};

use crate::{Bytes, Derivation, DerivationError, DerivationOutput, Env, InputNode};

/// How deep the outputs of dynamic inputs may nest.
const MAX_NESTING: usize = 64;

type Result<T> = std::result::Result<T, DerivationError>;

/// Parses the content of a `.drv` file; `name` is the derivation's name without `.drv`.
///
/// # Errors
/// Text of another form, wrong paths or hashes, a fixed output whose path does not follow from its hash.
pub fn parse(dir: &StoreDir, text: &[u8], name: &str) -> Result<Derivation> {
    let mut parser = Parser { dir, rest: text };
    let dynamic = parser.start()?;
    let outputs = parser.outputs(name)?;
    parser.expect(b",")?;
    let input_drvs = parser.input_drvs(dynamic)?;
    parser.expect(b",")?;
    let input_srcs = parser.store_paths()?;
    parser.expect(b",")?;
    let platform = parser.text("a platform")?.into_owned();
    parser.expect(b",")?;
    let builder = parser.string()?.into_owned();
    parser.expect(b",")?;
    let args = parser.args()?;
    parser.expect(b",")?;
    let env = parser.env()?;
    parser.expect(b")")?;
    if !parser.rest.is_empty() {
        return Err(DerivationError::TrailingText);
    }
    Ok(Derivation { name: name.to_owned(), outputs, input_drvs, input_srcs, platform, builder, args, env })
}

/// Interprets the three fields of an output as derivations and the worker protocol write them.
///
/// # Errors
/// Fields that fit no kind of output.
pub fn parse_output(
    dir: &StoreDir,
    drv_name: &str,
    output: &str,
    path: &str,
    method_algo: &str,
    hash: &str,
) -> Result<DerivationOutput> {
    if method_algo.is_empty() {
        if path.is_empty() {
            return Ok(DerivationOutput::Deferred);
        }
        return Ok(DerivationOutput::InputAddressed(dir.parse_canonical(path)?));
    }
    let (method, algo) = ContentMethod::split_prefix(method_algo);
    let algo = algo.parse()?;
    if hash.is_empty() || hash == "impure" {
        return match (hash.is_empty(), path.is_empty()) {
            (true, true) => Ok(DerivationOutput::Floating { method, algo }),
            (true, false) => Err(DerivationError::FloatingWithPath),
            (false, true) => Ok(DerivationOutput::Impure { method, algo }),
            (false, false) => Err(DerivationError::ImpureWithPath),
        };
    }
    let stated = dir.parse_canonical(path)?;
    let ca = ContentAddress { method, hash: Hash::parse_unprefixed(hash, algo)? };
    let fixed = DerivationOutput::Fixed(ca);
    if fixed.path(dir, drv_name, output)?.as_ref() != Some(&stated) {
        return Err(DerivationError::FixedPathMismatch { output: output.to_owned(), path: path.to_owned() });
    }
    Ok(fixed)
}

struct Parser<'a> {
    dir: &'a StoreDir,
    rest: &'a [u8],
}

impl<'a> Parser<'a> {
    fn expect(&mut self, token: &'static [u8]) -> Result<()> {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                Ok(())
            }
            None => Err(DerivationError::Expected(String::from_utf8_lossy(token).into_owned())),
        }
    }

    /// Reads the start and tells whether inputs may nest.
    fn start(&mut self) -> Result<bool> {
        if self.rest.starts_with(b"De") {
            self.expect(b"Derive(")?;
            return Ok(false);
        }
        if !self.rest.starts_with(b"Dr") {
            return Err(DerivationError::NoDerivation);
        }
        self.expect(b"DrvWithVersion(")?;
        let version = self.string()?;
        if &*version != b"xp-dyn-drv" {
            return Err(DerivationError::UnknownVersion(String::from_utf8_lossy(&version).into_owned()));
        }
        self.expect(b",")?;
        Ok(true)
    }

    /// Reads a list, calling `item` for each element.
    fn list(&mut self, mut item: impl FnMut(&mut Self) -> Result<()>) -> Result<()> {
        self.expect(b"[")?;
        if self.rest.first() == Some(&b']') {
            return self.expect(b"]");
        }
        loop {
            item(self)?;
            if self.rest.first() != Some(&b',') {
                return self.expect(b"]");
            }
            self.expect(b",")?;
        }
    }

    fn string(&mut self) -> Result<Cow<'a, [u8]>> {
        self.expect(b"\"")?;
        let text = self.rest;
        let Some(end) = text.iter().position(|&byte| byte == b'"' || byte == b'\\') else {
            return Err(DerivationError::Unterminated);
        };
        if text[end] == b'"' {
            self.rest = &text[end + 1..];
            return Ok(Cow::Borrowed(&text[..end]));
        }
        let mut out = text[..end].to_vec();
        let mut at = end;
        loop {
            match text.get(at) {
                None => return Err(DerivationError::Unterminated),
                Some(b'"') => break,
                Some(b'\\') => {
                    let escaped = *text.get(at + 1).ok_or(DerivationError::Unterminated)?;
                    out.push(match escaped {
                        b'n' => b'\n',
                        b'r' => b'\r',
                        b't' => b'\t',
                        other => other,
                    });
                    at += 2;
                }
                Some(_) => {
                    let run = text[at..].iter().position(|&byte| byte == b'"' || byte == b'\\');
                    let run = run.ok_or(DerivationError::Unterminated)?;
                    out.extend_from_slice(&text[at..at + run]);
                    at += run;
                }
            }
        }
        self.rest = &text[at + 1..];
        Ok(Cow::Owned(out))
    }

    fn text(&mut self, what: &'static str) -> Result<Cow<'a, str>> {
        let wrong = |bytes: &[u8]| DerivationError::NotUtf8 {
            what,
            text: String::from_utf8_lossy(bytes).into_owned(),
        };
        match self.string()? {
            Cow::Borrowed(bytes) => std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| wrong(bytes)),
            Cow::Owned(bytes) => {
                String::from_utf8(bytes).map(Cow::Owned).map_err(|error| wrong(error.as_bytes()))
            }
        }
    }

    fn store_path(&mut self) -> Result<StorePath> {
        let text = self.text("a store path")?;
        Ok(self.dir.parse_canonical(&text)?)
    }

    fn store_paths(&mut self) -> Result<StorePathSet> {
        let mut paths = StorePathSet::new();
        self.list(|this| {
            paths.insert(this.store_path()?);
            Ok(())
        })?;
        Ok(paths)
    }

    fn outputs(&mut self, drv_name: &str) -> Result<BTreeMap<String, DerivationOutput>> {
        let mut outputs = BTreeMap::new();
        self.list(|this| {
            this.expect(b"(")?;
            let name = this.text("an output name")?;
            this.expect(b",")?;
            let path = this.text("an output path")?;
            this.expect(b",")?;
            let algo = this.text("a hash algorithm")?;
            this.expect(b",")?;
            let hash = this.text("a hash")?;
            this.expect(b")")?;
            let output = parse_output(this.dir, drv_name, &name, &path, &algo, &hash)?;
            outputs.entry(name.into_owned()).or_insert(output);
            Ok(())
        })?;
        Ok(outputs)
    }

    fn input_drvs(&mut self, dynamic: bool) -> Result<BTreeMap<StorePath, InputNode>> {
        let mut inputs = BTreeMap::new();
        self.list(|this| {
            this.expect(b"(")?;
            let drv = this.store_path()?;
            this.expect(b",")?;
            let node = this.input_node(dynamic, 0)?;
            this.expect(b")")?;
            if node.outputs.is_empty() && node.dynamic.is_empty() {
                return Err(DerivationError::InputWithoutOutputs(this.dir.print(&drv)));
            }
            inputs.insert(drv, node);
            Ok(())
        })?;
        Ok(inputs)
    }

    fn input_node(&mut self, dynamic: bool, depth: usize) -> Result<InputNode> {
        if depth > MAX_NESTING {
            return Err(DerivationError::NestedTooDeeply);
        }
        let mut node = InputNode::default();
        if !dynamic || self.rest.first() == Some(&b'[') {
            node.outputs = self.names()?;
            return Ok(node);
        }
        if self.rest.first() != Some(&b'(') {
            return Err(DerivationError::InvalidInput);
        }
        self.expect(b"(")?;
        node.outputs = self.names()?;
        self.expect(b",")?;
        self.list(|this| {
            this.expect(b"(")?;
            let output = this.text("an output name")?.into_owned();
            this.expect(b",")?;
            node.dynamic.insert(output, this.input_node(true, depth + 1)?);
            this.expect(b")")
        })?;
        self.expect(b")")?;
        Ok(node)
    }

    fn names(&mut self) -> Result<BTreeSet<String>> {
        let mut names = BTreeSet::new();
        self.list(|this| {
            names.insert(this.text("an output name")?.into_owned());
            Ok(())
        })?;
        Ok(names)
    }

    fn args(&mut self) -> Result<Vec<Bytes>> {
        let mut args = Vec::new();
        self.list(|this| {
            args.push(this.string()?.into_owned());
            Ok(())
        })?;
        Ok(args)
    }

    fn env(&mut self) -> Result<Env> {
        let mut env = Env::new();
        self.list(|this| {
            this.expect(b"(")?;
            let name = this.string()?.into_owned();
            this.expect(b",")?;
            let value = this.string()?.into_owned();
            env.insert(name, value);
            this.expect(b")")
        })?;
        Ok(env)
    }
}
