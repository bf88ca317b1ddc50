//! The guards of runs whose weights AWS moves. They share no code with the phases.

use jiff::Timestamp;

use super::super::{Seen, elapsed, later};
use super::{Veto, canary_can_serve, gate_open, never, not_now};
use crate::journal::{Certainty, Goal, Mutation, RunState};
use crate::model::{DeploymentId, DeploymentWait, Step};
use crate::observe::{DeploymentStatus, ManagedDeployments};
use crate::plan::Managed;

/// Whether this gives up something that was held so far: traffic of the old version, or its tasks.
pub(super) fn needs_last_look(mutation: &Mutation) -> bool {
    matches!(mutation, Mutation::StartDeployment | Mutation::Continue { .. })
}

/// Whether CodeDeploy has ended without success and nothing of it is left to take back: then nobody writes the routes.
pub(super) fn has_left_its_weights(state: &RunState) -> bool {
    let without_success = |id| {
        let end = state.managed.ended.get(id);
        end.is_some_and(|end| end.status != DeploymentStatus::Succeeded)
    };
    let ours = state.managed.deployment.as_ref().is_some_and(without_success);
    let rollback = state.managed.rollback.as_ref().is_none_or(without_success);
    matches!(state.plan.managed(), Some(Managed::CodeDeploy(_))) && ours && rollback
}

/// Checks a mutation of a managed run, or of any run where it is one that only managed runs may send.
pub(super) fn check(state: &RunState, seen: &Seen, now: Timestamp, mutation: &Mutation) -> Result<(), Veto> {
    match (mutation, state.plan.managed()) {
        (Mutation::CreateConfig, Some(Managed::CodeDeploy(engine))) if engine.create_config => forward(state),
        (Mutation::StartDeployment, Some(_)) => may_start(state, seen, now),
        (Mutation::Continue { deployment, wait }, Some(_)) => {
            is_ours(state, deployment)?;
            waits_there(state, seen, now, wait)?;
            match gives_traffic(wait) {
                Some(true) => may_shift(state, seen, now, wait),
                Some(false) => may_end_the_old(state, seen, now),
                None => never("somebody else's pause is not ended by this run"),
            }
        }
        (Mutation::StopDeployment { deployment }, Some(_)) => may_stop(state, deployment),
        (Mutation::RestoreSettings, Some(Managed::Ecs(_))) => {
            let ended = state.managed.deployment.as_ref().is_some_and(|id| state.managed.ended.contains_key(id));
            if ended { Ok(()) } else { never("the settings come back only after the deployment's end") }
        }
        _ => never("the plan's engine does no such thing"),
    }
}

/// Whether going on from there gives the canary traffic; `None` for a wait that is not ours to end.
fn gives_traffic(wait: &DeploymentWait) -> Option<bool> {
    match wait {
        DeploymentWait::Ready => Some(true),
        DeploymentWait::Termination => Some(false),
        DeploymentWait::Pause { stage, .. } => match stage.as_str() {
            "PRE_PRODUCTION_TRAFFIC_SHIFT" => Some(true),
            "POST_PRODUCTION_TRAFFIC_SHIFT" => Some(false),
            _ => None,
        },
    }
}

/// S6: nothing forward once the run has turned back.
fn forward(state: &RunState) -> Result<(), Veto> {
    match state.goal == Goal::Promote && state.ending.is_none() && state.aborted_by.is_none() {
        true => Ok(()),
        false => never("no forward write after the run turned back"),
    }
}

fn not_told_to_stop(state: &RunState, seen: &Seen) -> Result<(), Veto> {
    match state.paused_by.is_some() || seen.interrupted {
        true => not_now("the run was told to stop"),
        false => Ok(()),
    }
}

fn fresh<'a>(state: &RunState, seen: &'a Seen, now: Timestamp) -> Result<&'a ManagedDeployments, Veto> {
    let reading = seen.deployments.as_ref().ok_or_else(|| unread("were not looked at"))?;
    let found = reading.ok().ok_or_else(|| unread("cannot be read"))?;
    match elapsed(reading.seen_at, now) > state.plan.timing.freshness {
        true => Err(unread("were read too long ago")),
        false => Ok(found),
    }
}

fn unread(what: &str) -> Veto {
    Veto::NotNow(format!("the service's deployments {what}"))
}

fn is_ours(state: &RunState, deployment: &DeploymentId) -> Result<(), Veto> {
    match state.managed.deployment.as_ref() == Some(deployment) {
        true => Ok(()),
        false => never("the deployment is not the one that this run started"),
    }
}

