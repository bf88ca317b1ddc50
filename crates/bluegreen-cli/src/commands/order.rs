//! `bluegreen promote`, `pause` and `abort`: orders that reach a run through its journal.

use bluegreen_core::journal::{Operator, Terminal, Verb};
use serde::Serialize;

use super::resume;
use super::runs::{self, Run, Runs};
use super::session::Session;
use crate::args::{ActArgs, OrderArgs, PromoteArgs};
use crate::error::Failure;
use crate::exit::Exit;
use crate::out;

pub(super) fn promote(session: &Session, args: &PromoteArgs) -> Result<Exit, Failure> {
    let verb = if args.full { Verb::PromoteFull } else { Verb::Promote };
    order(session, args.run.as_deref(), verb)
}

pub(super) fn pause(session: &Session, args: &OrderArgs) -> Result<Exit, Failure> {
    order(session, args.run.as_deref(), Verb::Pause)
}

fn order(session: &Session, run: Option<&str>, verb: Verb) -> Result<Exit, Failure> {
    let run = Runs::open(session)?.pick(run)?;
    if let Some(ending) = &run.state.ending {
        let failure = Failure::new(Exit::Refused, runs::over(&run.found.run, ending));
        return Err(match ending.terminal {
            Terminal::Held => failure.help(format!("bluegreen abort {} restores the baseline", run.found.run)),
            Terminal::RollbackFailed => failure.help(format!("bluegreen resume {} tries again", run.found.run)),
            _ => failure,
        });
    }
    let given = give(&run, verb)?;
    given.show(session)
}

pub(super) fn abort(session: &Session, args: &ActArgs) -> Result<Exit, Failure> {
    let run = Runs::open(session)?.pick(args.run.as_deref())?;
    if let Some(ending) = &run.state.ending {
        let open = matches!(ending.terminal, Terminal::Held | Terminal::RollbackFailed);
        if !open {
            let failure = Failure::new(Exit::Refused, runs::over(&run.found.run, ending));
            return Err(match ending.terminal {
                Terminal::Promoted => failure.help("bluegreen undo releases the version before it"),
                _ => failure,
            });
        }
    }
    let given = give(&run, Verb::Abort)?;
    if given.operator.is_some() {
        return given.show(session);
    }
    out::say(format_args!("no operator works on {}: going back from here", run.found.run));
    match resume::drive(session, args, &run) {
        // Somebody took the run up in between, and has the order.
        Err(failure) if failure.exit() == Exit::Busy => {
            Given { operator: current_operator(&run), ..given }.show(session)
        }
        result => result,
    }
}

/// An order that was given.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Given {
    v: u32,
    #[serde(rename = "type")]
    kind: &'static str,
    run: String,
    verb: Verb,
    id: String,
    /// Who will take it; nobody yet where no operator is alive.
    operator: Option<String>,
}

fn give(run: &Run, verb: Verb) -> Result<Given, Failure> {
    // The process that gives an order is gone at once: its number would tell nobody anything.
    let Operator { user, host, .. } = runs::operator();
    let by = format!("{user}@{host}");
    let id = run.found.store.give(&run.found.run, verb, &by, crate::env::now()).map_err(runs::unusable)?;
    Ok(Given { v: 1, kind: "order", run: run.found.run.to_string(), verb, id, operator: current_operator(run) })
}

fn current_operator(run: &Run) -> Option<String> {
    let owner = run.found.store.owner().filter(|owner| owner.run == run.found.run)?;
    Some(owner.operator.to_string())
}

impl Given {
    fn show(&self, session: &Session) -> Result<Exit, Failure> {
        if session.json() {
            out::json(self)?;
            return Ok(Exit::Done);
        }
        let what = match self.verb {
            Verb::Promote => "promote",
            Verb::PromoteFull => "promote --full",
            Verb::Pause => "pause",
            Verb::Abort => "abort",
        };
        let run = &self.run;
        if let Some(operator) = &self.operator {
            out::say(format_args!("{what}: told {operator}"));
            out::say(format_args!("to watch: bluegreen status {run} --watch"));
        } else {
            out::say(format_args!("{what}: written down; no operator works on the run now"));
            out::say(format_args!("to go on: bluegreen resume {run}"));
        }
        Ok(Exit::Done)
    }
}
