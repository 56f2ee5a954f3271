//! Writes the XML of `toXML`: two blanks a level, one element a line.

/// The declaration at the start of the document.
pub const DECLARATION: &[u8] = b"<?xml version='1.0' encoding='utf-8'?>\n";

/// Writes a document with its open elements.
#[derive(Debug, Default)]
pub struct Writer {
    out: Vec<u8>,
    open: Vec<&'static str>,
}

impl Writer {
    /// Starts a document.
    pub fn new() -> Writer {
        Writer { out: DECLARATION.to_vec(), open: Vec::new() }
    }

    /// Opens an element; `attributes` must be sorted by name.
    pub fn open(&mut self, name: &'static str, attributes: &[(&str, &[u8])]) {
        self.start(name, attributes);
        self.out.extend_from_slice(b">\n");
        self.open.push(name);
    }

    /// Writes an element without content.
    pub fn empty(&mut self, name: &str, attributes: &[(&str, &[u8])]) {
        self.start(name, attributes);
        self.out.extend_from_slice(b" />\n");
    }

    /// Closes the innermost open element.
    pub fn close(&mut self) {
        if let Some(name) = self.open.pop() {
            self.indent();
            self.out.extend_from_slice(b"</");
            self.out.extend_from_slice(name.as_bytes());
            self.out.extend_from_slice(b">\n");
        }
    }

    /// Closes what is open and gives the document.
    pub fn finish(mut self) -> Vec<u8> {
        while !self.open.is_empty() {
            self.close();
        }
        self.out
    }

    fn indent(&mut self) {
        self.out.resize(self.out.len() + 2 * self.open.len(), b' ');
    }

    fn start(&mut self, name: &str, attributes: &[(&str, &[u8])]) {
        self.indent();
        self.out.push(b'<');
        self.out.extend_from_slice(name.as_bytes());
        for (name, value) in attributes {
            self.out.push(b' ');
            self.out.extend_from_slice(name.as_bytes());
            self.out.extend_from_slice(b"=\"");
            escape(value, &mut self.out);
            self.out.push(b'"');
        }
    }
}

/// Appends `value` escaped for an attribute in double quotes; newlines are escaped because readers would turn them to blanks.
pub fn escape(value: &[u8], out: &mut Vec<u8>) {
    let mut rest = value;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'"' | b'<' | b'>' | b'&' | b'\n')) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(match rest[at] {
            b'"' => b"&quot;",
            b'<' => b"&lt;",
            b'>' => b"&gt;",
            b'&' => b"&amp;",
            _ => b"&#xA;",
        });
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_elements() {
        let mut writer = Writer::new();
        writer.open("expr", &[]);
        writer.open("attrs", &[]);
        writer.open("attr", &[("column", b"1"), ("name", b"a<b")]);
        writer.empty("string", &[("value", b"\"x\" & 'y'\n>")]);
        let text = String::from_utf8(writer.finish()).unwrap();
        assert_eq!(
            text,
            "<?xml version='1.0' encoding='utf-8'?>\n<expr>\n  <attrs>\n    <attr column=\"1\" name=\"a&lt;b\">\n      \
             <string value=\"&quot;x&quot; &amp; 'y'&#xA;&gt;\" />\n    </attr>\n  </attrs>\n</expr>\n"
        );
    }
}
