//! The way back: the deployment is stopped and taken back by AWS; what counts is the baseline, read back.

use jiff::Timestamp;

use crate::decide::{Context, Decision, finish, later};
use crate::journal::{Cause, DeploymentEnd, Fact, Mutation, Purpose, Terminal};
use crate::model::DeploymentId;
use crate::observe::{DeploymentStatus, RouteSnapshot};
use crate::plan::Managed;

use super::follow::follow;
use super::settings::restore_settings;
use super::{any_certain, in_words, send_once};

/// The next thing to do on the way back.
pub(in crate::decide) fn next(context: &Context<'_>, cause: &Cause, since: Timestamp) -> Decision {
    if let Some(decision) = follow(context) {
        return decision;
    }
    let Some(decision) = left_to_do(context, cause) else { return over(cause) };
    let waits = match &decision {
        Decision::Finish(_) | Decision::Note(_) => return decision,
        Decision::Wait { why, .. } => Some(format!("still waiting for {why}")),
        Decision::Act { .. } | Decision::Leave { .. } => None,
    };
    if context.now < deadline(context, since) {
        return decision;
    }
    let failure = context.state.failure.as_ref().map(|failure| failure.error.to_string());
    let why = failure.or(waits).unwrap_or_else(|| "AWS gave no answer in time".to_owned());
    let what = match context.state.traffic_restored_at {
        None => "the baseline could not be restored and verified",
        Some(_) => "all traffic is back, but the declared deployment settings are not",
    };
    finish(Terminal::RollbackFailed, format!("{what}: {why}"))
}

fn over(cause: &Cause) -> Decision {
    match cause {
        Cause::Abort(by) => {
            finish(Terminal::Aborted, format!("the baseline was restored and read back; aborted by {by}"))
        }
        _ => finish(Terminal::RolledBack, format!("the baseline was restored and read back; {cause}")),
    }
}

/// Counted from the newest of: the turn, a new operator, and the last thing that AWS did.
fn deadline(context: &Context<'_>, since: Timestamp) -> Timestamp {
    let from = since.max(context.state.operator_since).max(context.state.progress_at);
    later(from, context.plan().rollback.deadline)
}

fn left_to_do(context: &Context<'_>, cause: &Cause) -> Option<Decision> {
    let managed = &context.state.managed;
    if !managed.may_have_started() {
        return untouched(context);
    }
    let Some(id) = &managed.deployment else { return Some(find_out(context)) };
    let Some(end) = managed.end() else { return Some(stop(context, id)) };
    if end.status == DeploymentStatus::Succeeded {
        return Some(restore_settings(context).unwrap_or_else(|| too_late(id, cause)));
    }
    if let Some(wait) = taken_back(context, id, end) {
        return Some(wait);
    }
    if let Some(other) = context.foreign_deployment().filter(|_| context.state.traffic_restored_at.is_none()) {
        let what = format!("deployment {} has ended, and {} is under way by someone else", id.short(), in_words(other));
        return Some(finish(Terminal::Held, what));
    }
    verify_traffic(context, end.at).or_else(|| restore_settings(context))
}

/// Nothing was started, for sure: the routes have to be as they were, and there is nobody but others to change them.
fn untouched(context: &Context<'_>) -> Option<Decision> {
    match context.off_baseline() {
        Err(why) => Some(context.wait(format!("the routes to be readable: {why}"))),
        Ok(Some(route)) => {
            let what = format!("nothing was started, but {} was changed by someone else", route.id);
            Some(finish(Terminal::Held, what))
        }
        Ok(None) if context.state.traffic_restored_at.is_none() => Some(Decision::Note(Fact::TrafficRestored)),
        Ok(None) => None,
    }
}

/// A start in doubt has to be found out first: a deployment that nobody knows of would go on without us.
fn find_out(context: &Context<'_>) -> Decision {
    let starts = &context.state.managed.starts;
    if any_certain(starts) {
        return context.wait("the deployment that was started to be listed");
    }
    let Some(doubt) = starts.last() else { return context.wait("whether the deployment was started") };
    match context.deployments() {
        Some(seen) if !context.too_young(seen, doubt.at) => Decision::Note(Fact::DeploymentNeverStarted),
        Some(_) => {
            let until = later(doubt.at, context.plan().timing.settle);
            context.wait_until(until, "whether the deployment was started")
        }
        None => context.wait("whether the deployment was started: the deployments cannot be read"),
    }
}

