//! `bluegreen replay`

use bluegreen_core::drive::Ended;
use bluegreen_core::event::Event;
use bluegreen_core::journal::{Body, Record};

use super::runs::Runs;
use super::session::Session;
use crate::args::ReadRunArgs;
use crate::error::Failure;
use crate::exit::Exit;
use crate::render;

/// Every record as the event that it was. Reading checked each record's sum, folding the plan's hash.
pub(super) fn run(session: &Session, args: &ReadRunArgs) -> Result<Exit, Failure> {
    let run = Runs::open(session)?.pick(args.run.as_deref())?;
    let renderer = render::replayer(session.output, &run.state.plan);
    for record in &run.records {
        renderer.event(&Event::Recorded(Box::new(shown(record))));
    }
    if let Some(ending) = &run.state.ending {
        renderer.end(&Ended::Finished(ending.clone()), Exit::from(ending));
    }
    Ok(Exit::Done)
}

/// The record as the run itself showed it: with the values of variables and secrets hidden.
pub(super) fn shown(record: &Record) -> Record {
    match &record.body {
        Body::Started { plan, hash, operator } => {
            let plan = Box::new(plan.redacted());
            Record { body: Body::Started { plan, hash: hash.clone(), operator: operator.clone() }, ..record.clone() }
        }
        _ => record.clone(),
    }
}
