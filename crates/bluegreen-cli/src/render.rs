//! How a run is shown while it happens: one renderer for each form of output, all fed by the same events.

pub(crate) mod deployment;
mod json;
mod plain;
pub(crate) mod report;
mod terminal;
mod track;
pub(crate) mod tree;
pub(crate) mod words;

use std::sync::Arc;

use bluegreen_core::drive::Ended;
use bluegreen_core::event::Reporter;
use bluegreen_core::journal::Record;
use bluegreen_core::model::RunId;
use bluegreen_core::plan::Plan;

use crate::args::Output;
use crate::exit::Exit;
use crate::out;

/// Shows one run.
pub(crate) trait Renderer: Reporter {
    /// Says something that is no event.
    fn note(&self, text: &str);
    /// Shows how it ended. Nothing follows.
    fn end(&self, ended: &Ended, exit: Exit);
    /// Gives the terminal back, whatever happened.
    fn close(&self);
}

/// The renderer for a form of output. Bars need a terminal; without one, lines do.
///
/// `records` happened before this process came, and are not shown again.
pub(crate) fn renderer(output: Output, plan: &Plan, records: &[Record]) -> Arc<dyn Renderer> {
    match output {
        Output::Json => Arc::new(json::Json::new(&plan.run)),
        Output::Human if out::stderr_is_terminal() => Arc::new(terminal::Terminal::new(plan, records)),
        Output::Human | Output::Plain => Arc::new(plain::Plain::new(plan, records, false)),
    }
}

/// The same where the events themselves are what was asked for: on stdout, and without anything that moves.
pub(crate) fn replayer(output: Output, plan: &Plan) -> Arc<dyn Renderer> {
    match output {
        Output::Json => Arc::new(json::Json::new(&plan.run)),
        Output::Human | Output::Plain => Arc::new(plain::Plain::new(plan, &[], true)),
    }
}

/// What follows the last record: why this process leaves, and what to do next.
fn ending_lines(ended: &Ended, run: &RunId) -> Vec<String> {
    use bluegreen_core::journal::Terminal;

    match ended {
        Ended::Reached { milestone } => {
            let left = format!("left at {milestone}, as asked: nothing is watched by this program from here on");
            vec![left, format!("to go on: bluegreen resume {run}")]
        }
        Ended::Left { why } => {
            vec![format!("left: {why}"), format!("to go on: bluegreen resume {run}")]
        }
        Ended::Finished(ending) => {
            let lines: &[(&str, &str)] = match ending.terminal {
                Terminal::Held => &[("to see why", "explain"), ("to restore the baseline", "abort")],
                Terminal::RollbackFailed => &[("to try again to go back", "resume")],
                Terminal::RolledBack | Terminal::Aborted => {
                    &[("to see why", "explain"), ("to release it again", "retry")]
                }
                Terminal::Refused => &[("to try again", "retry")],
                Terminal::Promoted => &[],
            };
            lines.iter().map(|(what, verb)| format!("{what}: bluegreen {verb} {run}")).collect()
        }
    }
}
