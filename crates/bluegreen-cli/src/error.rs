//! What went wrong, for the user: the one place that prints an error with its causes.

use std::error::Error;

use anstyle::{AnsiColor, Style};
use bluegreen_core::diagnostic::Report;

use crate::exit::Exit;
use crate::render::words::wrap;

/// Why a command ended without its result.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    what: What,
    help: Option<String>,
}

#[derive(Debug)]
enum What {
    /// A sentence of our own, with the error behind it.
    Said(String, Option<Box<dyn Error + Send + Sync>>),
    /// Findings about a file, which render themselves.
    Report(Box<Report>),
    /// Everything has been said already.
    Silent,
}

impl Failure {
    /// A failure that needs no other error to be understood.
    pub(crate) fn new(exit: Exit, what: impl Into<String>) -> Failure {
        Failure { exit, what: What::Said(what.into(), None), help: None }
    }

    /// A failure with the error that caused it.
    pub(crate) fn caused(
        exit: Exit,
        what: impl Into<String>,
        cause: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Failure {
        Failure { exit, what: What::Said(what.into(), Some(cause.into())), help: None }
    }

    /// Wrong arguments or an invalid file.
    pub(crate) fn usage(what: impl Into<String>) -> Failure {
        Failure::new(Exit::Usage, what)
    }

    /// The command has told the user all there is to tell.
    pub(crate) fn silent(exit: Exit) -> Failure {
        Failure { exit, what: What::Silent, help: None }
    }

    /// The same with a cure.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Failure {
        self.help = Some(help.into());
        self
    }

    /// The code to leave with.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// The whole message: what, each cause once, the cure. Styles are part of the text; the writer strips them.
    pub(crate) fn render(&self) -> String {
        let bold_red = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
        let mut text = String::new();
        match &self.what {
            What::Silent => {}
            What::Report(report) => text.push_str(&report.render()),
            What::Said(what, cause) => {
                text.push_str(&folded(&format!("{bold_red}error:{bold_red:#} {what}"), 2));
                let mut said = what.clone();
                let mut next: Option<&(dyn Error + 'static)> = match cause {
                    Some(cause) => Some(cause.as_ref()),
                    None => None,
                };
                while let Some(error) = next {
                    let words = error.to_string();
                    // A transparent wrapper repeats its source: once is enough.
                    if words != said {
                        text.push_str(&folded(&format!("  caused by: {words}"), 4));
                    }
                    said = words;
                    next = error.source();
                }
            }
        }
        if let Some(help) = &self.help {
            let cyan = Style::new().fg_color(Some(AnsiColor::Cyan.into()));
            text.push_str(&folded(&format!("  {cyan}help:{cyan:#} {help}"), 8));
        }
        text
    }
}

/// A text of several lines at 80 columns, each but the first indented. Paths and ARNs stay whole.
fn folded(text: &str, indent: usize) -> String {
    let margin = " ".repeat(indent);
    let line = |(index, line): (usize, &str)| {
        let line = if index == 0 { line.to_owned() } else { format!("{margin}{line}") };
        wrap(&line, indent) + "\n"
    };
    text.lines().enumerate().map(line).collect()
}

impl From<Report> for Failure {
    fn from(report: Report) -> Failure {
        Failure { exit: Exit::Usage, what: What::Report(Box::new(report)), help: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn the_chain_is_printed_once_and_the_cure_last() {
        let cause = Outer(std::io::Error::other("inner"));
        let failure = Failure::caused(Exit::Unexpected, "it broke", cause).help("mend it");
        let plain = anstream::adapter::strip_str(&failure.render()).to_string();
        assert_eq!(plain, "error: it broke\n  caused by: outer\n  caused by: inner\n  help: mend it\n");
    }

    #[test]
    fn messages_fit_eighty_columns() {
        let failure = Failure::usage("word ".repeat(40)).help(format!("{}\nsecond", "cure ".repeat(30)));
        let plain = anstream::adapter::strip_str(&failure.render()).to_string();
        assert!(plain.lines().all(|line| line.chars().count() <= 80), "{plain}");
        assert!(plain.contains("\n        second\n"), "{plain}");
    }

    #[test]
    fn a_cause_that_repeats_its_error_is_left_out() {
        let failure = Failure::caused(Exit::Unexpected, "same", std::io::Error::other("same"));
        let plain = anstream::adapter::strip_str(&failure.render()).to_string();
        assert_eq!(plain, "error: same\n");
    }
}
