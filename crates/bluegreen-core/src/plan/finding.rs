//! What a look at the plan and the world found, with severity and cure.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// The release may run, and somebody may regret it.
    Warn,
    /// The release does not start.
    Refuse,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Info => "info",
            Severity::Warn => "warning",
            Severity::Refuse => "refused",
        })
    }
}

/// One thing found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// A stable code, such as `BG3004`.
    pub code: String,
    /// What was found, where, and what was expected.
    pub what: String,
    /// What to do about it.
    pub cure: String,
}

impl Finding {
    fn new(severity: Severity, code: &str, what: impl Into<String>, cure: impl Into<String>) -> Finding {
        Finding { severity, code: code.to_owned(), what: what.into(), cure: cure.into() }
    }

    pub(crate) fn refuse(code: &str, what: impl Into<String>, cure: impl Into<String>) -> Finding {
        Finding::new(Severity::Refuse, code, what, cure)
    }

    pub(crate) fn warn(code: &str, what: impl Into<String>, cure: impl Into<String>) -> Finding {
        Finding::new(Severity::Warn, code, what, cure)
    }

    pub(crate) fn info(code: &str, what: impl Into<String>, cure: impl Into<String>) -> Finding {
        Finding::new(Severity::Info, code, what, cure)
    }
}

/// Whether any finding keeps the release from starting.
pub fn refuses(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity == Severity::Refuse)
}
