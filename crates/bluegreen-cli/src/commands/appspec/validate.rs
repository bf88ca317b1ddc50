//! `bluegreen appspec validate`: any number of documents in one process.

use std::path::Path;

use bluegreen_core::appspec;
use bluegreen_core::diagnostic::{Diagnostic, Report, Severity};
use serde::Serialize;

use super::read;
use crate::args::ValidateArgs;
use crate::commands::session::Session;
use crate::error::Failure;
use crate::exit::Exit;
use crate::out;

pub(super) fn run(session: &Session, args: &ValidateArgs) -> Result<Exit, Failure> {
    let mut sum = Sum::default();
    for file in &args.files {
        let checked = check(file);
        sum.add(&checked);
        if session.json() {
            out::json(&checked.answer())?;
        } else {
            checked.show();
        }
    }
    if session.json() {
        out::json(&sum.answer())?;
    } else {
        out::say(&sum);
    }
    if sum.invalid > 0 { Err(Failure::silent(Exit::Usage)) } else { Ok(Exit::Done) }
}

/// One document after its check.
enum Checked {
    Unreadable { name: String, failure: Failure },
    Read { report: Report, placeholder: bool },
}

fn check(file: &Path) -> Checked {
    let name = file.display().to_string();
    let text = match read(file) {
        Ok(text) => text,
        Err(failure) => return Checked::Unreadable { name, failure },
    };
    match appspec::parse(&name, &text) {
        Ok(document) => {
            let placeholder = document.spec.unresolved().is_some();
            Checked::Read { report: Report::new(name, text, document.warnings), placeholder }
        }
        Err(report) => Checked::Read { report, placeholder: false },
    }
}

impl Checked {
    fn is_valid(&self) -> bool {
        match self {
            Checked::Unreadable { .. } => false,
            Checked::Read { report, .. } => !report.has_errors(),
        }
    }

    fn count(&self, severity: Severity) -> usize {
        match self {
            Checked::Unreadable { .. } => usize::from(severity == Severity::Error),
            Checked::Read { report, .. } => report.diagnostics.iter().filter(|one| one.severity == severity).count(),
        }
    }

    /// Findings are this command's data.
    fn show(&self) {
        match self {
            Checked::Unreadable { failure, .. } => out::data(failure.render().trim_end()),
            Checked::Read { report, .. } if report.diagnostics.is_empty() => {}
            Checked::Read { report, .. } => out::data(report.render()),
        }
    }

    fn answer(&self) -> Answer<'_> {
        match self {
            Checked::Unreadable { name, failure } => Answer {
                v: 1,
                kind: "document",
                file: name,
                valid: false,
                sha256: None,
                placeholder: false,
                error: Some(anstream::adapter::strip_str(failure.render().trim_end()).to_string()),
                findings: Vec::new(),
            },
            Checked::Read { report, placeholder } => Answer {
                v: 1,
                kind: "document",
                file: &report.source_name,
                valid: self.is_valid(),
                sha256: Some(appspec::sha256(&report.text)),
                placeholder: *placeholder,
                error: None,
                findings: report.diagnostics.iter().map(FindingAnswer::from).collect(),
            },
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    v: u32,
    #[serde(rename = "type")]
    kind: &'static str,
    file: &'a str,
    valid: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    /// Whether something is left for a pipeline to fill in.
    placeholder: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    findings: Vec<FindingAnswer<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FindingAnswer<'a> {
    code: &'a str,
    severity: String,
    message: &'a str,
    line: Option<usize>,
    column: Option<usize>,
    help: Option<&'a str>,
}

impl<'a> From<&'a Diagnostic> for FindingAnswer<'a> {
    fn from(found: &'a Diagnostic) -> FindingAnswer<'a> {
        FindingAnswer {
            code: found.code,
            severity: found.severity.to_string(),
            message: &found.message,
            line: found.place.map(|place| place.line),
            column: found.place.map(|place| place.column),
            help: found.help.as_deref(),
        }
    }
}

/// The count over all documents.
#[derive(Default)]
struct Sum {
    documents: usize,
    invalid: usize,
    errors: usize,
    warnings: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SumAnswer {
    v: u32,
    #[serde(rename = "type")]
    kind: &'static str,
    documents: usize,
    valid: usize,
    invalid: usize,
    errors: usize,
    warnings: usize,
}

impl Sum {
    fn add(&mut self, checked: &Checked) {
        self.documents += 1;
        self.invalid += usize::from(!checked.is_valid());
        self.errors += checked.count(Severity::Error);
        self.warnings += checked.count(Severity::Warning);
    }

    fn answer(&self) -> SumAnswer {
        SumAnswer {
            v: 1,
            kind: "summary",
            documents: self.documents,
            valid: self.documents - self.invalid,
            invalid: self.invalid,
            errors: self.errors,
            warnings: self.warnings,
        }
    }
}

impl std::fmt::Display for Sum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let many = |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
        let Sum { documents, invalid, errors, warnings } = *self;
        write!(f, "{}: {} valid, {invalid} invalid", many(documents, "document"), documents - invalid)?;
        if errors + warnings > 0 {
            write!(f, " ({}, {})", many(errors, "error"), many(warnings, "warning"))?;
        }
        Ok(())
    }
}
