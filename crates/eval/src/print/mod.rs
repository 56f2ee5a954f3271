//! Values, names, positions and errors as text.

mod ambiguous;
mod options;
mod printer;
mod render;

pub use crate::text::float::general as float_six;
pub use options::PrintOptions;
pub use render::{RenderOptions, involved};

use crate::Ctx;
use crate::context::ContextElem;
use crate::heap::Value;
use crate::pos::{Origin, Pos};
use firn_path::StoreDir;

/// Words that cannot stand for a name without quotes.
const KEYWORDS: [&str; 9] = ["if", "then", "else", "assert", "with", "let", "in", "rec", "inherit"];

/// A string literal.
pub fn string_literal(s: &[u8], out: &mut String) {
    string_literal_up_to(s, usize::MAX, out);
}

/// A string literal of at most so many bytes of the text; gives how many were left out.
pub(crate) fn string_literal_up_to(s: &[u8], max: usize, out: &mut String) -> usize {
    let text = String::from_utf8_lossy(s);
    out.push('"');
    let mut it = text.char_indices().peekable();
    while let Some((i, c)) = it.next() {
        if i >= max {
            out.push_str("\" ");
            return text.len() - i;
        }
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '$' if it.peek().is_some_and(|(_, c)| *c == '{') => out.push_str("\\$"),
            c => out.push(c),
        }
    }
    out.push('"');
    0
}

/// A name as the reference shows it in messages: quoted unless it is an identifier.
pub fn identifier(name: &[u8], out: &mut String) {
    let text = String::from_utf8_lossy(name);
    if text.is_empty() || KEYWORDS.contains(&&*text) {
        out.push('"');
        out.push_str(&text);
        out.push('"');
    } else if is_word(name) && !matches!(name[0], b'0'..=b'9' | b'-' | b'\'') {
        out.push_str(&text);
    } else {
        string_literal(name, out);
    }
}

fn is_word(name: &[u8]) -> bool {
    name.iter().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'\'' | b'-'))
}

/// A name as the reference shows it in printed sets.
pub fn attribute_name(name: &[u8], out: &mut String) {
    let plain = !name.is_empty()
        && is_word(name)
        && !matches!(name[0], b'0'..=b'9' | b'-' | b'\'')
        && !KEYWORDS.iter().any(|k| k.as_bytes() == name);
    if plain { out.push_str(&String::from_utf8_lossy(name)) } else { string_literal(name, out) }
}

/// Lists that were printed: how often, and how often they are being printed right now.
pub(crate) type SeenLists = rustc_hash::FxHashMap<Value, (u32, u32)>;

/// Whether a list is to be printed. The reference tells lists apart by the place of the value, of which a list that
/// contains itself has two unless it is the value of an attribute: it is printed once within itself.
pub(crate) fn first_time(seen: &mut SeenLists, v: Value, of_attribute: bool) -> bool {
    let (times, open) = seen.entry(v).or_default();
    if *times == 0 || (*times == 1 && *open == 1) {
        *times += if of_attribute { 2 } else { 1 };
        *open += 1;
        return true;
    }
    false
}

/// Says that a list for which [`first_time`] was true is printed.
pub(crate) fn done(seen: &mut SeenLists, v: Value) {
    if let Some((_, open)) = seen.get_mut(&v) {
        *open -= 1;
    }
}

impl ContextElem {
    /// The element as messages show it.
    pub fn show(&self, dir: &StoreDir) -> String {
        match self {
            ContextElem::Opaque(p) => dir.print(p),
            ContextElem::DrvDeep(p) => format!("{} (deep)", dir.print(p)),
            ContextElem::Built { drv, output } => format!("{}^{output}", drv.print(dir)),
        }
    }
}

impl Ctx {
    /// The text of a name for messages: quoted unless it is an identifier.
    pub fn name_text(&self, sym: firn_syntax::Symbol) -> String {
        let mut out = String::new();
        identifier(self.name(sym), &mut out);
        out
    }

    /// The text of a name as it is; what is not UTF-8 in it is replaced.
    pub fn raw_name(&self, sym: firn_syntax::Symbol) -> String {
        String::from_utf8_lossy(self.name(sym)).into_owned()
    }

    /// `file:line:column`
    pub fn show_pos(&self, pos: Pos) -> String {
        let Some(place) = self.positions.place(pos) else { return "«none»:0".into() };
        format!("{}:{}:{}", self.show_origin(&place.source.origin), place.line, place.column)
    }

    /// The source's name for messages.
    pub fn show_origin(&self, origin: &Origin) -> String {
        match origin {
            Origin::File { root, path } => {
                self.show_path(&crate::io::SourcePath { root: *root, path: path.clone() })
            }
            Origin::String => "«string»".into(),
            Origin::Stdin => "«stdin»".into(),
            Origin::Internal(name) => format!("«nix-internal»/{name}"),
        }
    }

    /// A value for a message: nothing is evaluated, long data is cut.
    pub fn show_for_error(&mut self, v: Value) -> String {
        self.print(v, &PrintOptions::ERROR).unwrap_or_default()
    }
}