/// Sent even when nothing can be read: what a stop does is known.
fn stop(context: &Context<'_>, id: &DeploymentId) -> Decision {
    let managed = &context.state.managed;
    let back = || format!("AWS to take deployment {} back", id.short());
    if managed.turned_back.contains_key(id) {
        return context.wait(back());
    }
    let act = Decision::Act {
        mutation: Mutation::StopDeployment { deployment: id.clone() },
        because: "the baseline comes back".to_owned(),
    };
    send_once(context, managed.stops.last(), act, &back())
}

/// Nothing that this run could stop is left; the old version is a new release.
fn too_late(id: &DeploymentId, cause: &Cause) -> Decision {
    let what = format!(
        "deployment {} was promoted before it could be stopped: `undo` releases the old version again ({cause})",
        id.short()
    );
    finish(Terminal::Held, what)
}

/// CodeDeploy takes a deployment back by another one, which it names a little later.
fn taken_back(context: &Context<'_>, id: &DeploymentId, end: &DeploymentEnd) -> Option<Decision> {
    let managed = &context.state.managed;
    if end.status == DeploymentStatus::RolledBack {
        return None;
    }
    if let Some(rollback) = &managed.rollback {
        let running = !managed.ended.contains_key(rollback);
        return running.then(|| context.wait(format!("rollback deployment {} to end", rollback.short())));
    }
    let seen = context.seen.deployments.as_ref()?;
    if let Some(named) = context.ours().and_then(|ours| ours.rolled_back_by.as_ref()) {
        return Some(context.wait(format!("rollback deployment {} to be readable", named.short())));
    }
    let until = later(end.at, context.plan().timing.settle);
    (seen.value.is_err() || seen.seen_at < until)
        .then(|| context.wait(format!("what takes deployment {} back to show", id.short())))
}

/// A deployment that nothing takes back leaves its weights where they were. Where CodeDeploy is done with them they are
/// ours to put back; rules that belong to ECS are not.
fn left_behind(context: &Context<'_>, found: &RouteSnapshot) -> Decision {
    let managed = &context.state.managed;
    let wait = context.wait(format!("{} to be back at its baseline", found.id));
    let codedeploy = matches!(context.plan().managed(), Some(Managed::CodeDeploy(_)));
    let failed = |id| managed.ended.get(id).is_some_and(|end| end.status != DeploymentStatus::Succeeded);
    let taken_back = managed.rollback.as_ref().is_some_and(|rollback| !failed(rollback));
    let baseline = context.plan().baseline.routes.iter().find(|route| route.id == found.id);
    let Some(baseline) = baseline.filter(|_| codedeploy && !taken_back) else { return wait };
    let stable = context.seen.health.get(context.plan().stable()).ok();
    if stable.is_none_or(|health| health.healthy == 0) {
        return context.wait(format!("{} to have a healthy target to go back to", context.plan().stable()));
    }
    let act = Decision::Act {
        mutation: Mutation::SetActions {
            route: found.id.clone(),
            actions: baseline.actions.clone(),
            purpose: Purpose::Restore,
        },
        because: "CodeDeploy has left the weights where they were".to_owned(),
    };
    send_once(context, context.state.route_writes(&found.id).last(), act, "the baseline to show")
}

/// The baseline's split on every production route, and an old version that can carry it.
fn verify_traffic(context: &Context<'_>, ended_at: Timestamp) -> Option<Decision> {
    let plan = context.plan();
    let managed = &context.state.managed;
    let rollback = managed.rollback.as_ref().and_then(|id| managed.ended.get(id));
    let moved_at = rollback.map_or(ended_at, |end| end.at.max(ended_at));
    let moved_at = context.state.last_own_write_at().map_or(moved_at, |at| at.max(moved_at));
    match context.off_baseline() {
        Err(why) => return Some(context.wait(format!("the routes to be readable: {why}"))),
        Ok(Some(route)) => return Some(left_behind(context, route)),
        Ok(None) => {}
    }
    // A read may be older than AWS's last write and show the baseline of before the run: wait that out.
    if context.too_young(&context.seen.routes, moved_at) {
        let until = later(moved_at, plan.timing.settle);
        return Some(context.wait_until(until, "reads that are newer than AWS's last write"));
    }
    if context.state.traffic_restored_at.is_some() {
        return None;
    }
    let asked = context.seen.services.ok().map(|services| services.get(plan.stable()).desired);
    let needed = asked.unwrap_or(u32::MAX).min(plan.stable_baseline().desired).max(1);
    match context.seen.health.get(plan.stable()).ok() {
        Some(health) if health.healthy >= needed => Some(Decision::Note(Fact::TrafficRestored)),
        Some(health) => {
            Some(context.wait(format!("{needed} healthy targets of {}: it has {}", plan.stable(), health.healthy)))
        }
        None => Some(context.wait(format!("the health of {} to be readable", plan.stable()))),
    }
}
