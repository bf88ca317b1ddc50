//! `bluegreen replay`

use bluegreen_core::drive::Ended;
use bluegreen_core::event::Event;
use bluegreen_core::journal::{Body, Record};
use bluegreen_core::view::{JudgedLook, Rejudged, WhatIf, rejudge, words};
use serde::Serialize;

use super::runs::{Run, Runs};
use super::session::Session;
use crate::args::ReplayArgs;
use crate::error::Failure;
use crate::exit::Exit;
use crate::out;
use crate::render;
use crate::render::words::wrap;

/// Every record as the event that it was. Reading checked each record's sum, folding the plan's hash.
pub(super) fn run(session: &Session, args: &ReplayArgs) -> Result<Exit, Failure> {
    let run = Runs::open(session)?.pick(args.run.as_deref())?;
    if !args.what_if.is_empty() {
        return what_if(session, &run, &args.what_if);
    }
    let renderer = render::replayer(session.output, &run.state.plan);
    for record in &run.records {
        renderer.event(&Event::Recorded(Box::new(shown(record))));
    }
    if let Some(ending) = &run.state.ending {
        renderer.end(&Ended::Finished(ending.clone()), Exit::from(ending));
    }
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct Answer<'a> {
    v: u32,
    #[serde(rename = "type")]
    kind: &'static str,
    run: &'a str,
    #[serde(flatten)]
    again: &'a Rejudged,
}

/// Every verdict again under other settings, and what would have come of it.
fn what_if(session: &Session, run: &Run, changes: &[WhatIf]) -> Result<Exit, Failure> {
    let again = rejudge(&run.records, changes)
        .map_err(|error| Failure::caused(Exit::Usage, "the run cannot be judged again", error))?;
    if session.json() {
        out::json(&Answer { v: 1, kind: "whatIf", run: run.found.run.as_str(), again: &again })?;
        return Ok(Exit::Done);
    }
    let mut before: Option<&JudgedLook> = None;
    for look in &again.looks {
        if before.is_none_or(|before| before.words() != look.words()) {
            let since = words::brief(look.at.duration_since(run.state.started_at).unsigned_abs());
            out::data(wrap(&format!("{:>9}  {}", format!("+{since}"), look.sentence()), 11));
        }
        before = Some(look);
    }
    let was = again.was.as_deref().unwrap_or("it did not go back");
    out::data(wrap(&format!("was: {}", words::clean(was)), 5));
    out::data(wrap(&format!("would be: {}", words::clean(&again.would_be)), 10));
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
