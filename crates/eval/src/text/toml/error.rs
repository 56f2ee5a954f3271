//! Errors with marks in the text.

/// An error before it is rendered.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    title: String,
    /// Start, end (exclusive) and what to say there.
    marks: Vec<(usize, usize, String)>,
    hint: &'static str,
}

/// The hint about integers.
pub(super) const INTEGER_HINT: &str = "Hint: valid  : -42, 1_000, 1_2_3_4_5, 0xC0FFEE, 0b0010, 0o755\n\
                                       Hint: invalid: _42, 1__000, 0123\n";
/// The hint about floats.
pub(super) const FLOAT_HINT: &str = "Hint: valid  : +1.0, -2e-2, 3.141_592_653_589, inf, nan\n\
                                     Hint: invalid: .0, 1., _1.0, 1.0_, 1_.0, 1.0__0\n";

/// Bytes of context that are shown on each side of a mark.
const CONTEXT: usize = 30;

impl Problem {
    /// An error at one byte.
    pub(super) fn at(title: impl Into<String>, at: usize, message: impl Into<String>) -> Problem {
        Problem { title: title.into(), marks: vec![(at, at + 1, message.into())], hint: "" }
    }

    /// An error between two places.
    pub(super) fn two(
        title: &str,
        (first, first_message): ((usize, usize), &str),
        (second, second_message): ((usize, usize), &str),
    ) -> Problem {
        let mark = |span: (usize, usize), message: &str| (span.0, span.1, message.to_owned());
        Problem {
            title: title.to_owned(),
            marks: vec![mark(first, first_message), mark(second, second_message)],
            hint: "",
        }
    }

    pub(super) fn hint(mut self, hint: &'static str) -> Problem {
        self.hint = hint;
        self
    }

    /// Renders the error with its lines of `source`.
    pub(super) fn render(&self, source: &[u8]) -> String {
        let marks: Vec<Shown> =
            self.marks.iter().map(|(start, end, _)| Shown::new(source, *start, *end)).collect();
        let width = marks.iter().map(|mark| mark.last_line.to_string().len()).max().unwrap_or(0);
        let blank = " ".repeat(width + 1);
        let mut out = format!("[error] {}\n --> fromTOML\n{blank} |\n", self.title);
        if let [(start, _, message)] = self.marks.as_slice() {
            if *start >= source.len() {
                at_end(source, message, &mut out);
                out.push_str(self.hint);
                return out;
            }
        }
        for (index, (mark, (_, _, message))) in marks.iter().zip(&self.marks).enumerate() {
            if index > 0 {
                out.push_str(&format!("{blank} | ...\n{blank} |\n"));
            }
            mark.render(width, message, &mut out);
        }
        out.push_str(self.hint);
        out
    }
}

/// Renders a mark behind the last line: it shows that line twice.
fn at_end(source: &[u8], message: &str, out: &mut String) {
    let last = source.len().saturating_sub(1);
    let (line, offset) = line(source, last, last);
    let number = memchr::memchr_iter(b'\n', source).count();
    let width = (number + 1).to_string().len();
    let blank = " ".repeat(width + 1);
    let mut shown = String::new();
    line.iter().for_each(|byte| show(*byte, &mut shown));
    out.push_str(&format!(" {number:width$} | {shown}\n{blank} | {}-- \n", " ".repeat(offset)));
    out.push_str(&format!(
        " {:width$} | {shown}\n{blank} | {}-- {message}\n",
        number + 1,
        "^".repeat(offset + 1)
    ));
}

/// The lines of a mark.
struct Shown {
    first_line: usize,
    last_line: usize,
    lines: Vec<Vec<u8>>,
    /// The offset of the mark in the first line, and of its last byte in the last one.
    first_offset: usize,
    last_offset: usize,
    length: usize,
}