/// One deployment for one run, into a service that nobody else is deploying to.
fn may_start(state: &RunState, seen: &Seen, now: Timestamp) -> Result<(), Veto> {
    forward(state)?;
    if !state.green_at_start || state.task_definition.is_none() {
        return never("a phase before the start was left out");
    }
    let known = state.managed.deployment.is_some();
    // The newest may be the intent of this very start.
    let before = state.managed.starts.iter().filter(|write| write.intent + 1 != state.next_seq);
    if known || before.clone().any(|write| write.certainty == Certainty::Applied) {
        return never("this run has started its deployment already");
    }
    not_told_to_stop(state, seen)?;
    gate_open(state, seen, now)?;
    let found = fresh(state, seen, now)?;
    let settle = state.plan.timing.settle;
    let read_at = seen.deployments.as_ref().map_or(now, |reading| reading.seen_at);
    if before.clone().any(|write| read_at < later(write.at, settle)) || found.ours.is_some() {
        return not_now("a start that is in doubt may still show up");
    }
    if let Some(other) = found.others.iter().find(|other| !other.status.has_ended()) {
        return not_now(format!("deployment {} by someone else is under way", other.id.short()));
    }
    let baseline = &state.plan.stable_baseline().task_definition;
    match seen.services.ok().map(|services| services.get(state.plan.stable())) {
        Some(service) if service.task_definition == *baseline => Ok(()),
        Some(service) => not_now(format!("the service runs {} by now", service.task_definition.short())),
        None => not_now("the service cannot be read"),
    }
}

/// What is told to go on is what waits, as seen just now, and nothing that is on its way back.
fn waits_there(state: &RunState, seen: &Seen, now: Timestamp, wait: &DeploymentWait) -> Result<(), Veto> {
    let found = fresh(state, seen, now)?;
    let ours = found.ours.as_ref().filter(|ours| Some(&ours.id) == state.managed.deployment.as_ref());
    match ours {
        Some(ours) if matches!(ours.status, DeploymentStatus::Stopping | DeploymentStatus::RollingBack) => {
            not_now("the deployment is on its way back")
        }
        Some(ours) if ours.waits_for.as_ref() == Some(wait) => Ok(()),
        Some(_) => not_now("the deployment does not wait there any more"),
        None => not_now("the deployment was not seen"),
    }
}

/// S2, S3, S6, S10, S13: the gates of a forward write, by the newest reading.
fn may_shift(state: &RunState, seen: &Seen, now: Timestamp, wait: &DeploymentWait) -> Result<(), Veto> {
    forward(state)?;
    if !matches!(state.plan.steps.get(state.step), Some(Step::SetWeight(_))) {
        return never("the step under way moves no traffic");
    }
    let earlier = state.managed.continues.iter().filter(|write| write.intent + 1 != state.next_seq);
    if earlier.clone().any(|write| write.value.step == state.step && write.value.wait != *wait) {
        return never("this step's wait was ended before: the next one belongs to the next step");
    }
    if earlier.clone().any(|write| write.value.step != state.step && write.value.wait == *wait) {
        return never("this wait belonged to another step");
    }
    if !state.green_at_start || state.hooks_passed < state.plan.pre_traffic.len() {
        return never("a phase before the first step was left out");
    }
    not_told_to_stop(state, seen)?;
    gate_open(state, seen, now)?;
    runs_the_revision(state, seen)?;
    canary_can_serve(state, seen, now)?;
    match seen.health.get(state.plan.stable()).ok() {
        Some(counts) if counts.healthy > 0 => Ok(()),
        Some(_) => not_now("the old version, which a rollback would need, has no healthy target"),
        None => not_now("the old version's health cannot be read"),
    }
}

/// S5: the old version goes after the commit and not before, and only while the new one can serve.
fn may_end_the_old(state: &RunState, seen: &Seen, now: Timestamp) -> Result<(), Veto> {
    match state.committed_at {
        None => never("the old version is not ended before the commit"),
        Some(_) if seen.interrupted => not_now("the run was told to stop"),
        Some(_) => runs_the_revision(state, seen).and_then(|()| canary_can_serve(state, seen, now)),
    }
}

/// S10: what gets traffic is what this run releases.
fn runs_the_revision(state: &RunState, seen: &Seen) -> Result<(), Veto> {
    let canary = seen.services.ok().map(|services| services.get(state.plan.canary()));
    match canary.map(|service| &service.task_definition) == state.task_definition.as_ref() {
        true => Ok(()),
        false => not_now("the service was not seen on the revision that is released"),
    }
}

fn may_stop(state: &RunState, deployment: &DeploymentId) -> Result<(), Veto> {
    is_ours(state, deployment)?;
    if state.managed.ended.contains_key(deployment) {
        return never("the deployment has ended");
    }
    match state.goal {
        Goal::Restore { .. } => Ok(()),
        Goal::Promote => never("the deployment is stopped only after the goal was flipped"),
    }
}
