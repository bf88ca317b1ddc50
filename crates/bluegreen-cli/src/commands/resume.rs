//! `bluegreen resume`

use std::path::Path;

use bluegreen_core::journal::Terminal;

use super::runs::{self, Run, Runs};
use super::session::{Session, block_on};
use super::{connect, operate};
use crate::args::ActArgs;
use crate::error::Failure;
use crate::exit::Exit;
use crate::out;
use crate::render::words::wrap;

pub(super) fn run(session: &Session, args: &ActArgs) -> Result<Exit, Failure> {
    let runs = Runs::open(session)?;
    let run = runs.pick(args.run.as_deref())?;
    if let Some(owner) = run.found.store.owner() {
        return Err(runs::busy(owner.run.as_str(), &owner.operator.to_string()));
    }
    match over(&run) {
        Some(exit) => Ok(exit),
        None => drive(session, args, &run),
    }
}

/// Connects to where the run belongs and goes on with it.
pub(super) fn drive(session: &Session, args: &ActArgs, run: &Run) -> Result<Exit, Failure> {
    block_on(async {
        let ports = connect::connect(&args.aws, Some(&run.state.plan.site.region), Path::new(".")).await?;
        operate::resume(session, ports, run).await
    })
}

/// Tells how a run that is over ended. Only a rollback that failed may be tried again.
fn over(run: &Run) -> Option<Exit> {
    let ending = run.state.ending.as_ref().filter(|ending| ending.terminal != Terminal::RollbackFailed)?;
    let id = &run.found.run;
    out::say(wrap(&runs::over(id, ending), 2));
    match ending.terminal {
        Terminal::Held => out::say(format_args!("to restore the baseline: bluegreen abort {id}")),
        Terminal::Promoted => out::say(format_args!("to go back a version: bluegreen undo {id}")),
        _ => out::say(format_args!("to release it again: bluegreen retry {id}")),
    }
    Some(Exit::from(ending))
}
