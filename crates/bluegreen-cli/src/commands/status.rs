//! `bluegreen status`

use std::time::Duration;

use bluegreen_core::drive::Ended;
use bluegreen_core::event::Event;
use bluegreen_core::journal::Terminal;
use bluegreen_core::model::Timestamp;
use bluegreen_core::view::RunView;
use serde::Serialize;

use super::adopt::{self, Shown};
use super::replay::shown;
use super::runs::{self, Run, Runs};
use super::session::{Session, block_on};
use crate::args::StatusArgs;
use crate::error::Failure;
use crate::exit::Exit;
use crate::look::Glance;
use crate::{env, out, render};

/// How often a watched journal is read.
const WATCH_EVERY: Duration = Duration::from_millis(500);

pub(super) fn run(session: &Session, args: &StatusArgs) -> Result<Exit, Failure> {
    let runs = Runs::open(session)?;
    if args.all {
        return list(session, &runs);
    }
    if !adopt::asks(args, &runs)? {
        return one(session, args.watch, runs.pick(args.run.as_deref())?);
    }
    match block_on(adopt::look(session, args, &runs))? {
        Shown::Told(exit) => Ok(exit),
        Shown::Run(run) => one(session, args.watch, *run),
    }
}

/// One run, by its journal.
fn one(session: &Session, follow: bool, run: Run) -> Result<Exit, Failure> {
    if follow {
        return block_on(watch(session, run));
    }
    let now = env::now();
    let (view, last_look) = view(&run, now)?;
    if session.json() {
        out::json(&Answer { v: 1, kind: "status", exit: exit(&view).code(), last_look, view: &view })?;
    } else {
        out::data(render::tree::tree(&view, now, last_look).trim_end());
    }
    Ok(exit(&view))
}

/// One line for each run of each service, newest first.
fn list(session: &Session, runs: &Runs) -> Result<Exit, Failure> {
    let mut all = Vec::new();
    for store in runs.stores()? {
        all.extend(store.runs().map_err(runs::unusable)?);
    }
    all.sort_by(|a, b| (b.started_at, &b.run).cmp(&(a.started_at, &a.run)));
    for run in &all {
        let line = Line {
            v: 1,
            kind: "run",
            run: run.run.as_str(),
            started_at: run.started_at,
            outcome: run.ending.as_ref().map(|ending| ending.terminal),
            operator_alive: run.alive,
            trouble: run.trouble.as_deref(),
        };
        if session.json() { out::json(&line)? } else { out::data(line) }
    }
    if all.is_empty() && !session.json() {
        out::say("there are no runs");
    }
    Ok(Exit::Done)
}

/// A run in a list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    v: u32,
    #[serde(rename = "type")]
    kind: &'static str,
    run: &'a str,
    started_at: Option<Timestamp>,
    outcome: Option<Terminal>,
    operator_alive: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<&'a str>,
}

impl std::fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = match (self.outcome, self.trouble, self.operator_alive) {
            (Some(outcome), ..) => outcome.to_string(),
            (None, Some(_), _) => "damaged".to_owned(),
            (None, None, true) => "running".to_owned(),
            (None, None, false) => "stopped".to_owned(),
        };
        write!(f, "{:<50} {state}", self.run)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    v: u32,
    #[serde(rename = "type")]
    kind: &'static str,
    exit: u8,
    /// When an operator last wrote down what it saw. The view has it only while it is fresh: `lookedAt`.
    last_look: Option<Timestamp>,
    #[serde(flatten)]
    view: &'a RunView,
}

/// The run by its journal, with what its operator sees while there is one; and when one last looked.
fn view(run: &Run, now: Timestamp) -> Result<(RunView, Option<Timestamp>), Failure> {
    let strange = |error| Failure::caused(Exit::Unexpected, "the journal cannot be understood", error);
    let mut view = RunView::from_records(&run.records).map_err(strange)?;
    let alive = run.found.store.is_alive(&run.found.run);
    view.set_operator_alive(Some(alive));
    let glance = Glance::read(&run.found.store, &run.found.run).filter(|_| view.outcome().is_none());
    let poll = run.state.plan.timing.poll;
    for glance in glance.iter().filter(|glance| alive && glance.is_fresh(now, poll)) {
        for event in glance.events(run.state.next_seq) {
            view.apply(&event).map_err(strange)?;
        }
    }
    Ok((view, glance.map(|glance| glance.look.at)))
}

/// The outcome's code; 0 while somebody works on the run, 6 where nobody does.
fn exit(view: &RunView) -> Exit {
    match (view.outcome(), view.operator_alive) {
        (Some(ending), _) => Exit::from(ending),
        (None, Some(false)) => Exit::Interrupted,
        (None, _) => Exit::Done,
    }
}

/// Shows what the operator writes down and sees, until the run is over or nobody works on it.
async fn watch(session: &Session, run: Run) -> Result<Exit, Failure> {
    let renderer = render::renderer(session.output, &run.state.plan, &[]);
    let (found, mut records, mut shown_until) = (run.found, run.records, 0);
    let mut last = None;
    loop {
        for record in records.iter().filter(|record| record.seq >= shown_until) {
            renderer.event(&Event::Recorded(Box::new(shown(record))));
        }
        shown_until = records.last().map_or(shown_until, |record| record.seq + 1);
        let run = Run::from_records(found.clone(), records)?;
        if let Some(ending) = &run.state.ending {
            let exit = Exit::from(ending);
            renderer.end(&Ended::Finished(ending.clone()), exit);
            return Ok(exit);
        }
        if found.store.is_alive(&found.run) {
            let poll = run.state.plan.timing.poll;
            // A look from between other records than those shown would jump back in time: the next one will fit.
            let fits = |glance: &Glance| glance.records == shown_until && glance.is_fresh(env::now(), poll);
            let glance = Glance::read(&found.store, &found.run).filter(fits);
            if glance.is_some() && glance != last {
                glance.iter().flat_map(|glance| glance.events(shown_until)).for_each(|event| renderer.event(&event));
                last = glance;
            }
        } else {
            // What it wrote last may be newer than what we read.
            let newest = found.store.read(&found.run).map_err(runs::unusable)?.records;
            if newest.last().map(|record| record.seq + 1) == Some(shown_until) {
                renderer.end(&Ended::Left { why: "no operator works on the run".to_owned() }, Exit::Interrupted);
                return Ok(Exit::Interrupted);
            }
        }
        tokio::time::sleep(WATCH_EVERY).await;
        records = found.store.read(&found.run).map_err(runs::unusable)?.records;
    }
}
