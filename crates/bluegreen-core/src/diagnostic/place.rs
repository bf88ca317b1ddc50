//! Positions in a text: bytes for programs, lines and columns for people.

/// A range of bytes in a text, both ends on character boundaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// One past the last byte; equal to `start` for a point.
    pub end: usize,
}

/// Where something stands in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The bytes it covers; may run over several lines.
    pub span: Span,
}

/// The starts of a text's lines, so that many places can be told without reading the text again.
#[derive(Clone, Debug)]
pub struct LineIndex<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> LineIndex<'a> {
    /// Finds the lines of `text`. A line ends with LF, CR LF or CR.
    pub fn new(text: &'a str) -> LineIndex<'a> {
        let bytes = text.as_bytes();
        let ends = |i: &usize| bytes[*i] == b'\n' || (bytes[*i] == b'\r' && bytes.get(i + 1) != Some(&b'\n'));
        let starts = std::iter::once(0).chain((0..bytes.len()).filter(ends).map(|i| i + 1)).collect();
        LineIndex { text, starts }
    }

    /// The place of a range of bytes. Offsets past the end, or inside a character, are moved back to fit.
    pub fn place(&self, start: usize, end: usize) -> Place {
        let start = self.boundary(start);
        let end = self.boundary(end).max(start);
        let line = self.starts.partition_point(|first| *first <= start).max(1);
        let first = self.starts.get(line - 1).copied().unwrap_or(0);
        let column = self.text.get(first..start).map_or(0, |before| before.chars().count()) + 1;
        Place { line, column, span: Span { start, end } }
    }

    /// The text of a line, from 1, without its line break; empty where there is no such line.
    pub fn line(&self, line: usize) -> &'a str {
        let Some(start) = line.checked_sub(1).and_then(|i| self.starts.get(i)) else { return "" };
        let end = self.starts.get(line).copied().unwrap_or(self.text.len());
        self.text.get(*start..end).unwrap_or_default().trim_end_matches(['\n', '\r'])
    }

    fn boundary(&self, offset: usize) -> usize {
        let offset = offset.min(self.text.len());
        (0..=offset).rev().find(|i| self.text.is_char_boundary(*i)).unwrap_or(0)
    }
}

impl Place {
    /// The place of a range of bytes of `text`; use a [`LineIndex`] for more than a few.
    pub fn of(text: &str, start: usize, end: usize) -> Place {
        LineIndex::new(text).place(start, end)
    }

    /// From the start of `self` to the end of `other`.
    pub fn to(self, other: Place) -> Place {
        Place { span: Span { start: self.span.start, end: self.span.end.max(other.span.end) }, ..self }
    }
}
