//! What a `flake.nix` says of itself: description, inputs, settings. Its outputs are not evaluated here.

use std::collections::BTreeMap;

use firn_eval::io::SourcePath;
use firn_eval::{Ctx, Pos, Type, Value, View};
use firn_fetch::{Attr, Attrs};

use crate::error::FlakeError;
use crate::lock_file::InputPath;
use crate::locking::{InputDecl, Inputs};
use crate::reference::{Context, FlakeRef};

/// A setting of a flake's `nixConfig`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigValue {
    /// A text, number or path.
    Text(String),
    /// A truth value.
    Bool(bool),
    /// Words.
    List(Vec<String>),
}

/// A `flake.nix`.
#[derive(Clone, Debug, Default)]
pub struct Declaration {
    /// What the flake is.
    pub description: Option<String>,
    /// Its inputs, with those that only the arguments of `outputs` name.
    pub inputs: Inputs,
    /// How it wants to be fetched itself: `inputs.self`.
    pub own_attributes: Attrs,
    /// Settings that it wants.
    pub config: BTreeMap<String, ConfigValue>,
}

/// Reads the `flake.nix` at `file` of the flake that is called `shown` in messages; `place` is where it stands in the lock file.
///
/// # Errors
/// It is no literal set, lacks `outputs`, or has attributes that it may not have.
pub fn read(
    ctx: &mut Ctx,
    file: &SourcePath,
    shown: &str,
    place: &InputPath,
) -> Result<Declaration, FlakeError> {
    check_literal(ctx, file)?;
    let folder = file.parent();
    let mut reader = Reader { ctx, shown, place, folder };
    reader.flake(file)
}

/// A flake is data: the file must be a set, not something that computes one.
fn check_literal(ctx: &mut Ctx, file: &SourcePath) -> Result<(), FlakeError> {
    let text = ctx.io.read_file(file).map_err(|e| FlakeError::new(e.message))?;
    let Ok(ast) = firn_syntax::parse(&text, ctx.symbols, &firn_syntax::ParseOptions::default()) else {
        return Ok(()); // evaluating it says better what is wrong
    };
    match ast.root.map(|root| ast.exprs[root.0 as usize]) {
        Some(firn_syntax::ast::Expr::Attrs(_)) => Ok(()),
        _ => Err(FlakeError::new(format!("file '{}' must be an attribute set", ctx.show_path(file)))),
    }
}

struct Reader<'a> {
    ctx: &'a mut Ctx,
    shown: &'a str,
    place: &'a InputPath,
    /// The flake's folder.
    folder: SourcePath,
}

