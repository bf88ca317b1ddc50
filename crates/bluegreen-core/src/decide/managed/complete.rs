//! Success, read back; then the deployment is let go to its end, and the service's settings are put back.

use jiff::Timestamp;

use crate::decide::{Context, Decision, commit, finish, later};
use crate::journal::{Fact, Mutation, Terminal};
use crate::observe::DeploymentStatus;
use crate::ports::ErrorClass;

use super::follow::follow;
use super::promote::going_back_words;
use super::routes::ALL;
use super::settings::restore_settings;
use super::{WaitKind, in_words, kind_of, send_once};

/// Success is what was read back: all traffic on the asked revision, healthy, and AWS with nothing left to do but clean
/// up.
pub(super) fn commit(context: &Context<'_>) -> Decision {
    let succeeded = has_succeeded(context);
    if !succeeded && !waits_at_the_end(context) {
        return context.wait("AWS to be done with moving traffic");
    }
    if !succeeded {
        let last = context.plan().steps.len().saturating_sub(1);
        if let Some(decision) = context.forward_gate(last) {
            return decision;
        }
    }
    match all_moved(context).and_then(|()| enough_healthy(context)) {
        Ok(()) => Decision::Note(Fact::Committed),
        Err(why) => context.wait(why),
    }
}

/// The release has succeeded; what is left is the deployment's own end, and one more look at everything.
pub(super) fn after(context: &Context<'_>) -> Decision {
    if let Some(decision) = follow(context).or_else(|| changed_after_commit(context)) {
        return decision;
    }
    if has_succeeded(context) && context.now < deadline(context) {
        if let Some(decision) = restore_settings(context).or_else(|| context.backing_off_of_settings()) {
            return interrupted(context).unwrap_or(decision);
        }
        if all_moved(context).and_then(|()| enough_healthy(context)).is_ok() {
            return commit::promoted(context);
        }
    }
    if let Some(leave) = interrupted(context) {
        return leave;
    }
    let failure = context.state.failure.as_ref();
    let hopeless = failure.filter(|failure| {
        !failure.error.class.is_transient() && failure.error.class != ErrorClass::Invalid && !failure.doubtful
    });
    if context.now >= deadline(context) || hopeless.is_some() {
        let why = failure.map(|failure| failure.error.to_string()).or_else(|| {
            let ended = has_succeeded(context);
            let looked = all_moved(context).and_then(|()| enough_healthy(context)).err();
            looked.filter(|_| ended).map(|why| format!("still waiting for {why}"))
        });
        let why = why.unwrap_or_else(|| "it did not end in time".to_owned());
        return finish(Terminal::Held, format!("promoted, but the deployment was not brought to its end: {why}"));
    }
    match has_succeeded(context) {
        true => context.wait("routes and services to be readable"),
        false => go_on_to_the_end(context),
    }
}

impl Context<'_> {
    /// A write of the settings that failed is tried again after a while.
    fn backing_off_of_settings(&self) -> Option<Decision> {
        let failure = self.state.failure.as_ref()?;
        (failure.mutation == Mutation::RestoreSettings).then(|| self.backing_off())?
    }
}

fn interrupted(context: &Context<'_>) -> Option<Decision> {
    let leave = || Decision::Leave { why: "interrupted; the release itself is committed".to_owned() };
    context.seen.interrupted.then(leave)
}

/// Counted from the last thing that AWS did.
fn deadline(context: &Context<'_>) -> Timestamp {
    let state = context.state;
    let begun = state.progress_at.max(state.operator_since).max(state.committed_at.unwrap_or(state.started_at));
    later(begun, context.plan().timing.phase_deadline)
}

fn go_on_to_the_end(context: &Context<'_>) -> Decision {
    if let Some(wait) = context.backing_off() {
        return wait;
    }
    let Some(ours) = context.ours() else { return context.wait("the deployment to be readable") };
    let Some(wait) = ours.waits_for.as_ref().filter(|wait| kind_of(wait) == WaitKind::Final) else {
        return context.wait("AWS to end the old version's tasks");
    };
    if let Err(why) = all_moved(context).and_then(|()| enough_healthy(context)) {
        return context.wait(why);
    }
    let sent = context.state.managed.continues.iter().rfind(|write| write.value.wait == *wait);
    let act = Decision::Act {
        mutation: Mutation::Continue { deployment: ours.id.clone(), wait: wait.clone() },
        because: "the release is committed: the old tasks may go".to_owned(),
    };
    send_once(context, sent, act, "AWS to end the old version's tasks")
}

/// Someone else's doings after the commit: the release stands, and a person should know.
fn changed_after_commit(context: &Context<'_>) -> Option<Decision> {
    let held = |what: String| Some(finish(Terminal::Held, format!("promoted, but {what}")));
    if let Some(what) = going_back_words(context) {
        return held(format!("{what}, afterwards"));
    }
    if let Some(other) = context.foreign_deployment() {
        return held(format!("{} was started by someone else", in_words(other)));
    }
    commit::changed(context)
}

fn has_succeeded(context: &Context<'_>) -> bool {
    context.state.managed.end().is_some_and(|end| end.status == DeploymentStatus::Succeeded)
}

fn waits_at_the_end(context: &Context<'_>) -> bool {
    let wait = context.ours().and_then(|ours| ours.waits_for.as_ref());
    wait.is_some_and(|wait| kind_of(wait) == WaitKind::Final)
}

fn all_moved(context: &Context<'_>) -> Result<(), String> {
    match context.least_share() == Some(ALL) && context.all_as_written() {
        true => Ok(()),
        false => Err("every route to be read back at 100 %".to_owned()),
    }
}

/// The released revision, with as many healthy targets as the old version had when the plan was made.
fn enough_healthy(context: &Context<'_>) -> Result<(), String> {
    let plan = context.plan();
    let serves = context.seen.services.ok().map(|services| &services.get(plan.canary()).task_definition);
    if serves.is_none() || serves != context.state.task_definition.as_ref() {
        return Err("the service to show the released revision".to_owned());
    }
    let needed = plan.stable_baseline().desired.max(1);
    match context.seen.health.get(plan.canary()).ok() {
        Some(health) if health.healthy >= needed => Ok(()),
        Some(health) => Err(format!("{} of {needed} targets of {} to be healthy", health.healthy, plan.canary())),
        None => Err(format!("the health of {} to be readable", plan.canary())),
    }
}
