//! What is wrong with a file: code, place, finding and cure, all findings at once.

pub mod codes;
mod place;
mod render;

use std::fmt;

pub use place::{LineIndex, Place, Span};
pub use render::printable;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file can be used, but does something the user may not expect.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        })
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What kind of finding it is, such as `BG0101`: one of [`codes`].
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What was found and what was expected, in one sentence without a full stop.
    ///
    /// Never holds the value of an environment variable: values may be secrets.
    pub message: String,
    /// Where it was found; `None` where it concerns the whole file.
    pub place: Option<Place>,
    /// What to do about it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error without place and help.
    pub fn error(code: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic { code, severity: Severity::Error, message: message.into(), place: None, help: None }
    }

    /// A warning without place and help.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(code, message) }
    }

    /// The same finding at `place`.
    pub fn at(mut self, place: Place) -> Diagnostic {
        self.place = Some(place);
        self
    }

    /// The same finding with a cure.
    pub fn help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }

    /// Whether it makes the file unusable.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// The finding as plain text of several lines, ending with a line break.
    ///
    /// The first line is `NAME:LINE:COLUMN: SEVERITY[CODE]: MESSAGE`; the source line with carets and the help
    /// follow. Lines are kept within 80 columns where words allow it.
    pub fn render(&self, source_name: &str, text: &str) -> String {
        render::diagnostic(self, source_name, text)
    }
}

/// Every finding about one file. As an error it displays itself as [`Report::render`] does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The file's name as the user wrote it.
    pub source_name: String,
    /// The file's text.
    pub text: String,
    /// The findings in the order of their places; those without a place come last.
    pub diagnostics: Vec<Diagnostic>,
}

impl Report {
    /// A report with its findings put in order and said once.
    pub fn new(source_name: impl Into<String>, text: impl Into<String>, diagnostics: Vec<Diagnostic>) -> Report {
        let mut sorted = diagnostics;
        sort(&mut sorted);
        Report { source_name: source_name.into(), text: text.into(), diagnostics: sorted }
    }

    /// Whether any finding makes the file unusable.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }

    /// All findings as plain text, a blank line between two, and their number at the end.
    pub fn render(&self) -> String {
        render::report(self)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.render().trim_end())
    }
}

impl std::error::Error for Report {}

/// Orders findings by place, and drops those that say the same about the same place.
///
/// An aliased node is checked once for each use, and would be reported as often.
pub fn sort(diagnostics: &mut Vec<Diagnostic>) {
    let key = |diagnostic: &Diagnostic| {
        let span = diagnostic.place.map(|place| place.span);
        (span.is_none(), span.map(|span| (span.start, span.end)), diagnostic.severity)
    };
    diagnostics.sort_by_key(key);
    let mut seen: Vec<Diagnostic> = Vec::new();
    for diagnostic in diagnostics.drain(..) {
        if !seen.iter().rev().take_while(|other| other.place == diagnostic.place).any(|other| *other == diagnostic) {
            seen.push(diagnostic);
        }
    }
    *diagnostics = seen;
}

#[cfg(test)]
mod tests;