impl Reader<'_> {
    fn force(&mut self, value: Value, pos: Pos) -> Result<Value, FlakeError> {
        self.ctx.force(value, pos).map_err(|_| FlakeError::evaluation(self.ctx))
    }

    /// A type error at `pos`.
    fn wrong(&mut self, message: String, pos: Pos) -> FlakeError {
        let _fail = self.ctx.error(firn_eval::ErrorKind::Type, message, pos);
        FlakeError::evaluation(self.ctx)
    }

    /// The attributes of a set by name, in the order of their names.
    fn attrs(&mut self, value: Value, pos: Pos, what: &str) -> Result<Vec<(String, Value, Pos)>, FlakeError> {
        let value = self.force(value, pos)?;
        let Some(attrs) = value.as_attrs() else {
            let found = self.ctx.show_type(value);
            return Err(self.wrong(format!("expected a set but got {found} for {what}"), pos));
        };
        let flat = self.ctx.flat(attrs);
        let order = self.ctx.lexical_order(flat);
        Ok(order
            .iter()
            .map(|i| {
                let i = *i as usize;
                (
                    String::from_utf8_lossy(self.ctx.name(flat.name(i))).into_owned(),
                    flat.value(i),
                    flat.pos(i),
                )
            })
            .collect())
    }

    fn text(&mut self, value: Value, pos: Pos, what: &str) -> Result<String, FlakeError> {
        let value = self.force(value, pos)?;
        match value.as_str() {
            Some(text) => Ok(text.to_text().into_owned()),
            None => {
                let found = self.ctx.show_type(value);
                Err(self.wrong(format!("expected a string but got {found} for {what}"), pos))
            }
        }
    }

    fn boolean(&mut self, value: Value, pos: Pos, what: &str) -> Result<bool, FlakeError> {
        let value = self.force(value, pos)?;
        match value.as_bool() {
            Some(b) => Ok(b),
            None => {
                let found = self.ctx.show_type(value);
                Err(self.wrong(format!("expected a Boolean but got {found} for {what}"), pos))
            }
        }
    }

    fn flake(&mut self, file: &SourcePath) -> Result<Declaration, FlakeError> {
        let value = self.ctx.eval_file(file).map_err(|_| FlakeError::evaluation(self.ctx))?;
        let mut declaration = Declaration::default();
        let mut outputs = None;
        for (name, value, pos) in self.attrs(value, Pos::NONE, "a flake")? {
            match name.as_str() {
                "description" => declaration.description = Some(self.text(value, pos, "'description'")?),
                "inputs" => {
                    declaration.inputs =
                        self.inputs(value, pos, &self.place.clone(), &mut declaration.own_attributes)?;
                }
                "outputs" => outputs = Some((value, pos)),
                "nixConfig" => declaration.config = self.config(value, pos)?,
                other => {
                    let shown = self.ctx.show_pos(pos);
                    return Err(FlakeError::new(format!(
                        "flake '{}' has an unsupported attribute '{other}', at {shown}",
                        self.shown
                    )));
                }
            }
        }
        let Some((outputs, pos)) = outputs else {
            return Err(FlakeError::new(format!("flake '{}' lacks attribute 'outputs'", self.shown)));
        };
        self.implicit_inputs(outputs, pos, &mut declaration.inputs)?;
        Ok(declaration)
    }

    /// Arguments of `outputs` that no input is declared for are inputs, too, to be looked up by name.
    fn implicit_inputs(&mut self, outputs: Value, pos: Pos, inputs: &mut Inputs) -> Result<(), FlakeError> {
        let outputs = self.force(outputs, pos)?;
        let View::Closure(closure) = outputs.view() else {
            if self.ctx.is_callable(outputs) {
                return Ok(());
            }
            let found = self.ctx.show_type(outputs);
            return Err(self.wrong(format!("expected a function but got {found} for 'outputs'"), pos));
        };
        let Some(formals) = closure.code().formals else { return Ok(()) };
        for formal in formals.formals {
            let name = String::from_utf8_lossy(self.ctx.name(formal.name)).into_owned();
            if name != "self" && !inputs.contains_key(&name) {
                let attrs =
                    Attrs::from([("type".into(), "indirect".into()), ("id".into(), name.as_str().into())]);
                let reference = Some(FlakeRef::from_attrs(attrs)?);
                inputs.insert(
                    name,
                    InputDecl { reference, is_flake: true, follows: None, overrides: BTreeMap::new() },
                );
            }
        }
        Ok(())
    }

    fn inputs(
        &mut self,
        value: Value,
        pos: Pos,
        place: &InputPath,
        own: &mut Attrs,
    ) -> Result<Inputs, FlakeError> {
        let mut inputs = Inputs::new();
        for (name, value, pos) in self.attrs(value, pos, "'inputs'")? {
            if name == "self" {
                for (name, value, pos) in self.attrs(value, pos, "'inputs.self'")? {
                    let attr = self.attr(&name, value, pos)?;
                    own.insert(name, attr);
                }
                continue;
            }
            let decl = self.input(&name, value, pos, place, true)?;
            inputs.insert(name, decl);
        }
        Ok(inputs)
    }

    /// One input. `place` is the flake's place in the lock file, which `follows` are relative to.
    fn input(
        &mut self,
        name: &str,
        value: Value,
        pos: Pos,
        place: &InputPath,
        top: bool,
    ) -> Result<InputDecl, FlakeError> {
        let mut decl =
            InputDecl { reference: None, is_flake: true, follows: None, overrides: BTreeMap::new() };
        let (mut url, mut attrs) = (None, Attrs::new());
        for (key, value, pos) in self.attrs(value, pos, &format!("input '{name}'"))? {
            match key.as_str() {
                "url" => url = Some(self.url(value, pos)?),
                "flake" => decl.is_flake = self.boolean(value, pos, "'flake'")?,
                "follows" => {
                    let text = self.text(value, pos, "'follows'")?;
                    let path = text.split('/').filter(|p| !p.is_empty()).map(str::to_owned);
                    decl.follows = Some(place.iter().cloned().chain(path).collect());
                }
                "inputs" => {
                    for (inner, value, pos) in self.attrs(value, pos, "'inputs'")? {
                        let inner_decl = self.input(&inner, value, pos, place, false)?;
                        decl.overrides.insert(inner, inner_decl);
                    }
                }
                _ => {
                    let attr = self.attr(&key, value, pos)?;
                    attrs.insert(key, attr);
                }
            }
        }
        if attrs.contains_key("type") {
            if let Some(url) = url {
                attrs.insert("url".into(), url.into());
            }
            decl.reference = Some(FlakeRef::from_attrs(attrs)?);
        } else {
            if let Some(unexpected) = attrs.keys().next() {
                return Err(FlakeError::new(format!(
                    "unexpected flake input attribute '{unexpected}', at {}",
                    self.ctx.show_pos(pos)
                )));
            }
            if let Some(url) = url {
                let context = Context { base: None, flake: true, keep_relative: true };
                let parsed = FlakeRef::parse(&url, context).map_err(|e| {
                    e.while_doing(format!("while evaluating flake input '{name}' (URL '{url}')"))
                })?;
                decl.reference = Some(parsed);
            }
        }
        if decl.reference.is_none() && decl.follows.is_none() && top {
            let attrs = Attrs::from([("type".into(), "indirect".into()), ("id".into(), name.into())]);
            decl.reference = Some(FlakeRef::from_attrs(attrs)?);
        }
        Ok(decl)
    }

    /// `url`: a string, or a path literal inside the flake's own tree.
    fn url(&mut self, value: Value, pos: Pos) -> Result<String, FlakeError> {
        let value = self.force(value, pos)?;
        if let Some(path) = value.as_path() {
            let path = self.ctx.source_path(path);
            let dir = self.ctx.settings.store_dir.clone();
            let tree = |path: &SourcePath| dir.to_store_path(&path.path).ok().map(|(tree, _)| tree);
            let own = tree(&self.folder);
            if path.root != self.folder.root || (own.is_some() && tree(&path) != own) || own.is_none() {
                let (shown, at) = (self.ctx.show_path(&path), self.ctx.show_pos(pos));
                let folder = self.ctx.show_path(&self.folder);
                return Err(FlakeError::new(format!(
                    "input attribute path '{shown}' at {at} must be in the same source tree as {folder}"
                )));
            }
            return Ok(format!("path:{}", relative(&self.folder.path, &path.path)));
        }
        match value.as_str() {
            Some(text) => Ok(text.to_text().into_owned()),
            None => {
                let (found, at) = (self.ctx.show_type(value), self.ctx.show_pos(pos));
                Err(FlakeError::new(format!("expected a string or a path but got {found} at {at}")))
            }
        }
    }

    fn attr(&mut self, name: &str, value: Value, pos: Pos) -> Result<Attr, FlakeError> {
        let value = self.force(value, pos)?;
        Ok(match value.ty() {
            Type::String => Attr::Text(self.text(value, pos, name)?),
            Type::Bool => Attr::Bool(value == Value::TRUE),
            Type::Int => match value.as_int().and_then(|n| u64::try_from(n).ok()) {
                Some(n) => Attr::Int(n),
                None => {
                    return Err(FlakeError::new(format!(
                        "negative value given for flake input attribute '{name}'"
                    )));
                }
            },
            _ => {
                let found = self.ctx.show_type(value);
                return Err(self.wrong(
                    format!("flake input attribute '{name}' is {found} while a string, Boolean, or integer is expected"),
                    pos,
                ));
            }
        })
    }

    fn config(&mut self, value: Value, pos: Pos) -> Result<BTreeMap<String, ConfigValue>, FlakeError> {
        let mut config = BTreeMap::new();
        for (name, value, pos) in self.attrs(value, pos, "'nixConfig'")? {
            let value = self.force(value, pos)?;
            let setting = match value.view() {
                View::Str(text) => ConfigValue::Text(text.to_text().into_owned()),
                // A file of the flake, a hook for instance: it must be where others can see it.
                View::Path(_) => {
                    let what = "while copying a path of 'nixConfig' to the store";
                    let copied = self.ctx.coerce(value, firn_eval::Coerce::COPY, pos, what);
                    match copied {
                        Ok(text) => ConfigValue::Text(text.to_text().into_owned()),
                        Err(_) => return Err(FlakeError::evaluation(self.ctx)),
                    }
                }
                View::Int(n) => ConfigValue::Text(n.to_string()),
                View::Bool(b) => ConfigValue::Bool(b),
                View::List(list) => {
                    let mut words = Vec::new();
                    for item in list.iter() {
                        words.push(self.text(
                            item,
                            pos,
                            &format!("an element of the flake configuration setting '{name}'"),
                        )?);
                    }
                    ConfigValue::List(words)
                }
                _ => {
                    let found = self.ctx.show_type(value);
                    return Err(self.wrong(format!("flake configuration setting '{name}' is {found}"), pos));
                }
            };
            config.insert(name, setting);
        }
        Ok(config)
    }
}

/// The way from the folder `from` to `to`, both absolute and canonical: `./x`, `../x`.
fn relative(from: &str, to: &str) -> String {
    let (from, to): (Vec<&str>, Vec<&str>) = (
        from.split('/').filter(|p| !p.is_empty()).collect(),
        to.split('/').filter(|p| !p.is_empty()).collect(),
    );
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let mut way: Vec<&str> = vec![".."; from.len() - common];
    way.extend(&to[common..]);
    if way.is_empty() { ".".to_owned() } else { way.join("/") }
}

#[cfg(test)]
mod tests {
    use super::relative;

    #[test]
    fn ways_between_folders() {
        for (from, to, way) in
            [("/s/a", "/s/a/b/c", "b/c"), ("/s/a/b", "/s/a/c", "../c"), ("/s/a", "/s/a", ".")]
        {
            assert_eq!(relative(from, to), way);
        }
    }
}