impl Shown {
    fn new(source: &[u8], start: usize, end: usize) -> Shown {
        let start = start.min(source.len().saturating_sub(1));
        let last = end.saturating_sub(1).clamp(start, source.len().saturating_sub(1));
        let line_of = |at: usize| memchr::memchr_iter(b'\n', &source[..at]).count() + 1;
        let (first_line, last_line) = (line_of(start), line_of(last));
        let (mut lines, first_offset, last_offset);
        if first_line == last_line {
            let (line, offset) = line(source, start, last);
            (lines, first_offset, last_offset) = (vec![line], offset, offset);
        } else {
            let first_end = start + memchr::memchr(b'\n', &source[start..]).unwrap_or(0);
            let last_start = memchr::memrchr(b'\n', &source[..last]).map_or(0, |newline| newline + 1);
            let first = line(source, start, first_end);
            let last = line(source, last_start, last);
            lines = vec![first.0];
            lines.extend(
                source[first_end + 1..last_start]
                    .split_inclusive(|byte| *byte == b'\n')
                    .map(|line| line.strip_suffix(b"\n").unwrap_or(line).to_vec()),
            );
            lines.push(last.0);
            (first_offset, last_offset) = (first.1, last.1);
        }
        Shown { first_line, last_line, lines, first_offset, last_offset, length: end - start.min(end) }
    }

    fn render(&self, width: usize, message: &str, out: &mut String) {
        let mut line = |number: usize, line: &[u8], offset: usize, length: usize, message: &str| {
            out.push_str(&format!(" {number:width$} | "));
            line.iter().for_each(|byte| show(*byte, out));
            out.push_str(&format!(
                "\n{} | {}{}-- {message}\n",
                " ".repeat(width + 1),
                " ".repeat(offset),
                "^".repeat(length)
            ));
        };
        let [first, middle @ .., last] = self.lines.as_slice() else {
            let only = &self.lines[0];
            let room = (only.len() + 1).saturating_sub(self.first_offset + 1).max(1);
            line(self.first_line, only, self.first_offset, room.min(self.length), message);
            return;
        };
        let rest = first.len().saturating_sub(self.first_offset);
        line(self.first_line, first, self.first_offset, rest, if middle.is_empty() { "" } else { "and" });
        match middle {
            [] => {}
            [only] => line(self.first_line + 1, only, 0, only.len(), "and"),
            _ => {
                let number = self.first_line + 1;
                out.push_str(&format!(" {number:width$} |  ...\n{} |\n", " ".repeat(width + 1)));
            }
        }
        let mut line = |number: usize, text: &[u8], length: usize| {
            out.push_str(&format!(" {number:width$} | "));
            text.iter().for_each(|byte| show(*byte, out));
            out.push_str(&format!("\n{} | {}-- {message}\n", " ".repeat(width + 1), "^".repeat(length)));
        };
        line(self.last_line, last, self.last_offset + 1);
    }
}

/// The line around `start..=last`, cut to some context, and the offset of `start` in it.
fn line(source: &[u8], start: usize, last: usize) -> (Vec<u8>, usize) {
    let low = start.saturating_sub(CONTEXT);
    let high = (last + CONTEXT).min(source.len());
    let from = memchr::memrchr(b'\n', &source[low..start]).map(|newline| low + newline + 1);
    let to = memchr::memchr(b'\n', &source[last..high]).map(|newline| last + newline);
    let mut offset = start - from.unwrap_or(low);
    let mut shown = source[from.unwrap_or(low)..to.unwrap_or(high)].to_vec();
    if from.is_none() && low > 0 && source[low - 1] != b'\n' {
        shown.splice(..0, *b"... ");
        offset += 4;
    }
    if to.is_none() && high < source.len() && source[high] != b'\n' {
        shown.extend_from_slice(b" ...");
    }
    (shown, offset)
}

fn show(byte: u8, out: &mut String) {
    match byte {
        b' '..=b'~' => out.push(char::from(byte)),
        _ => out.push_str(&describe(byte)),
    }
}

/// A byte that has no sign of its own.
pub(super) fn describe(byte: u8) -> String {
    let name = match byte {
        0 => "(NUL)",
        b'\n' => "(LINE FEED)",
        b'\r' => "(CARRIAGE RETURN)",
        b'\t' => "(TAB)",
        0x0B => "(VERTICAL TAB)",
        0x0C => "(FORM FEED)",
        0x1B => "(ESCAPE)",
        _ => "",
    };
    format!("0x{byte:02x}{name}")
}
