//! Control data (deb822): paragraphs of `Field: value` lines, as in `Packages`, `Sources`, `Release` and `control` files.
//!
//! Source of the format: Debian policy, chapter 5. Values stay slices of the text; a value that runs over several lines keeps its line
//! breaks and the blank that begins each further line.

use crate::DebError;

/// The most fields that a paragraph may have.
const MAX_FIELDS: usize = 512;

/// One paragraph: fields in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Paragraph<'a> {
    fields: Vec<(&'a str, &'a str)>,
}

impl<'a> Paragraph<'a> {
    /// The value of a field, or nothing; names are compared without case, as policy says.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }

    /// All fields in the order of the text.
    pub fn fields(&self) -> &[(&'a str, &'a str)] {
        &self.fields
    }
}

/// Reads paragraphs one by one.
#[derive(Debug)]
pub struct Paragraphs<'a> {
    text: &'a str,
    line: usize,
    what: &'a str,
    failed: bool,
}

impl<'a> Paragraphs<'a> {
    /// Begins to read `text`; `what` names it in errors.
    pub fn new(text: &'a str, what: &'a str) -> Self {
        Paragraphs { text, line: 0, what, failed: false }
    }

    fn next_line(&mut self) -> Option<&'a str> {
        if self.text.is_empty() {
            return None;
        }
        self.line += 1;
        let end = memchr::memchr(b'\n', self.text.as_bytes()).unwrap_or(self.text.len());
        let line = &self.text[..end];
        self.text = self.text.get(end + 1..).unwrap_or("");
        Some(line)
    }

    fn fail(&mut self, reason: &str) -> DebError {
        self.failed = true;
        DebError::Syntax { what: self.what.to_owned(), line: self.line, reason: reason.to_owned() }
    }

    fn paragraph(&mut self) -> Result<Option<Paragraph<'a>>, DebError> {
        let mut fields: Vec<(&'a str, &'a str)> = Vec::with_capacity(24);
        let mut start = self.text;
        while let Some(line) = self.next_line() {
            if line.trim_end().is_empty() {
                if fields.is_empty() {
                    start = self.text;
                    continue;
                }
                break;
            }
            if line.starts_with('#') {
                continue;
            }
            if line.starts_with([' ', '\t']) {
                let Some(last) = fields.last_mut() else {
                    return Err(self.fail("a continuation line without a field"));
                };
                // The value is a slice of the text from its first line to the end of this one.
                let from = last.1.as_ptr() as usize - start.as_ptr() as usize;
                let to = line.as_ptr() as usize + line.len() - start.as_ptr() as usize;
                last.1 = start.get(from..to).unwrap_or(last.1);
                continue;
            }
            let Some((name, value)) = line.split_once(':') else {
                return Err(self.fail("a line without a colon"));
            };
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(self.fail("an invalid field name"));
            }
            if fields.len() == MAX_FIELDS {
                return Err(self.fail("too many fields"));
            }
            // `trim` of an empty value still points into the line, so that continuation lines can extend it.
            let value = value.strip_prefix([' ', '\t']).unwrap_or(value);
            fields.push((name, value.trim_end()));
        }
        Ok(if fields.is_empty() { None } else { Some(Paragraph { fields }) })
    }
}

impl<'a> Iterator for Paragraphs<'a> {
    type Item = Result<Paragraph<'a>, DebError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed { None } else { self.paragraph().transpose() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_with_long_values() {
        let text = "\nPackage: a\nFiles:\n x 1\n y 2\nEmpty:\n\n\nPackage: b\n# comment\nDescription: short\n long\n .\n more\n";
        let all: Vec<_> = Paragraphs::new(text, "test").collect::<Result<_, _>>().unwrap();
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].get("package"), Some("a"));
        assert_eq!(all[0].get("Files"), Some("\n x 1\n y 2"));
        assert_eq!(all[0].get("Empty"), Some(""));
        assert_eq!(all[1].get("Description"), Some("short\n long\n .\n more"));
        assert_eq!(all[1].get("Depends"), None);
    }

    #[test]
    fn malformed_lines_are_refused_with_their_number() {
        for (text, line) in [("A: b\nnonsense\n", 2), (" lost\n", 1), (": x\n", 1), ("a b: x\n", 1)] {
            let error = Paragraphs::new(text, "index").find_map(Result::err).unwrap().to_string();
            assert!(error.starts_with(&format!("index, line {line}: ")), "{error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "[A-C: \n\t#é]{0,80}") {
            let _ = Paragraphs::new(&text, "noise").count();
        }
    }
}
