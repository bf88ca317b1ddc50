//! `bluegreen undo`

use std::path::Path;

use bluegreen_core::journal::{Ending, FileStore, Found, Terminal};
use bluegreen_core::model::{RunId, TaskDefinitionArn};
use bluegreen_core::plan::{Inputs, Release};

use super::deploy::{Consent, Start};
use super::respec::{appspec_of, spec_of};
use super::runs::{self, Run, Runs};
use super::session::{Session, block_on};
use super::{connect, planning, spec};
use crate::args::UndoArgs;
use crate::error::Failure;
use crate::exit::Exit;
use crate::out;

pub(super) fn run(session: &Session, args: &UndoArgs) -> Result<Exit, Failure> {
    let consent = Consent { yes: args.yes, dry_run: args.dry_run };
    consent.check_early()?;
    let runs = Runs::open(session)?;
    let (base, target) = if let Some(prefix) = &args.to {
        let run = runs.pick(Some(prefix))?;
        let target = promoted_by(&run)?;
        (run, target)
    } else {
        let run = last_promotion(&runs, args.run.as_deref())?;
        let target = run.state.plan.stable_baseline().task_definition.clone();
        (run, target)
    };
    let mut spec = spec_of(&base.state.plan);
    let inputs = Inputs { release: Release::Existing(target.clone()), appspec: appspec_of(&base.state.plan) };
    spec.alarm_policy.allow_red.clone_from(&args.allow_red);
    spec::check_allowed(&spec, &args.allow_red)?;
    out::say(format_args!("releasing {} again; `bluegreen promote --full` skips its holds", target.short()));
    block_on(async {
        let ports = connect::connect(&args.aws, spec.environment.region.as_deref(), Path::new(".")).await?;
        let site = consent.clear(&runs, &ports, &spec).await?;
        let made = planning::make_again(&ports, &spec, inputs).await;
        Start { session, ports, runs: &runs, site, consent }.run(made).await
    })
}

/// The revision that a run brought to all traffic.
fn promoted_by(run: &Run) -> Result<TaskDefinitionArn, Failure> {
    match (&run.state.task_definition, run.state.committed_at) {
        (Some(arn), Some(_)) => Ok(arn.clone()),
        _ => Err(Failure::new(Exit::Refused, format!("run {} promoted nothing", run.found.run))
            .help("name a run that ended with Promoted")),
    }
}

/// The promotion to undo: the last run that changed anything, of the service that is meant.
fn last_promotion(runs: &Runs, prefix: Option<&str>) -> Result<Run, Failure> {
    let named = runs.pick(prefix)?;
    let last = match last_change(&named.found.store)? {
        Some(run) => runs::load(Found { store: named.found.store.clone(), run })?,
        None => return Err(Failure::new(Exit::Refused, "there is no run to undo: none changed anything")),
    };
    let id = &last.found.run;
    if prefix.is_some() && named.found.run != *id {
        let what = format!("run {} is not the last that changed something: {id} came after it", named.found.run);
        return Err(Failure::new(Exit::Refused, what).help("name the version with --to RUN: what that run promoted"));
    }
    if last.state.committed_at.is_some() {
        return Ok(last);
    }
    Err(match &last.state.ending {
        Some(ending) => {
            let what = format!("there is nothing to undo: the last run, {id}, ended with {}", ending.terminal);
            Failure::new(Exit::Refused, what).help("name the version with --to RUN: what that run promoted")
        }
        None => Failure::new(Exit::Refused, format!("run {id} is not over"))
            .help(format!("bluegreen abort {id} goes back to what was before")),
    })
}

/// A run that was refused changed nothing: what it found is still there.
fn last_change(store: &FileStore) -> Result<Option<RunId>, Failure> {
    let refused = |ending: &Ending| ending.terminal == Terminal::Refused;
    let all = store.runs().map_err(runs::unusable)?;
    Ok(all.into_iter().find(|run| !run.ending.as_ref().is_some_and(refused)).map(|run| run.run))
}
