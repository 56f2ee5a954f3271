//! Byte offsets to lines and columns, and the lines around a place.
//!
//! Lines end with LF, CR/LF or CR, as in the reference; a column is a byte offset plus one.

use memchr::memchr2;

use crate::ast::Span;

/// Where the lines of a source text begin.
///
/// Making one reads the whole text, so do it when a message needs it.
#[derive(Clone, Debug)]
pub struct Positions<'a> {
    source: &'a [u8],
    /// Start and end (without line end) of each line. Never empty.
    lines: Vec<(u32, u32)>,
}

/// A place in a source text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineColumn {
    /// From 1.
    pub line: u32,
    /// In bytes, from 1.
    pub column: u32,
}

/// The line of a place and its neighbours, without line ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Excerpt<'a> {
    /// The line before, if there is one.
    pub previous: Option<&'a [u8]>,
    /// The line itself.
    pub line: Option<&'a [u8]>,
    /// The line after, if there is one.
    pub next: Option<&'a [u8]>,
}

impl<'a> Positions<'a> {
    /// Finds the lines of a text.
    pub fn new(source: &'a [u8]) -> Self {
        let mut lines = Vec::new();
        let mut start = 0;
        while let Some(length) = memchr2(b'\n', b'\r', &source[start..]) {
            let end = start + length;
            lines.push((start as u32, end as u32));
            start = end + if source[end..].starts_with(b"\r\n") { 2 } else { 1 };
        }
        // What follows the last line end is a line too, even if it is empty.
        lines.push((start as u32, source.len() as u32));
        Self { source, lines }
    }

    /// Line and column of a byte offset.
    pub fn locate(&self, offset: u32) -> LineColumn {
        let index = self.lines.partition_point(|(start, _)| *start <= offset).saturating_sub(1);
        LineColumn { line: index as u32 + 1, column: offset - self.lines[index].0 + 1 }
    }

    /// A line (from 1) with the ones around it.
    pub fn excerpt(&self, line: u32) -> Excerpt<'a> {
        let get = |line: u32| {
            let index = (line as usize).checked_sub(1)?;
            let (start, end) = *self.lines.get(index)?;
            if self.source.is_empty() { None } else { Some(&self.source[start as usize..end as usize]) }
        };
        let previous = if line > 1 { get(line - 1) } else { None };
        Excerpt { previous, line: get(line), next: line.checked_add(1).and_then(get) }
    }

    /// The text of a span with its line ends made LF, as warnings quote it.
    pub fn text(&self, span: Span) -> Vec<u8> {
        let end = (span.end as usize).min(self.source.len());
        let text = self.source.get(span.start as usize..end).unwrap_or_default();
        let mut out = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some(length) = memchr2(b'\n', b'\r', rest) {
            out.extend_from_slice(&rest[..length]);
            out.push(b'\n');
            rest = &rest[length + if rest[length..].starts_with(b"\r\n") { 2 } else { 1 }..];
        }
        out.extend_from_slice(rest);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_in_three_ways() {
        let positions = Positions::new(b"a\nbc\r\nd\re");
        let at = |offset| {
            let LineColumn { line, column } = positions.locate(offset);
            (line, column)
        };
        assert_eq!((at(0), at(1), at(2), at(3)), ((1, 1), (1, 2), (2, 1), (2, 2)));
        assert_eq!((at(5), at(6), at(7), at(8), at(9)), ((2, 4), (3, 1), (3, 2), (4, 1), (4, 2)));
        assert_eq!(
            positions.excerpt(2),
            Excerpt { previous: Some(b"a"), line: Some(b"bc"), next: Some(b"d") }
        );
        assert_eq!(positions.text(Span { start: 2, end: 9 }), b"bc\nd\ne");
    }

    #[test]
    fn the_end_of_the_text_is_a_place() {
        let positions = Positions::new(b"a\n");
        assert_eq!(positions.locate(2), LineColumn { line: 2, column: 1 });
        assert_eq!(positions.excerpt(2), Excerpt { previous: Some(b"a"), line: Some(b""), next: None });
        let empty = Positions::new(b"");
        assert_eq!(empty.locate(0), LineColumn { line: 1, column: 1 });
        assert_eq!(empty.excerpt(1), Excerpt { previous: None, line: None, next: None });
    }
}
