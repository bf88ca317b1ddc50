//! The control fleet: stable's revision at the canary's count, ready before it gets traffic, back at its baseline once
//! nothing can reach it. Nothing of the release rests on it, so all that it can do is to keep a weight from going up.

use jiff::Timestamp;

use crate::journal::{Cause, Fact, Mutation, Write};
use crate::model::{Percent, TaskDefinitionArn};
use crate::observe::ServiceSnapshot;
use crate::plan::ControlFleet;
use crate::ports::ServiceChange;

use super::canary::{ServiceView, deployment_failed, fleet_health, recreated};
use super::prepare::wanted_count;
use super::{Context, Decision, later};

/// Which fleet a change is for, in front of people.
pub(super) const NAME: &str = "control";

impl<'a> Context<'a> {
    fn control(&self) -> Option<&'a ControlFleet> {
        self.state.plan.control.as_ref()
    }

    /// The control fleet's service as seen, with the time of the question.
    pub(super) fn control_service(&self) -> Option<(&'a ServiceSnapshot, Timestamp)> {
        let reading = &self.seen.control.as_ref()?.service;
        Some((reading.ok()?, reading.seen_at))
    }

    pub(super) fn control_writes(&self) -> &'a [Write<ServiceChange>] {
        &self.state.control.writes
    }

    /// What the control fleet is to run: what stable runs.
    fn old_revision(&self) -> &'a TaskDefinitionArn {
        &self.state.plan.stable_baseline().task_definition
    }

    fn control_health(&self, step: usize) -> Result<u32, String> {
        let service = self.control_service().map(|(service, _)| service);
        let health = self.seen.control.as_ref().and_then(|control| control.health.ok());
        fleet_health(service, health, self.old_revision(), wanted_count(self, step).unwrap_or(1))
    }

    /// What of the control fleet is missing for the step with this index, if something is.
    pub(super) fn control_trouble(&self, step: usize) -> Option<String> {
        let needed = self.plan().needs_control(step);
        let trouble = self.control_health(step).err().filter(|_| needed)?;
        Some(format!("{NAME}: {trouble}"))
    }
}

/// Revision and count, unless it asks for them already. Like the canary it is never scaled in on the way forward.
pub(super) fn scale(context: &Context<'_>, step: usize) -> Option<Decision> {
    context.control().filter(|_| context.plan().needs_control(step))?;
    let Some((found, _)) = context.control_service() else {
        return Some(context.wait("the control fleet's service to be readable"));
    };
    let revision = context.old_revision();
    let count = wanted_count(context, step)?;
    let desired = count.max(if found.task_definition == *revision { found.desired } else { 0 });
    let wanted = change(context, Some(revision), desired);
    match context.view_written(found, context.control_writes(), &wanted) {
        ServiceView::AsWanted => None,
        ServiceView::Settling => {
            Some(context.wait(format!("{NAME} to show {} with {desired} tasks", revision.short())))
        }
        ServiceView::Differs => Some(Decision::Act {
            mutation: Mutation::UpdateControl(wanted),
            because: format!("{NAME} needs {desired} tasks of {}, as many as the canary has", revision.short()),
        }),
    }
}

fn change(context: &Context<'_>, revision: Option<&TaskDefinitionArn>, desired: u32) -> ServiceChange {
    ServiceChange { color: context.plan().stable(), task_definition: revision.cloned(), desired: Some(desired) }
}

/// The first health of the control fleet, where the step with this index needs it.
pub(super) fn become_healthy(context: &Context<'_>, step: usize) -> Option<Decision> {
    let needed = context.plan().needs_control(step) && context.state.control.healthy_since.is_none();
    context.control().filter(|_| needed)?;
    Some(match context.control_health(step) {
        Ok(healthy) => Decision::Note(Fact::ControlHealthy { healthy }),
        Err(trouble) => context.wait(format!("{NAME} to become healthy: {trouble}")),
    })
}

/// Before a weight gives the control fleet a share: it is healthy, and has been for long enough to be believed.
pub(super) fn gate(context: &Context<'_>, step: usize, share: Percent) -> Option<Decision> {
    if context.plan().control_share(share) == Percent::ZERO {
        return None;
    }
    if let Some(decision) = become_healthy(context, step) {
        return Some(decision);
    }
    if let Err(seen) = context.control_health(step) {
        return Some(Decision::Note(Fact::ControlUnhealthy { seen }));
    }
    let until = later(context.state.control.healthy_since?, context.plan().timing.stable_for);
    (context.now < until).then(|| context.wait_until(until, format!("{NAME} to stay healthy")))
}

/// A control fleet that will not stand, or that has traffic and nobody to serve it: going back moves that traffic too.
pub(super) fn unfit(context: &Context<'_>) -> Option<Decision> {
    let control = context.control()?;
    let go_back = |what: String| Some(Decision::Note(Fact::Restoring(Cause::Control(what))));
    let ours = context.control_service().filter(|_| !context.control_writes().is_empty());
    if let Some(why) = ours.and_then(|(service, _)| deployment_failed(service, context.old_revision())) {
        return go_back(why);
    }
    let health = context.seen.control.as_ref()?.health.ok()?;
    if health.healthy > 0 || !context.has_weight(&control.group) {
        return None;
    }
    let what = "it has traffic and not one healthy target".to_owned();
    let Some(since) = context.state.control.unhealthy_since else {
        return Some(Decision::Note(Fact::ControlUnhealthy { seen: what }));
    };
    // As for the canary: an answer from before its first health is not taken for its death.
    if context.now < later(since, context.plan().timing.settle) {
        return None;
    }
    go_back(what)
}

/// Whether someone else changed its service, in words.
pub(super) fn drift(context: &Context<'_>) -> Option<String> {
    let baseline = &context.control()?.service;
    let (found, seen_at) = context.control_service()?;
    recreated(baseline, found).or_else(|| context.other_revision(baseline, context.control_writes(), found, seen_at))
}

/// Whether nothing is left to do for the control fleet after the commit.
pub(super) fn is_settled(context: &Context<'_>) -> bool {
    context.control().is_none() || context.state.control.settled
}

/// After the commit: back to the count of before, once nothing can reach it. Its revision is no longer anybody's concern.
pub(super) fn settle(context: &Context<'_>, drained_at: Timestamp) -> Option<Decision> {
    let control = context.control().filter(|_| !context.state.control.settled)?;
    if context.now < drained_at {
        return Some(context.wait_until(drained_at, "connections to the control fleet to drain"));
    }
    let found = context.control_service().filter(|_| context.all_as_written());
    let Some((found, _)) = found else {
        return Some(context.wait("routes and the control fleet's service to be readable"));
    };
    let count = control.service.desired;
    let wanted = change(context, None, count);
    Some(match context.view_written(found, context.control_writes(), &wanted) {
        ServiceView::AsWanted => Decision::Note(Fact::ControlSettled),
        ServiceView::Differs if found.desired < count => Decision::Note(Fact::ControlSettled),
        ServiceView::Settling => context.wait(format!("{NAME} to show {count} tasks")),
        ServiceView::Differs => Decision::Act {
            mutation: Mutation::UpdateControl(wanted),
            because: "there is nothing left to compare".to_owned(),
        },
    })
}

/// Its service as it was, for the way back; `None` where it was never written.
pub(super) fn baseline(context: &Context<'_>) -> Option<ServiceChange> {
    let control = context.control().filter(|_| !context.control_writes().is_empty())?;
    Some(change(context, Some(&control.service.task_definition), control.service.desired))
}
